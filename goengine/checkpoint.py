"""Network files: safetensors with all that is needed to use them, and nothing that could run code.

The header's ``goengine`` entry is JSON: format, architecture, config, feature_set, board_size, name, and, for people,
recipe, training and results. Weights of convolutions and dense layers are stored as float16, vectors (norms, biases)
as float32. A player's repertoire (`goengine.repertoire`) may stand beside them, as tensors of its own.

Torch is imported only when a network is loaded or saved; `read_metadata` needs the standard library alone.
"""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from goengine.bundled import network_file
from goengine.errors import NetworkFileError, RecipeError
from goengine.files import written
from goengine.repertoire import Repertoire
from goengine.symmetry import SYMMETRIES, averaged, inverse_table, symmetry_table

if TYPE_CHECKING:
    import torch
    from torch import nn

    from goengine.inference import Inference
    from goengine.networks import PolicyNetwork

__all__ = ["Network", "load_network", "read_metadata", "save_network", "unmeasured"]

FORMAT = 1
_LARGEST_HEADER = 10_000_000
_FEW = 8  # boards
_REPERTOIRE = "repertoire."  # before the names of its tensors
_REQUIRED = ("architecture", "config", "feature_set", "board_size")


@dataclass
class Network:
    """A trained network and what it was trained for.

    Attributes:
        module: the network, in eval mode, on its device, in float32. It may be changed, also by hooks and exchanged
            parts; single weights under ``torch.no_grad()`` rather than through ``.data`` (`goengine.inference`).
        metadata: the file's, as `save_network` describes.
        name: for people and for GTP.
        feature_set: what it must be fed with.
        size: of the board, points a side.
        repertoire: what a player chose in openings, looked up for batches of words; None where there is none.
    """

    module: "PolicyNetwork"
    metadata: dict[str, Any]
    name: str = "network"
    feature_set: str = "alphago48"
    size: int = 19
    repertoire: Repertoire | None = None
    _tables: dict[str, "torch.Tensor"] = field(default_factory=dict, repr=False)
    _inference: "Inference | None" = field(default=None, repr=False, compare=False)

    def policy(
        self,
        batch: npt.NDArray[Any],
        symmetries: int = 1,
        legal: npt.NDArray[np.bool_] | None = None,
    ) -> npt.NDArray[np.float32]:
        """The probability of each point.

        Args:
            batch: uint64 (batch, size, size) words of `goengine.features.encode_words`, or uint8 or int8
                (batch, planes, size, size) planes of this network's feature set.
            symmetries: 1, or the mean over 2, 4 or all 8 (`goengine.symmetry.AVERAGED`), so many times the work.
            legal: bool (batch, size * size); if given, the probabilities are over these points only.

        Returns:
            float32 (batch, size * size); each row sums to 1 (to 0 where `legal` has no point).

        Raises:
            NetworkFileError: if the batch is of another board size or has another number of planes.
            GoEngineError: the mean over so many symmetries is not to be had.
        """
        policy = self._by_words(batch, symmetries, legal)
        if policy is None:
            policy = self._by_planes(batch, symmetries, legal)
        if self.repertoire is not None and batch.dtype == np.uint64:
            policy = self.repertoire.blend(policy, batch.reshape(len(batch), -1), legal)
        return policy

    def _by_planes(
        self, batch: npt.NDArray[Any], symmetries: int, legal: npt.NDArray[np.bool_] | None
    ) -> npt.NDArray[np.float32]:
        """`policy` by the module itself, without the repertoire."""
        import torch

        from goengine.winograd import sharing

        planes = self._planes(batch)
        device = planes.device
        if "to" not in self._tables:
            self._tables["to"] = torch.from_numpy(symmetry_table(self.size).copy()).to(device)
            self._tables["back"] = self._tables["to"].argsort(dim=1)
        mask = None if legal is None else torch.from_numpy(legal).to(device)
        total = torch.zeros(len(planes), self.size**2, device=device)
        numbers = averaged(symmetries)
        together = SYMMETRIES if len(planes) <= _FEW else 1  # few boards wait for the weights: all symmetries at once
        with torch.inference_mode(), sharing():
            for some in (numbers[first : first + together] for first in range(0, len(numbers), together)):
                turned = planes
                if some != (0,):
                    turned = torch.cat([planes.flatten(2)[..., self._tables["to"][number]] for number in some])
                logits = self.module(turned.view(-1, *planes.shape[1:]))
                for number, answer in zip(some, logits.split(len(planes)), strict=True):
                    back = answer[:, self._tables["back"][number]] if number else answer
                    if mask is not None:
                        back = back.masked_fill(~mask, float("-inf"))
                    total += back.softmax(1).nan_to_num(0.0)
        policy: npt.NDArray[np.float32] = (total / len(numbers)).cpu().numpy()
        return policy

    def _by_words(
        self, batch: npt.NDArray[Any], symmetries: int, legal: npt.NDArray[np.bool_] | None
    ) -> npt.NDArray[np.float32] | None:
        """`policy` by the kernels, without the repertoire; None if they cannot evaluate this network, or the batch."""
        if batch.dtype != np.uint64 or batch.shape[1:] != (self.size, self.size):
            return None
        import torch

        from goengine.inference import prepare

        if torch.is_autocast_enabled("cpu"):
            return None  # the kernels know float32 only
        if self._inference is None or not self._inference.current():
            self._inference = prepare(self.module)
        inference = self._inference
        if inference is None:
            return None
        words = batch.reshape(len(batch), self.size**2)
        numbers = averaged(symmetries)
        turned = words[:, symmetry_table(self.size)[list(numbers)]].reshape(-1, self.size**2)
        logits = inference.logits(turned, torch.get_num_threads()).reshape(len(words), len(numbers), self.size**2)
        total = np.zeros(words.shape, np.float32)
        for place, number in enumerate(numbers):
            answer = logits[:, place, inverse_table(self.size)[number]]
            if legal is not None:
                answer = np.where(legal, answer, np.float32(-np.inf))
            largest = answer.max(1, keepdims=True)
            shares = np.exp(answer - np.where(np.isfinite(largest), largest, 0))
            total += shares / np.maximum(shares.sum(1, keepdims=True), np.float32(1e-30))
        mean: npt.NDArray[np.float32] = np.nan_to_num(total / np.float32(len(numbers)))
        return mean

    def _planes(self, batch: npt.NDArray[Any]) -> "torch.Tensor":
        """float32 (batch, planes, size, size) on the network's device."""
        import torch

        from goengine.layers import unpack_words

        in_planes = int(self.metadata["config"]["in_planes"])
        device = next(self.module.parameters()).device
        if batch.dtype == np.uint64:
            shape: tuple[int, ...] = (self.size, self.size)
            words = torch.from_numpy(np.ascontiguousarray(batch).view(np.int64))
            if batch.shape[1:] == shape:
                return unpack_words(words.flatten(1).to(device), in_planes, self.size)
        else:
            shape = (in_planes, self.size, self.size)
            if batch.shape[1:] == shape:
                return torch.from_numpy(np.ascontiguousarray(batch)).to(device, torch.float32)
        raise NetworkFileError(
            f"network {self.name} takes arrays of shape (batch, {', '.join(map(str, shape))}), not {batch.shape}: "
            f"it is for {self.size}x{self.size} boards and feature set {self.feature_set}"
        )


