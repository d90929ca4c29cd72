"""Games as the clients of servers play them, with real engine processes that are cut off, killed and started again."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from bot_clients import CLIENTS, Client
from bot_process import Report, fake_engine, real_engine
from tiny_network import write_tiny_network

GAMES = 500
MEMORY = 500 * 1024  # KiB: the most that an engine with the bundled network may hold
GROWTH = 12 * 1024  # KiB: between its second game and its last; the first ones still fill caches


@pytest.mark.parametrize("kind", CLIENTS, ids=lambda kind: kind.name)
def test_some_games(kind: type[Client], tmp_path: Path) -> None:
    report = kind(fake_engine(5), 5, 1, 0.01, tmp_path).play(3)
    assert sum(report.games.values()) == 3


@pytest.mark.slow
def test_five_hundred_games(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    networks = {size: str(write_tiny_network(tmp_path, size)) for size in (7, 9, 13)}
    commands = {size: real_engine("--network", path, "--size", str(size)) for size, path in networks.items()}
    commands[19] = real_engine()
    shares = {7: 66, 9: 66, 13: 31, 19: 4}  # games a client and size: 167 each
    jobs = [(kind, size, share) for size, share in shares.items() for kind in CLIENTS]
    with capsys.disabled():
        tell = _progress(sum(share for _, _, share in jobs))
        total = Report()
        with ThreadPoolExecutor(3) as pool:
            runs = [
                pool.submit(kind(commands[size], size, 1, 0.5 / size**2, tmp_path).play, share, tell)
                for kind, size, share in jobs[::-1]  # the long ones first
            ]
            for run in runs:
                total.add(run.result())
        for line in total.lines():
            print(line)
    assert sum(total.games.values()) >= GAMES
    assert total.most_memory < MEMORY
    assert all(after - before < GROWTH for _, before, after in total.growth), total.growth


def _progress(games: int) -> Callable[[], None]:
    """Tells of each game that is over, with the time left."""
    began, lock, done = time.monotonic(), threading.Lock(), [0]

    def tell() -> None:
        with lock:
            done[0] += 1
            left = (time.monotonic() - began) / done[0] * (games - done[0])
            sys.stderr.write(f"\r{done[0]} of {games} games, {left / 60:.0f} min left ")
            sys.stderr.flush()

    return tell
