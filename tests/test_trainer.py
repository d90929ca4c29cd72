"""Training: it learns, it resumes exactly, and its parts do what they say."""

import errno
import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from small_games import batches, corpus

from goengine.checkpoint import load_network
from goengine.cli import main
from goengine.dataset import Batch
from goengine.errors import NetworkFileError, RecipeError
from goengine.metrics import drift, legal_points
from goengine.optimizers import Muon, clip_to_median, make_optimizers, orthogonalized
from goengine.recipe import Recipe, read_recipe, recipe_from
from goengine.settings import parse_setting
from goengine.symmetry import inverse, transform
from goengine.trainer import (
    Averages,
    Trainer,
    ValidationSet,
    choose_device,
    read_run,
    save_checkpoint,
    schedule,
    validate,
    wants_bfloat16,
)

CPU = torch.device("cpu")
TINY = {"board_size": 9, "filters": 8, "depth": 1, "batch": 16, "positions": 1600, "warmup": 0, "ema": [100]}
TINY |= {"precision": "float32"}  # not what this processor does best


def recipe(**changes: object) -> Recipe:
    return recipe_from({**TINY, **changes}, "test")


@pytest.mark.parametrize(
    ("network", "optimizer"),
    [("residual", "muon"), ("residual", "adamw"), ("alphago", "muon"), ("alphago", "sgd"), ("fully_connected", "muon")],
)
def test_a_tiny_network_memorises_64_positions(network: str, optimizer: str) -> None:
    (batch,) = batches(1, 64)
    batch = Batch(batch.words, batch.targets, np.zeros(64, np.int64), batch.sources, {})
    rates = {"rate": 0.05 if optimizer == "sgd" else 0.01, "muon_rate": 0.01, "momentum": 0.9, "weight_decay": 0.0}
    trainer = Trainer(recipe(network=network, optimizer=optimizer, filters=24, depth=2, batch=64, **rates), CPU)
    trainer.start_from_data(batch)
    losses = [float(trainer.learn(batch, 1.0)[0]) for _ in range(80)]
    assert losses[0] > 3.5 and losses[-1] < 0.5, losses[::20]


def test_turned_positions_are_learnt_as_turned() -> None:
    (batch,) = batches(1, 8)
    trainer = Trainer(recipe(batch=8), CPU)
    words, targets, _ = trainer.to_device(batch)
    for i in range(8):
        board = batch.words[i].reshape(9, 9)
        marked = np.zeros((9, 9), bool)
        marked.flat[batch.targets[i]] = True
        from goengine.symmetry import transform

        turn = int(batch.symmetries[i])
        assert (words[i].numpy().view(np.uint64).reshape(9, 9) == transform(board, turn)).all()
        assert np.flatnonzero(transform(marked, turn)).tolist() == [int(targets[i])]


def test_a_resumed_run_equals_an_unbroken_one(tmp_path: Path) -> None:
    stream = batches(8)
    unbroken = Trainer(recipe(), CPU)
    expected = [unbroken.learn(batch, 1.0)[0].item() for batch in stream]
    broken = Trainer(recipe(), CPU)
    first = [broken.learn(batch, 1.0)[0].item() for batch in stream[:4]]
    save_checkpoint(tmp_path, broken.recipe.as_dict(), broken.state(stream[3].state))
    kept, state = read_run(tmp_path)
    saved_recipe = recipe_from(kept, "checkpoint")
    assert saved_recipe == recipe()
    resumed = Trainer(saved_recipe, CPU)
    torch.manual_seed(77)
    assert resumed.restore(state) == stream[3].state
    assert (resumed.steps, resumed.positions) == (4, 64)
    assert first + [resumed.learn(batch, 1.0)[0].item() for batch in stream[4:]] == expected
    for one, other in zip(unbroken.averages.weights[0].values(), resumed.averages.weights[0].values(), strict=True):
        assert torch.equal(one, other)


