"""The learner: plays against an earlier self, and makes the moves of the games that it won more likely."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from goengine.checkpoint import Network
from goengine.errors import RecipeError
from goengine.layers import unpack_words
from goengine.optimizers import clip_to_median, make_optimizers, restore_optimizers
from goengine.reinforce.recipe import ReinforceRecipe
from goengine.rules import Ko
from goengine.selfplay import Game, Played, Sampling, SelfPlay, Turn

__all__ = ["Decisions", "Learner", "advantages", "policy_loss"]

_MEASURED = 1_000_000_007  # games that measure are drawn from other numbers than games to learn from


@dataclass
class Decisions:
    """What the learner decided in an iteration's games."""

    numbers: list[NDArray[np.int64]] = field(default_factory=list)
    words: list[NDArray[np.uint64]] = field(default_factory=list)
    allowed: list[NDArray[np.bool_]] = field(default_factory=list)
    actions: list[NDArray[np.int64]] = field(default_factory=list)

    def watch(self, turn: Turn) -> None:
        """Keep those of player 0."""
        if turn.player == 0:
            self.numbers.append(turn.numbers.copy())
            self.words.append(turn.words.copy())
            self.allowed.append(turn.allowed.copy())
            self.actions.append(turn.actions.copy())


def advantages(played: list[Played], baseline: str) -> dict[int, float]:
    """What each game is worth to player 0, by the game's number.

    Args:
        played: games in which player 0 has one of the colours.
        baseline: ``color`` takes off the mean of the games with the same colour, which leaves the gradient's
            expectation nearly as it is and its noise smaller; ``none`` takes off nothing.

    Returns:
        1 for a game won, -1 for one lost, 0 for a draw, less the baseline.
    """
    results = {p.game.number: float(p.winner if p.game.black == 0 else -p.winner) for p in played}
    if baseline == "none":
        return results
    worth: dict[int, float] = {}
    for black in (True, False):
        numbers = [p.game.number for p in played if (p.game.black == 0) == black]
        mean = float(np.mean([results[number] for number in numbers])) if numbers else 0.0
        worth |= {number: results[number] - mean for number in numbers}
    return worth


def policy_loss(logits: Tensor, allowed: Tensor, actions: Tensor, worth: Tensor) -> Tensor:
    """The sum over positions of -worth * log p(action), whose gradient is REINFORCE's (Williams 1992).

    Args:
        logits: float (positions, points).
        allowed: bool (positions, points): p is the softmax over these only, as the moves were drawn.
        actions: int64 (positions,), among the allowed.
        worth: float (positions,): the result less the baseline.
    """
    chances = logits.float().masked_fill(~allowed, float("-inf")).log_softmax(1)
    return -(worth * chances.gather(1, actions.unsqueeze(1)).squeeze(1)).sum()


