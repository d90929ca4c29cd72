"""Which local shapes fire a filter: look through real games for the places where its map is largest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from goengine.checkpoint import Network
from goengine.corpus import Corpus
from goengine.errors import GoEngineError
from goengine.features import unpack
from goengine.visualize.activations import layer_output, receptive_field

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Shape", "draw_shapes", "find_shapes"]

_BATCH = 64
_WHOLE = 11  # a window of this side or more is drawn as the whole board


@dataclass(frozen=True)
class Shape:
    """A place in a game where a filter fires.

    Attributes:
        value: of the filter's map.
        point: where, row * size + col.
        board: int8 (size, size): +1 the player to move, -1 the opponent, 0 empty.
        window: first row, first column, last row, last column of what the filter can see; it may reach over the edge.
        to_play: ``black`` or ``white``.
        source: the source of the game.
        game: its number in the corpus, from 0.
        move_number: plies before the position.
    """

    value: float
    point: int
    board: NDArray[np.int8]
    window: tuple[int, int, int, int]
    to_play: str
    source: str
    game: int
    move_number: int


def find_shapes(
    network: Network,
    corpus: Corpus,
    layer: str,
    filters: Sequence[int] | None = None,
    top: int = 5,
    limit: int = 2000,
    progress: Callable[[int, int], None] | None = None,
) -> dict[int, list[Shape]]:
    """The shapes that fire filters most, each from another game and each different inside the window.

    Args:
        network: for the corpus's board size.
        corpus: where to look.
        layer: one whose maps have the size of the board; its output is taken as it is, before what comes after.
        filters: their numbers; all if None.
        top: shapes a filter.
        limit: positions to look at, spread over the sources.
        progress: called with how many positions are done, and their number.

    Returns:
        For each filter its shapes, the largest value first; fewer than ``top`` where fewer games or shapes are there.

    Raises:
        GoEngineError: there is no such layer or filter, it has no maps of the board's size, or the corpus is empty or
            of another board size.
    """
    if corpus.size != network.size or not len(corpus):
        raise GoEngineError(
            f"{network.name} is for {network.size}x{network.size} boards: there are no such positions to search"
        )
    size = network.size
    device = next(network.module.parameters()).device
    labels = np.sort(corpus.fixed_positions(max(1, limit)))
    values: list[NDArray[np.float32]] = []
    places: list[NDArray[np.int64]] = []
    boards, colors = np.empty((len(labels), size, size), np.int8), np.empty(len(labels), np.uint8)
    for first in range(0, len(labels), _BATCH):
        part = slice(first, first + _BATCH)
        words, _, colors[part] = corpus.encode(labels[part])
        words = words.reshape(-1, size, size)
        boards[part] = unpack(words, "board1")[:, 0]
        planes = torch.from_numpy(unpack(words, network.feature_set)).to(device, torch.float32)
        with torch.no_grad():
            maps = layer_output(network.module, layer, planes)
        if maps.dim() != 4 or maps.shape[2:] != (size, size):
            raise GoEngineError(f"layer {layer!r} gives no maps of {size}x{size}, but {tuple(maps.shape[1:])}")
        for number in filters or ():
            if not 0 <= number < maps.shape[1]:
                raise GoEngineError(f"layer {layer!r} has no filter {number}: use 0 to {maps.shape[1] - 1}")
        largest, where = maps.flatten(2).max(2)
        values.append(largest.cpu().numpy())
        places.append(where.cpu().numpy())
        if progress is not None:
            progress(min(first + _BATCH, len(labels)), len(labels))
    value, place = np.concatenate(values), np.concatenate(places)
    chosen = range(value.shape[1]) if filters is None else filters
    reach = _reach(network, layer)
    games, _ = corpus.locate(labels)
    sources, plies = corpus.sources_of(labels), corpus.plies(labels)
    found: dict[int, list[Shape]] = {}
    for number in chosen:
        shapes: list[Shape] = []
        seen: set[bytes] = set()
        used: set[int] = set()
        for row in np.argsort(-value[:, number], kind="stable"):
            point, game = int(place[row, number]), int(games[row])
            window = _window(point, reach, size)
            key = _content(boards[row], point, reach)
            if game in used or key in seen:
                continue
            used.add(game)
            seen.add(key)
            shapes.append(
                Shape(
                    float(value[row, number]),
                    point,
                    boards[row],
                    window,
                    "white" if colors[row] else "black",
                    corpus.source_names[sources[row]],
                    game,
                    int(plies[row]) - 1,
                )
            )
            if len(shapes) == top:
                break
        found[number] = shapes
    return found


def _reach(network: Network, layer: str) -> int:
    """How far from its point a map's value can see, in points."""
    size = network.size
    middle = size // 2
    shape = (int(network.metadata["config"]["in_planes"]), size, size)
    top, left, bottom, right = receptive_field(network.module, layer, shape, (middle, middle))
    return max(middle - top, middle - left, bottom - middle, right - middle)


def _window(point: int, reach: int, size: int) -> tuple[int, int, int, int]:
    if 2 * reach + 1 >= _WHOLE:
        return 0, 0, size - 1, size - 1
    row, column = divmod(point, size)
    return row - reach, column - reach, row + reach, column + reach


def _content(board: NDArray[np.int8], point: int, reach: int) -> bytes:
    """The stones around a point, and where the board ends."""
    size = board.shape[0]
    row, column = divmod(point, size)
    padded = np.pad(board, reach, constant_values=2)
    return padded[row : row + 2 * reach + 1, column : column + 2 * reach + 1].tobytes()


def draw_shapes(shapes: dict[int, list[Shape]], title: str = "") -> "Figure":
    """One row a filter: the player to move is black, the point where the filter fires has a green square.

    Raises:
        GoEngineError: matplotlib is not installed, or there is nothing to draw.
    """
    from goengine.visualize.boards import draw_board
    from goengine.visualize.pictures import make_figure

    columns = max((len(row) for row in shapes.values()), default=0)
    if not columns:
        raise GoEngineError("there are no shapes to draw")
    figure = make_figure(1.25 * columns + 0.8, 1.35 * len(shapes) + 0.4)
    grid = figure.subplots(len(shapes), columns, squeeze=False)
    for axes, (number, row) in zip(grid, shapes.items(), strict=True):
        for column, one in enumerate(axes):
            one.set_axis_off()
            if column >= len(row):
                continue
            shape = row[column]
            note = f"{shape.source} {shape.game + 1}, {shape.move_number}: {shape.value:.1f}"
            draw_board(one, shape.board, window=shape.window, square=shape.point, coordinates=False)
            one.set_title(note, fontsize=5, pad=2)
        axes[0].text(-0.25, 0.5, str(number), transform=axes[0].transAxes, fontsize=9, ha="right", va="center")
    figure.suptitle(title or "filter; source and number of the game, moves played: value", fontsize=7)
    return figure
