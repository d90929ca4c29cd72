"""Intervals: against numbers worked out by hand, and by how often they hold the truth."""

import math

import numpy as np
import pytest

from goengine.intervals import Z95, Resamples, paired, wilson


def test_wilson() -> None:
    low, high = wilson(5, 10)
    part = Z95**2 / 10  # (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)
    half = math.sqrt(Z95**2 * 0.25 / 10 + part**2 / 4)
    assert (low, high) == pytest.approx(((0.5 + part / 2 - half) / (1 + part), (0.5 + part / 2 + half) / (1 + part)))
    assert (low, high) == pytest.approx((0.2366, 0.7634), abs=1e-4)  # the textbook's figures
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson(10, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)


def test_games_that_are_all_alike_inside_count_once() -> None:
    games = np.repeat(np.arange(100), 50)
    hits = games % 2 == 0  # half of the games: every move guessed; the others: none
    low, high = Resamples(games).share(hits)
    assert (low, high) == pytest.approx(wilson(50, 100), abs=0.02)  # 100 observations, not 5,000
    assert high - low > 5 * (wilson(2500, 5000)[1] - wilson(2500, 5000)[0])


def test_never_narrower_than_independent_positions() -> None:
    games, hits = np.repeat(np.arange(50), 10), np.tile(np.arange(10) < 3, 50)  # exactly 3 of 10 in each game
    resamples = Resamples(games)
    assert resamples.bootstrap(hits) == pytest.approx((0.3, 0.3))
    assert resamples.share(hits) == pytest.approx(wilson(150, 500))
    assert resamples.share(np.zeros(500, bool)) == wilson(0, 500)


def test_one_game_and_one_position() -> None:
    one = Resamples(np.zeros(4, np.int64))
    assert one.games == 1 and all(map(math.isnan, one.bootstrap(np.arange(4))))
    assert one.share(np.array([True, False, True, False])) == wilson(2, 4)
    low, high = one.mean(np.array([1.0, 2.0, 3.0, 4.0]))
    assert (low + high) / 2 == pytest.approx(2.5) and high - low == pytest.approx(2 * Z95 * math.sqrt(5 / 3) / 2)
    assert all(map(math.isnan, one.mean(np.arange(4.0), np.arange(4) == 1)))
    assert Resamples(np.empty(0, np.int64)).share(np.empty(0, bool)) == (0.0, 1.0)


def test_a_part_of_the_positions() -> None:
    chance = np.random.default_rng(3)
    games, hits = np.repeat(np.arange(80), 20), chance.random(1600) < 0.4
    where = np.arange(1600) % 20 < 10
    part = Resamples(games[where])
    assert Resamples(games).share(hits, where) == pytest.approx(part.share(hits[where]))
    assert Resamples(games).mean(hits, where) == pytest.approx(part.mean(hits[where]))


def test_many_games_in_blocks_give_the_same_width() -> None:
    chance = np.random.default_rng(4)
    games = np.repeat(np.arange(12_000), 3)
    hits = chance.random(36_000) < np.repeat(chance.random(12_000), 3)
    blocks = Resamples(games, resamples=300).bootstrap(hits)
    per_game = hits.reshape(-1, 3).mean(1)
    width = 2 * Z95 * per_game.std() / math.sqrt(12_000)
    assert blocks[1] - blocks[0] == pytest.approx(width, rel=0.15)


def test_the_truth_is_inside_nineteen_times_of_twenty() -> None:
    chance, inside, independent = np.random.default_rng(5), 0, 0
    for number in range(200):
        skill = np.repeat(chance.beta(2, 2, 60), 25)  # games differ: the truth over all games is 1/2
        hits = chance.random(1500) < skill
        low, high = Resamples(np.repeat(np.arange(60), 25), resamples=200, seed=number).share(hits)
        inside += low <= 0.5 <= high
        plain = wilson(int(hits.sum()), 1500)
        independent += plain[0] <= 0.5 <= plain[1]
    assert 180 <= inside <= 199  # 190 expected; 180 is three standard deviations below
    assert independent < 140  # what Wilson's interval alone would have claimed


def test_a_difference_of_paired_shares() -> None:
    low, high = paired(6, 2, 40)  # Bonett and Price: 7/42 less 3/42, one more position of each kind
    half = Z95 * math.sqrt((10 / 42 - (4 / 42) ** 2) / 42)
    assert (low, high) == pytest.approx((4 / 42 - half, 4 / 42 + half))
    assert paired(0, 0, 0) == (-1.0, 1.0)
    for count in (1, 2, 10, 1000):
        for only_one in {0, 1, count // 2, count}:
            low, high = paired(only_one, 0, count)
            assert -1 <= low <= only_one / count <= high <= 1
            assert paired(0, only_one, count) == pytest.approx((-high, -low))


def test_few_positions_do_not_show_that_two_networks_are_equally_good() -> None:
    chance, inside = np.random.default_rng(6), 0
    resamples = Resamples(np.repeat(np.arange(10), 4), resamples=200)
    for _ in range(200):
        one = chance.random(40) < 0.5
        other = one & (chance.random(40) > 0.06)  # the truth: 3 points fewer; in 3 of 10 samples none at all
        low, high = resamples.difference(one, other)
        inside += low <= 0.03 <= high
    assert inside >= 180  # 135 with the normal interval, which has no width where no position tells them apart
