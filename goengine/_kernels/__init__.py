"""The compiled kernels: arrays in, arrays out; everything that has to be fast and nothing else.

Numba compiles each kernel once for a machine and keeps the result in a folder of its own, named after a digest of the
kernel sources: an upgrade or an edit never runs stale machine code. The folder is ``$NUMBA_CACHE_DIR`` where that is
set, else ``$XDG_CACHE_HOME/goengine`` (``~/.cache/goengine``), else the temporary folder.

    state     the position as one int64 array; placing a stone, legality, what a move would do, taking it back
    ladder    does a chain in a ladder get away
    planes    the 48 planes of a position as one 64-bit word a point
    playout   games played on at random, for ownership and the score
    replay    whole games: replaying, checking, encoding by the batch
"""

import hashlib
import os
import sys
import tempfile
from pathlib import Path

from numba import config as _numba_config


def _cache_folder() -> Path:
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    name = f"kernels-{digest.hexdigest()[:16]}"
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    cache_home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    candidates = [Path(chosen)] if chosen else [Path(cache_home) / "goengine"]
    candidates.append(Path(tempfile.gettempdir()) / f"goengine-{os.getuid() if hasattr(os, 'getuid') else 'user'}")
    for parent in candidates:
        try:
            (parent / name).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=parent / name):
                return parent / name
        except OSError:
            continue
    return Path(tempfile.mkdtemp(prefix="goengine-"))


CACHE_FOLDER = _cache_folder()
if not any(CACHE_FOLDER.rglob("*.nbi")):
    print(
        "goengine: compiling the rules for this machine, once; this takes up to a minute", file=sys.stderr, flush=True
    )

# Numba reads the folder when a function is decorated; afterwards other users of Numba get their setting back.
_before = _numba_config.CACHE_DIR
_numba_config.CACHE_DIR = str(CACHE_FOLDER)
try:
    from goengine._kernels import ladder, planes, playout, replay, state
finally:
    _numba_config.CACHE_DIR = _before

__all__ = ["CACHE_FOLDER", "ladder", "planes", "playout", "replay", "state"]
