"""From the network's policy to a move: legal, sensible, in the chosen style, and a pass when nothing is left to gain.

The network has no pass among its outputs, for its games hardly ever record one. So the end of a game is judged by the
estimate (:mod:`goengine.estimate`): a move is worth playing while it may change who owns what.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from goengine.endgame import Judge, capturing_moves, takes_neutral_point, unsettled_points
from goengine.errors import GoEngineError
from goengine.estimate import Estimate, estimate, play_out
from goengine.rules import BLACK, Position, opponent
from goengine.style import Style
from goengine.symmetry import SYMMETRIES, inverse, transform

__all__ = ["Player", "PolicySource", "runs_in_vain"]

_OWN, _ONE_LIBERTY, _TAKES_NOTHING, _LADDER_ESCAPE = 0, 12, 20, 45  # planes of alphago48

_LATE = 0.5  # share of the points that hold stones when it is time to ask whether the board is settled
_SCOUT = (64, 64)  # playouts for a first look, 45 to 75 us each at that stage; the later ones where the end is near
_FAR = 24  # contested points from which it is not: a board is settled at 10 on 19x19
_LOOK = (64, 1536)  # playouts to see whether a game is lost; the first alone where the chance is larger by _HOPE
_HOPE = 0.2  # three standard errors of the first, at any chance
_TRIED = 3  # moves compared with a pass, the likeliest first
_INSISTS = 0.25  # probability from which the network has its way without the playouts' consent
_LONGEST = 400  # moves that it plays on by itself to see how a game ends


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
        symmetries: 1, or 2, 4 or 8 to average over so many turned and mirrored boards (as many times the work).
        temperature: 0 plays the likeliest move; 1 draws moves as likely as the network says; between, sharper.
        top_p: when drawing, only from the likeliest moves that together reach this share, above 0 to 1.
        seed: makes the drawing repeatable; None differs every time.
        resign: points behind at which to give up when the playouts see no chance either; None never resigns.
        threads: for the playouts.
        ladder_guard: do not run with a chain in atari that stays captured, unless nothing else is sensible: the network
            sees that it is caught, and often runs all the same.
        pass_policy: human or cleanup, see :class:`goengine.style.Style`.
        resign_chance: the share of playouts won below which they see no chance.
        resize: makes the network one for another size of board (`goengine.resize.resized` does), or raises
            GoEngineError; called once for each size that is played. None: the network plays on its own size only.

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
        pass_policy: str = "human",
        resign_chance: float = Style.resign_chance,
        resize: Callable[[Any, int], PolicySource] | None = None,
    ) -> None:
        self.style = Style(symmetries, temperature, top_p, seed, resign, ladder_guard, pass_policy, resign_chance)
        self.network = network
        self.threads = threads
        self._resize = resize
        self._random = np.random.default_rng(seed)

    @property
    def network(self) -> PolicySource:
        """What predicts the moves, as it was given; :meth:`network_for` is what does so on a board."""
        return self._network

    @network.setter
    def network(self, network: PolicySource) -> None:
        self._network = network
        self._sized = {network.size: network}

    def network_for(self, size: int) -> PolicySource:
        """The network that plays on boards of this size: the given one, or what it becomes on another board.

        Raises:
            GoEngineError: it is for another size, and cannot be resized.
        """
        if size not in self._sized:
            if self._resize is None:
                own = f"{self.network.size}x{self.network.size}"
                raise GoEngineError(
                    f"the network {self.network.name} plays {own} only, this board is {size}x{size}: "
                    f"use board size {self.network.size}, or give a network for {size}x{size} with --network"
                )
            self._sized[size] = self._resize(self.network, size)
        return self._sized[size]

    @property
    def symmetries(self) -> int:
        """How many symmetries are averaged: 1, 2, 4 or 8."""
        return self.style.symmetries

    @property
    def resign(self) -> float | None:
        """Points behind at which to give up, or None."""
        return self.style.resign

    def restyle(self, **changes: Any) -> None:
        """Change settings of :attr:`style` by name; a seed, even the same one, begins the drawing of moves anew.

        Raises:
            GoEngineError: a setting is out of range; nothing is changed.
        """
        self.style = replace(self.style, **changes)
        if "seed" in changes:
            self._random = np.random.default_rng(self.style.seed)

    def policy(self, position: Position, symmetry: int | None = None) -> NDArray[np.float32]:
        """The network's prediction for the player to move: float32 (size * size,), 0 where the move is illegal.

        Sums to 1, or to 0 where no point is legal.

        Args:
            position: the position.
            symmetry: 0 to 7 shows the network the board turned so, and turns its answer back; None averages over as
                many symmetries as the player does.

        Raises:
            GoEngineError: the network is for another board size, or there is no such symmetry.
        """
        if symmetry is None:
            policy: NDArray[np.float32] = self.policies([position])[0]
            return policy
        if not 0 <= symmetry < SYMMETRIES:
            raise GoEngineError(f"symmetry {symmetry} is not possible: use 0 to {SYMMETRIES - 1}")
        network = self.network_for(position.size)
        words = transform(position.encode_words(), symmetry)
        legal = transform(position.legal_mask().reshape(words.shape), symmetry)
        turned = network.policy(words[None], 1, legal.reshape(1, -1))
        policy = transform(turned.reshape(words.shape), inverse(symmetry)).reshape(-1)
        return policy

    def policies(self, positions: Sequence[Position]) -> NDArray[np.float32]:
        """:meth:`policy` for several positions, at least one, all of one size: float32 (positions, size * size).

        Raises:
            GoEngineError: the network is for another board size, or there is no position.
        """
        if not positions:
            raise GoEngineError("no position was given: give at least one")
        network = self.network_for(positions[0].size)
        words = np.stack([position.encode_words() for position in positions])
        legal = np.stack([position.legal_mask() for position in positions])
        probabilities: NDArray[np.float32] = network.policy(words, self.symmetries, legal)
        return probabilities

    def plays(self, size: int) -> bool:
        """Whether the network plays on boards of this size."""
        try:
            self.network_for(size)
        except GoEngineError:
            return False
        return True

    def suggest(self, position: Position, top: int = 5) -> list[tuple[int | None, float]]:
        """The network's favourite legal moves, likeliest first, as (point, probability)."""
        probabilities = self.policy(position)
        best = np.argsort(-probabilities, kind="stable")[: max(0, top)]
        return [(int(point), float(probabilities[point])) for point in best if probabilities[point] > 0]

    def choose(self, position: Position, sample: bool = True, cleanup: bool = False) -> int | None:
        """The move to play: a point, or None to pass.

        Legal under the ko rule of the position, repeats no earlier arrangement of stones, and fills no true eye.

        Args:
            position: the position.
            sample: False is the likeliest such move, whatever the temperature.
                Nor does it draw moves while a chain of its own is in atari.
            cleanup: take the opponent's dead stones before passing, whatever the pass policy.

        Raises:
            GoEngineError: the network is for another board size.
        """
        point = self._choose(position, sample and not (self.style.temperature > 0 and _own_in_atari(position).any()))
        if point is None and (cleanup or self.style.pass_policy == "cleanup"):
            return next(capturing_moves(position, self.threads), None)
        return point

    def _choose(self, position: Position, sample: bool) -> int | None:
        self.network_for(position.size)
        sensible = position.sensible_mask()
        if not sensible.any():
            return None
        probabilities = self._sensible(position, sensible, self.policy(position))
        passed = position.last_move is not None and position.last_move[1] is None
        if passed or np.count_nonzero(position.board) >= _LATE * position.size**2:
            scout = self._scout(position)
            if scout.settled:  # the playouts can tell what a move is worth
                return self._late_move(position, probabilities, scout)
            worth = sensible & unsettled_points(scout)
            if not worth.any():
                return None
            if not worth[probabilities.argmax()] and probabilities.max() < _INSISTS:
                probabilities = np.where(worth, probabilities, 0)
        return next(self._moves(position, probabilities, sample), None)

    def _scout(self, position: Position) -> Estimate:
        """A first look at how the game ends, the quicker the more is open."""
        seen = estimate(position, _SCOUT[0], threads=self.threads)
        if seen.contested >= _FAR:
            return seen
        return seen.joined(*play_out(position, _SCOUT[1], seed=1, threads=self.threads))

    def settle(self, position: Position, playouts: int = 2000) -> Estimate:
        """How the game ends: by playouts where the board is decided, else after the network has played on by itself.

        It plays for both sides until both pass; then the playouts say who owns what, and which chains of `position`
        live. It does so twice, so that either side is the first to move: the score is that of the side whose turn it
        is, and chains whose life depends on who comes first are unsure. The same for the same position. A few seconds
        where much is open, and where the network does not play on such boards, playouts alone.
        """
        seen = estimate(position, playouts, threads=self.threads)
        if seen.decided or not self.plays(position.size):
            return seen
        ends = []
        for color in (position.to_play, opponent(position.to_play)):
            played = position.copy()
            played.to_play = color
            self._play_on(played)
            ends.append(estimate(played, playouts, threads=self.threads).seen_from(position))
        return ends[0].doubted_by(ends[1])

    def _play_on(self, position: Position) -> None:
        """Play for both sides until both pass."""
        passes = 0
        for _ in range(_LONGEST):
            point = self._choose(position, sample=False)
            position.play(point)
            passes = 0 if point is not None else passes + 1
            if passes == 2:
                break

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
        if self.style.ladder_guard:
            futile = runs_in_vain(position)
            if (sensible & ~futile).any():
                probabilities[futile] = 0
        return probabilities

    def resigns(self, position: Position) -> bool:
        """Whether the player to move gives the game up: only if allowed to, far behind, and without a chance."""
        if self.resign is None or position.move_number < position.size**2 // 4:
            return False
        color, komi, chance = position.to_play, position.komi, self.style.resign_chance
        seen = estimate(position, _LOOK[0], threads=self.threads)
        if seen.won(color, komi) >= chance + _HOPE:
            return False
        seen = seen.joined(*play_out(position, _LOOK[1], seed=1, threads=self.threads))
        behind = (komi - seen.mean_score()) * (1 if color == BLACK else -1)
        return behind >= self.resign and seen.won(color, komi) < chance

    def _late_move(self, position: Position, probabilities: NDArray[np.float64], scout: Estimate) -> int | None:
        """The likeliest move that gains something over a pass; None (pass) if there is none.

        Gaining is to score more in the playouts, or to take a neutral point, and hold it, without scoring less: in
        playouts a neutral point often falls to the player who passed first. It must still gain when the network has
        answered it, over what it answers to the opponent's move there: playouts overlook simple answers.
        """
        judge = Judge(position, scout, self.threads)
        promising = np.where(judge.candidates, probabilities, 0)
        for tried, point in enumerate(self._moves(position, promising, sample=False)):
            if tried == _TRIED:
                break
            clear = probabilities[point] >= _INSISTS or takes_neutral_point(position, point, scout)
            if clear or (judge.gains(point) and self._still_gains(position, point, judge)):
                return point
        return None

    def _still_gains(self, position: Position, point: int, judge: Judge) -> bool:
        """Whether a move gains over a pass when the network answers it, and answers what the opponent plays there."""
        near = judge.around(point)
        after, passed = position.copy(), position.copy()
        after.play(point)
        passed.play(None)
        answer = self.likeliest([after], [near])[0]
        if not judge.gains(point, (answer, None)):
            return False
        attack = self.likeliest([passed], [near])[0]
        passed.play(attack)
        return judge.gains(point, (answer, None), (attack, self.likeliest([passed], [near])[0]))

    def _moves(self, position: Position, probabilities: NDArray[np.float64], sample: bool) -> Iterator[int]:
        """The moves of positive probability in the order in which to try them, none that repeats a position."""
        left = probabilities.copy()
        while left.any():
            point = self._draw(left) if sample and self.style.temperature > 0 else int(left.argmax())
            left[point] = 0
            if not position.repeats(point):
                yield point

    def _draw(self, probabilities: NDArray[np.float64]) -> int:
        """A point drawn by temperature and top-p."""
        order = np.argsort(-probabilities, kind="stable")
        sharp = np.zeros_like(probabilities)
        positive = probabilities > 0
        logs = np.log(probabilities[positive])
        with np.errstate(over="ignore"):  # at a temperature of next to nothing all but the likeliest go to -inf
            sharp[positive] = np.exp((logs - logs.max()) / self.style.temperature)
        sharp /= sharp.sum()
        sums = np.cumsum(sharp[order])
        kept = order[: int(np.searchsorted(sums, self.style.top_p)) + 1]
        weights = sharp[kept]
        return int(self._random.choice(kept, p=weights / weights.sum()))


