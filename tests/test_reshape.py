"""Residual networks with other blocks, and without shortcuts: goengine/reshape.py and training/reshape.py."""

from pathlib import Path

import pytest
import torch
from scripts import load_script
from small_games import sgf

from goengine.checkpoint import load_network, save_network
from goengine.errors import RecipeError
from goengine.networks import AlphaGo, Residual, build_network
from goengine.reshape import arranged, unrolled, widened


def run(*arguments: object) -> int:
    return int(load_script("training/reshape.py").main([str(argument) for argument in arguments]))


def residual(filters: int = 5, depth: int = 3, size: int = 9, activation: str = "relu") -> Residual:
    """A network in which everything matters: weights, norms and their statistics are all random."""
    torch.manual_seed(4)
    config = {"in_planes": 48, "num_actions": size**2, "filters": filters, "depth": depth, "activation": activation}
    module = build_network("residual", **config)
    assert isinstance(module, Residual)
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 2.0)
            elif tensor.is_floating_point() and "conv" not in name and "stem" not in name:
                tensor.normal_(0.3, 0.7)
            elif name.endswith("conv2.weight"):
                tensor.normal_(0, 0.2)
    return module.eval()


def planes(size: int = 9) -> torch.Tensor:
    return (torch.rand(3, 48, size, size, generator=torch.Generator().manual_seed(1)) < 0.2).float()


@pytest.mark.parametrize("further", [0, 1, 3])
def test_without_shortcuts_it_says_the_same(further: int) -> None:
    module = residual()
    plain = unrolled(module, 7 + further)
    assert isinstance(plain, AlphaGo) and not plain.training
    assert plain.config["filters"] == 15 and plain.config["depth"] == 7 + further == 1 + len(plain.trunk)
    assert torch.allclose(plain(planes()), module(planes()), rtol=1e-4, atol=1e-4)
    assert module(planes()).std().item() > 0.5  # there is something to say


def test_every_part_of_it_matters() -> None:
    module, x = residual(), planes()
    before = unrolled(module)(x)
    for name, tensor in module.state_dict().items():
        if not tensor.is_floating_point():
            continue
        with torch.no_grad():
            kept = tensor.clone()
            tensor.add_(0.5)
            after = unrolled(module)(x)
            assert not torch.allclose(before, after, atol=1e-3), name
            assert torch.allclose(module(x), after, rtol=1e-4, atol=1e-3), name
            tensor.copy_(kept)


def test_alphagos_network_to_the_last_parameter() -> None:
    module = Residual(filters=64, depth=5)
    plain, paper = unrolled(module, 12), AlphaGo()
    assert plain.config == paper.config
    assert sum(weights.numel() for weights in plain.parameters()) == 3_882_793


def test_what_cannot_be_unrolled() -> None:
    with pytest.raises(RecipeError, match="3 blocks need 7 convolutions, not 6: leave blocks out first"):
        unrolled(residual(), 6)
    with pytest.raises(RecipeError, match="this network has mish"):
        unrolled(residual(activation="mish"))


def test_blocks_are_left_out() -> None:
    module, x = residual(), planes()
    short = arranged(module, [0, 2])
    assert short.config["depth"] == 2 and len(module.blocks) == 3 and not short.training
    first, third = module.get_submodule("blocks.0"), module.get_submodule("blocks.2")
    body = third(first(module.stem(x)))
    expected = module.head(module.act(module.norm(body)))
    assert torch.allclose(short(x), expected, rtol=1e-5, atol=1e-5)
    assert torch.equal(arranged(module, [0, 1, 2])(x), module(x))
    with torch.no_grad():
        short.stem.weight.zero_()
    assert module.stem.weight.any()  # the copy shares nothing
    wrong: list[list[int | None]] = [[], [0, 3], [-1, None]]
    for blocks in wrong:
        with pytest.raises(RecipeError):
            arranged(module, blocks)


def test_a_fresh_block_changes_nothing_at_first() -> None:
    module, x = residual(), planes()
    longer = arranged(module, [0, None, 1, 2, None])
    assert longer.config["depth"] == 5 and torch.equal(longer(x), module(x))
    moved, before = longer.get_submodule("blocks.2.conv1"), module.get_submodule("blocks.1.conv1")
    assert torch.equal(moved.get_parameter("weight"), before.get_parameter("weight"))
    with torch.no_grad():
        longer.get_submodule("blocks.1.conv2").get_parameter("weight").fill_(0.1)
    assert not torch.allclose(longer(x), module(x), atol=1e-2)  # it stands where later ones see it


def test_more_filters_change_nothing_at_first() -> None:
    module, x = residual(), planes()
    wide = widened(module, 8)
    assert wide.config == {**module.config, "filters": 8} and not wide.training
    assert torch.allclose(wide(x), module(x), rtol=1e-5, atol=1e-5)
    assert torch.allclose(wide.body(x)[:, :5], module.body(x), rtol=1e-5, atol=1e-5)
    for filters in (5, 4):
        with pytest.raises(RecipeError, match="has 5 filters: give more than that"):
            widened(module, filters)


def test_new_filters_are_taken_up() -> None:
    """What leads from them to the old ones, and to the moves, learns at once; what leads to them, one step later."""
    wide, x = widened(residual(), 8).train(), planes()
    optimizer = torch.optim.SGD(wide.parameters(), lr=0.1)
    into, out_of = wide.get_parameter("blocks.1.conv1.weight"), wide.get_parameter("blocks.1.conv2.weight")
    for into_learns in (False, True):
        wide(x).logsumexp(1).sum().backward()
        assert out_of.grad is not None and into.grad is not None
        assert out_of.grad[:5, 5:].abs().min() > 0 and bool(into.grad[5:].any()) == into_learns
        assert wide.head.conv.weight.grad[0, 5:].abs().min() > 0  # type: ignore[index]
        optimizer.step()
        optimizer.zero_grad()


