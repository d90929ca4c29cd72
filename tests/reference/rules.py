"""The rules of Go, slowly: a board is a dict of stones, a chain is flooded afresh each time it is asked for.

Nothing is updated step by step here and nothing is cached, so that there is little to get wrong. Points are
``row * size + col``, row 0 at the top; colors are ``"black"`` and ``"white"``.

The three ko rules, as this twin reads them:

- simple ko: a play may not recreate the board that stood before the previous ply. (It can do so only by taking back
  the one stone that has just taken one; a pass between lifts the ban.)
- positional superko: nor any board of the game, its start included, whoever was to play.
- situational superko: nor any board of the game with the same color to play next.

Both superkos come on top of simple ko. A pass is always legal. Suicide never is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Color = Literal["black", "white"]
Ko = Literal["simple", "positional", "situational"]
Stones = Mapping[int, Color]  # point -> color

OPPONENT: dict[Color, Color] = {"black": "white", "white": "black"}


class NaiveIllegalMove(ValueError):
    """A move that the rules forbid."""


def neighbours(point: int, size: int) -> list[int]:
    """The two to four points orthogonally next to a point."""
    row, col = divmod(point, size)
    around = [(row - 1, col), (row, col - 1), (row, col + 1), (row + 1, col)]
    return [r * size + c for r, c in around if 0 <= r < size and 0 <= c < size]


def diagonals(point: int, size: int) -> list[int]:
    """The one to four points diagonally next to a point."""
    row, col = divmod(point, size)
    around = [(row - 1, col - 1), (row - 1, col + 1), (row + 1, col - 1), (row + 1, col + 1)]
    return [r * size + c for r, c in around if 0 <= r < size and 0 <= c < size]


def chain(stones: Stones, point: int, size: int) -> tuple[set[int], set[int]]:
    """The stones connected to the stone at `point`, itself included, and their liberties."""
    color = stones[point]
    members, liberties, to_visit = {point}, set(), [point]
    while to_visit:
        for neighbour in neighbours(to_visit.pop(), size):
            if neighbour not in stones:
                liberties.add(neighbour)
            elif stones[neighbour] == color and neighbour not in members:
                members.add(neighbour)
                to_visit.append(neighbour)
    return members, liberties


def board_after(stones: Stones, point: int, color: Color, size: int) -> tuple[dict[int, Color], set[int]] | None:
    """The board after a play and the points it captured, or None where a stone stands or the play is suicide."""
    if point in stones:
        return None
    after = {**stones, point: color}
    captured: set[int] = set()
    for neighbour in neighbours(point, size):
        if after.get(neighbour) == OPPONENT[color]:
            members, liberties = chain(after, neighbour, size)
            if not liberties:
                captured |= members
    for stone in captured:
        del after[stone]
    if not chain(after, point, size)[1]:
        return None
    return after, captured


def ko_board_after(
    stones: Stones, before: Stones | None, point: int, color: Color, size: int
) -> tuple[dict[int, Color], set[int]] | None:
    """As `board_after`, with simple ko: None also where the play recreates `before`, the board one ply ago."""
    result = board_after(stones, point, color, size)
    if result is not None and result[0] == before:
        return None
    return result


class NaivePosition:
    """A game so far, by the slowest honest means; the twin of ``goengine.rules.Position``."""

    def __init__(self, size: int = 19, ko: Ko = "simple", komi: float = 7.5) -> None:
        assert ko in ("simple", "positional", "situational")
        self.size = size
        self.ko: Ko = ko
        self.komi = komi
        self.stones: dict[int, Color] = {}
        self.to_play: Color = "black"
        self.moves: list[tuple[Color, int | None]] = []
        self.boards: list[tuple[dict[int, Color], Color]] = [({}, "black")]  # board and to_play: start, after each ply
        self.captures = {"black": 0, "white": 0}
        self._captured_by_ply: list[int] = []

    def setup(self, black: Iterable[int] = (), white: Iterable[int] = (), to_play: Color = "black") -> None:
        """Put stones on the board before the first move."""
        if self.moves:
            raise NaiveIllegalMove("setup after the first move")
        stones = dict(self.stones)
        both: list[tuple[Color, Iterable[int]]] = [("black", black), ("white", white)]
        for color, points in both:
            for point in points:
                if not 0 <= point < self.size**2 or point in stones:
                    raise NaiveIllegalMove(f"no empty point {point}")
                stones[point] = color
        for point in stones:
            if not chain(stones, point, self.size)[1]:
                raise NaiveIllegalMove(f"the chain at {point} has no liberty")
        self.stones, self.to_play = stones, to_play
        self.boards = [(stones, to_play)]

    @property
    def before(self) -> dict[int, Color] | None:
        """The board before the last ply: the one that simple ko forbids; None before the first ply."""
        return self.boards[-2][0] if len(self.boards) > 1 else None

    @property
    def passes(self) -> int:
        """How many passes in a row ended the game so far."""
        count = 0
        while count < len(self.moves) and self.moves[-1 - count][1] is None:
            count += 1
        return count

    def result(self, point: int, color: Color, superko: bool = True) -> tuple[dict[int, Color], set[int]] | None:
        """The board after a play and what it captures; None where it is illegal."""
        if not 0 <= point < self.size**2:
            return None
        result = ko_board_after(self.stones, self.before, point, color, self.size)
        if result is None or not superko:
            return result
        after = result[0]
        if self.ko == "positional" and any(board == after for board, _ in self.boards):
            return None
        if self.ko == "situational" and (after, OPPONENT[color]) in self.boards:
            return None
        return result

    def play(self, point: int | None, color: Color | None = None) -> set[int]:
        """Play a stone or pass (None); returns the points captured."""
        color = color or self.to_play
        captured: set[int] = set()
        if point is not None:
            result = self.result(point, color)
            if result is None:
                raise NaiveIllegalMove(f"{color} {point}")
            self.stones, captured = result
        if not self.moves:
            self.boards[0] = (self.boards[0][0], color)  # whoever opens the game was to play at its start
        self.captures[color] += len(captured)
        self._captured_by_ply.append(len(captured))
        self.moves.append((color, point))
        self.to_play = OPPONENT[color]
        self.boards.append((self.stones, self.to_play))
        return captured

    def undo(self) -> tuple[Color, int | None]:
        """Take back the last ply; then it is that color's turn."""
        if not self.moves:
            raise NaiveIllegalMove("nothing to undo")
        color, point = self.moves.pop()
        self.captures[color] -= self._captured_by_ply.pop()
        self.boards.pop()
        self.stones, self.to_play = self.boards[-1][0], color
        return color, point

    def is_legal(self, point: int | None, color: Color | None = None) -> bool:
        """Whether the move may be played now, the ko rule of this position included."""
        return point is None or self.result(point, color or self.to_play) is not None

    def legal_points(self) -> list[int]:
        """The legal plays of to_play, ascending, without the pass."""
        return [point for point in range(self.size**2) if self.is_legal(point)]

    def ko_points(self) -> list[int]:
        """The points that simple ko alone forbids to_play: none or one."""
        return [
            point
            for point in range(self.size**2)
            if board_after(self.stones, point, self.to_play, self.size) is not None
            and self.result(point, self.to_play, superko=False) is None
        ]

    @property
    def board(self) -> NDArray[np.int8]:
        """The stones as ``(size, size) int8``: 1 Black, -1 White, 0 empty."""
        board = np.zeros(self.size**2, dtype=np.int8)
        for point, color in self.stones.items():
            board[point] = 1 if color == "black" else -1
        return board.reshape(self.size, self.size)

    def area_score(self) -> float:
        """Black's area less White's and komi; every stone alive, empty regions that touch one color are its own."""
        score: dict[Color, int] = {"black": 0, "white": 0}
        for color in self.stones.values():
            score[color] += 1
        seen: set[int] = set()
        for start in range(self.size**2):
            if start in self.stones or start in seen:
                continue
            region, to_visit = {start}, [start]
            borders: set[Color] = set()
            while to_visit:
                for neighbour in neighbours(to_visit.pop(), self.size):
                    if neighbour in self.stones:
                        borders.add(self.stones[neighbour])
                    elif neighbour not in region:
                        region.add(neighbour)
                        to_visit.append(neighbour)
            seen |= region
            if len(borders) == 1:
                score[borders.pop()] += len(region)
        return score["black"] - score["white"] - self.komi
