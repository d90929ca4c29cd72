"""Policy gradient: the gradient is REINFORCE's, games won become more likely, runs go on where they stopped."""

import copy
import re
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from goengine.checkpoint import Network, load_network
from goengine.cli import main
from goengine.errors import NetworkFileError, RecipeError
from goengine.exits import STOPPED
from goengine.networks import build_network
from goengine.reinforce import Learner, ReinforceRecipe
from goengine.reinforce.learning import advantages, policy_loss
from goengine.repertoire import Repertoire
from goengine.resize import resized
from goengine.rules import Position
from goengine.selfplay import Game, Played
from goengine.trainer import StopSignals, read_run
from training import reinforce

TOLD = {"training": {"positions": 7}, "results": {"all": {"positions": 7, "top1": 0.5, "top5": 1.0, "loss": 2.0}}}


def network(size: int = 5, name: str = "residual") -> Network:
    torch.manual_seed(3)
    module = build_network(name, in_planes=48, num_actions=size * size, filters=4, depth=1)
    metadata = {"architecture": name, "config": module.config, "feature_set": "alphago48", "board_size": size}
    return Network(module.eval().requires_grad_(False), metadata, "tiny", "alphago48", size)


def recipe(**given: object) -> ReinforceRecipe:
    settings: dict[str, object] = {"board_size": 5, "komi": 0.5, "games": 8, "slots": 8, "iterations": 6, "warmup": 0}
    return ReinforceRecipe(**{"threads": 1, **settings, **given})  # type: ignore[arg-type]


def played(number: int, black: int, score: float) -> Played:
    return Played(Game(number, black, 1 - black), np.zeros(3, np.uint16), score, "passes")


def test_the_gradient_is_that_of_reinforce() -> None:
    logits = torch.randn(3, 4, generator=torch.Generator().manual_seed(1), requires_grad=True)
    allowed = torch.tensor([[1, 1, 1, 1], [1, 0, 1, 0], [0, 1, 1, 1]], dtype=torch.bool)
    actions, worth = torch.tensor([2, 0, 3]), torch.tensor([1.0, -0.5, 0.0])
    policy_loss(logits, allowed, actions, worth).backward()  # type: ignore[no-untyped-call]
    chances = logits.detach().masked_fill(~allowed, float("-inf")).softmax(1)
    expected = worth[:, None] * (chances - torch.nn.functional.one_hot(actions, 4))
    assert logits.grad is not None and torch.allclose(logits.grad, expected, atol=1e-6)


def test_what_a_game_is_worth() -> None:
    games = [played(0, 0, 5.0), played(1, 1, 5.0), played(2, 0, -1.0), played(3, 1, 0.0), played(4, 0, 2.0)]
    assert advantages(games, "none") == {0: 1.0, 1: -1.0, 2: -1.0, 3: 0.0, 4: 1.0}
    third = 1 / 3
    assert advantages(games, "color") == pytest.approx({0: 1 - third, 2: -1 - third, 4: 1 - third, 1: -0.5, 3: 0.5})


def test_moves_of_games_won_become_more_likely(monkeypatch: pytest.MonkeyPatch) -> None:
    learner = Learner(recipe(optimizer="sgd", rate=0.5, momentum=0.0, clip=0.0), network())
    seen: dict[str, Any] = {}
    step = learner._step

    def watched(decided, worth, factor):  # type: ignore[no-untyped-def]
        seen.update(decided=decided, worth=worth)
        return step(decided, worth, factor)

    def objective() -> float:
        decided, worth = seen["decided"], seen["worth"]
        total = 0.0
        for numbers, words, allowed, actions in zip(
            decided.numbers, decided.words, decided.allowed, decided.actions, strict=True
        ):
            chances = learner.network.policy(words, legal=allowed)[np.arange(len(actions)), actions]
            total += sum(worth[number] * np.log(p) for number, p in zip(numbers.tolist(), chances, strict=True))
        return total

    monkeypatch.setattr(learner, "_step", watched)
    before = copy.deepcopy(learner.module.state_dict())
    values = learner.iterate(1.0)
    after = objective()
    moved = copy.deepcopy(learner.module.state_dict())
    learner.module.load_state_dict(before)
    assert after > objective() + 1e-3
    assert set(seen["worth"]) == set(range(8)) and 0 <= values["share"] <= 1 and values["positions"] > 8 * 5
    assert not torch.equal(before["stem.weight"], moved["stem.weight"])
    norms = [name for name in before if "running" in name]
    assert norms and all(torch.equal(before[name], moved[name]) for name in norms)  # the statistics stay
    assert torch.equal(learner.start.module.state_dict()["head.bias"], before["head.bias"])


