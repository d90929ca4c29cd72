"""A slow twin of the playout kernel: the same moves from the same random numbers, with plain sets of points."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

MASK = (1 << 64) - 1
SELF_ATARI, RESPOND = 4, 240


class Twin:
    """The stones of one playout, as a dict from point to colour (1 Black, 2 White)."""

    def __init__(self, size: int, stones: dict[int, int], empties: list[int]) -> None:
        self.size = size
        self.stones = dict(stones)
        self.empties = list(empties)

    def beside(self, point: int, diagonal: bool = False) -> list[int | None]:
        """Neighbours in the kernel's order: above, left, right, below; None is off the board."""
        row, col = divmod(point, self.size)
        steps = ((-1, -1), (-1, 1), (1, -1), (1, 1)) if diagonal else ((-1, 0), (0, -1), (0, 1), (1, 0))
        return [
            (row + r) * self.size + col + c if 0 <= row + r < self.size and 0 <= col + c < self.size else None
            for r, c in steps
        ]

    def near(self, point: int) -> Iterator[int]:
        return (q for q in self.beside(point) if q is not None)

    def chain(self, point: int, stones: dict[int, int] | None = None) -> tuple[set[int], set[int]]:
        """Stones and liberties of the chain at a point."""
        board = self.stones if stones is None else stones
        found, liberties, todo = {point}, set[int](), [point]
        while todo:
            for q in self.near(todo.pop()):
                if q not in board:
                    liberties.add(q)
                elif board[q] == board[point] and q not in found:
                    found.add(q)
                    todo.append(q)
        return found, liberties

    def after(self, point: int, mine: int) -> tuple[dict[int, int], set[int]]:
        """The stones after a move, and the points it captures."""
        stones = {**self.stones, point: mine}
        taken: set[int] = set()
        for q in self.near(point):
            if stones.get(q) == 3 - mine:
                chain, liberties = self.chain(q, stones)
                if not liberties:
                    taken |= chain
        return {q: color for q, color in stones.items() if q not in taken}, taken

    def is_eye(self, point: int, mine: int) -> bool:
        if any(self.stones.get(q) != mine for q in self.near(point)):
            return False
        corners = self.beside(point, diagonal=True)
        bad = sum(q is not None and self.stones.get(q) == 3 - mine for q in corners)
        return bad + (None in corners) < 2

    def self_atari(self, point: int, mine: int) -> int:
        stones, taken = self.after(point, mine)
        chain, liberties = self.chain(point, stones)
        return len(chain) if not taken and len(liberties) < 2 else 0

    def is_suicide(self, point: int, mine: int) -> bool:
        stones, _ = self.after(point, mine)
        return not self.chain(point, stones)[1]

    def only_liberty(self, point: int) -> int | None:
        _, liberties = self.chain(point)
        return next(iter(liberties)) if len(liberties) == 1 else None


def ring_order(order: dict[int, list[int]], points: set[int], start: int) -> list[int]:
    """The stones of a chain in the order of the kernel's ring, from `start` on."""
    ring = order[start]
    at = ring.index(start)
    assert set(ring) == points
    return ring[at:] + ring[:at]


class Rings:
    """The order of the stones in each chain, as the kernel links them."""

    def __init__(self, rings: dict[int, list[int]] | None = None, heads: dict[int, int] | None = None) -> None:
        self.of: dict[int, list[int]] = {}
        self.heads: dict[int, int] = {} if heads is None else dict(heads)
        if rings is not None:
            copies: dict[int, list[int]] = {}
            for point, ring in rings.items():
                self.of[point] = copies.setdefault(id(ring), list(ring))

    def add(self, twin: Twin, point: int, mine: int) -> None:
        """Link a new stone, after it was put on the board and before captures."""
        self.of[point] = [point]
        self.heads[point] = point
        for q in twin.near(point):
            if twin.stones.get(q) == mine and self.of[q] is not self.of[point]:
                big, small = self.heads[point], self.heads[q]
                if len(self.of[big]) < len(self.of[small]):
                    big, small = small, big
                a, b = self.of[big], self.of[small]
                i, j = a.index(big), b.index(small)
                # next of big becomes what followed small, and the other way round
                joined = [big, *b[j + 1 :], *b[:j], small, *a[i + 1 :], *a[:i]]
                for p in joined:
                    self.of[p] = joined
                    self.heads[p] = big


