"""Evaluation: known policies get the figures that can be worked out by hand."""

import json
import math
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from small_games import corpus, sgf, shard
from test_dataset import replayed

from goengine.checkpoint import Network, save_network
from goengine.cli import main
from goengine.errors import GoEngineError
from goengine.evaluator import evaluate_corpus
from goengine.networks import FullyConnected, PolicyNetwork, build_network


class Uniform(Network):
    """Every legal move alike."""

    def policy(self, batch: Any, symmetries: int = 1, legal: Any = None) -> np.ndarray:
        assert legal is not None
        return np.asarray(legal / legal.sum(1, keepdims=True), np.float32)


def uniform() -> Uniform:
    return Uniform(FullyConnected(num_actions=81, depth=0), {}, size=9)


def test_uniform_play_scores_the_mean_logarithm_of_the_legal_moves() -> None:
    report = evaluate_corpus(uniform(), corpus(12))
    labels = [label for seed in range(12) for label in replayed(seed)]
    legal = [int(((words & np.uint64(0xFF << 20)) != 0).sum()) for words, *_ in labels]
    assert report.total.positions == len(labels)
    assert report.total.loss == pytest.approx(float(np.mean(np.log(legal))), abs=1e-5)
    numbers = [number for *_, number in labels]
    assert report.by_phase["1-30"].positions == sum(number <= 30 for number in numbers)
    assert report.by_phase["31-100"].positions == sum(30 < number <= 100 for number in numbers)
    assert report.by_phase["201+"].positions == 0


def test_phases_and_sources_add_up_to_the_whole() -> None:
    report = evaluate_corpus(uniform(), corpus(12), limit=100)
    assert report.total.positions == 100
    for meters in (report.by_phase, report.by_source):
        assert sum(meter.positions for meter in meters.values()) == 100
        assert sum(meter.nats for meter in meters.values()) == pytest.approx(report.total.nats)
        assert sum(meter.hits[5] for meter in meters.values()) == report.total.hits[5]


def test_a_network_that_knows_the_answers() -> None:
    class Oracle(Uniform):
        answers: ClassVar[dict[bytes, int]] = {}

        def policy(self, batch: Any, symmetries: int = 1, legal: Any = None) -> np.ndarray:
            policy = np.full((len(batch), 81), 0.5 / 81, np.float32)
            for row, words in enumerate(batch):
                policy[row, self.answers[words.tobytes()]] += 0.5
            return policy

    labels = [label for seed in range(6) for label in replayed(seed)]
    Oracle.answers = {words.tobytes(): point for words, point, *_ in labels}
    report = evaluate_corpus(Oracle(FullyConnected(num_actions=81, depth=0), {}, size=9), corpus(6))
    assert report.total.positions == len(labels)
    assert 0.95 < report.total.top(1) < 1  # not 1: the first boards of two games look alike
    assert 0.5 < report.total.loss < -math.log(0.5) + 0.1  # half on the answer, half on all points, legal or not


def saved(path: Path, size: int = 9) -> Path:
    torch.manual_seed(2)
    module: PolicyNetwork = build_network("residual", in_planes=48, num_actions=size**2, filters=4, depth=1)
    metadata = {"name": "tiny", "architecture": "residual", "feature_set": "alphago48", "board_size": size}
    save_network(path, module, metadata)
    return path


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = saved(tmp_path / "tiny.safetensors")
    games = tmp_path / "some.sgfs"
    games.write_text("\n".join(sgf(seed) for seed in range(4)), encoding="utf-8")
    shard(tmp_path / "packed.shard", range(4))
    results = []
    for source in ("some.sgfs", "packed.shard"):
        command = ["evaluate", str(tmp_path / source), "--network", str(network), "--json", "--threads", "1"]
        assert main(command) == 0
        results.append(json.loads(capsys.readouterr().out))
    one, other = results
    assert one["positions"] == sum(len(replayed(seed)) for seed in range(4))
    assert 0 <= one["top1"] <= one["top5"] <= 1 and one["loss"] > 0
    assert {key: one[key] for key in ("positions", "top1", "top5", "loss")} == pytest.approx(
        {key: other[key] for key in ("positions", "top1", "top5", "loss")}
    )
    assert set(one["by_source"]) == {"some"} and set(one["by_phase"]) == {"1-30", "31-100"}
    assert main(["evaluate", str(games), "--network", str(network), "--limit", "30", "--symmetries", "8"]) == 0
    text = capsys.readouterr().out
    assert "tiny: 30 positions of 4 games, mean of 8 symmetries" in text and "moves 1-30" in text


def test_bad_input_gives_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = saved(tmp_path / "tiny.safetensors")
    games = tmp_path / "some.sgf"
    games.write_text(sgf(0), encoding="utf-8")
    other = saved(tmp_path / "other.safetensors", size=19)
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(network.read_bytes()[:-100])
    packed = shard(tmp_path / "games.shard", range(2))
    damaged = tmp_path / "damaged.shard"
    damaged.write_bytes(packed.read_bytes()[:-20])
    for command, message in (
        ([str(games), "--network", str(other)], "no 19x19 games among"),
        ([str(packed), "--network", str(other)], "its games are on 9x9 boards, not 19x19"),
        ([str(damaged), "--network", str(network)], "make it again with data/prepare_games.py"),
        ([str(games), "--network", str(cut)], "cut short or damaged"),
        ([str(games), "--network", str(tmp_path / "none")], "no such network file"),
        ([str(tmp_path / "none.sgf"), "--network", str(network)], "none.sgf"),
        ([str(games), "--network", str(network), "--limit", "0"], "a limit of 0 positions"),
    ):
        assert main(["evaluate", *command]) == 2
        captured = capsys.readouterr()
        assert message in captured.err and captured.err.count("\n") == 1 and not captured.out


def test_info(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = saved(tmp_path / "tiny.safetensors")
    assert main(["info", str(network)]) == 0
    text = capsys.readouterr().out
    assert "tiny: residual on alphago48, 9x9" in text and "receptive field   9x9 points" in text
    assert main(["info", str(network), "--json"]) == 0
    described = json.loads(capsys.readouterr().out)
    assert described["parameters"] == sum(layer["parameters"] for layer in described["layers"])
    assert main(["info", str(tmp_path / "none")]) == 2
    assert "no such network file" in capsys.readouterr().err


def test_nothing_to_measure() -> None:
    with pytest.raises(GoEngineError, match="no moves to predict"):
        evaluate_corpus(uniform(), corpus(2)._select(np.empty(0, np.int64)))
