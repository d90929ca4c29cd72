"""Games to measure networks on: their moves, who played them, and what had to be left out."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from goengine.corpus import Corpus, folder_source, source_name
from goengine.errors import RecordError, ShardError
from goengine.movecodes import SETUP

__all__ = ["FILE_TWICE", "GAME_TWICE", "HeldOut", "load_games"]

FILE_TWICE, GAME_TWICE = "a file that is given twice", "a game that is given twice"  # reasons in `HeldOut.skipped`


@dataclass
class HeldOut:
    """Games of one board size, and what the records say about each of them.

    Attributes:
        corpus: the moves.
        files: names of the files.
        file_of: int64 (games,), the file of each game, an index into `files`.
        number: int64 (games,), its number in that file, from 1.
        ranks: uint8 (games, 2), of Black and of White, coded as in `goengine.shards.INFO`; 0 where unknown.
        skipped: how many games or files were left out, by reason.
        noted: how many faults were met in games that are used up to there, or whole, by reason.
    """

    corpus: Corpus
    files: tuple[str, ...]
    file_of: npt.NDArray[np.int64]
    number: npt.NDArray[np.int64]
    ranks: npt.NDArray[np.uint8]
    skipped: Counter[str] = field(default_factory=Counter)
    noted: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, corpus: Corpus) -> "HeldOut":
        """Games that came without a word about them."""
        games = int(corpus.locate(np.array([len(corpus) - 1]))[0][0]) + 1 if len(corpus) else 0
        return cls(
            corpus, ("",), np.zeros(games, np.int64), np.arange(1, games + 1), np.zeros((games, 2), dtype=np.uint8)
        )

    def name(self, game: int) -> str:
        """Where a game is to be found: its file and, where that holds several, its number there."""
        file = self.files[self.file_of[game]]
        return f"{file}, game {self.number[game]}" if file else f"game {self.number[game]}"


@dataclass
class _Piece:
    """The games of one file."""

    files: list[str] = field(default_factory=list)
    """Of each game; an archive's are its members."""
    moves: list[npt.NDArray[np.uint16]] = field(default_factory=list)
    lengths: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    number: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    ranks: npt.NDArray[np.uint8] = field(default_factory=lambda: np.empty((0, 2), np.uint8))


def load_games(
    paths: Iterable[str | os.PathLike[str]], size: int = 19, progress: Callable[[str], None] | None = None
) -> HeldOut:
    """Read shards, or game records in any form that `goengine.sgf.scan_games` takes.

    What cannot be used is left out and counted, and so is a game with the very moves of an earlier one: games count as
    independent of each other. Loose SGF files of a folder are one source, named after the folder; any
    other file is a source of its own, or of the files that share its name but for a number at the end.

    Args:
        paths: files and folders; a folder of shards gives its shards.
        size: games on other boards are left out.
        progress: called with the name of each file before it is read.

    Raises:
        RecordError: a path does not exist, or not one game of this size can be used.
        ShardError: a shard cannot be used, or is for boards of another size.
    """
    from goengine.shards import is_shard

    given = [Path(path) for path in paths]
    skipped: Counter[str] = Counter()
    noted: Counter[str] = Counter()
    first = ""
    by_source: dict[str, list[_Piece]] = {}
    read: set[Path] = set()
    met: set[bytes] = set()
    for path, source in _files(given):
        if (real := path.resolve()) in read:
            skipped[FILE_TWICE] += 1
            continue
        read.add(real)
        if progress is not None:
            progress(str(path))
        if is_shard(path):
            piece = _read_shard(path, size)
        else:
            piece, reason = _read_records(path, size, skipped, noted)
            first = first or reason
        piece = _new(piece, met, skipped)
        if len(piece.lengths):
            by_source.setdefault(source, []).append(piece)
    if not by_source:
        others = f": {skipped[_other_size(size)]:,} on other boards" if skipped[_other_size(size)] else ""
        names = ", ".join(map(str, given)) or "no files"
        raise RecordError(first or f"no {size}x{size} games among {names}{others}")
    sources = sorted(by_source)
    pieces = [(source, piece) for source, name in enumerate(sources) for piece in by_source[name]]
    counts = [len(piece.lengths) for _, piece in pieces]
    files: dict[str, int] = {}  # their places in `HeldOut.files`
    file_of = [files.setdefault(file, len(files)) for _, piece in pieces for file in piece.files]
    moves = [codes for _, piece in pieces for codes in piece.moves]
    offsets = np.concatenate([[0], np.cumsum(np.concatenate([piece.lengths for _, piece in pieces]))])
    corpus = Corpus(
        size,
        sources,
        moves[0] if len(moves) == 1 else np.concatenate(moves),
        offsets.astype(np.int64),
        np.repeat([source for source, _ in pieces], counts),
    )
    return HeldOut(
        corpus=corpus,
        files=tuple(files),
        file_of=np.array(file_of, dtype=np.int64),
        number=np.concatenate([piece.number for _, piece in pieces]),
        ranks=np.concatenate([piece.ranks for _, piece in pieces]),
        skipped=skipped,
        noted=noted,
    )


