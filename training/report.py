"""The whole report on a network: python training/report.py FOLDER GAMES... with --network, --limit and so on.

Every file is measured with one orientation and averaged over the eight symmetries, on the same positions, and gets
FOLDER/NAME.json and pictures in FOLDER/NAME; at the end FOLDER/report.md holds the tables and FOLDER/report.json all
figures. Stopped and started again with the same settings, it goes on with the file that was not finished.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from goengine.bundled import DEFAULT, network_file
from goengine.checkpoint import Network, load_network
from goengine.cli.options import check_counts, default_threads
from goengine.cli.progress import Progress, terminable
from goengine.corpus import folder_source, source_name
from goengine.errors import RecipeError
from goengine.evaluation.comparison import compare
from goengine.evaluation.evaluator import Subject, measure
from goengine.evaluation.heldout import load_games
from goengine.evaluation.plots import check_matplotlib, write_plots
from goengine.exits import exit_status
from goengine.files import write_text
from goengine.sgf import game_files
from goengine.shards import SUFFIX

VERSION = 1  # of the stored files: another one is measured again

Row = dict[str, Any]


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    """The command line.

    Raises:
        GoEngineError: a number is out of range, or two files would share a name.
    """
    parser = argparse.ArgumentParser(prog="report.py", description="Measure a network on every file, with pictures.")
    parser.add_argument("folder", type=Path, help="where the report goes; made if it is not there")
    parser.add_argument("games", nargs="+", type=Path, help="game records or shards, each measured by itself")
    parser.add_argument("--network", type=network_file, default=DEFAULT, metavar="FILE", help="default: bundled")
    parser.add_argument("--limit", type=int, metavar="N", help="positions a file with one orientation (default: all)")
    parser.add_argument(
        "--limit-symmetries",
        type=int,
        metavar="N",
        help="positions a file with eight symmetries, which cost nine times as much (default: as many)",
    )
    parser.add_argument("--device", default="cpu", help="cpu, or cuda where there is one (default: %(default)s)")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32", help="of the convolutions")
    parser.add_argument("--threads", type=int, help="processor cores to use (default: all, at most 4)")
    parser.add_argument("--no-plots", action="store_true", help="no pictures, for which matplotlib is needed")
    arguments = parser.parse_args(argv)
    check_counts(arguments, "limit", "limit_symmetries", "threads")
    names = [name_of(path) for path in arguments.games]
    for name in names:
        if names.count(name) > 1:
            raise RecipeError(f"two of the files are {name!r}: rename one, or give them to goengine evaluate together")
    return arguments


def measure_file(network: Network, path: Path, arguments: argparse.Namespace, threads: int) -> Row | None:
    """The figures of one file: single, eight, and how much better eight is; None if it was interrupted."""
    games = load_games([path], network.size)
    single, eight = (Subject(network, symmetries, arguments.precision) for symmetries in (1, 8))
    few = min((limit for limit in (arguments.limit, arguments.limit_symmetries) if limit is not None), default=None)
    both = measure([single, eight], games, few, Progress(f"{path.name}, 8 symmetries"), threads)
    whole = both[0]
    if few is not None and few < min(arguments.limit or len(games.corpus), len(games.corpus)) and both[0].complete:
        [whole] = measure([single], games, arguments.limit, Progress(path.name), threads)
    if not (both[0].complete and whole.complete):
        return None
    return {"single": whole.as_dict(), "eight": both[1].as_dict(), "eight_less_single": compare(both[1], both[0])}


def name_of(path: Path) -> str:
    """What a file or a folder of games is called in the report, and its figures' file with it."""
    return folder_source(path) if path.is_dir() else source_name(path)


def state_of(path: Path) -> Row:
    """What changes when a file of games, or one in a folder of them, changes: bytes, and when it was last written."""
    files = [*path.rglob("*" + SUFFIX), *game_files(path)] if path.is_dir() else [path]
    states = [file.stat() for file in files if file.exists()]
    size, changed = sum(state.st_size for state in states), max((state.st_mtime_ns for state in states), default=0)
    return {"size": size, "changed": changed}


