"""The networks that come with the program; where a network file is asked for, their names do as well.

- ``bundled``: the most accurate one, which plays where no other is asked for;
- ``small``: several times as fast and less accurate, for slow machines and many games at once;
- ``alphago``: the very network of Silver et al. 2016, 192 filters and twelve convolutions, to compare with it.

training/README.md has the figures of all; ``goengine info NAME`` says how they were made.
"""

import os
from pathlib import Path

__all__ = ["BUNDLED", "DEFAULT", "NAMED", "network_file"]

DEFAULT = "bundled"
_FOLDER = Path(__file__).parent
NAMED = {
    DEFAULT: _FOLDER / "default.safetensors",
    "small": _FOLDER / "small.safetensors",
    "alphago": _FOLDER / "alphago.safetensors",
}
"""The network files by name."""
BUNDLED = NAMED[DEFAULT]


def network_file(given: str | os.PathLike[str] | None = None) -> Path:
    """The file of a network that a user named.

    Args:
        given: one of NAMED, or a path (``./small`` where a file has such a name); a Path is always one; None is the
            default.
    """
    if given is None:
        return BUNDLED
    return NAMED[given] if isinstance(given, str) and given in NAMED else Path(given)
