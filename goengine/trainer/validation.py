"""Loss and accuracy on held-back games."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import nn

from goengine.corpus import Corpus
from goengine.metrics import PolicyMeter, legal_points
from goengine.trainer.objective import Objective
from goengine.trainer.processes import Processes

__all__ = ["ValidationSet", "validate"]

_BATCH = 256


class ValidationSet:
    """Fixed positions of games that are not trained on, encoded once.

    Attributes:
        words: int64 (n, size * size).
        targets: int64 (n,).
        sources: int64 (n,), index into `names`.
        names: of the sources.
    """

    def __init__(self, corpus: Corpus, count: int, threads: int = 1, seed: int = 0) -> None:
        """Encode up to `count` positions, in an order in which every part is spread over all sources."""
        labels = corpus.fixed_positions(count, seed)
        labels = labels[np.random.default_rng(seed).permutation(len(labels))]
        words, targets, _ = corpus.encode(np.sort(labels), threads)
        order = np.argsort(np.argsort(labels))
        self.words = torch.from_numpy(words.view(np.int64)[order])
        self.targets = torch.from_numpy(targets[order])
        self.sources = torch.from_numpy(corpus.sources_of(labels))
        self.names = corpus.source_names

    def __len__(self) -> int:
        return len(self.targets)

    def chance(self) -> float:
        """The loss of a policy that is uniform over legal moves, in nats per position."""
        counts = [legal_points(words).sum(1) for words in torch.split(self.words, 4096)]
        return float(torch.cat(counts).clamp_min(1).double().log().mean()) if counts else float("nan")


def validate(
    network: nn.Module,
    objective: Objective,
    positions: ValidationSet,
    count: int,
    device: torch.device,
    processes: Processes | None = None,
    each: Callable[[Callable[[int], None], Iterable[int]], Iterable[Any]] = map,
) -> dict[str, PolicyMeter]:
    """Loss and accuracy over legal moves on the first `count` positions, by source and under ``all``.

    Each process takes some of the batches; the result does not depend on how many there are.

    Args:
        network: in eval mode, on `device`.
        objective: says how words become planes, and in which precision.
        positions: to measure on.
        count: how many of them at most.
        device: of the network.
        processes: that share the work, each with the same network.
        each: as ``map``: does all batches, one after the other or side by side.
    """
    team = processes or Processes()
    count = min(count, len(positions))
    starts = range(0, count, _BATCH)
    sources = len(positions.names)
    sums = np.zeros((len(starts), sources, 4))  # positions, nats, top-1 and top-5 hits of each batch and source

    @torch.no_grad()
    def measure(row: int) -> None:
        part = slice(starts[row], min(starts[row] + _BATCH, count))
        words, targets = positions.words[part].to(device), positions.targets[part].to(device)
        with objective.autocast(device):
            logits = network(objective.planes(words))
        legal = legal_points(words)
        for source in range(sources):
            mine = (positions.sources[part] == source).to(device)
            if bool(mine.any()):
                meter = PolicyMeter()
                meter.add(logits[mine], targets[mine], legal[mine])
                sums[row, source] = meter.positions, meter.nats, meter.hits[1], meter.hits[5]

    for _ in each(measure, range(team.rank, len(starts), team.count)):
        pass
    sums = team.added(sums)
    meters = {"all": PolicyMeter()} | {name: PolicyMeter() for name in positions.names}
    for source, name in enumerate(positions.names):
        for seen, nats, top1, top5 in sums[:, source].tolist():
            meters[name].merge(PolicyMeter(int(seen), nats, {1: int(top1), 5: int(top5)}))
        meters["all"].merge(meters[name])
    return meters
