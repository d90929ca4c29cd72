"""Network files: what is saved is loaded, and what is damaged says so in one line."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load, save_file
from small_games import corpus

from goengine.checkpoint import Network, load_network, read_metadata, save_network
from goengine.errors import NetworkFileError
from goengine.features import encode_words, unpack
from goengine.networks import build_network
from goengine.rules import Position
from goengine.symmetry import AVERAGED, transform

METADATA: dict[str, Any] = {
    "name": "tiny",
    "architecture": "residual",
    "feature_set": "alphago48",
    "board_size": 9,
    "recipe": {"batch": 3},
    "results": {"all": {"top1": 0.5}},
}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(1)
    module = build_network("residual", in_planes=48, num_actions=81, filters=4, depth=1)
    torch.nn.init.normal_(module.head.bias)  # type: ignore[union-attr, arg-type]
    torch.nn.init.normal_(module.head.conv.weight)  # type: ignore[union-attr, arg-type]
    path = tmp_path / "tiny.safetensors"
    save_network(path, module, METADATA)
    return path


@pytest.fixture
def network(saved: Path) -> Network:
    return load_network(saved)


def boards(count: int = 6) -> np.ndarray:
    words, _, _ = corpus(4).encode(np.arange(0, 20 * count, 20))
    return words.reshape(count, 9, 9)


def test_round_trip(saved: Path, network: Network) -> None:
    assert network.name == "tiny" and network.size == 9 and network.feature_set == "alphago48"
    assert network.metadata == read_metadata(saved)
    assert network.metadata["recipe"] == {"batch": 3}
    assert not network.module.training
    save_network(saved, network.module, METADATA)
    before = network.policy(boards())
    assert np.array_equal(load_network(saved).policy(boards()), before)  # float16 of float16 loses nothing
    assert [path.name for path in saved.parent.iterdir()] == ["tiny.safetensors"]


def test_reading_metadata_needs_no_torch(saved: Path) -> None:
    code = f"import sys, goengine.checkpoint as c; c.read_metadata({str(saved)!r}); print('torch' in sys.modules)"
    root = str(Path(__file__).resolve().parent.parent)
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": root}
    )
    assert result.stdout == "False\n"


def test_words_and_planes_give_the_same_policy(network: Network) -> None:
    words = boards()
    policy = network.policy(words)
    assert policy.dtype == np.float32 and policy.shape == (6, 81)
    assert np.allclose(policy.sum(1), 1, atol=1e-5)
    assert np.allclose(network.policy(unpack(words)), policy, atol=1e-7)


def test_policy_over_legal_points(network: Network) -> None:
    position = Position(9)
    for point in (40, 41, 31):
        position.play(point)
    legal = position.legal_mask()[None]
    policy = network.policy(encode_words(position)[None], legal=legal)
    assert policy[0, [40, 41, 31]].tolist() == [0, 0, 0]
    assert float(policy.sum()) == pytest.approx(1, abs=1e-5)
    assert not network.policy(encode_words(position)[None], legal=np.zeros((1, 81), bool)).any()


@pytest.mark.parametrize(("count", "number"), [(count, number) for count in (2, 4, 8) for number in AVERAGED[count]])
def test_averaged_symmetries_commute_with_turning_the_board(network: Network, count: int, number: int) -> None:
    words = boards()
    policy = network.policy(words, symmetries=count)
    turned = network.policy(np.ascontiguousarray(transform(words, number)), symmetries=count)
    assert np.allclose(turned.reshape(6, 9, 9), transform(policy.reshape(6, 9, 9), number), atol=1e-5)
    assert not np.allclose(network.policy(words), policy, atol=1e-3)


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_many_boards_are_averaged_as_few_are(network: Network, count: int) -> None:
    words = np.concatenate([boards(), boards()[:4]])
    planes = unpack(words)
    few = np.concatenate([network.policy(planes[first : first + 5], symmetries=count) for first in (0, 5)])
    assert np.allclose(network.policy(planes, symmetries=count), few, atol=1e-6)
    assert np.allclose(network.policy(words, symmetries=count), few, atol=1e-5)


def test_no_boards_have_no_policy(network: Network) -> None:
    for kind, shape in ((np.uint64, (0, 9, 9)), (np.uint8, (0, 48, 9, 9))):
        assert network.policy(np.zeros(shape, kind)).shape == (0, 81)


@pytest.mark.parametrize("shape", [(1, 19, 19), (2, 48, 9, 8), (81,)])
def test_a_batch_for_another_network(network: Network, shape: tuple[int, ...]) -> None:
    with pytest.raises(NetworkFileError, match="9x9 boards and feature set alphago48"):
        network.policy(np.zeros(shape, np.uint64 if len(shape) == 3 else np.uint8))


def rewritten(path: Path, change: dict[str, Any]) -> Path:
    """The file with other metadata; a value of None removes the key."""
    metadata = read_metadata(path) | change
    metadata = {key: value for key, value in metadata.items() if value is not None}
    save_file(load(path.read_bytes()), path, metadata={"goengine": json.dumps(metadata)})
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "network format 2, but this version reads 1; update goengine"),
        ({"feature_set": "alphago99"}, "feature set 'alphago99' is unknown; this version has board1, board4"),
        ({"feature_set": "board4"}, "takes 48 planes, but feature set board4 has 4"),
        ({"architecture": "transformer"}, "no network 'transformer'"),
        ({"architecture": "alphago"}, "weights do not fit the architecture 'alphago'"),
        ({"board_size": 19}, "config does not fit a 19x19 board"),
        ({"board_size": "9"}, "board_size '9' is not between 2 and 25"),
        ({"config": None}, "its metadata lacks config"),
        ({"architecture": "classifier", "feature_set": None}, "a classifier of images, not a network for Go"),
        ({"config": {"num_actions": 81, "in_planes": 48, "filters": 5, "depth": 1}}, "weights do not fit"),
        ({"config": {"num_actions": 81, "in_planes": 48, "width": 5}}, "no setting 'width'"),
    ],
)
def test_a_file_that_does_not_fit(saved: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(NetworkFileError, match=message) as caught:
        load_network(rewritten(saved, change))
    assert str(caught.value).startswith(str(saved)) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a safetensors file, or cut short"),
        (b"short", "not a safetensors file, or cut short"),
        (b"PK\x03\x04" + bytes(500), "not a safetensors file, or cut short"),
        ((40).to_bytes(8, "little") + b"{" + bytes(60), "header is damaged"),
        ((2).to_bytes(8, "little") + b"{}", "not one that training/train.py exported"),
        ((4).to_bytes(8, "little") + b"null", "header is damaged"),
    ],
)
def test_a_file_that_is_no_network(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    with pytest.raises(NetworkFileError, match=message) as caught:
        load_network(path)
    assert "\n" not in str(caught.value)


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(NetworkFileError, match=r"nothing.safetensors: no such network file"):
        load_network(tmp_path / "nothing.safetensors")
    with pytest.raises(NetworkFileError, match="cannot be read"):
        read_metadata(tmp_path)


def test_damage_anywhere_is_one_line_or_harmless(saved: Path) -> None:
    whole = saved.read_bytes()
    chance = random.Random(4)
    header = 8 + int.from_bytes(whole[:8], "little")
    for _ in range(150):
        damaged = bytearray(whole)
        if chance.random() < 0.3:
            damaged = damaged[: chance.randrange(len(whole))]
        else:
            damaged[chance.randrange(header)] = chance.randrange(256)
        saved.write_bytes(damaged)
        try:
            load_network(saved)
        except NetworkFileError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize("value", [float("nan"), 1e6])
def test_weights_that_cannot_be_kept_replace_no_file(saved: Path, network: Network, value: float) -> None:
    before = saved.read_bytes()
    next(network.module.parameters()).fill_(value)
    with pytest.raises(
        NetworkFileError, match=r"tiny.safetensors: not written, for stem.* is not finite, or beyond float16"
    ):
        save_network(saved, network.module, METADATA)
    assert saved.read_bytes() == before


def test_weights_that_are_no_numbers(saved: Path) -> None:
    damaged = {name: tensor / 0 for name, tensor in load(saved.read_bytes()).items()}
    save_file(damaged, saved, metadata={"goengine": json.dumps(read_metadata(saved))})
    with pytest.raises(NetworkFileError, match=r"tiny.safetensors: some weights are no numbers \(NaN\)"):
        load_network(saved)


@pytest.mark.parametrize("setting", ["filters", "depth"])
def test_what_is_far_too_large_is_not_built(saved: Path, setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    config = {**read_metadata(saved)["config"], setting: 20_000}
    monkeypatch.setattr("goengine.networks.build_network", None)
    with pytest.raises(NetworkFileError, match="its weights do not fit the architecture 'residual'"):
        load_network(rewritten(saved, {"config": config}))


def test_an_absent_device(saved: Path) -> None:
    with pytest.raises(NetworkFileError, match="device 'nonsense' is not available here; use --device cpu"):
        load_network(saved, device="nonsense")


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    module = build_network("residual", in_planes=48, num_actions=81, filters=4, depth=1)
    with pytest.raises(NetworkFileError, match="cannot be written"):
        save_network(tmp_path / "file" / "x.safetensors", module, METADATA)
