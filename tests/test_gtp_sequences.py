"""Random sequences of commands: the session's game is always the one that the answers tell of.

The tests keep a game of their own, which knows nothing but what was sent and what was answered, and rebuild the
position from it after each command.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fake_network import FakeNetwork
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goengine.coords import format_vertex, parse_vertex
from goengine.errors import CoordinateError
from goengine.gtp.handlers import crash_report, make_handlers
from goengine.gtp.protocol import Engine
from goengine.gtp.session import Session
from goengine.gtp.words import COLORS
from goengine.player import Player
from goengine.rules import Color, Position

WELL_FORMED = re.compile(rb"([=?])(\d*)(?: ([^\n]+))?\n((?:[^\n]+\n)*)\n")
Move = tuple[Color, int | None]


@dataclass
class Record:
    """A game as a controller knows it."""

    size: int = 5
    komi: float = 7.5
    ko: str = "simple"
    setup: list[tuple[Color, int]] = field(default_factory=list)
    """Stones that are no moves."""
    to_play: Color = "black"
    """Whose turn it is before the first move."""
    moves: list[Move] = field(default_factory=list)
    turn: Color | None = None
    """Whose turn it is now, if not the opponent's of who moved last: who played a move that was taken back, say, or who
    plays the next move of a record."""

    def rebuild(self) -> Position:
        """The position, made from nothing else."""
        position = Position(self.size, komi=self.komi)
        black, white = ([point for color, point in self.setup if color == each] for each in ("black", "white"))
        position.setup(black, white, self.to_play)
        for color, point in self.moves:
            position.play(point, color)
        position.ko = self.ko  # type: ignore[assignment]  # the history is all there
        if self.turn is not None:
            position.to_play = self.turn
        return position


class Controller:
    """Sends commands, and keeps the record by the answers."""

    def __init__(self, folder: Path) -> None:
        self.session = Session(lambda: Player(FakeNetwork(self.session.size)), 5)
        self.engine = Engine(make_handlers(self.session), crash_report)
        self.record = Record()
        self.folder = folder
        self._number = 0

    def send(self, command: str) -> str | None:
        """The text of the answer, None if the command failed; checks both the answer and the session."""
        self._number += 1
        raw = self.engine.answer(f"{self._number} {command}\r".encode())
        assert raw is not None
        shape = WELL_FORMED.fullmatch(raw)
        assert shape is not None, (command, raw)
        mark, number, first, rest = shape.groups()
        assert int(number) == self._number
        assert b"internal error" not in raw, (command, raw)
        text = (first or b"").decode() + "\n" + rest.decode()
        if mark == b"=":
            self._took(command.split(), text.strip("\n"))
        else:
            assert not rest, "a failure is one line"
            self._refused(command.split())
        self.compare(command)
        return text if mark == b"=" else None

    def compare(self, command: str) -> None:
        """The session holds what the record says."""
        rebuilt, position = self.record.rebuild(), self.session.position
        assert str(position) == str(rebuilt), command
        assert position.moves == rebuilt.moves and position.hash == rebuilt.hash, command
        assert position.to_play == rebuilt.to_play and position.ko_point == rebuilt.ko_point, command
        assert position.captures == rebuilt.captures and position.komi == rebuilt.komi, command
        assert (position.legal_mask() == rebuilt.legal_mask()).all(), command
        assert (self.session.size, self.session.komi) == (self.record.size, self.record.komi), command

    def _took(self, words: list[str], text: str) -> None:
        """Keep the record after a command that was obeyed."""
        record, name, arguments = self.record, words[0], words[1:]
        if name in CHANGING or ("genmove" in name and name != "reg_genmove"):
            record.turn = None
        if name == "play":
            record.moves.append(self._move(*arguments[:2]))
        elif name == "gogui-play_sequence":
            record.moves += [self._move(*pair) for pair in zip(arguments[::2], arguments[1::2], strict=True)]
        elif name in ("genmove", "kgs-genmove_cleanup"):
            if text != "resign":
                record.moves.append(self._move(arguments[0], text))
        elif name.endswith("genmove_analyze"):
            last = text.split("\n")[-1].split()
            assert last[0] == "play"
            record.moves.append(self._move(arguments[0], last[1]))
        elif name in ("undo", "gg-undo"):
            count = int(arguments[0]) if name == "gg-undo" and arguments else 1
            assert count <= len(record.moves)
            for _ in range(count):
                record.turn = record.moves.pop()[0]
        elif name in ("boardsize", "clear_board"):
            size = int(arguments[0]) if arguments else record.size
            record.size, record.setup, record.to_play, record.moves = size, [], "black", []
        elif name == "komi":
            record.komi = float(arguments[0])
        elif name in ("fixed_handicap", "place_free_handicap"):
            assert len(text.split()) == int(arguments[0])
            self._handicap(text.split())
        elif name == "set_free_handicap":
            self._handicap(arguments)
        elif name == "loadsgf":
            until = int(arguments[1]) - 1 if len(arguments) > 1 else None
            size, komi, moves = LOADABLE[Path(arguments[0]).stem]
            record.size, record.komi = size, record.komi if komi is None else komi
            record.setup, record.to_play = [], "black"
            record.moves = moves[: max(0, until)] if until is not None else list(moves)
            if until is not None and until < len(moves):
                record.turn = moves[until][0]
        elif name in ("set_position", "gogui-setup"):
            if name == "set_position":
                record.setup, record.to_play, record.moves = [], "black", []
            assert not record.moves
            for color, vertex in zip(arguments[::2], arguments[1::2], strict=True):
                record.setup.append((COLORS[color.lower()], self._points([vertex])[0]))
        elif name == "gogui-setup_player":
            record.turn = COLORS[arguments[0].lower()]
            if not record.moves:
                record.to_play = record.turn
        elif name == "kata-get-rules":
            record.ko = json.loads(text)["ko"].lower()

    def _refused(self, words: list[str]) -> None:
        """What may be refused, and when."""
        if words[0] == "play" and len(words) > 2 and words[1].lower() in COLORS:
            try:
                color, point = self._move(*words[1:3])
            except CoordinateError:
                return
            assert not self.record.rebuild().is_legal(point, color), words
        elif words[0] == "undo":
            assert not self.record.moves

    def _move(self, color: str, vertex: str) -> Move:
        return COLORS[color.lower()], parse_vertex(vertex, self.record.size)

    def _handicap(self, vertices: list[str]) -> None:
        assert len(set(vertices)) == len(vertices)
        self.record.setup = [("black", point) for point in self._points(vertices)]
        self.record.to_play, self.record.moves = "white", []

    def _points(self, vertices: list[str]) -> list[int]:
        points = [parse_vertex(vertex, self.record.size) for vertex in vertices]
        found = [point for point in points if point is not None]
        assert len(found) == len(points), "a pass is no place for a stone"
        return found


CHANGING = (
    *("play", "gogui-play_sequence", "boardsize", "clear_board", "loadsgf", "set_position"),
    *("fixed_handicap", "place_free_handicap", "set_free_handicap"),
)
"""Commands after which it is the turn of who follows from the game; genmove in its forms is another."""
LOADABLE: dict[str, tuple[int, float | None, list[Move]]] = {
    "captures": (4, 0.5, [("black", 1), ("white", 0), ("black", 4), ("white", 5), ("black", None), ("white", 2)]),
    "nokomi": (6, None, [("black", 14), ("black", 15), ("white", None)]),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Game records to load, and one that cannot be."""
    folder = tmp_path_factory.mktemp("records")
    (folder / "broken.sgf").write_text("no record at all")
    for name, (size, komi, moves) in LOADABLE.items():
        text = f"(;GM[1]SZ[{size}]" + ("" if komi is None else f"KM[{komi}]")
        for color, point in moves:
            text += f";{color[0].upper()}[{'' if point is None else chr(97 + point % size) + chr(97 + point // size)}]"
        (folder / f"{name}.sgf").write_text(text + ")")
    return folder


