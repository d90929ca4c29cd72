"""The programs that connect an engine to a server, as far as the engine can tell: what they send, and what goes wrong.

Each client plays games between a real engine process and an opponent that moves at random, passes too early, takes
moves back, and disputes the dead stones; it holds the game itself and compares the engine's with it. Between two
commands, or in the middle of one, the connection may be cut or the process killed; then it starts another and resumes
the game.

What they send was read from their sources: gtp2ogs sets up the whole game before every move, and ends its commands with
CRLF; kgsGtp numbers commands and disputes; the CGOS client writes vertices in small letters and asks for analyses.
"""

from __future__ import annotations

import contextlib
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bot_process import MOMENTS, WAYS_TO_END, Process, Refused, Report

from goengine.coords import format_vertex, parse_vertex
from goengine.handicap import fixed_handicap_limit
from goengine.rules import BLACK, WHITE, Color, Position, opponent


@dataclass
class Table:
    """A game on a server: what all clients know of it."""

    position: Position
    engine: Color
    handicap: list[int] = field(default_factory=list)
    over: str = ""
    """How it ended without two passes, one of :data:`GAME_ENDS`."""

    @property
    def size(self) -> int:
        return self.position.size


class Client:
    """Plays games with engine processes; each kind of client is a subclass.

    Args:
        command: what starts an engine for boards of this size.
        size: of the boards.
        seed: of everything that happens by chance.
        trouble: how often the connection is cut or the engine ends, for each move.
        folder: for records to be loaded.
    """

    name = "client"
    line_end = "\n"
    options: tuple[str, ...] = ()  # of the engine

    def __init__(self, command: list[str], size: int, seed: int, trouble: float, folder: Path) -> None:
        self.command, self.size, self.trouble = [*command, *self.options], size, trouble
        self.random = random.Random(f"{self.name} {size} {seed}")
        self.report = Report()
        self._file = folder / f"{self.name}-{size}-{seed}.sgf"
        self._process: Process | None = None
        self._dialogue: list[str] = []  # of the game that is played, with all of its processes

    # To be told by the kinds of clients

    def connect(self, engine: Process) -> None:
        """What is sent to an engine that was just started."""
        engine.ask("list_commands", self.line_end)

    def begin(self, engine: Process, table: Table) -> None:
        """Set up a game that begins, or goes on in another process."""
        raise NotImplementedError

    def move(self, engine: Process, table: Table, cleanup: bool) -> str:
        """Have the engine move: a vertex, pass or resign."""
        raise NotImplementedError

    def thinking_command(self, table: Table) -> str:
        """A command that makes the engine think of a move."""
        return f"genmove {table.engine}"

    def finish(self, engine: Process, table: Table) -> None:
        """What is sent when the game is over."""

    # What happens

    def play(self, games: int, tell: Callable[[], None] = lambda: None) -> Report:
        """Play so many games, one after the other; one that fails is reported, and the next has another process."""
        for number in range(1, games + 1):
            self._dialogue.clear()
            try:
                end = self._play_game()
                if number == games:
                    self._retire()
            except Exception as error:
                end = "failure"
                self._fail(number, error)
            self.report.games[f"{self.name} {self.size}x{self.size}", end] += 1
            tell()
        return self.report

    def _fail(self, number: int, error: Exception) -> None:
        """Report what went wrong in a game, keep what was said, and end the process."""
        engine, self._process = self._process, None
        errors = "" if engine is None else engine.errors()
        if engine is not None:
            with contextlib.suppress(AssertionError):  # of a traceback: it is in the file
                engine.close()
        path = self._file.with_name(f"{self._file.stem}-game-{number}.txt")
        path.write_text("\n".join([*self._dialogue, "-- stderr", errors, "-- failure", repr(error)]))
        self.report.failures.append(f"{self.name} {self.size}x{self.size}, game {number} ({path}): {error!r}")

    def engine(self, table: Table | None = None) -> Process:
        """The engine that runs, or another, with the game set up."""
        if self._process is None:
            self._process = self._start()
            if table is not None:
                self.resume(self._process, table)
        return self._process

    def _start(self) -> Process:
        self._process = Process(self.command, self.report, self._dialogue)
        self.connect(self._process)
        return self._process

    def resume(self, engine: Process, table: Table) -> None:
        """Go on with a game in an engine that knows nothing of it."""
        self.report.events["resumed"] += 1
        self.begin(engine, table)
        for color, point in table.position.moves:
            engine.ask(f"play {color} {self.vertex(point)}", self.line_end)

    def vertex(self, point: int | None) -> str:
        """A point as this client writes it."""
        return format_vertex(point, self.size)

    def see(self, engine: Process, table: Table) -> None:
        """The engine's board is the one on the server."""
        shown = engine.ask("showboard", self.line_end)
        expected = "\n".join(line.rstrip() for line in str(table.position).split("\n")).strip()
        assert expected in shown, f"{self.name}: the engine lost the game\n{shown}\n{expected}"

    def _play_game(self) -> str:
        """Play a game to its end; returns the one of :data:`GAME_ENDS` that it had."""
        table = Table(
            Position(self.size, komi=self.random.choice([0.5, 5.5, 6.5, 7.5] * 5 + [self.size**2 + 10.5] * 2)),
            self.random.choice([BLACK, WHITE]),
        )
        self.begin(self.engine(), table)
        disputes, early = self.random.choice([0, 0, 1, 2]), self.random.random() < 0.3
        end = "two passes"
        while True:
            self._until_two_passes(table, cleanup=False, early=early)
            if not table.over and disputes:
                self.report.events["disputes"] += 1
                disputes -= 1
                end = "dispute, passes"
                self._until_two_passes(table, cleanup=True, early=False)
            if table.over or not disputes:
                break
        engine = self.engine(table)
        if not table.over or self.name != "CGOS":
            self.see(engine, table)
        self.finish(engine, table)
        engine.games += 1
        if engine.games == 2 and engine is self._process:  # not released after the game
            engine.settled = engine.resources()
        return table.over or end

    def _until_two_passes(self, table: Table, cleanup: bool, early: bool) -> None:
        """Play on until both have passed after each other, from now on."""
        position, passes = table.position, 0
        for _ in range(8 * self.size**2):
            self._perhaps_trouble(table)
            if position.to_play == table.engine:
                vertex = self.move(self.engine(table), table, cleanup)
                if vertex == "resign":
                    table.over = "engine resigns"
                    return
                point = parse_vertex(vertex, self.size)
                assert point is None or not position.repeats(point), f"{vertex} repeats a position"
                position.play(point)
            elif self.random.random() < 0.05 / self.size**2:
                table.over = "opponent leaves"
                return
            else:
                point = self._opponents_move(position, passes, early)
                position.play(point)
                self._tell(table, opponent(table.engine), point)
                self._perhaps_undo(table)
            self.report.plies += 1
            last = position.last_move
            passes = passes + 1 if last is not None and last[1] is None else 0
            if passes == 2:
                return
        raise AssertionError(f"the game goes on and on\n{position}")

    def _tell(self, table: Table, color: Color, point: int | None) -> None:
        self.engine_knowing_before(table).ask(f"play {color} {self.vertex(point)}", self.line_end)

    def engine_knowing_before(self, table: Table) -> Process:
        """The engine that runs, with the game up to the last move but one."""
        if self._process is not None:
            return self._process
        before = Table(table.position.copy(), table.engine, table.handicap)
        before.position.undo()
        return self.engine(before)

    def _opponents_move(self, position: Position, passes: int, early: bool) -> int | None:
        if early and self.random.random() < 0.03:
            self.report.events["early passes"] += 1
            return None
        if passes and self.random.random() < 0.5:
            return None
        points = [int(point) for point in position.sensible_mask().nonzero()[0]]
        self.random.shuffle(points)
        return next((point for point in points if not position.repeats(point)), None)

    def _perhaps_undo(self, table: Table) -> None:
        """Now and then a move is taken back, and another one made."""

    def _perhaps_trouble(self, table: Table) -> None:
        if self.random.random() >= self.trouble:
            return
        how, moment = self.random.choice(WAYS_TO_END), self.random.choice(MOMENTS)
        if moment == "loading":
            if self._process is not None:
                self._process.end("SIGKILL", "idle")
            self._process = self._start()
            time.sleep(self.random.choice([0.0, 0.1, 0.4, 1.0]))
        engine = self.engine(table)
        if moment == "genmove" and how in ("quit", "end of input"):  # which wait until all is answered
            moment = "idle"
        if moment == "genmove":
            engine.send(self.thinking_command(table) + self.line_end)
            time.sleep(self.random.choice([0.0, 0.01, 0.1]))
        elif moment == "analysis":
            engine.send(f"lz-analyze {table.position.to_play} 1{self.line_end}")
            time.sleep(self.random.choice([0.0, 0.01, 0.2]))
        engine.end(how, moment)
        self._process = None
        if self.random.random() < 0.5:
            self._resume_from_a_record(table)

    def _resume_from_a_record(self, table: Table) -> None:
        position = table.position
        stones = "".join(f"[{_sgf(point, self.size)}]" for point in position.setup_stones[BLACK])
        moves = "".join(f";{color[0].upper()}[{_sgf(point, self.size)}]" for color, point in position.moves)
        setup = f"AB{stones}PL[W]" if stones else ""
        self._file.write_text(f"(;GM[1]FF[4]SZ[{self.size}]KM[{position.komi}]{setup}{moves})")
        self._process = self._start()
        self._process.ask(f"loadsgf {self._file}", self.line_end)
        self.report.events["loaded"] += 1
        self.see(self._process, table)

    def _retire(self) -> None:
        """End the last engine, and see whether it grew."""
        engine = self._process
        if engine is None:
            return
        if engine.settled is not None and engine.games > 2:
            now, then = engine.resources(), engine.settled
            self.report.growth.append((f"{self.name} {self.size}, {engine.games} games", then.memory, now.memory))
            assert (now.threads, now.descriptors) == (then.threads, then.descriptors), (then, now)
        engine.end("quit", "idle")
        self._process = None


