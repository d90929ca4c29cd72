"""What is left to do at the end of a game: points still open, moves that gain nothing, dead stones to take off.

It asks the estimate (:mod:`goengine.estimate`), and no network.
"""

import numpy as np
from numpy.typing import NDArray

from goengine.estimate import Estimate, estimate
from goengine.groups import neighbors
from goengine.rules import BLACK, WHITE, Position

__all__ = ["Judge", "capturing_moves", "open_points", "takes_neutral_point", "unsettled_points"]

_OPEN = 0.8  # a point of smaller absolute ownership may still change hands
_JUDGE = (200, 400)  # playouts to compare a move with a pass; the later ones only where it is not clear yet
_CLEAR = 1.5  # standard errors by which it must be clear
_WORTH = 0.4  # points that a move must gain over a pass, by the playouts, once the board is settled
_SAFE = 400  # playouts to see that a capture costs nothing


class Judge:
    """What a move leads to by playouts, as many as it takes to tell it from a pass."""

    def __init__(self, position: Position, point: int | None, threads: int) -> None:
        self._point = point
        self._sign = 1 if position.to_play == BLACK else -1
        self._after = position.copy()
        self._after.play(point)
        self._threads = threads
        self._scores: list[NDArray[np.int32]] = []
        self._held: list[float] = []

    def gains_over(self, passed: "Judge") -> bool:
        """Whether the move scores more than a pass, or as much while it holds its point."""
        for stage in range(len(_JUDGE)):
            mine, theirs = self._seen(stage), passed._seen(stage)
            gain = float(mine.mean() - theirs.mean())
            error = float(np.sqrt(mine.var() / len(mine) + theirs.var() / len(theirs)))
            held = float(np.average(self._held[: stage + 1], weights=_JUDGE[: stage + 1]))
            held_error = float(np.sqrt((1 - _OPEN**2) / len(mine)))
            least = -_WORTH if held >= _OPEN else _WORTH
            sure_to_hold = abs(held - _OPEN) > _CLEAR * held_error
            if abs(gain) > _WORTH + _CLEAR * error or (sure_to_hold and abs(gain - least) > _CLEAR * error):
                break
        return gain >= least

    def _seen(self, stage: int) -> NDArray[np.float64]:
        """The scores of the playouts up to this stage in the viewpoint of the player who moves, float64 (playouts,)."""
        while len(self._scores) <= stage:
            seed = len(self._scores)
            seen = estimate(self._after, _JUDGE[seed], seed, self._threads)
            self._scores.append(seen.scores)
            self._held.append(0.0 if self._point is None else self._sign * float(seen.ownership.flat[self._point]))
        return self._sign * np.concatenate(self._scores[: stage + 1]).astype(np.float64)


def takes_neutral_point(position: Position, point: int, seen: Estimate) -> bool:
    """Whether a move takes a neutral point and leaves nothing to attack: the playouts need not be asked.

    The point touches chains of both colours that live, and beside the move every chain of the player keeps three
    liberties or more.
    """
    alive = {stone: chain.color for chain in seen.chains if chain.alive for stone in chain.stones}
    beside = {alive.get(q) for q in neighbors(point, position.size)}
    if not {BLACK, WHITE} <= beside:
        return False
    color = position.to_play
    after = position.copy()
    after.play(point)
    own = [q for q in neighbors(point, position.size) if alive.get(q) == color]
    return all(len(after.chain(q)[1]) >= 3 for q in [point, *own])


def capturing_moves(position: Position, threads: int = 1) -> list[int]:
    """Moves by which the player to move takes the opponent's dead stones off, the best first.

    Each is legal, repeats no position, fills no true eye, is not put into atari unless it captures, and by the
    playouts endangers none of the player's living chains. Empty when no dead stones are left, or nothing of the kind
    can be done about them.
    """
    seen = estimate(position, _SAFE, threads=threads)
    color = position.to_play
    dead = [chain for chain in seen.dead if chain.color != color]
    alive = {stone for chain in seen.chains if chain.color == color and chain.alive for stone in chain.stones}
    sensible = position.sensible_mask()
    ranked: dict[int, tuple[int, int]] = {}
    for chain in dead:
        liberties = position.chain(chain.stones[0])[1]
        for point in liberties:
            if sensible[point] and not position.repeats(point):
                rank = (len(liberties), -len(chain.stones))
                ranked[point] = min(rank, ranked.get(point, rank))
    return [
        point
        for point in sorted(ranked, key=lambda point: (ranked[point], point))
        if _is_safe(position, point, alive, threads)
    ]


def _is_safe(position: Position, point: int, alive: set[int], threads: int) -> bool:
    """Whether a move keeps the player's living stones alive, and itself out of atari unless it captures."""
    after = position.copy()
    after.play(point)
    captured = after.captures[position.to_play] > position.captures[position.to_play]
    if not captured and len(after.chain(point)[1]) < 2:
        return False
    seen = estimate(after, _SAFE, threads=threads)
    return not any(
        chain.color == position.to_play and not chain.alive and alive & set(chain.stones) for chain in seen.chains
    )


def open_points(seen: Estimate) -> NDArray[np.bool_]:
    """The points that may still change hands, bool (size * size,).

    The playouts are not sure of them, or they touch living stones of both colours: then they are neutral, though in
    the playouts they may always fall to the player who has no other move.
    """
    size = len(seen.stones)
    alive = np.where(seen.stones * seen.ownership > 0, seen.stones, 0)
    framed = np.zeros((size + 2, size + 2), np.int8)
    framed[1:-1, 1:-1] = alive
    beside = np.stack([framed[:-2, 1:-1], framed[2:, 1:-1], framed[1:-1, :-2], framed[1:-1, 2:]])
    neutral = (seen.stones == 0) & (beside == 1).any(axis=0) & (beside == -1).any(axis=0)
    still_open: NDArray[np.bool_] = (neutral | (np.abs(seen.ownership) < _OPEN)).reshape(-1)
    return still_open


def unsettled_points(seen: Estimate) -> NDArray[np.bool_]:
    """The points at which a move may still matter, bool (size * size,): open ones and those beside them."""
    near = open_points(seen).reshape(seen.stones.shape)
    wide = near.copy()
    wide[1:] |= near[:-1]
    wide[:-1] |= near[1:]
    wide[:, 1:] |= near[:, :-1]
    wide[:, :-1] |= near[:, 1:]
    return wide.reshape(-1)
