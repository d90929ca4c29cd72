"""Layers: shapes, starts, and planes out of packed words."""

import math

import numpy as np
import pytest
import torch
from small_games import corpus

from goengine.features import FEATURE_SETS, unpack
from goengine.layers import ACTIVATIONS, PolicyHead, ResidualBlock, convolution, scale_to_unit_variance, unpack_words


@pytest.mark.parametrize("name", FEATURE_SETS)
def test_unpacking_on_the_device_is_unpacking_in_numpy(name: str) -> None:
    words, _, _ = corpus(4).encode(np.arange(100))
    planes = FEATURE_SETS[name].planes
    ours = unpack_words(torch.from_numpy(words.view(np.int64)), planes, 9)
    assert ours.shape == (100, planes, 9, 9) and ours.dtype == torch.float32
    assert (ours.numpy() == unpack(words.reshape(-1, 9, 9), name)).all()
    assert planes == 1 or ours.is_contiguous(memory_format=torch.channels_last)


def test_unpacking_every_bit() -> None:
    words = torch.tensor([[1 << plane for plane in range(48)] + [0]])
    planes = unpack_words(words, 48, 7)
    assert (planes[0].flatten(1)[:, :48] == torch.eye(48)).all()
    assert not planes[0].flatten(1)[:, 48].any()


def test_a_convolution_starts_as_he_says() -> None:
    torch.manual_seed(0)
    layer = convolution(48, 64, 5, bias=True)
    assert float(layer.weight.detach().std()) == pytest.approx(math.sqrt(2 / (48 * 25)), rel=0.02)
    assert layer.bias is not None and not layer.bias.any()
    assert layer(torch.zeros(1, 48, 9, 9)).shape == (1, 64, 9, 9)


def test_scaling_to_unit_variance() -> None:
    torch.manual_seed(0)
    layer = convolution(3, 8, 3, bias=True)
    inputs = torch.rand(64, 3, 9, 9) * 5 + 1
    outputs = scale_to_unit_variance(layer, inputs)
    assert torch.allclose(outputs, layer(inputs))
    assert torch.allclose(outputs.mean(dim=(0, 2, 3)), torch.zeros(8), atol=1e-4)
    assert torch.allclose(outputs.var(dim=(0, 2, 3)), torch.full((8,), 2.0), rtol=1e-3)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_residual_block_starts_as_the_identity_and_can_learn(activation: str) -> None:
    block = ResidualBlock(4, activation)
    x = torch.randn(2, 4, 5, 5)
    y = block(x)
    assert torch.equal(y, x)
    y.square().sum().backward()
    assert block.conv2.weight.grad is not None and block.conv2.weight.grad.any()


def test_the_head_adds_each_points_own_bias() -> None:
    head = PolicyHead(4, 25)
    with torch.no_grad():
        head.bias.copy_(torch.arange(25.0))
    assert torch.allclose(head(torch.zeros(2, 4, 5, 5)), torch.arange(25.0).expand(2, 25))
