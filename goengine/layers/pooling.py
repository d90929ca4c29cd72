"""Pooling that gives a fixed size, whatever the image's: for classifiers, never for a board.

An image may be subsampled and shows the same thing. A Go board may not: without one line it is another position.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["GlobalAverage", "SpatialPyramidPooling"]


class GlobalAverage(nn.Module):
    """The mean of each channel (Lin et al. 2014)."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, rows, columns) to (batch, channels)."""
        return x.mean((2, 3))


class SpatialPyramidPooling(nn.Module):
    """The maxima of each channel in 1, 4, 16 ... fields, side by side (He et al. 2014).

    The result has the same length for images of every size.
    """

    def __init__(self, levels: Sequence[int] = (1, 2, 4)) -> None:
        """A level of n divides the image into n x n fields."""
        super().__init__()
        self.levels = tuple(levels)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, rows, columns) to (batch, channels * sum of squared levels)."""
        return torch.cat([functional.adaptive_max_pool2d(x, level).flatten(1) for level in self.levels], 1)
