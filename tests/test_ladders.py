"""Planes 44 and 45: diagrams, the ladder from corner to corner with everything that may lie on its way, the twin."""

from __future__ import annotations

import numpy as np
import pytest
from diagrams import Diagram, draw, parse, same_points
from reference import planes as reference
from reference.random_games import random_ladder
from reference.rules import NaivePosition
from twins import naive_of, position_of, start_pair

from goengine import coords
from goengine.features import encode
from goengine.rules import BLACK, WHITE, Color, Position

CAPTURE, ESCAPE = 44, 45


def ladder_points(position: Position) -> tuple[set[int], set[int]]:
    """The points of planes 44 and 45."""
    planes = encode(position)
    return set(np.flatnonzero(planes[CAPTURE]).tolist()), set(np.flatnonzero(planes[ESCAPE]).tolist())


def naive_ladder_points(naive: NaivePosition) -> tuple[set[int], set[int]]:
    """The same, by the slow twin."""
    captures, escapes = reference.ladder_captures(naive), reference.ladder_escapes(naive)
    return {point for _, point in captures}, {point for _, point in escapes}


# Every point of plane 44 is marked "c", of plane 45 "e", of both "b"; "." is in neither.
DIAGRAMS: list[tuple[str, Color, str, str]] = [
    # what, to_play, the moves before as vertices, the diagram after them
    ("a straight stone in atari runs away", WHITE, "", "..X../.XOX./..e../...../....."),
    ("a net is a ladder of one ply: extending would be suicide", BLACK, "", ".X.X./.XOX./..c../...../....."),
    ("a stone in the corner is caught along either edge", WHITE, "", "Xc.../c..../...../...../....."),
    ("a stone in atari in the corner cannot crawl away", BLACK, "", "...../...../...../...../XO..."),
    ("a crawl along the edge ends in the far corner", BLACK, "", "XO.../Xc.../...../...../....."),
    ("it does on a larger board too", BLACK, "", "XO...../Xc...../......./......./......./......./......."),
    ("a chain with three liberties, or one, is not to be laddered", BLACK, "", "XO.../...../..O../...../X...."),
    ("an edge stone is caught from the open side only", BLACK, "", "..cO./...X./...../...../....."),
    ("a stone thrown in is taken, and its taker is caught", BLACK, "", "XOccX/XOOOX/XXXXX/...../....."),
    ("but not where the walls are in atari themselves", BLACK, "", "XO..X/XOOOX/eXXX./...../....."),
    ("a stone thrown in between two is taken, and they are free", WHITE, "", "...../...../...../...../X.X.."),
    ("the hunter's stone in the corner is taken on the way", WHITE, "", "...../...../...../X..../O...."),
    ("the hunter's corner stone is taken later, and it is in time", BLACK, "", "OXe../.O.../...../...../....."),
    ("the hunter's next stone can be taken: an escape along the edge", WHITE, "", "X..../OX.../e..../...../....."),
    ("taking the corner stone is not enough: the corner is a dead end", WHITE, "", "...../...../...../...cX/..OeO"),
    ("a capture far away on the edge comes too late", BLACK, "", "X..../.O.../...../c..../Oc..."),
    ("a capture that leaves one liberty is no escape", WHITE, "", "...../...../...X./...../..XOX"),
    ("taking the stone in atari is the one escape", BLACK, "", "...../...../...../.O.../OXe.."),
    ("either of two: extend, or take the corner", WHITE, "", "...../...../e..../XO.../Oe..."),
    ("a friend on the way connects", BLACK, "", ".X.../XO.../.X.O./...../....."),
    ("ko: the hunter takes, and the prey may not take back", WHITE, "", "...../...OX/..cXb/...OX/...eO"),
    ("ko: the prey takes, and is retaken when it may not take again", BLACK, "", "..O.O/..O.X/...eO/...bX/...OO"),
    ("ko: just taken, so the capture that would save is illegal", WHITE, "B4", ".OX../OX.X./.OX../...../....."),
    (
        "ko: two passes later it is legal, and the hunter may not retake",
        WHITE,
        "B4 pass pass",
        ".OX../OXeX./.OX../...../.....",
    ),
]
STARTS = {"B4": ".OX../O.OX./.OX../...../....."}  # what the diagrams with moves start from, Black to play


