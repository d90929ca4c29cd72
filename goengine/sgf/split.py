"""A stream of bytes to the SGF game trees in it, one at a time and in constant memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

BLOCK = 1 << 20
LARGEST_GAME = 1 << 22
"""Bytes of one game tree; what is longer is cut there."""

CUT_OFF = "the file ends in the middle of the game"
NOT_CLOSED = "a bracket or a parenthesis is not closed"
TOO_LONG = "the game is longer than 4 MiB"

_START = re.compile(rb"\(\s*+;")
_VALUE = rb"\[(?:[^\]\\]++|\\.)*+\]"
_PLAIN_TREE = re.compile(rb"\((?:[^()\[]++|" + _VALUE + rb")*+\)", re.DOTALL)
_TO_TOKEN = re.compile(rb"[^()\[]*+(?:([()])|" + _VALUE + rb")", re.DOTALL)
_TO_PARENTHESIS = re.compile(rb"(?:[^()\[]++|" + _VALUE + rb")*+([()])", re.DOTALL)
# A root cannot stand inside a game: where one does, the game before it was not closed. Pasted into a comment, its
# bracket would be escaped.
ROOT = re.compile(rb"\(\s*+;\s*+(?:GM|FF|SZ|CA|AP)\s*+\[[^\[\]\\]*+\]")


class Readable(Protocol):
    """All that is needed of a stream."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; none at the end."""
        ...


@dataclass(frozen=True, slots=True)
class GameText:
    """One game tree as it stands in the file."""

    data: bytes
    """From the opening to the closing parenthesis; with a fault, to the last whole value, and closed for it."""
    line: int = 1
    """The line on which it begins, from 1."""
    fault: str = ""
    """`CUT_OFF`, `NOT_CLOSED` or `TOO_LONG` where the tree does not end as it should."""


def split_games(stream: Readable) -> Iterator[GameText]:
    """The game trees in ``stream``, in order; whatever stands between them is skipped.

    Raises:
        Exception: whatever the stream raises.
    """
    buffer, at, ended = b"", 0, False
    line, counted = 1, 0
    block = BLOCK
    start = _START
    while True:
        found = start.search(buffer, at)
        game = None if found is None else _game(buffer, found.start(), ended)
        if game is not None and found is not None:
            data, at, fault = game
            line += buffer.count(b"\n", counted, found.start())
            counted = found.start()
            yield GameText(data, line, fault)
            start = ROOT if fault == TOO_LONG else _START  # the rest of a cut game is variations, not games
            block = BLOCK
            continue
        if ended:
            return
        keep = max(len(buffer) - 256, at) if found is None else found.start()  # an opening may be cut in two
        line += buffer.count(b"\n", counted, keep)
        more = stream.read(block)
        buffer, at, counted, ended = buffer[keep:] + more, 0, 0, not more
        block = min(2 * block, LARGEST_GAME)  # each attempt scans the game again: keep the attempts few


def _game(buffer: bytes, start: int, ended: bool) -> tuple[bytes, int, str] | None:
    """The game tree at ``start``, where it stops, and its fault; None when more of the file is needed to tell."""
    plain = _PLAIN_TREE.match(buffer, start)
    following = ROOT.search(buffer, start + 1)
    limit = len(buffer) if following is None else following.start()
    if plain is not None and plain.end() <= limit:
        return plain[0], plain.end(), ""
    fault = CUT_OFF if following is None else NOT_CLOSED
    if limit - start > LARGEST_GAME:
        limit, fault = start + LARGEST_GAME, TOO_LONG
    data, end, whole = closed(buffer, start, limit)
    if whole:
        return data, end, ""
    if fault == CUT_OFF and not ended:
        return None
    return data, limit, fault


def closed(text: bytes, start: int, limit: int) -> tuple[bytes, int, bool]:
    """The game tree that begins at ``start``, where it ends, and whether it ends before ``limit``.

    One that does not is cut after its last whole value or parenthesis, and what is open there is closed.
    """
    depth, at = 0, start
    while (token := _TO_PARENTHESIS.match(text, at, limit)) is not None:
        depth += 1 if token[1] == b"(" else -1
        at = token.end()
        if depth == 0:
            return text[start:at], at, True
    depth, at, end, open_there = 0, start, start, 0
    while (token := _TO_TOKEN.match(text, at, limit)) is not None:
        at = token.end()
        if token[1] == b"(":
            depth += 1
            continue
        if token[1] == b")":
            depth -= 1
        end, open_there = at, depth
    return text[start:end] + b")" * open_there, end, False
