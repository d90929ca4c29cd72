"""Game records to shards: filtered, split by game, with a count for each reason why something was left out.

The work is cut into units: an archive or a file of many games is one, and so are the loose SGF files of a folder.
After each shard the state of the work is written beside the shards, in `JOURNAL`; started again with the same settings,
the work goes on behind the last whole shard. A unit whose files have changed is packed anew, and its old shards go.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goengine.errors import RecipeError, RecordError
from goengine.files import write_text
from goengine.folders import claimed
from goengine.movecodes import WHITE
from goengine.sgf import GameRecord, Problem, game_files, scan_games
from goengine.shards import INFO, SUFFIX, fingerprint, rank_code, write_shard

JOURNAL = "prepare.json"
HOLDOUT = "holdout"
_JOURNAL_VERSION = 1
_STATE = {
    "identity": list,
    **dict.fromkeys(("items", "parts", "done"), int),
    **dict.fromkeys(("shards", "skipped", "noted"), dict),
}
"""What the journal has of each unit."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Which games are packed, and how."""

    size: int = 19
    """Games on other boards are left out."""
    min_moves: int = 1
    """Games with fewer moves, passes included, are left out."""
    min_rank: str = ""
    """Games are left out unless both players have this rank, as ``6d``, or a higher one; empty takes all."""
    max_handicap: int = 99
    """Games with more handicap stones are left out, whether the record counts them (HA) or only sets them up."""
    holdout: float = 0.0
    """The share of games, 0 to 1, packed apart for validation; a game's moves decide, so copies stay together."""
    games_per_shard: int = 20_000

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            RecipeError: one makes no sense.
        """
        if not 2 <= self.size <= 25:
            raise RecipeError(f"board size {self.size}: use 2 to 25")
        if not 0 <= self.holdout <= 1:
            raise RecipeError(f"holdout {self.holdout:g}: use a share of games, 0 to 1, as 0.01")
        if self.games_per_shard < 1:
            raise RecipeError(f"{self.games_per_shard} games a shard: use 1 or more")
        if self.min_rank and not rank_code(self.min_rank):
            raise RecipeError(f"rank {self.min_rank!r}: write it as 2k, 6d or 1p")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the work is."""

    name: str
    """The unit that is being packed."""
    games: int
    """Games packed in this run."""
    done: int
    """Bytes of the input that have been dealt with."""
    total: int
    """Bytes of the input."""
    seconds: float
    """Since this run began."""
    started_at: int
    """Bytes that had been dealt with before this run."""

    @property
    def seconds_left(self) -> float | None:
        """An estimate; None at first."""
        done = self.done - self.started_at
        return self.seconds * (self.total - self.done) / done if done > 0 and self.seconds > 1 else None


@dataclass(slots=True)
class Report:
    """What has been packed by all runs together."""

    games: int = 0
    moves: int = 0
    labels: int = 0
    shards: list[str] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    """How many games or files were left out, by reason."""
    noted: Counter[str] = field(default_factory=Counter)
    """How many faults were met in games that are packed, in part or whole."""


def _size(file: Path) -> int:
    """Bytes of a file; 0 of a link that leads nowhere."""
    return file.stat().st_size if file.exists() else 0


def _place(file: Path) -> Path:
    """Where a file is, which may itself be a link."""
    return file.parent.resolve() / file.name


def _is_loose(file: str | Path) -> bool:
    """Whether a file is packed with the others of its folder, if that is given."""
    return Path(file).suffix.lower() == ".sgf"


@dataclass(frozen=True, slots=True)
class _Unit:
    name: str
    path: Path
    """A file, or the folder of loose ones."""
    files: tuple[Path, ...]

    def identity(self) -> list[Any]:
        """Changes when a file of the unit changes."""
        seen = [(file.name, _size(file), file.stat().st_mtime_ns if file.exists() else 0) for file in self.files]
        stamp = seen[0][2] if len(seen) == 1 else hashlib.sha256(repr(seen).encode()).hexdigest()[:16]
        return [str(_place(self.files[0])), len(seen), sum(size for _, size, _ in seen), stamp]

    def is_same(self, state: dict[str, Any]) -> bool:
        """Whether a unit in the journal is this one, changed or not, or moved: another may have its name."""
        first, *rest = state["identity"]
        if _place(Path(first)).is_relative_to(self.path) and _is_loose(first) == _is_loose(self.files[0]):
            return True
        return not Path(first).exists() and rest == self.identity()[1:]


