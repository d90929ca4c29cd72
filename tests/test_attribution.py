"""Attribution where the answer is known: linear networks, completeness, inputs that do not matter; receptive fields."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from goengine.errors import GoEngineError
from goengine.images.networks import build_classifier, list_classifiers
from goengine.layers import receptive_fields
from goengine.visualize.activations import layer_names, layer_output, receptive_field
from goengine.visualize.attribution import (
    integrated_gradients,
    log_odds,
    log_odds_score,
    occlusion,
    output_score,
    saliency,
)
from goengine.visualize.extras import check_extras

pytest.importorskip("captum")


def linear(weights: torch.Tensor) -> nn.Module:
    """(batch, 1, 4, 4) to (batch, 2): the sum of weights times inputs plus 3, and its negative."""
    layer = nn.Linear(16, 2)
    layer.weight.data = torch.stack([weights, -weights])
    layer.bias.data = torch.tensor([3.0, -3.0])
    return nn.Sequential(nn.Flatten(), layer).requires_grad_(False)


@pytest.fixture
def weights() -> torch.Tensor:
    return torch.arange(16.0) - 7  # of both signs, and one that is 0


def test_a_linear_network_is_explained_exactly(weights: torch.Tensor) -> None:
    network, x = linear(weights), torch.rand(3, 1, 4, 4)
    score = output_score(network, 0)
    expected = weights.view(1, 1, 4, 4).expand_as(x)
    torch.testing.assert_close(saliency(score, x), expected.abs())
    torch.testing.assert_close(saliency(output_score(network, 1), x), expected.abs())
    baseline = torch.full((1, 1, 4, 4), 0.25)
    found = integrated_gradients(score, x, baseline, steps=3)
    torch.testing.assert_close(found.attributions, expected * (x - 0.25))
    torch.testing.assert_close(found.gap, torch.zeros(3), atol=1e-4, rtol=0)
    covered = occlusion(score, x, window=1)
    torch.testing.assert_close(covered, (expected * x)[:, 0], atol=1e-5, rtol=1e-5)
    assert covered[:, 1, 3].abs().max() < 1e-5  # the pixel with weight 0


def test_windows_that_overlap_are_averaged() -> None:
    """Covering 2 of 3 pixels in a row: the middle one belongs to both windows."""
    x = torch.tensor([1.0, 10.0, 100.0]).view(1, 1, 1, 3).expand(1, 1, 3, 3)
    found = occlusion(lambda x: x.sum((1, 2, 3)) / 2, x, window=2)
    torch.testing.assert_close(found[0, 1], torch.tensor([11.0, (11 + 110) / 2, 110.0]))


def test_integrated_gradients_are_complete_where_the_network_is_not_linear() -> None:
    torch.manual_seed(0)
    network = build_classifier("lecture", channels=1, size=8, classes=10).eval().requires_grad_(False)
    x = torch.rand(2, 1, 8, 8)
    score = log_odds_score(network, 4)
    rough, fine = (integrated_gradients(score, x, steps=steps) for steps in (2, 256))
    difference = score(x) - score(torch.zeros_like(x))
    torch.testing.assert_close(fine.attributions.sum((1, 2, 3)), difference + fine.gap)
    assert (fine.gap.abs() < 0.02 * difference.abs()).all()
    assert fine.gap.abs().max() < rough.gap.abs().max()


def test_log_odds_are_those_of_the_softmax() -> None:
    logits = torch.tensor([[1.0, 2.0, 0.5], [0.0, 0.0, 9.0]])
    p = logits.softmax(1)[:, 1]
    torch.testing.assert_close(log_odds(logits, 1), torch.log(p / (1 - p)))
    legal = torch.tensor([True, True, False])
    torch.testing.assert_close(log_odds(logits, 1, legal), logits[:, 1] - logits[:, 0])
    assert legal.tolist() == [True, True, False]
    with pytest.raises(GoEngineError, match="no other choice"):
        log_odds_score(nn.Identity(), 0, torch.tensor([True, False, False]))


@pytest.mark.parametrize("name", list_classifiers())
def test_every_classifier_can_be_explained(name: str) -> None:
    torch.manual_seed(0)
    network = build_classifier(name, channels=3, size=8, classes=3, width=8).eval()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    x = torch.rand(1, 3, 8, 8)
    score = log_odds_score(network, 1)
    maps = saliency(score, x)
    assert maps.shape == x.shape and maps.min() >= 0 and maps.max() > 0
    assert integrated_gradients(score, x, steps=2).attributions.shape == x.shape
    assert occlusion(score, x, window=4, stride=4).shape == (1, 8, 8)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert not x.requires_grad


def test_a_layer_gives_its_own_output_also_where_the_next_works_in_place() -> None:
    layers = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(8, 1)).eval()
    x = torch.randn(2, 1, 4, 4)
    torch.testing.assert_close(layer_output(layers, "0", x), layers[0](x))
    torch.testing.assert_close(layer_output(layers, "", x), layers(x))
    assert layer_output(layers, "0", x).min() < 0 <= layer_output(layers, "1", x).min()
    assert layer_names(layers) == ["0", "1", "2", "3"]
    assert not layers[0]._forward_hooks
    with pytest.raises(GoEngineError, match="no layer 'conv9'; there are 0, 1, 2, 3"):
        layer_output(layers, "conv9", x)


def test_receptive_fields_are_those_of_the_lecture() -> None:
    strides = [1, 2, 1, 1]
    torch.manual_seed(0)
    layers = nn.Sequential(*(nn.Conv2d(1 if not n else 2, 2, 3, stride=s, padding=1) for n, s in enumerate(strides)))
    expected = receptive_fields([3] * 4, strides)
    for number, side in enumerate(expected):
        middle = 20 if number == 0 else 10
        top, left, bottom, right = receptive_field(layers, str(number), (1, 40, 40), (middle, middle))
        assert (bottom - top + 1, right - left + 1) == (side, side)
    assert receptive_field(layers, "0", (1, 40, 40), (0, 39)) == (0, 38, 1, 39)  # cut off at the corner


def test_what_cannot_be_done_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.zeros(1, 1, 4, 4)
    score = output_score(linear(torch.ones(16)), 0)
    with pytest.raises(GoEngineError, match="window of 5 at stride 1 does not fit 4x4"):
        occlusion(score, x, window=5)
    with pytest.raises(GoEngineError, match="0 steps"):
        integrated_gradients(score, x, steps=0)
    with pytest.raises(GoEngineError, match="gives no maps"):
        receptive_field(linear(torch.ones(16)), "1", (1, 4, 4), (0, 0))
    monkeypatch.setattr("goengine.visualize.extras.find_spec", lambda name: None)
    with pytest.raises(GoEngineError, match=r"needs captum, which is not installed: pip install 'goengine\[visualize"):
        saliency(score, x)
    with pytest.raises(GoEngineError, match="captum and matplotlib"):
        check_extras("captum", "matplotlib")


def test_scores_may_be_any_function() -> None:
    x = torch.rand(1, 1, 4, 4)
    found = saliency(lambda x: (x**2).sum((1, 2, 3)), x)
    np.testing.assert_allclose(found.numpy(), 2 * x.numpy(), rtol=1e-5)
