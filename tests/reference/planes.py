"""All 48 planes of DESIGN.md section 4, slowly: one function a family, each straight from a line of the table.

Every plane is relative to the player to move. Legality is simple ko with suicide illegal, whatever superko the
position itself asks for. Ladders are read by plain recursion over copies of the board.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from reference.rules import OPPONENT, Color, NaivePosition, Stones, chain, diagonals, ko_board_after, neighbours

Planes = NDArray[np.uint8]

LADDER_DEPTH = 200  # plies; the table asks for at least 150
LADDER_NODES = 20_000

SETS = {"board4": 4, "history12": 12, "liberties20": 20, "alphago48": 48}


def alphago48(position: NaivePosition) -> Planes:
    """The 48 planes, ``(48, size, size) uint8``."""
    size = position.size
    planes = np.zeros((48, size * size), dtype=np.uint8)
    families: list[Iterable[tuple[int, int]]] = [
        stones(position),
        ((3, point) for point in range(size * size)),
        turns_since(position),
        liberties(position),
        moves(position),
        ladder_captures(position),
        ladder_escapes(position),
        sensible(position),
    ]
    for family in families:
        for plane, point in family:
            planes[plane, point] = 1
    return planes.reshape(48, size, size)


def encode(position: NaivePosition, feature_set: str) -> NDArray[np.uint8] | NDArray[np.int8]:
    """The planes of one of the named sets, ``(planes, size, size)``."""
    if feature_set == "board1":
        return (position.board if position.to_play == "black" else -position.board)[None].astype(np.int8)
    return alphago48(position)[: SETS[feature_set]]


def one_hot(first_plane: int, value: int, lowest: int = 1) -> int:
    """The plane among eight that stands for a count: `lowest` is the first, ``lowest + 7`` or more the last."""
    return first_plane + min(value - lowest, 7)


def stones(position: NaivePosition) -> Iterator[tuple[int, int]]:
    """Planes 0-2: own, opponent, empty."""
    for point in range(position.size**2):
        color = position.stones.get(point)
        yield (2 if color is None else 0 if color == position.to_play else 1), point


def turns_since(position: NaivePosition) -> Iterator[tuple[int, int]]:
    """Planes 4-11: turns since the stone was played; setup stones in the last."""
    latest = {move: ply for ply, (_, move) in enumerate(position.moves)}
    for point in position.stones:
        yield one_hot(4, len(position.moves) - latest[point] if point in latest else 8), point


def liberties(position: NaivePosition) -> Iterator[tuple[int, int]]:
    """Planes 12-19: liberties of the chain."""
    for point in position.stones:
        yield one_hot(12, len(chain(position.stones, point, position.size)[1])), point


def moves(position: NaivePosition) -> Iterator[tuple[int, int]]:
    """Planes 20-43: what a legal move captures, the size of the self-atari it is, the liberties it has."""
    for point in range(position.size**2):
        result = position.result(point, position.to_play, superko=False)
        if result is None:
            continue
        after, captured = result
        members, own_liberties = chain(after, point, position.size)
        yield one_hot(20, len(captured), lowest=0), point
        if len(own_liberties) == 1:
            yield one_hot(28, len(members)), point
        yield one_hot(36, len(own_liberties)), point


def sensible(position: NaivePosition) -> Iterator[tuple[int, int]]:
    """Plane 46: legal, and not a true eye of the player."""
    eyes = true_eyes(position.stones, position.to_play, position.size)
    for point in range(position.size**2):
        if position.result(point, position.to_play, superko=False) is not None and point not in eyes:
            yield 46, point


def true_eyes(board: Stones, color: Color, size: int) -> set[int]:
    """The largest set of points that are true eyes of `color` if all of the set are taken to be."""
    points = range(size * size)
    eyes = {p for p in points if p not in board and all(board.get(n) == color for n in neighbours(p, size))}
    while True:
        false_eyes = set()
        for eye in eyes:
            around = diagonals(eye, size)
            bad = [d for d in around if board.get(d) == OPPONENT[color] or (d not in board and d not in eyes)]
            if len(bad) > (1 if len(around) == 4 else 0):
                false_eyes.add(eye)
        if not false_eyes:
            return eyes
        eyes = eyes - false_eyes


# --- ladders ---------------------------------------------------------------------------------------------------------


class TooManyNodesError(Exception):
    """A reading has played as many plies as it may: the prey counts as escaped."""


class Reading:
    """One reading of one chain, the prey: is it caught or does it escape? Counts the plies it plays."""

    def __init__(self, size: int, prey_color: Color) -> None:
        self.size, self.prey_color, self.hunter_color = size, prey_color, OPPONENT[prey_color]
        self.nodes = 0

    def play(self, board: Stones, before: Stones | None, point: int, color: Color) -> dict[int, Color] | None:
        """The board after a play, None where it is illegal: suicide, or simple ko."""
        self.nodes += 1
        if self.nodes > LADDER_NODES:
            raise TooManyNodesError
        result = ko_board_after(board, before, point, color, self.size)
        return None if result is None else result[0]

    def tries(self, board: Stones, prey: int) -> set[int]:
        """What the prey in atari may try: its liberty, and the captures of adjacent hunter chains in atari."""
        members, points = chain(board, prey, self.size)
        for member in members:
            for neighbour in neighbours(member, self.size):
                if board.get(neighbour) == self.hunter_color:
                    _, hunter_liberties = chain(board, neighbour, self.size)
                    if len(hunter_liberties) == 1:
                        points |= hunter_liberties
        return points

    def escapes(self, board: Stones, before: Stones | None, prey: int, depth: int = 0) -> bool:
        """Whether the prey, in atari and to move, has a try that saves it."""
        for point in sorted(self.tries(board, prey)):
            after = self.play(board, before, point, self.prey_color)
            if after is not None and self.saved(after, board, prey, depth + 1):
                return True
        return False

    def saved(self, board: Stones, before: Stones, prey: int, depth: int) -> bool:
        """Whether the prey has escaped with the move that it has just made."""
        prey_liberties = chain(board, prey, self.size)[1]
        if len(prey_liberties) != 2:
            return len(prey_liberties) > 2
        if depth >= LADDER_DEPTH:
            return True
        for point in sorted(prey_liberties):
            after = self.play(board, before, point, self.hunter_color)
            if after is not None and not self.escapes(after, board, prey, depth + 1):
                return False
        return True


def chains(position: NaivePosition, color: Color, liberty_count: int) -> Iterator[tuple[int, set[int]]]:
    """Every chain of a color with so many liberties: its first point, and those liberties."""
    for point in sorted(position.stones):
        if position.stones[point] == color:
            members, chain_liberties = chain(position.stones, point, position.size)
            if point == min(members) and len(chain_liberties) == liberty_count:
                yield point, chain_liberties


def ladder_captures(position: NaivePosition) -> Iterator[tuple[int, int]]:
    """Plane 44: a liberty of an opponent chain with exactly two, after which every escape fails."""
    for prey, prey_liberties in chains(position, OPPONENT[position.to_play], 2):
        for point in prey_liberties:
            reading = Reading(position.size, OPPONENT[position.to_play])
            after = reading.play(position.stones, position.before, point, position.to_play)
            if after is None:
                continue
            try:
                escaped = reading.escapes(after, position.stones, prey, depth=1)
            except TooManyNodesError:
                escaped = True
            if not escaped:
                yield 44, point


def ladder_escapes(position: NaivePosition) -> Iterator[tuple[int, int]]:
    """Plane 45: for an own chain in atari, its liberty or a capture next to it that saves it."""
    for prey, _ in chains(position, position.to_play, 1):
        for point in Reading(position.size, position.to_play).tries(position.stones, prey):
            reading = Reading(position.size, position.to_play)
            after = reading.play(position.stones, position.before, point, position.to_play)
            if after is None:
                continue
            try:
                escaped = reading.saved(after, position.stones, prey, depth=1)
            except TooManyNodesError:
                escaped = True
            if escaped:
                yield 45, point
