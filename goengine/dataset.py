"""Positions to learn from: many games in memory as move codes, planes made on the fly.

A `Corpus` holds the moves of all games (two bytes each) and knows where the labels are: every move that is neither a
setup stone nor a pass. A `PositionSampler` draws them without replacement, source by source. A `Prefetcher` encodes
batches in a thread of its own, ahead of the training loop; the encoder releases the GIL.
"""

import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from goengine.errors import RecipeError
from goengine.movecodes import PASS, POINT_MASK, SETUP
from goengine.symmetry import SYMMETRIES

__all__ = ["Batch", "Corpus", "PositionSampler", "Prefetcher", "shuffled"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Positions ready for the device.

    Attributes:
        words: uint64 (batch, size * size), packed planes, seen by the player to move.
        targets: int64 (batch,), the point played.
        symmetries: int64 (batch,), 0 to 7: how each is to be turned, for the device to do.
        sources: int64 (batch,), index into `Corpus.source_names`.
        state: what `PositionSampler.restore` needs to go on after this batch.
    """

    words: npt.NDArray[np.uint64]
    targets: Ints
    symmetries: Ints
    sources: Ints
    state: dict[str, Any]


class Corpus:
    """Games of one board size, grouped by source, with an index of their labels.

    Attributes:
        size: of the board.
        source_names: one a source.
        source_starts: int64 (sources + 1); labels of source i are source_starts[i] to source_starts[i + 1] - 1.
    """

    def __init__(
        self,
        size: int,
        source_names: Sequence[str],
        moves: npt.NDArray[np.uint16],
        offsets: Ints,
        game_sources: Ints,
        games: Ints | None = None,
    ) -> None:
        """Index the games.

        Args:
            size: board size.
            source_names: names of the sources.
            moves: uint16 codes of all games back to back (`goengine.movecodes`).
            offsets: int64 (games + 1), where each game begins in `moves`.
            game_sources: int64 (games,), ascending: the source of each game.
            games: the games to use, ascending; all if None.
        """
        self.size = size
        self.source_names = tuple(source_names)
        self._moves = moves
        self._offsets = offsets.astype(np.int64)
        self._game_sources = game_sources
        self._games = np.arange(len(offsets) - 1, dtype=np.int64) if games is None else games
        setup, passes = _counts(moves, self._offsets)
        lengths = np.diff(self._offsets)
        self._setup, self._passes = setup, passes
        labels = (lengths - setup - passes)[self._games]
        self._label_starts = np.concatenate([[0], np.cumsum(labels)]).astype(np.int64)
        ends = np.searchsorted(game_sources[self._games], np.arange(len(self.source_names)), side="right")
        self.source_starts = self._label_starts[np.concatenate([[0], ends])]

    def __len__(self) -> int:
        """How many labels: positions with a move to predict."""
        return int(self._label_starts[-1])

    @property
    def games(self) -> int:
        """How many games are used."""
        return len(self._games)

    def source_sizes(self) -> dict[str, int]:
        """Labels of each source."""
        return dict(zip(self.source_names, np.diff(self.source_starts).tolist(), strict=True))

    def hold_out(self, fraction: float, seed: int) -> tuple["Corpus", "Corpus"]:
        """Two corpora, split by game, never by position: most of it, and about this fraction held out."""
        chance = np.random.default_rng([seed, 0x5EED]).random(len(self._offsets) - 1)[self._games]
        held = chance < fraction
        if not held.any() and len(held) > 1:
            held[np.argmin(chance)] = True
        return self._select(self._games[~held]), self._select(self._games[held])

    def _select(self, games: Ints) -> "Corpus":
        return Corpus(self.size, self.source_names, self._moves, self._offsets, self._game_sources, games)

    def locate(self, labels: Ints) -> tuple[Ints, Ints]:
        """Which game, and which of its codes, each label is.

        Args:
            labels: int64 (n,), 0 to len(self) - 1.

        Returns:
            int64 (n,) games, and int64 (n,) indices into each game's own codes, setup included.
        """
        row = np.searchsorted(self._label_starts, labels, side="right") - 1
        game = self._games[row]
        within = labels - self._label_starts[row]
        code = self._setup[game] + within  # right unless the game has passes or setup codes further on
        for i in np.flatnonzero(self._passes[game] > 0):
            codes = self._moves[self._offsets[game[i]] : self._offsets[game[i] + 1]]
            code[i] = np.flatnonzero(_is_label(codes))[within[i]]
        return game, code

    def encode(
        self, labels: Ints, threads: int = 1
    ) -> tuple[npt.NDArray[np.uint64], Ints, npt.NDArray[np.uint8]]:
        """Packed planes just before each label.

        Args:
            labels: int64 (n,).
            threads: of the encoder.

        Returns:
            uint64 (n, size * size) words, int64 (n,) points played, uint8 (n,) colours (0 Black, 1 White).
        """
        from goengine.features import encode_games

        game, code = self.locate(labels)
        words, colors = encode_games(self._moves, self._offsets, game, code, size=self.size, threads=threads)
        targets = (self._moves[self._offsets[game] + code] & POINT_MASK).astype(np.int64)
        return words.reshape(len(labels), -1), targets, colors

    def sources_of(self, labels: Ints) -> Ints:
        """The source of each label, int64 (n,)."""
        return np.searchsorted(self.source_starts, labels, side="right") - 1  # type: ignore[no-any-return]

    def fixed_positions(self, count: int, seed: int = 0) -> Ints:
        """The same labels each time: up to ``count``, spread over the sources alike (fewer where one has fewer)."""
        chosen: list[Ints] = []
        sizes = np.diff(self.source_starts)
        left = min(count, len(self))
        for rank, source in enumerate(np.argsort(sizes, kind="stable")):
            take = min(int(sizes[source]), left // (len(sizes) - rank))
            picks = shuffled(np.arange(take), int(sizes[source]), [seed, int(source)])
            chosen.append(self.source_starts[source] + picks)
            left -= take
        return np.concatenate(chosen) if chosen else np.empty(0, dtype=np.int64)


def _is_label(codes: npt.NDArray[np.uint16]) -> npt.NDArray[np.bool_]:
    return ((codes & SETUP) == 0) & ((codes & POINT_MASK) != PASS)


def _counts(moves: npt.NDArray[np.uint16], offsets: Ints) -> tuple[Ints, Ints]:
    """Setup codes and passes of each game, in pieces so that a memory map of any length fits."""
    games = len(offsets) - 1
    setup, passes = np.zeros(games, dtype=np.int64), np.zeros(games, dtype=np.int64)
    for first in range(0, games, 4096):
        last = min(first + 4096, games)
        codes = np.asarray(moves[offsets[first] : offsets[last]])
        starts = offsets[first : last + 1] - offsets[first]
        for marks, out in (
            ((codes & SETUP) != 0, setup),
            (((codes & SETUP) == 0) & ((codes & POINT_MASK) == PASS), passes),
        ):
            sums = np.concatenate([[0], np.cumsum(marks)])
            out[first:last] = sums[starts[1:]] - sums[starts[:-1]]
    return setup, passes


def shuffled(index: Ints, count: int, key: Sequence[int]) -> Ints:
    """Where these indices land in a fixed random order of 0 to count - 1; no table is kept.

    Four rounds of a Feistel network on the next even number of bits, repeated until the result is below ``count``.

    Args:
        index: int64 (n,), each below count.
        count: how many there are.
        key: numbers that name the order.
    """
    half = max(1, (max(count - 1, 1).bit_length() + 1) // 2)
    low = np.uint64((1 << half) - 1)
    rounds = np.random.default_rng(list(key)).integers(1, 2**63, size=4, dtype=np.uint64) | np.uint64(1)
    result = index.astype(np.uint64)
    walking = np.ones(len(result), dtype=bool)
    while walking.any():
        left, right = result[walking] >> np.uint64(half), result[walking] & low
        for constant in rounds:
            mixed = (right + np.uint64(1)) * constant
            mixed ^= mixed >> np.uint64(29)
            mixed *= np.uint64(0xBF58476D1CE4E5B9)
            left, right = right, left ^ ((mixed >> np.uint64(32)) & low)
        result[walking] = (left << np.uint64(half)) | right
        walking[walking] = result[walking] >= np.uint64(count)
    return result.astype(np.int64)


class PositionSampler:
    """Draws labels without replacement, each source at its own rate, and one of eight symmetries for each.

    Everything depends only on the seed and on the counters in `state`, so that a resumed run sees what an unbroken
    one would have seen.
    """

    def __init__(
        self,
        corpus: Corpus,
        batch: int,
        seed: int = 0,
        weights: Mapping[str, float] | None = None,
        shares: Mapping[str, float] | None = None,
    ) -> None:
        """Prepare to draw.

        Args:
            corpus: what to draw from.
            batch: labels a draw.
            seed: of the order, the sources and the symmetries.
            weights: how many times its natural rate a source is drawn; 1 where absent.
            shares: in the cool-down, the part of a batch that these sources take together, each; the rest is
                shared by the others at their usual rates.

        Raises:
            RecipeError: for a name that is no source, or when nothing would be left to draw.
        """
        self.corpus, self.batch, self._seed = corpus, batch, seed
        weights, shares = dict(weights or {}), dict(shares or {})
        names = corpus.source_names
        for name in (*weights, *shares):
            if name not in names:
                raise RecipeError(f"there is no source {name!r} among the games; there are {', '.join(names)}")
        rates = np.array([weights.get(name, 1.0) for name in names]) * np.diff(corpus.source_starts)
        if len(rates) == 0 or not np.isfinite(rates).all() or (rates < 0).any() or rates.sum() <= 0:
            raise RecipeError("the games and weights leave no position to learn from; give more games")
        self._usual = rates / rates.sum()
        fixed = np.array([shares.get(name, 0.0) for name in names])
        if (fixed < 0).any() or fixed.sum() > 1.000001:
            raise RecipeError(f"cooldown_shares add up to {fixed.sum():g}; they are parts of a batch, at most 1")
        others = np.where(fixed > 0, 0.0, rates)
        if others.sum() > 0:
            fixed = fixed + others / others.sum() * max(0.0, 1.0 - fixed.sum())
        self._cooling = fixed / fixed.sum()
        self._drawn = np.zeros(len(names), dtype=np.int64)
        self._batches = 0

    def state(self) -> dict[str, Any]:
        """Counters, as plain numbers."""
        return {"batches": self._batches, "drawn": dict(zip(self.corpus.source_names, self._drawn.tolist(), strict=True))}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`; a source that is new starts at its first position."""
        self._batches = int(state["batches"])
        drawn = state["drawn"]
        self._drawn = np.array([int(drawn.get(name, 0)) for name in self.corpus.source_names], dtype=np.int64)

    def draw(self, cooling: bool = False) -> tuple[Ints, Ints, Ints]:
        """The next batch's labels, their symmetries and their sources, each int64 (batch,)."""
        rng = np.random.default_rng([self._seed, 1, self._batches])
        rates = self._cooling if cooling else self._usual
        sources = np.sort(rng.choice(len(rates), size=self.batch, p=rates))
        labels = np.empty(self.batch, dtype=np.int64)
        for source in np.unique(sources):
            mine = sources == source
            wanted = self._drawn[source] + np.arange(mine.sum())
            labels[mine] = self._without_replacement(int(source), wanted)
            self._drawn[source] += len(wanted)
        self._batches += 1
        return labels, rng.integers(0, SYMMETRIES, size=self.batch), sources

    def _without_replacement(self, source: int, wanted: Ints) -> Ints:
        start = int(self.corpus.source_starts[source])
        count = int(self.corpus.source_starts[source + 1]) - start
        epochs = wanted // count
        labels = np.empty(len(wanted), dtype=np.int64)
        for epoch in np.unique(epochs):
            mine = epochs == epoch
            labels[mine] = start + shuffled(wanted[mine] % count, count, [self._seed, 2, source, int(epoch)])
        return labels


class Prefetcher:
    """Encoded batches, made ahead in a thread; iterate over it, and `close` it.

    Attributes:
        cooling: set it to switch to the cool-down's sources; batches already made are still handed out.
    """

    def __init__(
        self, sampler: PositionSampler, *, ahead: int = 4, threads: int = 1, cooling_from: int | None = None
    ) -> None:
        """Start making batches.

        Args:
            sampler: where they come from; do not use it elsewhere meanwhile.
            ahead: batches to keep ready.
            threads: of the encoder.
            cooling_from: batch number from which on the cool-down's sources are drawn, if it is known beforehand.
        """
        self.cooling = False
        self._sampler, self._threads, self._cooling_from = sampler, threads, cooling_from
        self._ready: queue.Queue[Batch | BaseException] = queue.Queue(maxsize=ahead)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="encoder", daemon=True)
        self._thread.start()

    def _make(self) -> Batch:
        sampler = self._sampler
        number = sampler.state()["batches"]
        cooling = self.cooling or (self._cooling_from is not None and number >= self._cooling_from)
        labels, symmetries, sources = sampler.draw(cooling)
        words, targets, _ = sampler.corpus.encode(labels, self._threads)
        return Batch(words, targets, symmetries, sources, sampler.state())

    def _work(self) -> None:
        while not self._stop.is_set():
            item: Batch | BaseException
            try:
                item = self._make()
            except BaseException as error:  # handed to the reader, who raises it
                item = error
            while not self._stop.is_set():
                try:
                    self._ready.put(item, timeout=0.1)
                    break
                except queue.Full:
                    continue
            if isinstance(item, BaseException):
                return

    def __iter__(self) -> Iterator[Batch]:
        """Batches without end; an error of the encoder is raised here."""
        while True:
            item = self._ready.get()
            if isinstance(item, BaseException):
                raise item
            yield item

    def close(self) -> None:
        """Stop the thread and wait for it."""
        self._stop.set()
        self._thread.join()
