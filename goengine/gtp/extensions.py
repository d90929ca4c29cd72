"""Commands beyond the standard that GoGui, gomill's ringmaster, gogui-twogtp, kgsGtp and LizzieYzy make use of."""

import time
from typing import TYPE_CHECKING

from goengine._version import __version__
from goengine.coords import format_vertex, parse_vertex
from goengine.errors import CoordinateError, IllegalMove
from goengine.gtp.protocol import GtpFailure, Handler
from goengine.gtp.session import Session
from goengine.gtp.words import color_of, fixed, format_move, integers, syntax_error, take

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["extension_handlers"]

_TINT = 0.01  # share of the likeliest move's probability from which the heat map shows a point
_LABEL = 0.01  # probability from which the heat map names it


def extension_handlers(session: Session) -> dict[str, Handler]:
    """The commands, for a session."""
    commands = _Extensions(session)
    shown: dict[str, tuple[str, Handler]] = {  # what GoGui offers in its menu: label and type of response
        "goengine-policy": ("gfx/Policy", commands.policy),
        "goengine-ownership": ("dboard/Ownership (Black 1, White -1)", commands.ownership),
        "goengine-ladders": ("gfx/Ladders", commands.ladders),
        "goengine-liberties": ("sboard/Liberties", commands.liberties),
        "goengine-true_eyes": ("gfx/True Eyes", commands.true_eyes),
    }
    return {
        "gg-undo": commands.undo,
        "gogui-play_sequence": commands.play_sequence,
        "gogui-analyze_commands": fixed("\n".join(f"{label}/{name}" for name, (label, _) in shown.items())),
        **{name: handler for name, (_, handler) in shown.items()},
        "cputime": _cpu_time,
        "gomill-cpu_time": _cpu_time,
        "gomill-describe_engine": fixed(
            f"goengine {__version__}\nplays the moves of a policy network, without a search"
        ),
        "gomill-explain_last_move": commands.explain_last_move,
        "kgs-game_over": fixed(""),
        "stop": fixed(""),  # LizzieYzy ends an analysis with it, and any line does
        "clear_cache": fixed(""),
        "kgs-genmove_cleanup": commands.genmove_cleanup,
    }


class _Extensions:
    """One method a command; the arguments come as words."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def undo(self, words: list[str]) -> str:
        usage = "gg-undo and perhaps a number of moves"
        (moves,) = integers(words[:1] or ["1"], usage)
        if moves < 0:
            raise syntax_error(usage)
        try:
            self._session.undo(moves)
        except IllegalMove:
            raise GtpFailure(f"cannot undo {moves} moves: {self._session.position.move_number} were played") from None
        return ""

    def play_sequence(self, words: list[str]) -> str:
        usage = "gogui-play_sequence and pairs of a colour and a vertex"
        if len(words) % 2:
            raise syntax_error(usage)
        try:
            moves = [
                (color_of(color, usage), parse_vertex(vertex, self._session.size))
                for color, vertex in zip(words[::2], words[1::2], strict=True)
            ]
            self._session.play_sequence(moves)
        except (CoordinateError, IllegalMove) as error:
            raise GtpFailure(f"illegal move: {error}") from None
        return ""

    def genmove_cleanup(self, words: list[str]) -> str:
        usage = "kgs-genmove_cleanup and a colour, as kgs-genmove_cleanup black"
        color = color_of(take(words, 1, usage)[0], usage)
        return format_move(self._session.generate(color, cleanup=True), self._session.size)

    def policy(self, words: list[str]) -> str:
        shares = self._session.policy().tolist()
        most = max(shares)
        if not most:
            return "TEXT no legal move"
        colors = [
            f"{self._vertex(point)} {share / most:.3f}" for point, share in enumerate(shares) if share > _TINT * most
        ]
        labels = [
            f"{self._vertex(point)} {round(100 * share)}" for point, share in enumerate(shares) if share >= _LABEL
        ]
        return _drawing(INFLUENCE=colors, LABEL=labels, TEXT=["percent; colours relative to the likeliest"])

    def ownership(self, words: list[str]) -> str:
        owned = self._session.estimate().ownership.tolist()
        return "\n" + "\n".join(" ".join(f"{value:.3f}" for value in row) for row in owned)

    def ladders(self, words: list[str]) -> str:
        from goengine.gtp.thinking import ladders

        captures, escapes = ladders(self._session.position)
        if not captures and not escapes:
            return f"TEXT no ladder for {self._session.position.to_play}"
        return _drawing(
            TRIANGLE=self._vertices(captures),
            CIRCLE=self._vertices(escapes),
            TEXT=["triangle captures, circle escapes"],
        )

    def liberties(self, words: list[str]) -> str:
        position = self._session.position
        counts = [['""'] * position.size for _ in range(position.size)]
        for row, stones in enumerate(position.board.tolist()):
            for col, stone in enumerate(stones):
                if stone:
                    counts[row][col] = str(len(position.chain(row * position.size + col)[1]))
        return "\n" + "\n".join(" ".join(row) for row in counts)

    def true_eyes(self, words: list[str]) -> str:
        from goengine.gtp.thinking import true_eyes

        eyes = true_eyes(self._session.position)
        return _drawing(BLACK=self._vertices(eyes["black"]), WHITE=self._vertices(eyes["white"])) or "TEXT no true eyes"

    def explain_last_move(self, words: list[str]) -> str:
        last = self._session.last_generated()
        if last is None:
            return ""
        point, share, rank = last
        if point is None:
            return "pass: no move gains anything"
        return f"{self._vertex(point)}: {100 * share:.1f} %, number {rank} of the network"

    def _vertex(self, point: int) -> str:
        return format_vertex(point, self._session.size)

    def _vertices(self, points: "Iterable[int]") -> list[str]:
        return [self._vertex(point) for point in points]


def _cpu_time(words: list[str]) -> str:
    """Seconds of processor time that this process has used."""
    return f"{time.process_time():.3f}"


def _drawing(**parts: list[str]) -> str:
    """What GoGui's ``gfx`` takes: a line for each kind of mark, with its arguments."""
    return "\n".join(f"{kind} {' '.join(arguments)}" for kind, arguments in parts.items() if arguments)