def playouts_twin(
    board: NDArray[np.int8], size: int, to_play: int, ko: int, number: int, seed: int, limit: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """(owned, scores), as `goengine._kernels.playout.playouts` writes them."""
    root = Twin(size, {}, list(range(size * size)))
    root_rings = Rings()
    for mine, sign in ((1, 1), (2, -1)):
        for point in range(size * size):
            if board[point] == sign:
                _put(root, root_rings, point, mine)
    owned = np.zeros(size * size, np.int32)
    scores = np.zeros(number, np.int32)
    state = (seed * 2 + 0x9E3779B97F4A7C15) & MASK
    for n in range(number):
        twin = Twin(size, root.stones, root.empties)
        rings = Rings(root_rings.of, root_rings.heads)
        mine, forbidden, passes, previous = to_play, (ko if ko >= 0 else None), 0, None
        for _ in range(limit):
            played: int | None = None
            taken: set[int] = set()
            if previous is not None:
                state = _next(state)
                if state >> 56 < RESPOND:
                    answer = _answer(twin, rings, previous, mine)
                    if answer is not None and answer != forbidden and not twin.is_suicide(answer, mine):
                        played, taken = answer, _put(twin, rings, answer, mine)
            left = len(twin.empties)
            while played is None and left > 0:
                state = _next(state)
                i = ((state >> 32) * left) >> 32
                p = twin.empties[i]
                if (
                    p != forbidden
                    and not twin.is_eye(p, mine)
                    and twin.self_atari(p, mine) < SELF_ATARI
                    and not twin.is_suicide(p, mine)
                ):
                    played, taken = p, _put(twin, rings, p, mine)
                else:
                    left -= 1
                    twin.empties[i], twin.empties[left] = twin.empties[left], p
            forbidden = None
            if played is not None:
                passes, previous = 0, played
                chain, liberties = twin.chain(played)
                if len(taken) == 1 and len(chain) == 1 and len(liberties) == 1:
                    forbidden = next(iter(taken))
            else:
                passes, previous = passes + 1, None
                if passes == 2:
                    break
            mine = 3 - mine
        for point in range(size * size):
            color = twin.stones.get(point)
            near = {twin.stones.get(q) for q in twin.near(point)}
            sign = {1: 1, 2: -1}[color] if color else (1 in near) - (2 in near)
            owned[point] += sign
            scores[n] += sign
    return owned, scores


def _put(twin: Twin, rings: Rings, point: int, mine: int) -> set[int]:
    """Play a legal move; keeps the list of empty points in the kernel's order."""
    _, taken = twin.after(point, mine)
    twin.stones[point] = mine
    i = twin.empties.index(point)
    twin.empties[i] = twin.empties[-1]
    twin.empties.pop()
    rings.add(twin, point, mine)
    for q in twin.near(point):
        if q in taken and q in twin.stones:
            for x in ring_order(rings.of, twin.chain(q)[0], q):
                del twin.stones[x]
                twin.empties.append(x)
    return taken


def _answer(twin: Twin, rings: Rings, previous: int, mine: int) -> int | None:
    if previous in twin.stones and (liberty := twin.only_liberty(previous)) is not None:
        return liberty
    for q in twin.near(previous):
        if twin.stones.get(q) != mine or (liberty := twin.only_liberty(q)) is None:
            continue
        capture = None
        for x in ring_order(rings.of, twin.chain(q)[0], q):
            for other in twin.near(x):
                if twin.stones.get(other) == 3 - mine and (last := twin.only_liberty(other)) is not None:
                    capture = last
        if capture is not None:
            return capture
        if twin.self_atari(liberty, mine) == 0:
            return liberty
    return None


def _next(state: int) -> int:
    state ^= (state << 13) & MASK
    state ^= state >> 7
    return state ^ ((state << 17) & MASK)
