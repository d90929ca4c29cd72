"""Images a little changed, so that a network sees each of them anew: shifts, rotations, zoom, shear, flips."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["Augmentation"]


@dataclass(frozen=True)
class Augmentation:
    """How far an image may be changed; each is drawn evenly between minus and plus this.

    Attributes:
        shift: part of the side.
        rotation: degrees.
        zoom: part of the size.
        shear: tangent of the angle.
        flip: whether half of the images are mirrored left to right (not for digits).
    """

    shift: float = 0.0
    rotation: float = 0.0
    zoom: float = 0.0
    shear: float = 0.0
    flip: bool = False

    @property
    def nothing(self) -> bool:
        """Whether images stay as they are."""
        return not (self.shift or self.rotation or self.zoom or self.shear or self.flip)

    def matrices(self, count: int, generator: torch.Generator) -> Tensor:
        """Float (count, 2, 3) for ``affine_grid``: from a point of the changed image to one of the image."""

        def even(limit: float) -> Tensor:
            return (2 * torch.rand(count, generator=generator) - 1) * limit

        angle, scale, shear = even(math.radians(self.rotation)), 1 + even(self.zoom), even(self.shear)
        mirror = torch.ones(count)
        if self.flip:
            mirror[torch.rand(count, generator=generator) < 0.5] = -1
        turned = torch.stack([torch.cos(angle), -torch.sin(angle), torch.sin(angle), torch.cos(angle)], 1).view(
            -1, 2, 2
        )
        sheared = torch.eye(2).repeat(count, 1, 1)
        sheared[:, 0, 1] = shear
        linear = (turned @ sheared) / scale.view(-1, 1, 1)
        linear[:, :, 0] *= mirror.view(-1, 1)
        offset = torch.stack([even(2 * self.shift), even(2 * self.shift)], 1)
        return torch.cat([linear, offset.unsqueeze(2)], 2)

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Float (batch, channels, size, size), each changed its own way; outside an image is its edge."""
        if self.nothing:
            return images
        grid = functional.affine_grid(
            self.matrices(len(images), generator).to(images), list(images.shape), align_corners=False
        )
        return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
