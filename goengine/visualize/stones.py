"""Which stones a move depends on: take a stone away, let the rules rebuild the position, and ask the network again.

What a Go player means by "because of that stone": were it not there, would the move still be played? So a stone is not
covered with zeros, which would be no position (a chain with the liberties of the missing stone, a ladder that stops
nowhere), but taken off the board, and liberties, captures, ladders and legality follow. All else stays: the other
stones, when they were played, whose turn it is, and a ko as long as its stones stand.

The emptied points are new choices, and often good ones: "play there" would win over every other move and make every
stone seem to matter. So both probabilities are over the same choices, the moves that are legal with and without it.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from goengine.checkpoint import Network
from goengine.coords import format_vertex
from goengine.errors import GoEngineError, IllegalMove
from goengine.rules import BLACK, WHITE, Color, Position

__all__ = ["Dependence", "chains", "check_move", "dependence", "without"]

_REMEMBERED = 7  # the planes tell the age of a stone up to its seventh turn; all older ones are alike
_AT_ONCE = 64
_LEAST, _MOST = 1e-6, 1e6  # odds are cut off here: a move that becomes illegal has none


@dataclass(frozen=True)
class Dependence:
    """What becomes of a move without some stones.

    Attributes:
        points: the stones taken away, ascending.
        before: the move's probability with them, among the moves that are legal in both positions.
        after: its probability without them; 0 where it is illegal then.
        legal: whether it is still legal.
        weight: the change of its log odds, in nats: above 0 where the stones speak for the move, below 0 against it.
    """

    points: tuple[int, ...]
    before: float
    after: float
    legal: bool
    weight: float


def without(position: Position, removed: Collection[int]) -> Position:
    """The position as if these stones had never been there; with none removed its planes are those of the original.

    The last seven moves are kept as moves, those whose stones are gone as passes; earlier stones become setup stones.
    Simple ko holds in the result, and its history before those moves is not kept: superko is not enforced.

    Args:
        position: is not changed.
        removed: points of stones.

    Raises:
        IllegalMove: there is no stone at one of them.
    """
    size, stones = position.size, position.board.reshape(-1)
    for point in removed:
        if not 0 <= point < size**2 or not stones[point]:
            raise IllegalMove(f"there is no stone to take away at point {point} of a {size}x{size} board")
    left = stones.copy()
    left[list(removed)] = 0
    recent: list[tuple[Color, int | None]] = []
    replayed: set[int] = set()
    for color, played in reversed(position.moves[-_REMEMBERED:]):
        stands = played is not None and played not in replayed and left[played] == (1 if color == BLACK else -1)
        recent.append((color, played if stands else None))
        if stands and played is not None:
            replayed.add(played)
    old = {color: [int(p) for p in np.flatnonzero(left == sign) if p not in replayed] for color, sign in _SIGNS}
    ko = position.ko_point
    if ko is not None and not any(point in removed for point in _neighbors(ko, size)):
        old[position.to_play].append(ko)  # the stone that the last move took; it is taken again below
    rebuilt = Position(size, "simple", position.komi)
    rebuilt.setup(old[BLACK], old[WHITE])
    for color, again in reversed(recent):
        rebuilt.play(again, color)
    rebuilt.to_play = position.to_play
    return rebuilt


_SIGNS = ((BLACK, 1), (WHITE, -1))


def _neighbors(point: int, size: int) -> list[int]:
    row, col = divmod(point, size)
    around = ((row - 1, col), (row + 1, col), (row, col - 1), (row, col + 1))
    return [r * size + c for r, c in around if 0 <= r < size and 0 <= c < size]


def chains(position: Position) -> list[tuple[int, ...]]:
    """The chains on the board, each as its ascending points."""
    found: dict[int, tuple[int, ...]] = {}
    for point in np.flatnonzero(position.board).tolist():
        if point not in found:
            stones, _ = position.chain(point)
            found.update(dict.fromkeys(stones, stones))
    return sorted(set(found.values()))


def check_move(position: Position, point: int) -> None:
    """Raise GoEngineError unless the player to move can play here, and could play elsewhere as well."""
    vertex = format_vertex(point, position.size)
    if not position.is_legal(point):
        raise IllegalMove(f"{position.to_play} {vertex} is illegal after {position.move_number} moves")
    if len(position.legal_points()) < 2:
        raise GoEngineError(f"{position.to_play} {vertex} is the only legal move: nothing to explain")


def dependence(
    network: Network,
    position: Position,
    move: int,
    groups: Sequence[Collection[int]] | None = None,
    symmetries: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> list[Dependence]:
    """How a move's probability changes as stones are taken away.

    Args:
        network: for this board size.
        position: before the move.
        move: a legal point for the player to move.
        groups: sets of stones to take away, one after the other; each stone by itself if None. See `chains`.
        symmetries: 1, or 2, 4 or 8 for the mean over so many turned and mirrored boards.
        progress: called with how many positions are done, and their number.

    Returns:
        One a group, in their order.

    Raises:
        IllegalMove: the move is illegal, or a group names an empty point.
        GoEngineError: the network is for another board size.
    """
    check_move(position, move)
    if groups is None:
        groups = [(int(point),) for point in np.flatnonzero(position.board)]
    legal = position.legal_mask()
    full = network.policy(position.encode_words()[None], symmetries, legal[None])[0].astype(np.float64)
    found: list[Dependence] = []
    for first in range(0, len(groups), _AT_ONCE):
        part = [tuple(sorted(map(int, group))) for group in groups[first : first + _AT_ONCE]]
        rebuilt = [without(position, group) for group in part]
        same = legal & np.stack([one.legal_mask() for one in rebuilt])
        policies = network.policy(np.stack([one.encode_words() for one in rebuilt]), symmetries, same)
        for group, policy, choices in zip(part, policies.astype(np.float64), same, strict=True):
            found.append(_compare(group, move, full, policy, choices, legal))
        if progress is not None:
            progress(len(found), len(groups))
    return found


def _compare(
    points: tuple[int, ...],
    move: int,
    full: NDArray[np.float64],
    policy: NDArray[np.float64],
    choices: NDArray[np.bool_],
    legal: NDArray[np.bool_],
) -> Dependence:
    if not choices[move]:
        return Dependence(points, float(full[move]), 0.0, False, float(np.log(_odds(full, move, legal) / _LEAST)))
    before, after = _odds(full, move, choices), _odds(policy, move, choices)
    return Dependence(points, before / (1 + before), after / (1 + after), True, float(np.log(before / after)))


def _odds(policy: NDArray[np.float64], move: int, choices: NDArray[np.bool_]) -> float:
    others = policy[choices].sum() - policy[move]
    return float(np.clip(policy[move] / max(others, 1e-30), _LEAST, _MOST))