def test_a_resumed_run_equals_an_unbroken_one() -> None:
    unbroken = Learner(recipe(pool_every=1, pool=3), network())
    for _ in range(4):
        unbroken.iterate(1.0)
    first = Learner(recipe(pool_every=1, pool=3), network())
    for _ in range(2):
        first.iterate(1.0)
    state = copy.deepcopy(first.state())
    second = Learner(recipe(pool_every=1, pool=3), network())
    second.restore(state)
    for _ in range(2):
        second.iterate(1.0)
    assert second.iterations == 4 and [age for age, _ in second.pool] == [age for age, _ in unbroken.pool] == [0, 3, 4]
    for one, other in zip(unbroken.module.parameters(), second.module.parameters(), strict=True):
        assert torch.equal(one, other)
    smaller = Learner(recipe(pool_every=1, pool=2), network())
    smaller.restore(copy.deepcopy(second.state()))
    smaller.iterate(1.0)
    assert [age for age, _ in smaller.pool] == [0, 5]
    with pytest.raises(RecipeError, match="another network"):
        Learner(recipe(), network(name="alphago")).restore(state)


def test_measuring_changes_nothing_and_is_fair() -> None:
    learner = Learner(recipe(), network())
    games = learner.measure(12)
    assert sorted(game.game.black for game in games) == [0] * 6 + [1] * 6
    assert [g.actions.tolist() for g in learner.measure(12)] == [g.actions.tolist() for g in games]


def test_bad_settings_are_refused() -> None:
    for bad, message in (
        ({"games": 7}, "even"),
        ({"games": 2}, "its own mean"),
        ({"iterations": 0}, "no end"),
        ({"baseline": "value"}, "color, none"),
        ({"board_size": 26}, "2 to 25"),
        ({"rate": -1.0}, "at least 0"),
    ):
        with pytest.raises(RecipeError, match=message):
            recipe(**bad)
    with pytest.raises(RecipeError, match="plays 7x7, the recipe 5"):
        Learner(recipe(), network(7))


@pytest.mark.parametrize("size", [2, 5, 8, 13, 25])
def test_a_network_on_another_board(size: int) -> None:
    old = network(9)
    with torch.no_grad():
        old.module.get_submodule("head").bias.copy_(torch.arange(81.0))  # type: ignore[operator]
    new = resized(old, size)
    bias = new.module.get_submodule("head").bias.view(size, size)  # type: ignore[operator]
    assert bias[0].tolist()[0] == 0 and bias[0, -1] == 8 and bias[-1, 0] == 72 and bias[-1, -1] == 80
    for row in range(size):
        edge = min(row, size - 1 - row)
        assert bias[row, 0] // 9 == (min(edge, 4) if row < size / 2 else 8 - min(edge, 4))
    assert new.size == size and new.policy(np.zeros((1, size, size), np.uint64)).shape == (1, size * size)
    assert old.size == 9 and old.policy(np.zeros((1, 9, 9), np.uint64)).shape == (1, 81)
    assert torch.equal(new.module.state_dict()["stem.weight"], old.module.state_dict()["stem.weight"])


def test_a_fully_connected_network_stays_on_its_board() -> None:
    with pytest.raises(NetworkFileError, match="9x9 only"):
        resized(network(9, "fully_connected"), 5)
    assert resized(network(9, "fully_connected"), 9).size == 9


