"""How well a policy predicts moves: loss in nats per position, and top-k accuracy among legal moves."""

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["PolicyMeter", "brier_loss", "drift", "legal_points", "mask_illegal", "policy_loss", "top_k_hits"]

_CAPTURE_PLANES = 0xFF << 20  # planes 20-27 of alphago48: one of them is set exactly where a move is legal


def legal_points(words: Tensor) -> Tensor:
    """Where the player to move may play (simple ko, no suicide), bool, from int64 words of the same shape."""
    return (words & _CAPTURE_PLANES) != 0


def mask_illegal(logits: Tensor, legal: Tensor) -> Tensor:
    """Logits with minus infinity at illegal points; both (batch, points)."""
    return logits.masked_fill(~legal, float("-inf"))


def policy_loss(logits: Tensor, targets: Tensor, legal: Tensor | None = None) -> Tensor:
    """Mean cross-entropy in nats per position.

    Args:
        logits: float (batch, points).
        targets: int64 (batch,), the points played.
        legal: bool (batch, points); if given, the policy is over these points only, and targets must be among them.

    Returns:
        A float32 scalar.
    """
    logits = logits.float()
    if legal is not None:
        logits = mask_illegal(logits, legal)
    return functional.cross_entropy(logits, targets)


def brier_loss(logits: Tensor, targets: Tensor, legal: Tensor | None = None) -> Tensor:
    """Mean Brier score, the squared error of the probabilities summed over the points: 0 to 2, a float32 scalar.

    Arguments as those of `policy_loss`.
    """
    logits = logits.float()
    chances = (logits if legal is None else mask_illegal(logits, legal)).softmax(1)
    played = chances.gather(1, targets.unsqueeze(1)).squeeze(1)
    return (chances.square().sum(1) - 2 * played + 1).mean()


def drift(logits: Tensor, start: Tensor, legal: Tensor) -> Tensor:
    """How far a policy has gone from another: the mean Kullback-Leibler divergence KL(start || now), nats a position.

    Args:
        logits: float (batch, points), now.
        start: float (batch, points), those of the other policy; no gradient goes there.
        legal: bool (batch, points); both policies are over these points only.

    Returns:
        A float32 scalar, 0 where they agree.
    """
    now = mask_illegal(logits.float(), legal).log_softmax(1).masked_fill(~legal, 0.0)
    then = mask_illegal(start.detach().float(), legal).log_softmax(1).masked_fill(~legal, 0.0)
    return (then.exp().masked_fill(~legal, 0.0) * (then - now)).sum(1).mean()


def top_k_hits(logits: Tensor, targets: Tensor, k: int) -> Tensor:
    """Whether the move played is among the k likeliest, bool (batch,); of equal logits, half count as likelier."""
    played = logits.gather(1, targets.unsqueeze(1))
    above = (logits > played).sum(1)
    ties = (logits == played).sum(1) - 1
    return above + ties // 2 < k


@dataclass
class PolicyMeter:
    """Sums over positions, from which loss and accuracies come; `add` as many batches as there are."""

    positions: int = 0
    nats: float = 0.0
    hits: dict[int, int] = field(default_factory=lambda: {1: 0, 5: 0})

    @torch.no_grad()
    def add(self, logits: Tensor, targets: Tensor, legal: Tensor) -> None:
        """Count a batch: logits (batch, points), targets int64 (batch,), legal bool (batch, points)."""
        masked = mask_illegal(logits.float(), legal)
        self.positions += len(targets)
        self.nats += float(functional.cross_entropy(masked, targets, reduction="sum"))
        for k in self.hits:
            self.hits[k] += int(top_k_hits(masked, targets, k).sum())

    def merge(self, other: "PolicyMeter") -> None:
        """Add what another meter has counted."""
        self.positions += other.positions
        self.nats += other.nats
        for k, hits in other.hits.items():
            self.hits[k] = self.hits.get(k, 0) + hits

    @property
    def loss(self) -> float:
        """Nats per position, over legal moves; NaN before the first position."""
        return self.nats / self.positions if self.positions else float("nan")

    def top(self, k: int) -> float:
        """Top-k accuracy, a fraction; NaN before the first position."""
        return self.hits[k] / self.positions if self.positions else float("nan")

    def as_dict(self) -> dict[str, float | int]:
        """positions, top1, top5 and loss, as `goengine evaluate --json` prints them."""
        return {"positions": self.positions, "top1": self.top(1), "top5": self.top(5), "loss": self.loss}
