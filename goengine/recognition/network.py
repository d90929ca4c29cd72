"""The classifier of points while it learns: its layers, and the file that `goengine.recognition.classifier` computes.

It is convolutional and sees a whole window (`goengine.recognition.window`): four halvings bring 16 pixels a step to one
output a point. A squeeze-and-excitation unit lets it see the colours of the whole board.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor, nn

from goengine.files import written
from goengine.layers import ConvNormAct, ResidualUnit, SqueezeExcitation, convolution, he_start
from goengine.recognition.classifier import KIND, MIDDLE, SPREAD

__all__ = ["PointNetwork", "save_classifier"]


class PointNetwork(nn.Module):
    """Windows to the four classes of each point."""

    def __init__(self, widths: tuple[int, ...] = (16, 24, 40, 56)) -> None:
        super().__init__()
        self.widths = widths
        layers: list[nn.Module] = []
        before = 3
        for width in widths:
            layers.append(ConvNormAct(before, width, 5 if before == 3 else 3, stride=2))
            before = width
        self.body = nn.Sequential(*layers, ResidualUnit(before, before, squeeze=True))
        self.head = convolution(before, 4, 1, bias=True)
        he_start(self.head, gain=0.5)

    def forward(self, windows: Tensor) -> Tensor:
        """Uint8 (batch, height, width, 3) as `cut_window` gives them, to logits (batch, 4, rows, columns)."""
        x = (windows.permute(0, 3, 1, 2).float() - MIDDLE) / SPREAD
        return self.head(self.body(x))[:, :, 1:-1, 1:-1]  # type: ignore[no-any-return]

    def layers(self) -> list[dict[str, Any]]:
        """What `goengine.recognition.classifier` computes: kind and name of each layer, in order, and its settings.

        Raises:
            ValueError: it cannot compute one of them.
        """
        named = [(f"body.{name}", layer) for name, layer in self.body.named_children()]
        return [_described(name, layer) for name, layer in [*named, ("head", self.head)]]


def _described(name: str, layer: nn.Module) -> dict[str, Any]:
    """One layer, as `PointNetwork.layers` gives it."""
    if isinstance(layer, ResidualUnit) and isinstance(layer.weigh, SqueezeExcitation):
        if isinstance(layer.shortcut, nn.Identity):
            return {"kind": "residual", "name": name}
    else:
        parts = list(layer) if isinstance(layer, ConvNormAct) else [layer]
        first, rest = parts[0], [type(part) for part in parts[1:]]
        known = rest in ([], [nn.BatchNorm2d], [nn.BatchNorm2d, nn.ReLU])
        if isinstance(first, nn.Conv2d) and known and first.groups == 1 and first.dilation == (1, 1):
            norm, relu = nn.BatchNorm2d in rest, nn.ReLU in rest
            return {"kind": "convolution", "name": name, "stride": first.stride[0], "norm": norm, "relu": relu}
    raise ValueError(f"goengine.recognition.classifier cannot compute the layer {name}: {layer}")


def save_classifier(path: Path, network: PointNetwork, made: Mapping[str, Any]) -> None:
    """Write the weights as float16, with the layers and a line of how they were made."""
    weights = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    metadata = {"kind": KIND, "layers": json.dumps(network.layers()), "made": json.dumps(made)}
    with written(path) as temporary:
        temporary.write_bytes(save(weights, metadata))
