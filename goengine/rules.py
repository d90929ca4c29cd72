"""The game: whose turn it is, the ko rule in force, its history, and the score.

Points are ints, ``row * size + col`` with row 0 at the top; ``None`` is a pass. Colours are ``"black"`` and
``"white"``. Suicide is illegal. Simple ko forbids taking back at once; positional superko (PSK) forbids repeating an
earlier arrangement of stones, situational superko (SSK) only with the same player to move next. Passes are always
legal.
"""

from collections.abc import Iterable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from goengine import board as _board
from goengine.board import MAX_SIZE, MIN_SIZE, Board, area
from goengine.coords import format_vertex
from goengine.errors import GoEngineError, IllegalMove
from goengine.movecodes import PASS, POINT_MASK, SETUP
from goengine.movecodes import WHITE as WHITE_CODE

Color = Literal["black", "white"]
Ko = Literal["simple", "positional", "situational"]
BLACK: Color = "black"
WHITE: Color = "white"
KO_RULES: tuple[Ko, ...] = ("simple", "positional", "situational")

_SENSIBLE = np.uint64(46)
_COLUMNS = "ABCDEFGHJKLMNOPQRSTUVWXYZ"


def opponent(color: Color) -> Color:
    """The other colour."""
    return WHITE if color == BLACK else BLACK


def _kernel_color(color: Color) -> int:
    return _board.BLACK if color == BLACK else _board.WHITE


def _check_color(color: str) -> Color:
    if color not in (BLACK, WHITE):
        raise GoEngineError(f'{color!r} is not a colour; it is "black" or "white"')
    return color


