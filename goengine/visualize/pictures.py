"""Pictures by matplotlib, and PNG files that are small and either whole or not there."""

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from goengine.files import check_output, written
from goengine.visualize.extras import check_extras

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Tile", "draw_table", "draw_tiles", "make_figure", "write_png"]

_COLORS = 128  # of the palette; 24-bit pictures are three times as large and look the same


def make_figure(width: float, height: float) -> "Figure":
    """An empty figure of this many inches.

    Raises:
        GoEngineError: matplotlib is not installed.
    """
    check_extras("matplotlib")
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def write_png(figure: "Figure", path: str | os.PathLike[str], dpi: int = 100) -> Path:
    """Write a figure as a PNG file with a palette.

    Args:
        figure: of ``make_figure``; its inches times ``dpi`` are the pixels.
        path: where to; an existing file is replaced, and the folder made.
        dpi: pixels an inch.

    Returns:
        The path.

    Raises:
        OSError: it cannot be written.
    """
    from PIL import Image  # matplotlib needs it too

    Path(path).parent.mkdir(parents=True, exist_ok=True)
    target = check_output(path)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    with Image.open(buffer) as picture:
        small = picture.convert("RGB").quantize(_COLORS, dither=Image.Dither.NONE)
    with written(target) as temporary:
        small.save(temporary, format="png", optimize=True)
    return target


def draw_tiles(
    axes: "Axes",
    tiles: NDArray[Any],
    columns: int,
    titles: Sequence[str] = (),
    signed: bool = False,
    together: bool = False,
) -> None:
    """Small maps or pictures in rows, each with its own range of grey or colour.

    Args:
        axes: to draw on.
        tiles: float (count, rows, columns), or (count, rows, columns, 3) in 0 to 1.
        columns: how many stand side by side.
        titles: one a tile, or none.
        signed: blue below 0, white 0, red above; else black to white.
        together: one range for all tiles.
    """
    count, height, width = tiles.shape[:3]
    axes.set_axis_off()
    across = min(columns, count)
    down = -(-count // across)
    gap = 0.25 if titles else 0.08
    scale = float(np.abs(tiles).max()) if together else 0.0
    for number, tile in enumerate(tiles):
        row, column = divmod(number, across)
        left, top = column * (1 + gap), row * (1 + 2 * gap if titles else 1 + gap)
        extent = (left, left + width / max(width, height), top + height / max(width, height), top)
        if tile.ndim == 3:
            axes.imshow(tile, extent=extent, interpolation="nearest")
        else:
            most = scale or float(np.abs(tile).max()) or 1.0
            low = -most if signed else (0.0 if together else float(tile.min()))
            high = most if signed or together else max(float(tile.max()), low + 1e-9)
            axes.imshow(
                tile, cmap="RdBu_r" if signed else "gray", vmin=low, vmax=high, extent=extent, interpolation="nearest"
            )
        if titles:
            axes.text(left + 0.5, top - 0.04, titles[number], ha="center", va="bottom", fontsize=7)
    axes.set_xlim(-0.1, across * (1 + gap))
    axes.set_ylim(down * (1 + 2 * gap if titles else 1 + gap), -0.25 if titles else -0.1)
    axes.set_aspect("equal")


@dataclass(frozen=True)
class Tile:
    """One small picture of a table.

    Attributes:
        values: float (rows, columns), or (rows, columns, 3) in 0 to 1.
        signed: blue below 0, white 0, red above; else black to white.
        note: below it.
    """

    values: NDArray[Any]
    signed: bool = False
    note: str = ""


def draw_table(
    rows: Sequence[Sequence[Tile]], row_names: Sequence[str], column_names: Sequence[str], title: str = ""
) -> "Figure":
    """Tiles in rows and columns with names, each tile with its own range of colours.

    Raises:
        GoEngineError: matplotlib is not installed.
    """
    across, down = max(map(len, rows)), len(rows)
    notes = any(tile.note for row in rows for tile in row)
    figure = make_figure(1.1 * across + 0.9, (1.25 if notes else 1.1) * down + 0.5)
    grid = figure.subplots(down, across, squeeze=False)
    for axes, row, name in zip(grid, rows, row_names, strict=True):
        for column, one in enumerate(axes):
            one.set_axis_off()
            if column < len(row):
                tile = row[column]
                most = float(np.abs(tile.values).max()) or 1.0
                limits = {"vmin": -most, "vmax": most, "cmap": "RdBu_r"} if tile.signed else {"cmap": "gray"}
                one.imshow(tile.values, interpolation="nearest", **limits)
                if tile.note:
                    one.text(0.5, -0.04, tile.note, transform=one.transAxes, fontsize=6, ha="center", va="top")
        axes[0].text(-0.08, 0.5, name, transform=axes[0].transAxes, fontsize=7, ha="right", va="center")
    for one, name in zip(grid[0], column_names, strict=False):
        one.set_title(name, fontsize=7)
    figure.suptitle(title, fontsize=8)
    return figure
