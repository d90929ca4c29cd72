"""How many games a minute the bundled network (k=64, 19x19) plays against itself on two threads."""

import sys
import time
from itertools import count

import pytest

from goengine.checkpoint import load_network
from goengine.selfplay import Game, Sampling, SelfPlay

pytest.importorskip("pytest_benchmark")
SLOTS, SECONDS = 64, 90.0


def test_games_a_minute(benchmark):  # type: ignore[no-untyped-def]
    """The first games end after a minute or two, so at least 64 are waited for."""
    import torch

    torch.set_num_threads(2)
    arena = SelfPlay([load_network()], slots=SLOTS, sampling=Sampling(1.0, 0.9), threads=2)
    next(iter(SelfPlay(arena.players, slots=2, max_moves=4).play([Game(0, 0, 0)])))  # compiles, and wakes the threads
    said: list[str] = []

    def run() -> None:
        wall, spent, lengths = time.monotonic(), time.process_time(), []
        for played in arena.play(Game(number, 0, 0) for number in count()):
            lengths.append(len(played.actions))
            if len(lengths) >= SLOTS and time.monotonic() - wall > SECONDS:
                break
        wall, spent = time.monotonic() - wall, time.process_time() - spent
        said.append(
            f"{len(lengths) * 60 / wall:.1f} games a minute on 2 threads ({len(lengths)} games, "
            f"{sum(lengths) / len(lengths):.0f} plies each); {len(lengths) * 60 / spent:.1f} for each processor minute"
        )

    benchmark.pedantic(run, rounds=1)
    print(f"\n{said[0]}", file=sys.stderr)
