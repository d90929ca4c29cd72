"""Signs of life: does a run learn, does it keep to the expected curve, has it gone wrong?"""

import copy
import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import torch

from goengine.errors import RecipeError
from goengine.recipe import Recipe
from goengine.trainer.learning import Trainer

__all__ = ["Vitals", "expected_loss", "first_broken_tensor"]

_WINDOW = 100  # steps whose median the guard compares with
_SNAPSHOT = 2000  # steps from one copy of the weights in memory to the next
_SLOWER = 0.7  # the rates' factor after each setback
_SETBACKS = 5  # after which a run is given up
_LIFE = 0.05  # nats below chance that show that something is learnt
_LOSS = ("legal_only", "retain", "teacher", "teacher_turned")  # settings by which losses are no longer comparable


def expected_loss(curve: Mapping[int, float], positions: int) -> float | None:
    """The loss that a recipe's curve gives after so many positions, None outside the curve.

    Between two points it is interpolated over the logarithm of the positions.
    """
    points = sorted(curve.items())
    if not points or not points[0][0] <= positions <= points[-1][0]:
        return None
    right = bisect_left([count for count, _ in points], positions)
    count, loss = points[right]
    if count == positions:
        return loss
    before, higher = points[right - 1]
    part = math.log(positions / before) / math.log(count / before)
    return higher + part * (loss - higher)


def first_broken_tensor(trainer: Trainer) -> str | None:
    """The name of the first weight, or averaged weight, that is not finite; None if all are."""
    groups = {"weight": trainer.module.state_dict() | trainer.objective.extras.state_dict()}
    groups |= {f"average{h} of": w for h, w in zip(trainer.averages.horizons, trainer.averages.weights, strict=True)}
    for kind, tensors in groups.items():
        named = [(name, tensor) for name, tensor in tensors.items() if tensor.is_floating_point()]
        finite = torch.stack([tensor.isfinite().all() for _, tensor in named]).tolist()
        if not all(finite):
            return f"{kind} {named[finite.index(False)][0]}"
    return None


class Vitals:
    """Watches the losses of a run, in steps as they are reported.

    All processes see the same losses, so that all decide alike.
    """

    def __init__(self, recipe: Recipe, chance: float) -> None:
        """Begin to watch.

        Args:
            recipe: its ``patience`` and ``guard``.
            chance: the loss of a policy that knows nothing, in nats.
        """
        self.chance = chance
        self.setbacks = 0
        self._patience, self._guard, self._batch = recipe.patience, recipe.guard, recipe.batch
        self._loss = {name: getattr(recipe, name) for name in _LOSS}
        self._recent: list[float] = []
        self._best = math.inf
        self._snapshot: dict[str, Any] | None = None
        self._snapshot_step = 0

    def watch(self, trainer: Trainer, losses: Sequence[float]) -> str | None:
        """Look at the losses of the latest steps, one number a step.

        Returns:
            A line to be said when the run was set back to an earlier copy of its weights, otherwise None.

        Raises:
            RecipeError: when a loss is not finite, when nothing has been learnt in all the recipe's patience, or
                when the run has diverged once too often.
        """
        for number, loss in enumerate(losses, start=trainer.steps - len(losses) + 1):
            if not math.isfinite(loss):
                where = first_broken_tensor(trainer)
                raise RecipeError(
                    f"the loss is {loss} at step {number:,} (positions to {number * self._batch:,})"
                    f"{f', and {where} is not finite' if where else ''}: "
                    "the last checkpoint is good; lower the rates (--rate, --muon-rate) and --resume"
                )
        mean = sum(losses) / len(losses)
        self._best = min(self._best, mean)
        if self._patience and trainer.positions >= self._patience and self._best > self.chance - _LIFE:
            raise RecipeError(
                f"after {trainer.positions:,} positions the loss has never been better than {self._best:.3f}, and "
                f"chance is {self.chance:.3f}: nothing is learnt; try another start or rate (patience = 0 goes on)"
            )
        if self._guard and len(self._recent) >= _WINDOW and mean > self._guard * median(self._recent):
            return self._set_back(trainer, mean)
        self._recent = [*self._recent, *losses][-_WINDOW:]
        if self._guard and (self._snapshot is None or trainer.steps - self._snapshot_step >= _SNAPSHOT):
            self._remember(trainer)
        return None

    def _remember(self, trainer: Trainer) -> None:
        self._snapshot, self._snapshot_step = copy.deepcopy(trainer.state({})), trainer.steps

    def _set_back(self, trainer: Trainer, mean: float) -> str:
        usual = median(self._recent)
        self.setbacks += 1
        if self.setbacks > _SETBACKS or self._snapshot is None:
            raise RecipeError(
                f"the run diverges again and again (loss {mean:.3f} at step {trainer.steps:,}, usually {usual:.3f}): "
                "lower the rates (--rate, --muon-rate) and --resume"
            )
        counters = trainer.steps, trainer.positions, trainer.seconds
        trainer.slower *= _SLOWER
        trainer.restore(copy.deepcopy(self._snapshot) | {"slower": trainer.slower})
        trainer.steps, trainer.positions, trainer.seconds = counters  # the data goes on
        self._recent = []
        return (
            f"the loss rose to {mean:.3f}, from {usual:.3f}: back to the weights of step {self._snapshot_step:,}, "
            f"with the rates times {trainer.slower:.2f}"
        )

    def state(self) -> dict[str, Any]:
        """For a checkpoint; the copy of the weights is not in it."""
        return {"recent": list(self._recent), "best": self._best, "setbacks": self.setbacks, "loss": self._loss}

    def restore(self, state: Mapping[str, Any], trainer: Trainer) -> None:
        """Go on from `state()`, with the weights of a restored trainer as those to fall back on.

        It begins without the losses where the recipe now adds up another one.
        """
        if self._guard:
            self._remember(trainer)
        if state.get("loss", self._loss) == self._loss:
            self._recent = list(state["recent"])
        self._best, self.setbacks = state["best"], state["setbacks"]
