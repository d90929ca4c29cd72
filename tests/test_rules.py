"""The rules: diagrams, counts, superko, undo, errors. test_rules_peers.py compares them with other programs' boards."""

from __future__ import annotations

import itertools
import sys
from typing import Any, get_args

import numpy as np
import pytest
from diagrams import Diagram, draw, parse, same_boards, same_points
from reference.random_games import random_game
from reference.rules import chain
from twins import assert_same, position_of, replay_pair, start_pair

from goengine import coords
from goengine.errors import GoEngineError, IllegalMove
from goengine.rules import BLACK, KO_RULES, WHITE, Color, Ko, Position, opponent

SIZES = range(2, 26)

# Captures and ko on 5x5: what, to_play, stones, moves as vertices, stones after them, ko point, stones captured by
# Black and by White. Row 5 is the top row, column A the left one.
CAPTURES: list[tuple[str, Color, str, str, str, str, tuple[int, int]]] = [
    (
        "one stone in the corner",
        BLACK,
        "OX.../...../...../...../.....",
        "A4",
        ".X.../X..../...../...../.....",
        "",
        (1, 0),
    ),
    (
        "two chains at once",
        BLACK,
        "XO.OX/.X.X./...../...../.....",
        "C5",
        "X.X.X/.X.X./...../...../.....",
        "",
        (2, 0),
    ),
    (
        "four chains at once, by White",
        WHITE,
        ".OXO./OX.XO/.OXO./..O../.....",
        "C4",
        ".O.O./O.O.O/.O.O./..O../.....",
        "",
        (0, 4),
    ),
    (
        "a chain around the stone that takes it",
        BLACK,
        "XXXXX/XOOOX/XO.OX/XOOOX/XXXX.",
        "C3",
        "XXXXX/X...X/X.X.X/X...X/XXXX.",
        "",
        (8, 0),
    ),
    (
        "a ko is taken",
        BLACK,
        ".OX../O.OX./.OX../...../.....",
        "B4",
        ".OX../OX.X./.OX../...../.....",
        "C4",
        (1, 0),
    ),
    (
        "a ko on the edge is taken by White",
        WHITE,
        "X.XO./.XO../...../...../.....",
        "B5",
        "XO.O./.XO../...../...../.....",
        "C5",
        (0, 1),
    ),
    (
        "a ko in the corner is taken",
        BLACK,
        ".OX../OX.../...../...../.....",
        "A5",
        "X.X../OX.../...../...../.....",
        "B5",
        (1, 0),
    ),
    (
        "a ko is retaken after a move elsewhere and its answer",
        BLACK,
        ".OX../O.OX./.OX../...../.....",
        "B4 A1 E1 C4",
        ".OX../O.OX./.OX../...../O...X",
        "B4",
        (1, 1),
    ),
    (
        "two passes lift the ban",
        BLACK,
        ".OX../O.OX./.OX../...../.....",
        "B4 pass pass",
        ".OX../OX.X./.OX../...../.....",
        "",
        (1, 0),
    ),
    (
        "a stone that takes two may be taken back at once",
        BLACK,
        ".OOX./OXX../...../...../.....",
        "A5 B5",
        ".O.X./OXX../...../...../.....",
        "",
        (2, 1),
    ),
    (
        "sending two, returning one: no simple ko",
        WHITE,
        ".O.O./XXOO./...../...../.....",
        "A5 C5 B5",
        ".O.O./XXOO./...../...../.....",
        "",
        (2, 1),
    ),
    (
        "two stones take one, and are taken at once",
        BLACK,
        "X.OX./OOX../...../...../.....",
        "B5 C5",
        "..OX./OOX../...../...../.....",
        "",
        (1, 2),
    ),
    (
        "a snapback",
        BLACK,
        "XO..X/XOOOX/.XXX./...../.....",
        "C5 D5 C5",
        "X.X.X/X...X/.XXX./...../.....",
        "",
        (5, 1),
    ),
    (
        "all the stones but one leave the board",
        BLACK,
        "OOOOO/OOOOO/OOOOO/OOOOO/OOOO.",
        "E1",
        "...../...../...../...../....X",
        "",
        (24, 0),
    ),
]


