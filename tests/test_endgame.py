"""The end of a game: dead stones are taken off only where that is asked for, and costs nothing."""

from dataclasses import replace

import numpy as np
import pytest
from diagrams import DAME, set_up
from fake_network import FakeNetwork

from goengine import endgame
from goengine.coords import parse_vertex
from goengine.endgame import Judge, capturing_moves
from goengine.errors import GoEngineError
from goengine.estimate import Estimate, estimate
from goengine.player import Player
from goengine.rules import Position

DEAD = """
    . X . X O . O . .
    X X X X O O . O O
    . X . X O . O O .
    X X X X O O O . O
    . X . X O . O O O
    X . X X O O . O .
    X X X X O . O O O
    . O . X O O . O .
    . . . X . O O O O
"""


class Uniform:
    """Likes every move equally."""

    name = "uniform"
    size = 9

    def policy(self, batch, symmetries=1, legal=None):  # type: ignore[no-untyped-def]
        return (legal / legal.sum(axis=1, keepdims=True)).astype(np.float32)


def at(vertex: str) -> int:
    found = parse_vertex(vertex, 9)
    assert found is not None
    return found


def dead_stones(position: Position) -> set[int]:
    return {stone for chain in estimate(position).dead for stone in chain.stones}


def test_dead_stones_are_captured_before_passing_where_asked_for() -> None:
    position = set_up(DEAD, "black")
    assert dead_stones(position) == {at("B2")}
    before = estimate(position).area_score(0)
    one = Player(Uniform())
    taken = 0
    for _ in range(10):
        point = one.choose(position, cleanup=True)
        position.play(point)
        if point is None:
            break
        assert point in {at(v) for v in ("A1", "A2", "B1", "C1", "C2", "A4", "B4", "E1")}, point
        position.play(None)
        taken = position.captures["black"]
    assert taken == 1 and point is None
    assert not dead_stones(position)
    assert estimate(position).area_score(0) >= before


def test_only_the_cleanup_policy_captures_them_unasked() -> None:
    def moves_until_pass(policy: str) -> int:
        position = set_up(DEAD, "black")
        one = Player(Uniform(), pass_policy=policy)
        for _ in range(20):
            point = one.choose(position)
            if point is None:
                return position.captures["black"]
            position.play(point)
            position.play(None)
        raise AssertionError("it never passes")

    assert moves_until_pass("human") == 0
    assert moves_until_pass("cleanup") == 1
    with pytest.raises(GoEngineError, match="pass policy 'never' is not possible: use human or cleanup"):
        Player(Uniform(), pass_policy="never")


def test_there_is_nothing_to_capture_for_the_owner_of_the_dead_stones() -> None:
    assert list(capturing_moves(set_up(DEAD, "white"))) == []


CORNER = """
    . . . . X X O . .
    . . . . X O O . .
    . . . X X X O . .
    . . X . X X O . .
    . X . X . X O . .
    X X X X X O O . .
    O X O X X X O . .
    O O O O X X O . .
    . X . O X O O . .
"""


def test_an_eye_of_several_points_is_filled_from_within() -> None:
    position = set_up(CORNER, "black")
    assert dead_stones(position) == {at(v) for v in ("A3", "A2", "B2", "C2", "D2", "C3", "D1")}
    assert list(capturing_moves(position)) == [at("A1"), at("C1")]  # into atari, but White has one eye all the same
    cleaner = Player(Uniform(), pass_policy="cleanup")
    while position.passes < 2:
        position.play(cleaner.choose(position))
        if position.passes < 2:  # White takes what it can
            taken = next((p for p in (at("A1"), at("B1"), at("C1")) if _takes(position, p)), None)
            position.play(taken)
    assert not dead_stones(position) and position.board[8, 0] >= 0 and position.board[6, 0] == 0
    living = set_up(CORNER.replace(". X . O X O O", ". O . O X O O"), "black")  # two eyes
    assert list(capturing_moves(living)) == []


def _takes(position: Position, point: int) -> bool:
    after = position.copy()
    if not after.is_legal(point):
        return False
    after.play(point)
    return after.captures != position.captures


def test_a_move_that_captures_is_found_without_judging_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[Position] = []

    def counted(position: Position, *arguments: int, **threads: int) -> Estimate:
        judged.append(position)
        return estimate(position, *arguments, **threads)

    monkeypatch.setattr(endgame, "estimate", counted)
    moves = capturing_moves(set_up(DEAD, "black"))
    first = next(moves)
    assert len(judged) == 2  # the board, and what becomes of it
    assert len({first, *moves}) > 1 and len(judged) > 2


OPEN = """
    . . . X O . . . .
    . . . X O . . . .
    . . . X O . O . .
    . . . X O . . . .
    . . . X O . . . .
    . . . X O . . . .
    . O . X O . . X .
    . . . X . . . . .
    . . . . . . . . .
"""


def test_a_decided_board_is_not_played_on() -> None:
    class Silent(Uniform):
        def policy(self, *_):  # type: ignore[no-untyped-def]
            raise AssertionError("asked")

    position = set_up(DEAD, "black")
    seen = Player(Silent()).settle(position)
    np.testing.assert_array_equal(seen.ownership, estimate(position, 2000).ownership)


