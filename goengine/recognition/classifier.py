"""The network that tells empty, black and white points apart, and points from what is none; in NumPy alone.

What it is made of, and how it is trained, is in `goengine.recognition.network`, which lists its layers in the header of
the file. Here they are only computed: for one picture a command would wait longer for PyTorch than for the answer.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from goengine.errors import NetworkFileError

__all__ = ["BLACK", "BUNDLED", "EMPTY", "KIND", "MIDDLE", "OFF", "SPREAD", "WHITE", "Classifier", "load_classifier"]

EMPTY, BLACK, WHITE, OFF = range(4)
"""The classes of points; OFF is what is no point of the board."""
BUNDLED = Path(__file__).resolve().parent.parent / "bundled" / "recognizer.safetensors"
KIND = "goengine recognizer 2"
"""What a file's header says that it is."""
MIDDLE, SPREAD = 128, 64
"""Pixels become (pixel - MIDDLE) / SPREAD."""
_NORM_EPSILON = 1e-5  # of the layers' batch norm

_Floats = NDArray[np.float32]
_Layer = Callable[[_Floats], _Floats]


@dataclass(frozen=True)
class Classifier:
    """The layers of a file, one after the other; each takes and gives float32 (rows, columns, channels)."""

    layers: tuple[_Layer, ...]

    def read(self, window: NDArray[np.uint8], turns: int = 1) -> _Floats:
        """Probabilities of EMPTY, BLACK, WHITE and OFF for each point of a window.

        Args:
            window: uint8 (height, width, 3), as `cut_window` gives it.
            turns: 1 to 8 of the eight orientations, over which the probabilities are averaged.

        Returns:
            float32 (rows, columns, 4).
        """
        total: _Floats | None = None
        for number in range(turns):
            turned = np.rot90(window, number)
            turned = turned[:, ::-1] if number >= 4 else turned
            found = self._once(turned)
            found = np.rot90(found[:, ::-1] if number >= 4 else found, -number)
            total = found if total is None else total + found
        assert total is not None
        return np.ascontiguousarray(total / np.float32(turns))

    def _once(self, window: NDArray[np.uint8]) -> _Floats:
        x: _Floats = (window.astype(np.float32) - np.float32(MIDDLE)) / np.float32(SPREAD)
        for layer in self.layers:
            x = layer(x)
        logits = x[1:-1, 1:-1]
        odds = np.exp(logits - logits.max(axis=2, keepdims=True))
        return np.asarray(odds / odds.sum(axis=2, keepdims=True))


def load_classifier(path: Path = BUNDLED) -> Classifier:
    """The network of a file, ready to read windows.

    Raises:
        NetworkFileError: the file is missing, damaged, or holds another network.
    """
    try:
        with safe_open(path, "numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("kind") != KIND:
                raise NetworkFileError(f"{path}: holds no recognizer of this version: use the bundled one")
            weights = {name: file.get_tensor(name).astype(np.float32) for name in file.keys()}  # noqa: SIM118
        classifier = Classifier(
            tuple(_BUILDERS[step["kind"]](weights, step) for step in json.loads(metadata["layers"]))
        )
        if classifier.read(np.zeros((49, 33, 3), np.uint8)).shape != (2, 1, 4):
            raise ValueError("other outputs")
    except FileNotFoundError:
        raise NetworkFileError(f"{path}: there is no such network file") from None
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, NetworkFileError):
            raise
        raise NetworkFileError(f"{path}: not a recognizer's network file, or damaged") from None
    return classifier


def _convolution(weights: Mapping[str, _Floats], step: Mapping[str, Any]) -> _Layer:
    """A convolution: its windows as the rows of a matrix, times its filters. With batch norm where the file has one."""
    name, stride, relu = str(step["name"]), int(step["stride"]), bool(step["relu"])
    if step["norm"]:
        filters, norm = weights[f"{name}.0.weight"], f"{name}.1"
        scale = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"] + _NORM_EPSILON)
        filters = filters * scale[:, None, None, None]
        bias = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale
    else:
        filters, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    count, channels, side, _ = filters.shape
    matrix = np.ascontiguousarray(filters.transpose(2, 3, 1, 0)).reshape(-1, count)
    around = side // 2

    def layer(x: _Floats) -> _Floats:
        if x.shape[2] != channels:
            raise ValueError("channels do not fit")
        padded = np.pad(x, ((around, around), (around, around), (0, 0)))
        down, across, one = padded.strides
        rows, columns = ((length - 1) // stride + 1 for length in x.shape[:2])
        shape = (rows, columns, side, side * channels)  # a filter's row covers neighbouring numbers
        seen = as_strided(padded, shape, (stride * down, stride * across, down, one), writeable=False)
        y = seen.reshape(rows * columns, -1) @ matrix
        y += bias
        if relu:
            np.maximum(y, 0, out=y)
        return np.asarray(y.reshape(rows, columns, count))

    return layer


def _residual(weights: Mapping[str, _Floats], step: Mapping[str, Any]) -> _Layer:
    """A residual unit whose shortcut is the identity, with squeeze and excitation (`goengine.layers.blocks`)."""
    name = str(step["name"])
    first, second = (
        _convolution(weights, {"name": f"{name}.{part}", "stride": 1, "norm": True, "relu": part == "first"})
        for part in ("first", "second")
    )
    squeeze, excite = (
        (weights[f"{name}.weigh.{part}.weight"].T, weights[f"{name}.weigh.{part}.bias"])
        for part in ("squeeze", "excite")
    )

    def layer(x: _Floats) -> _Floats:
        y = second(first(x))
        units = np.maximum(y.mean(axis=(0, 1)) @ squeeze[0] + squeeze[1], 0)
        y *= 1 / (1 + np.exp(-(units @ excite[0] + excite[1])))
        y += x
        return np.asarray(np.maximum(y, 0, out=y))

    return layer


_BUILDERS = {"convolution": _convolution, "residual": _residual}
