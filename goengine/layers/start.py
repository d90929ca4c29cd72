"""Convolutions and where their weights start; activations."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from goengine.winograd import WinogradConv2d

__all__ = ["ACTIVATIONS", "convolution", "he_start", "scale_to_unit_variance"]

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": lambda: nn.ReLU(inplace=True),
    "silu": lambda: nn.SiLU(inplace=True),
    "mish": lambda: nn.Mish(inplace=True),
}


def convolution(
    in_channels: int,
    out_channels: int,
    kernel: int,
    *,
    bias: bool,
    stride: int = 1,
    padding: int | None = None,
    dilation: int = 1,
    groups: int = 1,
) -> nn.Conv2d:
    """A convolution, started as He et al. 2015 (fan in) with zero bias.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel: side of the filters.
        bias: whether each output channel has one.
        stride: step of the filters; 2 halves the sides.
        padding: zeros around the input; None for as many as keep the size (at stride 1, for an odd kernel).
        dilation: distance of neighbouring taps; 1 is an ordinary filter (Yu and Koltun 2016).
        groups: parts that see only their share of the channels (Krizhevsky et al. 2012); in_channels for depthwise.
    """
    if padding is None:
        padding = dilation * (kernel // 2)
    settings: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    layer = WinogradConv2d(in_channels, out_channels, kernel, bias=bias, **settings)
    he_start(layer)
    return layer


def he_start(layer: nn.Conv2d | nn.Linear, gain: float = 1.0) -> None:
    """Start a layer from N(0, 2 / fan_in), times ``gain``, and zero bias.

    PyTorch's own default (a third of that variance and less) stops a plain network of 12 layers from learning at all.
    """
    fan_in = layer.weight[0].numel()
    nn.init.normal_(layer.weight, std=gain * math.sqrt(2 / fan_in))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


@torch.no_grad()
def scale_to_unit_variance(layer: nn.Conv2d, inputs: Tensor) -> Tensor:
    """Rescale a convolution so that on these inputs each output channel has mean 0 and variance 2.

    Variance 2 before a ReLU is mean square 1 after it. The layer must have a bias.

    Returns:
        The layer's outputs after the change, (batch, out_channels, rows, columns).
    """
    assert layer.bias is not None
    outputs: Tensor = layer(inputs)
    deviation = outputs.std(dim=(0, 2, 3)).clamp_min(1e-6) / math.sqrt(2)
    layer.weight.div_(deviation.view(-1, 1, 1, 1))
    layer.bias.copy_((layer.bias - outputs.mean(dim=(0, 2, 3))) / deviation)
    return layer(inputs)  # type: ignore[no-any-return]