def _files(paths: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """The files of these paths, each with the source it belongs to."""
    from goengine.sgf import game_files
    from goengine.shards import SUFFIX

    for path in paths:
        if not path.is_dir():
            yield path, source_name(path)
            continue
        loose = folder_source(path)
        for file in sorted(path.rglob("*" + SUFFIX)) or game_files(path):
            yield file, loose if file.suffix.lower() == ".sgf" else source_name(file)


def _read_shard(path: Path, size: int) -> _Piece:
    from goengine.shards import Shard

    shard = Shard.open(path)
    if shard.size != size:
        raise ShardError(f"{path}: its games are on {shard.size}x{shard.size} boards, not {size}x{size}")
    return _Piece(
        [str(path)] * len(shard.info["index"]),
        [shard.moves],
        np.diff(shard.offsets).astype(np.int64),
        np.asarray(shard.info["index"], dtype=np.int64),
        np.stack([shard.info["black_rank"], shard.info["white_rank"]], axis=1),
    )


def _read_records(path: Path, size: int, skipped: Counter[str], noted: Counter[str]) -> tuple[_Piece, str]:
    """The usable games of a file, and one line on the first that cannot be read, if there is one."""
    from goengine.sgf import GameRecord, scan_games
    from goengine.shards import rank_code

    records: list[GameRecord] = []
    first = ""
    for item in scan_games(path):
        if not isinstance(item, GameRecord):
            (skipped if item.skipped else noted)[f"{item.property}: {item.reason}".removeprefix(": ")] += 1
            first = first or (str(item) if item.skipped else "")
        elif item.size != size:
            skipped[_other_size(size)] += 1
        else:
            records.append(item)
    piece = _Piece(
        [record.source for record in records],
        [record.codes for record in records],
        np.array([len(record.codes) for record in records], dtype=np.int64),
        np.array([record.index for record in records], dtype=np.int64),
        np.array([[rank_code(r.black_rank), rank_code(r.white_rank)] for r in records], np.uint8).reshape(-1, 2),
    )
    return piece, first


def _new(piece: _Piece, met: set[bytes], skipped: Counter[str]) -> _Piece:
    """The games whose moves were not met before; what is met is kept as digests of 128 bits."""
    if not len(piece.lengths):
        return piece
    moves = piece.moves[0] if len(piece.moves) == 1 else np.concatenate(piece.moves)
    games = np.split(moves, np.cumsum(piece.lengths)[:-1])
    new = np.ones(len(games), np.bool_)
    for game, codes in enumerate(games):
        if len(codes) and codes[0] & SETUP:  # setup stones stand first, in any order
            codes = np.concatenate((np.sort(codes[codes & SETUP != 0]), codes[codes & SETUP == 0]))
        digest = hashlib.blake2b(codes.tobytes(), digest_size=16).digest()
        new[game] = digest not in met
        met.add(digest)
    if new.all():
        return piece
    skipped[GAME_TWICE] += int((~new).sum())
    kept = np.flatnonzero(new)
    return _Piece(
        [piece.files[game] for game in kept],
        [games[game] for game in kept],
        piece.lengths[kept],
        piece.number[kept],
        piece.ranks[kept],
    )


def _other_size(size: int) -> str:
    return f"SZ: not on {size}x{size}"
