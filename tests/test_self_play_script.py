"""training/self_play.py: the games and their files, going on after a cut, results, and what bad input gets."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from scripts import load_script
from tiny_network import write_tiny_network

from goengine.errors import GoEngineError
from goengine.rules import Position
from goengine.selfplay import Game, Played
from goengine.selfplay.folder import GamesFolder
from goengine.selfplay.results import results_text, summarize
from goengine.sgf import read_games
from goengine.shards import Shard

SCRIPT = load_script("training/self_play.py")


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with networks for 5x5: new, and in earlier/ two more."""
    folder = tmp_path_factory.mktemp("networks")
    path = write_tiny_network(folder, 5).rename(folder / "new.safetensors")
    (folder / "earlier").mkdir()
    for number in (1, 2):
        shutil.copy(path, folder / "earlier" / f"at{number}.safetensors")
    return folder


def run(networks: Path, output: Path, *words: str) -> int:
    return int(SCRIPT.main([str(networks / "new.safetensors"), "--output", str(output), "--threads", "1", *words]))


def lines(output: Path) -> dict[int, dict[str, object]]:
    found = [json.loads(line) for line in (output / "games.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len({line["game"] for line in found}) == len(found)
    return {line["game"]: line for line in found}


def test_networks_on_another_board(networks: Path, tmp_path: Path) -> None:
    assert run(networks, tmp_path, "--games", "2", "--size", "4", "--komi", "0.5") == 0
    assert json.loads((tmp_path / "settings.json").read_text(encoding="utf-8"))["size"] == 4
    assert all(max(line["actions"]) <= 16 for line in lines(tmp_path).values())  # type: ignore[call-overload]
    assert [game.size for game in read_games(tmp_path / "sgf")] == [4, 4]


def test_a_network_against_itself(networks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(networks, tmp_path, "--games", "6", "--per-file", "4", "--slots", "3", "--komi", "0.5") == 0
    games = lines(tmp_path)
    assert sorted(games) == list(range(6))
    records = [record for name in ("00001", "00002") for record in read_games(tmp_path / f"sgf/games-{name}.sgfs")]
    shards = [Shard.open(tmp_path / f"shards/games-{name}.shard") for name in ("00001", "00002")]
    assert [len(shard) for shard in shards] == [4, 2] and len(records) == 6
    for number, record in enumerate(records):
        shard, index = shards[number // 4], number % 4
        assert (shard.game(index) == record.codes).all()
        position = Position(5, ko="positional", komi=0.5)
        for _, point in record.plays():
            position.play(point)
        score = position.area_score()
        assert score == games[number]["score"]
        assert record.result == f"{'B' if score > 0 else 'W'}+{abs(score):g}"
        assert shard.info[index]["result"] == np.sign(score) and shard.info[index]["index"] == number + 1
    said = capsys.readouterr()
    assert "6 of 6 games" in said.err and said.out == (tmp_path / "results.txt").read_text(encoding="utf-8")
    found = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert found["games"] == 6 and found["pairs"] == []


def test_against_earlier_selves_colours_are_swapped_and_it_goes_on(networks: Path, tmp_path: Path) -> None:
    words = [str(networks / "earlier"), "--openings", "random", "--opening-moves", "3", "--slots", "4"]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert run(networks, whole, *words, "--games", "8") == 0
    games = lines(whole)
    seats = [(games[number]["black"], games[number]["white"]) for number in range(8)]
    assert seats == [(0, 1), (1, 0), (0, 2), (2, 0)] * 2
    openings = [games[number]["actions"][:3] for number in range(8)]  # type: ignore[index]
    assert openings[:4] == [openings[0]] * 4 and openings[4:] == [openings[4]] * 4 != openings[:4]
    found = json.loads((whole / "results.json").read_text(encoding="utf-8"))
    assert [(pair["first"], pair["second"]) for pair in found["pairs"]] == [("new", "at1"), ("new", "at2")]
    assert run(networks, parts, *words, "--games", "3") == 0
    with (parts / "games.jsonl").open("r+", encoding="utf-8") as log:  # as a machine that went down leaves it
        text = log.read()
        log.truncate(len(text) - 20)
    assert run(networks, parts, *words, "--games", "8") == 0
    for name in ("sgf/games-00001.sgfs", "shards/games-00001.shard", "results.json"):
        assert (parts / name).read_bytes() == (whole / name).read_bytes()


def test_ctrl_c_finishes_the_games_on_the_boards(
    networks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    add = GamesFolder.add

    def add_and_stop(self: GamesFolder, played: Played) -> None:
        add(self, played)
        if len(self.played) == 3:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(GamesFolder, "add", add_and_stop)
    assert run(networks, tmp_path, "--games", "1000", "--slots", "4") == 130
    done = len(lines(tmp_path))
    assert 3 <= done <= 7 and "finishing the games" in capsys.readouterr().err
    assert len(Shard.open(tmp_path / "shards/games-00001.shard")) == done


def test_games_of_another_kind_stay_apart(networks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(networks, tmp_path, "--games", "1") == 0
    assert run(networks, tmp_path, "--games", "1", "--temperature", "0.5", "--komi", "6.5") == 2
    assert "holds games with other settings (komi, temperature)" in capsys.readouterr().err
    assert run(networks, tmp_path, "--games", "1", "--symmetries", "4") == 2
    assert "holds games with other settings (symmetries)" in capsys.readouterr().err
    (tmp_path / "settings.json").write_text("[]", encoding="utf-8")
    assert run(networks, tmp_path, "--games", "1") == 2
    assert "not the settings of games" in capsys.readouterr().err


def test_a_mistake_that_no_game_was_played_with_is_mended_in_the_same_folder(networks: Path, tmp_path: Path) -> None:
    words = ["--games", "1", "--openings", "random", "--max-moves", "9", "--opening-moves"]
    assert run(networks, tmp_path, *words, "9") == 2  # nothing is left to play
    assert run(networks, tmp_path, *words, "4") == 0
    assert json.loads((tmp_path / "settings.json").read_text(encoding="utf-8"))["opening_moves"] == 4
    assert run(networks, tmp_path, *words, "5") == 2


def test_a_folder_is_written_by_one_process(tmp_path: Path) -> None:
    first = GamesFolder(tmp_path, {}, ["a"], 5, 0.5)
    with pytest.raises(GoEngineError, match="another process is busy with games here"):
        GamesFolder(tmp_path, {}, ["a"], 5, 0.5)
    first.close()
    GamesFolder(tmp_path, {}, ["a"], 5, 0.5).close()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["missing.safetensors"], "missing.safetensors: no such network file"),
        (["bundled"], "plays 19x19 only, not 5x5"),
        (["{empty}"], "no network file"),
        (["--temperature", "-1"], "temperature -1.0 is out of range"),
        (["--top-p", "0"], "top-p 0.0 is out of range"),
        (["--openings", "{empty}"], "no game can be used|no game file"),
        (
            ["--openings", "random", "--opening-moves", "9", "--max-moves", "9"],
            "game 0: its opening plays the whole game",
        ),
    ],
)
def test_bad_input_gets_one_line(
    networks: Path, tmp_path: Path, words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    words = [word.format(empty=tmp_path / "empty") for word in words]
    assert run(networks, tmp_path / "out", *words, "--games", "1") == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and said[0].startswith("self_play: ")
    assert any(part in said[0] for part in complaint.split("|"))


# results


def played(number: int, black: int, white: int, score: float, first: int) -> Played:
    return Played(Game(number, black, white), np.array([first, 25, 25], np.uint16), score, "passes")


def test_results_count_points_and_leave_out_repetitions() -> None:
    games = [
        played(0, 0, 1, 3.0, 0),
        played(1, 1, 0, 3.0, 0),
        played(2, 0, 1, 0.0, 1),
        played(3, 0, 1, -1.0, 2),
        played(4, 0, 1, 5.0, 3),
        played(5, 0, 1, 5.0, 3),
    ]
    found = summarize(games, ["new", "old"])
    pair = found["pairs"][0]
    assert (found["games"], found["repeated"]) == (6, 1)
    assert (pair["games"], pair["won"], pair["drawn"], pair["points"]) == (5, 2, 1, 2.5)
    assert pair["as_black"]["points"] == 2.5 and pair["as_white"]["points"] == 0
    assert found["black"]["points"] == 3.5
    assert pair["elo"] == 0 and pair["share_95"][0] < 0.5 < pair["share_95"][1]
    text = results_text(found)
    assert "new against old: 2.5 points of 5, 50.0%" in text and "1 repeat" in text


def test_results_of_one_sided_matches_and_of_no_game() -> None:
    found = summarize([played(n, 0, 1, 1.0, n) for n in range(4)], ["new", "old"])
    assert found["pairs"][0]["elo"] is None and "Elo +inf (" in results_text(found)
    assert "0 games" in results_text(summarize([], []))
