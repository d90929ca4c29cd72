"""Where the time of a training step goes, and how much of the hardware's matrix rate it reaches."""

import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from goengine.dataset import Batch, Prefetcher
from goengine.helpers import processors
from goengine.trainer.learning import Trainer

__all__ = ["Profile", "StepClock", "matrix_rate", "profile", "step_operations"]

_WARM_UP = 3  # steps before the clock runs: kernels are chosen, or compiled, and memory is taken
_ALONE = 8  # batches over which the feeder is measured without the network


class StepClock:
    """Marks what has been done within a step, and when; on a GPU by the GPU's own events, so that nothing waits."""

    def __init__(self, device: torch.device) -> None:
        """Begin without a mark."""
        self._cuda = device.type == "cuda"
        self._names: list[str] = []
        self._times: list[float] = []
        self._events: list[torch.cuda.Event] = []

    def __call__(self, name: str) -> None:
        """All that came after the mark before was `name`."""
        self._names.append(name)
        if self._cuda:
            event: torch.cuda.Event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
            event.record()
            self._events.append(event)
        else:
            self._times.append(time.perf_counter())

    def seconds(self) -> dict[str, float]:
        """The time spent on each thing that was marked after the first mark, in the order in which they came first."""
        if self._cuda:
            torch.cuda.synchronize()
            spans = [1e-3 * one.elapsed_time(two) for one, two in zip(self._events, self._events[1:], strict=False)]
        else:
            spans = [two - one for one, two in zip(self._times, self._times[1:], strict=False)]
        sums: dict[str, float] = {}
        for name, span in zip(self._names[1:], spans, strict=True):
            sums[name] = sums.get(name, 0.0) + span
        return sums


@dataclass(frozen=True)
class Profile:
    """What `profile` measured.

    Attributes:
        device: and how many of them, processes or threads, in words.
        precision: of the convolutions.
        batch: positions a step.
        steps: that were timed.
        seconds: of each part of a step, the mean. ``feeder`` is the time for which the device waited for its batch.
        operations: floating-point operations that a position takes, forward and backward, counted as by the textbook.
        matrix_rate: floating-point operations a second in a large product of matrices, of all devices together.
        feeder_rate: positions a second that are encoded with nothing else running.
        feeder_share: the part of this machine's processor time during a step that encoding takes, 0 to 1, if all
            processes are here.
    """

    device: str
    precision: str
    batch: int
    steps: int
    seconds: dict[str, float]
    operations: float
    matrix_rate: float
    feeder_rate: float
    feeder_share: float

    @property
    def step(self) -> float:
        """Seconds a step."""
        return sum(self.seconds.values())

    @property
    def rate(self) -> float:
        """Positions a second."""
        return self.batch / self.step

    @property
    def reached(self) -> float:
        """The part of the matrix rate that is used, 0 to 1."""
        return self.operations * self.rate / self.matrix_rate

    def table(self) -> str:
        """All of it in words."""
        lines = [
            f"a step of {self.batch:,} positions, mean of {self.steps}: {1e3 * self.step:,.1f} ms, "
            f"{self.rate:,.0f} positions a second ({self.device}, {self.precision})"
        ]
        for name, seconds in self.seconds.items():
            what = "waiting for the feeder" if name == "feeder" else name
            lines.append(f"  {what:24}{1e3 * seconds:10,.2f} ms{seconds / self.step:8.1%}")
        lines += [
            f"the feeder alone: {self.feeder_rate:,.0f} positions a second; "
            f"{self.feeder_share:.1%} of the processors' time during a step",
            f"the network: {1e-9 * self.operations:.3f} GFLOP a position, forward and backward, so "
            f"{1e-12 * self.operations * self.rate:.3f} TFLOP/s: {self.reached:.1%} of the "
            f"{1e-12 * self.matrix_rate:.3f} that a product of {self.precision} matrices reaches here",
        ]
        return "\n".join(lines)


def step_operations(trainer: Trainer) -> float:
    """Floating-point operations of forward and backward, a position; a multiplication and an addition are two.

    Counted by PyTorch for its own convolutions and products, whatever computes them in fact (Winograd's do with fewer).
    """
    module = copy.deepcopy(trainer.module).to("meta").train()
    planes = torch.empty(2, trainer.in_planes, trainer.size, trainer.size, device="meta")
    with FlopCounterMode(display=False) as counter:
        module(planes).sum().backward()
    return float(counter.get_total_flops()) / 2


def matrix_rate(device: torch.device, dtype: torch.dtype, threads: int, seconds: float = 1.0) -> float:
    """Floating-point operations a second in the product of two square matrices, the best that is seen.

    Args:
        device: of the matrices: 8,192 rows on a GPU, 1,536 on a processor.
        dtype: of the matrices.
        threads: of a processor.
        seconds: about how long to try.
    """
    side = 8192 if device.type == "cuda" else 1536
    one, two = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    before, best, began = torch.get_num_threads(), float("inf"), time.perf_counter()
    torch.set_num_threads(threads)
    try:
        while True:
            clock = StepClock(device)
            clock("start")
            one @ two
            clock("product")
            best = min(best, clock.seconds()["product"])
            if time.perf_counter() - began > seconds:
                return 2 * side**3 / best
    finally:
        torch.set_num_threads(before)


def profile(trainer: Trainer, feeder: Prefetcher, steps: int, threads: int) -> Profile:
    """Measure some steps; the rates are 0 meanwhile, so that the weights stay as they are.

    Where many processes train, each calls this, with as many steps.

    Args:
        trainer: whose step is measured.
        feeder: where its batches come from.
        steps: to time, 1 or more.
        threads: that the run has on a processor.
    """
    batches = iter(feeder)
    for _ in range(_WARM_UP):
        trainer.learn(next(batches), 0.0)
    clock, objective = StepClock(trainer.device), trainer.objective
    marks = trainer.mark, objective.mark
    trainer.mark = clock
    if not trainer.recipe.compile:  # a mark within the graph would break it
        objective.mark = clock
    try:
        clock("start")
        for _ in range(steps):
            batch = next(batches)
            clock("feeder")
            trainer.learn(batch, 0.0)
        seconds = {name: total / steps for name, total in clock.seconds().items()}
    finally:
        trainer.mark, objective.mark = marks
    rate, busy = _alone(batches, feeder.ahead)
    team, size = trainer.processes, trainer.recipe.batch
    dtype = torch.bfloat16 if trainer.bfloat16 else torch.float32
    where = str(trainer.device) + (f", {threads} threads" if trainer.device.type == "cpu" else "")
    step = sum(seconds.values())
    return Profile(
        device=where + (f", {team.count} processes" if team.count > 1 else ""),
        precision=str(dtype).removeprefix("torch."),
        batch=size,
        steps=steps,
        seconds=seconds,
        operations=step_operations(trainer),
        matrix_rate=team.sums([matrix_rate(trainer.device, dtype, threads)])[0],
        feeder_rate=team.sums([rate])[0],
        feeder_share=busy * size / step / processors(),
    )


def _alone(batches: Iterator[Batch], ahead: int) -> tuple[float, float]:
    """Positions a second of this process's feeder alone, and seconds of processor time a position."""
    for _ in range(ahead + 1):  # what is ready, and what is in the making
        next(batches)
    began, busy = time.perf_counter(), time.process_time()
    positions = sum(len(next(batches).targets) for _ in range(_ALONE))
    return positions / (time.perf_counter() - began), (time.process_time() - busy) / positions
