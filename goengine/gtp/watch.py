"""Ending the process at once when it is told to, or when nobody is left to answer to, whatever it is doing then.

Python runs a signal's handler between two instructions of the main thread, which may be compiling kernels or in the
middle of a convolution; and a pipe that nobody reads any more is noticed only when the next answer is written, which an
idle engine never does. So a thread of its own waits for both.
"""

import os
import select
import signal
import threading
from collections.abc import Callable

__all__ = ["watch"]

_STATUS = {signal.SIGINT: 128 + signal.SIGINT, signal.SIGTERM: 0}
"""The exit status that each signal asks for: a service that is told to stop has not failed."""
_OURS = (signal.SIG_DFL, signal.default_int_handler)


def watch(output: int, end: Callable[[str, int], object]) -> None:
    """Have ``end`` called on SIGTERM, on Ctrl-C, and when the reader of a descriptor goes away.

    A signal that the process was started to ignore stays ignored. Where there is no poll (Windows), nothing changes.

    Args:
        output: where the responses go; a file has no reader that could go away.
        end: told the reason and the exit status, by a thread of its own.

    Raises:
        ValueError: called by another thread than the main one.
    """
    if not hasattr(select, "poll"):
        return
    noted, note = os.pipe()
    os.set_blocking(note, False)
    signal.set_wakeup_fd(note, warn_on_full_buffer=False)
    for number in _STATUS:
        if signal.getsignal(number) in _OURS:
            signal.signal(number, _leave_it_to_the_thread)
    threading.Thread(target=_wait, args=(noted, output, end), name="gtp-watch", daemon=True).start()


def _leave_it_to_the_thread(number: int, frame: object) -> None:
    """What Python does about the signal; the thread has heard of it already."""


def _wait(noted: int, output: int, end: Callable[[str, int], object]) -> None:
    poll = select.poll()
    poll.register(noted, select.POLLIN)
    poll.register(output, 0)  # errors and the reader's going away are reported unasked
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == output:
                end("nobody reads the responses", 0)
                return
            for number in os.read(noted, 64):
                if number in _STATUS:
                    end(signal.Signals(number).name, _STATUS[signal.Signals(number)])
                    return