def save_network(
    path: str | os.PathLike[str], module: "nn.Module", metadata: dict[str, Any], repertoire: Repertoire | None = None
) -> None:
    """Write a network file, whole or not at all.

    Args:
        path: where to; an existing file is replaced.
        module: the network, with the ``config`` that makes it again; it is not changed.
        metadata: JSON values; needs architecture, feature_set and board_size; name, recipe, training and results
            are for people. format and config are added.
        repertoire: to stand beside it.

    Raises:
        NetworkFileError: if the file cannot be written, or a weight is no finite number, or none as float16 (65,504 at
            most); the file that was there stays.
    """
    import torch
    from safetensors.torch import save

    target, tensors = Path(path), {}
    for name, tensor in module.state_dict().items():
        tensor = tensor.detach().cpu()
        if tensor.is_floating_point():
            tensor = tensor.to(torch.float16 if tensor.dim() > 1 else torch.float32)
            if not bool(tensor.isfinite().all()):
                raise NetworkFileError(
                    f"{target}: not written, for {name} is not finite, or beyond float16; train again"
                )
        tensors[name] = tensor.contiguous()
    described = {"format": FORMAT, "config": module.config, **metadata}
    described.pop("repertoire", None)
    if repertoire is not None:
        described["repertoire"] = {"stones": repertoire.stones, "weight": repertoire.weight}
        for name, array in repertoire.tensors().items():
            tensors[_REPERTOIRE + name] = torch.from_numpy(np.ascontiguousarray(array))
    text = json.dumps(described, ensure_ascii=True, sort_keys=True)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with written(target) as temporary:
            temporary.write_bytes(save(tensors, metadata={"goengine": text}))
    except OSError as error:
        raise NetworkFileError(f"{target}: cannot be written ({error.strerror})") from None


