"""Boards drawn in any style, as programs and printers draw them, with the truth about every point.

Coordinates of a picture are (x, y) in pixels from its upper left corner, pixel centres at whole numbers. Rows count
from the top and columns from the left, as one looks at the picture.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from goengine.coords import LETTERS
from goengine.handicap import star_points
from goengine.recognition.classifier import BLACK, EMPTY, WHITE
from goengine.recognition.style import Color, Style

__all__ = ["Drawing", "draw_board"]

_FINE = 2  # drawn so many times larger, then reduced: smooth edges
_SHAPES = {"circle", "ring", "square", "triangle", "cross", "plus", "dot", "box", "disc", "corner", "ghost"}
_At = Callable[[float, float], tuple[float, float]]  # (row, column) to (x, y) on the fine canvas


@dataclass(frozen=True)
class Drawing:
    """A picture with one board in it.

    Attributes:
        picture: red, green, blue.
        stones: int8 (rows, columns) of EMPTY, BLACK and WHITE.
        grid: float (3, 3), the homography from (column, row, 1) to pixels (x, y, 1).
    """

    picture: Image.Image
    stones: NDArray[np.int8]
    grid: NDArray[np.float64]


def draw_board(
    stones: NDArray[np.int8],
    style: Style,
    rng: np.random.Generator,
    marks: Mapping[tuple[int, int], tuple[str, Color]] | None = None,
) -> Drawing:
    """Draw a position.

    Args:
        stones: (rows, columns) of EMPTY, BLACK and WHITE.
        style: the looks.
        rng: for grain and wobble.
        marks: by (row, column): a kind and a colour. A kind is ``circle``, ``ring``, ``square``, ``triangle``,
            ``cross``, ``plus``, ``dot``, ``box`` (a filled square), ``disc`` (covers the point), ``corner``,
            ``ghost`` (a pale stone), or a text.
    """
    rows, columns = stones.shape
    step = (style.spacing * _FINE, style.spacing * style.aspect * _FINE)
    outer = style.margin + (0.4 if style.coordinates else 0.0)
    origin = (outer * step[0], outer * step[1])
    width = round(origin[0] * 2 + (columns - 1) * step[0])
    height = round(origin[1] * 2 + (rows - 1) * step[1])
    canvas = _surface(width, height, style, rng)
    pen = ImageDraw.Draw(canvas)

    def at(row: float, column: float) -> tuple[float, float]:
        return origin[0] + column * step[0], origin[1] + row * step[1]

    _draw_grid(pen, rows, columns, style, at, step[0])
    if style.coordinates:
        _draw_coordinates(pen, rows, columns, style, at, step[0])
    sprites = {color: _sprite(color, step[0], style, rng) for color in (BLACK, WHITE)}
    places = {(row, column): at(row, column) for row in range(rows) for column in range(columns)}
    occupied = [spot for spot in places if stones[spot] != EMPTY]
    for spot in occupied:
        x, y = places[spot]
        places[spot] = (x + rng.normal(0, style.wobble) * step[0], y + rng.normal(0, style.wobble) * step[1])
    if style.shadow:
        shade = Image.new("L", canvas.size)
        shadow = ImageDraw.Draw(shade)
        radius = style.stone * step[0]
        for spot in occupied:
            x, y = places[spot][0] + 0.1 * step[0], places[spot][1] + 0.12 * step[0]
            shadow.ellipse((x - radius, y - radius, x + radius, y + radius), fill=int(255 * style.shadow))
        canvas.paste(Image.new("RGB", canvas.size), (0, 0), shade.filter(ImageFilter.GaussianBlur(0.07 * step[0])))
    for spot in occupied:
        sprite = sprites[int(stones[spot])]
        x, y = places[spot]
        canvas.paste(sprite, (round(x - sprite.width / 2), round(y - sprite.height / 2)), sprite)
    for spot, (kind, color) in (marks or {}).items():
        _draw_mark(canvas, kind, color, places[spot], step[0], style, bool(stones[spot] == EMPTY))
    picture = canvas.reduce(_FINE)
    shift = -0.5  # drawn by the edges of pixels, told by their centres
    grid = np.array(
        [
            [step[0] / _FINE, 0, origin[0] / _FINE + shift],
            [0, step[1] / _FINE, origin[1] / _FINE + shift],
            [0, 0, 1],
        ]
    )
    return Drawing(picture, stones, grid)


def _surface(width: int, height: int, style: Style, rng: np.random.Generator) -> Image.Image:
    """The bare board, with grain along one direction where the style has some."""
    if not style.grain:
        return Image.new("RGB", (width, height), style.board)
    across = rng.normal(0, 1, (1, max(4, width // 3)))
    fine = np.asarray(Image.fromarray(across.astype(np.float32)).resize((width, 1), Image.Resampling.BICUBIC))
    coarse = rng.normal(0, 1, (5, 12)).astype(np.float32)
    slow = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    bend = np.clip(np.arange(width)[None] + slow * style.spacing, 0, width - 1).astype(np.intp)
    factor = 1 + style.grain * (0.7 * fine[0][bend] + 0.6 * slow)
    surface = np.asarray(style.board, np.float32) * factor[..., None]
    return Image.fromarray(np.clip(surface, 0, 255).astype(np.uint8))


def _draw_grid(pen: ImageDraw.ImageDraw, rows: int, columns: int, style: Style, at: _At, step: float) -> None:
    for count, other, turned in ((rows, columns, False), (columns, rows, True)):
        for number in range(count):
            share = style.border_width if number in (0, count - 1) else style.line_width
            half = max(share * step, 1.02) / 2
            first, last = (0, other - 1)
            (x0, y0), (x1, y1) = (
                (at(first, number), at(last, number)) if turned else (at(number, first), at(number, last))
            )
            pen.rectangle((x0 - half, y0 - half, x1 + half - 1, y1 + half - 1), fill=style.line)
    radius = style.star * step
    if radius >= 1:
        for row, column in star_points(rows, columns):
            x, y = at(row, column)
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=style.line)


def _draw_coordinates(pen: ImageDraw.ImageDraw, rows: int, columns: int, style: Style, at: _At, step: float) -> None:
    font = ImageFont.load_default(max(8.0, 0.45 * step))
    gap = (style.margin + 0.4) * 0.62
    for row in range(rows):
        for side in (-gap, columns - 1 + gap)[: style.coordinates // 2]:
            pen.text(at(row, side), str(rows - row), fill=style.letter, font=font, anchor="mm")
    for column in range(columns):
        for side in (-gap, rows - 1 + gap)[: style.coordinates // 2]:
            pen.text(at(side, column), LETTERS[column], fill=style.letter, font=font, anchor="mm")


def _sprite(color: int, step: float, style: Style, rng: np.random.Generator) -> Image.Image:
    """One stone with transparency around it."""
    radius = style.stone * step
    side = 2 * int(np.ceil(radius)) + 3
    y, x = np.mgrid[:side, :side].astype(np.float32) - (side - 1) / 2
    away = np.hypot(x, y) / radius
    paint = np.asarray(style.black if color == BLACK else style.white, np.float32)
    surface = np.broadcast_to(paint, (side, side, 3)).copy()
    if style.shading in ("radial", "striped"):
        from_light = np.hypot(x / radius + 0.35, y / radius + 0.4)
        if color == BLACK:
            surface += (np.clip(1 - from_light, 0, 1) ** 1.5 * rng.uniform(60, 190))[..., None]
        else:
            surface -= (np.clip(from_light, 0, 2) ** 2 * rng.uniform(5, 38))[..., None]
    if style.shading == "striped" and color == WHITE:
        angle = rng.uniform(0, np.pi)
        waves = np.sin((x * np.cos(angle) + y * np.sin(angle)) / step * rng.uniform(25, 60))
        surface -= (np.clip(waves, 0, 1) * rng.uniform(4, 14))[..., None]
    if style.shading == "rim":
        change = 40 if color == BLACK else -45
        surface += (np.clip(away - 0.6, 0, 1) / 0.4 * change)[..., None]
    if style.outline:
        rim = away > 1 - max(style.outline, 1.2 / step) / style.stone
        surface[rim] = style.black_line if color == BLACK else style.white_line
    cover = np.clip((1 - away) * radius + 0.5, 0, 1) * 255
    return Image.fromarray(np.dstack([np.clip(surface, 0, 255), cover]).astype(np.uint8))


def _draw_mark(
    canvas: Image.Image,
    kind: str,
    color: Color,
    place: tuple[float, float],
    step: float,
    style: Style,
    empty: bool,
) -> None:
    pen = ImageDraw.Draw(canvas)
    x, y = place
    thick = max(2, round(0.07 * step))

    def box(radius: float) -> tuple[float, float, float, float]:
        return x - radius * step, y - radius * step, x + radius * step, y + radius * step

    if empty and (style.cleared or kind not in _SHAPES):
        pen.ellipse(box(0.36), fill=style.board)
    if kind == "circle":
        pen.ellipse(box(0.26), outline=color, width=thick)
    elif kind == "ring":
        pen.ellipse(box(0.38), outline=color, width=thick)
    elif kind == "dot":
        pen.ellipse(box(0.15), fill=color)
    elif kind == "disc":
        pen.ellipse(box(0.42), fill=color)
    elif kind == "square":
        pen.rectangle(box(0.22), outline=color, width=thick)
    elif kind == "box":
        pen.rectangle(box(0.17), fill=color)
    elif kind == "triangle":
        pen.polygon([(x, y - 0.3 * step), (x - 0.26 * step, y + 0.17 * step), (x + 0.26 * step, y + 0.17 * step)],
                    outline=color, width=thick)  # fmt: skip
    elif kind == "cross":
        reach = 0.2 * step
        pen.line((x - reach, y - reach, x + reach, y + reach), fill=color, width=thick)
        pen.line((x - reach, y + reach, x + reach, y - reach), fill=color, width=thick)
    elif kind == "plus":
        reach = 0.3 * step
        pen.line((x - reach, y, x + reach, y), fill=color, width=thick)
        pen.line((x, y - reach, x, y + reach), fill=color, width=thick)
    elif kind == "corner":
        pen.polygon([(x, y), (x + 0.34 * step, y), (x, y + 0.34 * step)], fill=color)
    elif kind == "ghost":
        cover = Image.new("L", canvas.size)
        ImageDraw.Draw(cover).ellipse(box(style.stone), fill=70)
        canvas.paste(color, (0, 0), cover)
    else:
        font = ImageFont.load_default((0.62 if len(kind) == 1 else 0.5 if len(kind) == 2 else 0.4) * step)
        pen.text(place, kind, fill=color, font=font, anchor="mm")
