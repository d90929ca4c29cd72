"""How long a controller waits on two cores: for each move of a whole game, for one evaluation, for 300 ``play`` lines.

    python -m pytest tests/benchmarks/test_bench_latency.py -o addopts="--import-mode=importlib" -s

All networks see the same positions: those of a game that people played to the end. The untrained ones are as fast as
trained ones of their shape would be. For each kind of wait there are the 50th and the 99th percentile, of the wall and
of the processor time, for which a busy machine matters less.
"""

import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bot_process import Process, Report, real_engine

from goengine.bundled import BUNDLED, NAMED
from goengine.checkpoint import load_network, save_network
from goengine.coords import format_vertex
from goengine.networks import build_network
from goengine.rules import Position
from goengine.sgf import read_games

pytest.importorskip("pytest_benchmark")
GAME = Path(__file__).resolve().parents[2] / "data" / "samples" / "game-0016.sgf"  # 291 moves
THREADS = 2
NETWORKS = ["bundled", "small", "alphago-128", "residual-128", "alphago-192", "residual-192"]
LINES = 300


@pytest.fixture(scope="module", params=NETWORKS)
def network(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network file."""
    import torch

    if request.param in NAMED:
        return NAMED[request.param]
    architecture, filters = request.param.split("-")
    path = tmp_path_factory.mktemp("networks") / f"{request.param}.safetensors"
    torch.manual_seed(20)
    module = build_network(architecture, in_planes=48, num_actions=361, filters=int(filters))
    about = {"architecture": architecture, "feature_set": "alphago48", "board_size": 19, "name": request.param}
    save_network(path, module, about)
    return path


@pytest.fixture(scope="module")
def moves() -> list[str]:
    """The game as ``play`` commands."""
    (record,) = read_games(GAME)
    return [f"play {color} {format_vertex(point, 19)}" for color, point in record.plays()]


@pytest.mark.parametrize("symmetries", [1, 4])
def test_each_move_of_a_game(benchmark: Any, network: Path, moves: list[str], symmetries: int) -> None:
    wall: list[float] = []
    busy: list[float] = []

    def game() -> None:
        for play in moves:
            busy.append(-float(engine.ask("cputime")))
            began = time.perf_counter()
            engine.ask(f"reg_genmove {play.split()[1]}")
            wall.append(time.perf_counter() - began)
            busy[-1] += float(engine.ask("cputime"))
            engine.ask(play)

    with closing(start(network, symmetries)) as engine:
        benchmark.pedantic(game, rounds=1)
    tell(benchmark, f"{network.stem}: each of {len(moves)} moves, {symmetries} symmetries", wall, busy)


@pytest.mark.parametrize("symmetries", [1, 8])
def test_one_evaluation(benchmark: Any, network: Path, moves: list[str], symmetries: int) -> None:
    import torch

    (record,) = read_games(GAME)
    position, words, legal = Position(), [], []
    for color, point in record.plays():
        words.append(position.encode_words())
        legal.append(position.legal_mask())
        position.play(point, color)
    loaded, before = load_network(network), torch.get_num_threads()
    wall: list[float] = []
    busy: list[float] = []

    def game() -> None:
        for boards, mask in zip(words, legal, strict=True):
            began, used = time.perf_counter(), time.process_time()
            loaded.policy(boards[None], symmetries, mask[None])
            busy.append(time.process_time() - used)
            wall.append(time.perf_counter() - began)

    torch.set_num_threads(THREADS)
    try:
        loaded.policy(words[0][None])
        benchmark.pedantic(game, rounds=1)
    finally:
        torch.set_num_threads(before)
    tell(benchmark, f"{network.stem}: one evaluation, {symmetries} symmetries", wall, busy)


def test_replaying_a_game(benchmark: Any, moves: list[str]) -> None:
    lines = (moves + [f"play {color} pass" for color in "bw" * LINES])[:LINES]
    wall: list[float] = []
    busy: list[float] = []

    def replay() -> None:
        engine.ask("clear_board")
        busy.append(-float(engine.ask("cputime")))
        began = time.perf_counter()
        engine.send("".join(f"{line}\n" for line in lines))
        for line in lines:
            engine.answer(line)
        wall.append(time.perf_counter() - began)
        busy[-1] += float(engine.ask("cputime"))

    with closing(start(BUNDLED)) as engine:
        benchmark.pedantic(replay, rounds=30, warmup_rounds=1)
    tell(benchmark, f"{LINES} play lines at once", wall, busy)


def start(network: Path, symmetries: int = 1) -> Process:
    """An engine that has made its first moves."""
    options = ("--network", str(network), "--threads", str(THREADS), "--symmetries", str(symmetries))
    engine = Process(real_engine(*options), Report())
    for color in "bw":
        engine.ask(f"genmove {color}")
    engine.ask("clear_board")
    return engine


def tell(benchmark: Any, what: str, wall: list[float], busy: list[float]) -> None:
    """Say the percentiles, and keep them with the benchmark."""
    found = {
        f"{kind} p{percent} ms": round(1000 * float(np.percentile(times, percent)), 2)
        for kind, times in (("wall", wall), ("processor", busy))
        for percent in (50, 99)
    }
    benchmark.extra_info |= found
    text = ", ".join(f"{name.removesuffix(' ms')} {value:.1f}" for name, value in found.items())
    print(f"\n{what}: {text} ms, {THREADS} threads", file=sys.stderr)
