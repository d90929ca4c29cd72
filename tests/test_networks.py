"""Networks: the paper's size to the last parameter, any board, and starts that let them learn."""

import pytest
import torch
from torch import nn

from goengine.errors import RecipeError
from goengine.networks import AlphaGo, Residual, build_network, list_networks
from goengine.summary import summarize


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_the_network_of_the_paper() -> None:
    network = build_network("alphago", in_planes=48, num_actions=361, filters=192, depth=12)
    assert parameters(network) == 3_882_793


@pytest.mark.parametrize("k", [128, 256])
def test_other_widths_by_hand(k: int) -> None:
    stem, hidden, head = 48 * 25 * k + k, 11 * (9 * k * k + k), k + 361
    assert parameters(AlphaGo(filters=k)) == stem + hidden + head


def test_the_bundled_shape() -> None:
    assert parameters(Residual(filters=64, depth=6)) == 521_257


@pytest.mark.parametrize("name", list_networks())
@pytest.mark.parametrize("size", [5, 9, 19])
def test_planes_in_logits_out(name: str, size: int) -> None:
    network = build_network(name, in_planes=4, num_actions=size**2, filters=8, depth=2)
    logits = network(torch.rand(3, 4, size, size))
    assert logits.shape == (3, size**2) and logits.dtype == torch.float32
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("name", list_networks())
def test_a_network_is_rebuilt_from_its_config(name: str) -> None:
    network = build_network(name, in_planes=2, num_actions=25, filters=8, depth=3).eval()
    again = build_network(name, **network.config).eval()
    again.load_state_dict(network.state_dict())
    planes = torch.rand(2, 2, 5, 5)
    assert torch.equal(network(planes), again(planes))


@pytest.mark.parametrize("name", list_networks())
def test_a_fresh_network_hardly_prefers_any_move(name: str) -> None:
    torch.manual_seed(3)
    network = build_network(name, in_planes=48, num_actions=361, filters=32, depth=6)
    planes = (torch.rand(64, 48, 19, 19) < 0.1).float()
    assert float(network(planes).detach().softmax(1).max()) < 0.1


def test_no_network_pools() -> None:
    for name in list_networks():
        kinds = {type(layer).__name__ for layer in build_network(name).modules()}
        assert not [kind for kind in kinds if "Pool" in kind]


def test_the_data_dependent_start_keeps_positions_apart_through_twelve_layers() -> None:
    torch.manual_seed(0)
    network = AlphaGo(filters=32, num_actions=81)
    planes = (torch.rand(256, 48, 9, 9) < 0.1).float()

    def last_layer() -> torch.Tensor:
        x: torch.Tensor = network.act(network.stem(planes))
        for layer in network.trunk:
            x = network.act(layer(x))
        return x.detach()

    def cosine(x: torch.Tensor) -> float:
        units = nn.functional.normalize(x.flatten(1)[:64], dim=1)
        return float((units @ units.T).fill_diagonal_(0).sum() / (64 * 63))

    before = cosine(last_layer())
    network.data_dependent_start(planes)
    after = last_layer()
    assert float(after.square().mean().sqrt()) == pytest.approx(1.0, abs=0.1)
    assert cosine(after) < 0.5 < before


def test_what_info_prints() -> None:
    summary = summarize(AlphaGo(), 19)
    assert summary.parameters == 3_882_793 == sum(layer.parameters for layer in summary.layers)
    assert summary.receptive_field == 27
    assert summary.multiplications == 361 * (48 * 25 * 192 + 11 * 9 * 192 * 192 + 192)
    assert summarize(Residual(depth=9), 19).receptive_field == 37  # 41, but the board ends
    network = build_network("fully_connected", in_planes=1, num_actions=25, filters=10, depth=1)
    assert summarize(network, 5).multiplications == 2 * 250
    assert network.training


@pytest.mark.parametrize(
    ("name", "config", "message"),
    [
        ("alphazero", {}, "no network 'alphazero'; the networks are alphago, residual, fully_connected"),
        ("alphago", {"filter": 3}, "no setting 'filter'; there are in_planes, num_actions, filters, depth"),
        ("alphago", {"filters": 0}, "filters = 0 is not a whole number from 1"),
        ("residual", {"depth": 2.5}, "depth = 2.5 is not a whole number"),
        ("residual", {"activation": "tanh"}, "no activation 'tanh'; there are relu, silu, mish"),
    ],
)
def test_bad_settings(name: str, config: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        build_network(name, **config)