CLOCKS = (
    "kata-time_settings fischer-capped 120 30 300 -1",
    "kgs-time_settings byoyomi 600 30 5",
    "kgs-time_settings canadian 600 300 20",
    "time_settings 0 30 1",
    "time_settings 900 0 0",
)


class Gtp2ogs(Client):
    """Sets up the whole game before every move; free handicaps; several kinds of clocks."""

    name = "gtp2ogs"
    line_end = "\r\n"

    def begin(self, engine: Process, table: Table) -> None:
        assert "fischer-capped" in engine.ask("kata-list_time_settings", self.line_end)
        size = f"{self.size} {self.size}" if self.random.random() < 0.5 else str(self.size)
        for command in (f"boardsize {size}", "clear_board", f"komi {table.position.komi}"):
            engine.ask(command, self.line_end)
        if not table.position.moves and not table.handicap and self.random.random() < 0.3:
            self._handicap(engine, table)
        elif table.handicap:
            engine.ask("set_free_handicap " + " ".join(map(self.vertex, table.handicap)), self.line_end)

    def move(self, engine: Process, table: Table, cleanup: bool) -> str:
        self.begin(engine, table)
        for color, point in table.position.moves:
            engine.send(f"play {color} {self.vertex(point).lower()}{self.line_end}")
        for _ in table.position.moves:
            assert engine.answer("play") == ""
        clock = self.random.choice(CLOCKS)
        for command in (clock, "time_left black 93 0", "time_left white 0 1"):
            engine.ask(command, self.line_end)
        return engine.ask(self.thinking_command(table), self.line_end)

    def finish(self, engine: Process, table: Table) -> None:
        if self.random.random() < 0.3:
            check_score(engine.ask("final_score", self.line_end))
        if self.random.random() < 0.1:  # as it releases a bot: both at once
            engine.send("quit" + self.line_end)
            engine.end("SIGTERM", "quitting")
            self._process = None

    def _tell(self, table: Table, color: Color, point: int | None) -> None:
        pass  # the next move begins with the whole game

    def _handicap(self, engine: Process, table: Table) -> None:
        stones = self.random.randint(2, min(9, self.size))
        if table.engine == BLACK:
            vertices = engine.ask(f"place_free_handicap {stones}", self.line_end).split()
            points = [parse_vertex(vertex, self.size) for vertex in vertices]
            table.handicap = [point for point in points if point is not None]
            assert len(set(table.handicap)) == stones == len(vertices), vertices
        else:
            table.handicap = self.random.sample(range(self.size**2), stones)
            engine.ask("set_free_handicap " + " ".join(map(self.vertex, table.handicap)), self.line_end)
        table.position.setup(black=table.handicap, to_play=WHITE)
        self.report.events["handicaps"] += 1


