"""A grid that is nearly right, moved onto the lines of the picture."""

import cv2
import numpy as np
from numpy.typing import NDArray

from goengine.recognition.lattice import ridges
from goengine.recognition.window import CELL, cut_window

__all__ = ["settle"]

_REACH = 4  # pixels of a window that a line may lie off
_FEWEST = 12  # places in each direction
_CLEAR = 0.25  # of a ridge, to count as a line

_Doubles = NDArray[np.float64]


def settle(picture: NDArray[np.uint8], grid: _Doubles, free: NDArray[np.bool_]) -> _Doubles | None:
    """Fit a grid to the lines that are seen between free points.

    Args:
        picture: uint8 (height, width, 3).
        grid: float (3, 3), from (column, row, 1) to pixels, right to a quarter of a step.
        free: bool (rows, columns), points without a stone.

    Returns:
        A homography as ``grid``; None where too few lines are seen.
    """
    rows, columns = free.shape
    window = cut_window(picture, grid, 0, 0, columns, rows)
    grey = np.asarray(cv2.cvtColor(window, cv2.COLOR_RGB2GRAY), np.float32)
    dark, pale = ridges(grey, dark=True), ridges(grey, dark=False)
    across, down = dark if dark[0].sum() + dark[1].sum() > pale[0].sum() + pale[1].sum() else pale
    level = _offsets(across, free)
    upright = [(column, row, off) for row, column, off in _offsets(down.T, free.T)]
    if min(len(level), len(upright)) < _FEWEST:
        return None
    equations, values = [], []
    for column, row, off in level:  # x, y of the grid: the line is at y + off
        there = row + off
        equations.append([0, 0, 0, column, row, 1, -column * there, -row * there])
        values.append(there)
    for column, row, off in upright:
        there = column + off
        equations.append([column, row, 1, 0, 0, 0, -column * there, -row * there])
        values.append(there)
    matrix, wanted = np.array(equations, float), np.array(values, float)
    start = np.array([1, 0, 0, 0, 1, 0, 0, 0], float)
    tame = np.diag([0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 20, 20])  # where little is seen, stay
    left = wanted - matrix @ start
    keep = np.ones(len(left), bool)
    move = np.zeros(8)
    for _ in range(3):
        move = np.linalg.lstsq(np.vstack([matrix[keep], tame]), np.append(left[keep], np.zeros(8)), rcond=None)[0]
        rest = np.abs(left - matrix @ move)
        keep = rest < max(0.04, 2.5 * float(np.median(rest)))
    return np.asarray(grid @ np.append(start + move, 1).reshape(3, 3))


def _offsets(lines: NDArray[np.float32], free: NDArray[np.bool_]) -> list[tuple[float, float, float]]:
    """Where lines across run between two free points beside each other: (column, row, offset down), in steps."""
    found = []
    for row, column in np.argwhere(free[:, :-1] & free[:, 1:]):
        y, x = CELL * (int(row) + 1), CELL * (int(column) + 1) + CELL // 2
        strip = lines[y - _REACH : y + _REACH + 1, x - 2 : x + 3].mean(axis=1)
        peak = int(strip.argmax())
        if strip[peak] < _CLEAR * 0.3 or peak in (0, 2 * _REACH):
            continue
        near = strip[peak - 1 : peak + 2]
        off = (peak - _REACH + float((near * [-1, 0, 1]).sum() / near.sum())) / CELL
        found.append((column + 0.5, float(row), off))
    return found
