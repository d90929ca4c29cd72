"""``goengine evaluate``: how often the network predicts the moves of game records."""

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from goengine.bundled import network_file
from goengine.cli import options
from goengine.cli.progress import Progress, terminable
from goengine.errors import GoEngineError, NetworkFileError
from goengine.exits import INTERRUPTED
from goengine.files import check_output, write_text

if TYPE_CHECKING:
    from goengine.evaluation.accuracy import Report
    from goengine.evaluation.heldout import HeldOut

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``goengine evaluate``."""
    parser.add_argument("games", nargs="+", metavar="GAMES", help="game records in any form, folders, or shards")
    options.add_network(parser)
    parser.add_argument(
        "--against",
        metavar="FILE",
        help="another network (a file, small or alphago), to compare on the same positions",
    )
    parser.add_argument(
        "--size", type=int, metavar="N", help="games on boards of this size (default: the one that it was trained for)"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="measure on at most N positions, evenly chosen")
    parser.add_argument(
        "--precision",
        choices=("float32", "bfloat16"),
        default="float32",
        help="of the convolutions; bfloat16 is faster on a GPU (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.add_argument("--plots", metavar="FOLDER", help="write pictures there (needs matplotlib)")
    parser.add_argument(
        "--differences",
        type=int,
        default=10,
        metavar="N",
        help="with --against: list the N positions where they differ most (default: %(default)s)",
    )
    parser.add_argument("--marked", metavar="FILE.sgf", help="with --against: write those positions, marked, as SGF")


def run(args: argparse.Namespace) -> int:
    """Print accuracy and loss among legal moves by phase, source and rank, with intervals, and the calibration."""
    _check(args)
    if args.plots:
        from goengine.evaluation.plots import check_matplotlib, write_plots

        check_matplotlib()
        os.makedirs(args.plots, exist_ok=True)
    import torch

    from goengine.bundled import DEFAULT
    from goengine.checkpoint import load_network
    from goengine.evaluation.comparison import differing_rows
    from goengine.evaluation.evaluator import Subject, measure
    from goengine.evaluation.heldout import load_games

    threads = args.threads or options.default_threads()
    torch.set_num_threads(threads)
    networks = [load_network(file, args.device) for file in (args.network, args.against)[: 2 if args.against else 1]]
    if args.size is not None:
        networks = [options.resize(network, args.size) for network in networks]
    if len({network.size for network in networks}) > 1:
        first, second = (f"{network.name} plays on {network.size}x{network.size}" for network in networks)
        raise NetworkFileError(f"--against {args.against}: {second}, but {first}: name one board with --size")
    if len({network.name for network in networks}) < len(networks):  # two of the same name: say which is which
        for network, file in zip(networks, (args.network, args.against), strict=True):
            network.name = f"{network.name} ({file or DEFAULT})"
    with terminable():
        games = load_games(args.games, networks[0].size)
        _say_skipped(games, args.games)
        subjects = [Subject(network, args.symmetries, args.precision) for network in networks]
        reports = measure(subjects, games, args.limit, Progress(), threads)
    rows = differing_rows(reports[0], reports[1], args.differences) if args.against else []
    report = _as_dict(reports, rows)
    if args.json:
        print(json.dumps(report))
    else:
        from goengine.cli.tables import report_lines

        print("\n".join(report_lines(report)))
    if args.plots:  # only now: hours of work are not lost to a picture that cannot be written
        for path in write_plots([report, report["against"]] if args.against else [report], args.plots):
            sys.stderr.write(f"wrote {path}\n")
    if args.marked:
        _mark(reports, rows, args.marked)
    return 0 if reports[0].complete else INTERRUPTED


def _check(args: argparse.Namespace) -> None:
    """Refuse what can be seen to be wrong before anything slow is loaded."""
    options.check(args)
    if args.against is not None and not network_file(args.against).is_file():
        raise NetworkFileError(f"--against {args.against}: no such network file")
    if args.marked and not args.against:
        raise GoEngineError("--marked shows where two networks differ: give the other one with --against FILE")
    if args.differences < 0:
        raise GoEngineError(f"--differences {args.differences} is not possible: use 0 or more")
    if args.marked is not None and args.differences == 0:
        raise GoEngineError("--differences 0 leaves nothing to mark: use 1 or more, or leave out --marked")
    if args.marked is not None:
        try:
            check_output(args.marked)
        except GoEngineError as error:
            raise GoEngineError(f"--marked {error}") from None


def _as_dict(reports: "list[Report]", rows: list[int]) -> dict[str, Any]:
    """The report of the first network and, where there are two, of the other one and their comparison."""
    report = reports[0].as_dict()
    if len(reports) > 1:
        from goengine.evaluation.comparison import compare, describe

        one, other = reports
        report |= {"against": other.as_dict(), "comparison": compare(one, other)}
        report["differences"] = [describe(one, other, row) for row in rows]
    return report


def _mark(reports: "list[Report]", rows: list[int], path: str) -> None:
    """Write the positions where two networks differ most, marked, as SGF."""
    from goengine.evaluation.comparison import marked_positions

    one, other = reports
    write_text(path, "".join(marked_positions(one, other, rows)))
    sys.stderr.write(f"wrote {path}: {len(rows)} positions\n")


def _say_skipped(games: "HeldOut", paths: list[str]) -> None:
    """One line on stderr where something could not be used."""
    from goengine.evaluation.heldout import FILE_TWICE, GAME_TWICE

    if count := sum(games.skipped.values()):
        reasons = ", ".join(f"{reason} ({number:,})" for reason, number in games.skipped.most_common(3))
        unusable = games.skipped.keys() - {FILE_TWICE, GAME_TWICE}  # `goengine check` knows nothing of the latter
        which = f"; goengine check {' '.join(paths)} says which" if unusable else ""
        sys.stderr.write(f"{count:,} skipped: {reasons}{which}\n")