class KgsGtp(Client):
    """Numbers its commands, takes moves back, asks for the dead stones, and cleans up when they are disputed."""

    name = "kgsGtp"
    options = ("--resign", "3")
    _number = 0

    def ask(self, engine: Process, command: str) -> str:
        self._number += 1
        return engine.ask(f"{self._number} {command}")

    def begin(self, engine: Process, table: Table) -> None:
        rules = self.random.choice(["chinese", "japanese", "aga", "new_zealand"])
        for command in (
            f"boardsize {self.size}",
            "clear_board",
            "kgs-rules chinese" if table.position.moves else f"kgs-rules {rules}",
            f"komi {table.position.komi}",
            self.random.choice(["time_settings 300 0 0", "kgs-time_settings byoyomi 1500 20 5"]),
        ):
            self.ask(engine, command)
        limit = fixed_handicap_limit(self.size)
        if table.handicap:
            self.ask(engine, "set_free_handicap " + " ".join(map(self.vertex, table.handicap)))
        elif not table.position.moves and limit and self.random.random() < 0.2:
            stones = self.random.randint(2, limit)
            points = [parse_vertex(word, self.size) for word in self.ask(engine, f"fixed_handicap {stones}").split()]
            table.handicap = [point for point in points if point is not None]
            assert len(set(table.handicap)) == stones
            table.position.setup(black=table.handicap, to_play=WHITE)
            self.report.events["handicaps"] += 1

    def move(self, engine: Process, table: Table, cleanup: bool) -> str:
        self.ask(engine, f"time_left {table.engine[0]} {self.random.randrange(300)} 0")
        return self.ask(engine, f"{'kgs-genmove_cleanup' if cleanup else 'genmove'} {table.engine[0]}")

    def finish(self, engine: Process, table: Table) -> None:
        if not table.over:
            try:
                self.ask(engine, "final_status_list dead")
            except Refused as error:  # the one refusal that is right: better than a wrong list
                assert "cannot tell" in str(error), error
                self.report.events["dead stones in doubt"] += 1
            check_score(self.ask(engine, "final_score"))
        self.ask(engine, "kgs-game_over")

    def _perhaps_undo(self, table: Table) -> None:
        position = table.position
        if position.move_number < 4 or self.random.random() >= 0.03:
            return
        for _ in range(self.random.choice([1, 2])):
            engine = self.engine(table)
            self.ask(engine, "undo")
            position.undo()
        self.report.events["moves taken back"] += 1
        if position.to_play != table.engine:
            point = self._opponents_move(position, 0, False)
            position.play(point)
            self._tell(table, opponent(table.engine), point)


