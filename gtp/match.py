#!/usr/bin/env python3
r"""A match between two GTP programs: games into a folder, and a result table.

    python gtp/match.py --games 40 --output runs/match \
        "goengine gtp" "gnugo --mode gtp --level 1" --referee "gnugo --mode gtp --chinese-rules"

Each opening is played twice, with colours swapped. A program that crashes, hangs or plays an illegal move loses that
game with the reason, is started anew, and the match goes on. Games go into the output folder as SGF, one each, with
one line of JSON in games.jsonl; the same command again goes on where it stopped.
"""

import argparse
import hashlib
import json
import math
import os
import queue
import random
import shlex
import shutil
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path

from goengine.coords import format_vertex, parse_vertex
from goengine.errors import CoordinateError, GoEngineError, IllegalMove
from goengine.gtp.client import CommandFailed, GtpClient, ProgramDied, ProgramHangs
from goengine.rules import Color, Position, opponent
from goengine.sgf.write import write_game

START_TIMEOUT = 300.0  # seconds that a program may take for its first answers: kernels may be compiled then
FORMAT = 1


@dataclass(frozen=True)
class Settings:
    """What makes two games of a match comparable; kept in match.json, and the same when a match goes on."""

    programs: tuple[str, str]
    names: tuple[str, str]
    size: int
    komi: float
    opening_plies: int
    seed: int
    move_limit: int
    referee: str
    time_settings: str
    format: int = FORMAT


@dataclass
class Result:
    """How one game ended."""

    game: int
    black: int  # index of the program with Black
    opening: list[str]
    result: str = ""
    """As in SGF: B+3.5, W+R, B+F (the loser broke the rules of the match), 0."""
    winner: int | None = None
    """Index of the program that won; None is a draw."""
    reason: str = ""
    moves: int = 0
    seconds: list[float] = field(default_factory=lambda: [0.0, 0.0])
    """What the programs took to think."""
    slowest: list[float] = field(default_factory=lambda: [0.0, 0.0])
    scores: dict[str, str] = field(default_factory=dict)
    """What each program, and the referee, make of the final position."""
    line: str = ""
    """The moves, digested: games with the same line and colours are one game played twice."""


class _Forfeit(GoEngineError):
    """A program has lost the game by what it did; ``loser`` is its index."""

    def __init__(self, loser: int, reason: str) -> None:
        super().__init__(reason)
        self.loser = loser


# ---------------------------------------------------------------------------------------------------------- the game


