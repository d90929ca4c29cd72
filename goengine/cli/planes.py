"""``goengine planes``: the feature planes of a position in a game record, as a NumPy file. Needs no torch."""

import argparse
import io

from goengine.cli import records
from goengine.files import check_output, written

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``goengine planes``."""
    records.add_position(parser)
    parser.add_argument("--output", required=True, metavar="X.npy", help="the file to write")
    parser.add_argument("--set", default="alphago48", metavar="NAME", help="feature set (default: %(default)s)")


def run(args: argparse.Namespace) -> int:
    """Write the planes, uint8 (planes, size, size); those of board1 are int8, for they hold -1."""
    import numpy as np

    from goengine.features import encode

    check_output(args.output)
    position, _ = records.load_position(args)
    stream = io.BytesIO()  # of a full disk np.save says less than a plain write
    np.save(stream, encode(position, args.set))
    with written(args.output) as temporary:
        temporary.write_bytes(stream.getbuffer())
    return 0
