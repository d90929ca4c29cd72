"""What happened in the steps since the last report, kept on the device until somebody asks."""

import time

import torch
from torch import Tensor

from goengine.trainer.processes import Processes

__all__ = ["Tally"]


class Tally:
    """Losses, hits and waiting times of the latest steps."""

    def __init__(self, processes: Processes, batch: int) -> None:
        """Begin to count; `batch` is of all processes together."""
        self._processes, self._batch = processes, batch
        self._losses: list[Tensor] = []
        self._hits: list[Tensor] = []
        self._norm: Tensor | None = None
        self._waited = 0.0
        self._started = time.perf_counter()

    def leave_out(self, seconds: float) -> None:
        """Keep what was no training (a validation) out of the next rates."""
        self._started += seconds

    def add(self, loss: Tensor, hits: Tensor, norm: Tensor, waited: float) -> None:
        """Count a step: scalars on the device, and how many seconds it waited for its batch. Waits for nothing."""
        self._losses.append(loss)
        self._hits.append(hits)
        self._norm = norm
        self._waited += waited

    def read(self) -> tuple[dict[str, float], list[float]]:
        """What the steps since the last call came to, over all processes; then the tally is empty.

        Returns:
            loss (nats), top1 (a fraction), norm (of the last gradient), speed (positions a second) and feeder (the part
            of the time that was spent waiting for batches, 0 to 1); and each step's loss.
        """
        assert self._norm is not None
        steps = len(self._losses)
        mine = [*torch.stack(self._losses).tolist(), float(torch.stack(self._hits).sum()), self._waited]
        *losses, hits, waited = self._processes.sums(mine)
        count = self._processes.count
        losses = [loss / count for loss in losses]
        spent = time.perf_counter() - self._started
        values = {
            "loss": sum(losses) / steps,
            "top1": hits / (steps * self._batch),
            "norm": float(self._norm),
            "speed": steps * self._batch / spent,
            "feeder": waited / count / spent,
        }
        self._losses, self._hits = [], []
        self._started, self._waited = time.perf_counter(), 0.0
        return values, losses
