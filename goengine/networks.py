"""The policy networks: planes in, one logit a point out. They see tensors, never a board.

    alphago          5x5 convolution, then 3x3 convolutions with ReLU (Silver et al. 2016, Methods)
    residual         the same input and head around pre-activation residual blocks
    fully_connected  no convolutions: the baseline

All map float (batch, in_planes, size, size) to float32 logits (batch, num_actions), num_actions = size * size.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from goengine.errors import RecipeError
from goengine.layers import (
    ACTIVATIONS,
    PolicyHead,
    ResidualBlock,
    convolution,
    he_start,
    scale_to_unit_variance,
)

__all__ = ["AlphaGo", "FullyConnected", "PolicyNetwork", "Residual", "build_network", "list_networks"]


class PolicyNetwork(nn.Module):
    """What the policy networks share: the settings that rebuild them, and a start that looks at data."""

    def __init__(self, **config: Any) -> None:
        super().__init__()
        self.config: dict[str, Any] = config

    def data_dependent_start(self, planes: Tensor) -> None:
        """Rescale the fresh weights on a few hundred real positions; does nothing where norms do that."""

    def body(self, x: Tensor, stem_bias: Tensor | None = None) -> Tensor:
        """All before the head, for other heads that learn beside it.

        Args:
            x: (batch, in_planes, size, size).
            stem_bias: (batch, filters, 1, 1), added to the stem's result.
        """
        raise RecipeError("this network has no convolutions for other heads to stand on")


def _plus(x: Tensor, bias: Tensor | None) -> Tensor:
    return x if bias is None else x + bias.to(x.dtype)


class AlphaGo(PolicyNetwork):
    """The supervised policy network of Silver et al. 2016: no residuals, no norms, no pooling.

    Args:
        in_planes: 48 in the paper.
        num_actions: size * size.
        filters: k of the paper: 128, 192, 256.
        depth: convolutions before the head; 12 in the paper (one 5x5, eleven 3x3).
        activation: a name of `goengine.layers.ACTIVATIONS`.
    """

    def __init__(
        self,
        in_planes: int = 48,
        num_actions: int = 361,
        filters: int = 192,
        depth: int = 12,
        activation: str = "relu",
    ) -> None:
        super().__init__(
            in_planes=in_planes, num_actions=num_actions, filters=filters, depth=depth, activation=activation
        )
        self.stem = convolution(in_planes, filters, 5, bias=True)
        self.trunk = nn.ModuleList(convolution(filters, filters, 3, bias=True) for _ in range(depth - 1))
        self.act = ACTIVATIONS[activation]()
        self.head = PolicyHead(filters, num_actions)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in_planes, size, size) to logits (batch, num_actions)."""
        return self.head(self.body(x))  # type: ignore[no-any-return]

    def body(self, x: Tensor, stem_bias: Tensor | None = None) -> Tensor:
        """All before the head: (batch, filters, size, size); see `PolicyNetwork.body`."""
        x = self.act(_plus(self.stem(x), stem_bias))
        for layer in self.trunk:
            x = self.act(layer(x))
        return x

    @torch.no_grad()
    def data_dependent_start(self, planes: Tensor) -> None:
        """Give every channel of every layer mean 0 and variance 2 on these positions.

        Planes hold about five ones a point, and all inputs are positive: from He's start alone the positions look
        alike after twelve layers (mean cosine 0.74 to 0.81 measured; 0.33 with this).

        Args:
            planes: float (batch, in_planes, size, size), 256 positions or more.
        """
        x = planes
        for layer in (self.stem, *self.trunk):
            assert isinstance(layer, nn.Conv2d)
            x = self.act(scale_to_unit_variance(layer, x))


