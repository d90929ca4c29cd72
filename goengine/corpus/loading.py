"""Files and folders of games to a `Corpus`: which files are read, what is passed over, and the source of each."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from goengine.corpus.codes import GameCodes
from goengine.corpus.games import Corpus
from goengine.corpus.mixture import check_mixture
from goengine.errors import RecipeError

__all__ = ["check_apart", "folder_source", "load_corpus", "source_name"]

_TAKEN = ("all", "weights")  # what results have besides sources

Ints = npt.NDArray[np.int64]


def source_name(path: str | os.PathLike[str]) -> str:
    """The source that a file of games belongs to: its name without endings and without a trailing number.

    ``kgs6d-001.sgfs.xz`` and ``kgs6d.shard`` are both ``kgs6d``.
    """
    stem = Path(path).name.split(".")[0]
    head, _, tail = stem.rpartition("-")
    return _free(head if head and tail.isdigit() else stem)


def folder_source(folder: Path) -> str:
    """The source that loose SGF files of a folder belong to: its name."""
    return _free(folder.resolve().name or "games")


def _free(name: str) -> str:
    return f"{name}-games" if name in _TAKEN else name


class _Piece(NamedTuple):
    """The games of one file: the arguments of `GameCodes`."""

    moves: npt.NDArray[np.uint16]
    offsets: Ints
    labels: Ints | None


def load_corpus(
    paths: Iterable[str | os.PathLike[str]],
    size: int = 19,
    *,
    training: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Corpus:
    """Read shards, or game records in any form that `goengine.sgf.read_games` takes.

    Loose SGF files of a folder are one source, named after the folder; any other file belongs to that of `source_name`.

    Args:
        paths: files and folders; a folder of shards gives its shards.
        size: games on other boards are left out.
        training: refuse what lies in a folder named ``dev``, and shards of another split than train: those games are
            for validation only. In a folder that is given they are passed over.
        progress: called with a line of text a file, one for all loose SGF files of a folder, and one each for shards
            that are passed over, and for files without a game that can be used.

    Raises:
        RecipeError: when nothing of this size is there, or validation games were given for training.
        ShardError, RecordError: for shards that cannot be used or do not go together, and files that are not there.
    """
    from goengine.shards import Shard, is_shard

    shards: list[tuple[str, Shard]] = []
    pieces: dict[str, list[_Piece]] = {}
    loose: dict[Path, list[int]] = {}
    passed_over: list[str] = []
    held_out: list[str] = []
    for path, folder in _files(paths, training):
        among = folder if path.suffix.lower() == ".sgf" else None
        source = source_name(path) if among is None else folder_source(among)
        if is_shard(path):
            shard = Shard.open(path)
            if shard.size != size:
                raise RecipeError(f"{path}: its games are on {shard.size}x{shard.size} boards, not {size}x{size}")
            if training and (split := shard.header.get("split", "train")) != "train":
                fault = f"{path}: a shard of split {split!r}, never for training: give it to --validation"
                if folder is None:
                    raise RecipeError(fault)
                held_out.append(fault)
                continue
            shards.append((source, shard))
            counts = np.stack([shard.labels_per_game, shard.first_move]).astype(np.int64)
            piece = _Piece(shard.moves, shard.offsets, counts)
        else:
            piece, fault = _read_records(path, size)
            if fault:
                passed_over.append(fault)
                continue
        if among is not None:
            loose.setdefault(among, []).append(len(piece.offsets) - 1)
        elif progress is not None:
            progress(f"{path}: {len(piece.offsets) - 1:,} games")
        if len(piece.offsets) > 1:
            pieces.setdefault(source, []).append(piece)
    if progress is not None:
        for where, counted in loose.items():
            progress(f"{where}: {sum(counted):,} games in {len(counted):,} files")
        if passed_over:
            progress(f"{len(passed_over):,} files without a game that can be used; the first: {passed_over[0]}")
        if held_out:
            progress(f"{len(held_out):,} shards are passed over; the first is {held_out[0]}")
    if not pieces:
        given = ", ".join(map(str, paths)) or "no files"
        why = [*held_out, *passed_over][0] if held_out or passed_over else "give shards (data/README.md) or SGF files"
        raise RecipeError(f"no {size}x{size} games among {given}: {why}")
    check_mixture(shards)
    names = sorted(pieces)
    ordered = [(number, piece) for number, name in enumerate(names) for piece in pieces[name]]
    files = [piece for _, piece in ordered]
    codes = GameCodes([one.moves for one in files], [one.offsets for one in files], [one.labels for one in files])
    sources = np.concatenate([np.full(len(piece.offsets) - 1, number) for number, piece in ordered])
    return Corpus(size, names, codes, None, sources)


def check_apart(training: Iterable[str | os.PathLike[str]], validation: Iterable[str | os.PathLike[str]]) -> None:
    """Refuse files that are both learnt from and validated on: what a network has learnt says little of it.

    Shards of another split than train are never learnt from, wherever they lie.

    Args:
        training: files and folders, as for `load_corpus`.
        validation: the same.

    Raises:
        RecipeError: naming the first of them.
    """
    from goengine.shards import is_shard, read_header

    learnt = {
        path.resolve()
        for path, _ in _files(training, True)
        if not (is_shard(path) and read_header(path)["split"] != "train")
    }
    both = [path for path, _ in _files(validation, False) if path.resolve() in learnt]
    if both:
        more = f", and {len(both) - 1:,} more" if len(both) > 1 else ""
        raise RecipeError(
            f"{both[0]}{more}: to learn from and to validate on at once; give other games to --validation"
        )


def _files(paths: Iterable[str | os.PathLike[str]], training: bool) -> Iterable[tuple[Path, Path | None]]:
    """The files of these paths: a folder gives all shards in it or, where it has none, all its game records.

    With a file of a folder comes the folder that was given.

    For training, what lies in a subfolder named dev is passed over, and refused if it is asked for by name.
    """
    from goengine.sgf.files import game_files
    from goengine.shards import SUFFIX

    for path in map(Path, paths):
        if training and "dev" in (path.resolve().name, path.resolve().parent.name):
            raise RecipeError(f"{path}: games in a folder named dev are for validation, never for training")
        if not path.is_dir():
            yield path, None
            continue
        inside = sorted(path.rglob("*" + SUFFIX)) or list(game_files(path))
        for file in inside:
            if not (training and "dev" in file.relative_to(path).parts):
                yield file, path


def _read_records(path: Path, size: int) -> tuple[_Piece, str]:
    """The games of a file, and why it has none that can be used, of any size; "" if it has."""
    from goengine.sgf import GameRecord, scan_games

    records: list[GameRecord] = []
    fault, usable = "", False
    for item in scan_games(path):
        if isinstance(item, GameRecord):
            usable = True
            records += [item] if item.size == size else []
        elif item.skipped and not fault:
            fault = str(item)
    codes = [record.codes for record in records]
    lengths = np.array([0, *map(len, codes)], dtype=np.int64)
    piece = _Piece(np.concatenate([np.empty(0, np.uint16), *codes]).astype(np.uint16), np.cumsum(lengths), None)
    return piece, "" if usable else fault