class CgosClient(Client):
    """Writes vertices in small letters, asks for analyses, and catches up with a game after a cut."""

    name = "CGOS"

    def begin(self, engine: Process, table: Table) -> None:
        for command in (
            f"boardsize {self.size}",
            f"komi {table.position.komi}",
            "time_settings 900 0 0",
            "clear_board",
        ):
            engine.ask(command)

    def vertex(self, point: int | None) -> str:
        return super().vertex(point).lower()

    def thinking_command(self, table: Table) -> str:
        color = table.engine[0]
        kinds = (
            f"kata-genmove_analyze {color} ownership true",
            f"lz-genmove_analyze {color} 100000",
            f"genmove {color}",
        )
        return self.random.choice(kinds)

    def move(self, engine: Process, table: Table, cleanup: bool) -> str:
        engine.ask(f"time_left {table.engine[0]} {self.random.randrange(900)} 0")
        command = self.thinking_command(table)
        answer = engine.ask(command)
        if "analyze" not in command:
            return answer
        info, played = answer.split("\n")
        assert info.startswith("info move ") and played.startswith("play "), answer
        assert ("ownership " in info) == command.startswith("kata")
        return played.split()[1]

    def _perhaps_trouble(self, table: Table) -> None:
        super()._perhaps_trouble(table)
        if self.random.random() < self.trouble / 2:  # the server is gone for a while, the engine is not
            self.resume(self.engine(table), table)


CLIENTS: tuple[type[Client], ...] = (Gtp2ogs, KgsGtp, CgosClient)


def check_score(answer: str) -> None:
    """It is a score as the protocol writes it."""
    assert re.fullmatch(r"0|[BW]\+\d+(\.5)?", answer), answer


def _sgf(point: int | None, size: int) -> str:
    return "" if point is None else chr(97 + point % size) + chr(97 + point // size)