class Position:
    """A game in progress, with its history.

    Args:
        size: 2 to 25.
        ko: ``"simple"``, ``"positional"`` or ``"situational"``.
        komi: points added for White.

    Raises:
        GoEngineError: a size or ko rule that does not exist.
    """

    __slots__ = ("_board", "_codes", "_first", "_hashes", "_planes", "_setup", "_to_play", "ko", "komi", "size")

    def __init__(self, size: int = 19, ko: Ko = "simple", komi: float = 7.5) -> None:
        if not MIN_SIZE <= size <= MAX_SIZE:
            raise GoEngineError(f"board size {size} is not possible; sizes are {MIN_SIZE} to {MAX_SIZE}")
        if ko not in KO_RULES:
            raise GoEngineError(f"unknown ko rule {ko!r}; there are {', '.join(KO_RULES)}")
        self.size = size
        self.ko: Ko = ko
        self.komi = komi
        self._board = Board(size)
        self._codes: list[int] = []  # the moves, as move codes
        self._setup: list[int] = []  # the setup stones, as move codes
        self._first: Color = BLACK
        self._to_play: Color = BLACK
        self._hashes: list[int] = [0]  # of the stones: at the start and after each move
        self._planes: NDArray[np.uint64] | None = None

    # What there is to know

    @property
    def to_play(self) -> Color:
        """The colour whose turn it is."""
        return self._to_play

    @to_play.setter
    def to_play(self, color: Color) -> None:
        self._to_play = _check_color(color)
        if not self._codes:
            self._first = self._to_play
        self._planes = None

    @property
    def board(self) -> NDArray[np.int8]:
        """A copy of the stones, int8 (size, size): +1 Black, -1 White, 0 empty."""
        return self._board.stones()

    @property
    def move_number(self) -> int:
        """Plies played so far, passes included, setup stones not."""
        return len(self._codes)

    @property
    def moves(self) -> tuple[tuple[Color, int | None], ...]:
        """The moves so far, as (colour, point or None for a pass)."""
        return tuple([_decode(code) for code in self._codes])  # of a generator, Python keeps 2,000 in memory

    @property
    def last_move(self) -> tuple[Color, int | None] | None:
        """The latest move, or None before the first."""
        return _decode(self._codes[-1]) if self._codes else None

    @property
    def passes(self) -> int:
        """How many passes in a row ended the moves so far."""
        count = 0
        for code in reversed(self._codes):
            if code & POINT_MASK != PASS:
                break
            count += 1
        return count

    @property
    def setup_stones(self) -> dict[str, tuple[int, ...]]:
        """The stones placed before the first move, by colour, ascending."""
        return {
            color: tuple(sorted(code & POINT_MASK for code in self._setup if _decode(code)[0] == color))
            for color in (BLACK, WHITE)
        }

    @property
    def ko_point(self) -> int | None:
        """The point that simple ko forbids the player to move, if there is one."""
        point = self._board.ko_point
        if point is None or self._board.is_legal(point, _kernel_color(self._to_play)):
            return None
        return point

    @property
    def captures(self) -> dict[str, int]:
        """Stones captured so far by each colour."""
        black, white = self._board.taken
        return {BLACK: black, WHITE: white}

    @property
    def hash(self) -> int:
        """The Zobrist hash of the stones on the board, 64 bits, unsigned."""
        return self._board.hash & 0xFFFFFFFFFFFFFFFF

    def chain(self, point: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The stones and the liberties of the chain at ``point``, each ascending.

        Raises:
            IllegalMove: the point is empty or off the board.
        """
        if not 0 <= point < self.size**2 or self._board.stones().flat[point] == 0:
            raise IllegalMove(f"there is no chain at point {point} of a {self.size}x{self.size} board")
        return self._board.chain(point)

    def codes(self) -> NDArray[np.uint16]:
        """The setup stones and moves as move codes (``goengine.movecodes``), uint16."""
        return np.array(self._setup + self._codes, np.uint16)

    def encode_words(self) -> NDArray[np.uint64]:
        """The planes for the player to move, uint64 (size, size); see ``goengine.features``."""
        if self._planes is None:
            self._planes = self._board.encode(_kernel_color(self._to_play))
        return self._planes.copy()

    # Legality

    def is_legal(self, point: int | None, color: Color | None = None) -> bool:
        """May ``color`` (the player to move, if not given) play here? A pass is always legal."""
        return self._objection(point, self._to_play if color is None else _check_color(color)) is None

    def legal_mask(self) -> NDArray[np.bool_]:
        """Which points the player to move may play, bool (size * size,)."""
        legal, after = self._board.legal_mask(_kernel_color(self._to_play))
        if self.ko != "simple":
            forbidden = self._forbidden(self._to_play)
            for point in np.flatnonzero(legal):
                if int(after[point]) in forbidden:
                    legal[point] = False
        return legal

    def legal_points(self) -> NDArray[np.int64]:
        """The points that the player to move may play, ascending, int64; without the pass."""
        return np.flatnonzero(self.legal_mask()).astype(np.int64)

    def sensible_mask(self) -> NDArray[np.bool_]:
        """Points that are legal and not a true eye of the player to move, bool (size * size,): plane 46 and superko."""
        sensible = ((self.encode_words().reshape(-1) >> _SENSIBLE) & np.uint64(1)).astype(np.bool_)
        return sensible if self.ko == "simple" else sensible & self.legal_mask()

    def repeats(self, point: int) -> bool:
        """Would this move of the player to move repeat an earlier arrangement of stones, whatever the ko rule?

        Raises:
            IllegalMove: no stone can be placed there.
        """
        if not self._is_point(point) or not self._board.is_legal(int(point), _kernel_color(self._to_play)):
            raise IllegalMove(f"{point!r}: {self._to_play} cannot play there, so that nothing would be repeated")
        return self._board.hash_after(point, _kernel_color(self._to_play)) in self._hashes

    def _forbidden(self, color: Color) -> set[int]:
        """Hashes of the stones that a move of ``color`` must not bring about."""
        if self.ko == "positional":
            return set(self._hashes)
        # situational: earlier arrangements after which it was the opponent's turn, as it would be now
        seen = {h for h, code in zip(self._hashes[1:], self._codes, strict=True) if _decode(code)[0] == color}
        if self._first != color:
            seen.add(self._hashes[0])
        return seen

    def _is_point(self, point: object) -> bool:
        whole = isinstance(point, int | np.integer) and not isinstance(point, bool)
        return whole and 0 <= point < self.size**2  # type: ignore[operator]

    def _objection(self, point: int | None, color: Color) -> str | None:
        """Why the move is illegal, or None."""
        if point is None:
            return None
        if not self._is_point(point):
            return f"point {point!r} is not on a {self.size}x{self.size} board"
        point = int(point)
        if not self._board.is_legal(point, _kernel_color(color)):
            vertex = format_vertex(point, self.size)
            if self._board.stones().flat[point]:
                return f"{color} {vertex}: there is a stone already"
            if point == self._board.ko_point:
                return f"{color} {vertex}: simple ko forbids taking back at once"
            return f"{color} {vertex}: suicide is not allowed"
        if self.ko != "simple" and self._board.hash_after(point, _kernel_color(color)) in self._forbidden(color):
            return f"{color} {format_vertex(point, self.size)}: {self.ko} superko forbids repeating a position"
        return None

    # Changes

    def setup(self, black: Iterable[int] = (), white: Iterable[int] = (), to_play: Color = BLACK) -> None:
        """Place stones before the first move, and say whose turn it is.

        Raises:
            IllegalMove: a move was played already, a point is off the board or taken, or a chain would have no
                liberty; the position is unchanged.
        """
        if self._codes:
            raise IllegalMove("setup stones can be placed only before the first move")
        first = _check_color(to_play)
        codes: list[int] = []
        taken = {code & POINT_MASK for code in self._setup}
        for points, mark in ((black, 0), (white, WHITE_CODE)):
            for point in points:
                if not self._is_point(point):
                    raise IllegalMove(f"setup point {point!r} is not on a {self.size}x{self.size} board")
                if point in taken:
                    raise IllegalMove(f"setup: {format_vertex(int(point), self.size)} is named twice")
                taken.add(int(point))
                codes.append(SETUP | mark | int(point))
        self._planes = None
        ordered = self._place_setup(self._setup + codes)
        self._setup = ordered
        self._first = self._to_play = first
        self._hashes = [self._board.hash]

    def _place_setup(self, codes: list[int]) -> list[int]:
        """Put the setup stones on the empty board, in an order in which no stone lacks a liberty on the way."""
        todo, done = list(codes), list[int]()
        self._board.reset()
        while todo:
            left = []
            for code in todo:
                if self._board.code_is_legal(code):
                    self._board.play_code(code)
                    done.append(code)
                else:
                    left.append(code)
            if len(left) == len(todo):
                vertex = format_vertex(left[0] & POINT_MASK, self.size)
                self._board.reset()
                self._board.replay(np.array(self._setup, np.uint16))
                raise IllegalMove(f"setup: the stone at {vertex} leaves a chain without a liberty")
            todo = left
        return done

    def play(self, point: int | None, color: Color | None = None) -> None:
        """Play a move, for the player to move unless ``color`` says otherwise; then it is the opponent's turn.

        Raises:
            IllegalMove: the rules forbid it; the position is unchanged.
        """
        mover = self._to_play if color is None else _check_color(color)
        objection = self._objection(point, mover)
        if objection is not None:
            raise IllegalMove(objection)
        code = (PASS if point is None else int(point)) | (WHITE_CODE if mover == WHITE else 0)
        if not self._codes:
            self._first = mover
        self._board.play_code(code)
        self._codes.append(code)
        self._hashes.append(self._board.hash)
        self._to_play = opponent(mover)
        self._planes = None

    def undo(self) -> tuple[Color, int | None]:
        """Take the last move back and return it; then it is that colour's turn.

        Raises:
            IllegalMove: there is no move to take back.
        """
        if not self._codes:
            raise IllegalMove("there is no move to undo")
        code = self._codes.pop()
        self._hashes.pop()
        self._board.reset()
        self._board.replay(self.codes())
        self._to_play = _decode(code)[0]
        self._planes = None
        return _decode(code)

    def copy(self) -> "Position":
        """An independent copy, history included."""
        other = object.__new__(Position)
        other.size, other.ko, other.komi = self.size, self.ko, self.komi
        other._board = self._board.copy()
        other._codes, other._setup, other._hashes = self._codes.copy(), self._setup.copy(), self._hashes.copy()
        other._first, other._to_play, other._planes = self._first, self._to_play, self._planes
        return other

    # The score

    def area_score(self) -> float:
        """Area of Black less area of White less komi, all stones taken as alive: above 0 Black wins."""
        black, white = area(self.board)
        return black - white - self.komi

    def __str__(self) -> str:
        """The board with coordinates, ``X`` Black, ``O`` White, the last move in parentheses."""
        stones = self.board
        last = self.last_move[1] if self.last_move else None
        letters = "   " + "".join(f" {_COLUMNS[c]}" for c in range(self.size))
        lines = [letters]
        for row in range(self.size):
            text = f"{self.size - row:2d} "
            for col in range(self.size):
                mark = {1: "X", -1: "O", 0: "."}[int(stones[row, col])]
                before = (
                    "(" if last == row * self.size + col else ")" if last == row * self.size + col - 1 and col else " "
                )
                text += before + mark
            text += ")" if last == row * self.size + self.size - 1 else " "
            lines.append(f"{text}{self.size - row}")
        return "\n".join([*lines, letters])

    def __repr__(self) -> str:
        return f"<Position {self.size}x{self.size}, {self.ko} ko, {self.move_number} plies, {self._to_play} to play>"


def _decode(code: int) -> tuple[Color, int | None]:
    point = code & POINT_MASK
    return WHITE if code & WHITE_CODE else BLACK, None if point == PASS else point
