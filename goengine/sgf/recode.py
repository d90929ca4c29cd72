"""A stream in an encoding whose characters may hold brackets, turned into UTF-8 before it is split into games.

In Shift-JIS, Big5, GB18030 and ISO-2022-JP the second byte of a character can look like ``[``, ``]`` or a backslash, so
the brackets of the file mean something only after decoding. All other files are passed on as they are, and the text of
each game is decoded by itself.
"""

from __future__ import annotations

import codecs
import re

from goengine.sgf.split import Readable
from goengine.sgf.text import WITH_BRACKETS, declared_codec, detect, is_mislabelled

_HEAD = 1 << 16
_CA = re.compile(rb"CA\s*\[([^\]]{0,40})\]")
_VALUE = re.compile(rb"\[(?:[^\]\\]++|\\.)*+(?:\]|\\?\Z)", re.DOTALL)
_STRAY = re.compile(rb"[^A-Za-z;()\s]")
_SWALLOWED = re.compile(rb"[A-Z]\[")
_TRAPS = re.compile(rb"[\x81-\xfe][\[\\\]]")


class _Joined:
    """The first bytes of a stream, then its rest."""

    def __init__(self, head: bytes, rest: Readable) -> None:
        self._head, self._rest = head, rest

    def read(self, size: int, /) -> bytes:
        if self._head:
            part, self._head = self._head[:size], self._head[size:]
            return part
        return self._rest.read(size)


class _Recoded:
    """A stream in some encoding, read as UTF-8; what cannot be decoded becomes a replacement character."""

    def __init__(self, stream: Readable, codec: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(codec)(errors="replace")

    def read(self, size: int, /) -> bytes:
        while True:
            block = self._stream.read(size)
            text = self._decoder.decode(block, final=not block)
            if text or not block:
                return text.encode("utf-8", errors="replace")


def recoded(stream: Readable) -> tuple[Readable, bool]:
    """A stream of the same records that can be split into games, and whether it has been turned into UTF-8."""
    head = b""
    while len(head) < _HEAD and (more := stream.read(_HEAD - len(head))):
        head += more
    joined = _Joined(head, stream)
    codec = _codec_to_undo(head)
    return (joined, False) if codec is None else (_Recoded(joined, codec), True)


def _codec_to_undo(head: bytes) -> str | None:
    """The codec to decode a stream with before it is split; None where its brackets can be trusted."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\x1b$" in head:
        return "iso2022_jp_2"
    if head.isascii() or _is_utf8(head):
        return None
    codecs_named = {declared_codec(name) for name in _CA.findall(head)}
    codec = codecs_named.pop() if len(codecs_named) == 1 else None
    declared = codec is not None and codec != "utf-8" and _decodes(head, codec) and not is_mislabelled(head, codec)
    if codec is None or not declared:
        codec = detect(head)
    if codec not in WITH_BRACKETS or not (declared or _TRAPS.search(head)):
        return None
    # A western name before a bracket looks like one of these characters too: which reading leaves less astray?
    as_decoded = head.decode(codec, errors="replace").encode("utf-8")
    return codec if _astray(as_decoded) <= _astray(head) else None


def _astray(text: bytes) -> int:
    """How many bytes are outside values and have no business there, and how many values swallow the next property."""
    inside: list[bytes] = []

    def take(found: re.Match[bytes]) -> bytes:
        inside.append(found[0])
        return b""

    outside = _VALUE.sub(take, text[max(text.find(b"("), 0) :])
    return len(_STRAY.findall(outside)) + sum(_SWALLOWED.search(value, 1) is not None for value in inside)


def _is_utf8(head: bytes) -> bool:
    return _decodes(head, "utf-8")


def _decodes(head: bytes, codec: str) -> bool:
    """Whether ``head``, which may end inside a character, is text in that encoding."""
    try:
        codecs.getincrementaldecoder(codec)().decode(head)
    except UnicodeError:
        return False
    return True
