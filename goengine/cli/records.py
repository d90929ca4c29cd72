"""A position out of a game record, as ``goengine suggest`` and ``goengine planes`` take it."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from goengine.errors import RecordError

if TYPE_CHECKING:
    from goengine.rules import Position
    from goengine.sgf import GameRecord

__all__ = ["add_position", "game_name", "load_position"]


def add_position(parser: argparse.ArgumentParser) -> None:
    """Declare the file and the number of moves."""
    parser.add_argument("game", metavar="GAME.sgf", type=Path, help="a game record; of several games, the first")
    parser.add_argument("--move", type=int, metavar="N", help="the position after N moves (default: after all)")
    parser.add_argument(
        "--game-number", type=int, default=1, metavar="G", help="which game of the file, folder or archive (default: 1)"
    )


def load_position(args: argparse.Namespace) -> "tuple[Position, tuple[str, int | None] | None]":
    """The position after ``--move`` moves, and the move that was played there, if the record goes on.

    Raises:
        RecordError: the file cannot be used, has no such game, or the game has fewer moves.
    """
    from goengine.sgf import GameRecord, scan_games

    if args.game_number < 1:
        raise RecordError(f"--game-number {args.game_number} is not possible: games are counted from 1")
    reason = f"{args.game}: holds no game {args.game_number}: it has fewer"
    numbers: dict[tuple[str, int], int] = {}  # of each game, from 1, through all files of a folder or archive
    for item in scan_games(args.game):
        place = (item.source, item.index) if isinstance(item, GameRecord) else (item.file, item.game)
        number = numbers.setdefault(place, len(numbers) + 1) if place[1] else 0
        if isinstance(item, GameRecord):
            if number == args.game_number:
                return _position(item, args)
        elif number in (0, args.game_number):
            reason = str(item)
    raise RecordError(reason)


def game_name(args: argparse.Namespace) -> str:
    """What a file about the game may be called, without a suffix: after its file, and its number but for the first."""
    from goengine.sgf.files import ARCHIVES, GAMES, PACKED

    name: str = args.game.name or args.game.resolve().name
    while (suffix := Path(name).suffix).lower() in (*GAMES, *PACKED, *ARCHIVES):
        name = name.removesuffix(suffix)
    return name + (f"-game-{args.game_number}" if args.game_number != 1 else "")


def _position(record: "GameRecord", args: argparse.Namespace) -> "tuple[Position, tuple[str, int | None] | None]":
    plays = list(record.plays())
    count = len(plays) if args.move is None else args.move
    if not 0 <= count <= len(plays):
        raise RecordError(
            f"{args.game}: --move {count} is not possible: game {record.index} has {len(plays)} usable moves, "
            f"so use 0 to {len(plays)}"
        )
    position = record.start()
    for color, point in plays[:count]:
        position.play(point, color)
    played = plays[count] if count < len(plays) else None
    if played is not None:
        position.to_play = played[0]
    return position, played
