"""What is left to do at the end of a game: points still open, moves that gain nothing, dead stones to take off.

It asks the estimate (:mod:`goengine.estimate`), and no network.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from goengine.estimate import Estimate, estimate, play_out
from goengine.groups import neighbors
from goengine.rules import BLACK, WHITE, Position

__all__ = ["Judge", "capturing_moves", "open_points", "takes_neutral_point", "unsettled_points"]

_OPEN = 0.8  # a point of smaller absolute ownership may still change hands
_STAGES = (32, 32, 64)  # playouts to compare a move with a pass; the later ones only where it is not clear yet
_CLEAR = 1.5  # standard errors by which it must be clear
_WORTH = 0.5  # points that a move must gain over a pass, by the playouts, once the board is settled
_NEAR = 2  # steps from a move, whole chains counting as one, within which it is judged
_FIRM = 0.9  # the mean ownership from which a chain is in no danger, and what the playouts say of it is chance
_MINE = 0.5  # the ownership from which a point that is no neutral one need not be taken any more
_SAFE = 400  # playouts to see that a capture costs nothing
_HOPELESS = 0.8  # the mean ownership by the other colour from which points are lost, whatever is captured there

_Moves = tuple[int | None, ...]  # points, None for a pass


class Judge:
    """Tells by playouts what a move gains over a pass, on the points and chains around it.

    Farther away the playouts differ by chance, and by more than the moves that are left are worth: over 53 moves of
    settled boards the standard error of the difference in score was 3.5 points after 200 playouts each, that of the
    points around the move 1.2. As few playouts as it takes.

    Args:
        position: not changed.
        seen: its estimate.
        threads: for the playouts.
    """

    def __init__(self, position: Position, seen: Estimate, threads: int = 1) -> None:
        self._position = position
        self._sign = 1 if position.to_play == BLACK else -1
        self._threads = threads
        self._played: dict[_Moves, tuple[Position, list[NDArray[np.float32]]]] = {}
        mine = self._sign * seen.ownership.reshape(-1) >= _MINE
        self._to_take = _neutral_points(seen) | (open_points(seen) & ~mine)
        self.candidates = _candidates(seen) | self._atari_points(seen)
        """Where a move may gain something, bool (size * size,): open points, and the liberties of chains in doubt, or
        in atari and in doubt after a pass."""

    def _atari_points(self, seen: Estimate) -> NDArray[np.bool_]:
        """The only liberties of chains that may be taken or saved after a pass, bool (size * size,)."""
        owned = np.abs(self._owned((None,), 0))
        found = np.zeros(len(owned), np.bool_)
        for chain in seen.chains:
            liberties = self._position.chain(chain.stones[0])[1]
            if len(liberties) == 1 and owned[list(chain.stones)].mean() < _OPEN:
                found[liberties[0]] = True
        return found

    def gains(self, point: int, after: _Moves = (), passing: _Moves = ()) -> bool:
        """Whether the move is better than a pass, or as good while it takes a point and holds it.

        Playouts overlook simple answers, so that moves can be given. It should be the opponent's turn in both cases.

        Args:
            point: the move, legal.
            after: moves that follow it, None for a pass.
            passing: moves that follow a pass instead.
        """
        parts = _parts_around(self._position, point)
        mine = np.zeros(self._position.size**2, np.float32)
        theirs = np.zeros_like(mine)
        number = 0
        for stage, playouts in enumerate(_STAGES):
            number += playouts
            share = playouts / number
            mine += share * (self._owned((point, *after), stage) - mine)
            theirs += share * (self._owned((None, *passing), stage) - theirs)
            gain, error = _difference(mine, theirs, parts, number)
            held = float(mine[point]) if self._to_take[point] else 0.0
            least = -_WORTH if held >= _OPEN else _WORTH
            held_error = float(np.sqrt((1 - _OPEN**2) / number))
            sure = not self._to_take[point] or abs(held - _OPEN) > _CLEAR * held_error
            if abs(gain) > _WORTH + _CLEAR * error or (sure and abs(gain - least) > _CLEAR * error):
                break
        return gain >= least

    def around(self, point: int) -> NDArray[np.bool_]:
        """The points that a move may change and those beside them, bool (size * size,)."""
        size = self._position.size
        found = np.zeros(size**2, np.bool_)
        for part in _parts_around(self._position, point):
            for q in part:
                found[[q, *neighbors(q, size)]] = True
        return found

    def _owned(self, moves: _Moves, stage: int) -> NDArray[np.float32]:
        """Mean ownership after these moves in the viewpoint of the player who moves, float32 (size * size,); kept."""
        if moves not in self._played:
            position = self._position.copy()
            for move in moves:
                position.play(move)
            self._played[moves] = (position, [])
        position, stages = self._played[moves]
        while len(stages) <= stage:
            ownership, _ = play_out(position, _STAGES[len(stages)], len(stages), self._threads)
            stages.append(self._sign * ownership.reshape(-1))
        return stages[stage]


def _parts_around(position: Position, point: int) -> list[list[int]]:
    """What a move may change: the chains and the empty points around it, each chain as a list of its points."""
    size = position.size
    board = position.board.reshape(-1)
    reached = {point}
    parts = [[point]]
    edge = [point]
    for _ in range(_NEAR):
        beside = {q for start in edge for q in neighbors(start, size)} - reached
        edge = []
        for start in sorted(beside):
            if start not in reached:
                part = list(position.chain(start)[0]) if board[start] else [start]
                reached.update(part)
                parts.append(part)
                edge += part
    return parts


def _difference(
    mine: NDArray[np.float32], theirs: NDArray[np.float32], parts: list[list[int]], playouts: int
) -> tuple[float, float]:
    """How many points more the player owns in these parts, and the standard error of that."""
    gain = variance = 0.0
    for part in parts:
        here, there = float(mine[part].mean()), float(theirs[part].mean())
        change = len(part) * (here - there)
        noise = len(part) ** 2 * (2 - here * here - there * there) / playouts
        if min(abs(here), abs(there)) >= _FIRM and change * change < 4 * noise:
            continue
        gain += change
        variance += noise
    return gain, variance**0.5


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


def capturing_moves(position: Position, threads: int = 1) -> Iterator[int]:
    """Moves by which the player to move takes the opponent's dead stones off, the best first.

    Each is legal, repeats no position, fills no true eye, and by the playouts endangers none of the player's living
    chains; that is looked at when the move is asked for. Where nothing else is left, moves that can be taken, by stones
    that are dead all the same: an eye of several points has to be filled from within. None when no dead stones are
    left, or nothing of the kind can be done about them.
    """
    seen = estimate(position, _SAFE, threads=threads)
    color = position.to_play
    dead = [chain for chain in seen.dead if chain.color != color]
    alive = {stone for chain in seen.chains if chain.color == color and chain.alive for stone in chain.stones}
    sensible = position.sensible_mask()
    ranked: dict[int, tuple[int, int]] = {}
    beside: dict[int, set[int]] = {}  # the dead stones that a move attacks
    for chain in dead:
        liberties = position.chain(chain.stones[0])[1]
        for point in liberties:
            if sensible[point] and not position.repeats(point):
                rank = (len(liberties), -len(chain.stones))
                ranked[point] = min(rank, ranked.get(point, rank))
                beside.setdefault(point, set()).update(chain.stones)
    order = sorted(ranked, key=lambda point: (ranked[point], point))
    given = [point for point in order if _can_be_taken(position, point)]
    for point in order:
        if point not in given and _is_safe(position, point, alive, threads):
            yield point
    for point in given:
        if _is_no_loss(position, point, beside[point], threads):
            yield point


def _can_be_taken(position: Position, point: int) -> bool:
    """Whether a move captures nothing and leaves its own chain in atari."""
    after = position.copy()
    after.play(point)
    captured = after.captures[position.to_play] > position.captures[position.to_play]
    return not captured and len(after.chain(point)[1]) < 2


def _is_safe(position: Position, point: int, alive: set[int], threads: int) -> bool:
    """Whether a move keeps the player's living stones alive."""
    after = position.copy()
    after.play(point)
    seen = estimate(after, _SAFE, threads=threads)
    return not any(
        chain.color == position.to_play and not chain.alive and alive & set(chain.stones) for chain in seen.chains
    )


