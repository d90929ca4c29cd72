"""An image classifier while it learns: what `goengine.trainer` does for policy networks, on labelled images."""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from goengine.errors import RecipeError
from goengine.images.networks import Classifier, build_classifier
from goengine.images.recipe import ImageRecipe
from goengine.images.sets import ImageSet
from goengine.optimizers import clip_to_median, make_optimizers, restore_optimizers
from goengine.trainer.averages import Averages
from goengine.trainer.devices import wants_bfloat16

__all__ = ["ImageTrainer", "predict"]

_BATCH = 256


@torch.no_grad()
def predict(classifier: nn.Module, images: NDArray[np.uint8], device: torch.device | None = None) -> Tensor:
    """Probabilities of the classes, float32 (n, classes) on the CPU, for uint8 images (n, channels, size, size)."""
    classifier.eval()
    device = device or torch.device("cpu")
    parts = [
        functional.softmax(classifier(torch.from_numpy(images[at : at + _BATCH]).to(device).float() / 255), 1).cpu()
        for at in range(0, len(images), _BATCH)
    ]
    return torch.cat(parts)


class ImageTrainer:
    """A classifier while it learns.

    Attributes:
        module: the classifier.
        steps: made so far.
        positions: images learnt from so far.
        seconds: spent so far.
    """

    def __init__(self, recipe: ImageRecipe, images: ImageSet, device: torch.device) -> None:
        """Build what the recipe names, for these images to learn from.

        Raises:
            RecipeError: if it does not fit together.
        """
        if len(images) < recipe.batch:
            raise RecipeError(f"batch = {recipe.batch}: there are only {len(images)} images to learn from; lower it")
        if recipe.flip and not images.flips:
            raise RecipeError("flip = true: mirrored, these images are of no class any more; take it out")
        torch.manual_seed(recipe.seed)
        self.recipe, self.images, self.device = recipe, images, device
        self.module: Classifier = build_classifier(
            recipe.network,
            channels=images.images.shape[1],
            size=images.images.shape[2],
            classes=len(images.classes),
            width=recipe.width or None,
        ).to(device)
        self.bfloat16 = wants_bfloat16(recipe.precision, device)
        self.optimizers = make_optimizers(self.module, recipe, fused=device.type == "cuda")
        self.averages = Averages(self.module, recipe.ema)
        self.steps = self.positions = 0
        self.seconds = 0.0
        self._norms = torch.zeros(101, device=device)
        self._pixels, self._labels = torch.from_numpy(images.images), torch.from_numpy(images.labels)
        self._epoch, self._order = -1, np.zeros(0, np.int64)

    @property
    def epoch(self) -> float:
        """How often each image has been seen."""
        return self.positions / len(self.images)

    def batch(self) -> tuple[Tensor, Tensor]:
        """The next images, changed as the recipe says, float (batch, channels, size, size), and their labels.

        Every image is seen once an epoch, but for the few that do not fill a batch. What comes depends on the
        recipe's seed and on the steps made, and on nothing else.
        """
        epoch, number = divmod(self.steps, len(self.images) // self.recipe.batch)
        if epoch != self._epoch:
            self._epoch = epoch
            self._order = np.random.default_rng((self.recipe.seed, epoch)).permutation(len(self.images))
        rows = torch.from_numpy(self._order[number * self.recipe.batch :][: self.recipe.batch])
        images = self._pixels[rows].to(self.device).float() / 255
        chance = torch.Generator().manual_seed((self.recipe.seed * 1_000_003 + self.steps) % 2**63)
        return self.recipe.augmentation(images, chance), self._labels[rows].to(self.device)

    def learn(self, factor: float) -> tuple[float, float]:
        """One step with the learning rate at ``factor`` times its peak.

        Returns:
            The batch's mean loss, nats, and the share of it that was right.

        Raises:
            RecipeError: if the loss is not finite; the weights are those before the step.
        """
        images, labels = self.batch()
        self.module.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            logits = self.module(images)
        loss = functional.cross_entropy(logits.float(), labels, label_smoothing=self.recipe.smoothing)
        if not loss.isfinite():
            raise RecipeError(f"the loss is {loss.item()} at step {self.steps:,}: lower the rate (--rate, --muon-rate)")
        loss.backward()  # type: ignore[no-untyped-call]
        clip_to_median(list(self.module.parameters()), self._norms, self.steps, self.recipe.clip)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * factor
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.steps += 1
        self.positions += len(labels)
        self.averages.update(self.module, len(labels))
        return loss.item(), float((logits.argmax(1) == labels).float().mean())

    def candidates(self) -> Iterator[tuple[str, Classifier]]:
        """The present weights and each average, as classifiers in eval mode; use each before taking the next."""
        copied = copy.deepcopy(self.module).eval()
        yield "raw", copied
        for horizon, weights in zip(self.averages.horizons, self.averages.weights, strict=True):
            copied.load_state_dict(weights)
            yield f"average{horizon}", copied

    def state(self) -> dict[str, Any]:
        """All that is needed to go on, for `goengine.trainer.save_checkpoint`."""
        return {
            "model": self.module.state_dict(),
            "averages": self.averages.state(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "norms": self._norms,
            "counters": {"steps": self.steps, "positions": self.positions, "seconds": self.seconds},
            "random": torch.get_rng_state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`.

        Raises:
            RecipeError: if it is of another network or optimizer.
        """
        try:
            self.module.load_state_dict(state["model"])
            restore_optimizers(self.optimizers, state["optimizers"])
            self.averages.restore(state["averages"], self.module)
            self._norms.copy_(state["norms"])
            self.steps, self.positions = state["counters"]["steps"], state["counters"]["positions"]
            self.seconds = state["counters"]["seconds"]
            torch.set_rng_state(state["random"])
        except (RuntimeError, ValueError, KeyError):
            raise RecipeError("the checkpoint is of another network or optimizer than the recipe's") from None
