"""Batches to learn from: labels drawn from a `Corpus`, planes made on the fly.

A `PositionSampler` draws without replacement, source by source. A `Prefetcher` encodes batches in a thread of its own,
ahead of the training loop; the encoder releases the GIL.
"""

import queue
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from goengine.corpus import Corpus, shuffled
from goengine.errors import RecipeError
from goengine.symmetry import SYMMETRIES

__all__ = ["Batch", "PositionSampler", "Prefetcher", "check_sources"]

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
        next_moves: int64 (batch, k), the points played later, -1 where there is none: `Corpus.encode_ahead`.
        boards: int8 (batch, k, size * size), what stands later, +1 own stones: the same.

    Where several processes train together, each has its own rows of the same draw.
    """

    words: npt.NDArray[np.uint64]
    targets: Ints
    symmetries: Ints
    sources: Ints
    state: dict[str, Any]
    next_moves: Ints | None = None
    boards: npt.NDArray[np.int8] | None = None


def check_sources(wanted: Iterable[str], there: Iterable[str]) -> None:
    """Refuse weights and shares of sources that the games do not have.

    Raises:
        RecipeError: naming the source, and those that are there.
    """
    names = list(there)
    for name in wanted:
        if name not in names:
            raise RecipeError(
                f"there is no source {name!r} among the games; there are {', '.join(names)}: give weights and "
                "cooldown_shares of these, or none (--weights '' --cooldown-shares '')"
            )


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
            RecipeError: for a name that is no source, a share of one without positions, or when nothing would be left
                to draw.
        """
        self.corpus, self.batch, self._seed = corpus, batch, seed
        weights, shares = dict(weights or {}), dict(shares or {})
        names = corpus.source_names
        check_sources((*weights, *shares), names)
        rates = np.array([weights.get(name, 1.0) for name in names]) * np.diff(corpus.source_starts)
        if len(rates) == 0 or not np.isfinite(rates).all() or (rates < 0).any() or rates.sum() <= 0:
            raise RecipeError("the games and weights leave no position to learn from; give more games")
        self._usual = rates / rates.sum()
        fixed = np.array([shares.get(name, 0.0) for name in names])
        if (fixed < 0).any() or fixed.sum() > 1.000001:
            raise RecipeError(f"cooldown_shares add up to {fixed.sum():g}; they are parts of a batch, at most 1")
        for name, share, size in zip(names, fixed, corpus.source_sizes().values(), strict=True):
            if share > 0 and not size:
                raise RecipeError(
                    f"cooldown_shares of {name!r}, but no position of it is left to learn from: give more of its games "
                    "(some are held out), or --cooldown-shares without it"
                )
        others = np.where(fixed > 0, 0.0, rates)
        if others.sum() > 0:
            fixed = fixed + others / others.sum() * max(0.0, 1.0 - fixed.sum())
        self._cooling = fixed / fixed.sum()
        self._drawn = np.zeros(len(names), dtype=np.int64)
        self._batches = 0

    def state(self) -> dict[str, Any]:
        """Counters, as plain numbers."""
        drawn = dict(zip(self.corpus.source_names, self._drawn.tolist(), strict=True))
        return {"batches": self._batches, "drawn": drawn}

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
        ahead: batches that are kept ready; one more may be in the making.
        cooling_from: number of the batch from which on the cool-down's sources are drawn, None for never. Set it to
            a batch that cannot be in the making yet, so that the same batches come out whatever the threads do.
    """

    def __init__(
        self,
        sampler: PositionSampler,
        *,
        ahead: int = 4,
        threads: int = 1,
        cooling_from: int | None = None,
        rows: slice = slice(None),
        next_moves: Sequence[int] = (),
        boards: Sequence[int] = (),
    ) -> None:
        """Start making batches.

        Args:
            sampler: where they come from; do not use it elsewhere meanwhile.
            ahead: batches to keep ready.
            threads: of the encoder.
            cooling_from: see above.
            rows: which of each draw to encode; the others are another process's.
            next_moves: how many moves after its own a label is to have others: see `Corpus.encode_ahead`.
            boards: how many moves after it a position is to have boards, ascending: the same.
        """
        self.ahead, self.cooling_from = ahead, cooling_from
        self._sampler, self._threads, self._rows = sampler, threads, rows
        self._ready: queue.Queue[Batch | BaseException] = queue.Queue(maxsize=ahead)
        self._next_moves, self._boards = tuple(next_moves), tuple(boards)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="encoder", daemon=True)
        self._thread.start()

    def _make(self) -> Batch:
        sampler = self._sampler
        number = sampler.state()["batches"]
        cooling = self.cooling_from is not None and number >= self.cooling_from
        labels, symmetries, sources = (drawn[self._rows] for drawn in sampler.draw(cooling))
        corpus, state = sampler.corpus, sampler.state()
        if not self._next_moves and not self._boards:
            words, targets, _ = corpus.encode(labels, self._threads)
            return Batch(words, targets, symmetries, sources, state)
        words, targets, moves, boards = corpus.encode_ahead(labels, self._threads, self._next_moves, self._boards)
        return Batch(words, targets, symmetries, sources, state, moves, boards)

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