def stored(path: Path, settings: Row) -> Row | None:
    """The figures in a file that an earlier run wrote with the same settings."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        figures = found["figures"] if found["settings"] == settings else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return figures if isinstance(figures, dict) else None


def tables(network: Network, files: dict[str, Row], plots: bool) -> Iterator[str]:
    """The lines of report.md."""
    yield f"# How well {network.name} guesses moves\n"
    first = next(iter(files.values()))["single"]
    yield f"Accuracy among legal moves, loss in nats per position. Intervals: {first['intervals']}.\n"
    yield "| games | positions | top-1 | 95 % | top-5 | loss | calibration error, points |"
    yield "|---|---|---|---|---|---|---|"
    for name, row in files.items():
        yield _row(name, row["single"])
    yield "\nAveraged over the eight symmetries; the gain is that of the same positions, paired.\n"
    yield "| games | positions | top-1 | 95 % | top-5 | loss | calibration error, points | gain, points | 95 % |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for name, row in files.items():
        gain = row["eight_less_single"]
        yield f"{_row(name, row['eight'])} {100 * gain['top1']:+.2f} | {_range(gain['top1_interval'], '+.2f')} |"
    yield "\n## By phase, with one orientation\n"
    yield "| games | moves | positions | top-1 | 95 % | top-5 | loss |"
    yield "|---|---|---|---|---|---|---|"
    for name, row in files.items():
        for phase, figures in row["single"]["by_phase"].items():
            yield f"| {name} {_row(phase, figures)}"
    if any(row["single"]["by_rank"] for row in files.values()):
        yield "\n## By rank of the player who moves\n"
        yield "| games | rank | positions | top-1 | 95 % | top-5 | loss |"
        yield "|---|---|---|---|---|---|---|"
        for name, row in files.items():
            for rank, figures in row["single"]["by_rank"].items():
                yield f"| {name} {_row(rank, figures)}"
    yield "\n## When it says 40 %, is it 40 %?\n"
    yield "How often its favourite move was played, by the probability that it gave that move (one orientation)."
    for name, row in files.items():
        calibration = row["single"]["calibration"]
        yield (
            f"\n{name}: expected calibration error {100 * calibration['ece']:.2f} points; chance alone would make "
            f"{100 * calibration['ece_by_chance']:.2f}.\n"
        )
        yield "| it says | positions | on average | played | 95 % |"
        yield "|---|---|---|---|---|"
        for part in calibration["top_move"]:
            edges = f"{100 * part['from']:.0f} to {100 * part['to']:.0f} %"
            shares = f"{_percent(part['says'])} | {_percent(part['played'])} | {_range(part['interval'])}"
            yield f"| {edges} | {part['count']:,} | {shares} |"
    if plots:
        yield "\n## Pictures"
        for name in files:
            yield f"\n{name}:\n\n![accuracy by move number]({name}/accuracy-by-move.png)"
            yield f"![reliability]({name}/reliability.png)"


def _row(name: str, figures: Row) -> str:
    cells = f"{figures['positions']:,} | {_percent(figures['top1'])} | {_range(figures['top1_interval'])}"
    cells += f" | {_percent(figures['top5'])} | {figures['loss']:.4f} |"
    if "calibration" in figures:
        cells += f" {100 * figures['calibration']['ece']:.2f} |"
    return f"| {name} | {cells}"


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _range(interval: Sequence[float] | None, form: str = ".2f") -> str:
    return "" if interval is None else " to ".join(format(100 * end, form) for end in interval)


def report(arguments: argparse.Namespace) -> int:
    """Measure what is not yet measured, and write everything; returns the exit status."""
    if not arguments.no_plots:
        check_matplotlib()
    network = load_network(arguments.network, arguments.device)
    threads = arguments.threads or default_threads()
    torch.set_num_threads(threads)
    digest = hashlib.sha256(arguments.network.read_bytes()).hexdigest()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, Row] = {}
    for path in arguments.games:
        name = name_of(path)
        if not path.exists():
            raise RecipeError(f"{path}: no such file or folder: check the path")
        settings = {"version": VERSION, "network": digest, "precision": arguments.precision}
        settings |= {"limit": arguments.limit, "limit_symmetries": arguments.limit_symmetries}
        settings |= {"games": str(path), **state_of(path)}
        figures = stored(arguments.folder / f"{name}.json", settings)
        if figures is None:
            figures = measure_file(network, path, arguments, threads)
            if figures is None:
                print(f"interrupted in {path}; the same command goes on with this file", file=sys.stderr)
                return 130
            text = json.dumps({"settings": settings, "figures": figures}, indent=1)
            write_text(arguments.folder / f"{name}.json", text)
        if not arguments.no_plots:
            write_plots([figures["single"], figures["eight"]], arguments.folder / name)
        top1, averaged = (figures[way]["top1"] for way in ("single", "eight"))
        print(f"{name}: top-1 {top1:.2%}, with 8 symmetries {averaged:.2%}", file=sys.stderr)
        files[name] = figures
    described = {"network": network.name, "file": str(arguments.network), "sha256": digest, "files": files}
    write_text(arguments.folder / "report.json", json.dumps(described, indent=1))
    write_text(arguments.folder / "report.md", "\n".join(tables(network, files, not arguments.no_plots)) + "\n")
    print(arguments.folder / "report.md")
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run it; bad input gives one line and status 2."""

    def work() -> int:
        with terminable():
            return report(parse_arguments(argv))

    return exit_status("report.py", work, "interrupted; the same command goes on with the first file that is missing")


if __name__ == "__main__":
    sys.exit(main())