def test_an_open_board_is_played_on_and_seen_as_it_was() -> None:
    position = set_up(OPEN, "black", komi=0.5)
    assert not estimate(position, 2000).decided
    before = position.board, position.moves
    one = Player(Uniform())
    seen = one.settle(position)
    assert (position.board == before[0]).all() and position.moves == before[1]
    np.testing.assert_array_equal(seen.stones, position.board)
    assert {stone for chain in seen.chains for stone in chain.stones} == set(np.flatnonzero(position.board).tolist())
    assert np.abs(seen.ownership).mean() > np.abs(estimate(position, 2000).ownership).mean()
    again = one.settle(position)
    np.testing.assert_array_equal(seen.ownership, again.ownership)


UNSETTLED = """
    . X . X . X . X .
    X X X X X X X X X
    . X . X . X . X .
    X X X X X X X X X
    . X . X . X . X .
    X X X X X X X X X
    X X X X X X X X X
    O O O O O X . X X
    O . . . O X X X .
"""


@pytest.mark.parametrize(("to_play", "score"), [("black", 81), ("white", 81 - 2 * 10)])
def test_a_group_whose_life_depends_on_who_comes_first_is_unsure(to_play: str, score: int) -> None:
    position = set_up(UNSETTLED, to_play)
    assert not estimate(position, 2000).decided
    seen = Player(FakeNetwork(9, (at("C1"),))).settle(position)
    assert not seen.decided and [chain.color for chain in seen.unsure] == ["white"]
    assert seen.area_score(0) == score


def test_a_board_of_another_size_is_judged_by_playouts_alone() -> None:
    position = Position(5)
    position.play(12)
    seen = Player(Uniform()).settle(position)
    np.testing.assert_array_equal(seen.ownership, estimate(position, 2000).ownership)


@pytest.mark.parametrize("to_play", ["black", "white"])
def test_a_move_is_judged_by_what_it_gains_over_a_pass(to_play: str) -> None:
    position = set_up(DAME, to_play)
    judge = Judge(position, estimate(position))
    neutral, own, theirs = (at("E9"), at("E1")), at("C5"), at("G5")
    if to_play == "white":
        own, theirs = theirs, own
    assert [judge.gains(point) for point in neutral] == [True, True]
    assert [judge.gains(own), judge.gains(theirs)] == [False, False]


THREAT = """
    . . . . X O . O .
    X X X X X O O O O
    O O O O O O . O .
    . O . O . O O O O
    O O O O O O . O .
    . O . O . O O O O
    O O O O O O . O .
    . O . O . O O O O
    O O O O O O . O .
"""


def test_a_threat_with_a_simple_answer_gains_nothing() -> None:
    # four points in a row are two eyes: White's B9 threatens to make them one, and Black answers at C9
    position = set_up(THREAT, "white")
    judge = Judge(position, estimate(position))
    assert judge.gains(at("B9"))
    assert not judge.gains(at("B9"), (at("C9"), None))


def test_a_defense_against_a_threat_with_a_simple_answer_gains_nothing() -> None:
    position = set_up(THREAT, "black")
    judge = Judge(position, estimate(position))
    assert judge.gains(at("C9"))
    assert not judge.gains(at("C9"), (None, None), (at("B9"), at("C9")))
    assert judge.gains(at("C9"), (None, None), (at("B9"), None))


def test_candidates_are_open_points_and_liberties_of_doubtful_chains() -> None:
    position = set_up(DAME)
    seen = estimate(position)
    assert set(np.flatnonzero(Judge(position, seen).candidates).tolist()) == {at("E9"), at("E8"), at("E1")}
    ownership = seen.ownership.copy()
    ownership.flat[at("F5")] = -0.5
    doubtful = Judge(position, replace(seen, ownership=ownership)).candidates
    liberties = set(position.chain(at("F5"))[1])
    assert at("G7") in liberties
    assert set(np.flatnonzero(doubtful).tolist()) == liberties | {at("E9"), at("E8"), at("E1")}


def test_playouts_are_joined() -> None:
    position = set_up(DAME)
    one, other = estimate(position, 40), estimate(position, 120, seed=1)
    both = one.joined(other.ownership, other.scores)
    np.testing.assert_allclose(both.ownership, (one.ownership + 3 * other.ownership) / 4, atol=1e-6)
    assert both.scores.tolist() == one.scores.tolist() + other.scores.tolist()
    for chain in both.chains:
        sign = 1 if chain.color == "black" else -1
        assert chain.owned == pytest.approx(sign * both.ownership.flat[list(chain.stones)].mean(), abs=1e-6)


def test_moves_are_not_drawn_while_a_chain_is_in_atari() -> None:
    calm = Position(9)
    calm.play(at("E5"))
    calm.play(at("A1"))
    pressed = calm.copy()
    for vertex in ("D5", "J1", "F5", "J3", "E4"):  # Black makes its own stone's neighbours solid: no atari
        pressed.play(at(vertex), "black" if vertex[0] in "DFE" else "white")
    pressed.play(at("B1"), "black")
    pressed.to_play = "white"  # A1 has one liberty left

    def drawn(position: Position) -> int:
        one = Player(Uniform(), temperature=1.0, seed=4)
        return len({one.choose(position) for _ in range(12)})

    assert drawn(calm) > 3
    assert drawn(pressed) == 1


def test_an_open_region_beside_one_colour_goes_to_whom_the_game_gives_it() -> None:
    position = Position(9, komi=0.5)
    position.play(at("C3"))
    assert Player(Uniform()).settle(position).area_score(0.5) < 80
