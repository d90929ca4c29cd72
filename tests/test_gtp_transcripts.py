"""The golden dialogues of gtp/transcripts, replayed byte for byte.

Lines that begin with ``> `` are sent; all the others but the comments at the head are the responses, in order. Two
comments are read: ``# network size N`` and ``# called NAME``. To write them anew after a change, and then to read the
difference:

    UPDATE_TRANSCRIPTS=1 pytest tests/test_gtp_transcripts.py
"""

from __future__ import annotations

import io
import os
import re
from pathlib import Path

import pytest
from transcript_engine import make_engine

from goengine import __version__

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


def replay(sent: list[bytes], size: int, name: str) -> bytes:
    """The dialogue: each line sent, marked, and what came back."""
    engine = make_engine(size, Patience(), name)
    said = []
    for line in sent:
        said.append(b"> " + line + b"\n")
        output = io.BytesIO()
        engine.run(iter([line]), output)
        said.append(output.getvalue())
        if engine.ended:
            break
    return b"".join(said)


def heading(head: list[bytes], words: str, otherwise: str) -> str:
    """What the head of a transcript says after these words."""
    begin = f"# {words} "
    return next((line.decode()[len(begin) :] for line in head if line.decode().startswith(begin)), otherwise)


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_transcript(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)  # for loadsgf
    raw = path.read_bytes().replace(b"{version}", __version__.encode())
    lines = raw.split(b"\n")
    head = [line for line in lines if line.startswith(b"#")]
    sent = [line[2:] for line in lines if line.startswith(b"> ")]
    size, name = heading(head, "network size", "19"), heading(head, "called", "goengine")
    found = b"".join(line + b"\n" for line in head) + replay(sent, int(size), name)
    if os.environ.get("UPDATE_TRANSCRIPTS"):
        path.write_bytes(found.replace(f"= {__version__}\n".encode(), b"= {version}\n"))
    assert found.decode() == raw.decode()


def test_the_transcripts_use_every_command() -> None:
    sent = re.findall(
        r"^>[ \t]+(?:\d+[ \t]+)?([^\s#]+)", "\n".join(path.read_text() for path in TRANSCRIPTS), re.MULTILINE
    )
    assert sorted(set(make_engine(9, lambda _: True).handlers) - set(sent)) == []