def play_vertices(position: Position, vertices: str) -> None:
    for vertex in vertices.split():
        position.play(coords.parse_vertex(vertex, position.size))


@pytest.mark.parametrize(
    ("to_play", "before", "moves", "after", "ko", "captures"),
    [case[1:] for case in CAPTURES],
    ids=[c[0] for c in CAPTURES],
)
def test_captures(to_play: Color, before: str, moves: str, after: str, ko: str, captures: tuple[int, int]) -> None:
    position = position_of(before, to_play)
    play_vertices(position, moves)
    same_boards(position.board, parse(after).board, f"after {moves}")
    assert (position.ko_point, position.captures) == (
        coords.parse_vertex(ko, 5) if ko else None,
        {"black": captures[0], "white": captures[1]},
    ), draw(position.board)


# What is illegal for to_play, marked with "#"; every other empty point is legal.
LEGALITY: list[tuple[str, Color, str]] = [
    ("an empty board", BLACK, ".../.../..."),
    ("suicide in the corner", WHITE, "#X.../X..../...../...../....."),
    ("no suicide in an own eye", BLACK, ".X.../X..../...../...../....."),
    ("suicide of one on the edge and in the middle", WHITE, "X#X../.XX../.X#X./..X../....."),
    ("suicide of three", WHITE, "OO#X./XXX../...../...../....."),
    ("no suicide where there is a liberty left", WHITE, "OO.X./XX.../...../...../....."),
    ("no suicide where the last liberty captures", WHITE, ".XO../XO.../O..../...../....."),
    ("suicide next to own stones that have no other liberty", WHITE, "#OX../OX.../X..../...../....."),
    ("two eyes are safe", WHITE, "#X#X./XXXX./...../...../....."),
    ("2x2: both last points are suicide", WHITE, "X#/#X"),
    ("2x2: filling an own eye leaves the other", BLACK, "X./.X"),
    ("2x2: the last point of an own board is suicide", BLACK, "XX/X#"),
    ("2x2: the last point of the other's board takes it all", WHITE, "XX/X."),
]


@pytest.mark.parametrize(("to_play", "text"), [case[1:] for case in LEGALITY], ids=[case[0] for case in LEGALITY])
def test_legality(to_play: Color, text: str) -> None:
    drawn = parse(text)
    position = position_of(drawn, to_play)
    illegal = {*drawn.black, *drawn.white, *drawn.marks.get("#", ())}
    legal = set(range(drawn.size**2)) - illegal
    same_points(drawn.board, position.legal_points(), legal, "legal points")
    same_points(drawn.board, np.flatnonzero(position.legal_mask()), legal, "legal mask")
    same_points(drawn.board, (p for p in range(drawn.size**2) if position.is_legal(p)), legal, "is_legal")
    for point in illegal:
        with pytest.raises(IllegalMove):
            position.play(point)
        same_boards(position.board, drawn.board, "after a refused move")
    assert position.legal_points().dtype == np.int64
    assert position.legal_mask().dtype == np.bool_


@pytest.mark.parametrize("komi", [0.0, 7.5, -3.0])
@pytest.mark.parametrize(
    ("text", "black", "white"),
    [
        ("...../...../...../...../.....", 0, 0),
        ("...../...../..X../...../.....", 25, 0),
        (".XO../.XO../.XO../.XO../.XO..", 10, 15),
        ("X.O../X.O../X.O../X.O../X.O..", 5, 15),
        (".XO../XXO../.OO../OO.../.....", 4, 20),
        ("..X../.OX../..X../XXX../.....", 19, 1),
        ("XO/.O", 1, 2),
    ],
    ids=["empty", "one stone", "two walls", "neutral points", "one shared point", "a stone inside", "2x2"],
)
def test_area_score_is_black_less_white_less_komi(text: str, black: int, white: int, komi: float) -> None:
    position = position_of(text)
    position.komi = komi
    assert position.area_score() == black - white - komi, draw(position.board)


