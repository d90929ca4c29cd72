"""Why this move: the stones that it depends on, asked in two ways, and both drawn side by side."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from goengine.checkpoint import Network
from goengine.coords import format_vertex
from goengine.rules import Position
from goengine.visualize.stones import Dependence, chains, check_move, dependence

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Explanation", "draw_explanation", "explain"]

_NUMBERED = 5  # stones that carry their rank in the picture
_DARKEST = (
    4.0  # nats: a stone without which the move's odds fall to a fiftieth has the darkest colour, and so have more
)


@dataclass(frozen=True)
class Explanation:
    """One move of one position.

    Attributes:
        position: before the move.
        move: the point.
        probability: of the move, among all legal ones.
        rank: 1 for the network's favourite.
        groups: one a stone or chain, those that speak most for the move first; see `Dependence`.
        symmetries: that were averaged.
    """

    position: Position
    move: int
    probability: float
    rank: int
    groups: tuple[Dependence, ...]
    symmetries: int

    @property
    def heat(self) -> NDArray[np.float64]:
        """The weight of each stone's group at the stone, nan at empty points: float64 (size, size), in nats."""
        heat = np.full(self.position.size**2, np.nan)
        for group in self.groups:
            heat[list(group.points)] = group.weight
        return heat.reshape(self.position.size, self.position.size)


def explain(
    network: Network,
    position: Position,
    move: int,
    by: str = "stone",
    symmetries: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Explanation:
    """Take every stone, or every chain, away in turn.

    Args:
        network: for this board size.
        position: is not changed.
        move: a legal point for the player to move.
        by: ``stone`` or ``chain``.
        symmetries: 1, 2, 4 or 8.
        progress: called with how many positions are done, and their number.

    Raises:
        IllegalMove: the move is illegal.
        GoEngineError: it is the only one, or the network is for another board size.
    """
    check_move(position, move)
    policy = network.policy(position.encode_words()[None], symmetries, position.legal_mask()[None])[0]
    found = dependence(network, position, move, chains(position) if by == "chain" else None, symmetries, progress)
    ordered = sorted(found, key=lambda group: (-group.weight, group.points))
    rank = 1 + int((policy > policy[move]).sum())
    return Explanation(position, move, float(policy[move]), rank, tuple(ordered), symmetries)


def draw_explanation(
    explanation: Explanation, saliency: NDArray[np.float32], integrated: NDArray[np.float32] | None = None
) -> "Figure":
    """Saliency and occlusion side by side, and integrated gradients beside them where they are given.

    Args:
        explanation: whose heat is drawn on the stones.
        saliency: float32 (size, size), of `goengine.visualize.moves.saliency_points`.
        integrated: float32 (size, size), of `goengine.visualize.moves.integrated_points`.

    Raises:
        GoEngineError: matplotlib is not installed.
    """
    from goengine.visualize.boards import draw_board
    from goengine.visualize.pictures import make_figure

    position, by, weights = explanation.position, "this stone", explanation.heat
    if any(len(group.points) > 1 for group in explanation.groups):
        by = "this chain"
    panels: list[tuple[str, NDArray[Any], bool]] = [
        ("saliency: |dy/dx|, summed over the planes", saliency, False),
        (f"occlusion: fall of the move's log odds without {by}", weights, True),
    ]
    if integrated is not None:
        panels.append(("integrated gradients, from the empty board", integrated, True))
    figure = make_figure(5.0 * len(panels), 5.6)
    ranked = {group.points[0]: str(n) for n, group in enumerate(explanation.groups[:_NUMBERED], 1) if group.weight > 0}
    for axes, (title, heat, signed) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        colored = draw_board(
            axes,
            position.board,
            heat,
            signed=signed,
            most=_most(heat) if signed else None,
            move=(explanation.move, position.to_play),
            last=position.last_move[1] if position.last_move else None,
            labels=ranked if heat is weights else None,
            title=title,
        )
        label = "nats; red speaks for the move, blue against it" if signed else "nats"
        cut = "both" if signed else "neither"
        bar = figure.colorbar(colored, ax=axes, shrink=0.6, location="bottom", label=label, extend=cut)
        bar.ax.tick_params(labelsize=6)
    vertex = format_vertex(explanation.move, position.size)
    figure.suptitle(
        f"after {position.move_number} moves, {position.to_play} {vertex}: {explanation.probability:.1%}", fontsize=11
    )
    return figure


def _most(heat: NDArray[Any]) -> float:
    return float(min(np.nanmax(np.abs(heat), initial=0.0), _DARKEST))
