"""Learning one player's moves: from the games to the network file and the figures in it."""

import dataclasses
import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scripts import ROOT, load_script
from small_games import corpus, sgf, shard
from tiny_network import write_tiny_network
from torch import Tensor

from goengine.checkpoint import Network, load_network
from goengine.cli import main as cli
from goengine.corpus.players import OPPONENTS, PLAYER
from goengine.dataset import Batch
from goengine.errors import RecipeError
from goengine.evaluation.evaluator import evaluate_corpus
from goengine.finetune import OwnGames, gains, own_games, sentence
from goengine.metrics import drift
from goengine.recipe import Recipe
from goengine.sgf import read_games
from goengine.trainer import Trainer

RECIPE = ROOT / "training" / "recipes" / "finetune.toml"
SMALL = ("--epochs", 1, "--batch", 16, "--warmup", 32, "--threads", 1, "--log-steps", 1, "--validation-positions", 200)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten games of Ann, ten of others, a shard of still others, and a network to begin with."""
    names = ["PB[Ann]PW[Bob]", "PB[Bob]PW[Ann]"] * 5 + ["PB[Bob]PW[Cy]"] * 10
    (tmp_path / "mine.sgfs").write_text("\n".join(sgf(i, root=name) for i, name in enumerate(names)), encoding="utf-8")
    shard(tmp_path / "general.shard", range(20, 30))
    write_tiny_network(tmp_path)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """Exit status and stderr of training/train.py in this process."""
    status = load_script("training/train.py").main([str(argument) for argument in arguments])
    return status, capsys.readouterr().err


def divided(folder: Path, mix: list[Path], validation: list[Path], **settings: Any) -> tuple[OwnGames, list[str]]:
    said: list[str] = []
    recipe = Recipe(start="network", board_size=9, epochs=3, hold_out=0.2, **settings)
    paths = [str(folder / "mine.sgfs")]
    return own_games(paths, ["ann"], list(map(str, mix)), list(map(str, validation)), recipe, said.append), said


def test_a_run_from_games_to_figures(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begin, made = folder / "tiny9.safetensors", folder / "run" / "network.safetensors"
    games = ("--games", folder / "mine.sgfs", "--player", "ann", "--from", begin, "--run", folder / "run")
    status, err = run(capsys, RECIPE, *SMALL, *games)
    assert status == 0, err
    assert "10 of 20 games are the player's: Ann (10)" in err and "left out: 10 of other players" in err
    assert "warning: only 10 games" in err and "no --mix: " in err
    network, start = load_network(made), load_network(begin)
    assert network.module.config == start.module.config and network.name == "tiny 9x9 as ann"
    assert (folder / "run" / "start.safetensors").read_bytes() == begin.read_bytes()
    tuned = network.metadata["fine_tuning"]
    assert (tuned["games"], tuned["held_out_games"], tuned["players"]) == (8, 2, ["ann"])
    own, _ = divided(folder, [], [])
    alone = dataclasses.replace(network, repertoire=None)
    again, weights = gains(start, [network, alone], own.held_out, 200)
    assert tuned[PLAYER] == again and again["positions"] == len(own.held_out)
    assert tuned["player_network"] == weights and weights["loss_gain"] not in (0, again["loss_gain"])
    assert tuned["general"] == gains(start, [network], own.general, 200)[0] and tuned["general"]["games"] == 2
    assert again["loss_gain"] != 0 and sentence("ann", again) in err
    assert sentence("ann, the network without what is remembered", weights) in err
    assert own.repertoire is not None and network.repertoire is not None
    assert f"remembered beside the network: {len(own.repertoire)} positions of at most 60 stones" in err
    assert len(network.repertoire) == len(own.repertoire) > 0
    assert cli(["info", str(made)]) == 0
    told = capsys.readouterr().out
    assert f"remembers         {len(own.repertoire)} positions of at most 60 stones" in told
    assert f"tuned to          ann: {tuned['positions']:,} moves of 8 games" in told and sentence(PLAYER, again) in told
    lines = map(json.loads, (folder / "run" / "log.jsonl").read_text(encoding="utf-8").splitlines())
    assert [line[PLAYER] for line in lines if line["kind"] == "fine_tuning"] == [again]


def test_stopped_and_resumed_gives_the_same_network(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    games = ("--games", folder / "mine.sgfs", "--player", "Ann", "--mix", folder / "general.shard")
    begin = ("--from", folder / "tiny9.safetensors")
    assert run(capsys, RECIPE, *SMALL, *games, *begin, "--run", folder / "unbroken")[0] == 0
    learn = Trainer.learn

    def interrupted(self: Trainer, batch: Batch, factor: float) -> tuple[Tensor, Tensor, Tensor]:
        if self.steps == 5:
            signal.raise_signal(signal.SIGTERM)
        return learn(self, batch, factor)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "learn", interrupted)
        assert run(capsys, RECIPE, *SMALL, *games, *begin, "--run", folder / "broken")[0] == 128 + signal.SIGTERM
    status, err = run(capsys, "--run", folder / "broken", "--resume", "--games", folder / "general.shard")
    assert status == 2 and "this run learns one player's moves: give --player" in err.splitlines()[-1]
    assert "general.shard" not in err  # it is said before games are loaded
    (folder / "r.toml").write_text('network = "residual"\nfilters = 4\ndepth = 1\nboard_size = 9\nbatch = 4\n')
    end = ("--positions", 8, "--run", folder / "plain", "--games", folder / "general.shard")
    assert run(capsys, folder / "r.toml", *end)[0] == 0
    status, err = run(capsys, "--resume", *end, "--player", "Ann")
    assert status == 2 and "this run learns all players' moves: leave out --player" in err.splitlines()[-1]
    status, err = run(capsys, "--run", folder / "broken", "--resume", *games)
    assert status == 0, err
    first, second = (load_network(folder / name / "network.safetensors") for name in ("unbroken", "broken"))
    assert first.metadata["fine_tuning"] == second.metadata["fine_tuning"]
    for ours, theirs in zip(first.module.state_dict().values(), second.module.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)


def test_without_moves_of_others_the_gain_is_still_reported(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_folder, names = folder / "run", [record.black for record in read_games(folder / "mine.sgfs")]
    names += [record.white for record in read_games(folder / "mine.sgfs")]
    everyone = [word for name in sorted(set(names)) for word in ("--player", name)]
    games = ("--games", folder / "mine.sgfs", *everyone, "--from", folder / "tiny9.safetensors", "--run", run_folder)
    status, err = run(capsys, RECIPE, *SMALL, *games)
    assert status == 0, err
    assert "what it has forgotten cannot be measured" in err
    tuned = load_network(run_folder / "network.safetensors").metadata["fine_tuning"]
    assert "general" not in tuned and tuned["player"]["positions"]
    assert cli(["info", str(run_folder / "network.safetensors")]) == 0


def test_a_measurement_that_is_interrupted_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, _ = divided(folder, [], [])
    start = load_network(folder / "tiny9.safetensors")
    policy, calls = Network.policy, []

    def interrupted(self: Network, *arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return policy(self, *arguments, **options)

    monkeypatch.setattr(Network, "policy", interrupted)
    with pytest.raises(KeyboardInterrupt):
        gains(start, [start], own.held_out, 200)


def test_bad_input_gives_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    games = ("--games", folder / "mine.sgfs", "--run", folder / "run")
    tiny = ("--from", folder / "tiny9.safetensors")
    cases = [
        ((RECIPE, *games, *tiny, "--player", "Anna"), "no game of Anna among 20: near names are Ann (10)"),
        ((RECIPE, *games, "--player", "Ann"), "10 games of this player, but none on 19x19"),
        ((RECIPE, *games, *tiny, "--player", "Ann", "--depth", 1), "its depth is 2, the recipe's 1"),
        ((ROOT / "training/recipes/smoke.toml", *games, "--player", "Ann"), "--player goes on from a network"),
        ((RECIPE, *games, *tiny, "--mix", folder), "--mix goes with --player"),
        ((RECIPE, *games, *tiny, "--player", "Ann", "--player-share", 0), "then nothing is learnt from the player"),
        ((RECIPE, *games, "--from", folder / "no", "--player", "Ann"), "no: no such network file"),
    ]
    for arguments, message in cases:
        status, err = run(capsys, *arguments)
        assert status == 2 and message in err.splitlines()[-1], (message, err)


def test_shares_and_length(folder: Path) -> None:
    shard(folder / "other.shard", range(30, 33))
    own, _ = divided(folder, [folder / "general.shard", folder / "other.shard"], [], player_share=0.25)
    sizes = own.training.source_sizes()
    assert list(sizes) == [PLAYER, "general", "other"]
    rates = np.array([own.recipe.weights[name] * size for name, size in sizes.items()])
    assert rates[0] / rates.sum() == pytest.approx(0.25)
    assert rates[1] / rates[2] == pytest.approx(sizes["general"] / sizes["other"])
    assert own.recipe.positions == 3 * sizes[PLAYER] / 0.25
    assert 0 < own.general.games < 13 and own.general.games + own.training.games == 8 + 13
    own, _ = divided(folder, [], [], player_share=0.25)
    assert own.training.source_names == (PLAYER,) and own.recipe.positions == 3 * sizes[PLAYER]
    assert divided(folder, [], [], positions=77)[0].recipe.positions == 77
    assert divided(folder, [], [], openings=0)[0].repertoire is None


def test_no_game_is_on_both_sides(folder: Path) -> None:
    """All games of the player are among the general ones too."""
    shard(folder / "all.shard", range(20))
    own, said = divided(folder, [folder / "all.shard"], [folder / "all.shard"])
    assert own.held_out.games == 2 and own.general.games == 12
    assert own.training.source_games() == {PLAYER: 8, "all-games": 0}
    assert not own.training.fingerprints() & (own.held_out.fingerprints() | own.general.fingerprints())
    assert "left out of the general games: 8 that are among the player's" in said
    own, _ = divided(folder, [folder / "all.shard"], [])
    assert 0 < own.training.source_games()["all-games"] <= 10  # none of the player's ten
    assert not own.training.fingerprints() & (own.held_out.fingerprints() | own.general.fingerprints())


def test_what_stands_in_for_general_games_is_said(folder: Path) -> None:
    own, said = divided(folder, [], [], retain=1)
    assert "no --mix: retain = 1 alone holds the network near what it knew" in said
    assert "no --validation: forgetting is measured on the opponents' moves in the held-out games" in said
    assert own.general.source_names == (OPPONENTS,) and own.general.games == own.held_out.games == 2
    assert any("nothing keeps the network from forgetting" in line for line in divided(folder, [], [])[1])
    assert not any(line.startswith("no --") for line in divided(folder, [folder / "general.shard"], [])[1])


def test_a_gain_is_what_both_networks_make_of_the_same_positions(folder: Path) -> None:
    games, before = corpus(12), load_network(folder / "tiny9.safetensors")
    after = load_network(folder / "tiny9.safetensors")
    with torch.no_grad():
        for parameter in after.module.parameters():
            parameter.mul_(-3)
    measured, same = gains(before, [after, before], games, 10**6)
    assert same["top1_gain"] == same["loss_gain"] == 0
    one, other = (evaluate_corpus(network, games).total for network in (before, after))
    assert (measured["positions"], measured["games"]) == (len(games), 12)
    assert (measured["top1_before"], measured["loss_before"]) == (one.top(1), pytest.approx(one.loss))
    assert (measured["top1_after"], measured["loss_after"]) == (other.top(1), pytest.approx(other.loss))
    assert measured["top1_gain"] == pytest.approx(other.top(1) - one.top(1))
    for name in ("top1_before", "top1_after", "top1_gain", "loss_before", "loss_after", "loss_gain"):
        low, high = measured[f"{name}_interval"]
        assert low <= measured[name] <= high and low < high, name
    assert abs(measured["loss_gain"]) > 1e-4
    text = sentence("Ann", measured)
    assert f"{len(games):,} moves of 12 held-out games" in text and f"{measured['loss_gain']:+.4f} nats" in text


def test_drift_is_the_divergence_over_legal_points() -> None:
    legal = torch.tensor([[True, True, True, False]])
    now = torch.tensor([[1.0, 2.0, 0.5, 9.0]], requires_grad=True)
    assert float(drift(now.detach(), torch.tensor([[2.0, 3.0, 1.5, -4.0]]), legal)) == pytest.approx(0, abs=1e-6)
    start = torch.tensor([[0.0, 2.0, 0.0, 5.0]])
    p, q = (x[0, :3].softmax(0) for x in (start, now.detach()))
    value = drift(now, start, legal)
    value.backward()  # type: ignore[no-untyped-call]
    assert value.item() == pytest.approx(float((p * (p / q).log()).sum()), abs=1e-6)
    assert now.grad is not None and torch.allclose(now.grad[0, :3], q - p, atol=1e-6) and now.grad[0, 3] == 0


@pytest.mark.parametrize("parts", [1, 2])
def test_a_network_is_held_near_its_start(folder: Path, parts: int) -> None:
    games, begin = corpus(12), folder / "tiny9.safetensors"
    labels = np.arange(64)
    words, targets, _ = games.encode(labels)
    batch = Batch(words, targets, np.zeros(64, np.int64), np.zeros(64, np.int64), {})
    gone = {}
    for retain in (0.0, 30.0):
        recipe = Recipe(
            network="alphago", filters=4, depth=2, board_size=9, positions=1, start="network", retain=retain,
            batch=64, parts=parts, rate=0.02, optimizer="adamw", ema=(), warmup=0, threads=1,
        )  # fmt: skip
        trainer = Trainer(recipe, torch.device("cpu"))
        trainer.start_from_network(begin)
        if retain:
            trainer.stay_near(begin)
        for _ in range(20):
            trainer.learn(batch, 1.0)
        boards = words.reshape(-1, 9, 9)
        was, now = load_network(begin).policy(boards), trainer.candidates()
        logits = next(now)[1](load_network(begin)._planes(boards))
        legal = torch.ones(64, 81, dtype=torch.bool)
        gone[retain] = float(drift(logits.detach(), torch.from_numpy(was).log(), legal))
    assert gone[0.0] > 5 * gone[30.0], gone


def test_retain_needs_a_network_to_hold_on_to() -> None:
    with pytest.raises(RecipeError, match="retain = 1 holds on to the network"):
        Recipe(positions=1, retain=1.0)
