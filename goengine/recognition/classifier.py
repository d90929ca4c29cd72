"""The network that tells empty, black and white points apart, and points from what is none.

It is convolutional and sees a whole window (`goengine.recognition.window`): four halvings bring 16 pixels a step to one
output a point. Two squeeze-and-excitation units let it see the colours of the whole board.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from goengine.errors import NetworkFileError
from goengine.layers import ConvNormAct, ResidualUnit, convolution, he_start

__all__ = ["BUNDLED", "OFF", "PointNetwork", "load_classifier", "read_window", "save_classifier"]

OFF = 3
"""The class of what is no point of the board; the others are EMPTY, BLACK and WHITE of the renderer."""
BUNDLED = Path(__file__).resolve().parent.parent / "bundled" / "recognizer.safetensors"
_KIND = "goengine recognizer 1"


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
        x = windows.permute(0, 3, 1, 2).float() / 64 - 2
        return self.head(self.body(x))[:, :, 1:-1, 1:-1]  # type: ignore[no-any-return]


@torch.no_grad()
def read_window(network: PointNetwork, window: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Probabilities of EMPTY, BLACK, WHITE and OFF for each point of a window, float32 (rows, columns, 4)."""
    logits = network(torch.from_numpy(np.ascontiguousarray(window))[None])
    return np.ascontiguousarray(logits.softmax(1)[0].permute(1, 2, 0).numpy())


def save_classifier(path: Path, network: PointNetwork, made: Mapping[str, Any]) -> None:
    """Write the weights as float16, with a line of how they were made; by way of a temporary file."""
    weights = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    metadata = {"kind": _KIND, "widths": json.dumps(network.widths), "made": json.dumps(made)}
    temporary = path.with_name(path.name + ".tmp")
    save_file(weights, temporary, metadata)
    temporary.chmod(0o644)  # safetensors leaves it to its owner alone
    temporary.replace(path)


def load_classifier(path: Path = BUNDLED) -> PointNetwork:
    """The network of a file, ready to read windows.

    Raises:
        NetworkFileError: the file is missing, damaged, or holds another network.
    """
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("kind") != _KIND:
                raise NetworkFileError(f"{path}: holds no recognizer of this version: use the bundled one")
            network = PointNetwork(tuple(json.loads(metadata["widths"])))
            weights = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        counters = {name: value for name, value in network.state_dict().items() if name.endswith("num_batches_tracked")}
        network.load_state_dict(weights | counters)
    except FileNotFoundError:
        raise NetworkFileError(f"{path}: there is no such network file") from None
    except (SafetensorError, OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, NetworkFileError):
            raise
        raise NetworkFileError(f"{path}: not a recognizer's network file, or damaged") from None
    return network.eval()