class Learner:
    """A network that learns from its own games.

    Its batch norms keep the statistics of the start: the policy whose gradient is taken is then exactly the one that
    played.

    Attributes:
        network: the learner; may be saved as a network file.
        start: what it began with, unchanged: the first of the pool.
        iterations: made so far.
        seconds: spent so far.
    """

    def __init__(self, recipe: ReinforceRecipe, start: Network) -> None:
        """Begin with a network.

        Raises:
            RecipeError: if it is for another board size.
        """
        if start.size != recipe.board_size:
            raise RecipeError(f"{start.name} plays {start.size}x{start.size}, the recipe {recipe.board_size}")
        torch.manual_seed(recipe.seed)
        self.recipe, self.start = recipe, start
        self.network = _copy(start, "learner")
        self.module = self.network.module.eval().requires_grad_(True)
        self.device = next(self.module.parameters()).device
        self.optimizers = make_optimizers(self.module, recipe, fused=self.device.type == "cuda")
        self.pool: list[tuple[int, Network]] = [(0, start)]
        self.iterations = 0
        self.seconds = 0.0
        self._norms = torch.zeros(101, device=self.device)

    # -------------------------------------------------------------------------------------------------------- games
    def _games(self, opponent: Network, first: int, count: int, seed: int, sampling: Sampling,
               watch: Callable[[Turn], None] | None = None) -> list[Played]:  # fmt: skip
        recipe = self.recipe
        ko: Ko = recipe.ko  # type: ignore[assignment]
        play = SelfPlay(
            [self.network, opponent],
            size=recipe.board_size,
            komi=recipe.komi,
            ko=ko,
            max_moves=recipe.max_moves or None,
            slots=min(count, recipe.slots),
            sampling=sampling,
            seed=seed,
            threads=max(1, recipe.threads),
            watch=watch,
        )
        return list(play.play(Game(n, n % 2, 1 - n % 2) for n in range(first, first + count)))

    def measure(self, games: int, sampling: Sampling | None = None) -> list[Played]:
        """Games against the start, player 1; the learner is player 0 and has each colour in half of them."""
        return self._games(self.start, 0, games, self.recipe.seed + _MEASURED, sampling or Sampling())

    # -------------------------------------------------------------------------------------------------------- learning
    def iterate(self, factor: float) -> dict[str, float]:
        """One iteration: games against one of the pool, then one step.

        Args:
            factor: learning rate as a part of its peak.

        Returns:
            The share of points that it won, the opponent's iteration, positions, plies a game, mean entropy of its
            choices (nats), and the gradient's norm.

        Raises:
            RecipeError: if the gradient is not finite; the weights are those before the step.
        """
        recipe = self.recipe
        chance = np.random.default_rng((recipe.seed, self.iterations))
        age, opponent = self.pool[int(chance.integers(len(self.pool)))]
        decided = Decisions()
        first = self.iterations * recipe.games
        played = self._games(opponent, first, recipe.games, recipe.seed, Sampling(), decided.watch)
        entropy, norm, positions = self._step(decided, advantages(played, recipe.baseline), factor)
        self.iterations += 1
        if self.iterations % recipe.pool_every == 0:
            self._join()
        points = sum((1 + (p.winner if p.game.black == 0 else -p.winner)) / 2 for p in played)
        return {
            "share": points / len(played),
            "opponent": age,
            "positions": positions,
            "plies": float(np.mean([len(p.actions) for p in played])),
            "entropy": entropy,
            "norm": norm,
        }

    def _step(self, decided: Decisions, worth: dict[int, float], factor: float) -> tuple[float, float, int]:
        recipe, size = self.recipe, self.recipe.board_size
        in_planes = int(self.network.metadata["config"]["in_planes"])
        numbers = np.concatenate(decided.numbers)
        words = torch.from_numpy(np.concatenate(decided.words).view(np.int64)).flatten(1)
        allowed = torch.from_numpy(np.concatenate(decided.allowed))
        actions = torch.from_numpy(np.concatenate(decided.actions))
        values = torch.tensor([worth[number] for number in numbers.tolist()], dtype=torch.float32)
        entropy = 0.0
        for at in range(0, len(numbers), recipe.chunk):
            part = slice(at, at + recipe.chunk)
            legal, moves, weights = (what[part].to(self.device) for what in (allowed, actions, values))
            logits = self.module(unpack_words(words[part].to(self.device), in_planes, size))
            (policy_loss(logits, legal, moves, weights) / len(numbers)).backward()  # type: ignore[no-untyped-call]
            with torch.no_grad():
                chances = logits.float().masked_fill(~legal, float("-inf")).softmax(1)
                entropy -= float((chances * chances.clamp(min=1e-12).log()).sum())
        norm = float(clip_to_median(list(self.module.parameters()), self._norms, self.iterations, recipe.clip))
        if not np.isfinite(norm):
            raise RecipeError(f"the gradient is {norm} in iteration {self.iterations:,}: lower the rate (--rate)")
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * factor
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return entropy / len(numbers), norm, len(numbers)

    def _join(self) -> None:
        """The learner as it is joins the pool; where that is full, the oldest but the start leaves."""
        self.pool.append((self.iterations, _copy(self.network, f"iteration{self.iterations}")))
        del self.pool[1 : 1 + max(0, len(self.pool) - self.recipe.pool)]  # several where --resume made it smaller

    # -------------------------------------------------------------------------------------------------------- state
    def state(self) -> dict[str, Any]:
        """All that is needed to go on, for `goengine.trainer.save_checkpoint`."""
        return {
            "model": self.module.state_dict(),
            "start": self.start.module.state_dict(),
            "pool": [(age, network.module.state_dict()) for age, network in self.pool if network is not self.start],
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "norms": self._norms,
            "counters": {"steps": self.iterations, "seconds": self.seconds},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`.

        Raises:
            RecipeError: if it is of another network or optimizer.
        """
        try:
            self.start.module.load_state_dict(state["start"])
            self.module.load_state_dict(state["model"])
            self.pool = [(0, self.start)]
            for age, weights in state["pool"]:
                one = _copy(self.start, f"iteration{age}")
                one.module.load_state_dict(weights)
                self.pool.append((age, one))
            restore_optimizers(self.optimizers, state["optimizers"])
            self._norms.copy_(state["norms"])
            self.iterations, self.seconds = state["counters"]["steps"], state["counters"]["seconds"]
        except (RuntimeError, ValueError, KeyError):
            raise RecipeError("the checkpoint is of another network or optimizer than the recipe's") from None


def _copy(network: Network, name: str) -> Network:
    module = copy.deepcopy(network.module).requires_grad_(False)
    return Network(module, network.metadata, name, network.feature_set, network.size)
