"""The commands of GTP version 2: text in, what the session makes of it, text out.

A failure begins with the words that the specification prescribes (section 6), and then says more.
"""

import sys
from collections.abc import Callable, Iterable
from functools import wraps
from typing import TYPE_CHECKING

from goengine._version import __version__
from goengine.coords import format_vertex, parse_vertex
from goengine.errors import CoordinateError, GoEngineError, IllegalMove, RecordError
from goengine.gtp.protocol import GtpFailure, Handler
from goengine.gtp.session import BoardNotEmpty, InvalidStones, Session, UnacceptableSize

if TYPE_CHECKING:
    from goengine.estimate import Chain
    from goengine.rules import Color

__all__ = ["crash_report", "make_handlers"]

NAME = "goengine"
_COLORS: "dict[str, Color]" = {"b": "black", "black": "black", "w": "white", "white": "white"}
_STATUSES = ("alive", "seki", "dead")
_MOST_KOMI = 1_000_000


def make_handlers(session: Session) -> dict[str, Handler]:
    """The table of commands for a session; the protocol adds those that need none."""
    commands = _Commands(session)
    table: dict[str, Handler] = {
        "name": _fixed(NAME),
        "version": _fixed(__version__),
        "boardsize": commands.boardsize,
        "clear_board": commands.clear_board,
        "komi": commands.komi,
        "fixed_handicap": commands.fixed_handicap,
        "place_free_handicap": commands.place_free_handicap,
        "set_free_handicap": commands.set_free_handicap,
        "play": commands.play,
        "genmove": commands.genmove,
        "reg_genmove": commands.reg_genmove,
        "undo": commands.undo,
        "loadsgf": commands.loadsgf,
        "showboard": commands.showboard,
        "final_score": commands.final_score,
        "final_status_list": commands.final_status_list,
        "time_settings": commands.time_settings,
        "time_left": commands.time_left,
    }
    return {name: _in_words(handler) for name, handler in table.items()}


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

    # Setup

    def boardsize(self, words: list[str]) -> str:
        sizes = _integers(words, "boardsize and the size, as boardsize 19")
        if set(sizes[:2]) != {sizes[0]}:  # gtp2ogs writes width and height
            raise GtpFailure(f"unacceptable size: {sizes[0]}x{sizes[1]} is not square")
        self._session.resize(sizes[0])
        return ""

    def clear_board(self, words: list[str]) -> str:
        _take(words, 0, "clear_board alone")
        self._session.clear()
        return ""

    def komi(self, words: list[str]) -> str:
        usage = "komi and a number, as komi 7.5"
        (word,) = _take(words, 1, usage)
        try:
            komi = float(word)
        except ValueError:
            raise _syntax_error(usage) from None
        if not abs(komi) <= _MOST_KOMI:
            raise _syntax_error(usage)
        self._session.komi = komi
        return ""

    def fixed_handicap(self, words: list[str]) -> str:
        stones = _integers(words[:1], "fixed_handicap and the number of stones")[0]
        return self._vertices(self._session.fixed_handicap(stones))

    def place_free_handicap(self, words: list[str]) -> str:
        stones = _integers(words[:1], "place_free_handicap and the number of stones")[0]
        return self._vertices(self._session.free_handicap(stones))

    def set_free_handicap(self, words: list[str]) -> str:
        points = []
        for word in words:
            try:
                point = parse_vertex(word, self._session.size)
            except CoordinateError as error:
                raise GtpFailure(f"bad vertex list: {error}") from None
            if point is None:
                raise GtpFailure("bad vertex list: pass is no place for a stone")
            points.append(point)
        try:
            self._session.set_handicap(points)
        except InvalidStones as error:
            raise GtpFailure(f"bad vertex list: {error}") from None
        return ""

    def loadsgf(self, words: list[str]) -> str:
        from pathlib import Path

        if not words:
            raise _syntax_error("loadsgf, a file, and perhaps a move number")
        move_number = None
        name = " ".join(words)
        if len(words) > 1 and words[-1].isascii() and words[-1].isdecimal() and not Path(name).exists():
            name, move_number = " ".join(words[:-1]), int(words[-1][:9])
        try:
            complaints = self._session.load(Path(name), move_number)
        except (RecordError, IllegalMove, OSError, ValueError) as error:
            raise GtpFailure(f"cannot load file: {error}") from None
        for complaint in complaints:
            sys.stderr.write(f"goengine: {complaint}\n")
        return ""

    # Playing

    def play(self, words: list[str]) -> str:
        usage = "play, a colour and a vertex, as play black D4"
        color_word, vertex = _take(words, 2, usage)
        color = _color(color_word, usage)
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
        color = _color(_take(words, 1, usage)[0], usage)
        if self._session.resigns(color):
            return "resign"
        point = self._session.choose(color)
        self._session.play(color, point)
        return format_vertex(point, self._session.size)

    def reg_genmove(self, words: list[str]) -> str:
        usage = "reg_genmove and a colour, as reg_genmove black"
        color = _color(_take(words, 1, usage)[0], usage)
        return format_vertex(self._session.choose(color, sample=False), self._session.size)

    def undo(self, words: list[str]) -> str:
        _take(words, 0, "undo alone")
        try:
            self._session.undo()
        except IllegalMove:
            raise GtpFailure("cannot undo") from None
        return ""

    def time_settings(self, words: list[str]) -> str:
        # A move takes milliseconds, so there is nothing to divide; but nonsense should not pass for a time limit.
        usage = "time_settings, main time, byo-yomi time and byo-yomi stones, in seconds"
        if min(_integers(_take(words, 3, usage), usage)) < 0:
            raise _syntax_error(usage)
        return ""

    def time_left(self, words: list[str]) -> str:
        usage = "time_left, a colour, seconds and stones"
        color_word, *numbers = _take(words, 3, usage)
        _color(color_word, usage)
        _integers(numbers, usage)
        return ""

    # Showing and scoring

    def showboard(self, words: list[str]) -> str:
        _take(words, 0, "showboard alone")
        position = self._session.position
        black, white = position.captures["black"], position.captures["white"]
        return (
            f"\n{position}\n{position.to_play.capitalize()} to play, move {position.move_number + 1}, "
            f"komi {position.komi:g}; captured by Black {black}, by White {white}"
        )

    def final_score(self, words: list[str]) -> str:
        _take(words, 0, "final_score alone")
        return format_score(self._session.score())

    def final_status_list(self, words: list[str]) -> str:
        usage = "final_status_list and alive, seki or dead"
        (status,) = _take(words, 1, usage)
        if status.lower() not in _STATUSES:
            raise _syntax_error(usage)
        seen = self._session.estimate()
        if seen.chains and not seen.decided:
            doubtful = self._vertices(chain.stones[0] for chain in seen.unsure)
            what = f"in doubt are the stones at {doubtful}" if doubtful else f"{seen.contested} points are nobody's yet"
            raise GtpFailure(f"cannot tell who lives before the game is played out: {what}")
        if status.lower() == "dead":
            return self._chains(seen.dead)
        seki = set(seen.seki)
        if status.lower() == "seki":
            return self._chains(seen.seki)
        return self._chains(chain for chain in seen.chains if chain not in seki and chain not in seen.dead)

    def _vertices(self, points: Iterable[int]) -> str:
        return " ".join(format_vertex(point, self._session.size) for point in points)

    def _chains(self, chains: "Iterable[Chain]") -> str:
        return "\n".join(self._vertices(chain.stones) for chain in chains)


