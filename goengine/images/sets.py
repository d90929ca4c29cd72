"""Labelled images in memory, and how they are divided into those to learn from and those to test on."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from goengine.errors import ImageError

__all__ = ["ImageSet", "folds", "split"]


@dataclass(frozen=True)
class ImageSet:
    """Images of one size with their classes.

    Attributes:
        images: uint8 (n, channels, size, size); 0 is black, 255 white; channels are red, green, blue, or one grey.
        labels: int64 (n,), index into `classes`.
        classes: their names.
        flips: whether a mirrored image is still of its class: not so for digits and letters.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    flips: bool = False

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or len(self.images) != len(self.labels) or self.images.dtype != np.uint8:
            raise ValueError(f"images {self.images.dtype} {self.images.shape} with {len(self.labels)} labels")

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[np.int64]) -> "ImageSet":
        """The images with these numbers."""
        return ImageSet(self.images[rows], self.labels[rows], self.classes, self.flips)

    def digest(self) -> str:
        """Of the images, their classes and their order: whether a set is still the one that it was."""
        found = hashlib.blake2b(repr((self.images.shape, self.classes)).encode(), digest_size=16)
        found.update(np.ascontiguousarray(self.images).data)
        found.update(np.ascontiguousarray(self.labels).data)
        return found.hexdigest()

    def with_more(self, other: "ImageSet") -> "ImageSet":
        """These images, and then those of another set of the same classes and size."""
        images, labels = np.concatenate([self.images, other.images]), np.concatenate([self.labels, other.labels])
        return ImageSet(images, labels, self.classes, self.flips)


def split(images: ImageSet, share: float, seed: int = 0) -> tuple[ImageSet, ImageSet]:
    """Two sets, of every class its share: most of it, and about ``share`` to test on. The same for the same seed.

    Raises:
        ImageError: when a class has one image only.
    """
    generator = np.random.default_rng(seed)
    held = np.zeros(len(images), bool)
    for number, name in enumerate(images.classes):
        rows = np.flatnonzero(images.labels == number)
        if len(rows) < 2:
            raise ImageError(
                f"class {name!r} has {len(rows)} image(s): at least 2 are needed, to learn from and to test"
            )
        held[generator.permutation(rows)[: min(len(rows) - 1, max(1, round(share * len(rows))))]] = True
    return images.take(np.flatnonzero(~held)), images.take(np.flatnonzero(held))


def folds(images: ImageSet, count: int, seed: int = 0) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """The rows to learn from and those to test on, ``count`` times; every image is tested once, every class in each.

    Raises:
        ImageError: when a class has fewer images than there are folds.
    """
    from sklearn.model_selection import StratifiedKFold

    fewest = np.bincount(images.labels, minlength=len(images.classes)).min()
    if count < 2 or fewest < count:
        raise ImageError(f"{count} folds: at least 2, and no more than the {fewest} images of the smallest class")
    parts = StratifiedKFold(count, shuffle=True, random_state=seed % 2**32)  # which takes no more bits
    yield from parts.split(np.zeros(len(images)), images.labels)
