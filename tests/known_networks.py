"""Networks whose figures can be worked out by hand, and an untrained one in a file: what evaluation is tested on."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from goengine.checkpoint import Network, save_network
from goengine.evaluation.evaluator import Subject
from goengine.networks import FullyConnected, PolicyNetwork, build_network


class Uniform(Network):
    """Every legal move alike."""

    def policy(self, batch: Any, symmetries: int = 1, legal: Any = None) -> np.ndarray:
        assert legal is not None
        return np.asarray(legal / legal.sum(1, keepdims=True), np.float32)


def uniform() -> Uniform:
    return Uniform(FullyConnected(num_actions=81, depth=0), {}, size=9)


class Favours(Uniform):
    """Half on the first legal point, half on all."""

    def policy(self, batch: Any, symmetries: int = 1, legal: Any = None) -> np.ndarray:
        policy = 0.5 * super().policy(batch, symmetries, legal)
        policy[np.arange(len(batch)), legal.argmax(1)] += 0.5
        return np.asarray(policy, np.float32)


def subjects() -> list[Subject]:
    module = FullyConnected(num_actions=81, depth=0)
    return [Subject(Favours(module, {}, name="first point", size=9)), Subject(uniform())]


def saved(path: Path, size: int = 9) -> Path:
    torch.manual_seed(2)
    module: PolicyNetwork = build_network("residual", in_planes=48, num_actions=size**2, filters=4, depth=1)
    metadata = {"name": "tiny", "architecture": "residual", "feature_set": "alphago48", "board_size": size}
    save_network(path, module, metadata)
    return path
