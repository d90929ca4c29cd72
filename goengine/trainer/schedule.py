"""Where a run stands: its learning rate, whether it cools down, whether it is over."""

import math
from typing import Protocol

__all__ = ["Budget", "schedule"]

_HALVINGS = 340 / 80  # over the run: the paper's has 340 million steps, and every 80 million the rate is halved


class Budget(Protocol):
    """What a recipe says about its length: see `goengine.recipe.Recipe`."""

    @property
    def positions(self) -> int:
        """To learn from, 0 for no limit."""

    @property
    def minutes(self) -> float:
        """To learn for, 0 for no limit."""

    @property
    def batch(self) -> int:
        """Positions a step."""

    @property
    def warmup(self) -> int:
        """Positions until the peak."""

    @property
    def cooldown(self) -> float:
        """The part of the run at whose end a flat schedule is 0."""

    @property
    def schedule(self) -> str:
        """Flat, cosine or halving."""


def schedule(recipe: Budget, positions: int, seconds: float) -> tuple[float, bool, bool]:
    """Where a run stands.

    Args:
        recipe: whose budget of positions or minutes ends the run, whichever is nearer its end.
        positions: learnt from so far.
        seconds: spent so far.

    Returns:
        The learning rate as a part of its peak, whether the cool-down has begun, and whether the run is over.
    """
    done = positions / recipe.positions if recipe.positions else 0.0
    if recipe.minutes:
        done = max(done, seconds / (60 * recipe.minutes))
    warm = min(1.0, (positions + recipe.batch) / recipe.warmup) if recipe.warmup else 1.0
    left = max(0.0, 1.0 - done)
    cooling = left < recipe.cooldown
    falling = 0.5 * (1 + math.cos(math.pi * min(1.0, done))) if recipe.schedule == "cosine" else 1.0
    if recipe.schedule == "halving":
        falling = 0.5 ** math.floor(_HALVINGS * min(1.0, done))
    if recipe.schedule == "flat" and cooling:
        falling = left / recipe.cooldown
    return warm * falling, cooling, done >= 1.0
