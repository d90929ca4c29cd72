"""Playouts, ownership, dead stones and the score."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from diagrams import EYE_EACH, SETTLED, parse, set_up
from hypothesis import given, settings
from hypothesis import strategies as st
from playout_twin import playouts_twin

from goengine._kernels.playout import playouts
from goengine.coords import format_vertex
from goengine.estimate import Estimate, estimate
from goengine.rules import Position


def of(diagram: str, to_play: str = "black", playouts: int = 400) -> Estimate:
    drawn = parse(diagram)
    position = Position(drawn.size)
    position.setup(drawn.black, drawn.white, to_play)  # type: ignore[arg-type]
    return estimate(position, playouts)


@settings(max_examples=40)
@given(st.integers(2, 7), st.lists(st.integers(0, 48), max_size=30), st.integers(0, 2**40), st.sampled_from([1, 2]))
def test_the_kernel_plays_as_its_slow_twin(size: int, plies: list[int], seed: int, to_play: int) -> None:
    position = Position(size)
    for point in plies:
        if position.is_legal(point % (size * size)):
            position.play(point % (size * size))
    position.to_play = "black" if to_play == 1 else "white"
    board = position.board.reshape(-1)
    ko = -1 if position.ko_point is None else position.ko_point
    owned, scores = np.zeros(size * size, np.int32), np.zeros(5, np.int32)
    playouts(board, size, to_play, ko, 5, seed, 3 * size * size, owned, scores)
    twin_owned, twin_scores = playouts_twin(board, size, to_play, ko, 5, seed, 3 * size * size)
    np.testing.assert_array_equal(owned, twin_owned, str(position))
    np.testing.assert_array_equal(scores, twin_scores)


def test_the_estimate_does_not_depend_on_the_threads() -> None:
    position = Position(9)
    position.play(40)
    one, four = estimate(position, 100, seed=3), estimate(position, 100, seed=3, threads=4)
    np.testing.assert_array_equal(one.ownership, four.ownership)
    np.testing.assert_array_equal(one.scores, four.scores)
    assert not np.array_equal(one.scores, estimate(position, 100, seed=4).scores)


def test_the_position_is_not_changed() -> None:
    position = Position(5)
    position.play(12)
    before = str(position)
    estimate(position, 20)
    assert str(position) == before and position.move_number == 1


def test_a_finished_board_is_counted_exactly() -> None:
    seen = of(SETTLED)
    assert seen.decided and seen.settled and seen.contested == 0
    assert seen.area_score(0) == 36 - 45
    assert seen.area_score(7.5) == -16.5
    assert (seen.ownership[:, :4] == 1).all() and (seen.ownership[:, 4:] == -1).all()
    assert seen.won("white", 7.5) == 1.0 and seen.won("black", 7.5) == 0.0
    assert seen.won("black", -9) == 0.5
    assert not seen.dead and not seen.unsure and not seen.seki


def test_dead_stones_are_found_and_removed() -> None:
    seen = of(SETTLED.replace("O . .", "O X .", 1))
    assert [[format_vertex(point, 9) for point in chain.stones] for chain in seen.dead] == [["H9"]]
    assert seen.dead[0].color == "black" and seen.dead[0].owned < -0.9
    assert seen.area_score(0) == -9


SEKI = """
    O X . O O O . X O
    O X X X X X X X O
    O O O O O O O O O
    O . O . O . O . O
    O O O O O O O O O
    X X X X X X X X X
    . X . X . X . X .
    X X X X X X X X X
    . X . X . X . X .
"""


def test_a_seki_is_alive_and_listed() -> None:
    # whoever plays C9 or G9 first loses: White's three stones, then in atari, fill no shape that kills
    seen = of(SEKI, playouts=2000)
    assert seen.decided and not seen.dead
    assert [(chain.color, format_vertex(chain.stones[0], 9)) for chain in seen.seki] == [
        ("black", "B9"),
        ("white", "D9"),
    ]
    black, white = 9 + 36, 3 + 2 + 9 + 9 + 9 + 2
    assert seen.area_score(0) == black - white


@pytest.mark.parametrize("to_play", ["black", "white"])
def test_a_seki_with_an_eye_each_is_listed(to_play: str) -> None:
    # Black B9 and White D9 have an eye each and share C9: who plays there is captured
    seen = of(EYE_EACH, to_play, playouts=2000)
    assert seen.decided and not seen.dead
    assert [(chain.color, format_vertex(chain.stones[0], 9)) for chain in seen.seki] == [
        ("black", "B9"),
        ("white", "D9"),
    ]
    assert seen.in_seki[0, 0] and seen.in_seki[0, 4] and not seen.in_seki[0, 2]
    assert seen.area_score(0) == (5 + 12 + 36) - (6 + 3 + 18)


def test_groups_with_two_eyes_beside_a_neutral_point_are_in_no_seki() -> None:
    seen = of(SETTLED.replace("X X X X O O O . O", "X X X . O O O . O", 1))
    assert seen.decided and seen.seki == () and not seen.in_seki.any()


def test_a_region_is_its_surrounder_s_after_two_passes() -> None:
    position = set_up(SETTLED)
    seen = replace(estimate(position, 100), ownership=np.zeros((9, 9), np.float32))
    position.play(None)
    assert not seen.over and not estimate(position, 4).over and not seen.seen_from(position).over
    position.play(None)
    assert estimate(position, 4).over and seen.seen_from(position).over
    stones = int(seen.stones.sum())
    assert not seen.decided and seen.area_score(0) == stones
    assert replace(seen, over=True).area_score(0) == estimate(position).area_score(0) != stones


def test_a_doubt_makes_a_chain_unsure() -> None:
    sure = of(SETTLED)
    doubts = replace(sure, chains=tuple(replace(chain, owned=-0.9) for chain in sure.chains))
    for seen, owned in ((sure.doubted_by(doubts), 0.3), (doubts.doubted_by(sure), -0.27)):
        assert seen.unsure == seen.chains and not seen.decided
        assert [chain.owned for chain in seen.chains] == pytest.approx([owned] * len(seen.chains))
    assert sure.doubted_by(sure) == sure


def test_the_opening_is_open() -> None:
    position = Position(9)
    position.play(40)
    seen = estimate(position, 200)
    assert not seen.settled and not seen.decided and seen.contested > 20


@pytest.mark.parametrize("size", [2, 3, 25])
def test_the_smallest_and_the_largest_board(size: int) -> None:
    seen = estimate(Position(size), 8)
    assert seen.ownership.shape == (size, size) and abs(seen.ownership).max() <= 1
    assert len(seen.scores) == 8 and seen.chains == ()
