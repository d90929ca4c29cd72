"""The networks that come with the program, by name."""

import subprocess
import sys
from pathlib import Path

import pytest

from goengine.bundled import BUNDLED, NAMED, network_file
from goengine.checkpoint import read_metadata
from goengine.errors import NetworkFileError


def test_a_name_is_a_network_that_comes_along_and_anything_else_a_file() -> None:
    assert network_file() == network_file("bundled") == BUNDLED
    assert network_file("small") == NAMED["small"] != BUNDLED
    assert network_file("./small") == Path("small") == network_file(Path("small"))
    assert network_file("runs/x.safetensors") == Path("runs/x.safetensors")


@pytest.mark.parametrize("name", NAMED)
def test_every_network_tells_what_made_it_and_what_it_reaches(name: str) -> None:
    metadata = read_metadata(name)
    assert metadata["recipe"] and metadata["training"]["positions"] > 0 and metadata["results"]
    assert metadata["feature_set"] == "alphago48" and metadata["board_size"] == 19


def test_small_is_small() -> None:
    assert NAMED["small"].stat().st_size < 2_000_000
    assert sum(path.stat().st_size for path in BUNDLED.parent.glob("*.safetensors")) < 20 * 2**20


def test_no_such_network_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(NetworkFileError, match="no such network file"):
        read_metadata(tmp_path / "tiny")


def test_commands_take_the_name() -> None:
    done = subprocess.run([sys.executable, "-m", "goengine", "info", "small"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith(read_metadata("small")["name"]), done.stderr
