"""Convolutions that train and evaluate up to twice as fast on a processor: Winograd's, in float32 and channels last.

`WinogradConv2d` is an ``nn.Conv2d`` in every respect (parameters, state dict, results up to rounding); it differs only
in how it computes, and only where that pays: 3x3 and 5x5 convolutions that keep the board's size, float32, on an x86
processor with AVX2 or AVX-512. Everything else goes to PyTorch's own convolution: a GPU, autocast and other dtypes,
channel counts that are not multiples of a vector's numbers (8; 16 with AVX-512), tracing, compiling and exporting, vmap
and forward-mode derivatives, boards that tiles do not fit well, and, outside `sharing`, few boards at a time on several
threads. Derivatives of derivatives are PyTorch's as well.

Compared with the exact result the error is some 1e-5 of the largest element, against 1e-6 for the direct convolution.
The kernels are Numba's (`goengine._kernels.winograd`), loaded when first needed: compiled once for a machine, in
seconds. A call uses as many threads as torch would; which part goes to which thread is fixed, so results repeat exactly
for a given number of threads (the weight's gradient is summed by parts; all else does not depend on their number).
In training the threads share the boards; in evaluation the filters, for one board's convolution is mostly waiting for
the weights, and so each thread reads its own part of them only.

Set the environment variable GOENGINE_WINOGRAD to 0 to do without, or to 1 to use it on other processors as well.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd import forward_ad

from goengine.helpers import helpers

__all__ = ["WinogradConv2d", "convolve", "input_gradient", "lanes", "sample", "sharing", "usable", "weight_gradient"]

_STEPS = {(3, 3): 4, (5, 5): 2}  # kernel size: outputs of a tile in each direction; a tile's inputs are always 6x6
# By lanes: direct multiplications for one of ours, under which the transforms eat up the gain; and channels. Measured;
# PyTorch's own convolution is twice as fast with AVX-512.
_LEAST = {8: (1.5, 16), 16: (2.7, 32)}
_PART = 2_000_000  # multiplications that are worth waking a thread for


class WinogradConv2d(nn.Conv2d):
    """``nn.Conv2d`` with a faster way to compute 3x3 and 5x5 convolutions on a processor.

    Give it channels-last inputs: others are converted, and its outputs are channels last where its own way was taken.
    """

    # The weight, its version, a sample of its numbers, and what became of it
    _prepared: tuple[Tensor, int, Tensor, list[Tensor]] | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Float (batch, in_channels, rows, columns) to (batch, out_channels, rows, columns)."""
        if not self._pays(x):
            return super().forward(x)
        if torch.is_grad_enabled() and (x.requires_grad or any(p.requires_grad for p in self.parameters())):
            return _Convolution.apply(x, self.weight, self.bias)  # type: ignore[no-any-return, no-untyped-call]
        return convolve(x, self.weight, self.bias, self._transformed(x.shape[2], x.shape[3]))

    def _pays(self, x: Tensor) -> bool:
        """Whether our own way can compute this, and is the faster one."""
        weight = self.weight
        if (
            torch.compiler.is_compiling()
            or torch._C._get_tracing_state() is not None
            or type(x) not in (Tensor, nn.Parameter)
            or x.dim() != 4
            or x.dtype != torch.float32
            or weight.dtype != torch.float32
            or x.device.type != "cpu"
            or weight.device.type != "cpu"
            or x.layout != torch.strided
            or self.kernel_size not in _STEPS
            or self.padding not in ("same", (self.kernel_size[0] // 2,) * 2)
            or self.stride != (1, 1)
            or self.dilation != (1, 1)
            or self.groups != 1
            or self.padding_mode != "zeros"
            or x.shape[1] != self.in_channels
            or not _enough(x.shape[0])
            or torch.is_autocast_enabled("cpu")
            or torch._C._are_functorch_transforms_active()
            or forward_ad._current_level >= 0
        ):
            return False
        sizes = (x.shape[2], x.shape[3], self.kernel_size[0], self.in_channels, self.out_channels)
        # What is not worth it with short vectors never is: the kernels, which know theirs, need not be loaded for it.
        return _usable() and _worth_it(min(_LEAST), *sizes) and _worth_it(lanes(), *sizes)

    def _transformed(self, height: int, width: int) -> list[Tensor]:
        """The weight as the kernels want it; in eval mode kept until it changes: a single board would wait for it."""
        weight = self.weight.detach()
        if self.training or weight.is_inference():
            return [_transform(weight)]
        kept = self._prepared
        filters = _shares(self.out_channels, _work(1, height, width, weight))
        if (
            kept is None
            or kept[0].data_ptr() != weight.data_ptr()
            or kept[1] != weight._version
            or not torch.equal(kept[2], sample(weight))
            or len(kept[3]) != len(filters)
        ):
            parts = [_transform(weight[first:last]) for first, last in filters]
            kept = self._prepared = (weight, weight._version, sample(weight).clone(), parts)
        return kept[3]

    def train(self, mode: bool = True) -> "WinogradConv2d":
        """Set the mode, and let go of what was kept for single boards."""
        self._prepared = None
        return super().train(mode)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_prepared"}


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return convolve(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        gradient, needed = gradients[0], ctx.needs_input_grad
        if torch.is_grad_enabled():  # somebody wants derivatives of these derivatives
            sizes, padding = [weight.shape[0]], [weight.shape[2] // 2] * 2
            return torch.ops.aten.convolution_backward(  # type: ignore[no-any-return]
                gradient, x, weight, sizes if needed[2] else None, [1, 1], padding, [1, 1], False, [0, 0], 1, needed
            )
        gradient = _channels_last(gradient)  # once for both
        return (
            input_gradient(gradient, weight) if needed[0] else None,
            weight_gradient(x, gradient, weight.shape[2]) if needed[1] else None,
            gradient.sum((0, 2, 3)) if needed[2] else None,
        )


def convolve(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, transformed: Sequence[Tensor] | None = None
) -> Tensor:
    """The convolution, without a gradient; the weight's two sizes are both 3 or both 5, zero padding keeps x's size.

    Args:
        x: float32 (batch, channels, rows, columns); channels a multiple of `lanes`, at least one element.
        weight: float32 (filters, channels, 3 or 5, 3 or 5); filters a multiple of `lanes`.
        bias: float32 (filters).
        transformed: what the weight becomes in the kernels, where it is known: one tensor; or several for as many
            threads, each for the next filters.

    Returns:
        float32 (batch, filters, rows, columns), channels last.
    """
    x, weight = _channels_last(x.detach()), weight.detach()
    batch, channels, height, width = x.shape
    step = _STEPS[weight.shape[2], weight.shape[3]]
    weights = transformed or [_transform(weight)]
    offsets = torch.zeros(len(weight)) if bias is None else bias.detach().contiguous()
    counts = [part.shape[1] // channels for part in weights]
    ys = [torch.empty((batch, count, height, width), memory_format=torch.channels_last) for count in counts]
    x_array, kernel = _array(x.permute(0, 2, 3, 1)), _kernels().convolve
    arrays = [
        (x_array, _array(part), _array(offset), _array(y.permute(0, 2, 3, 1)))
        for part, offset, y in zip(weights, torch.split(offsets, counts), ys, strict=True)
    ]
    shape, pieces = _plan(batch, height, width, channels, counts[0], step)
    if len(ys) == 1:

        def part(number: int, first: int, last: int) -> None:
            kernel(*arrays[0], _scratch(*shape), *shape, first, last)

        _run(part, pieces)
        return ys[0]
    shapes = [(*shape[:3], count, *shape[4:]) for count in counts]

    def own_filters(number: int, first: int, last: int) -> None:
        kernel(*arrays[number], _scratch(*shapes[number]), *shapes[number], first, last)

    _run(own_filters, [(0, pieces[-1][1])] * len(ys))
    return torch.cat(ys, 1)


def sample(tensor: Tensor) -> Tensor:
    """Some numbers of a tensor, a view of (count,): all of a small one, else every 127th as they lie in memory.

    They tell of changes through ``.data``, of which PyTorch keeps no count. A view with gaps gives none.
    """
    tensor = tensor.detach()
    count = tensor.numel()
    if not tensor.is_contiguous() and not (
        tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last)
    ):
        count = 0
    return tensor.as_strided((count,), (1,))[:: 127 if count > 1000 else 1]


def input_gradient(gradient: Tensor, weight: Tensor) -> Tensor:
    """The gradient of x, given that of the outputs: a convolution as well; arguments and result as in `convolve`."""
    return convolve(gradient, weight.detach().flip(2, 3).transpose(0, 1))


def weight_gradient(x: Tensor, gradient: Tensor, kernel: int) -> Tensor:
    """The gradient of the weight, given x and the gradient of the outputs.

    Args:
        x: float32 (batch, channels, rows, columns).
        gradient: float32 (batch, filters, rows, columns).
        kernel: 3 or 5.

    Returns:
        float32 (filters, channels, kernel, kernel).
    """
    x, gradient = _channels_last(x.detach()), _channels_last(gradient.detach())
    batch, channels, height, width = x.shape
    filters, step = gradient.shape[1], _STEPS[kernel, kernel]
    arrays = _array(x.permute(0, 2, 3, 1)), _array(gradient.permute(0, 2, 3, 1))
    add = _kernels().add_weight_gradient
    shape, pieces = _plan(batch, height, width, channels, filters, step)
    sums = torch.zeros(len(pieces), 36, channels * filters)

    def part(number: int, first: int, last: int) -> None:
        add(*arrays, _array(sums[number]), _scratch(*shape), *shape, first, last)

    _run(part, pieces)
    taps = _filter_matrix(kernel).t() @ (sums[0] if len(pieces) == 1 else sums.sum(0))
    return taps.view(kernel, kernel, channels, filters).permute(3, 2, 0, 1)


# ------------------------------------------------------------------------------------------------- shapes and weights
@cache
def _filter_matrix(kernel: int) -> Tensor:
    """G applied to rows and columns: (36, kernel * kernel) float32, for the points 0, 1, -1, 2, -2 and infinity."""
    points, scales = (0, 1, -1, 2, -2), (1 / 4, -1 / 6, -1 / 6, 1 / 24, 1 / 24)
    rows = [[scale * point**power for power in range(kernel)] for point, scale in zip(points, scales, strict=True)]
    matrix = torch.tensor([*rows, [0.0] * (kernel - 1) + [1.0]], dtype=torch.float64)
    return torch.kron(matrix, matrix).float()


def _transform(weight: Tensor) -> Tensor:
    """(filters, channels, kernel, kernel) to contiguous (36, channels * filters): G g G'."""
    return _filter_matrix(weight.shape[2]) @ weight.permute(2, 3, 1, 0).reshape(weight.shape[2] ** 2, -1)


def _channels_last(x: Tensor) -> Tensor:
    """`x` with its memory in the order (batch, row, column, channel), whatever its strides say for sizes of one."""
    return x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)


def _array(x: Tensor) -> NDArray[np.float32]:
    return x.view(-1).numpy()


@cache
def _group(columns: int) -> int:
    """How many rows of so many tiles to take together: up to 30 tiles, as many as fit blocks of 5 without a rest."""
    counts = range(1, max(1, 30 // columns) + 1)
    return max(counts, key=lambda count: (count * columns / (-(-count * columns // 5) * 5), -abs(count * columns - 25)))


def _plan(
    batch: int, height: int, width: int, channels: int, filters: int, step: int
) -> tuple[tuple[int, ...], list[tuple[int, int]]]:
    """The kernels' integer arguments, and the rows of tiles (first, last) of each part."""
    down, columns = -(-height // step), -(-width // step)
    rows = batch * down
    work = rows * columns * 36 * channels * filters
    parts = max(1, min(_threads(), rows, work // _PART))
    edges = [rows * number // parts for number in range(parts + 1)]
    return (height, width, channels, filters, step, _group(columns)), list(pairwise(edges))


def _work(batch: int, height: int, width: int, weight: Tensor) -> int:
    """How many multiplications the products take."""
    step = _STEPS[weight.shape[2], weight.shape[3]]
    return batch * -(-height // step) * -(-width // step) * 36 * weight.shape[0] * weight.shape[1]


def _shares(filters: int, work: int) -> list[tuple[int, int]]:
    """The filters (first, last) of each thread: few enough threads that all are worth waking, two vectors at least."""
    pair = 2 * lanes()
    pairs = filters // pair
    parts = max(1, min(_threads(), pairs, work // _PART))
    edges = [pair * (pairs * number // parts) for number in range(parts)] + [filters]
    return list(pairwise(edges))


def _enough(batch: int) -> bool:
    """Whether there are boards enough for our threads; else torch's, still awake, are in their way."""
    threads = torch.get_num_threads()
    return batch > 0 and (threads == 1 or batch >= 2 * threads)


def _worth_it(vector: int, height: int, width: int, kernel: int, *channels: int) -> bool:
    """Whether a layer pays in kernels with so many numbers in a vector."""
    saved, least = _LEAST[vector]
    step = _STEPS[kernel, kernel]
    tiles = -(-height // step) * -(-width // step)
    whole = not any(count % vector for count in channels)
    return whole and min(channels) >= least and height * width * kernel * kernel >= saved * tiles * 36


# -------------------------------------------------------------------------------------------------- kernels, threads
@cache
def _usable() -> bool:
    wish = os.environ.get("GOENGINE_WINOGRAD", "")
    if wish in ("0", "1"):
        return wish == "1"
    return torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")


def usable() -> bool:
    """Whether kernels of this kind pay on this processor, or are wished for."""
    return _usable()


@cache
def _kernels() -> ModuleType:
    from goengine._kernels import load_winograd

    return load_winograd()


def lanes() -> int:
    """Channels, and filters, come in multiples of so many: the numbers in one of the kernels' vectors, 8 or 16."""
    return int(_kernels().LANES)


_mine = threading.local()


@contextmanager
def sharing() -> Iterator[None]:
    """Within it, our convolutions in this thread use the threads that torch was given, and torch uses one.

    For one or a few boards. Torch's threads stay awake for a while after each operation, in case that another one
    follows, and take the processor's cores from ours; and what is left to torch here is too little to share.
    """
    threads = torch.get_num_threads()
    if threads == 1 or not _usable():
        yield
        return
    torch.set_num_threads(1)
    _mine.threads = threads
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        del _mine.threads


def _threads() -> int:
    """How many threads this thread's convolutions may use."""
    return getattr(_mine, "threads", 0) or torch.get_num_threads()


def _scratch(height: int, width: int, channels: int, filters: int, step: int, group: int) -> NDArray[np.float32]:
    """Space for a thread's intermediate results, kept from call to call: fresh memory would cost page faults."""
    columns = -(-width // step)
    tiles = -(-group * columns // 5) * 5
    needed = 36 * tiles * (channels + filters) + 6 * (columns * step + 6) * channels
    room: NDArray[np.float32] | None = getattr(_mine, "room", None)
    if room is None or room.size < needed:
        room = _mine.room = np.zeros(needed, np.float32)
    return room


def _run(part: Callable[[int, int, int], None], pieces: list[tuple[int, int]]) -> None:
    """part(number, first, last) for every piece: the first here, the others on threads of their own."""
    others = []
    if len(pieces) > 1:
        pool = helpers()
        others = [pool.submit(part, number, *piece) for number, piece in enumerate(pieces) if number]
    part(0, *pieces[0])
    for other in others:
        other.result()
