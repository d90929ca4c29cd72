"""How fast games become batches on the device, and what share of a training step at k=64 that is.

Positions of the sample games, drawn at random: each is replayed from its game's beginning. A batch crosses over packed,
a word of 64 bits a point, and is turned there.
"""

import itertools
import os
import sys
import time
from pathlib import Path

import pytest
import torch

from goengine.corpus import Corpus, load_corpus
from goengine.dataset import PositionSampler, Prefetcher
from goengine.recipe import recipe_from
from goengine.trainer import Trainer, choose_device

pytest.importorskip("pytest_benchmark")
SAMPLES = Path(__file__).resolve().parents[2] / "data" / "samples"
CORES = os.cpu_count() or 1
BATCH = 1024


@pytest.fixture(scope="module")
def games() -> Corpus:
    corpus = load_corpus([SAMPLES])
    corpus.encode(PositionSampler(corpus, 8).draw()[0])  # the kernels are loaded
    return corpus


@pytest.mark.parametrize("threads", [n for n in (1, 2, 4, 8, 16) if n <= CORES])
def test_positions_fed(benchmark, games, threads):  # type: ignore[no-untyped-def]
    """Drawn, encoded by so many threads, carried over and turned; nothing learns."""
    recipe = recipe_from({"batch": BATCH, "positions": BATCH, "filters": 8, "depth": 1, "parts": 1}, "benchmark")
    device = choose_device("auto")
    trainer, feeder = Trainer(recipe, device), Prefetcher(PositionSampler(games, BATCH), threads=threads)
    batches = iter(feeder)

    def feed() -> None:
        trainer.to_device(next(batches))
        if device.type == "cuda":
            torch.cuda.synchronize()

    for _ in range(feeder.ahead + 1):  # what had been made before the clock runs
        feed()
    benchmark.pedantic(feed, rounds=20)
    feeder.close()
    rate = BATCH / benchmark.stats.stats.mean
    benchmark.extra_info["positions a second"] = round(rate)
    print(f"\n{rate:,.0f} positions a second, {threads} thread(s), to {device}", file=sys.stderr)


@pytest.mark.parametrize("network", ["alphago", "residual"])
def test_share_of_a_step(benchmark, games, network):  # type: ignore[no-untyped-def]
    """Processor time of the feeder against that of the step, k=64, on two cores (or one)."""
    depth = {"alphago": 12, "residual": 6}[network]
    threads = min(2, CORES)
    settings = {"network": network, "depth": depth, "batch": 128, "positions": 128, "parts": 4, "threads": threads}
    trainer = Trainer(recipe_from(settings, "benchmark"), torch.device("cpu"))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    sampler = PositionSampler(games, 128)
    feeder = Prefetcher(sampler)
    made = list(itertools.islice(feeder, 12))
    feeder.close()
    began = time.process_time()
    for _ in range(20):
        games.encode(sampler.draw()[0])
    fed = (time.process_time() - began) / 20
    for batch in made[:2]:
        trainer.learn(batch, 1.0)
    rest = itertools.cycle(made[2:])
    began, steps = time.process_time(), 0

    def step() -> None:
        nonlocal steps
        steps += 1
        trainer.learn(next(rest), 1.0)

    benchmark.pedantic(step, rounds=5)
    learnt = (time.process_time() - began) / steps
    torch.set_num_threads(before)
    share = fed / (fed + learnt)
    benchmark.extra_info["feeder's share"] = round(share, 4)
    print(
        f"\n{network} k=64: {1e3 * fed:.1f} ms of feeding and {1e3 * learnt:.0f} ms of learning for 128 positions, "
        f"processor time on {threads} thread(s): {share:.1%}",
        file=sys.stderr,
    )


@pytest.mark.parametrize(
    ("name", "moves", "boards"),
    [("planes alone", (), ()), ("next moves", (1, 2), ()), ("and future boards", (1, 2), (8, 32))],
)
def test_looking_ahead(benchmark, games, name, moves, boards):  # type: ignore[no-untyped-def]
    """Processor time of a position's planes, and of what comes later in its game besides."""
    sampler, rounds = PositionSampler(games, BATCH), 20
    began = time.process_time()
    benchmark.pedantic(lambda: games.encode_ahead(sampler.draw()[0], 1, moves, boards), rounds=rounds)
    spent = (time.process_time() - began) / rounds / BATCH
    benchmark.extra_info["microseconds a position"] = round(1e6 * spent, 1)
    print(f"\n{name}: {1e6 * spent:.1f} us a position, processor time of one thread", file=sys.stderr)
