"""Feature planes: what a network sees of a position, always from the viewpoint of the player to move.

``alphago48`` is the input of Silver et al. 2016 (*Mastering the game of Go with deep neural networks and tree search*,
Extended Data Table 2), in that order; the other sets are its beginnings, and ``board1`` is own minus opponent. The
kernels produce all 48 planes as one 64-bit word a point; ``unpack`` turns words into the planes of any set.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from goengine._kernels import replay as _replay
from goengine.errors import GoEngineError
from goengine.rules import Position


@dataclass(frozen=True)
class Feature:
    """One row of the table: a name, its planes, and what a 1 says."""

    name: str
    planes: int
    meaning: str


@dataclass(frozen=True)
class FeatureSet:
    """A named, numbered list of features; a network file names its set."""

    name: str
    number: int
    features: tuple[Feature, ...]
    dtype: type[np.uint8] | type[np.int8] = np.uint8

    @property
    def planes(self) -> int:
        """How many planes the set has."""
        return sum(feature.planes for feature in self.features)


_TABLE = (
    Feature("stones", 3, "own, opponent's, empty"),
    Feature("ones", 1, "always 1"),
    Feature("turns_since", 8, "the stone was played 1 ... 8 or more turns ago; setup stones: 8 or more"),
    Feature("liberties", 8, "the chain at the point has 1 ... 8 or more liberties"),
    Feature("capture_size", 8, "a legal move that takes 0 ... 7 or more stones"),
    Feature("self_atari_size", 8, "a legal move that leaves its chain of 1 ... 8 or more stones one liberty"),
    Feature("liberties_after", 8, "a legal move after which its chain has 1 ... 8 or more liberties"),
    Feature("ladder_capture", 1, "a move that captures a chain of two liberties in a ladder"),
    Feature("ladder_escape", 1, "a move that saves an own chain in atari from a ladder"),
    Feature("sensibleness", 1, "legal, and not a true eye of the player"),
    Feature("zeros", 1, "always 0"),
)

FEATURE_SETS: dict[str, FeatureSet] = {
    one.name: one
    for one in (
        FeatureSet("board1", 1, (Feature("board", 1, "own stones 1, the opponent's -1, empty 0"),), np.int8),
        FeatureSet("board4", 2, _TABLE[:2]),
        FeatureSet("history12", 3, _TABLE[:3]),
        FeatureSet("liberties20", 4, _TABLE[:4]),
        FeatureSet("alphago48", 5, _TABLE),
    )
}


def feature_set(name: str) -> FeatureSet:
    """The feature set of this name.

    Raises:
        GoEngineError: there is none; the message lists those there are.
    """
    if name not in FEATURE_SETS:
        raise GoEngineError(f"unknown feature set {name!r}; there are {', '.join(FEATURE_SETS)}")
    return FEATURE_SETS[name]


def plane_count(name: str) -> int:
    """How many planes the feature set of this name has."""
    return feature_set(name).planes


def encode_words(position: Position) -> NDArray[np.uint64]:
    """All 48 planes, seen by the player to move, as uint64 (size, size): bit p of a word is plane p at that point.

    Legality is that of simple ko, and suicide is illegal; superko is left to the choice of a move.
    """
    return position.encode_words()


def encode(position: Position, feature_set: str = "alphago48") -> NDArray[np.uint8] | NDArray[np.int8]:
    """The planes of a position, seen by the player to move: uint8 (planes, size, size); ``board1`` is int8.

    Raises:
        GoEngineError: there is no such feature set.
    """
    return unpack(encode_words(position), feature_set)


def unpack(words: NDArray[np.uint64], feature_set: str = "alphago48") -> NDArray[np.uint8] | NDArray[np.int8]:
    """The planes in ``words``, uint64 (..., size, size), as uint8 (..., planes, size, size); ``board1`` is int8."""
    planes = plane_count(feature_set)
    if feature_set == "board1":
        own, opponent = words & np.uint64(1), (words >> np.uint64(1)) & np.uint64(1)
        return (own.astype(np.int8) - opponent.astype(np.int8))[..., None, :, :]
    octets = np.ascontiguousarray(words, dtype="<u8").view(np.uint8).reshape(*words.shape, 8)
    bits = np.unpackbits(octets, axis=-1, count=planes, bitorder="little")
    return np.ascontiguousarray(np.moveaxis(bits, -1, -3))


def encode_games(
    moves: NDArray[np.uint16],
    offsets: NDArray[np.int64],
    games: ArrayLike,
    labels: ArrayLike,
    size: int = 19,
    out: NDArray[np.uint64] | None = None,
    threads: int = 1,
    ahead: Sequence[int] = (),
    boards: NDArray[np.int8] | None = None,
) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
    """Encode chosen positions of packed games, for training and measuring. The compiled part releases the GIL.

    Args:
        moves: uint16 (codes,), the codes of all games back to back (``goengine.movecodes``), legal.
        offsets: int64 (games + 1,), where each game begins in ``moves``.
        games: int (samples,), which game each sample is from.
        labels: int (samples,), the index within the game's codes, setup codes included, of the move to be predicted;
            the planes show the position just before it, seen by the colour that plays it. Samples of one game that
            follow one another in ascending order share one replay.
        size: the board size of the games.
        out: where to write; uint64 (samples, size, size), C order.
        threads: how many threads share the samples.
        ahead: codes, counted from the position shown: what stands so many later is to be written too; ascending. At
            the end of a game it is its last board.
        boards: where to write that: int8 (samples, len(ahead), size * size), C order, +1 own stones of the player to
            move, -1 the opponent's, 0 empty.

    Returns:
        words uint64 (samples, size, size), bit p of a word being plane p of ``alphago48``; and colours uint8
        (samples,), 0 Black and 1 White to move.

    Raises:
        GoEngineError: a sample lies outside its game, a code off the board, or ``out`` or ``boards`` does not fit.
    """
    moves = np.ascontiguousarray(moves, dtype=np.uint16)
    offsets = np.ascontiguousarray(offsets, dtype=np.int64)
    game_index = np.ascontiguousarray(games, dtype=np.int64)
    label_index = np.ascontiguousarray(labels, dtype=np.int64)
    count = len(game_index)
    if out is None:
        out = np.empty((count, size, size), np.uint64)
    if out.shape != (count, size, size) or out.dtype != np.uint64 or not out.flags.c_contiguous:
        raise GoEngineError(f"out must be a C-ordered uint64 array of shape {(count, size, size)}")
    later = np.ascontiguousarray(ahead, dtype=np.int64)
    if boards is None:
        boards = np.empty((count, 0, size * size), np.int8)
    if boards.shape != (count, len(later), size * size) or boards.dtype != np.int8 or not boards.flags.c_contiguous:
        raise GoEngineError(f"boards must be a C-ordered int8 array of shape {(count, len(later), size * size)}")
    if (np.diff(later, prepend=0) < 0).any():
        raise GoEngineError(f"ahead = {list(ahead)}: numbers of moves, ascending")
    if len(label_index) != count:
        raise GoEngineError(f"{count} games but {len(label_index)} labels")
    if count:
        if game_index.min() < 0 or game_index.max() >= len(offsets) - 1:
            raise GoEngineError(f"a sample's game is outside 0 to {len(offsets) - 2}")
        if label_index.min() < 0 or bool((offsets[game_index] + label_index >= offsets[game_index + 1]).any()):
            raise GoEngineError("a sample's label is outside its game")
    colors = np.empty(count, np.uint8)
    flat = out.reshape(count, size * size)

    def part(first: int, last: int) -> None:
        some = slice(first, last)
        wrong = _replay.encode_samples(
            *(moves, offsets, game_index[some], label_index[some], size),
            *(flat[some], colors[some], later, boards[some]),
        )
        if wrong >= 0:
            number = int(game_index[first + wrong])
            raise GoEngineError(f"game {number} has a move that is not on a board of {size}x{size}: give its own size")

    if threads <= 1 or count < 2 * threads:
        part(0, count)
    else:
        edges: Sequence[int] = [int(e) for e in np.linspace(0, count, threads + 1)]
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(part, edges[:-1], edges[1:]))
    return out, colors
