"""The eight symmetries: a group of turns and mirrors, the same on points, boards and planes."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from goengine.style import ORIENTATIONS
from goengine.symmetry import (
    AVERAGED,
    SYMMETRIES,
    compose,
    inverse,
    inverse_table,
    symmetry_table,
    transform,
    transform_point,
)

Board = NDArray[np.int64]
BY_HAND: list[Callable[[Board], Board]] = [
    lambda board: board,
    lambda board: np.fliplr(board),
    lambda board: np.flipud(board),
    lambda board: np.rot90(board, 2),
    lambda board: board.T,
    lambda board: np.rot90(board, -1),
    lambda board: np.rot90(board, 1),
    lambda board: np.rot90(board.T, 2),
]


@pytest.mark.parametrize("number", range(SYMMETRIES))
@pytest.mark.parametrize("size", [2, 5, 19])
def test_each_symmetry_is_the_turn_it_says(number: int, size: int) -> None:
    board = np.arange(size * size).reshape(size, size)
    assert (transform(board, number) == BY_HAND[number](board)).all()


def test_all_eight_differ() -> None:
    assert len({tuple(row) for row in symmetry_table(3).tolist()}) == 8


@pytest.mark.parametrize("first", range(SYMMETRIES))
@pytest.mark.parametrize("second", range(SYMMETRIES))
def test_compose_is_one_after_the_other(first: int, second: int) -> None:
    board = np.arange(16).reshape(4, 4)
    assert (transform(board, compose(first, second)) == transform(transform(board, first), second)).all()


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_what_is_averaged_is_a_group(count: int) -> None:
    assert tuple(AVERAGED) == ORIENTATIONS
    numbers = AVERAGED[count]
    assert len(set(numbers)) == count and numbers[0] == 0
    assert {compose(first, second) for first in numbers for second in numbers} == set(numbers)
    assert count != 4 or {tuple(BY_HAND[number](np.arange(9).reshape(3, 3)).flat) for number in numbers} == {
        tuple(np.rot90(np.arange(9).reshape(3, 3), turns).flat) for turns in range(4)
    }


@pytest.mark.parametrize("number", range(SYMMETRIES))
def test_inverse_undoes(number: int) -> None:
    board = np.arange(25).reshape(5, 5)
    assert (transform(transform(board, number), inverse(number)) == board).all()
    assert compose(number, inverse(number)) == compose(inverse(number), number) == 0


@pytest.mark.parametrize("number", range(SYMMETRIES))
def test_a_point_goes_where_its_stone_goes(number: int) -> None:
    for point in range(49):
        board = np.zeros((7, 7), np.int8)
        board.flat[point] = 1
        assert transform(board, number).flat[transform_point(point, number, 7)] == 1
        assert symmetry_table(7)[number, inverse_table(7)[number, point]] == point


def test_planes_turn_together_and_the_original_stays() -> None:
    planes = np.arange(2 * 3 * 9, dtype=np.uint8).reshape(2, 3, 3, 3)
    before = planes.copy()
    turned = transform(planes, 5)
    assert turned.dtype == np.uint8 and turned.shape == planes.shape
    assert (planes == before).all()
    assert (turned[1, 2] == np.rot90(planes[1, 2], -1)).all()


def test_tables_cannot_be_changed_by_accident() -> None:
    with pytest.raises(ValueError, match="read-only"):
        symmetry_table(9)[0, 0] = 1
