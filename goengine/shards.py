"""Shards: many games packed into one file, two bytes a move, memory mapped.

    8 bytes    magic, GOSHARD and a line feed
    4 bytes    version, little-endian
    4 bytes    length of the header
    header     JSON in UTF-8, padded with spaces to a multiple of 64 bytes from the start of the file
    body       offsets  (games + 1,)  int64: game i has the codes offsets[i] to offsets[i + 1]
               info     (games,)      one `INFO` row a game
               moves    (codes,)      uint16 movecodes (goengine.movecodes), setup stones first

The header says what is in the file and where it came from; its checksum is the SHA-256 of the body.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goengine.errors import ShardError
from goengine.files import written
from goengine.movecodes import PASS, PLANES_VERSION, POINT_MASK, SETUP

MAGIC = b"GOSHARD\n"
VERSION = 1
SUFFIX = ".shard"

INFO = np.dtype(
    [
        ("labels", "<i4"),  # moves that are no passes: what a network can learn from
        ("index", "<i4"),  # number of the game in its source, from 1
        ("komi", "<f4"),  # points for White; NaN where unknown
        ("year", "<i2"),  # 0 where unknown
        ("setup", "<i2"),  # setup stones: the code with this index is the first move
        ("handicap", "u1"),
        (
            "black_rank",
            "u1",
        ),  # 1 to 30: 30 to 1 kyu; 31 to 40: 1 to 10 dan; 51 to 59: 1 to 9 dan professional; 0 unknown
        ("white_rank", "u1"),
        ("result", "i1"),  # 1 Black won, -1 White won, 0 neither or unknown
    ]
)
_NUMERALS = {"初": 1, **{numeral: number for number, numeral in enumerate("一二三四五六七八九", 1)}}  # 十段 is a title
_RANK = re.compile(
    r"(p?)\s*(\d{1,2}|(?<![一二三四五六七八九十])[初一二三四五六七八九])\s*(k|级|級|급|d|段|단|p)", re.IGNORECASE
)
_PROFESSIONAL = re.compile(r"\bpro\b|\bprofessional\b|职业|職業|プロ|프로", re.IGNORECASE)
_PREFIX = struct.Struct("<8sII")
_ALIGN = 64
_REMEDY = "make it again with data/prepare_games.py"
_FIELDS: dict[str, type] = {
    **dict.fromkeys(("version", "size", "games", "codes", "moves", "labels"), int),
    **dict.fromkeys(("source", "split", "checksum"), str),
    "filters": dict,
}


def count_labels(codes: NDArray[np.uint16]) -> int:
    """How many codes are moves on the board: no setup stones, no passes."""
    return int(np.count_nonzero(((codes & SETUP) == 0) & ((codes & POINT_MASK) != PASS)))


def rank_code(text: str) -> int:
    """A rank as a number that grows with strength, see `INFO`; 0 where the text gives none.

    Read are ``12k``, ``6d``, ``9p``, the same with 级, 級, 급, 段 and 단, and numerals as in 初段 and 九段. A dan is a
    professional's where it says so: ``9 dan pro``, 职业九段, Fox's ``P9段``.
    """
    found = _RANK.search(text)
    if found is None:
        return 0
    number, unit = _NUMERALS.get(found[2]) or int(found[2]), found[3].lower()
    if unit == "p" or (unit in "d段단" and (found[1] or _PROFESSIONAL.search(text))):
        return 50 + number if 1 <= number <= 9 else 0
    if unit in "d段단":
        return 30 + number if 1 <= number <= 10 else 0
    return 31 - number if 1 <= number <= 30 else 0


def rank_text(code: int) -> str:
    """A rank as `rank_code` numbers it: ``12k``, ``6d``, ``9p``; ``unknown`` for 0 and for what is no rank."""
    if 1 <= code <= 30:
        return f"{31 - code}k"
    if 31 <= code <= 40:
        return f"{code - 30}d"
    return f"{code - 50}p" if 51 <= code <= 59 else "unknown"


def fingerprint(codes: NDArray[np.uint16], size: int) -> int:
    """64 bits that are the same for a game and its seven turned and mirrored copies, and for hardly any other game.

    In which order its setup stones stand, which programs write each in its own way, makes no difference.
    """
    setup = int(np.count_nonzero(codes & SETUP))
    points = (codes & POINT_MASK).astype(np.int32)
    rest = codes & ~np.uint16(POINT_MASK)
    row, col = np.divmod(points, size)
    digests = []
    for down, across in ((row, col), (col, row)):
        for first in (down, size - 1 - down):
            for second in (across, size - 1 - across):
                turned = np.where(points == PASS, PASS, first * size + second).astype("<u2") | rest
                turned[:setup].sort()
                digests.append(hashlib.blake2b(turned.astype("<u2").tobytes(), digest_size=8).digest())
    return int.from_bytes(min(digests), "little")


def write_shard(
    path: str | os.PathLike[str],
    codes: Sequence[NDArray[np.uint16]],
    info: NDArray[np.void],
    *,
    size: int,
    source: str,
    split: str = "train",
    filters: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write games to ``path``, by way of a temporary file, and give the header.

    Args:
        path: the file to write; one that exists is replaced.
        codes: for each game its (setup stones + moves,) movecodes.
        info: (games,) `INFO`; the fields ``labels`` and ``setup`` are computed here.
        size: the board size of every game.
        source: where the games came from, for people to read.
        split: ``train``, or ``holdout`` for games that are never trained on.
        filters: what was left out, for people to read.
    """
    if len(codes) != len(info):
        raise ValueError(f"{len(codes)} games but {len(info)} rows of info")
    offsets = np.zeros(len(codes) + 1, dtype="<i8")
    offsets[1:] = np.cumsum([len(game) for game in codes])
    moves = np.concatenate([*codes, np.zeros(0, dtype=np.uint16)]).astype("<u2", copy=False)
    rows = info.astype(INFO, copy=True)
    rows["labels"] = [count_labels(game) for game in codes]
    rows["setup"] = [int(np.count_nonzero(game & SETUP)) for game in codes]
    body = offsets.tobytes() + rows.tobytes() + moves.tobytes()  # the widest first: all stay aligned
    header = {
        "version": VERSION,
        "size": size,
        "games": len(codes),
        "codes": len(moves),
        "moves": len(moves) - int(rows["setup"].sum(dtype=np.int64)),
        "labels": int(rows["labels"].sum(dtype=np.int64)),
        "source": source,
        "split": split,
        "filters": dict(filters or {}),
        "planes": PLANES_VERSION,
        "fingerprint": _kind(source, size, filters or {}),
        "checksum": hashlib.sha256(body).hexdigest(),
    }
    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-(_PREFIX.size + len(text)) % _ALIGN)
    with written(path) as temporary, temporary.open("wb") as file:
        file.write(_PREFIX.pack(MAGIC, VERSION, len(text)))
        file.write(text)
        file.write(body)
    return header


