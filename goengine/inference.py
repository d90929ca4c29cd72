"""Policy networks evaluated without torch's help: a whole network is one call of a kernel, on a processor.

A board goes through some 20 layers in a millisecond or two, so that what stands between the layers (Python, torch's
dispatch, threads that wake up) costs more than their arithmetic. `Inference` prepares the weights once: norms become
a scale and a shift, or part of the weights; filters are transformed and lie in the order in which they are read. The
kernel is `goengine._kernels.forward`; like `goengine.winograd` it is used where the processor has AVX2 or AVX-512,
or as the environment variable GOENGINE_WINOGRAD says. Compared with the exact logits the error is some 1e-6 of the
largest.

Several threads share a few boards; of many boards each thread takes some. Results do not depend on the number of
threads, nor on the other boards of a batch.

What is prepared holds for the network as it was. `Inference.current` says whether it still is: the same parts, in
evaluation, without hooks, with the same weights. A change through ``.data``, of which PyTorch keeps no count, shows if
it changes a whole filter, channel or tap; smaller ones belong under ``torch.no_grad()``, and are seen there.
"""

import threading
from collections.abc import Iterable
from functools import cache
from itertools import repeat
from operator import attrgetter, is_, itemgetter
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.module import _has_any_global_hook

from goengine.helpers import helpers, share
from goengine.networks import AlphaGo, PolicyNetwork, Residual
from goengine.winograd import sample, usable

__all__ = ["Inference", "prepare"]

_Floats = NDArray[np.float32]
_TOGETHER = 4  # boards in one call: more of them would drop out of the processor's cache between two layers
_FEW = 8  # boards up to which threads share the boards' filters; of more, each takes boards of its own
_PART = 8_000_000  # multiplications that are worth waking a thread for
_LINE = 16  # float32 in a cache line


