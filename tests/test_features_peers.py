"""The planes of random games: the invariants, the slow twin bit for bit, symmetry, and the batch form."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diagrams import draw
from hypothesis import given, settings
from numpy.typing import NDArray
from reference import planes as reference
from reference.random_games import RandomGame, random_game
from reference.rules import NaivePosition
from twins import random_games, replay_pair, start_pair

from goengine.errors import GoEngineError
from goengine.features import FEATURE_SETS, encode, encode_games, encode_words, unpack
from goengine.movecodes import PASS, SETUP
from goengine.rules import Position, opponent

Planes = NDArray[np.uint8] | NDArray[np.int8]
SIZES = (2, 3, 5, 7, 9, 13, 19)


def same_planes(found: Planes, expected: Planes, naive: NaivePosition) -> None:
    """Fail unless the planes are equal; the first plane that differs is drawn, its points marked."""
    if np.array_equal(found, expected):
        return
    planes = np.flatnonzero((found != expected).any(axis=(1, 2)))
    points = np.flatnonzero(found[planes[0]] != expected[planes[0]])
    values = found[planes[0]].reshape(-1)[points]
    raise AssertionError(
        f"planes {planes.tolist()} differ; plane {planes[0]} at the marked points {points.tolist()} is "
        f"{values.tolist()}; {naive.to_play} to play after {naive.moves[-8:]}\n{draw(naive.board, points.tolist())}"
    )


def check_with_twin(game: RandomGame, step: int) -> None:
    for position, naive in replay_pair(game):
        if position.move_number % step == 0:
            same_planes(encode(position), reference.alphago48(naive), naive)


@pytest.mark.parametrize("size", SIZES)
def test_games_with_the_twin(size: int) -> None:
    step = {2: 1, 3: 1, 5: 2, 7: 4, 9: 7, 13: 40, 19: 60}[size]
    for seed in range(3):
        game = random_game(seed, size, min(4 * size * size, 320), fight=0.35 + 0.3 * seed, setup=0.1 * (seed == 2))
        check_with_twin(game, step)


@settings(max_examples=25, derandomize=True)
@given(game=random_games(SIZES[:5], plies=70))
def test_small_games_of_many_kinds_with_the_twin(game: RandomGame) -> None:
    check_with_twin(game, step=6)


@pytest.mark.slow
@settings(max_examples=60)
@given(game=random_games((*SIZES, 4, 6, 8, 25), plies=400))
def test_many_games_with_the_twin(game: RandomGame) -> None:
    check_with_twin(game, step=13)


@pytest.mark.parametrize("name", FEATURE_SETS)
def test_every_set_with_the_twin(name: str) -> None:
    *_, (position, naive) = replay_pair(random_game(5, 9, 60, fight=0.8))
    for position.to_play in ("black", "white"):
        naive.to_play = position.to_play
        found, expected = encode(position, name), reference.encode(naive, name)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


def test_superko_is_not_in_the_planes() -> None:
    forbidden = 0
    for seed in range(24):
        game = random_game(seed, 3, 60, fight=0.8, eyes=0.3, passes=0.1, ko="positional")
        position, _ = start_pair(game, "positional")
        simple, _ = start_pair(game)
        for color, point in game.plies:
            position.play(point, color)
            simple.play(point, color)
            np.testing.assert_array_equal(encode_words(position), encode_words(simple), err_msg=draw(simple.board))
            forbidden += len(simple.legal_points()) - len(position.legal_points())
    assert forbidden > 10, "these games hold hardly any superko"


# --- invariants ------------------------------------------------------------------------------------------------------


@settings(max_examples=20, derandomize=True)
@given(game=random_games((2, 3, 5, 9, 13, 19, 25), plies=120))
def test_invariants(game: RandomGame) -> None:
    for position, naive in replay_pair(game):
        if position.move_number % 8:
            continue
        planes = encode(position).astype(np.int64)
        shown = f"{position.to_play} to play\n{draw(naive.board)}"
        stones = naive.board != 0
        legal = position.legal_mask().reshape(stones.shape)
        assert (planes[0:3].sum(axis=0) == 1).all(), shown
        assert (planes[3] == 1).all() and not planes[47].any(), shown
        assert (planes[4:12].sum(axis=0) == stones).all(), shown
        assert (planes[12:20].sum(axis=0) == stones).all(), shown
        assert (planes[20:28].sum(axis=0) == legal).all(), shown
        assert (planes[36:44].sum(axis=0) == legal).all(), shown
        assert (planes[28:36].sum(axis=0) == planes[36]).all(), shown  # self-atari: exactly one liberty after it
        assert (planes[44:47] <= legal).all(), shown
        assert planes.max() <= 1


def symmetry(turns: int, mirror: bool) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """One of the eight ways to lay a board on itself, for arrays (..., size, size)."""
    return lambda array: np.rot90(array[..., ::-1] if mirror else array, turns, axes=(-2, -1))


def moved(game: RandomGame, transform: Callable[[NDArray[Any]], NDArray[Any]]) -> RandomGame:
    """The game with every point moved as `transform` moves a board."""
    old = transform(np.arange(game.size**2).reshape(game.size, game.size)).reshape(-1)
    new = {int(point): index for index, point in enumerate(old)}
    return RandomGame(
        game.size,
        tuple(new[point] for point in game.black),
        tuple(new[point] for point in game.white),
        game.to_play,
        tuple((color, None if point is None else new[point]) for color, point in game.plies),
    )


def last(game: RandomGame, plies: int) -> Position:
    position, _ = start_pair(game)
    for color, point in game.plies[:plies]:
        position.play(point, color)
    return position


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("turns", range(4))
def test_moving_the_board_commutes_with_encoding(turns: int, mirror: bool) -> None:
    transform = symmetry(turns, mirror)
    for size, plies in ((2, 8), (5, 20), (9, 60), (19, 60), (19, 220)):
        game = random_game(seed=size + plies, size=size, plies=plies, fight=0.8, setup=0.05)
        position = last(game, plies)
        found = encode(last(moved(game, transform), plies))
        np.testing.assert_array_equal(found, transform(encode(position)), err_msg=draw(position.board))


@pytest.mark.parametrize("size", SIZES)
def test_swapping_colors_commutes_with_encoding(size: int) -> None:
    game = random_game(seed=size, size=size, plies=size * size, fight=0.8, setup=0.05)
    swapped = RandomGame(
        size,
        game.white,
        game.black,
        opponent(game.to_play),
        tuple((opponent(color), point) for color, point in game.plies),
    )
    for plies in range(0, len(game.plies) + 1, 1 + len(game.plies) // 8):
        position = last(game, plies)
        np.testing.assert_array_equal(encode(last(swapped, plies)), encode(position), err_msg=draw(position.board))


def test_undo_and_replay_change_nothing() -> None:
    game = random_game(3, 9, 120, fight=0.8, setup=0.05, passes=0.05, twice=0.0)
    position, _ = start_pair(game)
    words = [encode_words(position)]
    for color, point in game.plies:
        position.play(point, color)
        words.append(encode_words(position))
    for color, point in reversed(game.plies):
        np.testing.assert_array_equal(encode_words(position), words.pop(), err_msg=draw(position.board))
        assert position.undo() == (color, point)
    np.testing.assert_array_equal(encode_words(position), words.pop())


# --- the batch form --------------------------------------------------------------------------------------------------


def packed(games_: list[RandomGame]) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    """The codes of games of one size, back to back, and where each begins."""
    codes = [last(game, len(game.plies)).codes() for game in games_]
    offsets = np.cumsum([0, *map(len, codes)]).astype(np.int64)
    return np.concatenate(codes), offsets


def every_label(moves: NDArray[np.uint16], offsets: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Game and label of every code that is not a setup stone."""
    index = np.flatnonzero(moves & SETUP == 0)
    game = np.searchsorted(offsets, index, side="right") - 1
    return game, index - offsets[game]


