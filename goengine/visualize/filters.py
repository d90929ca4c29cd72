"""The filters of the first layer, and the maps that a layer makes of one input, as pictures."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from goengine.errors import GoEngineError
from goengine.features import feature_set
from goengine.visualize.activations import layer_output
from goengine.visualize.pictures import draw_tiles, make_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_filters", "draw_maps", "filter_tiles", "first_filters", "plane_names", "strongest_planes"]

_COLUMNS = 8


def first_filters(network: nn.Module) -> tuple[str, NDArray[np.float32]]:
    """The first convolution's name, and its weights float32 (filters, channels, rows, columns).

    Raises:
        GoEngineError: the network has no convolution.
    """
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            return name, module.weight.detach().cpu().float().numpy().copy()
    raise GoEngineError(f"{type(network).__name__} has no convolution, so it has no filters to show")


def filter_tiles(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Filters as they can be shown: of grey images as they are, of colours (.., 3) in 0 to 1, of Go own - opponent.

    Args:
        weights: float32 (filters, channels, rows, columns); 1 channel, 3, or the planes of a feature set.

    Returns:
        float32 (filters, rows, columns), or (filters, rows, columns, 3).
    """
    channels = weights.shape[1]
    if channels == 1:
        return weights[:, 0]
    if channels == 3:
        most = np.abs(weights).max(axis=(1, 2, 3), keepdims=True)
        return np.moveaxis(0.5 + 0.5 * weights / np.maximum(most, 1e-12), 1, -1)
    return weights[:, 0] - weights[:, 1]


def plane_names(name: str) -> list[str]:
    """A short name for each plane of a feature set, as ``liberties 1``.

    Raises:
        GoEngineError: there is no such feature set.
    """
    names: list[str] = []
    for feature in feature_set(name).features:
        words = feature.name.replace("_", " ")
        first = 0 if feature.name == "capture_size" else 1
        if feature.name == "stones":
            names += ["own", "opponent", "empty"]
        else:
            names += [words] if feature.planes == 1 else [f"{words} {first + n}" for n in range(feature.planes)]
    return names


def strongest_planes(weights: NDArray[np.float32], names: list[str], top: int = 1) -> list[list[str]]:
    """For each filter, the planes with the largest weights (root mean square), first the strongest."""
    strength = np.sqrt((weights**2).mean(axis=(2, 3)))
    order = np.argsort(-strength, axis=1, kind="stable")[:, :top]
    return [[names[plane] for plane in row] for row in order]


def draw_filters(network: nn.Module, feature_set_name: str | None = None) -> "Figure":
    """The filters of the first layer: red above 0, blue below.

    Args:
        network: a classifier, or a policy network's module.
        feature_set_name: of a policy network: each filter is titled with the plane that it weighs most.

    Raises:
        GoEngineError: there is no convolution, or matplotlib is not installed.
    """
    name, weights = first_filters(network)
    tiles = filter_tiles(weights)
    titles: list[str] = []
    shown = "weights"
    if feature_set_name is not None and weights.shape[1] > 3:
        titles = [row[0] for row in strongest_planes(weights, plane_names(feature_set_name))]
        shown = "weights of own less opponent's stones; above each the plane with the largest weights"
    rows = -(-len(tiles) // _COLUMNS)
    figure = make_figure(8, 0.6 + rows * (1.12 if titles else 0.98))
    draw_tiles(figure.subplots(), tiles, _COLUMNS, titles, signed=tiles.ndim == 3)
    side = "x".join(map(str, weights.shape[2:]))
    figure.suptitle(f"{name}: {len(tiles)} filters {side}; {shown}", fontsize=9)
    return figure


def draw_maps(network: nn.Module, layer: str, x: Tensor, title: str = "", most: int = 64) -> "Figure":
    """What the filters of a layer make of one input: white where the value is large, each map with its own range.

    Args:
        network: a classifier, or a policy network's module.
        layer: one that gives maps.
        x: float (1, channels, rows, columns).
        title: what the input is.
        most: no more maps than this are drawn.

    Raises:
        GoEngineError: no such layer, one without maps, or matplotlib is not installed.
    """
    with torch.no_grad():
        maps = layer_output(network, layer, x)
    if maps.dim() != 4:
        raise GoEngineError(f"layer {layer!r} gives no maps, but {tuple(maps.shape[1:])} for one input")
    tiles = maps[0, :most].cpu().float().numpy()
    rows = -(-len(tiles) // _COLUMNS)
    figure = make_figure(8, 0.6 + rows * 0.98)
    draw_tiles(figure.subplots(), tiles, _COLUMNS)
    figure.suptitle(f"{layer}: {len(tiles)} of {maps.shape[1]} maps{': ' + title if title else ''}", fontsize=9)
    return figure
