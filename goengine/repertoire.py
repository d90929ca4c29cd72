"""A player's repertoire: what was chosen in positions of the opening, remembered beside a network.

Openings come again, exactly; two hundred games hardly move a network there, but they can be looked up. The network's
policy p is the prior: where the player chose point a c(a) times of n, the policy becomes (c(a) + w p(a)) / (n + w), the
mean of the posterior under a Dirichlet prior of weight w (Gelman et al., *Bayesian Data Analysis*, 3.4).

A position is what stands on the board, seen by the player to move; turned and mirrored ones are the same. Of it only a
64-bit hash is kept (Zobrist 1970, *A New Hashing Method with Application for Game Playing*).
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from goengine.errors import NetworkFileError
from goengine.symmetry import SYMMETRIES, inverse_table, symmetry_table

__all__ = ["Repertoire"]

_OWN, _OPPONENT = np.uint64(1), np.uint64(2)  # planes 0 and 1 of every word (goengine.features)
_TOGETHER = 4096  # positions hashed at once
_KINDS = {"positions": np.int64, "points": np.int16, "counts": np.float32}


@dataclass(frozen=True)
class Repertoire:
    """Positions, and what was chosen there how often.

    Attributes:
        size: of the board.
        stones: positions with more stones are not looked up.
        weight: of the network's policy, in games.
        positions: uint64 (n,), ascending: the hash of a position, once for each point chosen there.
        points: int16 (n,), on the board turned as the hash has it.
        counts: float32 (n,); shared out where a position is symmetric.
    """

    size: int
    stones: int
    weight: float
    positions: npt.NDArray[np.uint64]
    points: npt.NDArray[np.int16]
    counts: npt.NDArray[np.float32]

    def __len__(self) -> int:
        """How many positions."""
        return len(np.unique(self.positions))

    @classmethod
    def of(
        cls,
        words: npt.NDArray[np.uint64],
        targets: npt.NDArray[np.int64],
        size: int,
        stones: int = 60,
        weight: float = 1.0,
    ) -> "Repertoire":
        """What was chosen in these positions.

        Args:
            words: uint64 (n, size * size), packed planes.
            targets: int64 (n,), the points chosen.
            size: of the board.
            stones: positions with more stones are left out.
            weight: of the network's policy, in games.
        """
        few = _stones(words) <= stones
        hashes = _hashes(words[few], size)
        least = hashes.min(axis=1, initial=np.uint64(2**64 - 1))
        row, turn = np.nonzero(hashes == least[:, None])
        share = 1.0 / np.bincount(row, minlength=len(hashes))[row]
        chosen = np.stack([least[row], inverse_table(size)[turn, targets[few][row]].astype(np.uint64)])
        distinct, which = np.unique(chosen, axis=1, return_inverse=True)
        counts = np.bincount(which.reshape(-1), share, distinct.shape[1]).astype(np.float32)
        return cls(size, stones, weight, distinct[0], distinct[1].astype(np.int16), counts)

    def blend(
        self,
        policy: npt.NDArray[np.float32],
        words: npt.NDArray[np.uint64],
        legal: npt.NDArray[np.bool_] | None = None,
    ) -> npt.NDArray[np.float32]:
        """The policy with what was chosen in the positions that are known.

        Args:
            policy: float32 (n, size * size), the network's.
            words: uint64 (n, size * size), packed planes of the same positions.
            legal: bool (n, size * size); choices that are not (a ko) are passed over.

        Returns:
            float32 (n, size * size): `policy` itself where nothing is known.
        """
        rows = np.flatnonzero(_stones(words) <= self.stones)
        hashes = _hashes(words[rows], self.size)
        least = hashes.min(axis=1, initial=np.uint64(2**64 - 1))
        starts, ends = (np.searchsorted(self.positions, least, side) for side in ("left", "right"))
        known = np.flatnonzero(starts < ends)
        if not len(known):
            return policy
        blended = policy.copy()
        for at in known.tolist():
            row, turn, some = rows[at], int(hashes[at].argmin()), slice(starts[at], ends[at])
            points, counts = symmetry_table(self.size)[turn, self.points[some]], self.counts[some]
            if legal is not None:
                points, counts = points[legal[row, points]], counts[legal[row, points]]
            blended[row] *= self.weight
            blended[row, points] += counts
            blended[row] /= self.weight + counts.sum()
        return blended

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """For a network file: positions int64 (the same bits), points int16, counts float32."""
        return {"positions": self.positions.view(np.int64), "points": self.points, "counts": self.counts}

    @classmethod
    def from_tensors(cls, arrays: Mapping[str, npt.NDArray[Any]], size: int, said: Any) -> "Repertoire":
        """From a network file: `tensors`, and ``stones`` and ``weight`` as its metadata have them.

        Raises:
            NetworkFileError: if they do not go together.
        """
        try:
            positions, points, counts = (arrays[name].astype(kind, casting="safe") for name, kind in _KINDS.items())
            made = cls(size, int(said["stones"]), float(said["weight"]), positions.view(np.uint64), points, counts)
            good = positions.shape == points.shape == counts.shape == (len(positions),)
            good &= 0 < made.weight < math.inf and bool(np.isfinite(counts).all())
            good = good and bool((made.positions[1:] >= made.positions[:-1]).all() and (counts > 0).all())
            good &= bool(((points >= 0) & (points < size * size)).all())
        except (KeyError, TypeError, ValueError, OverflowError):
            good = False
        if not good:
            raise NetworkFileError("its repertoire of openings is damaged; fetch or export it again")
        return made


def _stones(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """How many stones each position has."""
    stones: npt.NDArray[np.int64] = np.count_nonzero(words & (_OWN | _OPPONENT), axis=1)
    return stones


def _hashes(words: npt.NDArray[np.uint64], size: int) -> npt.NDArray[np.uint64]:
    """uint64 (n, 8): the hash of each position after each symmetry."""
    keys, nothing = _keys(size), np.uint64(0)
    hashes = np.zeros((len(words), SYMMETRIES), dtype=np.uint64)
    for first in range(0, len(words), _TOGETHER):  # all at once would take 9 kB a position
        some = words[first : first + _TOGETHER]
        own, opponent = (some & _OWN) != 0, (some & _OPPONENT) != 0
        for turn, to in enumerate(inverse_table(size)):
            stones = np.where(own, keys[0, to], nothing) ^ np.where(opponent, keys[1, to], nothing)
            hashes[first : first + _TOGETHER, turn] = np.bitwise_xor.reduce(stones, axis=1)
    return hashes


@cache
def _keys(size: int) -> npt.NDArray[np.uint64]:
    """uint64 (2, size * size): of an own and of an opponent's stone on each point; the same for ever."""
    data = hashlib.shake_256(f"goengine repertoire {size}".encode()).digest(2 * size * size * 8)
    return np.frombuffer(data, dtype="<u8").astype(np.uint64).reshape(2, size * size)