def prepare(
    paths: Sequence[Path],
    output: Path,
    settings: Settings,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Report:
    """Pack the game records at ``paths`` into shards in the folder ``output``, or go on with that.

    Args:
        paths: files, folders and archives.
        output: the folder, made if it is not there.
        settings: what to pack and how.
        progress: called after each game.

    Raises:
        RecordError: a path does not exist, or no game at all can be used.
        RecipeError: ``output`` holds shards that were made with other settings.
        GoEngineError: another process packs into it.
    """
    for path in paths:
        if not path.exists():
            raise RecordError(f"{path}: no such file or folder: check the path")
    with claimed(output, "a packing"):
        return _prepare(paths, output, settings, progress)


def _prepare(paths: Sequence[Path], output: Path, settings: Settings, progress: Callable[[Progress], None]) -> Report:
    """As `prepare`, in a folder that is there and nobody else's."""
    journal = _read_journal(output, settings)
    units = list(_units(paths, journal["units"]))
    sizes = [sum(map(_size, unit.files)) for unit in units]
    started = time.monotonic()
    meter = _Meter(progress, sum(sizes), started)
    report = Report()
    for unit, size in zip(units, sizes, strict=True):
        state = journal["units"].get(unit.name)
        if state is None or state["identity"][1:] != unit.identity()[1:] or not _all_there(state, output):
            for name in state["shards"] if state else ():  # of games that are no longer there, perhaps
                (output / name).unlink(missing_ok=True)
            state = {"identity": unit.identity(), "items": 0, "parts": 0, "done": False, "shards": {}}
            state |= {"skipped": {}, "noted": {}}
            journal["units"][unit.name] = state
        if not state["done"]:
            _pack(unit, output, settings, journal, meter)
        else:
            meter.started_at += size
        meter.base += size
        _add(report, state)
    if not report.games:
        reasons = "; ".join(f"{reason}: {count:,}" for reason, count in report.skipped.most_common(3))
        raise RecordError(f"{paths[0]}: no game can be used ({reasons or 'it is empty'}): see goengine check")
    return report


@dataclass(slots=True)
class _Meter:
    """Turns what happens into `Progress`."""

    tell: Callable[[Progress], None]
    total: int
    started: float
    base: int = 0
    """Bytes of the units before this one."""
    started_at: int = 0
    games: int = 0

    def update(self, name: str, into: int) -> None:
        seconds = time.monotonic() - self.started
        self.tell(Progress(name, self.games, self.base + into, self.total, seconds, self.started_at))


def _units(paths: Sequence[Path], known: dict[str, Any]) -> Iterator[_Unit]:
    """The units of the work; the names of the shards come from theirs, so no two are alike, also of those known."""
    taken: set[str] = set()

    def unit(path: Path, files: Sequence[Path]) -> _Unit:
        stem = path.name.split(".")[0] or "games"
        for name in chain([stem], (f"{stem}_{n}" for n in count(2))):
            found = _Unit(name, path if path.is_dir() else _place(path), tuple(files))
            if name not in taken and (name not in known or found.is_same(known[name])):
                break
        taken.add(name)
        return found

    for path in paths:
        if not path.is_dir():
            yield unit(path, [path])
            continue
        loose = []
        for file in game_files(path):
            if _is_loose(file):
                loose.append(file)
            else:
                yield unit(file, [file])
        if loose:
            yield unit(path.resolve(), loose)


def _items(unit: _Unit, meter: _Meter) -> Iterator[GameRecord | Problem]:
    """All that the files of a unit hold, in the same order each time."""
    before = 0
    for file in unit.files:
        size = _size(file)

        def watch(_: Path, into: int, before: int = before) -> None:
            meter.update(unit.name, before + into)

        yield from scan_games(file, watch)
        before += size


def _pack(unit: _Unit, output: Path, settings: Settings, journal: dict[str, Any], meter: _Meter) -> None:
    """Pack one unit from where its state in the journal says, and keep that state."""
    state = journal["units"][unit.name]
    skipped, noted = Counter(state["skipped"]), Counter(state["noted"])
    parts: dict[str, _Part] = {"train": _Part(), HOLDOUT: _Part()}

    def flush(items: int, done: bool) -> None:
        part_number = f".{state['parts']}" if state["parts"] else ""
        for split, part in parts.items():
            if part.codes:
                name = f"{unit.name}{part_number}{'' if split == 'train' else '.' + split}{SUFFIX}"
                header = write_shard(
                    output / name,
                    part.codes,
                    np.array(part.rows, dtype=INFO),
                    size=settings.size,
                    source=", ".join(file.name for file in unit.files[:3]) + (", ..." if len(unit.files) > 3 else ""),
                    split=split,
                    filters=asdict(settings),
                )
                state["shards"][name] = {key: header[key] for key in ("games", "moves", "labels")}
                parts[split] = _Part()
        state["parts"] += 1
        state.update({"items": items, "done": done, "skipped": dict(skipped), "noted": dict(noted)})
        _write_journal(output, journal)

    number, packed = 0, 0
    for number, item in enumerate(_items(unit, meter), 1):
        if number <= state["items"]:
            continue  # dealt with by an earlier run
        if isinstance(item, Problem):
            (skipped if item.skipped else noted)[f"{item.property}: {item.reason}".removeprefix(": ")] += 1
        elif reason := _unwanted(item, settings):
            skipped[reason] += 1
        else:
            held = settings.holdout and fingerprint(item.codes, item.size) < settings.holdout * 2.0**64
            parts[HOLDOUT if held else "train"].add(item)
            meter.games += 1
            packed += 1
            if packed % settings.games_per_shard == 0:
                flush(number, done=False)
    flush(number, done=True)


@dataclass(slots=True)
class _Part:
    """The games of a shard that is not yet written."""

    codes: list[NDArray[np.uint16]] = field(default_factory=list)
    rows: list[tuple[Any, ...]] = field(default_factory=list)

    def add(self, record: GameRecord) -> None:
        self.codes.append(record.codes)
        self.rows.append(_info(record))


def _info(record: GameRecord) -> tuple[Any, ...]:
    """A row of `INFO`; what the shard's writer computes is left at 0."""
    year = re.search(r"[12]\d{3}", record.date)
    return (
        0,
        record.index,
        np.nan if record.komi is None else record.komi,
        int(year[0]) if year else 0,
        0,
        min(_handicap(record), 255),
        rank_code(record.black_rank),
        rank_code(record.white_rank),
        {"B+": 1, "W+": -1}.get(record.result[:2].upper(), 0),
    )


def _handicap(record: GameRecord) -> int:
    """Handicap stones: those of HA or, where it says fewer, those that Black alone was given before White's move."""
    setup = record.codes[: record.setup_count]
    given = len(setup) if record.to_play == "white" and not (setup & WHITE).any() else 0
    return max(record.handicap, given if given > 1 else 0)


def _unwanted(record: GameRecord, settings: Settings) -> str:
    """Why a usable record is not packed; empty if it is."""
    if record.size != settings.size:
        return f"SZ: not on {settings.size}x{settings.size}"
    if record.move_count < settings.min_moves:
        return f"fewer than {settings.min_moves} moves"
    if _handicap(record) > settings.max_handicap:
        return f"HA: more than {settings.max_handicap} handicap stones"
    if settings.min_rank:
        lower = min(rank_code(record.black_rank), rank_code(record.white_rank))
        if lower < rank_code(settings.min_rank):
            return f"BR or WR: below {settings.min_rank}, or unknown"
    return ""


def _add(report: Report, state: dict[str, Any]) -> None:
    for name, header in state["shards"].items():
        report.shards.append(name)
        report.games += header["games"]
        report.moves += header["moves"]
        report.labels += header["labels"]
    report.skipped.update(state["skipped"])
    report.noted.update(state["noted"])


def _all_there(state: dict[str, Any], output: Path) -> bool:
    return all((output / name).is_file() for name in state["shards"])


def _read_journal(output: Path, settings: Settings) -> dict[str, Any]:
    """The state of the work in ``output``.

    Raises:
        RecipeError: it was made with other settings, or is damaged.
    """
    path = output / JOURNAL
    try:
        journal = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {"version": _JOURNAL_VERSION, "settings": asdict(settings), "units": {}}
    except (ValueError, RecursionError):
        journal = None
    if not isinstance(journal, dict) or journal.get("version") != _JOURNAL_VERSION or not _is_whole(journal):
        raise RecipeError(f"{path}: damaged, or of another version: delete it, or choose another output folder")
    if journal["settings"] != asdict(settings):
        before = {name: value for name, value in journal["settings"].items() if asdict(settings).get(name) != value}
        was = ", ".join(f"{name} = {value}" for name, value in before.items())
        raise RecipeError(f"{output}: has shards made with {was}: choose another output folder, or delete {path.name}")
    return journal


def _is_whole(journal: dict[str, Any]) -> bool:
    """Whether a journal has all that it must have."""
    settings, units = journal.get("settings"), journal.get("units")
    return (
        isinstance(settings, dict)
        and isinstance(units, dict)
        and all(
            isinstance(state, dict) and all(isinstance(state.get(key), kind) for key, kind in _STATE.items())
            for state in units.values()
        )
    )


def _write_journal(output: Path, journal: dict[str, Any]) -> None:
    write_text(output / JOURNAL, json.dumps(journal, ensure_ascii=False, indent=1))
