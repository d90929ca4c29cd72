"""From the network's policy to a move: legal, sensible, in the chosen style, and a pass when nothing is left to gain.

The network has no pass among its outputs, for its games hardly ever record one. So the end of a game is judged by the
estimate (:mod:`goengine.estimate`): a move is worth playing while it may change who owns what.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from goengine.errors import GoEngineError
from goengine.estimate import Estimate, estimate, neighbors
from goengine.rules import BLACK, WHITE, Position
from goengine.symmetry import inverse, transform

__all__ = ["Player", "PolicySource", "runs_in_vain"]

_OWN, _ONE_LIBERTY, _TAKES_NOTHING, _LADDER_ESCAPE = 0, 12, 20, 45  # planes of alphago48

_LATE = 0.5  # share of the points that hold stones when it is time to ask whether the board is settled
_OPEN = 0.8  # a point of smaller absolute ownership may still change hands
_SCOUT = 200  # playouts for a first look: about 15 ms on one thread at that stage
_JUDGE = (200, 400)  # playouts to compare a move with a pass; the later ones only where it is not clear yet
_CLEAR = 1.5  # standard errors by which it must be clear
_LOOK = 1600  # playouts to see whether a game is lost
_WORTH = 0.4  # points that a move must gain over a pass, by the playouts, once the board is settled
_TRIED = 4  # moves compared with a pass, the likeliest first
_INSISTS = 0.25  # probability from which the network has its way without the playouts' consent
_HOPELESS = 0.01  # share of playouts won below which, and the margin, a player that may resign resigns


class PolicySource(Protocol):
    """What a player needs of a network; :class:`goengine.checkpoint.Network` is one."""

    name: str
    size: int

    def policy(
        self, batch: NDArray[np.uint64], symmetries: int = 1, legal: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float32]:
        """Probabilities float32 (batch, size * size) for uint64 (batch, size, size) words, over ``legal`` points."""
        ...


class Player:
    """Chooses moves with a network.

    Args:
        network: predicts the move.
        symmetries: 1, or 8 to average over the turned and mirrored boards (eight times the work).
        temperature: 0 plays the likeliest move; 1 draws moves as likely as the network says; between, sharper.
        top_p: when drawing, only from the likeliest moves that together reach this share, above 0 to 1.
        seed: makes the drawing repeatable; None differs every time.
        resign: points behind at which to give up when the playouts see no chance either; None never resigns.
        threads: for the playouts.
        ladder_guard: do not run with a chain in atari that stays captured, unless nothing else is sensible: the network
            sees that it is caught, and often runs all the same.

    Raises:
        GoEngineError: a setting is out of range.
    """

    def __init__(
        self,
        network: PolicySource,
        symmetries: int = 1,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seed: int | None = None,
        resign: float | None = None,
        threads: int = 1,
        ladder_guard: bool = True,
    ) -> None:
        if symmetries not in (1, 8):
            raise GoEngineError(f"symmetries {symmetries} is not possible: use 1 or 8")
        if not 0 <= temperature <= 100:
            raise GoEngineError(f"temperature {temperature} is out of range: use 0 (the likeliest move) to 100")
        if not 0 < top_p <= 1:
            raise GoEngineError(f"top-p {top_p} is out of range: use a share above 0, up to 1")
        if resign is not None and not resign > 0:
            raise GoEngineError(f"resign {resign} is out of range: give the points behind, above 0")
        self.network = network
        self.symmetries = symmetries
        self.temperature = temperature
        self.top_p = top_p
        self.resign = resign
        self.threads = threads
        self.ladder_guard = ladder_guard
        self._random = np.random.default_rng(seed)

    def policy(self, position: Position, symmetry: int | None = None) -> NDArray[np.float32]:
        """The network's prediction for the player to move: float32 (size * size,), 0 where the move is illegal.

        Sums to 1, or to 0 where no point is legal.

        Args:
            position: the position.
            symmetry: 0 to 7 shows the network the board turned so, and turns its answer back; None averages over as
                many symmetries as the player does.

        Raises:
            GoEngineError: the network is for another board size.
        """
        if symmetry is None:
            policy: NDArray[np.float32] = self.policies([position])[0]
            return policy
        self.check_size(position.size)
        words = transform(position.encode_words(), symmetry)
        legal = transform(position.legal_mask().reshape(words.shape), symmetry)
        turned = self.network.policy(words[None], 1, legal.reshape(1, -1))
        policy = transform(turned.reshape(words.shape), inverse(symmetry)).reshape(-1)
        return policy

    def policies(self, positions: Sequence[Position]) -> NDArray[np.float32]:
        """:meth:`policy` for several positions of one size at once: float32 (positions, size * size)."""
        self.check_size(positions[0].size)
        words = np.stack([position.encode_words() for position in positions])
        legal = np.stack([position.legal_mask() for position in positions])
        probabilities: NDArray[np.float32] = self.network.policy(words, self.symmetries, legal)
        return probabilities

    def check_size(self, size: int) -> None:
        """Raise GoEngineError unless the network plays on boards of this size."""
        if size != self.network.size:
            raise GoEngineError(
                f"the network {self.network.name} plays {self.network.size}x{self.network.size} only, this board is "
                f"{size}x{size}: set boardsize {self.network.size}, or give a network for {size}x{size} with --network"
            )

    def suggest(self, position: Position, top: int = 5) -> list[tuple[int | None, float]]:
        """The network's favourite legal moves, likeliest first, as (point, probability)."""
        probabilities = self.policy(position)
        best = np.argsort(-probabilities, kind="stable")[:top]
        return [(int(point), float(probabilities[point])) for point in best if probabilities[point] > 0]

    def choose(self, position: Position, sample: bool = True) -> int | None:
        """The move to play: a point, or None to pass.

        Legal under the ko rule of the position, repeats no earlier arrangement of stones, and fills no true eye.
        ``sample=False`` is the likeliest such move, whatever the temperature.

        Raises:
            GoEngineError: the network is for another board size.
        """
        self.check_size(position.size)
        sensible = position.sensible_mask()
        if not sensible.any():
            return None
        probabilities = self._sensible(position, sensible, self.policy(position))
        passed = position.last_move is not None and position.last_move[1] is None
        if passed or np.count_nonzero(position.board) >= _LATE * position.size**2:
            scout = estimate(position, _SCOUT, threads=self.threads)
            worth = sensible & _unsettled(scout)
            if not worth.any():
                return None
            if scout.settled:  # the playouts can tell what a move is worth
                return self._late_move(position, np.where(sensible & _open(scout), probabilities, 0), scout)
            if not worth[probabilities.argmax()] and probabilities.max() < _INSISTS:
                probabilities = np.where(worth, probabilities, 0)
        return next(self._moves(position, probabilities, sample), None)

    def likeliest(
        self, positions: Sequence[Position], allowed: Sequence[NDArray[np.bool_] | None] | None = None
    ) -> list[int | None]:
        """The network's favourite sensible move in each position, by one evaluation; None where there is none.

        Unlike :meth:`choose` it asks no playouts whether the game is over, so it is a matter of milliseconds.

        Args:
            positions: at least one, of one size.
            allowed: for each position, bool (size * size,), the points to choose from; None for all.

        Raises:
            GoEngineError: the network is for another board size.
        """
        moves = []
        for number, (position, policy) in enumerate(zip(positions, self.policies(positions), strict=True)):
            sensible = position.sensible_mask()
            mask = None if allowed is None else allowed[number]
            if mask is not None:
                sensible &= mask
            probabilities = self._sensible(position, sensible, policy)
            moves.append(next(self._moves(position, probabilities, sample=False), None))
        return moves

    def _sensible(
        self, position: Position, sensible: NDArray[np.bool_], policy: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """The policy over the sensible points; lost ladders count as not sensible if anything else is left."""
        probabilities = np.where(sensible, policy, 0).astype(np.float64)
        probabilities[sensible] += 1e-9  # a move is possible even where the network rules it out
        if self.ladder_guard:
            futile = runs_in_vain(position)
            if (sensible & ~futile).any():
                probabilities[futile] = 0
        return probabilities

    def resigns(self, position: Position) -> bool:
        """Whether the player to move gives the game up: only if allowed to, far behind, and without a chance."""
        if self.resign is None or position.move_number < position.size**2 // 4:
            return False
        seen = estimate(position, _LOOK, threads=self.threads)
        sign = 1 if position.to_play == BLACK else -1
        behind = -sign * (seen.mean_score() - position.komi)
        return behind >= self.resign and seen.won(position.to_play, position.komi) < _HOPELESS

    def _late_move(self, position: Position, probabilities: NDArray[np.float64], scout: Estimate) -> int | None:
        """The likeliest move that gains something over a pass; None (pass) if there is none.

        Gaining is to score more in the playouts, or to take a neutral point, and hold it, without scoring less: in
        playouts a neutral point often falls to the player who passed first.
        """
        passed = _Judge(position, None, self.threads)
        for tried, point in enumerate(self._moves(position, probabilities, sample=False)):
            if tried == _TRIED:
                break
            clear = probabilities[point] >= _INSISTS or _is_neutral(position, point, scout)
            if clear or _Judge(position, point, self.threads).gains_over(passed):
                return point
        return None

    def _moves(self, position: Position, probabilities: NDArray[np.float64], sample: bool) -> Iterator[int]:
        """The moves of positive probability in the order in which to try them, none that repeats a position."""
        left = probabilities.copy()
        while left.any():
            point = self._draw(left) if sample and self.temperature > 0 else int(left.argmax())
            left[point] = 0
            if not position.repeats(point):
                yield point

    def _draw(self, probabilities: NDArray[np.float64]) -> int:
        """A point drawn by temperature and top-p."""
        order = np.argsort(-probabilities, kind="stable")
        sharp = np.zeros_like(probabilities)
        positive = probabilities > 0
        logs = np.log(probabilities[positive]) / self.temperature
        sharp[positive] = np.exp(logs - logs.max())
        sharp /= sharp.sum()
        sums = np.cumsum(sharp[order])
        kept = order[: int(np.searchsorted(sums, self.top_p)) + 1]
        weights = sharp[kept]
        return int(self._random.choice(kept, p=weights / weights.sum()))


class _Judge:
    """What a move leads to by playouts, as many as it takes to tell it from a pass."""

    def __init__(self, position: Position, point: int | None, threads: int) -> None:
        self._point = point
        self._sign = 1 if position.to_play == BLACK else -1
        self._after = position.copy()
        self._after.play(point)
        self._threads = threads
        self._scores: list[NDArray[np.int32]] = []
        self._held: list[float] = []

    def gains_over(self, passed: "_Judge") -> bool:
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


def _is_neutral(position: Position, point: int, seen: Estimate) -> bool:
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


def runs_in_vain(position: Position) -> NDArray[np.bool_]:
    """Points that extend a chain of the player to move out of atari for nothing, bool (size * size,).

    The move takes no stones, and the ladder reader (plane 45) finds no escape in it.
    """
    words = position.encode_words()

    def plane(number: int) -> NDArray[np.bool_]:
        return ((words >> np.uint64(number)) & np.uint64(1)).astype(np.bool_)

    size = position.size
    in_atari = np.zeros((size + 2, size + 2), np.bool_)
    in_atari[1:-1, 1:-1] = plane(_OWN) & plane(_ONE_LIBERTY)
    liberty = in_atari[:-2, 1:-1] | in_atari[2:, 1:-1] | in_atari[1:-1, :-2] | in_atari[1:-1, 2:]
    vain: NDArray[np.bool_] = liberty & plane(_TAKES_NOTHING) & ~plane(_LADDER_ESCAPE)
    return vain.reshape(-1)


def _open(seen: Estimate) -> NDArray[np.bool_]:
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


def _unsettled(seen: Estimate) -> NDArray[np.bool_]:
    """The points at which a move may still matter, bool (size * size,): open ones and those beside them."""
    near = _open(seen).reshape(seen.stones.shape)
    wide = near.copy()
    wide[1:] |= near[:-1]
    wide[:-1] |= near[1:]
    wide[:, 1:] |= near[:, :-1]
    wide[:, :-1] |= near[:, 1:]
    return wide.reshape(-1)
