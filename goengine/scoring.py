"""The score of a finished game by the rules in force: area or territory, prisoners, seki, White's handicap bonus.

Who owns what is the estimate's word (:mod:`goengine.estimate`); here it is counted. Scores are in Black's viewpoint.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from goengine.estimate import Estimate
from goengine.rules import BLACK, WHITE, Position
from goengine.rulesets import Ruleset

__all__ = ["final_score", "handicap_stones", "territory", "territory_score"]


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

    The same as the estimate's, or without the eyes in seki.
    """
    return np.where(seen.in_seki, np.int8(0), seen.territory) if seki_tax else seen.territory
