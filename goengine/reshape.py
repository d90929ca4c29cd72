"""A residual network in other shapes: with other blocks, wider, or as AlphaGo's plain network, which says the same.

A residual network learns faster than a plain one of its cost; once it has learnt, its shortcuts can be folded away
(RMNet, Meng et al. 2021). So AlphaGo's own network need not be trained from nothing: 64 filters and five blocks are
its 192 filters and twelve convolutions, to the last parameter.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from goengine.errors import RecipeError
from goengine.layers import ResidualBlock
from goengine.networks import AlphaGo, Residual

__all__ = ["arranged", "unrolled", "widened"]


def arranged(module: Residual, blocks: Sequence[int | None]) -> Residual:
    """The same network with its blocks in another number or order; the one that is given is not changed.

    Each block adds something to what the others made, so that a network without one still knows its trade, and soon
    learns to do without it (Veit et al. 2016). A fresh block starts as the identity; after it blocks that have learnt
    can use what it finds.

    Args:
        module: a residual network.
        blocks: which of its blocks stands where, from 0; None is a fresh one, its weights drawn by PyTorch.

    Raises:
        RecipeError: if there are none, or there is no such block.
    """
    if not blocks:
        raise RecipeError("a residual network needs a block: leave one")
    found = Residual(**{**module.config, "depth": len(blocks)})
    state = {name: tensor for name, tensor in module.state_dict().items() if not name.startswith("blocks.")}
    for place, block in enumerate(blocks):
        if block is None:
            continue
        if not 0 <= block < len(module.blocks):
            raise RecipeError(f"there is no block {block}: the network's are 0 to {len(module.blocks) - 1}")
        for name, tensor in module.blocks[block].state_dict().items():
            state[f"blocks.{place}.{name}"] = tensor
    found.load_state_dict(state, strict=False)  # fresh blocks are not in it
    return found.train(module.training)


@torch.no_grad()
def widened(module: Residual, filters: int) -> Residual:
    """The same network with more filters, which says the same at first; the one that is given is not changed.

    The new filters see everything, by fresh weights, and what was there before sees nothing of them: the weights to it
    start at zero, and learn from the first step on, for there is something to see.

    Args:
        module: a residual network.
        filters: how many it is to have; the new ones' weights are drawn by PyTorch, their norms start afresh.

    Raises:
        RecipeError: if that is not more than it has.
    """
    if filters <= module.config["filters"]:
        raise RecipeError(f"the network has {module.config['filters']} filters: give more than that, not {filters}")
    found = Residual(**{**module.config, "filters": filters})
    theirs = module.state_dict()
    for name, tensor in found.state_dict().items():
        old = theirs[name]
        if tensor.dim() > 1:
            tensor[: old.shape[0], old.shape[1] :] = 0
            tensor[: old.shape[0], : old.shape[1]] = old
        elif tensor.dim():
            tensor[: len(old)] = old
        else:
            tensor.copy_(old)
    return found.train(module.training)


@torch.no_grad()
def unrolled(module: Residual, depth: int | None = None) -> AlphaGo:
    """The plain network that says the same, three times as wide, with two convolutions for each block.

    Of a trunk x, each layer passes on the positive and the negative part (a rectifier keeps both, as of Shang et al.
    2016), and, where the block's first convolution wants it, the rectified norm of x; where its second does, the
    block's middle. The next layer takes x as the difference of its parts, so nothing is lost. Norms are folded in as
    they are when the network plays.

    Args:
        module: a residual network with ReLU; norms with their running statistics.
        depth: convolutions before the head; at least, and by default, two for each block and one. Further ones pass
            everything on.

    Raises:
        RecipeError: if it has another activation, or the depth is too small.
    """
    config = module.config
    if config["activation"] != "relu":
        raise RecipeError(f"only ReLU keeps what passes through it twice; this network has {config['activation']}")
    blocks = [block for block in module.blocks if isinstance(block, ResidualBlock)]
    least = 2 * len(blocks) + 1
    depth = least if depth is None else depth
    if depth < least:
        raise RecipeError(f"{len(blocks)} blocks need {least} convolutions, not {depth}: leave blocks out first")
    filters = config["filters"]
    plain = AlphaGo(**{**config, "filters": 3 * filters, "depth": depth})
    identity = torch.zeros(filters, filters, 3, 3, dtype=torch.float64)
    identity[:, :, 1, 1] = torch.eye(filters)
    nothing = torch.zeros(filters, dtype=torch.float64)

    def trunk(layer: nn.Module, weight: Tensor, norm: nn.BatchNorm2d) -> None:
        """Let a layer give the trunk that this weight makes: its two parts, and its rectified norm."""
        scale, shift = _scale_and_shift(norm)
        _fill(layer, torch.cat([weight, -weight, _times(scale, weight)]), torch.cat([nothing, nothing, shift]))

    def parts_and(layer: nn.Module, weight: Tensor, bias: Tensor) -> None:
        """Let a layer pass on the two parts, and make something of the third."""
        rows = torch.zeros(3 * filters, 3 * filters, 3, 3, dtype=torch.float64)
        for place, square in enumerate((identity, identity, weight)):
            at = slice(place * filters, (place + 1) * filters)
            rows[at, at] = square
        _fill(layer, rows, torch.cat([nothing, nothing, bias]))

    norms = [*(block.norm1 for block in blocks[1:]), module.norm]
    trunk(plain.stem, module.stem.weight.double(), blocks[0].norm1)
    for number, (block, norm) in enumerate(zip(blocks, norms, strict=True)):
        scale, shift = _scale_and_shift(block.norm2)
        parts_and(plain.trunk[2 * number], _times(scale, block.conv1.weight.double()), shift)
        trunk(plain.trunk[2 * number + 1], torch.cat([identity, -identity, block.conv2.weight.double()], 1), norm)
    for layer in plain.trunk[least - 1 :]:
        parts_and(layer, identity, nothing)
    plain.head.conv.weight.zero_()
    plain.head.conv.weight[:, 2 * filters :] = module.head.conv.weight
    plain.head.bias.copy_(module.head.bias)
    return plain.train(module.training)


def _times(scale: Tensor, weight: Tensor) -> Tensor:
    return scale[:, None, None, None] * weight


def _scale_and_shift(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """What a norm does when the network plays, float64 (channels,) each."""
    assert norm.running_var is not None and norm.running_mean is not None
    scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    return scale, norm.bias.double() - norm.running_mean.double() * scale


def _fill(layer: nn.Module, weight: Tensor, bias: Tensor) -> None:
    assert isinstance(layer, nn.Conv2d) and layer.bias is not None
    layer.weight.copy_(weight)
    layer.bias.copy_(bias)
