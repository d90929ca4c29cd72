"""Winograd's convolutions against the ordinary ones in float64, and the cases that are left to the ordinary ones."""

import copy
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from goengine import winograd
from goengine.layers import convolution
from goengine.winograd import WinogradConv2d, convolve, input_gradient, weight_gradient

# Largest error by largest element. Measured: up to 8e-6 for 3x3 and 2.2e-5 for 5x5 (direct, float32: 5e-7 to 2e-6).
TOLERANCE = 5e-5
ROOT = Path(__file__).resolve().parents[1]
VECTORS = [(2, 2), (8, 8), (6, 8), (3, 5), (1, 1), (5, 3)]  # channels and filters, in vectors of the kernels


@pytest.fixture(autouse=True)
def one_thread_and_any_processor(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The kernels run on every processor; whether they pay is not what is tested here."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(20)
    monkeypatch.setattr(winograd, "_usable", lambda: True)
    monkeypatch.setattr(winograd, "_LEAST", dict.fromkeys((8, 16), (1.5, 16)))
    yield
    torch.set_num_threads(before)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one for every forward convolution of ours."""
    calls: list[int] = []

    def counted(*arguments: Any) -> Tensor:
        calls.append(1)
        return convolve(*arguments)

    monkeypatch.setattr(winograd, "convolve", counted)
    return calls


def error(ours: Tensor | None, exact: Tensor | None) -> float:
    assert ours is not None and exact is not None
    assert ours.shape == exact.shape and ours.dtype == torch.float32
    return float((ours.detach() - exact.detach()).abs().max() / exact.detach().abs().max())


def exact(x: Tensor, weight: Tensor, bias: Tensor | None, gradient: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Outputs and gradients of x, weight and bias in float64."""
    inputs = [t.detach().double().requires_grad_() for t in (x, weight, bias) if t is not None]
    y = functional.conv2d(inputs[0], inputs[1], inputs[2] if bias is not None else None, padding=weight.shape[2] // 2)
    return y.detach(), list(torch.autograd.grad(y, inputs, gradient.double()))


def layer(channels: int = 16, filters: int = 16, kernel: int = 3, **settings: Any) -> WinogradConv2d:
    return WinogradConv2d(channels, filters, kernel, **{"padding": kernel // 2, **settings})


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("size", [*range(2, 26), (7, 11), (30, 5), (1, 1), (1, 9)])
def test_functions_on_every_board_size(size: int | tuple[int, int], kernel: int) -> None:
    height, width = (size, size) if isinstance(size, int) else size
    channels, filters = (count * winograd.lanes() for count in VECTORS[(height + width) % len(VECTORS)])
    batch = 1 + height % 3
    x, gradient = torch.randn(batch, channels, height, width), torch.randn(batch, filters, height, width)
    weight, bias = torch.randn(filters, channels, kernel, kernel), torch.randn(filters)
    y, (for_x, for_weight, _) = exact(x, weight, bias, gradient)
    assert error(convolve(x, weight, bias), y) < TOLERANCE
    assert error(input_gradient(gradient, weight), for_x) < TOLERANCE
    assert error(weight_gradient(x, gradient, kernel), for_weight) < TOLERANCE


@pytest.mark.parametrize("channels_last", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kernel", [3, 5])
def test_layer_and_all_its_gradients(kernel: int, bias: bool, channels_last: bool, taken: list[int]) -> None:
    channels, filters = 3 * winograd.lanes(), 5 * winograd.lanes()
    ours = layer(channels, filters, kernel, bias=bias)
    ordinary = nn.Conv2d(channels, filters, kernel, padding=kernel // 2, bias=bias)
    assert isinstance(ours, nn.Conv2d)
    assert list(ours.state_dict()) == list(ordinary.state_dict())
    ordinary.load_state_dict(ours.state_dict())
    x = torch.randn(5, channels, 19, 19)
    if channels_last:
        x, ours = x.to(memory_format=torch.channels_last), ours.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    x.requires_grad_()
    gradient = torch.randn(5, filters, 19, 19)
    y = ours(x)
    (y * gradient).sum().backward()
    assert taken and y.is_contiguous(memory_format=torch.channels_last)
    outputs, wanted = exact(x, ours.weight, ours.bias, gradient)
    assert error(y, outputs) < TOLERANCE
    for tensor, want in zip((x, ours.weight, ours.bias), wanted, strict=False):
        assert tensor is not None and error(tensor.grad, want) < TOLERANCE


def test_only_the_gradients_asked_for() -> None:
    x, ours = torch.randn(2, 16, 9, 9), layer(bias=False)
    ours(x).sum().backward()
    assert x.grad is None and ours.weight.grad is not None
    frozen = layer(bias=True).requires_grad_(False)
    x.requires_grad_()
    frozen(x).sum().backward()
    assert x.grad is not None and frozen.weight.grad is None and frozen.bias is not None and frozen.bias.grad is None


def test_outputs_may_be_changed_in_place() -> None:
    ours = layer(bias=False)
    x = torch.randn(3, 16, 19, 19)
    functional.relu_(ours(x)).sum().backward()  # type: ignore[no-untyped-call]
    _, (_, wanted) = exact(x, ours.weight, None, (functional.conv2d(x, ours.weight, padding=1) > 0).float())
    assert error(ours.weight.grad, wanted) < 1e-3  # an output next to zero may fall on the other side


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_results_repeat_exactly(threads: int, taken: list[int]) -> None:
    x, gradient = torch.randn(7, 64, 19, 19), torch.randn(7, 64, 19, 19)
    weight = torch.randn(64, 64, 3, 3)
    alone = convolve(x, weight), weight_gradient(x, gradient, 3)
    torch.set_num_threads(threads)
    first, second = ((convolve(x, weight), weight_gradient(x, gradient, 3)) for _ in range(2))
    assert torch.equal(first[0], alone[0])  # whatever the number of threads
    assert torch.equal(first[1], second[1])  # for the same number
    assert error(first[1], alone[1]) < 1e-5
    assert (first[1] != alone[1]).any() or threads == 1  # else this test would not have used threads


def test_many_callers_at_once() -> None:
    weight = torch.randn(32, 16, 3, 3)
    boards = [torch.randn(4, 16, size, size) for size in (9, 19, 13, 5) * 4]
    torch.set_num_threads(2)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda x: convolve(x, weight), boards))
    for x, y in zip(boards, results, strict=True):
        assert error(y, functional.conv2d(x.double(), weight.double(), padding=1)) < TOLERANCE


def test_scratch_space_holds_no_memories() -> None:
    """A board of nan leaves nothing behind for the next, smaller one."""
    weight = torch.randn(16, 16, 3, 3)
    assert convolve(torch.full((3, 16, 19, 19), torch.nan), weight).isnan().all()
    x, gradient = torch.randn(1, 16, 6, 6), torch.randn(1, 16, 6, 6)
    y, (_, for_weight) = exact(x, weight, None, gradient)
    assert error(convolve(x, weight), y) < TOLERANCE
    assert error(weight_gradient(x, gradient, 3), for_weight) < TOLERANCE


def test_the_kept_weight_follows_the_weight(taken: list[int]) -> None:
    ours = layer(bias=False).eval()
    x = torch.randn(1, 16, 19, 19)
    with torch.no_grad():
        for change in (
            lambda: None,
            lambda: ours.weight.mul_(-2),
            lambda: ours.load_state_dict(layer(bias=False).state_dict()),
            lambda: setattr(ours, "weight", nn.Parameter(torch.randn(16, 16, 3, 3))),
            lambda: ours.weight.data[3].zero_(),
            lambda: ours.train(),
            lambda: ours.weight.add_(1),
        ):
            change()
            for _ in range(2):
                wanted = functional.conv2d(x.double(), ours.weight.double(), padding=1)
                assert error(ours(x), wanted) < TOLERANCE
    assert len(taken) == 14
    ours.eval()(x.detach())
    other = torch.randn(16, 16, 3, 3)
    swapped = torch.func.functional_call(ours, {"weight": other}, x)
    assert error(swapped, functional.conv2d(x.double(), other.double(), padding=1)) < TOLERANCE


def test_copies_and_pickles_are_whole() -> None:
    ours = layer().eval()
    x = torch.randn(1, 16, 9, 9)
    with torch.no_grad():
        y = ours(x)
        assert ours._prepared is not None
        for copied in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
            assert copied._prepared is None
            assert torch.equal(copied(x), y)
    with torch.inference_mode():
        assert torch.equal(layer_from(ours)(x), y)


def layer_from(other: WinogradConv2d) -> WinogradConv2d:
    fresh = layer().eval()
    fresh.load_state_dict(other.state_dict())
    return fresh


@pytest.mark.parametrize(
    ("settings", "shape"),
    [
        ({"kernel": 1}, (2, 16, 9, 9)),
        ({"kernel": 7}, (2, 16, 9, 9)),
        ({"channels": 12}, (2, 12, 9, 9)),
        ({"filters": 20}, (2, 16, 9, 9)),
        ({"channels": 8}, (2, 8, 9, 9)),
        ({"stride": 2}, (2, 16, 9, 9)),
        ({"dilation": 2}, (2, 16, 9, 9)),
        ({"groups": 2}, (2, 16, 9, 9)),
        ({"padding": 0}, (2, 16, 9, 9)),
        ({"padding_mode": "circular"}, (2, 16, 9, 9)),
        ({"dtype": torch.float64}, (2, 16, 9, 9)),
        ({"dtype": torch.bfloat16}, (2, 16, 9, 9)),
        ({}, (16, 9, 9)),
        ({}, (0, 16, 9, 9)),
        ({}, (4, 16, 2, 2)),
    ],
)
def test_the_rest_is_left_to_torch(settings: dict[str, Any], shape: tuple[int, ...], taken: list[int]) -> None:
    ours = layer(**settings)
    x = torch.randn(shape).to(ours.weight.dtype)
    with torch.no_grad():
        assert torch.equal(ours(x), nn.Conv2d.forward(ours, x))
    assert not taken


def test_autocast_and_few_boards_on_threads_are_left_to_torch(taken: list[int]) -> None:
    ours, x = layer(), torch.randn(2, 16, 19, 19)
    with torch.autocast("cpu", torch.bfloat16):
        assert ours(x).dtype == torch.bfloat16
    torch.set_num_threads(2)
    ours(x)
    assert not taken
    ours(torch.cat([x, x]))
    assert taken


@pytest.mark.parametrize("vectors", [2, 3, 9, 16])
@pytest.mark.parametrize("threads", [2, 3])
def test_threads_share_the_filters_of_a_few_boards(
    vectors: int, threads: int, taken: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(winograd, "_PART", 1)
    ours, x = layer(64, vectors * winograd.lanes()).eval(), torch.randn(2, 64, 19, 19)
    with torch.no_grad():
        alone = ours(x)
        torch.set_num_threads(threads)
        with winograd.sharing():
            assert torch.get_num_threads() == 1
            shared = ours(x)
        assert torch.get_num_threads() == threads
    assert len(taken) == 2 and ours._prepared is not None
    assert len(ours._prepared[3]) == min(threads, vectors // 2)
    assert torch.equal(shared, alone) and shared.is_contiguous(memory_format=torch.channels_last)


def test_torch_keeps_its_threads_where_the_kernels_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winograd, "_usable", lambda: False)
    torch.set_num_threads(2)
    with winograd.sharing():
        assert torch.get_num_threads() == 2


def test_the_environment_variable_decides(taken: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    for wish in ("0", "1"):
        monkeypatch.setenv("GOENGINE_WINOGRAD", wish)
        assert winograd._usable.__wrapped__() is (wish == "1")
    monkeypatch.delenv("GOENGINE_WINOGRAD")
    assert winograd._usable.__wrapped__() is (torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512"))


def test_what_pays_depends_on_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(winograd, "_usable", lambda: True)
    layers = layer(64, 64), layer(64, 64, 5), layer(24, 24)
    for lanes, wanted in ((8, [True, True, True, True]), (16, [True, False, False, False])):
        monkeypatch.setattr(winograd, "lanes", lambda lanes=lanes: lanes)
        found = [ours._pays(torch.zeros(1, ours.in_channels, 19, 19)) for ours in layers]
        assert [*found, layers[0]._pays(torch.zeros(1, 64, 9, 9))] == wanted


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch.jit, also from inside torch
def test_transforms_of_torch_work(taken: list[int]) -> None:
    ours, x = layer(), torch.randn(3, 2, 16, 9, 9)
    flat = nn.Conv2d.forward(ours, x.flatten(0, 1)).reshape(3, 2, 16, 9, 9)
    assert torch.allclose(torch.vmap(ours)(x), flat, atol=1e-5)
    tangent = torch.func.jvp(ours, (x[0],), (x[1],))[1]
    assert torch.allclose(tangent, functional.conv2d(x[1], ours.weight, padding=1), atol=1e-5)
    traced = torch.jit.trace(ours, x[0], check_trace=False)  # type: ignore[no-untyped-call]
    assert torch.allclose(traced(x[1]), flat[1], atol=1e-5)
    exported = torch.export.export(ours, (x[0],)).module()
    assert torch.allclose(exported(x[1]), flat[1], atol=1e-5)
    meta = layer(device="meta")
    assert meta(torch.empty(2, 16, 9, 9, device="meta")).shape == (2, 16, 9, 9)
    assert not taken


def test_derivatives_of_derivatives() -> None:
    ours = layer(bias=True)
    x = torch.randn(2, 16, 5, 5, requires_grad=True)

    def penalty(compute: Any) -> list[Tensor]:
        y = compute(x).pow(2).sum()
        (slope,) = torch.autograd.grad(y, x, create_graph=True)
        return list(torch.autograd.grad(slope.pow(2).sum(), [x, *ours.parameters()]))

    for mine, wanted in zip(penalty(ours), penalty(lambda x: nn.Conv2d.forward(ours, x)), strict=True):
        assert error(mine, wanted) < TOLERANCE


def test_networks_are_made_of_it() -> None:
    assert all(type(convolution(16, 16, kernel, bias=True)) is WinogradConv2d for kernel in (1, 3, 5))


def test_networks_and_layers_that_are_not_for_the_kernels_load_no_numba() -> None:
    program = (
        "import sys, torch, goengine.networks, goengine.winograd as w\n"
        "for channels, size in ((3, 28), (12, 19), (64, 2)):\n"  # none of them is for the kernels
        "    w.WinogradConv2d(channels, 64, 3, padding=1)(torch.zeros(8, channels, size, size))\n"
        "assert 'numba' not in sys.modules"
    )
    environment = {**os.environ, "GOENGINE_WINOGRAD": "1"}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=300)


@pytest.mark.slow  # compiles everything again
def test_kernels_are_loaded_when_first_used_and_from_the_cache(tmp_path: Any) -> None:
    """A process says that it compiles, and the next one has no need to."""
    program = (
        "import sys, torch; torch.set_num_threads(1); import goengine.networks, goengine.winograd as w\n"
        "assert 'numba' not in sys.modules\n"
        "y = w.convolve(torch.ones(1, 16, 3, 3), torch.ones(16, 16, 3, 3))\n"
        "assert 'numba' in sys.modules; print([round(v) for v in y[0, 0].flatten().tolist()])\n"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    runs = [
        subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=300)
        for _ in range(2)
    ]
    for run in runs:
        assert run.stdout.strip() == "[64, 96, 64, 96, 144, 96, 64, 96, 64]", run.stderr
    assert "compiling the convolutions" in runs[0].stderr
    assert "compiling the convolutions" not in runs[1].stderr


@pytest.mark.slow  # compiles everything again
@pytest.mark.parametrize("lanes", ["8", "16"])
def test_vectors_of_both_widths_run_on_every_processor(lanes: str, tmp_path: Any) -> None:
    chosen = ["-k", "board_size or gradients or modules", "tests/test_winograd.py", "tests/test_inference.py"]
    environment = {**os.environ, "GOENGINE_LANES": lanes, "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stdout
    program = "from goengine import winograd; print(winograd.lanes())"
    told = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=300)
    assert told.stdout.strip() == lanes
