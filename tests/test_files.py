"""Files that are written whole or not at all, and where none can stand."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from scripts import ROOT

from goengine.errors import GoEngineError
from goengine.files import check_output, written


def test_a_file_takes_its_place_in_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("before")
    with written(path) as temporary:
        temporary.write_text("after")
        assert path.read_text() == "before"
    assert path.read_text() == "after" and os.listdir(tmp_path) == ["a.txt"]


def test_after_an_error_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with pytest.raises(ZeroDivisionError), written(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    with pytest.raises(OSError) as caught, written(path) as temporary:
        temporary.write_text("half")
        raise OSError(28, "No space left on device")
    assert caught.value.filename == str(path)
    assert os.listdir(tmp_path) == []


def test_a_message_alone_is_kept(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="encoder error -2") as caught, written(tmp_path / "x.png"):
        raise OSError("encoder error -2")
    assert caught.value.filename == str(tmp_path / "x.png")


@pytest.mark.parametrize("path", ["", ".", "/", "..", "/tmp/"])
def test_a_folder_is_no_file(path: str) -> None:
    with pytest.raises(GoEngineError, match="is a folder: give the name of a file"):
        check_output(path)


def test_a_file_needs_a_folder(tmp_path: Path) -> None:
    with pytest.raises(GoEngineError, match=r"b/c.txt: there is no such folder"), written(tmp_path / "b" / "c.txt"):
        pass


GAME = str(ROOT / "data" / "samples" / "game-0005.sgf")


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["planes", GAME, "--output", "."], 2, "goengine: .: is a folder"),
        (["planes", GAME, "--output", ""], 2, "is a folder"),
        (["planes", GAME, "--output", "no/x.npy"], 2, "there is no such folder"),
        (["play", "--save", "no/x.sgf"], 2, "there is no such folder"),
        (["evaluate", GAME, "--against", "small", "--marked", "."], 2, "--marked .: is a folder"),
        (["evaluate", GAME, "--against", "smal"], 2, "--against smal: no such network file"),
    ],
)
def test_commands_say_so_at_once(
    words: list[str], status: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from goengine.cli import main

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert main(words) == status
    said = capsys.readouterr()
    assert message in said.err and said.err.count("\n") == 1 and not said.out
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="the shell's own way to close a stream")
@pytest.mark.parametrize(("closed", "status"), [(">&-", 0), ("2>&-", 0), ("<&-", 0)])
def test_closed_streams_are_no_error(closed: str, status: int) -> None:
    command = f'"{sys.executable}" -m goengine check "{GAME}" {closed}'
    found = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == status and "Traceback" not in found.stderr


def test_names_that_stdout_cannot_encode_are_escaped(tmp_path: Path) -> None:
    record = tmp_path / "日本.sgf"
    record.write_text("(;GM[1]SZ[9];B[zz])", encoding="utf-8")
    found = subprocess.run(
        [sys.executable, "-m", "goengine", "check", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii:strict"},
    )
    assert found.returncode == 1 and "\\u65e5" in found.stdout and not found.stderr
