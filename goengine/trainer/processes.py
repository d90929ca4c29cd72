"""Training in many processes, on one machine or several: who this one is, and what all of them agree on.

``torchrun`` starts the processes and tells each its number by environment variables. All of them hold the same weights
and draw the same labels; each encodes and learns from its own share of every batch, and the gradients are averaged.
What must be the same everywhere but comes from one place or the other (the clock, a caught signal) goes through a
group of its own, over the CPU, so that nothing waits for a GPU.
"""

import contextlib
import os
import warnings
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from goengine.errors import RecipeError

__all__ = ["Processes", "lost_the_others"]


class Processes:
    """This process among all that train together; alone if nothing says otherwise.

    Attributes:
        rank: its number, from 0; process 0 writes and speaks for all.
        count: of all processes.
        local_rank: its number on this machine.
        neighbours: how many of the processes share this machine, itself among them.
    """

    def __init__(self, rank: int = 0, count: int = 1, local_rank: int = 0, neighbours: int = 1) -> None:
        """Describe a process; `join` connects it."""
        self.rank, self.count, self.local_rank, self.neighbours = rank, count, local_rank, neighbours
        self._cpu: Any = None

    @classmethod
    def from_environment(cls) -> "Processes":
        """As ``torchrun`` says in RANK, WORLD_SIZE, LOCAL_RANK and LOCAL_WORLD_SIZE; alone without them.

        Raises:
            RecipeError: if they make no sense.
        """
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
        if not all(name in os.environ for name in names[:2]):
            return cls()
        try:
            rank, count, local = (int(os.environ.get(name, "0")) for name in names[:3])
            neighbours = int(os.environ.get(names[3], "1"))
            if not 0 <= rank < count or local < 0 or neighbours < 1:
                raise ValueError
        except ValueError:
            said = ", ".join(f"{name}={os.environ.get(name)}" for name in names)
            raise RecipeError(f"{said} make no sense: start the processes with torchrun") from None
        return cls(rank, count, local, neighbours)

    @property
    def first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def device(self, chosen: torch.device) -> torch.device:
        """The device of this process: of several GPUs of a machine each process takes its own.

        Raises:
            RecipeError: if a machine has fewer GPUs than processes.
        """
        if chosen.type != "cuda" or self.count == 1:
            return chosen
        if self.local_rank >= torch.cuda.device_count():
            raise RecipeError(
                f"process {self.local_rank + 1} on this machine finds {torch.cuda.device_count()} GPU(s): "
                f"lower torchrun's --nproc-per-node, or train on the processor with --device cpu"
            )
        device = torch.device("cuda", self.local_rank)
        torch.cuda.set_device(device)
        return device

    def join(self, device: torch.device, minutes: float = 30.0) -> None:
        """Meet the others; gradients go by NCCL between GPUs and by Gloo between processors.

        Args:
            device: of this process.
            minutes: how long to wait for the others, here and in every step.
        """
        if self.count > 1:
            timeout = timedelta(minutes=minutes)
            dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=timeout)
            self._cpu = dist.new_group(backend="gloo", timeout=timeout)

    def leave(self) -> None:
        """Part from the others; nothing happens to one who is alone."""
        if self.count > 1 and dist.is_initialized():
            with contextlib.suppress(RuntimeError):
                dist.destroy_process_group()

    def share(self, module: nn.Module, device: torch.device) -> nn.Module:
        """The module, or one around it that averages the gradients of all processes; weights start as process 0's."""
        if self.count == 1:
            return module
        ids = [device.index] if device.type == "cuda" else None
        with warnings.catch_warnings():  # newer torch has another name for broadcast_buffers, which older torch lacks
            warnings.simplefilter("ignore", FutureWarning)
            return DistributedDataParallel(
                module, device_ids=ids, broadcast_buffers=False, gradient_as_bucket_view=True
            )

    def mine(self, batch: int) -> slice:
        """Which of a batch's rows are this process's: every count-th."""
        return slice(self.rank, batch, self.count)

    def agree(self, seconds: float, flags: Sequence[int]) -> tuple[float, list[int]]:
        """What process 0's clock says, and the largest that anyone says of each flag."""
        if self.count == 1:
            return seconds, list(flags)
        said = torch.tensor([seconds if self.first else 0.0, *flags], dtype=torch.float64)
        dist.all_reduce(said, op=dist.ReduceOp.MAX, group=self._cpu)
        return float(said[0]), [int(flag) for flag in said[1:]]

    def sums(self, values: Iterable[float]) -> list[float]:
        """The sum over all processes of each number."""
        numbers = torch.tensor(list(values), dtype=torch.float64)
        if self.count > 1:
            dist.all_reduce(numbers, group=self._cpu)
        return numbers.tolist()

    def added(self, table: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The sum over all processes of a float64 table; exact where only one of them has something to say."""
        if self.count > 1:
            dist.all_reduce(torch.from_numpy(table), group=self._cpu)
        return table

    @torch.no_grad()
    def average(self, tensors: Iterable[Tensor]) -> None:
        """Put the mean over all processes into float tensors on the device; others are left as they are."""
        floats = [tensor for tensor in tensors if tensor.is_floating_point()]
        if self.count == 1 or not floats:
            return
        flat = torch.cat([tensor.flatten() for tensor in floats])
        dist.all_reduce(flat)
        flat /= self.count
        for tensor, mean in zip(floats, torch.split(flat, [tensor.numel() for tensor in floats]), strict=True):
            tensor.copy_(mean.view_as(tensor))


def lost_the_others(error: BaseException) -> str | None:
    """One line, if this error says that another process has ended or cannot be reached."""
    text = str(error).split("\n")[0]
    if not isinstance(error, dist.DistError) and not any(word in text for word in ("gloo", "Gloo", "NCCL", "peer")):
        return None
    return f"lost the other processes: see what the first of them that ended says ({text[:120]})"
