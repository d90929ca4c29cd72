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
    session = Session(lambda: Player(FakeNetwork(5), resign=1.0), 5)
    handlers = make_handlers(session)
    return Engine(handlers if stop_file is None else stopping_handlers(handlers, stop_file, session))


def obeyed(engine: Engine, *lines: str) -> None:
    for line in lines:
        answer = engine.answer(line.encode())
        assert answer is not None and answer.startswith(b"="), (line, answer)
    assert not engine.ended


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
    obeyed(one, "boardsize 5", "clear_board", "play b C3", "genmove w")
    stop.touch()
    obeyed(one, "komi 6.5", "play b A1", "genmove w", "undo", "play w A2", "play b pass", "play w pass", "final_score")
    assert one.answer(b"3 clear_board") == f"?3 no new game: {stop} is there\n\n".encode()
    assert one.ended


def test_the_game_in_hand_may_be_set_up_again_before_every_move(tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    one = engine(stop)
    game = ["boardsize 5", "clear_board", "komi 7.5", "play b C3"]
    obeyed(one, *game, "genmove w")
    stop.touch()
    game += ["play w D3", "play b C4"]
    obeyed(one, *game, "genmove w", *game, "kata-genmove_analyze w", *game[:3])  # and then the opponent resigns
    assert one.answer(b"7 genmove b") == f"?7 no new game: {stop} is there\n\n".encode()
    assert one.ended


def test_a_game_that_the_engine_has_not_moved_in_is_not_in_hand(tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    one = engine(stop)
    obeyed(one, "boardsize 5", "clear_board", "genmove b", "kgs-game_over", "clear_board", "play b C3", "reg_genmove w")
    stop.touch()
    answer = one.answer(b"boardsize 5")
    assert answer is not None and answer.startswith(b"? no new game") and one.ended


@pytest.mark.parametrize("name", ["genmove", "kata-genmove_analyze"])
def test_a_game_that_it_resigned_is_over(name: str, tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    one = engine(stop)
    obeyed(one, "komi 100", "gogui-play_sequence b B2 w D4 b C2 w D3 b B4 w D2")
    said = one.answer(f"{name} b".encode())
    assert said is not None and said.endswith(b"resign\n\n")
    stop.touch()
    answer = one.answer(b"clear_board")
    assert answer is not None and answer.startswith(b"? no new game") and one.ended


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
