"""From packed words to the loss: unpacking, network, legality and cross-entropy as one module."""

import contextlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from goengine.layers import unpack_words
from goengine.metrics import drift, legal_points, mask_illegal, policy_loss
from goengine.recipe import Recipe

__all__ = ["Objective"]


class Objective(nn.Module):
    """What a run minimises; being one module, it can be compiled and distributed as a whole.

    Attributes:
        network: the policy network; all parameters are its own.
        start: the network to stay near, or to learn from, as the recipe's ``retain`` asks, or none; its parameters are
            not this module's.
        mark: called with ``"unpack"`` once the planes are there, if set: for `goengine.trainer.profiling`.
    """

    def __init__(self, network: nn.Module, recipe: Recipe, in_planes: int, bfloat16: bool) -> None:
        super().__init__()
        self.network = network
        self.start: tuple[nn.Module, ...] = ()
        self.mark: Callable[[str], None] | None = None
        self._in_planes, self._size = in_planes, recipe.board_size
        self._legal_only, self._channels_last, self._bfloat16 = recipe.legal_only, recipe.channels_last, bfloat16
        self._retain = recipe.retain

    def autocast(self, device: torch.device) -> contextlib.AbstractContextManager[Any]:
        """Where convolutions are in bfloat16, if they are to be."""
        return torch.autocast(device.type, torch.bfloat16, enabled=self._bfloat16)

    def planes(self, words: Tensor) -> Tensor:
        """float32 (batch, planes, size, size) from int64 (batch, points); bfloat16 where the first layer takes that."""
        dtype = torch.bfloat16 if self._bfloat16 else torch.float32
        planes = unpack_words(words, self._in_planes, self._size, dtype)
        return planes if self._channels_last else planes.contiguous()

    def forward(self, words: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Mean loss in nats per position, and how many moves were the likeliest legal one.

        What holds the network near its start, or its teacher (Hinton et al. 2015), is part of the loss.

        Args:
            words: int64 (batch, points).
            targets: int64 (batch,), the points played.
        """
        with self.autocast(words.device):
            planes = self.planes(words)
            if self.mark is not None:
                self.mark("unpack")
            logits = self.network(planes)  # (batch, points)
            with torch.no_grad():
                starts = [start(planes) for start in self.start]
        legal = legal_points(words)
        loss = policy_loss(logits, targets, legal if self._legal_only else None)
        for start in starts:
            loss = loss + self._retain * drift(logits, start, legal)
        return loss, (mask_illegal(logits.detach(), legal).argmax(1) == targets).sum()
