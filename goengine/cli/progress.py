"""Progress and interruption of long work on the command line."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Progress", "terminable"]


class Progress:
    """A line on stderr: written over where somebody is looking, else a new one every half minute."""

    def __init__(self, name: str = "") -> None:
        """Start the clock; lines begin with the name."""
        self._name = f"{name}: " if name else ""
        self._started = self._shown = time.monotonic()
        self._terminal = sys.stderr.isatty()

    def __call__(self, done: int, total: int) -> None:
        """Say how many positions are done, and how many minutes and seconds are left at this rate."""
        now = time.monotonic()
        if now - self._shown > (0.5 if self._terminal else 30) or (self._terminal and done == total):
            left = round((now - self._started) / done * (total - done))
            line = f"{self._name}{done:,} of {total:,} positions, {left // 60}:{left % 60:02} left"
            end = "\n" if done == total or not self._terminal else ""
            sys.stderr.write(f"\r{line}   {end}" if self._terminal else line + end)
            sys.stderr.flush()
            self._shown = now


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM raises KeyboardInterrupt, as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # not the main thread: nobody else's signals are taken
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
