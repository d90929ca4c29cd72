"""Games written as SGF (FF[4], UTF-8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from goengine._version import __version__
from goengine.coords import format_sgf

_MOVES_A_LINE = 10


def write_game(
    size: int,
    moves: Iterable[tuple[str, int | None]],
    *,
    komi: float | None = None,
    handicap: int = 0,
    setup_black: Iterable[int] = (),
    setup_white: Iterable[int] = (),
    to_play: str = "",
    rules: str = "",
    result: str = "",
    date: str = "",
    black: str = "",
    white: str = "",
    black_rank: str = "",
    white_rank: str = "",
    comment: str = "",
    last: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """A game as SGF text, ready for a file in UTF-8; `goengine.sgf.read_games` reads it back as it was.

    Args:
        size: the board size.
        moves: (``black`` or ``white``, point or None for a pass), in order.
        komi: points for White; None leaves it out, as an empty text leaves out each of the others.
        handicap: handicap stones; 0 leaves it out.
        setup_black: points of black stones before the first move, handicap stones among them.
        setup_white: points of white stones before the first move.
        to_play: ``black`` or ``white`` where the record has to say whose turn it is at the start.
        rules: RU.
        result: RE, as ``B+3.5``.
        date: DT, as ``2026-11-20``.
        black: PB, the player's name.
        white: PW.
        black_rank: BR.
        white_rank: WR.
        comment: C of the root.
        last: properties that the last node is to have as well, as ``{"TR": ["dd"], "LB": ["pd:A"], "C": ["text"]}``.

    Raises:
        CoordinateError: a point is off the board.
    """
    root = f"(;GM[1]FF[4]CA[UTF-8]AP[goengine:{__version__}]SZ[{size}]"
    if komi is not None:
        root += f"KM[{_decimal(komi)}]"
    if handicap:
        root += f"HA[{handicap}]"
    texts = {"RU": rules, "RE": result, "DT": date, "PB": black, "BR": black_rank, "PW": white, "WR": white_rank}
    root += "".join(f"{name}[{_escaped(value)}]" for name, value in texts.items() if value)
    if to_play:
        root += f"PL[{_letter(to_play)}]"
    if comment:
        root += f"C[{_escaped(comment)}]"
    for name, points in (("AB", setup_black), ("AW", setup_white)):
        values = "".join(f"[{format_sgf(point, size)}]" for point in points)
        root += name + values if values else ""
    nodes = [f";{_letter(color)}[{format_sgf(point, size)}]" for color, point in moves]
    final = "".join(name + "".join(f"[{_escaped(value)}]" for value in given) for name, given in (last or {}).items())
    if nodes:
        nodes[-1] += final
    else:
        root += final
    rows = ["".join(nodes[first : first + _MOVES_A_LINE]) for first in range(0, len(nodes), _MOVES_A_LINE)]
    return "\n".join([root, *rows]) + ")\n"


def _decimal(komi: float) -> str:
    """A number that is read back as it was; a whole one of 100 and more shows its point, for some write hundredths."""
    text = f"{komi:.12f}".rstrip("0").rstrip(".")
    return f"{text}.0" if abs(komi) >= 100 and "." not in text else text


def _letter(color: str) -> str:
    return {"black": "B", "white": "W"}[color]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("]", "\\]")
