"""What lets the engine answer at once and say nothing but answers: loading in the background, and a guarded stdout."""

import contextlib
import io
import os
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO, Generic, TypeVar

from goengine.errors import GoEngineError
from goengine.gtp.protocol import Handler

__all__ = ["Background", "GuardedStderr", "own_stdout", "patient_analysis", "reserve_descriptors"]

T = TypeVar("T")

_RESERVED = ("=", "?", "info", "play")  # what Lizzie, which reads stderr and stdout as one, takes for responses
_QUIET = 0.05  # seconds without a command after which loading may begin
_PATIENCE = 0.3  # seconds after which it begins even though no command came
_POLL = 0.01
_TURN = 0.05  # seconds between looks at the input while the network loads
_LONGEST = 1000  # characters of a line; a pipe that takes anything takes 4096 bytes


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

    def wait(self, seconds: float) -> bool:
        """Wait at most so long until it is made, or making it has failed; whether that is so."""
        self._needed.set()
        self._thread.join(seconds)
        return not self._thread.is_alive()

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


def patient_analysis(
    handlers: Mapping[str, Handler], loading: Background[Any], wait: Callable[[float], bool]
) -> dict[str, Handler]:
    """The same commands, but the next line of input ends an analysis even while it waits for the network.

    ``wait`` is :meth:`goengine.gtp.protocol.Lines.wait`.
    """

    def patient(handler: Handler) -> Handler:
        def analyze(words: list[str]) -> str | Iterator[str]:
            while not loading.wait(_TURN):
                if wait(0):
                    return iter(())
            return handler(words)

        return analyze

    lasting = [name for name in handlers if name.endswith("analyze") and "genmove" not in name]
    return {**handlers, **{name: patient(handlers[name]) for name in lasting}}


class GuardedStderr(io.TextIOBase):
    """Text for a controller's log: no line of it can be taken for a response, and none can stop the engine.

    What nobody takes is lost: the reader is gone, or has left the pipe full for weeks.

    Args:
        descriptor: where it goes.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._line = ""
        self._lock = threading.Lock()

    def write(self, text: str) -> int:
        """Write whole lines, of each so much as any pipe takes; the beginning of a line waits for its end."""
        with self._lock:
            *whole, self._line = (self._line[:_LONGEST] + text).split("\n")
            for line in whole:
                piece = f"{_harmless(line)[:_LONGEST]}\n".encode("utf-8", "backslashreplace")
                with contextlib.suppress(OSError):
                    if _takes(self._descriptor):
                        os.write(self._descriptor, piece)
        return len(text)

    def flush(self) -> None:
        """Nothing to do: whole lines are out already."""

    def fileno(self) -> int:
        """The descriptor below, for what writes past Python."""
        return self._descriptor

    def isatty(self) -> bool:
        """False: progress bars have no place here."""
        return False


def _takes(descriptor: int) -> bool:
    """Whether a line can be written without waiting; True where the system cannot tell."""
    if not hasattr(select, "poll"):
        return True
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return [event for _, event in poll.poll(0)] == [select.POLLOUT]


def _harmless(line: str) -> str:
    line = line.replace(" -> ", " to ")
    return f"goengine: {line}" if line.lstrip().lower().startswith(_RESERVED) else line


def reserve_descriptors() -> None:
    """Open what the process was started without, of stdin, stdout and stderr, to nowhere.

    Else the next file that is opened takes the number, and gets to read or to hear what is meant for the controller.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which this is


def own_stdout() -> BinaryIO:
    """Keep stdout for responses alone: the result is the way to it; whatever prints goes to the guarded stderr.

    Changes the descriptors of the process, so that what a library prints from C lands on stderr too.
    """
    responses = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stderr = sys.stdout = GuardedStderr(2)
    return responses
