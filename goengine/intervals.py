"""95 % intervals of shares and means over positions of games.

Positions of one game are not independent: who plays on after a mistake makes the next moves hard to guess as well. So
the games are resampled, not the positions (the cluster bootstrap; Davison and Hinkley 1997, *Bootstrap Methods and
their Application*, section 3.8). A bootstrap over few games, or of a share near 0 or 1, comes out too narrow, so each
interval is widened where it is narrower than that of independent positions: Wilson's for shares (Wilson 1927), Bonett
and Price's for paired differences of shares (2012), the normal one for means.
"""

import math

import numpy as np
import numpy.typing as npt

__all__ = ["Z95", "Interval", "Resamples", "hull", "paired", "wilson"]

Z95 = 1.959964
"""Standard errors from the middle of a normal distribution to the ends of its central 95 %."""

_BLOCKS = 5_000
_RESAMPLES = 1_000

Interval = tuple[float, float]
"""Its low and its high end."""
Floats = npt.NDArray[np.float64]


def wilson(hits: float, count: float, z: float = Z95) -> Interval:
    """Wilson's score interval of a share, as if every position were independent.

    Args:
        hits: how many of them, 0 to `count`; a drawn game is half a one, which makes the interval a little too wide.
        count: positions; of none, nothing is known, and the interval is 0 to 1.
        z: standard errors to each side.
    """
    if not count:
        return 0.0, 1.0
    share, part = hits / count, z * z / count
    middle = share + part / 2
    half = z * math.sqrt(share * (1 - share) / count + part / (4 * count))
    low, high = (middle - half) / (1 + part), (middle + half) / (1 + part)
    return min(max(0.0, low), share), max(min(1.0, high), share)


def paired(only_one: int, only_other: int, count: int) -> Interval:
    """The interval of a share less another one of the same positions, as if these were independent.

    Bonett and Price 2012, *Adjusted Wald confidence interval for a difference of binomial proportions based on paired
    data*: one more position of each kind that tells the two apart. Where there is none, the normal one has no width.

    Args:
        only_one: positions that count for the first share alone.
        only_other: positions that count for the second alone.
        count: positions; of none, nothing is known, and the interval is -1 to 1.
    """
    if not count:
        return -1.0, 1.0
    one, other, count = only_one + 1, only_other + 1, count + 2
    apart = (one - other) / count
    half = Z95 * math.sqrt(((one + other) / count - apart * apart) / count)
    return max(-1.0, apart - half), min(1.0, apart + half)


class Resamples:
    """Random draws of games, with replacement, the same for all that is measured on them.

    Above 5,000 games, those that are dealt to the same block stay together, which keeps the table of draws small.
    """

    def __init__(self, games: npt.NDArray[np.int64], resamples: int = _RESAMPLES, seed: int = 0) -> None:
        """Draw.

        Args:
            games: int64 (positions,), any number that tells the games apart.
            resamples: how many times as many games are drawn as there are.
            seed: the same draws for the same seed and number of games.
        """
        _, number = np.unique(games, return_inverse=True)
        self.games = int(number.max()) + 1 if len(number) else 0
        self._blocks = min(self.games, _BLOCKS)
        self._block = number % max(1, self._blocks)
        chance = np.random.default_rng(seed)
        self._weights = np.zeros((resamples if self._blocks > 1 else 0, self._blocks), np.float32)
        for row in self._weights:
            row += np.bincount(chance.integers(self._blocks, size=self._blocks), minlength=self._blocks)

    def bootstrap(self, values: npt.NDArray[np.generic], where: npt.NDArray[np.bool_] | None = None) -> Interval:
        """The interval of a mean over positions, by resampling games alone; NaN for fewer than two games.

        Args:
            values: (positions,), numbers or truth values.
            where: bool (positions,), the positions to take; all if None.
        """
        block = self._block if where is None else self._block[where]
        chosen = np.asarray(values if where is None else values[where], np.float64)
        sums = np.bincount(block, chosen, self._blocks).astype(np.float64)
        counts = np.bincount(block, minlength=self._blocks).astype(np.float64)
        return self._ratio(sums, counts)

    def ratio(self, sums: Floats, counts: Floats) -> Interval:
        """The same from sums over each game, float64 (games,), in the order of the games' numbers.

        Args:
            sums: of the values.
            counts: of the positions, or of whatever there is a value of.
        """
        block = np.arange(self.games) % max(1, self._blocks)
        sums, counts = (np.bincount(block, what, self._blocks).astype(np.float64) for what in (sums, counts))
        return self._ratio(sums, counts)

    def _ratio(self, sums: Floats, counts: Floats) -> Interval:
        if np.count_nonzero(counts) < 2:
            return float("nan"), float("nan")
        drawn = self._weights @ np.stack([sums, counts], axis=1)  # (resamples, 2)
        drawn = drawn[drawn[:, 1] > 0]
        low, high = np.percentile(drawn[:, 0] / drawn[:, 1], [2.5, 97.5])
        return float(low), float(high)

    def share(self, hits: npt.NDArray[np.bool_], where: npt.NDArray[np.bool_] | None = None) -> Interval:
        """The honest interval of a share: the bootstrap's, or Wilson's on a side where that reaches further."""
        chosen = hits if where is None else hits[where]
        return hull(self.bootstrap(hits, where), wilson(int(np.count_nonzero(chosen)), len(chosen)))

    def difference(self, one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> Interval:
        """The honest interval of a share less another one of the same positions, both bool (positions,)."""
        only_one, only_other = (
            int(np.count_nonzero(first & ~second)) for first, second in ((one, other), (other, one))
        )
        return hull(self.bootstrap(one.astype(np.int8) - other), paired(only_one, only_other, len(one)))

    def mean(self, values: npt.NDArray[np.generic], where: npt.NDArray[np.bool_] | None = None) -> Interval:
        """The honest interval of a mean; NaN for a single position."""
        chosen = np.asarray(values if where is None else values[where], np.float64)
        if len(chosen) < 2:
            return float("nan"), float("nan")
        middle, half = float(chosen.mean()), Z95 * float(chosen.std(ddof=1)) / math.sqrt(len(chosen))
        return hull(self.bootstrap(values, where), (middle - half, middle + half))


def hull(one: Interval, other: Interval) -> Interval:
    """From the lower of the low ends to the higher of the high ones; what is NaN does not count."""
    return float(np.fmin(one[0], other[0])), float(np.fmax(one[1], other[1]))
