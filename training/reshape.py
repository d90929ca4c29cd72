"""A residual network in another shape: python training/reshape.py shorten|arrange|widen|unroll OUT NETWORK ...

`shorten` leaves out the blocks that matter least on games that you give, `arrange` puts blocks where you say, fresh
ones among them, which change nothing at first, and `widen` gives it more filters in that way; train such a network on
(train.py --from).
`unroll` folds the shortcuts away: AlphaGo's plain network, three times as wide, which says the same.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from goengine.bundled import network_file
from goengine.checkpoint import Network, load_network, save_network, unmeasured
from goengine.cli.options import check_counts, default_threads
from goengine.cli.progress import Progress, terminable
from goengine.errors import RecipeError
from goengine.evaluation.evaluator import Subject, measure
from goengine.evaluation.heldout import load_games
from goengine.exits import exit_status
from goengine.files import check_output
from goengine.networks import PolicyNetwork, Residual
from goengine.reshape import arranged, unrolled, widened


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="reshape.py", description="Give a residual network another shape.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, work: Callable[[argparse.Namespace, Network], PolicyNetwork], text: str) -> None:
        part = commands.add_parser(name, help=text, description=text)
        part.add_argument("output", type=Path, help="the network file to write")
        part.add_argument("network", help="the residual network: a file, or bundled or small")
        part.set_defaults(work=work)
        if name == "shorten":
            part.add_argument("--blocks", type=int, required=True, metavar="N", help="residual blocks to leave")
            part.add_argument("--games", nargs="+", required=True, metavar="GAMES", help="to measure what matters")
            part.add_argument("--limit", type=int, default=1024, metavar="N", help="positions of them (1024)")
            part.add_argument("--threads", type=int, help="processor cores to use (default: all, at most 4)")
        elif name == "arrange":
            part.add_argument(
                "--order", required=True, metavar="LIST", help="as 0,1,new,2: block numbers, and new ones"
            )
            part.add_argument("--seed", type=int, default=0, metavar="N", help="of the new blocks' weights (0)")
        elif name == "widen":
            part.add_argument("--filters", type=int, required=True, metavar="N", help="how many it is to have")
            part.add_argument("--seed", type=int, default=0, metavar="N", help="of the new filters' weights (0)")
        else:
            part.add_argument("--depth", type=int, metavar="N", help="convolutions (default: as many as it takes)")

    command("shorten", shorten, "Leave out the residual blocks that matter least.")
    command("arrange", arrange, "Put residual blocks in another order, with new ones among them.")
    command("widen", widen, "Give it more filters, which change nothing at first.")
    command("unroll", unroll, "The plain network of AlphaGo's kind that says the same.")
    arguments = parser.parse_args(argv)
    check_counts(arguments, "blocks", "limit", "threads", "filters", "depth")
    if not 0 <= getattr(arguments, "seed", 0) < 2**63:
        raise RecipeError(f"--seed {arguments.seed}: give a number from 0 to 2**63 - 1")
    return arguments


def shorten(arguments: argparse.Namespace, network: Network) -> PolicyNetwork:
    """Leave out blocks one after another, each time the one without which the loss is least.

    Raises:
        RecipeError: if it has no more blocks than are to be left.
        GoEngineError: for games that cannot be used.
    """
    module = _residual(network)
    left = list(range(len(module.blocks)))
    if arguments.blocks >= len(left):
        raise RecipeError(f"{network.name} has {len(left)} blocks: give --blocks less than that")
    games = load_games(arguments.games, network.size)

    def losses(orders: list[list[int]]) -> list[float]:
        """Of the network with these blocks, on the same positions."""
        subjects = []
        for blocks in orders:
            found = arranged(module, blocks)
            metadata = {**network.metadata, "config": found.config}
            subjects.append(Subject(Network(found, metadata, network.name, network.feature_set, network.size)))
        progress = Progress(f"{len(left)} blocks left")
        reports = measure(subjects, games, arguments.limit, progress, arguments.threads or default_threads())
        if not reports[0].complete:
            raise KeyboardInterrupt
        return [report.total.loss for report in reports]

    print(f"all {len(left)} blocks: {losses([left])[0]:.4f} nats", file=sys.stderr, flush=True)
    while len(left) > arguments.blocks:
        without = losses([[other for other in left if other != block] for block in left])
        value, block = min(zip(without, left, strict=True))
        left.remove(block)
        print(f"without block {block}: {value:.4f} nats, {len(left)} left", file=sys.stderr, flush=True)
    return arranged(module, left)


def arrange(arguments: argparse.Namespace, network: Network) -> PolicyNetwork:
    """Its blocks as the order says.

    Raises:
        RecipeError: if the order is none.
    """
    words = [word.strip() for word in arguments.order.split(",")]
    for word in words:
        if word != "new" and not word.isdecimal():
            raise RecipeError(f"--order {arguments.order}: give numbers of blocks, and new for new ones, as 0,1,new,2")
    torch.manual_seed(arguments.seed)
    return arranged(_residual(network), [None if word == "new" else int(word) for word in words])


def widen(arguments: argparse.Namespace, network: Network) -> PolicyNetwork:
    """The same with more filters.

    Raises:
        RecipeError: if they are not more.
    """
    torch.manual_seed(arguments.seed)
    return widened(_residual(network), arguments.filters)


def unroll(arguments: argparse.Namespace, network: Network) -> PolicyNetwork:
    """The plain network that says the same.

    Raises:
        RecipeError: if it cannot be unrolled.
    """
    return unrolled(_residual(network), arguments.depth)


def _residual(network: Network) -> Residual:
    if not isinstance(network.module, Residual):
        raise RecipeError(f"{network.name} is no residual network: only those have blocks and shortcuts")
    return network.module


def main(argv: list[str] | None = None) -> int:
    """Run it; bad input gives one line and status 2."""

    def work() -> int:
        arguments = parse_arguments(argv)
        check_output(arguments.output)
        path = network_file(arguments.network)
        network = load_network(path)
        with terminable():
            found = arguments.work(arguments, network)
        kind = "residual" if isinstance(found, Residual) else "alphago"
        filters, depth = found.config["filters"], found.config["depth"]
        training = {**network.metadata.get("training", {}), "reshaped": [path.name, arguments.work.__name__]}
        metadata = unmeasured(network.metadata)
        metadata.pop("config")
        metadata |= {"architecture": kind, "name": f"{kind}-{filters}x{depth}", "training": training}
        save_network(arguments.output, found, metadata, network.repertoire)
        return 0

    return exit_status("reshape.py", work, "interrupted")


if __name__ == "__main__":
    sys.exit(main())
