"""Random games on small boards, as codes, shards and SGF: what the learning half is tested on."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from goengine.corpus import Corpus
from goengine.dataset import Batch, PositionSampler
from goengine.features import encode_words
from goengine.movecodes import PASS, POINT_MASK, SETUP, WHITE
from goengine.rules import Position
from goengine.shards import INFO, write_shard

LETTERS = "abcdefghijklmnopqrstuvwxy"


@cache
def random_game(seed: int, size: int = 9, plies: int = 40) -> NDArray[np.uint16]:
    """Codes of random legal moves; about one in fifteen is a pass, and odd seeds begin with two setup stones."""
    chance = random.Random(seed)
    position = Position(size)
    if seed % 2:
        position.setup(black=(size + 1, size * size - size - 2), to_play="white")
    for _ in range(plies):
        points = position.legal_points()
        position.play(None if chance.random() < 1 / 15 or not len(points) else int(chance.choice(points)))
    return position.codes()


def corpus(games: int = 12, size: int = 9, sources: tuple[str, ...] = ("first", "second")) -> Corpus:
    """Random games, dealt to the sources in equal runs."""
    codes = [random_game(seed, size) for seed in range(games)]
    offsets = np.cumsum([0, *map(len, codes)])
    return Corpus(size, sources, np.concatenate(codes), offsets, np.arange(games) * len(sources) // games)


def shard(path: Path, seeds: range, size: int = 9, split: str = "train") -> Path:
    """Write random games as a shard."""
    codes = [random_game(seed, size) for seed in seeds]
    write_shard(path, codes, np.zeros(len(codes), INFO), size=size, source=path.stem, split=split)
    return path


def sgf(seed: int, size: int = 9, root: str = "") -> str:
    """A random game as SGF; `root` is added to its root node, as ``PB[one]PW[two]``."""
    codes = random_game(seed, size)
    nodes, stones = [f"(;GM[1]FF[4]SZ[{size}]KM[7]{root}"], ""
    for code in codes.tolist():
        point = code & POINT_MASK
        text = "" if point == PASS else LETTERS[point % size] + LETTERS[point // size]
        if code & SETUP:
            stones += f"[{text}]"
        else:
            nodes.append(f";{'W' if code & WHITE else 'B'}[{text}]")
    return nodes[0] + (f"AB{stones}PL[W]" if stones else "") + "".join(nodes[1:]) + ")"


def replayed(seed: int, size: int = 9) -> list[tuple[np.ndarray, int, int, int]]:
    """(words, point, colour, number of the move) of each label of a random game, by the rules alone."""
    position, found = Position(size), []
    codes = random_game(seed, size).tolist()
    setup = [code & POINT_MASK for code in codes if code & SETUP]
    position.setup(black=setup, to_play="white" if setup else "black")
    for number, code in enumerate((code for code in codes if not code & SETUP), start=1):
        point, color = code & POINT_MASK, "white" if code & WHITE else "black"
        assert position.to_play == color
        if point != PASS:
            found.append((encode_words(position), point, int(color == "white"), number))
        position.play(None if point == PASS else point)
    return found


def batches(count: int, size: int = 16) -> list[Batch]:
    """So many batches drawn from `corpus(12)`, in training's order."""
    games = corpus(12)
    sampler = PositionSampler(games, size, seed=9)
    made = []
    for _ in range(count):
        labels, symmetries, sources = sampler.draw()
        words, targets, _ = games.encode(labels)
        made.append(Batch(words, targets, symmetries, sources, sampler.state()))
    return made
