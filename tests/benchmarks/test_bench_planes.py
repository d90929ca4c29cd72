"""How fast positions of real games are encoded: all 48 planes, one thread and several, while replaying the games."""

import sys
from pathlib import Path

import numpy as np
import pytest

from goengine.features import encode_games
from goengine.sgf import read_games

pytest.importorskip("pytest_benchmark")
SAMPLES = Path(__file__).resolve().parents[2] / "data" / "samples"


@pytest.fixture(scope="module")
def games() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    codes = [record.codes for record in read_games(SAMPLES) if record.size == 19]
    offsets = np.zeros(len(codes) + 1, np.int64)
    offsets[1:] = np.cumsum([len(c) for c in codes])
    which = np.repeat(np.arange(len(codes)), [len(c) for c in codes])
    label = np.concatenate([np.arange(len(c)) for c in codes])
    return np.concatenate(codes), offsets, which, label


@pytest.mark.parametrize("threads", [1, 2])
def test_planes_of_whole_games(benchmark, games, threads):  # type: ignore[no-untyped-def]
    moves, offsets, which, label = games
    out = np.empty((len(which), 19, 19), np.uint64)
    encode_games(moves, offsets, which[:10], label[:10])
    benchmark(encode_games, moves, offsets, which, label, out=out, threads=threads)
    rate = len(which) / benchmark.stats.stats.median
    benchmark.extra_info["positions a second"] = round(rate)
    print(f"\n{rate:,.0f} positions a second, {threads} thread(s), {len(which)} positions", file=sys.stderr)
