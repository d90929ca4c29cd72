"""A stream in which characters may hold brackets, turned into UTF-8 before it is split into games.

In Shift-JIS, Big5, GB18030 and ISO-2022-JP the second byte of a character can look like ``[``, ``]`` or a backslash, so
the brackets of a game mean something only after decoding. A file may be put together of games in several encodings:
each is looked at by itself. All others are passed on as they are, and their text is decoded when they are read.
"""

from __future__ import annotations

import codecs
import itertools
import re

from goengine.sgf.split import LARGEST_GAME, ROOT, Readable
from goengine.sgf.text import WITH_BRACKETS, declared_codec, is_mislabelled, weigh

_CA = re.compile(rb"CA\s*+\[([^\]\\]{0,40})\]")
_VALUE = re.compile(rb"\[(?:[^\]\\]++|\\.)*+(?:\]|\\?\Z)", re.DOTALL)
_STRAY = re.compile(rb"[^A-Za-z;()\s]")
_SWALLOWED = re.compile(rb"[A-Z]\[")
_IN_ORDER = re.compile(rb"\s*+\((?>[A-Za-z;()\s]*+\[[^\[\]\\]*+(?:\]|\Z))*+[A-Za-z;()\s]*+")
_MARKED = bytes(128) + b"\x80" * 128
_SURE = re.compile(rb"[\xe0-\xf4]|[A-Za-z][\x80-\xff]|[\x80-\xff][A-Za-z]")  # characters of three bytes; western names
_BEHIND = 128
_CARRIED = 8.0
"""How much the games before may count, in nats, where a game does not say its encoding."""


def recoded(stream: Readable) -> Readable:
    """A stream of the same records that can be split into games; those turned into UTF-8 say so in CA."""
    return _ByGame(stream)


class _ByGame:
    """A stream cut where games begin; each piece is turned into UTF-8 if its encoding asks for it."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._rest, self._begun, self._ended = b"", False, False
        self._fault: Exception | None = None
        self._wide: codecs.IncrementalDecoder | None = None  # of a stream in UTF-16
        self._carried: dict[str, float] = {}
        self._before: str | None = None  # the codec undone in the last piece that was not ASCII

    def read(self, size: int, /) -> bytes:
        """About ``size`` bytes or more: whole games, unless they are very long; none at the end.

        Raises:
            Exception: whatever the stream raises, when all before it has been read.
        """
        while not self._ended:
            data = self._rest + self._more(size)
            starts = [found.start() for found in ROOT.finditer(data)]
            end = len(data) if self._ended else max(starts, default=0)
            if not end and len(data) > LARGEST_GAME:  # a line is as good a place to cut as any
                end = data.rfind(b"\n") + 1 or len(data)
            self._rest = data[end:]
            if end:
                return self._undone(data[:end], starts)
        if self._fault is not None:
            raise self._fault
        return b""

    def _more(self, size: int) -> bytes:
        """So many bytes, or all there are; without UTF-16."""
        data = b""
        try:
            while len(data) < size and (more := self._stream.read(size - len(data))):
                data += more
        except Exception as error:
            self._fault = error
        self._ended = len(data) < size
        if not self._begun and data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            self._wide = codecs.getincrementaldecoder("utf-16")(errors="replace")
        self._begun = True
        return data if self._wide is None else self._wide.decode(data, final=self._ended).encode("utf-8", "replace")

    def _undone(self, data: bytes, starts: list[int]) -> bytes:
        if self._wide is None and self._before is None and _is_clear(data):
            return data
        edges = [0, *(start for start in starts if 0 < start < len(data)), len(data)]
        pieces = (data[start:end] for start, end in itertools.pairwise(edges))
        return b"".join(map(self._in_utf8, pieces))

    def _in_utf8(self, piece: bytes) -> bytes:
        codec = "utf-8" if self._wide else self._codec_to_undo(piece)
        if codec is None:
            return piece
        return _CA.sub(b"CA[UTF-8]", piece.decode(codec, errors="replace").encode("utf-8"), count=1)

    def _codec_to_undo(self, piece: bytes) -> str | None:
        """The codec to decode a piece with; None where its brackets can be trusted, and its text read as CA says."""
        if b"\x1b$" in piece:
            return "iso2022_jp_2"
        if piece.isascii():
            return None
        named = {declared_codec(name) for name in _CA.findall(piece)}
        declared = named.pop() if len(named) == 1 else None
        if _decodes(piece, "utf-8") and not self._is_chance(piece, declared):
            self._before = None
            return None
        codec = self._codec_of(_head(piece), declared)
        self._before = codec if codec in WITH_BRACKETS else None
        return codec

    def _is_chance(self, piece: bytes, declared: str | None) -> bool:
        """Whether text looks like UTF-8, which a few characters of two bytes may, among games in another encoding."""
        before = self._before
        return before is not None and declared in (None, before) and _decodes(piece, before) and not _SURE.search(piece)

    def _codec_of(self, head: bytes, declared: str | None) -> str | None:
        """As `_codec_to_undo`, where it is no UTF-8."""
        codec = declared
        if codec is None or codec == "utf-8" or not _decodes(head, codec) or is_mislabelled(head, codec):
            codec = self._likeliest(head)
        if codec not in WITH_BRACKETS:
            return None if _CA.search(head) else codec
        # A western name before a bracket looks like one of these characters too: which reading leaves less astray?
        astray = _astray(head.decode(codec, errors="replace").encode("utf-8"))
        return codec if not astray or astray <= _astray(head) else None

    def _likeliest(self, head: bytes) -> str:
        """The likeliest codec after what the games before were in: names alone are little to judge by."""
        weights = {codec: weight + self._carried.get(codec, 0.0) for codec, weight in weigh(head).items()}
        best = max(weights, key=lambda codec: weights[codec])
        self._carried = {codec: max(weight - weights[best], -_CARRIED) for codec, weight in weights.items()}
        return best


def _is_clear(data: bytes) -> bool:
    """Whether these bytes are in UTF-8, and not seven bits of something else."""
    return b"\x1b$" not in data and (data.isascii() or _decodes(data, "utf-8"))


def _decodes(data: bytes, codec: str) -> bool:
    """Whether ``data``, which may end inside a character, is text in that encoding."""
    try:
        codecs.getincrementaldecoder(codec)().decode(data)
    except UnicodeError:
        return False
    return True


def _head(piece: bytes) -> bytes:
    """As far as a little behind the last byte that is not ASCII: what comes then reads the same in every encoding."""
    return piece[: piece.translate(_MARKED).rfind(b"\x80") + 1 + _BEHIND]


def _astray(text: bytes) -> int:
    """How many bytes are outside values and have no business there, and how many values swallow the next property."""
    if _IN_ORDER.fullmatch(text):  # as most are
        return 0
    inside: list[bytes] = []

    def take(found: re.Match[bytes]) -> bytes:
        inside.append(found[0])
        return b""

    outside = _VALUE.sub(take, text[max(text.find(b"("), 0) :])
    return len(_STRAY.findall(outside)) + sum(_SWALLOWED.search(value, 1) is not None for value in inside)
