"""The controller's side of GTP: a program as a child process, asked one command at a time, with a time limit."""

import contextlib
import os
import queue
import shlex
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence

from goengine.errors import GoEngineError

__all__ = ["CommandFailed", "GtpClient", "ProgramDied", "ProgramHangs"]

_LAST_LINES = 5


class ProgramDied(GoEngineError):
    """The program has ended, or closed its output, or says what is no GTP."""


class ProgramHangs(GoEngineError):
    """The program did not answer in time."""


class CommandFailed(GoEngineError):
    """The program answered ``?``; the message is what it said."""


class GtpClient:
    """A GTP program.

    Args:
        command: the command line, as words or as one text in shell quoting.
        name: for messages.
        folder: where it runs; None is here.
        environment: what is added to ours.

    Raises:
        ProgramDied: it cannot be started.
    """

    def __init__(
        self,
        command: str | Sequence[str],
        name: str = "",
        folder: str | os.PathLike[str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        words = shlex.split(command) if isinstance(command, str) else list(command)
        self.name = name or words[0]
        try:
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=folder,
                env={**os.environ, **(environment or {})},
                start_new_session=True,  # so that Ctrl-C reaches us alone, and its children can be ended with it
            )
        except OSError as error:
            raise ProgramDied(f"{self.name}: cannot be started: {error.strerror or error}: {words[0]}") from None
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.errors: deque[str] = deque(maxlen=_LAST_LINES)
        """The last lines that it wrote to stderr."""
        self._threads = [
            threading.Thread(target=self._read_output, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def send(self, command: str, timeout: float = 60.0) -> str:
        """The response to a command, without ``=`` and the id.

        Raises:
            CommandFailed: it answered ``?``.
            ProgramHangs: no whole response came within ``timeout`` seconds.
            ProgramDied: it is gone.
        """
        timeout = min(timeout, threading.TIMEOUT_MAX)  # what a queue can wait
        deadline = time.monotonic() + timeout
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(command.encode() + b"\n")
            self._process.stdin.flush()
        except (OSError, ValueError):
            raise self._died(command) from None
        text = self._response(command, deadline, timeout)
        body = text[1:].lstrip("0123456789").strip()
        if text.startswith("?"):
            raise CommandFailed(f"{self.name}: {command}: {body or 'failed without a reason'}")
        if not text.startswith("="):
            raise ProgramDied(f"{self.name}: answered {command!r} with what is no GTP: {text[:60]!r}")
        return body

    def knows(self, command: str, timeout: float = 60.0) -> bool:
        """Whether the program has this command."""
        try:
            return self.send(f"known_command {command}", timeout).lower() == "true"
        except CommandFailed:
            return False

    def close(self, patience: float = 2.0) -> None:
        """Ask it to quit, and end it and its children if it does not within ``patience`` seconds. Never raises."""
        with contextlib.suppress(GoEngineError):
            self.send("quit", patience)
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()
        self._reap()

    def kill(self) -> None:
        """End it and its children at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, 9)
        self._process.wait()
        self._reap()

    def __enter__(self) -> "GtpClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _response(self, command: str, deadline: float, timeout: float) -> str:
        """The lines up to the empty one that ends a response."""
        lines: list[str] = []
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise ProgramHangs(f"{self.name}: no answer to {command!r} within {timeout:g} s") from None
            if line is None:
                raise self._died(command)
            text = line.decode("utf-8", "replace").rstrip()
            if text:
                lines.append(text)
            elif lines:
                return "\n".join(lines)

    def _died(self, command: str) -> ProgramDied:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        status = self._process.poll()
        if status is not None:
            self._threads[1].join(2.0)  # its last words may still be on their way
        how = "closed its output" if status is None else f"ended with status {status}"
        last = f" ({self.errors[-1]})" if self.errors else ""
        return ProgramDied(f"{self.name}: {how} at {command!r}{last}")

    def _read_output(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(OSError, ValueError), self._process.stdout as output:
            for line in output:
                self._lines.put(line)
        self._lines.put(None)

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        with contextlib.suppress(OSError, ValueError), self._process.stderr as errors:
            for line in errors:
                if text := line.decode("utf-8", "replace").strip():
                    self.errors.append(text)

    def _reap(self) -> None:
        """Wait until the readers are through, which close their pipes; but not for what a child of it holds open.

        Nor is such a pipe closed here, for that waits for its reader.
        """
        for thread in self._threads:
            thread.join(1.0)
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
