"""Muon, and which parameter gets which optimizer."""

from collections.abc import Iterable
from typing import Any, Protocol

import torch
from torch import Tensor, nn

__all__ = ["Muon", "Rates", "clip_to_median", "make_optimizers", "orthogonalized", "restore_optimizers"]

_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # a quintic that brings singular values near 1 in five steps (Jordan 2024)


class Rates(Protocol):
    """What a recipe says about its optimizer: see `goengine.recipe.Recipe`."""

    @property
    def optimizer(self) -> str:
        """Muon, adamw or sgd."""

    @property
    def rate(self) -> float:
        """Peak of AdamW or SGD."""

    @property
    def muon_rate(self) -> float:
        """Peak of Muon."""

    @property
    def momentum(self) -> float:
        """Of Muon or SGD."""

    @property
    def weight_decay(self) -> float:
        """Decoupled."""


def orthogonalized(matrices: Tensor, steps: int = 5) -> Tensor:
    """Matrices with the same singular vectors and all singular values near 1 (between about 0.7 and 1.2).

    Args:
        matrices: float (n, rows, columns).
        steps: Newton-Schulz iterations.

    Returns:
        The same shape and dtype.
    """
    a, b, c = _NEWTON_SCHULZ
    tall = matrices.shape[1] > matrices.shape[2]
    wide = matrices.transpose(1, 2) if tall else matrices
    x: Tensor = wide / (wide.norm(dim=(1, 2), keepdim=True) + 1e-7)
    # Each iteration multiplies x by a polynomial of x x', and so x x' by its square: the small square matrices suffice.
    gram, identity = x @ x.transpose(1, 2), torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    factor = identity.expand_as(gram)
    for _ in range(steps):
        polynomial = a * identity + b * gram + c * gram @ gram
        factor, gram = polynomial @ factor, polynomial @ gram @ polynomial
    result: Tensor = factor @ x
    return result.transpose(1, 2) if tall else result


class Muon(torch.optim.Optimizer):
    """Momentum orthogonalized: each weight tensor, seen as (first dimension, rest), steps by a near-orthogonal matrix.

    The update is scaled by 0.2 sqrt(larger dimension), which gives it the root mean square of AdamW's; weight decay is
    decoupled. Tensors of the same shape are treated together.
    """

    def __init__(
        self, params: Iterable[nn.Parameter], lr: float, momentum: float = 0.95, weight_decay: float = 0.0
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One step from the gradients that are there; `closure` is not used."""
        for group in self.param_groups:
            momentum = group["momentum"]
            shapes: dict[torch.Size, list[nn.Parameter]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    shapes.setdefault(parameter.shape, []).append(parameter)
            for alike in shapes.values():
                directions = []
                for parameter in alike:
                    gradient = parameter.grad
                    assert gradient is not None
                    state = self.state[parameter]
                    if "momentum" not in state:
                        state["momentum"] = torch.zeros_like(parameter)
                    buffer = state["momentum"].lerp_(gradient, 1 - momentum)
                    directions.append(gradient.lerp(buffer, momentum).flatten(1))  # Nesterov
                updates = orthogonalized(torch.stack(directions))
                scale = 0.2 * max(updates.shape[1:]) ** 0.5
                for parameter, update in zip(alike, updates, strict=True):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.add_(update.view(parameter.shape), alpha=-group["lr"] * scale)


def make_optimizers(
    module: nn.Module, recipe: Rates, fused: bool = False, beside: Iterable[nn.Parameter] = ()
) -> list[torch.optim.Optimizer]:
    """The recipe's optimizers; together they hold each parameter once.

    Muon gets the convolutions inside the network and the hidden dense layers; stem, head, norms and biases get AdamW,
    and so does what learns `beside` the module.
    Weight decay is on weights of two dimensions or more. Each group remembers its peak rate as ``peak``.
    """
    parameters = dict(module.named_parameters())
    hidden = {
        name
        for name, parameter in parameters.items()
        if recipe.optimizer == "muon" and parameter.dim() > 1 and not name.startswith(("stem.", "head."))
    }
    optimizers: list[torch.optim.Optimizer] = []
    if hidden:
        convolutions = [parameters[name] for name in parameters if name in hidden]
        optimizers.append(Muon(convolutions, recipe.muon_rate, recipe.momentum, recipe.weight_decay))
    rest = [*(parameters[name] for name in parameters if name not in hidden), *beside]
    groups = [
        {"params": [p for p in rest if p.dim() > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in rest if p.dim() <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if recipe.optimizer == "sgd":
        nesterov = recipe.momentum > 0
        optimizers.append(torch.optim.SGD(groups, lr=recipe.rate, momentum=recipe.momentum, nesterov=nesterov))
    else:
        optimizers.append(torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.99), eps=1e-8, fused=fused))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return optimizers


def restore_optimizers(optimizers: Iterable[torch.optim.Optimizer], states: Iterable[Any]) -> None:
    """Go on from what ``state_dict`` gave, but with the rates, decay and momentum of the recipe as it is now.

    Raises:
        ValueError, KeyError: if the states are of other optimizers.
    """
    for optimizer, state in zip(optimizers, states, strict=True):
        settings = [{k: v for k, v in group.items() if k != "params"} for group in optimizer.param_groups]
        optimizer.load_state_dict(state)
        for group, as_now in zip(optimizer.param_groups, settings, strict=True):
            group.update(as_now)


@torch.no_grad()
def clip_to_median(parameters: list[nn.Parameter], history: Tensor, count: int, multiple: float) -> Tensor:
    """Scale the gradients down where their norm exceeds a multiple of its running median.

    A fixed limit would clip every step or none: norms differ by a factor of ten between initialisations. Nothing here
    waits for the device.

    Args:
        parameters: with gradients; changed in place.
        history: float (n,), the last norms, a ring; changed in place.
        count: steps made so far.
        multiple: of the median; 0 only measures.

    Returns:
        The norm before clipping, a scalar tensor.
    """
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norm: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    seen = min(count, len(history))
    limit = history[:seen].median() * multiple if seen >= 10 else norm.new_tensor(30.0)
    if multiple > 0:
        torch._foreach_mul_(gradients, (limit / (norm + 1e-6)).clamp(max=1.0))
    history[count % len(history)] = torch.where(norm.isfinite(), norm, limit)
    return norm
