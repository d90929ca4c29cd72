"""The compiled kernels: arrays in, arrays out; everything that has to be fast and nothing else.

Numba compiles each kernel once for a machine and keeps the result in a folder of its own, named after a digest of the
kernel sources: an upgrade or an edit never runs stale machine code. The folder is ``$NUMBA_CACHE_DIR`` where that is
set, else ``$XDG_CACHE_HOME/goengine`` (``~/.cache/goengine``), else the temporary folder.

    state       the position as one int64 array; placing a stone, legality, what a move would do, taking it back
    ladder      does a chain in a ladder get away
    planes      the 48 planes of a position as one 64-bit word a point
    playout     games played on at random, for ownership and the score
    replay      whole games: replaying, checking, encoding by the batch
    batch       thousands of games at once, for the learning environment; compiled only when `load_batch` asks for it
    winograd    convolutions for networks; compiled only when `load_winograd` asks for it
    forward     a whole policy network; compiled only when `load_forward` asks for it
    vectors     eight or sixteen float32 at a time, and products of matrices, for winograd and forward
    primitives  instructions of our own, such as counters that threads share
"""

import contextlib
import hashlib
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numba


def _cache_folder() -> Path:
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    digest.update(os.environ.get("GOENGINE_LANES", "").encode())  # `vectors` reads it
    name = f"kernels-{digest.hexdigest()[:16]}"
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    cache_home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    own = f"goengine-{os.getuid() if hasattr(os, 'getuid') else 'user'}"

    def candidates() -> Iterator[Path]:
        yield Path(chosen) if chosen else Path(cache_home) / "goengine"
        yield Path(tempfile.gettempdir()) / own  # asked for only now: there may be none

    for parent in candidates():
        try:
            (parent / name).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=parent / name):
                return parent / name
        except OSError:
            continue
    return Path(tempfile.mkdtemp(prefix="goengine-"))


CACHE_FOLDER = _cache_folder()
_numba_config: Any = numba.config
_lock = threading.Lock()


@contextlib.contextmanager
def _compiling(what: str, seconds: str, files: str) -> Iterator[None]:
    """Import kernels inside it: they go to our folder, and the first time it says on stderr what takes so long."""
    if not any(CACHE_FOLDER.rglob(files)):
        line = f"goengine: compiling {what} for this machine, once; this takes {seconds}"
        print(line, file=sys.stderr, flush=True)
    # Numba reads the folder when a function is decorated; afterwards other users of Numba get their setting back.
    before = _numba_config.CACHE_DIR
    _numba_config.CACHE_DIR = str(CACHE_FOLDER)
    try:
        yield
    finally:
        _numba_config.CACHE_DIR = before


with _compiling("the rules", "up to a minute", "state.*.nbi"):
    from goengine._kernels import ladder, planes, playout, replay, state


def load_winograd() -> ModuleType:
    """The module of convolution kernels; the first call compiles it, or finds it in the cache (a third of a second)."""
    with _lock, _compiling("the convolutions", "about ten seconds", "winograd.*.nbi"):
        from goengine._kernels import winograd
    return winograd


def load_forward() -> ModuleType:
    """The module that evaluates policy networks; the first call compiles it, or finds it in the cache."""
    with _lock, _compiling("the networks", "about ten seconds", "forward.*.nbi"):
        from goengine._kernels import forward
    return forward


def load_batch() -> ModuleType:
    """The module of kernels for many games at once; the first call compiles it, or finds it in the cache."""
    with _lock, _compiling("the batch of games", "up to a minute", "batch.*.nbi"):
        from goengine._kernels import batch
    return batch


__all__ = [
    "CACHE_FOLDER",
    "ladder",
    "load_batch",
    "load_forward",
    "load_winograd",
    "planes",
    "playout",
    "replay",
    "state",
]
