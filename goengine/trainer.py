"""The parts of a training run: device and precision, schedule, one step, averaged weights, validation, checkpoints.

``training/train.py`` is the loop that puts them together.
"""

import contextlib
import copy
import json
import math
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from goengine.checkpoint import load_network, save_network
from goengine.corpus import Corpus
from goengine.dataset import Batch
from goengine.errors import NetworkFileError, RecipeError
from goengine.layers import unpack_words
from goengine.metrics import PolicyMeter, legal_points, mask_illegal, policy_loss
from goengine.networks import build_network
from goengine.optimizers import clip_to_median, make_optimizers
from goengine.recipe import Recipe, recipe_from
from goengine.symmetry import inverse_table, symmetry_table

__all__ = ["Averages", "Trainer", "ValidationSet", "choose_device", "read_run", "schedule", "wants_bfloat16"]

CHECKPOINT_FORMAT = 1


def choose_device(name: str) -> torch.device:
    """The device of a recipe; ``auto`` takes CUDA where there is one.

    Raises:
        RecipeError: if it is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError):
        raise RecipeError(f"device {name!r} is not available here; use --device cpu") from None
    return device


def wants_bfloat16(precision: str, device: torch.device) -> bool:
    """Whether to compute convolutions in bfloat16.

    ``auto`` says yes only where the hardware multiplies it: on an AVX2 processor it is 15 times slower than float32
    (measured).
    """
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def schedule(recipe: Recipe, positions: int, seconds: float) -> tuple[float, bool, bool]:
    """Where a run stands.

    Args:
        recipe: whose budget of positions or minutes ends the run, whichever is nearer its end.
        positions: learnt from so far.
        seconds: spent so far.

    Returns:
        The learning rate as a part of its peak, whether the cool-down has begun, and whether the run is over.
    """
    done = positions / recipe.positions if recipe.positions else 0.0
    if recipe.minutes:
        done = max(done, seconds / (60 * recipe.minutes))
    warm = min(1.0, (positions + recipe.batch) / recipe.warmup) if recipe.warmup else 1.0
    left = max(0.0, 1.0 - done)
    cooling = left < recipe.cooldown
    falling = 0.5 * (1 + math.cos(math.pi * min(1.0, done))) if recipe.schedule == "cosine" else 1.0
    if recipe.schedule == "flat" and cooling:
        falling = left / recipe.cooldown
    return warm * falling, cooling, done >= 1.0


class ValidationSet:
    """Fixed positions of games that are not trained on, encoded once.

    Attributes:
        words: int64 (n, size * size).
        targets: int64 (n,).
        sources: int64 (n,), index into `names`.
        names: of the sources.
    """

    def __init__(self, corpus: Corpus, count: int, threads: int = 1, seed: int = 0) -> None:
        """Encode up to `count` positions, in an order in which every part is spread over all sources."""
        labels = corpus.fixed_positions(count, seed)
        labels = labels[np.random.default_rng(seed).permutation(len(labels))]
        words, targets, _ = corpus.encode(np.sort(labels), threads)
        order = np.argsort(np.argsort(labels))
        self.words = torch.from_numpy(words.view(np.int64)[order])
        self.targets = torch.from_numpy(targets[order])
        self.sources = torch.from_numpy(corpus.sources_of(labels))
        self.names = corpus.source_names

    def __len__(self) -> int:
        return len(self.targets)


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
            torch._foreach_lerp_([average[name] for name in floats], [now[name] for name in floats], 1 - keep)

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"horizons": list(self.horizons), "steps": self._steps, "weights": self.weights}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`; horizons that it does not have keep their start."""
        self._steps = state["steps"]
        for horizon, weights in zip(state["horizons"], state["weights"], strict=True):
            for mine, average in zip(self.horizons, self.weights, strict=True):
                if mine == horizon:
                    for name, tensor in average.items():
                        tensor.copy_(weights[name])


