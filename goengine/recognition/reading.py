"""From a picture to a position: find the grid, see where the board ends, read its points, look for mistakes.

The grids that the picture could hold (`lattice`, `tilt`) are judged by the classifier: on the right one, points are
points and all around them is none. That also tells the board's size and place.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from goengine.errors import ImageError
from goengine.recognition.classifier import EMPTY, OFF, Classifier
from goengine.recognition.lattice import find_lattices
from goengine.recognition.settle import settle
from goengine.recognition.tilt import straighten
from goengine.recognition.window import cut_window, homography, place, reduced

__all__ = ["NoBoard", "Reading", "chains_without_liberties", "read_board"]

SIZES = range(5, 26)
"""Board sizes that are looked for; 9, 13 and 19 are a little likelier than the others."""
_LONGEST = 2400  # pixels: a photo shows no more of a board than that
_AROUND = 2  # points beyond the board in a window
_MOST = 64  # points a side of a grid that are looked at
_SURE = 0.97  # mean probability that ends the search
_LEAST = 0.8  # ... below which there is no board
_DOUBTFUL = 0.9

_Doubles = NDArray[np.float64]
_Floats = NDArray[np.float32]


class NoBoard(ImageError):
    """A picture without a Go board, or with one that is not found."""


@dataclass(frozen=True)
class Reading:
    """What a picture shows. Rows count from the top, columns from the left, as one looks at it.

    Attributes:
        grid: float (3, 3), from (column, row, 1) to pixels; (0, 0) is the upper left point.
        stones: int8 (size, size) of EMPTY, BLACK and WHITE.
        probabilities: float32 (size, size, 4), of EMPTY, BLACK, WHITE and no point at all.
        fit: mean probability that the points are points, and that those around the board are none.
    """

    grid: _Doubles
    stones: NDArray[np.int8]
    probabilities: _Floats
    fit: float

    @property
    def size(self) -> int:
        """Lines of the board."""
        return len(self.stones)

    @property
    def confidence(self) -> _Floats:
        """Probability of what was read at each point, float32 (size, size)."""
        return np.asarray(np.take_along_axis(self.probabilities, self.stones[..., None].astype(np.intp), 2)[..., 0])

    def doubtful(self, below: float = _DOUBTFUL) -> list[tuple[int, int]]:
        """Points read with less confidence, the least certain first, then stones without liberties; (row, column)."""
        confidence = self.confidence
        points = [(int(row), int(column)) for row, column in np.argwhere(confidence < below)]
        points.sort(key=lambda spot: float(confidence[spot]))
        dead = [spot for chain in chains_without_liberties(self.stones) for spot in chain]
        return points + [spot for spot in dead if spot not in points]


def read_board(
    picture: NDArray[np.uint8],
    classifier: Classifier,
    size: int | None = None,
    corners: Sequence[tuple[float, float]] = (),
) -> Reading:
    """Find the board of a picture and read it.

    Args:
        picture: uint8 (height, width, 3), red, green, blue.
        classifier: of `load_classifier`.
        size: lines of the board; None to find out.
        corners: the four corner points of the grid, (x, y) in pixels in any order, or two opposite ones of an upright
            board; none to find them.

    Raises:
        NoBoard: no board is found.
        ImageError: the corners are none.
    """
    picture, back = reduced(picture, _LONGEST)
    if corners:
        there = np.asarray(np.linalg.inv(back), np.float64)
        tried = _from_corners(picture, classifier, size, [place(there, x, y) for x, y in corners])
    else:
        tried = _search(picture, classifier, size)
    best = max(tried, key=lambda placed: placed.score, default=None)
    if best is not None:
        reading = _read(picture, classifier, best.grid, best.size)
        if corners or reading.fit > _LEAST:
            return replace(reading, grid=back @ reading.grid)
    raise NoBoard("no Go board found: is all of it in the picture? --corners says where it is")


def chains_without_liberties(stones: NDArray[np.int8]) -> list[list[tuple[int, int]]]:
    """Chains that no game leaves on the board, as lists of (row, column): something there was misread."""
    size = len(stones)
    seen: set[tuple[int, int]] = set()
    found = []
    for start in [(int(row), int(column)) for row, column in np.argwhere(stones != EMPTY)]:
        if start in seen:
            continue
        seen.add(start)
        chain, free = [start], False
        for row, column in chain:
            for spot in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
                if not (0 <= spot[0] < size and 0 <= spot[1] < size):
                    continue
                free |= bool(stones[spot] == EMPTY)
                if stones[spot] == stones[start] and spot not in seen:
                    seen.add(spot)
                    chain.append(spot)
        if not free:
            found.append(sorted(chain))
    return found


@dataclass(frozen=True)
class _Placed:
    """A board on a grid, and the sum of log odds that its points are points and the others none."""

    grid: _Doubles
    size: int
    score: float
    share: float


def _search(picture: NDArray[np.uint8], classifier: Classifier, size: int | None) -> Iterator[_Placed]:
    """Boards on the grids that the picture could hold, until one is beyond doubt.

    On a board that is nearly full, the gaps between stones stand out more than its lines: if no board was found, the
    upright grids are tried again, half a step further right, down, and both.
    """
    best = 0.0
    for grid in _grids(picture):
        placed = _judge(picture, classifier, grid, size)
        if placed is not None:
            yield placed
            best = max(best, placed.share)
            if best > _SURE:
                return
    if best > _LEAST:
        return
    for grid in find_lattices(picture):
        for right, down in ((0.5, 0.5), (0.5, 0.0), (0.0, 0.5)):
            moved = grid @ np.array([[1, 0, right], [0, 1, down], [0, 0, 1.0]])
            placed = _judge(picture, classifier, moved, size)
            if placed is not None:
                yield placed
                if placed.share > _SURE:
                    return


def _grids(picture: NDArray[np.uint8]) -> Iterator[_Doubles]:
    """The upright grids, the likeliest first, then those of the picture seen straight from above."""
    yield from find_lattices(picture)
    upright = straighten(picture)
    if upright is not None:
        for grid in find_lattices(upright[0]):
            yield upright[1] @ grid


def _from_corners(
    picture: NDArray[np.uint8], classifier: Classifier, size: int | None, corners: Sequence[tuple[float, float]]
) -> Iterator[_Placed]:
    """Boards of each size between given corners."""
    points = np.array(corners, float)
    height, width = picture.shape[:2]
    if not ((points > -0.1 * max(height, width)) & (points < 1.1 * np.array([width, height]))).all():
        raise ImageError("--corners: a point lies outside the picture; count its pixels from the upper left corner")
    if len(points) == 2:
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        points = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    if len(points) != 4:
        raise ImageError(f"--corners takes 4 points, or 2 opposite ones, not {len(points)}")
    middle = points.mean(axis=0)
    points = points[np.argsort(np.arctan2(points[:, 1] - middle[1], points[:, 0] - middle[0]))]
    points = np.roll(points, -int(points.sum(axis=1).argmin()), axis=0)  # upper left first, then clockwise
    for lines in SIZES if size is None else [size]:
        last = lines - 1
        square = np.array([[0, 0], [last, 0], [last, last], [0, last]], float)
        try:
            grid = homography(square, points)
        except np.linalg.LinAlgError:
            raise ImageError("--corners: three of the points lie on one line") from None
        if not np.isfinite(grid).all() or abs(np.linalg.det(grid)) < 1e-9:
            raise ImageError("--corners: three of the points lie on one line")
        probabilities = _look(picture, classifier, grid, lines)
        inside = _odds(probabilities)[_AROUND:-_AROUND, _AROUND:-_AROUND]
        outside = _odds(probabilities).sum() - inside.sum()
        ring = (lines + 2 * _AROUND) ** 2 - lines**2
        yield _Placed(grid, lines, float(inside.mean() - outside / ring) + _prior(lines) / 100, 0.0)


def _judge(picture: NDArray[np.uint8], classifier: Classifier, grid: _Doubles, size: int | None) -> _Placed | None:
    """Where on a grid a board fits best; None where none does."""
    height, width = picture.shape[:2]
    back = np.linalg.inv(grid)
    ends = np.array([[0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1.0]]).T
    seen = back @ ends
    if (seen[2] * seen[2, 0] <= 0).any():  # the grid's horizon is in the picture
        return None
    seen = seen[:2] / seen[2]
    low, high = np.floor(seen.min(axis=1)).astype(int), np.ceil(seen.max(axis=1)).astype(int)
    low, high = np.maximum(low, -_MOST // 2 + 12), np.minimum(high, _MOST // 2 + 12)
    columns, rows = (int(value) for value in high - low + 1)
    if min(columns, rows) < SIZES[0]:
        return None
    window = cut_window(picture, grid, low[0], low[1], columns, rows)
    odds = _odds(classifier.read(window))
    sums = np.pad(odds, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    best: tuple[float, int, int, int] | None = None
    for lines in SIZES if size is None else [size]:
        if lines > min(columns, rows):
            break
        total = sums[lines:, lines:] - sums[:-lines, lines:] - sums[lines:, :-lines] + sums[:-lines, :-lines]
        row, column = divmod(int(total.argmax()), total.shape[1])
        score = float(total[row, column]) + _prior(lines)
        if best is None or score > best[0]:
            best = (score, lines, row, column)
    if best is None or best[0] <= 0:
        return None
    score, lines, row, column = best
    moved = grid @ np.array([[1, 0, low[0] + column], [0, 1, low[1] + row], [0, 0, 1.0]])
    inside = odds[row : row + lines, column : column + lines]
    around = odds[max(0, row - 1) : row + lines + 1, max(0, column - 1) : column + lines + 1]
    wrong = (inside < 0).sum() + (around > 0).sum() - (inside > 0).sum()
    return _Placed(moved, lines, score, float(1 - wrong / around.size))


def _prior(lines: int) -> float:
    return 3.0 if lines in (9, 13, 19) else 0.0


def _odds(probabilities: _Floats) -> _Floats:
    """Log odds that points are points, at most 5."""
    off = np.clip(probabilities[..., OFF], 1e-6, 1 - 1e-6)
    return np.asarray(np.clip(np.log((1 - off) / off), -5, 5), np.float32)


def _look(picture: NDArray[np.uint8], classifier: Classifier, grid: _Doubles, size: int, turns: int = 1) -> _Floats:
    """Probabilities of a board's points and of those around it, float32 (size + 4, size + 4, 4)."""
    side = size + 2 * _AROUND
    return classifier.read(cut_window(picture, grid, -_AROUND, -_AROUND, side, side), turns)


