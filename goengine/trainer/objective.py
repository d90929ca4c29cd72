"""From packed words to the loss: unpacking, network, legality, cross-entropy and what is added, as one module."""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from goengine.layers import unpack_words
from goengine.metrics import brier_loss, drift, legal_points, mask_illegal, policy_loss
from goengine.networks import PolicyNetwork
from goengine.recipe import Recipe
from goengine.trainer.extras import Extras, Labels
from goengine.trainer.teacher import Teacher

__all__ = ["Objective"]


class Objective(nn.Module):
    """What a run minimises; being one module, it can be compiled and distributed as a whole.

    Attributes:
        network: the policy network.
        extras: heads and biases that learn with it, and are no part of it.
        cooling: whether the run is in its cool-down: then the recipe's ``brier`` counts.
        teacher: the network to stay near, or to learn from, as the recipe's ``retain`` asks, or none.
        mark: called with ``"unpack"`` once the planes are there, if set: for `goengine.trainer.profiling`.
    """

    def __init__(
        self, network: PolicyNetwork, recipe: Recipe, in_planes: int, bfloat16: bool, sources: Sequence[str] = ()
    ) -> None:
        super().__init__()
        self.network = network
        self.extras = Extras(recipe, sources)
        self.cooling = False
        self.teacher: Teacher | None = None
        self.mark: Callable[[str], None] | None = None
        self._in_planes, self._size = in_planes, recipe.board_size
        self._legal_only, self._channels_last, self._bfloat16 = recipe.legal_only, recipe.channels_last, bfloat16
        self._retain, self._brier = recipe.retain, recipe.brier

    def autocast(self, device: torch.device) -> contextlib.AbstractContextManager[Any]:
        """Where convolutions are in bfloat16, if they are to be."""
        return torch.autocast(device.type, torch.bfloat16, enabled=self._bfloat16)

    def planes(self, words: Tensor) -> Tensor:
        """float32 (batch, planes, size, size) from int64 (batch, points); bfloat16 where the first layer takes that."""
        dtype = torch.bfloat16 if self._bfloat16 else torch.float32
        planes = unpack_words(words, self._in_planes, self._size, dtype)
        return planes if self._channels_last else planes.contiguous()

    def forward(self, words: Tensor, targets: Tensor, labels: Labels | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """What is to be minimised, what it consists of, and how many moves were the likeliest legal one.

        Args:
            words: int64 (batch, points).
            targets: int64 (batch,), the points played.
            labels: what else is learnt from, if the recipe asks for it.

        Returns:
            The loss, a scalar to go back from. Its terms, float32 (1 + extra targets,) without gradients: the policy's,
            in nats a position, and those of `Extras.names`, without their weights. The count of hits. What holds the
            network near its start, or its teacher, is part of the policy's; Brier's score is not.
        """
        labels = labels or {}
        with self.autocast(words.device):
            planes = self.planes(words)
            if self.mark is not None:
                self.mark("unpack")
            if labels:
                trunk = self.network.body(planes, self.extras.stem_bias(labels))
                logits = self.network.head(trunk)  # type: ignore[operator]
                extra, added = self.extras.losses(trunk, labels)
            else:
                logits, extra, added = self.network(planes), [], 0.0  # (batch, points)
            with torch.no_grad():
                taught = None if self.teacher is None else self.teacher.logits(words, planes)
        legal = legal_points(words)
        among = legal if self._legal_only else None
        policy = learnt = policy_loss(logits, targets, among)
        if self._brier and self.cooling:
            learnt = (1 - self._brier) * policy + self._brier * brier_loss(logits, targets, among)
        if taught is not None:
            near = self._retain * drift(logits, taught, legal)
            policy, learnt = policy + near, learnt + near
        terms = torch.stack([policy, *extra]).detach()
        return learnt + added, terms, (mask_illegal(logits.detach(), legal).argmax(1) == targets).sum()