class Table:
    """Two programs and perhaps a referee, kept running from game to game."""

    def __init__(self, settings: Settings, timeout: float) -> None:
        self.settings = settings
        self.timeout = timeout
        self._programs: list[GtpClient | None] = [None, None]
        self._referee: GtpClient | None = None

    def close(self) -> None:
        """End the programs."""
        for program in (*self._programs, self._referee):
            if program is not None:
                program.close()

    def play(self, number: int) -> tuple[Result, str]:
        """Play game ``number`` (from 0): the result, whatever the programs do, and the record as SGF."""
        opening = make_opening(self.settings, number // 2)
        position = Position(self.settings.size, komi=self.settings.komi)
        result = Result(number, number % 2, [format_vertex(point, position.size) for _, point in opening.moves])
        try:
            self._set_up(result, opening)
            for color, point in opening.moves:
                position.play(point, color)
            self._alternate(result, position)
        except _Forfeit as forfeit:
            winner = 1 - forfeit.loser
            result.winner, result.reason = winner, str(forfeit)
            result.result = f"{'B' if winner == result.black else 'W'}+F"
            self._stop(forfeit.loser)
        result.moves = position.move_number
        result.line = hashlib.sha256(repr(position.moves).encode()).hexdigest()[:16]
        return result, _game_record(self.settings, result, position)

    def _set_up(self, result: Result, opening: Position) -> None:
        """Both programs, started where need be, at the end of the opening."""
        for index in range(2):
            if self._programs[index] is None:
                try:
                    self._programs[index] = GtpClient(self.settings.programs[index], self.settings.names[index])
                except ProgramDied as error:
                    raise _Forfeit(index, str(error)) from None
            self._ask(index, f"boardsize {self.settings.size}", START_TIMEOUT)
            self._ask(index, "clear_board", START_TIMEOUT)
            self._ask(index, f"komi {self.settings.komi:g}", START_TIMEOUT)
            if self.settings.time_settings:
                self._ask(index, f"time_settings {self.settings.time_settings}")
            for color, point in opening.moves:
                self._ask(index, f"play {color} {format_vertex(point, opening.size)}", START_TIMEOUT)

    def _alternate(self, result: Result, position: Position) -> None:
        """Moves by turns, until two passes, a resignation, or the limit."""
        while position.passes < 2 and position.move_number < self.settings.move_limit:
            color = position.to_play
            mover = result.black if color == "black" else 1 - result.black
            began = time.monotonic()
            answer = self._ask(mover, f"genmove {color}", START_TIMEOUT if position.move_number < 10 else self.timeout)
            took = time.monotonic() - began
            result.seconds[mover] += took
            result.slowest[mover] = max(result.slowest[mover], took)
            if answer.lower() == "resign":
                result.winner = 1 - mover
                result.result = f"{'B' if opponent(color) == 'black' else 'W'}+R"
                result.reason = "resignation"
                return
            self._take(mover, color, answer, position)
            # the other program, too, may hold the move illegal; then it is the referee of the rules that decides: us
            self._ask(1 - mover, f"play {color} {answer}")
        result.reason = "two passes" if position.passes >= 2 else f"stopped after {position.move_number} moves"
        self._score(result, position)

    def _take(self, mover: int, color: Color, answer: str, position: Position) -> None:
        """Play a program's move; illegal is by simple ko, as programs differ on the rest."""
        try:
            position.play(parse_vertex(answer, position.size), color)
        except CoordinateError as error:
            raise _Forfeit(mover, f"{self.settings.names[mover]}: {error}") from None
        except IllegalMove as error:
            raise _Forfeit(mover, f"{self.settings.names[mover]}: illegal move: {error}") from None

    def _score(self, result: Result, position: Position) -> None:
        """Who has won on the board: the referee says, or else the playouts of our own estimate."""
        for index, program in enumerate(self._programs):
            if program is not None:
                try:
                    result.scores[self.settings.names[index]] = program.send("final_score", self.timeout)
                except CommandFailed:
                    continue  # not every program can count
                except (ProgramDied, ProgramHangs):
                    self._stop(index)  # the game is over: it is started anew for the next
        score = self._referee_score(position)
        result.scores["referee"] = _sgf_score(score)
        result.result = _sgf_score(score)
        if score:
            result.winner = result.black if score > 0 else 1 - result.black

    def _referee_score(self, position: Position) -> float:
        """Black's margin, komi included."""
        if not self.settings.referee:
            from goengine.estimate import estimate

            return estimate(position, playouts=2000).area_score(position.komi)
        if self._referee is None:
            self._referee = GtpClient(self.settings.referee, "referee")
        referee = self._referee
        for command in (f"boardsize {position.size}", "clear_board", f"komi {position.komi:g}"):
            referee.send(command, START_TIMEOUT)
        for color, point in position.moves:
            referee.send(f"play {color} {format_vertex(point, position.size)}", START_TIMEOUT)
        return parse_score(referee.send("final_score", START_TIMEOUT))

    def _ask(self, index: int, command: str, timeout: float | None = None) -> str:
        program = self._programs[index]
        assert program is not None
        try:
            return program.send(command, timeout or self.timeout)
        except GoEngineError as error:  # it failed, died or hangs
            raise _Forfeit(index, str(error)) from None

    def _stop(self, index: int) -> None:
        """End a program whose state is not to be trusted any more."""
        program, self._programs[index] = self._programs[index], None
        if program is not None:
            program.kill()


def make_opening(settings: Settings, number: int) -> Position:
    """Opening ``number``: corners taken one after the other, on points that people play, each opening different.

    On boards below 13x13 the first stones go around the middle instead.
    """
    position = Position(settings.size)
    draw = random.Random(f"{settings.seed} {number}")
    size = settings.size
    if size >= 13:
        near, corners = [(3, 3), (3, 2), (2, 3), (4, 2), (2, 4), (4, 3), (3, 4)], [0, 1, 2, 3]
        draw.shuffle(corners)
    else:
        middle = size // 2
        reach = max(1, min(2, middle - 2))
        near = [(middle + r, middle + c) for r in range(-reach, reach + 1) for c in range(-reach, reach + 1)]
        corners = [0]
    for ply in range(settings.opening_plies):
        for _ in range(100):
            row, col = draw.choices(near, weights=[4, 3, 3] + [1] * (len(near) - 3))[0] if len(near) > 3 else near[0]
            corner = corners[ply % len(corners)]
            row, col = (size - 1 - row if corner & 1 else row), (size - 1 - col if corner & 2 else col)
            if 0 <= row < size and 0 <= col < size and position.is_legal(row * size + col):
                position.play(row * size + col)
                break
    return position


def parse_score(text: str) -> float:
    """Black's margin from a GTP result such as ``B+3.5``, ``W+12``, ``0``."""
    word = text.split()[0].upper() if text.split() else ""
    if word in ("0", "JIGO", "DRAW"):
        return 0.0
    try:
        margin = float(word[2:])
    except ValueError:
        margin = math.nan
    if word[:2] not in ("B+", "W+") or not math.isfinite(margin):
        raise GoEngineError(f"the referee's final_score {text!r} is no result")
    return margin if word[0] == "B" else -margin


def _sgf_score(score: float) -> str:
    return "0" if score == 0 else f"{'B' if score > 0 else 'W'}+{abs(score):g}"


def _game_record(settings: Settings, result: Result, position: Position) -> str:
    names = (settings.names[result.black], settings.names[1 - result.black])
    scores = "".join(f"\n{name}: {score}" for name, score in result.scores.items())
    return write_game(
        position.size,
        position.moves,
        komi=settings.komi,
        rules="Chinese",
        result=result.result,
        date=date.today().isoformat(),
        black=names[0],
        white=names[1],
        comment=f"game {result.game + 1}: {result.reason}{scores}",
    )


# --------------------------------------------------------------------------------------------------------- the match


class Match:
    """The games of a match, in a folder."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self.settings = settings
        self.results: dict[int, Result] = {}
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._check_settings()
        self._read_results()

    def play(self, games: int, tables: int, timeout: float) -> None:
        """Play what is missing of the first ``games`` games, at several tables at once."""
        todo: queue.SimpleQueue[int] = queue.SimpleQueue()
        for number in range(games):
            if number not in self.results:
                todo.put(number)
        failures: list[Exception] = []
        stop = threading.Event()

        def sit() -> None:
            table = Table(self.settings, timeout)
            try:
                while not stop.is_set() and not todo.empty():
                    number = todo.get_nowait()
                    self._add(*table.play(number), games)
            except queue.Empty:
                pass
            except Exception as error:
                failures.append(error)
                stop.set()
            finally:
                table.close()

        threads = [threading.Thread(target=sit) for _ in range(max(1, tables))]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                while thread.is_alive():
                    thread.join(0.2)
        except KeyboardInterrupt:
            stop.set()
            sys.stderr.write("finishing the games on the tables; the same command goes on later\n")
            for thread in threads:
                thread.join()
            raise
        if failures:
            raise failures[0]

    def table(self) -> str:
        """The results so far, as text."""
        return result_table(list(self.results.values()), self.settings)

    def _add(self, result: Result, record: str, games: int) -> None:
        with self._lock:
            _write_whole(self.folder / f"game-{result.game + 1:04}.sgf", record)
            with (self.folder / "games.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps(asdict(result)) + "\n")
            self.results[result.game] = result
            won = "draw" if result.winner is None else f"{self.settings.names[result.winner]} wins"
            first, second = (sum(r.winner == i for r in self.results.values()) for i in (0, 1))
            sys.stderr.write(
                f"game {result.game + 1}: {won} {result.result}, {result.reason}, {result.moves} moves; "
                f"{len(self.results)} of {games}: {first}-{second}\n"
            )

    def _check_settings(self) -> None:
        path = self.folder / "match.json"
        wanted = json.loads(json.dumps(asdict(self.settings)))
        if not path.exists():
            _write_whole(path, json.dumps(wanted, indent=2) + "\n")
            return
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            different = sorted(key for key in wanted if stored.get(key) != wanted[key])
        except (ValueError, AttributeError, OSError):
            raise GoEngineError(f"{path}: not the settings of a match; take another folder") from None
        if different:
            raise GoEngineError(
                f"{self.folder}: holds a match with other settings ({', '.join(different)}); take another folder"
            )

    def _read_results(self) -> None:
        path = self.folder / "games.jsonl"
        if not path.exists():
            return
        text = path.read_text(encoding="utf-8")
        if text and not text.endswith("\n"):  # cut short when the match was stopped: that game is played again
            with path.open("a", encoding="utf-8") as log:
                log.write("\n")
        for line in text.splitlines():
            try:
                result = Result(**json.loads(line))
            except (ValueError, TypeError):
                continue
            self.results[result.game] = result


def result_table(results: list[Result], settings: Settings) -> str:
    """Wins by colour with a 95 % interval (Wilson), the difference in Elo, times, and how games ended."""
    lines = [f"{len(results)} games, {settings.size}x{settings.size}, komi {settings.komi:g}"]
    for index in (0, 1):
        won = sum(result.winner == index for result in results)
        drawn = sum(result.winner is None for result in results)
        points = won + drawn / 2
        low, high = wilson(points, len(results))
        black = [result for result in results if result.black == index]
        white = [result for result in results if result.black != index]
        moves = max(1, sum((result.moves - len(result.opening)) // 2 for result in results))
        lines.append(
            f"{settings.names[index]}: {points:g} points, {100 * points / max(1, len(results)):.1f} % "
            f"(95 %: {100 * low:.1f} to {100 * high:.1f}), Elo {_elo_text(points / max(1, len(results)), low, high)}; "
            f"as Black {sum(r.winner == index for r in black)} of {len(black)}, "
            f"as White {sum(r.winner == index for r in white)} of {len(white)}; "
            f"{1000 * sum(r.seconds[index] for r in results) / moves:.0f} ms a move, "
            f"slowest {max((r.slowest[index] for r in results), default=0.0):.2f} s"
        )
    for index in (0, 1):
        for result in results:
            if result.result.endswith("+F") and result.winner != index:
                lines.append(f"game {result.game + 1} lost by {settings.names[index]}: {result.reason}")
    lengths = [result.moves for result in results] or [0]
    ends: dict[str, int] = {}
    for result in results:
        reason = "lost by fault" if result.result.endswith("+F") else result.reason.split(" after")[0]
        ends[reason] = ends.get(reason, 0) + 1
    lines.append("ended by " + ", ".join(f"{reason} {count}" for reason, count in sorted(ends.items())))
    lines.append(f"moves a game: {min(lengths)} to {max(lengths)}, mean {sum(lengths) / len(lengths):.0f}")
    for name in settings.names:
        counted = [result for result in results if name in result.scores and "referee" in result.scores]
        if counted:
            same = sum(_agree(result.scores[name], result.scores["referee"]) for result in counted)
            lines.append(f"{name} counts as the referee does in {same} of {len(counted)} games")
    once = list({(result.black, result.line or result.game): result for result in results}.values())
    if len(once) < len(results):
        points = sum(0.5 if result.winner is None else float(result.winner == 0) for result in once)
        low, high = wilson(points, len(once))
        lines.append(
            f"each of the {len(once)} different games counted once: {settings.names[0]} {points:g} points, "
            f"{100 * points / len(once):.1f} % (95 %: {100 * low:.1f} to {100 * high:.1f}), "
            f"Elo {_elo_text(points / len(once), low, high)}"
        )
    different = len({tuple(result.opening) for result in results})
    lines.append(f"{different} openings of {settings.opening_plies} moves, each with both colours")
    return "\n".join(lines)


def wilson(points: float, games: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's interval for a share of ``games``; 95 % unless ``z`` says otherwise."""
    if games == 0:
        return 0.0, 1.0
    share = points / games
    middle = (share + z * z / (2 * games)) / (1 + z * z / games)
    half = z * math.sqrt(share * (1 - share) / games + z * z / (4 * games * games)) / (1 + z * z / games)
    low = 0.0 if points <= 0 else middle - half
    return low, 1.0 if points >= games else middle + half


def elo(share: float) -> float:
    """The difference in Elo at which this share of points is expected; infinite at 0 and 1."""
    if share <= 0 or share >= 1:
        return math.inf if share >= 1 else -math.inf
    return 400 * math.log10(share / (1 - share))


def _elo_text(share: float, low: float, high: float) -> str:
    return f"{elo(share):+.0f} ({elo(low):+.0f} to {elo(high):+.0f})"


def _agree(score: str, other: str) -> bool:
    try:
        return parse_score(score) == parse_score(other)
    except GoEngineError:
        return False


def _write_whole(path: Path, text: str) -> None:
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


# ---------------------------------------------------------------------------------------------------- the command line


def parse_arguments(words: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="A match between two GTP programs.")
    parser.add_argument("programs", nargs=2, metavar="COMMAND", help="how each program is started, in shell quoting")
    parser.add_argument("--names", nargs=2, metavar="NAME", help="what to call them (default: their commands)")
    parser.add_argument("--games", type=int, default=20, metavar="N", help="games in all (default: %(default)s)")
    parser.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="where the games go")
    parser.add_argument("--size", type=int, default=19, help="board size (default: %(default)s)")
    parser.add_argument("--komi", type=float, default=7.5, help="default: %(default)s")
    parser.add_argument("--openings", type=int, default=4, metavar="PLIES", help="moves of the opening (default: 4)")
    parser.add_argument("--seed", type=int, default=1, help="of the openings (default: %(default)s)")
    parser.add_argument("--move-limit", type=int, metavar="N", help="plies (default: 3 for each point)")
    parser.add_argument("--referee", metavar="COMMAND", help="a GTP program that counts (default: GNU Go if installed)")
    parser.add_argument("--no-referee", action="store_true", help="count by our own playouts")
    parser.add_argument("--time-settings", default="", metavar='"M B S"', help="sent as GTP's time_settings")
    parser.add_argument(
        "--timeout", type=float, default=60, metavar="S", help="a program that takes longer for a move loses"
    )
    parser.add_argument("--tables", type=int, default=1, metavar="N", help="games at once (default: %(default)s)")
    args = parser.parse_args(words)
    if args.games < 1 or not 2 <= args.size <= 25 or args.openings < 0 or not math.isfinite(args.komi):
        parser.error("--games needs 1 or more, --size 2 to 25, --openings 0 or more, --komi a number")
    return args


