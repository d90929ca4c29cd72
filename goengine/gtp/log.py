"""The log of a GTP conversation: every line in both directions, with the time it took place."""

import os
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from goengine.errors import GoEngineError
from goengine.gtp.protocol import Output

__all__ = ["GtpLog"]


class GtpLog:
    """Appends to a file: ``>>`` before what the controller sent, ``<<`` before what the engine answered.

    Each line is in the file before the next one is dealt with, so that it is there after a crash. When the file cannot
    be written any more, on a full disk say, one line on stderr says so, and the engine goes on without.

    Args:
        path: the file; made if it is not there.

    Raises:
        GoEngineError: it cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        try:
            self._file: BinaryIO | None = self._path.open("ab", buffering=0)
        except OSError as error:
            raise GoEngineError(
                f"--gtp-log {self._path}: cannot be written ({error.strerror}); give another file"
            ) from None
        self._note("--", f"goengine, process {os.getpid()}".encode())

    def received(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        """The same lines, each noted as it comes."""
        for line in lines:
            self._note(">>", line.rstrip(b"\r"))
            yield line
        self._note("--", b"end of input")

    def sent(self, output: Output) -> "LoggedOutput":
        """The same output, each of its lines noted once it is out."""
        return LoggedOutput(output, self)

    def note_answer(self, piece: bytes) -> None:
        """Note the lines of a response, or of a part of one."""
        for line in piece.split(b"\n"):
            if line:
                self._note("<<", line)

    def note(self, event: str) -> None:
        """Note what happened beside the conversation."""
        self._note("--", event.encode())

    def close(self) -> None:
        """End the log."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _note(self, mark: str, line: bytes) -> None:
        if self._file is None:
            return
        time = datetime.now().astimezone().isoformat(" ", "milliseconds")
        try:
            self._file.write(f"{time} {mark} ".encode() + line + b"\n")
        except OSError as error:
            self.close()
            sys.stderr.write(f"goengine: {self._path}: the log ends here ({error.strerror})\n")


class LoggedOutput:
    """Where responses go: the controller first, then the log."""

    def __init__(self, output: Output, log: GtpLog) -> None:
        self._output = output
        self._log = log

    def write(self, piece: bytes) -> int:
        """Write a response or a part of one."""
        count = self._output.write(piece)
        self._output.flush()
        self._log.note_answer(piece)
        return count

    def flush(self) -> None:
        """Hand on what is buffered."""
        self._output.flush()
