"""Whether probabilities are what they say: reliability tables and the expected calibration error."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from goengine.intervals import Resamples, hull, wilson

__all__ = ["ANY_MOVE", "TOP_MOVE", "any_move_table", "expected_error", "expected_error_by_chance", "top_move_table"]

Floats = npt.NDArray[np.float64]

TOP_MOVE = np.linspace(0, 1, 11)
"""Edges of the ten bins, equally wide, for the probability of the likeliest move."""

ANY_MOVE = np.array([0, 0.001, 0.01, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1])
"""Edges of the bins for the probability of any legal move: most of them have next to none."""


def bin_of(probability: npt.NDArray[np.floating[Any]], edges: Floats) -> npt.NDArray[np.int64]:
    """The bin of each probability; a bin holds its lower edge, and the last one both."""
    return np.minimum(np.searchsorted(edges, probability, side="right") - 1, len(edges) - 2)


def top_move_table(
    confidence: npt.NDArray[np.float32], hits: npt.NDArray[np.bool_], resamples: Resamples
) -> list[dict[str, Any]]:
    """How often the likeliest move was played, by how likely the network said it was.

    Args:
        confidence: (positions,), the probability of the likeliest move.
        hits: bool (positions,), whether it was played.
        resamples: of the games of these positions, for the intervals.

    Returns:
        For each bin that is not empty: from, to (the edges), count (positions), says (mean probability), played
        (share) and interval (of that share).
    """
    number = bin_of(confidence, TOP_MOVE)
    rows = []
    for i in np.unique(number):
        here = number == i
        rows.append(
            {
                "from": float(TOP_MOVE[i]),
                "to": float(TOP_MOVE[i + 1]),
                "count": int(here.sum()),
                "says": float(confidence[here].mean(dtype=np.float64)),
                "played": float(hits[here].mean()),
                "interval": list(resamples.share(hits, here)),
            }
        )
    return rows


def any_move_table(counts: Floats, hits: Floats, says: Floats, resamples: Resamples) -> list[dict[str, Any]]:
    """The same for all legal moves, from sums over each game, float64 (games, bins of `ANY_MOVE`).

    Args:
        counts: legal moves with a probability in the bin.
        hits: those of them that were played.
        says: sums of their probabilities.
        resamples: of these games, in this order.
    """
    rows = []
    for i in np.flatnonzero(counts.sum(0)):
        count, hit = float(counts[:, i].sum()), float(hits[:, i].sum())
        rows.append(
            {
                "from": float(ANY_MOVE[i]),
                "to": float(ANY_MOVE[i + 1]),
                "count": int(count),
                "says": float(says[:, i].sum()) / count,
                "played": hit / count,
                "interval": list(hull(resamples.ratio(hits[:, i], counts[:, i]), wilson(hit, count))),
            }
        )
    return rows


def expected_error(table: list[dict[str, Any]]) -> float:
    """Expected calibration error: the mean distance between what is said and what is so, weighted by count.

    Guo et al. 2017, *On calibration of modern neural networks*, equation 3; a fraction, 0 to 1.
    """
    total: int = sum(row["count"] for row in table)
    apart: float = sum(row["count"] * abs(row["says"] - row["played"]) for row in table)
    return apart / total if total else math.nan


def expected_error_by_chance(table: list[dict[str, Any]]) -> float:
    """What the expected calibration error would be by chance alone, were every probability right.

    The mean absolute deviation of a share is about sqrt(2 / pi) standard errors; positions count as independent.
    """
    total: int = sum(row["count"] for row in table)
    if not total:
        return math.nan
    errors = (math.sqrt(row["count"] * row["says"] * (1 - row["says"])) for row in table)
    return math.sqrt(2 / math.pi) * math.fsum(errors) / total
