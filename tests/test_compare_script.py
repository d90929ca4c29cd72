"""training/compare.py: which runs it makes, and what bad input gets. The runs themselves are train.py's."""

import subprocess
from pathlib import Path
from types import ModuleType

import pytest
from scripts import ROOT, load_script

from goengine.checkpoint import save_network
from goengine.networks import build_network


@pytest.fixture
def script() -> ModuleType:
    return load_script("training/compare.py")


def test_each_recipe_runs_with_each_value(script: ModuleType) -> None:
    one, two = Path("recipes/one.toml"), Path("two.toml")
    assert script.runs_of([one, two], []) == [("one", one, []), ("two", two, [])]
    runs = script.runs_of([one], ["filters=8,16", "feature-set=board4,alphago48,"])
    assert [name for name, _, _ in runs] == ["one 8 board4", "one 8 alphago48", "one 16 board4", "one 16 alphago48"]
    assert runs[1][2] == ["--filters", "8", "--feature_set", "alphago48"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("filter=8", "--vary: there is no setting 'filter'; did you mean filters?"),
        ("filters", "--vary filters: give values, as filters=A,B"),
        ("filters=8,many", "--filters many: not a value for this setting (a whole number)"),
    ],
)
def test_bad_values_give_one_line(
    script: ModuleType, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    assert script.main(["--vary", text]) == 2
    assert capsys.readouterr().err == f"compare.py: {message}\n"


def test_the_table(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []

    def train(command: list[str]) -> subprocess.CompletedProcess[bytes]:
        commands.append(command)
        module = build_network("alphago", in_planes=4, num_actions=81, filters=4, depth=1)
        said = {"architecture": "alphago", "feature_set": "board4", "board_size": 9, "name": "x"}
        said |= {"training": {"positions": 5000, "seconds": 61.5}}
        said |= {"results": {"all": {"loss": 3.25, "top1": 0.125, "top5": 0.5}}}
        (folder := Path(command[-1])).mkdir(parents=True, exist_ok=True)
        save_network(folder / "network.safetensors", module, said)
        return subprocess.CompletedProcess(command, 3 if "--fails" in command else 0)

    monkeypatch.setattr(subprocess, "run", train)
    (tmp_path / "a.toml").write_text("filters = 4\n")
    which = ["--recipes", str(tmp_path / "a.toml"), "--vary", "filters=4,8"]
    assert script.main([*which, "--games", "g", "--runs", str(tmp_path / "runs")]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["recipe", "planes", "parameters", "positions", "seconds", "loss", "top-1", "top-5"]
    parameters = 25 * 4 * 4 + 4 + 4 + 81
    assert [row.split()[:2] for row in rows] == [["a", "4"], ["a", "8"]]
    assert rows[0].split()[2:] == ["board4", f"{parameters:,}", "5,000", "62", "3.2500", "12.50%", "50.00%"]
    assert commands[1][2:] == [
        str(tmp_path / "a.toml"),
        "--games",
        "g",
        "--filters",
        "8",
        "--run",
        str(tmp_path / "runs" / "a-8"),
    ]
    assert script.main([*which, "--games", "g", "--runs", str(tmp_path / "runs")]) == 0 and len(commands) == 2
    assert capsys.readouterr().out.splitlines() == [head, *rows]  # nothing was trained again
    (tmp_path / "runs" / "a-8" / "finished").rename(
        tmp_path / "runs" / "a-8" / "checkpoint.pt"
    )  # with a network, not over
    assert script.main([*which, "--games", "g", "--runs", str(tmp_path / "runs")]) == 0
    assert commands.pop()[-3:] == ["--resume", "--run", str(tmp_path / "runs" / "a-8")]
    assert script.main([*which, "--games", "h", "--runs", str(tmp_path / "runs")]) == 2
    assert "holds a comparison with other settings (arguments)" in capsys.readouterr().err
    capsys.readouterr()
    assert script.main([*which, "--fails", "--runs", str(tmp_path / "more")]) == 3 and len(commands) == 3
    assert "recipe" not in capsys.readouterr().out  # nothing was finished
    assert script.main([*which[:2], str(tmp_path / "none.toml")]) == 2
    assert "none.toml" in capsys.readouterr().err and len(commands) == 3


def test_what_is_finished_is_told_when_a_later_run_fails(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    statuses = iter([0, 3])
    monkeypatch.setattr(subprocess, "run", lambda command: subprocess.CompletedProcess(command, next(statuses)))
    monkeypatch.setattr(script, "load_network", lambda path: path)
    monkeypatch.setattr(script, "row", lambda name, path: f"{name.strip()}: {path.name}")
    recipes = [ROOT / "training/recipes/smoke.toml", ROOT / "training/recipes/onward.toml"]
    assert script.main(["--recipes", *map(str, recipes), "--runs", str(tmp_path)]) == 3
    assert capsys.readouterr().out.splitlines()[1:] == ["smoke: network.safetensors"]


def test_two_runs_of_one_name_are_refused(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert script.main(["--recipes", "x/a.toml", "y/a.toml"]) == 2
    assert "two runs would both be 'a'" in capsys.readouterr().err
