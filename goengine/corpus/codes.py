"""The move codes of many games, left where they are: in memory, or in mapped files of which only parts are read."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from goengine.movecodes import PASS, POINT_MASK, SETUP

__all__ = ["GameCodes"]

Codes = npt.NDArray[np.uint16]
Ints = npt.NDArray[np.int64]


class GameCodes:
    """Games back to back in one array or several; however many there are, only some 40 bytes a game are kept in memory.

    Attributes:
        lengths: int64 (games,), how many codes each game has.
        setup: int64 (games,), how many of them are setup stones.
        passes: int64 (games,), how many are passes.
    """

    def __init__(
        self, arrays: Sequence[Codes], offsets: Sequence[Ints], labels: Sequence[Ints | None] | None = None
    ) -> None:
        """Take games over, without copying their codes.

        Args:
            arrays: uint16 codes (`goengine.movecodes`), mapped or not.
            offsets: for each array int64 (its games + 1): where each game begins, and where the last one ends.
            labels: for each array the moves on the board and the setup stones of its games, int64 (2, its games), if
                they are known; otherwise they are counted.
        """
        self._arrays: list[Codes] = [np.asarray(array) for array in arrays]  # plain views: quicker to slice than maps
        self._offsets = [np.asarray(edges, dtype=np.int64) for edges in offsets]
        sizes = [len(edges) - 1 for edges in self._offsets]
        self._first = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self._starts = np.concatenate([np.empty(0, np.int64), *(edges[:-1] for edges in self._offsets)])
        self._array_of = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
        self.lengths: Ints = np.concatenate([np.empty(0, np.int64), *(np.diff(edges) for edges in self._offsets)])
        self.setup, self.passes = np.zeros_like(self.lengths), np.zeros_like(self.lengths)
        for number, (codes, edges) in enumerate(zip(self._arrays, self._offsets, strict=True)):
            own = slice(int(self._first[number]), int(self._first[number + 1]))
            known = None if labels is None else labels[number]
            if known is None:
                self.setup[own], self.passes[own] = _counts(codes, edges)
            else:
                self.setup[own] = known[1]
                self.passes[own] = self.lengths[own] - known[0] - known[1]

    def __len__(self) -> int:
        """How many games."""
        return len(self.lengths)

    def game(self, number: int) -> Codes:
        """The codes of one game, a view."""
        start = int(self._starts[number])
        codes: Codes = self._arrays[self._array_of[number]][start : start + int(self.lengths[number])]
        return codes

    def gather(self, games: Ints) -> tuple[Codes, Ints, Ints]:
        """The codes of some games, back to back.

        Args:
            games: int64 (n,), numbers of games in any order, some of them more than once.

        Returns:
            uint16 codes; int64 offsets of the games in them; and int64 (n,), which of those each of `games` is. Where
            all games are in one array in memory, that array itself.
        """
        if len(self._arrays) == 1 and not _is_mapped(self._arrays[0]):
            return self._arrays[0], self._offsets[0], games
        wanted, which = np.unique(games, return_inverse=True)
        starts, lengths = self._starts[wanted].tolist(), self.lengths[wanted]
        arrays, numbers = self._arrays, self._array_of[wanted].tolist()
        pieces = [
            arrays[number][start : start + length]
            for number, start, length in zip(numbers, starts, lengths.tolist(), strict=True)
        ]
        offsets = np.zeros(len(wanted) + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        return np.concatenate([np.empty(0, np.uint16), *pieces]), offsets, which.reshape(-1).astype(np.int64)


def _is_mapped(array: Codes) -> bool:
    base: object = array
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap):
            return True
        base = base.base
    return False


def _counts(moves: Codes, offsets: Ints) -> tuple[Ints, Ints]:
    """Setup codes and passes of each game, in pieces so that a memory map of any length fits."""
    games = len(offsets) - 1
    setup, passes = np.zeros(games, dtype=np.int64), np.zeros(games, dtype=np.int64)
    for first in range(0, games, 4096):
        last = min(first + 4096, games)
        codes = moves[offsets[first] : offsets[last]]
        starts = offsets[first : last + 1] - offsets[first]
        for marks, out in (
            ((codes & SETUP) != 0, setup),
            (((codes & SETUP) == 0) & ((codes & POINT_MASK) == PASS), passes),
        ):
            sums = np.concatenate([[0], np.cumsum(marks)])
            out[first:last] = sums[starts[1:]] - sums[starts[:-1]]
    return setup, passes
