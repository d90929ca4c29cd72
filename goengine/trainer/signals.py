"""Ctrl-C and SIGTERM: the first ends a run cleanly, a second one at once."""

import signal
from types import FrameType, TracebackType
from typing import Any

__all__ = ["StopSignals"]


class StopSignals:
    """While it is entered, SIGINT and SIGTERM are noted instead of ending the program.

    Attributes:
        caught: number of the first signal that came, 0 before.
        at_once: whether the first one, too, raises KeyboardInterrupt where it comes: where nothing can be lost.
    """

    def __init__(self) -> None:
        self.caught = 0
        self.at_once = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopSignals":
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _note(self, number: int, _: FrameType | None) -> None:
        again, self.caught = bool(self.caught), self.caught or number
        if again or self.at_once:
            raise KeyboardInterrupt
