"""The picture with what was read in it drawn over it."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from goengine.errors import ImageError
from goengine.files import written
from goengine.recognition.classifier import BLACK, WHITE
from goengine.recognition.reading import Reading
from goengine.recognition.window import place

__all__ = ["draw_overlay", "picture_format"]

_LINE, _DOUBT = (0, 160, 255), (255, 0, 200)
_FILL = {BLACK: (0, 0, 0), WHITE: (255, 255, 255)}


def picture_format(path: Path) -> str:
    """The format in which a picture of this name is written.

    Raises:
        ImageError: the name's ending is no format of pictures, or one that can only be read.
    """
    kind = Image.registered_extensions().get(path.suffix.lower())
    if kind not in Image.SAVE:
        raise ImageError(f"{path}: {path.suffix or 'no ending'} is no format of pictures: use .png")
    return kind


def draw_overlay(picture: NDArray[np.uint8], reading: Reading, path: Path) -> None:
    """Write a picture: the grid in blue, a small disc on each stone in its colour, doubtful points ringed in pink.

    Raises:
        ImageError: the name's ending is no format of pictures.
    """
    canvas = Image.fromarray(picture)
    pen = ImageDraw.Draw(canvas)
    last = reading.size - 1
    (x0, y0), (x1, y1) = place(reading.grid, 0, 0), place(reading.grid, last, last)
    step = max(abs(x1 - x0), abs(y1 - y0)) / last
    thick = max(1, round(step / 20))
    for number in range(reading.size):
        pen.line((*place(reading.grid, 0, number), *place(reading.grid, last, number)), fill=_LINE, width=thick)
        pen.line((*place(reading.grid, number, 0), *place(reading.grid, number, last)), fill=_LINE, width=thick)

    def box(row: int, column: int, radius: float) -> tuple[float, float, float, float]:
        x, y = place(reading.grid, column, row)
        return x - radius * step, y - radius * step, x + radius * step, y + radius * step

    for row, column in np.argwhere(reading.stones):
        pen.ellipse(box(row, column, 0.22), fill=_FILL[int(reading.stones[row, column])], outline=_LINE, width=thick)
    for row, column in reading.doubtful():
        pen.ellipse(box(row, column, 0.48), outline=_DOUBT, width=2 * thick)
    kind = picture_format(path)
    with written(path) as temporary:
        canvas.save(temporary, kind)
