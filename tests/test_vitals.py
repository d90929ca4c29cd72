"""Signs of life: chance, the expected curve, divergence, and losses that are no numbers."""

import math
import mmap
import re

import pytest
import torch
from scripts import ROOT
from small_games import corpus

from goengine.errors import RecipeError
from goengine.recipe import read_recipe, recipe_from
from goengine.trainer import (
    StopSignals,
    Trainer,
    ValidationSet,
    Vitals,
    expected_loss,
    first_broken_tensor,
    memory_advice,
    memory_in_use,
)

CPU = torch.device("cpu")


def trainer(**changes: object) -> Trainer:
    tiny = {"board_size": 9, "filters": 8, "depth": 1, "batch": 16, "positions": 1600, "ema": [100]}
    return Trainer(recipe_from({**tiny, **changes}, "test"), CPU)


def test_the_expected_curve() -> None:
    curve = {100_000: 2.4, 400_000: 2.0, 1_600_000: 1.9}
    assert expected_loss(curve, 100_000) == 2.4 and expected_loss(curve, 1_600_000) == 1.9
    assert expected_loss(curve, 200_000) == pytest.approx(2.2)
    assert expected_loss(curve, 800_000) == pytest.approx(1.95)
    assert expected_loss(curve, 99_999) is None and expected_loss(curve, 1_600_001) is None
    assert expected_loss({}, 5) is None
    recipe = recipe_from({"positions": 5, "expected": {"200_000": 2.25, "400000": 2}}, "test")
    assert recipe.expected == {200_000: 2.25, 400_000: 2.0}
    assert recipe_from(recipe.as_dict(), "test") == recipe
    for wrong in ({"many": 2.0}, {"200": -1.0}, {"200": "x"}, 5):
        with pytest.raises(RecipeError, match="is not whole numbers and numbers above 0, as 200000"):
            recipe_from({"positions": 5, "expected": wrong}, "test")


def test_chance_is_uniform_over_legal_moves() -> None:
    positions = ValidationSet(corpus(4), 60)
    legal = ((positions.words >> 20) & 0xFF) != 0
    assert positions.chance() == pytest.approx(legal.sum(1).double().log().mean().item())
    assert 3.0 < positions.chance() < math.log(81)


def test_a_run_that_sits_at_chance_stops() -> None:
    learner = trainer(patience=1000)
    vitals = Vitals(learner.recipe, 4.0)
    learner.steps, learner.positions = 60, 960
    assert vitals.watch(learner, [4.0] * 60) is None
    learner.steps, learner.positions = 64, 1024
    message = "after 1,024 positions the loss has never been better than 4.000, and chance is 4.000: nothing is learnt"
    with pytest.raises(RecipeError, match=re.escape(message)):
        vitals.watch(learner, [4.01] * 4)
    alive = Vitals(learner.recipe, 4.0)
    assert alive.watch(learner, [3.9] * 4) is None and alive.watch(learner, [4.1] * 4) is None
    endless = Vitals(trainer(patience=0).recipe, 4.0)
    assert endless.watch(learner, [4.0] * 64) is None


def test_a_run_that_diverges_is_set_back() -> None:
    learner = trainer()
    vitals = Vitals(learner.recipe, 4.0)
    learner.steps, learner.positions = 100, 1600
    assert vitals.watch(learner, [3.0] * 100) is None
    good = {name: tensor.clone() for name, tensor in learner.module.state_dict().items()}
    with torch.no_grad():
        for parameter in learner.module.parameters():
            parameter.mul_(50.0)
    learner.steps, learner.positions = 120, 1920
    assert vitals.watch(learner, [3.8] * 20) is None, "1.27 times the median may be chance"
    learner.steps, learner.positions = 140, 2240
    said = vitals.watch(learner, [4.2] * 20)
    assert said == "the loss rose to 4.200, from 3.000: back to the weights of step 100, with the rates times 0.70"
    assert (learner.steps, learner.positions, learner.slower) == (140, 2240, 0.7)
    assert all(torch.equal(good[name], tensor) for name, tensor in learner.module.state_dict().items())
    for number in range(2, 7):
        learner.steps += 100
        vitals.watch(learner, [3.0] * 100)
        learner.steps += 20
        if number < 6:
            assert f"rates times {0.7**number:.2f}" in str(vitals.watch(learner, [9.0] * 20))
    with pytest.raises(RecipeError, match="the run diverges again and again"):
        vitals.watch(learner, [9.0] * 20)


