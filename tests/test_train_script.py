"""training/train.py from outside: a whole run, an interrupted one, and what bad input gets."""

import errno
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from scripts import ROOT, load_script
from small_games import random_game, sgf, shard
from torch import Tensor

from goengine.checkpoint import load_network
from goengine.dataset import Batch
from goengine.errors import RecipeError
from goengine.exits import STOPPED
from goengine.shards import INFO, write_shard
from goengine.trainer import Trainer, profiling, read_run

RECIPE = """
name = "test"
board_size = 9
filters = 8
depth = 1
positions = {positions}
batch = 16
warmup = 64
ema = [200]
hold_out = 0.2
validation_positions = 64
log_steps = 1
threads = 1
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shard(tmp_path / "one.shard", range(8))
    (tmp_path / "two.sgfs").write_text("\n".join(sgf(seed) for seed in range(8, 12)), encoding="utf-8")
    (tmp_path / "short.toml").write_text(RECIPE.format(positions=480), encoding="utf-8")
    (tmp_path / "long.toml").write_text(RECIPE.format(positions=100_000), encoding="utf-8")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """Exit status and stderr of a run in this process; stdout must stay empty."""
    status = load_script("training/train.py").main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    assert captured.out == ""
    return status, captured.err


def records(run_folder: Path) -> list[dict[str, float]]:
    lines = map(json.loads, (run_folder / "log.jsonl").read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line["kind"] == "train"]


def losses(run_folder: Path) -> list[float]:
    return [line["loss"] for line in records(run_folder)]


def test_a_whole_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = [sys.executable, ROOT / "training" / "train.py", "short.toml", "--games", "one.shard", "two.sgfs"]
    result = subprocess.run(
        [*map(str, command), "--run", "r", "--filters", "12"],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True, capture_output=True, timeout=240,
    )  # fmt: skip
    assert result.returncode == 0 and result.stdout == "", result.stderr
    assert "done: 480 positions" in result.stderr and "top-1" in result.stderr and "left 0:00:00" in result.stderr
    assert len(losses(folder / "r")) == 30
    network = load_network(folder / "r" / "network.safetensors")
    assert network.name == "test" and network.size == 9 and network.metadata["config"]["filters"] == 12
    assert network.metadata["training"]["positions"] == 480
    assert set(network.metadata["training"]["sources"]) == {"one", "two"}
    assert network.metadata["results"]["all"]["positions"] == 64
    assert list((folder / "r" / "tensorboard").iterdir())
    kept = {path.stem: load_network(path) for path in (folder / "r").glob("*.safetensors")}
    by_loss = {name: one.metadata["results"]["all"]["loss"] for name, one in kept.items()}
    weights = {"raw", *(f"average{horizon}" for horizon in network.metadata["recipe"]["ema"])}
    assert by_loss.keys() == {"network", *weights} and len(weights) > 1
    assert by_loss["network"] == by_loss[network.metadata["results"]["weights"]] == min(by_loss.values())
    assert len(set(by_loss.values())) == len(weights), "each has weights of its own"
    assert "filters = 12" in (folder / "r" / "recipe.toml").read_text(encoding="utf-8")
    status, err = run(capsys, folder / "short.toml", "--games", folder / "one.shard", "--run", folder / "r")
    assert status == 2 and "holds a run already: go on with it by --resume" in err


def stopping(monkeypatch: pytest.MonkeyPatch, at: int, number: int, clock: list[float] | None = None) -> None:
    """Have a signal come while the step after `at` is made, and a clock tick a second with each step."""
    learn = Trainer.learn

    def learning(self: Trainer, batch: Batch, factor: float) -> tuple[Tensor, Tensor, Tensor]:
        if self.steps == at:
            signal.raise_signal(number)
        if clock is not None:
            clock[0] += 1.0
        return learn(self, batch, factor)

    monkeypatch.setattr(Trainer, "learn", learning)


@pytest.mark.parametrize("parts", [1, 2])
def test_stopped_and_resumed_equals_unbroken(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, parts: int
) -> None:
    games = ("--games", folder / "one.shard", "--validation", folder / "two.sgfs")
    recipe = (folder / "short.toml", "--parts", parts)
    assert run(capsys, *recipe, *games, "--run", folder / "unbroken")[0] == 0
    with monkeypatch.context() as patch:
        stopping(patch, 20, signal.SIGTERM)  # the cool-down has begun
        status, err = run(capsys, *recipe, *games, "--run", folder / "broken")
    assert status == 128 + signal.SIGTERM and "stopped at step 21; go on with" in err
    assert len(losses(folder / "broken")) == 21
    status, err = run(capsys, *games, "--run", folder / "broken", "--resume")
    assert status == 0, err
    assert losses(folder / "broken") == losses(folder / "unbroken")
    first, second = (load_network(folder / name / "network.safetensors") for name in ("unbroken", "broken"))
    assert first.metadata["results"] == second.metadata["results"]
    for mine, theirs in zip(first.module.state_dict().values(), second.module.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs)


def test_stopped_before_its_first_step(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    games = ("--games", folder / "one.shard", "--validation", folder / "two.sgfs")
    assert run(capsys, folder / "short.toml", *games, "--run", folder / "unbroken")[0] == 0
    assert run(capsys, folder / "short.toml", *games, "--run", folder / "broken", "--stop-after", 0)[0] == STOPPED
    assert read_run(folder / "broken")[1]["sampler"]["batches"] == 0
    assert run(capsys, *games, "--run", folder / "broken", "--resume")[0] == 0
    assert losses(folder / "broken") == losses(folder / "unbroken")


def test_the_cool_down_begins_in_time_with_batches_of_another_size(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """480 positions, the last 40 % of them cooling: from position 288 on, which is batch 19 of 16."""
    games = ("--games", folder / "one.shard", "--validation", folder / "two.sgfs", "--run", folder / "r")
    stopping(monkeypatch, 9, signal.SIGTERM)  # after ten batches, 160 positions
    assert run(capsys, folder / "short.toml", *games, "--cooldown", 0.4)[0] == 128 + signal.SIGTERM
    assert read_run(folder / "r")[1]["sampler"]["cooling_from"] == 288 // 16 + 1
    stopping(monkeypatch, 11, signal.SIGTERM)
    assert run(capsys, *games, "--resume", "--batch", 8)[0] == 128 + signal.SIGTERM
    assert read_run(folder / "r")[1]["sampler"]["cooling_from"] == 10 + (288 - 160) // 8 + 1


@pytest.mark.parametrize("stop", [12, 20, 26])  # at the peak rate, just after the cool-down has begun, and well in it
def test_a_run_with_a_time_limit_resumes_to_the_same_losses(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    """The schedule follows the clock, the cool-down draws from other sources; here a step takes a second."""
    games = ("--games", folder / "one.shard", folder / "two.sgfs")
    limits = ("--positions", 0, "--time-limit", 0.5, "--cooldown-shares", "two=0.9", "--hold-out", 0.1)
    clock = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    with monkeypatch.context() as patch:
        stopping(patch, -1, signal.SIGTERM, clock)
        assert run(capsys, folder / "short.toml", *limits, *games, "--run", folder / "unbroken")[0] == 0
    with monkeypatch.context() as patch:
        stopping(patch, stop, signal.SIGINT, clock)
        status, err = run(capsys, folder / "short.toml", *limits, *games, "--run", folder / "broken")
        assert status == 128 + signal.SIGINT and "feeder" in err
        clock[0] += 5000.0  # the machine was off meanwhile
        assert run(capsys, *games, "--run", folder / "broken", "--resume")[0] == 0
    assert len(losses(folder / "unbroken")) == 30
    assert losses(folder / "broken") == losses(folder / "unbroken")


def test_a_session_can_be_stopped_after_a_while(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    stopping(monkeypatch, -1, signal.SIGTERM, clock)
    games = ("--games", folder / "one.shard", "--run", folder / "r", "--stop-after", 0.2)
    status, err = run(capsys, folder / "short.toml", *games)
    assert status == 75 and "stopped at step 12; go on with" in err
    status, err = run(capsys, *games, "--resume")
    assert status == 75 and "stopped at step 24; go on with" in err
    assert "other games" not in err
    status, err = run(capsys, "--games", folder / "two.sgfs", *games[2:4], "--resume")
    assert status == 0 and "warning: other games than before, which were {'one': " in err
    factors = [line["factor"] for line in records(folder / "r")]
    assert len(factors) == 30 and factors[15:18] == [1.0, 1.0, 1.0] and 0 < factors[-1] < 0.1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_last_measurement_can_be_stopped_and_done_again(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    def stopped(*_: object) -> None:
        signal.raise_signal(number)

    games = ("--games", folder / "one.shard", "--run", folder / "r")
    with monkeypatch.context() as patch:
        patch.setattr("goengine.trainer.validate", stopped)
        status, err = run(capsys, folder / "short.toml", *games)
    assert status == 128 + number
    assert err.splitlines()[-1].endswith(f"--run {folder / 'r'} --resume does it again")
    assert not (folder / "r" / "network.safetensors").exists()
    assert run(capsys, *games, "--resume")[0] == 0
    assert len(losses(folder / "r")) == 30, "no step is done again"
    assert load_network(folder / "r" / "network.safetensors").metadata["training"]["positions"] == 480


def test_a_damaged_checkpoint_costs_some_steps(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    games = ("--games", folder / "one.shard", "--run", folder / "r")
    for begin, stop in (((folder / "short.toml",), 10), (("--resume",), 20)):
        with monkeypatch.context() as patch:
            stopping(patch, stop, signal.SIGINT)
            assert run(capsys, *begin, *games)[0] == 128 + signal.SIGINT
    newest = folder / "r" / "checkpoint.pt"
    newest.write_bytes(newest.read_bytes()[:-200])
    status, err = run(capsys, *games, "--resume")
    assert status == 0 and "going on from the one before, checkpoint-previous.pt of step 11" in err
    seen = losses(folder / "r")
    assert len(seen) == 40 and seen[11:21] == seen[21:31], "steps 12 to 21, again"


def test_a_full_disk_is_said_and_survived(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    games = ("--games", folder / "one.shard", "--run", folder / "r", "--checkpoint-minutes", 0)
    fsync, writes = os.fsync, list[int]()

    def full(number: int) -> None:
        writes.append(number)
        if 2 < len(writes) < 6 or len(writes) > 31:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(number)

    monkeypatch.setattr(os, "fsync", full)
    status, err = run(capsys, folder / "short.toml", *games)
    assert status == 0 and len(writes) == 31, err  # one each step, and one at the end
    assert err.count("cannot be written (No space left on device): the one before is kept, training goes on") == 3
    status, err = run(capsys, *games, "--resume", "--positions", 512)
    assert status == 0 and "(No space left on device): the network is measured and written without it" in err
    assert load_network(folder / "r" / "network.safetensors").metadata["training"]["positions"] == 512
    stopping(monkeypatch, 35, signal.SIGTERM)
    status, err = run(capsys, *games, "--resume", "--positions", 1024)
    last = err.splitlines()[-1]
    assert status == 2 and last.startswith("train.py: ") and "(No space left on device): free some space" in last
    assert read_run(folder / "r")[1]["counters"]["steps"] == 30


def test_a_loss_that_is_no_number_keeps_the_good_checkpoint(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    learn = Trainer.learn

    def spoilt(self: Trainer, batch: Batch, factor: float) -> tuple[Tensor, Tensor, Tensor]:
        if self.steps == 8:
            with torch.no_grad():
                self.module.get_parameter("stem.weight")[1, 1] = float("nan")
        return learn(self, batch, factor)

    monkeypatch.setattr(Trainer, "learn", spoilt)
    games = ("--games", folder / "one.shard", "--run", folder / "r", "--checkpoint-minutes", 0)
    for steps in (1, 20):  # noticed in the losses, or before a checkpoint is written
        status, err = run(capsys, folder / "short.toml", *games, "--log-steps", steps)
        last = err.splitlines()[-1]
        assert status == 2 and "at step 9" in last and "stem.weight is not finite" in last, last
        assert "the last checkpoint is good; lower the rates (--rate, --muon-rate)" in last
        _, state = read_run(folder / "r")
        assert state["counters"]["steps"] == 8 and all(t.isfinite().all() for t in state["model"].values())
        for path in (folder / "r").glob("*.pt"):
            path.unlink()


def test_out_of_memory_gets_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def greedy(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 90.00 GiB")

    monkeypatch.setattr(Trainer, "learn", greedy)
    status, err = run(capsys, folder / "short.toml", "--games", folder / "one.shard", "--run", folder / "r")
    assert status == 2 and err.splitlines()[-1].startswith("train.py: out of memory on the GPU: raise --accumulate")


def test_a_compiler_that_fails_gets_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> None:
        raise RuntimeError("No working C++ compiler found")

    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=missing))
    games = ("--games", folder / "one.shard", "--run", folder / "r", "--compile", "true")
    status, err = run(capsys, folder / "short.toml", *games)
    last = err.splitlines()[-1]
    assert status == 2 and last.startswith("train.py: torch.compile fails here (") and "--compile false" in last, last
    assert "No working C++ compiler found" in last


def test_signs_of_life_are_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    games = ("--games", folder / "one.shard", "--run", folder / "r")
    status, err = run(capsys, folder / "short.toml", *games, "--expected", "100=4.4,1000=4.0")
    assert status == 0 and "chance is ln 81 = 4.394 nats; 4." in err
    assert "expected at 480 positions: about 4.1" in err and "; here 4." in err
    assert "feeder " in err and "%  memory 0." in err
    assert all(0 <= line["feeder"] <= 1 and line["memory"] > 0 for line in records(folder / "r"))


def test_validations_do_not_make_the_speed_greater(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    learn = Trainer.learn

    def slow(self: Trainer, batch: Batch, factor: float) -> tuple[Tensor, Tensor, Tensor]:
        time.sleep(0.02)
        return learn(self, batch, factor)

    monkeypatch.setattr(Trainer, "learn", slow)
    often = ("--positions", 160, "--log-steps", 5, "--validate-minutes", 0, "--run", folder / "r")
    status, err = run(capsys, folder / "short.toml", "--games", folder / "one.shard", *often)
    assert status == 0 and all(0 < line["speed"] <= 16 / 0.02 for line in records(folder / "r")), err


def test_a_time_limit_ends_a_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    limits = ("--positions", 0, "--time-limit", 0.02)
    status, err = run(capsys, folder / "short.toml", *limits, "--games", folder / "one.shard", "--run", folder / "t")
    assert status == 0 and "done: " in err, err
    assert 1.2 <= load_network(folder / "t" / "network.safetensors").metadata["training"]["seconds"] < 60


def test_epochs_end_a_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--games", folder / "one.shard", "--positions", 0, "--run", folder / "r")
    status, err = run(capsys, folder / "short.toml", *options, "--epochs", 1.5)
    assert status == 0, err
    learnt = int(err.partition(" positions of ")[0].split()[-1].replace(",", ""))
    assert len(losses(folder / "r")) == -(-round(1.5 * learnt) // 16) and "left 0:00:00" in err
    assert f"positions = {round(1.5 * learnt)}" in (folder / "r" / "recipe.toml").read_text(encoding="utf-8")


def test_smoke_makes_any_recipe_small(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    games = ("--games", folder / "one.shard", "--run", folder / "s")
    status, err = run(capsys, folder / "long.toml", "--smoke", *games)
    assert status == 0 and "done: 1,024 positions" in err, err


def test_smoke_does_without_the_recipes_sources(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    named = ("--weights", "kgs6d=3,one=2", "--cooldown-shares", "kgs6d=0.5", "--source-biases", "kgs6d")
    games = ("--games", folder / "one.shard", "--run", folder / "s")
    status, err = run(capsys, folder / "long.toml", "--smoke", *games, *named, "--positions", 128)
    assert status == 0 and "the recipe's sources kgs6d are not among these games, and are left out" in err, err
    used = (folder / "s" / "recipe.toml").read_text(encoding="utf-8")
    assert 'weights = {"one" = 2.0}' in used and 'source_biases = "one"' in used
    status, err = run(capsys, folder / "long.toml", *games[:2], *named, "--run", folder / "t")
    assert status == 2 and "give weights and cooldown_shares of these, or none (--weights ''" in err.splitlines()[-1]


def test_other_games_are_noticed_when_a_run_goes_on(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    end = ("--validation", folder / "two.sgfs", "--run", folder / "r")
    begin = (folder / "short.toml", "--positions", 32, "--source-biases", "one")
    assert run(capsys, *begin, "--games", folder / "one.shard", *end)[0] == 0
    shutil.copy(folder / "one.shard", folder / "one-000.shard")
    games = ("--games", folder / "one-000.shard")  # the same games, the same source, another file
    status, err = run(capsys, *games, *end, "--resume", "--positions", 64)
    assert status == 0 and "done: 64 positions" in err and "other games" not in err, err
    codes = [random_game(seed).copy() for seed in range(8)]
    codes[3][-1] ^= np.uint16(1)  # one move of them is another
    write_shard(folder / "one-000.shard", codes, np.zeros(8, INFO), size=9, source="one")
    status, err = run(capsys, *games, *end, "--resume", "--positions", 96)
    assert status == 0 and "warning: other games than before, which were {'one': 2" in err
    assert f"give the same --games, or begin a new run with --from {folder / 'r' / 'network.safetensors'}" in err
    status, err = run(capsys, "--games", shard(folder / "else.shard", range(8)), *end, "--resume")
    assert status == 2 and "learns a bias for each of one: give games of these" in err.splitlines()[-1]


def test_settings_that_do_not_fit_are_not_the_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    games = ("--games", folder / "one.shard", "--run", folder / "r")
    assert run(capsys, folder / "short.toml", *games, "--positions", 32)[0] == 0
    used = (folder / "r" / "recipe.toml").read_text(encoding="utf-8")
    status, err = run(capsys, *games, "--resume", "--filters", 12)
    assert status == 2 and "the checkpoint is of another network" in err.splitlines()[-1]
    assert (folder / "r" / "recipe.toml").read_text(encoding="utf-8") == used


def test_parts_use_the_processors_there_are(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(3)), raising=False)
    run_of = ("--games", folder / "one.shard", "--positions", 32, "--threads", 0, "--precision", "float32")
    for parts, count in ((8, 3), (2, 2)):
        status, err = run(capsys, folder / "short.toml", *run_of, "--parts", parts, "--run", folder / f"{parts}")
        assert status == 0 and f"float32 on cpu, {count} threads: " in err, err


def test_profile_says_where_the_time_goes_and_leaves_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiling, "matrix_rate", lambda *_: 1e9)
    script = load_script("training/train.py")
    rest = ["--run", str(folder / "p"), "--parts", "2", "--threads", "2", "--precision", "float32"]
    threads = torch.get_num_threads()
    assert script.main([str(folder / "short.toml"), "--games", str(folder / "one.shard"), "--profile", "2", *rest]) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[0].startswith("a step of 16 positions, mean of 2: ") and "(cpu, 2 threads, float32)" in lines[0]
    assert "forward and backward" in captured.out and "GFLOP a position" in lines[-1]
    assert not (folder / "p").exists() and torch.get_num_threads() == threads


def test_bad_input_gives_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    games = ("--games", folder / "one.shard")
    recipe = folder / "short.toml"
    (folder / "dev").mkdir()
    (folder / "empty").mkdir()
    tiny = shard(folder / "tiny.shard", range(1))
    dev = shard(folder / "dev" / "x.shard", range(1))
    (folder / "no.shard").touch()
    bad = folder / "bad.toml"
    bad.write_text('optimiser = "muon"\npositions = 3', encoding="utf-8")
    cases = [
        ((recipe, *games, "--filter", 3), "there is no setting 'filter'; did you mean filters?"),
        ((recipe, *games, "--batch", "x"), "--batch x: not a value for this setting (a whole number)"),
        ((recipe, *games, "surplus"), "surplus"),
        ((folder / "none.toml", *games), "none.toml: cannot read this recipe"),
        ((bad, *games), "there is no setting 'optimiser'; did you mean optimizer?"),
        ((*games,), "give a recipe"),
        ((recipe, *games, "--profile", 0), "--profile 0: give how many steps to time, at least 1"),
        ((recipe, "--games", dev), "for validation, never for training"),
        ((recipe, "--games", folder / "none.sgf"), "none.sgf"),
        ((recipe, "--games", folder / "empty"), f"no 9x9 games among {folder / 'empty'}: give shards"),
        ((recipe, "--games", folder / "no.shard"), "no.shard: not a shard of games: make it again with"),
        ((recipe, *games, "--validation", folder), "one.shard: to learn from and to validate on at once; give other"),
        ((recipe, "--games", tiny), "too few for batch = 16: give more games"),
        ((recipe, *games, "--batch", 4096), "too few for batch = 4096: give more games"),
        ((recipe, *games, "--board-size", 19), "its games are on 9x9 boards, not 19x19"),
        ((recipe, *games, "--feature-set", "alphago49"), "there is no feature set 'alphago49'; there are board1"),
        ((recipe, *games, "--weights", "kgs=3"), "there is no source 'kgs' among the games; there are one"),
        ((recipe, *games, "--device", "cuda:9"), "device 'cuda:9' is not available here"),
        ((recipe, *games, "--from", folder / "none.safetensors"), "none.safetensors: no such network file"),
        ((*games, "--resume", "--run", folder, "--from", recipe), "--from begins a new run"),
        ((*games, "--resume"), "--resume needs --run DIR"),
        ((*games, "--resume", "--run", folder / "nothing"), "there is no checkpoint to resume"),
    ]
    (folder / "file").touch()
    cases.append(((recipe, *games, "--run", folder / "file"), "file: File exists: a file is in the way, give another"))
    for number, (arguments, message) in enumerate(cases):
        where = () if {"--resume", "--run"} & set(arguments) else ("--run", folder / f"run{number}")
        status, err = run(capsys, *arguments, *where)
        last = err.splitlines()[-1]
        assert status == 2, message
        assert last.startswith("train.py: ") and message in last, (message, last)


def test_a_divergent_run_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, err = run(
        capsys, folder / "short.toml", "--games", folder / "one.shard", "--run", folder / "d",
        "--rate", "1e30", "--muon-rate", "1e30", "--clip", "0",
    )  # fmt: skip
    assert status == 2 and "lower the rates" in err.splitlines()[-1]


def test_no_setting_hides_another_option() -> None:
    from goengine.recipe import Recipe
    from goengine.settings import check_name, names

    assert not {"recipe", "games", "validation", "run", "resume", "smoke", "time_limit"} & set(names(Recipe))
    with pytest.raises(RecipeError, match="did you mean minutes"):
        check_name(Recipe, "minute", "command line")
