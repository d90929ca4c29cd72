"""What is still worth playing, in many games at once: a network has no pass among its outputs, so this decides.

A game is played on until nothing is left: dead stones are taken off, neutral points filled, and what then stands on the
board can be counted. Left out are

- true eyes of the player (plane 46, as in Silver et al. 2016, Extended Data Table 2, "sensibleness"),
- small regions of empty points that touch stones of one colour only: they are that player's points already, except
  beside a chain in atari, and for the other player those of two or three points beside a chain that has no more
  liberties than that: these may be all it has,
- moves that put three stones or more of one's own into atari and capture nothing: what fills a seki.

The network may insist: a point of the last two kinds to which it gives a quarter of all is played, as long as there is
something else to play. So a territory is defended, or a group killed, where it sees how.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["INSISTS", "legal_points", "open_points", "settled_sizes"]

INSISTS = 0.25
"""Probability from which a network plays what else would be left out."""

_OPPONENT, _ATARI, _CAPTURE, _SELF_ATARI, _SENSIBLE = 1, 12, 20, 28, 46  # planes of alphago48
_MANY = 3  # stones; one or two are thrown in to take eyes
_SMALL = 30  # a region is small if it has at most this part of the board, or four points: hardly room to live
_EYE = 3  # points; all the liberties of a chain that dies
_FULL = 4  # nothing is settled before stones stand on this part of the board


def legal_points(words: NDArray[np.uint64], masks: NDArray[np.int8]) -> NDArray[np.bool_]:
    """The legal points that fill no true eye, bool (games, size * size).

    Args:
        words: uint64 (games, size, size), all planes.
        masks: int8 (games, size * size + 1), of :meth:`goengine.batch.GoBatch.masks`: these know superko.
    """
    sensible = (words.reshape(len(words), -1) >> np.uint64(_SENSIBLE)) & np.uint64(1)
    legal: NDArray[np.bool_] = (masks[:, :-1] != 0) & (sensible != 0)
    return legal


def open_points(words: NDArray[np.uint64], boards: NDArray[np.int8]) -> NDArray[np.bool_]:
    """The points at which something may be left to play, bool (games, size * size), whether legal or not.

    Args:
        words: uint64 (games, size, size), all planes, seen by the player to move.
        boards: int8 (games, size, size).
    """
    flat = words.reshape(len(words), -1)
    many = np.uint64(((1 << 8 - (_MANY - 1)) - 1) << _SELF_ATARI + _MANY - 1)
    some = np.uint64(((1 << 7) - 1) << _CAPTURE + 1)
    futile = ((flat & many) != 0) & ((flat & some) == 0)
    in_atari = (words & np.uint64(1 << _ATARI)) != 0
    short = ((words & np.uint64(7 << _ATARI)) != 0) & ((words & np.uint64(1 << _OPPONENT)) != 0)
    sizes = settled_sizes(boards)
    attacked = _beside(short).reshape(flat.shape) & (sizes <= _EYE)
    points: NDArray[np.bool_] = (_beside(in_atari).reshape(flat.shape) | attacked | (sizes == 0)) & ~futile
    return points


def _beside(points: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The points next to given ones, bool (games, size, size) as these."""
    framed = np.pad(points, ((0, 0), (1, 1), (1, 1)))
    return framed[:, :-2, 1:-1] | framed[:, 2:, 1:-1] | framed[:, 1:-1, :-2] | framed[:, 1:-1, 2:]


def settled_sizes(boards: NDArray[np.int8]) -> NDArray[np.int32]:
    """The points of the region, at each empty point of a small one that touches stones of one colour only; else 0.

    int32 (games, size * size).
    """
    games, size = boards.shape[:2]
    settled = np.zeros((games, size, size), np.int32)
    late = np.flatnonzero(np.count_nonzero(boards, axis=(1, 2)) * _FULL >= size * size)
    if len(late):
        settled[late] = _settled(boards[late])
    return settled.reshape(games, -1)


def _settled(boards: NDArray[np.int8]) -> NDArray[np.int32]:
    games, size = boards.shape[:2]
    empty = boards == 0
    # every region gets the largest number of its points, from neighbour to neighbour
    labels = np.zeros((games, size + 2, size + 2), np.int32)
    inner = labels[:, 1:-1, 1:-1]
    numbers = np.arange(1, boards.size + 1, dtype=np.int32).reshape(boards.shape)
    inner[empty] = numbers[empty]
    while True:
        largest = np.maximum(labels[:, :-2, 1:-1], labels[:, 2:, 1:-1])
        np.maximum(largest, labels[:, 1:-1, :-2], out=largest)
        np.maximum(largest, labels[:, 1:-1, 2:], out=largest)
        np.maximum(largest, inner, out=largest)
        largest[~empty] = 0
        if (largest == inner).all():
            break
        inner[...] = largest
    region = inner[empty]
    count = np.bincount(region, minlength=boards.size + 1)
    alone = count <= max(4, size * size // _SMALL)
    touched = [np.zeros(boards.size + 1, np.bool_), np.zeros(boards.size + 1, np.bool_)]
    for color, found in zip((1, -1), touched, strict=True):
        found[inner[empty & _beside(boards == color)]] = True
    alone &= touched[0] != touched[1]
    settled = np.zeros(boards.shape, np.int32)
    settled[empty] = np.where(alone, count, 0)[region]
    return settled
