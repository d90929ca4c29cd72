"""The eight symmetries of the square board, numbered 0 to 7, as index tables.

Symmetry ``s`` first transposes (if ``s & 4``), then turns upside down (``s & 2``), then mirrors left and right
(``s & 1``); 0 changes nothing. Points are numbered row * size + col with row 0 at the top, as everywhere.
"""

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from goengine.coords import point_of
from goengine.errors import GoEngineError

__all__ = [
    "AVERAGED",
    "SYMMETRIES",
    "averaged",
    "compose",
    "inverse",
    "inverse_table",
    "symmetry_table",
    "transform",
    "transform_point",
]

SYMMETRIES = 8
AVERAGED = {1: (0,), 2: (0, 3), 4: (0, 3, 5, 6), 8: tuple(range(SYMMETRIES))}
"""Over which symmetries a policy is averaged, by their number: the half turn, the four turns, all.

Each set is closed under composition, so the mean does not depend on which of its members the board was turned by.
"""


def averaged(count: int) -> tuple[int, ...]:
    """Over which symmetries a policy is averaged.

    Raises:
        GoEngineError: `count` is not one of `AVERAGED`.
    """
    if count not in AVERAGED:
        raise GoEngineError(f"symmetries {count} is not possible: use {', '.join(map(str, AVERAGED))}")
    return AVERAGED[count]


@cache
def symmetry_table(size: int) -> npt.NDArray[np.int64]:
    """Where each point of a turned board comes from.

    Returns:
        int64 (8, size * size), read-only: ``table[s][new_point]`` is the point before the symmetry ``s``.
    """
    points = np.empty((size, size), dtype=np.int64)
    for row in range(size):
        for col in range(size):
            points[row, col] = point_of(row, col, size)
    table = np.empty((SYMMETRIES, size * size), dtype=np.int64)
    for number in range(SYMMETRIES):
        board = points.T if number & 4 else points
        board = board[::-1] if number & 2 else board
        board = board[:, ::-1] if number & 1 else board
        table[number] = board.reshape(-1)
    table.flags.writeable = False
    return table


@cache
def inverse_table(size: int) -> npt.NDArray[np.int64]:
    """Where each point goes.

    Returns:
        int64 (8, size * size), read-only: ``table[s][old_point]`` is the point after the symmetry ``s``.
    """
    table = np.argsort(symmetry_table(size), axis=1)
    table.flags.writeable = False
    return table


def inverse(symmetry: int) -> int:
    """The symmetry that undoes this one."""
    transposed, flips = symmetry & 4, symmetry & 3
    if transposed:  # a flip of the rows, seen through the transposition, is a flip of the columns
        flips = (flips >> 1) | ((flips & 1) << 1)
    return transposed | flips


def compose(first: int, second: int) -> int:
    """The one symmetry that does what ``first`` and then ``second`` do."""
    flips = first & 3
    if second & 4:
        flips = (flips >> 1) | ((flips & 1) << 1)
    return ((first ^ second) & 4) | (flips ^ (second & 3))


def transform(array: npt.NDArray[Any], symmetry: int) -> npt.NDArray[Any]:
    """A turned copy of boards or planes.

    Args:
        array: (..., size, size) of any dtype; it is not changed.
        symmetry: 0 to 7.

    Returns:
        An array of the same shape and dtype.
    """
    size = array.shape[-1]
    flat = array.reshape(*array.shape[:-2], size * size)
    return flat[..., symmetry_table(size)[symmetry]].reshape(array.shape)


def transform_point(point: int, symmetry: int, size: int) -> int:
    """Where a point lies after the symmetry."""
    return int(inverse_table(size)[symmetry, point])
