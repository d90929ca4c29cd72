"""How a drawn board looks, and looks drawn at random: the variety that the classifier learns from."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Color", "Style", "random_style"]

Color = tuple[int, int, int]
"""Red, green, blue, 0 to 255."""


@dataclass(frozen=True)
class Style:
    """The looks of one board. Lengths are shares of the distance between two lines.

    Attributes:
        spacing: pixels between two vertical lines.
        aspect: distance of the horizontal lines over that of the vertical ones; real boards are near 1.07.
        board, grain: colour of the board, and how strongly wood grain varies it (0 for flat).
        ground: colour around the board, beyond its margin.
        line, line_width, border_width: of the grid and of its four outer lines.
        star: radius of the star points; 0 leaves them out.
        margin: from the outer lines to the edge of the board.
        coordinates: on how many sides (0, 2 or 4) letters and numbers stand; ``letter`` is their colour.
        stone: radius of the stones.
        black, white: colours of the stones.
        shading: ``flat``, ``radial`` (a highlight), ``rim`` (a darker rim) or ``striped`` (shell).
        outline: width of the stones' outlines; ``black_line``, ``white_line`` their colours.
        shadow: strength of the shadows, 0 to 1.
        wobble: how far stones lie off their points.
        cleared: the lines stop around every mark on an empty point, not only around letters.
    """

    spacing: float = 28.0
    aspect: float = 1.0
    board: Color = (220, 179, 92)
    grain: float = 0.0
    ground: Color = (255, 255, 255)
    line: Color = (0, 0, 0)
    line_width: float = 0.04
    border_width: float = 0.04
    star: float = 0.1
    margin: float = 0.7
    coordinates: int = 0
    letter: Color = (0, 0, 0)
    stone: float = 0.47
    black: Color = (20, 20, 20)
    white: Color = (245, 245, 245)
    shading: str = "flat"
    outline: float = 0.03
    black_line: Color = (0, 0, 0)
    white_line: Color = (0, 0, 0)
    shadow: float = 0.0
    wobble: float = 0.0
    cleared: bool = False


def random_style(rng: np.random.Generator) -> Style:
    """A style drawn at random: wood, flat, print or dark; about two in five are wood."""
    family = rng.choice(["wood", "flat", "print", "dark"], p=[0.42, 0.3, 0.16, 0.12])
    board, line, grain = _surface(family, rng)
    dark = family == "dark"
    shading = str(rng.choice(["flat", "radial", "rim", "striped"], p=_shadings(family)))
    black, white = _stones(family, rng)
    light = sum(white) / 3
    width = float(np.exp(rng.uniform(np.log(0.018), np.log(0.09))))
    border = width * float(rng.choice([1.0, 1.0, 1.6, 2.5]))
    edge = _grey(rng, 0, 60) if rng.random() < 0.7 or family == "print" else _near(rng, white, 60)
    black_edge = _near(rng, black, 25) if rng.random() < 0.7 and not dark else _grey(rng, 90, 255)
    return Style(
        spacing=float(np.exp(rng.uniform(np.log(13), np.log(46)))),
        aspect=float(rng.choice([1.0, 1.0, rng.uniform(0.94, 1.12)])),
        board=board,
        grain=grain,
        ground=_near(rng, board, 20) if rng.random() < 0.3 else _any(rng),
        line=line,
        line_width=width,
        border_width=border,
        star=float(rng.choice([0.0, rng.uniform(0.05, 0.19)], p=[0.12, 0.88])),
        margin=float(rng.uniform(0.5, 1.6)),
        coordinates=int(rng.choice([0, 2, 4], p=[0.4, 0.25, 0.35])),
        letter=line if rng.random() < 0.6 else _grey(rng, 0, 120),
        stone=float(rng.uniform(0.36, 0.51)),
        black=black,
        white=white,
        shading=shading,
        outline=float(rng.uniform(0.02, 0.1)) if family == "print" or rng.random() < 0.7 or light < 225 else 0.0,
        black_line=black_edge,
        white_line=edge,
        shadow=float(rng.uniform(0.1, 0.7)) if family == "wood" and rng.random() < 0.6 else 0.0,
        wobble=float(rng.choice([0.0, rng.uniform(0.01, 0.07)])),
        cleared=bool(rng.random() < 0.4),
    )


def _shadings(family: str) -> list[float]:
    return {
        "wood": [0.25, 0.4, 0.2, 0.15],
        "flat": [0.6, 0.2, 0.15, 0.05],
        "print": [0.9, 0.05, 0.05, 0.0],
        "dark": [0.5, 0.25, 0.2, 0.05],
    }[family]


def _surface(family: str, rng: np.random.Generator) -> tuple[Color, Color, float]:
    """Colours of the board and of its lines, and the grain."""
    if family == "wood":
        value = rng.uniform(130, 245)
        board = (value, value * rng.uniform(0.68, 0.9), value * rng.uniform(0.3, 0.72))
        line = _grey(rng, 0, 70) if rng.random() < 0.7 else _scaled(board, rng.uniform(0.25, 0.55))
        return _clip(board), line, float(rng.uniform(0.0, 0.13))
    if family == "flat":
        board = _clip(rng.uniform(110, 250, 3)) if rng.random() < 0.5 else _near(rng, (222, 184, 120), 30)
        pale = rng.random() < 0.12
        return board, _grey(rng, 230, 255) if pale else _scaled(board, rng.uniform(0.0, 0.6)), 0.0
    if family == "print":
        level = rng.uniform(215, 255)
        board = _near(rng, (level, level, level * rng.uniform(0.92, 1.0)), 4)
        return board, _grey(rng, 0, 130), 0.0
    board = _near(rng, _grey(rng, 25, 100), 15)
    return board, _grey(rng, 130, 255) if rng.random() < 0.7 else _grey(rng, 0, 8), 0.0


def _stones(family: str, rng: np.random.Generator) -> tuple[Color, Color]:
    top = 40 if family == "dark" else 75
    black = _grey(rng, 0, top) if rng.random() < 0.8 else _near(rng, (35, 35, 45), 35)
    white = _grey(rng, 205, 255) if rng.random() < 0.8 else _near(rng, (240, 236, 225), 15)
    return black, white


def _clip(values: "np.typing.ArrayLike") -> Color:
    red, green, blue = np.clip(np.asarray(values, dtype=float), 0, 255).astype(int).tolist()
    return red, green, blue


def _grey(rng: np.random.Generator, low: float, high: float) -> Color:
    return _clip(np.full(3, rng.uniform(low, high)))


def _any(rng: np.random.Generator) -> Color:
    return _grey(rng, 0, 255) if rng.random() < 0.6 else _clip(rng.uniform(0, 255, 3))


def _near(rng: np.random.Generator, color: tuple[float, ...], reach: float) -> Color:
    return _clip(np.asarray(color) + rng.uniform(-reach, reach, 3))


def _scaled(color: tuple[float, ...], factor: float) -> Color:
    return _clip(np.asarray(color) * factor)