def interrupted_at(games: int, number: int) -> Any:
    measure = Learner.measure

    def measured(self: Learner, count: int, sampling: Any = None) -> list[Played]:
        if count == games:
            signal.raise_signal(number)
        return measure(self, count, sampling)

    return measured


def caught_at_once(self: StopSignals) -> StopSignals:
    self.caught = signal.SIGINT
    return self


def test_the_script_stops_goes_on_and_measures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from goengine.checkpoint import save_network

    tiny = network(9)
    save_network(tmp_path / "tiny.safetensors", tiny.module, {**tiny.metadata, "name": "tiny", **TOLD})
    (tmp_path / "r.toml").write_text('name = "r"\nboard_size = 5\ngames = 4\nslots = 4\niterations = 2\nthreads = 1\n')
    base = ["--run", str(tmp_path / "run"), "--measure-games", "2", "--measure-every", "1"]
    start = [str(tmp_path / "r.toml"), "--from", str(tmp_path / "tiny.safetensors"), *base]
    assert reinforce.main([*start, "--stop-after", "0"]) == STOPPED
    assert reinforce.main(start) == 2
    assert "--resume" in capsys.readouterr().err
    with monkeypatch.context() as patched:  # interrupted while the end is measured: nothing learnt is lost
        patched.setattr(Learner, "measure", interrupted_at(16, signal.SIGTERM))
        assert reinforce.main([*base, "--resume", "--measure-games", "4"]) == 128 + signal.SIGTERM
        assert "stopped while the finished run was being measured" in capsys.readouterr().err
    with monkeypatch.context() as patched:  # since the last iteration began, which ends the run
        patched.setattr(StopSignals, "__enter__", caught_at_once)
        assert reinforce.main([*base, "--resume"]) == 130
        assert "being measured: --run" in capsys.readouterr().err
    assert read_run(tmp_path / "run")[1]["counters"]["steps"] == 2
    capsys.readouterr()
    assert reinforce.main([*base, "--resume"]) == 0
    said = capsys.readouterr().err
    assert "likeliest" in said and "against the start" in said
    made = load_network(tmp_path / "run" / "network.safetensors")
    assert made.size == 5
    assert made.metadata["training"] == {"positions": 7, "reinforced": {"games": 8, "iterations": 2}}
    assert set(made.metadata["results"]) == {"measurement", "drawn", "likeliest"}  # the first of an earlier session
    began = load_network(tmp_path / "run" / "start.safetensors")
    assert began.size == 5 and "results" not in began.metadata  # those of its own board
    assert main(["info", str(tmp_path / "run" / "network.safetensors")]) == 0
    told = capsys.readouterr().out
    assert "reinforced by     8 games in 2 iterations" in told
    assert re.search(r"played            drawn: \d+\.\d% of 8 games against its start \(", told)
    for bad, message in ((["--lr", "1"], "there is no setting"), (["--resume"], "--run DIR")):
        assert reinforce.main(bad) == 2
        assert message in capsys.readouterr().err


def test_a_repertoire_plays_no_part(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is no part of what learns, and a resumed run would not have it."""
    from goengine.checkpoint import save_network

    begin, tiny = tmp_path / "with.safetensors", network(5)
    words = Position(5).encode_words().reshape(1, -1)
    save_network(begin, tiny.module, tiny.metadata, Repertoire.of(words, np.array([12]), 5))
    (tmp_path / "r.toml").write_text('name = "r"\nboard_size = 5\ngames = 4\nslots = 4\niterations = 1\nthreads = 1\n')
    command = [str(tmp_path / "r.toml"), "--run", str(tmp_path / "run"), "--measure-games", "2", "--from"]
    assert reinforce.main([*command, str(begin), "--stop-after", "0"]) == STOPPED
    assert "its repertoire of openings plays no part" in capsys.readouterr().err
    assert load_network(tmp_path / "run" / "start.safetensors").repertoire is None
