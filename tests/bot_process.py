"""A running engine as the clients of servers have it, told to end in all the ways there are; and what came of it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 120.0  # seconds for an answer, see Process._stuck
END_PATIENCE = 15.0  # for the end of a process
WAYS_TO_END = ("quit", "end of input", "cut in a line", "SIGTERM", "SIGINT", "stdout closed", "SIGKILL")
MOMENTS = ("idle", "genmove", "analysis", "loading")
GAME_ENDS = ("two passes", "dispute, passes", "engine resigns", "opponent leaves", "failure")


def real_engine(*arguments: str) -> list[str]:
    """What starts the engine."""
    return [sys.executable, "-m", "goengine", "gtp", "--threads", "1", *arguments]


def fake_engine(size: int) -> list[str]:
    """What starts an engine with a network that needs no torch."""
    return [sys.executable, str(ROOT / "tests" / "fake_engine.py"), "--threads", "1", "--size", str(size)]


class Refused(AssertionError):
    """The engine answered ``?`` to a command that a client may send."""


class Hangs(AssertionError):
    """No answer, or no end, in time."""


@dataclass
class Report:
    """What happened, for people to read and for the test to judge."""

    games: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Games by client and :data:`GAME_ENDS`."""
    failures: list[str] = field(default_factory=list)
    """What went wrong in each game that failed, and where its dialogue is."""
    plies: int = 0
    events: Counter[str] = field(default_factory=Counter)
    longest: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """Seconds of processor time, the longest for each command."""
    ends: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Seconds from being told to the end, by way and moment."""
    growth: list[tuple[str, int, int]] = field(default_factory=list)
    """Of each engine that played several games: its name, RSS in KiB after the second and at the end."""
    most_memory: int = 0
    """KiB."""

    def add(self, other: Report) -> None:
        """Take over what another report holds."""
        self.games += other.games
        self.failures += other.failures
        self.plies += other.plies
        self.events += other.events
        for command, seconds in other.longest.items():
            self.longest[command] = max(self.longest[command], seconds)
        for how, times in other.ends.items():
            self.ends[how] += times
        self.growth += other.growth
        self.most_memory = max(self.most_memory, other.most_memory)

    def lines(self) -> Iterator[str]:
        """The report as text."""
        yield f"{'games that ended by':18}" + "".join(f"{end:>18}" for end in GAME_ENDS)
        for name in (*sorted({name for name, _ in self.games}), "all"):
            counts = [
                sum(n for key, n in self.games.items() if name in ("all", key[0]) and key[1] == end)
                for end in GAME_ENDS
            ]
            yield f"{name:18}" + "".join(f"{count:18}" for count in counts)
        yield f"{self.plies} plies"
        yield f"events: {dict(sorted(self.events.items()))}"
        for how, times in sorted(self.ends.items()):
            yield f"end by {how}: {len(times)} times, {1000 * max(times):.0f} ms at most"
        slow = sorted(self.longest.items(), key=lambda item: -item[1])[:8]
        yield "longest answers, processor time: " + ", ".join(
            f"{command} {1000 * seconds:.0f} ms" for command, seconds in slow
        )
        yield f"most memory: {self.most_memory / 1024:.0f} MiB"
        for name, before, after in self.growth:
            yield f"{name}: {before / 1024:.1f} MiB after two games, {after / 1024:.1f} MiB at the end"


@dataclass(frozen=True)
class Resources:
    """What a process holds."""

    memory: int
    """Resident, KiB."""
    threads: int
    descriptors: int


class Process:
    """A running engine, asked one command at a time, each with a time limit.

    Args:
        command: what starts it.
        report: takes what happens.
        dialogue: takes what is said, a piece each; or nothing does.
    """

    def __init__(self, command: list[str], report: Report, dialogue: list[str] | None = None) -> None:
        self._report = report
        self._dialogue = dialogue
        self._note(f"-- {' '.join(command)}")
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
            "OMP_NUM_THREADS": "1",
        }
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
            bufsize=0,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        assert self.process.stdin is not None and self.process.stdout is not None
        self._input, self._output = self.process.stdin, self.process.stdout
        self._pending = b""
        self.games = 0
        self.settled: Resources | None = None
        """After the second game."""

    def send(self, text: str) -> None:
        """Write bytes, and wait for nothing."""
        self._note(f">> {text!r}")
        self._input.write(text.encode())

    def answer(self, command: str) -> str:
        """The text of the response to a command that was sent.

        Raises:
            Refused: it begins with ``?``.
            Hangs: it does not come.
        """
        if b"\n\n" not in self._pending:
            began = self._used()
            self._receive(command)
            name = command.split()[0] if not command[0].isdigit() else command.split()[1]
            self._report.longest[name] = max(self._report.longest[name], self._used() - began)
        raw, _, self._pending = self._pending.partition(b"\n\n")
        text = raw.decode()
        number = command.split()[0] if command[0].isdigit() else ""
        if not text.startswith(f"={number}"):
            raise Refused(f"{command}: {text}")
        return text[1 + len(number) :].strip()

    def _receive(self, command: str) -> None:
        """Read until there is a whole response."""
        stuck = self._stuck(PATIENCE)
        while b"\n\n" not in self._pending:
            ready = select.select([self._output], [], [], 1.0)[0]
            if why := next(stuck):
                raise Hangs(f"no answer to {command!r}: {why}")
            if not ready:
                continue
            block = os.read(self._output.fileno(), 1 << 16)
            if not block:
                raise AssertionError(f"the engine ended at {command!r}: {self.errors()}")
            self._note(f"<< {block.decode(errors='replace')}")
            self._pending += block

    def ask(self, command: str, end: str = "\n") -> str:
        """Send a command and return its answer."""
        self.send(command + end)
        return self.answer(command)

    def resources(self) -> Resources:
        """What the process holds now."""
        folder = Path("/proc") / str(self.process.pid)
        fields = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
        memory = int(fields["VmRSS"].split()[0])
        self._report.most_memory = max(self._report.most_memory, memory)
        return Resources(memory, int(fields["Threads"]), len(list((folder / "fd").iterdir())))

    def end(self, how: str, moment: str) -> None:
        """End it in one of :data:`WAYS_TO_END`, and see that it does; ``moment`` is for the report."""
        began = time.monotonic()
        self._note(f"-- {how}, {moment}")
        try:
            if how == "quit":
                self.send("quit\n")
            elif how == "end of input":
                self._input.close()
            elif how == "cut in a line":
                self.send("play b")
                self._input.close()
                self._output.close()
            elif how == "stdout closed":
                self._output.close()
            else:
                self.process.send_signal(signal.Signals[how])
        except BrokenPipeError:
            raise AssertionError(f"the engine had ended before: {self.errors()}") from None
        stuck = self._stuck(END_PATIENCE)
        try:
            while (status := self._ended_within(1.0)) is None:
                if why := next(stuck):
                    raise Hangs(f"still there after {how}, {moment}: {why}")
        finally:
            self.close()
        self._report.ends[f"{how}, {moment}"].append(time.monotonic() - began)
        self._report.events[how] += 1
        expected = {"SIGKILL": -9, "SIGINT": 130, "SIGTERM": 0}.get(how, 0)
        assert status == expected, (how, moment, status, self.errors())

    def close(self) -> None:
        """Kill it if it runs, close everything, and see that it crashed nowhere."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._input.close()
        self._output.close()
        errors = self.errors()
        self._errors.close()
        assert "Traceback" not in errors and "internal error" not in errors, errors

    def _ended_within(self, seconds: float) -> int | None:
        """The exit status, or None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.process.wait(seconds)
        return None

    def _used(self) -> float:
        """Seconds of processor time that it has used so far; 0 where it is gone."""
        try:
            words = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def _stuck(self, patience: float) -> Iterator[str]:
        """Asked again and again while it is waited for: why it hangs, or "".

        A busy machine is no hang: it computes for so many seconds of processor time, or does nothing for so many.
        """
        first = used = self._used()
        since = time.monotonic()
        while True:
            if (now := self._used()) != used:
                used, since = now, time.monotonic()
            if used - first > patience:
                yield f"it has computed for {used - first:.0f} s"
            elif time.monotonic() - since > patience:
                yield f"it has done nothing for {patience:.0f} s"
            else:
                yield ""

    def _note(self, text: str) -> None:
        if self._dialogue is not None:
            self._dialogue.append(text)

    def errors(self) -> str:
        """What it wrote to stderr."""
        if self._errors.closed:
            return ""
        self._errors.seek(0)
        return self._errors.read().decode()
