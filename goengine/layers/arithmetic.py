"""What convolutions see and cost, and a convolution written as a matrix."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["Multiplications", "convolution_matrix", "multiplications", "receptive_fields"]


def receptive_fields(
    kernels: Sequence[int], strides: Sequence[int] | None = None, dilations: Sequence[int] | None = None
) -> list[int]:
    """The side, in pixels of the input, that one output of each layer sees.

    A layer adds dilation * (kernel - 1) steps of the size that the strides before it have grown to
    (Dumoulin and Visin 2016; Araujo et al. 2019).

    Args:
        kernels: side of each layer's filters, from the input on.
        strides: of each layer; 1 if None. Pooling is a layer too.
        dilations: of each layer; 1 if None.
    """
    strides = [1] * len(kernels) if strides is None else strides
    dilations = [1] * len(kernels) if dilations is None else dilations
    side, step, sides = 1, 1, []
    for kernel, stride, dilation in zip(kernels, strides, dilations, strict=True):
        side += dilation * (kernel - 1) * step
        step *= stride
        sides.append(side)
    return sides


@dataclass(frozen=True)
class Multiplications:
    """Multiplications of a layer for one image.

    Attributes:
        standard: each filter sees each channel.
        depthwise: one filter a channel.
        pointwise: the 1x1 convolution that mixes them afterwards.
    """

    standard: int
    depthwise: int
    pointwise: int

    @property
    def separable(self) -> int:
        """Depthwise and pointwise together."""
        return self.depthwise + self.pointwise


def multiplications(in_channels: int, out_channels: int, kernel: int, rows: int, columns: int) -> Multiplications:
    """What a convolution costs that gives ``rows`` x ``columns`` pixels, in the three ways to do it."""
    pixels = rows * columns
    return Multiplications(
        standard=pixels * kernel**2 * in_channels * out_channels,
        depthwise=pixels * kernel**2 * in_channels,
        pointwise=pixels * in_channels * out_channels,
    )


def convolution_matrix(weight: Tensor, rows: int, columns: int, stride: int = 1, padding: int = 0) -> Tensor:
    """The matrix that does to a flattened image what the convolution does; its transpose is the transposed one.

    Args:
        weight: float (out_channels, in_channels, kernel rows, kernel columns).
        rows: of the input.
        columns: of the input.
        stride: of the convolution.
        padding: zeros around the input.

    Returns:
        float (out_channels * rows out * columns out, in_channels * rows * columns).
    """
    inputs = weight.shape[1] * rows * columns
    units = torch.eye(inputs, dtype=weight.dtype).view(inputs, weight.shape[1], rows, columns)
    return functional.conv2d(units, weight, stride=stride, padding=padding).flatten(1).T
