"""Game records: SGF files, folders and archives of them, read into `GameRecord`; and games written as SGF.

Nothing that is wrong with a record stops the reading: a game that cannot be used is skipped, one with a fault in the
middle is used up to there, and `scan_games` says so. An illegal move is never skipped over, which would corrupt the
rest.

    files    files, folders and archives to streams of bytes
    recode   games in encodings whose characters may look like brackets to UTF-8
    split    a stream to game trees
    tree     a game tree to its main line: a fast path, and sgfmill
    game     the main line to a `GameRecord`, with the meaning of the properties
    text     which encoding
    write    SGF out
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from goengine.errors import RecordError
from goengine.sgf.files import READ_ERRORS, game_files, open_streams
from goengine.sgf.game import Legal, parse_game
from goengine.sgf.recode import recoded
from goengine.sgf.record import GameRecord, Problem
from goengine.sgf.split import GameText, Readable, split_games
from goengine.sgf.write import write_game

Watch = Callable[[Path, int], None]

__all__ = ["GameRecord", "Problem", "game_files", "read_games", "scan_games", "write_game"]


def read_games(path: str | os.PathLike[str]) -> Iterator[GameRecord]:
    """The usable game records at ``path``, in order: a file, a folder with all below it, or an archive.

    Games that cannot be used are left out in silence: `scan_games` names them.

    Raises:
        RecordError: there is no such file, or not one game in it can be used.
    """
    _check_there(Path(path))
    return _usable(Path(path))


def _usable(top: Path) -> Iterator[GameRecord]:
    first: Problem | None = None
    found = False
    for item in _scan(top):
        if isinstance(item, GameRecord):
            found = True
            yield item
        elif first is None and item.skipped:
            first = item
    if not found:
        raise RecordError(
            f"{top}: no game can be used: goengine check names the reasons" if first is None else str(first)
        )


def scan_games(path: str | os.PathLike[str], watch: Watch | None = None) -> Iterator[GameRecord | Problem]:
    """The usable game records at ``path``, before each what is wrong with it; also what is wrong with the others.

    Args:
        path: a file, a folder, or an archive.
        watch: called after each game with a file of ``path`` and how many of its bytes have been read.

    Raises:
        RecordError: there is no such file.
    """
    _check_there(Path(path))
    return _scan(Path(path), watch)


def _check_there(top: Path) -> None:
    try:
        there = top.exists() or top.is_symlink()  # one that leads nowhere is a file that cannot be read
    except (OSError, ValueError):  # a name that is too long, or with a null byte
        there = False
    if not there:
        raise RecordError(f"{top}: no such file or folder: check the path")


def _scan(top: Path, watch: Watch | None = None) -> Iterator[GameRecord | Problem]:
    legal = _legal_counter()
    files = 0
    for file in game_files(top):
        files += 1
        streams = 0
        try:
            for name, stream, at in open_streams(file):
                streams += 1
                for item in _scan_stream(stream, name, legal):
                    if watch is not None:
                        watch(file, at())
                    yield item
        except READ_ERRORS as error:
            yield _damaged(str(file), 0, error)
        else:
            if not streams:
                yield Problem(
                    str(file), 0, "", "no game file in the archive", "", "put .sgf or .sgfs files into it", True
                )
    if not files:
        yield Problem(str(top), 0, "", "no game file in the folder", "", "check the path: .sgf, .sgfs, archives", True)


def _scan_stream(stream: Readable | Exception, name: str, legal: Legal) -> Iterator[GameRecord | Problem]:
    if isinstance(stream, Exception):
        yield _damaged(name, 0, stream)
        return
    index = 0
    for text in _texts(stream):
        if isinstance(text, Exception):
            yield _damaged(name, index, text)
            return
        index += 1
        record, problems = parse_game(text, name, index, legal)
        yield from problems
        if record is not None:
            yield record
    if not index:
        yield Problem(name, 0, "", "no game record in the file", "", "check that it is SGF", True)


def _texts(stream: Readable) -> Iterator[GameText | Exception]:
    """The game trees of a stream; an exception where it cannot be read on."""
    try:
        yield from split_games(recoded(stream))
    except READ_ERRORS as error:
        yield error


def _damaged(name: str, index: int, error: Exception) -> Problem:
    """The problem of a file that cannot be opened, or read to its end."""
    detail = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, OSError) and error.errno is not None:  # those of the decompressors have no number
        return Problem(name, 0, "", "the file cannot be read", detail, "check the path and its permissions", True)
    after = f"after game {index}: " if index else ""
    return Problem(name, 0, "", "the file is damaged", after + detail, "get the file again", True)


def _legal_counter() -> Legal:
    from goengine.board import legal_prefix  # compiles the rules on a machine's first use

    return legal_prefix
