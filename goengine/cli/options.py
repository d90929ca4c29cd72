"""Options that several commands share, and the player that they describe."""

import argparse
import math
import sys
from typing import TYPE_CHECKING, Any

from goengine.bundled import network_file
from goengine.errors import GoEngineError, NetworkFileError
from goengine.helpers import check_threads, processors
from goengine.style import ORIENTATIONS, Style

if TYPE_CHECKING:
    from goengine.checkpoint import Network
    from goengine.player import Player, PolicySource

__all__ = ["add_game", "add_network", "add_player", "check", "check_counts", "default_threads", "make_player", "resize"]

RESIGN_POINTS = 30.0
"""Points behind at which a player resigns that was told to, and not when."""


def add_network(parser: argparse.ArgumentParser) -> None:
    """Declare ``--network`` and how it is used."""
    group = parser.add_argument_group("the network")
    group.add_argument("--network", metavar="FILE", help="a file, or bundled, small or alphago (default: bundled)")
    group.add_argument(
        "--symmetries",
        type=int,
        choices=ORIENTATIONS,
        default=1,
        help="2, 4 or 8: average over so many turned and mirrored boards, stronger and as many times the work "
        "(default: %(default)s)",
    )
    group.add_argument("--device", default="cpu", help="cpu, or cuda where there is one (default: %(default)s)")
    group.add_argument("--threads", type=int, metavar="N", help="processor cores to use (default: all, at most 4)")


def add_player(parser: argparse.ArgumentParser) -> None:
    """Declare the player's style."""
    group = parser.add_argument_group("how it plays")
    group.add_argument(
        "--temperature",
        type=float,
        default=0.0,
        metavar="T",
        help="0: always the likeliest move; 1: moves as often as the network expects them (default: 0)",
    )
    group.add_argument(
        "--top-p",
        type=float,
        default=1.0,
        metavar="P",
        help="with a temperature: only the likeliest moves that together reach this share (default: 1)",
    )
    group.add_argument("--seed", type=int, metavar="N", help="makes the drawing of moves repeatable")
    group.add_argument(
        "--no-ladder-guard",
        action="store_true",
        help="let it run with stones in atari that stay captured, where the network wants to",
    )
    group.add_argument(
        "--pass-policy",
        choices=("human", "cleanup"),
        default="human",
        help="cleanup: capture dead stones before passing, for servers that count all stones (default: %(default)s)",
    )
    group.add_argument(
        "--resign",
        type=float,
        nargs="?",
        const=RESIGN_POINTS,
        metavar="POINTS",
        help="give up when hopelessly behind by at least so many points, %(const)g if none are given (default: play to "
        "the end)",
    )
    group.add_argument(
        "--resign-chance",
        type=float,
        default=Style.resign_chance,
        metavar="SHARE",
        help="hopeless is to win fewer of the random playouts than this share (default: %(default)s)",
    )


def add_game(
    parser: argparse.ArgumentParser, size: str, komi: float | None = 7.5, usual: str = "7.5"
) -> "argparse._ArgumentGroup":
    """Declare board size and komi; returns their group.

    Args:
        parser: of the command.
        size: what to say of the board size.
        komi: when none is given.
        usual: what to say of that.
    """
    group = parser.add_argument_group("the game")
    group.add_argument("--size", type=int, default=19, metavar="N", help=f"{size} (default: %(default)s)")
    group.add_argument("--komi", type=float, default=komi, metavar="K", help=f"points for White (default: {usual})")
    return group


def check(args: argparse.Namespace) -> None:
    """Refuse what can be seen to be wrong before anything slow is loaded.

    Raises:
        GoEngineError: an option is out of range, or there is no such network file.
    """
    given = vars(args)
    if not 2 <= (given.get("size") or 19) <= 25:
        raise GoEngineError(f"--size {args.size} is not possible: use 2 to 25")
    if not math.isfinite(given.get("komi", 0.0)):
        raise GoEngineError(f"--komi {args.komi} is no komi: give a number, as 7.5")
    if given.get("network") is not None and not network_file(args.network).is_file():
        raise NetworkFileError(f"{args.network}: no such network file")
    try:
        if given.get("threads") is not None:
            check_threads(args.threads)
        Style(**_style(args))
    except GoEngineError as error:
        raise GoEngineError(f"--{error}") from None


def check_counts(args: argparse.Namespace, *names: str) -> None:
    """Refuse a number below 1 for any of these options; a command has only some of them, and may leave out others.

    Raises:
        GoEngineError: naming the option.
    """
    for name in names:
        value = getattr(args, name, None)
        if value is not None and value < 1:
            raise GoEngineError(f"--{name.replace('_', '-')} {value} is not possible: use 1 or more")


def _style(args: argparse.Namespace) -> dict[str, Any]:
    """The settings of the player that the options describe; a command has only some of them."""
    given = vars(args)
    settings = {
        name: given[name]
        for name in ("symmetries", "temperature", "top_p", "seed", "resign", "resign_chance", "pass_policy")
        if name in given
    }
    return settings | {"ladder_guard": not given.get("no_ladder_guard", False)}


def default_threads() -> int:
    """Threads to use where nothing else is said: one a core, at most 4."""
    return min(4, processors())


def make_player(args: argparse.Namespace, network: "PolicySource | None" = None) -> "Player":
    """Load torch and the network, and make the player that the options describe.

    Args:
        args: the options.
        network: to play with instead of the one that they name.

    Raises:
        NetworkFileError: the network file cannot be used.
    """
    import torch

    from goengine.checkpoint import load_network
    from goengine.player import Player

    threads = args.threads or default_threads()
    torch.set_num_threads(threads)
    network = network or load_network(args.network, args.device)
    return Player(network, threads=threads, resize=resize, **_style(args))


def resize(network: "Network", size: int) -> "Network":
    """The network on this size of board, and a line on stderr if it was trained on another one.

    Raises:
        NetworkFileError: it is fully connected: it cannot be resized.
    """
    from goengine.resize import resized

    there, own = resized(network, size), network.size
    if size != own:
        sys.stderr.write(
            f"goengine: the network {network.name} was trained on {own}x{own} and has seen no game on {size}x{size}\n"
        )
    return there
