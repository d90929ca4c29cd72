"""Many processes of this machine that train together, started and stopped by one that only waits for them."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from types import FrameType
from typing import IO

from goengine.helpers import processors

__all__ = ["launch"]


def launch(command: Sequence[str], count: int, patience: float = 60.0) -> int:
    """Start a program so many times, each with its number in the environment, as ``torchrun`` does; wait for them.

    SIGINT and SIGTERM are passed on, once each, and a hang-up as SIGTERM. All say what they have to say on their
    stdout and stderr, but only the first one's are shown; of another one that fails first, the last line.

    Args:
        command: program and arguments.
        count: how many.
        patience: seconds in which the others must notice that one has failed; then they are killed.

    Returns:
        The exit status: the first process's, unless it is 0 and another's is not; 128 + N after signal N, as a shell.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    common = {"OMP_NUM_THREADS": str(max(1, processors() // count)), **os.environ}
    common |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    common |= {"WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count)}
    with ExitStack() as at_end:
        children: list[subprocess.Popen[bytes]] = []
        outputs: list[IO[bytes]] = [at_end.enter_context(tempfile.TemporaryFile()) for _ in range(count - 1)]
        passed_on = _pass_on_signals(children, at_end)
        for rank in range(count):
            environment = {**common, "RANK": str(rank), "LOCAL_RANK": str(rank)}
            output = outputs[rank - 1] if rank else None
            # In a session of its own, so that Ctrl-C at a terminal reaches it by this process only.
            child = subprocess.Popen(
                list(command), env=environment, stdout=output, stderr=output, start_new_session=True
            )
            children.append(child)
        failed = _wait(children, patience)
        statuses = [child.returncode if child.returncode >= 0 else 128 - child.returncode for child in children]
        asked = {128 + number for number in passed_on}
        if failed and statuses[failed] not in asked:  # the first may have failed too, but only for want of the others
            outputs[failed - 1].seek(0)
            said = outputs[failed - 1].read().decode(errors="replace").strip().rpartition("\n")[2]
            print(f"process {failed} ended with status {statuses[failed]}: {said or 'no word'}", file=sys.stderr)
        return statuses[0] or max(statuses)


def _pass_on_signals(children: list[subprocess.Popen[bytes]], at_end: ExitStack) -> list[int]:
    """What this process gets from now on, its children get; the list is of what they have got."""
    passed_on: list[int] = []

    def pass_on(number: int, _: FrameType | None) -> None:
        passed_on.append(signal.SIGINT if number == signal.SIGINT else signal.SIGTERM)
        for child in children:
            child.send_signal(passed_on[-1])

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is None or (name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN):
            continue  # nohup means it; a shell, which ignores SIGINT for what it starts with &, does not
        at_end.callback(signal.signal, number, signal.signal(number, pass_on))
    return passed_on


def _wait(children: list[subprocess.Popen[bytes]], patience: float) -> int:
    """Until all have ended; the number of the first that failed, 0 also if none did."""
    failed, since = 0, float("inf")
    while True:
        statuses = [child.poll() for child in children]
        bad = [rank for rank, status in enumerate(statuses) if status]
        if bad and since == float("inf"):
            failed, since = bad[0], time.monotonic()
        if None not in statuses:
            return failed
        if time.monotonic() - since > patience:
            for child in children:
                child.kill()
        time.sleep(0.1)
