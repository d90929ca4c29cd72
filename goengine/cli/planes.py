"""``goengine planes``: the feature planes of a position in a game record, as a NumPy file. Needs no torch."""

import argparse
import os
from pathlib import Path

from goengine.cli import records

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``goengine planes``."""
    records.add_position(parser)
    parser.add_argument("--output", type=Path, required=True, metavar="X.npy", help="the file to write")
    parser.add_argument("--set", default="alphago48", metavar="NAME", help="feature set (default: %(default)s)")


def run(args: argparse.Namespace) -> int:
    """Write the planes, uint8 (planes, size, size); those of board1 are int8, for they hold -1."""
    import numpy as np

    from goengine.features import encode

    position, _ = records.load_position(args)
    planes = encode(position, args.set)
    output: Path = args.output
    temporary = output.with_name(output.name + ".tmp")
    with temporary.open("wb") as stream:
        np.save(stream, planes)
    os.replace(temporary, output)
    return 0
