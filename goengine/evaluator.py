"""How well a network predicts the moves of game records: top-1, top-5 and loss, by phase and by source."""

import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from goengine.checkpoint import Network
from goengine.corpus import Corpus, load_corpus
from goengine.errors import GoEngineError
from goengine.metrics import PolicyMeter, legal_points

__all__ = ["PHASES", "Report", "evaluate", "evaluate_corpus"]

PHASES = (("1-30", 30), ("31-100", 100), ("101-200", 200), ("201+", 10**9))
"""Name of each phase and its last move."""

_BATCH = 256


@dataclass
class Report:
    """What was measured; each meter counts positions, top-1 and top-5 among legal moves, and nats."""

    network: str
    symmetries: int
    games: int
    total: PolicyMeter = field(default_factory=PolicyMeter)
    by_phase: dict[str, PolicyMeter] = field(default_factory=dict)
    by_source: dict[str, PolicyMeter] = field(default_factory=dict)
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values: positions, top1, top5, loss, and the same for each phase and source."""
        return {
            **self.total.as_dict(),
            "top1_standard_error": standard_error(self.total),
            "games": self.games,
            "network": self.network,
            "symmetries": self.symmetries,
            "seconds": round(self.seconds, 2),
            "by_phase": {name: meter.as_dict() for name, meter in self.by_phase.items() if meter.positions},
            "by_source": {name: meter.as_dict() for name, meter in self.by_source.items() if meter.positions},
        }


def standard_error(meter: PolicyMeter) -> float:
    """Of the top-1 accuracy, as if positions were independent (those of one game are not quite)."""
    top1 = meter.top(1)
    return math.sqrt(top1 * (1 - top1) / meter.positions)


def evaluate(
    network: Network,
    paths: Sequence[str | os.PathLike[str]],
    limit: int | None = None,
    symmetries: int = 1,
    progress: Callable[[int, int], None] | None = None,
    threads: int = 1,
) -> Report:
    """Measure a network on game records or shards.

    Every move counts except passes. With a limit, the positions are a fixed random choice, as many from each source as
    it has and the limit allows.

    Args:
        network: what to measure.
        paths: files and folders; games on boards of another size are left out.
        limit: positions at most; None takes all.
        symmetries: 1, or 8 for the mean over the turned and mirrored boards.
        progress: called with positions done and positions in all.
        threads: of the encoder of planes.

    Raises:
        GoEngineError: when there is no game of the network's size, or a file cannot be used.
    """
    return evaluate_corpus(network, load_corpus(paths, network.size), limit, symmetries, progress, threads)


def evaluate_corpus(
    network: Network,
    corpus: Corpus,
    limit: int | None = None,
    symmetries: int = 1,
    progress: Callable[[int, int], None] | None = None,
    threads: int = 1,
) -> Report:
    """The same for games that are loaded already."""
    if limit is not None and limit < 1:
        raise GoEngineError(f"a limit of {limit} positions leaves nothing to measure; give 1 or more")
    if not len(corpus):
        raise GoEngineError("these games have no moves to predict; give others")
    started = time.monotonic()
    labels = np.arange(len(corpus)) if limit is None else np.sort(corpus.fixed_positions(limit))
    report = Report(network.name, symmetries, corpus.games)
    report.by_phase = {name: PolicyMeter() for name, _ in PHASES}
    report.by_source = {name: PolicyMeter() for name in corpus.source_names}
    ends = np.array([end for _, end in PHASES])
    for first in range(0, len(labels), _BATCH):
        some = labels[first : first + _BATCH]
        words, targets, _ = corpus.encode(some, threads)
        legal = legal_points(torch.from_numpy(words.view(np.int64)))
        boards = words.reshape(len(some), corpus.size, corpus.size)
        policy = torch.from_numpy(network.policy(boards, symmetries, legal.numpy()))
        logits, goal = policy.clamp_min(1e-30).log(), torch.from_numpy(targets)
        report.total.add(logits, goal, legal)
        phases = np.searchsorted(ends, corpus.plies(some))
        for groups, meters in ((phases, report.by_phase), (corpus.sources_of(some), report.by_source)):
            for number, meter in enumerate(meters.values()):
                mine = torch.from_numpy(groups == number)
                if bool(mine.any()):
                    meter.add(logits[mine], goal[mine], legal[mine])
        if progress is not None:
            progress(first + len(some), len(labels))
    report.seconds = time.monotonic() - started
    return report
