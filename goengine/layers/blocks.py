"""Blocks of the classic architectures: what stands between an input and an output of one stage."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from goengine.layers.start import ACTIVATIONS, convolution, he_start

__all__ = ["ConvNormAct", "DenseBlock", "FireBlock", "InceptionBlock", "ResidualUnit", "SqueezeExcitation"]


class ConvNormAct(nn.Sequential):
    """Convolution, batch norm (Ioffe and Szegedy 2015) and activation: the unit of most networks after 2014."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        *,
        stride: int = 1,
        groups: int = 1,
        dilation: int = 1,
        activation: str | None = "relu",
    ) -> None:
        """``activation`` None leaves it out, as before an addition."""
        layers: list[nn.Module] = [
            convolution(
                *(in_channels, out_channels, kernel), bias=False, stride=stride, groups=groups, dilation=dilation
            ),
            nn.BatchNorm2d(out_channels),
        ]
        if activation is not None:
            layers.append(ACTIVATIONS[activation]())
        super().__init__(*layers)


class SqueezeExcitation(nn.Module):
    """Weigh the channels by what the whole image holds (Hu et al. 2018).

    Averages each channel, two dense layers, a sigmoid: one factor a channel.
    """

    def __init__(self, channels: int, reduction: int = 4) -> None:
        """The middle layer has ``channels / reduction`` units, at least one."""
        super().__init__()
        units = max(1, channels // reduction)
        self.squeeze = nn.Linear(channels, units)
        self.excite = nn.Linear(units, channels)
        he_start(self.squeeze)
        he_start(self.excite)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, rows, columns) to the same shape."""
        factors = torch.sigmoid(self.excite(torch.relu(self.squeeze(x.mean((2, 3))))))
        return x * factors[:, :, None, None]


class ResidualUnit(nn.Module):
    """act(shortcut(x) + norm(conv(act(norm(conv(x)))))): He et al. 2016a, with stride, and on request weighed channels.

    Where the shape changes, the shortcut is a 1x1 convolution with the same stride. The last norm starts at zero, so
    that the unit starts as its shortcut. (The policy networks use the pre-activation form, `ResidualBlock`.)
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, squeeze: bool = False) -> None:
        """``squeeze`` puts a `SqueezeExcitation` before the addition, as SENet does."""
        super().__init__()
        self.first = ConvNormAct(in_channels, out_channels, 3, stride=stride)
        self.second = ConvNormAct(out_channels, out_channels, 3, activation=None)
        norm = self.second[1]
        assert isinstance(norm, nn.BatchNorm2d)
        nn.init.zeros_(norm.weight)
        self.weigh = SqueezeExcitation(out_channels) if squeeze else nn.Identity()
        same = stride == 1 and in_channels == out_channels
        self.shortcut = (
            nn.Identity() if same else ConvNormAct(in_channels, out_channels, 1, stride=stride, activation=None)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in_channels, rows, columns) to (batch, out_channels, rows / stride, columns / stride)."""
        return torch.relu(self.shortcut(x) + self.weigh(self.second(self.first(x))))


class InceptionBlock(nn.Module):
    """Filters of several sizes side by side (Szegedy et al. 2015): 1x1, 3x3, 5x5, and max pooling then 1x1.

    The 3x3 and the 5x5 see fewer channels, made by a 1x1 before them.
    """

    def __init__(self, in_channels: int, branches: Sequence[int]) -> None:
        """``branches``: output channels of 1x1, 3x3, 5x5 and pooling; the 1x1 before 3x3 and 5x5 halve theirs."""
        super().__init__()
        one, three, five, pooled = branches
        self.branches = nn.ModuleList(
            [
                ConvNormAct(in_channels, one, 1),
                nn.Sequential(
                    ConvNormAct(in_channels, max(1, three // 2), 1), ConvNormAct(max(1, three // 2), three, 3)
                ),
                nn.Sequential(ConvNormAct(in_channels, max(1, five // 2), 1), ConvNormAct(max(1, five // 2), five, 5)),
                nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), ConvNormAct(in_channels, pooled, 1)),
            ]
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in_channels, rows, columns) to (batch, sum of branches, rows, columns)."""
        return torch.cat([branch(x) for branch in self.branches], 1)


class DenseBlock(nn.Module):
    """Each layer sees the outputs of all before it (Huang et al. 2017); norm and activation come first."""

    def __init__(self, in_channels: int, growth: int, layers: int) -> None:
        """``layers`` layers add ``growth`` channels each."""
        super().__init__()
        self.layers = nn.ModuleList()
        for number in range(layers):
            width = in_channels + number * growth
            self.layers.append(
                nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(), convolution(width, growth, 3, bias=False))
            )
        self.out_channels = in_channels + layers * growth

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in_channels, rows, columns) to (batch, in_channels + layers * growth, rows, columns)."""
        for layer in self.layers:
            x = torch.cat([x, layer(x)], 1)
        return x


class FireBlock(nn.Module):
    """Squeeze by 1x1, expand by 1x1 and 3x3 side by side (SqueezeNet, Iandola et al. 2016)."""

    def __init__(self, in_channels: int, squeezed: int, expanded: int) -> None:
        """The output has ``2 * expanded`` channels."""
        super().__init__()
        self.squeeze = ConvNormAct(in_channels, squeezed, 1)
        self.one = ConvNormAct(squeezed, expanded, 1)
        self.three = ConvNormAct(squeezed, expanded, 3)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in_channels, rows, columns) to (batch, 2 * expanded, rows, columns)."""
        x = self.squeeze(x)
        return torch.cat([self.one(x), self.three(x)], 1)
