"""How a position would end, from fast playouts: who owns which point, which stones are dead, and the score.

The same estimate serves the final score, the list of dead stones, and the decision to pass. It is a matter of
sampling: where it is not clear, it says so (:attr:`Estimate.unsure`).
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from goengine._kernels import playout as _playout
from goengine.groups import empty_regions, neighbors, seki_points
from goengine.helpers import share
from goengine.rules import BLACK, WHITE, Color, Position

__all__ = ["Chain", "Estimate", "estimate", "play_out"]

PLAYOUTS = 1000
"""Enough for scoring: a point's ownership is then known to about 0.03."""

_PARTS = 4  # playouts are dealt out in so many seeded parts, so that the result does not depend on the threads
_CLEAR = 0.4  # a chain is alive above this mean ownership by its colour, dead below minus this, else unsure
_DOUBT = 0.3  # factor on the ownership of a chain that is in doubt: below _CLEAR, and of the same sign
_NEUTRAL = 0.3  # a point of smaller absolute ownership is nobody's


@dataclass(frozen=True)
class Chain:
    """A chain of stones and what becomes of it."""

    color: Color
    stones: tuple[int, ...]
    """Points, ascending."""
    owned: float
    """Mean ownership of its points by its own colour, -1 (always captured) to 1."""

    @property
    def alive(self) -> bool:
        """Whether it is captured hardly ever."""
        return self.owned >= _CLEAR

    @property
    def dead(self) -> bool:
        """Whether it is captured nearly always."""
        return self.owned <= -_CLEAR


