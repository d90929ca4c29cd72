"""Pictures with a board in them, drawn at random: positions, marks, windows around the board, photos' defects."""

import io
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont

from goengine.recognition.classifier import BLACK, EMPTY, WHITE
from goengine.recognition.render import Drawing, draw_board
from goengine.recognition.style import Color, Style, random_style
from goengine.recognition.window import homography

__all__ = ["random_marks", "random_scene", "random_stones"]

_MARKS = ("circle", "ring", "square", "triangle", "cross", "dot", "box", "plus", "corner")
_SIZES = ((19, 0.6), (13, 0.12), (9, 0.18), (7, 0.05), (11, 0.05))


def random_scene(rng: np.random.Generator) -> Drawing:
    """A board of a random size, style and position, in a picture as a screenshot, a scan or a photo gives it."""
    sizes, shares = zip(*_SIZES, strict=True)
    size = int(rng.choice(sizes, p=shares))
    style = random_style(rng)
    stones = random_stones(size, rng)
    drawing = draw_board(stones, style, rng, random_marks(stones, style, rng))
    if rng.random() < 0.7:
        drawing = _surround(drawing, style.ground, rng)
    if rng.random() < 0.3:
        drawing = _tilt(drawing, style.ground, rng)
    return replace(drawing, picture=_spoil(drawing.picture, rng))


