"""How a position would end, from fast playouts: who owns which point, which stones are dead, and the score.

The same estimate serves the final score, the list of dead stones, and the decision to pass. It is a matter of
sampling: where it is not clear, it says so (:attr:`Estimate.unsure`).
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from goengine._kernels import playout as _playout
from goengine.rules import BLACK, WHITE, Color, Position

__all__ = ["Chain", "Estimate", "estimate", "neighbors"]

PLAYOUTS = 1000
"""Enough for scoring: a point's ownership is then known to about 0.03."""

_PARTS = 4  # playouts are dealt out in so many seeded parts, so that the result does not depend on the threads
_CLEAR = 0.4  # a chain is alive above this mean ownership by its colour, dead below minus this, else unsure
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
        """Living chains in a group without a point of its own: they live because neither side can attack."""
        return tuple(self.chains[number] for number in sorted(self._without_eyes))

    def seen_from(self, position: Position) -> "Estimate":
        """The same outcome for an earlier position of the game: what became of the chains that stood there."""
        board = position.board
        return Estimate(board, self.ownership, self.scores, _chains(position, board, self.ownership))

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

        A chain of which it is not sure counts as dead if it is captured more often than not. Once the game is decided,
        an empty region beside stones of one colour is that colour's; all other points go to the owner that the playouts
        found, or to nobody.
        """
        owner = self.cleared.copy()
        size = len(owner)
        for region, beside in _regions(self.cleared):
            for point in region:
                row, col = divmod(point, size)
                mean = float(self.ownership[row, col])
                if len(beside) == 1 and self.decided and mean * next(iter(beside)) > -_NEUTRAL:
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
    def _without_eyes(self) -> set[int]:
        """Indices of the living chains in :attr:`seki`."""
        size = len(self.stones)
        alive = [number for number, chain in enumerate(self.chains) if chain.alive]
        of_point = {point: number for number in alive for point in self.chains[number].stones}
        group = {number: number for number in alive}

        def find(number: int) -> int:
            while group[number] != number:
                number = group[number]
            return number

        with_eyes: set[int] = set()
        for point in range(size * size):
            mean = float(self.ownership.flat[point])
            if self.cleared.flat[point] or abs(mean) < _NEUTRAL:
                continue
            color = BLACK if mean > 0 else WHITE
            beside = {of_point[q] for q in neighbors(point, size) if q in of_point}
            own = sorted(find(number) for number in beside if self.chains[number].color == color)
            for number in own:
                group[find(number)] = find(own[0])
            with_eyes.update(own)
        roots = {find(number) for number in with_eyes}
        return {number for number in alive if find(number) not in roots}


def estimate(position: Position, playouts: int = PLAYOUTS, seed: int = 0, threads: int = 1) -> Estimate:
    """Play the position on to the end ``playouts`` times, quickly; the player to move begins.

    The result depends on the position and the seed alone, not on ``threads``. About 5,000 playouts a second and core
    from the empty 19x19 board, 13,000 at the end of a game.
    """
    board = position.board
    size = position.size
    per_part = -(-max(1, playouts) // _PARTS)
    owned = np.zeros((_PARTS, size * size), np.int32)
    scores = np.zeros((_PARTS, per_part), np.int32)
    to_play = 1 if position.to_play == BLACK else 2
    ko = -1 if position.ko_point is None else position.ko_point

    def play(part: int) -> None:
        _playout.playouts(
            board.reshape(-1),
            size,
            to_play,
            ko,
            per_part,
            seed * _PARTS + part,
            3 * size * size,
            owned[part],
            scores[part],
        )

    if threads > 1:
        with ThreadPoolExecutor(min(threads, _PARTS)) as pool:
            list(pool.map(play, range(_PARTS)))
    else:
        for part in range(_PARTS):
            play(part)
    ownership = (owned.sum(axis=0) / scores.size).astype(np.float32).reshape(size, size)
    return Estimate(board, ownership, scores.reshape(-1), _chains(position, board, ownership))


def _chains(position: Position, board: NDArray[np.int8], ownership: NDArray[np.float32]) -> tuple[Chain, ...]:
    """The chains on the board, each with its mean ownership."""
    chains = []
    seen: set[int] = set()
    for point in map(int, np.flatnonzero(board)):
        if point in seen:
            continue
        stones, _ = position.chain(point)
        seen.update(stones)
        sign = int(board.flat[point])
        owned = sign * float(ownership.flat[list(stones)].mean())
        chains.append(Chain(BLACK if sign > 0 else WHITE, stones, owned))
    return tuple(chains)


def _regions(board: NDArray[np.int8]) -> list[tuple[list[int], set[int]]]:
    """The connected empty regions: their points, and the signs of the colours beside them."""
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


def neighbors(point: int, size: int) -> list[int]:
    """The two to four points beside ``point``."""
    row, col = divmod(point, size)
    beside = ((row - 1, col), (row, col - 1), (row, col + 1), (row + 1, col))
    return [r * size + c for r, c in beside if 0 <= r < size and 0 <= c < size]
