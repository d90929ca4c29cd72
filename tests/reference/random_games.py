"""Games to compare the kernels with their twins on: random, but with fights, ladders, kos and captures in them.

A uniformly random game rarely holds a ladder. So with a probability that grows with `fight`, a ply is a local one: it
saves the own chain that was just attacked, ataris or captures the chain that was just played, or falls near the last
move. What is played is always legal by the naive rules.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from reference.rules import OPPONENT, Color, Ko, NaivePosition, chain, neighbours

COLORS: tuple[Color, Color] = ("black", "white")

Ply = tuple[Color, int | None]


@dataclass(frozen=True)
class RandomGame:
    """Setup stones and plies, each with its color; legal from the first ply to the last."""

    size: int
    black: tuple[int, ...]
    white: tuple[int, ...]
    to_play: Color
    plies: tuple[Ply, ...]

    def start(self, ko: Ko = "simple") -> NaivePosition:
        """The naive position before the first ply."""
        position = NaivePosition(self.size, ko)
        position.setup(self.black, self.white, self.to_play)
        return position


def random_game(
    seed: int,
    size: int,
    plies: int,
    fight: float = 0.5,
    setup: float = 0.0,
    passes: float = 0.01,
    eyes: float = 0.02,
    twice: float = 0.01,
    ko: Ko = "simple",
) -> RandomGame:
    """A random legal game of so many plies, fewer where both have no move left.

    Args:
        seed: Decides everything.
        size: Board size.
        plies: The longest the game may get.
        fight: How likely a ply is a local one, 0 to 1.
        setup: The share of points that get a setup stone, as far as that is legal.
        passes: How likely a ply is a pass.
        eyes: How likely a point among own stones is not left out of a ply.
        twice: How likely a ply is by the color that has just moved.
        ko: The ko rule that the plies keep to.
    """
    rng = random.Random(seed)
    position = NaivePosition(size, ko)
    stuck = 0
    black, white = _setup_stones(rng, size, setup)
    to_play = rng.choice(COLORS) if setup else "black"
    position.setup(black, white, to_play)
    retakes: list[int] = []  # points where a single stone was captured lately: kos, or snapbacks
    while len(position.moves) < plies and stuck < 2:
        color = OPPONENT[position.to_play] if rng.random() < twice else position.to_play
        if rng.random() < passes:
            position.play(None, color)
            continue
        candidates = _local_points(rng, position, color, retakes) if rng.random() < fight else []
        everywhere = list(range(size * size))
        rng.shuffle(everywhere)
        for point in [*candidates, *everywhere]:
            is_eye = all(position.stones.get(near) == color for near in neighbours(point, size))
            if point not in position.stones and (not is_eye or rng.random() < eyes):
                if not position.is_legal(point, color):
                    continue
                captured = position.play(point, color)
                retakes = [*retakes, *captured][-3:] if len(captured) == 1 else retakes
                stuck = 0
                break
        else:
            position.play(None, color)
            stuck += 1
    return RandomGame(size, black, white, to_play, tuple(position.moves))


def _setup_stones(rng: random.Random, size: int, share: float) -> tuple[tuple[int, ...], tuple[int, ...]]:
    stones: dict[int, Color] = {}
    for point in rng.sample(range(size * size), int(share * size * size)):
        stones[point] = rng.choice(COLORS)
        if any(not chain(stones, near, size)[1] for near in [point, *neighbours(point, size)] if near in stones):
            del stones[point]
    by_color = [tuple(sorted(p for p in stones if stones[p] == color)) for color in COLORS]
    return by_color[0], by_color[1]


def _local_points(rng: random.Random, position: NaivePosition, color: Color, retakes: list[int]) -> list[int]:
    """Points worth a fight: kos to retake, liberties of the weak chains around the last moves, points near those."""
    recent = [point for _, point in position.moves[-3:] if point is not None]
    weak: list[int] = []
    for point in recent:
        for stone in [point, *neighbours(point, position.size)]:
            if stone in position.stones:
                liberties = chain(position.stones, stone, position.size)[1]
                if len(liberties) <= 2:
                    weak += [liberty for liberty in liberties if liberty not in weak]
    rng.shuffle(weak)
    near = []
    for point in recent:
        row, col = divmod(point, position.size)
        row, col = row + rng.randint(-2, 2), col + rng.randint(-2, 2)
        if 0 <= row < position.size and 0 <= col < position.size:
            near.append(row * position.size + col)
    kos = [point for point in retakes if rng.random() < 0.3 and _captures(position, point, color)]
    return [*kos, *weak, *near] if rng.random() < 0.8 else [*near, *weak]


def _captures(position: NaivePosition, point: int, color: Color) -> bool:
    result = position.result(point, color)
    return result is not None and bool(result[1])


def random_ladder(seed: int, size: int) -> RandomGame:
    """No moves, but stones with one or two liberties on a board with few or many other stones in their way."""
    rng = random.Random(seed)
    stones: dict[int, Color] = {}
    for _ in range(rng.randint(1, 3)):
        color = rng.choice(COLORS)
        prey = [rng.randrange(size * size)]
        if rng.random() < 0.3:
            prey.append(rng.choice(neighbours(prey[0], size)))
        around = sorted({near for point in prey for near in neighbours(point, size)} - set(prey))
        rng.shuffle(around)
        stones |= dict.fromkeys(prey, color) | dict.fromkeys(around[rng.choice([1, 2, 2]) :], OPPONENT[color])
    share = rng.choice([0.01, 0.03, 0.06, 0.1, 0.2, 0.4])
    for point in rng.sample(range(size * size), int(share * size * size)):
        stones.setdefault(point, rng.choice(COLORS))
    while dead := [point for point in stones if not chain(stones, point, size)[1]]:
        del stones[rng.choice(dead)]
    by_color = [tuple(sorted(p for p in stones if stones[p] == color)) for color in COLORS]
    return RandomGame(size, by_color[0], by_color[1], rng.choice(COLORS), ())
