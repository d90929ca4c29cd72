"""The golden dialogues of gtp/transcripts, replayed byte for byte.

Lines that begin with ``> `` are sent; all the others but the comments at the head are the responses, in order. To
write them anew after a change, and then to read the difference:

    UPDATE_TRANSCRIPTS=1 pytest tests/test_gtp_transcripts.py
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from fake_network import FakeNetwork

from goengine import __version__
from goengine.gtp.handlers import crash_report, make_handlers
from goengine.gtp.protocol import Engine
from goengine.gtp.session import Session
from goengine.player import Player

FOLDER = Path(__file__).resolve().parent.parent / "gtp" / "transcripts"
TRANSCRIPTS = sorted(FOLDER.glob("*.gtp"))


class Patience:
    """Stands for the input: an analysis may say all it has to say, and report once more after its interval."""

    def __init__(self) -> None:
        self._waited = False

    def __call__(self, seconds: float | None) -> bool:
        if seconds == 0:
            return False
        self._waited = seconds is not None and not self._waited
        return not self._waited


def replay(sent: list[bytes], sizes: int) -> bytes:
    """The dialogue: each line sent, marked, and what came back."""
    player = Player(FakeNetwork(sizes))
    session = Session(lambda: player, 19)
    engine = Engine(make_handlers(session, Patience()), crash_report)
    said = []
    for line in sent:
        said.append(b"> " + line + b"\n")
        output = io.BytesIO()
        engine.run(iter([line]), output)
        said.append(output.getvalue())
        if engine.ended:
            break
    return b"".join(said)


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_transcript(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)  # for loadsgf
    raw = path.read_bytes().replace(b"{version}", __version__.encode())
    lines = raw.split(b"\n")
    head = [line for line in lines if line.startswith(b"#")]
    sent = [line[2:] for line in lines if line.startswith(b"> ")]
    network_size = next((int(line.split()[-1]) for line in head if b"network size" in line), 19)
    found = b"".join(line + b"\n" for line in head) + replay(sent, network_size)
    if os.environ.get("UPDATE_TRANSCRIPTS"):
        path.write_bytes(found.replace(f"= {__version__}\n".encode(), b"= {version}\n"))
    assert found.decode() == raw.decode()


def test_the_transcripts_use_every_command() -> None:
    sent = {word for path in TRANSCRIPTS for line in path.read_text().split("\n") for word in line[1:].split()[:2]}
    table = make_handlers(Session(lambda: Player(FakeNetwork(9))))
    assert not set(table) - sent
