"""Training in many processes gives what one gives: the same labels, the same losses, the same validation."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from small_games import corpus, shard

from goengine.checkpoint import load_network
from goengine.dataset import PositionSampler, Prefetcher
from goengine.errors import RecipeError
from goengine.recipe import recipe_from
from goengine.trainer import Processes, Trainer, launch, lost_the_others

ROOT = Path(__file__).resolve().parent.parent
RECIPE = """
name = "test"
board_size = 9
network = "alphago"
filters = 8
depth = 2
positions = 320
batch = 32
warmup = 64
ema = [200]
validation_positions = 600
log_steps = 1
threads = 1
precision = "float32"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shard(tmp_path / "one.shard", range(6))
    shard(tmp_path / "two.shard", range(6, 26))
    (tmp_path / "short.toml").write_text(RECIPE, encoding="utf-8")
    return tmp_path


def records(run: Path, kind: str) -> list[dict[str, float]]:
    lines = map(json.loads, (run / "log.jsonl").read_text(encoding="utf-8").splitlines())
    return [{k: v for k, v in line.items() if k not in ("time", "kind")} for line in lines if line["kind"] == kind]


def run(folder: Path, *jobs: tuple[object, ...]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "tests" / "two_processes.py"), *("\t".join(map(str, job)) for job in jobs)],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True, capture_output=True, timeout=240,
    )  # fmt: skip


def test_two_processes_learn_and_measure_what_one_does(folder: Path) -> None:
    games = ("--games", "one.shard", "--validation", "two.shard")
    extra = ("--next-moves", "1=0.15,2=0.1", "--future-board", "8=0.25", "--source-biases", "one")
    result = run(
        folder,
        (1, "short.toml", *games, *extra, "--run", "one"),
        (2, "short.toml", *games, *extra, "--run", "two", "--accumulate", 2),
        (2, "short.toml", *games, *extra, "--run", "normed", "--network", "residual", "--positions", 64),
        (2, *games, "--run", "one", "--resume"),  # over already: it only measures, the same weights as before
    )
    assert result.returncode == 0, result.stderr
    assert "on cpu, 1 thread: one" in result.stderr and "on cpu, 2 processes, 1 thread each: two" in result.stderr
    assert result.stderr.count("step 1 ") == 3, "only the first process speaks"
    assert "Warning" not in result.stderr, "the layouts of gradients are as PyTorch wants them to be sent"
    one, two = records(folder / "one", "train"), records(folder / "two", "train")
    assert [line["step"] for line in two] == list(range(1, 11))
    for mine, theirs in zip(one, two, strict=True):
        assert theirs["loss"] == pytest.approx(mine["loss"], abs=1e-5)
        assert theirs["top1"] == mine["top1"] and theirs["norm"] == pytest.approx(mine["norm"], abs=1e-4)
    measured = records(folder / "one", "final")
    assert measured[0]["all/positions"] == 600
    assert measured[:2] == measured[2:], "two processes find the same figures as one, to the last bit"
    for mine, theirs in zip(measured, records(folder / "two", "final"), strict=False):
        assert theirs["all/loss"] == pytest.approx(mine["all/loss"], abs=1e-4)
    assert load_network(folder / "two" / "network.safetensors").metadata["training"]["positions"] == 320


SCRIPT = str(ROOT / "training" / "train.py")
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--", SCRIPT]


@pytest.mark.slow
@pytest.mark.parametrize("launcher", [TORCHRUN, [sys.executable, SCRIPT, "--processes", "2"]], ids=["torchrun", "own"])
def test_launched_stopped_and_resumed(folder: Path, launcher: list[str]) -> None:
    """By the launcher itself: SIGTERM reaches all, one checkpoint is written, and the resumed run ends the same."""
    games = ("--games", "one.shard", "--validation", "two.shard")
    where = {"cwd": folder, "env": {**os.environ, "PYTHONPATH": str(ROOT)}, "text": True}
    subprocess.run([*launcher, "short.toml", *games, "--run", "whole"], check=True, timeout=300, **where)  # type: ignore[call-overload]
    command = [*launcher, "short.toml", *games, "--run", "r", "--positions", "3200000"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, **where) as process:  # type: ignore[call-overload]
        log = folder / "r" / "log.jsonl"
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline and not (log.exists() and '"step": 3,' in log.read_text(encoding="utf-8")):
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=120)[1]
    assert process.returncode == (1 if launcher is TORCHRUN else 128 + signal.SIGTERM)
    assert launcher is TORCHRUN or "Traceback" not in said
    stopped = re.search(r"stopped at step (\d+); go on with --run r --resume", said)
    assert stopped is not None and said.count("stopped at step") == 1, said
    step = int(stopped[1])
    assert len(records(folder / "r", "train")) == step
    again = [*launcher, *games, "--run", "r", "--resume", "--positions", str(32 * (step + 5))]
    subprocess.run(again, check=True, timeout=300, **where)  # type: ignore[call-overload]
    assert [line["step"] for line in records(folder / "r", "train")] == list(range(1, step + 6))
    whole, resumed = records(folder / "whole", "train"), records(folder / "r", "train")
    assert [line["loss"] for line in whole[:3]] == [line["loss"] for line in resumed[:3]]


