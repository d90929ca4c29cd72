"""Boards drawn in ways that the project's renderer does not know, for tests of recognition."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

SMALL = """
. . . . . . . . .
. . X O . . . . .
. X . X O . . X .
. . X O . . . . .
. . . . . . O . .
. . X . . . . . .
. . . . . O X . .
. . . . . O X . .
O . . . . . . . X
"""


def stones_of(diagram: str) -> np.ndarray[tuple[int, int], np.dtype[np.int8]]:
    """A diagram of ``.``, ``X`` and ``O`` as an array of 0, 1 and 2, (rows, columns)."""
    return np.array([[".XO".index(mark) for mark in line.split()] for line in diagram.split("\n") if line], np.int8)


def game_like(size: int, seed: int, share: float = 0.5) -> np.ndarray[tuple[int, int], np.dtype[np.int8]]:
    """Stones at random, each chain with a liberty; int8 (size, size)."""
    rng = np.random.default_rng(seed)
    stones = rng.choice([0, 1, 2], (size, size), p=[1 - share, share / 2, share / 2]).astype(np.int8)
    stones[::3, 1::3] = 0
    stones[1::3, ::3] = 0
    stones[2::3, 2::3] = 0
    return stones


def felt(stones: Sequence[Sequence[int]], step: int = 30) -> Image.Image:
    """Cream lines on green felt; stones with a bright spot in the middle and a coloured edge; text at the side."""
    size = len(stones)
    side = (size + 1) * step
    image = Image.new("RGB", (side + 180, side + 40), (60, 60, 66))
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 40, side, side + 40), fill=(52, 122, 84))
    for line in range(size):
        at = (line + 1) * step
        pen.line((step, at + 40, size * step, at + 40), fill=(236, 226, 190), width=2)
        pen.line((at, step + 40, at, size * step + 40), fill=(236, 226, 190), width=2)
    for row in range(size):
        for column in range(size):
            x, y, radius = (column + 1) * step, (row + 1) * step + 40, step * 0.45
            if stones[row][column]:
                dark = stones[row][column] == 1
                box = (x - radius, y - radius, x + radius, y + radius)
                pen.ellipse(box, fill=(28, 24, 38) if dark else (238, 232, 240), outline=(120, 90, 30), width=2)
                spot = (x - radius / 3, y - radius / 3, x + radius / 3, y + radius / 3)
                pen.ellipse(spot, fill=(70, 64, 84) if dark else (255, 255, 255))
    for number in range(8):
        pen.text((side + 12, 60 + 24 * number), f"{number + 1}. D{number + 4} Q{16 - number}", fill=(220, 220, 220))
    pen.ellipse((side + 20, 300, side + 44, 324), fill=(0, 0, 0))
    pen.ellipse((side + 60, 300, side + 84, 324), fill=(255, 255, 255))
    return image


def pixels(stones: Sequence[Sequence[int]], step: int = 17) -> Image.Image:
    """An old program: no smooth edges, brown, stones that touch, no margin to speak of."""
    size = len(stones)
    image = Image.new("RGB", (size * step + 1, size * step + 1), (190, 140, 60))
    pen = ImageDraw.Draw(image)
    half = step // 2
    for line in range(size):
        at = line * step + half
        pen.line((half, at, (size - 1) * step + half, at), fill=(60, 30, 0))
        pen.line((at, half, at, (size - 1) * step + half), fill=(60, 30, 0))
    for row in range(size):
        for column in range(size):
            x, y = column * step + half, row * step + half
            if stones[row][column]:
                fill, edge = ((0, 0, 0), (90, 90, 90)) if stones[row][column] == 1 else ((255, 255, 255), (80, 80, 80))
                pen.ellipse((x - half, y - half, x + half, y + half), fill=fill, outline=edge)
    return image


def diagram(stones: Sequence[Sequence[int]], step: int = 26) -> Image.Image:
    """A page of a book: grey paper, numbered stones, lines of text above and below."""
    size = len(stones)
    image = Image.new("L", ((size + 3) * step, (size + 7) * step), 238)
    pen = ImageDraw.Draw(image)
    for line in range(3):
        pen.text(
            (step, 8 + line * 18), "White lives in the corner, and Black is strong outside. See Diagram 3.", fill=40
        )
        pen.text(
            (step, (size + 4.5) * step + line * 18), "After this exchange the fight goes on; Black 31 is big.", fill=40
        )
    left, top, number = 2 * step, 3.5 * step, 0
    for line in range(size):
        width = 3 if line in (0, size - 1) else 1
        pen.line((left, top + line * step, left + (size - 1) * step, top + line * step), fill=70, width=width)
        pen.line((left + line * step, top, left + line * step, top + (size - 1) * step), fill=70, width=width)
    for row in range(size):
        for column in range(size):
            x, y, radius = left + column * step, top + row * step, 0.48 * step
            if stones[row][column]:
                number += 1
                dark = stones[row][column] == 1
                box = (x - radius, y - radius, x + radius, y + radius)
                pen.ellipse(box, fill=25 if dark else 250, outline=25)
                pen.text((x, y), str(number), fill=250 if dark else 25, anchor="mm", font_size=0.5 * step)
    return image
