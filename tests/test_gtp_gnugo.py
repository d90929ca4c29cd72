"""GNU Go's own commands, as Kigo uses them: on a small game, and as GNU Go answers them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from gtp_dialogue import WALLS, Dialogue

from goengine.match.programs import find_gnugo
from goengine.sgf import read_games

GNUGO = find_gnugo()
GAME = [
    "boardsize 9",
    "komi 6.5",
    "fixed_handicap 2",
    "play w e5",
    "play b e4",
    "play w d5",
    "play b d4",
    "play w pass",
]
GAME += ["play b f5", "play w a1", "play b e6", "play w a2", "play b c5", "play w a3", "play b d6"]
ASKED = [
    "list_stones black",
    "list_stones w",
    "captures B",
    "captures white",
    "last_move",
    "move_history",
    "get_handicap",
]
ASKED += ["query_boardsize", "is_legal w d5", "is_legal b c3", "is_legal w pass", "is_legal white j9"]


def test_the_answers_about_a_game() -> None:
    gtp = Dialogue()
    assert "no previous move known" in gtp.fails("last_move")
    assert gtp.ok("move_history") == gtp.ok("list_stones black") == ""
    for command in GAME:
        gtp.ok(command)
    assert gtp.ok("list_stones white") == "A3 A2 A1"
    assert gtp.ok("list_stones black") == "G7 D6 E6 C5 F5 D4 E4 C3"
    assert [gtp.ok(f"captures {color}") for color in ("black", "white")] == ["2", "0"]
    assert gtp.ok("last_move") == "black D6"
    assert gtp.raw("move_history").splitlines()[-2:-1] == ["white E5"]
    assert [gtp.ok("get_handicap"), gtp.ok("query_boardsize")] == ["2", "9"]
    assert "syntax error" in gtp.fails("list_stones red")
    assert "invalid coordinate" in gtp.fails("is_legal b k10")
    gtp.ok("set_position")
    assert gtp.ok("get_handicap") == "0"


@pytest.mark.skipif(GNUGO is None, reason="GNU Go is not installed")
def test_gnu_go_answers_the_same() -> None:
    commands = "\n".join([*GAME, *ASKED, "quit", ""])
    run = subprocess.run(
        [str(GNUGO), "--mode", "gtp"], input=commands, capture_output=True, text=True, timeout=60, check=True
    )
    theirs = [answer[2:].split() for answer in run.stdout.split("\n\n")]
    gtp = Dialogue()
    for command, their in zip([*GAME, *ASKED], theirs, strict=False):
        ours = gtp.ok(command).split()
        if command.startswith(("list_stones", "fixed_handicap")):
            assert sorted(ours) == sorted(their)
        else:
            assert [word.lower() for word in ours] == [word.lower() for word in their], command


@pytest.mark.skipif(GNUGO is None, reason="GNU Go is not installed")
def test_gnu_go_loads_as_much_of_a_record(tmp_path: Path) -> None:
    path = tmp_path / "game.sgf"
    path.write_text("(;GM[1]SZ[9]KM[5.5];B[ee];W[cc];B[gg])")
    gtp, loaded, theirs = Dialogue(), [], []
    for number in ("", " 0", " 1", " 2", " 3", " 4", " 99"):
        commands = f"loadsgf {path}{number}\nmove_history\nquit\n"
        run = subprocess.run(
            [str(GNUGO), "--mode", "gtp"], input=commands, capture_output=True, text=True, timeout=60, check=True
        )
        theirs.append(run.stdout.split("\n\n")[1].count(" ") - 1)
        gtp.ok(f"loadsgf {path}{number}")
        loaded.append(gtp.session.position.move_number)
    assert loaded == theirs == [3, 3, 0, 1, 2, 3, 3]


def test_hints_are_the_networks_favourites() -> None:
    gtp = Dialogue()
    words = gtp.ok("top_moves_white").split()
    assert len(words) == 20 and words[0] == "E5"
    shares = [float(word) for word in words[1::2]]
    assert shares == sorted(shares, reverse=True) and 0 < shares[0] < 100
    assert gtp.session.position.to_play == "black"


def test_the_score_so_far_with_its_bounds_as_white_sees_them() -> None:
    gtp = Dialogue()
    for command in WALLS:
        gtp.ok(command)
    gtp.ok("komi 6.5")
    words = gtp.ok("estimate_score").split()
    assert words[0] == "W+15.5" and words[1:3] == ["(upper", "bound:"] and words[4] == "lower:"
    assert float(words[5].rstrip(")")) <= 15.5 <= float(words[3].rstrip(","))


def test_the_score_so_far_has_the_bonus_of_a_handicap_in_it() -> None:
    gtp = Dialogue()
    gtp.ok("komi 0.5")
    gtp.ok("set_free_handicap B1 D1")
    for command in WALLS[1:9] + WALLS[10:]:
        gtp.ok(command)
    scores = {}
    for rules in ("japanese", "aga", "chinese"):
        gtp.ok(f"kata-set-rules {rules}")
        words = gtp.ok("estimate_score").split()
        scores[rules] = [float(word.strip("W+,)")) for word in (words[0], words[3], words[5])]
    assert scores["aga"] == [value + 1 for value in scores["japanese"]]
    assert scores["chinese"] == [value + 2 for value in scores["japanese"]]
    assert gtp.ok("final_score") == f"W+{scores['chinese'][0]:g}"


def test_the_state_of_each_point_at_the_end() -> None:
    gtp = Dialogue()
    gtp.ok("play b c4")
    assert "points are nobody's yet" in gtp.fails("final_status e5")
    for command in ["undo", *WALLS, "play w c5"]:
        gtp.ok(command)
    states = {vertex: gtp.ok(f"final_status {vertex}") for vertex in ("b1", "e1", "c5", "a1", "c1", "f1", "j9")}
    black, white = "black_territory", "white_territory"
    alive = dict.fromkeys(("b1", "e1"), "alive")
    assert states == alive | {"c5": "dead", "a1": black, "c1": black, "f1": white, "j9": white}
    lists = {state: gtp.ok(f"final_status_list {state}").split() for state in (black, white, "dame", "dead", "alive")}
    assert all(vertex.upper() in lists[state] for vertex, state in states.items())
    assert sum(map(len, lists.values())) == 81 and lists["dame"] == []
    assert "syntax error" in gtp.fails("final_status pass")
    assert "invalid coordinate" in gtp.fails("final_status k10")
    assert "black_territory" in gtp.fails("final_status_list neutral")


def test_the_game_is_written_as_sgf(tmp_path: Path) -> None:
    gtp = Dialogue()
    for command in GAME:
        gtp.ok(command)
    path = tmp_path / "a game.sgf"
    gtp.ok(f"printsgf {path}")
    assert [file.name for file in tmp_path.iterdir()] == ["a game.sgf"]
    assert "= " + path.read_text() + "\n" == gtp.raw("printsgf") == gtp.raw("printsgf -")
    (record,) = read_games(path)
    assert (record.komi, record.handicap, record.rules) == (6.5, 2, "chinese")
    assert tuple(record.plays()) == gtp.session.position.moves
    before = str(gtp.session.position)
    gtp.ok("clear_board")
    gtp.ok(f"loadsgf {path}")
    assert str(gtp.session.position) == before
    assert "syntax error" in gtp.fails(f"printsgf {tmp_path / 'game.txt'}")
    assert "cannot open or write" in gtp.fails(f"printsgf {tmp_path / 'none' / 'game.sgf'}")


@pytest.mark.parametrize(
    ("commands", "handicap"),
    [
        (["set_position b B2 w D4", "gogui-setup_player white"], 0),
        (["set_position b B2 w D4", "gogui-setup_player black"], 0),
        (["set_position b B2 b C3"], 0),
        (["set_position b B2 b C3", "play b E5"], 0),
        (["set_position w B2"], 0),
        (["gogui-setup_player white"], 0),
        (["set_free_handicap B2 C3"], 2),
        (["set_free_handicap B2 C3", "play w E5"], 2),
        (["set_position b B2", "play w D4"], 0),
    ],
)
def test_stones_set_up_and_whose_turn_it_is_are_in_the_sgf(tmp_path: Path, commands: list[str], handicap: int) -> None:
    gtp = Dialogue()
    for command in ("boardsize 5", *commands, f"printsgf {tmp_path / 'game.sgf'}"):
        gtp.ok(command)
    before = gtp.session.position
    (record,) = read_games(tmp_path / "game.sgf")
    assert record.handicap == handicap
    gtp.ok("clear_board")
    gtp.ok(f"loadsgf {tmp_path / 'game.sgf'}")
    after = gtp.session.position
    assert (after.to_play, after.setup_stones, after.moves) == (before.to_play, before.setup_stones, before.moves)
