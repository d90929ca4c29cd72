"""One game between two GTP programs: whatever they do, it gets a result."""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

from goengine.coords import format_vertex, parse_vertex
from goengine.errors import CoordinateError, GoEngineError, IllegalMove
from goengine.gtp.client import CommandFailed, ProgramDied, ProgramHangs
from goengine.match.clock import NO_TIME, Clock, TimeSettings
from goengine.match.openings import Opening
from goengine.match.programs import START_TIMEOUT, position_commands, start_program
from goengine.match.referee import NotCounted, Referee, format_score
from goengine.rules import Color, Ko, Position, opponent
from goengine.rulesets import Ruleset
from goengine.scoring import handicap_stones
from goengine.sgf.write import write_game

__all__ = ["COLORS", "FAULTS", "Contract", "Program", "Result", "Table"]

COLORS: tuple[Color, Color] = ("black", "white")

FAULTS = ("crash", "no answer", "failed command", "illegal move")
"""Ways to lose a game by what the program did wrong; running out of time is not among them."""

_GRACE = 0.5  # seconds past the end of its time after which a program is not waited for any more
_FIRST_MOVES = 2  # of a fresh program, which may take as long as a start: networks may be loaded as late as that


@dataclass(frozen=True)
class Program:
    """A program that plays."""

    name: str
    command: str
    """How it is started, in shell quoting."""


@dataclass(frozen=True)
class Contract:
    """What all games of a match have in common."""

    size: int = 19
    komi: float = 7.5
    ko: Ko = "simple"
    """Which repetition is an illegal move."""
    max_moves: int = 1083
    """Plies, those of the opening among them, after which the game is counted as it stands."""
    time: TimeSettings = NO_TIME
    timeout: float = 60.0
    """Seconds without an answer after which a program hangs; the clock may allow more for a move."""


@dataclass
class Result:
    """How one game ended; kept as a line of JSON. The dictionaries are by colour."""

    game: int
    """From 0."""
    black: int
    """Index of the program."""
    white: int
    opening: list[str]
    """Its moves as vertices."""
    result: str = "?"
    """As in SGF: B+3.5, W+R (resignation), B+T (time), B+F (the loser broke the rules of the match), 0, ? (unknown)."""
    winner: int | None = None
    """Index of the program that won; None is a draw, or unknown."""
    end: str = ""
    """two passes, resignation, move limit, time, one of FAULTS; or uncounted: then ``result`` is ?."""
    reason: str = ""
    """The same in full."""
    moves: int = 0
    thought: dict[str, int] = field(default_factory=lambda: {"black": 0, "white": 0})
    """Moves that a program chose itself."""
    seconds: dict[str, float] = field(default_factory=lambda: {"black": 0.0, "white": 0.0})
    """What they took in all."""
    slowest: dict[str, float] = field(default_factory=lambda: {"black": 0.0, "white": 0.0})
    scores: dict[str, str] = field(default_factory=dict)
    """What black, white and the referee make of a final position; ``?`` and a reason where one cannot tell."""
    line: str = ""
    """The position it began with and its moves, digested."""
    start: str | None = None
    """The whole opening, digested: setup stones, moves and their colours. None in results of version 0.15 and older."""

    def player(self, color: str) -> int:
        """Index of the program with this colour."""
        return self.black if color == "black" else self.white

    @property
    def counted(self) -> bool:
        """Whether the result is known."""
        return self.result != "?"


class _Lost(GoEngineError):
    """A program has lost the game by what it did."""

    def __init__(self, color: Color, end: str, reason: str) -> None:
        super().__init__(reason)
        self.color, self.end = color, end


class _Player:
    """A running program, and which commands it has."""

    def __init__(self, program: Program) -> None:
        self.name = program.name
        self.client = start_program(program.command, program.name)
        self.moves = 0
        """How many it has made since it was started."""
        self._known: dict[str, bool] = {}

    def knows(self, command: str, timeout: float) -> bool:
        """Whether it has this command; asked once."""
        if command not in self._known:
            self._known[command] = self.client.knows(command, timeout)
        return self._known[command]


