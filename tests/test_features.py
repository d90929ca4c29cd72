"""The planes, family by family, on boards small enough to work out by hand; DESIGN.md section 4 is the table meant.

test_features_peers.py compares them with the slow twin, test_ladders.py is about planes 44 and 45.
"""

from __future__ import annotations

import numpy as np
import pytest
from diagrams import draw, parse, same_points
from numpy.typing import NDArray
from twins import position_of

from goengine import coords
from goengine.errors import GoEngineError
from goengine.features import FEATURE_SETS, encode, encode_words, plane_count, unpack
from goengine.rules import BLACK, WHITE, Color, Position

# The families of eight planes: the first plane, and the number that it stands for.
TURNS, LIBERTIES, CAPTURE, SELF_ATARI, AFTER = (4, 1), (12, 1), (20, 0), (28, 1), (36, 1)


def numbers(position: Position, family: tuple[int, int]) -> str:
    """What a family of eight planes says at each point, a digit a point, "." for nothing; rows ended by "/"."""
    first, lowest = family
    planes = encode(position)[first : first + 8]
    assert planes.sum(axis=0).max() <= 1, "two planes of one family at the same point"
    rows = []
    for row in range(position.size):
        digits = [str(lowest + int(np.argmax(p))) if p.any() else "." for p in planes[:, row].T]
        rows.append("".join(digits))
    return "/".join(rows)


def expect(position: Position, family: tuple[int, int], expected: str) -> None:
    """Fail, showing board, expected and found numbers, unless the family says what is expected."""
    found, wanted = numbers(position, family), expected.replace(" ", "")
    assert found == wanted, "\n".join(
        [
            draw(position.board),
            f"{position.to_play} to play; expected:",
            *wanted.split("/"),
            "found:",
            *found.split("/"),
        ]
    )


def expect_plane(position: Position, plane: int, points: tuple[int, ...] | set[int]) -> None:
    found = np.flatnonzero(encode(position)[plane])
    same_points(position.board, found, points, f"plane {plane} with {position.to_play} to play")


def played(text: str, to_play: Color, vertices: str) -> Position:
    """The diagram's position after some moves."""
    position = position_of(text, to_play)
    for vertex in vertices.split():
        position.play(coords.parse_vertex(vertex, position.size))
    return position


# --- 0-3 and 47 ------------------------------------------------------------------------------------------------------


def test_stones_are_own_and_opponents() -> None:
    drawn = parse("XO./..X/.O.")
    empty = set(range(9)) - {*drawn.black, *drawn.white}
    for to_play, own, opponents in ((BLACK, drawn.black, drawn.white), (WHITE, drawn.white, drawn.black)):
        position = position_of(drawn, to_play)
        expect_plane(position, 0, own)
        expect_plane(position, 1, opponents)
        expect_plane(position, 2, empty)
        expect_plane(position, 3, set(range(9)))
        expect_plane(position, 47, set())


# --- 4-11: turns since the stone was played --------------------------------------------------------------------------


def test_turns_count_from_the_very_last_move_and_passes_count() -> None:
    expect(played("X..../...../...../...../.....", BLACK, "C3 D3 pass pass E1"), TURNS, "8..../...../..54./...../....1")
    expect(played("X..../...../...../...../.....", BLACK, "C3 D3 E1 pass pass"), TURNS, "8..../...../..54./...../....3")


def test_eight_turns_and_more_are_one_plane() -> None:
    moves = "A5 B5 C5 D5 E5 A3 B3 C3 D3 E3"
    expect(played("...../...../...../...../.....", BLACK, moves), TURNS, "88876/...../54321/...../.....")


def test_setup_stones_are_in_the_last_plane_from_the_start() -> None:
    expect(position_of("XO.../...../...../...../....X"), TURNS, "88.../...../...../...../....8")


def test_a_replayed_point_counts_from_its_latest_stone() -> None:
    # White's stone at C4 is setup; Black takes it at B4, White takes back at C4.
    taken_back = played(".OX../O.OX./.OX../...../.....", BLACK, "B4 A1 E1 C4")
    expect(taken_back, TURNS, ".88../8.18./.88../...../3...2")
    # Black's B4 was the first move, and is replayed as the last.
    again = played(".OX../O.OX./.OX../...../.....", BLACK, "B4 A1 E1 C4 C1 D1 B4")
    expect(again, TURNS, ".88../81.8./.88../...../6.325")


# --- 12-19: liberties ------------------------------------------------------------------------------------------------


def test_liberties_of_chains() -> None:
    for to_play in (BLACK, WHITE):
        expect(position_of("XX.O./.XOO./.X.../...../....X", to_play), LIBERTIES, "55.5./.555./.5.../...../....2")


