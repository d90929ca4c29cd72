"""Games by the batch beside goengine.rules.Position, ply by ply: masks, boards, planes, ends, scores."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import numpy as np
import pytest
from diagrams import draw

from goengine.batch import GoBatch
from goengine.errors import ActionError, GoEngineError, IllegalMove
from goengine.features import FEATURE_SETS, encode
from goengine.rules import KO_RULES, Ko, Position


def legal_actions(position: Position) -> np.ndarray:
    return np.append(position.legal_mask(), np.True_).astype(np.int8)


def point_or_pass(action: int, size: int) -> int | None:
    return None if action == size * size else action


def assert_same(batch: GoBatch, positions: list[Position]) -> None:
    """Everything that a batch says of its games is what the positions say."""
    masks, boards, scores = batch.masks(), batch.boards(), batch.scores()
    for game, position in enumerate(positions):
        assert (boards[game] == position.board).all(), draw(position.board)
        wrong = np.flatnonzero(masks[game] != legal_actions(position))
        assert not wrong.size, f"game {game}, {position!r}: masks differ at {wrong}\n{draw(position.board)}"
        assert scores[game] == position.area_score(), draw(position.board)
    assert batch.plies.tolist() == [position.move_number for position in positions]
    assert batch.to_play.tolist() == [int(position.to_play == "white") for position in positions]


Chooser = Callable[[GoBatch, np.random.Generator], np.ndarray]


def any_legal(batch: GoBatch, random: np.random.Generator) -> np.ndarray:
    """Anything legal, eyes and self-atari included; a pass now and then: many captures, many repeats."""
    weights = random.random((batch.games, batch.passing + 1)) * batch.masks()
    weights[:, -1] *= 0.6
    return np.asarray(weights.argmax(axis=1))


def spare_eyes(batch: GoBatch, random: np.random.Generator) -> np.ndarray:
    return batch.draw_actions()


def play_beside(batch: GoBatch, plies: int, choose: Chooser, step: int = 1, seed: int = 0) -> int:
    """Play all games beside positions; games that end begin again. Returns how many ended."""
    random = np.random.default_rng(seed)
    size, ended = batch.size, 0
    positions = [Position(size, batch.ko, batch.komi) for _ in range(batch.games)]
    for ply in range(plies):
        actions = choose(batch, random)
        batch.play(actions)
        for position, action in zip(positions, actions, strict=True):
            position.play(point_or_pass(int(action), size))
        if ply % step == 0:
            assert_same(batch, positions)
        passed, cut = batch.ends()
        for game, position in enumerate(positions):
            assert passed[game] == (position.passes >= 2)
            assert cut[game] == (not passed[game] and position.move_number >= batch.max_moves)
            if passed[game] or cut[game]:
                positions[game] = Position(size, batch.ko, batch.komi)
        ended += int((passed | cut).sum())
        batch.begin(passed | cut)
    assert_same(batch, positions)
    return ended


@pytest.mark.parametrize("ko", KO_RULES)
@pytest.mark.parametrize("size", [2, 3, 5])
def test_tiny_games_are_those_of_positions(size: int, ko: Ko) -> None:
    assert play_beside(GoBatch(6, size, 0.5, ko, max_moves=60), 150, any_legal) > 6


@pytest.mark.parametrize("ko", KO_RULES)
@pytest.mark.parametrize(("size", "plies"), [(9, 170), (13, 60), (19, 30), (25, 12)])
def test_games_are_those_of_positions(size: int, plies: int, ko: Ko) -> None:
    play_beside(GoBatch(2, size, 6.5, ko), plies, any_legal, step=7)


@pytest.mark.slow
@pytest.mark.parametrize("ko", KO_RULES)
@pytest.mark.parametrize("size", range(2, 26))
def test_whole_games_are_those_of_positions(size: int, ko: Ko) -> None:
    for choose in (any_legal, spare_eyes):
        assert play_beside(GoBatch(2, size, 7.5, ko), 2 * size * size + 20, choose, step=1 + size * size // 40) > 0


@pytest.mark.parametrize("feature_set", FEATURE_SETS)
def test_observations_are_the_planes_of_positions(feature_set: str) -> None:
    for size, plies in ((5, 40), (9, 60), (19, 120)):
        batch = GoBatch(2, size)
        positions = [Position(size, "positional") for _ in range(2)]
        for ply in range(plies):
            for position, action in zip(positions, batch.play_random(), strict=True):
                position.play(point_or_pass(int(action), size))
            if ply % 13 == 0 or ply == plies - 1:
                seen = batch.observe(feature_set)
                for found, position in zip(seen, positions, strict=True):
                    wanted = encode(position, feature_set)
                    assert found.dtype == wanted.dtype
                    assert (found == wanted).all(), draw(position.board)


def test_random_moves_are_uniform_among_the_sensible_points() -> None:
    batch, position = GoBatch(4000, 5), Position(5, "positional")
    for action in (0, 6, 1, 7, 2, 12, 10, 11, 25, 5, 24, 15):  # Black has a stone in atari, White an eye to be
        batch.play(np.full(4000, action))
        position.play(point_or_pass(action, 5))
    sensible = np.flatnonzero(position.sensible_mask())
    counts = np.bincount(batch.draw_actions(), minlength=26)
    assert np.flatnonzero(counts).tolist() == sensible.tolist(), draw(position.board)
    expected = 4000 / len(sensible)
    chi_squared = ((counts[sensible] - expected) ** 2 / expected).sum()
    assert chi_squared < 50  # 13 degrees of freedom: beyond 50 once in a million


def test_random_play_ends_by_passing_with_nothing_sensible_left() -> None:
    batch = GoBatch(20, 7, max_moves=400)
    over = np.zeros(20, bool)
    positions = [Position(7, "positional") for _ in range(20)]
    while not over.all():
        for game, action in enumerate(batch.play_random(over)):
            assert (action == -1) == over[game]
            if not over[game]:
                assert (action == 49) == (not positions[game].sensible_mask().any()), draw(positions[game].board)
                positions[game].play(point_or_pass(int(action), 7))
        passed, cut = batch.ends(over)
        assert not cut.any()
        over |= passed
    assert_same(batch, positions)


def test_what_happens_depends_on_the_seeds_alone() -> None:
    def play(threads: int, first_seed: int) -> tuple[np.ndarray, np.ndarray]:
        batch = GoBatch(7, 9, threads=threads)
        batch.seed(np.arange(7, dtype=np.uint64) + np.uint64(first_seed))
        return np.stack([batch.play_random() for _ in range(30)]), batch.boards()

    (moves, boards), (same, same_boards), (other, _) = play(1, 5), play(3, 5), play(1, 6)
    assert (moves == same).all() and (boards == same_boards).all()
    assert (moves[:, 1:] == other[:, :-1]).all()  # game 1 of the one has the seed of game 0 of the other
    assert (moves != other).any()


def test_skipped_games_are_left_alone() -> None:
    batch = GoBatch(3, 5)
    assert batch.play([1, 2, 99], skip=np.array([False, False, True])).tolist() == [1, 2, -1]
    assert batch.plies.tolist() == [1, 1, 0]
    assert batch.scores(np.array([True, False, False])).tolist() == [25 - 7.5, 0, 0]


@pytest.mark.parametrize(
    ("actions", "complaint"),
    [
        ([0.0, 1.0], "must be integers, not float64"),
        ([True, False], "must be integers, not bool"),
        ([0], r"must have the shape \(2,\), not \(1,\)"),
        ([[0, 1]], r"must have the shape \(2,\)"),
        ([0, 26], "game 1: action 26 is out of range: use 0 to 25"),
        ([-1, 0], "game 0: action -1 is out of range"),
    ],
)
def test_actions_that_are_none_change_nothing(actions: list[object], complaint: str) -> None:
    for illegal in ("raise", "lose", "resample"):
        batch = GoBatch(2, 5)
        with pytest.raises(ActionError, match=complaint):
            batch.play(actions, illegal=illegal)  # type: ignore[arg-type]
        assert batch.plies.tolist() == [0, 0]


def ko_fight(ko: Ko) -> GoBatch:
    """White may not take back at (1, 2), action 7, of 5x5."""
    batch = GoBatch(1, 5, ko=ko)
    for action in (1, 2, 5, 8, 11, 12, 7, 6):
        batch.play([action])
    return batch


@pytest.mark.parametrize("ko", KO_RULES)
def test_illegal_moves_raise_and_say_why(ko: Ko) -> None:
    batch = ko_fight(ko)
    before = batch.boards()
    with pytest.raises(IllegalMove, match=r"^black B5: there is a stone already"):
        batch.play([1])
    with pytest.raises(IllegalMove, match=r"^black C4: simple ko forbids taking back at once"):
        batch.play([7])
    assert (batch.boards() == before).all() and batch.plies[0] == 8
    batch.play([25])
    batch.play([25])
    assert batch.objection(0, 7) == ("" if ko == "simple" else f"black C4: {ko} superko forbids repeating a position")


def test_suicide_is_named() -> None:
    batch = GoBatch(1, 5)
    for action in (1, 25, 5):
        batch.play([action])
    with pytest.raises(IllegalMove, match="white A5: suicide is not allowed"):
        batch.play([0])


def test_illegal_moves_can_lose_or_be_replaced() -> None:
    batch = ko_fight("simple")
    assert batch.play([7], illegal="lose").tolist() == [-1]
    assert batch.plies[0] == 8
    legal = batch.masks()[0]
    (played,) = batch.play([7], illegal="resample")
    assert legal[played] and played != 25 and batch.plies[0] == 9
    full = GoBatch(1, 2, ko="positional", max_moves=100)
    full.play([0])
    full.play([4])
    full.play([3])  # White has no legal point
    assert full.masks()[0].tolist() == [0, 0, 0, 0, 1]
    assert full.play([1], illegal="resample").tolist() == [4]


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"size": 1}, "board size 1 is not possible"),
        ({"size": 26}, "board size 26"),
        ({"ko": "super"}, "unknown ko rule 'super'"),
        ({"games": 0}, "games 0"),
        ({"max_moves": 0}, "max_moves 0"),
        ({"threads": 0}, "threads 0"),
        ({"size": 9.0}, "board size 9.0 is not possible; give a whole number"),
        ({"games": "4"}, "games '4' is not possible; give a whole number"),
        ({"max_moves": 10**12}, "max_moves 1000000000000 is not possible; give 1000000 or less"),
        ({"komi": float("nan")}, "komi nan is not possible; give a number of points"),
        ({"komi": float("inf")}, "komi inf"),
        ({"komi": "7.5"}, "komi '7.5'"),
    ],
)
def test_settings_out_of_range(settings: dict[str, object], complaint: str) -> None:
    with pytest.raises(GoEngineError, match=complaint):
        GoBatch(**{"games": 1, **settings})  # type: ignore[arg-type]


def test_what_is_to_become_of_an_illegal_action_must_be_known() -> None:
    batch = GoBatch(1, 5)
    with pytest.raises(GoEngineError, match="illegal='pass' is not possible: use raise, lose, resample"):
        batch.play([3], illegal="pass")  # type: ignore[arg-type]
    assert batch.plies[0] == 0


def test_settings_may_be_numpys_numbers() -> None:
    batch = GoBatch(np.int64(2), np.int64(5), np.float32(0.5), max_moves=np.int32(7), threads=np.int8(1))  # type: ignore[arg-type]
    assert batch.masks().shape == (2, 26) and batch.scores().tolist() == [-0.5, -0.5]
    assert all(type(value) is int for value in (batch.games, batch.size, batch.max_moves))


@pytest.mark.parametrize("random", [True, False])
@pytest.mark.parametrize("ko", KO_RULES)
def test_a_game_that_has_gone_on_past_its_limit_is_refused(ko: Ko, random: bool) -> None:
    batch = GoBatch(2, 5, ko=ko, max_moves=3)
    play = batch.play_random if random else lambda skip=None: batch.play(batch.draw_actions(), skip)
    for _ in range(4):
        play()
    batch.begin(np.array([True, False]))
    plies = batch.plies
    with pytest.raises(ActionError, match=r"game 1: over since ply 3 \(max_moves\): begin\(\) it anew"):
        play()
    assert (batch.plies == plies).all()
    play(skip=np.array([False, True]))
    assert batch.plies.tolist() == [1, 4]


@pytest.mark.parametrize("mask", [np.array([True]), np.ones(4), [True] * 4, np.ones((4, 1), bool)])
def test_masks_that_do_not_fit(mask: np.ndarray) -> None:
    batch = GoBatch(4, 5)
    uses: list[Callable[[], object]] = [
        lambda: batch.begin(mask),
        lambda: batch.play([0] * 4, mask),
        lambda: batch.play_random(mask),
        lambda: batch.ends(mask),
        lambda: batch.scores(mask),
        lambda: batch.random_bits(mask),
        lambda: batch.seed(np.arange(4, dtype=np.uint64), mask),
    ]
    for use in uses:
        with pytest.raises(GoEngineError, match=r"a mask of games must be a bool array of shape \(4,\)"):
            use()


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda batch: pickle.loads(pickle.dumps(batch))])
def test_a_copy_goes_on_by_itself(copied: Callable[[GoBatch], GoBatch], threads: int) -> None:
    batch = GoBatch(6, 5, threads=threads)
    for _ in range(10):
        batch.play_random()
    before, other = batch.boards(), copied(batch)
    played = [other.play_random().tolist() for _ in range(10)]
    assert (batch.boards() == before).all() and (batch.plies == 10).all()
    assert played == [batch.play_random().tolist() for _ in range(10)]
    assert (batch.boards() == other.boards()).all()
