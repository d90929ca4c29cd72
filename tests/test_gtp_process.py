"""The engine as a program: quick to answer, quiet on stdout, and easy to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_network import write_tiny_network

ROOT = Path(__file__).resolve().parent.parent
ENGINE = ROOT / "gtp" / "engine.py"


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_network(tmp_path_factory.mktemp("network"))


def start(*arguments: str | Path, code: str | None = None, folder: Path | None = None) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", code] if code else [sys.executable, "-m", "goengine", "gtp"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*command, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        cwd=folder,
        preexec_fn=_hear_interrupts,
    )


def _hear_interrupts() -> None:
    """A shell makes what it starts in the background ignore Ctrl-C, and so what that starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def engines() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Programs to be ended after the test, whatever happens."""
    running: list[subprocess.Popen[bytes]] = []
    yield running
    for process in running:
        process.kill()
        process.communicate()


def ask(process: subprocess.Popen[bytes], command: str) -> str:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(command.encode() + b"\n")
    process.stdin.flush()
    lines = []
    while (line := process.stdout.readline()) not in (b"\n", b""):
        lines.append(line.decode())
    return "".join(lines)


def test_a_game_with_a_real_network(network: Path, engines: list[subprocess.Popen[bytes]]) -> None:
    engine = start("--network", network, "--size", "9", "--threads", "1")
    engines.append(engine)
    assert ask(engine, "name") == "= goengine\n"
    vertices = [ask(engine, f"genmove {color}")[2:].strip() for color in "bwbw"]
    assert all(vertex[0] in "ABCDEFGHJ" and vertex[1:].isdecimal() for vertex in vertices)
    assert ask(engine, "boardsize 13") == "=\n"
    assert ask(engine, "genmove b")[2] in "ABCDEFGHJKLMN"  # the network goes to other boards
    assert ask(engine, "quit") == "=\n"
    assert engine.wait(timeout=20) == 0


def test_the_next_line_stops_an_analysis_at_once(network: Path, engines: list[subprocess.Popen[bytes]]) -> None:
    engine = start("--network", network, "--size", "9", "--threads", "1")
    engines.append(engine)
    ask(engine, "genmove b")
    assert engine.stdin is not None and engine.stdout is not None
    for stop in (b"", b"  known_command lz-analyze", b"5 play w A1"):
        engine.stdin.write(b"lz-analyze 1\n")
        engine.stdin.flush()
        assert engine.stdout.readline() == b"=\n"
        for _ in range(5):
            assert engine.stdout.readline().startswith(b"info move ")
        began = time.monotonic()
        engine.stdin.write(stop + b"\n6 name\n")
        engine.stdin.flush()
        while (line := engine.stdout.readline()) != b"\n":
            assert line.startswith(b"info move ")
        assert time.monotonic() - began < 1
        if stop:
            assert engine.stdout.readline() in (b"= true\n", b"=5\n")
            engine.stdout.readline()
        assert engine.stdout.readline() + engine.stdout.readline() == b"=6 goengine\n\n"


def test_the_end_of_the_input_ends_an_analysis(network: Path) -> None:
    engine = start("--network", network, "--size", "9")
    ask(engine, "genmove w")
    output, _ = engine.communicate(b"1 kata-analyze b 10\n", timeout=60)
    assert output.startswith(b"=1\n") and output.endswith(b"\n\n")
    assert engine.returncode == 0


def test_the_next_line_ends_an_analysis_that_waits_for_the_network(network: Path) -> None:
    engine = start("--network", network, "--size", "9")
    output, _ = engine.communicate(b"1 lz-analyze b 10\n2 name\n3 quit\n", timeout=60)
    assert output == b"=1\n\n=2 goengine\n\n=3\n\n"


def test_the_first_answers_wait_for_nothing_slow() -> None:
    code = """
import sys
import goengine.cli.gtp as command
from goengine.gtp.handlers import make_handlers
from goengine.gtp.protocol import Engine
from goengine.gtp.session import Session
engine = Engine(make_handlers(Session(lambda: None)))
for line in (b"name", b"version", b"protocol_version", b"list_commands", b"known_command play", b"boardsize 19",
             b"clear_board", b"komi 6.5", b"time_settings 0 0 0", b"kata-set-rules japanese", b"kata-get-rules",
             b"kata-set-param seed 1", b"kata-get-param seed", b"kata-list_time_settings"):
    assert engine.answer(line).startswith(b"="), line
print(sorted({"numpy", "numba", "torch", "sgfmill"} & set(sys.modules)))
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert run.stdout == "[]\n"


def test_the_end_of_the_input_ends_it_and_all_is_answered(network: Path) -> None:
    engine = start("--network", network, "--size", "9")
    output, _ = engine.communicate(b"1 name\n2 nonsense\n\n# comment\n3 play b e5\n4 undo\r\n5 name", timeout=60)
    assert output == b"=1 goengine\n\n?2 unknown command\n\n=3\n\n=4\n\n=5 goengine\n\n"
    assert engine.returncode == 0


def test_it_ends_at_once_while_it_still_loads(network: Path) -> None:
    engine = start("--network", network)
    began = time.monotonic()
    engine.communicate(b"name\nquit\n", timeout=60)
    assert time.monotonic() - began < 5
    assert engine.returncode == 0