def _read(picture: NDArray[np.uint8], classifier: Classifier, grid: _Doubles, size: int) -> Reading:
    """Read a board whose grid is known nearly: fit the grid to the lines that are seen, look in eight orientations."""
    probabilities = _look(picture, classifier, grid, size)
    for _ in range(2):
        inside = probabilities[_AROUND:-_AROUND, _AROUND:-_AROUND]
        better = settle(picture, grid, inside[..., EMPTY] > 0.5)
        again = None if better is None else _look(picture, classifier, better, size)
        if better is None or again is None or _fit(again) < _fit(probabilities) - 0.01:
            break
        grid, probabilities = better, again
    probabilities = _look(picture, classifier, grid, size, turns=8)
    inside = np.ascontiguousarray(probabilities[_AROUND:-_AROUND, _AROUND:-_AROUND])
    return Reading(grid, inside[..., :OFF].argmax(2).astype(np.int8), inside, _fit(probabilities))


def _fit(probabilities: _Floats) -> float:
    """Mean probability that the points are points, and that those beside the outer lines are none; the lower."""
    off = probabilities[..., OFF]
    inside = 1 - off[_AROUND:-_AROUND, _AROUND:-_AROUND]
    near = off[_AROUND - 1 : 1 - _AROUND, _AROUND - 1 : 1 - _AROUND]
    ring = (near.sum() - (1 - inside).sum()) / (near.size - inside.size)
    return float(min(inside.mean(), ring))
