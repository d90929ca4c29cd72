"""Files, folders and archives to streams of SGF text."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

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


def open_streams(path: Path) -> Iterator[tuple[str, IO[bytes], Callable[[], int]]]:
    """(name, stream, position) of the file, or of each game file in the archive.

    A stream has to be read before the next is asked for. ``position()`` says how far into ``path`` the reading is.

    Raises:
        Exception: one of `READ_ERRORS`.
    """
    with path.open("rb") as file:
        is_zip = file.peek(4)[:4] in _ZIP
        for name, stream in (_zip_members if is_zip else _unpacked)(file, str(path)):
            yield name, stream, file.tell


def _zip_members(file: IO[bytes], name: str) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(file) as archive:
        for member in sorted(archive.infolist(), key=lambda member: member.filename):
            if not member.is_dir() and is_game_file(member.filename):
                with archive.open(member) as inner:
                    yield from _unpacked(inner, f"{name}:{member.filename}")


def _unpacked(stream: Any, name: str) -> Iterator[tuple[str, IO[bytes]]]:
    """The stream with its compression removed, and its members if it is a tar archive."""
    reader = io.BufferedReader(stream, 1 << 16)
    head = reader.peek(_PEEK)[:_PEEK]
    if head.startswith(b"\x1f\x8b"):
        with gzip.GzipFile(fileobj=reader) as inner:
            yield from _unpacked(inner, name)
    elif head.startswith(b"\xfd7zXZ\0"):
        with lzma.LZMAFile(reader) as inner:
            yield from _unpacked(inner, name)
    elif head.startswith(b"BZh"):
        with bz2.BZ2File(reader) as inner:
            yield from _unpacked(inner, name)
    elif head.startswith(_ZIP):
        raise ValueError("an archive inside an archive: unpack the outer one")
    elif head[257:262] == b"ustar":
        with tarfile.open(fileobj=reader, mode="r|") as archive:
            for member in archive:
                if member.isfile() and is_game_file(member.name):
                    member_stream = archive.extractfile(member)
                    if member_stream is not None:
                        yield from _unpacked(member_stream, f"{name}:{member.name}")
    else:
        yield name, reader
