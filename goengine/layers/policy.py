"""What the policy networks are built from: the board keeps its size, and nothing pools."""

import math

import torch
from torch import Tensor, nn

from goengine.layers.start import ACTIVATIONS, convolution

__all__ = ["PolicyHead", "ResidualBlock", "unpack_words"]


class ResidualBlock(nn.Module):
    """x + conv(act(norm(conv(act(norm(x)))))): pre-activation, He et al. 2016b.

    The second convolution starts at zero, so that the block starts as the identity.
    """

    def __init__(self, channels: int, activation: str = "relu") -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(channels)
        self.act1 = ACTIVATIONS[activation]()
        self.conv1 = convolution(channels, channels, 3, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.act2 = ACTIVATIONS[activation]()
        self.conv2 = convolution(channels, channels, 3, bias=False)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, rows, columns) to the same shape."""
        y = self.conv1(self.act1(self.norm1(x)))
        return x + self.conv2(self.act2(self.norm2(y)))  # type: ignore[no-any-return]


class PolicyHead(nn.Module):
    """A 1x1 convolution to one plane, and a bias of its own for every point (Silver et al. 2016)."""

    def __init__(self, channels: int, num_actions: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 1, 1, bias=False)
        nn.init.normal_(self.conv.weight, std=0.1 / math.sqrt(channels))  # starts near the uniform policy
        self.bias = nn.Parameter(torch.zeros(num_actions))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, rows, columns) to logits (batch, num_actions), in float32."""
        return self.conv(x).flatten(1).float() + self.bias  # type: ignore[no-any-return]


def unpack_words(words: Tensor, in_planes: int, size: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Feature planes out of packed words, on the words' device and already in channels-last layout.

    Args:
        words: int64 (batch, size * size); bit p of a word is plane p of `alphago48` at that point.
        in_planes: how many of the first planes; 1 means `board1` (own stones 1, opponent's -1).
        size: the board's size.
        dtype: of the result.

    Returns:
        dtype (batch, in_planes, size, size), channels-last in memory.
    """
    if in_planes == 1:
        planes = ((words & 1) - ((words >> 1) & 1)).to(dtype).unsqueeze(-1)
    else:
        # A word's bytes first, then their bits: eight times less memory than shifting 64-bit words.
        octets = words.contiguous().view(torch.uint8).view(*words.shape, 8)[..., : (in_planes + 7) // 8]
        bits = torch.arange(8, dtype=torch.uint8, device=words.device)
        planes = ((octets.unsqueeze(-1) >> bits) & 1).flatten(-2)[..., :in_planes].to(dtype)
    return planes.reshape(-1, size, size, in_planes).permute(0, 3, 1, 2)
