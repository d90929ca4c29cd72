"""Two networks side by side: the paired difference, and the positions where they differ most."""

import json
from pathlib import Path

import pytest
import torch
from known_networks import saved, subjects
from small_games import corpus, replayed, sgf
from tiny_network import write_tiny_network

from goengine.checkpoint import Network
from goengine.cli import main
from goengine.coords import format_vertex, parse_vertex
from goengine.evaluation.comparison import compare, describe, differing_rows, marked_positions
from goengine.evaluation.evaluator import Subject, measure
from goengine.evaluation.heldout import HeldOut
from goengine.networks import FullyConnected
from goengine.sgf import read_games


def test_the_paired_difference() -> None:
    one, other = measure(subjects(), HeldOut.of(corpus(12)))
    result = compare(one, other)
    assert result["top1"] == pytest.approx(one.total.top(1) - other.total.top(1))
    assert result["loss"] == pytest.approx(one.total.loss - other.total.loss)
    assert result["both"] + result["only_one"] == one.total.hits[1]
    assert result["both"] + result["only_other"] == other.total.hits[1]
    assert sum(result[key] for key in ("both", "only_one", "only_other", "neither")) == result["positions"]
    low, high = result["top1_interval"]
    assert low < result["top1"] < high
    same = compare(one, one)
    assert same["top1"] == 0 and same["same_move"] == 1
    low, high = same["top1_interval"]  # so few positions cannot tell that they always agree
    assert low == -high == pytest.approx(-1.96 * 2**0.5 / (same["positions"] + 2), rel=1e-3)
    back = compare(other, one)
    assert back["loss"] == pytest.approx(-result["loss"])
    assert back["loss_interval"] == pytest.approx([-result["loss_interval"][1], -result["loss_interval"][0]], abs=1e-6)


def test_where_they_differ_most() -> None:
    one, other = measure(subjects(), HeldOut.of(corpus(12)))
    apart = one.guesses.played.astype(float) - other.guesses.played
    rows = differing_rows(one, other, 6)
    assert len(rows) == 6 == len(set(rows))
    sizes = [abs(apart[row]) for row in rows]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] == max(abs(apart))
    better = [row for row in rows if apart[row] > 0]
    assert len(better) == 3 and len({int(one.positions.game[row]) for row in better}) == 3
    entry = describe(one, other, better[0])
    game, number = int(one.positions.game[better[0]]), entry["move"]
    label = next(label for label in replayed(game) if label[3] == number)
    assert entry["game"] == game + 1 and entry["played"] == format_vertex(label[1], 9)
    assert entry["to_play"] == ("black", "white")[label[2]]
    assert entry["difference"] == pytest.approx(entry["one"]["played"] - entry["other"]["played"])
    assert differing_rows(one, one, 6) == [] == differing_rows(one, other, 0)


def test_marked_positions_are_those_before_the_move(tmp_path: Path) -> None:
    one, other = measure(subjects(), HeldOut.of(corpus(12)))
    rows = differing_rows(one, other, 8)
    texts = list(marked_positions(one, other, rows))
    (tmp_path / "marked.sgf").write_text("".join(texts), encoding="utf-8")
    for record, text, row in zip(read_games(tmp_path / "marked.sgf"), texts, rows, strict=True):
        entry = describe(one, other, row)
        assert record.move_count == entry["move"] - 1
        whole = one.held_out.corpus.codes(int(one.positions.game[row]))
        assert record.codes.tolist() == whole[: len(record.codes)].tolist()
        point = parse_vertex(entry["played"], 9)
        assert point is not None
        last = text.rpartition(";")[2] if entry["move"] > 1 else text
        letters = "abcdefghi"
        assert f"TR[{letters[point % 9]}{letters[point // 9]}]" in last
        assert (":A]" in last and ":B]" in last) or ":C]" in last
        assert f"first point: {entry['one']['played']:.1%} for {entry['played']}" in last


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = saved(tmp_path / "one.safetensors"), write_tiny_network(tmp_path)
    games = tmp_path / "some.sgfs"
    games.write_text("\n".join(sgf(seed) for seed in range(6)), encoding="utf-8")
    command = ["evaluate", str(games), "--network", str(one), "--against", str(other), "--threads", "1"]
    marked = tmp_path / "marked.sgf"
    assert main([*command, "--json", "--differences", "4", "--marked", str(marked)]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["network"] == "tiny" and values["against"]["network"] == "tiny 9x9"
    assert values["positions"] == values["against"]["positions"] == values["comparison"]["positions"]
    assert values["comparison"]["top1"] == pytest.approx(values["top1"] - values["against"]["top1"])
    assert len(values["differences"]) == 4 == len(list(read_games(marked)))
    assert main(command) == 0
    text = capsys.readouterr().out
    assert "tiny less tiny 9x9, on the same positions" in text and "where they differ most" in text
    assert main([*command[:-4], "--against", str(one), "--threads", "1"]) == 0  # the same name twice
    assert f"tiny ({one}) less tiny ({one})" in capsys.readouterr().out
    large = write_tiny_network(tmp_path, 13)
    for options, message in (
        (["--against", str(large)], "tiny 13x13 plays on 13x13, but tiny plays on 9x9"),
        (["--against", str(tmp_path / "none")], "no such network file"),
        (
            ["--against", str(other), "--marked", "x.sgf", "--differences", "0"],
            "--differences 0 leaves nothing to mark",
        ),
        (["--marked", "x.sgf"], "give the other one with --against FILE"),
        (["--against", str(other), "--marked", str(tmp_path / "no" / "x.sgf")], "there is no such folder"),
        (["--differences", "-1"], "--differences -1 is not possible"),
    ):
        assert main(["evaluate", str(games), "--network", str(one), *options]) == 2
        captured = capsys.readouterr()
        assert message in captured.err and captured.err.count("\n") == 1 and not captured.out


def test_other_feature_sets_see_the_same_positions() -> None:
    torch.manual_seed(0)
    networks = [
        Network(FullyConnected(in_planes=planes, num_actions=81, depth=0), {"config": {"in_planes": planes}}, size=9)
        for planes in (4, 48)
    ]
    one, other = measure([Subject(network) for network in networks], HeldOut.of(corpus(3)))
    alone = measure([Subject(networks[1])], HeldOut.of(corpus(3)))[0]
    assert other.total.loss == pytest.approx(alone.total.loss) != one.total.loss