def network_file(path: Path, module: torch.nn.Module, kind: str = "residual") -> Path:
    metadata = {"architecture": kind, "feature_set": "alphago48", "board_size": 9, "name": "r", "results": {"all": {}}}
    save_network(path, module, metadata)
    return path


def test_the_block_that_matters_least_goes_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    module = residual()
    with torch.no_grad():
        module.get_submodule("blocks.1.conv2").get_parameter("weight").zero_()  # adds nothing
    source, output = network_file(tmp_path / "r.safetensors", module), tmp_path / "short.safetensors"
    (tmp_path / "games.sgfs").write_text("\n".join(sgf(seed) for seed in range(4)), encoding="utf-8")
    games = ("--games", tmp_path / "games.sgfs", "--limit", 40, "--threads", 1)
    assert run("shorten", output, source, "--blocks", 2, *games) == 0
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("all 3 blocks: ") and said[1].startswith("without block 1: ")
    assert said[0].split()[3] == said[1].split()[3] and said[1].endswith(", 2 left")
    short = load_network(output)
    assert short.name == "residual-5x2" and "results" not in short.metadata
    assert short.metadata["training"]["reshaped"] == ["r.safetensors", "shorten"]
    assert torch.allclose(short.module(planes()), load_network(source).module(planes()), atol=1e-5)
    assert run("shorten", output, source, "--blocks", 3, *games) == 2
    assert "has 3 blocks: give --blocks less" in capsys.readouterr().err


def test_arranged_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, output = network_file(tmp_path / "r.safetensors", residual()), tmp_path / "long.safetensors"
    assert run("arrange", output, source, "--order", "0,new,1, 2", "--seed", 3) == 0
    long = load_network(output)
    assert long.name == "residual-5x4" and long.metadata["training"]["reshaped"] == ["r.safetensors", "arrange"]
    assert torch.allclose(long.module(planes()), load_network(source).module(planes()), atol=1e-5)
    before = output.read_bytes()
    assert run("arrange", output, source, "--order", "0,new,1,2", "--seed", 3) == 0 and output.read_bytes() == before
    assert run("arrange", output, source, "--order", "0,new,1,2", "--seed", 4) == 0 and output.read_bytes() != before
    for order in ("", "0,x", "0,-1", "0,1.5", "0,3"):
        assert run("arrange", tmp_path / "again.safetensors", source, "--order", order) == 2
        assert "reshape.py: " in capsys.readouterr().err and not (tmp_path / "again.safetensors").exists()


def test_widened_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, output = network_file(tmp_path / "r.safetensors", residual()), tmp_path / "wide.safetensors"
    assert run("widen", output, source, "--filters", 8) == 0
    wide = load_network(output)
    assert wide.name == "residual-8x3" and wide.metadata["training"]["reshaped"] == ["r.safetensors", "widen"]
    assert torch.allclose(wide.module(planes()), load_network(source).module(planes()), atol=1e-5)
    before = output.read_bytes()
    assert run("widen", output, source, "--filters", 8, "--seed", 1) == 0 and output.read_bytes() != before
    for filters, message in ((5, "has 5 filters: give more than that, not 5"), (0, "use 1 or more")):
        assert run("widen", tmp_path / "again.safetensors", source, "--filters", filters) == 2
        assert message in capsys.readouterr().err and not (tmp_path / "again.safetensors").exists()


def test_unrolled_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, output = network_file(tmp_path / "r.safetensors", residual()), tmp_path / "plain.safetensors"
    assert run("unroll", output, source, "--depth", 8) == 0
    plain = load_network(output)
    assert (plain.name, plain.metadata["architecture"]) == ("alphago-15x8", "alphago")
    assert plain.metadata["config"]["depth"] == 8 and "results" not in plain.metadata
    expected = load_network(source).module(planes())
    assert torch.allclose(plain.module(planes()), expected, rtol=0.02, atol=0.02)  # float16 in the file
    assert run("unroll", output, source) == 0 and load_network(output).name == "alphago-15x7"
    refused: list[tuple[list[object], str]] = [
        ([output], "alphago-15x7 is no residual network"),
        ([tmp_path / "none"], "no such network"),
        ([source, "--depth", 6], "need 7 convolutions"),
        ([source, "--depth", 0], "use 1 or more"),
    ]
    for words, message in refused:
        assert run("unroll", tmp_path / "again.safetensors", *words) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "again.safetensors").exists()


def test_an_interrupted_measurement_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    (tmp_path / "games.sgfs").write_text(sgf(1), encoding="utf-8")
    source, output = network_file(tmp_path / "r.safetensors", residual()), tmp_path / "short.safetensors"
    monkeypatch.setattr("goengine.checkpoint.Network.policy", stop)
    words = ("--blocks", 1, "--games", tmp_path / "games.sgfs", "--threads", 1)
    assert run("shorten", output, source, *words) == 130
    assert "interrupted" in capsys.readouterr().err and not output.exists()


def test_where_nothing_can_be_written_nothing_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("shorten", tmp_path, "small", "--blocks", 2, "--games", "none.sgf") == 2
    assert f"{tmp_path}: is a folder" in capsys.readouterr().err


def test_a_seed_that_is_none_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("widen", tmp_path / "new", "small", "--filters", 40, "--seed", 2**64) == 2
    assert f"--seed {2**64}: give a number from 0" in capsys.readouterr().err