def test_parts_on_threads_give_the_whole_batchs_gradient() -> None:
    stream = batches(5)
    whole = Trainer(recipe(network="alphago"), CPU)
    parts = Trainer(recipe(network="alphago", parts=4, threads=2), CPU)
    for batch in stream:
        one, other = whole.learn(batch, 1.0), parts.learn(batch, 1.0)
        assert float(one[0]) == pytest.approx(float(other[0]), abs=1e-5)
        assert int(one[1]) == int(other[1])
    assert all(
        torch.allclose(a, b, atol=1e-5)
        for a, b in zip(whole.module.state_dict().values(), parts.module.state_dict().values(), strict=True)
    )


@pytest.mark.parametrize("network", ["alphago", "fully_connected"])
def test_accumulated_gradients_are_those_of_the_whole_batch(network: str) -> None:
    stream = batches(5)
    whole = Trainer(recipe(network=network), CPU)
    pieces = Trainer(recipe(network=network, accumulate=4), CPU)
    for batch in stream:
        one, other = whole.learn(batch, 1.0), pieces.learn(batch, 1.0)
        assert float(one[0]) == pytest.approx(float(other[0]), abs=1e-5)
        assert int(one[1]) == int(other[1])
    assert (pieces.steps, pieces.positions) == (5, 80)
    assert all(
        torch.allclose(a, b, atol=1e-5)
        for a, b in zip(whole.module.state_dict().values(), pieces.module.state_dict().values(), strict=True)
    )


def test_parts_begin_with_the_statistics_of_the_network_too(tmp_path: Path) -> None:
    (batch,) = batches(1)
    path = tmp_path / "start.safetensors"
    first = Trainer(recipe(seed=5), CPU)
    for name, buffer in first.module.named_buffers():
        if name.endswith("running_var"):
            buffer.fill_(7.0)
    first.export(path, first.module, {}, {})
    for parts in (1, 4):
        trainer = Trainer(recipe(parts=parts, start="network"), CPU)
        trainer.start_from_network(path)
        trainer.learn(batch, 0.0)
        after = [buffer for name, buffer in trainer.module.named_buffers() if name.endswith("running_var")]
        assert after and all(float(buffer.min()) > 6.0 for buffer in after)


def test_parts_stay_near_the_start_as_the_whole_does(tmp_path: Path) -> None:
    (batch,) = batches(1)
    path = tmp_path / "start.safetensors"
    first = Trainer(recipe(network="alphago", seed=5), CPU)
    first.learn(batch, 1.0)
    first.export(path, first.module, {}, {})
    losses = []
    for parts in (1, 4):
        trainer = Trainer(recipe(network="alphago", parts=parts, start="network", retain=2.0), CPU)
        alone = float(trainer.learn(batch, 0.0)[0])
        trainer.stay_near(path)
        losses.append(float(trainer.learn(batch, 0.0)[0]))
        assert losses[-1] > alone + 1e-4
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def test_a_teachers_policy_is_learnt(tmp_path: Path) -> None:
    one, other = batches(2)
    rates = {"rate": 0.01, "muon_rate": 0.01}
    path = tmp_path / "teacher.safetensors"
    teacher = Trainer(recipe(network="residual", filters=12, seed=5, **rates), CPU)
    for _ in range(20):
        teacher.learn(one, 1.0)
    teacher.export(path, teacher.module.eval(), {}, {})
    away = []
    for settings in ({"retain": 0.0}, {"teacher": str(path), "retain": 3.0}):
        pupil = Trainer(recipe(network="alphago", **rates, **settings), CPU)
        if pupil.recipe.retain:
            pupil.stay_near(path)
        for _ in range(20):
            pupil.learn(other, 1.0)  # positions that the teacher has not seen
        planes = pupil.objective.planes(words := pupil.to_device(other)[0])
        with torch.no_grad():
            away.append(float(drift(pupil.module.eval()(planes), teacher.module(planes), legal_points(words))))
    assert away[1] < 0.5 * away[0], away
    with pytest.raises(
        RecipeError, match="for alphago48 on 9x9 boards; the recipe's is for board4 on 9x9: give another"
    ):
        Trainer(recipe(feature_set="board4"), CPU).stay_near(path)