class Trainer:
    """A network while it learns: its weights, averages, optimizers and counters."""

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        """Build everything that the recipe names.

        Raises:
            RecipeError: if it does not fit together.
        """
        from goengine.features import FEATURE_SETS

        if recipe.feature_set not in FEATURE_SETS:
            known = ", ".join(FEATURE_SETS)
            raise RecipeError(f"there is no feature set {recipe.feature_set!r}; there are {known}")
        torch.manual_seed(recipe.seed)
        self.recipe, self.device, self.size = recipe, device, recipe.board_size
        self.in_planes = FEATURE_SETS[recipe.feature_set].planes
        self.module = build_network(
            recipe.network,
            in_planes=self.in_planes,
            num_actions=self.size**2,
            filters=recipe.filters,
            depth=recipe.depth,
            activation=recipe.activation,
        ).to(device)
        if recipe.channels_last:
            self.module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.forward = torch.compile(self.module) if recipe.compile else self.module
        self.optimizers = make_optimizers(self.module, recipe, fused=device.type == "cuda")
        self.averages = Averages(self.module, recipe.ema)
        self.bfloat16 = wants_bfloat16(recipe.precision, device)
        self.steps = self.positions = 0
        self.seconds = 0.0
        self.norms = torch.zeros(101, device=device)
        self._parameters = list(self.module.parameters())
        self._replicas = [_sharing(self.module) for _ in range(recipe.parts)] if recipe.parts > 1 else []
        self._workers: ThreadPoolExecutor | None = None
        self._new = torch.from_numpy(symmetry_table(self.size).copy()).to(device)
        self._old = torch.from_numpy(inverse_table(self.size).copy()).to(device)

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """Where convolutions are in bfloat16, if they are to be."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16)

    def to_device(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """A batch's words and targets, turned by their symmetries: int64 (batch, points) and (batch,)."""
        words, targets, symmetries = (
            torch.from_numpy(array).to(self.device, non_blocking=True)
            for array in (batch.words.view(np.int64), batch.targets, batch.symmetries)
        )
        words = words.gather(1, self._new[symmetries])
        return words, self._old[symmetries].gather(1, targets.unsqueeze(1)).squeeze(1)

    def planes(self, words: Tensor) -> Tensor:
        """float32 (batch, planes, size, size), or bfloat16 where the first layer takes that."""
        dtype = torch.bfloat16 if self.bfloat16 else torch.float32
        planes = unpack_words(words, self.in_planes, self.size, dtype)
        return planes if self.recipe.channels_last else planes.contiguous()

    def start_from_data(self, batch: Batch) -> None:
        """Rescale a plain network's fresh layers on these positions, as the recipe's ``start`` asks."""
        words, _ = self.to_device(batch)
        self.module.data_dependent_start(unpack_words(words, self.in_planes, self.size))
        self.averages = Averages(self.module, self.recipe.ema)

    def start_from_network(self, path: Path) -> None:
        """Begin with the weights of a network file, but with fresh optimizers.

        A residual network may be deeper than the file's: its further blocks start as the identity, so that it
        predicts the same.

        Raises:
            NetworkFileError: when the file cannot be read.
            RecipeError: when its network is another than the recipe's.
        """
        network = load_network(path)
        config = network.module.config
        theirs = {"network": network.metadata["architecture"], "feature_set": network.feature_set}
        theirs |= {"board_size": network.size, "filters": config["filters"], "activation": config["activation"]}
        if self.recipe.network != "residual" or config["depth"] > self.recipe.depth:
            theirs["depth"] = config["depth"]
        for setting, value in theirs.items():
            if getattr(self.recipe, setting) != value:
                raise RecipeError(
                    f"{path}: its {setting} is {value!r}, the recipe's {getattr(self.recipe, setting)!r}: "
                    f"give --{setting} {value}, or start anew without --from"
                )
        self.module.load_state_dict(network.module.state_dict(), strict=False)  # the further blocks are not in it
        self.averages = Averages(self.module, self.recipe.ema)

    def learn(self, batch: Batch, factor: float) -> tuple[Tensor, Tensor, Tensor]:
        """One step.

        Args:
            batch: what to learn from.
            factor: learning rate as a part of the peak.

        Returns:
            Loss (nats per position), top-1 hits among legal moves (a count) and gradient norm: scalars on the device,
            so that nothing waits for them.
        """
        words, targets = self.to_device(batch)
        if self._replicas:
            loss, right = self._in_parts(words, targets)
        else:
            self.module.train()
            loss, right = self._loss(self.forward, words, targets)
            loss.backward()  # type: ignore[no-untyped-call]
        norm = clip_to_median(self._parameters, self.norms, self.steps, self.recipe.clip)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * factor
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.steps += 1
        self.positions += len(targets)
        self.averages.update(self.module, len(targets))
        return loss.detach(), right, norm

    def _loss(self, module: Any, words: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Mean loss and the count of top-1 hits."""
        with self.autocast():
            logits = module(self.planes(words))  # (batch, points)
        legal = legal_points(words)
        loss = policy_loss(logits, targets, legal if self.recipe.legal_only else None)
        return loss, (mask_illegal(logits.detach(), legal).argmax(1) == targets).sum()

    def _in_parts(self, words: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients of a batch, its parts spread over Python threads with one torch thread each.

        On a processor this does better than torch's own threads, which meet at a barrier in every layer and collapse
        when another program takes a core for a moment. Each part has its own batch norm statistics. The result does
        not depend on which thread takes which part.
        """
        if self._workers is None:
            count = self.recipe.threads or torch.get_num_threads()
            self._workers = ThreadPoolExecutor(count, "part", lambda: torch.set_num_threads(1))

        def part(number: int) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
            replica = self._replicas[number].train()
            loss, right = self._loss(replica, all_words[number], all_targets[number])
            return loss.detach(), right, torch.autograd.grad(loss, list(replica.parameters()))

        count = len(self._replicas)
        all_words, all_targets = words.chunk(count), targets.chunk(count)
        done = list(self._workers.map(part, range(count)))
        with torch.no_grad():
            for parameter, *gradients in zip(self._parameters, *(grads for _, _, grads in done), strict=True):
                parameter.grad = torch.stack(gradients).mean(0)
            replicas = [list(replica.buffers()) for replica in self._replicas]
            for mine, *theirs in zip(self.module.buffers(), *replicas, strict=True):
                mine.copy_(torch.stack(theirs).mean(0) if mine.is_floating_point() else theirs[0])
                for buffer in theirs:
                    buffer.copy_(mine)
        losses, rights = torch.stack([loss for loss, _, _ in done]), torch.stack([right for _, right, _ in done])
        return losses.mean(), rights.sum()

    def candidates(self) -> Iterator[tuple[str, nn.Module]]:
        """The present weights and each average, as networks in eval mode; use each before taking the next."""
        copied = copy.deepcopy(self.module).eval()
        yield "raw", copied
        for horizon, weights in zip(self.averages.horizons, self.averages.weights, strict=True):
            copied.load_state_dict(weights)
            yield f"average{horizon}", copied

    @torch.no_grad()
    def validate(self, module: nn.Module, positions: ValidationSet, count: int) -> dict[str, PolicyMeter]:
        """Loss and accuracy over legal moves on the first `count` positions, by source and under ``all``."""
        meters = {"all": PolicyMeter()} | {name: PolicyMeter() for name in positions.names}
        for first in range(0, min(count, len(positions)), 256):
            part = slice(first, min(first + 256, count))
            words = positions.words[part].to(self.device)
            targets, sources = positions.targets[part].to(self.device), positions.sources[part]
            with self.autocast():
                logits = module(self.planes(words))
            legal = legal_points(words)
            for number, name in enumerate(positions.names):
                mine = (sources == number).to(self.device)
                if bool(mine.any()):
                    meters[name].add(logits[mine], targets[mine], legal[mine])
        for name in positions.names:
            meters["all"].merge(meters[name])
        return meters

    def export(self, path: Path, module: nn.Module, results: dict[str, Any], training: dict[str, Any]) -> None:
        """Write a network file with these weights."""
        metadata = {
            "name": self.recipe.name,
            "architecture": self.recipe.network,
            "feature_set": self.recipe.feature_set,
            "board_size": self.size,
            "recipe": self.recipe.as_dict(),
            "training": {**training, "positions": self.positions, "seconds": round(self.seconds, 1)},
            "results": results,
        }
        save_network(path, module, metadata)  # type: ignore[arg-type]

    def save(self, path: Path, sampler: dict[str, Any]) -> None:
        """Write all that is needed to go on, whole or not at all."""
        state = {
            "format": CHECKPOINT_FORMAT,
            "recipe": json.dumps(self.recipe.as_dict()),
            "model": self.module.state_dict(),
            "averages": self.averages.state(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "norms": self.norms,
            "counters": {"steps": self.steps, "positions": self.positions, "seconds": self.seconds},
            "sampler": sampler,
            "random": torch.get_rng_state(),
        }
        temporary = path.with_name(path.name + ".tmp")
        torch.save(state, temporary)
        os.replace(temporary, path)

    def restore(self, state: dict[str, Any]) -> dict[str, Any]:
        """Go on from what `read_run` read.

        Returns:
            The sampler's state.

        Raises:
            RecipeError: if the checkpoint is of another network or optimizer.
        """
        try:
            self.module.load_state_dict(state["model"])
            for replica in self._replicas:
                replica.load_state_dict(state["model"])
            for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
                peaks = [group["peak"] for group in optimizer.param_groups]
                optimizer.load_state_dict(saved)
                for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                    group["peak"] = peak
            self.averages.restore(state["averages"])
        except (RuntimeError, ValueError, KeyError):
            raise RecipeError("the checkpoint is of another network or optimizer than the recipe's") from None
        self.norms.copy_(state["norms"])
        self.steps, self.positions = state["counters"]["steps"], state["counters"]["positions"]
        self.seconds = state["counters"]["seconds"]
        torch.set_rng_state(state["random"])
        return state["sampler"]  # type: ignore[no-any-return]


def _sharing(module: nn.Module) -> nn.Module:
    """A copy with the same parameters and buffers of its own."""
    replica = copy.deepcopy(module)
    originals = dict(module.named_modules())
    for name, inner in replica.named_modules():
        for key in inner._parameters:
            inner._parameters[key] = originals[name]._parameters[key]
    return replica


def read_run(path: Path) -> tuple[Recipe, dict[str, Any]]:
    """A run's recipe and state from its checkpoint; only tensors and plain values are unpickled.

    Raises:
        NetworkFileError: if it is missing, damaged, or of another version.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise NetworkFileError(f"{path}: there is no checkpoint to resume; start without --resume") from None
    except Exception as error:
        reason = str(error).split("\n")[0][:100]
        raise NetworkFileError(f"{path}: this checkpoint cannot be read ({reason}); start the run again") from None
    if not isinstance(state, dict) or state.get("format") != CHECKPOINT_FORMAT:
        raise NetworkFileError(f"{path}: a checkpoint of another version; start the run again")
    return recipe_from(json.loads(state["recipe"]), str(path)), state
