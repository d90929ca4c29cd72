"""The learner's side of many games: its colour, the opponent's replies, how games end, and the rewards."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from goengine.batch import ILLEGAL, GoBatch, Illegal, Mask
from goengine.env.opponents import Opponent
from goengine.errors import ActionError, GoEngineError, IllegalMove, OpponentError

__all__ = ["ENDS", "Games", "Outcome", "Seat"]

Seat: TypeAlias = Literal["black", "white", "random"]
SEATS: tuple[Seat, ...] = ("black", "white", "random")

ENDS = ("", "passes", "limit", "illegal", "resignation")
"""How a game ended, in the order of the numbers in :attr:`Outcome.ended_by`; 0 is: it has not."""


@dataclass(frozen=True)
class Outcome:
    """What one action in each game has brought; every array is (games,), and 0 or False where a game was skipped."""

    rewards: NDArray[np.float64]
    """+1 the learner has won, -1 it has lost, 0 otherwise."""
    terminated: Mask
    truncated: Mask
    actions: NDArray[np.int64]
    """What the learner's actions came to; -1: nothing was played."""
    replies: NDArray[np.int64]
    """What the opponent played; -1: nothing."""
    ended_by: NDArray[np.int8]
    """See :data:`ENDS`."""
    scores: NDArray[np.float64]
    """Black's area less White's less komi where the game is over, else 0."""


class Games:
    """Games of a learner against an opponent, or against itself.

    Args:
        batch: the games.
        opponent: None lets the learner play both colours; rewards are then for the colour that acted.
        color: the learner's: ``"black"``, ``"white"``, or ``"random"``, drawn for each game.
        illegal: what becomes of the learner's illegal actions, see :meth:`GoBatch.play`.

    Raises:
        GoEngineError: a setting does not exist, or a colour is asked for where the learner plays both.
    """

    def __init__(self, batch: GoBatch, opponent: Opponent | None, color: Seat = "black", illegal: Illegal = "lose"):
        if color not in SEATS:
            raise GoEngineError(f"unknown color {color!r}: use {', '.join(SEATS)}")
        if illegal not in ILLEGAL:
            raise GoEngineError(f"illegal={illegal!r} is not possible: use {', '.join(ILLEGAL)}")
        if opponent is None and color != "black":
            raise GoEngineError(f"color={color!r} needs an opponent: without one the learner plays both colours")
        self.batch = batch
        self.opponent = opponent
        self.color: Seat = color
        self.illegal: Illegal = illegal
        self.colors = np.full(batch.games, 1 if color == "white" else 0, np.uint8)
        """The learner's colours, 0 Black, 1 White; of no meaning without an opponent."""

    def begin(self, which: Mask) -> NDArray[np.int64]:
        """Begin the games ``which``, bool (games,), anew.

        Returns:
            The opponent's first moves, int64 (games,); -1 where it has made none.

        Raises:
            OpponentError: the opponent cannot begin.
        """
        batch = self.batch
        batch.begin(which)
        replies = np.full(batch.games, -1, np.int64)
        if self.color == "random":
            bits = batch.random_bits(which) >> np.uint64(63)
            self.colors = np.where(which, bits, self.colors).astype(np.uint8)
        if self.opponent is None:
            return replies
        with _blamed_on_the_opponent():
            self.opponent.begin(batch, which, 1 - self.colors)
        waiting = which & (self.colors == 1)
        if waiting.any():
            replies, resigned = self._reply(self.opponent, ~waiting)
            if resigned.any():
                raise OpponentError("the opponent resigned before its first move; reset() begins another game")
        return replies

    def step(self, actions: NDArray[np.int64], skip: Mask) -> Outcome:
        """Play one action in each game not to ``skip``, and let the opponent reply.

        Raises:
            ActionError: an action is no integer, or out of range; nothing has changed.
            IllegalMove: an action is illegal and ``illegal`` is ``"raise"``; nothing has changed.
            OpponentError: the opponent cannot go on, or plays what it may not: these games are lost for both sides.
        """
        batch = self.batch
        colors = batch.to_play if self.opponent is None else self.colors
        played = batch.play(actions, skip, self.illegal)
        lost = (played < 0) & ~skip
        passed, cut = batch.ends(skip | lost)
        replies = np.full(batch.games, -1, np.int64)
        resigned = np.zeros(batch.games, np.bool_)
        if self.opponent is not None:
            with _blamed_on_the_opponent():
                self.opponent.heard(batch, played, skip | lost)
            over = skip | lost | passed | cut
            if not over.all():
                replies, resigned = self._reply(self.opponent, over)
                passed_now, cut_now = batch.ends(over | resigned)
                passed |= passed_now
                cut |= cut_now
        ended = passed | cut | lost | resigned
        scores = batch.scores(ended)
        rewards = np.where(passed, np.sign(scores) * np.where(colors == 0, 1.0, -1.0), 0.0)
        rewards[lost] = -1.0
        rewards[resigned] = 1.0
        ended_by = (passed * 1 + cut * 2 + lost * 3 + resigned * 4).astype(np.int8)
        return Outcome(rewards + 0.0, passed | lost | resigned, cut, played, replies, ended_by, scores)

    def _reply(self, opponent: Opponent, skip: Mask) -> tuple[NDArray[np.int64], Mask]:
        """Let the opponent play; returns as :meth:`Opponent.reply`.

        Raises:
            OpponentError: it cannot, or has not played one move in each game not to ``skip``.
        """
        with _blamed_on_the_opponent():
            replies, resigned = opponent.reply(self.batch, skip)
        waiting = ~skip & ~resigned & (self.batch.to_play != self.colors)
        if waiting.any():
            raise OpponentError(
                f"the opponent has not played in game {int(waiting.argmax())}: its reply() must call play() of the "
                "batch; reset() begins another game"
            )
        return replies, resigned


@contextlib.contextmanager
def _blamed_on_the_opponent() -> Iterator[None]:
    """Nobody shall take an illegal move of the opponent's for the learner's, after which nothing has changed."""
    try:
        yield
    except (ActionError, IllegalMove) as error:
        raise OpponentError(f"the opponent plays what it may not: {error}; reset() begins another game") from error
