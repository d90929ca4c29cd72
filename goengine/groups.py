"""What hangs together on a board: empty regions, groups of stones that live together, groups in seki.

Everything here is counted on arrays: +1 Black, -1 White, 0 neither. Who lives and owns what is the estimate's word
(:mod:`goengine.estimate`).
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["empty_regions", "neighbors", "seki_points"]

_EYE = 2  # a living group whose only territory is one region of up to so many points has one eye


def neighbors(point: int, size: int) -> list[int]:
    """The two to four points beside ``point``."""
    row, col = divmod(point, size)
    beside = ((row - 1, col), (row, col - 1), (row, col + 1), (row + 1, col))
    return [r * size + c for r, c in beside if 0 <= r < size and 0 <= c < size]


def empty_regions(board: NDArray[np.int8]) -> list[tuple[list[int], set[int]]]:
    """The connected empty regions of int8 (size, size): their points, and the signs of the colours beside them."""
    size = len(board)
    flat = board.reshape(-1)
    seen = np.zeros(size * size, bool)
    regions = []
    for start in map(int, np.flatnonzero(flat == 0)):
        if seen[start]:
            continue
        seen[start] = True
        region, beside, todo = [], set[int](), [start]
        while todo:
            point = todo.pop()
            region.append(point)
            for q in neighbors(point, size):
                if flat[q]:
                    beside.add(int(flat[q]))
                elif not seen[q]:
                    seen[q] = True
                    todo.append(q)
        regions.append((region, beside))
    return regions


def seki_points(living: NDArray[np.int8], territory: NDArray[np.int8]) -> NDArray[np.bool_]:
    """The stones of groups in seki, and the territory that belongs to them, bool (size, size).

    A group is in seki if it has at most one eye and shares a neutral point with a group of the other colour of which
    the same is true: neither is dead, so neither can attack.

    Args:
        living: int8 (size, size), the stones that live.
        territory: int8 (size, size), whose each point without a living stone is; 0 is neutral.
    """
    size = len(living)
    stones = living.reshape(-1)
    color_of = np.where(stones != 0, stones, territory.reshape(-1))
    neutral = [int(point) for point in np.flatnonzero(color_of == 0)]
    group = _groups(stones, color_of, neutral, size)
    owned: dict[int, list[int]] = {}
    for point in map(int, np.flatnonzero((stones == 0) & (color_of != 0))):
        owned.setdefault(group[point], []).append(point)
    weak = {name for name in set(group.values()) if _has_one_eye_at_most(owned.get(name, []), size)}
    in_seki = set()
    for point in neutral:
        beside = {group[q] for q in neighbors(point, size) if stones[q] and group[q] in weak}
        if {int(color_of[name]) for name in beside} == {1, -1}:
            in_seki |= beside
    found = np.zeros(size * size, bool)
    found[[point for point, name in group.items() if name in in_seki]] = True
    return found.reshape(size, size)


def _groups(stones: NDArray[np.int8], color_of: NDArray[np.int8], neutral: list[int], size: int) -> dict[int, int]:
    """For each point of a colour a point that stands for its group.

    Stones and territory of a colour hang together where they touch, and stones also across a neutral point.
    """
    parent = {int(point): int(point) for point in np.flatnonzero(color_of)}

    def root(point: int) -> int:
        while parent[point] != point:
            parent[point] = parent[parent[point]]
            point = parent[point]
        return point

    for point in parent:
        for q in neighbors(point, size):
            if color_of[q] == color_of[point]:
                parent[root(point)] = root(q)
    for point in neutral:
        for color in (1, -1):
            beside = [q for q in neighbors(point, size) if stones[q] == color]
            for q in beside[1:]:
                parent[root(q)] = root(beside[0])
    return {point: root(point) for point in parent}


def _has_one_eye_at_most(points: list[int], size: int) -> bool:
    """Whether a group's territory is nothing, or one small region."""
    return len(points) <= 1 or (len(points) <= _EYE and points[1] in neighbors(points[0], size))
