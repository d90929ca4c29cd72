"""The game that a GTP controller sets up and plays: a position, the komi, a player. Knows Go and no text.

Whatever is slow to import (numpy, Numba, torch) is imported inside the methods that need it, so that the commands that
need none of it answer at once.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from goengine.errors import GoEngineError, IllegalMove, RecordError
from goengine.handicap import fixed_handicap_limit, fixed_handicap_points, free_handicap_points
from goengine.rulesets import RULESETS, Ruleset
from goengine.style import Style

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from goengine.estimate import Estimate
    from goengine.gtp.thinking import Restriction, Thinking
    from goengine.player import Player
    from goengine.rules import Color, Ko, Position

__all__ = ["RESIGN", "BoardNotEmpty", "InvalidStones", "Resign", "Session", "UnacceptableSize"]

Resign = Literal["resign"]
RESIGN: Resign = "resign"
SMALLEST, LARGEST = 2, 25


class UnacceptableSize(GoEngineError):
    """A board size that is not possible."""


class BoardNotEmpty(GoEngineError):
    """Handicap stones on a board that holds stones already."""


class InvalidStones(GoEngineError):
    """A number or a list of handicap stones that is not possible."""


class Session:
    """One game, and the player for it.

    Args:
        player: makes, or waits for, the player; called when a move is asked for.
        size: of the board, until :meth:`resize`.
        komi: points for White.
        ko: the rule that :meth:`play` enforces, if not that of ``rules``; the player itself never repeats a position.
        threads: for the estimate of the score.
        rules: how repetition is treated and the score counted.
    """

    def __init__(
        self,
        player: "Callable[[], Player]",
        size: int = 19,
        komi: float = 7.5,
        ko: "Ko | None" = None,
        threads: int = 1,
        rules: Ruleset = RULESETS["chinese"],
    ) -> None:
        self._player = player
        self._check_size(size)
        self._size = size
        self._komi = komi
        self._style: dict[str, Any] = {}  # settings to give to the player when it is next needed
        self._rules = rules if ko is None or ko == rules.ko else replace(rules, name="custom", ko=ko)
        self._threads = threads
        self._position: Position | None = None  # made when first needed: importing the rules takes half a second
        self._generated: tuple[tuple[Color, int | None], ...] = ()  # the game up to the move generated last
        self._estimate: tuple[tuple[int, str, int], Estimate] | None = None
        self._outcome: tuple[tuple[int, str, int], Estimate] | None = None

    @property
    def size(self) -> int:
        """Points a side."""
        return self._size

    @property
    def komi(self) -> float:
        """Points for White; kept when the board is cleared."""
        return self._komi

    @komi.setter
    def komi(self, komi: float) -> None:
        if not math.isfinite(komi):
            raise GoEngineError(f"{komi} is no komi")
        self._komi = komi
        if self._position is not None:
            self._position.komi = komi

    @property
    def rules(self) -> Ruleset:
        """The rules in force; kept when the board is cleared or resized."""
        return self._rules

    @rules.setter
    def rules(self, rules: Ruleset) -> None:
        self._rules = rules
        if self._position is not None:
            self._position.ko = rules.ko  # its history is all there, whatever the rule was

    def setting(self, name: str) -> Any:
        """A field of the player's style; waits for the player unless it was set since it was last used."""
        return self._style[name] if name in self._style else getattr(self._ready().style, name)

    def restyle(self, **changes: Any) -> None:
        """Change fields of the player's style by name, from the next move on; waits for nothing.

        Raises:
            GoEngineError: a setting is out of range; nothing is changed.
        """
        replace(Style(), **changes)
        self._style |= changes

    @property
    def position(self) -> "Position":
        """The game so far."""
        if self._position is None:
            self._position = self._new(self._size)
        return self._position

    # Setting up

    def resize(self, size: int) -> None:
        """An empty board of another size; the komi stays."""
        self._check_size(size)
        self._size = size
        self._position = None

    def clear(self) -> None:
        """An empty board; size and komi stay."""
        self._position = None

    def fixed_handicap(self, stones: int) -> list[int]:
        """Place handicap stones where the protocol says; returns their points."""
        limit = fixed_handicap_limit(self._size)
        if not 2 <= stones <= limit:
            kind = f"2 to {limit}" if limit else "none"
            raise InvalidStones(f"{self._size}x{self._size} boards have fixed places for {kind}, not {stones}")
        return self._set_handicap(fixed_handicap_points(stones, self._size))

    def free_handicap(self, stones: int) -> list[int]:
        """Place handicap stones where the engine likes; returns their points, exactly as many as asked for."""
        most = self._size**2 - 1
        if not 2 <= stones <= most:
            raise InvalidStones(f"2 to {most} are possible on {self._size}x{self._size}, not {stones}")
        return self._set_handicap(free_handicap_points(stones, self._size))

    def set_handicap(self, points: Sequence[int]) -> None:
        """Place handicap stones on these points."""
        if len(set(points)) < len(points):
            raise InvalidStones("a point is named twice")
        if not 2 <= len(points) < self._size**2:
            raise InvalidStones(f"2 to {self._size**2 - 1} points are possible, not {len(points)}")
        self._set_handicap(list(points))

    def load(self, path: "Path", move_number: int | None = None) -> list[str]:
        """Take over the first game of a record, up to the position before ``move_number`` (1 is the start).

        Returns what was wrong with the record, one line each, though it could be used.

        Raises:
            RecordError: the file holds no game that can be used; the session is unchanged.
        """
        from goengine.sgf import GameRecord, scan_games

        complaints = []
        for item in scan_games(path):
            if isinstance(item, GameRecord):
                record = item
                break
            complaints.append(str(item))
        else:
            raise RecordError(complaints[0] if complaints else f"{path}: holds no game")
        position = record.start(self._rules.ko)
        position.komi = self._komi if record.komi is None else record.komi
        for number, (color, point) in enumerate(record.plays(), start=1):
            if number == move_number:
                break
            position.play(point, color)
        self._size, self._komi, self._position = position.size, position.komi, position
        return complaints

    # Playing

    def play(self, color: "Color", point: int | None) -> None:
        """Play a move of either colour, whoever's turn it is.

        Raises:
            IllegalMove: the rules forbid it, or it is a suicide that they allow; the position is unchanged.
        """
        self._play_on(self.position, color, point)

    def play_sequence(self, moves: "Sequence[tuple[Color, int | None]]") -> None:
        """Play several moves, or none of them.

        Raises:
            IllegalMove: the rules forbid one; the position is unchanged.
        """
        position = self.position.copy()
        for color, point in moves:
            self._play_on(position, color, point)
        self._position = position

    def undo(self, moves: int = 1) -> None:
        """Take back the last moves; raises IllegalMove when there are not so many, and takes none back."""
        if self._position is None or moves > self._position.move_number:
            raise IllegalMove("there is no move to undo")
        for _ in range(moves):
            self._position.undo()

    def choose(self, color: "Color", sample: bool = True, cleanup: bool = False) -> int | None:
        """The move that the player would play, see ``Player.choose``; nothing is played.

        Raises:
            GoEngineError: there is no network, or it is for another board size.
        """
        return self._ready().choose(self._seen_by(color), sample, cleanup)

    def generate(
        self, color: "Color", thinking: "Thinking | None" = None, cleanup: bool = False
    ) -> int | Resign | None:
        """Choose a move and play it; or :data:`RESIGN`, and then nothing is played.

        Args:
            color: whose move it is.
            thinking: the analysis of the position, if its restrictions are to hold.
            cleanup: take the opponent's dead stones before passing, whatever the pass policy.

        Raises:
            GoEngineError: there is no network, or it is for another board size.
        """
        if self.resigns(color):
            return RESIGN
        point = self.choose(color, cleanup=cleanup)
        if thinking is not None and not thinking.permits(point):
            point = thinking.lines[0][0]
        self.play(color, point)
        self._generated = self.position.moves
        return point

    def think(
        self,
        color: "Color | None" = None,
        restrictions: "Sequence[Restriction]" = (),
        least: int = 1,
        most: int | None = None,
    ) -> "Thinking":
        """What the network makes of the position, with ``color`` (the player to move) to play; see ``Thinking``."""
        from goengine.gtp.thinking import Thinking

        player = self._ready()
        position = self._seen_by(color or self.position.to_play)
        return Thinking(player, position, restrictions, least, most, self._threads)

    def policy(self, symmetry: int | None = None) -> "NDArray[np.float32]":
        """The network's probabilities for the player to move, see ``Player.policy``."""
        return self._ready().policy(self.position, symmetry)

    def last_generated(self) -> "tuple[int | None, float, int] | None":
        """The last move of the game if the engine made it: its point, probability and rank (1 is the likeliest).

        A pass has neither: both are 0. None if the last move came from elsewhere.
        """
        position = self.position
        if position.last_move is None or position.moves != self._generated:
            return None
        point = position.last_move[1]
        if point is None:
            return None, 0.0, 0
        before = position.copy()
        before.undo()
        policy = self._ready().policy(before)
        return point, float(policy[point]), 1 + int((policy > policy[point]).sum())

    def resigns(self, color: "Color") -> bool:
        """Whether the player gives the game up."""
        player = self._ready()
        return player.resign is not None and player.resigns(self._seen_by(color))

    # The end

    def estimate(self) -> "Estimate":
        """Who owns what, by playouts; the same for the same position."""
        from goengine.estimate import estimate

        position = self.position
        if self._estimate is None or self._estimate[0] != self._key(position):
            self._estimate = self._key(position), estimate(position, playouts=2000, threads=self._threads)
        return self._estimate[1]

    def outcome(self) -> "Estimate":
        """How the game ends: the estimate, or what the network makes of it where that is not decided.

        Without a network it is the estimate.
        """
        seen = self.estimate()
        if seen.decided or not seen.chains:
            return seen
        key = self._key(self.position)
        if self._outcome is None or self._outcome[0] != key:
            try:
                player = self._ready()
            except GoEngineError:
                return seen
            self._outcome = key, player.settle(self.position)
        return self._outcome[1]

    def score(self) -> float:
        """The score by the rules in force with the dead stones removed, Black's viewpoint, komi included."""
        from goengine.scoring import final_score

        return final_score(self.position, self.outcome(), self._rules)

    def _key(self, position: "Position") -> tuple[int, str, int]:
        """What tells one position from another."""
        return position.hash, position.to_play, position.move_number

    def _ready(self) -> "Player":
        """The player, in the style that was last asked for."""
        player = self._player()
        if self._style:
            player.restyle(**self._style)
            self._style = {}
        return player

    def _play_on(self, position: "Position", color: "Color", point: int | None) -> None:
        """Play a move, and say so when it is only this engine that cannot."""
        try:
            position.play(point, color)
        except IllegalMove as error:
            reason = "suicide is not allowed"
            if self._rules.suicide and str(error).endswith(reason):
                head = str(error).removesuffix(reason)
                raise IllegalMove(f"{head}suicide, which {self._rules.name} rules know, is not supported") from None
            raise

    def _seen_by(self, color: "Color") -> "Position":
        """The position with ``color`` to play."""
        position = self.position
        if position.to_play != color:
            position = position.copy()
            position.to_play = color
        return position

    def _set_handicap(self, points: list[int]) -> list[int]:
        if self._position is not None and self._position.board.any():
            raise BoardNotEmpty("clear_board first")
        position = self._new(self._size)  # passes may have been played on the empty board
        position.setup(black=points, to_play="white")
        self._position = position
        return points

    def _new(self, size: int) -> "Position":
        from goengine.rules import Position

        return Position(size, self._rules.ko, self._komi)

    def _check_size(self, size: int) -> None:
        if not SMALLEST <= size <= LARGEST:
            raise UnacceptableSize(f"{size}: use {SMALLEST} to {LARGEST}")
