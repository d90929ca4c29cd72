"""The match runner: whatever the programs do, each game gets a result and the match goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from scripts import ROOT, load_script

from goengine.gtp.client import CommandFailed, GtpClient, ProgramDied, ProgramHangs
from goengine.match import game as match_game
from goengine.match.folder import MatchFolder
from goengine.match.programs import find_gnugo
from goengine.sgf import read_games

PROGRAM = f'"{sys.executable}" -S -E "{Path(__file__).resolve().parent / "fake_gtp_program.py"}"'


match = load_script("gtp/match.py")


def command(folder: Path, fault: str, games: int, *more: str) -> list[str]:
    """The words for a match between a program with this fault (index 0) and a sound one."""
    words = [f"{PROGRAM} {fault}", PROGRAM, "--names", "odd", "sound", "--games", str(games), "--output", str(folder)]
    return [*words, "--size", "9", "--opening-moves", "2", "--timeout", "3", "--referee", PROGRAM, *more]


def results(folder: Path) -> list[dict[str, Any]]:
    """The lines of the games, by number."""
    lines = (folder / "games.jsonl").read_text().splitlines()
    return sorted((json.loads(line) for line in lines if line.endswith("}")), key=lambda result: int(result["game"]))


def play(folder: Path, fault: str, games: int = 2, *more: str) -> list[dict[str, Any]]:
    """The results of such a match."""
    assert match.main(command(folder, fault, games, *more)) == 0
    return results(folder)


def table(folder: Path) -> Any:
    return json.loads((folder / "table.json").read_text())


def test_a_match_from_beginning_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    played = play(tmp_path, "", 4)
    out, err = capsys.readouterr()
    assert [result["result"] for result in played] == ["B+3.5"] * 4
    assert [result["black"] for result in played] == [0, 1, 0, 1]
    assert [result["winner"] for result in played] == [0, 1, 0, 1]
    assert [result["end"] for result in played] == ["two passes"] * 4
    assert played[0]["opening"] == played[1]["opening"] != played[2]["opening"]
    assert "odd against sound: 2 points of 4, 50.0 % (95 %: 15.0 to 85.0), Elo +0 (-301 to +301)" in out
    assert "as Black 2 of 2, as White 0 of 2" in out and "ended by two passes 4" in out
    assert "4 games ended by two passes or resignation, the longest after 16 moves" in out
    assert "counts as the referee does in 4 of 4 games" in out
    assert (tmp_path / "table.txt").read_text() == out
    assert "game 4: sound (Black) against odd: B+3.5, two passes, 16 moves; 2-2 for odd; 0 games" in err
    (pair,) = table(tmp_path)["pairs"]
    assert (pair["won"], pair["points"], pair["as_black"]["won"]) == (2, 2.0, 2)
    for number in range(1, 5):
        (record,) = read_games(tmp_path / f"game-{number:04}.sgf")
        assert record.result == "B+3.5" and record.komi == 7.5
        assert record.move_count == played[number - 1]["moves"] == 16
        names = {"black": "odd", "white": "sound"} if number % 2 else {"black": "sound", "white": "odd"}
        assert {"black": record.black, "white": record.white} == names


@pytest.mark.parametrize(
    ("fault", "end", "words"),
    [
        ("crash", "crash", "ended with status 3 at 'genmove black' (the roof fell in)"),
        ("hang", "no answer", "no answer to 'genmove black' within"),
        ("noise", "crash", "what is no GTP"),
        ("illegal", "illegal move", "illegal move: black"),
        ("nonsense", "illegal move", "'Q99' is off the 9x9 board"),
        ("fails", "failed command", "cannot think"),
        ("refuses", "failed command", "play white"),
    ],
)
def test_a_fault_loses_the_game_and_the_match_goes_on(
    fault: str,
    end: str,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(match_game, "_FIRST_MOVES", 0)
    played = play(tmp_path, fault, 2, "--timeout", "0.5")
    out = capsys.readouterr().out
    assert [result["result"] for result in played] == ["W+F", "B+F"]
    assert [result["winner"] for result in played] == [1, 1]
    assert [result["end"] for result in played] == [end, end]
    assert words in str(played[0]["reason"]) and str(played[0]["reason"]).startswith("odd")
    assert f"game 1 lost, {end}: odd" in out and f"ended by {end} 2" in out
    assert len(list(read_games(tmp_path / "game-0002.sgf"))) == 1


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("/no/such/program", "cannot be started: No such file or directory: /no/such/program"),
        (f"{PROGRAM} broken", "ended with status 2 at 'name' (no network)"),
        ("'", "no command line"),
    ],
)
def test_a_program_that_cannot_start_stops_the_match(
    program: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for first, second in ((PROGRAM, program), (program, PROGRAM)):
        arguments = [first, second, "--names", "a", "b", "--output", str(tmp_path), "--size", "9", "--no-referee"]
        assert match.main(arguments) == 2
        err = capsys.readouterr().err
        assert err.startswith("match: ") and words in err and err.count("\n") == 1
        assert not (tmp_path / "games.jsonl").exists()
        tmp_path = tmp_path / "other"


def test_resignation_and_programs_that_cannot_count(tmp_path: Path) -> None:
    played = play(tmp_path / "a", "resign", 2)
    assert [(result["result"], result["winner"]) for result in played] == [("W+R", 1), ("B+R", 1)]
    (result,) = play(tmp_path / "b", "uncounted", 1)
    assert result["scores"] == {"black": "? odd: final_score: cannot score", "white": "B+3.5", "referee": "B+3.5"}
    play(tmp_path / "c", "'dies counting'", 3)
    programs = table(tmp_path / "c")["programs"]
    assert [program["counts_as_the_referee"] for program in programs] == [0, 3]
    assert programs[0]["lost_by_fault"] == []


def test_disagreements_with_the_referee_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    play(tmp_path, "miscounts", 2)
    out = capsys.readouterr().out
    assert "counts as the referee does in 0 of 2 games" in out
    assert "game 2: it says W+0.5, the referee B+3.5" in out
    assert table(tmp_path)["programs"][0]["disagreements"][0] == {
        "game": 1,
        "score": "W+0.5",
        "referee": "B+3.5",
        "moves": 16,
    }


def test_games_that_the_referee_cannot_count_count_for_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    played = play(tmp_path, "", 2, "--referee", f"{PROGRAM} uncounted")
    assert [(result["result"], result["winner"], result["end"]) for result in played] == [("?", None, "uncounted")] * 2
    assert "cannot score" in played[0]["reason"]
    out = capsys.readouterr().out
    assert "2 games could not be counted" in out and "odd against sound: 0 points of 0" in out


def test_the_same_command_goes_on_where_it_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    play(tmp_path, "", 1)
    first = (tmp_path / "games.jsonl").read_text()
    with (tmp_path / "games.jsonl").open("a") as log:
        log.write('{"game": 1, "bla')  # cut short in the middle of a line
    (tmp_path / "game-0002.sgf").write_text("(;GM[1]")
    capsys.readouterr()
    assert [json.dumps(result) for result in results(tmp_path)] == first.splitlines()
    play(tmp_path, "", 3)
    err = capsys.readouterr().err
    assert "game 1:" not in err and "game 2:" in err and "game 3:" in err and "1 games and about" in err
    assert (tmp_path / "table.txt").read_text().startswith("3 games")
    assert [result["record"] for result in results(tmp_path)] == [f"game-000{number}.sgf" for number in (1, 2, 3)]
    (game,) = read_games(tmp_path / "game-0002.sgf")
    assert game.result == results(tmp_path)[1]["result"]
    play(tmp_path, "", 3)
    assert capsys.readouterr().err == ""
    play(tmp_path, "", 2)  # fewer games: their table, and nothing is lost
    assert capsys.readouterr().out.startswith("2 games") and len(results(tmp_path)) == 3


def test_a_folder_with_another_match_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    play(tmp_path, "", 1)
    assert match.main(command(tmp_path, "", 1, "--size", "13")) == 2
    err = capsys.readouterr().err.splitlines()[-1]
    assert "other settings" in err and "size" in err
    (tmp_path / "match.json").write_text("[")
    assert match.main(command(tmp_path, "", 1)) == 2
    folder = MatchFolder(tmp_path / "busy", {})
    assert match.main(command(tmp_path / "busy", "", 1)) == 2
    assert "another process" in capsys.readouterr().err
    folder.close()


def test_several_tables_play_the_same_games(tmp_path: Path) -> None:
    one, three = play(tmp_path / "one", "", 6), play(tmp_path / "three", "", 6, "--tables", "3")
    assert [r["line"] for r in one] == [r["line"] for r in three]
    assert [r["winner"] for r in one] == [r["winner"] for r in three]


def test_the_move_limit_ends_a_game(tmp_path: Path) -> None:
    (result,) = play(tmp_path, "", 1, "--max-moves", "5")
    assert (result["end"], result["reason"], result["moves"]) == ("move limit", "stopped after 5 moves", 5)
    assert table(tmp_path)["moves_to_the_end"]["games"] == 0


def test_without_a_referee_the_playouts_count(tmp_path: Path) -> None:
    words = [PROGRAM, PROGRAM, "--games", "1", "--output", str(tmp_path), "--size", "5", "--opening-moves", "0"]
    assert match.main([*words, "--no-referee"]) == 0
    (result,) = results(tmp_path)
    assert result["scores"]["referee"] == result["result"]


def test_openings_from_game_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, moves in enumerate(
        ("B[cc];W[gg];B[cg]", "B[cc];W[gg];B[gc]", "B[gc];W[gg];B[cc]", "B[ee];W[cc];B[gg]")
    ):
        (tmp_path / f"{number}.sgf").write_text(f"(;GM[1]SZ[9];{moves})")
    opening = ("--openings", str(tmp_path), "--opening-moves", "3")
    played = play(tmp_path / "match", "", 6, *opening)  # two of the four are mirror images
    assert len({tuple(result["opening"]) for result in played}) == 3 == len(played) / 2
    assert match.main(command(tmp_path / "match", "", 7, *opening)) == 2
    assert "only 3 different openings, and 7 games need 4" in capsys.readouterr().err
    once = play(tmp_path / "once", "", 3, *opening, "--no-swap")
    assert [result["opening"] for result in once] == [result["opening"] for result in played[::2]]
    assert [result["black"] for result in once] == [0, 1, 0]


def test_positions_set_up_are_different_openings(tmp_path: Path) -> None:
    folder, games = tmp_path / "match", tmp_path / "games"
    games.mkdir()
    for number, root in enumerate(("AB[cc]AW[gg]PL[B]", "AB[cc]AW[gg]PL[W]", "AB[ee][cc]AW[gc]PL[B]")):
        (games / f"{number}.sgf").write_text(f"(;GM[1]SZ[9]{root})")
    opening = ("--openings", str(games), "--opening-moves", "0")
    played = play(folder, "", 6, *opening)
    assert {tuple(result["opening"]) for result in played} == {()}
    assert [result["start"] for result in played[::2]] == [result["start"] for result in played[1::2]]
    assert table(folder)["different_openings"] == 3
    for result in played:  # as version 0.15 has left it after two games
        del result["start"]
    (folder / "games.jsonl").write_text("".join(json.dumps(result) + "\n" for result in played[:2]))
    assert [result["game"] for result in play(folder, "", 6, *opening)] == [0, 1, 2, 3, 4, 5]
    assert table(folder)["different_openings"] == 2  # at least: what the first two began with is not known


def test_more_than_two_programs_meet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    programs = [PROGRAM, f"{PROGRAM} resign", f"{PROGRAM} miscounts", "--names", "a", "b", "c"]
    more = ["--games", "4", "--size", "9", "--referee", PROGRAM]
    assert match.main([*programs, *more, "--output", str(tmp_path / "all")]) == 0
    found, out = table(tmp_path / "all"), capsys.readouterr().out
    assert [(pair["first"], pair["second"], pair["points"]) for pair in found["pairs"]] == [
        ("a", "b", 4),
        ("a", "c", 2),
        ("b", "c", 0),
    ]
    assert [row["name"] for row in found["ratings"]] == ["a", "c", "b"] and "ratings" in out
    played = results(tmp_path / "all")
    assert {(result["game"], result["black"], result["white"]) for result in played[:6]} == {
        *((0, 0, 1), (1, 0, 2), (2, 1, 2), (3, 1, 0), (4, 2, 0), (5, 2, 1)),
    }
    assert match.main([*programs, *more, "--output", str(tmp_path / "gauntlet"), "--gauntlet"]) == 0
    assert [(pair["first"], pair["second"]) for pair in table(tmp_path / "gauntlet")["pairs"]] == [
        ("a", "b"),
        ("a", "c"),
    ]


def test_a_program_out_of_time_loses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (result,) = play(tmp_path, "slow", 1, "--time", "absolute 1.8")
    assert (result["result"], result["end"], result["winner"]) == ("W+T", "time", 1)
    assert "odd: lost on time" in result["reason"] and "time absolute 1.8" in capsys.readouterr().out


def test_a_move_beforehand_is_on_no_clock(tmp_path: Path) -> None:
    log = tmp_path / "log"
    (result,) = play(tmp_path / "match", f"plain {log}", 1, "--time", "absolute 99")
    said = log.read_text().split("quit\n")[1].splitlines()  # the first start only checks that it starts
    assert said[:5] == ["name", "boardsize 9", "clear_board", "genmove black", "boardsize 9"]
    assert said.index("time_settings 99 0 0") > 5
    assert result["thought"] == {"black": 7, "white": 7}


def test_a_program_that_hangs_loses_on_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(match_game, "_GRACE", 0.1)
    (result,) = play(tmp_path, "hang", 1, "--time", "byoyomi 0 0.1 2")
    assert (result["result"], result["end"]) == ("W+T", "time")


@pytest.mark.parametrize(
    ("kind", "settings", "lines"),
    [
        ("kata", "byoyomi 0 60 3", ["kata-time_settings byoyomi 0 60 3", "time_left black 60 3"]),
        ("plain", "byoyomi 0 60 3", ["time_settings 120 60 1", "time_left black 120 0"]),
        ("plain", "600 0 0", ["time_settings 600 0 0", "time_left black 600 0"]),
        ("none", "600 60 10", []),
    ],
)
def test_programs_are_told_their_time(kind: str, settings: str, lines: list[str], tmp_path: Path) -> None:
    log = tmp_path / "log"
    play(tmp_path / "match", f"{kind} {log}", 1, "--time", settings)
    said = [line for line in log.read_text().splitlines() if line.startswith(("time", "kata"))]
    assert list(dict.fromkeys(said))[: len(lines)] == lines and bool(said) == bool(lines)


@pytest.mark.parametrize(
    "words",
    [
        [PROGRAM],
        [PROGRAM, PROGRAM, "--names", "a"],
        ["--names", "a", "b", PROGRAM, PROGRAM],
        [PROGRAM, PROGRAM, "--games", "0"],
        [PROGRAM, PROGRAM, "--komi", "nan"],
        [PROGRAM, PROGRAM, "--timeout", "-1"],
        [PROGRAM, PROGRAM, "--opening-moves", "-1"],
    ],
)
def test_words_that_make_no_match(words: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        match.main([*words, "--output", str(tmp_path)])
    assert stopped.value.code == 2


def test_gnu_go_plays_and_counts(tmp_path: Path) -> None:
    if find_gnugo() is None:
        pytest.skip("GNU Go is not installed")
    gnugo = "gnugo --mode gtp --level 1 --chinese-rules"  # found in /usr/games, too
    words = [gnugo, gnugo, "--names", "a", "b", "--games", "2", "--size", "5", "--openings", "random"]
    assert match.main([*words, "--output", str(tmp_path)]) == 0
    found = table(tmp_path)
    assert "gnugo" in found["match"]["referee"] and set(found["ends"]) <= {"two passes", "resignation"}
    assert all(program["counts_as_the_referee"] == program["counts"] for program in found["programs"])


@pytest.mark.slow
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_match_that_is_stopped_goes_on(blow: signal.Signals, tmp_path: Path) -> None:
    words = [sys.executable, str(ROOT / "gtp" / "match.py"), *command(tmp_path / "match", "", 40, "--tables", "2")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for wait in (3, 12):
        with subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, start_new_session=True) as runner:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and (
                not (tmp_path / "match" / "games.jsonl").exists() or len(results(tmp_path / "match")) < wait
            ):
                time.sleep(0.01)
            runner.send_signal(blow)
            assert runner.wait(20) == (-blow if blow == signal.SIGKILL else 130)
            if blow != signal.SIGKILL:
                assert (tmp_path / "match" / "table.txt").read_text().startswith(f"{len(results(tmp_path / 'match'))} ")
    assert len(results(tmp_path / "match")) < 40
    subprocess.run(words, env=environment, check=True, capture_output=True, timeout=120)
    played = results(tmp_path / "match")
    assert [result["game"] for result in played] == list(range(40))
    assert len(list(read_games(tmp_path / "match"))) == 40


@pytest.mark.slow
def test_an_interruption_lets_the_game_on_the_only_table_end(tmp_path: Path) -> None:
    log, folder = tmp_path / "log", tmp_path / "match"
    words = [sys.executable, str(ROOT / "gtp" / "match.py"), *command(folder, f"slow {log}", 4)]
    with subprocess.Popen(words, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL) as runner:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and (not log.exists() or log.read_text().count("genmove") < 3):
            time.sleep(0.01)
        runner.send_signal(signal.SIGINT)  # while it thinks for two seconds
        assert runner.wait(20) == 130
    assert [result["end"] for result in results(folder)] == ["two passes"]


@pytest.mark.slow
def test_a_second_interruption_waits_for_no_game(tmp_path: Path) -> None:
    folder = tmp_path / "match"
    words = [sys.executable, str(ROOT / "gtp" / "match.py"), *command(folder, "hang", 4, "--timeout", "600")]
    with subprocess.Popen(
        words, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True
    ) as runner:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (folder / "match.json").exists():
            time.sleep(0.01)
        time.sleep(2)  # the first game hangs by now
        runner.send_signal(signal.SIGINT)
        assert runner.stderr is not None and "finishing the games" in runner.stderr.readline()
        runner.send_signal(signal.SIGINT)
        assert runner.wait(20) == 130
        assert runner.stderr.read() == ""
    assert not (folder / "games.jsonl").exists()
    assert (folder / "table.txt").read_text().startswith("0 games")


def test_a_folder_of_other_games_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert match.main(command(tmp_path, "", 2)) == 0
    (tmp_path / "match.json").unlink()
    assert match.main(command(tmp_path, "", 4)) == 2
    assert "holds games, but not the settings of a match" in capsys.readouterr().err
    assert len(results(tmp_path)) == 2


def test_gnu_go_counts_no_larger_boards_than_it_knows() -> None:
    words = ["a", "b", "--output", "x"]
    assert match.referee_command(match.parse_arguments([*words, "--size", "21"])) == ""
    named = match.parse_arguments([*words, "--size", "21", "--referee", "r"])
    assert match.referee_command(named) == "r"


def test_who_refuses_the_board_plays_no_match(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if find_gnugo() is None:
        pytest.skip("GNU Go is not installed")
    words = ["--referee", "gnugo --mode gtp", "--size", "21"]
    assert match.main([*command(tmp_path, "", 2), *words]) == 2
    assert "referee: boardsize 21: unacceptable size: give another --size" in capsys.readouterr().err


def test_the_client_tells_how_a_program_failed() -> None:
    with GtpClient(f"{PROGRAM} fails", "x") as client:
        assert client.send("boardsize 9") == ""
        assert not client.knows("xyzzy", timeout=1e12)
        for _ in range(2):
            client.send("genmove b")
        with pytest.raises(CommandFailed, match="cannot think"):
            client.send("genmove b")
    with GtpClient(f"{PROGRAM} hang", "x") as client:
        for _ in range(2):
            client.send("genmove b")
        with pytest.raises(ProgramHangs, match=r"no answer to 'genmove b' within 0\.2 s"):
            client.send("genmove b", timeout=0.2)
        client.kill()
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


def test_a_client_waits_for_nobody_who_outlives_the_program() -> None:
    began = time.monotonic()
    client = GtpClient(["sh", "-c", f"sleep 60 & exec {PROGRAM}"], "x")  # as a ssh that leaves its connection open
    try:
        client.close()
        assert time.monotonic() - began < 30
    finally:
        os.killpg(client.pid, signal.SIGKILL)
