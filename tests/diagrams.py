"""Boards as text, for tests: ``X`` is Black, ``O`` White, ``.`` empty, and any other character marks a point.

A diagram is one line a row (or ``/`` between rows), row 0 at the top, spaces ignored, as many rows as columns; a point
is the integer ``row * size + col`` as everywhere in the program. A mark stands on an empty point, and is read back by
its character:

    >>> diagram = parse('''
    ...     X a
    ...     . O
    ... ''')
    >>> diagram.black, diagram.white, diagram.marked("a")
    ((0,), (3,), (1,))
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from goengine.rules import Position

Board = NDArray[np.int8]

SETTLED = """
    . X . X O . O . .
    X X X X O O . O O
    . X . X O . O O .
    X X X X O O O . O
    . X . X O . O O O
    X X X X O O O . O
    . X . X O . O O O
    X X X X O O . O .
    . X . X O . O O O
"""
"""All is decided: Black has 36 points, White 45."""

DAME = """
    . X . X . O . O .
    . X . X . O . O .
    . X . X X O . O .
    . X . X O O . O .
    . X . X O O . O .
    . X . X O O . O .
    . X . X O O . O .
    . X . X X O . O .
    . X . X . O . O .
"""
"""Two lines in the middle that are nobody's: neutral points (dame)."""

EYE_EACH = """
    . X . O . O X . .
    X X X O O O X . .
    O O O X X X X . .
    . . O X . . . . .
    . . O X . . . . .
    . . O X . . . . .
    . . O X . . . . .
    . . O X . . . . .
    . . O X . . . . .
"""
"""A seki in the corner, with an eye each."""


@dataclass(frozen=True)
class Diagram:
    """A parsed diagram: its size, its stones and its marks, all points ascending."""

    size: int
    black: tuple[int, ...]
    white: tuple[int, ...]
    marks: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def marked(self, characters: str) -> tuple[int, ...]:
        """The points marked with any of these characters, ascending; every character must be on the diagram."""
        missing = [character for character in characters if character not in self.marks]
        assert not missing, f"no point is marked {missing} on this diagram"
        return tuple(sorted(point for character in characters for point in self.marks[character]))

    def at(self, character: str) -> int:
        """The one point marked with this character."""
        (point,) = self.marked(character)
        return point

    @property
    def board(self) -> Board:
        """The stones as ``(size, size) int8``: 1 Black, -1 White, 0 empty."""
        board = np.zeros(self.size * self.size, dtype=np.int8)
        board[list(self.black)] = 1
        board[list(self.white)] = -1
        return board.reshape(self.size, self.size)


def parse(text: str) -> Diagram:
    """The diagram written in `text`; blank lines and indentation do not count."""
    lines = text.replace("/", "\n").replace(" ", "").split("\n")
    rows = [line for line in lines if line]
    size = len(rows)
    assert all(len(row) == size for row in rows), f"not square: {size} rows, columns {[*map(len, rows)]}"
    points: dict[str, list[int]] = {}
    for row, cells in enumerate(rows):
        for col, cell in enumerate(cells):
            points.setdefault(cell, []).append(row * size + col)
    black, white = points.pop("X", []), points.pop("O", [])
    points.pop(".", None)
    return Diagram(size, tuple(black), tuple(white), {mark: tuple(where) for mark, where in points.items()})


def draw(board: Board, marked: Collection[int] = (), mark: str = "*") -> str:
    """A board ``(size, size)`` (1 Black, -1 White, 0 empty) as text, with `mark` on some points.

    A marked stone is drawn in lower case: ``x`` or ``o``.
    """
    marks = set(marked)
    rows = []
    for row, cells in enumerate(board.tolist()):
        characters = []
        for col, value in enumerate(cells):
            is_marked = row * len(cells) + col in marks
            character = {1: "X", -1: "O", 0: "."}[value]
            if is_marked:
                character = mark if value == 0 else character.lower()
            characters.append(character)
        rows.append(" ".join(characters))
    return "\n".join(rows)


def same_points(board: Board, found: Iterable[int], expected: Iterable[int], what: str) -> None:
    """Fail, with both sets drawn on the board, unless the two sets of points are equal."""
    found_set, expected_set = {int(point) for point in found}, {int(point) for point in expected}
    if found_set != expected_set:
        raise AssertionError(
            f"{what}: expected {sorted(expected_set)}, found {sorted(found_set)}\n"
            f"expected:\n{draw(board, expected_set)}\nfound:\n{draw(board, found_set)}"
        )


def same_boards(found: Board, expected: Board, what: str) -> None:
    """Fail, with both boards drawn, unless they are equal."""
    if not np.array_equal(found, expected):
        raise AssertionError(f"{what}\nexpected:\n{draw(expected)}\nfound:\n{draw(found)}")


def set_up(diagram: str, to_play: str = "black", ko: str = "simple", komi: float = 7.5) -> Position:
    """The position of a diagram."""
    drawn = parse(diagram)
    position = Position(drawn.size, ko, komi)  # type: ignore[arg-type]
    position.setup(drawn.black, drawn.white, to_play)  # type: ignore[arg-type]
    return position
