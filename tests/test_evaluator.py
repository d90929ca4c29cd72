"""Evaluation: known policies get the figures that can be worked out by hand."""

import json
import math
import signal
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from known_networks import Uniform, saved, uniform
from small_games import corpus, replayed, sgf, shard

from goengine.checkpoint import Network
from goengine.cli import main
from goengine.errors import GoEngineError
from goengine.evaluation.evaluator import Subject, evaluate_corpus, measure
from goengine.evaluation.heldout import HeldOut, load_games
from goengine.networks import FullyConnected


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
    larger = saved(tmp_path / "larger.safetensors", size=19)
    assert main(["evaluate", str(games), "--size", "9", "--network", str(larger), "--against", str(network)]) == 0
    said = capsys.readouterr()
    assert "trained on 19x19 and has seen no game on 9x9" in said.err and "tiny-9x9" in said.out


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


def test_threads_and_interruptions_change_nothing_else() -> None:
    games = HeldOut.of(corpus(24))
    alone = measure([Subject(uniform())], games)[0]
    together = measure([Subject(uniform())], games, threads=3)[0]
    assert together.complete and alone.complete
    for column in ("place", "played", "best", "best_played"):
        assert (getattr(alone.guesses, column) == getattr(together.guesses, column)).all()
    assert np.allclose(alone.guesses.any_move, together.guesses.any_move)
    for threads in (1, 3):

        def stop(done: int, total: int) -> None:
            assert total == len(alone.positions)
            if done > 100:
                raise KeyboardInterrupt

        part = measure([Subject(uniform())], games, progress=stop, threads=threads)[0]
        assert not part.complete and part.asked == len(alone.positions) > len(part.positions) > 100
        values = part.as_dict()
        assert values["complete"] is False and values["positions"] == len(part.positions)
        rows = {(g, n): p for g, n, p in zip(*key(alone), alone.guesses.played, strict=True)}
        assert [rows[k] for k in zip(*key(part), strict=True)] == part.guesses.played.tolist()
        counts, hits, says = part.guesses.any_move.sum((1, 2))
        assert hits == len(part.positions) and says == pytest.approx(hits, rel=1e-4) and counts > 10 * hits


def key(report: Any) -> tuple[list[int], list[int]]:
    return report.positions.game.tolist(), report.positions.number.tolist()


def test_interrupted_before_anything_is_measured() -> None:
    class Impatient(Uniform):
        def policy(self, batch: Any, symmetries: int = 1, legal: Any = None) -> np.ndarray:
            raise KeyboardInterrupt

    network = Impatient(FullyConnected(num_actions=81, depth=0), {}, size=9)
    with pytest.raises(KeyboardInterrupt):
        measure([Subject(network)], HeldOut.of(corpus(2)))


def test_a_network_for_another_board() -> None:
    network = Uniform(FullyConnected(num_actions=361, depth=0), {}, name="large", size=19)
    with pytest.raises(GoEngineError, match="network large is for 19x19 boards, the games are on 9x9"):
        measure([Subject(uniform()), Subject(network)], HeldOut.of(corpus(2)))


def test_by_rank_of_the_player_who_moves(tmp_path: Path) -> None:
    games = tmp_path / "some.sgfs"
    ranks = (("6d", "9p"), ("9段", "6d"), ("", "15k"))
    texts = [sgf(2 * i).replace("KM[7]", f"BR[{b}]WR[{w}]") for i, (b, w) in enumerate(ranks)]
    games.write_text("\n".join(texts), encoding="utf-8")
    report = measure([Subject(uniform())], load_games([games], 9))[0]
    expected: dict[str, int] = {}
    for i, names in enumerate(ranks):
        for _, _, color, _ in replayed(2 * i):
            name = {"9段": "9d", "": "unknown"}.get(names[color], names[color])
            expected[name] = expected.get(name, 0) + 1
    by_rank = report.as_dict()["by_rank"]
    assert {name: row["positions"] for name, row in by_rank.items()} == expected
    assert list(by_rank) == ["9p", "9d", "6d", "15k", "unknown"]  # strongest first
    assert evaluate_corpus(uniform(), corpus(2)).as_dict()["by_rank"] == {}


def test_by_move_number() -> None:
    report = evaluate_corpus(uniform(), corpus(6))
    numbers = [number for seed in range(6) for *_, number in replayed(seed)]
    by_move = report.as_dict()["by_move"]
    assert by_move["1-50"]["positions"] == len(numbers) and len(by_move) == 1  # few positions: bins of 50 moves
    many = evaluate_corpus(uniform(), corpus(90))
    numbers = [number for seed in range(90) for *_, number in replayed(seed)]
    assert len(numbers) > 3000  # bins of 10 moves
    by_move = many.as_dict()["by_move"]
    assert set(by_move) == {f"{first}-{first + 9}" for first in (1, 11, 21, 31)}
    assert by_move["11-20"]["positions"] == sum(11 <= number <= 20 for number in numbers)


