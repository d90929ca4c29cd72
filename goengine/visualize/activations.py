"""What a layer gives: feature maps, and the part of the input that one of their points sees."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from goengine.errors import GoEngineError

__all__ = ["layer_names", "layer_output", "receptive_field"]


class _Reached(Exception):
    """The layer that was asked for has given its output: no error, but the rest of the pass is not needed."""


def layer_names(network: nn.Module) -> list[str]:
    """The names of the layers without parts of their own, in the order in which the network holds them."""
    return [name for name, module in network.named_modules() if name and not list(module.children())]


def layer_output(network: nn.Module, layer: str, x: Tensor) -> Tensor:
    """What a layer gives for these inputs; gradients flow through it, and what comes after it is not computed.

    Args:
        network: in eval mode.
        layer: its name, as `layer_names` has it, or that of a block; "" for the whole network.
        x: float (batch, channels, rows, columns).

    Returns:
        The layer's output, a copy: (batch, maps, rows, columns), or (batch, units) from a dense layer.

    Raises:
        GoEngineError: there is no such layer; the message names those there are.
    """
    return _tap(network, layer)(x)


def _tap(network: nn.Module, layer: str) -> Callable[[Tensor], Tensor]:
    modules = dict(network.named_modules())
    if layer not in modules:
        raise GoEngineError(f"there is no layer {layer!r}; there are {', '.join(layer_names(network))}")

    def run(x: Tensor) -> Tensor:
        found: list[Tensor] = []

        def keep(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            found.append(output.clone())  # an activation after it may work in place
            raise _Reached

        handle = modules[layer].register_forward_hook(keep)
        try:
            network(x)
        except _Reached:
            return found[0]
        finally:
            handle.remove()
        raise GoEngineError(f"layer {layer!r} is not used for inputs of shape {tuple(x.shape)}")

    return run


def receptive_field(network: nn.Module, layer: str, shape: Sequence[int], where: tuple[int, int]) -> tuple[int, ...]:
    """The part of the input that a layer's output at one place can depend on, found by following gradients.

    Args:
        network: in eval mode.
        layer: a layer that gives maps.
        shape: channels, rows and columns of the input.
        where: row and column of the maps.

    Returns:
        First row, first column, last row, last column, all inside the input. (A ReLU that is shut on noise hides what
        is behind it, so 16 inputs of noise are tried: a unit shut for all of them counts as one that sees nothing.)
    """
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(16, *shape, generator=generator).requires_grad_()
    maps = layer_output(network, layer, x)
    if maps.dim() != 4:
        raise GoEngineError(
            f"layer {layer!r} gives no maps: its output for one input has shape {tuple(maps.shape[1:])}"
        )
    weights = torch.randn(maps.shape[1], generator=generator)
    (gradient,) = torch.autograd.grad((maps[:, :, where[0], where[1]] * weights).sum(), x)
    seen = gradient.abs().sum((0, 1)) > 0
    rows, columns = seen.any(1).nonzero().flatten(), seen.any(0).nonzero().flatten()
    if not len(rows):
        raise GoEngineError(f"layer {layer!r} depends on nothing at {where}")
    return int(rows[0]), int(columns[0]), int(rows[-1]), int(columns[-1])
