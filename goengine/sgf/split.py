"""A stream of bytes to the SGF game trees in it, one at a time and in constant memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

BLOCK = 1 << 20
LARGEST_GAME = 1 << 24
"""Bytes of one game tree; what is longer is cut there."""

_START = re.compile(rb"\(\s*+;")
_VALUE = rb"\[(?:[^\]\\]++|\\.)*+\]"
_PLAIN_TREE = re.compile(rb"\((?:[^()\[]++|" + _VALUE + rb")*+\)", re.DOTALL)
_TOKEN = re.compile(rb"[()]|" + _VALUE, re.DOTALL)
# A root cannot stand inside a game: where one does, the game before it was not closed. Inside a value its bracket
# would be escaped.
_ROOT = re.compile(rb"\(\s*+;\s*+(?:GM|FF|SZ|CA|AP)\s*+\[[^\[\]\\]*+\]")


class Readable(Protocol):
    """All that is needed of a stream."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; none at the end."""
        ...


@dataclass(frozen=True, slots=True)
class GameText:
    """One game tree as it stands in the file."""

    data: bytes
    line: int
    """The line on which it begins, from 1."""
    truncated: bool = False
    """True: it was not closed, and what was left open after its last whole value has been closed for it."""


def split_games(stream: Readable) -> Iterator[GameText]:
    """The game trees in ``stream``, in order; whatever stands between them is skipped.

    Raises:
        Exception: whatever the stream raises.
    """
    buffer, at, ended = b"", 0, False
    line, counted = 1, 0
    block = BLOCK
    while True:
        found = _START.search(buffer, at)
        text, stop = (None, at) if found is None else _game(buffer, found.start(), ended)
        if text is not None and found is not None:
            line += buffer.count(b"\n", counted, found.start())
            counted = found.start()
            yield GameText(text, line, truncated=text != buffer[found.start() : stop])
            at, block = stop, BLOCK
            continue
        if ended:
            return
        keep = max(len(buffer) - 256, at) if found is None else found.start()  # an opening may be cut in two
        line += buffer.count(b"\n", counted, keep)
        more = stream.read(block)
        buffer, at, counted, ended = buffer[keep:] + more, 0, 0, not more
        block = min(2 * block, LARGEST_GAME)  # each attempt scans the game again: keep the attempts few


def _game(buffer: bytes, start: int, ended: bool) -> tuple[bytes | None, int]:
    """The game tree at ``start`` and where it stops; None when more of the file is needed to tell."""
    plain = _PLAIN_TREE.match(buffer, start)
    following = _ROOT.search(buffer, start + 1)
    limit = len(buffer) if following is None else following.start()
    if plain is not None and plain.end() <= limit:
        return plain[0], plain.end()
    if len(buffer) - start > LARGEST_GAME:
        ended, limit = True, min(limit, start + LARGEST_GAME)
    depth, whole, open_there = 0, start, 0
    for token in _TOKEN.finditer(buffer, start, limit):
        first = buffer[token.start()]
        depth += (first == 0x28) - (first == 0x29)
        if depth == 0:
            return buffer[start : token.end()], token.end()
        if first != 0x28:
            whole, open_there = token.end(), depth
    if following is None and not ended:
        return None, start
    return buffer[start:whole] + b")" * open_there, limit
