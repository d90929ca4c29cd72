"""Loss and accuracies, against numbers worked out by hand."""

import math

import pytest
import torch

from goengine.metrics import PolicyMeter, legal_points, policy_loss, top_k_hits

LEGAL = torch.tensor([[True, True, False, True]])


def test_uniform_play_scores_the_logarithm_of_the_legal_moves() -> None:
    logits, target = torch.zeros(1, 4), torch.tensor([1])
    assert float(policy_loss(logits, target)) == pytest.approx(math.log(4))
    assert float(policy_loss(logits, target, LEGAL)) == pytest.approx(math.log(3))


def test_illegal_points_count_for_nothing() -> None:
    logits, target = torch.tensor([[0.0, 1.0, 50.0, 0.0]]), torch.tensor([1])
    expected = -math.log(math.e / (math.e + 2))
    assert float(policy_loss(logits, target, LEGAL)) == pytest.approx(expected)
    meter = PolicyMeter()
    meter.add(logits, target, LEGAL)
    assert meter.top(1) == 1.0 and meter.loss == pytest.approx(expected)


def test_top_k() -> None:
    logits = torch.tensor([[5.0, 4.0, 3.0, 2.0, 1.0, 0.0]]).expand(6, 6)
    targets = torch.arange(6)
    assert top_k_hits(logits, targets, 1).tolist() == [True] + [False] * 5
    assert top_k_hits(logits, targets, 5).tolist() == [True] * 5 + [False]


def test_equal_logits_are_not_all_hits() -> None:
    assert not top_k_hits(torch.zeros(1, 361), torch.tensor([0]), 5).any()


def test_meters_add_up() -> None:
    torch.manual_seed(0)
    logits, targets, legal = torch.randn(40, 9), torch.randint(0, 9, (40,)), torch.ones(40, 9, dtype=torch.bool)
    whole, first, second = PolicyMeter(), PolicyMeter(), PolicyMeter()
    whole.add(logits, targets, legal)
    first.add(logits[:13], targets[:13], legal[:13])
    second.add(logits[13:], targets[13:], legal[13:])
    first.merge(second)
    assert first.positions == 40 and first.hits == whole.hits
    assert first.as_dict() == pytest.approx(whole.as_dict())
    assert math.isnan(PolicyMeter().loss)


def test_legality_is_in_the_capture_planes() -> None:
    words = torch.tensor([[0, 1 << 19, 1 << 20, 1 << 27, 1 << 28, (1 << 20) | 1]])
    assert legal_points(words).tolist() == [[False, False, True, True, False, True]]
