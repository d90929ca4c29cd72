"""training/report.py from outside: the whole report, stopped and continued, and what bad input gets."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from known_networks import saved
from scripts import load_script
from small_games import sgf, shard

from goengine.checkpoint import Network


def run(*arguments: object) -> int:
    return int(load_script("training/report.py").main([str(argument) for argument in arguments]))


@pytest.fixture
def command(tmp_path: Path) -> list[object]:
    network = saved(tmp_path / "tiny.safetensors")
    (tmp_path / "one.sgfs").write_text(
        "\n".join(sgf(seed).replace("KM[7]", "BR[6d]WR[9p]") for seed in range(6)), encoding="utf-8"
    )
    shard(tmp_path / "two.shard", range(6, 10))
    files = (tmp_path / "one.sgfs", tmp_path / "two.shard")
    return [tmp_path / "report", *files, "--network", network, "--threads", 1]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The symmetries of each call of the network."""
    calls: list[int] = []
    ask = Network.policy

    def policy(self: Network, batch: Any, symmetries: int = 1, legal: Any = None) -> np.ndarray:
        calls.append(symmetries)
        return ask(self, batch, symmetries, legal)

    monkeypatch.setattr(Network, "policy", policy)
    return calls


def test_the_whole_report(command: list[object], asked: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    folder = Path(str(command[0]))
    assert run(*command) == 0
    assert capsys.readouterr().out == f"{folder / 'report.md'}\n" and set(asked) == {1, 8}
    text = (folder / "report.md").read_text(encoding="utf-8")
    figures = json.loads((folder / "report.json").read_text(encoding="utf-8"))["files"]
    for name in ("one", "two"):
        single, eight = figures[name]["single"], figures[name]["eight"]
        assert single["positions"] == eight["positions"] == figures[name]["eight_less_single"]["positions"]
        assert f"| {name} | {single['positions']:,} | {100 * single['top1']:.2f} %" in text
        for phase, part in single["by_phase"].items():
            assert f"| {name} | {phase} | {part['positions']:,} | {100 * part['top1']:.2f} %" in text
            assert f"{100 * part['top5']:.2f} % | {part['loss']:.4f} |" in text
        assert figures[name]["eight_less_single"]["top1"] == pytest.approx(eight["top1"] - single["top1"])
        for picture in ("accuracy-by-move.png", "reliability.png"):
            assert (folder / name / picture).exists() and f"({name}/{picture})" in text
    assert "| one | 6d | " in text and "| one | 9p | " in text and "| two | 9p" not in text
    for block in text.split("\n\n"):
        bars = {line.count("|") for line in block.splitlines() if line.startswith("|")}
        assert len(bars) <= 1, block  # every row of a table has as many cells

    asked.clear()  # again: nothing is measured, and a picture that is gone is drawn
    (folder / "one" / "reliability.png").unlink()
    assert run(*command) == 0 and not asked
    assert (folder / "one" / "reliability.png").exists()
    (folder / "two.json").write_text('{"figures": ', encoding="utf-8")  # damaged: measured again
    assert run(*command) == 0 and asked
    assert (folder / "report.md").read_text(encoding="utf-8") == text


def test_stopped_and_continued(
    command: list[object], asked: list[int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Network.policy

    def stop(self: Network, batch: Any, symmetries: int = 1, legal: Any = None) -> np.ndarray:
        if len(asked) > 70:  # in the second file
            raise KeyboardInterrupt
        return counted(self, batch, symmetries, legal)

    folder = Path(str(command[0]))
    with monkeypatch.context() as patched:
        patched.setattr(Network, "policy", stop)
        assert run(*command, "--no-plots") == 130
    assert "goes on with this file" in capsys.readouterr().err
    assert (folder / "one.json").exists() and not (folder / "two.json").exists()
    asked.clear()
    assert run(*command, "--no-plots", "--limit", 40) == 0  # other settings: measured anew
    few = len(asked)
    assert json.loads((folder / "two.json").read_text(encoding="utf-8"))["figures"]["single"]["positions"] == 40
    asked.clear()
    assert run(*command, "--no-plots", "--limit", 40, "--limit-symmetries", 8) == 0
    figures = json.loads((folder / "report.json").read_text(encoding="utf-8"))["files"]["two"]
    assert figures["single"]["positions"] == 40 and figures["eight"]["positions"] == 8 and len(asked) < few
    assert run(*command, "--no-plots", "--limit", 8, "--limit-symmetries", 40) == 0
    figures = json.loads((folder / "report.json").read_text(encoding="utf-8"))["files"]["two"]
    assert figures["single"]["positions"] == figures["eight"]["positions"] == 8


def test_a_folder_whose_games_change(
    command: list[object], asked: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    games = tmp_path / "games.v2"
    games.mkdir()
    (games / "a.sgf").write_text(sgf(1), encoding="utf-8")
    before = games.stat().st_mtime_ns
    monkeypatch.chdir(games)
    again = [command[0], ".", *command[3:], "--no-plots"]
    assert run(*again) == 0 and (tmp_path / "report" / "games.v2.json").exists()
    asked.clear()
    assert run(*again) == 0 and not asked
    (games / "a.sgf").write_text(sgf(2), encoding="utf-8")  # in place: the folder itself is as it was
    assert games.stat().st_mtime_ns == before
    assert run(*again) == 0 and asked


def test_bad_input(command: list[object], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, one, *rest = command
    for arguments, message in (
        ([*command, "--limit", 0], "--limit 0 is not possible"),
        ([folder, one, one, *rest], "two of the files are 'one'"),
        ([folder, tmp_path / "none.sgf", "--network", rest[2]], "none.sgf: no such file"),
        ([folder, one, "--network", tmp_path / "none"], "no such network file"),
    ):
        assert run(*arguments, "--no-plots") == 2
        captured = capsys.readouterr()
        assert message in captured.err and captured.err.count("\n") == 1 and not captured.out