CHILD = """
import os, signal, sys, time
rank = int(os.environ["RANK"])
names = ("WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR")
print(rank, *(os.environ[name] for name in names), int(os.environ["MASTER_PORT"]) > 0, flush=True)
if sys.argv[1] == "wait":
    signal.signal(signal.SIGINT, lambda number, frame: sys.exit(time.sleep(0 if rank else 0.5) or 130))
    open(f"{sys.argv[2]}/{rank}", "w").close()
    time.sleep(60)
if sys.argv[1] == "fail" and rank == 2:
    sys.exit("no memory left\\nfor me")
if sys.argv[1:] == ["fail", "also"] and rank == 1:
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[1] == "lose":
    time.sleep(0 if rank else 1)
    sys.exit("out of memory" if rank else "lost the other processes")
"""


def test_only_the_first_process_is_heard(capfd: pytest.CaptureFixture[str]) -> None:
    assert launch([sys.executable, "-c", CHILD, "end"], 3) == 0
    said = capfd.readouterr()
    assert said.out == "0 3 0 3 127.0.0.1 True\n" and said.err == ""


def test_a_process_that_fails_has_the_last_word(capfd: pytest.CaptureFixture[str]) -> None:
    assert launch([sys.executable, "-c", CHILD, "fail", ""], 3) == 1
    assert capfd.readouterr().err == "process 2 ended with status 1: for me\n"


def test_the_cause_is_told_where_the_first_process_has_lost_the_others(capfd: pytest.CaptureFixture[str]) -> None:
    """Both end with the same status: what the first says does not say why."""
    assert launch([sys.executable, "-c", CHILD, "lose"], 2) == 1
    assert capfd.readouterr().err == "lost the other processes\nprocess 1 ended with status 1: out of memory\n"


def test_a_process_that_is_killed_shows_in_the_status(capfd: pytest.CaptureFixture[str]) -> None:
    assert launch([sys.executable, "-c", CHILD, "fail", "also"], 2) == 128 + signal.SIGKILL
    assert capfd.readouterr().err == f"process 1 ended with status {128 + signal.SIGKILL}: 1 2 1 2 127.0.0.1 True\n"


def test_a_signal_reaches_all_processes_once(tmp_path: Path) -> None:
    """The first one ends last, as one that writes a checkpoint does; of the others, who were told to end, no word."""
    waiting = [sys.executable, "-c", CHILD, "wait", str(tmp_path)]
    command = [sys.executable, "-c", f"from goengine.trainer import launch; raise SystemExit(launch({waiting!r}, 2))"]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and len(list(tmp_path.iterdir())) < 2:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30)[1] == b""
    assert process.returncode == 130


def test_others_are_not_waited_for_without_end() -> None:
    """One that fails while another one never ends: as where a process waits in a broken connection."""
    code = "import os, sys, time; sys.exit(3) if os.environ['RANK'] == '1' else time.sleep(60)"
    started = time.monotonic()
    assert launch([sys.executable, "-c", code], 2, patience=0.3) == 128 + signal.SIGKILL
    assert time.monotonic() - started < 30


def test_every_position_is_seen_by_one_process_once_an_epoch() -> None:
    games = corpus(4, sources=("only",))
    batch = 12
    steps = len(games) // batch
    seen = []
    for rank in range(3):
        rows = Processes(rank, 3).mine(batch)
        feed = Prefetcher(PositionSampler(games, batch, seed=3), rows=rows)
        for _, made in zip(range(steps), feed, strict=False):
            assert made.words.shape == (4, 81) and made.state["drawn"]["only"] % batch == 0
        feed.close()
        sampler = PositionSampler(games, batch, seed=3)
        seen.append(np.concatenate([sampler.draw()[0][rows] for _ in range(steps)]))
    labels = np.concatenate(seen)
    assert len(labels) == len(set(labels.tolist())) == steps * batch


def test_one_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    alone = Processes.from_environment()
    assert (alone.rank, alone.count, alone.first) == (0, 1, True)
    assert alone.agree(2.5, [0, 3]) == (2.5, [0, 3]) and alone.sums([1.0, 2.0]) == [1.0, 2.0]
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "4")
    second = Processes.from_environment()
    assert (second.rank, second.count, second.first) == (1, 4, False)
    assert second.device(torch.device("cpu")) == torch.device("cpu")
    monkeypatch.setenv("RANK", "4")
    with pytest.raises(
        RecipeError,
        match=r"RANK=4, WORLD_SIZE=4, LOCAL_RANK=None, .* make no sense: start .* torchrun",
    ):
        Processes.from_environment()


def test_a_batch_must_divide_among_the_processes() -> None:
    recipe = recipe_from({"board_size": 9, "filters": 8, "depth": 1, "batch": 16, "positions": 160}, "test")
    with pytest.raises(RecipeError, match=r"batch = 16: 3 process\(es\), accumulate = 1 and parts = 1 must divide it"):
        Trainer(recipe, torch.device("cpu"), Processes(1, 3))


def test_a_lost_process_is_told_from_a_mistake() -> None:
    gloo = RuntimeError("[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:534] Connection closed by peer")
    assert "lost the other processes" in str(lost_the_others(gloo))
    assert lost_the_others(RuntimeError("mat1 and mat2 shapes cannot be multiplied")) is None
