"""training/train.py from outside: a whole run, an interrupted one, and what bad input gets."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from small_games import sgf, shard
from torch import Tensor

from goengine.checkpoint import load_network
from goengine.dataset import Batch
from goengine.errors import RecipeError
from goengine.trainer import Trainer

ROOT = Path(__file__).resolve().parent.parent
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
    spec = importlib.util.spec_from_file_location("train_script", ROOT / "training" / "train.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    status = module.main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    assert captured.out == ""
    return status, captured.err


def losses(run_folder: Path) -> list[float]:
    lines = map(json.loads, (run_folder / "log.jsonl").read_text(encoding="utf-8").splitlines())
    return [line["loss"] for line in lines if line["kind"] == "train"]


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
    assert "filters = 12" in (folder / "r" / "recipe.toml").read_text(encoding="utf-8")
    status, err = run(capsys, folder / "short.toml", "--games", folder / "one.shard", "--run", folder / "r")
    assert status == 2 and "holds a run already: go on with it by --resume" in err


@pytest.mark.parametrize("parts", [1, 2])
def test_stopped_and_resumed_equals_unbroken(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, parts: int
) -> None:
    games = ("--games", folder / "one.shard", "--validation", folder / "two.sgfs")
    recipe = (folder / "short.toml", "--parts", parts)
    assert run(capsys, *recipe, *games, "--run", folder / "unbroken")[0] == 0
    learn = Trainer.learn

    def interrupted(self: Trainer, batch: Batch, factor: float) -> tuple[Tensor, Tensor, Tensor]:
        if self.steps == 20:  # the cool-down has begun
            signal.raise_signal(signal.SIGTERM)
        return learn(self, batch, factor)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "learn", interrupted)
        status, err = run(capsys, *recipe, *games, "--run", folder / "broken")
    assert status == 128 + signal.SIGTERM and "stopped at step 21; go on with" in err
    assert len(losses(folder / "broken")) == 21
    status, err = run(capsys, *games, "--run", folder / "broken", "--resume")
    assert status == 0, err
    assert losses(folder / "broken") == losses(folder / "unbroken")
    first, second = (load_network(folder / name / "network.safetensors") for name in ("unbroken", "broken"))
    assert first.metadata["results"] == second.metadata["results"]


def test_a_time_limit_ends_a_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    limits = ("--positions", 0, "--time-limit", 0.02)
    status, err = run(capsys, folder / "short.toml", *limits, "--games", folder / "one.shard", "--run", folder / "t")
    assert status == 0 and "done: " in err, err
    assert 1.2 <= load_network(folder / "t" / "network.safetensors").metadata["training"]["seconds"] < 60


def test_smoke_makes_any_recipe_small(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    games = ("--games", folder / "one.shard", "--run", folder / "s")
    status, err = run(capsys, folder / "long.toml", "--smoke", *games)
    assert status == 0 and "done: 1,024 positions" in err, err


def test_bad_input_gives_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    games = ("--games", folder / "one.shard")
    recipe = folder / "short.toml"
    (folder / "dev").mkdir()
    dev = shard(folder / "dev" / "x.shard", range(1))
    bad = folder / "bad.toml"
    bad.write_text('optimiser = "muon"\npositions = 3', encoding="utf-8")
    cases = [
        ((recipe, *games, "--filter", 3), "there is no setting 'filter'; did you mean filters?"),
        ((recipe, *games, "--batch", "x"), "--batch x: not a value for this setting (a whole number)"),
        ((recipe, *games, "surplus"), "surplus"),
        ((folder / "none.toml", *games), "none.toml: cannot read this recipe"),
        ((bad, *games), "there is no setting 'optimiser'; did you mean optimizer?"),
        ((*games,), "give a recipe"),
        ((recipe, "--games", dev), "for validation, never for training"),
        ((recipe, "--games", folder / "none.sgf"), "none.sgf"),
        ((recipe, *games, "--board-size", 19), "its games are on 9x9 boards, not 19x19"),
        ((recipe, *games, "--feature-set", "alphago49"), "there is no feature set 'alphago49'; there are board1"),
        ((recipe, *games, "--weights", "kgs=3"), "there is no source 'kgs' among the games; there are one"),
        ((recipe, *games, "--device", "cuda:9"), "device 'cuda:9' is not available here"),
        ((recipe, *games, "--from", folder / "none.safetensors"), "none.safetensors: no such network file"),
        ((*games, "--resume", "--run", folder, "--from", recipe), "--from begins a new run"),
        ((*games, "--resume"), "--resume needs --run DIR"),
        ((*games, "--resume", "--run", folder / "nothing"), "there is no checkpoint to resume"),
    ]
    for number, (arguments, message) in enumerate(cases):
        where = () if "--resume" in arguments else ("--run", folder / f"run{number}")
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
    from goengine.recipe import SETTINGS, check_name

    assert not {"recipe", "games", "validation", "run", "resume", "smoke", "time_limit"} & set(SETTINGS)
    with pytest.raises(RecipeError, match="did you mean minutes"):
        check_name("minute", "command line")
