"""A game record as the rest of the program sees it, and what can be wrong with one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from goengine.movecodes import PASS, POINT_MASK, SETUP, WHITE
from goengine.sgf.write import write_game

if TYPE_CHECKING:
    from goengine.rules import Color, Ko, Position


@dataclass(frozen=True, slots=True, eq=False)
class GameRecord:
    """One game: its start, its moves up to the first that cannot be used, and who played.

    Texts that the record does not give are empty.
    """

    size: int
    codes: NDArray[np.uint16]
    """(setup stones + moves,) movecodes, the setup stones first; every move is legal (simple ko, no suicide)."""
    to_play: Color = "black"
    """``black`` or ``white``: the colour of the first move, or whose turn it is where there is no move."""
    komi: float | None = None
    handicap: int = 0
    rules: str = ""
    result: str = ""
    date: str = ""
    black: str = ""
    white: str = ""
    black_rank: str = ""
    white_rank: str = ""
    source: str = ""
    """The file, and after a colon the member of an archive."""
    index: int = 1
    """The number of the game in its file, from 1."""

    @property
    def setup_count(self) -> int:
        """How many of the codes are setup stones; the first move is the code with this index."""
        return int(np.count_nonzero(self.codes & SETUP))

    @property
    def move_count(self) -> int:
        """Moves of the record, passes included and setup stones left out."""
        return len(self.codes) - self.setup_count

    def start(self, ko: Ko = "simple") -> Position:
        """A new position after handicap and setup stones, before the first move."""
        from goengine.rules import Position  # imports numba, which reading records alone need not wait for

        position = Position(self.size, ko=ko, komi=7.5 if self.komi is None else self.komi)
        setup = self.codes[: self.setup_count].astype(np.int64)
        if len(setup) or self.to_play != "black":
            points, white = setup & POINT_MASK, (setup & WHITE) != 0
            position.setup(black=points[~white].tolist(), white=points[white].tolist(), to_play=self.to_play)
        return position

    def plays(self) -> Iterator[tuple[Color, int | None]]:
        """The moves in order, as (``black`` or ``white``, point or None for a pass)."""
        for code in self.codes[self.setup_count :].tolist():
            point = code & POINT_MASK
            yield "white" if code & WHITE else "black", None if point == PASS else point

    def to_sgf(self) -> str:
        """The record as SGF, ready for a file in UTF-8."""
        setup = self.codes[: self.setup_count].tolist()
        usual = "white" if setup and not any(code & WHITE for code in setup) else "black"
        return write_game(
            self.size,
            self.plays(),
            komi=self.komi,
            handicap=self.handicap,
            setup_black=[code & POINT_MASK for code in setup if not code & WHITE],
            setup_white=[code & POINT_MASK for code in setup if code & WHITE],
            to_play=self.to_play if not self.move_count and self.to_play != usual else "",
            rules=self.rules,
            result=self.result,
            date=self.date,
            black=self.black,
            white=self.white,
            black_rank=self.black_rank,
            white_rank=self.white_rank,
        )


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a record, and what the user can do about it."""

    file: str
    game: int
    """The number of the game in its file, from 1; 0 when the trouble is with the file."""
    property: str
    """The SGF property, or "" where there is none to blame."""
    reason: str
    """What is wrong, in words that are the same for each record with this fault, so that they can be counted."""
    detail: str
    """What is particular to this record: the offending value, the number of the move."""
    remedy: str
    skipped: bool
    """True: nothing of the game is used. False: what stands before the fault, or all, is used."""
    line: int = 0
    """The line of the file on which the game begins, from 1; 0 when unknown."""

    def __str__(self) -> str:
        """One line: where, what, and the remedy."""
        place = self.file + (f", game {self.game}" if self.game else "") + (f" (line {self.line})" if self.line else "")
        what = f"{self.property}: {self.reason}" if self.property else self.reason
        detail = f" ({self.detail})" if self.detail else ""
        return f"{place}: {what}{detail}; {'skipped: ' if self.skipped else ''}{self.remedy}"
