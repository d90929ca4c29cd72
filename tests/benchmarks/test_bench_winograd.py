"""How much faster convolutions and whole training steps are with Winograd's kernels, in CPU time on one thread.

The ordinary and the faster way take turns, so that a busy machine slows both alike.
"""

import sys
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from goengine import winograd
from goengine.networks import build_network
from goengine.winograd import WinogradConv2d

pytest.importorskip("pytest_benchmark")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(20)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def compare(benchmark: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None], int, str], None]:
    def run(work: Callable[[], None], boards: int, name: str) -> None:
        times: dict[bool, list[float]] = {False: [], True: []}

        def both() -> None:
            for ours, taken in times.items():
                monkeypatch.setattr(winograd, "_usable", lambda ours=ours: ours)
                monkeypatch.setattr(winograd, "_LEAST", dict.fromkeys((8, 16), (0.0, 1)))  # also where it does not pay
                start = time.process_time()
                work()
                taken.append(time.process_time() - start)

        benchmark.pedantic(both, rounds=7, warmup_rounds=1)
        ordinary, faster = (boards / median(taken[1:]) for taken in times.values())
        benchmark.extra_info |= {"ordinary": round(ordinary), "winograd": round(faster)}
        line = f"{name}: {ordinary:,.0f} ordinary, {faster:,.0f} Winograd boards a CPU second: {faster / ordinary:.2f}x"
        print(f"\n{line}", file=sys.stderr)

    return run


@pytest.mark.parametrize("filters", [64, 128])
def test_training_steps(compare: Any, filters: int) -> None:
    net = build_network("residual", filters=filters).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(net.parameters())
    planes = (torch.rand(32, 48, 19, 19) < 0.15).float().to(memory_format=torch.channels_last)
    points = torch.randint(361, (32,))

    def step() -> None:
        optimizer.zero_grad()
        functional.cross_entropy(net(planes), points).backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    compare(step, 32, f"training {filters}x6, batch 32")


@pytest.mark.parametrize("batch", [1, 8])
@pytest.mark.parametrize("filters", [64, 128, 192])
def test_evaluating(compare: Any, filters: int, batch: int) -> None:
    net = build_network("alphago", filters=filters).to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    planes = torch.randn(batch, 48, 19, 19).to(memory_format=torch.channels_last)

    @torch.no_grad()
    def evaluate() -> None:
        net(planes)

    compare(evaluate, batch, f"alphago k={filters}, batch {batch}")


@pytest.mark.parametrize(("channels", "filters", "kernel"), [(64, 64, 3), (32, 32, 3), (16, 16, 3), (48, 64, 5)])
@pytest.mark.parametrize("size", [9, 11, 13, 15, 19])
def test_one_layer(compare: Any, channels: int, filters: int, kernel: int, size: int) -> None:
    layer: nn.Module = WinogradConv2d(channels, filters, kernel, padding=kernel // 2, bias=False)
    x = torch.randn(16, channels, size, size).to(memory_format=torch.channels_last).requires_grad_(kernel == 3)
    gradient: Tensor = torch.randn(16, filters, size, size).to(memory_format=torch.channels_last)

    def both_ways() -> None:
        layer(x).backward(gradient)

    compare(both_ways, 16, f"{kernel}x{kernel} {channels} to {filters} on {size}x{size}, forward and backward")
