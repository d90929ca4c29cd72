"""What a run can learn beside the move played: later moves, later boards, and what each source of games has of its own.

All of it hangs on the policy network from outside, so that the network itself is the ordinary one: heads are dropped
when it is written, and one source's bias is folded into its stem.
"""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from goengine.dataset import Batch
from goengine.errors import RecipeError
from goengine.recipe import Recipe

__all__ = ["Extras", "Labels", "in_pieces", "labels_of", "turn_labels"]

Labels = dict[str, Tensor]
"""What `Extras` learns from besides words and targets; what a recipe does not ask for is absent.

sources: int64 (batch,). next_moves: int64 (batch, k), -1 for none. boards: int8 (batch, k, points).
"""

_ONES = 3  # the plane that is 1 at every point, in all feature sets but board1


class Extras(nn.Module):
    """Heads for later moves and boards on the last layer of the trunk, and a bias of each source on the stem.

    Without any of them it has no parameters and does nothing.

    Attributes:
        names: of the terms that `losses` gives.
        moves: how many later moves it learns from.
        boards: how many later boards.
        kept: number of the source whose bias is kept; None without source biases.
    """

    def __init__(self, recipe: Recipe, sources: Sequence[str] = ()) -> None:
        """Make what the recipe asks for.

        Args:
            recipe: its ``next_moves``, ``future_board`` and ``source_biases``.
            sources: names of the sources of games, in the order of `Batch.sources`.

        Raises:
            RecipeError: if the source whose bias is to be kept is not among them.
        """
        super().__init__()
        self._size, filters = recipe.board_size, recipe.filters
        self.moves, self.boards = len(recipe.next_moves), len(recipe.future_board)
        kinds = (("next_move", recipe.next_moves), ("future_board", recipe.future_board))
        self._weights = [weight for _, weights in kinds for _, weight in sorted(weights.items())]
        self.names = tuple(f"{kind}_{ahead}" for kind, weights in kinds for ahead in sorted(weights))
        if self.names:
            self.head = nn.Conv2d(filters, len(self.names), 1, bias=False)
            nn.init.normal_(self.head.weight, std=0.1 / math.sqrt(filters))
            self.point_bias = nn.Parameter(torch.zeros(len(self.names), self._size**2))
        self.kept: int | None = None
        if recipe.source_biases:
            if recipe.source_biases not in sources:
                raise RecipeError(
                    f"source_biases = {recipe.source_biases!r} is no source of these games; there are "
                    f"{', '.join(sources)}: name the one that the network is for"
                )
            self.kept = list(sources).index(recipe.source_biases)
            self.stem_biases = nn.Parameter(torch.zeros(len(sources), filters))

    def stem_bias(self, labels: Labels) -> Tensor | None:
        """What is added to the stem's result: float32 (batch, filters, 1, 1); None without source biases."""
        if self.kept is None:
            return None
        return self.stem_biases[labels["sources"]][:, :, None, None]

    def losses(self, trunk: Tensor, labels: Labels) -> tuple[list[Tensor], Tensor | float]:
        """The terms, and their weighted sum.

        A later move costs its cross-entropy over all points, in nats, and where there is none, nothing. A later board
        costs the squared error of a tanh, summed over the points and divided by the board's side (as in KataGo's
        ``futurepos``). Both are means over all positions of the batch, so that they add up over its parts.

        Args:
            trunk: (batch, filters, size, size), the last layer before the policy's head.
            labels: see `Labels`.

        Returns:
            float32 scalars in the order of `names`; and what is added to the loss.
        """
        if not self.names:
            return [], 0.0
        maps = self.head(trunk).flatten(2).float() + self.point_bias  # (batch, moves and boards, points)
        terms = []
        for number in range(self.moves):
            goals = labels["next_moves"][:, number]
            nats = functional.cross_entropy(maps[:, number], goals, ignore_index=-1, reduction="sum")
            terms.append(nats / len(goals))
        for number in range(self.boards):
            error = maps[:, self.moves + number].tanh() - labels["boards"][:, number]
            terms.append(error.square().sum(1).mean() / self._size)
        return terms, sum(weight * term for weight, term in zip(self._weights, terms, strict=True))

    @torch.no_grad()
    def fold(self, network: nn.Module, state: Mapping[str, Tensor] | None = None) -> None:
        """Put the kept source's bias into a network, which is then the ordinary one.

        It goes to the centre of the stem's filters over the plane of ones: the same at every point, edges too.

        Args:
            network: changed in place.
            state: of an `Extras` like this one, instead of its own.
        """
        if self.kept is not None:
            weight = network.get_parameter("stem.weight")  # (filters, planes, rows, columns)
            biases = self.stem_biases if state is None else state["stem_biases"]
            weight[:, _ONES, weight.shape[2] // 2, weight.shape[3] // 2] += biases[self.kept]


def labels_of(batch: Batch, extras: Extras) -> Labels:
    """What these extras learn from, as far as the batch has it; not yet turned."""
    arrays = {
        "next_moves": batch.next_moves if extras.moves else None,
        "boards": batch.boards if extras.boards else None,
        "sources": batch.sources if extras.kept is not None else None,
    }
    return {name: torch.from_numpy(array) for name, array in arrays.items() if array is not None}


def turn_labels(labels: Labels, new: Tensor, old: Tensor) -> Labels:
    """The labels of turned positions.

    Args:
        labels: on the device.
        new: int64 (batch, points), for each point of a turned board the one that it was.
        old: int64 (batch, points), for each point where it has gone.
    """
    turned = dict(labels)
    if "next_moves" in labels:
        moves = labels["next_moves"]
        turned["next_moves"] = torch.where(moves < 0, moves, old.gather(1, moves.clamp_min(0)))
    if "boards" in labels:
        boards = labels["boards"]
        turned["boards"] = boards.gather(2, new[:, None].expand_as(boards))
    return turned


def in_pieces(words: Tensor, targets: Tensor, labels: Labels, count: int) -> list[tuple[Tensor, Tensor, Labels]]:
    """A batch cut into so many pieces, each as the objective takes it."""
    cut = {name: tensor.chunk(count) for name, tensor in labels.items()}
    both = zip(words.chunk(count), targets.chunk(count), strict=True)
    return [(*one, {name: some[number] for name, some in cut.items()}) for number, one in enumerate(both)]
