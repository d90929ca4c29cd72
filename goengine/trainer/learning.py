"""A network while it learns: its weights, averages, optimizers and counters, and one step."""

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from goengine.checkpoint import Network, load_network, save_network
from goengine.dataset import Batch
from goengine.errors import RecipeError
from goengine.layers import unpack_words
from goengine.networks import build_network
from goengine.optimizers import clip_to_median, make_optimizers, restore_optimizers
from goengine.recipe import Recipe
from goengine.symmetry import inverse_table, symmetry_table
from goengine.trainer.averages import Averages
from goengine.trainer.devices import thread_count, wants_bfloat16
from goengine.trainer.extras import Labels, in_pieces, labels_of, turn_labels
from goengine.trainer.objective import Objective
from goengine.trainer.parts import Parts
from goengine.trainer.processes import Processes
from goengine.trainer.teacher import Teacher

__all__ = ["Trainer", "check_start"]


def check_start(recipe: Recipe, network: Network, path: Path) -> None:
    """Refuse a network that the recipe's cannot begin with; a residual one may have fewer blocks.

    Raises:
        RecipeError: naming the file, what differs, and the remedy.
    """
    config = network.module.config
    theirs = {"network": network.metadata["architecture"], "feature_set": network.feature_set}
    theirs |= {"board_size": network.size, "filters": config["filters"], "activation": config["activation"]}
    if recipe.network != "residual" or config["depth"] > recipe.depth:
        theirs["depth"] = config["depth"]
    for setting, value in theirs.items():
        if getattr(recipe, setting) != value:
            raise RecipeError(
                f"{path}: its {setting} is {value!r}, the recipe's {getattr(recipe, setting)!r}: "
                f"give --{setting} {value}, or start anew without --from"
            )


def _no_mark(_: str) -> None:
    """For a run that is not measured."""


