"""Whole networks by one kernel, against the modules in float64, and the cases that are left to torch."""

import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from goengine import inference, winograd
from goengine.checkpoint import Network, load_network
from goengine.errors import GoEngineError
from goengine.features import unpack
from goengine.inference import Inference, prepare
from goengine.networks import PolicyNetwork, build_network
from goengine.rules import Position
from goengine.sgf import read_games

# Largest error of a logit by largest logit. Measured: 2e-7 to 4e-6; torch's own, float32: 6e-7 to 3e-6.
TOLERANCE = 2e-5
GAME = Path(__file__).resolve().parents[1] / "data" / "samples" / "game-0016.sgf"


@pytest.fixture(autouse=True)
def any_processor(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The kernels run on every processor; whether they pay is not what is tested here."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr(winograd, "_usable", lambda: True)
    monkeypatch.setattr(inference, "_PART", 1)  # any network is worth any number of threads
    yield
    torch.set_num_threads(before)


def made(name: str, size: int = 9, filters: int = 16, depth: int = 3, planes: int = 48, **more: Any) -> Any:
    """A network whose norms and biases are not those of the start."""
    chance = torch.Generator().manual_seed(20)
    config = {"in_planes": planes, "num_actions": size**2, "filters": filters, "depth": depth, **more}
    module = build_network(name, **config)
    with torch.no_grad():
        for key, tensor in module.state_dict().items():
            if not tensor.is_floating_point():
                continue
            if "running_mean" in key or "bias" in key:
                tensor.normal_(0, 0.3, generator=chance)
            elif "running_var" in key or "norm" in key:
                tensor.uniform_(0.5, 1.5, generator=chance)
            elif "conv" in key:
                tensor.normal_(0, (9 * filters) ** -0.5, generator=chance)
    return module.eval()


def boards(count: int, size: int = 9) -> NDArray[np.uint64]:
    """Random words, of some six planes a point: uint64 (count, size * size)."""
    chance = np.random.default_rng(5)
    bits = chance.random((count, size * size, 64)) < 0.1
    words: NDArray[np.uint64] = (bits * (np.uint64(1) << np.arange(64, dtype=np.uint64))).sum(2, dtype=np.uint64)
    return words


def exact(module: Any, words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """The module's own logits, in float64."""
    size, planes = round(module.config["num_actions"] ** 0.5), module.config["in_planes"]
    bits = (words[:, None, :] >> np.arange(planes, dtype=np.uint64)[:, None]) & np.uint64(1)
    module.double()
    with torch.no_grad():
        x = module.stem(torch.from_numpy(bits.reshape(-1, planes, size, size).astype(np.float64)))
        if hasattr(module, "blocks"):
            x = module.act(module.norm(module.blocks(x)))
        else:
            x = nn.Sequential(module.act, *(part for layer in module.trunk for part in (layer, module.act)))(x)
        found: NDArray[np.float64] = (module.head.conv(x).flatten(1) + module.head.bias).numpy()
    module.float()
    return found


def error(ours: NDArray[np.float32], wanted: NDArray[np.float64]) -> float:
    assert ours.shape == wanted.shape and ours.dtype == np.float32
    return float(np.abs(ours - wanted).max() / np.abs(wanted).max())


def ready(module: PolicyNetwork) -> Inference:
    found = prepare(module)
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["alphago", "residual"])
@pytest.mark.parametrize(
    ("size", "filters", "depth", "planes"),
    [(2, 8, 1, 48), (3, 24, 2, 12), (5, 16, 3, 48), (7, 40, 2, 20), (9, 32, 3, 48), (13, 12, 2, 4), (19, 48, 2, 48)],
)
def test_logits_are_the_modules(name: str, size: int, filters: int, depth: int, planes: int) -> None:
    module, words = made(name, size, filters, depth, planes), boards(3, size)
    assert error(ready(module).logits(words), exact(module, words)) < TOLERANCE


@pytest.mark.parametrize("name", ["alphago", "residual"])
def test_neither_threads_nor_other_boards_change_the_result(name: str) -> None:
    ours, words = ready(made(name, 9, 80)), boards(19)
    alone = np.concatenate([ours.logits(board[None]) for board in words])
    for count in (1, 2, 3, 4, 5, 8, 9, 19):
        for threads in (1, 2, 3):
            assert np.array_equal(ours.logits(words[:count], threads), alone[:count])


def test_many_callers_at_once() -> None:
    several = [ready(made("residual", size, filters)) for size, filters in ((9, 32), (5, 16), (9, 48), (13, 16))] * 4
    asked = [boards(1 + number % 3, ours.size) for number, ours in enumerate(several)]
    wanted = [ours.logits(words) for ours, words in zip(several, asked, strict=True)]
    with ThreadPoolExecutor(6) as pool:
        for _ in range(3):
            found = list(pool.map(lambda ours, words: ours.logits(words, 2), several, asked))
            assert all(np.array_equal(*pair) for pair in zip(found, wanted, strict=True))


def test_no_planes_and_planes_that_the_network_does_not_know() -> None:
    module = made("residual", planes=20)
    words = np.array([[0] * 81, [(1 << 64) - 1] * 81, [1 << 63] * 81], np.uint64)
    assert error(ready(module).logits(words), exact(module, words)) < TOLERANCE


def test_space_holds_no_memories() -> None:
    """A network of nan leaves nothing behind for the next."""
    ill, well, words = made("residual"), made("residual"), boards(4)
    with torch.no_grad():
        ill.blocks[0].conv1.weight.fill_(torch.nan)
    assert np.isnan(ready(ill).logits(words)).all()
    assert error(ready(well).logits(words[:3]), exact(well, words[:3])) < TOLERANCE


def network(module: PolicyNetwork, size: int = 9) -> Network:
    return Network(module, {"config": module.config}, "made", "alphago48", size)


def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by the boards of every evaluation by the kernel."""
    counts: list[int] = []
    ours = Inference.logits

    def counted(self: Inference, words: NDArray[np.uint64], threads: int = 1) -> NDArray[np.float32]:
        counts.append(len(words))
        return ours(self, words, threads)

    monkeypatch.setattr(Inference, "logits", counted)
    return counts


@pytest.mark.parametrize("symmetries", [1, 2, 4, 8])
@pytest.mark.parametrize("masked", [True, False])
def test_the_policy_is_that_of_planes(symmetries: int, masked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    counts, words = asked(monkeypatch), boards(3).reshape(-1, 9, 9)
    legal = np.random.default_rng(1).random((3, 81)) < 0.7 if masked else None
    if legal is not None:
        legal[2] = False
    loaded = network(made("residual"))
    ours, by_torch = loaded.policy(words, symmetries, legal), loaded.policy(unpack(words), symmetries, legal)
    assert counts == [3 * symmetries]
    assert ours.dtype == np.float32 and np.abs(ours - by_torch).max() < 1e-6


def test_the_policy_follows_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    counts, words = asked(monkeypatch), boards(1).reshape(-1, 9, 9)
    module = made("residual")
    loaded = network(module)
    changes: list[Callable[[], object]] = [
        lambda: None,
        lambda: module.stem.weight.mul_(-1),
        lambda: module.norm.running_mean.add_(1),
        lambda: module.load_state_dict(made("residual", filters=16).state_dict()),
        lambda: setattr(module.head, "bias", nn.Parameter(torch.randn(81))),
        lambda: setattr(module.stem.weight, "data", torch.randn(16, 48, 5, 5) / 10),
        lambda: module.stem.weight.data.neg_(),
        lambda: module.blocks[1].conv2.weight.data[5].zero_(),
        lambda: module.blocks[1].conv2.weight.data[:, 6].zero_(),
        lambda: module.blocks[0].conv1.weight.data[:, :, 0, 1].zero_(),
        lambda: module.blocks[0].norm1.weight.data[3].zero_(),
        lambda: module.blocks[0].norm2.running_var.data[3].mul_(3),
    ]
    with torch.no_grad():
        for change in changes:
            change()
            for _ in range(2):
                assert np.abs(loaded.policy(words) - loaded.policy(unpack(words))).max() < 1e-6
        assert len(counts) == 2 * len(changes)
        module.train()
        loaded.policy(words)
        assert len(counts) == 2 * len(changes)


def test_the_policy_follows_hooks_and_exchanged_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    counts, words = asked(monkeypatch), boards(2).reshape(-1, 9, 9)

    def differs_from(module: PolicyNetwork, before: NDArray[np.float32], loaded: Network) -> None:
        assert prepare(module) is None
        changed = loaded.policy(words)
        assert np.abs(changed - loaded.policy(unpack(words))).max() < 1e-6
        assert np.abs(changed - before).max() > 1e-4

    for early in (False, True):  # before the first evaluation, or after it
        for change in (
            lambda module: module.blocks[1].register_forward_hook(lambda part, inputs, result: inputs[0]),
            lambda module: module.norm.register_forward_pre_hook(lambda part, inputs: (inputs[0] + 1,)),
            lambda module: module.blocks.__setitem__(0, nn.Identity()),
            lambda module: module.blocks.append(made("residual").blocks[0]),
            lambda module: setattr(module, "act", nn.Identity()),
            lambda module: setattr(module.blocks[0], "forward", lambda x: 2 * x),
            lambda module: module.blocks[0].norm1.train(),
        ):
            module = made("residual")
            before = network(module).policy(words)
            loaded = network(module)
            if not early:
                loaded.policy(words)
            change(module)
            counts.clear()
            differs_from(module, before, loaded)
            assert not counts
    other = made("residual")
    other.norm.eps = 1.0
    assert prepare(other) is None
    with nn.modules.module.register_module_forward_hook(lambda part, inputs, result: None):
        assert prepare(made("residual")) is None


def test_a_hook_that_is_taken_away_gives_the_kernels_back(monkeypatch: pytest.MonkeyPatch) -> None:
    counts, words, module = asked(monkeypatch), boards(1).reshape(-1, 9, 9), made("alphago")
    loaded = network(module)
    with module.stem.register_forward_hook(lambda part, inputs, result: None):
        loaded.policy(words)
    assert not counts
    loaded.policy(words)
    assert counts == [1]


def test_preparing_uses_up_no_random_numbers() -> None:
    module = made("residual", filters=24)
    state = torch.random.get_rng_state()
    ready(module)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_what_is_to_be_rounded_is_rounded(monkeypatch: pytest.MonkeyPatch) -> None:
    counts, words, loaded = asked(monkeypatch), boards(1).reshape(-1, 9, 9), network(made("residual"))
    with torch.autocast("cpu", torch.bfloat16):
        rounded = loaded.policy(words)
    assert not counts
    assert 1e-5 < np.abs(rounded - loaded.policy(words)).max() < 1e-2


@pytest.mark.parametrize("count", [0, 3, 16])
def test_so_many_symmetries_are_not_averaged(count: int) -> None:
    loaded, words = network(made("residual")), boards(1).reshape(-1, 9, 9)
    for batch in (words, unpack(words)):
        with pytest.raises(GoEngineError, match=f"symmetries {count} is not possible: use 1, 2, 4, 8"):
            loaded.policy(batch, count)


@pytest.mark.parametrize(
    "module",
    [
        lambda: made("residual", activation="silu"),
        lambda: made("alphago", planes=1),
        lambda: made("residual").train(),
        lambda: made("residual").double(),
        lambda: build_network("fully_connected", in_planes=48, num_actions=81, filters=8, depth=1).eval(),
        lambda: build_network("residual", num_actions=81, filters=8, depth=1).to("meta").eval(),
    ],
)
def test_the_rest_is_left_to_torch(module: Callable[[], PolicyNetwork], monkeypatch: pytest.MonkeyPatch) -> None:
    assert prepare(module()) is None
    monkeypatch.setattr(winograd, "_usable", lambda: False)
    assert prepare(made("residual")) is None


def test_networks_can_still_be_sent_to_other_processes() -> None:
    loaded, words = network(made("residual")), boards(2).reshape(-1, 9, 9)
    policy = loaded.policy(words)
    assert np.array_equal(pickle.loads(pickle.dumps(loaded)).policy(words), policy)


def test_the_bundled_network_chooses_the_same_moves() -> None:
    position, words, legal = Position(), [], []
    (record,) = read_games(GAME)
    for number, (color, point) in enumerate(record.plays()):
        if number % 12 == 0:
            words.append(position.encode_words())
            legal.append(position.legal_mask())
        position.play(point, color)
    loaded, batch, mask = load_network(), np.stack(words), np.stack(legal)
    ours, by_torch = loaded.policy(batch, 1, mask), loaded.policy(unpack(batch), 1, mask)
    assert np.array_equal(ours.argmax(1), by_torch.argmax(1)) and np.abs(ours - by_torch).max() < 1e-5
