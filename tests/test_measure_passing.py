"""The script that counts premature passes."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripts import ROOT, load_script

from goengine.player import Player


def run(*arguments: object) -> int:
    return int(load_script("training/measure_passing.py").main([str(argument) for argument in arguments]))


def test_the_bundled_network_plays_on_in_the_middle_game(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(ROOT / "data" / "samples", "--positions", 3) == 0
    assert capsys.readouterr().out == "3 positions, it plays on in 3, passes in 0\n"


def test_a_pass_is_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Player, "choose", lambda *_: None)
    assert run(ROOT / "data" / "samples", "--positions", 1) == 1
    told, count = capsys.readouterr().out.splitlines()
    assert told.startswith("passes: ") and " after " in told
    assert count == "1 positions, it plays on in 0, passes in 1"


def test_a_missing_file_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("none.sgf") == 2
    assert capsys.readouterr().err.startswith("measure_passing.py: none.sgf")
    assert run(ROOT / "data" / "samples", "--positions", 0) == 2
    assert "--positions 0 is not possible" in capsys.readouterr().err


def test_nothing_to_pass_in_is_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "short.sgf").write_text("(;GM[1]SZ[19];B[dd])")
    assert run(tmp_path / "short.sgf") == 2
    assert "none of these games has a contested position" in capsys.readouterr().err
