"""Choosing a move: legal, sensible, in style, and a pass at the end."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from diagrams import SETTLED, set_up
from fake_network import FakeNetwork
from hypothesis import given, settings
from hypothesis import strategies as st

from goengine.coords import format_vertex, parse_vertex
from goengine.errors import GoEngineError
from goengine.estimate import estimate
from goengine.player import Player, runs_in_vain
from goengine.rules import Position


def point(vertex: str, size: int = 9) -> int:
    found = parse_vertex(vertex, size)
    assert found is not None
    return found


def player(*favourites: str, size: int = 9, **style: Any) -> Player:
    network = FakeNetwork(size, tuple(point(vertex, size) for vertex in favourites))
    return Player(network, **style)


def test_the_likeliest_move_is_played() -> None:
    assert player("G3", "C7").choose(Position(9)) == point("G3")


def test_the_policy_is_over_legal_points() -> None:
    position = Position(9)
    position.play(point("E5"))
    policy = player("E5", "D4").policy(position)
    assert policy.dtype == np.float32 and policy.shape == (81,)
    assert policy[point("E5")] == 0 and policy.argmax() == point("D4")
    assert policy.sum() == pytest.approx(1)


def test_several_positions_are_evaluated_at_once() -> None:
    one = player("E5", "D4", "C3")
    second, full = Position(9), Position(9)
    second.play(point("E5"))
    full.play(point("D4"))
    assert one.likeliest([Position(9), second, full]) == [point("E5"), point("D4"), point("E5")]
    assert len(one.network.asked) == 1  # type: ignore[attr-defined]
    np.testing.assert_allclose(one.policies([second, full])[1], one.policy(full), rtol=1e-6)


def test_the_likeliest_of_some_points_is_sensible() -> None:
    position = set_up("""
        . X . .
        X X . .
        . . . .
        . . . .
        """)
    one = player("A4", "D1", size=4)
    only = np.zeros(16, np.bool_)
    only[[0, 5, 10]] = True
    assert one.likeliest([position, position], [None, only]) == [point("D1", 4), 10]
    assert one.likeliest([position], [np.arange(16) == 0]) == [None]  # an eye of one's own is no move


def test_suggestions_come_likeliest_first_and_end_with_the_legal_moves() -> None:
    one = player("G3", "C7", size=9)
    assert [move for move, _ in one.suggest(Position(9), 2)] == [point("G3"), point("C7")]
    shares = [share for _, share in one.suggest(Position(9), 5)]
    assert shares == sorted(shares, reverse=True) and len(shares) == 5
    position = Position(2)
    position.play(0)
    assert {move for move, _ in player(size=2).suggest(position, 9)} == {1, 2, 3}


def test_symmetries_reach_the_network() -> None:
    for symmetries in (1, 8):
        one = player(symmetries=symmetries)
        one.choose(Position(9))
        assert isinstance(one.network, FakeNetwork) and one.network.asked == [symmetries]


EYES = """
    . X . X . X X X X
    X X X X X X O O O
    X O O O O O O . O
    X O . O . O O O O
    X O O O O O . O .
    X X X X X X O O O
    . X . X . X X X X
    X X X X X X . X .
    . X . X . X X X X
"""


def test_its_own_eyes_are_left_alone() -> None:
    position = set_up(EYES, "black")
    chosen = player("A9", "C9", "E9", "A3", "C3", "A1", "C1").choose(position)
    assert chosen is None  # every point left is an eye of one side or the other


def test_an_opponents_eye_that_can_be_taken_is_played() -> None:
    position = set_up(
        """
        . O X . .
        O O X . .
        X X X . .
        . . . . .
        . . . . .
        """
    )
    assert player("A5", size=5).choose(position) == point("A5", 5)


KO = """
    . X O . .
    X . X O .
    . X O . .
    . . . . .
    . . . . .
"""


def test_a_ko_is_not_taken_back_at_once() -> None:
    position = set_up(KO, "white")
    position.play(point("B4", 5))
    assert position.board.reshape(-1)[point("C4", 5)] == 0
    assert player("C4", "D2", size=5).choose(position) == point("D2", 5)


def test_no_earlier_position_is_repeated_even_under_simple_ko() -> None:
    position = set_up(KO, "white")
    position.play(point("B4", 5))  # takes C4
    position.play(None)
    position.play(None)
    assert position.is_legal(point("C4", 5))  # simple ko forgets after a pass
    assert position.repeats(point("C4", 5))
    assert player("C4", "D2", size=5).choose(position) == point("D2", 5)
    position.play(point("E1", 5))
    position.play(point("D1", 5), "white")
    assert not position.repeats(point("C4", 5))
    assert player("C4", "D2", size=5).choose(position) == point("C4", 5)


LADDER = """
    . . . . . . . . .
    . . . . . . . . .
    . . . . . . . . .
    . . . . . . . . .
    . . . . . . . . .
    . . . . . O . . .
    . . . . O X . . .
    . . . . . O O . .
    . . . . . . . . .
