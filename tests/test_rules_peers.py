"""Our rules beside others': the naive twin, sgfmill's board, and GNU Go where it is installed."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Iterator

import pytest
from diagrams import draw, same_points
from hypothesis import given, settings
from reference.random_games import RandomGame, random_game
from sgfmill import boards
from twins import assert_same, random_games, replay_pair

from goengine.coords import format_vertex, parse_vertex, point_of, row_col
from goengine.match.programs import find_gnugo
from goengine.rules import KO_RULES, Ko, Position

GNUGO = find_gnugo()


def check_with_twin(game: RandomGame, step: int) -> None:
    for position, naive in replay_pair(game):
        if position.move_number % step == 0:
            assert_same(position, naive)
    assert_same(position, naive)


@settings(max_examples=25, derandomize=True)
@given(game=random_games((2, 3, 5, 7, 9), plies=90))
def test_small_games_with_the_twin(game: RandomGame) -> None:
    check_with_twin(game, step=4)


@settings(max_examples=4, derandomize=True)
@given(game=random_games((13, 19, 25), plies=350))
def test_large_games_with_the_twin(game: RandomGame) -> None:
    check_with_twin(game, step=70)


@pytest.mark.slow
@settings(max_examples=60)
@given(game=random_games((2, 3, 4, 5, 6, 7, 9, 11, 13, 19), plies=400))
def test_many_games_with_the_twin(game: RandomGame) -> None:
    check_with_twin(game, step=17)


@pytest.mark.slow
@pytest.mark.parametrize("ko", KO_RULES)
def test_many_tiny_games_under_each_ko_rule(ko: Ko) -> None:
    for seed in range(60):
        game = random_game(seed, 2 + seed % 4, 150, fight=0.8, passes=0.1, eyes=1.0, twice=0.03, ko=ko)
        for position, naive in replay_pair(game, ko):
            assert_same(position, naive)


# --- sgfmill ---------------------------------------------------------------------------------------------------------


def test_sgfmill_agrees_which_boards_are_legal_at_3x3() -> None:
    legal = 0
    for cells in itertools.product(".XO", repeat=9):
        black = [point for point, cell in enumerate(cells) if cell == "X"]
        white = [point for point, cell in enumerate(cells) if cell == "O"]
        board = boards.Board(3)
        legal += board.apply_setup([row_col(p, 3) for p in black], [row_col(p, 3) for p in white], [])
    assert legal == 12_675


@pytest.mark.parametrize(("size", "seeds"), [(5, 12), (9, 8), (19, 4)])
def test_games_on_sgfmills_board(size: int, seeds: int) -> None:
    for seed in range(seeds):
        game = random_game(1000 + seed, size, 250, fight=0.3 * (seed % 4), eyes=0.1)
        board, position = boards.Board(size), Position(size)
        for color, point in game.plies:
            position.play(point, color)
            ko = None if point is None else board.play(*row_col(point, size), color[0])
            stones = {(colour, point_of(row, col, size)) for colour, (row, col) in board.list_occupied_points()}
            found = {("b" if value > 0 else "w", p) for p, value in enumerate(position.board.flat) if value}
            assert found == stones, draw(position.board)
            ko_points = [] if ko is None else [point_of(ko[0], ko[1], size)]
            same_points(position.board, [] if position.ko_point is None else [position.ko_point], ko_points, "ko")
            assert position.area_score() + position.komi == board.area_score(), draw(position.board)


# --- GNU Go ----------------------------------------------------------------------------------------------------------


class GnuGo:
    """GNU Go over GTP."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [str(GNUGO), "--mode", "gtp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def ask(self, command: str) -> str:
        """The answer to a command, which must succeed."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        lines: list[str] = []
        while (line := self.process.stdout.readline()).strip() or not lines:
            assert line, f"GNU Go ended at {command!r}"
            lines.append(line)
        answer = "".join(lines).strip()
        assert answer.startswith("="), f"{command!r}: {answer}"
        return answer[1:].strip()

    def close(self) -> None:
        """End it."""
        self.process.communicate("quit\n", timeout=10)


@pytest.fixture
def gnugo() -> Iterator[GnuGo]:
    if GNUGO is None:
        pytest.skip("GNU Go is not installed")
    program = GnuGo()
    yield program
    program.close()


def vertices(text: str, size: int) -> set[int]:
    points = {parse_vertex(vertex, size) for vertex in text.split()}
    return {point for point in points if point is not None}


@pytest.mark.parametrize(("size", "seeds"), [(5, 6), (9, 4), (13, 2), (19, 1)])
def test_games_beside_gnugo(gnugo: GnuGo, size: int, seeds: int) -> None:
    for seed in range(seeds):
        game = random_game(2000 + seed, size, 200, fight=0.3 + 0.3 * (seed % 3), eyes=0.1, passes=0.02)
        gnugo.ask(f"boardsize {size}")
        gnugo.ask("clear_board")
        position = Position(size)
        for color, point in game.plies:
            position.play(point, color)
            gnugo.ask(f"play {color} {format_vertex(point, size)}")
            board, turn = position.board, position.to_play
            same_points(board, position.legal_points(), vertices(gnugo.ask(f"all_legal {turn}"), size), "legal")
            if position.move_number % 10 == 0 or position.move_number == len(game.plies):
                for side, value in (("black", 1), ("white", -1)):
                    stones = vertices(gnugo.ask(f"list_stones {side}"), size)
                    same_points(board, (board.reshape(-1) == value).nonzero()[0], stones, f"{side}'s stones")
                    assert position.captures[side] == int(gnugo.ask(f"captures {side}")), draw(board)
