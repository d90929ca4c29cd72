"""Finding the lines of a board: upright, tilted, among a window's other lines."""

import numpy as np
import pytest
from numpy.typing import NDArray
from other_boards import diagram, felt, game_like, pixels
from PIL import Image

from goengine.recognition.lattice import find_combs, find_lattices
from goengine.recognition.render import draw_board
from goengine.recognition.settle import settle
from goengine.recognition.style import Style
from goengine.recognition.tilt import straighten
from goengine.recognition.window import CELL, cut_window, homography, place


def _off(grids: list[NDArray[np.float64]], corners: list[tuple[float, float]], size: int) -> float:
    """How far, in steps, the best grid's nearest points lie from the corners of a board; 9 when none has its size."""
    best = 9.0
    for grid in grids:
        back = np.asarray(np.linalg.inv(grid), np.float64)
        found = np.array([place(back, x, y) for x, y in corners])
        across = float(np.abs((found.max(axis=0) - found.min(axis=0)).round() - (size - 1)).max())
        if across == 0:
            best = min(best, float(np.abs(found - found.round()).max()))
    return best


@pytest.mark.parametrize(("size", "share"), [(9, 0.4), (19, 0.0), (19, 0.9)])
def test_the_lines_of_boards_drawn_otherwise_are_found(size: int, share: float) -> None:
    stones = game_like(size, 4, share).tolist()
    last = size - 1
    for image, corners in (
        (felt(stones), [(30, 70), (30 + 30 * last, 70 + 30 * last)]),
        (pixels(stones), [(8, 8), (8 + 17 * last, 8 + 17 * last)]),
        (diagram(stones), [(52, 91), (52 + 26 * last, 91 + 26 * last)]),
    ):
        grids = find_lattices(np.asarray(image.convert("RGB")))
        assert _off(grids, [(float(x), float(y)) for x, y in corners], size) < 0.12


def test_nothing_is_found_in_a_bare_picture() -> None:
    assert find_lattices(np.full((200, 300, 3), 77, np.uint8)) == []
    assert find_combs(np.zeros(4, np.float32)) == []


def test_a_comb_is_no_multiple_and_no_fraction_of_the_step() -> None:
    profile = np.random.default_rng(1).random(400).astype(np.float32) * 0.2
    profile[17::23] += 1
    comb = find_combs(profile)[0]
    assert abs(comb.step - 23) < 0.05
    assert abs((comb.first - 17) % 23) < 0.6 or abs((comb.first - 17) % 23 - 23) < 0.6


def _tilted(seed: int) -> tuple[NDArray[np.uint8], NDArray[np.float64], int]:
    """A photo of a board from the side, and its grid."""
    rng = np.random.default_rng(seed)
    drawing = draw_board(game_like(19, seed, 0.4), Style(spacing=26, grain=0.05, margin=0.9), rng)
    width, height = drawing.picture.size
    before = np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
    after = before * 0.85 + 60 + rng.uniform(-30, 30, (4, 2))
    there = homography(before, after)
    back = np.linalg.inv(there)
    numbers = (back / back[2, 2]).reshape(-1)[:8].tolist()
    image = drawing.picture.transform(
        (width + 40, height + 40),
        Image.Transform.PERSPECTIVE,
        numbers,
        Image.Resampling.BICUBIC,
        fillcolor=(90, 80, 70),
    )
    return np.asarray(image), there @ drawing.grid, 19


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_board_seen_from_the_side_is_laid_straight(seed: int) -> None:
    picture, grid, size = _tilted(seed)
    corners = [place(grid, column, row) for column in (0, size - 1) for row in (0, size - 1)]
    laid = straighten(picture)
    assert laid is not None
    assert _off([laid[1] @ found for found in find_lattices(laid[0])], corners, size) < 0.4


def test_an_upright_picture_is_left_as_it_is() -> None:
    assert straighten(np.asarray(pixels(game_like(19, 1).tolist()).convert("RGB"))) is None
    assert straighten(np.zeros((50, 50, 3), np.uint8)) is None
    assert straighten(np.zeros((1, 4000, 3), np.uint8)) is None  # a line of it is left when it is made small


def test_a_grid_moves_onto_the_lines() -> None:
    picture, grid, size = _tilted(5)
    shaken = grid @ np.array([[1.004, 0.003, 0.1], [-0.004, 0.997, -0.12], [0.0001, 0, 1]])
    free = game_like(19, 5, 0.4) == 0
    found = settle(picture, shaken, free)
    assert found is not None
    again = settle(picture, found, free)
    assert again is not None
    spots = [(column, row) for column in (0, 9, size - 1) for row in (0, 9, size - 1)]
    before = max(np.hypot(*np.subtract(place(shaken, *spot), place(grid, *spot))) for spot in spots)
    after = max(np.hypot(*np.subtract(place(again, *spot), place(grid, *spot))) for spot in spots)
    assert before > 3 and after < 1


def test_a_grid_stays_where_no_lines_are_seen() -> None:
    grid = np.array([[20, 0, 30], [0, 20, 30], [0, 0, 1.0]])
    assert settle(np.full((300, 300, 3), 150, np.uint8), grid, np.ones((9, 9), bool)) is None


@pytest.mark.parametrize("spacing", [10.0, 26.0, 90.0])
def test_a_window_shows_each_point_at_its_place(spacing: float) -> None:
    stones = np.zeros((5, 5), np.int8)
    stones[1, 3] = 1
    drawing = draw_board(stones, Style(spacing=spacing, margin=1.0, star=0), np.random.default_rng(0))
    window = cut_window(np.asarray(drawing.picture), drawing.grid, -1, -1, 7, 7)
    assert window.shape == (8 * CELL + 1, 8 * CELL + 1, 3)
    grey = window.mean(axis=2)
    for row in range(5):
        for column in range(5):
            x, y = CELL * (column + 2), CELL * (row + 2)
            corners = grey[y - 4 : y + 5 : 8, x - 4 : x + 5 : 8].mean()
            assert (corners < 90) == (stones[row, column] == 1), (row, column)
    assert (cut_window(np.asarray(drawing.picture), drawing.grid, 40, 40, 3, 3) == 128).all()  # beyond the picture
