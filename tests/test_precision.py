"""bfloat16 and torch.compile: a step is the same step, but for rounding."""

import functools
import shutil

import pytest
import torch
from small_games import batches, corpus

from goengine.recipe import recipe_from
from goengine.trainer import Trainer, ValidationSet, validate

CPU = torch.device("cpu")
TINY = {"board_size": 9, "filters": 8, "depth": 1, "batch": 16, "positions": 1600, "warmup": 0, "ema": [100]}
STEADY = {"optimizer": "sgd", "rate": 0.02}  # of which a small gradient's rounding makes no step of full size


def trainer(**changes: object) -> Trainer:
    return Trainer(recipe_from({**TINY, **changes}, "test"), CPU)


@pytest.mark.parametrize("changes", [{}, {"network": "alphago"}, {"accumulate": 2}, {"parts": 2}])
def test_bfloat16_learns_as_float32_does(changes: dict[str, object]) -> None:
    exact, rounded = trainer(precision="float32", **changes), trainer(precision="bfloat16", **changes)
    seen: list[torch.dtype] = []
    stem = exact.module.stem, rounded.module.stem
    for convolution in stem:
        convolution.register_forward_hook(lambda _, __, out: seen.append(out.dtype))  # type: ignore[union-attr]
    for batch in batches(3):
        one, other = exact.learn(batch, 1.0), rounded.learn(batch, 1.0)
        assert other[0].dtype == torch.float32
        assert float(other[0]) == pytest.approx(float(one[0]), rel=0.03)
    if "parts" not in changes:  # there the replicas compute
        assert set(seen) == {torch.float32, torch.bfloat16}
    for tensors in (rounded.module.state_dict(), rounded.averages.weights[0]):
        assert all(tensor.dtype == torch.float32 for tensor in tensors.values() if tensor.is_floating_point())
    games = ValidationSet(corpus(6), 40)
    loss = [
        validate(one.module.eval(), one.objective, games, 40, CPU, None, one.map)["all"].loss
        for one in (exact, rounded)
    ]
    assert loss[1] == pytest.approx(loss[0], rel=0.03)


def same_losses(compiled: Trainer, eager: Trainer) -> None:
    for batch in batches(3):
        one, other = eager.learn(batch, 1.0), compiled.learn(batch, 1.0)
        assert float(other[0]) == pytest.approx(float(one[0]), abs=1e-5) and int(one[1]) == int(other[1])
    for a, b in zip(eager.module.state_dict().values(), compiled.module.state_dict().values(), strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_the_step_is_one_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever compiles it: network and loss have no break in them."""
    eager = trainer(**STEADY)
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager", fullgraph=True))
    same_losses(trainer(compile=True, **STEADY), eager)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, while it compiles
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
@pytest.mark.parametrize("changes", [{}, {"network": "alphago", "accumulate": 2}, {"precision": "bfloat16"}])
def test_a_compiled_step_is_the_same_step(changes: dict[str, object]) -> None:
    if "precision" in changes:  # rounds elsewhere
        compiled, plain = trainer(compile=True, **changes), trainer(**changes)
        losses = [[float(one.learn(batch, 1.0)[0]) for batch in batches(3)] for one in (compiled, plain)]
        assert losses[0] == pytest.approx(losses[1], rel=0.03)
    else:
        same_losses(trainer(compile=True, **changes, **STEADY), trainer(**changes, **STEADY))
