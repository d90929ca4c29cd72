"""The part of a picture that belongs to some points of a grid, laid straight: what the classifier sees."""

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["CELL", "cut_window", "homography", "place", "reduced"]

CELL = 16
"""Pixels between two points of a window."""
_BEYOND = (128, 128, 128)  # shown where the picture ends


def place(grid: NDArray[np.float64], column: float, row: float) -> tuple[float, float]:
    """Where a point of a grid lies in the picture, (x, y) in pixels; ``grid`` as `Drawing.grid`."""
    x, y, w = grid @ np.array([column, row, 1.0])
    return float(x / w), float(y / w)


def reduced(picture: NDArray[np.uint8], longest: int) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A picture whose longer side has at most ``longest`` pixels, and the map from its pixels to the given picture's.

    Args:
        picture: uint8 (height, width, 3).
        longest: pixels.

    Returns:
        uint8 (height, width, 3), the same array where it is small enough; and a homography, float (3, 3).
    """
    scale = min(1.0, longest / max(picture.shape[:2]))
    if scale < 1:
        size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
        across, down = picture.shape[1] / size[0], picture.shape[0] / size[1]
        back = np.array([[across, 0, across / 2 - 0.5], [0, down, down / 2 - 0.5], [0, 0, 1]])
        return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8), back
    return picture, np.eye(3)


def homography(before: NDArray[np.float64], after: NDArray[np.float64]) -> NDArray[np.float64]:
    """The projective map that takes four points to four others, (4, 2) each; float (3, 3)."""
    rows = []
    for (x, y), (u, v) in zip(before, after, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    return np.append(np.linalg.solve(np.array(rows, float), after.reshape(-1)), 1).reshape(3, 3)


def cut_window(
    picture: NDArray[np.uint8], grid: NDArray[np.float64], column: float, row: float, columns: int, rows: int
) -> NDArray[np.uint8]:
    """The surroundings of ``rows`` x ``columns`` points, from (column, row) of the grid on, `CELL` pixels a step.

    One step more is shown on each side, so the first point lies at pixel (CELL, CELL).

    Args:
        picture: uint8 (height, width, 3).
        grid: float (3, 3), from (column, row, 1) to pixels.
        column: of the grid: that of the window's first points; any number.
        row: likewise.
        columns: of the window.
        rows: of the window.

    Returns:
        uint8 ((rows + 1) * CELL + 1, (columns + 1) * CELL + 1, 3).
    """
    middle = np.array(place(grid, column + columns / 2, row + rows / 2))
    steps = [np.array(place(grid, column + columns / 2 + dx, row + rows / 2 + dy)) for dx, dy in ((1, 0), (0, 1))]
    spacing = max(float(np.linalg.norm(step - middle)) for step in steps)
    to_grid = np.array([[1 / CELL, 0, column - 1], [0, 1 / CELL, row - 1], [0, 0, 1]])
    from_window = grid @ to_grid
    shrink = spacing / (1.25 * CELL)
    if shrink > 1:  # average the pixels that would be skipped
        height, width = picture.shape[:2]
        small = (max(1, round(width / shrink)), max(1, round(height / shrink)))
        picture = np.asarray(cv2.resize(picture, small, interpolation=cv2.INTER_AREA), np.uint8)
        across, down = small[0] / width, small[1] / height
        from_window = np.array([[across, 0, across / 2 - 0.5], [0, down, down / 2 - 0.5], [0, 0, 1]]) @ from_window
    size = ((columns + 1) * CELL + 1, (rows + 1) * CELL + 1)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    window = cv2.warpPerspective(
        picture, from_window, size, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=_BEYOND
    )
    return np.asarray(window, np.uint8)