def format_score(score: float) -> str:
    """A result such as ``B+3.5``, ``W+12`` or ``0``, from the score in Black's viewpoint."""
    if abs(score) < 1e-6:
        return "0"
    return f"{'B' if score > 0 else 'W'}+{abs(score):g}"


def _in_words(handler: Callable[[list[str]], str]) -> Handler:
    """The handler, with our own errors turned into failures that begin as the specification says."""

    @wraps(handler)
    def safe(words: list[str]) -> str:
        try:
            return handler(words)
        except UnacceptableSize as error:
            raise GtpFailure(f"unacceptable size: {error}") from None
        except BoardNotEmpty as error:
            raise GtpFailure(f"board not empty: {error}") from None
        except InvalidStones as error:
            raise GtpFailure(f"invalid number of stones: {error}") from None
        except GoEngineError as error:
            raise GtpFailure(str(error)) from None

    return safe


def _fixed(text: str) -> Handler:
    def answer(words: list[str]) -> str:
        return text

    return answer


def _syntax_error(usage: str) -> GtpFailure:
    return GtpFailure(f"syntax error: write {usage}")


def _take(words: list[str], count: int, usage: str) -> list[str]:
    """The first ``count`` words. More are let pass, as controllers may know a later version of a command."""
    if len(words) < count:
        raise _syntax_error(usage)
    return words[:count]


def _integers(words: list[str], usage: str) -> list[int]:
    """The words as whole numbers; at least one."""
    numbers = []
    for word in words:
        digits = word.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= 10):
            raise _syntax_error(usage)
        numbers.append(int(word))
    if not numbers:
        raise _syntax_error(usage)
    return numbers


def _color(word: str, usage: str) -> "Color":
    if word.lower() not in _COLORS:
        raise _syntax_error(usage)
    return _COLORS[word.lower()]
