"""Calibration: known probabilities get the tables that can be worked out by hand."""

import math

import numpy as np
import pytest

from goengine.evaluation.calibration import (
    ANY_MOVE,
    any_move_table,
    bin_of,
    expected_error,
    expected_error_by_chance,
    top_move_table,
)
from goengine.intervals import Resamples, wilson


def test_bins_hold_their_lower_edge() -> None:
    assert bin_of(np.array([0, 0.0009, 0.001, 0.4, 0.4999, 0.9, 1.0]), ANY_MOVE).tolist() == [0, 0, 1, 7, 7, 12, 12]


def test_forty_percent_that_are_forty_percent() -> None:
    confidence = np.concatenate([np.full(1000, 0.42), np.full(500, 0.93)]).astype(np.float32)
    hits = np.concatenate([np.arange(1000) % 10 < 4, np.arange(500) % 10 < 7])
    table = top_move_table(confidence, hits, Resamples(np.repeat(np.arange(150), 10)))
    assert [(row["from"], row["to"], row["count"]) for row in table] == [
        (pytest.approx(0.4), 0.5, 1000),
        (pytest.approx(0.9), 1.0, 500),
    ]
    assert [row["played"] for row in table] == pytest.approx([0.4, 0.7])
    assert [row["says"] for row in table] == pytest.approx([0.42, 0.93])
    assert table[0]["interval"] == pytest.approx(wilson(400, 1000))  # each game has just four of ten
    assert expected_error(table) == pytest.approx((1000 * 0.02 + 500 * 0.23) / 1500)
    assert math.isnan(expected_error([])) and math.isnan(expected_error_by_chance([]))


def test_what_chance_alone_makes_of_right_probabilities() -> None:
    random, errors = np.random.default_rng(1), []
    confidence = random.uniform(0.1, 0.9, 3000).astype(np.float32)
    resamples = Resamples(np.arange(3000), resamples=2)
    for _ in range(60):
        table = top_move_table(confidence, random.random(3000) < confidence, resamples)
        errors.append(expected_error(table))
    assert expected_error_by_chance(table) == pytest.approx(np.mean(errors), rel=0.15)


def test_any_move() -> None:
    counts = np.zeros((4, len(ANY_MOVE) - 1))
    hits, says = counts.copy(), counts.copy()
    counts[:, 7], hits[:, 7], says[:, 7] = 50, [10, 30, 20, 24], 22.5
    table = any_move_table(counts, hits, says, Resamples(np.arange(4)))
    assert len(table) == 1 and (table[0]["from"], table[0]["to"], table[0]["count"]) == (0.4, 0.5, 200)
    assert table[0]["says"] == pytest.approx(0.45) and table[0]["played"] == pytest.approx(84 / 200)
    low, high = table[0]["interval"]
    assert low < wilson(84, 200)[0] and high > 84 / 200  # games differ more than chance would make them
