"""What a training run on another machine needs, in few bytes: shards compressed, the recipe, a network to begin with.

A parcel is a folder with a manifest, which tells the digest of every file, so that what was lost on the way is seen.
"""

import hashlib
import json
import lzma
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from goengine.checkpoint import load_network
from goengine.corpus import source_name
from goengine.dataset import check_sources
from goengine.errors import RecipeError
from goengine.recipe import read_recipe
from goengine.shards import SUFFIX, Shard
from goengine.trainer import check_start

__all__ = ["MANIFEST", "ORDER", "digest", "pack", "unpack"]

MANIFEST = "lease.json"
ORDER = ("kgs6d", "aebpro", "foxpro", "fox9d", "kgsmixed", "tom9d", "tygem9d")
"""Sources in the order in which they fill the space: the strongest first, the plentiful last (data/README.md)."""

_HELD_OUT = "held-out.xz"  # what is learnt from ends in .shard.xz, so that none has this name


def digest(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _compressed(path: Path) -> bytes:
    """A file as it travels."""
    return lzma.compress(path.read_bytes(), preset=6)


def _in_order(paths: Iterable[Path]) -> list[Path]:
    """Shards by the rank of their source in `ORDER`; sources that it does not name come last."""

    def rank(path: Path) -> tuple[int, str]:
        source = next((i for i, name in enumerate(ORDER) if path.name.startswith(name)), len(ORDER))
        return source, path.name

    return sorted(paths, key=rank)


def pack(
    games: Path,
    held_out: Path,
    recipe: Path,
    start: Path | None,
    output: Path,
    megabytes: float,
    say: Callable[[str], None],
) -> int:
    """Compress as many shards as there is room for, and all else that a run needs; returns the packed positions.

    Args:
        games: a folder of shards; those in a folder named dev in it are left out.
        held_out: the shard to validate on.
        recipe: a TOML file.
        start: a network file to begin with.
        output: the parcel; one that is there is replaced.
        megabytes: MiB that it may have.
        say: takes lines about what is packed.

    Raises:
        RecipeError: where there is nothing to pack, or a file cannot be used.
    """
    found = [path for path in games.rglob(f"*{SUFFIX}") if "dev" not in path.relative_to(games).parts]
    shards = _in_order(path for path in found if Shard.open(path).header.get("split", "train") == "train")
    if len(shards) < len(found):
        say(f"{len(found) - len(shards)} shards are held out, never for training: left out")
    if not shards:
        raise RecipeError(f"{games}: no shards in it; make them with data/prepare_games.py")
    wanted = read_recipe(recipe)
    if start is not None and wanted.start != "network":  # which takes the network's own shape
        check_start(wanted, load_network(start), start)
    names = Counter(path.name for path in shards)
    if (twice := max(names, key=lambda name: names[name])) and names[twice] > 1:
        raise RecipeError(f"{games}: two shards in it are named {twice}: rename one, for they travel in one folder")
    if output.exists():
        if not (output / MANIFEST).is_file():
            raise RecipeError(f"{output}: not what `lease.py pack` wrote, and kept: give another --output")
        shutil.rmtree(output)
    output.mkdir(parents=True)
    (output / MANIFEST).write_text("{}", encoding="utf-8")  # this far it may be packed over again
    room = int(megabytes * 2**20)
    files: dict[str, dict[str, Any]] = {}

    def add(name: str, data: bytes, positions: int = 0) -> bool:
        nonlocal room
        if len(data) > room:
            return False
        (output / name).write_bytes(data)
        room -= len(data)
        files[name] = {"sha256": hashlib.sha256(data).hexdigest(), "positions": positions}
        return True

    if not add(_HELD_OUT, _compressed(held_out)):
        raise RecipeError(f"{held_out} alone takes more than {megabytes:g} MiB: give a larger --megabytes")
    add(recipe.name, recipe.read_bytes())
    if start is not None and not add(start.name, start.read_bytes()):
        raise RecipeError(f"{start} takes more than {megabytes:g} MiB: give a larger --megabytes")
    taken = 0
    with ThreadPoolExecutor(os.cpu_count()) as threads:  # liblzma works outside the interpreter's lock
        width = os.cpu_count() or 1
        for first in range(0, len(shards), width):
            some = shards[first : first + width]
            for path, data in zip(some, threads.map(_compressed, some), strict=True):
                if add(f"{path.name}.xz", data, positions := Shard.open(path).header["labels"]):
                    taken += positions
                    say(f"{path.name}: {len(data) / 2**20:.1f} MiB, {taken:,} positions, {room / 2**20:.1f} MiB left")
            if room < 2**20:
                break
    if not taken:
        raise RecipeError(f"no shard fits into {megabytes:g} MiB: give a larger --megabytes")
    packed = {source_name(name) for name in files if name.endswith(f"{SUFFIX}.xz")}
    check_sources((*wanted.weights, *wanted.cooldown_shares), sorted(packed))
    manifest = {
        "recipe": recipe.name,
        "start": start.name if start else None,
        "validation": held_out.name,
        "positions": taken,
        "files": files,
    }
    (output / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    size = sum(path.stat().st_size for path in output.iterdir())
    say(f"{output}: {size / 2**20:.1f} MiB, {taken:,} positions to learn from")
    return taken


def unpack(parcel: Path, work: Path) -> dict[str, Any]:
    """Check every file, and put the shards to where the run reads them; returns the manifest.

    Raises:
        RecipeError: where a file is missing or damaged.
    """
    try:
        manifest: dict[str, Any] = json.loads((parcel / MANIFEST).read_text(encoding="utf-8"))
        names = list(manifest["files"])
    except (OSError, ValueError, KeyError):
        raise RecipeError(f"{parcel}: not what `lease.py pack` writes; was it named in what travels?") from None
    for folder in ("games", "held-out"):
        (work / folder).mkdir(parents=True, exist_ok=True)

    def one(name: str) -> None:
        source = parcel / name
        if not source.is_file() or digest(source) != manifest["files"][name]["sha256"]:
            raise RecipeError(f"{source}: missing or damaged on its way; pack and send again")
        if name.endswith(".xz"):
            plain = work / "games" / name.removesuffix(".xz")
            if name == _HELD_OUT:
                plain = work / "held-out" / manifest["validation"]
            plain.write_bytes(lzma.decompress(source.read_bytes()))

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        list(threads.map(one, names))
    return manifest