def test_a_teacher_may_look_at_turned_boards(tmp_path: Path) -> None:
    one = batches(1)[0]
    path = tmp_path / "teacher.safetensors"
    teacher = Trainer(recipe(network="alphago", seed=5), CPU)
    teacher.learn(one, 1.0)  # so that its answer depends on the orientation
    teacher.export(path, teacher.module.eval(), {}, {})
    pupil = Trainer(recipe(network="alphago", teacher=str(path), teacher_turned=True, retain=1.0), CPU)
    pupil.stay_near(path)
    words = pupil.to_device(one)[0]
    assert pupil.objective.teacher is not None
    with torch.no_grad():
        found = pupil.objective.teacher.logits(words, pupil.objective.planes(words))
    seen, written = set(), load_network(path).module
    for board, logits in zip(words.numpy(), found.numpy(), strict=True):
        fits = []
        for symmetry in range(8):
            turned = torch.from_numpy(transform(board.reshape(9, 9), symmetry).reshape(1, -1).copy())
            with torch.no_grad():
                answer = written(pupil.objective.planes(turned)).numpy().reshape(9, 9)
            if np.allclose(transform(answer, inverse(symmetry)).reshape(-1), logits, atol=1e-5):
                fits.append(symmetry)
        assert len(fits) == 1 and fits != [0], fits
        seen.update(fits)
    assert len(seen) > 3, seen

    losses = []
    for parts in (1, 4):
        trainer = Trainer(
            recipe(network="alphago", parts=parts, teacher=str(path), teacher_turned=True, retain=1.0), CPU
        )
        trainer.stay_near(path)
        losses.append(float(trainer.learn(one, 0.0)[0]))
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def test_the_number_of_threads_changes_nothing() -> None:
    stream = batches(4)
    one, two = (Trainer(recipe(parts=4, threads=threads), CPU) for threads in (1, 3))
    for batch in stream:
        assert one.learn(batch, 1.0)[0].item() == two.learn(batch, 1.0)[0].item()
    for a, b in zip(one.module.state_dict().values(), two.module.state_dict().values(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_one_step_steps_once(precision: str) -> None:
    (batch,) = batches(1)
    trainer = Trainer(recipe(precision=precision, optimizer="adamw", rate=1e-3, weight_decay=0.0), CPU)
    before = trainer.module.head.bias.detach().clone()  # type: ignore[union-attr, operator]
    loss, _, norm = trainer.learn(batch, 0.5)
    moved = (trainer.module.head.bias.detach() - before).abs()  # type: ignore[union-attr, operator]
    # Adam's first step is the rate itself wherever there is a gradient worth the name.
    assert float(moved.max()) == pytest.approx(0.5e-3, rel=0.01)
    assert torch.isfinite(loss) and torch.isfinite(norm)
    assert all(p.grad is None and p.dtype == torch.float32 for p in trainer.module.parameters())


def test_validation_counts_by_source_and_does_not_learn() -> None:
    games = corpus(12)
    trainer = Trainer(recipe(), CPU)
    positions = ValidationSet(games, 80)
    assert len(positions) == 80
    before = {name: tensor.clone() for name, tensor in trainer.module.state_dict().items()}
    for name, module in trainer.candidates():
        meters = validate(module, trainer.objective, positions, 60, CPU)
        assert meters["all"].positions == 60 == meters["first"].positions + meters["second"].positions
        assert 1.0 < meters["all"].loss < 5.0, name
    assert all(torch.equal(before[name], tensor) for name, tensor in trainer.module.state_dict().items())
    parts = Trainer(recipe(parts=4, threads=3), CPU)
    together = validate(trainer.module.eval(), trainer.objective, positions, 80, CPU, None, parts.map)
    alone = validate(trainer.module, trainer.objective, positions, 80, CPU)
    assert together == alone and not any(parameter.grad_fn for parameter in trainer.module.parameters())
    again = ValidationSet(games, 80)
    assert torch.equal(positions.words, again.words) and torch.equal(positions.targets, again.targets)


def test_schedule() -> None:
    flat = recipe(positions=1000, batch=10, warmup=100, cooldown=0.4)
    assert schedule(flat, 0, 0)[0] == pytest.approx(0.1)
    assert schedule(flat, 500, 0) == (1.0, False, False)
    assert schedule(flat, 800, 0)[0] == pytest.approx(0.5) and schedule(flat, 800, 0)[1]
    assert schedule(flat, 1000, 0) == (0.0, True, True)
    timed = recipe(positions=0, minutes=10.0, cooldown=0.4)
    assert schedule(timed, 10**9, 300) == (1.0, False, False)
    assert schedule(timed, 0, 480)[0] == pytest.approx(0.5) and schedule(timed, 0, 480)[1]
    assert schedule(timed, 0, 600)[2]
    both = recipe(positions=1000, minutes=10.0)
    assert schedule(both, 1000, 0)[2] and schedule(both, 0, 600)[2]
    cosine = recipe(positions=1000, schedule="cosine")
    assert schedule(cosine, 500, 0)[0] == pytest.approx(0.5)
    paper = recipe(positions=340, batch=2, schedule="halving", cooldown=0.0)
    found = [schedule(paper, done, 0)[0] for done in (0, 78, 80, 158, 160, 240, 320, 338)]
    assert found == [1.0, 1.0, 0.5, 0.5, 0.25, 0.125, 0.0625, 0.0625]


def test_averages_move_towards_the_weights() -> None:
    module = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(module.weight)
    averages = Averages(module, (1000,))
    torch.nn.init.ones_(module.weight)
    values = []
    for _ in range(200):
        averages.update(module, 100)
        values.append(float(averages.weights[0]["weight"]))
    assert values == sorted(values) and values[0] > 0.8 and values[-1] == pytest.approx(1.0, abs=1e-6)


def test_a_new_horizon_begins_at_the_present_weights() -> None:
    module = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.ones_(module.weight)
    old = Averages(module, (1000,))
    torch.nn.init.constant_(module.weight, 3.0)
    old.update(module, 100)
    fresh = torch.nn.Linear(1, 1, bias=False)
    new = Averages(fresh, (500, 1000))
    fresh.load_state_dict(module.state_dict())
    new.restore(old.state(), fresh)
    assert [float(weights["weight"]) for weights in new.weights] == [3.0, float(old.weights[0]["weight"])]


def test_orthogonalized_brings_singular_values_near_one() -> None:
    torch.manual_seed(0)
    for shape in ((3, 8, 24), (3, 24, 8)):
        values = torch.linalg.svdvals(orthogonalized(torch.randn(shape)))
        assert float(values.min()) > 0.5 and float(values.max()) < 1.3


@pytest.mark.parametrize("shape", [(3, 8, 24), (3, 24, 8), (2, 16, 16), (16, 64, 576)])
def test_orthogonalized_is_the_quintic_iteration(shape: tuple[int, int, int]) -> None:
    """Jordan's iteration as it is written, on whole matrices in float64; singular values from 1 to 1e-4."""
    torch.manual_seed(0)
    u, values, v = torch.linalg.svd(torch.randn(shape, dtype=torch.float64), full_matrices=False)
    matrices = u @ torch.diag_embed(torch.logspace(0, -4, values.shape[1], dtype=torch.float64)) @ v
    x = matrices / matrices.norm(dim=(1, 2), keepdim=True)
    for _ in range(5):
        gram = x @ x.transpose(1, 2)
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    assert (orthogonalized(matrices.float()) - x).abs().max() < 1e-3 * x.abs().max()


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="this torch has no Muon to compare with")
def test_muon_agrees_with_torchs_on_matrices() -> None:
    torch.manual_seed(0)
    ours, theirs = (torch.nn.Parameter(torch.ones(16, 40)) for _ in range(2))
    mine = Muon([ours], lr=0.01, momentum=0.95, weight_decay=0.1)
    other = torch.optim.Muon([theirs], lr=0.01, momentum=0.95, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    for _ in range(5):
        gradient = torch.randn(16, 40)
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        mine.step()
        other.step()  # type: ignore[no-untyped-call]
    change = (theirs - 1).abs().max().item()
    assert (ours - theirs).abs().max().item() < 0.05 * change  # torch's iterates in bfloat16


def test_every_parameter_has_one_optimizer() -> None:
    trainer = Trainer(recipe(depth=2), CPU)
    held = [id(p) for optimizer in trainer.optimizers for group in optimizer.param_groups for p in group["params"]]
    assert sorted(held) == sorted(id(p) for p in trainer.module.parameters())
    muon = [p for group in trainer.optimizers[0].param_groups for p in group["params"]]
    assert isinstance(trainer.optimizers[0], Muon) and {p.shape for p in muon} == {torch.Size([8, 8, 3, 3])}
    (only,) = make_optimizers(trainer.module, recipe(optimizer="sgd"))
    assert all(group["weight_decay"] == 0 for group in only.param_groups if group["params"][0].dim() == 1)


def test_the_papers_sgd_has_no_momentum() -> None:
    (batch,) = batches(1)
    plain = recipe(network="alphago", optimizer="sgd", rate=0.5, momentum=0.0, weight_decay=0.0, clip=0.0)
    trainer = Trainer(plain, CPU)
    before = trainer.module.get_parameter("stem.weight").detach().clone()
    words, targets, _ = trainer.to_device(batch)
    loss, *_ = trainer.objective.train()(words, targets)
    (gradient,) = torch.autograd.grad(loss, [trainer.module.get_parameter("stem.weight")])
    trainer.learn(batch, 0.5)
    assert torch.allclose(trainer.module.get_parameter("stem.weight"), before - 0.25 * gradient, atol=1e-7)
    assert not any(state for state in trainer.optimizers[0].state.values() if state.get("momentum_buffer") is not None)


def test_clipping_follows_the_median() -> None:
    parameter = torch.nn.Parameter(torch.zeros(4))
    history = torch.zeros(11)
    for step in range(20):
        parameter.grad = torch.full((4,), 0.5)  # norm 1
        assert float(clip_to_median([parameter], history, step, 4.0)) == pytest.approx(1.0)
    parameter.grad = torch.full((4,), 50.0)
    assert float(clip_to_median([parameter], history, 20, 4.0)) == pytest.approx(100.0)
    assert float(parameter.grad.norm()) == pytest.approx(4.0, rel=1e-4)
    parameter.grad = torch.full((4,), 50.0)
    clip_to_median([parameter], history, 21, 0.0)
    assert float(parameter.grad.norm()) == pytest.approx(100.0)


def test_precision() -> None:
    assert wants_bfloat16("bfloat16", CPU) and not wants_bfloat16("float32", CPU)
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    assert wants_bfloat16("auto", CPU) == ("avx512_bf16" in flags or "amx_bf16" in flags)
    with pytest.raises(RecipeError, match="device 'cuda:99' is not available here; use --device cpu"):
        choose_device("cuda:99")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"filter": 3}, "test: there is no setting 'filter'; did you mean filters"),
        ({"zzz": 3}, "there is no setting 'zzz'; there are name, network"),
        ({"network": "transformer"}, "network = 'transformer': use one of alphago, residual, fully_connected"),
        ({"batch": "many"}, "batch = 'many' is not a whole number"),
        ({"batch": 1}, "batch = 1: must be at least 2"),
        ({"rate": float("nan")}, "rate = nan"),
        ({"cooldown": 1.5}, "cooldown = 1.5: must be between 0 and 1"),
        ({"positions": 0}, "no end: set positions or minutes"),
        ({"weights": {"kgs": "3"}}, "is not sources and numbers, as kgs6d=3"),
        ({"ema": [0]}, "is not whole numbers, as 1000,2000"),
        ({"teacher": "big.safetensors"}, "teacher = 'big.safetensors': how much it counts is said by retain, now 0"),
        ({"teacher_turned": True}, "teacher_turned = True: there is no teacher; name its file, or bundled"),
        ({"seed": 2**64}, "seed = 18446744073709551616: must be between 0"),
        ({"validation_positions": 0}, "validation_positions = 0: "),
        ({"parts": 3}, "parts = 3: must divide batch = 16"),
        ({"parts": 2, "accumulate": 2}, "parts = 2 and accumulate = 2: both cut a batch up; use one"),
    ],
)
def test_bad_recipes(values: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        recipe(**values)


def test_recipe_files(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    one = recipe(
        name="Größe \U0001f600\x7f",
        weights={"kgs6d": 3, "\U00020bb7": 0.5},
        cooldown_shares={"kgs6d": 0.5},
        minutes=5,
        compile=True,
    )
    path.write_text(one.to_toml(), encoding="utf-8")
    assert read_recipe(path) == one
    assert read_recipe(path, {"filters": 32}).filters == 32
    path.write_text("batch = [", encoding="utf-8")
    with pytest.raises(RecipeError, match=r"r.toml: not a TOML recipe"):
        read_recipe(path)
    with pytest.raises(RecipeError, match=r"none.toml: cannot read this recipe \(No such file"):
        read_recipe(tmp_path / "none.toml")


def test_settings_of_the_command_line() -> None:
    assert parse_setting(Recipe, "weights", "kgs6d=3,aebpro=0.5") == {"kgs6d": 3.0, "aebpro": 0.5}
    assert parse_setting(Recipe, "ema", "100,200") == [100, 200]
    assert parse_setting(Recipe, "positions", "1_000") == 1000
    assert parse_setting(Recipe, "compile", "true") is True
    for name, text in (("batch", "2.5"), ("compile", "maybe"), ("weights", "kgs"), ("ema", "x")):
        with pytest.raises(RecipeError, match=f"--{name} {text}: not a value for this setting"):
            parse_setting(Recipe, name, text)


RECIPES = (Path(__file__).parent.parent / "training" / "recipes").glob("*.toml")


@pytest.mark.parametrize("path", sorted(path for path in RECIPES if not path.stem.startswith("reinforce")))
def test_the_recipes_that_come_along(path: Path) -> None:
    assert read_recipe(path).name


def test_bad_checkpoints(tmp_path: Path) -> None:
    path, before = tmp_path / "checkpoint.pt", tmp_path / "checkpoint-previous.pt"
    with pytest.raises(NetworkFileError, match="there is no checkpoint to resume; start without --resume"):
        read_run(tmp_path)
    trainer = Trainer(recipe(), CPU)
    save_checkpoint(tmp_path, trainer.recipe.as_dict(), trainer.state({}))
    with pytest.raises(RecipeError, match="of another network or optimizer"):
        Trainer(recipe(filters=4), CPU).restore(read_run(tmp_path)[1])
    whole = path.read_bytes()
    path.write_bytes(whole[:3000])
    with pytest.raises(NetworkFileError, match=r"this checkpoint cannot be read .*; start the run again"):
        read_run(tmp_path)
    torch.save({"format": 99}, path)
    with pytest.raises(NetworkFileError, match="a checkpoint of another version"):
        read_run(tmp_path)
    before.write_bytes(whole[:-9])
    with pytest.raises(NetworkFileError, match=r"checkpoint\.pt: .*; .*previous\.pt: .*; start the run again"):
        read_run(tmp_path)


@pytest.mark.parametrize("damage", ["cut", "flipped", "missing", "empty"])
def test_a_damaged_checkpoint_leaves_the_one_before(tmp_path: Path, damage: str) -> None:
    path, said = tmp_path / "checkpoint.pt", list[str]()
    trainer = Trainer(recipe(), CPU)
    for trainer.steps in (3, 4, 5):
        save_checkpoint(tmp_path, trainer.recipe.as_dict(), trainer.state({}))
    assert read_run(tmp_path, said.append)[1]["counters"]["steps"] == 5 and not said
    data = bytearray(path.read_bytes())
    at = data.index(trainer.module.state_dict()["head.conv.weight"].numpy().tobytes())
    data[at + 5] ^= 4
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes({"cut": bytes(data[: at + 9]), "flipped": bytes(data), "empty": b""}[damage])
    assert read_run(tmp_path, said.append)[1]["counters"]["steps"] == 4
    assert len(said) == 1 and "going on from the one before, checkpoint-previous.pt of step 4" in said[0]


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = Trainer(recipe(), CPU)
    for trainer.steps in (1, 2):
        save_checkpoint(tmp_path, trainer.recipe.as_dict(), trainer.state({}))

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    trainer.steps = 3
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(NetworkFileError, match=r"checkpoint.pt: cannot be written \(No space left on device\)"):
            save_checkpoint(tmp_path, trainer.recipe.as_dict(), trainer.state({}))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-previous.pt", "checkpoint.pt"]
    assert read_run(tmp_path)[1]["counters"]["steps"] == 2


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_learns_the_same_positions() -> None:
    (batch,) = batches(1, 64)
    trainer = Trainer(recipe(filters=32, depth=2, batch=64), torch.device("cuda"))
    losses = [float(trainer.learn(batch, 1.0)[0]) for _ in range(120)]
    assert losses[-1] < 0.5, losses[::20]


def test_a_deeper_network_that_begins_with_a_file_predicts_what_the_file_does(tmp_path: Path) -> None:
    (batch,) = batches(1, 8)
    shallow = Trainer(recipe(batch=8, depth=1, warmup=0), CPU)
    shallow.learn(batch, 1.0)
    path = tmp_path / "network.safetensors"
    shallow.export(path, shallow.module, {}, {})
    deep = Trainer(recipe(batch=8, depth=3, seed=5), CPU)
    deep.start_from_network(path)
    file = load_network(path)
    planes = deep.objective.planes(deep.to_device(batch)[0])
    with torch.no_grad():
        assert torch.equal(deep.module.eval()(planes), file.module(planes))
    for name, module in deep.candidates():
        with torch.no_grad():
            assert torch.equal(module(planes), file.module(planes)), name
    deep.learn(batch, 1.0)
    assert deep.module.get_parameter("blocks.2.conv2.weight").any(), "the further blocks learn"


def test_a_file_tells_of_the_runs_before(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, (batch,) = tmp_path / "network.safetensors", batches(1, 8)
    for positions in (8, 16, 24):
        trainer = Trainer(recipe(batch=8), CPU)
        if path.exists():
            trainer.start_from_network(path)
            again = Trainer(recipe(batch=8), CPU)
            again.restore(trainer.state({}))
            trainer = again
        for _ in range(positions // 8):
            trainer.learn(batch, 1.0)
        trainer.seconds = 60.0
        trainer.export(path, trainer.module, {}, {})
    training = load_network(path).metadata["training"]
    assert [run["positions"] for run in training["earlier"]] == [8, 16] and training["positions"] == 24
    assert main(["info", str(path)]) == 0
    assert "before that       24 positions, 2 minutes, in 2 earlier runs\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"filters": 16}, "its filters is 8, the recipe's 16: give --filters 8, or start anew without --from"),
        ({"network": "alphago"}, "its network is 'residual'"),
        ({"depth": 1}, "its depth is 2, the recipe's 1"),
    ],
)
def test_a_network_of_another_kind_is_no_beginning(tmp_path: Path, settings: dict[str, object], message: str) -> None:
    path = tmp_path / "network.safetensors"
    trainer = Trainer(recipe(depth=2, filters=8), CPU)
    trainer.export(path, trainer.module, {}, {})
    with pytest.raises(RecipeError, match=re.escape(message)):
        Trainer(recipe(**{"depth": 2, "filters": 8} | settings), CPU).start_from_network(path)
