"""Evaluating games against the network alone on ready planes, with as many threads: how much the rest costs.

The two take turns, so that a busy machine slows both alike; the figures are medians, in positions a second of wall time
and of processor time.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest
import torch

from goengine.checkpoint import load_network
from goengine.evaluation.evaluator import Subject, measure
from goengine.evaluation.heldout import load_games

pytest.importorskip("pytest_benchmark")
SAMPLES = Path(__file__).resolve().parents[2] / "data" / "samples"
POSITIONS, BATCH = 1024, 64


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("symmetries", [1, 8])
def test_evaluating_games(benchmark: Any, threads: int, symmetries: int) -> None:
    count = POSITIONS // symmetries
    network, games = load_network(), load_games([SAMPLES])
    words, _, _ = games.corpus.encode(np.sort(games.corpus.fixed_positions(count)))
    legal = (words & np.uint64(0xFF << 20)) != 0
    boards = words.reshape(count, 19, 19)
    before = torch.get_num_threads()
    torch.set_num_threads(1)

    def part(first: int) -> None:
        some = slice(first, first + BATCH // symmetries)
        network.policy(boards[some], symmetries, legal[some])

    def alone() -> None:
        firsts = range(0, count, BATCH // symmetries)
        with ThreadPoolExecutor(threads, initializer=lambda: torch.set_num_threads(1)) as pool:
            list(pool.map(part, firsts))

    def whole() -> None:
        measure([Subject(network, symmetries)], games, count, threads=threads)

    wall: dict[str, list[float]] = {"alone": [], "whole": []}
    busy: dict[str, list[float]] = {"alone": [], "whole": []}

    def both() -> None:
        for name, work in (("alone", alone), ("whole", whole)):
            start, cpu = time.perf_counter(), time.process_time()
            work()
            wall[name].append(time.perf_counter() - start)
            busy[name].append(time.process_time() - cpu)

    try:
        benchmark.pedantic(both, rounds=3, warmup_rounds=1)
    finally:
        torch.set_num_threads(before)
    for clock, taken in (("second", wall), ("processor second", busy)):
        network_alone, evaluated = (count / median(taken[name][1:]) for name in ("alone", "whole"))
        share = evaluated / network_alone
        benchmark.extra_info[f"share of the network's rate, by {clock}"] = round(share, 3)
        print(
            f"\n{threads} threads, {symmetries} symmetries: {evaluated:,.0f} positions a {clock}, "
            f"the network alone {network_alone:,.0f}: {share:.1%}",
            file=sys.stderr,
        )