def test_liberties_from_one_to_eight_and_more() -> None:
    stones = "OX......./....X..../X...XX.../........./..O...XX./........./XX...XXX./........./XXXXXXXX."
    counts = "12......./....7..../3...77.../........./..4...66./........./55...888./........./88888888."
    expect(position_of(stones), LIBERTIES, counts)


# --- 20-43: what a legal move does -----------------------------------------------------------------------------------


def test_a_quiet_board_after_each_move() -> None:
    position = position_of("OX.../...../...../...../.....")
    expect(position, CAPTURE, "..000/10000/00000/00000/00000")
    expect(position, SELF_ATARI, "...../...../...../...../.....")
    expect(position, AFTER, "..332/34443/34443/34443/23332")
    position = position_of("OX.../...../...../...../.....", WHITE)
    expect(position, CAPTURE, "..000/00000/00000/00000/00000")
    expect(position, SELF_ATARI, "...../...../...../...../.....")
    expect(position, AFTER, "..232/23443/34443/34443/23332")


def test_self_atari_counts_the_new_stone() -> None:
    position = position_of(".XO../X.O../OO.../...../.....")
    expect(position, SELF_ATARI, "3..../.3.../...../...../.....")
    position = position_of(".XO../X.O../OO.../...../.....", WHITE)  # A5 would be suicide
    expect(position, SELF_ATARI, "...../...../...../...../.....")
    assert numbers(position, AFTER)[0] == "."


def test_self_atari_and_liberties_are_judged_after_captures() -> None:
    # A5 would be suicide, but takes B5: then that point is its one liberty.
    position = position_of(".OX../OX.../...../...../.....")
    expect(position, CAPTURE, "1..00/..000/00000/00000/00000")
    expect(position, SELF_ATARI, "1..../...../...../...../.....")
    expect(position, AFTER, "1..32/..443/24443/34443/23332")


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("X.../OO../..../....", ".2../..../..../...."),
        ("XX.../XXO../OOO../...../.....", "..5../...../...../...../....."),
        ("XXX../XXXO./OOOO./...../.....", "...7./...../...../...../....."),
        ("XXXX./XXXO./OOOO./...../.....", "....8/...../...../...../....."),
        ("XXXXX/XXX../OOOOO/...../.....", "...../...88/...../...../....."),
    ],
    ids=["two", "five", "seven", "eight", "nine"],
)
def test_self_atari_sizes(text: str, sizes: str) -> None:
    expect(position_of(text), SELF_ATARI, sizes)


@pytest.mark.parametrize(
    ("text", "to_play", "sizes"),
    [
        ("XO.OX/.X.X./...../...../.....", BLACK, "..2../0.0.0/00000/00000/00000"),
        ("XXX../XXOO./OOO../...../.....", WHITE, "...50/....0/...00/00000/00000"),
        ("XXX../XXXO./OOOO./...../.....", WHITE, "...60/....0/....0/00000/00000"),
        ("XXXX./XXXO./OOOO./...../.....", WHITE, "....7/....0/....0/00000/00000"),
        ("XXXXX/XXXO./OOOO./...../.....", WHITE, "...../....7/....0/00000/00000"),
        ("XXXXX/XXXX./OOOOO/...../.....", WHITE, "...../....7/...../00000/00000"),
    ],
    ids=["one and one", "five", "six", "seven", "eight", "nine"],
)
def test_capture_sizes(text: str, to_play: Color, sizes: str) -> None:
    expect(position_of(text, to_play), CAPTURE, sizes)


def test_eight_and_more_liberties_after_the_move() -> None:
    rows = numbers(position_of("......./......./..X..../.XX.XX./......./......./......."), AFTER).split("/")
    assert (rows[3][3], rows[0][0]) == ("8", "2"), "\n".join(rows)


def test_a_move_forbidden_by_ko_or_suicide_is_in_no_plane() -> None:
    taken = played(".OX../O.OX./.OX../...../.....", BLACK, "B4")
    expect(taken, CAPTURE, "0..00/....0/0..00/00000/00000")
    assert not encode(taken)[20:47, 1, 2].any(), "ko"
    lifted = played(".OX../O.OX./.OX../...../.....", BLACK, "B4 pass pass")
    expect(lifted, CAPTURE, "0..00/..1.0/0..00/00000/00000")
    suicide = position_of(".X.../X..../...../...../.....", WHITE)
    assert not encode(suicide)[20:47, 0, 0].any(), "suicide"


# --- 46: sensibleness ------------------------------------------------------------------------------------------------

