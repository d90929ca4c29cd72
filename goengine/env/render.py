"""A board as text, or as a picture: wood, grid, star points, coordinates, stones, a ring on the last move."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goengine.coords import LETTERS
from goengine.handicap import star_points

__all__ = ["board_frame", "board_image", "board_text"]

Image = NDArray[np.float64]

_CELL = 28  # pixels from line to line
_FINE = 4  # subpixels a side for smooth edges
_WOOD = np.array([219.0, 176.0, 102.0])
_INK = np.array([60.0, 42.0, 20.0])

# Columns of 5x7 pixels from left to right, the lowest bit on top.
_GLYPHS = {
    **{"0": "3E5149453E", "1": "00427F4000", "2": "4261514946", "3": "2141454B31", "4": "1814127F10"},
    **{"5": "2745454539", "6": "3C4A494930", "7": "0171090503", "8": "3649494936", "9": "064949291E"},
    **{"A": "7E1111117E", "B": "7F49494936", "C": "3E41414122", "D": "7F4141221C", "E": "7F49494941"},
    **{"F": "7F09090901", "G": "3E4149497A", "H": "7F0808087F", "J": "2040413F01", "K": "7F08142241"},
    **{"L": "7F40404040", "M": "7F020C027F", "N": "7F0408107F", "O": "3E4141413E", "P": "7F09090906"},
    **{"Q": "3E4151215E", "R": "7F09192946", "S": "4649494931", "T": "01017F0101", "U": "3F4040403F"},
    **{"V": "1F2040201F", "W": "3F4038403F", "X": "6314081463", "Y": "0708700807", "Z": "6151494543"},
}


def board_frame(stones: NDArray[np.int8], last: int, mode: str) -> Any:
    """The board for a render mode: text for ``"ansi"``, else a picture.

    Args:
        stones: int8 (size, size): +1 Black, -1 White, 0 empty.
        last: the last move as an action; a pass, or -1, is not marked.
        mode: ``"ansi"`` or ``"rgb_array"``.
    """
    return board_text(stones, last) if mode == "ansi" else board_image(stones, last)


def board_text(stones: NDArray[np.int8], last: int = -1) -> str:
    """The board with coordinates, ``X`` Black, ``O`` White, the last move in parentheses."""
    size = len(stones)
    letters = "   " + "".join(f" {letter}" for letter in LETTERS[:size])
    lines = [letters]
    for row in range(size):
        cells = [".XO"[int(value)] for value in stones[row]]
        gaps = [" "] * (size + 1)
        if last // size == row and last >= 0:
            gaps[last % size], gaps[last % size + 1] = "(", ")"
        text = "".join(gap + cell for gap, cell in zip(gaps, [*cells, ""], strict=True))
        lines.append(f"{size - row:2d} {text}{size - row}")
    return "\n".join([*lines, letters])


def board_image(stones: NDArray[np.int8], last: int = -1, cell: int = _CELL) -> NDArray[np.uint8]:
    """The board as a picture.

    Args:
        stones: int8 (size, size): +1 Black, -1 White, 0 empty.
        last: the last move as an action; a pass, or -1, is not marked.
        cell: pixels from line to line, at least 12.

    Returns:
        uint8 (pixels, pixels, 3); ``pixels`` is ``(size + 2) * cell``.
    """
    size = len(stones)
    picture = _empty_board(size, cell).copy()
    shadow, black, white, ring = _stamps(cell)
    for row, col in zip(*np.nonzero(stones), strict=True):
        _lay(picture, shadow, row, col, cell)
    for row, col in zip(*np.nonzero(stones), strict=True):
        _lay(picture, black if stones[row, col] > 0 else white, row, col, cell)
    if 0 <= last < size * size:
        row, col = divmod(last, size)
        dark = stones[row, col] > 0
        _lay(picture, (ring, np.full(3, 245.0) if dark else np.full(3, 20.0)), row, col, cell)
    return picture.round().astype(np.uint8)


@lru_cache(maxsize=8)
def _empty_board(size: int, cell: int) -> Image:
    """Wood, grid, star points and coordinates, float64 (pixels, pixels, 3); not to be changed."""
    pixels = (size + 2) * cell
    x, y = np.meshgrid(np.arange(pixels) / cell, np.arange(pixels) / cell)
    grain = np.sin(9 * x + 1.3 * np.sin(0.45 * y)) + 0.6 * np.sin(23 * x + 0.9 * np.sin(0.7 * y + 1))
    picture: Image = _WOOD * (1 + 0.018 * grain[..., None])
    half, first, end = cell // 2, cell + cell // 2, size * cell + cell // 2
    for line in range(size):
        at = first + line * cell
        picture[at, first : end + 1] = _INK
        picture[first : end + 1, at] = _INK
    for row, col in star_points(size, size):
        _lay(picture, (_disc(cell, 0.11), _INK), row, col, cell)
    scale = max(1, cell // 16)
    for line in range(size):
        for number, text in enumerate((LETTERS[line], str(size - line))):
            for edge in (half, pixels - half):
                middle = first + line * cell
                _write(picture, text, *((edge, middle) if number == 0 else (middle, edge)), scale)
    picture.setflags(write=False)
    return picture


def _write(picture: Image, text: str, row: int, col: int, scale: int) -> None:
    """Write text around the pixel (row, col)."""
    columns: list[int] = []
    for letter in text:
        columns += [*bytes.fromhex(_GLYPHS[letter]), 0]
    bits = np.array([[column >> line & 1 for column in columns[:-1]] for line in range(7)], np.bool_)
    bits = bits.repeat(scale, 0).repeat(scale, 1)
    top, left = row - bits.shape[0] // 2, col - bits.shape[1] // 2
    picture[top : top + bits.shape[0], left : left + bits.shape[1]][bits] = _INK


def _distance(cell: int, right: float = 0.0, down: float = 0.0) -> Image:
    """How far each subpixel of a square of two cells lies from its middle, in cells: float64 (n, n)."""
    n = 2 * cell + 1
    line = (np.arange(n * _FINE) + 0.5) / (_FINE * cell) - n / (2 * cell)
    return np.hypot(line[None, :] - right, line[:, None] - down)


def _shrink(fine: Image, cell: int) -> Image:
    n = 2 * cell + 1
    coarse: Image = fine.reshape(n, _FINE, n, _FINE).mean(axis=(1, 3))
    return coarse


def _disc(cell: int, radius: float) -> Image:
    """How much of each pixel a disc covers, 0 to 1."""
    return _shrink((_distance(cell) <= radius).astype(np.float64), cell)


@lru_cache(maxsize=4)
def _stamps(cell: int) -> tuple[tuple[Image, Image], tuple[Image, Image], tuple[Image, Image], Image]:
    """(Cover, colour) of a shadow, a black and a white stone; the cover of the ring on the last move."""
    stone = _disc(cell, 0.48)
    light = _shrink(_distance(cell, -0.17, -0.17), cell)[..., None]
    shadow = _shrink(np.clip(1 - (_distance(cell, 0.05, 0.07) - 0.42) / 0.12, 0, 1), cell) * 0.45
    black = 22 + 95 * np.exp(-((light / 0.2) ** 2)) * np.ones(3)
    white = np.clip(252 - 75 * light**2, 150, 255) * np.array([1.0, 1.0, 0.98])
    ring = _disc(cell, 0.28) - _disc(cell, 0.21)
    return (shadow, np.zeros(3)), (stone, black), (stone, white), ring


def _lay(picture: Image, stamp: tuple[Image, Image], row: int, col: int, cell: int) -> None:
    """Lay a stamp of two cells on the point (row, col)."""
    cover, color = stamp
    top, left = row * cell + cell // 2, col * cell + cell // 2
    part = picture[top : top + len(cover), left : left + len(cover)]
    part += cover[..., None] * (color - part)
