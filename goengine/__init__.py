"""A Go engine whose brain is a policy network.

    from goengine import Player, Position, load_network
    position = Position()
    position.play(72)                       # Q16
    print(Player(load_network()).suggest(position, top=3))

What is listed here is public; the parts live in the modules that the names come from, and are imported when first used:
neither Numba nor PyTorch is loaded by ``import goengine``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from goengine._version import __version__

if TYPE_CHECKING:
    from goengine.checkpoint import Network, load_network
    from goengine.coords import format_vertex, parse_vertex
    from goengine.errors import GoEngineError, IllegalMove
    from goengine.features import encode
    from goengine.player import Player
    from goengine.rules import Position
    from goengine.sgf import GameRecord, read_games

_HOMES = {
    "GameRecord": "sgf",
    "GoEngineError": "errors",
    "IllegalMove": "errors",
    "Network": "checkpoint",
    "Player": "player",
    "Position": "rules",
    "encode": "features",
    "format_vertex": "coords",
    "load_network": "checkpoint",
    "parse_vertex": "coords",
    "read_games": "sgf",
}

__all__ = [
    "GameRecord",
    "GoEngineError",
    "IllegalMove",
    "Network",
    "Player",
    "Position",
    "__version__",
    "encode",
    "format_vertex",
    "load_network",
    "parse_vertex",
    "read_games",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'goengine' has no attribute {name!r}")
    return getattr(import_module(f"goengine.{_HOMES[name]}"), name)
