"""The stones on the board: the kernels' position wrapped for Python. Knows captures and simple ko, no history."""

import threading
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from goengine._kernels import planes as _planes
from goengine._kernels import replay as _replay
from goengine._kernels import state as _state

MIN_SIZE, MAX_SIZE = 2, 25
EMPTY, BLACK, WHITE = _state.EMPTY, _state.BLACK, _state.WHITE


_local = threading.local()


def _workspace() -> NDArray[np.int64]:
    """The kernels' scratch space, one a thread: the kernels release the GIL."""
    work: NDArray[np.int64] | None = getattr(_local, "work", None)
    if work is None:
        work = _local.work = np.empty(_state.WORKSPACE, np.int64)
    work[0] = 0
    return work


class Board:
    """A board of ``size`` x ``size`` points, numbered ``row * size + col`` with row 0 at the top.

    Colours are ``BLACK`` and ``WHITE`` here (1 and 2). Moves must be legal: ask ``is_legal`` first.
    """

    __slots__ = ("_state", "size")

    def __init__(self, size: int) -> None:
        if not MIN_SIZE <= size <= MAX_SIZE:
            raise ValueError(f"board size {size} is outside {MIN_SIZE} to {MAX_SIZE}")
        self.size = size
        self._state = np.zeros(_state.state_length(size), np.int64)
        _state.reset(self._state, size)

    def copy(self) -> "Board":
        """An independent copy."""
        other = object.__new__(Board)
        other.size = self.size
        other._state = self._state.copy()
        return other

    def reset(self) -> None:
        """Empty the board, in place."""
        _state.reset(self._state, self.size)

    @property
    def state(self) -> NDArray[np.int64]:
        """The array that the kernels work on, not a copy."""
        return self._state

    @property
    def hash(self) -> int:
        """The Zobrist hash of the stones, as int64."""
        return int(self._state[_state.HASH])

    @property
    def ko_point(self) -> int | None:
        """The point that simple ko forbids to one player for now."""
        ko = int(self._state[_state.KO])
        return int(_state.unpadded(self._state, ko)) if ko else None

    @property
    def taken(self) -> tuple[int, int]:
        """Stones captured so far by Black and by White."""
        return int(self._state[_state.TAKEN_BY_BLACK]), int(self._state[_state.TAKEN_BY_WHITE])

    def stones(self) -> NDArray[np.int8]:
        """A copy of the stones, int8 (size, size): +1 Black, -1 White, 0 empty."""
        out = np.empty(self.size * self.size, np.int8)
        _replay.board(self._state, out)
        return out.reshape(self.size, self.size)

    def is_legal(self, point: int, color: int) -> bool:
        """Is the move legal under simple ko, with suicide illegal?"""
        return bool(_state.is_legal(self._state, _state.padded(self._state, point), color))

    def legal_mask(self, color: int) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Which points are legal under simple ko, bool (size * size,), and the hash of the stones after each, int64."""
        count = self.size * self.size
        legal, after = np.empty(count, np.bool_), np.empty(count, np.int64)
        _replay.legal_points(self._state, _workspace(), color, legal, after)
        return legal, after

    def hash_after(self, point: int, color: int) -> int:
        """The hash of the stones after a legal move."""
        work = _workspace()
        _state.place(self._state, work, _state.padded(self._state, point), color)
        after = int(self._state[_state.HASH])
        _state.take_back(self._state, work, 0)
        return after

    def replay(self, codes: NDArray[np.uint16]) -> NDArray[np.int64]:
        """Play legal move codes (``goengine.movecodes``); returns the hash of the stones after each."""
        out = np.empty(len(codes), np.int64)
        _replay.hashes(self._state, _workspace(), codes, out)
        return out

    def play_code(self, code: int) -> None:
        """Play one legal move code."""
        _replay.apply(self._state, _workspace(), code)

    def code_is_legal(self, code: int) -> bool:
        """May this move code come next (simple ko; setup stones only before the first ply)?"""
        return bool(_replay.code_is_legal(self._state, code))

    def chain(self, point: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The stones and the liberties of the chain at ``point``, which must hold a stone; each ascending."""
        out = np.empty(2 * self.size * self.size, np.int64)
        stones, liberties = _replay.chain(self._state, point, out)
        return (
            tuple(sorted(out[:stones].tolist())),
            tuple(sorted(out[stones : stones + liberties].tolist())),
        )

    def encode(self, color: int) -> NDArray[np.uint64]:
        """The planes of ``alphago48`` seen by ``color``, uint64 (size, size): bit p of a word is plane p."""
        out = np.empty(self.size * self.size, np.uint64)
        _planes.encode(self._state, _workspace(), color, out)
        return out.reshape(self.size, self.size)


def legal_prefix(codes: NDArray[np.uint16], size: int) -> int:
    """How many leading move codes are legal (simple ko, suicide illegal), one after the other; all: ``len(codes)``."""
    return int(_replay.legal_prefix(codes, size))


def area(stones: NDArray[np.int8]) -> tuple[int, int]:
    """Area of Black and of White on ``stones``, int8 (size, size): stones, and empty regions that only one reaches."""
    size = stones.shape[0]
    totals = {1: int((stones == 1).sum()), -1: int((stones == -1).sum())}
    seen = np.zeros((size, size), bool)
    for start in zip(*np.nonzero(stones == 0), strict=True):
        if seen[start]:
            continue
        region, reached, todo = 0, set(), [(int(start[0]), int(start[1]))]
        seen[start] = True
        while todo:
            row, col = todo.pop()
            region += 1
            for r, c in _neighbors(row, col, size):
                if stones[r, c]:
                    reached.add(int(stones[r, c]))
                elif not seen[r, c]:
                    seen[r, c] = True
                    todo.append((r, c))
        if len(reached) == 1:
            totals[reached.pop()] += region
    return totals[1], totals[-1]


def _neighbors(row: int, col: int, size: int) -> Iterable[tuple[int, int]]:
    for r, c in ((row - 1, col), (row, col - 1), (row, col + 1), (row + 1, col)):
        if 0 <= r < size and 0 <= c < size:
            yield r, c
