"""Image classifiers: every architecture takes digits, MNIST and CIFAR sizes, and can learn."""

import pytest
import torch
from torch import nn

from goengine.errors import RecipeError
from goengine.images.networks import build_classifier, equal_fully_connected, list_classifiers


@pytest.mark.parametrize("name", list_classifiers())
@pytest.mark.parametrize(("channels", "size"), [(1, 8), (1, 28), (3, 32)])
def test_every_classifier_takes_every_size(name: str, channels: int, size: int) -> None:
    network = build_classifier(name, channels=channels, size=size, classes=7, width=8)
    logits = network(torch.rand(3, channels, size, size))
    assert logits.shape == (3, 7)
    nn.functional.cross_entropy(logits, torch.tensor([0, 1, 6])).backward()  # type: ignore[no-untyped-call]
    assert all(p.grad is not None for p in network.parameters())
    again = build_classifier(**network.config)
    assert [p.shape for p in again.parameters()] == [p.shape for p in network.parameters()]


def test_lenet5_has_the_layers_of_its_table() -> None:
    network = build_classifier("lenet5", channels=1, size=28, classes=10)
    shapes = [tuple(p.shape) for p in network.parameters() if p.dim() > 1]
    assert shapes == [(6, 1, 5, 5), (16, 6, 5, 5), (120, 16, 5, 5), (84, 120), (10, 84)]
    maps = torch.rand(1, 1, 28, 28)
    sides = []
    for layer in network.features.children():
        maps = layer(maps)
        sides.append(maps.shape[-1])
    assert [sides[i] for i in (0, 2, 3, 5, 6)] == [28, 14, 10, 5, 1]  # C1 S2 C3 S4 C5


def test_the_lectures_network_has_25_and_50_filters() -> None:
    network = build_classifier("lecture", channels=1, size=28, classes=10)
    assert [tuple(p.shape) for p in network.features.parameters() if p.dim() > 1] == [(25, 1, 3, 3), (50, 25, 3, 3)]


@pytest.mark.parametrize("name", ["lecture", "mobilenet"])
def test_the_fully_connected_network_has_as_many_parameters(name: str) -> None:
    network = build_classifier(name, channels=1, size=28, classes=10)
    equal = equal_fully_connected(network)
    count, other = (sum(p.numel() for p in n.parameters()) for n in (network, equal))
    assert count <= other < 1.05 * count


@pytest.mark.parametrize("name", ["vgg", "resnet", "shufflenet", "fully_connected"])
def test_a_classifier_learns_two_kinds_of_stripes(name: str) -> None:
    torch.manual_seed(0)
    network = build_classifier(name, channels=1, size=8, classes=2, width=8)
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    lying = torch.zeros(16, 1, 8, 8)
    lying[:, :, ::2] = 1
    images = torch.cat([lying, lying.transpose(2, 3)]) + 0.3 * torch.randn(32, 1, 8, 8)
    labels = torch.arange(2).repeat_interleave(16)
    for _ in range(25):
        loss = nn.functional.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert bool((network.eval()(images).argmax(1) == labels).all())


def test_what_cannot_be_built_gets_one_line() -> None:
    with pytest.raises(RecipeError, match="no classifier 'resnext'; there are lecture"):
        build_classifier("resnext", channels=1, size=8, classes=2)
    with pytest.raises(RecipeError, match="size = 4 is not a whole number from 8"):
        build_classifier("vgg", channels=1, size=4, classes=2)