def test_ctrl_c_ends_it_quietly(network: Path, engines: list[subprocess.Popen[bytes]]) -> None:
    engine = start("--network", network)
    engines.append(engine)
    ask(engine, "name")
    engine.send_signal(signal.SIGINT)
    assert engine.wait(timeout=20) == 130
    assert engine.stderr is not None and b"Traceback" not in engine.stderr.read()


def test_an_idle_engine_ends_when_nobody_reads_it(network: Path, engines: list[subprocess.Popen[bytes]]) -> None:
    engine = start("--network", network)
    engines.append(engine)
    ask(engine, "name")
    assert engine.stdout is not None and engine.stderr is not None
    engine.stdout.close()
    assert engine.wait(timeout=20) == 0  # its stdin is still open
    assert b"Traceback" not in engine.stderr.read()


def test_sigterm_ends_it_while_it_loads(network: Path, engines: list[subprocess.Popen[bytes]], tmp_path: Path) -> None:
    engine = start("--network", network, "--gtp-log", tmp_path / "log")
    engines.append(engine)
    ask(engine, "name")
    assert engine.stdin is not None
    engine.stdin.write(b"genmove b\n")
    engine.stdin.flush()
    engine.terminate()
    assert engine.wait(timeout=20) == 0
    assert (tmp_path / "log").read_text().endswith(" -- SIGTERM\n")


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", "<&- 2>&-"])
def test_it_answers_whatever_became_of_stderr_and_stdin(redirection: str, tmp_path: Path) -> None:
    (tmp_path / "commands").write_bytes(b"loadsgf nowhere.sgf\nname\n")
    log = tmp_path / "gtp.log"
    program = f'"{sys.executable}" -m goengine gtp --gtp-log "{log}"'
    command = f'{program} <"{tmp_path / "commands"}" {redirection}'
    run = subprocess.run(["bash", "-c", command], stdout=subprocess.PIPE, cwd=ROOT, timeout=60, check=True)
    answers = b"" if redirection.startswith("<") else b"= goengine\n\n"
    assert run.stdout.endswith(answers) and run.stdout.count(b"\n\n") == (2 if answers else 0)
    assert b"-- end of input" in log.read_bytes()


STDERR_IS_FULL = """
import os, sys
from goengine.gtp.startup import own_stdout
reader, writer = os.pipe()
os.dup2(writer, 2)
responses = own_stdout()
for number in range(2000):
    print("a line of a hundred letters", "x" * 70, number)
os.close(reader), os.close(writer)
responses.write(b"= still here\\n\\n" if os.fstat(2) else b"")
"""


def test_a_controller_that_does_not_read_stderr_stops_nothing() -> None:
    run = subprocess.run(
        [sys.executable, "-c", STDERR_IS_FULL], stdout=subprocess.PIPE, cwd=ROOT, timeout=60, check=True
    )
    assert run.stdout == b"= still here\n\n"


def test_a_broken_network_is_one_line_and_a_failed_move_and_can_be_replaced(network: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.safetensors").write_bytes(b"nothing of the kind")
    engine = start("--network", tmp_path / "broken.safetensors", "--size", "9", "--top-p", "0.5")
    commands = f"1 genmove b\n2 play b e5\n3 kata-set-param network {network}\n4 kata-get-param topP\n5 genmove w\n"
    output, errors = engine.communicate(commands.encode(), timeout=60)
    first, *others, last, end = output.decode().split("\n\n")
    assert first.startswith("?1 ") and "broken.safetensors" in first and "\n" not in first
    assert others == ["=2", "=3", "=4 0.5"] and last.startswith("=5 ") and end == ""
    assert errors.decode().count("broken.safetensors") == 1


def test_a_missing_network_is_refused_at_the_start(tmp_path: Path) -> None:
    engine = start("--network", tmp_path / "none.safetensors")
    output, errors = engine.communicate(b"name\n", timeout=60)
    assert (output, engine.returncode) == (b"", 2)
    assert errors.decode() == f"goengine: {tmp_path / 'none.safetensors'}: no such network file\n"


GUARDED = """
import os, sys, warnings
from goengine.gtp.startup import own_stdout
responses = own_stdout()
print("= a stray print")
print("? another", "info x", sep="\\n")
sys.stderr.write("play it again\\nB -> W\\n")
os.write(1, b"from C\\n")
os.system("echo from a child")
warnings.warn("careful")
responses.write(b"= the response\\n\\n")
responses.flush()
"""


def test_nothing_but_responses_reaches_stdout() -> None:
    run = start(code=GUARDED)
    output, errors = run.communicate(timeout=60)
    assert output == b"= the response\n\n"
    lines = errors.decode().splitlines()
    assert {"goengine: = a stray print", "goengine: ? another", "from C", "from a child", "B to W"} <= set(lines)
    assert any("careful" in line for line in lines)
    assert not [line for line in lines if line.lower().startswith(("=", "?", "info", "play")) or " -> " in line]


def test_the_script_of_the_checkout_starts_it_from_any_folder(tmp_path: Path, network: Path) -> None:
    (tmp_path / "goengine.py").write_text("raise SystemExit('the wrong module')\n")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    run = subprocess.run(
        [sys.executable, str(ENGINE), "--model", str(network), "--size", "9"],
        input=b"name\nplay b e5\ngenmove w\nquit\n",
        capture_output=True,
        cwd=tmp_path,
        env=environment,
        timeout=120,
        check=True,
    )
    name, played, move, _ = run.stdout.decode().split("\n\n")[:4]
    assert (name, played) == ("= goengine", "=")
    assert move.startswith("= ")