# --- counts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "count"), [(2, 57), (3, 12_675)])
def test_the_boards_that_setup_accepts_are_the_legal_ones(size: int, count: int) -> None:
    legal = 0
    for cells in itertools.product(".XO", repeat=size * size):
        black = [point for point, cell in enumerate(cells) if cell == "X"]
        white = [point for point, cell in enumerate(cells) if cell == "O"]
        position = Position(size)
        try:
            position.setup(black, white)
        except IllegalMove:
            assert not position.board.any(), "a refused setup left stones"
            continue
        same_boards(position.board, Diagram(size, tuple(black), tuple(white)).board, "after setup")
        legal += 1
    assert legal == count


@pytest.mark.parametrize(("size", "count"), [(2, 57), pytest.param(3, 12_675, marks=pytest.mark.slow)])
def test_the_boards_that_play_reaches_are_the_legal_ones(size: int, count: int) -> None:
    seen, to_visit = {bytes(size * size)}, [Position(size)]
    while to_visit:
        position = to_visit.pop()
        for point, color in itertools.product(range(size * size), (BLACK, WHITE)):
            if position.is_legal(point, color):
                after = position.copy()
                after.play(point, color)
                if (key := after.board.tobytes()) not in seen:
                    seen.add(key)
                    to_visit.append(after)
    assert len(seen) == count


@pytest.mark.parametrize("size", SIZES)
def test_every_size_plays_like_the_twin(size: int) -> None:
    game = random_game(seed=size, size=size, plies=min(2 * size * size, 120), fight=0.6, setup=0.05)
    for position, naive in replay_pair(game):
        if position.move_number % 40 == 0:
            assert_same(position, naive)
    assert_same(position, naive)


@pytest.mark.parametrize("size", [2, 19, 25])
def test_the_far_corner_is_on_the_board(size: int) -> None:
    position = Position(size)
    position.play(size * size - 1)
    position.play(0)
    board = position.board
    assert board[-1, -1] == 1 and board[0, 0] == -1 and np.count_nonzero(board) == 2, draw(board)
    assert not position.is_legal(size * size) and not position.is_legal(-1)


# --- chains ----------------------------------------------------------------------------------------------------------


def test_chain_tells_stones_and_liberties() -> None:
    drawn = parse("XX.O./.XOO./.X.../...../....X")
    position = position_of(drawn)
    assert position.chain(0) == ((0, 1, 6, 11), (2, 5, 10, 12, 16))
    assert position.chain(3) == ((3, 7, 8), (2, 4, 9, 12, 13))
    assert position.chain(24) == ((24,), (19, 23))


def test_every_chain_has_the_liberties_that_a_flood_finds() -> None:
    for seed in range(4):
        for position, naive in replay_pair(random_game(seed, 9, 140, fight=0.7)):
            if position.move_number % 9:
                continue
            for point in naive.stones:
                stones, liberties = position.chain(point)
                expected = chain(naive.stones, point, 9)
                same_points(naive.board, stones, expected[0], f"chain at {point}")
                same_points(naive.board, liberties, expected[1], f"liberties of the chain at {point}")
                assert liberties, draw(naive.board, stones)


# --- undo, copy, replay ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ko", KO_RULES)
@pytest.mark.parametrize("size", [2, 4, 9])
def test_undo_goes_back_through_the_same_positions(size: int, ko: Ko) -> None:
    game = random_game(seed=size, size=size, plies=80, fight=0.8, setup=0.1, passes=0.05, twice=0.05, ko=ko)
    *_, (position, naive) = replay_pair(game, ko)
    for color, point in reversed(game.plies):
        assert position.undo() == (color, point)
        naive.undo()
        assert_same(position, naive)
    fresh, _ = start_pair(game, ko)
    assert (str(position), position.hash) == (str(fresh), fresh.hash)
    for color, point in game.plies:
        position.play(point, color)
        naive.play(point, color)
        assert_same(position, naive)


