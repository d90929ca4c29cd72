"""Points drawn from policies, many at a time: temperature and top-p."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["draw_points"]

_LEAST = 1e-12  # a point that is allowed may be chosen even where the network rules it out


def draw_points(
    policy: NDArray[np.float32],
    allowed: NDArray[np.bool_],
    draws: NDArray[np.float64],
    temperature: float = 1.0,
    top_p: float = 1.0,
) -> NDArray[np.int64]:
    """A point for each row of a policy.

    Args:
        policy: float32 (rows, points), at least 0; rows need not sum to 1.
        allowed: bool (rows, points), at least one point in each row: no other is chosen.
        draws: float64 (rows,) random numbers from 0 to below 1; the same give the same points.
        temperature: 0 is the likeliest point; 1 draws as likely as the policy says; between, sharper.
        top_p: draw from the likeliest points only that together reach this share, above 0 to 1 (Holtzman et al. 2020,
            section 3.1); the share is that after temperature.

    Returns:
        int64 (rows,).
    """
    weights = np.where(allowed, policy.astype(np.float64) + _LEAST, 0.0)
    chosen: NDArray[np.int64]
    if temperature <= 0:
        chosen = weights.argmax(axis=1)
        return chosen
    weights = (weights / weights.max(axis=1, keepdims=True)) ** (1 / temperature)
    if top_p < 1:
        weights = _nucleus(weights, top_p)
    sums = weights.cumsum(axis=1)
    chosen = (sums <= draws[:, None] * sums[:, -1:]).sum(axis=1)
    return chosen


def _nucleus(weights: NDArray[np.float64], top_p: float) -> NDArray[np.float64]:
    """The weights, 0 where the likelier points of the row reach the share ``top_p`` already."""
    order = np.argsort(-weights, axis=1, kind="stable")
    ranked = np.take_along_axis(weights, order, axis=1)
    before = ranked.cumsum(axis=1) - ranked
    ranked[before >= top_p * ranked.sum(axis=1, keepdims=True)] = 0.0
    kept = np.empty_like(weights)
    np.put_along_axis(kept, order, ranked, axis=1)
    return kept
