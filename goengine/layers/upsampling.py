"""Layers that make an image larger: transposed convolution and sub-pixel convolution."""

import math

from torch import nn

from goengine.layers.start import convolution

__all__ = ["SubPixelConvolution", "transposed_convolution"]


def transposed_convolution(
    in_channels: int, out_channels: int, kernel: int, *, stride: int = 1, padding: int = 0, bias: bool = True
) -> nn.ConvTranspose2d:
    """The transpose of the convolution of the same settings that maps out_channels to in_channels.

    It gives (rows - 1) * stride - 2 * padding + kernel rows (Dumoulin and Visin 2016, section 4). He's start: an output
    sums in_channels * (kernel / stride)^2 products.
    """
    layer = nn.ConvTranspose2d(in_channels, out_channels, kernel, stride=stride, padding=padding, bias=bias)
    nn.init.normal_(layer.weight, std=math.sqrt(2 / in_channels) * stride / kernel)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class SubPixelConvolution(nn.Sequential):
    """A convolution to factor^2 times the channels, which are then laid out as pixels (Shi et al. 2016).

    (batch, in_channels, rows, columns) to (batch, out_channels, rows * factor, columns * factor).
    """

    def __init__(self, in_channels: int, out_channels: int, factor: int, kernel: int = 3) -> None:
        super().__init__(convolution(in_channels, out_channels * factor**2, kernel, bias=True), nn.PixelShuffle(factor))
