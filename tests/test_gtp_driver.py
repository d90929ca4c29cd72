"""Games as the clients of servers play them, with real engine processes that are cut off, killed and started again."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from bot_clients import CLIENTS, Client, KgsGtp
from bot_process import GAME_ENDS, WAYS_TO_END, Process, Refused, Report, fake_engine, real_engine
from tiny_network import write_tiny_network

GAMES = 500
SESSIONS = int(os.environ.get("GOENGINE_DRIVER_SESSIONS", "4"))  # clients at a time
SEED = int(os.environ.get("GOENGINE_DRIVER_SEED", "1"))
MEMORY = 500 * 1024  # KiB: the most that an engine with the bundled network may hold
COMMANDS_GROWTH = 256  # KiB: between 56,000 commands and 100,000
GROWTH = 12 * 1024  # KiB: between its second game and its last; the first ones still fill caches


@pytest.mark.parametrize("kind", CLIENTS, ids=lambda kind: kind.name)
def test_some_games(kind: type[Client], tmp_path: Path) -> None:
    report = kind(fake_engine(5), 5, 1, 0.01, tmp_path).play(3)
    assert not report.failures, report.failures
    assert sum(report.games.values()) == 3


def test_a_game_that_fails_is_told_with_its_dialogue(tmp_path: Path) -> None:
    report = KgsGtp(fake_engine(7), 5, 1, 0.0, tmp_path).play(2)  # a network for another board: no move comes
    assert report.games == {("kgsGtp 5x5", "failure"): 2}
    first, second = report.failures
    assert "game 1 (" in first and "game 2 (" in second and "this board is 5x5" in first
    dialogue = (tmp_path / "kgsGtp-5-1-game-1.txt").read_text()
    assert ">> " in dialogue and "boardsize 5" in dialogue and "-- failure\nRefused(" in dialogue


@pytest.mark.slow
def test_five_hundred_games(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    networks = {size: str(write_tiny_network(tmp_path, size)) for size in (9, 13)}
    commands = {size: real_engine("--network", path, "--size", str(size)) for size, path in networks.items()}
    commands |= {5: fake_engine(5), 7: fake_engine(7), 19: real_engine()}  # to load torch is most of the work
    shares = {5: 75, 7: 66, 9: 22, 13: 3, 19: 1}  # games a client and size: 167 each
    jobs = [(kind, size, share) for size, share in shares.items() for kind in CLIENTS][::-1]  # the long ones first
    with capsys.disabled():
        tell = _progress(sum(share for _, _, share in jobs))
        total = Report()
        with ThreadPoolExecutor(SESSIONS) as pool:
            runs = [
                pool.submit(kind(commands[size], size, SEED, 0.25 / size**2, tmp_path).play, share, tell)
                for kind, size, share in jobs
            ]
            for run in runs:
                total.add(run.result())
        for line in total.lines():
            print(line)
    assert not total.failures, "\n".join(total.failures)
    assert sum(total.games.values()) == sum(share for _, _, share in jobs) >= GAMES
    assert {end for _, end in total.games} == set(GAME_ENDS) - {"failure"}
    assert set(WAYS_TO_END) <= set(total.events) and total.events["resumed"] and total.events["loaded"]
    assert total.most_memory < MEMORY
    assert all(after - before < GROWTH for _, before, after in total.growth), total.growth


ROUND = (
    *("boardsize 9", "komi 6.5", "clear_board", "1 name", "known_command play", "list_commands", "fixed_handicap 2"),
    *("undo", "clear_board", "kata-set-rules japanese", "kata-get-rules", "kata-set-param seed 7", "time_left b 60 0"),
    *(f"play {'bw'[place % 2]} {'CDEFG'[place % 5]}{3 + place // 5}" for place in range(20)),
    *("play b C3", "play w Z99", "nonsense", "gg-undo 3", "showboard", "genmove w", "kata-genmove_analyze b 100"),
    *("reg_genmove b", "lz-analyze b", "", "kata-raw-nn 0", "goengine-ladders", "undo", "undo", "kgs-game_over"),
)


@pytest.mark.slow
def test_a_hundred_thousand_commands_leak_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    text = "".join(f"{line}\n" for line in ROUND)
    commands = sum(bool(line) for line in ROUND)
    with closing(Process(fake_engine(9), Report())) as engine:
        found = []
        for number in range(-(-100_000 // commands)):
            engine.send(text)
            for line in filter(None, ROUND):
                try:
                    engine.answer(line)
                except Refused as refusal:
                    assert line in ("undo", "play b C3", "play w Z99", "nonsense", "genmove w"), refusal
            if number % 300 == 299:
                found.append(engine.resources())
        engine.end("quit", "idle")
    with capsys.disabled():
        print(f"RSS over {(number + 1) * commands:,} commands, MiB:", *(f"{now.memory / 1024:.1f}" for now in found))
    assert {(now.threads, now.descriptors) for now in found} == {(found[0].threads, found[0].descriptors)}
    settled = found[len(found) // 2]  # until then caches fill; from there it stays, to 400,000 commands (LOG.md)
    assert found[-1].memory - settled.memory < COMMANDS_GROWTH and found[-1].memory < MEMORY


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
