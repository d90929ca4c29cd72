"""Go boards drawn by matplotlib: stones, coordinates, a map of numbers as colours, marks."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from goengine.coords import format_vertex
from goengine.handicap import star_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable

__all__ = ["draw_board"]

_WOOD, _LINES, _EDGE = "#F3DCA8", "#7A6437", "#404040"
_STONE, _DISC = 0.47, 0.34  # radii, in distances of lines
_FAINTEST = 0.04  # share of the darkest colour that is still drawn


def draw_board(
    axes: "Axes",
    board: NDArray[np.int8],
    heat: NDArray[Any] | None = None,
    *,
    signed: bool = False,
    most: float | None = None,
    move: tuple[int, str] | None = None,
    last: int | None = None,
    labels: Mapping[int, str] | None = None,
    title: str = "",
    coordinates: bool = True,
    window: tuple[int, int, int, int] | None = None,
    square: int | None = None,
) -> "ScalarMappable":
    """Draw a board; row 0 is at the top.

    Args:
        axes: to draw on.
        board: int8 (size, size): +1 Black, -1 White, 0 empty.
        heat: float (size, size), shown as a coloured disc on stones, larger for more, and a coloured square on empty
            points; nothing is drawn where it is nan or next to 0.
        signed: red above 0, blue below; else from pale to dark red, and nothing below 0.
        most: the value of the darkest colour; the largest there is if None.
        move: a point and ``black`` or ``white``: the move in question, drawn as a stone with a cross.
        last: the last move's point, with a ring.
        labels: text on points.
        title: above the board.
        coordinates: letters and numbers at the edges.
        window: first row, first column, last row and last column to be drawn, the board's if None; it may reach over
            the edge.
        square: a point with a green frame.

    Returns:
        What a colour bar needs.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.collections import LineCollection
    from matplotlib.colors import Normalize
    from matplotlib.patches import Circle, Rectangle
    from matplotlib.patheffects import withStroke

    size = board.shape[0]
    axes.set_axis_off()
    axes.set_aspect("equal")
    margin = 1.5 if coordinates else 0.7
    top, left, bottom, right = window or (0, 0, size - 1, size - 1)
    axes.set_xlim(left - margin, right + margin)
    axes.set_ylim(bottom + margin, top - margin)
    axes.add_patch(Rectangle((-0.7, -0.7), size + 0.4, size + 0.4, color=_WOOD, zorder=0))
    ends = size - 1
    lines = [((0, n), (ends, n)) for n in range(size)] + [((n, 0), (n, ends)) for n in range(size)]
    axes.add_collection(LineCollection(lines, colors=_LINES, linewidths=0.6, zorder=1))
    for row, column in star_points(size, size):
        axes.add_patch(Circle((column, row), 0.1, color=_LINES, zorder=1))
    for row, column in zip(*np.nonzero(board), strict=True):
        if not (top <= row <= bottom and left <= column <= right):
            continue
        black = board[row, column] > 0
        colors = {"facecolor": "#151515" if black else "white", "edgecolor": _EDGE}
        axes.add_patch(Circle((column, row), _STONE, linewidth=0.6, zorder=3, **colors))
    if square is not None:
        row, column = divmod(square, size)
        corner = (column - 0.5, row - 0.5)
        axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor="#00A000", linewidth=1.6, zorder=6))
    if last is not None:
        axes.add_patch(_ring(last, size, "#FF9500"))
    if most is None and heat is not None:
        most = float(np.nanmax(np.abs(heat), initial=0.0))
    most = most or 1.0
    colored = ScalarMappable(Normalize(-most if signed else 0, most), "RdBu_r" if signed else "Reds")
    if heat is not None:
        for (row, column), value in np.ndenumerate(heat):
            if np.isnan(value) or abs(value) < _FAINTEST * most or (value < 0 and not signed):
                continue
            strength = min(1.0, abs(float(value)) / most)
            color = colored.to_rgba(value)
            if board[row, column]:
                radius = _DISC * (0.5 + 0.5 * strength)
                axes.add_patch(Circle((column, row), radius, color=color, linewidth=0, zorder=4))
            else:
                corner = (column - 0.5, row - 0.5)
                axes.add_patch(Rectangle(corner, 1, 1, color=color, alpha=strength, linewidth=0, zorder=2))
    if move is not None:
        row, column = divmod(move[0], size)
        face, ink = ("#151515", "white") if move[1] == "black" else ("white", "black")
        axes.add_patch(Circle((column, row), _STONE, facecolor=face, edgecolor="#00A000", linewidth=2, zorder=5))
        axes.plot([column], [row], "x", color=ink, markersize=5, markeredgewidth=1.4, zorder=6)
    for point, text in (labels or {}).items():
        row, column = divmod(point, size)
        axes.text(
            *(column, row, text),
            ha="center",
            va="center_baseline",
            fontsize=7.5,
            fontweight="bold",
            path_effects=[withStroke(linewidth=1.8, foreground="white")],
            zorder=7,
        )
    if coordinates:
        for n in range(size):
            letter, number = format_vertex(n, size)[0], str(size - n)
            for y in (-1.1, size + 0.1):
                axes.text(n, y, letter, ha="center", va="center", fontsize=6, color=_EDGE)
            for x in (-1.1, size + 0.1):
                axes.text(x, n, number, ha="center", va="center", fontsize=6, color=_EDGE)
    if title:
        axes.set_title(title, fontsize=9)
    return colored


def _ring(point: int, size: int, color: str) -> Any:
    from matplotlib.patches import Circle

    row, column = divmod(point, size)
    return Circle((column, row), _STONE, fill=False, edgecolor=color, linewidth=1.8, zorder=4)
