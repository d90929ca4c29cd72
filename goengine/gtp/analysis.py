"""Analysis as Leela Zero and KataGo write it, for the GUIs that show it: arguments in, ``info`` lines out.

What stands in each field, for an engine that has no search, is told in gtp/README.md.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias

from goengine.coords import format_vertex, parse_vertex
from goengine.errors import CoordinateError
from goengine.gtp.protocol import GtpFailure, Handler
from goengine.gtp.session import Session
from goengine.gtp.words import COLORS, color_of, format_move, integers, number_in, syntax_error

if TYPE_CHECKING:
    from collections.abc import Iterable

    from goengine.gtp.thinking import Restriction, Thinking
    from goengine.rules import Color

__all__ = ["analysis_handlers"]

Style: TypeAlias = Literal["lz", "kata"]
Wait: TypeAlias = Callable[[float | None], bool]

_SWITCHES = {  # all that KataGo documents; those of the second line say something of a search, and change nothing here
    *("ownership", "ownershipstdev", "rootinfo", "noresultvalue"),
    *("movesownership", "movesownershipstdev", "pvvisits", "pvedgevisits"),
}
_ON = ("true", "1", "yes")
_LONGEST = 10**10  # centiseconds between reports
_GENMOVE_LINES, _GENMOVE_PLIES = 5, 4  # of the analysis that goes with a move, which should not wait for it
_WHOLE = 10_000  # lz-analyze counts rates in whole ten-thousandths
_SYMMETRIES = 8
_REST = 0.001  # seconds between two reports at least, however late they are


def analysis_handlers(session: Session, wait: Wait) -> dict[str, Handler]:
    """The commands that show what the engine thinks.

    ``wait`` waits so many seconds for a line of input (None: as long as it takes), and says whether there is one.
    """
    commands = _Analysis(session, wait)
    table: dict[str, Handler] = {"kata-raw-nn": commands.raw_network, "heatmap": commands.heat_map}
    styles: tuple[tuple[str, Style], ...] = (("lz-", "lz"), ("kata-", "kata"), ("", "kata"))
    for prefix, style in styles:
        table[f"{prefix}analyze"] = partial(commands.analyze, f"{prefix}analyze", style)
        table[f"{prefix}genmove_analyze"] = partial(commands.genmove, f"{prefix}genmove_analyze", style)
    return table


@dataclass
class _Options:
    """The arguments of an analysis."""

    color: "Color | None" = None
    interval: float | None = None
    """Seconds between reports; None reports only what is new."""
    least: int = 1
    most: int | None = None
    wanted: set[str] = field(default_factory=set)
    """The switches that are on."""
    restrictions: "list[Restriction]" = field(default_factory=list)


class _Analysis:
    """One method a command; the arguments come as words."""

    def __init__(self, session: Session, wait: Wait) -> None:
        self._session = session
        self._wait = wait

    def analyze(self, name: str, style: Style, words: list[str]) -> Iterator[str]:
        options = _parse(words, name, self._session.size)
        thinking = self._session.think(options.color, options.restrictions, options.least, options.most)
        return self._reports(thinking, options, style)

    def genmove(self, name: str, style: Style, words: list[str]) -> Iterator[str]:
        options = _parse(words, name, self._session.size)
        color = options.color or self._session.position.to_play
        most = max(_GENMOVE_LINES, options.least) if options.most is None else options.most
        thinking = self._session.think(color, options.restrictions, options.least, most)
        for _ in range(_GENMOVE_PLIES):
            thinking.deepen()
        move = self._session.generate(color, thinking)
        return iter([_report(thinking, options, style), f"play {format_move(move, self._session.size)}"])

    def raw_network(self, words: list[str]) -> str:
        usage = "kata-raw-nn and a symmetry, 0 to 7 or all, as kata-raw-nn 0"
        thinking = self._session.think(most=1)
        won, lead = thinking.win_rate, thinking.lead
        if thinking.color == "black":
            won, lead = 1 - won, -lead
        legal = thinking.position.legal_mask()
        owned = -thinking.seen.ownership  # White's viewpoint, as all of this
        parts = []
        for symmetry in _symmetries(words, usage):
            policy = self._session.policy(symmetry)
            shares = [f"{share:.6f}" if may else "NAN" for share, may in zip(policy.tolist(), legal, strict=True)]
            parts += [
                f"symmetry {symmetry}",
                f"whiteWin {won:.6f}",
                f"whiteLoss {1 - won:.6f}",
                "noResult 0.000000",
                f"whiteLead {lead:.3f}",
                f"whiteScoreSelfplay {lead:.3f}",
                f"whiteScoreSelfplaySq {thinking.mean_square:.3f}",
                "policy",
                *_rows(shares, self._session.size),
                "policyPass NAN",
                "whiteOwnership",
                *_rows([f"{value:.6f}" for value in owned.reshape(-1).tolist()], self._session.size),
            ]
        return "\n".join(parts)

    def heat_map(self, words: list[str]) -> str:
        import numpy as np

        usage = "heatmap alone, or with a symmetry: 0 to 7, all or average"
        average = [word.lower() for word in words] == ["average"]
        symmetries = range(_SYMMETRIES) if average else _symmetries(words, usage) if words else [None]
        maps = [self._session.policy(symmetry) for symmetry in symmetries]
        if average:
            maps = [np.mean(maps, axis=0, dtype=np.float32)]
        won = self._session.think(most=1).win_rate
        parts = [""]
        for policy in maps:
            thousandths = [f"{round(1000 * share):3d}" for share in policy.tolist()]
            parts += [*_rows(thousandths, self._session.size), f"pass: {0:3d}", f"winrate: {won:.6f}"]
        return "\n".join(parts)

    def _reports(self, thinking: "Thinking", options: _Options, style: Style) -> Iterator[str]:
        """A first report at once; the lines played on; then a report each interval, until there is input."""
        yield _report(thinking, options, style)
        due = time.monotonic() + (options.interval or 0)
        while not self._wait(0) and thinking.deepen():
            pass
        report = _report(thinking, options, style)
        if options.interval is None:
            if not self._wait(0):
                yield report
                self._wait(None)
            return
        while not self._wait(max(_REST, due - time.monotonic())):
            yield report
            due = time.monotonic() + options.interval


def _report(thinking: "Thinking", options: _Options, style: Style) -> str:
    """All that is known now, as one line."""
    wanted = options.wanted if style == "kata" else ()
    no_result = " noResultValue 0.000000" if "noresultvalue" in wanted else ""  # no playout ends without a winner
    parts = [_info(thinking, line, style, no_result) for line in range(len(thinking.lines))]
    if "rootinfo" in wanted:
        visits = sum(thinking.visits(line) for line in range(len(thinking.lines)))
        parts.append(f"rootInfo visits {visits} {_kata_scores(thinking)}{no_result}")
    for key, name, values in (
        ("ownership", "ownership", thinking.ownership),
        ("ownershipstdev", "ownershipStdev", thinking.ownership_deviation),
    ):
        if key in wanted:
            parts += [name, *(f"{value:.4f}" for value in values.reshape(-1).tolist())]
    return " ".join(parts)


def _info(thinking: "Thinking", line: int, style: Style, no_result: str) -> str:
    """The segment of a move; its ``pv`` comes last, as Sabaki wants it."""
    moves = thinking.lines[line]
    vertices = [format_vertex(point, thinking.position.size) for point in moves]
    prior, rate = thinking.prior(line), thinking.win_rate
    head, tail = f"info move {vertices[0]} visits {thinking.visits(line)}", f"order {line} pv {' '.join(vertices)}"
    if style == "kata":
        scores, utility = _kata_scores(thinking), 2 * rate - 1
        return f"{head} {scores}{no_result} prior {prior:.6f} lcb {rate:.6f} utilityLcb {utility:.6f} {tail}"
    whole_rate, whole_prior = round(_WHOLE * rate), round(_WHOLE * prior)
    return f"{head} winrate {whole_rate} prior {whole_prior} lcb {whole_rate} {tail}"


def _kata_scores(thinking: "Thinking") -> str:
    rate, lead = thinking.win_rate, thinking.lead
    return (
        f"utility {2 * rate - 1:.6f} winrate {rate:.6f} scoreMean {lead:.3f} scoreStdev {thinking.deviation:.3f} "
        f"scoreLead {lead:.3f} scoreSelfplay {lead:.3f}"
    )


def _rows(values: list[str], size: int) -> list[str]:
    return [" ".join(values[first : first + size]) for first in range(0, size * size, size)]


def _symmetries(words: list[str], usage: str) -> "Iterable[int]":
    """The symmetries that a command asks for: 0 if it does not say."""
    if [word.lower() for word in words[:1]] == ["all"]:
        return range(_SYMMETRIES)
    (symmetry,) = integers(words[:1] or ["0"], usage)
    if not 0 <= symmetry < _SYMMETRIES:
        raise syntax_error(usage)
    return [symmetry]


def _parse(words: list[str], name: str, size: int) -> _Options:
    """The arguments in any order: a colour, a bare number for the interval, and pairs of a key and its value."""
    usage = f"{name}, perhaps a colour, an interval in centiseconds, and minmoves N, maxmoves N, avoid or allow"
    options = _Options()
    left = list(words)

    def value() -> str:
        if not left:
            raise syntax_error(usage)
        return left.pop(0)

    def number() -> int:
        (found,) = integers([value()], usage)
        if found < 0:
            raise syntax_error(usage)
        return found

    def interval() -> float | None:
        found = number_in(value())
        if found is None or not 0 <= found < _LONGEST:
            raise syntax_error(usage)
        return found / 100 or None

    while left:
        key = left[0].lower()
        if key in COLORS:
            options.color = COLORS[left.pop(0).lower()]
        elif number_in(key) is not None or (key := value().lower()) == "interval":
            options.interval = interval()
        elif key == "minmoves":
            options.least = max(1, number())
        elif key == "maxmoves":
            options.most = max(1, number())
        elif key in ("avoid", "allow"):
            options.restrictions.append(_restriction(value(), value(), number(), key == "allow", size, usage))
        elif key in _SWITCHES:
            (options.wanted.add if value().lower() in _ON else options.wanted.discard)(key)
        else:
            raise syntax_error(usage)
    return options


def _restriction(color: str, vertices: str, depth: int, only: bool, size: int, usage: str) -> "Restriction":
    from goengine.gtp.thinking import Restriction

    points = set()
    for vertex in vertices.split(","):
        if vertex.lower() == "resign":
            continue  # Leela Zero counts it among the moves
        try:
            points.add(parse_vertex(vertex, size))
        except CoordinateError as error:
            raise GtpFailure(f"syntax error: {error}") from None
    return Restriction(color_of(color, usage), frozenset(points), depth, only)