class Table:
    """Where games are played, one after the other; the programs of the last game are kept running.

    Args:
        programs: all of the match.
        contract: for all games.
        referee: the command of a GTP program; an empty one counts by playouts.
    """

    def __init__(self, programs: Sequence[Program], contract: Contract, referee: str = "") -> None:
        self._programs = programs
        self._contract = contract
        self._referee = Referee(referee)
        self._running: dict[int, _Player] = {}

    def close(self) -> None:
        """End the programs."""
        for index in list(self._running):
            self._running.pop(index).client.close()
        self._referee.close()

    def kill(self) -> None:
        """End the programs at once; a game in progress gets a result that is worth nothing."""
        for player in list(self._running.values()):
            player.client.kill()
        self._referee.kill()

    def play(self, game: int, black: int, white: int, opening: Opening) -> tuple[Result, str]:
        """Play one game: its result, and its record as SGF.

        Args:
            game: its number from 0.
            black: index of the program.
            white: index of the other one.
            opening: where it begins.

        Raises:
            CannotStart: a program does not start at all.
        """
        contract = self._contract
        position = opening.position(contract.komi, contract.ko)
        vertices = [format_vertex(point, opening.size) for _, point in opening.moves]
        start = _digest(opening.black, opening.white, opening.moves, opening.to_play)
        result = Result(game, black, white, vertices, start=start)
        for index in set(self._running) - {black, white}:
            self._running.pop(index).client.close()
        try:
            clocks = self._begin(result, position)
            self._alternate(result, position, clocks)
        except _Lost as lost:
            winner = opponent(lost.color)
            result.winner, result.end, result.reason = result.player(winner), lost.end, str(lost)
            result.result = f"{winner[0].upper()}+{'T' if lost.end == 'time' else 'F'}"
            self._stop(result.player(lost.color))
        result.moves = position.move_number
        result.line = _digest(position.setup_stones, position.moves)
        return result, self._record(result, position)

    # The course of a game

    def _begin(self, result: Result, position: Position) -> dict[Color, Clock]:
        """Both programs at the end of the opening, started where need be; their clocks."""
        for color in COLORS:
            index = result.player(color)
            if index not in self._running:
                self._running[index] = _Player(self._programs[index])
                if self._timed:  # a move beforehand, so that no network is loaded on the clock
                    for command in (f"boardsize {position.size}", "clear_board", "genmove black"):
                        self._ask(result, color, command, START_TIMEOUT)
            for command in position_commands(position):
                self._ask(result, color, command, START_TIMEOUT)
        clocks = {color: Clock(self._contract.time) for color in COLORS}
        if self._timed:
            for color, clock in clocks.items():
                for command in clock.commands(self._knows(result, color)):
                    self._ask(result, color, command)
        return clocks

    def _alternate(self, result: Result, position: Position, clocks: dict[Color, Clock]) -> None:
        """Moves by turns, until two passes, a resignation, or the limit."""
        while position.passes < 2 and position.move_number < self._contract.max_moves:
            color = position.to_play
            answer = self._think(result, color, clocks[color])
            if answer.lower() == "resign":
                winner = opponent(color)
                result.winner, result.result = result.player(winner), f"{winner[0].upper()}+R"
                result.end = result.reason = "resignation"
                return
            self._take(result, color, answer, position)
            # a move that the other program refuses is its own loss: the board here knows the rules
            self._ask(result, opponent(color), f"play {color} {answer}")
        if position.passes >= 2:
            result.end = result.reason = "two passes"
        else:
            result.end, result.reason = "move limit", f"stopped after {position.move_number} moves"
        self._count(result, position)

    def _think(self, result: Result, color: Color, clock: Clock) -> str:
        """The answer to genmove, in time."""
        player = self._running[result.player(color)]
        patience = START_TIMEOUT if player.moves < _FIRST_MOVES else self._contract.timeout
        if self._timed:
            patience = clock.available + _GRACE
            for command in clock.reminders(color, self._knows(result, color)):
                self._ask(result, color, command)
        began = time.monotonic()
        try:
            answer = self._ask(result, color, f"genmove {color}", patience)
        except _Lost as lost:
            if self._timed and lost.end == "no answer":
                raise self._late(result, color, clock) from None
            raise
        took = time.monotonic() - began
        player.moves += 1
        result.thought[color] += 1
        result.seconds[color] = round(result.seconds[color] + took, 4)
        result.slowest[color] = round(max(result.slowest[color], took), 4)
        if not clock.spend(took):
            raise self._late(result, color, clock)
        return answer

    @property
    def _timed(self) -> bool:
        return self._contract.time != NO_TIME

    def _knows(self, result: Result, color: Color) -> Callable[[str], bool]:
        """Tells whether a program has a command; it loses the game if it does not answer."""

        def knows(command: str) -> bool:
            try:
                return self._running[result.player(color)].knows(command, self._contract.timeout)
            except ProgramHangs as error:
                raise _Lost(color, "no answer", str(error)) from None
            except ProgramDied as error:
                raise _Lost(color, "crash", str(error)) from None

        return knows

    def _late(self, result: Result, color: Color, clock: Clock) -> _Lost:
        name = self._programs[result.player(color)].name
        return _Lost(color, "time", f"{name}: lost on time, with {clock.available:.1f} s left for the move")

    def _take(self, result: Result, color: Color, answer: str, position: Position) -> None:
        """Play a program's move."""
        name = self._programs[result.player(color)].name
        try:
            position.play(parse_vertex(answer, position.size), color)
        except CoordinateError as error:
            raise _Lost(color, "illegal move", f"{name}: no move: {error}") from None
        except IllegalMove as error:
            raise _Lost(color, "illegal move", f"{name}: illegal move: {error}") from None

    def _ask(self, result: Result, color: Color, command: str, timeout: float | None = None) -> str:
        """A program's answer; it loses the game if there is none."""
        try:
            return self._running[result.player(color)].client.send(command, timeout or self._contract.timeout)
        except ProgramHangs as error:
            raise _Lost(color, "no answer", str(error)) from None
        except CommandFailed as error:
            raise _Lost(color, "failed command", str(error)) from None
        except ProgramDied as error:
            raise _Lost(color, "crash", str(error)) from None

    def _stop(self, index: int) -> None:
        """End a program whose state is not to be trusted any more; the next game starts it anew."""
        player = self._running.pop(index, None)
        if player is not None:
            player.client.kill()

    # What came of it

    def _count(self, result: Result, position: Position) -> None:
        """Who has won on the board, by the referee; and what the players say."""
        for color in COLORS:
            index = result.player(color)
            try:
                result.scores[color] = self._running[index].client.send("final_score", START_TIMEOUT)
            except CommandFailed as error:
                result.scores[color] = f"? {error}"
            except (ProgramDied, ProgramHangs) as error:
                result.scores[color] = f"? {error}"
                self._stop(index)
        try:
            score = self._referee.score(position)
        except NotCounted as error:
            result.end, result.reason = "uncounted", f"{result.reason}, which the referee could not count: {error}"
            return
        result.result = result.scores["referee"] = format_score(score)
        if score:
            result.winner = result.black if score > 0 else result.white

    def _record(self, result: Result, position: Position) -> str:
        names: dict[str, str] = {color: self._programs[result.player(color)].name for color in COLORS}
        scores = "".join(f"\n{names.get(who, who)}: {score}" for who, score in result.scores.items())
        setup = position.setup_stones
        return write_game(
            position.size,
            position.moves,
            komi=self._contract.komi,
            rules=_rules(position),
            setup_black=setup["black"],
            setup_white=setup["white"],
            result=result.result,
            date=date.today().isoformat(),
            black=names["black"],
            white=names["white"],
            comment=f"game {result.game + 1}: {result.reason}{scores}",
        )


def _rules(position: Position) -> str:
    """The rules that were played, for a record: those of China if they give the same result, else spelt out.

    White gets nothing for a handicap's stones here, and other rules of ko are none of China's.
    """
    if position.ko == "simple" and handicap_stones(position) == 0:
        return "Chinese"
    return Ruleset("", position.ko, "area").in_record()


def _digest(*parts: object) -> str:
    """Sixteen hexadecimal digits that stand for values of plain types."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
