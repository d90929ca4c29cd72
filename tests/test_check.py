"""`goengine check`: where, what, and the remedy; then how often."""

import argparse
import re
from pathlib import Path

import pytest

from goengine.cli import check, main

GOOD = "(;GM[1]SZ[9];B[aa];W[bb])"


def test_a_good_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.sgf").write_text(GOOD)
    assert main(["check", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "1 game can be used, 2 moves; 0 problems\n"


def test_bad_games_are_named_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.sgfs"
    path.write_text(f"{GOOD}\n(;SZ[13:9])\n(;SZ[9];B[aa];W[aa])\n\n(;SZ[9];B[cc];W[cc])\n(;SZ[9];B[dd]")
    assert main(["check", str(path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    used = "what stands before the fault is used"
    assert lines == [
        f"{path}, game 2 (line 2): SZ: the board is not square (13:9); skipped: "
        "remove the game: boards are square here",
        f"{path}, game 3 (line 3): W: an illegal move (move 2, W A9); {used}: correct the move",
        f"{path}, game 4 (line 5): W: an illegal move (move 2, W C7); {used}: correct the move",
        f"{path}, game 5 (line 6): the file ends in the middle of the game; {used}: get the whole file, or mend it",
        "4 games can be used, 5 moves; 4 problems",
        "        2  used     W: an illegal move",
        "        1  skipped  SZ: the board is not square",
        "        1  used     the file ends in the middle of the game",
    ]


def test_many_of_a_kind_are_cut_short(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.sgfs"
    path.write_text("(;SZ[9];B[aa];W[aa])\n" * 30 + "(;SZ[9]KM[x])")
    assert main(["check", str(path)]) == 1
    out = capsys.readouterr().out
    assert len(re.findall(r"game \d+ .*an illegal move", out)) == 10
    assert "... and more of the same: an illegal move (--all shows them)" in out
    assert "KM: komi is not a number (x)" in out
    assert "       30  used     W: an illegal move" in out
    assert main(["check", "--all", str(path)]) == 1
    assert len(re.findall(r"game \d+ .*an illegal move", capsys.readouterr().out)) == 30


@pytest.mark.parametrize("data", [b"", b"\0\x01\x02" * 1000, b"\x7fELF", b"\x1f\x8b\x08broken", b"PK\x03\x04broken"])
def test_binary_files(tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes) -> None:
    path = tmp_path / "a.sgf"
    path.write_bytes(data)
    assert main(["check", str(path)]) == 1
    first = capsys.readouterr().out.splitlines()[0]
    assert str(path) in first and "skipped:" in first


def test_no_such_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.sgf").write_text(GOOD)
    assert main(["check", str(tmp_path / "a.sgf"), str(tmp_path / "absent.sgf")]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"goengine: {tmp_path}/absent.sgf: no such file or folder: check the path\n"


def test_help_tells_the_exit_statuses() -> None:
    parser = argparse.ArgumentParser()
    check.add_arguments(parser)
    assert "Exit status: 0 nothing is wrong" in parser.format_help()