def ladder_case(to_play: Color, moves: str, text: str) -> tuple[Position, NaivePosition]:
    if not moves:
        drawn = parse(text)
        return position_of(drawn, to_play), naive_of(drawn, to_play)
    start = STARTS[moves.split()[0]]
    position, naive = position_of(start), naive_of(start)
    for vertex in moves.split():
        point = coords.parse_vertex(vertex, position.size)
        position.play(point)
        naive.play(point)
    return position, naive


@pytest.mark.parametrize(
    ("to_play", "moves", "text"), [case[1:] for case in DIAGRAMS], ids=[case[0] for case in DIAGRAMS]
)
def test_ladder_diagrams(to_play: Color, moves: str, text: str) -> None:
    drawn = parse(text)
    position, naive = ladder_case(to_play, moves, text)
    assert position.to_play == to_play
    expected = [{*drawn.marks.get(mark, ()), *drawn.marks.get("b", ())} for mark in ("c", "e")]
    for (plane, found), by_twin, marked in zip(
        zip((CAPTURE, ESCAPE), ladder_points(position), strict=True), naive_ladder_points(naive), expected, strict=True
    ):
        same_points(drawn.board, by_twin, marked, f"plane {plane} by the twin, {to_play} to play")
        same_points(drawn.board, found, marked, f"plane {plane}, {to_play} to play")


# --- from corner to corner -------------------------------------------------------------------------------------------


def ladder_start(size: int, black: tuple[int, ...] = (), white: tuple[int, ...] = ()) -> Diagram:
    """A white stone at (1, 1) that Black can drive to the far corner, starting at (1, 2), and other stones."""
    return Diagram(size, tuple(sorted({1, size, 2 * size, *black})), tuple(sorted({size + 1, *white})))


def drive(size: int) -> tuple[list[int], list[int]]:
    """The ladder played out as the planes say: Black's ataris and White's extensions. The last ply captures."""
    position = position_of(ladder_start(size))
    prey = size + 1
    ataris: list[int] = []
    extensions: list[int] = []
    while True:
        captures, _ = ladder_points(position)
        assert captures, f"the ladder broke off\n{position}"
        ataris.append(min(captures) if not ataris else min(captures & set(position.chain(prey)[1])))
        position.play(ataris[-1])
        _, liberties = position.chain(prey)
        assert len(liberties) == 1, str(position)
        assert ladder_points(position) == (set(), set()), f"White sees an escape\n{position}"
        position.play(liberties[0])
        extensions.append(liberties[0])
        stones, liberties = position.chain(prey)
        if len(liberties) == 1:
            position.play(liberties[0])
            assert position.captures == {"black": len(stones), "white": 0}
            assert not position.board.reshape(-1)[list(stones)].any()
            return [*ataris, liberties[0]], extensions


@pytest.mark.parametrize(("size", "plies"), [(7, 19), (9, 27), (13, 43), (19, 67), (25, 91)])
def test_the_ladder_from_corner_to_corner(size: int, plies: int) -> None:
    ataris, extensions = drive(size)
    assert len(ataris) + len(extensions) == plies
    assert extensions[:4] == [row * size + col for row, col in ((2, 1), (2, 2), (3, 2), (3, 3))]
    assert extensions[-1] >= (size - 1) * size + size - 3, "it ends in the far corner"


def test_the_long_ladder_in_every_corner_and_both_colors() -> None:
    drawn = ladder_start(19)
    grid = np.arange(361).reshape(19, 19)
    for mirror in (False, True):
        for turns in range(4):
            moved = np.rot90(grid[::-1] if mirror else grid, turns).reshape(-1).tolist()
            new = {old: index for index, old in enumerate(moved)}
            black, white = [new[p] for p in drawn.black], [new[p] for p in drawn.white]
            for to_play, own, prey in ((BLACK, black, white), (WHITE, white, black)):
                position = Position(19)
                position.setup(black, white, to_play) if to_play == BLACK else position.setup(white, black, to_play)
                expected = {new[19 + 2]}
                same_points(position.board, ladder_points(position)[0], expected, f"{own} hunt {prey}")


