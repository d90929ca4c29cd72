"""The input that most excites a filter, a neuron or an output: gradient ascent on the input, weights fixed.

Plain ascent finds inputs that look like nothing much: many small values everywhere push an output up. With the L1 term
the sum of |x| is held against them, and only what is worth its price stays (Erhan et al. 2009 for the ascent; each step
of the L1 term is the soft threshold of Daubechies, Defrise and De Mol 2004, which gives true zeros).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from goengine.errors import GoEngineError
from goengine.features import feature_set
from goengine.visualize.activations import layer_output
from goengine.visualize.attribution import Score

__all__ = ["Excited", "excite", "filter_score", "neuron_score", "plane_projection"]


@dataclass(frozen=True)
class Excited:
    """What ascent found.

    Attributes:
        x: float (channels, rows, columns).
        score: y at x, without the L1 term.
        start: y where the ascent began.
        norm: the sum of |x|.
    """

    x: Tensor
    score: float
    start: float
    norm: float


def filter_score(network: nn.Module, layer: str, number: int) -> Score:
    """The sum of one filter's map, as far as the layer's output gives it: (batch,).

    Raises:
        GoEngineError: when it is asked for a layer or a filter that is not there, or a layer without maps.
    """

    def score(x: Tensor) -> Tensor:
        maps = layer_output(network, layer, x)
        _check(maps, layer, number, 4)
        return maps[:, number].sum((1, 2))

    return score


def neuron_score(network: nn.Module, layer: str, number: int, where: tuple[int, int] | None = None) -> Score:
    """One neuron: a point of a filter's map (row, column), or without a place a unit of a dense layer: (batch,).

    Raises:
        GoEngineError: when it is asked for a layer, a filter or unit, or a place that is not there.
    """

    def score(x: Tensor) -> Tensor:
        output = layer_output(network, layer, x)
        _check(output, layer, number, 2 if where is None else 4)
        if where is None:
            return output[:, number]
        if not (0 <= where[0] < output.shape[2] and 0 <= where[1] < output.shape[3]):
            raise GoEngineError(f"layer {layer!r} has no point {where}: its maps are {tuple(output.shape[2:])}")
        return output[:, number, where[0], where[1]]

    return score


def _check(output: Tensor, layer: str, number: int, dimensions: int) -> None:
    if output.dim() != dimensions:
        what = "maps" if dimensions == 4 else "units"
        raise GoEngineError(f"layer {layer!r} gives no {what}, but {tuple(output.shape[1:])} for one input")
    if not 0 <= number < output.shape[1]:
        raise GoEngineError(f"layer {layer!r} has no number {number}: use 0 to {output.shape[1] - 1}")


def excite(
    score: Score,
    shape: tuple[int, int, int],
    *,
    steps: int = 200,
    rate: float = 0.1,
    l1: float = 0.0,
    low: float = 0.0,
    high: float = 1.0,
    seed: int = 0,
    project: Callable[[Tensor], Tensor] | None = None,
) -> Excited:
    """Maximize score(x) - l1 * sum |x| over inputs between ``low`` and ``high``.

    Args:
        score: y, from (1, channels, rows, columns) to (1,).
        shape: channels, rows and columns.
        steps: of ascent, at least 1.
        rate: length of the first step, as the root mean square over all values; it falls to 0 on the way.
        l1: what one unit of |x| costs, in the unit of the score; 0 for plain ascent.
        low: the least value.
        high: the largest.
        seed: of the faint noise that it begins with.
        project: brings an input (1, channels, rows, columns) back to what inputs may be, after each step.

    Returns:
        The best input on the way, by the score less the L1 term.

    Raises:
        GoEngineError: a number is out of range, or the score does not depend on the input there.
    """
    if steps < 1 or rate <= 0 or l1 < 0 or low >= high:
        raise GoEngineError(
            f"ascent with steps {steps}, rate {rate}, l1 {l1}, from {low} to {high}: steps and rate are above 0, "
            "l1 is not below 0, and the least value is below the largest"
        )
    generator = torch.Generator().manual_seed(seed)
    nearest = min(max(0.0, low), high)
    noise = 0.05 * (high - low) * torch.randn(1, *shape, generator=generator)
    x = (nearest + noise).clamp(low, high)
    best, start, reached = x, float("nan"), float("-inf")
    for step in range(steps + 1):
        x = x.detach() if project is None else project(x.detach())
        x.requires_grad_()
        y = score(x).sum()
        value = float(y.detach())
        penalized = value - l1 * float(x.detach().abs().sum())
        start = value if step == 0 else start
        if penalized > reached:
            best, reached = x.detach(), penalized
        if step == steps:
            break
        (gradient,) = torch.autograd.grad(y, x)
        size = float(gradient.square().mean().sqrt())
        if size == 0:
            if step == 0:
                raise GoEngineError("the score does not change with the input here: try another seed")
            break
        length = rate * (1 - step / steps) / size
        with torch.no_grad():
            x = x + length * gradient
            x = (x.sign() * (x.abs() - length * l1).clamp_min(0)).clamp(low, high)
    with torch.no_grad():
        final = float(score(best))
    return Excited(best[0], final, start, float(best.abs().sum()))


def plane_projection(name: str) -> Callable[[Tensor], Tensor]:
    """Keeps what planes of a feature set must be, as far as one point tells it: for `excite`.

    Of the planes that exclude one another (own, opponent, empty; one liberty, two, ...) a point has at most 1 in all;
    the plane of ones is 1 and the plane of zeros 0. Rules that join several points are not kept: the result is what
    excites the network, no position that could be reached.

    Raises:
        GoEngineError: there is no such feature set.
    """
    features = feature_set(name).features

    def project(x: Tensor) -> Tensor:
        parts, first = [], 0
        for feature in features:
            part = x[:, first : first + feature.planes]
            first += feature.planes
            if feature.name in ("ones", "zeros"):
                part = torch.full_like(part, 1.0 if feature.name == "ones" else 0.0)
            elif feature.planes > 1:
                part = part / part.sum(1, keepdim=True).clamp_min(1.0)
            parts.append(part)
        return torch.cat(parts, 1)

    return project