def _kind(source: str, size: int, filters: Mapping[str, Any]) -> str:
    """16 hex digits that tell shards of one source, packed in one way, from all others."""
    said = json.dumps([VERSION, PLANES_VERSION, source, size, dict(filters)], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, eq=False)
class Shard:
    """The games of one file; the arrays are read-only and stay on disk until they are used."""

    path: Path
    header: dict[str, Any]
    """``version``, ``size``, ``games``, ``codes`` (all), ``moves`` (no setup), ``labels`` (no setup, no passes),
    ``source``, ``split``, ``filters``, ``checksum``; ``planes`` (`PLANES_VERSION` when it was packed) and
    ``fingerprint`` (of source, size, filters and both versions), which older shards do not have."""
    info: NDArray[np.void]
    """(games,) `INFO`."""
    offsets: NDArray[np.int64]
    """(games + 1,) int64."""
    moves: NDArray[np.uint16]
    """(codes,) uint16 movecodes of all games, back to back."""

    @classmethod
    def open(cls, path: str | os.PathLike[str], verify: bool = True) -> Shard:
        """The shard at ``path``.

        Args:
            path: the file.
            verify: also compare the checksum, which reads the whole file once (0.6 ms a megabyte or so).

        Raises:
            ShardError: it is no shard, of another version, cut off, or damaged.
        """
        target = Path(path)
        try:
            header, start = _read_header(target)
            body = np.memmap(target, dtype=np.uint8, mode="r")[start:]
        except OSError as error:
            raise ShardError(f"{target}: {error.strerror or error}: check the path, or {_REMEDY}") from None
        games, codes = header["games"], header["codes"]
        lengths = [(games + 1) * 8, games * INFO.itemsize, codes * 2]
        if len(body) != sum(lengths):
            raise ShardError(f"{target}: {len(body)} bytes of games where {sum(lengths)} belong: {_REMEDY}")
        if verify and hashlib.sha256(body.data).hexdigest() != header["checksum"]:
            raise ShardError(f"{target}: the checksum is wrong, the file is damaged: {_REMEDY}")
        offsets, info, moves = np.split(body, np.cumsum(lengths)[:2])
        shard = cls(target, header, info.view(INFO), offsets.view("<i8"), moves.view("<u2"))
        edges = shard.offsets
        if edges[0] != 0 or edges[-1] != codes or (edges[1:] < edges[:-1]).any():
            raise ShardError(f"{target}: the table of games makes no sense: {_REMEDY}")
        return shard

    def __len__(self) -> int:
        """The number of games."""
        return len(self.info)

    @property
    def size(self) -> int:
        """The board size."""
        return int(self.header["size"])

    @property
    def labels_per_game(self) -> NDArray[np.int32]:
        """(games,) int32: moves of each game that are no passes."""
        return self.info["labels"]

    @property
    def first_move(self) -> NDArray[np.int16]:
        """(games,) int16: index within a game's codes of its first move, which is its number of setup stones."""
        return self.info["setup"]

    def game(self, index: int) -> NDArray[np.uint16]:
        """The codes of one game, (setup stones + moves,) uint16."""
        if not 0 <= index < len(self):
            raise IndexError(f"game {index}: {self.path.name} has {len(self)}")
        return self.moves[self.offsets[index] : self.offsets[index + 1]]