@pytest.mark.parametrize("size", [9, 19])
def test_a_breaker_on_the_path_saves_the_prey(size: int) -> None:
    _, path = drive(size)
    for point in path[:-3]:  # on the last line of all it is too late
        position = position_of(ladder_start(size, white=(point,)))
        captures, _ = ladder_points(position)
        assert size + 2 not in captures, f"the stone at {point} was not seen\n{position}"


@pytest.mark.parametrize("size", [9, 19])
def test_a_hunters_stone_on_the_path_helps_the_hunter(size: int) -> None:
    _, path = drive(size)
    for point in path[1:]:
        position = position_of(ladder_start(size, black=(point,)))
        captures, _ = ladder_points(position)
        assert size + 2 in captures or len(position.chain(size + 1)[1]) != 2, str(position)


def test_a_stone_far_from_the_path_changes_nothing() -> None:
    for point in range(361):
        row, col = divmod(point, 19)
        if abs(row - col) < 5 or min(row, col) == 0:
            continue
        for black, white in (((point,), ()), ((), (point,))):
            position = position_of(ladder_start(19, black, white))
            captures, _ = ladder_points(position)
            assert 19 + 2 in captures, f"a stone at {row}, {col} is off the path\n{position}"


# Where one white stone more (marked "w") breaks the ladder that Black starts at C8; found by the twin, and read by eye.
BREAKERS = parse("""
    . X . . . . . . .
    X O w w . . . . .
    X w w w w . . . .
    w w w w w w . . .
    . w w w w w w . .
    . . w w w w w w .
    . . . w w w w w .
    . . . . w w w w .
    . . . . . w w . .
""")


def test_every_place_for_a_breaker() -> None:
    breaking = set()
    for point in range(81):
        if point not in (0, *BREAKERS.black, *BREAKERS.white):  # A9 is no place for White
            drawn = Diagram(9, BREAKERS.black, (*BREAKERS.white, point))
            if 11 not in ladder_points(position_of(drawn))[0]:
                breaking.add(point)
    same_points(BREAKERS.board, breaking, BREAKERS.marked("w"), "breakers")


# --- the twin --------------------------------------------------------------------------------------------------------


def check_random_ladders(seeds: range) -> tuple[int, int]:
    found_captures = found_escapes = 0
    for seed in seeds:
        position, naive = start_pair(random_ladder(seed, (7, 9, 13, 19, 9, 25)[seed % 6]))
        expected = naive_ladder_points(naive)
        for plane, found, wanted in zip((CAPTURE, ESCAPE), ladder_points(position), expected, strict=True):
            same_points(naive.board, found, wanted, f"plane {plane}, {naive.to_play} to play, seed {seed}")
        found_captures += len(expected[0])
        found_escapes += len(expected[1])
    return found_captures, found_escapes


def test_random_ladders_with_the_twin() -> None:
    captures, escapes = check_random_ladders(range(300))
    assert captures > 200 and escapes > 60, "these boards hold hardly any ladder"


@pytest.mark.slow
def test_many_random_ladders_with_the_twin() -> None:
    check_random_ladders(range(1000, 6000))


def test_planes_of_a_ladder_in_the_middle_of_a_game() -> None:
    """Each ply of the corner-to-corner ladder, as the two sides play it out, with the twin."""
    ataris, extensions = drive(9)
    drawn = ladder_start(9)
    position, naive = position_of(drawn), naive_of(drawn)
    for point in [ply for pair in zip(ataris, [*extensions, None], strict=True) for ply in pair if ply is not None]:
        assert ladder_points(position) == naive_ladder_points(naive), draw(naive.board)
        position.play(point)
        naive.play(point)
    assert ladder_points(position) == naive_ladder_points(naive)