COLOR = st.sampled_from(["b", "W", "black", "White"])
SIZES = ("4", "5", "6", "4 4", "7")
VERTEX = st.sampled_from([format_vertex(point, 5) for point in range(25)] + ["pass", "PASS", "d4", "F6"])
RULES = ("chinese", "tromp-taylor", "aga", "japanese", "chinese-kgs", "nz")


def written(name: str, *arguments: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """A command with arguments drawn from these."""
    return st.tuples(st.just(name), *arguments).map(" ".join)


def numbers(least: int, most: int) -> st.SearchStrategy[str]:
    return st.integers(least, most).map(str)


LEGAL_PLAY = written("play", COLOR, VERTEX)
SETUP = st.one_of(
    st.just("clear_board"),
    written("boardsize", st.sampled_from(SIZES)),
    written("komi", st.sampled_from(["7.5", "0", "-3.5", "6.50"])),
    written("fixed_handicap", numbers(0, 6)),
    written("place_free_handicap", numbers(0, 40)),
    written("set_free_handicap", VERTEX, VERTEX, VERTEX),
    written("set_position", COLOR, VERTEX, COLOR, VERTEX),
    written("gogui-setup", COLOR, VERTEX),
    written("gogui-setup_player", COLOR),
    written("loadsgf", st.sampled_from(["captures.sgf", "nokomi.sgf", "broken.sgf", "none.sgf"])),
    written("loadsgf", st.sampled_from(["captures.sgf", "nokomi.sgf"]), numbers(1, 9)),
    written("kata-set-rules", st.sampled_from(RULES)),
)
PLAYING = st.one_of(
    LEGAL_PLAY,
    LEGAL_PLAY,
    LEGAL_PLAY,
    written("genmove", COLOR),
    st.just("undo"),
    written("gg-undo", numbers(0, 5)),
    written("gogui-play_sequence", COLOR, VERTEX, COLOR, VERTEX),
)
ASKING = st.one_of(
    st.sampled_from(
        ["showboard", "final_score", "final_status_list dead", "kata-get-rules", "gomill-explain_last_move"]
    ),
    written("kgs-genmove_cleanup", COLOR),
    written("kata-genmove_analyze", COLOR, st.just("ownership true")),
    written("lz-genmove_analyze", COLOR, st.just("100000")),
    written("lz-analyze", COLOR),
    st.sampled_from(["reg_genmove b", "heatmap", "kata-raw-nn 3", "kgs-game_over", "cputime"]),
)
NONSENSE = st.one_of(
    st.text("ab1 .-", max_size=9).map("nonsense {}".format),
    written("play", st.sampled_from(["b", "grey", ""]), st.sampled_from(["Z99", "i4", "d0", "-1", "é", "A1B", "b"])),
    st.sampled_from(
        ["play", "play b", "boardsize", "boardsize 1", "boardsize 99", "boardsize 4 5", "komi x", "komi nan"]
    ),
    st.sampled_from(["undo 3", "gg-undo -1", "gg-undo 9999", "set_free_handicap", "gogui-play_sequence b", "loadsgf"]),
)
COMMAND = st.one_of(PLAYING, PLAYING, PLAYING, SETUP, ASKING, NONSENSE)


def check(folder: Path, commands: list[str]) -> None:
    controller = Controller(folder)
    before = os.getcwd()
    os.chdir(folder)  # for loadsgf
    try:
        for command in commands:
            if controller.send(command) is not None and command.startswith(("kata-set-rules", "loadsgf")):
                controller.send("kata-get-rules")
    finally:
        os.chdir(before)


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(commands=st.lists(COMMAND, min_size=5, max_size=40))
def test_the_game_is_the_one_that_the_answers_tell_of(folder: Path, commands: list[str]) -> None:
    check(folder, commands)


@pytest.mark.slow
@settings(max_examples=1500, suppress_health_check=list(HealthCheck))
@given(commands=st.lists(COMMAND, min_size=5, max_size=120))
def test_the_game_is_the_one_that_the_answers_tell_of_in_long_sequences(folder: Path, commands: list[str]) -> None:
    check(folder, commands)


def test_an_estimate_is_of_the_board_as_it_is(folder: Path) -> None:
    controller = Controller(folder)
    for size in (5, 6):
        controller.send(f"boardsize {size}")
        answer = controller.send("goengine-ownership")
        assert answer is not None and len(answer.split()) == size**2


def test_what_is_no_file_is_not_loaded(folder: Path) -> None:
    controller = Controller(folder)
    controller.send("play b c3")
    for name in (".", "/dev/zero", "x" * 5000, f"{'x' * 5000} 3", str(folder)):
        assert controller.send(f"loadsgf {name}") is None
    assert controller.session.position.move_number == 1