@dataclass(frozen=True)
class Estimate:
    """What the playouts said about a position."""

    stones: NDArray[np.int8]
    """int8 (size, size): +1 Black, -1 White, 0 empty, before the playouts."""
    ownership: NDArray[np.float32]
    """float32 (size, size): mean owner at the end, Black's viewpoint, -1 to 1."""
    scores: NDArray[np.int32]
    """int32 (playouts,): Black's points minus White's at the end of each, without komi."""
    chains: tuple[Chain, ...]
    """Every chain on the board."""
    over: bool = False
    """Whether both players have passed: they agree that no invasion is left."""

    @property
    def contested(self) -> int:
        """How many points are nobody's so far.

        On 19x19 about 7 after the last move of a game between people, fewer once the neutral points are filled, and
        20 and more before the endgame.
        """
        return int((np.abs(self.ownership) < _NEUTRAL).sum())

    @property
    def dead(self) -> tuple[Chain, ...]:
        """The chains that are captured nearly always."""
        return tuple(chain for chain in self.chains if chain.dead)

    @property
    def unsure(self) -> tuple[Chain, ...]:
        """The chains that are captured too often to call alive, and live too often to call dead."""
        return tuple(chain for chain in self.chains if not chain.alive and not chain.dead)

    @property
    def played_out(self) -> bool:
        """Whether so few points are nobody's that the end of the game is near, or has come."""
        return self.contested * 12 <= self.stones.size

    @property
    def decided(self) -> bool:
        """Whether the game is played out so far that every chain is clearly alive or dead."""
        return not self.unsure and self.played_out

    @property
    def settled(self) -> bool:
        """Whether hardly a point is open any more: nothing large is left to play."""
        return not self.unsure and self.contested <= max(2, self.stones.size // 36)

    @property
    def seki(self) -> tuple[Chain, ...]:
        """The living chains in seki: they live because neither side can attack."""
        flat = self.in_seki.reshape(-1)
        return tuple(chain for chain in self.chains if chain.alive and flat[chain.stones[0]])

    def seen_from(self, position: Position) -> "Estimate":
        """The same outcome for an earlier position of the game: what became of the chains that stood there."""
        board = position.board
        return Estimate(
            board, self.ownership, self.scores, _chains(position, board, self.ownership), position.passes >= 2
        )

    def joined(self, ownership: NDArray[np.float32], scores: NDArray[np.int32]) -> "Estimate":
        """The estimate with these playouts of the same position besides, as :func:`play_out` gives them."""
        mine, theirs = len(self.scores), len(scores)
        owned = (self.ownership * mine + ownership * theirs) / np.float32(mine + theirs)
        means = _means(self.stones * owned, [chain.stones for chain in self.chains])
        chains = tuple(replace(chain, owned=mean) for chain, mean in zip(self.chains, means, strict=True))
        return Estimate(self.stones, owned, np.concatenate([self.scores, scores]), chains, self.over)

    def doubted_by(self, other: "Estimate") -> "Estimate":
        """The same, but unsure of the chains of which ``other``, about the same stones, says something else."""
        chains = tuple(
            mine if (mine.alive, mine.dead) == (theirs.alive, theirs.dead) else replace(mine, owned=mine.owned * _DOUBT)
            for mine, theirs in zip(self.chains, other.chains, strict=True)
        )
        return replace(self, chains=chains)

    def won(self, color: Color, komi: float) -> float:
        """The share of the playouts that ``color`` won, 0 to 1; a draw counts half."""
        margin = self.scores - komi if color == BLACK else komi - self.scores
        return float((margin > 0).mean() + 0.5 * (margin == 0).mean())

    def mean_score(self) -> float:
        """Mean over the playouts of Black's points minus White's, without komi."""
        return float(self.scores.mean())

    def area_score(self, komi: float) -> float:
        """The score by area when the dead stones are removed, Black's viewpoint, ``komi`` included."""
        return float(self.owner.sum(dtype=np.int64)) - komi

    @cached_property
    def owner(self) -> NDArray[np.int8]:
        """Whose each point is when the dead stones are removed, int8 (size, size): +1 Black's, -1 White's, 0 nobody's.

        A chain of which it is not sure counts as dead if it is captured more often than not. After two passes, and once
        the game is decided unless the playouts say otherwise, an empty region beside stones of one colour is that
        colour's; all other points go to the owner that the playouts found, or to nobody.
        """
        owner = self.cleared.copy()
        size = len(owner)
        for region, beside in empty_regions(self.cleared):
            for point in region:
                row, col = divmod(point, size)
                mean = float(self.ownership[row, col])
                agreed = self.over or (self.decided and mean * next(iter(beside), 0) > -_NEUTRAL)
                if len(beside) == 1 and agreed:
                    owner[row, col] = next(iter(beside))
                elif abs(mean) >= _NEUTRAL:
                    owner[row, col] = 1 if mean > 0 else -1
        return owner

    @cached_property
    def cleared(self) -> NDArray[np.int8]:
        """The stones without those that are dead, surely or more likely than not."""
        cleared = self.stones.copy()
        for chain in self.chains:
            if chain.owned < 0:
                cleared.flat[list(chain.stones)] = 0
        return cleared

    @cached_property
    def territory(self) -> NDArray[np.int8]:
        """Whose territory each point is, int8 (size, size): +1 Black's, -1 White's, 0 nobody's or a living stone's.

        A point beside a living stone of the other colour is nobody's, even if in playouts it always falls to the same
        player: filling it wins a point by area only. Eyes in seki are included.
        """
        size = len(self.cleared)
        living = self.cleared.reshape(-1)
        owner = self.owner.reshape(-1)
        found = np.zeros(size * size, np.int8)
        for point in map(int, np.flatnonzero((living == 0) & (owner != 0))):
            if all(living[q] != -owner[point] for q in neighbors(point, size)):
                found[point] = owner[point]
        return found.reshape(size, size)

    @cached_property
    def in_seki(self) -> NDArray[np.bool_]:
        """The stones of groups in seki and their eyes, bool (size, size); see :func:`goengine.groups.seki_points`."""
        return seki_points(self.cleared, self.territory)


def estimate(position: Position, playouts: int = PLAYOUTS, seed: int = 0, threads: int = 1) -> Estimate:
    """Play the position on to the end ``playouts`` times, quickly; the player to move begins.

    The result depends on the position and the seed alone, not on ``threads``. About 5,000 playouts a second and core
    from the empty 19x19 board, 13,000 to 22,000 at the end of a game.
    """
    ownership, scores = play_out(position, playouts, seed, threads)
    board = position.board
    return Estimate(board, ownership, scores, _chains(position, board, ownership), position.passes >= 2)


def play_out(
    position: Position, playouts: int, seed: int = 0, threads: int = 1
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """What :func:`estimate` counts: :attr:`Estimate.ownership` and :attr:`Estimate.scores`."""
    size = position.size
    board = position.board.reshape(-1)
    per_part = -(-max(1, playouts) // _PARTS)
    owned = np.zeros((_PARTS, size * size), np.int32)
    scores = np.zeros((_PARTS, per_part), np.int32)
    to_play = 1 if position.to_play == BLACK else 2
    ko = -1 if position.ko_point is None else position.ko_point

    def play(part: int) -> None:
        _playout.playouts(
            board, size, to_play, ko, per_part, seed * _PARTS + part, 3 * size * size, owned[part], scores[part]
        )

    share(play, _PARTS, threads)
    ownership = (owned.sum(axis=0) / scores.size).astype(np.float32).reshape(size, size)
    return ownership, scores.reshape(-1)


def _chains(position: Position, board: NDArray[np.int8], ownership: NDArray[np.float32]) -> tuple[Chain, ...]:
    """The chains on the board, each with its mean ownership."""
    found: list[tuple[int, ...]] = []
    seen: set[int] = set()
    for point in np.flatnonzero(board).tolist():
        if point not in seen:
            found.append(position.chain(point)[0])
            seen.update(found[-1])
    flat = board.reshape(-1)
    return tuple(
        Chain(BLACK if flat[stones[0]] > 0 else WHITE, stones, mean)
        for stones, mean in zip(found, _means(board * ownership, found), strict=True)
    )


def _means(values: NDArray[np.float32], parts: Sequence[Sequence[int]]) -> list[float]:
    """The mean of these values, float32 (size, size), over each of several sets of points, none of them empty."""
    if not parts:
        return []
    counts = np.array([len(part) for part in parts])
    points = np.fromiter(itertools.chain.from_iterable(parts), np.int64, int(counts.sum()))
    sums = np.add.reduceat(values.reshape(-1)[points].astype(np.float64), np.cumsum(counts) - counts)
    means: list[float] = (sums / counts).tolist()
    return means
