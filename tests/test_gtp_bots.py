"""What an engine needs that plays on a server for weeks: a log of the conversation, and a way to stop between games."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fake_network import FakeNetwork

from goengine.errors import GoEngineError
from goengine.gtp.handlers import make_handlers
from goengine.gtp.log import GtpLog
from goengine.gtp.protocol import Engine
from goengine.gtp.session import Session
from goengine.gtp.stopping import stopping_handlers
from goengine.player import Player

ROOT = Path(__file__).resolve().parent.parent


def engine(stop_file: Path | None = None) -> Engine:
    handlers = make_handlers(Session(lambda: Player(FakeNetwork(5)), 5))
    return Engine(handlers if stop_file is None else stopping_handlers(handlers, stop_file))


def test_the_log_holds_both_directions_with_times(tmp_path: Path) -> None:
    path = tmp_path / "gtp.log"
    path.write_bytes(b"earlier\n")
    log = GtpLog(path)
    output = io.BytesIO()
    engine().run(log.received(iter([b"1 name\r", b"\xff", b"showboard"])), log.sent(output))
    log.close()
    first, start, *lines = path.read_bytes().split(b"\n")
    assert first == b"earlier" and b" -- goengine, process " in start
    time = rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d "
    assert all(re.match(time, line) for line in lines if line)
    said = [re.sub(time, b"", line) for line in lines]
    assert said[:4] == [b">> 1 name", b"<< =1 goengine", b">> \xff", b"<< ? unknown command"]
    assert said[4] == b">> showboard" and said[5] == b"<< =" and said[-2] == b"-- end of input"
    assert output.getvalue().startswith(b"=1 goengine\n\n")
    answered = b"".join(line[3:] + b"\n" for line in said if line.startswith(b"<< "))
    assert answered == re.sub(rb"\n\n+", b"\n", output.getvalue())


def test_a_log_that_cannot_be_written_is_refused_before_the_game(tmp_path: Path) -> None:
    with pytest.raises(GoEngineError, match=r"--gtp-log .*: cannot be written \(Is a directory\); give another file"):
        GtpLog(tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_ends_the_log_and_not_the_engine(capsys: pytest.CaptureFixture[str]) -> None:
    log = GtpLog("/dev/full")
    output = io.BytesIO()
    engine().run(log.received(iter([b"1 name", b"2 version"])), log.sent(output))
    assert output.getvalue().startswith(b"=1 goengine\n\n=2 ")
    assert capsys.readouterr().err == "goengine: /dev/full: the log ends here (No space left on device)\n"


def test_the_game_in_hand_is_finished_and_no_other_begun(tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    one = engine(stop)
    assert one.answer(b"boardsize 5") == one.answer(b"clear_board") == b"=\n\n"
    stop.touch()
    for line in (b"play b C3", b"komi 6.5", b"genmove w", b"undo", b"play w D3", b"final_score"):
        answer = one.answer(line)
        assert answer is not None and answer.startswith(b"="), line
    assert not one.ended
    assert one.answer(b"3 clear_board") == f"?3 no new game: {stop} is there\n\n".encode()
    assert one.ended


@pytest.mark.parametrize("begin", [b"boardsize 5", b"loadsgf x.sgf"])
def test_other_beginnings_are_declined_as_well(tmp_path: Path, begin: bytes) -> None:
    stop = tmp_path / "stop"
    stop.touch()
    one = engine(stop)
    answer = one.answer(begin)
    assert answer is not None and answer.startswith(b"? no new game") and one.ended


def test_kgs_says_when_the_game_is_over(tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    one = engine(stop)
    assert one.answer(b"kgs-game_over") == b"=\n\n" and not one.ended
    stop.touch()
    assert one.answer(b"kgs-game_over") == b"=\n\n" and one.ended


def test_the_options_of_the_command(tmp_path: Path) -> None:
    log, stop = tmp_path / "gtp.log", tmp_path / "stop"
    command = [sys.executable, "-m", "goengine", "gtp", "--gtp-log", str(log), "--stop-file", str(stop)]
    stop.touch()
    run = subprocess.run(
        command, input=b"name\nclear_board\nname\n", capture_output=True, cwd=ROOT, timeout=60, check=False
    )
    assert run.returncode == 0
    assert run.stdout == f"= goengine\n\n? no new game: {stop} is there\n\n".encode()
    assert b">> clear_board\n" in log.read_bytes()
    command[command.index(str(log))] = str(tmp_path)
    run = subprocess.run(command, input=b"name\n", capture_output=True, cwd=ROOT, timeout=60, check=False)
    assert run.returncode == 2 and run.stdout == b""
    assert run.stderr.count(b"\n") == 1 and run.stderr.startswith(b"goengine: --gtp-log ")
