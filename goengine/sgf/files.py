"""Files, folders and archives to streams of SGF text."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from goengine.sgf.split import Readable

READ_ERRORS = (OSError, EOFError, lzma.LZMAError, zlib.error, zipfile.BadZipFile, tarfile.TarError, RuntimeError,
               NotImplementedError, ValueError)  # fmt: skip
"""What the readers of damaged files and archives raise."""

GAMES = (".sgf", ".sgfs")
PACKED = (".gz", ".xz", ".bz2")
ARCHIVES = (".zip", ".tar", ".tgz", ".txz", ".tbz2")
_PEEK = 512
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # the latter is empty


def is_game_file(name: str) -> bool:
    """Whether a file in a folder or an archive is read, by its name; a file named by the user always is."""
    stem = name.lower()
    for suffix in PACKED:
        stem = stem.removesuffix(suffix)
    return stem.endswith(GAMES + ARCHIVES)


def game_files(path: Path) -> Iterator[Path]:
    """``path`` itself, or the game files and archives in and below the folder, in the order of their names."""
    if not path.is_dir():
        yield path
        return
    for folder, folders, files in os.walk(path):
        folders.sort()
        for name in sorted(files):
            if is_game_file(name):
                yield Path(folder) / name


def open_streams(path: Path) -> Iterator[tuple[str, Readable | Exception, Callable[[], int]]]:
    """(name, stream, position) of the file, or of each game file in the archive.

    In place of a stream stands what is wrong with that member of an archive. A stream has to be read before the next is
    asked for. ``position()`` says how far into ``path`` the reading is.

    Raises:
        Exception: one of `READ_ERRORS`.
    """
    with path.open("rb") as file:
        is_zip = file.peek(4)[:4] in _ZIP
        for name, stream in _zip_members(file, str(path)) if is_zip else _unpacked(file, str(path)):
            yield name, stream, file.tell


class _Stream:
    """A stream whose first bytes can be looked at, and that gives all there is before it raises; it closes nothing."""

    def __init__(self, source: Any) -> None:
        self._read_some = source.read1 if hasattr(source, "read1") else source.read
        self._error: Exception | None = None
        self._waiting = b""
        self.head = self._waiting = self.read(_PEEK)

    def read(self, size: int, /) -> bytes:
        """``size`` bytes, fewer only at the end or before an error, which the next call raises."""
        if self._error is not None:
            raise self._error
        part, self._waiting = self._waiting[:size], self._waiting[size:]
        parts, missing = [part], size - len(part)
        while missing > 0:
            try:
                part = self._read_some(missing)
            except READ_ERRORS as error:
                if missing == size:
                    raise
                self._error = error
                break
            if not part:
                break
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)


def _zip_members(file: IO[bytes], name: str) -> Iterator[tuple[str, Readable | Exception]]:
    with zipfile.ZipFile(file) as archive:
        for member in sorted(archive.infolist(), key=lambda member: member.filename):
            if member.is_dir() or not is_game_file(member.filename):
                continue
            inside = f"{name}:{member.filename}"
            try:
                with archive.open(member) as stream:
                    yield from _unpacked(stream, inside)
            except READ_ERRORS as error:
                yield inside, error


def _tar_member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Readable:
    """What stands in the archive under this name, read as it goes by.

    Raises:
        ValueError: nothing does.
    """
    stream = None if member.issym() or member.islnk() else archive.extractfile(member)
    if stream is None:
        raise ValueError("a link inside an archive, or no file: unpack the archive")
    return stream


def _unpacked(source: Readable, name: str) -> Iterator[tuple[str, Readable | Exception]]:
    """The stream with its compression removed, or its members if it is a tar archive."""
    stream = _Stream(source)
    packed: Any = stream  # the readers of compressed files need no more than read()
    if stream.head.startswith(b"\x1f\x8b"):
        with gzip.GzipFile(fileobj=packed) as inner:
            yield from _unpacked(inner, name)
    elif stream.head.startswith(b"\xfd7zXZ\0"):
        with lzma.LZMAFile(packed) as inner:
            yield from _unpacked(inner, name)
    elif stream.head.startswith(b"BZh"):
        with bz2.BZ2File(packed) as inner:
            yield from _unpacked(inner, name)
    elif stream.head.startswith(_ZIP):
        raise ValueError("an archive inside an archive: unpack the outer one")
    elif stream.head[257:262] == b"ustar":
        with tarfile.open(fileobj=packed, mode="r|") as archive:
            for member in archive:
                if not is_game_file(member.name) or member.isdir():
                    continue
                inside = f"{name}:{member.name}"
                try:
                    yield from _unpacked(_tar_member(archive, member), inside)
                except READ_ERRORS as error:
                    yield inside, error
    else:
        yield name, stream
