"""Evenly spaced lines in a picture: where the points of a grid could be.

Lines are ridges: pixels darker (or paler) than both sides of them. Summed along a direction they give a profile, in
which a grid is a comb of equal steps; the comb that stands out most from the noise wins, since half the step hits as
many gaps as lines and twice the step only half the lines. Where the grid ends is not decided here.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from goengine.recognition.window import reduced

__all__ = ["Comb", "find_combs", "find_lattices", "ridges"]

_LONGEST = 1600  # pixels; larger pictures are reduced for the search
_STEPS = (6.0, 130.0)  # pixels between two lines, in the reduced picture
_FEWEST = 4  # lines of a comb
_TONES = 200  # steps that are looked at closely
_STRETCH = 1.3  # of the steps across and down

_Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Comb:
    """Lines at ``first + k * step`` pixels for whole k; ``strength`` is in standard deviations of chance."""

    first: float
    step: float
    strength: float


def find_lattices(picture: NDArray[np.uint8], most: int = 6) -> list[NDArray[np.float64]]:
    """Grids of upright lines, the likeliest first.

    Args:
        picture: uint8 (height, width, 3).
        most: how many at most.

    Returns:
        Homographies, float (3, 3), from (column, row, 1) to pixels; which point is (0, 0) means nothing.
    """
    picture, back = reduced(picture, _LONGEST)
    grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.float32)
    found: list[tuple[float, NDArray[np.float64]]] = []
    for across, down in (ridges(grey, dark=True), ridges(grey, dark=False)):
        for left, top, right, bottom in _regions(across, down):
            part = (slice(top, bottom), slice(left, right))
            columns = find_combs(down[part].mean(axis=0))
            rows = find_combs(across[part].mean(axis=1))
            for one in columns:
                for other in rows:
                    if not 1 / _STRETCH < one.step / other.step < _STRETCH:
                        continue
                    grid = np.array(
                        [[one.step, 0, left + one.first], [0, other.step, top + other.first], [0, 0, 1]], np.float64
                    )
                    found.append((one.strength + other.strength, grid))
    found.sort(key=lambda pair: -pair[0])
    return [back @ grid for grid in _distinct(grid for _, grid in found)][:most]


def ridges(grey: _Floats, dark: bool) -> tuple[_Floats, _Floats]:
    """How much each pixel is on a line across, and on a line down, 0 to 1; lines up to about 5 pixels wide.

    Both sides of a line must differ from it, so that the edge of an area is no line.
    """
    if dark:
        grey = np.asarray(255 - grey, np.float32)
    results = []
    for axis in (0, 1):
        best = np.zeros_like(grey)
        for reach in (2, 4):
            one, other = (np.roll(grey, shift, axis) for shift in (reach, -reach))
            np.maximum(best, grey - np.maximum(one, other), out=best)
        edge = [slice(None), slice(None)]
        for end in (slice(0, 4), slice(-4, None)):  # what np.roll brought around
            edge[axis] = end
            best[tuple(edge)] = 0
        kernel = (11, 1) if axis == 0 else (1, 11)
        np.minimum(best / 40, 1, out=best)  # a strong line counts no more than a plain one
        results.append(np.asarray(cv2.blur(best, kernel), np.float32))
    return results[0], results[1]


def _regions(across: _Floats, down: _Floats) -> Iterator[tuple[int, int, int, int]]:
    """Parts of the picture with lines in both directions (left, top, right, bottom), then the whole picture."""
    height, width = across.shape
    side = max(15, round(max(height, width) / 16)) | 1
    both = np.minimum(cv2.blur(across, (side, side)), cv2.blur(down, (side, side)))
    top = float(both.max(initial=0))
    if top > 0:
        for share in (0.3, 0.12):
            mask = (both > share * top).astype(np.uint8)
            _, _, boxes, _ = cv2.connectedComponentsWithStats(mask)
            sizes = boxes[1:, cv2.CC_STAT_AREA]
            for index in np.argsort(-sizes)[:2]:
                left, upper, wide, high = (int(value) for value in boxes[1 + index][:4])
                if min(wide, high) > 24:
                    yield left, upper, left + wide, upper + high
    yield 0, 0, width, height


def find_combs(profile: _Floats, most: int = 3) -> list[Comb]:
    """The combs that stand out most of a profile, the strongest first; none is a near copy of another."""
    count = len(profile)
    if count < 3 * _STEPS[0]:
        return []
    side = max(9, count // 12) | 1
    column = profile.reshape(-1, 1).astype(np.float32)
    level = profile - np.asarray(cv2.blur(column, (1, side)), np.float32).ravel()
    spread = float(level.std())
    if spread < 1e-6:
        return []
    level = np.clip(level / spread, -1.5, 2.5)
    level -= level.mean()
    level /= max(float(level.std()), 1e-6)
    top = min(_STEPS[1], count / (_FEWEST - 1))
    steps = [_STEPS[0]]
    while steps[-1] < top:  # the last line of a comb moves by a pixel or a sixteenth of a step
        steps.append(steps[-1] + max(1.0, steps[-1] / 16) * steps[-1] / count)
    at = np.arange(count)
    spectrum = np.abs(np.fft.rfft(level, 8 * count))
    waves = 8 * count / np.array(steps)
    tones = sum(spectrum[np.minimum((times * waves).round().astype(np.intp), 4 * count)] for times in (1, 2, 3, 4))
    combs = []
    for step in np.array(steps)[np.argsort(-tones)[:_TONES]].tolist():  # the others have nothing of a comb
        bins = max(3, round(step))
        where = ((at / step) % 1.0 * bins).astype(np.intp)
        sums = np.bincount(where, level, bins)
        counts = np.bincount(where, minlength=bins)
        strength = sums / np.sqrt(np.maximum(counts, 1))
        best = int(strength.argmax())
        combs.append(Comb((best + 0.5) / bins * step - 0.5, step, float(strength[best])))
    combs.sort(key=lambda comb: -comb.strength)
    kept: list[Comb] = []
    for comb in combs[:400]:
        if all(abs(comb.step / other.step - 1) > 0.03 for other in kept):
            kept.append(_settled(comb, level))
            if len(kept) == most:
                break
    return kept


def _settled(comb: Comb, level: _Floats) -> Comb:
    """The comb moved onto the peaks near its lines, by weighted least squares."""
    numbers = np.arange(np.ceil(-comb.first / comb.step), (len(level) - 1 - comb.first) / comb.step + 1e-9)
    reach = max(1, int(0.2 * comb.step))
    lines, places, weights = [], [], []
    for number in numbers:
        middle = round(comb.first + number * comb.step)
        low = max(0, middle - reach)
        part = np.maximum(level[low : middle + reach + 1], 0)
        if part.sum() > 0:
            peak = low + int(part.argmax())
            near = slice(max(0, peak - 1), peak + 2)
            mass = np.maximum(level[near], 0)
            lines.append(number)
            places.append(float((np.arange(len(level))[near] * mass).sum() / mass.sum()))
            weights.append(float(part.max()))
    if len(lines) < _FEWEST:
        return comb
    step, first = np.polyfit(lines, places, 1, w=np.array(weights))
    if abs(step / comb.step - 1) > 0.03:
        return comb
    return Comb(float(first), float(step), comb.strength)


def _distinct(grids: Iterator[NDArray[np.float64]]) -> Iterator[NDArray[np.float64]]:
    """Leave out grids whose lines fall nearly together with those of an earlier one."""
    seen: list[NDArray[np.float64]] = []
    for grid in grids:
        for other in seen:
            steps = np.array([grid[0, 0] / other[0, 0], grid[1, 1] / other[1, 1]])
            shift = np.array([(grid[0, 2] - other[0, 2]) / other[0, 0], (grid[1, 2] - other[1, 2]) / other[1, 1]])
            if (abs(steps - 1) < 0.01).all() and (abs(shift - shift.round()) < 0.15).all():
                break
        else:
            seen.append(grid)
            yield grid
