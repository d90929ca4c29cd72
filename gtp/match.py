#!/usr/bin/env python3
r"""Matches between GTP programs: games into a folder, and a result table.

    python gtp/match.py --games 40 --output runs/match "goengine gtp" "gnugo --mode gtp --level 1 --chinese-rules"

Each opening is played twice, with colours swapped. A program that crashes, hangs or plays an illegal move loses that
game with the reason, is started anew, and the match goes on. The same command again goes on where it stopped. More
than two programs play each other, or with --gauntlet the first plays each of the others. gtp/README.md has the rest.
"""

import argparse
import json
import math
import queue
import shlex
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from goengine.cli.progress import terminable
from goengine.errors import GoEngineError
from goengine.exits import exit_status
from goengine.match.clock import TimeSettings, parse_time
from goengine.match.folder import MatchFolder
from goengine.match.game import Contract, Program, Result, Table
from goengine.match.openings import Openings, make_openings
from goengine.match.programs import START_TIMEOUT, CannotStart, find_gnugo, start_program
from goengine.match.report import summary, table_text
from goengine.rules import KO_RULES
from goengine.runlog import clock

GNUGO_LARGEST = 19  # points a side
BLOCK = 10  # games of a pairing before it is the next one's turn: programs are not started anew for every game

# ---------------------------------------------------------------------------------------------------- the command line


def parse_arguments(words: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="A match between GTP programs.")
    parser.add_argument("programs", nargs="*", metavar="COMMAND", help="how a program is started, in shell quoting")
    parser.add_argument("--names", nargs="+", metavar="NAME", help="what to call them (default: their commands)")
    parser.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="where the games go")
    parser.add_argument("--games", type=int, default=20, metavar="N", help="games of each pairing (default: 20)")
    parser.add_argument("--tables", type=int, default=1, metavar="N", help="games at once (default: %(default)s)")
    parser.add_argument(
        "--gauntlet", action="store_true", help="the first program plays each other one (else: all meet)"
    )
    game = parser.add_argument_group("the games")
    game.add_argument("--size", type=int, default=19, metavar="N", help="board size, 2 to 25 (default: %(default)s)")
    game.add_argument("--komi", type=float, default=7.5, metavar="K", help="points for White (default: %(default)s)")
    game.add_argument("--ko", choices=KO_RULES, default="simple", help="which repetition is illegal (default: simple)")
    game.add_argument(
        "--max-moves", type=int, metavar="N", help="where a game is counted as it stands (default: 3 a point)"
    )
    game.add_argument(
        "--openings",
        default="corners",
        metavar="WHICH",
        help="corners, random, network, network:FILE, or the path of game records (default: %(default)s)",
    )
    game.add_argument(
        "--opening-moves",
        type=int,
        metavar="N",
        help="moves of an opening; 0 takes records in full (default: 4 for corners, else 8)",
    )
    game.add_argument("--seed", type=int, default=1, metavar="N", help="of the openings (default: %(default)s)")
    game.add_argument("--no-swap", action="store_true", help="play each opening once, not with both colours")
    game.add_argument(
        "--time",
        default="none",
        metavar="SETTINGS",
        help="'absolute MAIN', 'byoyomi MAIN PERIOD PERIODS', 'canadian MAIN OVERTIME STONES', "
        "'fischer MAIN INCREMENT', in seconds (default: none)",
    )
    game.add_argument(
        "--timeout",
        type=float,
        default=60,
        metavar="S",
        help="who takes longer for a move loses, without a clock (default: %(default)g)",
    )
    game.add_argument(
        "--referee", metavar="COMMAND", help="a GTP program that counts (default: GNU Go if installed, to 19x19)"
    )
    game.add_argument("--no-referee", action="store_true", help="count by our own playouts")
    args = parser.parse_args(words)
    if len(args.programs) < 2 or (args.names and len(args.names) != len(args.programs)):
        parser.error(
            f"give the commands of two programs or more, and --names as many names, not {len(args.names or ())} for "
            f"{len(args.programs)}; another option has to stand between --names and the commands"
        )
    if args.games < 1 or args.tables < 1 or not 2 <= args.size <= 25 or not math.isfinite(args.komi):
        parser.error("--games and --tables need 1 or more, --size 2 to 25, --komi a number")
    if (args.opening_moves or 0) < 0 or (args.max_moves or 1) < 1 or not 0 < args.timeout < math.inf:
        parser.error("--opening-moves needs 0 or more, --max-moves 1 or more, --timeout a number of seconds")
    return args


