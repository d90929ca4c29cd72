"""A batch in parts, spread over Python threads with one torch thread each.

On a processor this does better than torch's own threads, which meet at a barrier in every layer and collapse when
another program takes a core for a moment.
"""

import copy
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from torch import Tensor, nn

from goengine.trainer.extras import Labels, in_pieces
from goengine.trainer.objective import Objective

__all__ = ["Parts"]

_Result = TypeVar("_Result")


class Parts:
    """Replicas of an objective that share its parameters; each part of a batch has its own batch norm statistics."""

    def __init__(self, objective: Objective, count: int, threads: int) -> None:
        """Make as many replicas as there are parts; threads are started with the first batch."""
        self._objective, self._threads = objective, threads
        self._replicas = [_sharing(objective) for _ in range(count)]
        self._workers: ThreadPoolExecutor | None = None

    def map(self, function: Callable[[int], _Result], items: Iterable[int]) -> Iterator[_Result]:
        """As the built-in ``map``, by the parts' threads."""
        if self._workers is None:
            self._workers = ThreadPoolExecutor(self._threads, "part", lambda: torch.set_num_threads(1))
        return self._workers.map(function, items)

    def backward(self, words: Tensor, targets: Tensor, labels: Labels) -> tuple[Tensor, Tensor]:
        """Put the gradients of the batch's mean loss into the parameters; the result is the objective's terms and hits.

        It does not depend on the number of threads, nor on which takes which part.
        """
        count = len(self._replicas)
        pieces = in_pieces(words, targets, labels, count)

        def part(number: int) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
            replica = self._replicas[number].train()
            replica.teacher, replica.cooling = self._objective.teacher, self._objective.cooling
            loss, terms, right = replica(*pieces[number])
            return terms, right, torch.autograd.grad(loss, list(replica.parameters()))

        done = list(self.map(part, range(count)))
        with torch.no_grad():
            parameters = self._objective.parameters()
            for parameter, *gradients in zip(parameters, *(grads for _, _, grads in done), strict=True):
                parameter.grad = torch.stack(gradients).mean(0)
            theirs = [list(replica.buffers()) for replica in self._replicas]
            for mine, *others in zip(self._objective.buffers(), *theirs, strict=True):
                mine.copy_(torch.stack(others).mean(0) if mine.is_floating_point() else others[0])
        self.copy_buffers()
        terms, rights = torch.stack([terms for terms, _, _ in done]), torch.stack([right for _, right, _ in done])
        return terms.mean(0), rights.sum()

    @torch.no_grad()
    def copy_buffers(self) -> None:
        """Give every replica the buffers of the objective, after they were changed from outside."""
        for replica in self._replicas:
            for buffer, mine in zip(replica.buffers(), self._objective.buffers(), strict=True):
                buffer.copy_(mine)


def _sharing(module: Objective) -> Objective:
    """A copy with the same parameters and buffers of its own."""
    replica = copy.deepcopy(module)
    originals: dict[str, nn.Module] = dict(module.named_modules())
    for name, inner in replica.named_modules():
        for key in inner._parameters:
            inner._parameters[key] = originals[name]._parameters[key]
    return replica
