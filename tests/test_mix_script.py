"""training/mix.py from outside: a weighted mean of networks, and what bad input gets."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from known_networks import saved
from scripts import load_script
from small_games import sgf

from goengine.checkpoint import Network, load_network, save_network
from goengine.evaluation.evaluator import evaluate
from goengine.networks import build_network
from goengine.repertoire import Repertoire


def run(*arguments: object) -> int:
    return int(load_script("training/mix.py").main([str(argument) for argument in arguments]))


def residual(path: Path, seed: int, filters: int = 4) -> Path:
    torch.manual_seed(seed)
    module = build_network("residual", in_planes=48, num_actions=81, filters=filters, depth=1)
    for buffer in module.buffers():
        buffer.add_(seed)  # statistics of batch norm that differ, and whole numbers
    save_network(path, module, {"architecture": "residual", "feature_set": "alphago48", "board_size": 9, "name": "r"})
    return path


def test_weights_and_statistics_are_averaged(tmp_path: Path) -> None:
    one, two = residual(tmp_path / "one.safetensors", 1), residual(tmp_path / "two.safetensors", 2)
    output = tmp_path / "mixed.safetensors"
    assert run(output, f"{one}=3", f"{two}=1") == 0  # shares need not add up to 1
    mixed = load_network(output)
    first, second = (load_network(path).module.state_dict() for path in (one, two))
    for name, tensor in mixed.module.state_dict().items():
        if tensor.is_floating_point():
            expected = 0.75 * first[name] + 0.25 * second[name]
            assert torch.allclose(tensor, expected, rtol=2e-3, atol=1e-5), name
            assert not torch.allclose(tensor, first[name], rtol=2e-3, atol=1e-5) or torch.equal(
                first[name], second[name]
            ), name
        else:
            assert torch.equal(tensor, first[name])
    assert mixed.metadata["training"]["mixed"] == [["one.safetensors", 3.0], ["two.safetensors", 1.0]]
    assert "results" not in mixed.metadata


@pytest.mark.parametrize("architecture", ["residual", "alphago"])
def test_logits_are_sharpened(tmp_path: Path, architecture: str) -> None:
    torch.manual_seed(7)
    module = build_network(architecture, in_planes=48, num_actions=81, filters=4, depth=2)
    torch.nn.init.normal_(module.get_submodule("head").get_parameter("bias"))
    path, output = tmp_path / "one.safetensors", tmp_path / "sharp.safetensors"
    save_network(path, module, {"architecture": architecture, "feature_set": "alphago48", "board_size": 9})
    assert run(output, f"{path}=1", "--sharpen", "1.25") == 0
    planes = torch.randn(3, 48, 9, 9)
    before, after = load_network(path).module(planes), load_network(output).module(planes)
    assert torch.allclose(after, 1.25 * before, rtol=5e-3, atol=5e-3) and before.abs().max() > 1
    assert load_network(output).metadata["training"]["sharpened"] == 1.25


def test_the_mixture_is_measured(tmp_path: Path) -> None:
    one = residual(tmp_path / "one.safetensors", 1)
    (tmp_path / "games.sgfs").write_text("\n".join(sgf(seed) for seed in range(4)), encoding="utf-8")
    output = tmp_path / "mixed.safetensors"
    words = ("--validation", tmp_path / "games.sgfs", "--limit", "30", "--threads", "1")
    assert run(output, f"{one}=1", *words) == 0
    results = load_network(output).metadata["results"]
    assert set(results) == {"all", "games"} and results["all"] == results["games"]
    expected = evaluate(load_network(one), [tmp_path / "games.sgfs"], 30).as_dict()
    for key, value in results["all"].items():
        assert value == pytest.approx(expected[key]), key
    assert results["all"]["positions"] == 30


def test_a_mixture_that_was_not_measured_is_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = residual(tmp_path / "one.safetensors", 1)
    (tmp_path / "games.sgfs").write_text("\n".join(sgf(seed) for seed in range(4)), encoding="utf-8")
    output = tmp_path / "mixed.safetensors"
    assert run(output, f"{one}=1", "--sharpen", "0") == 2
    assert "--sharpen 0: give a number near 1, such as 1.05" in capsys.readouterr().err
    for option in ("--limit", "--threads"):
        assert run(output, f"{one}=1", option, "0") == 2
        assert f"{option} 0 is not possible: use 1 or more" in capsys.readouterr().err
    asked, ask = [], Network.policy

    def stop(self: Network, batch: Any, symmetries: int = 1, legal: Any = None) -> np.ndarray:
        asked.append(len(batch))
        if len(asked) == 2:
            raise KeyboardInterrupt
        return ask(self, batch, symmetries, legal)

    monkeypatch.setattr(Network, "policy", stop)
    assert run(output, f"{one}=1", "--validation", tmp_path / "games.sgfs", "--threads", "1") == 130
    assert "interrupted" in capsys.readouterr().err and len(asked) == 2 and not output.exists()


@pytest.mark.parametrize("word", ["{one}", "{one}=", "{one}=x", "{one}=0", "{one}=-1", "{one}=inf", "{one}=nan", "=1"])
def test_a_share_that_is_none(word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = residual(tmp_path / "one.safetensors", 1)
    output = tmp_path / "mixed.safetensors"
    assert run(output, word.format(one=one)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "give a network file and its share" in line and not output.exists()


def test_networks_of_other_shapes_do_not_mix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = residual(tmp_path / "one.safetensors", 1)
    others = [residual(tmp_path / "wide.safetensors", 1, filters=8), saved(tmp_path / "tiny.safetensors", size=5)]
    for other in others:
        assert run(tmp_path / "mixed.safetensors", f"{one}=1", f"{other}=1") == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "is of another shape than r: only networks of one shape mix" in line
    assert run(tmp_path / "mixed.safetensors", f"{one}=1", f"{tmp_path / 'none.safetensors'}=1") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "none.safetensors" in line


def test_where_nothing_can_be_written_nothing_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "small=1", "--validation", "none.sgf") == 2
    assert f"{tmp_path}: is a folder" in capsys.readouterr().err


def test_what_was_measured_or_remembered_elsewhere_is_not_taken_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, output = tmp_path / "one.safetensors", tmp_path / "mixed.safetensors"
    network = load_network(residual(path, 1))
    known = Repertoire.of(np.zeros((1, 81), np.uint64), np.array([40]), 9)
    save_network(path, network.module, {**network.metadata, "fine_tuning": {"players": ["ann"]}}, known)
    plain = residual(tmp_path / "two.safetensors", 2)
    assert run(output, f"{path}=1", f"{plain}=1") == 0
    made = load_network(output)
    assert "fine_tuning" not in made.metadata and made.repertoire is not None and not capsys.readouterr().err
    assert run(output, f"{plain}=1", f"{path}=1") == 0
    assert load_network(output).repertoire is None
    assert "a repertoire of openings is kept only of the first network" in capsys.readouterr().err
