"""How fast the environment steps at 19x19, one thread, beside GymGo and PettingZoo's go_v5 in the same run.

Games are random and counted from the first ply to the last; processor time. The peers run under the Python that
``GOENGINE_PEERS`` names (one that has `pettingzoo` and `pygame`, or `gym_go`); without it a virtual environment is made
and they are installed from the package index and from GitHub. A peer that is not to be had is left out of the table.
"""

import os
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from goengine.batch import GoBatch

pytest.importorskip("pytest_benchmark")
SIZE, GAMES, ROUNDS = 19, 256, 100
PEERS = {
    "pettingzoo": ("PettingZoo go_v5", ["pettingzoo", "pygame"]),
    "gymgo": ("GymGo", ["git+https://github.com/huangeddie/GymGo"]),
}


def show(name: str, rate: float) -> None:
    print(f"\n{rate:12,.0f} steps/s  {name}", file=sys.stderr)


def batch_round(batch: GoBatch) -> float:
    """100 plies in every game: choose, check, play, find the ends, begin anew. No observation. Processor seconds."""
    start = time.process_time()
    for _ in range(ROUNDS):
        batch.play(batch.draw_actions())
        passed, cut = batch.ends()
        over = passed | cut
        if over.any():
            batch.scores(over)
            batch.begin(over)
    return time.process_time() - start


def vector_rounds(feature_set: str, num_envs: int = GAMES, **settings: Any) -> Callable[[int], float]:
    """A function that makes so many steps of a vector environment; returns the processor seconds of the steps alone."""
    envs: Any = gymnasium.make_vec(
        "goengine.env:goengine/Go-v0", num_envs, feature_set=feature_set, **{"opponent": None, **settings}
    )
    envs.reset(seed=1)

    def run(steps: int) -> float:
        spent = 0.0
        for _ in range(steps):
            actions = envs.batch.draw_actions()
            start = time.process_time()
            envs.step(actions)
            spent += time.process_time() - start
        return spent

    return run


def single_rounds(feature_set: str, **settings: Any) -> Callable[[int], float]:
    """The same for one game, as gymnasium.make gives it, wrappers and checks included."""
    env: Any = gymnasium.make("goengine.env:goengine/Go-v0", feature_set=feature_set, **{"opponent": None, **settings})
    random = np.random.default_rng(1)
    _, info = env.reset(seed=1)

    def run(steps: int) -> float:
        nonlocal info
        spent = 0.0
        for _ in range(steps):
            action = random.choice(np.flatnonzero(info["action_mask"]))
            start = time.process_time()
            _, _, terminated, truncated, info = env.step(action)
            spent += time.process_time() - start
            if terminated or truncated:
                _, info = env.reset()
        return spent

    return run


@pytest.mark.parametrize("ko", ["simple", "positional"])
def test_plies_without_observation(benchmark, ko):  # type: ignore[no-untyped-def]
    batch = GoBatch(GAMES, SIZE, ko=ko)
    batch_round(batch)
    spent: list[float] = []
    benchmark.pedantic(lambda: spent.append(batch_round(batch)), rounds=21)
    show(f"batch, {ko} ko, no observation", GAMES * ROUNDS / float(np.median(spent)))


@pytest.mark.parametrize("feature_set", ["board1", "board4", "liberties20", "alphago48"])
def test_vector_environment(benchmark, feature_set):  # type: ignore[no-untyped-def]
    run = vector_rounds(feature_set)
    run(400)
    spent: list[float] = []
    benchmark.pedantic(lambda: spent.append(run(ROUNDS)), rounds=7)
    show(f"vector environment, {feature_set} and the mask", GAMES * ROUNDS / float(np.median(spent)))


def test_single_environment(benchmark):  # type: ignore[no-untyped-def]
    run = single_rounds("board4")
    run(100)
    spent: list[float] = []
    benchmark.pedantic(lambda: spent.append(run(722)), rounds=3)
    show("one environment of gymnasium.make, board4 and the mask", 722 / float(np.median(spent)))


@pytest.fixture(scope="module")
def peer_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Python with as many peers as can be had."""
    if "GOENGINE_PEERS" in os.environ:
        return os.environ["GOENGINE_PEERS"]
    folder = tmp_path_factory.mktemp("peers")
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    for _, packages in PEERS.values():
        try:
            subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], timeout=300, capture_output=True)
        except subprocess.TimeoutExpired:
            continue
    return python


def test_beside_the_peers(peer_python: str) -> None:
    """All in one run, one after the other: what each does of the same games."""
    run = vector_rounds("board1")
    run(200)
    steps = 722
    rates = {"goengine, 256 games at once, board1 and the mask": GAMES * steps / run(steps)}
    single = single_rounds("board1")
    single(50)
    rates["goengine, one game, board1 and the mask"] = 3 * steps / single(3 * steps)
    script = Path(__file__).with_name("peer_environments.py")
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if extra := os.environ.get("GOENGINE_PEERS_PATH"):
        clean["PYTHONPATH"] = extra
    for peer, (name, _) in PEERS.items():
        ran = subprocess.run([peer_python, script, peer, "5"], env=clean, capture_output=True, text=True, timeout=300)
        if ran.returncode == 3:
            print(f"\n{name} is left out: {ran.stderr.strip()}", file=sys.stderr)
            continue
        assert ran.returncode == 0, ran.stderr
        done, seconds = ran.stdout.split()[-2:]
        rates[name] = int(done) / float(seconds)
    ours = next(iter(rates.values()))
    print("\n   steps/s  in one run at 19x19, one core", file=sys.stderr)
    for name, rate in rates.items():
        print(f"{rate:10,.0f}  {ours / rate:6.1f}x  {name}", file=sys.stderr)
    if len(rates) == 2:
        pytest.skip("no peer is to be had")
