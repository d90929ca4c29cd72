"""The settings of a training run: a frozen dataclass read from TOML, overridden by ``--name value``."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from goengine import settings
from goengine.errors import RecipeError

__all__ = ["Recipe", "read_recipe", "recipe_from"]


@dataclass(frozen=True)
class Recipe:
    """One run's settings; sizes in positions, times in minutes, rates at the peak of the schedule."""

    name: str = "unnamed"
    # The network (goengine.networks).
    network: str = "residual"
    filters: int = 64
    depth: int = 6
    activation: str = "relu"
    feature_set: str = "alphago48"
    board_size: int = 19
    start: str = "he"  # data: rescale the plain network's layers on positions first; network: of --from, or the bundled
    # How long: whichever of the two ends first; 0 is no limit, and one of them, or epochs, must be set.
    positions: int = 0
    minutes: float = 0.0
    epochs: float = 0.0  # how often each position is seen, with --player each of the player's; sets positions if 0
    # The optimizer.
    optimizer: str = "muon"  # muon (on the hidden convolutions; AdamW on the rest), adamw, sgd
    batch: int = 256  # positions a step, of all processes together
    accumulate: int = 1  # pieces in which a process takes its share, for less memory; the step stays the same
    rate: float = 2e-3  # of AdamW or SGD
    muon_rate: float = 2e-3
    momentum: float = 0.95  # of Muon or SGD, Nesterov
    weight_decay: float = 0.05  # decoupled; on convolutions and dense layers only
    schedule: str = "flat"  # flat, then linear to 0 over the last part; cosine; or halving, as the paper's
    warmup: int = 50_000  # positions
    cooldown: float = 0.4  # the part of the run over which a flat schedule falls to 0
    clip: float = 4.0  # gradient norm, in multiples of its running median; 0 does not clip
    legal_only: bool = True  # cross-entropy over legal points only
    ema: tuple[int, ...] = (50_000, 200_000)  # horizons of the averaged weights, positions
    retain: float = 0.0  # adds so many times KL(start || now) to the loss, where a run begins with a network
    teacher: str = ""  # a network file of the same planes: then retain is about its policy (distillation)
    teacher_turned: bool = False  # it looks at another of a position's eight orientations: its mean over them is learnt
    brier: float = 0.0  # the part of the loss that is the Brier score in the cool-down
    # Extra targets, dropped when the network is written; so many moves ahead, each with its weight in the loss.
    next_moves: Mapping[int, float] = field(default_factory=dict)  # the opponent's reply is 1, as { 1 = 0.15, 2 = 0.1 }
    future_board: Mapping[int, float] = field(default_factory=dict)  # what stands then, as { 8 = 0.25, 32 = 0.0625 }
    source_biases: str = ""  # a bias on the stem for each source of games; the one named here is kept in the network
    # Signs of life: see goengine.trainer.vitals.
    expected: Mapping[int, float] = field(default_factory=dict)  # positions and the validation loss to expect there
    patience: int = 300_000  # positions after which a run that is no better than chance stops; 0 never
    guard: float = 1.3  # a loss above so many times its median sets the run back; 0 does not
    # The games: weights multiply a source's natural rate, shares fix its part of each batch in the cool-down.
    weights: Mapping[str, float] = field(default_factory=dict)
    cooldown_shares: Mapping[str, float] = field(default_factory=dict)
    player_share: float = 0.5  # of each batch: the moves of --player, where there are general games (--mix) too
    openings: int = 60  # with --player: their choices in positions of at most so many stones are remembered; 0 none
    hold_out: float = 0.01  # of the games, for validation, where no validation games are given
    seed: int = 1
    # The machine.
    device: str = "auto"
    precision: str = "auto"  # auto, float32, bfloat16: auto takes bfloat16 where the hardware has it
    channels_last: bool = True
    compile: bool = False
    threads: int = 0  # of torch; 0 leaves it to torch
    parts: int = 1  # of a batch on a processor, each with batch norm of its own, spread over the threads
    encoder_threads: int = 1
    # What is written when.
    log_steps: int = 20
    validate_minutes: float = 10.0
    validation_positions: int = 16_384  # at the end; on the way the first eighth of them
    checkpoint_minutes: float = 5.0

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            RecipeError: naming the setting, its value and what is allowed.
        """
        choices = {
            "network": ("alphago", "residual", "fully_connected"),
            "start": ("he", "data", "network"),
            "optimizer": ("muon", "adamw", "sgd"),
            "schedule": ("flat", "cosine", "halving"),
            "precision": ("auto", "float32", "bfloat16"),
        }
        settings.check_choices(self, choices)
        least = {
            "batch": 2,
            "filters": 1,
            "depth": 0,
            "log_steps": 1,
            "encoder_threads": 1,
            "accumulate": 1,
            "parts": 1,
            "board_size": 2,
            "validation_positions": 1,
        }
        settings.check_least(self, least)
        for name in ("cooldown", "hold_out", "momentum", "player_share", "brier"):
            if getattr(self, name) > 1:
                raise RecipeError(f"{name} = {getattr(self, name)!r}: must be between 0 and 1")
        if self.batch % self.parts or self.batch < 2 * self.parts:
            raise RecipeError(f"parts = {self.parts}: must divide batch = {self.batch} into parts of 2 or more")
        if self.parts > 1 and self.accumulate > 1:
            raise RecipeError(f"parts = {self.parts} and accumulate = {self.accumulate}: both cut a batch up; use one")
        if not self.positions and not self.minutes and not self.epochs:
            raise RecipeError("the recipe has no end: set positions or minutes (--time-limit), or epochs")
        if self.player_share == 0:
            raise RecipeError("player_share = 0.0: then nothing is learnt from the player")
        extra = [name for name in ("next_moves", "future_board", "source_biases") if getattr(self, name)]
        if extra and self.network == "fully_connected":
            raise RecipeError(f"{extra[0]}: a fully connected network has no convolutions for that; leave it out")
        if self.source_biases and self.feature_set == "board1":
            raise RecipeError("source_biases: board1 has no plane of ones to put a bias into; use another feature_set")
        if self.retain and self.start != "network" and not self.teacher:
            raise RecipeError(
                f'retain = {self.retain:g} holds on to the network that a run began with: start = "network", or teacher'
            )
        if self.teacher and not self.retain:
            raise RecipeError(f"teacher = {self.teacher!r}: how much it counts is said by retain, now 0 (try 2)")
        if self.teacher_turned and not self.teacher:
            raise RecipeError("teacher_turned = True: there is no teacher; name its file, or bundled, with --teacher")

    def with_length(self, positions: float) -> "Recipe":
        """The same with ``positions`` set from ``epochs``, where they are 0; an epoch is this many."""
        if self.positions or not self.epochs:
            return self
        return replace(self, positions=max(self.batch, round(self.epochs * positions)))

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return settings.as_dict(self)

    def to_toml(self) -> str:
        """The whole recipe as TOML, to be read back by `read_recipe`."""
        return settings.to_toml(self)


def recipe_from(values: Mapping[str, Any], where: str) -> Recipe:
    """A recipe from plain values: see `goengine.settings.settings_from`."""
    return settings.settings_from(Recipe, values, where)


def read_recipe(
    path: str | os.PathLike[str], overrides: Mapping[str, Any] | None = None, defaults: Mapping[str, Any] | None = None
) -> Recipe:
    """A recipe from a TOML file: see `goengine.settings.read_settings`."""
    return settings.read_settings(Recipe, path, overrides, defaults)
