"""``goengine gtp`` with a network that needs no torch: for tests of the process, which start many.

python tests/fake_engine.py --size 7
"""

from __future__ import annotations

import argparse
import sys

from fake_network import FakeNetwork

from goengine.cli import main, options
from goengine.player import Player, PolicySource


class Nothing(list[int]):
    """A list that keeps nothing: an engine may run for weeks."""

    def append(self, symmetries: int, /) -> None:
        pass


def fake_player(args: argparse.Namespace, network: PolicySource | None = None) -> Player:
    network = network or FakeNetwork(args.size, asked=Nothing())
    return Player(network, temperature=args.temperature, resign=args.resign, threads=args.threads or 1)


if __name__ == "__main__":
    options.make_player = fake_player
    sys.exit(main(["gtp", *sys.argv[1:]]))