class Inference:
    """A network in the form that the kernel wants; made by :func:`prepare`.

    Args:
        module: what it is made of, in eval mode, with ReLU.
    """

    def __init__(self, module: AlphaGo | Residual) -> None:
        wide = _kernels().WIDE
        self._seen = _Seen(module)
        self.planes, self.size = int(module.config["in_planes"]), round(int(module.config["num_actions"]) ** 0.5)
        steps = _steps(module)
        filters = len(steps[0].offset)
        self._strips = strips = -(-filters // wide)
        self._channels = channels = strips * wide
        self._layers = len(steps) - 1
        self._stem = _aligned(strips * 25 * self.planes * wide)
        stem = _padded(steps[0].weight, channels).reshape(strips, wide, self.planes, 25)
        self._stem[:] = stem.transpose(0, 3, 2, 1).reshape(-1)
        self._weights = _aligned(self._layers * 36 * channels * channels)
        for layer, part in zip(steps[1:], np.split(self._weights, max(1, self._layers)), strict=False):
            taps = _padded(layer.weight, channels, channels).transpose(2, 3, 1, 0).reshape(9, -1)
            packed = (_filter_matrix() @ taps).reshape(36, channels, strips, wide).transpose(2, 0, 1, 3)
            part[:] = packed.reshape(-1)
        self._offsets = np.concatenate([_padded(step.offset, channels) for step in steps]).astype(np.float32)
        norms = [[_padded(step.scale, channels), _padded(step.shift, channels)] for step in steps]
        packed_norms = np.array(norms).reshape(len(steps), 2, strips, wide).transpose(0, 2, 1, 3)
        self._norms = np.ascontiguousarray(packed_norms.reshape(-1), np.float32)
        self._flags = np.array([step.flags for step in steps], np.int64)
        self._head = _padded(_array(module.head.conv.weight).reshape(-1), channels).astype(np.float32)
        self._bias = _array(module.head.bias).astype(np.float32)
        tiles = (self.size + 3) // 4
        stem_work = 10 * self.size**2 * 25 * channels  # as many additions as ten planes a point would take
        self._work = stem_work + self._layers * 36 * tiles**2 * channels**2

    def current(self) -> bool:
        """Whether the network still is what this was made of."""
        return self._seen.as_it_was()

    def logits(self, words: NDArray[np.uint64], threads: int = 1) -> _Floats:
        """What the module would answer.

        Args:
            words: uint64 (batch, size * size), as of `goengine.features.encode_words`.
            threads: at most so many, this one included.

        Returns:
            float32 (batch, size * size).
        """
        flat = np.ascontiguousarray(words).view(np.int64)
        found = np.empty(flat.shape, np.float32)
        parts = [slice(first, first + _TOGETHER) for first in range(0, len(flat), _TOGETHER)]
        if len(flat) <= _FEW:
            for part in parts:
                found[part] = self._together(flat[part], threads)
        else:

            def evaluate(number: int) -> None:
                found[parts[number]] = self._together(flat[parts[number]], 1)

            share(evaluate, len(parts), threads)
        found += self._bias
        return found

    def _together(self, words: NDArray[np.int64], threads: int) -> _Floats:
        """The logits of a few boards, without their bias."""
        boards, kernels = len(words), _kernels()
        threads = max(1, min(threads, self._strips, boards * self._work // _PART))
        group = max(1, self._strips // (2 * threads)) if boards == 1 else 1
        space = _space(boards, self.size, self.planes, self._channels)
        progress = np.zeros(16 * (self._layers + 3), np.int64)
        sizes = np.array([boards, self.size, self.planes, self._channels, self._layers, group], np.int64)
        needed = kernels.room_needed(boards, self.size, group)

        def evaluate() -> None:
            kernels.evaluate(
                progress, words.reshape(-1), space.codes, space.starts, self._stem, self._weights, self._offsets,
                self._norms, self._flags, self._head, space.even, space.odd, space.total, space.features, space.logits,
                _room(needed), sizes,
            )  # fmt: skip

        others = [helpers().submit(evaluate) for _ in range(threads - 1)]
        evaluate()
        for other in others:
            other.cancel()  # one that begins now finds all done, and touches nothing
        return space.logits.reshape(boards, -1)


def prepare(module: PolicyNetwork) -> Inference | None:
    """The module as an `Inference`; None where only torch will do.

    That is: a network of another kind, or with other parts than `goengine.networks` gives it; one that trains, has
    hooks, or is elsewhere than on a fit processor.
    """
    if type(module) not in (AlphaGo, Residual) or not usable() or not _plain(module):
        return None
    size, planes = round(int(module.config["num_actions"]) ** 0.5), int(module.config["in_planes"])
    if module.config["activation"] != "relu" or not 2 <= planes <= 62 or size**2 != module.config["num_actions"]:
        return None
    for _, _, tensor in _tensors(module):
        if tensor.device.type != "cpu" or tensor.is_inference() or tensor.dtype not in (torch.float32, torch.int64):
            return None
    if repr(module) != _built(type(module).__name__, tuple(module.config.items())):
        return None
    return Inference(module)  # type: ignore[arg-type]


class _Seen:
    """A network as it is, to be compared with what has become of it: before each evaluation, so without loops here."""

    def __init__(self, module: nn.Module) -> None:
        parts = list(module.modules())
        self._states = [vars(part) for part in parts]
        self._listeners = [hooks for part in parts for hooks in (part._forward_hooks, part._forward_pre_hooks)]
        self._children = [part._modules for part in parts]
        self._members = list(map(dict, self._children))
        self._holders, self._called, self._tensors = map(list, zip(*_tensors(module), strict=True))
        self._versions, self._places = list(map(_version, self._tensors)), list(map(Tensor.data_ptr, self._tensors))
        self._samples = [sample(tensor) for tensor in self._tensors]  # they keep alive what lies at the addresses
        layout = [(some.data_ptr(), 4 * some.stride(0), len(some)) for some in self._samples]
        self._layout = np.array(layout, np.int64).reshape(-1, 3)
        self._count = int(self._layout[:, 2].sum())
        self._numbers = self._sampled()

    def as_it_was(self) -> bool:
        """Whether it has the same parts, in evaluation and without hooks, with the same weights."""
        return (
            not any(map(_training, self._states))
            and not any(map(dict.__contains__, self._states, repeat("forward")))
            and not any(self._listeners)
            and not _heard_everywhere()
            and self._children == self._members
            and all(map(is_, map(dict.get, self._holders, self._called), self._tensors))
            and list(map(_version, self._tensors)) == self._versions
            and list(map(Tensor.data_ptr, self._tensors)) == self._places
            and np.array_equal(self._sampled(), self._numbers)
        )

    def _sampled(self) -> NDArray[np.int32]:
        numbers = np.empty(self._count, np.int32)
        _kernels().collect(self._layout, numbers)
        return numbers


_version, _training = attrgetter("_version"), itemgetter("training")


def _heard_everywhere() -> bool:
    """Whether somebody listens to all modules there are."""
    return bool(_has_any_global_hook())  # type: ignore[no-untyped-call]


def _plain(module: nn.Module) -> bool:
    """Whether all parts of a network do what their classes do in evaluation: nobody listens, or has replaced it."""
    return not _heard_everywhere() and not any(
        part.training or part._forward_hooks or part._forward_pre_hooks or "forward" in vars(part)
        for part in module.modules()
    )


@cache
def _built(kind: str, config: tuple[tuple[str, Any], ...]) -> str:
    """The parts and settings of a network as it is built, in words."""
    with torch.random.fork_rng(devices=[]):  # no random numbers are used up
        return repr({"AlphaGo": AlphaGo, "Residual": Residual}[kind](**dict(config)))


class _Step(NamedTuple):
    """A convolution and what follows it, float64; see `goengine._kernels.forward`."""

    weight: NDArray[np.float64]
    """(filters, channels, 5 or 3, 5 or 3)."""
    offset: NDArray[np.float64]
    scale: NDArray[np.float64]
    shift: NDArray[np.float64]
    flags: int


def _steps(module: AlphaGo | Residual) -> list[_Step]:
    if isinstance(module, AlphaGo):
        plain = [(_array(layer.weight), _array(layer.bias)) for layer in (module.stem, *module.trunk)]
        return [_Step(weight, bias, np.ones_like(bias), np.zeros_like(bias), 0) for weight, bias in plain]
    kernels = _kernels()
    blocks: list[Any] = list(module.blocks)
    norms = [_scale_and_shift(block.norm1) for block in blocks] + [_scale_and_shift(module.norm)]
    none = np.zeros_like(norms[0][0])
    steps = [_Step(_array(module.stem.weight), none, *norms[0], kernels.KEEP)]
    for number, block in enumerate(blocks):
        scale, shift = _scale_and_shift(block.norm2)
        folded = _array(block.conv1.weight) * scale[:, None, None, None]
        steps.append(_Step(folded, shift, np.ones_like(shift), none, 0))
        flags = kernels.ADD | kernels.KEEP if number + 1 < len(blocks) else kernels.ADD
        steps.append(_Step(_array(block.conv2.weight), none, *norms[number + 1], flags))
    return steps


def _scale_and_shift(norm: nn.Module) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What a batch norm does in evaluation: scale * x + shift, float64 (channels) each."""
    assert isinstance(norm, nn.BatchNorm2d)
    scale = _array(norm.weight) / np.sqrt(_array(norm.running_var) + norm.eps)
    return scale, _array(norm.bias) - _array(norm.running_mean) * scale


def _tensors(module: nn.Module) -> Iterable[tuple[dict[str, Any], str, Tensor]]:
    """Every parameter and buffer: where it is kept, under which name, and the tensor."""
    for part in module.modules():
        for holder in (part._parameters, part._buffers):
            for name, tensor in holder.items():
                if tensor is not None and name != "num_batches_tracked":
                    yield holder, name, tensor


def _array(tensor: Any) -> NDArray[np.float64]:
    found: NDArray[np.float64] = tensor.detach().double().numpy()
    return found


def _padded(array: NDArray[np.float64], *sizes: int) -> NDArray[np.float64]:
    """With zeros behind, so that the first dimensions are of these sizes."""
    behind = [(0, size - have) for size, have in zip(sizes, array.shape, strict=False)]
    return np.pad(array, behind + [(0, 0)] * (array.ndim - len(sizes)))


@cache
def _filter_matrix() -> NDArray[np.float64]:
    """G applied to rows and columns of 3x3 taps: (36, 9), for the points 0, 1, -1, 2, -2 and infinity."""
    points, scales = (0, 1, -1, 2, -2), (1 / 4, -1 / 6, -1 / 6, 1 / 24, 1 / 24)
    rows = [[scale * point**power for power in range(3)] for point, scale in zip(points, scales, strict=True)]
    matrix = np.array([*rows, [0.0, 0.0, 1.0]])
    return np.kron(matrix, matrix)


# ------------------------------------------------------------------------------------------------------ kernels, room
@cache
def _kernels() -> ModuleType:
    from goengine._kernels import load_forward

    return load_forward()


class _Space(NamedTuple):
    """What the threads of an evaluation share; see `goengine._kernels.forward`."""

    codes: NDArray[np.int32]
    starts: NDArray[np.int32]
    even: _Floats
    odd: _Floats
    total: _Floats
    features: _Floats
    logits: _Floats


_mine = threading.local()


def _space(boards: int, size: int, planes: int, channels: int) -> _Space:
    """This thread's space for an evaluation, kept from call to call: fresh memory would cost page faults."""
    kept: dict[tuple[int, ...], _Space] = _mine.__dict__.setdefault("spaces", {})
    shape = (boards, size, planes, channels)
    if shape not in kept:
        while len(kept) >= 2 * _TOGETHER:  # of networks that may be in use no more
            del kept[next(iter(kept))]
        block, points, tiles = _kernels().BLOCK, boards * size * size, (size + 3) // 4
        tiled = 36 * -(-boards * tiles * tiles // block) * block * channels
        floats = [_aligned(count) for count in (tiled, tiled, points * channels, points * channels, points)]
        kept[shape] = _Space(np.zeros(points * planes, np.int32), np.zeros(points + boards, np.int32), *floats)
    return kept[shape]


def _room(needed: int) -> _Floats:
    """This thread's scratch."""
    room: _Floats | None = getattr(_mine, "room", None)
    if room is None or room.size < needed:
        room = _mine.room = _aligned(needed)
    return room


def _aligned(count: int) -> _Floats:
    """So many zeros, float32, that begin with a cache line."""
    raw = np.zeros(count + _LINE, np.float32)
    first = -(raw.ctypes.data // 4) % _LINE
    return raw[first : first + count]