def name_programs(args: argparse.Namespace) -> list[Program]:
    """The programs, each with a name of its own."""
    names = args.names or [" ".join([Path(words[0]).name, *words[1:]]) for words in map(_words, args.programs)]
    numbered = [name if names.count(name) == 1 else f"{name} ({place + 1})" for place, name in enumerate(names)]
    return [Program(name, command) for name, command in zip(numbered, args.programs, strict=True)]


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command) or [command]
    except ValueError:
        return [command]


def referee_command(args: argparse.Namespace) -> str:
    """How the referee is started; empty where playouts count."""
    if args.no_referee:
        return ""
    gnugo = find_gnugo() if args.size <= GNUGO_LARGEST else None
    return args.referee or (f"{shlex.quote(gnugo)} --mode gtp --chinese-rules" if gnugo else "")


# --------------------------------------------------------------------------------------------------------- the match


class Match:
    """All pairings of a match: what is settled before the first game."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.programs = name_programs(args)
        self.referee = referee_command(args)
        self.swap = not args.no_swap
        self.games = args.games
        others = range(len(self.programs))
        self.pairings = [(i, j) for i in others for j in others if i < j and not (args.gauntlet and i)]
        limit = args.max_moves or 3 * args.size**2
        self.time: TimeSettings = parse_time(args.time)
        self.contract = Contract(args.size, args.komi, args.ko, limit, self.time, args.timeout)
        self.openings: Openings = make_openings(args.openings, args.opening_moves, args.size, args.seed, args.ko)
        self.seed = args.seed
        count, needed = self.openings.count, -(-self.games // 2) if self.swap else self.games
        if count is not None and count < needed:
            raise GoEngineError(
                f"{args.openings}: only {count} different openings, and {self.games} games need {needed}: "
                "ask for fewer games or longer openings"
            )

    def settings(self) -> dict[str, Any]:
        """What makes two games of the match comparable, as JSON values."""
        return {
            "programs": [[program.name, program.command] for program in self.programs],
            "pairings": self.pairings,
            **self.conditions(),
            "ko": self.contract.ko,
            "records": self.openings.digest,
            "seed": self.seed,
            "swap": self.swap,
            "max_moves": self.contract.max_moves,
        }

    def conditions(self) -> dict[str, Any]:
        """What the head of the table says."""
        contract = self.contract
        return {
            "size": contract.size,
            "komi": contract.komi,
            "time": str(self.time),
            "openings": self.openings.description,
            "referee": self.referee,
        }

    def schedule(self) -> list[int]:
        """The numbers of all games in the order of play; they stay when ``games`` grows."""
        pairs = range(len(self.pairings))
        order = sorted((turn // BLOCK, pair, turn) for turn in range(self.games) for pair in pairs)
        return [turn * len(pairs) + pair for _, pair, turn in order]

    def play(self, table: Table, game: int) -> tuple[Result, str]:
        """Play one game by its number, at a table."""
        turn, pair = divmod(game, len(self.pairings))
        first, second = self.pairings[pair]
        black, white = (second, first) if turn % 2 else (first, second)
        return table.play(game, black, white, self.openings.make(turn // 2 if self.swap else turn))

    def check_programs(self) -> None:
        """See that each program starts at all and plays on this board, the referee included.

        Raises:
            CannotStart: one does not.
        """
        programs = [(program.command, program.name) for program in self.programs]
        for command, name in [*programs, *([(self.referee, "referee")] if self.referee else [])]:
            with start_program(command, name) as client:
                try:
                    client.send(f"boardsize {self.contract.size}", START_TIMEOUT)
                except GoEngineError as error:
                    raise CannotStart(f"{error}: give another --size, or another program") from None

    def summary(self, folder: MatchFolder) -> dict[str, Any]:
        """The results so far, of the games that the schedule names."""
        wanted = [result for game in self.schedule() if (result := folder.results.get(game)) is not None]
        return summary(wanted, [program.name for program in self.programs], self.pairings, self.conditions())


def play_all(match: Match, folder: MatchFolder, tables: int) -> None:
    """Play what is missing, at several tables at once, each with its own programs.

    Raises:
        KeyboardInterrupt: after Ctrl-C, once the games on the tables are over; at the second one at once.
    """
    todo: queue.SimpleQueue[int] = queue.SimpleQueue()
    missing = [game for game in match.schedule() if game not in folder.results]
    for game in missing:
        todo.put(game)
    progress = Progress(match, len(missing))
    failures: list[Exception] = []
    lock, stop, broken_off = threading.Lock(), threading.Event(), threading.Event()

    def sit(table: Table, left: threading.Event) -> None:
        try:
            while not stop.is_set():
                result, record = match.play(table, todo.get_nowait())
                with lock:
                    if not broken_off.is_set():
                        folder.add(result, record)
                        progress.tell(result, folder)
        except queue.Empty:
            pass
        except Exception as error:
            failures.append(error)
            stop.set()
        finally:
            table.close()
            left.set()

    seats = {
        Table(match.programs, match.contract, match.referee): threading.Event()
        for _ in range(min(tables, len(missing)))
    }
    for seat in seats.items():
        threading.Thread(target=sit, args=seat, daemon=True).start()
    try:
        _wait(seats.values())
    except KeyboardInterrupt:
        stop.set()
        progress.say("finishing the games on the tables (Ctrl-C again: not even those); the same command goes on later")
        try:
            _wait(seats.values())
        except KeyboardInterrupt:
            with lock:
                broken_off.set()
            for table in seats:
                table.kill()
        raise
    if failures:
        raise failures[0]


def _wait(events: Iterable[threading.Event]) -> None:
    """Wait for all of them: up to Python 3.12 a join that Ctrl-C breaks off takes a thread that runs on for ended."""
    for event in events:
        event.wait()


class Progress:
    """One line on stderr for each game, with the time left."""

    def __init__(self, match: Match, missing: int) -> None:
        self._match, self._missing, self._done = match, missing, 0
        self._began = time.monotonic()

    def tell(self, result: Result, folder: MatchFolder) -> None:
        """A game is over."""
        self._done += 1
        names = {color: self._match.programs[result.player(color)].name for color in ("black", "white")}
        first, second = self._match.pairings[result.game % len(self._match.pairings)]
        both = [r for r in folder.results.values() if {r.black, r.white} == {first, second}]
        score = "-".join(str(sum(r.winner == index for r in both)) for index in (first, second))
        left = (time.monotonic() - self._began) / self._done * (self._missing - self._done)
        self.say(
            f"game {result.game + 1}: {names['black']} (Black) against {names['white']}: {result.result}, "
            f"{result.reason}, {result.moves} moves; {score} for {self._match.programs[first].name}; "
            f"{self._missing - self._done} games and about {clock(left)} left"
        )

    def say(self, text: str) -> None:
        """A line on stderr."""
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


def work(args: argparse.Namespace) -> int:
    """Play the match; its table is written whatever ends it."""
    match = Match(args)
    folder = MatchFolder(args.output, match.settings())
    try:
        if any(game not in folder.results for game in match.schedule()):
            match.check_programs()
            play_all(match, folder, args.tables)
    finally:
        found = match.summary(folder)
        folder.write("table.json", json.dumps(found, indent=2) + "\n")
        folder.write("table.txt", table_text(found))
        folder.close()
    sys.stdout.write(table_text(found))
    return 0


def main(words: list[str] | None = None) -> int:
    """Play the match; the result is the exit status."""
    args = parse_arguments(words)

    def play() -> int:
        with terminable():
            return work(args)

    return exit_status("match", play, place=args.output)


if __name__ == "__main__":
    sys.exit(main())