def test_undo_to_before_the_first_move_keeps_the_setup() -> None:
    position = position_of("X../.O./...", WHITE)
    position.play(8)
    assert position.undo() == (WHITE, 8)
    assert (position.to_play, position.moves, position.setup_stones) == (WHITE, (), {"black": (0,), "white": (4,)})
    same_boards(position.board, parse("X../.O./...").board, "after undo")


def test_a_copy_is_independent() -> None:
    position = position_of(".OX../O.OX./.OX../...../.....", ko="positional")
    copy = position.copy()
    copy.play(6)
    assert (position.move_number, copy.move_number, position.captures["black"]) == (0, 1, 0)
    assert not copy.is_legal(7), "the copy lost its ko"
    position.play(24)
    same_boards(copy.board, parse(".OX../OX.X./.OX../...../.....").board, "the copy")
    assert position.copy().moves == position.moves
    assert copy.copy().ko == "positional" and not copy.copy().is_legal(7)


def test_the_board_is_a_copy() -> None:
    position = Position(5)
    position.board[0, 0] = 1
    assert not position.board.any()
    assert position.board.shape == (5, 5) and position.board.dtype == np.int8


def test_hashes_tell_boards_apart_and_know_them_again() -> None:
    hashes: dict[int, bytes] = {}
    for seed in range(6):
        for position, _ in replay_pair(random_game(seed, 5, 60, fight=0.6)):
            assert hashes.setdefault(position.hash, position.board.tobytes()) == position.board.tobytes()
    boards = set(hashes.values())
    assert len(boards) == len(hashes) > 200


# --- the game around the board ---------------------------------------------------------------------------------------


def test_a_game_begins_empty_with_black_to_play() -> None:
    position = Position()
    assert (position.size, position.ko, position.to_play, position.komi) == (19, "simple", BLACK, 7.5)
    assert (position.moves, position.last_move, position.passes, position.ko_point) == ((), None, 0, None)
    assert len(position.legal_points()) == 361


def test_asking_for_the_moves_leaves_nothing_in_memory() -> None:
    position = Position(9)
    for point in range(0, 24, 2):
        position.play(point)
    assert len(position.moves) == 12
    before = sys.getallocatedblocks()
    for _ in range(400):
        assert position.moves
    assert sys.getallocatedblocks() - before < 40


def test_passes_change_turns_and_are_counted() -> None:
    position = Position(5)
    position.play(12)
    for expected in (1, 2, 3):
        position.play(None)
        assert position.passes == expected
    assert (position.to_play, position.move_number) == (BLACK, 4)
    assert position.moves == ((BLACK, 12), (WHITE, None), (BLACK, None), (WHITE, None))
    position.play(13)
    assert (position.passes, position.last_move) == (0, (BLACK, 13))


def test_a_color_may_play_twice() -> None:
    position = Position(5)
    position.play(0, BLACK)
    position.play(1, BLACK)
    assert (position.to_play, position.moves) == (WHITE, ((BLACK, 0), (BLACK, 1)))


def test_the_taker_of_a_ko_may_fill_it() -> None:
    position = position_of(".OX../O.OX./.OX../...../.....")
    position.play(6)
    assert (position.is_legal(7, WHITE), position.is_legal(7, BLACK)) == (False, True)
    position.play(7, BLACK)
    assert position.ko_point is None
    same_boards(position.board, parse(".OX../OXXX./.OX../...../.....").board, "the ko is filled")


def test_opponent() -> None:
    assert (opponent(BLACK), opponent(WHITE)) == (WHITE, BLACK)
    assert get_args(Color) == (BLACK, WHITE) and get_args(Ko) == KO_RULES


# --- setup -----------------------------------------------------------------------------------------------------------


