"""Boards that are set up: handicap stones, stones that are no moves, and records from files; the network is a fake."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from gtp_dialogue import Dialogue

from goengine.coords import format_vertex, parse_vertex
from goengine.handicap import fixed_handicap_limit, fixed_handicap_points, free_handicap_points, star_points
from goengine.match.programs import find_gnugo
from goengine.rules import Position

GNUGO = find_gnugo()


# Handicap


def test_fixed_handicap_of_the_specification() -> None:
    gtp = Dialogue(size=19)
    assert gtp.ok("fixed_handicap 9") == "D4 Q16 D16 Q4 D10 Q10 K4 K16 K10"
    assert gtp.session.position.to_play == "white"
    expected = {
        2: "D4 Q16",
        3: "D4 Q16 D16",
        4: "D4 Q16 D16 Q4",
        5: "D4 Q16 D16 Q4 K10",
        6: "D4 Q16 D16 Q4 D10 Q10",
        7: "D4 Q16 D16 Q4 D10 Q10 K10",
        8: "D4 Q16 D16 Q4 D10 Q10 K4 K16",
    }
    for stones, vertices in expected.items():
        gtp.ok("clear_board")
        assert gtp.ok(f"fixed_handicap {stones}") == vertices
    assert [fixed_handicap_limit(size) for size in range(2, 13)] == [0, 0, 0, 0, 0, 4, 4, 9, 4, 9, 4]


@pytest.mark.skipif(GNUGO is None, reason="GNU Go is not installed")
def test_fixed_handicap_is_where_gnu_go_places_it() -> None:
    # 12x12 left out: GNU Go is on the fourth line there, the specification on the third
    sizes = [size for size in range(7, 20) if size != 12]
    asked = [(size, stones) for size in sizes for stones in range(2, fixed_handicap_limit(size) + 1)]
    commands = "".join(f"boardsize {size}\nclear_board\nfixed_handicap {stones}\n" for size, stones in asked)
    run = subprocess.run(
        [str(GNUGO), "--mode", "gtp"], input=commands + "quit\n", capture_output=True, text=True, timeout=60, check=True
    )
    answers = [line[2:].split() for line in run.stdout.split("\n\n") if len(line) > 2]
    assert len(answers) == len(asked)
    for (size, stones), vertices in zip(asked, answers, strict=True):
        ours = {format_vertex(point, size) for point in fixed_handicap_points(stones, size)}
        assert ours == set(vertices), (size, stones)


@pytest.mark.parametrize("size", [2, 3, 5, 9, 19])
def test_free_handicap_is_exactly_as_many_stones_as_asked_for(size: int) -> None:
    for stones in {2, 3, size, size * size // 2, size * size - 1} - {1, size * size}:
        points = free_handicap_points(stones, size)
        assert len(points) == len(set(points)) == stones
        Position(size).setup(black=points)  # no chain without a liberty


def test_handicap_after_passes_alone() -> None:
    gtp = Dialogue()
    gtp.ok("play b pass")
    assert gtp.ok("place_free_handicap 2") == "C3 G7"
    assert gtp.session.position.move_number == 0


def test_set_free_handicap() -> None:
    gtp = Dialogue()
    assert gtp.ok("set_free_handicap A1 b2 J9") == ""
    assert gtp.session.position.setup_stones["black"] == tuple(
        sorted(parse_vertex(v, 9) or 0 for v in ("A1", "B2", "J9"))
    )
    assert gtp.session.position.to_play == "white"


# Records

RECORD = "(;GM[1]FF[4]SZ[9]KM[5.5]HA[2]AB[cg][gc];W[ee];B[dd];W[];B[fd])"


@pytest.fixture
def record(tmp_path: Path) -> Path:
    path = tmp_path / "a game.sgf"
    path.write_text(RECORD)
    return path


def test_loadsgf(record: Path) -> None:
    gtp = Dialogue(size=19)
    assert gtp.ok(f"loadsgf {record}") == ""
    position = gtp.session.position
    assert (position.size, position.komi, position.move_number, position.to_play) == (9, 5.5, 4, "white")
    assert gtp.session.size == 9 and gtp.session.komi == 5.5
    gtp.ok(f"loadsgf {record} 3")
    assert gtp.session.position.move_number == 2
    gtp.ok(f"loadsgf {record} 1")
    assert gtp.session.position.move_number == 0
    assert len(gtp.session.position.setup_stones["black"]) == 2
    for number in (0, 100):
        gtp.ok(f"loadsgf {record} {number}")
        assert gtp.session.position.move_number == 4


def test_loadsgf_gives_the_turn_to_whoever_plays_the_move(tmp_path: Path) -> None:
    """A handicap that was placed by moves."""
    (tmp_path / "a.sgf").write_text("(;GM[1]SZ[9]HA[2];B[cc];B[gg];W[ee])")
    gtp = Dialogue()
    for number, color in ((1, "black"), (2, "black"), (3, "white"), (0, "black")):
        gtp.ok(f"loadsgf {tmp_path / 'a.sgf'} {number}")
        assert gtp.session.position.to_play == color


def test_printsgf_keeps_rules_without_a_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gtp = Dialogue()
    gtp.ok('kata-set-rules {"ko":"SIMPLE","scoring":"TERRITORY","whiteHandicapBonus":"N-1"}')
    rules = gtp.session.rules
    gtp.ok(f"printsgf {tmp_path / 'a.sgf'}")
    again = Dialogue()
    again.ok(f"loadsgf {tmp_path / 'a.sgf'}")
    assert again.session.rules.fields() == rules.fields() and "RU:" not in capsys.readouterr().err


def test_loadsgf_keeps_the_game_when_the_file_is_no_record(tmp_path: Path) -> None:
    gtp = Dialogue()
    gtp.ok("play b d4")
    for name, content in (("empty.sgf", b""), ("noise.sgf", bytes(range(256))), ("text.sgf", b"hello")):
        (tmp_path / name).write_bytes(content)
        message = gtp.fails(f"loadsgf {tmp_path / name}")
        assert message.startswith("cannot load file") and name in message
    assert gtp.fails(f"loadsgf {tmp_path}").startswith("cannot load file")
    assert gtp.fails("loadsgf \udcff\udcfe").startswith("cannot load file")
    assert gtp.session.position.move_number == 1


def test_loadsgf_without_komi_keeps_the_komi(tmp_path: Path) -> None:
    (tmp_path / "a.sgf").write_text("(;SZ[9];B[ee])")
    gtp = Dialogue()
    gtp.ok("komi 3.5")
    gtp.ok(f"loadsgf {tmp_path / 'a.sgf'}")
    assert gtp.session.position.komi == 3.5


@pytest.mark.parametrize(
    ("rules", "name"),
    [
        ("Japanese", "japanese"),
        ("JPN", "japanese"),
        ("AGA Rules", "aga"),
        ("NZ", "new-zealand"),
        ("koPOSITIONALscoreAREAtaxNONEsui0whbN", "chinese-ogs"),
        ("Uchikomi", "chinese-kgs"),
        ("", "chinese-kgs"),
    ],
)
def test_loadsgf_takes_the_rules_of_the_record_where_it_knows_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rules: str, name: str
) -> None:
    (tmp_path / "a.sgf").write_text(f"(;SZ[9]RU[{rules}];B[ee])")
    gtp = Dialogue()
    gtp.ok("kgs-rules chinese")
    gtp.ok(f"loadsgf {tmp_path / 'a.sgf'}")
    assert gtp.session.rules.name == name
    assert gtp.session.position.ko == gtp.session.rules.ko
    complaint = "RU: unknown rules 'Uchikomi'" if rules == "Uchikomi" else ""
    assert complaint in capsys.readouterr().err


def test_loadsgf_plays_what_was_played_though_the_rules_of_the_record_forbid_it(tmp_path: Path) -> None:
    setup, moves = "AB[ba][ab][bc]AW[ca][db][cc][bb]PL[B]", ";B[cb];W[];B[];W[bb];B[ee]"
    (tmp_path / "a.sgf").write_text(f"(;GM[1]SZ[5]KM[0.5]RU[AGA]{setup}{moves})")
    gtp = Dialogue()
    gtp.ok(f"loadsgf {tmp_path / 'a.sgf'}")
    assert gtp.session.position.move_number == 5 and gtp.session.rules.name == "aga"
    for command in ("undo", "play b pass", "play w pass"):
        gtp.ok(command)
    assert "situational superko forbids" in gtp.fails("play b c4")  # the moves to come obey the rule
    gtp.ok("kata-set-rules japanese")
    gtp.ok("play b c4")


def test_loadsgf_sets_up_stones_handicap_and_whose_turn_it_is(tmp_path: Path) -> None:
    gtp = Dialogue()
    (tmp_path / "problem.sgf").write_text("(;SZ[9]AB[aa:ca]AW[ab:cb]PL[W])")
    gtp.ok(f"loadsgf {tmp_path / 'problem.sgf'}")
    assert gtp.session.position.setup_stones == {"black": (0, 1, 2), "white": (9, 10, 11)}
    assert gtp.session.position.to_play == "white"
    assert gtp.fails("undo") == "cannot undo"
    (tmp_path / "handicap.sgf").write_text("(;SZ[9]HA[3]KM[0.5]RU[Chinese];W[ee])")
    gtp.ok(f"loadsgf {tmp_path / 'handicap.sgf'}")
    assert len(gtp.session.position.setup_stones["black"]) == 3
    assert gtp.ok("get_komi") == "0.5"


def test_stones_that_are_no_moves() -> None:
    gtp = Dialogue()
    gtp.ok("play b d4")
    gtp.ok("set_position b E5 white C3 B G7")
    position = gtp.session.position
    assert (position.move_number, position.to_play, int(np.abs(position.board).sum())) == (0, "black", 3)
    gtp.ok("gogui-setup w c4")
    gtp.ok("gogui-setup_player w")
    assert gtp.session.position.to_play == "white" and gtp.session.position.move_number == 0
    gtp.ok("genmove w")
    gtp.ok("undo")
    assert gtp.session.position.to_play == "white" and int(np.abs(position.board).sum()) == 3
    gtp.ok("set_position")
    assert not gtp.session.position.board.any()


@pytest.mark.parametrize(("size", "count"), [(5, 0), (7, 5), (9, 5), (12, 4), (13, 5), (19, 9), (8, 4)])
def test_star_points(size: int, count: int) -> None:
    points = star_points(size, size)
    assert len(points) == len(set(points)) == count
    assert {(size - 1 - row, column) for row, column in points} == set(points)
    if count:
        assert {divmod(point, size) for point in fixed_handicap_points(4, size)} <= set(points)


def test_star_points_of_a_part_of_a_board() -> None:
    assert sorted(star_points(9, 19)) == sorted(
        [(2, 3), (2, 9), (2, 15), (4, 9), (6, 3), (6, 9), (6, 15)],
    )
