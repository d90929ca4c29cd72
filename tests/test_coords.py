"""Coordinates: each notation against the others, on every board size, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goengine.coords import (
    LETTERS,
    format_sgf,
    format_vertex,
    parse_sgf,
    parse_vertex,
    point_of,
    row_col,
)
from goengine.errors import CoordinateError

SIZES = st.integers(2, 25)

# size, point, vertex, SGF: corners and points beside the missing I
TABLE = [
    (19, 0, "A19", "aa"),
    (19, 18, "T19", "sa"),
    (19, 342, "A1", "as"),
    (19, 360, "T1", "ss"),
    (19, 60, "D16", "dd"),
    (19, 18 * 19 + 7, "H1", "hs"),
    (19, 18 * 19 + 8, "J1", "is"),
    (9, 40, "E5", "ee"),
    (2, 3, "B1", "bb"),
    (25, 24, "Z25", "ya"),
    (25, 624, "Z1", "yy"),
]


@pytest.mark.parametrize(("size", "point", "vertex", "sgf"), TABLE)
def test_table(size: int, point: int, vertex: str, sgf: str) -> None:
    assert format_vertex(point, size) == vertex
    assert parse_vertex(vertex, size) == point
    assert format_sgf(point, size) == sgf
    assert parse_sgf(sgf, size) == point


@given(SIZES, st.data())
def test_all_notations_come_back(size: int, data: st.DataObject) -> None:
    point = data.draw(st.one_of(st.none(), st.integers(0, size * size - 1)))
    assert parse_vertex(format_vertex(point, size), size) == point
    assert parse_sgf(format_sgf(point, size), size) == point
    if point is not None:
        row, col = row_col(point, size)
        assert point_of(row, col, size) == point
        assert format_vertex(point, size) == f"{LETTERS[col]}{size - row}"


def test_every_point_has_its_own_names() -> None:
    for size in range(2, 26):
        assert len({format_vertex(point, size) for point in range(size * size)}) == size * size
        assert len({format_sgf(point, size) for point in range(size * size)}) == size * size


def test_passes() -> None:
    assert parse_vertex("pass", 19) is None
    assert parse_vertex(" PASS ", 19) is None
    assert format_vertex(None, 19) == "pass"
    assert format_sgf(None, 19) == ""
    assert parse_sgf("", 19) is None
    assert parse_sgf("tt", 19) is None
    assert parse_sgf("tt", 9) is None
    assert parse_sgf("tt", 20) == 19 * 20 + 19  # the corner of a larger board


def test_case_and_blanks_around_a_vertex_do_not_matter() -> None:
    assert parse_vertex(" d4\n", 19) == parse_vertex("D4", 19) == 15 * 19 + 3


@pytest.mark.parametrize(
    "text",
    ["", "I9", "i1", "D", "4", "4D", "DD", "D4.", "D-4", "D+4", "D 4", "D٤", "é4", "\0", "D0004", "D" + "9" * 500],
)
def test_no_vertex(text: str) -> None:
    with pytest.raises(CoordinateError, match="is not a vertex: write a letter and a number") as caught:
        parse_vertex(text, 19)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 200


@pytest.mark.parametrize(("text", "size"), [("U1", 19), ("A0", 19), ("A20", 19), ("T19", 9), ("C1", 2), ("A26", 25)])
def test_vertex_off_the_board(text: str, size: int) -> None:
    with pytest.raises(CoordinateError, match=f"off the {size}x{size} board"):
        parse_vertex(text, size)


@pytest.mark.parametrize("text", ["d", "ddd", "DD", "d4", " d", "d]", "zz"])
def test_no_sgf_point(text: str) -> None:
    with pytest.raises(CoordinateError, match="is not an SGF point: write two letters"):
        parse_sgf(text, 19)


def test_sgf_point_off_the_board() -> None:
    with pytest.raises(CoordinateError, match="'jj' is off the 9x9 board: use aa to ii"):
        parse_sgf("jj", 9)


@pytest.mark.parametrize("point", [-1, 361, 1023])
def test_point_off_the_board(point: int) -> None:
    for write in (row_col, format_vertex, format_sgf):
        with pytest.raises(CoordinateError, match=f"point {point} is off the 19x19 board"):
            write(point, 19)


@pytest.mark.parametrize(("row", "col"), [(-1, 0), (0, -1), (19, 0), (0, 19)])
def test_row_or_column_off_the_board(row: int, col: int) -> None:
    with pytest.raises(CoordinateError, match=f"row {row}, column {col} is off"):
        point_of(row, col, 19)


@given(st.text(max_size=20), SIZES)
def test_any_text_is_a_point_or_an_error(text: str, size: int) -> None:
    for parse in (parse_vertex, parse_sgf):
        try:
            point = parse(text, size)
        except CoordinateError as error:
            assert "\n" not in str(error)
        else:
            assert point is None or 0 <= point < size * size