def settings_of(args: argparse.Namespace) -> Settings:
    """The settings that the command line asks for."""
    names = tuple(args.names) if args.names else tuple(_short_name(command) for command in args.programs)
    if names[0] == names[1]:
        names = (f"{names[0]} (1)", f"{names[1]} (2)")
    referee = args.referee or ""
    if not referee and not args.no_referee:
        gnugo = shutil.which("gnugo") or shutil.which("/usr/games/gnugo")
        referee = f"{shlex.quote(gnugo)} --mode gtp --chinese-rules" if gnugo else ""
    return Settings(
        programs=(args.programs[0], args.programs[1]),
        names=(names[0], names[1]),
        size=args.size,
        komi=args.komi,
        opening_plies=args.openings,
        seed=args.seed,
        move_limit=args.move_limit or 3 * args.size**2,
        referee=referee,
        time_settings=args.time_settings,
    )


def _short_name(command: str) -> str:
    words = shlex.split(command) or [command]
    return " ".join([Path(words[0]).name, *words[1:]])


def main(words: list[str] | None = None) -> int:
    """Play the match; the result is the exit status."""
    args = parse_arguments(words)
    try:
        match = Match(args.output, settings_of(args))
        match.play(args.games, args.tables, args.timeout)
    except GoEngineError as error:
        sys.stderr.write(f"match: {error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"match: {error.filename}: {error.strerror}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    table = match.table() + "\n"
    _write_whole(args.output / "table.txt", table)
    sys.stdout.write(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