def read_metadata(path: str | os.PathLike[str] | None = None) -> dict[str, Any]:
    """What a network file says about itself, without loading torch or the weights.

    Args:
        path: the file, or the name of one that comes with the program; None is the bundled network.

    Raises:
        NetworkFileError: if the file is missing, damaged, or not a network of this program.
    """
    source = network_file(path)
    try:
        size = source.stat().st_size
        with source.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if size < 8 or not 2 <= length <= min(_LARGEST_HEADER, size - 8):
                raise NetworkFileError(f"{source}: not a safetensors file, or cut short; fetch or export it again")
            header = json.loads(stream.read(length))
        stored = [entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__"]
        metadata = header.get("__metadata__", {}).get("goengine")
    except FileNotFoundError:
        advice = "this checkout has none yet; give one with --network" if path is None else "no such network file"
        raise NetworkFileError(f"{source}: {advice}") from None
    except OSError as error:
        raise NetworkFileError(f"{source}: cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        if isinstance(error, NetworkFileError):
            raise
        raise NetworkFileError(f"{source}: its safetensors header is damaged; fetch or export it again") from None
    if metadata is None:
        raise NetworkFileError(f"{source}: a safetensors file, but not one that training/train.py exported")
    if size != 8 + length + max(stored, default=0):
        raise NetworkFileError(f"{source}: cut short or damaged ({size} bytes); fetch or export it again")
    return _checked(source, metadata)


def _checked(source: Path, text: str) -> dict[str, Any]:
    """The metadata as a dict, with everything in it that loading relies on."""
    try:
        metadata = json.loads(text)
        missing = [key for key in _REQUIRED if key not in metadata]
        version = metadata.get("format")
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise NetworkFileError(f"{source}: its goengine metadata is damaged; fetch or export it again") from None
    if metadata.get("architecture") == "classifier":
        raise NetworkFileError(f"{source}: a classifier of images, not a network for Go")
    if missing:
        raise NetworkFileError(f"{source}: its metadata lacks {', '.join(missing)}; export it again")
    if version != FORMAT:
        raise NetworkFileError(
            f"{source}: network format {version!r}, but this version reads {FORMAT}; update goengine or export again"
        )
    config, size = metadata["config"], metadata["board_size"]
    if type(size) is not int or not 2 <= size <= 25:
        raise NetworkFileError(f"{source}: board_size {size!r} is not between 2 and 25; export it again")
    if not isinstance(config, dict) or config.get("num_actions") != size**2:
        raise NetworkFileError(f"{source}: its config does not fit a {size}x{size} board; export it again")
    return metadata  # type: ignore[no-any-return]


def unmeasured(metadata: dict[str, Any]) -> dict[str, Any]:
    """What a network file says, but for what was measured: for a network with other weights, or on another board."""
    return {key: value for key, value in metadata.items() if key not in ("results", "fine_tuning")}


def _is_too_large(config: dict[str, Any], shapes: list[tuple[int, ...]]) -> bool:
    """Whether a network has more layers, or wider ones, than these tensors can be of."""
    most = {"depth": len(shapes), "filters": max((max(shape, default=0) for shape in shapes), default=0)}
    return any(isinstance(config.get(name), int) and config[name] > count for name, count in most.items())


def load_network(path: str | os.PathLike[str] | None = None, device: str = "cpu") -> Network:
    """A network ready for use.

    Args:
        path: the file, or the name of one that comes with the program; None is the bundled network.
        device: "cpu", "cuda", "cuda:1", ...

    Raises:
        NetworkFileError: if the file is missing, damaged, for an unknown architecture or feature set, or if the
            device is not there.
    """
    metadata = read_metadata(path)
    source = network_file(path)

    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    from goengine.features import FEATURE_SETS
    from goengine.networks import build_network

    feature_set, config = metadata["feature_set"], metadata["config"]
    if feature_set not in FEATURE_SETS:
        known = ", ".join(FEATURE_SETS)
        raise NetworkFileError(f"{source}: feature set {feature_set!r} is unknown; this version has {known}")
    if config.get("in_planes") != FEATURE_SETS[feature_set].planes:
        raise NetworkFileError(
            f"{source}: takes {config.get('in_planes')!r} planes, but feature set {feature_set} has "
            f"{FEATURE_SETS[feature_set].planes}; export it again"
        )
    misfit = NetworkFileError(
        f"{source}: its weights do not fit the architecture {metadata['architecture']!r} that it names; export it again"
    )
    try:
        tensors = load(source.read_bytes())
        if _is_too_large(config, [tuple(tensor.shape) for tensor in tensors.values()]):
            raise misfit
        module = build_network(metadata["architecture"], **config)
        beside = {name: tensors.pop(name).numpy() for name in list(tensors) if name.startswith(_REPERTOIRE)}
        module.load_state_dict({name: tensor.to(torch.float32) for name, tensor in tensors.items()})
    except RecipeError as error:
        raise NetworkFileError(f"{source}: {error}") from None
    except SafetensorError as error:
        raise NetworkFileError(f"{source}: damaged ({' '.join(str(error).split())})") from None
    except (RuntimeError, TypeError):
        raise misfit from None
    if not all(bool(tensor.isfinite().all()) for tensor in module.state_dict().values()):
        raise NetworkFileError(f"{source}: some weights are no numbers (NaN); fetch it again, or export an earlier one")
    repertoire = None
    if "repertoire" in metadata:
        arrays = {name.removeprefix(_REPERTOIRE): array for name, array in beside.items()}
        try:
            repertoire = Repertoire.from_tensors(arrays, metadata["board_size"], metadata["repertoire"])
        except NetworkFileError as error:
            raise NetworkFileError(f"{source}: {error}") from None
    try:
        module.to(device)
    except (RuntimeError, AssertionError):
        raise NetworkFileError(f"device {device!r} is not available here; use --device cpu") from None
    module.eval().requires_grad_(False)
    return Network(
        module=module.to(memory_format=torch.channels_last),  # type: ignore[call-overload]
        metadata=metadata,
        name=str(metadata.get("name", source.stem)),
        feature_set=feature_set,
        size=metadata["board_size"],
        repertoire=repertoire,
    )
