"""What a network is made of: layers, parameters, receptive field, multiplications."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from goengine.networks import PolicyNetwork

__all__ = ["Layer", "Summary", "summarize"]


@dataclass(frozen=True)
class Layer:
    """One layer that has parameters.

    Attributes:
        name: its path in the network.
        kind: "convolution 3x3", "dense", "batch norm", "bias".
        shape: of its output without the batch, such as (64, 19, 19).
        parameters: trained numbers.
        multiplications: for one position.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    multiplications: int


@dataclass(frozen=True)
class Summary:
    """A network's layers in the order in which they run, and their sums.

    Attributes:
        layers: each layer with parameters.
        parameters: trained numbers in all.
        multiplications: for one position, in all.
        receptive_field: side, in points, of the square that one output sees; at most 2 * size - 1, the whole board.
    """

    layers: tuple[Layer, ...]
    parameters: int
    multiplications: int
    receptive_field: int


@torch.no_grad()
def summarize(module: PolicyNetwork, size: int) -> Summary:
    """Describe a network by running it on one empty board.

    Args:
        module: on the CPU; its mode and weights are left as they are.
        size: the board's size.
    """
    layers: list[Layer] = []
    seen = {"reach": 0}

    def note(name: str, layer: nn.Module, output: Tensor) -> None:
        shape = tuple(output.shape[1:])
        own = sum(p.numel() for p in layer.parameters(recurse=False))
        if isinstance(layer, nn.Conv2d):
            rows, columns = layer.weight.shape[2:]
            seen["reach"] += rows - 1
            multiplications = layer.weight.numel() * shape[1] * shape[2]
            layers.append(Layer(name, f"convolution {rows}x{columns}", shape, own, multiplications))
        elif isinstance(layer, nn.Linear):
            seen["reach"] = 2 * size - 2
            layers.append(Layer(name, "dense", shape, own, layer.weight.numel()))
        elif isinstance(layer, nn.BatchNorm2d):
            layers.append(Layer(name, "batch norm", shape, own, output[0].numel()))
        elif own:
            layers.append(Layer(name, "bias of each point", shape, own, 0))

    hooks = [
        layer.register_forward_hook(lambda layer, _, output, name=name: note(name, layer, output))
        for name, layer in module.named_modules()
    ]
    training = module.training
    module.eval()
    try:
        module(torch.zeros(1, int(module.config["in_planes"]), size, size))
    finally:
        module.train(training)
        for hook in hooks:
            hook.remove()
    return Summary(
        layers=tuple(layers),
        parameters=sum(p.numel() for p in module.parameters()),
        multiplications=sum(layer.multiplications for layer in layers),
        receptive_field=min(1 + seen["reach"], 2 * size - 1),
    )
