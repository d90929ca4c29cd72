"""A network whose policy another one learns, or holds on to (distillation: Hinton, Vinyals and Dean 2015)."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from goengine.checkpoint import Network
from goengine.inference import prepare

__all__ = ["Teacher"]


class Teacher:
    """What a trained network says of boards; on a processor by the kernels that play with it, where they can.

    Args:
        network: whose weights do not change.
        planes: float (batch, planes, size, size) from int64 words (batch, points): as the pupil gets them.
        turns: if it is to look at each board in another of its orientations than the pupil: for each symmetry where
            every point comes from, and where it goes, int64 (8, points) each, on the network's device.
    """

    def __init__(
        self, network: Network, planes: Callable[[Tensor], Tensor], turns: tuple[Tensor, Tensor] | None
    ) -> None:
        self._module, self._kernel = network.module, prepare(network.module)
        self._planes, self._turns = planes, turns

    def logits(self, words: Tensor, planes: Tensor) -> Tensor:
        """Its logits for the points of the pupil's boards, float (batch, points), from their words and planes.

        Which orientation it looks at hangs on the stones, so a run can be repeated; over many positions, each of the
        other seven comes as often. The divergence's gradient is then on average that from the mean of their policies.
        """
        if self._turns is None:
            return self._answer(words, planes)
        new, old = (table[1 + words.sum(1).remainder(7)] for table in self._turns)
        return self._answer(words.gather(1, new)).gather(1, old)

    def _answer(self, words: Tensor, planes: Tensor | None = None) -> Tensor:
        if self._kernel is not None:
            return self._by_kernel(words)  # type: ignore[no-any-return]
        return self._module(self._planes(words) if planes is None else planes)  # type: ignore[no-any-return]

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def _by_kernel(self, words: Tensor) -> Tensor:
        assert self._kernel is not None
        answers = self._kernel.logits(words.numpy().view(np.uint64), torch.get_num_threads())
        return torch.from_numpy(answers)
