"""Many games of networks at once: they end, end right, and follow from their numbers alone; what is left to play."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fake_network import FakeNetwork

from goengine.batch import GoBatch
from goengine.errors import GoEngineError
from goengine.rules import Position
from goengine.sampling import draw_points
from goengine.selfplay import Game, Played, Sampling, SelfPlay, Turn
from goengine.selfplay.ending import INSISTS, legal_points, open_points, settled_sizes


def play(games: list[Game], size: int = 5, players: int = 1, **settings: Any) -> dict[int, Played]:
    arena = SelfPlay([FakeNetwork(size) for _ in range(players)], size=size, **{"slots": 3, "komi": 0.5, **settings})
    return {played.game.number: played for played in arena.play(games)}


def replay(played: Played, size: int, komi: float = 0.5) -> Position:
    position = Position(size, ko="positional", komi=komi)
    for action in played.actions.tolist():
        position.play(None if action == size * size else action)
    return position


# whole games


@pytest.mark.parametrize("size", [2, 5, 9])
def test_games_end_by_passes_are_legal_and_counted(size: int) -> None:
    games = play([Game(number, 0, 0) for number in range(8)], size, max_moves=300)
    assert sorted(games) == list(range(8))
    for played in games.values():
        position = replay(played, size)
        assert played.ended_by == "passes" and position.passes == 2
        assert played.score == position.area_score()
        assert played.actions[-2:].tolist() == [size * size] * 2


def test_games_follow_from_seed_and_number_alone() -> None:
    wanted = [Game(number, 0, 0) for number in range(9)]
    first = play(wanted)
    again = play(wanted[::-1], slots=2, threads=2)
    other = play(wanted, seed=1)
    for number, played in first.items():
        assert played.actions.tolist() == again[number].actions.tolist()
    assert len({tuple(played.actions.tolist()) for played in first.values()}) == 9
    assert any(played.actions.tolist() != other[number].actions.tolist() for number, played in first.items())


def test_nothing_is_left_to_play_when_a_game_is_over() -> None:
    for played in play([Game(number, 0, 0) for number in range(6)], 7).values():
        batch = GoBatch(1, 7)
        for action in played.actions[:-2]:
            batch.play([action])
        for _ in range(2):
            words = batch.words()
            assert not (legal_points(words, batch.masks()) & open_points(words, batch.boards())).any()
            batch.play([49])


def test_openings_come_first_and_a_limit_cuts_off() -> None:
    opening = (0, 24, 25, 12)
    games = play([Game(0, 0, 0, opening), Game(1, 0, 0)], max_moves=9)
    assert games[0].actions[:4].tolist() == list(opening)
    for played in games.values():
        assert len(played.actions) == 9 and played.ended_by == "limit"
        assert played.score == replay(played, 5).area_score()


def test_winners() -> None:
    game = Game(0, 3, 4)
    for score, winner, index in ((0.5, 1, 3), (-7.5, -1, 4), (0.0, 0, None)):
        played = Played(game, np.zeros(0, np.uint16), score, "passes")
        assert (played.winner, played.winner_index) == (winner, index)


def test_watching_sees_every_decision_of_each_player() -> None:
    turns: list[Turn] = []
    games = play([Game(0, 0, 1), Game(1, 1, 0), Game(2, 2, 1)], players=3, watch=turns.append)
    seen: dict[int, dict[int, tuple[int, int]]] = {number: {} for number in games}
    for turn in turns:
        assert turn.allowed[np.arange(len(turn.actions)), turn.actions].all()
        rows = zip(turn.numbers, turn.plies, turn.actions, turn.words, turn.allowed, strict=True)
        for number, ply, action, words, allowed in rows:
            seen[int(number)][int(ply)] = turn.player, int(action)
            position = replay(Played(games[number].game, games[number].actions[:ply], 0, ""), 5)
            assert (words == position.encode_words()).all()
            assert (position.legal_mask() | ~allowed).all()
    for number, played in games.items():
        for ply, action in enumerate(played.actions.tolist()):
            player = (played.game.black, played.game.white)[ply % 2]
            assert seen[number].get(ply) == (None if action == 25 else (player, action))


def test_an_evaluation_serves_all_games_of_a_player() -> None:
    first, second = FakeNetwork(5), FakeNetwork(5)
    games = [Game(0, 0, 1), Game(1, 0, 1), Game(2, 1, 0)]
    played = list(SelfPlay([first, second], size=5, slots=3).play(games))
    longest = max(len(game.actions) for game in played)
    assert max(len(first.asked), len(second.asked)) <= longest < sum(len(game.actions) for game in played) / 2


def test_a_player_may_average_over_orientations() -> None:
    first, second = FakeNetwork(5), FakeNetwork(5)
    list(SelfPlay([first, second], size=5, slots=2, symmetries=[4, 1]).play([Game(0, 0, 1), Game(1, 1, 0)]))
    assert set(first.asked) == {4} and set(second.asked) == {1}
    with pytest.raises(GoEngineError, match="symmetries 3 is not possible: use 1, 2, 4 or 8"):
        SelfPlay([first], size=5, symmetries=[3])
    for number in ([], [1, 2]):
        with pytest.raises(GoEngineError, match=f"{len(number)} symmetries for 1 players: give one for each"):
            SelfPlay([first], size=5, symmetries=number)


def test_only_the_first_plies_are_drawn() -> None:
    alike = play([Game(number, 0, 0) for number in range(4)], sampling=Sampling(temperature=0))
    assert len({tuple(played.actions.tolist()) for played in alike.values()}) == 1
    varied = play([Game(number, 0, 0) for number in range(30)], sampling=Sampling(1.0, plies=1))
    ways: dict[int, set[tuple[int, ...]]] = {}
    for played in varied.values():
        ways.setdefault(int(played.actions[0]), set()).add(tuple(played.actions.tolist()))
    assert len(ways) > 3 and all(len(way) == 1 for way in ways.values())


@pytest.mark.parametrize(
    ("games", "settings", "complaint"),
    [
        ([Game(4, 0, 1)], {}, "game 4: no player 1"),
        ([Game(4, 0, 0, (3, 3))], {}, "game 4: its opening cannot be played: .*there is a stone already"),
        ([Game(4, 0, 0, (26,))], {}, "game 4: its opening cannot be played: .*out of range"),
        ([Game(4, 0, 0, (25, 25))], {}, "game 4: its opening ends in two passes"),
        ([Game(4, 0, 0, (25, 25, 3))], {}, "game 4: its opening plays the whole game"),
        ([Game(4, 0, 0, (1, 2, 3))], {"max_moves": 3}, "game 4: its opening plays the whole game"),
        ([], {"seed": -1}, "seed -1"),
        ([], {"slots": 0}, "games 0"),
    ],
)
def test_games_that_cannot_be_played(games: list[Game], settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(GoEngineError, match=complaint):
        play(games, **settings)


def test_networks_of_another_size() -> None:
    with pytest.raises(GoEngineError, match="the network fake plays 9x9 only, not 5x5"):
        SelfPlay([FakeNetwork(9)], size=5)


@pytest.mark.parametrize("numbers", [{"temperature": -1}, {"top_p": 0}, {"top_p": 1.5}, {"plies": -1}])
def test_sampling_out_of_range(numbers: dict[str, Any]) -> None:
    with pytest.raises(GoEngineError, match=r"out of range|drawn"):
        Sampling(**numbers)


# what is left to play


def board(diagram: str) -> np.ndarray:
    rows = [line.split() for line in diagram.strip().splitlines()]
    return np.array([[{"X": 1, "O": -1, ".": 0}[mark] for mark in row] for row in rows], np.int8)


def marks(points: np.ndarray, size: int) -> set[tuple[int, int]]:
    return {divmod(int(point), size) for point in np.flatnonzero(points)}


def setup(diagram: str) -> GoBatch:
    """The diagram as a batch of one game with Black to move, its stones placed by turns with passes between."""
    stones = board(diagram)
    size = len(stones)
    batch = GoBatch(1, size, ko="simple")
    black, white = (np.flatnonzero(stones.reshape(-1) == color).tolist() for color in (1, -1))
    for turn in range(max(len(black), len(white))):
        batch.play([black[turn] if turn < len(black) else size * size])
        batch.play([white[turn] if turn < len(white) else size * size])
    assert (batch.boards()[0] == stones).all()
    return batch


TERRITORIES = """
. . X O . .
X X X O O O
. . X O . .
. . X O X .
. . X O . .
. . X O . .
"""


def test_small_regions_of_one_colour_are_settled() -> None:
    settled = marks(settled_sizes(board(TERRITORIES)[None])[0], 6)
    assert settled == {(0, 0), (0, 1), (0, 4), (0, 5)}  # the large one, and the one with a stone inside, are not


def test_nothing_is_settled_on_an_empty_board_or_early() -> None:
    stones = np.zeros((2, 9, 9), np.int8)
    stones[1, 0, 1] = stones[1, 1, 0] = 1
    assert not settled_sizes(stones).any()


def test_regions_do_not_reach_from_game_to_game() -> None:
    one = board(TERRITORIES)
    both = settled_sizes(np.stack([one, np.zeros_like(one), -one[::-1]]))
    assert (both[0] == settled_sizes(one[None])[0]).all() and not both[1].any()
    assert (both[2] == settled_sizes(-one[None, ::-1])[0]).all() and both[2].any()


def test_what_takes_stones_or_saves_them_is_left_to_play() -> None:
    batch = setup("""
    . O X . X
    O O X X X
    X X X O O
    O O O O .
    . O . O O
    """)
    words = batch.words()
    legal, open_ = legal_points(words, batch.masks())[0], open_points(words, batch.boards())[0]
    assert legal[0] and open_[0]  # the region touches White only, but Black takes three stones there


def test_a_chain_with_one_eye_of_two_points_is_left_to_be_taken() -> None:
    batch = setup("""
    . . O X . .
    O O O X . .
    X X X X . .
    . . . . . .
    . . . . . .
    . . . . . .
    """)
    for own in (False, True):  # Black to move, then White, whose points they are
        words = batch.words()
        legal, open_ = legal_points(words, batch.masks())[0], open_points(words, batch.boards())[0]
        assert legal[0] and legal[1]
        assert (open_[:2] == (not own)).all()
        batch.play([36])


def test_seki_is_left_alone() -> None:
    # the black and the white chain in the middle share two liberties, A and B; both have no eye
    batch = setup("""
    . X . O O O X
    X X O X X O X
    X O O X . O X
    X O X X . O X
    X O O X X O X
    X X O O O O X
    . X X X X X X
    """)
    words = batch.words()
    legal, open_ = legal_points(words, batch.masks())[0], open_points(words, batch.boards())[0]
    inside = {(2, 4), (3, 4)}
    assert inside <= marks(legal, 7)
    assert not inside & marks(open_, 7)


def test_a_network_may_insist() -> None:
    """A point that is settled is played where the network gives it a quarter, if anything else is left."""
    diagram = board(TERRITORIES)
    corner = 1
    batch = setup(TERRITORIES)
    words = batch.words()
    assert not open_points(words, batch.boards())[0, corner]
    opening = [int(point) for point in np.zeros(0)]
    black, white = (np.flatnonzero(diagram.reshape(-1) == color).tolist() for color in (1, -1))
    for turn in range(max(len(black), len(white))):
        opening += [black[turn] if turn < len(black) else 36, white[turn] if turn < len(white) else 36]
    network = FakeNetwork(6, favourites=(corner,))
    assert network.policy(words, 1, legal_points(words, batch.masks()))[0, corner] >= INSISTS
    arena = SelfPlay([network], size=6, slots=1, sampling=Sampling(temperature=0), ko="simple")
    played = next(arena.play([Game(0, 0, 0, tuple(opening))]))
    assert played.actions[len(opening)] == corner


# drawing


def test_temperature_and_top_p_draw_as_said() -> None:
    policy = np.array([0.1, 0.2, 0.3, 0.35, 0.05], np.float32)
    allowed = np.array([True, True, True, False, True])
    draws = (np.arange(1000) + 0.5) / 1000

    def shares(*how: float) -> np.ndarray:
        rows = np.repeat(policy[None], 1000, axis=0), np.repeat(allowed[None], 1000, axis=0)
        return np.bincount(draw_points(*rows, draws, *how), minlength=5) / 1000

    assert np.allclose(shares(1.0), np.array([0.1, 0.2, 0.3, 0, 0.05]) / 0.65, atol=0.002)
    assert np.allclose(shares(0.5), np.array([1, 4, 9, 0, 0.25]) / 14.25, atol=0.002)
    assert np.allclose(shares(0.0), [0, 0, 1, 0, 0])
    assert np.allclose(shares(1.0, 0.7), [0, 0.4, 0.6, 0, 0], atol=0.002)  # 0.46 + 0.31 reach 0.7
    assert np.allclose(shares(1.0, 0.4), [0, 0, 1, 0, 0])


def test_what_the_network_rules_out_can_be_drawn_where_nothing_else_is_allowed() -> None:
    policy = np.array([[1.0, 0.0, 0.0]], np.float32)
    only = np.array([[False, False, True]])
    assert draw_points(policy, only, np.array([0.99])).tolist() == [2]
