"""What the engine thinks of a position: its favourite moves, how the game goes on, who is ahead. No text.

A network of this kind has one output, how likely each move is. What analysis shows beyond it is made here: the
network plays on against itself, and the playouts say who owns what.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from goengine.estimate import Estimate, estimate
from goengine.player import Player
from goengine.rules import BLACK, WHITE, Color, Position

__all__ = ["VISITS", "Restriction", "Thinking", "ladders", "true_eyes"]

VISITS = 1000
"""What the moves share between them where a protocol asks for visits; so a visit is a tenth of a percent."""

_LINES = 10  # unless more are asked for
_PLIES = 10  # how far a line is played on
_SHARE = 0.005  # probability from which a move is worth a line
_PLAYOUTS = 400  # about 0.1 s on one thread in the opening; the winning rate is then known to 0.025
_LADDER_CAPTURE, _LADDER_ESCAPE, _SENSIBLE = 44, 45, 46  # planes of alphago48


class Restriction(NamedTuple):
    """Moves that are not to be considered, or the only ones that are."""

    color: Color
    points: frozenset[int | None]
    """None is a pass."""
    depth: int
    """Up to this ply of a line, the first being 1."""
    only: bool
    """True: no other moves than these. False: not these."""


class Thinking:
    """The favourite moves of the player to move, likeliest first, each the beginning of a line.

    Args:
        player: knows the network.
        position: not changed.
        restrictions: on the moves considered.
        least: lines at least, if so many moves are legal.
        most: lines at most, above all else; None is ten, or ``least`` if that is more.
        threads: for the playouts.

    Raises:
        GoEngineError: the network is for another board size.
    """

    def __init__(
        self,
        player: Player,
        position: Position,
        restrictions: Sequence[Restriction] = (),
        least: int = 1,
        most: int | None = None,
        threads: int = 1,
    ) -> None:
        self.position = position.copy()
        self.color: Color = position.to_play
        self.policy: NDArray[np.float32] = player.policy(position)
        """float32 (size * size,): the network's probabilities, before any restriction."""
        self._player = player
        self._restrictions = tuple(restrictions)
        open_to = self._allowed(self.color, 1)
        shares = self.policy if open_to is None else np.where(open_to, self.policy, np.float32(0))
        ranked = np.argsort(-shares, kind="stable")[: int(np.count_nonzero(shares))]
        total = float(shares.sum())
        likely = int((shares >= _SHARE * total).sum())
        count = max(1, least, min(likely, _LINES))
        if most is not None:
            count = min(count, max(1, most))
        self.lines: list[list[int | None]] = [[int(point)] for point in ranked[:count]] or [[None]]
        """Each a move and how the network plays on; a pass, None, ends a line. Never empty, nor any line."""
        self._ends = [self._after(line) for line in self.lines]
        self.shares = [float(shares[line[0]]) / total if line[0] is not None else 1.0 for line in self.lines]
        """The probability of the first move of each line, among the moves that are considered."""
        self.seen: Estimate = estimate(position, _PLAYOUTS, threads=threads)

    @property
    def win_rate(self) -> float:
        """The share of the playouts that the player to move wins, 0 to 1."""
        return self.seen.won(self.color, self.position.komi)

    @property
    def lead(self) -> float:
        """Points that the player to move is ahead in the playouts on average, komi included."""
        return self._sign * (self.seen.mean_score() - self.position.komi)

    @property
    def deviation(self) -> float:
        """Standard deviation of the playouts' scores, in points."""
        return float(self.seen.scores.std())

    @property
    def mean_square(self) -> float:
        """Mean of the squared scores of the playouts, komi included."""
        return float(np.square(self.seen.scores - self.position.komi).mean())

    @property
    def ownership(self) -> NDArray[np.float32]:
        """float32 (size, size): 1 is the player to move's, -1 the opponent's."""
        return self._sign * self.seen.ownership

    @property
    def ownership_deviation(self) -> NDArray[np.float32]:
        """float32 (size, size): standard deviation of each point's owner, 1 or -1, over the playouts; 0 to 1."""
        deviation: NDArray[np.float32] = np.sqrt(np.maximum(0, 1 - np.square(self.seen.ownership)))
        return deviation

    def visits(self, line: int) -> int:
        """The share of a line's first move as whole visits of :data:`VISITS`, at least 1."""
        return max(1, round(VISITS * self.shares[line]))

    def prior(self, line: int) -> float:
        """The network's probability of a line's first move, 0 to 1; of a pass it has none, that is 0."""
        point = self.lines[line][0]
        return 0.0 if point is None else float(self.policy[point])

    def permits(self, point: int | None) -> bool:
        """Whether the restrictions leave this as a first move."""
        avoided, only = self._named(self.color, 1)
        return point not in avoided and (only is None or point in only)

    def move(self) -> int | None:
        """The likeliest first move that the restrictions leave.

        It is one that the player itself might make; else a pass; and where that is ruled out, the beginning of the
        first line, though it repeat a position or fill a true eye: the restrictions leave nothing better.
        """
        point = self._player.likeliest([self.position], [self._allowed(self.color, 1)])[0]
        return point if point is not None or self.permits(None) else self.lines[0][0]

    def deepen(self) -> bool:
        """Play every line on by a ply, all of them by one evaluation; False when none goes on."""
        going = [number for number, line in enumerate(self.lines) if line[-1] is not None and len(line) < _PLIES]
        if not going:
            return False
        ends = [self._ends[number] for number in going]
        depths = [len(self.lines[number]) + 1 for number in going]
        allowed = [self._allowed(end.to_play, depth) for end, depth in zip(ends, depths, strict=True)]
        for number, end, point in zip(going, ends, self._player.likeliest(ends, allowed), strict=True):
            self.lines[number].append(point)
            end.play(point)
        return True

    @property
    def _sign(self) -> int:
        return 1 if self.color == BLACK else -1

    def _after(self, line: list[int | None]) -> Position:
        position = self.position.copy()
        for point in line:
            position.play(point)
        return position

    def _allowed(self, color: Color, depth: int) -> NDArray[np.bool_] | None:
        """The points that the restrictions leave at this ply, bool (size * size,); None for all."""
        avoided, only = self._named(color, depth)
        if not avoided and only is None:
            return None
        mask = np.full(self.position.size**2, only is None)
        mask[[point for point in only or () if point is not None]] = True
        mask[[point for point in avoided if point is not None]] = False
        return mask

    def _named(self, color: Color, depth: int) -> tuple[frozenset[int | None], frozenset[int | None] | None]:
        """The moves that are ruled out at this ply, and the only ones that are left, None for all.

        Several lists of moves to allow are one, as Leela Zero has it (``AnalyzeTags::is_to_avoid``); KataGo takes no
        second one.
        """
        now = [each for each in self._restrictions if each.color == color and depth <= each.depth]
        avoided, only = (
            frozenset().union(*(each.points for each in now if each.only == kind)) for kind in (False, True)
        )
        return avoided, only if any(each.only for each in now) else None


def ladders(position: Position) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The points at which the player to move captures in a ladder, and those at which it escapes from one."""
    words = position.encode_words()
    return _points(words, _LADDER_CAPTURE), _points(words, _LADDER_ESCAPE)


def true_eyes(position: Position) -> dict[Color, tuple[int, ...]]:
    """For each colour the empty points that it could fill, and should not: they are its true eyes."""
    found: dict[Color, tuple[int, ...]] = {}
    for color in (BLACK, WHITE):
        seen = position.copy()
        seen.to_play = color
        sensible = set(_points(seen.encode_words(), _SENSIBLE))
        found[color] = tuple(int(point) for point in seen.legal_points() if int(point) not in sensible)
    return found


def _points(words: NDArray[np.uint64], plane: int) -> tuple[int, ...]:
    """The points that are set in a plane, ascending."""
    return tuple(int(point) for point in np.flatnonzero((words >> np.uint64(plane)) & np.uint64(1)))