def is_shard(path: str | os.PathLike[str]) -> bool:
    """Whether the file at ``path`` is named as a shard, or begins as one; `Shard.open` says what is wrong with it."""
    if Path(path).suffix == SUFFIX:
        return True
    try:
        with Path(path).open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def read_header(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The header of a shard, without a look at its games.

    Raises:
        ShardError: it is no shard, or of another version.
    """
    try:
        return _read_header(Path(path))[0]
    except OSError as error:
        raise ShardError(f"{path}: {error.strerror or error}: check the path, or {_REMEDY}") from None


def _read_header(path: Path) -> tuple[dict[str, Any], int]:
    """The header and the byte where the body begins."""
    with path.open("rb") as file:
        prefix = file.read(_PREFIX.size)
        if len(prefix) < _PREFIX.size or not prefix.startswith(MAGIC):
            raise ShardError(f"{path}: not a shard of games: {_REMEDY}")
        _, version, length = _PREFIX.unpack(prefix)
        if version != VERSION:
            raise ShardError(f"{path}: shard of version {version}, this goengine reads {VERSION}: {_REMEDY}")
        if length > 1 << 24:
            raise ShardError(f"{path}: the header is damaged: {_REMEDY}")
        text = file.read(length)
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        header = None
    if len(text) != length or not isinstance(header, dict) or not _is_whole(header):
        raise ShardError(f"{path}: the header is damaged: {_REMEDY}")
    return header, _PREFIX.size + length


def _is_whole(header: dict[str, Any]) -> bool:
    """Whether a header has all that it must have."""
    return (
        all(type(header.get(name)) is kind for name, kind in _FIELDS.items())
        and all(header[name] >= 0 for name, kind in _FIELDS.items() if kind is int)
        and header["version"] == VERSION
        and 2 <= header["size"] <= 25
        and type(header.get("planes", 1)) is int
    )
