"""Pictures taken at an angle: the map that lays the two directions of lines straight.

Line segments (von Gioi et al. 2010, LSD, from OpenCV) fall into two families; the lines of each meet in a vanishing
point, which is sought by drawing pairs (RANSAC, Fischler and Bolles 1981) and settled by least squares. Sending both
points to infinity (Hartley and Zisserman 2004, section 2.7) leaves a picture with parallel, upright lines.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from goengine.recognition.window import reduced

__all__ = ["straighten"]

_LONGEST = 1200  # pixels, for the search
_REACH = np.radians(30)  # from the main direction of a family
_CLOSE = np.radians(1.0)  # a segment points at the vanishing point
_TRIES = 300

_Doubles = NDArray[np.float64]


def straighten(picture: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], _Doubles] | None:
    """The picture with its lines laid upright, and the map from its pixels back to the given picture's.

    None where no two directions of lines are found, or where they are upright as they are.
    """
    height, width = picture.shape[:2]
    scale = min(1.0, _LONGEST / max(height, width))
    small, _ = reduced(picture, _LONGEST)
    found = cv2.createLineSegmentDetector().detect(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))[0]
    if found is None or len(found) < 8:
        return None
    segments = np.asarray(found, np.float64).reshape(-1, 4) / scale
    lengths = np.hypot(segments[:, 2] - segments[:, 0], segments[:, 3] - segments[:, 1])
    keep = lengths > 0.012 * max(height, width)
    if keep.sum() < 8:
        return None
    keep[np.argsort(-lengths)[1500:]] = False
    segments, lengths = segments[keep], lengths[keep]
    middle = np.array([width / 2, height / 2])
    unit = max(height, width) / 2
    segments = (segments - np.tile(middle, 2)) / unit  # small numbers, origin in the middle
    angles = np.arctan2(segments[:, 3] - segments[:, 1], segments[:, 2] - segments[:, 0])
    main = _main_direction(angles, lengths)
    rng = np.random.default_rng(0)
    points = []
    for direction in (main, main + np.pi / 2):
        member = np.abs(np.sin(angles - direction)) < np.sin(_REACH)
        if member.sum() < 4:
            return None
        points.append(_vanishing_point(segments[member], lengths[member], direction, rng))
    across, down = points
    if abs(across[1]) < 2e-3 and abs(across[2]) < 2e-3 and abs(down[0]) < 2e-3 and abs(down[2]) < 2e-3:
        return None
    there = _upright(across, down)
    if there is None:
        return None
    return _warp(picture, there, middle, unit)


def _main_direction(angles: _Doubles, lengths: _Doubles) -> float:
    """The direction nearest to level of the likeliest pair of directions at right angles, -45 to 45 degrees."""
    folded = (angles + np.pi / 4) % (np.pi / 2)
    bins = 180
    counts = np.bincount((folded / (np.pi / 2) * bins).astype(np.intp) % bins, lengths, bins)
    wide = sum(np.roll(counts, shift) for shift in range(-4, 5))
    return float((np.argmax(wide) + 0.5) / bins * np.pi / 2 - np.pi / 4)


def _vanishing_point(segments: _Doubles, lengths: _Doubles, direction: float, rng: np.random.Generator) -> _Doubles:
    """Where most of the segments point, homogeneous (3,) of unit length, its direction towards ``direction``."""
    ends = np.concatenate([segments[:, :2], np.ones((len(segments), 1))], axis=1)
    others = np.concatenate([segments[:, 2:], np.ones((len(segments), 1))], axis=1)
    lines = np.cross(ends, others)
    lines /= np.linalg.norm(lines[:, :2], axis=1, keepdims=True)
    middles = (ends + others)[:, :2] / 2
    headings = others[:, :2] - ends[:, :2]
    headings /= np.linalg.norm(headings, axis=1, keepdims=True)

    def pointing(point: _Doubles) -> NDArray[np.bool_]:
        towards = point[:2] - middles * point[2]
        towards /= np.maximum(np.linalg.norm(towards, axis=1, keepdims=True), 1e-12)
        return np.asarray(np.abs(headings[:, 0] * towards[:, 1] - headings[:, 1] * towards[:, 0]) < np.sin(_CLOSE))

    best = np.array([np.cos(direction), np.sin(direction), 0.0])
    score = lengths[pointing(best)].sum()
    chances = lengths / lengths.sum()
    pairs = rng.choice(len(segments), (_TRIES, 2), p=chances)
    for one, other in pairs:
        point = np.cross(lines[one], lines[other])
        norm = float(np.linalg.norm(point))
        if norm < 1e-9 or abs(point[2]) > 0.4 * norm:  # nearer than about twice the picture: no board looks so
            continue
        point /= norm
        gained = lengths[pointing(point)].sum()
        if gained > score:
            best, score = point, gained
    for _ in range(3):
        chosen = pointing(best)
        if chosen.sum() < 3:
            break
        weighted = lines[chosen] * lengths[chosen, None]
        best = np.linalg.svd(weighted)[2][-1]
    if best[:2] @ [np.cos(direction), np.sin(direction)] < 0:
        best = -best
    return best


def _upright(across: _Doubles, down: _Doubles) -> _Doubles | None:
    """The map that sends two points to infinity, to the right and downwards; the middle keeps its place and scale."""
    horizon = np.cross(across, down)
    if abs(horizon[2]) < 1e-6:
        return None
    level = np.array([[1, 0, 0], [0, 1, 0], horizon / horizon[2]])
    right, below = (level @ point for point in (across, down))
    directions = np.column_stack([right[:2] / np.linalg.norm(right[:2]), below[:2] / np.linalg.norm(below[:2])])
    if abs(np.linalg.det(directions)) < 0.3:
        return None
    square = np.eye(3)
    square[:2, :2] = np.linalg.inv(directions)
    return np.asarray(square @ level)


def _warp(
    picture: NDArray[np.uint8], there: _Doubles, middle: _Doubles, unit: float
) -> tuple[NDArray[np.uint8], _Doubles] | None:
    height, width = picture.shape[:2]
    scale = min(1.0, 1600 / max(height, width))
    to_unit = np.array([[1 / unit, 0, -middle[0] / unit], [0, 1 / unit, -middle[1] / unit], [0, 0, 1]])
    corners = np.array([[0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1.0]]).T
    moved = there @ to_unit @ corners
    if (moved[2] < 0.2).any():
        return None
    flat = moved[:2] / moved[2] * unit * scale
    low, high = flat.min(axis=1), flat.max(axis=1)
    size = np.ceil(high - low).astype(int)
    if size.max() > 4000 or size.min() < 20:
        return None
    onto = np.array([[unit * scale, 0, -low[0]], [0, unit * scale, -low[1]], [0, 0, 1]]) @ there @ to_unit
    border = [float(value) for value in np.median(picture.reshape(-1, 3)[:: max(1, width * height // 5000)], axis=0)]
    upright = cv2.warpPerspective(
        picture,
        onto,
        (int(size[0]), int(size[1])),
        flags=cv2.INTER_AREA,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=border,
    )
    return np.asarray(upright, np.uint8), np.linalg.inv(onto)
