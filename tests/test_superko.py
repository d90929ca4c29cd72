"""Where simple ko, positional and situational superko differ: constructed cases, then random games on tiny boards."""

from __future__ import annotations

import pytest
from diagrams import draw, parse, same_boards
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.rules import NaiveIllegalMove, NaivePosition
from twins import assert_same, naive_of, position_of

from goengine import coords
from goengine.errors import IllegalMove
from goengine.rules import BLACK, KO_RULES, WHITE, Color, Ko, Position

# Stones, to_play, moves as vertices, and which ko rules allow the last of them. Row 1 is the bottom row.
SENDING_TWO = ".O.O./XXOO./...../...../....."
TRIPLE_KO = (
    ".XO....../"
    "X.XO...../"  # Black holds this one: White takes at B8
    ".XO....../"
    ".XO....../"
    "XO.O...../"  # White holds this one: Black takes at C5
    ".XO....../"
    ".XO....../"
    "XO.O...../"  # and this one: Black takes at C2
    ".XO......"
)
SIMPLE, POSITIONAL, SITUATIONAL = KO_RULES
CASES: list[tuple[str, str, Color, str, set[Ko]]] = [
    ("a ko retaken at once", ".OX../O.OX./.OX../...../.....", BLACK, "B4 C4", set()),
    ("a ko retaken after two passes", ".OX../O.OX./.OX../...../.....", BLACK, "B4 pass pass C4", {SIMPLE}),
    (
        "a ko retaken after a threat and its answer",
        ".OX../O.OX./.OX../...../.....",
        BLACK,
        "B4 A1 E1 C4",
        {SIMPLE, POSITIONAL, SITUATIONAL},
    ),
    (
        "sending two, returning one: the board repeats with the other player to move",
        SENDING_TWO,
        WHITE,
        "A5 C5 B5",
        {SIMPLE, SITUATIONAL},
    ),
    (
        "sending two, returning one, with two passes between",
        SENDING_TWO,
        WHITE,
        "A5 C5 pass pass B5",
        {SIMPLE, SITUATIONAL},
    ),
    (
        "sending two, returning one, with one pass between: now the situation repeats too",
        SENDING_TWO,
        BLACK,
        "pass A5 C5 B5",
        {SIMPLE},
    ),
    ("the fifth move of a triple ko", TRIPLE_KO, BLACK, "C5 B8 C2 B5 C8", {SIMPLE, POSITIONAL, SITUATIONAL}),
    ("the sixth move of a triple ko", TRIPLE_KO, BLACK, "C5 B8 C2 B5 C8 B2", {SIMPLE}),
    (
        "the sixth move of a triple ko in which something else has changed",
        TRIPLE_KO,
        BLACK,
        "C5 B8 C2 B5 C8 J1 J9 B2",
        {SIMPLE, POSITIONAL, SITUATIONAL},
    ),
]


@pytest.mark.parametrize("ko", KO_RULES)
@pytest.mark.parametrize(
    ("text", "to_play", "moves", "allowed"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_which_rule_allows_the_last_move(text: str, to_play: Color, moves: str, allowed: set[Ko], ko: Ko) -> None:
    position, naive = position_of(text, to_play, ko), naive_of(text, to_play, ko)
    *before, last = (coords.parse_vertex(vertex, position.size) for vertex in moves.split())
    for point in before:
        position.play(point)
        naive.play(point)
    assert_same(position, naive)
    assert position.is_legal(last) == (ko in allowed), draw(position.board)
    assert naive.is_legal(last) == (ko in allowed), draw(position.board)
    assert last is not None and (last in position.legal_points()) == (ko in allowed)
    if ko in allowed:
        position.play(last)
    else:
        vertex = coords.format_vertex(last, position.size)
        with pytest.raises(IllegalMove, match=f"{vertex}.*ko"):
            position.play(last)


def test_a_superko_move_is_not_sensible_but_stays_in_the_planes() -> None:
    from goengine.features import encode

    masks = {}
    for ko in KO_RULES:
        position = position_of(SENDING_TWO, WHITE, ko)
        for vertex in ("A5", "C5"):
            position.play(coords.parse_vertex(vertex, 5))
        masks[ko] = position.sensible_mask()
        assert encode(position)[46, 0, 1] == 1, "the planes know simple ko only"
    assert [bool(masks[ko][1]) for ko in KO_RULES] == [True, False, True]


def test_undo_makes_a_forbidden_board_possible_again() -> None:
    position = position_of(SENDING_TWO, WHITE, "positional")
    play = [coords.parse_vertex(vertex, 5) for vertex in ("A5", "C5", "B5")]
    position.play(play[0])
    position.play(play[1])
    assert not position.is_legal(play[2])
    position.undo()
    position.undo()
    same_boards(position.board, parse(SENDING_TWO).board, "after undo")
    position.play(play[0])
    position.play(play[1])
    assert not position.is_legal(play[2])


def test_no_game_repeats_for_ever_under_superko() -> None:
    """On 2x2 every game under positional superko ends after at most 57 boards."""
    position = Position(2, "positional")
    while len(points := position.legal_points()) or position.passes < 2:
        position.play(int(points[0]) if len(points) else None)
    boards = [bytes(4)]
    replay = Position(2)
    for color, point in position.moves:
        replay.play(point, color)
        if point is not None:
            boards.append(replay.board.tobytes())
    assert len(set(boards)) == len(boards) <= 57


@pytest.mark.parametrize("ko", KO_RULES)
@settings(max_examples=40, derandomize=True)
@given(size=st.integers(2, 4), choices=st.lists(st.integers(0, 20), max_size=60))
def test_any_moves_on_a_tiny_board_meet_the_same_answer(ko: Ko, size: int, choices: list[int]) -> None:
    position, naive = Position(size, ko), NaivePosition(size, ko)
    for choice in choices:
        point = choice if choice < size * size else None
        try:
            naive.play(point)
        except NaiveIllegalMove:
            with pytest.raises(IllegalMove):
                position.play(point)
        else:
            position.play(point)
        assert_same(position, naive)
    while naive.moves:
        naive.undo()
        position.undo()
    assert_same(position, naive)


@pytest.mark.parametrize("ko", KO_RULES)
@pytest.mark.parametrize("size", [2, 3])
def test_long_games_full_of_captures(ko: Ko, size: int) -> None:
    """Nobody passes while a move is legal: boards fill, are taken, and fill again."""
    position, naive = Position(size, ko), NaivePosition(size, ko)
    for ply in range(80):
        points = naive.legal_points()
        point = points[(ply * 7) % len(points)] if points else None
        position.play(point)
        naive.play(point)
        assert_same(position, naive)
