"""The game that a GTP controller sets up: a position, komi, rules. Knows no player and no text.

Whatever is slow to import (numpy, Numba) is imported inside the methods that need it, so that the commands that need
none of it answer at once.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from goengine.errors import GoEngineError, IllegalMove, RecordError
from goengine.handicap import fixed_handicap_limit, fixed_handicap_points, free_handicap_points
from goengine.rulesets import RULESETS, Ruleset, ruleset_of_record

if TYPE_CHECKING:
    from pathlib import Path

    from goengine.rules import Color, Ko, Position

__all__ = ["BoardNotEmpty", "Game", "InvalidStones", "UnacceptableSize"]

SMALLEST, LARGEST = 2, 25


class UnacceptableSize(GoEngineError):
    """A board size that is not possible."""


class BoardNotEmpty(GoEngineError):
    """Handicap stones on a board that holds stones already."""


class InvalidStones(GoEngineError):
    """A number or a list of handicap stones that is not possible."""


class Game:
    """One game in progress.

    Args:
        size: of the board, until :meth:`resize`.
        komi: points for White.
        ko: the rule that :meth:`play` enforces, if not that of ``rules``.
        rules: how repetition is treated and the score counted.
    """

    def __init__(
        self,
        size: int = 19,
        komi: float = 7.5,
        ko: "Ko | None" = None,
        rules: Ruleset = RULESETS["chinese"],
    ) -> None:
        self._check_size(size)
        self._size = size
        self._komi = komi
        self._rules = rules if ko is None or ko == rules.ko else replace(rules, name="custom", ko=ko)
        self._position: Position | None = None  # made when first needed: importing the rules takes half a second

    @property
    def size(self) -> int:
        """Points a side."""
        return self._size

    @property
    def komi(self) -> float:
        """Points for White, without a handicap's bonus; kept when the board is cleared."""
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

    @property
    def position(self) -> "Position":
        """The game so far."""
        if self._position is None:
            self._position = self._new()
        return self._position

    # Setting up

    def resize(self, size: int) -> None:
        """An empty board of another size; komi and rules stay."""
        self._check_size(size)
        self._size = size
        self._position = None

    def clear(self) -> None:
        """An empty board; size, komi and rules stay."""
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

    def set_up(self, stones: "Sequence[tuple[Color, int]]", to_play: "Color | None" = None, anew: bool = True) -> None:
        """Place stones that are no moves.

        Args:
            stones: a colour and a point each.
            to_play: whose turn it is then; None is Black on a new board, and as it was on an old one.
            anew: on an empty board; otherwise beside the stones that were set up already.

        Raises:
            IllegalMove: a point is named twice or taken, a chain would have no liberty, or, unless ``anew``, moves
                have been played; the position is unchanged.
        """
        position = self._new() if anew else self.position.copy()
        black, white = ([point for color, point in stones if color == each] for each in ("black", "white"))
        position.setup(black, white, to_play or position.to_play)
        self._position = position

    def load(self, path: "Path", move_number: int | None = None) -> list[str]:
        """Take over the first game of a record, up to the position before ``move_number``.

        The start is before move 1; 0, and a number beyond the end, take all of it, as None does and as in GNU Go.

        Komi and rules are the record's where it gives them, and otherwise stay.

        Returns what was wrong with the record, one line each, though it could be used.

        Raises:
            RecordError: the file holds no game that can be used; the game is unchanged.
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
        rules = self._rules
        if record.rules:
            try:
                rules = ruleset_of_record(record.rules)
            except GoEngineError as error:
                complaints.append(f"{path}: RU: {error}; the rules stay {rules.name}")
        position = record.start()  # its moves were played, whatever the superko of its rules has against them
        position.komi = self._komi if record.komi is None else record.komi
        for number, (color, point) in enumerate(record.plays(), start=1):
            if number == move_number:
                position.to_play = color
                break
            position.play(point, color)
        position.ko = rules.ko
        self._size, self._komi, self._rules, self._position = position.size, position.komi, rules, position
        return complaints

    # Moves

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

    def _set_handicap(self, points: list[int]) -> list[int]:
        if self._position is not None and self._position.board.any():
            raise BoardNotEmpty("clear_board first")
        position = self._new()  # passes may have been played on the empty board
        position.setup(black=points, to_play="white")
        self._position = position
        return points

    def _new(self) -> "Position":
        from goengine.rules import Position

        return Position(self._size, self._rules.ko, self._komi)

    def _check_size(self, size: int) -> None:
        if not SMALLEST <= size <= LARGEST:
            raise UnacceptableSize(f"{size}: use {SMALLEST} to {LARGEST}")
