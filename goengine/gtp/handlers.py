"""The commands of GTP version 2: text in, what the session makes of it, text out.

A failure begins with the words that the specification prescribes (section 6), and then says more.
"""

import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from goengine._version import __version__
from goengine.coords import format_vertex, parse_vertex
from goengine.errors import CoordinateError, IllegalMove
from goengine.gtp.analysis import analysis_handlers
from goengine.gtp.extensions import extension_handlers
from goengine.gtp.gnugo import gnugo_handlers
from goengine.gtp.protocol import GtpFailure, Handler
from goengine.gtp.session import Session
from goengine.gtp.settings import setting_handlers
from goengine.gtp.setup import setup_handlers
from goengine.gtp.words import color_of, fixed, format_move, format_score, in_words, numbers, syntax_error, take

if TYPE_CHECKING:
    from goengine.estimate import Chain, Estimate

__all__ = ["NAME", "crash_report", "make_handlers"]

NAME = "goengine"
_TERRITORY = {"black_territory": 1, "white_territory": -1, "dame": 0}  # GNU Go's, of empty points
_STATUSES = ("alive", "seki", "dead", *_TERRITORY)


def make_handlers(
    session: Session, wait: Callable[[float | None], bool] | None = None, name: str = NAME
) -> dict[str, Handler]:
    """The table of commands for a session; the protocol adds those that need none.

    Args:
        session: the game and its player.
        wait: :meth:`goengine.gtp.protocol.Lines.wait`, by which an analysis learns that it is over; without it, an
            analysis ends after its first line.
        name: what ``name`` answers.
    """
    commands = _Commands(session)
    table: dict[str, Handler] = {
        "name": fixed(name),
        "version": fixed(__version__),
        "play": commands.play,
        "genmove": commands.genmove,
        "reg_genmove": commands.reg_genmove,
        "undo": commands.undo,
        "showboard": commands.showboard,
        "final_score": commands.final_score,
        "final_status_list": commands.final_status_list,
        "final_status": commands.final_status,
        "time_settings": commands.time_settings,
        "time_left": commands.time_left,
    }
    table |= setup_handlers(session)
    table |= extension_handlers(session)
    table |= gnugo_handlers(session)
    table |= setting_handlers(session)
    table |= analysis_handlers(session, wait or (lambda _: True))
    return {name: in_words(handler) for name, handler in table.items()}


def crash_report(name: str, error: Exception) -> str:
    """What to answer when a handler has crashed; the traceback goes to stderr."""
    import traceback

    sys.stderr.write("goengine: " + "goengine: ".join(traceback.format_exception(error)))
    sys.stderr.flush()
    return f"internal error in {name}: {type(error).__name__}: {error}"


class _Commands:
    """One method a command; the arguments come as words."""

    def __init__(self, session: Session) -> None:
        self._session = session

    # Playing

    def play(self, words: list[str]) -> str:
        usage = "play, a colour and a vertex, as play black D4"
        color_word, vertex = take(words, 2, usage)
        color = color_of(color_word, usage)
        try:
            point = parse_vertex(vertex, self._session.size)
        except CoordinateError as error:
            raise GtpFailure(f"illegal move: {error}") from None
        try:
            self._session.play(color, point)
        except IllegalMove as error:
            raise GtpFailure(f"illegal move: {error}") from None
        return ""

    def genmove(self, words: list[str]) -> str:
        usage = "genmove and a colour, as genmove black"
        color = color_of(take(words, 1, usage)[0], usage)
        return format_move(self._session.generate(color), self._session.size)

    def reg_genmove(self, words: list[str]) -> str:
        usage = "reg_genmove and a colour, as reg_genmove black"
        color = color_of(take(words, 1, usage)[0], usage)
        return format_vertex(self._session.choose(color, sample=False), self._session.size)

    def undo(self, words: list[str]) -> str:
        take(words, 0, "undo alone")
        try:
            self._session.undo()
        except IllegalMove:
            raise GtpFailure("cannot undo") from None
        return ""

    def time_settings(self, words: list[str]) -> str:
        # A move takes milliseconds, so there is nothing to divide; but nonsense should not pass for a time limit.
        usage = "time_settings, main time, byo-yomi time and byo-yomi stones, in seconds"
        if min(numbers(take(words, 3, usage), usage)) < 0:
            raise syntax_error(usage)
        return ""

    def time_left(self, words: list[str]) -> str:
        usage = "time_left, a colour, seconds and stones"
        color_word, *left = take(words, 3, usage)
        color_of(color_word, usage)
        numbers(left, usage)
        return ""

    # Showing and scoring

    def showboard(self, words: list[str]) -> str:
        take(words, 0, "showboard alone")
        position = self._session.position
        black, white = position.captures["black"], position.captures["white"]
        return (
            f"\n{position}\n{position.to_play.capitalize()} to play, move {position.move_number + 1}, "
            f"komi {position.komi:g}; captured by Black {black}, by White {white}"
        )

    def final_score(self, words: list[str]) -> str:
        take(words, 0, "final_score alone")
        return format_score(self._session.score())

    def final_status_list(self, words: list[str]) -> str:
        usage = f"final_status_list and {', '.join(_STATUSES[:-1])} or {_STATUSES[-1]}"
        (status,) = take(words, 1, usage)
        if status.lower() not in _STATUSES:
            raise syntax_error(usage)
        seen = self._outcome()
        if status.lower() in _TERRITORY:
            return self._vertices(_territory(seen)[status.lower()])
        return self._chains(chain for chain in seen.chains if _status(chain, seen) == status.lower())

    def final_status(self, words: list[str]) -> str:
        usage = "final_status and a vertex, as final_status D4"
        try:
            point = parse_vertex(take(words, 1, usage)[0], self._session.size)
        except CoordinateError as error:
            raise GtpFailure(f"invalid coordinate: {error}") from None
        seen = self._outcome()
        for chain in seen.chains:
            if point in chain.stones:
                return _status(chain, seen)
        for status, points in _territory(seen).items():
            if point in points:
                return status
        raise syntax_error(usage)

    def _outcome(self) -> "Estimate":
        """Who lives and who owns what; a failure where that cannot be told yet."""
        seen = self._session.estimate()
        if seen.played_out:
            seen = self._session.outcome()
        if seen.chains and not seen.decided:
            doubtful = self._vertices(chain.stones[0] for chain in seen.unsure)
            what = f"in doubt are the stones at {doubtful}" if doubtful else f"{seen.contested} points are nobody's yet"
            raise GtpFailure(f"cannot tell who lives before the game is played out: {what}")
        return seen

    def _vertices(self, points: Iterable[int]) -> str:
        return " ".join(format_vertex(point, self._session.size) for point in points)

    def _chains(self, chains: "Iterable[Chain]") -> str:
        return "\n".join(self._vertices(chain.stones) for chain in chains)


def _status(chain: "Chain", seen: "Estimate") -> str:
    """Alive, dead or seki."""
    if chain.dead:
        return "dead"
    return "seki" if chain in seen.seki else "alive"


def _territory(seen: "Estimate") -> dict[str, list[int]]:
    """The empty points of each side and of nobody, in GNU Go's words."""
    import numpy as np

    empty = seen.stones == 0
    return {word: np.flatnonzero(empty & (seen.territory == owner)).tolist() for word, owner in _TERRITORY.items()}
