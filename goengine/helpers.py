"""Threads: how many there may be, and those that help the calling one for a moment.

The latter are kept from call to call, for starting one may outlast the work.
"""

import itertools
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from goengine.errors import GoEngineError

__all__ = ["check_threads", "helpers", "processors", "share"]

_MOST = 256

_pools: dict[int, ThreadPoolExecutor] = {}
_lock = threading.Lock()


def processors() -> int:
    """How many processors this process may run on, as the system calls them: cores, or their threads."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_threads(threads: int) -> None:
    """Raise GoEngineError unless a user may ask for so many threads."""
    if not 1 <= threads <= _MOST:
        raise GoEngineError(f"threads {threads} is not possible: use 1 to {_MOST}")


def helpers() -> ThreadPoolExecutor:
    """One thread for each further processor; work that they are given must not wait for more of such work."""
    with _lock:
        if os.getpid() not in _pools:  # a forked process does not inherit threads
            _pools.clear()
            _pools[os.getpid()] = ThreadPoolExecutor(max(1, (os.cpu_count() or 1) - 1), "goengine")
        return _pools[os.getpid()]


def share(work: Callable[[int], None], count: int, threads: int) -> None:
    """Do work(0) to work(count - 1), each once, in any order; returns when all is done.

    The calling thread takes part, and does it all where no other has time; so this may be called from anywhere.

    Args:
        work: must be free to run in several threads at once.
        count: how many pieces.
        threads: at most so many, the calling one included.
    """
    numbers = itertools.count()

    def take() -> None:
        while (number := next(numbers)) < count:
            work(number)

    others = [helpers().submit(take) for _ in range(min(threads, count) - 1)]
    take()
    for other in others:
        if not other.cancel():
            other.result()
