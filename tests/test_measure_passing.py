"""The script that counts premature passes."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from goengine.player import Player

ROOT = Path(__file__).resolve().parent.parent


def run(*arguments: object) -> int:
    spec = importlib.util.spec_from_file_location("measure_passing", ROOT / "training" / "measure_passing.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return int(module.main([str(argument) for argument in arguments]))


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
