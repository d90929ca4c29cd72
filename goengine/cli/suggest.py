"""``goengine suggest``: what the network would play in a game record, and how likely."""

import argparse
import json
import sys

from goengine.cli import options, records
from goengine.coords import format_vertex

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``goengine suggest``."""
    records.add_position(parser)
    options.add_network(parser)
    parser.add_argument("--top", type=int, default=5, metavar="K", help="how many moves (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")


def run(args: argparse.Namespace) -> int:
    """Print the network's favourite moves in a position of a game."""
    options.check(args)
    options.check_counts(args, "top")
    position, played = records.load_position(args)
    favourites = options.make_player(args).suggest(position, args.top)
    vertex = played and format_vertex(played[1], position.size)
    if args.json:
        moves = [{"move": format_vertex(point, position.size), "probability": p} for point, p in favourites]
        report = {"move_number": position.move_number, "to_play": position.to_play, "played": vertex, "moves": moves}
        print(json.dumps(report))
        return 0
    out = [str(position), f"after {position.move_number} moves, {position.to_play} to play"]
    for rank, (point, probability) in enumerate(favourites, start=1):
        mark = "  <- played" if played is not None and point == played[1] else ""
        out.append(f"{rank:3}  {format_vertex(point, position.size):4} {probability:7.1%}{mark}")
    if vertex is not None and all(point != played[1] for point, _ in favourites if played is not None):
        out.append(f"     {vertex:4} was played")
    sys.stdout.write("\n".join(out) + "\n")
    return 0
