"""Game records: SGF files, folders and archives of them, read into `GameRecord`; and games written as SGF.

Nothing that is wrong with a record stops the reading: a game that cannot be used is skipped, one with a fault in the
middle is used up to there, and `scan_games` says so. An illegal move is never skipped over, which would corrupt the
rest.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from goengine.errors import RecordError
from goengine.sgf.files import READ_ERRORS, game_files, open_streams
from goengine.sgf.game import Legal, parse_game
from goengine.sgf.record import GameRecord, Problem
from goengine.sgf.split import split_games

__all__ = ["GameRecord", "Problem", "read_games", "scan_games"]


def read_games(path: str | os.PathLike[str]) -> Iterator[GameRecord]:
    """The usable game records at ``path``: a file, a folder, or an archive.

    Raises:
        RecordError: there is no such file, or it cannot be opened at all.
    """
    return (item for item in scan_games(path) if isinstance(item, GameRecord))


def scan_games(path: str | os.PathLike[str]) -> Iterator[GameRecord | Problem]:
    """The usable game records at ``path``, and before each what is wrong with it; also what is wrong with the others.

    Raises:
        RecordError: there is no such file, or it cannot be opened at all.
    """
    top = Path(path)
    if not top.exists():
        raise RecordError(f"{top}: no such file or folder: check the path")
    return _scan(top)


def _scan(top: Path) -> Iterator[GameRecord | Problem]:
    legal = _legal_counter()
    for file in game_files(top):
        name = str(file)
        index = 0
        try:
            for name, stream in open_streams(file):
                index = 0
                for text in split_games(stream):
                    index += 1
                    record, problems = parse_game(text.data, name, index, text.line, legal, text.truncated)
                    yield from problems
                    if record is not None:
                        yield record
        except READ_ERRORS as error:
            yield Problem(name, index, "", "damaged", str(error), "get the file again", True)


def _legal_counter() -> Legal:
    try:
        from goengine._kernels import legal_prefix
    except ImportError:
        return _all_legal
    return legal_prefix


def _all_legal(codes: NDArray[np.uint16], size: int) -> int:
    return len(codes)
