"""The golden dialogues of gtp/transcripts, replayed byte for byte.

Lines that begin with ``> `` are sent; all the others but the comments at the head are the responses, in order. Three
comments are read: ``# network size N``; ``# called NAME``; and ``# network file SHA256...``, of a game that a bundled
network has played: it is replayed by a player that knows the moves, for the network and the player may have changed.
To write them anew after a change, and then to read the difference:

    UPDATE_TRANSCRIPTS=1 pytest tests/test_gtp_transcripts.py
"""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from fake_network import FakeNetwork
from transcript_engine import make_engine

from goengine import __version__
from goengine.bundled import BUNDLED
from goengine.checkpoint import load_network
from goengine.coords import parse_vertex
from goengine.player import Player
from goengine.resize import resized
from goengine.rules import Position

FOLDER = Path(__file__).resolve().parent.parent / "gtp" / "transcripts"
TRANSCRIPTS = sorted(FOLDER.glob("*.gtp"))
_OPENING = 100  # lines; later moves ask playouts


class Patience:
    """Stands for the input: an analysis may say all it has to say, and report once more after its interval."""

    def __init__(self) -> None:
        self._waited = False

    def __call__(self, seconds: float | None) -> bool:
        if seconds == 0:
            return False
        self._waited = seconds is not None and not self._waited
        return not self._waited


class Reciter(Player):
    """Plays what it is told to."""

    told: str = "pass"

    def choose(self, position: Position, sample: bool = True, cleanup: bool = False) -> int | None:
        return parse_vertex(self.told, position.size)


def replay(sent: Sequence[bytes], player: Player, name: str, wanted: Sequence[bytes]) -> bytes:
    """The dialogue: each line sent, marked, and what came back.

    Args:
        sent: the lines.
        player: plays.
        name: of the engine.
        wanted: what came back when it was recorded; a Reciter plays the moves.
    """
    engine = make_engine(player, Patience(), name)
    said = []
    for line, answer in zip(sent, wanted, strict=True):
        if isinstance(player, Reciter) and line.startswith(b"genmove"):
            player.told = answer.decode()[2:].strip()
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


class Transcript:
    """A file, taken apart."""

    def __init__(self, path: Path) -> None:
        self.text = path.read_bytes().replace(b"{version}", __version__.encode())
        head, *dialogue = re.split(rb"^> ", self.text, flags=re.MULTILINE)
        self.head = head
        self.sent, self.answers = zip(*(each.split(b"\n", 1) for each in dialogue), strict=True)
        comments = head.split(b"\n")
        self.size = int(heading(comments, "network size", "19"))
        self.name = heading(comments, "called", "goengine")
        self.file = heading(comments, "network file", "")


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_transcript(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)  # for loadsgf
    kept = Transcript(path)
    player = (Reciter if kept.file else Player)(FakeNetwork(kept.size))
    found = kept.head + replay(kept.sent, player, kept.name, kept.answers)
    if os.environ.get("UPDATE_TRANSCRIPTS"):
        path.write_bytes(re.sub(rb"(?<=[ :])" + re.escape(__version__).encode() + rb"(?=[\n\]])", b"{version}", found))
    assert found.decode() == kept.text.decode()


@pytest.mark.slow
@pytest.mark.parametrize("path", [path for path in TRANSCRIPTS if Transcript(path).file], ids=lambda path: path.stem)
def test_the_network_opens_its_game_as_it_did(path: Path) -> None:
    kept = Transcript(path)
    if not hashlib.sha256(BUNDLED.read_bytes()).hexdigest().startswith(kept.file):
        pytest.skip("the bundled network is another one now")
    sent, answers = kept.sent[:_OPENING], kept.answers[:_OPENING]
    found = replay(sent, Player(load_network(), resize=resized), kept.name, answers)
    assert found == b"".join(b"> " + line + b"\n" + answer for line, answer in zip(sent, answers, strict=True))


def test_the_transcripts_use_every_command() -> None:
    sent = re.findall(
        r"^>[ \t]+(?:\d+[ \t]+)?([^\s#]+)", "\n".join(path.read_text() for path in TRANSCRIPTS), re.MULTILINE
    )
    assert sorted(set(make_engine(9, lambda _: True).handlers) - set(sent)) == []
