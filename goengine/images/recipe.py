"""The settings of an image classifier's training run: a frozen dataclass like `goengine.recipe.Recipe`."""

import dataclasses
from dataclasses import dataclass

from goengine import settings
from goengine.errors import RecipeError
from goengine.images.augment import Augmentation
from goengine.images.networks import list_classifiers

__all__ = ["ImageRecipe"]


@dataclass(frozen=True)
class ImageRecipe:
    """One run's settings; sizes in images, times in minutes, rates at the peak of the schedule."""

    name: str = "unnamed"
    # The network (goengine.images.networks).
    network: str = "lecture"
    width: int = 0  # channels of its first stage; 0 is what is usual here
    # The images (goengine.images.data).
    data: str = "digits"  # digits, mnist, cifar10, or a folder with a subfolder a class
    size: int = 32  # side to which the pictures of a folder are brought
    test_share: float = 0.2  # of the digits, or of a folder's pictures
    # How far each image is changed before the network sees it (goengine.images.augment).
    shift: float = 0.0
    rotation: float = 0.0
    zoom: float = 0.0
    shear: float = 0.0
    flip: bool = False
    # How long: whichever ends first; 0 is no limit, and one of them must be set.
    epochs: float = 0.0  # how often each image is seen; sets positions where they are 0
    positions: int = 0  # images to learn from, each counted as often as it is seen
    minutes: float = 0.0
    # The optimizer (goengine.optimizers), and the schedule (goengine.trainer.schedule).
    optimizer: str = "adamw"  # muon, adamw, sgd
    batch: int = 64
    rate: float = 2e-3
    muon_rate: float = 2e-3
    momentum: float = 0.95
    weight_decay: float = 0.05
    schedule: str = "cosine"
    warmup: int = 1_000
    cooldown: float = 0.4
    clip: float = 4.0
    smoothing: float = 0.0  # of the labels: this share of each target is spread evenly over the classes
    ema: tuple[int, ...] = ()  # horizons of the averaged weights, images
    seed: int = 1
    # The machine.
    device: str = "auto"
    precision: str = "auto"
    threads: int = 0
    # What is written when.
    log_steps: int = 20
    validate_epochs: float = 1.0
    checkpoint_minutes: float = 2.0

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            RecipeError: naming the setting, its value and what is allowed.
        """
        choices = {
            "network": tuple(list_classifiers()),
            "optimizer": ("muon", "adamw", "sgd"),
            "schedule": ("flat", "cosine"),
            "precision": ("auto", "float32", "bfloat16"),
        }
        settings.check_choices(self, choices)
        settings.check_least(self, {"batch": 2, "log_steps": 1, "size": 8})
        for name in ("cooldown", "momentum", "smoothing", "shift", "zoom"):
            if getattr(self, name) >= 1 + (name == "cooldown"):
                raise RecipeError(f"{name} = {getattr(self, name)!r}: must be below 1")
        if not 0 < self.test_share < 1 or not self.validate_epochs:
            name = "validate_epochs" if 0 < self.test_share < 1 else "test_share"
            raise RecipeError(f"{name} = {getattr(self, name)!r}: must be above 0, and test_share below 1")
        if not self.positions and not self.minutes and not self.epochs:
            raise RecipeError("the recipe has no end: set epochs, positions or minutes")

    @property
    def augmentation(self) -> Augmentation:
        """How far each image is changed."""
        return Augmentation(self.shift, self.rotation, self.zoom, self.shear, self.flip)

    def with_length(self, images: int) -> "ImageRecipe":
        """The same with ``positions`` set from ``epochs``, where they are 0."""
        if self.positions or not self.epochs:
            return self
        return dataclasses.replace(self, positions=max(self.batch, round(self.epochs * images)))
