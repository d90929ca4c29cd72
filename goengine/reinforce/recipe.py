"""The settings of a policy-gradient run: a frozen dataclass like `goengine.recipe.Recipe`."""

import math
from dataclasses import dataclass

from goengine import settings
from goengine.errors import RecipeError
from goengine.rules import KO_RULES

__all__ = ["ReinforceRecipe"]


@dataclass(frozen=True)
class ReinforceRecipe:
    """One run's settings; lengths in iterations, times in minutes, rates at the peak of the schedule."""

    name: str = "unnamed"
    # The games.
    board_size: int = 19
    komi: float = 7.5
    ko: str = "positional"
    max_moves: int = 0  # plies after which a game is counted as it stands; 0 is 2 a point
    games: int = 128  # an iteration, half of them with each colour
    slots: int = 128  # games at once
    # The pool of earlier selves: the opponent of an iteration is one of them, all alike likely.
    pool_every: int = 500  # iterations from one that joins it to the next
    pool: int = 100  # of them at most; the oldest leave, but never the start
    # What is learnt: the gradient of log p(action) times the result, less the baseline.
    baseline: str = "color"  # color: the mean result of the iteration's games with that colour; none
    # How long: whichever of the two ends first; 0 is no limit.
    iterations: int = 0
    minutes: float = 0.0
    # The optimizer (goengine.optimizers), one step an iteration, and the schedule (goengine.trainer.schedule).
    optimizer: str = "adamw"  # muon, adamw, sgd (as in the paper)
    rate: float = 1e-3
    muon_rate: float = 1e-3
    momentum: float = 0.9
    weight_decay: float = 0.0
    schedule: str = "flat"
    warmup: int = 10
    cooldown: float = 0.2
    clip: float = 4.0
    chunk: int = 1024  # positions in memory at once
    seed: int = 1
    # The machine.
    device: str = "auto"
    threads: int = 0
    # What is measured and written when.
    measure_every: int = 50  # iterations
    measure_games: int = 200  # against the start, half of them with each colour; at the end four times as many
    checkpoint_minutes: float = 2.0

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            RecipeError: naming the setting, its value and what is allowed.
        """
        choices = {
            "ko": KO_RULES,
            "baseline": ("color", "none"),
            "optimizer": ("muon", "adamw", "sgd"),
            "schedule": ("flat", "cosine"),
        }
        settings.check_choices(self, choices)
        least: dict[str, float] = dict.fromkeys(("slots", "pool_every", "pool", "chunk", "measure_every"), 1)
        least |= {"games": 2, "measure_games": 2, "board_size": 2, "komi": -math.inf}
        settings.check_least(self, least)
        for name in ("games", "measure_games"):
            if getattr(self, name) % 2:
                raise RecipeError(f"{name} = {getattr(self, name)}: must be even, for each colour has half of them")
        if self.games < 4 and self.baseline == "color":
            raise RecipeError('games = 2: a game less its own mean teaches nothing; give 4, or baseline = "none"')
        if self.board_size > 25 or self.cooldown > 1:
            raise RecipeError("board_size goes from 2 to 25, cooldown from 0 to 1")
        if not self.iterations and not self.minutes:
            raise RecipeError("the recipe has no end: set iterations or minutes")

    @property
    def positions(self) -> int:
        """What the schedule counts: iterations."""
        return self.iterations

    @property
    def batch(self) -> int:
        """So many of them a step."""
        return 1