def _planes(position: Position, *numbers: int) -> list[NDArray[np.bool_]]:
    """Planes of ``alphago48``, bool (size, size) each."""
    words = position.encode_words()
    return [((words >> np.uint64(number)) & np.uint64(1)).astype(np.bool_) for number in numbers]


def _own_in_atari(position: Position) -> NDArray[np.bool_]:
    """The stones in atari of the player to move, bool (size, size)."""
    own, one_liberty = _planes(position, _OWN, _ONE_LIBERTY)
    return own & one_liberty


def runs_in_vain(position: Position) -> NDArray[np.bool_]:
    """Points that extend a chain of the player to move out of atari for nothing, bool (size * size,).

    The move takes no stones, and the ladder reader (plane 45) finds no escape in it.
    """
    size = position.size
    in_atari = np.zeros((size + 2, size + 2), np.bool_)
    in_atari[1:-1, 1:-1] = _own_in_atari(position)
    liberty = in_atari[:-2, 1:-1] | in_atari[2:, 1:-1] | in_atari[1:-1, :-2] | in_atari[1:-1, 2:]
    takes_nothing, escape = _planes(position, _TAKES_NOTHING, _LADDER_ESCAPE)
    vain: NDArray[np.bool_] = liberty & takes_nothing & ~escape
    return vain.reshape(-1)