def random_stones(size: int, rng: np.random.Generator) -> NDArray[np.int8]:
    """Stones in patches of one colour, as games have them; int8 (size, size). No rules hold."""
    amount = float(rng.choice([0.0, rng.uniform(0, 0.25), rng.uniform(0.2, 0.9)], p=[0.05, 0.4, 0.55]))
    small = max(2, size // int(rng.integers(2, 6)))
    slow = np.asarray(
        Image.fromarray(rng.normal(0, 1, (small, small)).astype(np.float32)).resize(
            (size, size), Image.Resampling.BICUBIC
        )
    )
    color = slow + rng.normal(0, rng.uniform(0.2, 1.2), (size, size)) > rng.normal(0, 0.2)
    stones = np.where(color, BLACK, WHITE).astype(np.int8)
    stones[rng.random((size, size)) >= amount] = EMPTY
    return stones


def random_marks(
    stones: NDArray[np.int8], style: Style, rng: np.random.Generator
) -> dict[tuple[int, int], tuple[str, Color]]:
    """Marks on some points: the last move, move numbers, letters, territory, a program's suggestions."""
    size = len(stones)
    marks: dict[tuple[int, int], tuple[str, Color]] = {}
    occupied = [(int(row), int(column)) for row, column in zip(*np.nonzero(stones), strict=True)]
    free = [(int(row), int(column)) for row, column in zip(*np.nonzero(stones == EMPTY), strict=True)]

    def color(spot: tuple[int, int], loud: float) -> Color:
        if rng.random() < loud:
            red, green, blue = (int(value) for value in rng.choice([0, 40, 120, 200, 255], 3))
            return red, green, blue
        return (255, 255, 255) if stones[spot] == BLACK else (0, 0, 0)

    kind = rng.random()
    if occupied and kind < 0.3:  # a numbered diagram
        share = rng.choice([0.2, 1.0])
        loud = rng.choice([0.0, 0.2])
        for number, index in enumerate(rng.permutation(len(occupied)), start=int(rng.choice([1, 1, 90]))):
            if rng.random() < share:
                marks[occupied[index]] = (str(number), color(occupied[index], loud))
    elif occupied and kind < 0.65:  # the last move, or a few stones
        for index in rng.choice(len(occupied), min(len(occupied), int(rng.choice([1, 1, 5]))), replace=False):
            spot = occupied[index]
            marks[spot] = (str(rng.choice(_MARKS)), color(spot, 0.5))
    if free and rng.random() < 0.35:
        what = rng.random()
        for index in rng.choice(len(free), min(len(free), int(rng.integers(1, 8))), replace=False):
            spot = free[index]
            if what < 0.45:
                marks[spot] = (str(rng.choice(list("ABCDEFabcdef12345"))), color(spot, 0.4))
            elif what < 0.75:
                marks[spot] = (str(rng.choice(_MARKS[:7])), color(spot, 0.5))
            else:
                marks[spot] = (
                    "disc",
                    (int(rng.integers(0, 120)), int(rng.integers(120, 255)), int(rng.integers(0, 255))),
                )
    if free and rng.random() < 0.12:  # territory
        kind_of_point = str(rng.choice(["box", "dot", "cross", "box"]))
        for spot in free:
            if rng.random() < 0.7:
                owner = style.black if spot[1] * 2 < size + rng.normal(0, 2) else style.white
                marks[spot] = (kind_of_point, owner)
    return marks


def _surround(drawing: Drawing, ground: Color, rng: np.random.Generator) -> Drawing:
    """Put the board into a window: bars, buttons, lists, pictures of stones."""
    width, height = drawing.picture.size
    left, right = (int(width * value) for value in rng.uniform(0, 0.55, 2) * (rng.random(2) < 0.6))
    top, bottom = (int(height * value) for value in rng.uniform(0, 0.2, 2) * (rng.random(2) < 0.7))
    canvas = Image.new("RGB", (width + left + right, height + top + bottom), ground)
    pen = ImageDraw.Draw(canvas)

    def shade() -> Color:
        red, green, blue = (int(value) for value in rng.integers(0, 256, 3))
        return (red, green, blue) if rng.random() < 0.4 else (red, red, red)

    for x0, y0, x1, y1 in (
        *((0, 0, canvas.width, top), (0, top + height, canvas.width, canvas.height)),
        *((0, top, left, top + height), (left + width, top, canvas.width, top + height)),
    ):
        if x1 - x0 < 12 or y1 - y0 < 12:
            continue
        if rng.random() < 0.6:
            pen.rectangle((x0, y0, x1 - 1, y1 - 1), fill=shade())
        for _ in range(int(rng.integers(0, 14))):
            x, y = float(rng.uniform(x0, x1)), float(rng.uniform(y0, y1))
            size = float(rng.uniform(8, 30))
            what = rng.random()
            if what < 0.55:
                text = "".join(rng.choice(list("abcdefgh ABC0123456789kdp:."), int(rng.integers(2, 18))))
                pen.text((x, y), text, fill=shade(), font=ImageFont.load_default(max(8.0, size * 0.7)))
            elif what < 0.7:
                pen.rectangle((x, y, min(x + 4 * size, x1), min(y + size, y1)), fill=shade(), outline=shade())
            elif what < 0.85:
                fill = (10, 10, 10) if rng.random() < 0.5 else (250, 250, 250)
                pen.ellipse((x, y, x + size, y + size), fill=fill, outline=(60, 60, 60))
            elif what < 0.92:  # a tree of moves
                for number in range(int(rng.integers(3, 9))):
                    pen.line((x, y + number * size, x, y + (number + 1) * size), fill=(90, 90, 90), width=2)
                    fill = (10, 10, 10) if number % 2 else (250, 250, 250)
                    pen.ellipse(
                        (x - size / 3, y + number * size - size / 3, x + size / 3, y + number * size + size / 3),
                        fill=fill,
                    )
            else:  # a list with lines
                for number in range(int(rng.integers(3, 12))):
                    pen.line((x, y + number * size, min(x + 9 * size, x1), y + number * size), fill=shade())
    canvas.paste(drawing.picture, (left, top))
    if rng.random() < 0.3:
        ImageDraw.Draw(canvas).rectangle(
            (left, top, left + width, top + height), outline=shade(), width=int(rng.integers(1, 5))
        )
    return Drawing(canvas, drawing.stones, np.array([[1, 0, left], [0, 1, top], [0, 0, 1]]) @ drawing.grid)


def _tilt(drawing: Drawing, ground: Color, rng: np.random.Generator) -> Drawing:
    """Turn the picture a little and look at it from the side, as a photo or a scan does."""
    width, height = drawing.picture.size
    border = 0.08 * max(width, height)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
    angle = rng.normal(0, 0.06)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = corners.mean(axis=0)
    moved = (corners - middle) @ turn.T + rng.normal(0, 0.03 * max(width, height), (4, 2)) * (rng.random() < 0.7)
    moved -= moved.min(axis=0) - border
    there = homography(corners, moved)
    back = np.linalg.inv(there)
    size = (int(np.ptp(moved[:, 0]) + 2 * border), int(np.ptp(moved[:, 1]) + 2 * border))
    picture = drawing.picture.transform(
        size,
        Image.Transform.PERSPECTIVE,
        (back / back[2, 2]).reshape(-1)[:8].tolist(),
        Image.Resampling.BICUBIC,
        fillcolor=ground,
    )
    edges = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # from centres of pixels to their edges
    return Drawing(picture, drawing.stones, np.linalg.inv(edges) @ there @ edges @ drawing.grid)


def _spoil(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Scaling, uneven light, blur, noise, brightness, colour and JPEG, each in some pictures."""
    if rng.random() < 0.3:
        values = np.asarray(picture, np.float32)
        height, width = values.shape[:2]
        light = rng.uniform(0.55, 1.15, (2, 2)).astype(np.float32)
        light = np.asarray(Image.fromarray(light).resize((width, height), Image.Resampling.BICUBIC))
        picture = Image.fromarray(np.clip(values * light[..., None], 0, 255).astype(np.uint8))
    if rng.random() < 0.3:
        picture = picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 1.6))))
    if rng.random() < 0.25:
        noise = rng.normal(0, rng.uniform(2, 14), (picture.height, picture.width, int(rng.choice([1, 3]))))
        picture = Image.fromarray(np.clip(np.asarray(picture, np.float32) + noise, 0, 255).astype(np.uint8))
    if rng.random() < 0.3:
        picture = ImageEnhance.Brightness(picture).enhance(float(rng.uniform(0.7, 1.25)))
        picture = ImageEnhance.Contrast(picture).enhance(float(rng.uniform(0.7, 1.3)))
    if rng.random() < 0.25:
        picture = ImageEnhance.Color(picture).enhance(float(rng.choice([0.0, 0.5, 1.5])))
    if rng.random() < 0.5:
        packed = io.BytesIO()
        picture.save(packed, "JPEG", quality=int(rng.integers(30, 95)))
        packed.seek(0)
        picture = Image.open(packed).convert("RGB")
    return picture
