"""What results are worth: Elo differences, ratings of several programs."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from goengine.intervals import Z95

__all__ = ["elo", "ratings"]

_ELO = 400 / math.log(10)  # Elo points in a difference of 1 in the logit of the expected score


def elo(share: float) -> float:
    """The difference in Elo at which this share of points is expected; infinite at 0 and 1."""
    if share <= 0 or share >= 1:
        return math.inf if share >= 1 else -math.inf
    return _ELO * math.log(share / (1 - share))


def ratings(
    count: int, points: Mapping[tuple[int, int], float], pairings: Sequence[tuple[int, int]]
) -> list[tuple[float, float]]:
    """Elo ratings of several programs by maximum likelihood (Bradley and Terry, 1952), the first at 0.

    Every pairing counts one drawn game more than was played, so that a program that won or lost all its games has a
    finite rating; so differences come out a little too small.

    Args:
        count: how many programs.
        points: for (i, j), what program i scored against program j.
        pairings: who plays whom; they connect all programs.

    Returns:
        For each program its rating, and half the width of its 95 % interval (0 for the first).
    """
    scored = np.zeros((count, count))
    for pair, value in points.items():
        scored[pair] += value
    for first, second in pairings:
        scored[first, second] += 0.5
        scored[second, first] += 0.5
    games = scored + scored.T
    strength = np.zeros(count)  # natural logarithm of the odds
    information = np.zeros((count - 1, count - 1))
    for _ in range(100):
        expected = 1 / (1 + np.exp(strength[None, :] - strength[:, None]))
        weight = games * expected * (1 - expected)
        information = (np.diag(weight.sum(axis=1)) - weight)[1:, 1:]
        step = np.linalg.solve(information, (scored - games * expected).sum(axis=1)[1:])
        strength[1:] += np.clip(step, -1.0, 1.0)
        if np.abs(step).max(initial=0.0) < 1e-9:
            break
    spread = np.concatenate([[0.0], np.sqrt(np.diag(np.linalg.inv(information)))])
    return [(float(_ELO * value), float(Z95 * _ELO * error)) for value, error in zip(strength, spread, strict=True)]
