"""Windows to learn from: cut out of drawn pictures on grids that fit, and on grids that do not."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from goengine.recognition.classifier import OFF
from goengine.recognition.render import Drawing
from goengine.recognition.scene import random_scene
from goengine.recognition.window import cut_window

__all__ = ["SMALL", "WIDE", "Lesson", "lessons_of_scene"]

SMALL, WIDE = 13, 23
"""Points on a side of the windows: a part of a large board, or all of any board and what is around it."""


@dataclass(frozen=True)
class Lesson:
    """A window, uint8 (height, width, 3), and the class of each of its points, int8 (rows, columns)."""

    window: NDArray[np.uint8]
    labels: NDArray[np.int8]


def lessons_of_scene(seed: int) -> list[Lesson]:
    """Four lessons of one random picture: two of part of the board, one of all, one of a grid that is none."""
    rng = np.random.default_rng(seed)
    drawing = random_scene(rng)
    picture = np.asarray(drawing.picture)
    size = len(drawing.stones)
    found = []
    for side in (SMALL, SMALL, WIDE):
        low, high = sorted((-3, size + 3 - side))
        column, row = (int(value) for value in rng.integers(low, high + 1, 2))
        grid = drawing.grid @ _shaken(rng, column + side / 2, row + side / 2, side)
        labels = np.full((side, side), OFF, np.int8)
        top, left = max(0, row), max(0, column)
        part = drawing.stones[top : row + side, left : column + side]
        labels[top - row : top - row + part.shape[0], left - column : left - column + part.shape[1]] = part
        found.append(Lesson(cut_window(picture, grid, column, row, side, side), labels))
    wrong = _wrong_grid(drawing, rng)
    found.append(Lesson(cut_window(picture, wrong, 0, 0, SMALL, SMALL), np.full((SMALL, SMALL), OFF, np.int8)))
    return found


def _shaken(rng: np.random.Generator, column: float, row: float, side: int) -> NDArray[np.float64]:
    """A map of the grid to itself that moves the points of a window a little, by about a tenth of a step at most."""
    shift = rng.uniform(-0.07, 0.07, 2)
    shear = rng.uniform(-0.06, 0.06, (2, 2)) / side
    there = np.array([[1, 0, column], [0, 1, row], [0, 0, 1.0]])
    move = np.eye(3)
    move[:2, :2] += shear
    move[:2, 2] = shift
    return there @ move @ np.linalg.inv(there)


def _wrong_grid(drawing: Drawing, rng: np.random.Generator) -> NDArray[np.float64]:
    """A grid whose points are none of the board's: between the lines, too fine, too coarse, turned, or elsewhere."""
    size = len(drawing.stones)
    kind = rng.random()
    scale, angle = 1.0, 0.0
    shift = rng.uniform(-3, size - SMALL + 3, 2).round()
    if kind < 0.4:  # beside the lines
        off = [(0.5, 0.5), (0.5, 0.0), (0.0, 0.5)][int(rng.integers(3))]
        shift += np.array(off) + rng.uniform(-0.12, 0.12, 2)
    elif kind < 0.7:
        scale = float(rng.choice([0.5, 2.0, 2.0, 2 / 3, 1.5]))
        shift = rng.uniform(-0.2, 0.6, 2) * size
        shift = shift.round() if rng.random() < 0.5 else shift
    elif kind < 0.8:
        angle, scale = rng.uniform(0.15, 0.8), rng.uniform(0.7, 1.5)
    else:  # somewhere else in the picture
        x, y = rng.uniform(0, drawing.picture.width), rng.uniform(0, drawing.picture.height)
        step = rng.uniform(8, 40)
        straight = np.array([[step, 0, x], [0, step, y], [0, 0, 1.0]])
        corners = np.linalg.inv(drawing.grid) @ straight @ np.array([[0, SMALL, 0], [0, SMALL, SMALL], [1, 1, 1.0]])
        across, down = corners[:2] / corners[2]
        if across.max() < -1 or across.min() > size or down.max() < -1 or down.min() > size:
            return straight
        shift += 0.5
    turn = np.array(
        [
            [scale * np.cos(angle), -scale * np.sin(angle), shift[0]],
            [scale * np.sin(angle), scale * np.cos(angle), shift[1]],
            [0, 0, 1],
        ]
    )
    return np.asarray(drawing.grid @ turn)
