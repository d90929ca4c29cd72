"""The score of a finished game by the rules in force: area or territory, prisoners, seki, White's handicap bonus.

Who owns what is the estimate's word (:mod:`goengine.estimate`); here it is counted. Scores are in Black's viewpoint.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from goengine.estimate import Estimate, neighbors
from goengine.rules import BLACK, WHITE, Position
from goengine.rulesets import Ruleset

__all__ = ["final_score", "handicap_stones", "territory", "territory_score"]

_EYE = 2  # a living group whose only territory is one region of up to so many points has one eye


def final_score(position: Position, seen: Estimate, rules: Ruleset) -> float:
    """The score under these rules, with the position's komi, prisoners and handicap; Black's viewpoint.

    Args:
        position: the end of the game.
        seen: its estimate.
        rules: area or territory, the points in seki, the bonus.
    """
    if rules.scoring == "area":
        score = seen.area_score(position.komi)
    else:
        score = territory_score(seen, position.captures, position.komi, rules.seki_tax)
    return score - rules.handicap_bonus(handicap_stones(position))


def handicap_stones(position: Position) -> int:
    """Black's handicap: the stones that were set up, if White had none; 0 for fewer than two."""
    stones = position.setup_stones
    count = len(stones[BLACK])
    return count if count > 1 and not stones[WHITE] else 0


def territory_score(seen: Estimate, captures: Mapping[str, int], komi: float, seki_tax: bool = True) -> float:
    """Black's territory and prisoners less White's and ``komi``; dead stones are prisoners too.

    Args:
        seen: the estimate of the final position.
        captures: stones taken during the game by each colour.
        komi: points for White.
        seki_tax: whether points surrounded in seki count nothing, as the Japanese rules have it.
    """
    removed = np.where(seen.cleared == 0, seen.stones, 0)
    prisoners = captures[BLACK] - captures[WHITE] - int(removed.sum())
    return float(territory(seen, seki_tax).sum(dtype=np.int64)) + prisoners - komi


def territory(seen: Estimate, seki_tax: bool = True) -> NDArray[np.int8]:
    """Whose territory each point is, int8 (size, size): +1 Black's, -1 White's, 0 nobody's or a living stone's.

    A point beside a living stone of the other colour is nobody's, even if in playouts it always falls to the same
    player: filling it wins a point by area only.
    """
    size = len(seen.cleared)
    living = seen.cleared.reshape(-1)
    owner = seen.owner.reshape(-1)
    found = np.zeros(size * size, np.int8)
    open_points = []
    for point in map(int, np.flatnonzero(living == 0)):
        beside = {int(living[q]) for q in neighbors(point, size)} - {0}
        if owner[point] and -int(owner[point]) not in beside:
            found[point] = owner[point]
        else:
            open_points.append(point)
    if seki_tax:
        for point in _eyes_in_seki(living, found, open_points, size):
            found[point] = 0
    return found.reshape(size, size)


def _eyes_in_seki(living: NDArray[np.int8], found: NDArray[np.int8], neutral: list[int], size: int) -> set[int]:
    """The points of territory that belong to groups in seki.

    A group is in seki if it has at most one eye and shares a neutral point with a group of the other colour of which
    the same is true: neither is dead, so neither can attack.
    """
    color_of = np.where(living != 0, living, found)
    group = _groups(living, color_of, neutral, size)
    regions: dict[int, list[int]] = {}
    for point in map(int, np.flatnonzero(found)):
        regions.setdefault(group[point], []).append(point)
    weak = {name for name in set(group.values()) if _has_one_eye_at_most(regions.get(name, []), size)}
    in_seki = set()
    for point in neutral:
        beside = {group[q] for q in neighbors(point, size) if living[q] and group[q] in weak}
        if {int(color_of[name]) for name in beside} == {1, -1}:
            in_seki |= beside
    return {point for name in in_seki for point in regions.get(name, [])}


def _groups(living: NDArray[np.int8], color_of: NDArray[np.int8], neutral: list[int], size: int) -> dict[int, int]:
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
            stones = [q for q in neighbors(point, size) if living[q] == color]
            for q in stones[1:]:
                parent[root(q)] = root(stones[0])
    return {point: root(point) for point in parent}


def _has_one_eye_at_most(points: list[int], size: int) -> bool:
    """Whether a group's territory is nothing, or one small region."""
    return len(points) <= 1 or (len(points) <= _EYE and points[1] in neighbors(points[0], size))
