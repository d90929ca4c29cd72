"""How well networks predict the moves of game records: every position once, by as many threads as are wanted."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from goengine.checkpoint import Network
from goengine.corpus import Corpus
from goengine.errors import GoEngineError, NetworkFileError
from goengine.evaluation.accuracy import Guesses, Positions, Report
from goengine.evaluation.calibration import ANY_MOVE, bin_of
from goengine.evaluation.heldout import HeldOut, load_games
from goengine.intervals import Resamples

__all__ = ["Subject", "evaluate", "evaluate_corpus", "measure"]

Progress = Callable[[int, int], None]

_BATCH = 64  # boards; larger batches leave a processor's caches: 256 at a time take 1.4 times as long
_BATCH_CUDA = 1024
_CAPTURE_PLANES = np.uint64(0xFF << 20)  # one of planes 20-27 of alphago48 is set exactly where a move is legal


class Policy(Protocol):
    """What is asked of a network."""

    @property
    def name(self) -> str:
        """For people."""

    @property
    def size(self) -> int:
        """Of the board."""

    def policy(
        self, batch: npt.NDArray[np.uint64], symmetries: int = 1, legal: npt.NDArray[np.bool_] | None = None
    ) -> npt.NDArray[np.float32]:
        """As `goengine.checkpoint.Network.policy`."""


@dataclass(frozen=True)
class Subject:
    """A network, and how it is asked."""

    network: Policy
    symmetries: int = 1
    precision: str = "float32"
    """Of the convolutions: ``float32`` or ``bfloat16``."""

    def policy(
        self, boards: npt.NDArray[np.uint64], legal: npt.NDArray[np.bool_], device: str
    ) -> npt.NDArray[np.float32]:
        """What the network says, float32 (boards, points), over legal moves."""
        with torch.autocast(device, torch.bfloat16, enabled=self.precision == "bfloat16"):
            return self.network.policy(boards, self.symmetries, legal)


def evaluate(
    network: Network,
    paths: Sequence[str | os.PathLike[str]],
    limit: int | None = None,
    symmetries: int = 1,
    progress: Progress | None = None,
    threads: int = 1,
) -> Report:
    """Measure a network on game records or shards.

    Every move counts except passes. With a limit, the positions are a fixed random choice, as many from each source as
    it has and the limit allows.

    Args:
        network: what to measure.
        paths: files and folders; games on boards of another size, and those that cannot be read, are left out.
        limit: positions at most; None takes all.
        symmetries: 1, or 2, 4 or 8 for the mean over so many turned and mirrored boards.
        progress: called with positions done and positions in all.
        threads: that work side by side, each on positions of its own.

    Raises:
        GoEngineError: when there is no game of the network's size, or a file cannot be used.
    """
    return measure([Subject(network, symmetries)], load_games(paths, network.size), limit, progress, threads)[0]


def evaluate_corpus(
    network: Policy,
    corpus: Corpus,
    limit: int | None = None,
    symmetries: int = 1,
    progress: Progress | None = None,
    threads: int = 1,
) -> Report:
    """The same for games that are loaded already."""
    return measure([Subject(network, symmetries)], HeldOut.of(corpus), limit, progress, threads)[0]


def measure(
    subjects: Sequence[Subject],
    games: HeldOut,
    limit: int | None = None,
    progress: Progress | None = None,
    threads: int = 1,
) -> list[Report]:
    """Measure networks on the same positions, each of which is encoded once.

    An interruption (KeyboardInterrupt) ends the work early: the reports are then on a random part of the positions,
    and not `complete`. If nothing has been measured by then, it is raised again.

    Args:
        subjects: the networks, all for the board of `games`; their feature sets may differ.
        games: what to measure on.
        limit: positions at most; None takes all.
        progress: called with positions done and positions in all.
        threads: that work side by side; each encodes a batch and asks the networks, with one torch thread of its own.
            With 1, the calling thread does everything, with the torch threads that it has.

    Returns:
        A report for each subject.

    Raises:
        GoEngineError: no positions, or a network for another board.
    """
    corpus = games.corpus
    if limit is not None and limit < 1:
        raise GoEngineError(f"a limit of {limit} positions leaves nothing to measure; give 1 or more")
    if not len(corpus):
        raise GoEngineError("these games have no moves to predict; give others")
    for subject in subjects:
        if subject.network.size != corpus.size:
            theirs, ours = (f"{size}x{size}" for size in (subject.network.size, corpus.size))
            raise NetworkFileError(f"network {subject.network.name} is for {theirs} boards, the games are on {ours}")
    started = time.monotonic()
    labels = np.arange(len(corpus)) if limit is None else np.sort(corpus.fixed_positions(limit))
    work = _Work(subjects, corpus, labels)
    with suppress(KeyboardInterrupt):
        work.run(threads, progress)
    done = work.done
    if not done.any():
        raise KeyboardInterrupt
    positions, seconds = work.positions.at(done), time.monotonic() - started
    resamples = Resamples(positions.game)
    return [Report(games, positions, guesses, len(labels), seconds, resamples) for guesses in work.guesses()]


class _Work:
    """The rows of all positions, filled in by batches in a fixed random order."""

    def __init__(self, subjects: Sequence[Subject], corpus: Corpus, labels: npt.NDArray[np.int64]) -> None:
        self._subjects, self._corpus, self._labels = subjects, corpus, labels
        self._cuda = any(_on_cuda(subject.network) for subject in subjects)
        count, bins = len(labels), len(ANY_MOVE) - 1
        game, _ = corpus.locate(labels)
        self._games, self._row_of_game = np.unique(game, return_inverse=True)
        self.positions = Positions(
            game, corpus.plies(labels), corpus.sources_of(labels), np.zeros(count, np.uint8), np.zeros(count, np.int16)
        )
        self.done = np.zeros(count, dtype=bool)
        self._guesses = [
            Guesses(
                subject.network.name,
                subject.symmetries,
                subject.precision,
                np.zeros(count, np.int16),
                np.zeros(count, np.float32),
                np.zeros(count, np.int16),
                np.zeros(count, np.float32),
                np.zeros((3, len(self._games), bins)),
            )
            for subject in subjects
        ]

    def guesses(self) -> Iterator[Guesses]:
        """Those on the positions that are done."""
        rows, games = self.done, np.unique(self._row_of_game[self.done])
        for one in self._guesses:
            yield Guesses(
                one.network,
                one.symmetries,
                one.precision,
                one.place[rows],
                one.played[rows],
                one.best[rows],
                one.best_played[rows],
                one.any_move[:, games],
            )

    def run(self, threads: int, progress: Progress | None) -> None:
        """Do all batches; an exception, also KeyboardInterrupt, leaves those that are finished."""
        size = _BATCH_CUDA if self._cuda else _BATCH // max(subject.symmetries for subject in self._subjects)
        starts = np.random.default_rng(0).permutation(np.arange(0, len(self._labels), size))
        slices = [slice(start, min(start + size, len(self._labels))) for start in starts.tolist()]
        first, rest = slices[0], slices[1:]
        if first.stop - first.start > 1:
            first, rest = slice(first.start, first.start + 1), [slice(first.start + 1, first.stop), *rest]
        batches = iter(rest)

        def finish(batch: slice, tables: list[npt.NDArray[np.float64]]) -> None:
            rows = self._row_of_game[batch]
            for guesses, table in zip(self._guesses, tables, strict=True):
                for total, part in zip(guesses.any_move, table, strict=True):
                    np.add.at(total, rows, part)
            self.done[batch] = True
            if progress is not None:
                progress(int(self.done.sum()), len(self.done))

        finish(first, self._batch(first))  # one position alone, for it compiles what is not yet compiled
        if threads <= 1:
            for batch in batches:
                finish(batch, self._batch(batch))
            return
        running: dict[Future[list[npt.NDArray[np.float64]]], slice] = {}
        with ThreadPoolExecutor(threads, "evaluate", lambda: torch.set_num_threads(1)) as pool:
            try:
                while True:
                    for batch in islice(batches, 2 * threads - len(running)):
                        running[pool.submit(self._batch, batch)] = batch
                    if not running:
                        return
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        finish(running.pop(future), future.result())
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _batch(self, batch: slice) -> list[npt.NDArray[np.float64]]:
        """Fill in some rows; gives what each network's table of all legal moves gains, float64 (3, rows, bins)."""
        corpus, labels = self._corpus, self._labels[batch]
        words, targets, self.positions.color[batch] = corpus.encode(labels)
        self.positions.target[batch] = targets
        legal = (words & _CAPTURE_PLANES) != 0
        boards = words.reshape(len(labels), corpus.size, corpus.size)
        tables = []
        for subject, guesses in zip(self._subjects, self._guesses, strict=True):
            policy = subject.policy(boards, legal, "cuda" if self._cuda else "cpu")
            played = np.take_along_axis(policy, targets[:, None], axis=1)
            equal = np.count_nonzero((policy == played) & legal, axis=1) - 1
            guesses.place[batch] = np.count_nonzero(policy > played, axis=1) + equal // 2
            guesses.played[batch] = played[:, 0]
            best = np.where(legal, policy, -1).argmax(axis=1)
            guesses.best[batch] = best
            guesses.best_played[batch] = policy[np.arange(len(labels)), best]
            tables.append(_any_move(policy, legal, targets))
        return tables


def _any_move(
    policy: npt.NDArray[np.float32], legal: npt.NDArray[np.bool_], targets: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Counts, hits and sums of probabilities in each bin, for each board: float64 (3, boards, bins)."""
    boards, bins = len(policy), len(ANY_MOVE) - 1
    row, point = np.nonzero(legal)
    probability = policy[row, point]
    where = row * bins + bin_of(probability, ANY_MOVE)
    parts = [np.bincount(where, weights, boards * bins) for weights in (None, point == targets[row], probability)]
    return np.stack(parts).reshape(3, boards, bins).astype(np.float64)


def _on_cuda(network: Policy) -> bool:
    module = getattr(network, "module", None)
    return module is not None and any(parameter.is_cuda for parameter in module.parameters())
