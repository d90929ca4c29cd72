"""How fast the engine is: the first answer of the process, the first move, the moves after it, and the playouts."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from goengine.bundled import BUNDLED

pytest.importorskip("pytest_benchmark")
ROOT = Path(__file__).resolve().parents[2]


class Engine:
    """`goengine gtp` as a child process; with a name, how long its first answer took."""

    def __init__(self) -> None:
        began = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "goengine", "gtp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        self.began = began
        assert self.ask("name") == "= goengine"
        self.first_answer = time.perf_counter() - began

    def ask(self, command: str) -> str:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()
        lines = []
        while (line := self.process.stdout.readline()) not in (b"\n", b""):
            lines.append(line.decode().rstrip())
        return "\n".join(lines)

    def close(self) -> None:
        self.process.communicate(b"quit\n", timeout=30)


def test_the_first_answer_and_the_first_move():  # type: ignore[no-untyped-def]
    if not BUNDLED.exists():
        pytest.skip("no bundled network")
    engine = Engine()
    engine.ask("genmove b")
    engine.close()  # the kernels are compiled now
    answers, moves = [], []
    for _ in range(5):
        engine = Engine()
        assert engine.ask("genmove b").startswith("= ")
        answers.append(engine.first_answer)
        moves.append(time.perf_counter() - engine.began)
        engine.close()
    print(f"\nname after {max(answers):.3f} s, first move after {max(moves):.2f} s (worst of 5)", file=sys.stderr)
    assert max(answers) < 0.5


def test_moves_of_a_whole_game():  # type: ignore[no-untyped-def]
    if not BUNDLED.exists():
        pytest.skip("no bundled network")
    engine = Engine()
    times: list[float] = []
    colors, passes = "bw", 0
    engine.ask("genmove b")
    while passes < 2 and len(times) < 600:
        began = time.perf_counter()
        passes = passes + 1 if engine.ask(f"genmove {colors[(len(times) + 1) % 2]}") == "= pass" else 0
        times.append(1000 * (time.perf_counter() - began))
    engine.close()
    middle, tail = np.percentile(times, [50, 99])
    print(f"\n{len(times)} moves: {middle:.1f} ms in the middle, {tail:.1f} ms at the 99th percentile", file=sys.stderr)


def test_playouts(benchmark):  # type: ignore[no-untyped-def]
    from goengine.estimate import estimate
    from goengine.rules import Position

    position = Position()
    estimate(position, 4)
    benchmark(estimate, position, 1000)
    rate = 1000 / benchmark.stats.stats.median
    print(f"\n{rate:,.0f} playouts a second from the empty 19x19 board, one core", file=sys.stderr)