class Trainer:
    """A network while it learns.

    Attributes:
        module: the policy network; every process holds the same weights.
        objective: the network with its loss.
        averages: of its weights.
        extra_averages: of what learns beside it, `goengine.trainer.extras.Extras`.
        extra_losses: the latest step's terms of that, of this process's share: scalars on the device.
        optimizers: together they hold each parameter once.
        steps: made so far.
        positions: learnt from so far, by all processes together.
        seconds: spent so far, loading not counted.
        earlier: the runs by which the network that it began with was trained: name, positions, seconds.
        slower: what the rates are multiplied by, after a run that diverged has been set back.
        map: as the built-in one, by the threads of a run with ``parts`` on a processor; a GPU takes a batch as a whole.
        mark: called with the name of what has just been done within a step: for `goengine.trainer.profiling`.
    """

    def __init__(
        self,
        recipe: Recipe,
        device: torch.device,
        processes: Processes | None = None,
        sources: Sequence[str] = (),
    ) -> None:
        """Build everything that the recipe names.

        Args:
            recipe: the run's.
            device: of this process.
            processes: that train together.
            sources: of the games, in the order of `Batch.sources`, for source biases.

        Raises:
            RecipeError: if it does not fit together.
        """
        from goengine.features import FEATURE_SETS

        if recipe.feature_set not in FEATURE_SETS:
            known = ", ".join(FEATURE_SETS)
            raise RecipeError(f"there is no feature set {recipe.feature_set!r}; there are {known}")
        self.processes = processes or Processes()
        pieces = self.processes.count * recipe.accumulate * recipe.parts
        if recipe.batch % pieces or recipe.batch < 2 * pieces:
            raise RecipeError(
                f"batch = {recipe.batch}: {self.processes.count} process(es), accumulate = {recipe.accumulate} and "
                f"parts = {recipe.parts} must divide it into pieces of 2 positions or more"
            )
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
        self.bfloat16 = wants_bfloat16(recipe.precision, device)
        self.objective = Objective(self.module, recipe, self.in_planes, self.bfloat16, sources).to(device)
        if recipe.channels_last:
            self.objective.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._new = torch.from_numpy(symmetry_table(self.size).copy()).to(device)
        self._old = torch.from_numpy(inverse_table(self.size).copy()).to(device)
        beside = self.objective.extras.parameters()
        self.optimizers = make_optimizers(self.module, recipe, device.type == "cuda", beside)
        self.averages = Averages(self.module, recipe.ema)
        self.extra_averages = Averages(self.objective.extras, recipe.ema)
        self.extra_losses: dict[str, Tensor] = {}
        self.earlier: list[dict[str, Any]] = []
        self.steps = self.positions = 0
        self.seconds = 0.0
        self.slower = 1.0
        self.norms = torch.zeros(101, device=device)
        self.mark: Callable[[str], None] = _no_mark
        self._parameters = list(self.objective.parameters())
        self._parts: Parts | None = None
        self.map: Callable[[Callable[[int], Any], Iterable[int]], Iterable[Any]] = map
        self._shared: nn.Module = self.objective
        if recipe.parts > 1 and device.type == "cpu":
            self._parts = Parts(self.objective, recipe.parts, thread_count(recipe, self.processes.neighbours))
            self.map = self._parts.map
        else:
            self._shared = self.processes.share(self.objective, device)
        self._forward: Any = torch.compile(self._shared) if recipe.compile else self._shared

    # -------------------------------------------------------------------------------------------------------- starts
    def start_from_data(self, batch: Batch) -> None:
        """Rescale a plain network's fresh layers on these positions, as the recipe's ``start`` asks."""
        words, _, _ = self.to_device(batch)
        self.module.data_dependent_start(unpack_words(words, self.in_planes, self.size))
        self.processes.average(self.module.parameters())  # the same to the last bit, on whatever machines
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
        check_start(self.recipe, network, path)
        self.module.load_state_dict(network.module.state_dict(), strict=False)  # the further blocks are not in it
        if self._parts is not None:
            self._parts.copy_buffers()  # the statistics of batch norm
        self.averages = Averages(self.module, self.recipe.ema)
        before = network.metadata.get("training", {})
        last = {key: before[key] for key in ("positions", "seconds") if key in before}
        self.earlier = [*before.get("earlier", []), {"name": network.name, **last}]

    def stay_near(self, path: Path) -> None:
        """Learn, or hold on to, the policy of this network file, as the recipe's ``retain`` asks.

        Raises:
            NetworkFileError: when the file cannot be read.
            RecipeError: when its network sees other planes, or another board.
        """
        network = load_network(path, str(self.device))
        if (network.feature_set, network.size) != (self.recipe.feature_set, self.size):
            raise RecipeError(
                f"{path}: a network for {network.feature_set} on {network.size}x{network.size} boards; the recipe's is "
                f"for {self.recipe.feature_set} on {self.size}x{self.size}: give another --teacher"
            )
        turns = (self._new, self._old) if self.recipe.teacher_turned else None
        self.objective.teacher = Teacher(network, self.objective.planes, turns)

    # ---------------------------------------------------------------------------------------------------------- step
    def to_device(self, batch: Batch) -> tuple[Tensor, Tensor, Labels]:
        """A batch turned by its symmetries: words int64 (batch, points), targets int64 (batch,), and its labels."""
        names, extra = ("words", "targets", "symmetries"), labels_of(batch, self.objective.extras)
        arrays = [torch.from_numpy(array) for array in (batch.words.view(np.int64), batch.targets, batch.symmetries)]
        there = self._moved(dict(zip(names, arrays, strict=True)) | extra)
        words, targets, symmetries = (there.pop(name) for name in names)
        self.mark("transfer")
        new, old = self._new[symmetries], self._old[symmetries]
        words = words.gather(1, new)
        targets = old.gather(1, targets.unsqueeze(1)).squeeze(1)
        labels = turn_labels(there, new, old)
        self.mark("rotate")
        return words, targets, labels

    def _moved(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        if self.device.type == "cuda":  # from pageable memory the copy would wait for the steps that are still computed
            tensors = {name: tensor.pin_memory() for name, tensor in tensors.items()}
        return {name: tensor.to(self.device, non_blocking=True) for name, tensor in tensors.items()}

    def learn(self, batch: Batch, factor: float) -> tuple[Tensor, Tensor, Tensor]:
        """One step.

        Args:
            batch: what to learn from: this process's share of it.
            factor: learning rate as a part of the peak.

        Returns:
            The policy's loss (nats per position; extra targets are not in it) and top-1 hits among legal moves (a
            count), of this process's share, and the gradient's norm: scalars on the device, so that nothing waits for
            them.
        """
        words, targets, labels = self.to_device(batch)
        if self._parts is not None:
            terms, right = self._parts.backward(words, targets, labels)
            self.processes.average(p.grad for p in self._parameters if p.grad is not None)
            self.mark("forward and backward")
        else:
            terms, right = self._backward(words, targets, labels)
        if self.processes.count > 1:
            self.processes.average(self.module.buffers())
            if self._parts is not None:
                self._parts.copy_buffers()
        norm = clip_to_median(self._parameters, self.norms, self.steps, self.recipe.clip)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * factor * self.slower
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.mark("optimizer")
        self.steps += 1
        seen = len(targets) * self.processes.count
        self.positions += seen
        self.averages.update(self.module, seen)
        self.extra_averages.update(self.objective.extras, seen)
        self.mark("averages")
        self.extra_losses = dict(zip(self.objective.extras.names, terms[1:], strict=True))
        return terms[0], right, norm

    def _backward(self, words: Tensor, targets: Tensor, labels: Labels) -> tuple[Tensor, Tensor]:
        """Gradients of the batch's mean loss, in as many pieces as the recipe accumulates; its terms and hits."""
        self.objective.train()
        pieces = self.recipe.accumulate
        all_terms, rights = [], []
        for number, piece in enumerate(in_pieces(words, targets, labels, pieces), start=1):
            if self._shared is not self.objective:  # the processes meet once a step, with the last piece
                self._shared.require_backward_grad_sync = number == pieces  # type: ignore[assignment]
            loss, terms, right = self._forward(*piece)
            self.mark("forward")
            (loss / pieces if pieces > 1 else loss).backward()
            self.mark("backward")
            all_terms.append(terms)
            rights.append(right)
        if pieces == 1:
            return all_terms[0], rights[0]
        return torch.stack(all_terms).mean(0), torch.stack(rights).sum()

    # ------------------------------------------------------------------------------------------------------- results
    def candidates(self) -> Iterator[tuple[str, nn.Module]]:
        """The present weights and each average, as networks in eval mode; use each before taking the next."""
        copied, extras = copy.deepcopy(self.module).eval(), self.objective.extras
        extras.fold(copied)
        yield "raw", copied
        both = zip(self.averages.weights, self.extra_averages.weights, strict=True)
        for horizon, (weights, beside) in zip(self.averages.horizons, both, strict=True):
            copied.load_state_dict(weights)
            extras.fold(copied, beside)
            yield f"average{horizon}", copied

    def export(self, path: Path, module: nn.Module, results: dict[str, Any], training: dict[str, Any]) -> None:
        """Write a network file with these weights."""
        metadata = {
            "name": self.recipe.name,
            "architecture": self.recipe.network,
            "feature_set": self.recipe.feature_set,
            "board_size": self.size,
            "recipe": self.recipe.as_dict(),
            "training": {
                **training,
                "positions": self.positions,
                "seconds": round(self.seconds, 1),
                **({"earlier": self.earlier} if self.earlier else {}),
            },
            "results": results,
        }
        save_network(path, module, metadata)

    # --------------------------------------------------------------------------------------------------------- state
    def state(self, sampler: dict[str, Any]) -> dict[str, Any]:
        """All that is needed to go on: the tensors themselves, not copies.

        Args:
            sampler: the place in the data: `Batch.state` of the last batch that was learnt from.
        """
        return {
            "model": self.module.state_dict(),
            "averages": self.averages.state(),
            "extras": self.objective.extras.state_dict(),
            "extra_averages": self.extra_averages.state(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "norms": self.norms,
            "counters": {"steps": self.steps, "positions": self.positions, "seconds": self.seconds},
            "slower": self.slower,
            "earlier": self.earlier,
            "sampler": sampler,
            "random": torch.get_rng_state(),
        }

    def restore(self, state: dict[str, Any]) -> dict[str, Any]:
        """Go on from `state()`.

        Returns:
            The sampler's state.

        Raises:
            RecipeError: if it is of another network or optimizer.
        """
        try:
            self.module.load_state_dict(state["model"])
            self.objective.extras.load_state_dict(state.get("extras", {}))
            if self._parts is not None:
                self._parts.copy_buffers()
            restore_optimizers(self.optimizers, state["optimizers"])
            self.averages.restore(state["averages"], self.module)
            if "extra_averages" in state:
                self.extra_averages.restore(state["extra_averages"], self.objective.extras)
        except (RuntimeError, ValueError, KeyError):
            raise RecipeError(
                "the checkpoint is of another network or optimizer, or of other extra targets, than the recipe's"
            ) from None
        self.norms.copy_(state["norms"])
        self.steps, self.positions = state["counters"]["steps"], state["counters"]["positions"]
        self.seconds = state["counters"]["seconds"]
        self.slower, self.earlier = state.get("slower", 1.0), state.get("earlier", [])
        torch.set_rng_state(state["random"])
        return state["sampler"]  # type: ignore[no-any-return]
