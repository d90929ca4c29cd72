"""Convolutions with fewer multiplications: depthwise separable, and groups with channel shuffle."""

import torch
from torch import Tensor, nn

from goengine.errors import RecipeError
from goengine.layers.blocks import ConvNormAct

__all__ = ["ChannelShuffle", "SeparableConvolution", "ShuffleUnit"]


class SeparableConvolution(nn.Sequential):
    """One filter for each channel, then a 1x1 convolution that mixes them (MobileNet, Howard et al. 2017).

    Of the multiplications of a standard convolution it needs 1 / out_channels + 1 / kernel^2.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__(
            ConvNormAct(in_channels, in_channels, kernel, stride=stride, groups=in_channels),
            ConvNormAct(in_channels, out_channels, 1),
        )


class ChannelShuffle(nn.Module):
    """Deal the channels of each group out to all groups, so that the next grouped convolution sees every one."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, rows, columns), channel g * n + i to i * groups + g, where n = channels / groups."""
        batch, channels, rows, columns = x.shape
        parts = x.view(batch, self.groups, channels // self.groups, rows, columns)
        return parts.transpose(1, 2).reshape(batch, channels, rows, columns)


class ShuffleUnit(nn.Module):
    """Grouped 1x1, shuffle, depthwise 3x3, grouped 1x1, beside a shortcut (ShuffleNet, Zhang et al. 2018).

    With stride 2 the shortcut is average pooling, and the two are put side by side instead of added.
    """

    def __init__(self, in_channels: int, out_channels: int, groups: int, stride: int = 1) -> None:
        """Both channel counts must be multiples of ``4 * groups``; at stride 1 they must be equal.

        Raises:
            RecipeError: where they are not.
        """
        super().__init__()
        made = out_channels - in_channels if stride > 1 else out_channels
        if in_channels % groups or made % (4 * groups) or made <= 0 or (stride == 1 and in_channels != out_channels):
            raise RecipeError(
                f"a shuffle unit from {in_channels} to {out_channels} channels at stride {stride} does not divide into "
                f"{groups} groups: the channels it makes ({made}) must be a multiple of {4 * groups}"
            )
        middle = made // 4
        self.stride = stride
        self.path = nn.Sequential(
            ConvNormAct(in_channels, middle, 1, groups=groups),
            ChannelShuffle(groups),
            ConvNormAct(middle, middle, 3, stride=stride, groups=middle, activation=None),
            ConvNormAct(middle, made, 1, groups=groups, activation=None),
        )
        self.pool = nn.AvgPool2d(3, stride=stride, padding=1) if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in_channels, rows, columns) to (batch, out_channels, rows / stride, columns / stride)."""
        made = self.path(x)
        return torch.relu(torch.cat([self.pool(x), made], 1) if self.stride > 1 else x + made)