"""
BREAKER = LADDER.replace(". . . . . . . . .\n    . . . . . O . . .", ". . . . . . . X .\n    . . . . . O . . .", 1)


def test_it_does_not_run_in_a_lost_ladder() -> None:
    lost = set_up(LADDER, "black")
    assert np.flatnonzero(runs_in_vain(lost)).tolist() == [point("G3")]
    assert player("G3", "C7").choose(lost) == point("C7")
    assert player("G3", "C7", ladder_guard=False).choose(lost) == point("G3")
    assert player("G3", "C7").suggest(lost, 1)[0][0] == point("G3")  # what the network thinks is not touched
    won = set_up(BREAKER, "black")
    assert not runs_in_vain(won).any()
    assert player("G3", "C7").choose(won) == point("G3")


def test_a_move_that_takes_stones_is_never_in_vain() -> None:
    diagram = """
        . . . . .
        . . O . X
        . O X . O
        . . O . X
        . . . . .
    """
    assert not runs_in_vain(set_up(diagram))[point("D3", 5)]
    assert runs_in_vain(set_up(diagram.replace("X . O", "X . .").replace("O . X", "O O ."))).nonzero()[0].tolist() == [
        point("D3", 5)
    ]


@pytest.mark.parametrize("ko", ["positional", "situational"])
def test_superko_as_configured(ko: str) -> None:
    position = set_up(KO, "white", ko)
    position.play(point("B4", 5))
    assert player("C4", "D2", size=5).choose(position) == point("D2", 5)


def test_sampling_follows_the_seed_and_the_temperature() -> None:
    def moves(**style: Any) -> list[int | None]:
        one = player("G3", "C7", "C3", **style)
        return [one.choose(Position(9)) for _ in range(40)]

    assert moves(temperature=1.0, seed=1) == moves(temperature=1.0, seed=1)
    assert moves(temperature=1.0, seed=1) != moves(temperature=1.0, seed=2)
    favourites = {point("G3"), point("C7"), point("C3")}
    drawn = moves(temperature=1.0, seed=3)
    assert set(drawn) <= favourites | set(range(81)) and len(set(drawn)) >= 3
    assert set(moves(temperature=1.0, seed=1, top_p=0.5)) == {point("G3")}
    assert set(moves(temperature=1.0, seed=1, top_p=0.7)) == {point("G3"), point("C7")}
    assert set(moves(temperature=0.01, seed=1)) == {point("G3")}
    assert set(moves(temperature=1e-310, seed=1)) == {point("G3")}  # 1 / 1e-310 is no finite number
    assert len(set(moves(temperature=100.0, seed=1))) > 20
    assert set(moves(seed=1)) == {point("G3")}


def test_drawn_moves_are_as_frequent_as_the_policy_says() -> None:
    one = player("G3", "C7", "C3", temperature=1.0, seed=5)
    policy = one.policy(Position(9))
    drawn = [one.choose(Position(9)) for _ in range(600)]
    for vertex in ("G3", "C7", "C3"):
        expected = 600 * float(policy[point(vertex)])
        assert abs(drawn.count(point(vertex)) - expected) < 4 * np.sqrt(expected)


def test_it_passes_when_nothing_is_left_to_gain() -> None:
    for to_play in ("black", "white"):
        position = set_up(SETTLED, to_play)
        assert player().choose(position) is None
        position.play(None)
        assert player().choose(position) is None


def test_it_fills_the_last_neutral_point_first() -> None:
    diagram = SETTLED.replace("X X X X O O O . O", "X X X . O O O . O", 1)
    for to_play in ("black", "white"):
        position = set_up(diagram, to_play)
        assert player("G8").choose(position) == point("D6")
        position.play(None)
        assert player("G8").choose(position) == point("D6")


IN_ATARI = """
    . X . X O . O . .
    X X X X O O . O O
    . X . X O O O O .
    X X X . X X O . O
    . X . X O O O O O
    X X X X O O O . O
    . X . X O . O O O
    X X X X O O . O .
    . X . X O . O O O
