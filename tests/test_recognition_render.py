"""Drawn boards: what is drawn is where the drawing says it is, and as it says."""

import numpy as np
import pytest
from numpy.typing import NDArray

from goengine.recognition.classifier import BLACK, EMPTY, WHITE
from goengine.recognition.render import Drawing, draw_board
from goengine.recognition.scene import random_scene, random_stones
from goengine.recognition.style import Style
from goengine.recognition.window import homography


def _at(drawing: Drawing, row: float, column: float) -> NDArray[np.float64]:
    x, y, w = drawing.grid @ np.array([column, row, 1])
    return np.array([x / w, y / w])


def _color(drawing: Drawing, row: float, column: float) -> int:
    x, y = _at(drawing, row, column)
    pixel = drawing.picture.getpixel((round(x), round(y)))
    assert isinstance(pixel, tuple)
    return sum(pixel) // 3


def _line_at(pixels: NDArray[np.float64], near: float) -> float:
    """The middle of what is darker than the board, within 6 pixels."""
    where = np.arange(round(near) - 6, round(near) + 7)
    dark = 181 - pixels[where]
    return float((where * dark).sum() / dark.sum())


@pytest.mark.parametrize("size", [2, 9, 19])
@pytest.mark.parametrize("shading", ["flat", "radial", "rim", "striped"])
def test_each_point_has_the_colour_of_its_stone(size: int, shading: str) -> None:
    rng = np.random.default_rng(5)
    stones = random_stones(size, rng)
    stones[0, 0], stones[-1, 0], stones[0, -1] = BLACK, WHITE, EMPTY
    drawing = draw_board(stones, Style(shading=shading, coordinates=4, shadow=0.3, star=0), rng)
    for row in range(size):
        for column in range(size):
            beside = _color(drawing, row + 0.2, column + 0.2)
            low, high = {EMPTY: (140, 180), BLACK: (0, 139), WHITE: (181, 255)}[int(stones[row, column])]
            assert low <= beside <= high, (row, column, beside)


def test_the_lines_run_through_the_points() -> None:
    drawing = draw_board(np.zeros((5, 7), np.int8), Style(aspect=1.1, margin=1.0), np.random.default_rng(0))
    grey = np.asarray(drawing.picture.convert("L"), float)
    for column in range(7):
        x, y = _at(drawing, 1.5, column)
        assert abs(_line_at(grey[round(y)], x) - x) < 0.6, column
    for row in range(5):
        x, y = _at(drawing, row, 2.5)
        assert abs(_line_at(grey[:, round(x)], y) - y) < 0.6, row
    outside = _at(drawing, -0.5, 3)
    assert grey[round(outside[1]), round(outside[0])] > 150  # no line beyond the board


def test_a_mark_leaves_a_stone_its_colour_and_an_empty_point_empty() -> None:
    stones = np.zeros((9, 9), np.int8)
    stones[2, 2], stones[3, 3] = BLACK, WHITE
    marks = {(2, 2): ("triangle", (255, 0, 0)), (3, 3): ("12", (0, 0, 0)), (5, 5): ("A", (0, 0, 0))}
    drawing = draw_board(stones, Style(), np.random.default_rng(0), marks)
    plain = draw_board(stones, Style(), np.random.default_rng(0))
    changed = np.abs(np.asarray(drawing.picture, int) - np.asarray(plain.picture, int)).sum(axis=2) > 30
    for row in range(9):
        for column in range(9):
            x, y = np.round(_at(drawing, row, column)).astype(int)
            assert changed[y - 12 : y + 13, x - 12 : x + 13].any() == ((row, column) in marks)


def test_four_points_fix_a_projective_map() -> None:
    before = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
    after = np.array([[10, 5], [90, 12], [80, 70], [4, 66]], float)
    found = homography(before, after)
    for point, image in zip(before, after, strict=True):
        x, y, w = found @ [*point, 1]
        assert np.allclose([x / w, y / w], image)


def test_a_scene_comes_again_from_its_seed() -> None:
    first, again = (random_scene(np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(np.asarray(first.picture), np.asarray(again.picture))
    assert np.array_equal(first.stones, again.stones) and np.array_equal(first.grid, again.grid)


@pytest.mark.parametrize("seed", range(6))
def test_a_scene_tells_where_its_board_is(seed: int) -> None:
    drawing = random_scene(np.random.default_rng(seed))
    size = len(drawing.stones)
    corners = [_at(drawing, row, column) for row in (0, size - 1) for column in (0, size - 1)]
    assert all(0 < x < drawing.picture.width and 0 < y < drawing.picture.height for x, y in corners)
    black = [_color(drawing, *spot) for spot in np.argwhere(drawing.stones == BLACK)]
    white = [_color(drawing, *spot) for spot in np.argwhere(drawing.stones == WHITE)]
    if black and white:
        assert np.median(black) + 40 < np.median(white)
