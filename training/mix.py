"""Average the weights of networks of one shape: python training/mix.py OUT NETWORK=SHARE NETWORK=SHARE ...

A network that went on from another, and the other, mixed 4 to 1, can be better than both ("model soups", Wortsman et
al. 2022). One that learnt from the mean of a teacher over the orientations is less sure of its moves than it may be:
--sharpen 1.05 puts that right, also without a mixture (temperature scaling, Guo et al. 2017); the order of the moves
stays. Neither costs anything in play. Choose the numbers by other games than those that the network is judged by.
"""

import argparse
import sys
from pathlib import Path

import torch

from goengine.bundled import network_file
from goengine.checkpoint import Network, load_network, save_network, unmeasured
from goengine.cli.options import check_counts, default_threads
from goengine.cli.progress import Progress, terminable
from goengine.errors import RecipeError
from goengine.evaluation.evaluator import evaluate
from goengine.exits import exit_status
from goengine.files import check_output


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="mix.py", description="Average the weights of networks of one shape.")
    parser.add_argument("output", type=Path, help="the network file to write")
    parser.add_argument("parts", nargs="+", metavar="NETWORK=SHARE", help="a network file, and its share of the whole")
    parser.add_argument("--sharpen", type=float, default=1.0, metavar="S", help="multiply the logits by S (default: 1)")
    parser.add_argument(
        "--validation", nargs="+", metavar="GAMES", help="measure the mixture on these, for its results"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="positions to measure (default: all)")
    parser.add_argument("--threads", type=int, help="processor cores to use (default: all, at most 4)")
    arguments = parser.parse_args(argv)
    check_counts(arguments, "limit", "threads")
    if not 0.1 <= arguments.sharpen <= 10:
        raise RecipeError(f"--sharpen {arguments.sharpen:g}: give a number near 1, such as 1.05")
    return arguments


def part(word: str) -> tuple[Path, float]:
    """A network file and its share.

    Raises:
        RecipeError: if the word does not say them.
    """
    name, _, share = word.rpartition("=")
    try:
        number = float(share)
    except ValueError:
        number = 0.0
    if not name or not 0 < number < float("inf"):
        raise RecipeError(f"{word}: give a network file and its share, as new.safetensors=0.8")
    return network_file(name), number


def mix(networks: list[Network], shares: list[float]) -> Network:
    """The first network with the weighted mean of all weights, batch norm's statistics among them.

    Raises:
        RecipeError: if they are of different shapes.
    """
    first = networks[0]
    for network in networks[1:]:
        same = (network.metadata[key] == first.metadata[key] for key in ("architecture", "config", "feature_set"))
        if not all(same):
            raise RecipeError(f"{network.name} is of another shape than {first.name}: only networks of one shape mix")
    states = [network.module.state_dict() for network in networks]
    for name, tensor in states[0].items():
        if tensor.is_floating_point():
            parts = [share / sum(shares) * state[name].double() for state, share in zip(states, shares, strict=True)]
            tensor.copy_(torch.stack(parts).sum(0))
    return first


def sharpen(network: Network, factor: float) -> None:
    """Multiply the logits by a factor, in the weights of the last layer."""
    with torch.no_grad():
        for parameter in network.module.get_submodule("head").parameters():
            parameter.mul_(factor)


def main(argv: list[str] | None = None) -> int:
    """Run it; bad input gives one line and status 2."""

    def work() -> int:
        arguments = parse_arguments(argv)
        check_output(arguments.output)
        found = [part(word) for word in arguments.parts]
        shares = [share for _, share in found]
        networks = [load_network(path) for path, _ in found]
        if any(network.repertoire is not None for network in networks[1:]):
            sys.stderr.write("mix.py: a repertoire of openings is kept only of the first network\n")
        mixed = mix(networks, shares)
        training = {**mixed.metadata.get("training", {}), "mixed": [[path.name, share] for path, share in found]}
        if arguments.sharpen != 1:
            sharpen(mixed, arguments.sharpen)
            training["sharpened"] = arguments.sharpen
        metadata = unmeasured(mixed.metadata) | {"training": training}
        if arguments.validation:
            threads = arguments.threads or default_threads()
            with terminable():
                report = evaluate(mixed, arguments.validation, arguments.limit, 1, Progress("mixture"), threads)
            if not report.complete:
                raise KeyboardInterrupt
            figures_of_all = report.as_dict()
            measured = {"all": figures_of_all, **figures_of_all["by_source"]}
            metadata["results"] = {
                name: {key: figures[key] for key in ("positions", "top1", "top5", "loss")}
                for name, figures in measured.items()
            }
        save_network(arguments.output, mixed.module, metadata, mixed.repertoire)
        return 0

    return exit_status("mix.py", work, "interrupted")


if __name__ == "__main__":
    sys.exit(main())
