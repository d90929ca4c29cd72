"""The match runner: whatever the programs do, each game gets a result and the match goes on."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from goengine.errors import GoEngineError
from goengine.gtp.client import CommandFailed, GtpClient, ProgramDied, ProgramHangs
from goengine.rules import Position
from goengine.sgf import read_games

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = f'"{sys.executable}" "{Path(__file__).resolve().parent / "fake_gtp_program.py"}"'


def load_script() -> ModuleType:
    """gtp/match.py, which is no module of a package."""
    spec = importlib.util.spec_from_file_location("match_script", ROOT / "gtp" / "match.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


match = load_script()


def play(folder: Path, fault: str, games: int = 2, *more: str) -> list[dict[str, object]]:
    """The results of a match between a program with this fault (index 0) and a sound one."""
    words = [f"{PROGRAM} {fault}", PROGRAM, "--names", "odd", "sound", "--games", str(games), "--output", str(folder)]
    words += ["--size", "9", "--openings", "2", "--timeout", "3", "--referee", PROGRAM, *more]
    assert match.main(words) == 0
    lines = (folder / "games.jsonl").read_text().splitlines()
    return sorted((json.loads(line) for line in lines), key=lambda result: int(result["game"]))


def test_a_match_from_beginning_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = play(tmp_path, "", 4)
    out, err = capsys.readouterr()
    assert [result["result"] for result in results] == ["B+3.5"] * 4
    assert [result["black"] for result in results] == [0, 1, 0, 1]
    assert [result["winner"] for result in results] == [0, 1, 0, 1]
    assert [result["reason"] for result in results] == ["two passes"] * 4
    assert results[0]["opening"] == results[1]["opening"] != results[2]["opening"]
    assert "odd: 2 points, 50.0 % (95 %: 15.0 to 85.0)" in out
    assert "as Black 2 of 2, as White 0 of 2" in out and "ended by two passes 4" in out
    assert "odd counts as the referee does in 4 of 4 games" in out
    assert (tmp_path / "table.txt").read_text() == out
    assert "game 4: sound wins B+3.5" in err
    for number in range(1, 5):
        (record,) = read_games(tmp_path / f"game-{number:04}.sgf")
        assert record.result == "B+3.5" and record.komi == 7.5
        assert record.move_count == results[number - 1]["moves"] == 16
        names = {"black": "odd", "white": "sound"} if number % 2 else {"black": "sound", "white": "odd"}
        assert {"black": record.black, "white": record.white} == names


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("crash", "ended with status 3 at 'genmove black' (the roof fell in)"),
        ("hang", "no answer to 'genmove black' within"),
        ("noise", "what is no GTP"),
        ("illegal", "illegal move: black"),
        ("nonsense", "'Q99' is off the 9x9 board"),
        ("fails", "cannot think"),
    ],
)
def test_a_fault_loses_the_game_and_the_match_goes_on(
    fault: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(match, "START_TIMEOUT", 1.0)
    results = play(tmp_path, fault, 2)
    out = capsys.readouterr().out
    assert [result["result"] for result in results] == ["W+F", "B+F"]
    assert [result["winner"] for result in results] == [1, 1]
    assert words in str(results[0]["reason"]) and str(results[0]["reason"]).startswith("odd")
    assert "game 1 lost by odd" in out and "ended by lost by fault 2" in out
    assert len(list(read_games(tmp_path / "game-0002.sgf"))) == 1


def test_a_program_that_does_not_start_loses(tmp_path: Path) -> None:
    words = ["/no/such/program", PROGRAM, "--games", "1", "--output", str(tmp_path), "--size", "9", "--no-referee"]
    assert match.main(words) == 0
    result = json.loads((tmp_path / "games.jsonl").read_text())
    assert result["winner"] == 1 and "cannot be started" in result["reason"]


def test_resignation_and_programs_that_cannot_count(tmp_path: Path) -> None:
    results = play(tmp_path / "a", "resign", 2)
    assert [(result["result"], result["winner"]) for result in results] == [("W+R", 1), ("B+R", 1)]
    results = play(tmp_path / "b", "uncounted", 1)
    assert results[0]["scores"] == {"sound": "B+3.5", "referee": "B+3.5"}


def test_the_same_command_goes_on_where_it_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    play(tmp_path, "", 1)
    first = (tmp_path / "games.jsonl").read_text()
    with (tmp_path / "games.jsonl").open("a") as log:
        log.write('{"game": 1, "bla')  # cut short in the middle of a line
    capsys.readouterr()
    results = [r for r in (tmp_path / "games.jsonl").read_text().splitlines() if r.endswith("}")]
    assert results == first.splitlines()
    words = [f"{PROGRAM} ", PROGRAM, "--names", "odd", "sound", "--games", "3", "--output", str(tmp_path)]
    words += ["--size", "9", "--openings", "2", "--timeout", "3", "--referee", PROGRAM]
    assert match.main(words) == 0
    err = capsys.readouterr().err
    assert "game 1:" not in err and "game 2:" in err and "game 3:" in err
    assert (tmp_path / "table.txt").read_text().startswith("3 games")


def test_a_folder_with_another_match_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    play(tmp_path, "", 1)
    words = [PROGRAM, PROGRAM, "--games", "1", "--output", str(tmp_path), "--size", "13"]
    assert match.main(words) == 2
    err = capsys.readouterr().err.splitlines()[-1]
    assert "other settings" in err and "size" in err
    (tmp_path / "match.json").write_text("[")
    assert match.main(words) == 2


def test_several_tables_play_the_same_games(tmp_path: Path) -> None:
    one, three = play(tmp_path / "one", "", 6), play(tmp_path / "three", "", 6, "--tables", "3")
    assert [r["opening"] for r in one] == [r["opening"] for r in three]
    assert [r["winner"] for r in one] == [r["winner"] for r in three]


def test_the_move_limit_ends_a_game(tmp_path: Path) -> None:
    (result,) = play(tmp_path, "", 1, "--move-limit", "5")
    assert result["reason"] == "stopped after 5 moves" and result["moves"] == 5


def test_without_a_referee_the_playouts_count(tmp_path: Path) -> None:
    words = [
        PROGRAM,
        PROGRAM,
        "--games",
        "1",
        "--output",
        str(tmp_path),
        "--size",
        "5",
        "--openings",
        "0",
        "--no-referee",
    ]
    assert match.main(words) == 0
    result = json.loads((tmp_path / "games.jsonl").read_text())
    assert result["scores"]["referee"] == result["result"]


def settings(size: int = 19, plies: int = 4, seed: int = 1) -> object:
    return match.Settings(("a", "b"), ("a", "b"), size, 7.5, plies, seed, 1000, "", "")


def test_openings_are_varied_legal_and_repeatable() -> None:
    for size in (5, 7, 9, 13, 19, 25):
        openings = [match.make_opening(settings(size), number) for number in range(40)]
        moves = [opening.moves for opening in openings]
        assert all(isinstance(opening, Position) and len(opening.moves) == 4 for opening in openings)
        assert moves == [match.make_opening(settings(size), number).moves for number in range(40)]
        assert len(set(moves)) >= (36 if size > 5 else 1), size
    assert match.make_opening(settings(seed=2), 0).moves != match.make_opening(settings(seed=1), 0).moves
    assert match.make_opening(settings(plies=0), 0).moves == ()


@pytest.mark.parametrize(
    ("text", "score"), [("B+3.5", 3.5), ("W+12", -12.0), ("0", 0.0), ("b+1", 1.0), ("W+0.5 (upper bound: 1)", -0.5)]
)
def test_scores_are_read(text: str, score: float) -> None:
    assert match.parse_score(text) == score


@pytest.mark.parametrize("text", ["", "B", "B+", "B+R", "X+3", "W+nan", "hello"])
def test_what_is_no_score_is_refused(text: str) -> None:
    with pytest.raises(GoEngineError, match="is no result"):
        match.parse_score(text)


def test_intervals_and_elo() -> None:
    # Wilson's interval for 30 of 40, as tables give it
    low, high = match.wilson(30, 40)
    assert (round(low, 4), round(high, 4)) == (0.5981, 0.8581)
    assert match.wilson(0, 10)[0] == 0 and match.wilson(10, 10)[1] == 1 and match.wilson(0, 0) == (0, 1)
    assert match.elo(0.5) == 0 and round(match.elo(10 / 11)) == 400 and match.elo(1.0) == math.inf


def test_a_game_played_twice_is_counted_once() -> None:
    lines = ["aa", "aa", "bb", "", ""]  # the last two were stored before games had lines
    results = [
        match.Result(game, 0, [], "B+1", winner, "two passes", 9, line=line)
        for game, (winner, line) in enumerate(zip([0, 0, 1, 0, 1], lines, strict=True))
    ]
    table = match.result_table(results, settings())
    assert "a: 3 points, 60.0 %" in table
    assert "each of the 4 different games counted once: a 2 points, 50.0 %" in table
    swapped = [match.Result(0, 0, [], line="aa"), match.Result(1, 1, [], line="aa")]
    assert "counted once" not in match.result_table(swapped, settings())


def test_the_client_tells_how_a_program_failed() -> None:
    with GtpClient(f"{PROGRAM} fails", "x") as client:
        assert client.send("boardsize 9") == ""
        assert not client.knows("xyzzy")
        for _ in range(2):
            client.send("genmove b")
        with pytest.raises(CommandFailed, match="cannot think"):
            client.send("genmove b")
    with GtpClient(f"{PROGRAM} hang", "x") as client:
        for _ in range(2):
            client.send("genmove b")
        with pytest.raises(ProgramHangs, match=r"no answer to 'genmove b' within 0\.2 s"):
            client.send("genmove b", timeout=0.2)
    client = GtpClient(f"{PROGRAM} crash", "x")
    for _ in range(2):
        client.send("genmove b")
    with pytest.raises(ProgramDied, match="status 3"):
        client.send("genmove b")
    client.close()
    with pytest.raises(ProgramDied, match="no/such"):
        GtpClient("/no/such/program")


def test_a_closed_client_leaves_no_process() -> None:
    client = GtpClient(f"{PROGRAM} hang", "x")
    pid = client.pid
    client.close(patience=0.5)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
