"""Which shards may be learnt from together: of the same planes, no games twice, and each source filtered in one way."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from goengine.errors import ShardError
from goengine.movecodes import PLANES_VERSION
from goengine.shards import Shard

__all__ = ["check_mixture"]

_REMEDY = "pack them again, together, with data/prepare_games.py"
_NO_FILTERS = {"games_per_shard", "holdout"}  # settings that leave no game out for what it is


def check_mixture(shards: Iterable[tuple[str, Shard]]) -> None:
    """Refuse shards that do not go together.

    Args:
        shards: each with its source. Those that do not say so are for version 1 of the planes.

    Raises:
        ShardError: naming the file, what is wrong with it, and the remedy.
    """
    filters: dict[str, tuple[Path, dict[str, Any]]] = {}
    bodies: dict[str, Path] = {}
    for source, shard in shards:
        header, path = shard.header, shard.path
        planes = header.get("planes", 1)
        if planes != PLANES_VERSION:
            raise ShardError(
                f"{path}: packed for version {planes} of the planes, this goengine makes version {PLANES_VERSION}: "
                "pack it again with data/prepare_games.py"
            )
        if len(shard) and (twin := bodies.setdefault(header["checksum"], path)) is not path:
            what = f"{path} is given twice" if twin == path else f"{path} and {twin} hold the same games"
            raise ShardError(f"{what}: give them once")
        mine = {name: value for name, value in header["filters"].items() if value and name not in _NO_FILTERS}
        other, theirs = filters.setdefault(source, (path, mine))
        if theirs != mine:
            name = next(key for key in (*mine, *theirs) if mine.get(key) != theirs.get(key))
            raise ShardError(
                f"{path} and {other} are both of {source}, but packed with {name} = {_value(mine.get(name))} and "
                f"{_value(theirs.get(name))}: {_REMEDY}"
            )


def _value(value: Any) -> str:
    return "none" if value is None else str(value)
