"""How a player chooses among the moves that its network likes: the settings, and what values they may have."""

from dataclasses import dataclass

from goengine.errors import GoEngineError

__all__ = ["ORIENTATIONS", "PASS_POLICIES", "Style", "check_drawing", "check_symmetries"]

PASS_POLICIES = ("human", "cleanup")
ORIENTATIONS = (1, 2, 4, 8)  # how many may be averaged: `goengine.symmetry.AVERAGED`, without loading NumPy


def check_symmetries(number: int) -> None:
    """Raise GoEngineError unless a policy can be averaged over so many orientations."""
    if number not in ORIENTATIONS:
        raise GoEngineError(f"symmetries {number} is not possible: use 1, 2, 4 or 8")


def check_drawing(temperature: float, top_p: float = 1.0) -> None:
    """See that moves can be drawn like this; NaN is out of range as well.

    Raises:
        GoEngineError: the temperature is not 0 to 100, or top-p not above 0 to 1.
    """
    if not 0 <= temperature <= 100:
        raise GoEngineError(f"temperature {temperature} is out of range: use 0 (the likeliest move) to 100")
    if not 0 < top_p <= 1:
        raise GoEngineError(f"top-p {top_p} is out of range: use a share above 0, up to 1")


@dataclass(frozen=True)
class Style:
    """The settings of a player.

    Raises:
        GoEngineError: a setting is out of range.
    """

    symmetries: int = 1
    """1, or 2, 4 or 8 to average over so many turned and mirrored boards (as many times the work)."""
    temperature: float = 0.0
    """0 plays the likeliest move; 1 draws moves as likely as the network says; between, sharper."""
    top_p: float = 1.0
    """When drawing, only from the likeliest moves that together reach this share, above 0 to 1."""
    seed: int | None = None
    """Makes the drawing repeatable; None differs every time."""
    resign: float | None = None
    """Points behind at which to give up when the playouts see no chance either; None never resigns."""
    ladder_guard: bool = True
    """Do not run with a chain in atari that stays captured, unless nothing else is sensible."""
    pass_policy: str = "human"
    """human passes once the board is settled; cleanup takes the opponent's dead stones off the board first."""
    resign_chance: float = 0.1
    """The share of playouts won below which they see no chance; they are random, so that this is no winning rate."""

    def __post_init__(self) -> None:
        check_symmetries(self.symmetries)
        check_drawing(self.temperature, self.top_p)
        if self.seed is not None and self.seed < 0:
            raise GoEngineError(f"seed {self.seed} is not possible: use 0 or more")
        if self.resign is not None and not self.resign > 0:
            raise GoEngineError(f"resign {self.resign} is out of range: give the points behind, above 0")
        if not 0 < self.resign_chance <= 0.5:
            raise GoEngineError(f"resign-chance {self.resign_chance} is out of range: use a share above 0, up to 0.5")
        if self.pass_policy not in PASS_POLICIES:
            raise GoEngineError(f"pass policy {self.pass_policy!r} is not possible: use {' or '.join(PASS_POLICIES)}")
