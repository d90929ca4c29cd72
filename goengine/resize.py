"""A network for another size of board: its convolutions as they are, its biases for points taken from alike points."""

import copy

import torch

from goengine.checkpoint import Network, unmeasured
from goengine.errors import NetworkFileError
from goengine.layers import PolicyHead

__all__ = ["resized"]


def resized(network: Network, size: int) -> Network:
    """The same network on another board; the one that is given is not changed.

    A convolution knows no board. The bias of a point is that of the point as far from the nearest edges, row and
    column each; on a larger board the lines in the middle get the middle's. How good it is there must be measured: it
    has seen no game of that size.

    Args:
        network: not the fully connected one, which has a weight for every point.
        size: of the new board, 2 to 25.

    Raises:
        NetworkFileError: if it cannot be resized.
    """
    if size == network.size:
        return network
    architecture = network.metadata["architecture"]
    if architecture == "fully_connected":
        raise NetworkFileError(f"{network.name} is fully connected: it plays {network.size}x{network.size} only")
    if not 2 <= size <= 25:
        raise NetworkFileError(f"a board of {size}x{size} is not possible: give 2 to 25")
    old = network.size
    line = torch.tensor(
        [min(at, (old - 1) // 2) if at < size / 2 else max(old - size + at, old // 2) for at in range(size)]
    )
    module = copy.deepcopy(network.module)
    head = module.get_submodule("head")
    assert isinstance(head, PolicyHead)
    bias = head.bias.detach().view(old, old)
    head.bias = torch.nn.Parameter(bias[line][:, line].reshape(-1).clone(), head.bias.requires_grad)
    module.config["num_actions"] = size * size
    metadata = {**unmeasured(network.metadata), "board_size": size, "config": module.config, "resized_from": old}
    return Network(module, metadata, f"{network.name}-{size}x{size}", network.feature_set, size)
