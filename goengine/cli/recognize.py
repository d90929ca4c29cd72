"""``goengine recognize``: the position in a picture of a Go board."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from goengine.errors import GoEngineError, ImageError
from goengine.files import check_output, write_text

if TYPE_CHECKING:
    from goengine.recognition.reading import Reading

__all__ = ["add_arguments", "run"]

NO_BOARD = 3
_SHOWN = 12
_NAMES = ("empty", "black", "white")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.epilog = "Exit status: 0 a board was read, 2 bad input, 3 no board was found."
    parser.add_argument("picture", type=Path, metavar="PICTURE", help="a screenshot, a scan or a photo of one board")
    parser.add_argument("--size", default="auto", metavar="N", help="lines of the board, 5 to 25 (default: auto)")
    parser.add_argument(
        "--corners",
        nargs="+",
        default=[],
        metavar="X,Y",
        help="the four corner points of the grid in pixels, or two opposite ones (default: they are found)",
    )
    parser.add_argument("--to-move", choices=("b", "w"), default="b", help="whose turn it is (default: %(default)s)")
    parser.add_argument("--sgf", metavar="OUT", help="write the position as SGF; - writes it to stdout")
    parser.add_argument(
        "--overlay", type=Path, metavar="PNG", help="write the picture with what was read drawn over it"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object with the confidence of each point")


def run(args: argparse.Namespace) -> int:
    """Read the picture; print the position and what is doubtful in it."""
    size, corners = _size(args.size), [_corner(text) for text in args.corners]
    if args.json and args.sgf == "-":
        raise GoEngineError("--json and --sgf - both want the standard output: give --sgf a file")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: for matrices so small more only wait
    try:
        import cv2  # noqa: F401
        import PIL  # noqa: F401
    except ImportError as error:
        raise ImageError(f"recognize needs {error.name}: pip install 'goengine[images]'") from None

    from goengine.images.pictures import read_picture
    from goengine.recognition.classifier import load_classifier
    from goengine.recognition.reading import NoBoard, read_board

    taken = {args.picture.resolve(): "the picture itself"}
    for option, place in (("--sgf", args.sgf if args.sgf != "-" else None), ("--overlay", args.overlay)):
        if place:
            target = check_output(place).resolve()
            if target in taken:
                raise GoEngineError(f"{option} {place} is {taken[target]}: give another name")
            taken[target] = f"what {option} writes"
    if args.overlay:
        from goengine.recognition.overlay import draw_overlay, picture_format

        picture_format(args.overlay)
    picture = read_picture(args.picture)
    try:
        reading = read_board(picture, load_classifier(), size, corners)
    except NoBoard as error:
        sys.stderr.write(f"goengine: {args.picture}: {error}\n")
        return NO_BOARD
    text = _sgf(reading, args.to_move)
    if args.sgf == "-":
        sys.stdout.write(text)
    elif args.sgf:
        write_text(Path(args.sgf), text)
    if args.overlay:
        draw_overlay(picture, reading, args.overlay)
    if args.json:
        sys.stdout.write(json.dumps(_report(reading)) + "\n")
    else:
        (sys.stderr if args.sgf == "-" else sys.stdout).write("\n".join(_lines(reading)) + "\n")
    return 0


def _size(text: str) -> int | None:
    from goengine.coords import LETTERS

    if text == "auto":
        return None
    if not (text.isascii() and text.isdecimal()) or not 5 <= int(text) <= len(LETTERS):
        raise GoEngineError(f"--size {text} is not possible: use auto, or 5 to {len(LETTERS)}")
    return int(text)


def _corner(text: str) -> tuple[float, float]:
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        x = y = math.nan
    if not (math.isfinite(x) and math.isfinite(y)):
        raise GoEngineError(f"--corners {text} is no point: write x,y in pixels, as 120,85")
    return x, y


def _points(reading: Reading, kind: int) -> list[int]:
    return [number for number, stone in enumerate(reading.stones.ravel().tolist()) if stone == kind]


def _sgf(reading: Reading, to_move: str) -> str:
    from goengine.sgf.write import write_game

    color = {"b": "black", "w": "white"}[to_move]
    black, white = _points(reading, 1), _points(reading, 2)
    return write_game(reading.size, [], setup_black=black, setup_white=white, to_play=color)


def _vertex(reading: Reading, row: int, column: int) -> str:
    from goengine.coords import format_vertex, point_of

    return format_vertex(point_of(row, column, reading.size), reading.size)


def _lines(reading: Reading) -> list[str]:
    """The report in words."""
    from goengine.coords import LETTERS
    from goengine.recognition.reading import chains_without_liberties

    size = reading.size
    letters = "    " + " ".join(LETTERS[:size])
    rows = [f"{size - row:3} " + " ".join(".XO"[stone] for stone in line) for row, line in enumerate(reading.stones)]
    black, white = (len(_points(reading, kind)) for kind in (1, 2))
    out = [letters, *rows, letters]
    out.append(f"{size}x{size}, {black} black (X) and {white} white (O) stones; ")
    out[-1] += f"least confidence {reading.confidence.min():.1%}"
    doubtful = reading.doubtful()
    for row, column in doubtful[:_SHOWN]:
        chances = reading.probabilities[row, column]
        said = ", ".join(f"{name} {chance:.0%}" for name, chance in zip(_NAMES, chances, strict=False))
        out.append(f"doubtful: {_vertex(reading, row, column):4} {said}")
    if len(doubtful) > _SHOWN:
        out.append(f"doubtful: {len(doubtful) - _SHOWN} more")
    for chain in chains_without_liberties(reading.stones):
        named = " ".join(_vertex(reading, *spot) for spot in chain)
        out.append(f"no liberties, so something there was misread: {named}")
    return out


def _report(reading: Reading) -> dict[str, object]:
    from goengine.recognition.reading import chains_without_liberties
    from goengine.recognition.window import place

    last = reading.size - 1
    corners = [place(reading.grid, *spot) for spot in ((0, 0), (last, 0), (last, last), (0, last))]
    return {
        "size": reading.size,
        "stones": ["".join(".XO"[stone] for stone in line) for line in reading.stones],
        "confidence": [[round(float(value), 4) for value in line] for line in reading.confidence],
        "doubtful": [_vertex(reading, *spot) for spot in reading.doubtful()],
        "without_liberties": [
            [_vertex(reading, *spot) for spot in chain] for chain in chains_without_liberties(reading.stones)
        ],
        "corners": [[round(x, 1), round(y, 1)] for x, y in corners],
        "fit": round(reading.fit, 4),
    }
