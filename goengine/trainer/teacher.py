"""A network whose policy another one learns, or holds on to (distillation: Hinton, Vinyals and Dean 2015)."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from goengine.checkpoint import Network
from goengine.inference import prepare
from goengine.symmetry import inverse_table, symmetry_table

__all__ = ["Teacher"]


class Teacher:
    """What a trained network says of boards; on a processor by the kernels that play with it, where they can.

    Args:
        network: whose weights do not change.
        planes: float (batch, planes, size, size) from int64 words (batch, points): as the pupil gets them.
        turned: whether it looks at each board in another of its orientations than the pupil.
    """

    def __init__(self, network: Network, planes: Callable[[Tensor], Tensor], turned: bool) -> None:
        self._module, self._kernel = network.module, prepare(network.module)
        self._planes, self._turned = planes, turned
        device = next(network.module.parameters()).device
        tables = (symmetry_table(network.size), inverse_table(network.size))
        self._tables = [torch.from_numpy(table.copy()).to(device) for table in tables]

    def logits(self, words: Tensor) -> Tensor:
        """Its logits, float (batch, points), from words as of the pupil's boards, and for their points.

        Which orientation it looks at hangs on the stones, so a run can be repeated; over many positions, each of the
        other seven comes as often. The divergence's gradient is then on average that from the mean of their policies.
        """
        if not self._turned:
            return self._answer(words)
        new, old = (table[1 + words.sum(1).remainder(7)] for table in self._tables)
        return self._answer(words.gather(1, new)).gather(1, old)

    def _answer(self, words: Tensor) -> Tensor:
        if self._kernel is None:
            return self._module(self._planes(words))  # type: ignore[no-any-return]
        return self._by_kernel(words)  # type: ignore[no-any-return]

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def _by_kernel(self, words: Tensor) -> Tensor:
        assert self._kernel is not None
        answers = self._kernel.logits(words.numpy().view(np.uint64), torch.get_num_threads())
        return torch.from_numpy(answers)
