"""Which inputs an output depends on: three answers, by Captum (Kokhlikyan et al. 2020).

    saliency                |dy/dx|: where a small change matters most (Simonyan, Vedaldi and Zisserman 2014)
    integrated_gradients    dy/dx summed on the way from a baseline: parts that add up (Sundararajan, Taly and Yan 2017)
    occlusion               how much y falls when a part is covered (Zeiler and Fergus 2014)

y is a *score*: any function from a batch of inputs to one number each. `output_score` and `log_odds_score` make them
from a network. Covering part of a Go board with zeros makes no position: see `goengine.visualize.stones`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from goengine.errors import GoEngineError
from goengine.visualize.extras import check_extras

__all__ = [
    "Integrated",
    "Score",
    "integrated_gradients",
    "log_odds",
    "log_odds_score",
    "occlusion",
    "output_score",
    "saliency",
]

Score = Callable[[Tensor], Tensor]
"""From inputs (batch, ...) to one number each, float (batch,); differentiable."""

_AT_ONCE = 64  # inputs in one pass through the network


def output_score(network: nn.Module, index: int) -> Score:
    """One output of the network as it is: the logit of a class or of a move."""
    return lambda x: network(x)[:, index]


def log_odds(logits: Tensor, index: int, among: Tensor | None = None) -> Tensor:
    """ln(p / (1 - p)) of one output, in nats, where p is its probability after softmax.

    Unlike the logit it counts what the others get; unlike p itself it does not go flat when the network is sure.

    Args:
        logits: float (batch, outputs), or log probabilities.
        index: which output.
        among: bool (outputs,) or (batch, outputs): the softmax is over these only; all if None.

    Returns:
        float (batch,).
    """
    others = torch.ones(logits.shape[1], dtype=torch.bool) if among is None else among.clone()
    others[..., index] = False
    rest = logits.masked_fill(~others.to(logits.device), float("-inf")).logsumexp(1)
    return logits[:, index] - rest


def log_odds_score(network: nn.Module, index: int, among: Tensor | None = None) -> Score:
    """`log_odds` of one output of the network.

    Raises:
        GoEngineError: nothing else is among them, so that its probability is always 1.
    """
    if among is not None and not bool(among.sum() > among[index]):
        raise GoEngineError("there is nothing to explain: no other choice is left")
    return lambda x: log_odds(network(x), index, among)


def saliency(score: Score, x: Tensor) -> Tensor:
    """|dy/dx| at these inputs, each by itself: the shape of x, float (batch, ...).

    Raises:
        GoEngineError: Captum is not installed.
    """
    check_extras("captum")
    from captum.attr import Saliency

    return Saliency(score).attribute(x.detach().clone().requires_grad_(), abs=True).detach()  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Integrated:
    """Integrated gradients, and how far they are from adding up.

    Attributes:
        attributions: float, the shape of the input; signed, in the unit of the score.
        gap: float (batch,): their sum, less score(x) - score(baseline). 0 for endless steps (completeness).
    """

    attributions: Tensor
    gap: Tensor


def integrated_gradients(score: Score, x: Tensor, baseline: Tensor | None = None, steps: int = 64) -> Integrated:
    """What each input contributes to score(x) - score(baseline), along the straight line between them.

    Args:
        score: y.
        x: float (batch, ...).
        baseline: where "nothing" is: the shape of x, or with batch 1; zeros if None (a black image).
        steps: points of the Gauss-Legendre rule on the line, at least 1.

    Raises:
        GoEngineError: Captum is not installed.
    """
    check_extras("captum")
    from captum.attr import IntegratedGradients

    if steps < 1:
        raise GoEngineError(f"{steps} steps are too few: use 1 or more")
    start = torch.zeros_like(x[:1]) if baseline is None else baseline
    method = IntegratedGradients(score, multiply_by_inputs=True)
    attributions, gap = method.attribute(
        x.detach().clone().requires_grad_(),
        baselines=start.expand_as(x).contiguous(),
        n_steps=steps,
        internal_batch_size=max(_AT_ONCE, len(x)),
        return_convergence_delta=True,
    )
    return Integrated(attributions.detach(), gap.detach())


def occlusion(score: Score, x: Tensor, window: int = 3, stride: int = 1, baseline: float = 0.0) -> Tensor:
    """How much the score falls when a square window is covered, in all channels at once.

    Args:
        score: y.
        x: float (batch, channels, rows, columns).
        window: side of the square, in pixels, up to the smaller side of x.
        stride: step of the square, at most the window's side, so that nothing is left out.
        baseline: what it is covered with; 0 is black.

    Returns:
        float (batch, rows, columns): score(x) - score(x covered), the mean of the windows over each pixel; above 0
        where covering hurts.

    Raises:
        GoEngineError: Captum is not installed, or the window does not fit.
    """
    check_extras("captum")
    from captum.attr import Occlusion

    channels, rows, columns = x.shape[1:]
    if not 1 <= stride <= window <= min(rows, columns):
        raise GoEngineError(
            f"a window of {window} at stride {stride} does not fit {rows}x{columns}: "
            f"use 1 <= stride <= window <= {min(rows, columns)}"
        )
    with torch.no_grad():
        found = Occlusion(score).attribute(
            x,
            sliding_window_shapes=(channels, window, window),
            strides=(channels, stride, stride),
            baselines=baseline,
            perturbations_per_eval=max(1, _AT_ONCE // len(x)),
        )
    return found[:, 0]  # type: ignore[no-any-return]
