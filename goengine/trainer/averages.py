"""Averages of a network's weights while it learns."""

import math
from typing import Any

import torch
from torch import nn

__all__ = ["Averages"]


class Averages:
    """Exponential averages of a network's weights and norms, one for each horizon, in float32."""

    def __init__(self, module: nn.Module, horizons: tuple[int, ...]) -> None:
        """Start them at the network's present weights; horizons are in positions."""
        self.horizons = horizons
        self._steps = 0
        self.weights = [{k: v.detach().clone() for k, v in module.state_dict().items()} for _ in horizons]

    @torch.no_grad()
    def update(self, module: nn.Module, positions: int) -> None:
        """Move towards the network's weights, after it has learnt from so many positions more."""
        self._steps += 1
        now = module.state_dict()
        floats = [name for name, tensor in now.items() if tensor.is_floating_point()]
        for horizon, average in zip(self.horizons, self.weights, strict=True):
            keep = min(math.exp(-positions / horizon), self._steps / (self._steps + 9))
            if floats:
                torch._foreach_lerp_([average[name] for name in floats], [now[name] for name in floats], 1 - keep)

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"horizons": list(self.horizons), "steps": self._steps, "weights": self.weights}

    @torch.no_grad()
    def restore(self, state: dict[str, Any], module: nn.Module) -> None:
        """Go on from `state()`; horizons that it does not have start at the network's present weights."""
        self._steps = state["steps"]
        known = dict(zip(state["horizons"], state["weights"], strict=True))
        for horizon, average in zip(self.horizons, self.weights, strict=True):
            weights = known.get(horizon) or module.state_dict()
            for name, tensor in average.items():
                tensor.copy_(weights[name])