@pytest.mark.parametrize("size", [2, 5, 9, 13, 19, 25])
def test_encode_games_shows_what_encode_shows_at_every_ply(size: int) -> None:
    some = [
        random_game(seed, size, min(3 * size * size, 120), fight=0.8, setup=0.05 * seed, passes=0.03, twice=0.03)
        for seed in range(3)
    ]
    moves, offsets = packed(some)
    which, labels = every_label(moves, offsets)
    words, colors = encode_games(moves, offsets, which, labels, size=size)
    assert words.shape == (len(which), size, size) and words.dtype == np.uint64 and colors.dtype == np.uint8
    row = 0
    for game in some:
        position, _ = start_pair(game)
        for color, point in game.plies:
            position.to_play = color
            assert colors[row] == (color == "white")
            np.testing.assert_array_equal(words[row], encode_words(position), err_msg=draw(position.board))
            position.play(point)
            row += 1
    assert row == len(which)


@functools.cache
def batch() -> tuple[NDArray[np.uint16], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Every position of twelve 9x9 games."""
    moves, offsets = packed([random_game(seed, 9, 100, fight=0.7, setup=0.02) for seed in range(12)])
    return moves, offsets, *every_label(moves, offsets)


def test_samples_in_any_order_and_more_than_once() -> None:
    moves, offsets, which, labels = batch()
    words, colors = encode_games(moves, offsets, which, labels, size=9)
    order = np.random.default_rng(0).integers(0, len(which), 400)
    shuffled, shuffled_colors = encode_games(moves, offsets, which[order], labels[order], size=9)
    np.testing.assert_array_equal(shuffled, words[order])
    np.testing.assert_array_equal(shuffled_colors, colors[order])
    none, no_colors = encode_games(moves, offsets, which[:0], labels[:0], size=9)
    assert (none.shape, no_colors.shape) == ((0, 9, 9), (0,))


@pytest.mark.parametrize("threads", [2, 3, 4, 16])
def test_threads_share_the_work_and_give_the_same(threads: int) -> None:
    moves, offsets, which, labels = batch()
    words, colors = encode_games(moves, offsets, which, labels, size=9)
    again, again_colors = encode_games(moves, offsets, which, labels, size=9, threads=threads)
    np.testing.assert_array_equal(again, words)
    np.testing.assert_array_equal(again_colors, colors)


def test_out_is_written_in_place() -> None:
    moves, offsets, which, labels = batch()
    words, _ = encode_games(moves, offsets, which, labels, size=9)
    out = np.full((len(which), 9, 9), 2**63, np.uint64)
    found, _ = encode_games(moves, offsets, which, labels, size=9, out=out)
    assert found is out
    np.testing.assert_array_equal(out, words)
    assert unpack(out, "board4").shape == (len(which), 4, 9, 9)


def test_copies_are_encoded_by_many_threads_at_once() -> None:
    root = Position(13)
    positions = []
    for seed in range(24):
        position = root.copy()
        for color, point in random_game(seed, 13, 90, fight=0.9).plies:
            position.play(point, color)
        positions.append(position)
    expected = [encode_words(position.copy()) for position in positions]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(10):
            found = list(pool.map(encode_words, [position.copy() for position in positions]))
            np.testing.assert_array_equal(found, expected)


def test_other_threads_run_while_games_are_encoded() -> None:
    moves, offsets, which, labels = batch()
    many = np.tile(np.arange(len(which)), 15)
    begun, done = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        encode_games(moves, offsets, which[many], labels[many], size=9)
        done.set()

    encode_games(moves, offsets, which, labels, size=9)
    worker = threading.Thread(target=work)
    start = time.perf_counter()
    worker.start()
    begun.wait()
    turns = 0
    while not done.is_set():
        time.sleep(0.001)
        turns += 1
    worker.join()
    seconds = time.perf_counter() - start
    assert turns > 10, f"this thread got {turns} turns in {seconds:.2f} s: the GIL was held"


def test_samples_that_do_not_exist() -> None:
    moves, offsets, which, labels = batch()
    for game, label in ((12, 0), (-1, 0)):
        with pytest.raises(GoEngineError, match=r"game.*0 to 11"):
            encode_games(moves, offsets, [game], [label], size=9)
    for label in (-1, int(offsets[1])):
        with pytest.raises(GoEngineError, match="label"):
            encode_games(moves, offsets, [0], [label], size=9)
    with pytest.raises(GoEngineError, match="2 games but 1 labels"):
        encode_games(moves, offsets, [0, 1], [3], size=9)
    with pytest.raises(GoEngineError, match="out must be"):
        encode_games(moves, offsets, [0], [3], size=9, out=np.zeros((1, 9, 9), np.int64))
    assert len(which) == len(labels)


# --- compiled once, loaded later -------------------------------------------------------------------------------------

START = """
from typing import Any

import numpy as np
from goengine.features import encode, encode_games
from goengine.rules import Position
position = Position(9)
position.setup(black=[11, 19, 28], white=[20])
position.play(21)
position.play(29)
words, _ = encode_games(position.codes(), np.array([0, 6]), [0], [5], size=9)
print(encode(position)[44].sum(), encode(position)[45].sum(), int(words.sum()) % 1000003, len(position.legal_points()))
"""


@pytest.mark.slow
def test_a_second_process_loads_what_the_first_compiled(tmp_path: Path) -> None:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    runs = []
    for _ in range(3):
        start = time.perf_counter()
        run = subprocess.run(
            [sys.executable, "-c", START], env=environment, capture_output=True, text=True, timeout=600
        )
        assert run.returncode == 0, run.stderr
        runs.append((run.stdout, run.stderr, time.perf_counter() - start))
    assert runs[0][0] == runs[1][0] == runs[2][0]
    assert "compiling" in runs[0][1] and "compiling" not in runs[1][1] + runs[2][1]
    assert runs[2][2] < runs[0][2] / 2, [seconds for *_, seconds in runs]


@pytest.mark.parametrize("code", [81, 360, PASS - 1, PASS | SETUP])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_code_off_the_board_is_refused(code: int, threads: int) -> None:
    moves = np.array([0, 1, 2, 3, 4, code, 5, 6], np.uint16)
    offsets = np.array([0, 4, 8])
    where: Any = {"games": [0, 0, 1, 1], "labels": [0, 3, 1, 3], "size": 9, "threads": threads}
    with pytest.raises(GoEngineError, match="game 1 has a move that is not on a board of 9x9"):
        encode_games(moves, offsets, **where)
    boards = np.empty((1, 1, 81), np.int8)
    with pytest.raises(GoEngineError, match="game 1 has a move"):
        encode_games(moves, offsets, [1], [0], size=9, ahead=[3], boards=boards)
    encode_games(np.where(moves == code, PASS, moves), offsets, **where)
