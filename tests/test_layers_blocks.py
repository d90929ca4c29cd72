"""Blocks: shapes, what they start as, and what sets each apart."""

import pytest
import torch
from torch import nn

from goengine.errors import RecipeError
from goengine.layers import (
    ChannelShuffle,
    DenseBlock,
    FireBlock,
    GlobalAverage,
    InceptionBlock,
    ResidualUnit,
    SeparableConvolution,
    ShuffleUnit,
    SpatialPyramidPooling,
    SqueezeExcitation,
    SubPixelConvolution,
    transposed_convolution,
)

X = torch.randn(2, 8, 12, 12, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("block", "shape"),
    [
        (ResidualUnit(8, 16, stride=2, squeeze=True), (2, 16, 6, 6)),
        (InceptionBlock(8, (4, 6, 2, 3)), (2, 15, 12, 12)),
        (DenseBlock(8, 4, 3), (2, 20, 12, 12)),
        (FireBlock(8, 2, 5), (2, 10, 12, 12)),
        (SqueezeExcitation(8), (2, 8, 12, 12)),
        (SeparableConvolution(8, 12, stride=2), (2, 12, 6, 6)),
        (ShuffleUnit(8, 16, 2, stride=2), (2, 16, 6, 6)),
        (ShuffleUnit(8, 8, 2), (2, 8, 12, 12)),
        (SpatialPyramidPooling(), (2, 8 * 21)),
        (GlobalAverage(), (2, 8)),
        (SubPixelConvolution(8, 3, 2), (2, 3, 24, 24)),
        (transposed_convolution(8, 3, 4, stride=2, padding=1), (2, 3, 24, 24)),
    ],
)
def test_shapes_and_gradients(block: nn.Module, shape: tuple[int, ...]) -> None:
    out = block(X.clone().requires_grad_())
    assert tuple(out.shape) == shape
    out.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in block.parameters())


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (4, 2), (6, 3)])
def test_a_transposed_convolution_starts_as_he_says(kernel: int, stride: int) -> None:
    torch.manual_seed(3)
    x = torch.randn(4, 64, 20, 20)
    with torch.no_grad():
        y = transposed_convolution(64, 64, kernel, stride=stride)(x)
    inside = y[..., kernel:-kernel, kernel:-kernel]
    assert inside.var().item() == pytest.approx(2, rel=0.1)


def test_a_residual_unit_starts_as_its_shortcut() -> None:
    assert torch.equal(ResidualUnit(8, 8)(X), torch.relu(X))


def test_a_dense_block_keeps_what_it_was_given() -> None:
    assert torch.equal(DenseBlock(8, 4, 2)(X)[:, :8], X)


def test_squeeze_and_excitation_gives_a_channel_one_factor() -> None:
    factors = SqueezeExcitation(8)(X).detach() / X
    assert torch.allclose(factors, factors[:, :, :1, :1].expand_as(factors), atol=1e-5)
    assert float(factors.min()) > 0 and float(factors.max()) < 1


def test_a_shuffle_deals_every_group_out_to_all() -> None:
    numbers = torch.arange(6.0).view(1, 6, 1, 1)
    assert ChannelShuffle(2)(numbers).flatten().tolist() == [0, 3, 1, 4, 2, 5]
    assert ChannelShuffle(3)(ChannelShuffle(2)(numbers)).flatten().tolist() == list(range(6))


def test_a_depthwise_convolution_keeps_channels_apart() -> None:
    depthwise = SeparableConvolution(8, 4)[0].eval()
    before = depthwise(X)
    changed = X.clone()
    changed[:, 3] += 1
    differing = (depthwise(changed) != before).flatten(2).any(2).any(0)
    assert differing.nonzero().flatten().tolist() == [3]


def test_pyramids_and_averages_take_any_size() -> None:
    pyramid = SpatialPyramidPooling((1, 3))
    for rows, columns in ((7, 7), (12, 5), (3, 30)):
        image = torch.randn(1, 4, rows, columns)
        assert pyramid(image).shape == (1, 40)
        assert torch.equal(pyramid(image)[:, :4], image.amax((2, 3)))
        assert torch.allclose(GlobalAverage()(image), image.mean((2, 3)))


def test_shuffle_units_that_do_not_divide_are_refused() -> None:
    with pytest.raises(RecipeError, match="must be a multiple of 12"):
        ShuffleUnit(9, 28, 3, stride=2)
    with pytest.raises(RecipeError, match="8 to 16 channels at stride 1"):
        ShuffleUnit(8, 16, 2)