"""


@pytest.mark.parametrize("to_play", ["black", "white"])
@pytest.mark.parametrize("after_pass", [False, True])
def test_it_saves_or_takes_stones_in_atari_before_it_passes(to_play: str, after_pass: bool) -> None:
    # E6 and F6 are in atari: to take them is worth two points, though D6 is Black's in any case
    position = set_up(IN_ATARI, to_play)
    if after_pass:
        position.play(None)
        position.play(None)
    assert player().choose(position) == point("D6")


def test_it_plays_on_after_a_pass_while_much_is_open() -> None:
    position = Position(9)
    for vertex in ("E5", "C3", "G7", "C7", "G3"):
        position.play(point(vertex))
    position.play(None)
    chosen = player().choose(position)
    assert chosen is not None


def test_it_passes_when_no_move_is_legal() -> None:
    position = Position(2)
    for move, color in ((0, "black"), (1, "black"), (2, "black")):
        position.play(move, color)  # type: ignore[arg-type]
    position.to_play = "black"
    assert player(size=2).choose(position) is None  # its last point is an eye


@settings(max_examples=25)
@given(st.integers(2, 7), st.integers(0, 1000), st.sampled_from(["simple", "positional", "situational"]))
def test_games_with_itself_are_legal_and_end(size: int, seed: int, ko: str) -> None:
    one = player(size=size, temperature=2.0, seed=seed)
    position = Position(size, ko)  # type: ignore[arg-type]
    seen = {position.hash}
    while position.passes < 2:
        assert position.move_number < 3 * size * size + 20, f"no end:\n{position}"
        move = one.choose(position)
        if move is not None:
            assert position.sensible_mask()[move], f"{format_vertex(move, size)} is not sensible:\n{position}"
        position.play(move)  # raises if illegal
        if move is not None:
            assert position.hash not in seen, f"repeats a position:\n{position}"
            seen.add(position.hash)


def test_it_resigns_only_when_told_to_and_hopeless() -> None:
    lost = set_up(SETTLED, "black", komi=100.5)
    for _ in range(12):
        lost.play(None)
        lost.play(None)
    assert not player().resigns(lost)
    assert player(resign=20.0).resigns(lost)
    assert not player(resign=150.0).resigns(lost)
    lost.to_play = "white"
    assert not player(resign=20.0).resigns(lost)
    assert not player(resign=20.0).resigns(set_up(SETTLED, "black", komi=100.5))  # too early in the game


def test_it_does_not_resign_while_the_playouts_see_a_chance() -> None:
    draw = random.Random(3)
    open_board = Position(9, komi=40.0)
    for _ in range(24):
        open_board.play(draw.choice(open_board.sensible_mask().nonzero()[0].tolist()))
    seen = estimate(open_board, 1600)
    assert 20 < 40 - seen.mean_score() < 35 and 0.15 < seen.won("black", 40.0) < 0.24
    assert player(resign=10.0, resign_chance=0.25).resigns(open_board)
    assert not player(resign=40.0, resign_chance=0.25).resigns(open_board)
    assert not player(resign=10.0, resign_chance=0.14).resigns(open_board)
    assert not player(resign=10.0).resigns(open_board)
    open_board.komi = 0.0
    assert not player(resign=0.5, resign_chance=0.1).resigns(open_board)


def test_another_board_size_is_refused_in_one_line() -> None:
    for ask in (player().choose, player().policy, player().suggest):
        with pytest.raises(GoEngineError, match="plays 9x9 only, this board is 13x13: use board size 9"):
            ask(Position(13))


def test_a_network_is_resized_once_for_each_other_board() -> None:
    made: list[int] = []

    def resize(network: FakeNetwork, size: int) -> FakeNetwork:
        made.append(size)
        if size == 25:
            raise GoEngineError("too large")
        return FakeNetwork(size)

    own = FakeNetwork(9, (point("G3"),))
    one = Player(own, resize=resize)
    assert one.choose(Position(9)) == point("G3") and one.network_for(9) is own and made == []
    for _ in range(2):
        assert one.choose(Position(5)) == point("C3", 5) and one.policy(Position(13), 3).shape == (169,)
    assert made == [5, 13] and one.plays(9) and one.plays(5) and not one.plays(25)
    with pytest.raises(GoEngineError, match="too large"):
        one.suggest(Position(25))
    one.network = FakeNetwork(13)  # another one: what was made of the old one is forgotten
    assert one.choose(Position(5)) == point("C3", 5) and one.choose(Position(13)) == point("G7", 13)
    assert made == [5, 13, 25, 25, 5]


def test_games_on_other_boards_end_with_a_score() -> None:
    one = Player(FakeNetwork(9), resize=lambda network, size: FakeNetwork(size))
    for size in (4, 7, 11):
        position = Position(size)
        while position.passes < 2 and position.move_number < 3 * size**2:
            position.play(one.choose(position))
        assert position.passes == 2 and one.settle(position).decided


@pytest.mark.parametrize(
    ("style", "words"),
    [
        ({"symmetries": 3}, "symmetries 3"),
        ({"temperature": -1.0}, "temperature -1.0"),
        ({"temperature": float("nan")}, "temperature nan"),
        ({"top_p": 0.0}, "top-p 0.0"),
        ({"top_p": 1.5}, "top-p 1.5"),
        ({"resign": 0.0}, "resign 0.0"),
        ({"resign_chance": 0.0}, "resign-chance 0.0"),
        ({"resign_chance": 0.6}, "resign-chance 0.6"),
    ],
)
def test_settings_out_of_range_are_refused(style: dict[str, Any], words: str) -> None:
    with pytest.raises(GoEngineError, match=words):
        player(**style)


def test_what_is_not_documented_is_refused() -> None:
    player = Player(FakeNetwork(5))
    for symmetry in (-1, 8):
        with pytest.raises(GoEngineError, match=f"symmetry {symmetry} is not possible: use 0 to 7"):
            player.policy(Position(5), symmetry)
    for method in (player.policies, player.likeliest):
        with pytest.raises(GoEngineError, match="no position was given"):
            method([])
    assert player.suggest(Position(5), top=-1) == []