# "#" is not sensible: a true eye of the player, or illegal. Every other empty point is.
SENSIBLE: list[tuple[str, Color, str]] = [
    ("a true eye in the corner", BLACK, "#X.../XX.../...../...../....."),
    ("the same for the opponent, who may not play there", WHITE, "#X.../XX.../...../...../....."),
    ("a corner with an empty diagonal", BLACK, ".X.../X..../...../...../....."),
    ("a corner with an opponent's diagonal", BLACK, ".X.../XO.../...../...../....."),
    ("all four corners", BLACK, "#X.X#/XX.XX/...../XX.XX/#X.X#"),
    ("a true eye on the edge", BLACK, "X#X../XXX../...../...../....."),
    ("an edge with one bad diagonal", BLACK, "X.X../XX.../...../...../....."),
    ("one bad diagonal in the middle: empty", BLACK, "XXX../X#X../.XX../...../....."),
    ("one bad diagonal in the middle: an opponent's", BLACK, "XXX../X#X../OXX../...../....."),
    ("two bad diagonals in the middle", BLACK, ".X.../X.X../.XX../...../....."),
    ("an eye beside an eye in the corner", BLACK, "#XX../X#X../.XX../...../....."),
    ("eyes that vouch for one another", BLACK, "#X.../X#XO./XX#X./.XXX./....."),
    ("the same with one diagonal less: all three fall", BLACK, ".X.../X.XO./XX.X./..XX./....."),
    ("2x2: two eyes that vouch for one another", BLACK, "X#/#X"),
    ("2x2: both are suicide for the other", WHITE, "X#/#X"),
    ("two empty points are no eye", BLACK, "X..X./XXXX./...../...../....."),
    ("the last eye of a chain: suicide", BLACK, "#XO../XXO../OOO../...../....."),
    ("the last eye of a chain: the opponent takes it", WHITE, ".XO../XXO../OOO../...../....."),
]


@pytest.mark.parametrize(("to_play", "text"), [case[1:] for case in SENSIBLE], ids=[case[0] for case in SENSIBLE])
def test_sensible_points(to_play: Color, text: str) -> None:
    drawn = parse(text)
    position = position_of(drawn, to_play)
    others = {*drawn.black, *drawn.white, *drawn.marks.get("#", ())}
    sensible = set(range(drawn.size**2)) - others
    expect_plane(position, 46, sensible)
    same_points(drawn.board, np.flatnonzero(position.sensible_mask()), sensible, "sensible_mask")


# --- the sets --------------------------------------------------------------------------------------------------------


def test_the_sets_are_the_ones_of_the_design() -> None:
    counts = {name: plane_count(name) for name in FEATURE_SETS}
    assert counts == {"board1": 1, "board4": 4, "history12": 12, "liberties20": 20, "alphago48": 48}
    assert all(one.name == name for name, one in FEATURE_SETS.items())
    assert len({one.number for one in FEATURE_SETS.values()}) == 5


@pytest.mark.parametrize("to_play", [BLACK, WHITE])
def test_smaller_sets_are_the_first_planes(to_play: Color) -> None:
    position = played(".OX../O.OX./.OX../...../.....", to_play, "B4" if to_play == BLACK else "A5")
    every = encode(position)
    assert every.shape == (48, 5, 5) and every.dtype == np.uint8
    for name in ("board4", "history12", "liberties20", "alphago48"):
        planes = encode(position, name)
        assert planes.dtype == np.uint8
        np.testing.assert_array_equal(planes, every[: plane_count(name)])


def test_board1_is_own_less_opponents() -> None:
    for to_play, sign in ((BLACK, 1), (WHITE, -1)):
        position = position_of("XO./..X/.O.", to_play)
        planes = encode(position, "board1")
        assert planes.shape == (1, 3, 3) and planes.dtype == np.int8
        np.testing.assert_array_equal(planes[0], sign * position.board)


def test_words_unpack_in_batches() -> None:
    positions = [position_of("XO./..X/.O.", to_play) for to_play in (BLACK, WHITE)]
    words = np.stack([encode_words(position) for position in positions])
    assert words.shape == (2, 3, 3) and words.dtype == np.uint64
    for name in FEATURE_SETS:
        expected: list[NDArray[np.uint8] | NDArray[np.int8]] = [encode(position, name) for position in positions]
        np.testing.assert_array_equal(unpack(words, name), np.stack(expected))


def test_a_set_that_does_not_exist() -> None:
    with pytest.raises(GoEngineError, match=r"'alphago49'.*alphago48"):
        encode(Position(9), "alphago49")
    with pytest.raises(GoEngineError, match="board4"):
        plane_count("board")


def test_encoding_changes_nothing_and_gives_a_fresh_array() -> None:
    position = played("....X/..X../.XO../.X.../.....", BLACK, "D3 C2")  # a ladder has to be read
    before = (str(position), position.hash, position.ko_point, position.chain(12), position.moves)
    planes = encode(position)
    again = encode(position)
    planes[:] = 9
    np.testing.assert_array_equal(encode(position), again)
    assert again.max() == 1
    assert (str(position), position.hash, position.ko_point, position.chain(12), position.moves) == before
