"""``goengine evaluate``: how often the network predicts the moves of game records."""

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING

from goengine.cli import options

if TYPE_CHECKING:
    from goengine.metrics import PolicyMeter

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``goengine evaluate``."""
    parser.add_argument("games", nargs="+", metavar="GAMES", help="game records in any form, folders, or shards")
    options.add_network(parser)
    parser.add_argument("--limit", type=int, metavar="N", help="measure on at most N positions, evenly chosen")
    parser.add_argument("--device", default="cpu", help="cpu, or cuda where there is one (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")


def run(args: argparse.Namespace) -> int:
    """Print top-1, top-5 and loss among legal moves, in all, by phase of the game and by source."""
    options.check(args)
    import torch

    from goengine.checkpoint import load_network
    from goengine.evaluator import evaluate, standard_error

    threads = args.threads or options.default_threads()
    torch.set_num_threads(threads)
    network = load_network(args.network, args.device)
    report = evaluate(network, args.games, args.limit, args.symmetries, _Progress(), threads)
    if args.json:
        print(json.dumps(report.as_dict()))
        return 0
    averaged = f", mean of {report.symmetries} symmetries" if report.symmetries > 1 else ""
    print(f"{report.network}: {report.total.positions:,} positions of {report.games:,} games{averaged}\n")
    print(f"{'':16}{'positions':>10}{'top-1':>9}{'top-5':>9}{'loss':>9}")
    _print("all", report.total)
    for title, meters in (("moves", report.by_phase), ("", report.by_source)):
        print()
        for name, meter in meters.items():
            if meter.positions:
                _print(f"{title} {name}".strip(), meter)
    error = standard_error(report.total)
    speed = report.total.positions / report.seconds
    print(f"\naccuracy among legal moves (standard error of top-1 {error:.2%}), loss in nats; {speed:,.0f} positions/s")
    return 0


def _print(name: str, meter: "PolicyMeter") -> None:
    print(f"{name:16}{meter.positions:10,}{meter.top(1):9.2%}{meter.top(5):9.2%}{meter.loss:9.4f}")


class _Progress:
    """A line on stderr that is written over, if somebody is looking."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._shown = 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if sys.stderr.isatty() and (now - self._shown > 0.5 or done == total):
            left = (now - self._started) / done * (total - done)
            end = "\n" if done == total else ""
            sys.stderr.write(f"\r{done:,} of {total:,} positions, {left:.0f} s left   {end}")
            sys.stderr.flush()
            self._shown = now