def test_setup_in_any_order_and_in_two_steps() -> None:
    drawn = parse("OOO/OXO/OX.")
    for black, white in itertools.product(
        itertools.permutations(drawn.black), ((0, 1, 2, 3, 5, 6), (6, 5, 3, 2, 1, 0))
    ):
        position = Position(3)
        position.setup(black, white, WHITE)
        same_boards(position.board, drawn.board, "after setup")
        assert position.captures == {"black": 0, "white": 0}
    position = Position(3)
    position.setup(black=drawn.black)
    position.setup(white=drawn.white, to_play=WHITE)
    same_boards(position.board, drawn.board, "after the second setup")
    assert (position.to_play, position.move_number) == (WHITE, 0)
    assert position.setup_stones == {"black": drawn.black, "white": drawn.white}


def test_setup_is_the_start_that_superko_remembers() -> None:
    position = position_of(".OX../O.OX./.OX../...../.....", ko="positional")
    position.play(6)
    position.play(None)
    position.play(None)
    assert position.ko_point is None
    assert not position.is_legal(7), "taking back recreates the board of the setup"
    position.ko = "simple"
    assert position.is_legal(7)


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [-1, 0, 1, 26, 100])
def test_a_size_that_does_not_exist(size: int) -> None:
    with pytest.raises(GoEngineError, match=f"{size}.*2 to 25"):
        Position(size)


def test_a_ko_rule_or_color_that_does_not_exist() -> None:
    with pytest.raises(GoEngineError, match=r"'super'.*simple, positional, situational"):
        Position(9, "super")  # type: ignore[arg-type]
    with pytest.raises(GoEngineError, match="'green'"):
        Position(9).play(0, "green")  # type: ignore[arg-type]
    with pytest.raises(GoEngineError, match="'green'"):
        Position(9).setup(to_play="green")  # type: ignore[arg-type]


REFUSED = [
    ("X..../...../...../...../.....", "", "A5", "A5.*stone"),
    (".O.../O..../...../...../.....", "", "A5", "A5.*suicide"),
    (".OX../O.OX./.OX../...../.....", "B4", "C4", "C4.*ko"),
]


@pytest.mark.parametrize(("before", "moves", "vertex", "message"), REFUSED, ids=["stone", "suicide", "ko"])
def test_a_refused_move_says_why_and_changes_nothing(before: str, moves: str, vertex: str, message: str) -> None:
    position = position_of(before)
    play_vertices(position, moves)
    text, moves_before, hash_before = str(position), position.moves, position.hash
    with pytest.raises(IllegalMove, match=message):
        position.play(coords.parse_vertex(vertex, 5))
    assert (str(position), position.moves, position.hash) == (text, moves_before, hash_before)


@pytest.mark.parametrize("point", [-1, 25, 10**9])
def test_a_point_off_the_board(point: int) -> None:
    position = Position(5)
    with pytest.raises(IllegalMove, match=str(point)):
        position.play(point)
    with pytest.raises(IllegalMove, match=str(point)):
        position.setup(black=[point])
    with pytest.raises(IllegalMove, match=str(point)):
        position.chain(point)
    assert not position.board.any() and not position.is_legal(point)


def test_setup_after_a_move_twice_or_without_liberties() -> None:
    position = Position(5)
    with pytest.raises(IllegalMove, match="A5"):
        position.setup(black=[0], white=[0])
    with pytest.raises(IllegalMove, match="liberty"):
        position.setup(black=[0], white=[1, 5])
    assert not position.board.any()
    position.play(None)
    with pytest.raises(IllegalMove, match="before the first move"):
        position.setup(black=[0])


def test_nothing_to_undo_and_no_chain() -> None:
    with pytest.raises(IllegalMove, match="undo"):
        Position(5).undo()
    with pytest.raises(IllegalMove, match="no chain"):
        Position(5).chain(3)


@pytest.mark.parametrize("point", [100_000, -1, 25, None, True, 3.0])
def test_only_points_can_repeat_a_position(point: Any) -> None:
    with pytest.raises(IllegalMove, match="black cannot play there"):
        Position(5).repeats(point)


@pytest.mark.parametrize("point", [3.7, True, None, 25])
def test_only_points_can_be_set_up(point: Any) -> None:
    position = Position(5)
    with pytest.raises(IllegalMove, match=r"setup point .* is not on a 5x5 board"):
        position.setup(black=[point])
    assert not position.board.any()