def _is_no_loss(position: Position, point: int, dead: set[int], threads: int) -> bool:
    """Whether the opponent's ``dead`` stones stay dead when they take the move, and what they take is won back."""
    after = position.copy()
    after.play(point)
    stones, (liberty,) = after.chain(point)
    if not after.is_legal(liberty):
        return False
    after.play(liberty)
    seen = estimate(after, _SAFE, threads=threads)
    sign = 1 if position.to_play == BLACK else -1
    lost = [*stones, liberty, *dead]
    return bool((sign * seen.ownership.reshape(-1)[lost] >= _HOPELESS).all())


def open_points(seen: Estimate) -> NDArray[np.bool_]:
    """The points that may still change hands, bool (size * size,).

    The playouts are not sure of them, or they are neutral, though in the playouts they may always fall to the player
    who has no other move.
    """
    still_open: NDArray[np.bool_] = _neutral_points(seen) | (np.abs(seen.ownership) < _OPEN).reshape(-1)
    return still_open


def _neutral_points(seen: Estimate) -> NDArray[np.bool_]:
    """The empty points that touch living stones of both colours, bool (size * size,)."""
    size = len(seen.stones)
    alive = np.where(seen.stones * seen.ownership > 0, seen.stones, 0)
    framed = np.zeros((size + 2, size + 2), np.int8)
    framed[1:-1, 1:-1] = alive
    beside = np.stack([framed[:-2, 1:-1], framed[2:, 1:-1], framed[1:-1, :-2], framed[1:-1, 2:]])
    neutral: NDArray[np.bool_] = (seen.stones == 0) & (beside == 1).any(axis=0) & (beside == -1).any(axis=0)
    return neutral.reshape(-1)


def _candidates(seen: Estimate) -> NDArray[np.bool_]:
    """:attr:`Judge.candidates` by one estimate."""
    size = len(seen.stones)
    still_open = open_points(seen)
    empty = seen.stones.reshape(-1) == 0
    found: NDArray[np.bool_] = still_open & empty
    for chain in seen.chains:
        if still_open[list(chain.stones)].any():
            for stone in chain.stones:
                for q in neighbors(stone, size):
                    found[q] |= empty[q]
    return found


def unsettled_points(seen: Estimate) -> NDArray[np.bool_]:
    """The points at which a move may still matter, bool (size * size,): candidates, open points, those beside them."""
    near = (open_points(seen) | _candidates(seen)).reshape(seen.stones.shape)
    wide = near.copy()
    wide[1:] |= near[:-1]
    wide[:-1] |= near[1:]
    wide[:, 1:] |= near[:, :-1]
    wide[:, :-1] |= near[:, 1:]
    return wide.reshape(-1)
