"""Where the games of a match begin: openings numbered from 0, the same for the same settings."""

import hashlib
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from goengine.bundled import network_file
from goengine.errors import GoEngineError, IllegalMove
from goengine.rules import BLACK, Color, Ko, Position
from goengine.sgf import GameRecord, read_games
from goengine.symmetry import inverse_table

__all__ = ["KINDS", "Opening", "Openings", "make_openings"]

KINDS = ("corners", "random", "network")
"""Openings that are made up; anything else is the path of game records."""

_PLIES = 4, 8  # of an opening, if not said otherwise: corner points; random or network moves, and game records
_CORNERS_FROM = 13  # the smallest board whose corners have room for these points
_RECORDS = 20_000  # game records that are looked at, the first of a file or folder: a matter of seconds


@dataclass(frozen=True)
class Opening:
    """A position to begin from, and how it came about."""

    size: int
    moves: tuple[tuple[Color, int | None], ...] = ()
    black: tuple[int, ...] = ()
    """Setup stones."""
    white: tuple[int, ...] = ()
    to_play: Color = BLACK
    """Who makes the first move of all."""

    def position(self, komi: float = 7.5, ko: Ko = "simple") -> Position:
        """A new position at the end of the opening."""
        position = Position(self.size, ko=ko, komi=komi)
        if self.black or self.white or self.to_play != BLACK:
            position.setup(black=self.black, white=self.white, to_play=self.to_play)
        for color, point in self.moves:
            position.play(point, color)
        return position


@dataclass(frozen=True)
class Openings:
    """A numbered collection of them."""

    description: str
    """For the result table."""
    make: Callable[[int], Opening]
    """The opening of a number from 0."""
    count: int | None = None
    """How many there are, none the mirror image of another; None where there is no end to them."""
    digest: str = ""
    """Changes when the records, their order, or the network do that they come from."""


def make_openings(source: str, plies: int | None, size: int, seed: int, ko: Ko = "simple") -> Openings:
    """Openings of ``plies`` moves from one of KINDS, or from a file, folder or archive of game records.

    - ``corners``: corners taken one after the other, on points that people play (below 13x13: around the middle);
    - ``random``: any legal points, all equally likely;
    - ``network``: drawn as the bundled network, or that of the file in ``network:FILE``, expects moves;
    - a path: the first moves of different games in random order. Games of another size or shorter are left out,
      and so are positions set up and handicap games, and an opening that another one already is, turned or mirrored.
      With 0 moves, records are played in full, passes at the end left out and setup stones put on the board.

    Args:
        source: which.
        plies: moves; None is 4 for ``corners`` and else 8.
        size: of the board.
        seed: of what is drawn.
        ko: the rule of the games; records that break it by their moves are left out.

    Raises:
        GoEngineError: no such records or network, or not one fits.
    """
    kind, _, file = source.partition(":")
    if plies is None:
        plies = _PLIES[source != "corners"]
    if kind not in KINDS or (file and kind != "network"):
        return _from_records(Path(source), plies, size, seed, ko)
    draw = {"corners": _corner_points, "random": _any_points}.get(kind) or _network_points(file or None, size)

    def make(number: int) -> Opening:
        return _drawn(draw, plies, size, random.Random(f"{seed} {number}"))

    digest = hashlib.sha256(network_file(file or None).read_bytes()).hexdigest()[:16] if kind == "network" else ""
    return Openings(f"{plies} moves, {source}", make, digest=digest)


# Made up


Draw = Callable[[Position], int | None]


def _drawn(draw: Callable[[random.Random, int], Draw], plies: int, size: int, source: random.Random) -> Opening:
    """Moves drawn one after the other, as far as there are legal ones."""
    position, next_point = Position(size, ko="positional"), draw(source, size)  # legal whatever the game's rule
    for _ in range(plies):
        point = next_point(position)
        if point is None:
            break
        position.play(point)
    return Opening(size, position.moves)


