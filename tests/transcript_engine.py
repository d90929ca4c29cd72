"""The engine of the golden dialogues: a network that never changes, so the same commands get the same answers.

As a program it is what a real client plays with while its dialogue is recorded:

    PYTHONPATH=. python tests/transcript_engine.py FILE.gtp NETWORK_SIZE [NAME]

FILE.gtp then holds all the lines that the client has sent; UPDATE_TRANSCRIPTS=1 pytest tests/test_gtp_transcripts.py
writes the answers between them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from fake_network import FakeNetwork

from goengine.gtp.handlers import NAME, crash_report, make_handlers
from goengine.gtp.protocol import Engine, Lines
from goengine.gtp.session import Session
from goengine.gtp.words import fixed
from goengine.player import Player


def make_engine(player: Player | int, wait: Callable[[float | None], bool], name: str = NAME) -> Engine:
    """The engine, on a board of 19x19 until a command says otherwise; its processor time stands still.

    Instead of a player, the board size of the network that never changes will do.
    """
    if isinstance(player, int):
        player = Player(FakeNetwork(player))
    handlers = make_handlers(Session(lambda: player, 19), wait, name)
    clocks = dict.fromkeys(("cputime", "gomill-cpu_time"), fixed("0.250"))  # the time it takes is never the same
    return Engine(handlers | clocks, crash_report)


def main(path: str, size: str, name: str = NAME) -> None:
    """Answer a client, and keep what it sends."""
    lines = Lines(0)
    with Path(path).open("wb", buffering=0) as record:
        record.write(f"# network size {size}\n# called {name}\n".encode())

        def kept() -> Iterator[bytes]:
            for line in lines:
                record.write(b"> " + line.rstrip(b"\r") + b"\n")
                yield line

        make_engine(int(size), lines.wait, name).run(kept(), sys.stdout.buffer)
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
