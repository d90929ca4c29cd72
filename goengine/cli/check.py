"""``goengine check``: what is wrong with which game record, and the remedy."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

_SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.epilog = "Exit status: 0 nothing is wrong, 1 something is, 2 there is no such file."
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="SGF files, folders of them, or archives")
    parser.add_argument("--all", action="store_true", help=f"show each problem, not the first {_SHOWN} of each kind")


def run(args: argparse.Namespace) -> int:
    """Print each problem on a line, then how often each kind occurs."""
    from goengine.errors import RecordError
    from goengine.sgf import GameRecord, scan_games

    for path in args.paths:
        if not path.exists():
            raise RecordError(f"{path}: no such file or folder: check the path")
    used = moves = 0
    kinds: Counter[tuple[bool, str, str]] = Counter()
    for path in args.paths:
        for item in scan_games(path):
            if isinstance(item, GameRecord):
                used += 1
                moves += item.move_count
                continue
            kind = (item.skipped, item.property, item.reason)
            kinds[kind] += 1
            if args.all or kinds[kind] <= _SHOWN:
                print(item)
            elif kinds[kind] == _SHOWN + 1:
                print(f"... and more of the same: {item.reason} (--all shows them)")
    print(f"{_count(used, 'game')} can be used, {_count(moves, 'move')}; {_count(kinds.total(), 'problem')}")
    for (skipped, name, reason), count in sorted(kinds.items(), key=lambda entry: -entry[1]):
        print(f"{count:9,}  {'skipped' if skipped else 'used   '}  {name + ': ' if name else ''}{reason}")
    return 1 if kinds else 0


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
