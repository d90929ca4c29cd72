"""Options that several commands share, and the player that they describe."""

import argparse
import math
import os
from typing import TYPE_CHECKING

from goengine.errors import GoEngineError, NetworkFileError

if TYPE_CHECKING:
    from goengine.player import Player

__all__ = ["add_game", "add_network", "add_player", "check", "default_threads", "make_player"]


def add_network(parser: argparse.ArgumentParser) -> None:
    """Declare ``--network`` and how it is used."""
    parser.add_argument("--network", metavar="FILE", help="a network file (default: the bundled one)")
    parser.add_argument(
        "--symmetries",
        type=int,
        choices=(1, 8),
        default=1,
        help="8: average over the turned and mirrored boards, stronger and eight times the work (default: %(default)s)",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="processor cores to use (default: all, at most 4)")


def add_player(parser: argparse.ArgumentParser) -> None:
    """Declare the player's style."""
    parser.add_argument(
        "--temperature",
        type=float,
        default=0.0,
        metavar="T",
        help="0: always the likeliest move; 1: moves as often as the network expects them (default: 0)",
    )
    parser.add_argument(
        "--top-p",
        type=float,
        default=1.0,
        metavar="P",
        help="with a temperature: only the likeliest moves that together reach this share (default: 1)",
    )
    parser.add_argument("--seed", type=int, metavar="N", help="makes the drawing of moves repeatable")
    parser.add_argument(
        "--no-ladder-guard",
        action="store_true",
        help="let it run with stones in atari that stay captured, where the network wants to",
    )
    parser.add_argument(
        "--pass-policy",
        choices=("human", "cleanup"),
        default="human",
        help="cleanup: capture dead stones before passing, for servers that count all stones (default: %(default)s)",
    )
    parser.add_argument(
        "--resign",
        type=float,
        metavar="POINTS",
        help="give up when hopelessly behind by at least so many points (default: play to the end)",
    )


def add_game(parser: argparse.ArgumentParser, komi: float | None = 7.5, usual: str = "7.5") -> None:
    """Declare board size and komi; ``usual`` says what holds when no komi is given."""
    parser.add_argument("--size", type=int, default=19, metavar="N", help="board size, 2 to 25 (default: %(default)s)")
    parser.add_argument("--komi", type=float, default=komi, metavar="K", help=f"points for White (default: {usual})")


def check(args: argparse.Namespace) -> None:
    """Refuse what can be seen to be wrong before anything slow is loaded.

    Raises:
        GoEngineError: an option is out of range, or there is no such network file.
    """
    given = vars(args)
    if not 2 <= given.get("size", 19) <= 25:
        raise GoEngineError(f"--size {args.size} is not possible: use 2 to 25")
    if not math.isfinite(given.get("komi", 0.0)):
        raise GoEngineError(f"--komi {args.komi} is no komi: give a number, as 7.5")
    if given.get("threads") is not None and args.threads < 1:
        raise GoEngineError(f"--threads {args.threads} is not possible: use 1 or more")
    if given.get("network") is not None and not os.path.isfile(args.network):
        raise NetworkFileError(f"{args.network}: no such network file")
    if given.get("seed") is not None and args.seed < 0:
        raise GoEngineError(f"--seed {args.seed} is not possible: use 0 or more")
    temperature, top_p, resign = given.get("temperature", 0.0), given.get("top_p", 1.0), given.get("resign")
    if not 0 <= temperature <= 100:
        raise GoEngineError(f"--temperature {temperature} is out of range: use 0 (the likeliest move) to 100")
    if not 0 < top_p <= 1:
        raise GoEngineError(f"--top-p {top_p} is out of range: use a share above 0, up to 1")
    if resign is not None and not resign > 0:
        raise GoEngineError(f"--resign {resign} is out of range: give the points behind, above 0")


def default_threads() -> int:
    """Threads to use where nothing else is said: one a core, at most 4."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(4, available))


def make_player(args: argparse.Namespace) -> "Player":
    """Load torch and the network, and make the player that the options describe.

    Raises:
        NetworkFileError: the network file cannot be used.
    """
    import torch

    from goengine.checkpoint import load_network
    from goengine.player import Player

    given = vars(args)
    threads = args.threads or default_threads()
    torch.set_num_threads(threads)
    return Player(
        load_network(args.network),
        args.symmetries,
        temperature=given.get("temperature", 0.0),
        top_p=given.get("top_p", 1.0),
        seed=given.get("seed"),
        resign=given.get("resign"),
        threads=threads,
        ladder_guard=not given.get("no_ladder_guard", False),
        pass_policy=given.get("pass_policy", "human"),
    )
