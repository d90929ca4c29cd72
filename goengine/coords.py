"""Every notation for a point of the board; this module alone converts between them.

    notation      upper left of 19x19   lower left   pass
    point, int            0                 342      None      row * size + col, row 0 at the top
    (row, col)          (0, 0)            (18, 0)     -        row 0 at the top, col 0 at the left
    vertex, GTP          "A19"              "A1"     "pass"    column letter without I, row 1 at the bottom
    SGF                  "aa"               "as"     ""        column letter, then row letter from the top

SGF also writes a pass as "tt", but only on boards up to 19x19: on larger ones "tt" is a point.
"""

from goengine.errors import CoordinateError

LETTERS = "ABCDEFGHJKLMNOPQRSTUVWXYZ"
"""Column letters from left to right; I is left out. 25 of them, so the largest board is 25x25."""

_SGF_LETTERS = "abcdefghijklmnopqrstuvwxy"
_MAX_SHOWN = 40


def point_of(row: int, col: int, size: int) -> int:
    """The point at ``row`` (0 at the top) and ``col`` (0 at the left).

    Raises:
        CoordinateError: the row or the column is off the board.
    """
    if not (0 <= row < size and 0 <= col < size):
        raise CoordinateError(f"row {row}, column {col} is off the {size}x{size} board: use 0 to {size - 1}")
    return row * size + col


def row_col(point: int, size: int) -> tuple[int, int]:
    """(row, col) of ``point``, row 0 at the top.

    Raises:
        CoordinateError: the point is off the board.
    """
    if not 0 <= point < size * size:
        raise CoordinateError(f"point {point} is off the {size}x{size} board: use 0 to {size * size - 1}")
    return divmod(point, size)


def parse_vertex(text: str, size: int) -> int | None:
    """The point that a GTP vertex such as ``D4`` names; None for ``pass``. Case does not matter.

    Raises:
        CoordinateError: the text is no vertex, or the vertex is off the board.
    """
    name = text.strip().upper()
    if name == "PASS":
        return None
    column, row = LETTERS.find(name[:1]) if name else -1, name[1:]
    if column < 0 or not (row.isascii() and row.isdecimal()) or len(row) > 3:
        raise CoordinateError(f"{_shown(text)} is not a vertex: write a letter and a number, as D4, or pass")
    if column >= size or not 1 <= int(row) <= size:
        last = format_vertex(size - 1, size)
        raise CoordinateError(f"{_shown(text)} is off the {size}x{size} board: use A1 to {last}, or pass")
    return (size - int(row)) * size + column


def format_vertex(point: int | None, size: int) -> str:
    """The GTP vertex of a point, in capitals; ``pass`` for None.

    Raises:
        CoordinateError: the point is off the board.
    """
    if point is None:
        return "pass"
    row, col = row_col(point, size)
    return f"{LETTERS[col]}{size - row}"


def parse_sgf(text: str, size: int) -> int | None:
    """The point that an SGF move value such as ``dd`` names; None for a pass (empty, or ``tt`` up to 19x19).

    Raises:
        CoordinateError: the text is not two lower-case letters, or the point is off the board.
    """
    if text == "" or (text == "tt" and size <= 19):
        return None
    col, row = (_SGF_LETTERS.find(letter) for letter in text) if len(text) == 2 else (-1, -1)
    if col < 0 or row < 0:
        raise CoordinateError(f"{_shown(text)} is not an SGF point: write two letters, as dd, or nothing to pass")
    if col >= size or row >= size:
        last = _SGF_LETTERS[size - 1] * 2
        raise CoordinateError(f"{_shown(text)} is off the {size}x{size} board: use aa to {last}")
    return row * size + col


def format_sgf(point: int | None, size: int) -> str:
    """The SGF move value of a point; empty for None, which is a pass.

    Raises:
        CoordinateError: the point is off the board.
    """
    if point is None:
        return ""
    row, col = row_col(point, size)
    return _SGF_LETTERS[col] + _SGF_LETTERS[row]


def _shown(text: str) -> str:
    """``text`` quoted on one line, cut short when it is long."""
    return ascii(text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "...")
