"""What lets the engine answer at once and say nothing but answers: loading in the background, and a guarded stdout."""

import contextlib
import io
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import BinaryIO, Generic, TextIO, TypeVar

from goengine.errors import GoEngineError

__all__ = ["Background", "GuardedStderr", "own_stdout"]

T = TypeVar("T")

_RESERVED = ("=", "?", "info", "play")  # what Lizzie, which reads stderr and stdout as one, takes for responses
_QUIET = 0.05  # seconds without a command after which loading may begin
_PATIENCE = 0.3  # seconds after which it begins even though no command came
_POLL = 0.01


class Background(Generic[T]):
    """Something that takes seconds to make, made by a thread of its own as soon as the first answers are out.

    Loading torch blocks every other thread for tenths of a second at a time; so it begins when the controller has been
    quiet for a moment, or when :meth:`get` needs it.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._result: T | None = None
        self._error: Exception | None = None
        self._needed = threading.Event()
        self._heard = time.monotonic() + _PATIENCE - _QUIET
        self._thread = threading.Thread(target=self._run, name="gtp-loading", daemon=True)

    def start(self) -> None:
        """Begin to wait for a quiet moment."""
        self._thread.start()

    def heard(self) -> None:
        """Note that a command was just answered: more may be on their way."""
        self._heard = time.monotonic()

    def get(self) -> T:
        """What was made; waits for it.

        Raises:
            Exception: whatever making it raised, each time it is asked for.
        """
        self._needed.set()
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result

    def _run(self) -> None:
        while time.monotonic() - self._heard < _QUIET and not self._needed.wait(_POLL):
            pass
        try:
            self._result = self._make()
        except Exception as error:
            self._error = error
            if isinstance(error, GoEngineError):
                sys.stderr.write(f"goengine: {error}\n")


class GuardedStderr(io.TextIOBase):
    """Text for a controller's log: no line of it can be taken for a response."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._line = ""

    def write(self, text: str) -> int:
        """Write whole lines; the beginning of a line waits for its end."""
        *whole, self._line = (self._line + text).split("\n")
        if whole:
            self._stream.write("".join(_harmless(line) + "\n" for line in whole))
            self._stream.flush()
        return len(text)

    def flush(self) -> None:
        """Nothing to do: whole lines are out already."""

    def fileno(self) -> int:
        """The descriptor below, for what writes past Python."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """False: progress bars have no place here."""
        return False


def _harmless(line: str) -> str:
    line = line.replace(" -> ", " to ")
    return f"goengine: {line}" if line.lstrip().lower().startswith(_RESERVED) else line


def own_stdout() -> BinaryIO:
    """Keep stdout for responses alone: the result is the way to it; whatever prints goes to the guarded stderr.

    Changes the descriptors of the process, so that what a library prints from C lands on stderr too.
    """
    responses = os.fdopen(os.dup(1), "wb")
    with contextlib.suppress(OSError):  # stderr may be closed; then stray output is lost, as it would be anyway
        os.dup2(2, 1)
    sys.stderr = sys.stdout = GuardedStderr(sys.__stderr__ or io.StringIO())
    return responses