class Residual(PolicyNetwork):
    """AlphaGo's input and head around pre-activation residual blocks, still without pooling.

    Args:
        in_planes: planes of the feature set.
        num_actions: size * size.
        filters: channels of the trunk.
        depth: residual blocks, two 3x3 convolutions each.
        activation: a name of `goengine.layers.ACTIVATIONS`.
    """

    def __init__(
        self,
        in_planes: int = 48,
        num_actions: int = 361,
        filters: int = 64,
        depth: int = 6,
        activation: str = "relu",
    ) -> None:
        super().__init__(
            in_planes=in_planes, num_actions=num_actions, filters=filters, depth=depth, activation=activation
        )
        self.stem = convolution(in_planes, filters, 5, bias=False)
        self.blocks = nn.Sequential(*(ResidualBlock(filters, activation) for _ in range(depth)))
        self.norm = nn.BatchNorm2d(filters)
        self.act = ACTIVATIONS[activation]()
        self.head = PolicyHead(filters, num_actions)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in_planes, size, size) to logits (batch, num_actions)."""
        return self.head(self.body(x))  # type: ignore[no-any-return]

    def body(self, x: Tensor, stem_bias: Tensor | None = None) -> Tensor:
        """All before the head: (batch, filters, size, size); see `PolicyNetwork.body`."""
        return self.act(self.norm(self.blocks(_plus(self.stem(x), stem_bias))))  # type: ignore[no-any-return]


class FullyConnected(PolicyNetwork):
    """Every point joined to every unit: the baseline that a convolutional network must beat.

    Args:
        in_planes: planes of the feature set, 1 for `board1`.
        num_actions: size * size, also the points of a plane.
        filters: units of each hidden layer.
        depth: hidden layers; 0 is a linear model.
        activation: a name of `goengine.layers.ACTIVATIONS`.
    """

    def __init__(
        self,
        in_planes: int = 1,
        num_actions: int = 361,
        filters: int = 1024,
        depth: int = 2,
        activation: str = "relu",
    ) -> None:
        super().__init__(
            in_planes=in_planes, num_actions=num_actions, filters=filters, depth=depth, activation=activation
        )
        widths = [in_planes * num_actions] + [filters] * depth
        layers: list[nn.Module] = []
        for width, units in pairwise(widths):
            dense = nn.Linear(width, units)
            he_start(dense)
            layers += [dense, ACTIVATIONS[activation]()]
        self.hidden = nn.Sequential(*layers)
        self.head = nn.Linear(widths[-1], num_actions)
        he_start(self.head, gain=0.1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in_planes, size, size) to logits (batch, num_actions)."""
        return self.head(self.hidden(x.flatten(1))).float()  # type: ignore[no-any-return]


_NETWORKS: dict[str, Callable[..., PolicyNetwork]] = {
    "alphago": AlphaGo,
    "residual": Residual,
    "fully_connected": FullyConnected,
}


def list_networks() -> list[str]:
    """The names that `build_network` knows."""
    return list(_NETWORKS)


def build_network(name: str, **config: Any) -> PolicyNetwork:
    """A fresh network, started as its class says.

    Args:
        name: one of `list_networks()`.
        **config: in_planes, num_actions, filters, depth, activation; each class has its defaults.

    Raises:
        RecipeError: for an unknown name, an unknown setting, or a value out of range.
    """
    if name not in _NETWORKS:
        raise RecipeError(f"there is no network {name!r}; the networks are {', '.join(_NETWORKS)}")
    activation = config.get("activation", "relu")
    if activation not in ACTIVATIONS:
        raise RecipeError(f"there is no activation {activation!r}; there are {', '.join(ACTIVATIONS)}")
    least = {"in_planes": 1, "num_actions": 4, "filters": 1, "depth": 0 if name == "fully_connected" else 1}
    for setting, value in config.items():
        if setting == "activation":
            continue
        if setting not in least:
            raise RecipeError(f"network {name}: there is no setting {setting!r}; there are {', '.join(least)}")
        if type(value) is not int or not least[setting] <= value <= 100_000:
            raise RecipeError(f"network {name}: {setting} = {value!r} is not a whole number from {least[setting]}")
    return _NETWORKS[name](**config)
