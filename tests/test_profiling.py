"""What --profile says of a step: its parts, its operations, the feeder, the matrix rate."""

import dataclasses
import itertools

import pytest
import torch
from small_games import corpus

from goengine.dataset import PositionSampler, Prefetcher
from goengine.recipe import recipe_from
from goengine.trainer import Profile, Trainer, profile, profiling
from goengine.trainer.profiling import StepClock, matrix_rate, step_operations

CPU = torch.device("cpu")
TINY = {"board_size": 9, "network": "alphago", "filters": 8, "depth": 3, "batch": 16, "positions": 1600, "ema": [100]}


def trainer(**changes: object) -> Trainer:
    return Trainer(recipe_from({**TINY, **changes}, "test"), CPU)


def test_a_clock_adds_up_what_came_before_each_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([1.0, 3.0, 3.5, 7.5, 8.0, 8.25])
    monkeypatch.setattr("time.perf_counter", lambda: next(times))
    clock = StepClock(CPU)
    for name in ("start", "forward", "backward", "forward", "backward", "start"):
        clock(name)
    assert clock.seconds() == {"forward": 6.0, "backward": 1.0, "start": 0.25}


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, ["feeder", "transfer", "rotate", "unpack", "forward", "backward", "optimizer", "averages"]),
        ({"accumulate": 4}, ["feeder", "transfer", "rotate", "unpack", "forward", "backward", "optimizer", "averages"]),
        ({"parts": 4}, ["feeder", "transfer", "rotate", "forward and backward", "optimizer", "averages"]),
    ],
)
def test_a_profile_names_every_part_and_changes_nothing(
    changes: dict[str, object], names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiling, "matrix_rate", lambda *_: 1e9)
    measured = trainer(**changes)
    before = {name: weight.detach().clone() for name, weight in measured.module.named_parameters()}
    feeder = Prefetcher(PositionSampler(corpus(12), 16, seed=9))
    found = profile(measured, feeder, 3, threads=1)
    feeder.close()
    assert list(found.seconds) == names and all(seconds >= 0 for seconds in found.seconds.values())
    assert found.steps == 3 and found.batch == 16 and found.device == "cpu, 1 threads"
    assert found.rate == pytest.approx(16 / sum(found.seconds.values())) and found.feeder_rate > 0
    assert all(torch.equal(before[name], weight) for name, weight in measured.module.named_parameters())
    assert measured.objective.mark is None
    next_mark = measured.mark
    next_mark("nobody listens any more")


def test_operations_are_counted_as_by_hand() -> None:
    points, planes, filters = 81, 48, 8
    stem, hidden, head = 25 * planes * filters, 9 * filters * filters, filters
    # backward takes twice the forward pass, but for the stem: its input needs no gradient
    by_hand = 2 * points * (2 * stem + 3 * (2 * hidden + head))
    assert step_operations(trainer()) == by_hand


def test_the_table_tells_shares_and_rates() -> None:
    found = Profile("cpu, 2 threads", "float32", 100, 5, {"feeder": 0.01, "forward": 0.04}, 2e9, 8e12, 9000.0, 0.025)
    assert found.step == pytest.approx(0.05) and found.reached == pytest.approx(0.5)
    text = found.table()
    assert "a step of 100 positions, mean of 5: 50.0 ms, 2,000 positions a second (cpu, 2 threads, float32)" in text
    assert "waiting for the feeder       10.00 ms   20.0%" in text and "forward" in text
    assert "9,000 positions a second; 2.5% of the processors' time during a step" in text
    assert "2.000 GFLOP a position, forward and backward, so 4.000 TFLOP/s: 50.0% of the 8.000" in text
    assert dataclasses.replace(found, operations=4e9).reached == pytest.approx(1.0)


def test_the_matrix_rate_is_that_of_the_best_product(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.accumulate(itertools.chain([0.0, 0.0, 0.5, 0.0, 0.0, 0.25, 5.0], itertools.repeat(1.0)))
    monkeypatch.setattr("time.perf_counter", lambda: next(ticks))
    threads = torch.get_num_threads()
    monkeypatch.setattr(torch, "randn", lambda rows, columns, device: torch.zeros(4, 4))
    assert matrix_rate(CPU, torch.float32, 1) == 2 * 1536**3 / 0.25
    assert torch.get_num_threads() == threads


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpus_step_is_timed_by_its_own_events() -> None:
    device = torch.device("cuda")
    measured = Trainer(recipe_from({**TINY, "filters": 32, "batch": 64}, "test"), device)
    feeder = Prefetcher(PositionSampler(corpus(12), 64, seed=9))
    found = profile(measured, feeder, 5, threads=1)
    feeder.close()
    assert next(iter(found.seconds)) == "feeder" and sum(found.seconds.values()) > 0
    assert 0 < found.reached < 1.5