def test_the_guard_can_be_left_out_and_its_memory_is_kept() -> None:
    learner = trainer(guard=0)
    off = Vitals(learner.recipe, 4.0)
    learner.steps = 200
    assert off.watch(learner, [2.0] * 100) is None and off.watch(learner, [50.0] * 100) is None
    on = Vitals(trainer().recipe, 4.0)
    on.watch(learner, [2.0] * 100)
    again = Vitals(trainer().recipe, 4.0)
    again.restore(on.state(), trainer())
    assert again.state() == on.state()


def test_a_loss_of_another_kind_is_not_compared() -> None:
    """A resumed run whose teacher counts more than before has not diverged."""
    learner = trainer()
    before = Vitals(learner.recipe, 4.0)
    learner.steps = 100
    assert before.watch(learner, [2.0] * 100) is None
    after = Vitals(trainer(retain=6.0, teacher="bundled").recipe, 4.0)
    after.restore(before.state(), learner)
    learner.steps = 200
    assert after.watch(learner, [2.9] * 100) is None
    assert "the loss rose to 4.500, from 2.900" in str(after.watch(learner, [4.5] * 20))
    same = Vitals(learner.recipe, 4.0)
    same.restore(before.state(), learner)
    assert "the loss rose to 2.900" in str(same.watch(learner, [2.9] * 100))


def test_a_resumed_run_falls_back_on_the_weights_that_it_resumed_with() -> None:
    learner = trainer()
    before = Vitals(learner.recipe, 4.0)
    learner.steps = 100
    assert before.watch(learner, [2.0] * 100) is None
    after = Vitals(learner.recipe, 4.0)
    after.restore(before.state(), learner)
    weights = {name: tensor.clone() for name, tensor in learner.module.state_dict().items()}
    learner.steps = 120
    with torch.no_grad():
        for parameter in learner.module.parameters():
            parameter.add_(1.0)
    assert "back to the weights of step 100" in str(after.watch(learner, [9.0] * 20))
    assert all(torch.equal(weights[name], tensor) for name, tensor in learner.module.state_dict().items())


def test_a_loss_that_is_no_number_stops_and_says_where() -> None:
    learner = trainer()
    learner.steps = 12
    with pytest.raises(
        RecipeError,
        match=r"is nan at step 11 \(positions to 176\).*checkpoint is good; lower the rates",
    ):
        Vitals(learner.recipe, 4.0).watch(learner, [4.0, 4.0, float("nan"), float("nan")])
    assert first_broken_tensor(learner) is None
    learner.averages.weights[0]["head.conv.weight"][0, 2] = float("inf")
    assert first_broken_tensor(learner) == "average100 of head.conv.weight"
    with torch.no_grad():
        learner.module.get_parameter("blocks.0.conv1.weight")[3, 1] = float("nan")
    with pytest.raises(RecipeError, match=r"at step 12 .* weight blocks.0.conv1.weight is not finite"):
        Vitals(learner.recipe, 4.0).watch(learner, [float("inf")])


def test_out_of_memory_says_what_to_lower() -> None:
    gpu = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 8.00 GiB.\nmore")
    assert "out of memory on the GPU: raise --accumulate" in str(memory_advice(gpu))
    cpu = RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried")
    advice = memory_advice(cpu)
    assert advice is not None and "lower --batch" in advice and "this machine" in advice and "\n" not in advice
    assert memory_advice(MemoryError("Unable to allocate 8. GiB for an array")) is not None
    assert memory_advice(RuntimeError("shapes cannot be multiplied")) is None


def test_memory_in_use() -> None:
    found = memory_in_use(CPU)
    assert "gpu_memory" not in found
    if found:
        size = 64 * 2**20  # from the system itself: malloc may have as much left over from other tests
        with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as held:
            held.write(b"x" * size)
            assert memory_in_use(CPU)["memory"] > found["memory"] + 0.05


def test_the_laptops_curve_is_in_its_recipe() -> None:
    curve = read_recipe(ROOT / "training" / "recipes" / "laptop.toml").expected
    assert len(curve) >= 5 and list(curve) == sorted(curve) and list(curve.values()) == sorted(curve.values())[::-1]


def test_a_second_signal_interrupts_at_once() -> None:
    import signal

    before = signal.getsignal(signal.SIGTERM)
    with StopSignals() as stop:
        assert stop.caught == 0
        signal.raise_signal(signal.SIGTERM)
        assert stop.caught == signal.SIGTERM
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGTERM) is before
