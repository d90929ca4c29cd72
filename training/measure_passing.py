"""Does the engine play on when its opponent passes too early?

    python training/measure_passing.py ../shared/games/dev/kgs6d.sgfs.xz --positions 200

Takes middle-game positions with many contested points from game records, one a game, lets the opponent of the player to
move pass there, and counts how often the engine answers a pass with a pass.
"""

import argparse
import sys
from collections.abc import Iterator

from goengine.checkpoint import load_network
from goengine.cli.options import check_counts
from goengine.errors import RecordError
from goengine.estimate import estimate
from goengine.exits import exit_status
from goengine.player import Player
from goengine.rules import Position
from goengine.sgf import GameRecord, scan_games

CONTESTED = 12  # points, from which a position is a middle game; a finished one has few
FIRST, STEP, KINDS = 60, 20, 5  # positions after 60, 80, ..., 140 moves, in turn


def positions(paths: list[str], count: int) -> Iterator[tuple[str, Position]]:
    """Positions that are far from settled, and where they are from."""
    found = 0
    for path in paths:
        for number, record in enumerate(item for item in scan_games(path) if isinstance(item, GameRecord)):
            after = FIRST + STEP * (number % KINDS)
            plays = list(record.plays())
            if len(plays) <= after or record.size != 19:
                continue
            position = record.start()
            for color, point in plays[:after]:
                position.play(point, color)
            if estimate(position, playouts=200).contested >= CONTESTED:
                yield f"{record.source} game {record.index} after {after} moves", position
                found += 1
                if found == count:
                    return


def main(argv: list[str] | None = None) -> int:
    """Print the count; the exit status is 1 if it passed anywhere."""
    parser = argparse.ArgumentParser(prog="measure_passing.py", description="Pass in the middle game, and see.")
    parser.add_argument("games", nargs="+", metavar="PATH")
    parser.add_argument("--positions", type=int, default=200, metavar="N")
    parser.add_argument("--network", metavar="FILE", help="default: the bundled one")
    arguments = parser.parse_args(argv)

    def work() -> int:
        check_counts(arguments, "positions")
        player = Player(load_network(arguments.network))
        tried = passed = 0
        for where, position in positions(arguments.games, arguments.positions):
            position.play(None)
            tried += 1
            if player.choose(position) is None:
                passed += 1
                print(f"passes: {where}")
        if not tried:
            raise RecordError("none of these games has a contested position to pass in: give longer games")
        print(f"{tried} positions, it plays on in {tried - passed}, passes in {passed}")
        return int(passed > 0)

    return exit_status("measure_passing.py", work)


if __name__ == "__main__":
    sys.exit(main())