def test_unreadable_games_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = saved(tmp_path / "tiny.safetensors")
    folder = tmp_path / "mine"
    folder.mkdir()
    for seed in range(3):
        (folder / f"game-{seed}.sgf").write_text(sgf(seed), encoding="utf-8")
    (folder / "chess.sgf").write_text("(;GM[2];B[aa])", encoding="utf-8")
    (folder / "large.sgf").write_text("(;GM[1]SZ[19];B[pd])", encoding="utf-8")
    (folder / "broken.sgfs.xz").write_bytes(b"\xfd7zXZ\x00 no more")
    assert main(["evaluate", str(folder), "--network", str(network), "--json", "--threads", "1"]) == 0
    captured = capsys.readouterr()
    values = json.loads(captured.out)
    assert values["games"] == 3 and set(values["by_source"]) == {"mine"}
    assert values["skipped"] == {
        "GM: not a game of Go": 1,
        "SZ: not on 9x9": 1,
        "the file is damaged": 1,
    }
    assert captured.err.startswith("3 skipped: ") and captured.err.count("\n") == 1
    for path in folder.glob("game-*"):
        path.unlink()
    assert main(["evaluate", str(folder), "--network", str(network)]) == 2
    assert "the file is damaged" in capsys.readouterr().err


def test_a_game_counts_once(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "one.sgf").write_text(sgf(0), encoding="utf-8")
    (tmp_path / "all.sgfs").write_text("\n".join(map(sgf, range(3))), encoding="utf-8")
    games = load_games([tmp_path / "mine", tmp_path / "all.sgfs", shard(tmp_path / "s.shard", range(1, 5))], 9)
    assert games.skipped == {"a game that is given twice": 3}
    assert measure([Subject(uniform())], games)[0].total.positions == sum(len(replayed(seed)) for seed in range(5))
    names = {games.name(game).rpartition("/")[2] for game in range(5)}
    assert names == {"one.sgf, game 1", "all.sgfs, game 2", "all.sgfs, game 3", "s.shard, game 0"}


def test_only_what_cannot_be_used_is_left_to_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = saved(tmp_path / "tiny.safetensors")
    games, twice = tmp_path / "games.sgfs", tmp_path / "twice.sgfs"
    games.write_text(sgf(0) + sgf(1), encoding="utf-8")
    twice.write_text(sgf(1), encoding="utf-8")
    command = ["evaluate", "--network", str(network), "--threads", "1", str(games), str(twice)]
    assert main(command) == 0
    assert capsys.readouterr().err == "1 skipped: a game that is given twice (1)\n"
    twice.write_text("(;GM[2]SZ[9])", encoding="utf-8")
    assert main([*command, str(games)]) == 0
    assert capsys.readouterr().err.endswith(f"; goengine check {games} {twice} {games} says which\n")


def test_a_game_counts_once_whatever_the_order_of_its_setup_stones(tmp_path: Path) -> None:
    one = "(;SZ[9]HA[3]AB[cc][gg][gc];W[cg];B[ee])"
    (tmp_path / "all.sgfs").write_text(one + one.replace("[cc][gg][gc]", "[gg][gc][cc]"), encoding="utf-8")
    games = load_games([tmp_path / "all.sgfs"], 9)
    assert games.skipped == {"a game that is given twice": 1} and len(games.corpus) == 2


def test_interrupting_the_command_reports_the_part(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = saved(tmp_path / "tiny.safetensors")
    games = tmp_path / "some.sgfs"
    games.write_text("\n".join(sgf(seed) for seed in range(8)), encoding="utf-8")
    asked = []

    def policy(self: Network, batch: Any, symmetries: int = 1, legal: Any = None) -> np.ndarray:
        asked.append(len(batch))
        if len(asked) == 3:
            signal.raise_signal(signal.SIGTERM)
        return Uniform.policy(self, batch, symmetries, legal)  # type: ignore[arg-type]

    monkeypatch.setattr(Network, "policy", policy)
    assert main(["evaluate", str(games), "--network", str(network), "--threads", "1"]) == 130
    assert (
        f"interrupted: only this random part of {sum(map(len, map(replayed, range(8)))):,}" in capsys.readouterr().out
    )
    assert len(asked) == 3


def test_nothing_to_measure() -> None:
    with pytest.raises(GoEngineError, match="no moves to predict"):
        evaluate_corpus(uniform(), corpus(2)._select(np.empty(0, np.int64)))
