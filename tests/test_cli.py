"""The command line: one line for bad input, exit statuses, and what suggest and planes write."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from tiny_network import write_tiny_network

from goengine import __version__
from goengine.cli import COMMANDS, main, options
from goengine.cli.play import HELP
from goengine.evaluation.heldout import load_games
from goengine.features import encode, plane_count
from goengine.rules import Position

ROOT = Path(__file__).resolve().parent.parent
RECORD = "(;GM[1]FF[4]SZ[9]KM[5.5];B[ee];W[cc];B[];W[gg])\n(;SZ[9];B[aa])"


@pytest.fixture
def record(tmp_path: Path) -> Path:
    path = tmp_path / "game.sgf"
    path.write_text(RECORD)
    return path


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_network(tmp_path_factory.mktemp("network"))


def outcome(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of a command in this process."""
    try:
        status = main([str(word) for word in words])
    except SystemExit as end:
        status = int(end.code or 0)
    out, err = capsys.readouterr()
    return status, out, err


def refused(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    """The one line with which a command refuses its input."""
    status, out, err = outcome(capsys, *words)
    assert (status, out) == (2, "")
    assert err.startswith("goengine") and err.count("\n") == 1, err
    return err


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = outcome(capsys, command, "--help")
    assert status == 0 and f"usage: goengine {command}" in out


def test_the_help_of_play_lists_what_to_type_and_that_of_gtp_where_to_read_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert HELP in outcome(capsys, "play", "--help")[1]
    assert "gtp/README.md" in outcome(capsys, "gtp", "--help")[1]


def test_the_readme_for_guis_knows_every_option_of_gtp(capsys: pytest.CaptureFixture[str]) -> None:
    options = set(re.findall(r"^  (--[a-z-]+)", outcome(capsys, "gtp", "--help")[1], re.MULTILINE))
    told = (ROOT / "gtp" / "README.md").read_text()
    assert len(options) > 15 and sorted(option for option in options if f"`{option}" not in told) == []


def test_help_lists_the_commands_and_version_is_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = outcome(capsys, "--help")
    assert status == 0 and all(re.search(rf"^    {command}\s", out, re.MULTILINE) for command in COMMANDS)
    assert outcome(capsys, "--version")[1] == f"goengine {__version__}\n"


@pytest.mark.parametrize(
    "words",
    [[], ["nonsense"], ["gtp", "--nonsense"], ["suggest"], ["gtp", "--symmetries", "3"], ["gtp", "--size", "x"]],
)
def test_unusable_arguments_are_one_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert "--help" in refused(capsys, *words)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--size", "26"], "--size 26"),
        (["--komi", "nan"], "--komi nan"),
        (["--threads", "0"], "--threads 0"),
        (["--threads", "300"], "--threads 300 is not possible: use 1 to 256"),
        (["--temperature", "-1"], "--temperature -1"),
        (["--top-p", "0"], "--top-p 0"),
        (["--resign", "-5"], "--resign -5"),
        (["--resign-chance", "0.9"], "--resign-chance 0.9"),
        (["--seed", "-5"], "--seed -5"),
    ],
)
def test_options_out_of_range_are_one_line(words: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert reason in refused(capsys, "gtp", *words)
    if words[0] != "--threads":
        assert reason in refused(capsys, "play", *words)


@pytest.mark.parametrize("command", ["suggest", "explain"])
def test_to_show_nothing_is_refused(command: str, record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--top 0 is not possible: use 1 or more" in refused(capsys, command, str(record), "--top", "0")


@pytest.mark.parametrize(
    ("words", "points"),
    [([], None), (["--resign"], 30.0), (["--resign", "--seed", "1"], 30.0), (["--resign", "25"], 25.0)],
)
def test_resigning_needs_no_number(words: list[str], points: float | None) -> None:
    parser = argparse.ArgumentParser()
    options.add_player(parser)
    found = parser.parse_args(words)
    assert found.resign == points and found.resign_chance == 0.1


@pytest.mark.parametrize("device", ["cuda:99", "nonsense"])
def test_a_device_that_is_not_there_is_one_line(
    record: Path, network: Path, device: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["suggest", str(record), "--network", str(network), "--device", device]
    assert refused(capsys, *words) == f"goengine: device '{device}' is not available here; use --device cpu\n"


def test_the_command_line_alone_imports_nothing_slow() -> None:
    code = "import sys, goengine.cli; print(sorted({'numpy', 'numba', 'torch', 'sgfmill'} & set(sys.modules)))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert run.stdout == "[]\n"


def test_suggest_prints_moves_likeliest_first(record: Path, network: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = outcome(
        capsys, "suggest", record, "--move", "1", "--top", "3", "--network", network, "--threads", "1"
    )
    assert status == 0
    lines = out.splitlines()
    assert "after 1 moves, white to play" in lines
    ranked = [line.split() for line in lines if line.lstrip()[:2] in ("1 ", "2 ", "3 ") and "%" in line]
    assert [row[0] for row in ranked] == ["1", "2", "3"]
    shares = [float(row[2].rstrip("%")) for row in ranked]
    assert shares == sorted(shares, reverse=True)
    assert "C7" in out  # what was played, whether it is among the three or not


def test_suggest_as_json(record: Path, network: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = outcome(
        capsys, "suggest", record, "--move", "3", "--top", "100", "--json", "--network", network, "--symmetries", "8"
    )
    report = json.loads(out)
    assert status == 0 and out.count("\n") == 1
    assert (report["move_number"], report["to_play"], report["played"]) == (3, "white", "G3")
    vertices = [move["move"] for move in report["moves"]]
    assert len(vertices) == len(set(vertices)) == 79 and not {"E5", "C7"} & set(vertices)
    assert sum(move["probability"] for move in report["moves"]) == pytest.approx(1, abs=1e-4)


def test_suggest_puts_the_network_on_the_board_of_the_game(
    tmp_path: Path, network: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    large = tmp_path / "large.sgf"
    large.write_text("(;SZ[13];B[aa])")
    status, out, err = outcome(capsys, "suggest", large, "--top", "200", "--json", "--network", network)
    assert status == 0 and len(json.loads(out)["moves"]) == 168
    assert err == "goengine: the network tiny 9x9 was trained on 9x9 and has seen no game on 13x13\n"
    dense = write_tiny_network(tmp_path, architecture="fully_connected")
    assert "is fully connected: it plays 9x9 only" in refused(capsys, "suggest", large, "--network", dense)


def test_planes_are_those_of_the_position(record: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    position = Position(9)
    for point in (40, 20, None):
        position.play(point)
    for name in ("alphago48", "board4", "board1"):
        output = tmp_path / f"{name}.npy"
        assert outcome(capsys, "planes", record, "--move", "3", "--output", output, "--set", name)[0] == 0
        planes = np.load(output)
        assert planes.shape == (plane_count(name), 9, 9)
        assert planes.dtype == (np.int8 if name == "board1" else np.uint8)
        np.testing.assert_array_equal(planes, encode(position, name))
    assert not list(tmp_path.glob("*.tmp"))


def test_planes_without_a_move_number_are_of_the_end(
    record: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert outcome(capsys, "planes", record, "--output", tmp_path / "x.npy", "--game-number", "2")[0] == 0
    planes = np.load(tmp_path / "x.npy")
    assert planes[1].sum() == 1 and planes[0].sum() == 0  # one stone, the opponent's: White is to play


def test_planes_needs_no_torch(record: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from goengine.cli import main; status = main(sys.argv[1:]); print(status, 'torch' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, "planes", str(record), "--output", str(tmp_path / "x.npy")],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    assert run.stdout == "0 False\n"


def test_what_planes_and_suggest_cannot_use_is_one_line(
    record: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "x.npy"
    assert "--move 5" in refused(capsys, "planes", record, "--move", "5", "--output", output)
    assert "--move -1" in refused(capsys, "planes", record, "--move", "-1", "--output", output)
    assert "no game 3" in refused(capsys, "planes", record, "--game-number", "3", "--output", output)
    assert "games are counted from 1" in refused(capsys, "planes", record, "--game-number", "0", "--output", output)
    assert "none.sgf" in refused(capsys, "planes", tmp_path / "none.sgf", "--output", output)
    assert "alphago49" in refused(capsys, "planes", record, "--output", output, "--set", "alphago49")
    (tmp_path / "noise.sgf").write_bytes(bytes(range(256)) * 10)
    assert "noise.sgf" in refused(capsys, "planes", tmp_path / "noise.sgf", "--output", output)
    assert "no/such" in refused(capsys, "planes", record, "--output", tmp_path / "no" / "such" / "x.npy")
    assert "none.safetensors" in refused(capsys, "suggest", record, "--network", tmp_path / "none.safetensors")
    assert not output.exists()


def test_a_reader_that_goes_away_is_no_error(record: Path, network: Path) -> None:
    command = f'"{sys.executable}" -m goengine suggest "{record}" --network "{network}" | true; echo ${{PIPESTATUS[0]}}'
    run = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True
    )
    assert (run.stdout, run.stderr) == ("0\n", "")


def test_games_are_numbered_through_the_files_of_an_archive(
    tmp_path: Path, network: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number, point in enumerate(("aa", "bb", "cc"), start=1):
            archive.writestr(f"{number}.sgf", f"(;GM[1]SZ[9];B[{point}];W[dd])(;GM[1]SZ[9];B[ee];W[{point}])")
    for number, played in ((1, "A9"), (2, "E5"), (5, "C7"), (6, "E5")):
        words = ["suggest", str(path), "--network", str(network), "--move", "0", "--top", "81", "--threads", "1"]
        assert main([*words, "--game-number", str(number)]) == 0
        assert f"{played} " in next(line for line in capsys.readouterr().out.splitlines() if line.endswith("<- played"))
    assert main([*words, "--game-number", "7"]) == 2
    assert "holds no game 7" in capsys.readouterr().err
    held_out = load_games([path], 9)
    names = [held_out.name(game) for game in range(6)]
    assert names == [f"{path}:{number}.sgf, game {game}" for number in (1, 2, 3) for game in (1, 2)]