def _corner_points(source: random.Random, size: int) -> Draw:
    """Points that people open with, in one corner after the other; on small boards points near the middle."""
    corners = [0, 1, 2, 3]
    if size >= _CORNERS_FROM:
        near, weights = [(3, 3), (3, 2), (2, 3), (4, 2), (2, 4), (4, 3), (3, 4)], [4, 3, 3, 1, 1, 1, 1]
        source.shuffle(corners)
    else:
        reach = max(1, min(2, size // 2 - 1))
        middle = range(size // 2 - reach, size // 2 + reach + 1)
        near = [(row, col) for row in middle for col in middle if row < size and col < size]
        weights = [1] * len(near)

    def draw(position: Position) -> int | None:
        corner = corners[position.move_number % 4]
        for _ in range(100):
            row, col = source.choices(near, weights)[0]
            point = (size - 1 - row if corner & 1 else row) * size + (size - 1 - col if corner & 2 else col)
            if position.is_legal(point):
                return point
        return None

    return draw


def _any_points(source: random.Random, size: int) -> Draw:
    """Legal points, each as likely as the others."""

    def draw(position: Position) -> int | None:
        points = position.legal_points().tolist()
        return source.choice(points) if points else None

    return draw


def _network_points(file: str | None, size: int) -> Callable[[random.Random, int], Draw]:
    """Legal points as likely as a network says.

    Raises:
        GoEngineError: it cannot be read, or is for another size and fully connected.
    """
    from goengine.checkpoint import load_network  # with torch, which takes a second
    from goengine.resize import resized

    network = resized(load_network(file), size)
    lock = threading.Lock()  # openings are asked for at several tables

    def begin(source: random.Random, size: int) -> Draw:
        def draw(position: Position) -> int | None:
            with lock:
                shares = network.policy(position.encode_words()[None], 1, position.legal_mask()[None])[0]
            points = np.flatnonzero(shares).tolist()
            return source.choices(points, shares[points].tolist())[0] if points else None

        return draw

    return begin


# From game records


def _from_records(path: Path, plies: int, size: int, seed: int, ko: Ko) -> Openings:
    """The first moves of different games; whole records where ``plies`` is 0."""
    found: dict[bytes, Opening] = {}
    for looked_at, record in enumerate(read_games(path)):
        if looked_at == _RECORDS:
            break
        opening = _cut(record, plies) if record.size == size else None
        if opening is not None and (ko == "simple" or _is_legal(opening, ko)):
            found.setdefault(_seen_alike(opening), opening)
    if not found:
        moves = f"even games of {plies} moves and more" if plies else "records"
        raise GoEngineError(f"{path}: holds no {moves} on {size}x{size} to take openings from")
    order = list(found.values())
    random.Random(seed).shuffle(order)
    digest = hashlib.sha256(repr(order).encode()).hexdigest()[:16]
    what = f"{plies} moves of games in" if plies else "records in"
    return Openings(f"{what} {path.name}", order.__getitem__, len(order), digest)


def _cut(record: GameRecord, plies: int) -> Opening | None:
    """The opening of a record, or None where it has none of that kind."""
    moves = tuple(record.plays())
    if plies:
        fits = len(moves) >= plies and not record.setup_count and record.to_play == BLACK
        moves = moves[:plies]
        if not fits or any(point is None for _, point in moves):
            return None
        return Opening(record.size, moves)
    while moves and moves[-1][1] is None:
        moves = moves[:-1]
    stones = record.start().setup_stones
    return Opening(record.size, moves, stones["black"], stones["white"], record.to_play)


def _is_legal(opening: Opening, ko: Ko) -> bool:
    try:
        opening.position(ko=ko)
    except IllegalMove:
        return False
    return True


def _seen_alike(opening: Opening) -> bytes:
    """The same for openings that are one, turned or mirrored."""
    size = opening.size
    points = [size**2 if point is None else point for _, point in opening.moves]
    stones = [*points, *opening.black, *opening.white]
    colors = bytes(color == BLACK for color, _ in opening.moves) + bytes([len(opening.black), opening.to_play == BLACK])
    turned = []
    for table in inverse_table(size):
        moved = np.append(table, size**2)[stones]
        setup = moved[len(points) :]
        setup[: len(opening.black)].sort()
        setup[len(opening.black) :].sort()
        turned.append(moved.astype(np.uint16).tobytes())
    return min(turned) + colors
