"""Game records: what each property means, what ends a record, and what makes it unusable."""

from pathlib import Path

import numpy as np
import pytest
from sgf_samples import one, reasons, scan_text

from goengine.coords import parse_vertex
from goengine.errors import RecordError
from goengine.movecodes import PASS, SETUP, WHITE
from goengine.sgf import GameRecord, read_games, write_game


def vertices(text: str, size: int = 19) -> list[int | None]:
    return [parse_vertex(word, size) for word in text.split()]


def test_a_plain_game(tmp_path: Path) -> None:
    record = one(
        tmp_path,
        "(;GM[1]FF[4]SZ[19]KM[6.5]RU[Japanese]RE[B+R]DT[2020-02-03]PB[Black]BR[6d]PW[White]WR[9p];B[pd];W[dp];B[pq])",
    )
    assert (record.size, record.komi, record.rules, record.result, record.date) == (
        19,
        6.5,
        "Japanese",
        "B+R",
        "2020-02-03",
    )
    assert (record.black, record.black_rank, record.white, record.white_rank) == ("Black", "6d", "White", "9p")
    assert (record.handicap, record.to_play, record.index) == (0, "black", 1)
    assert record.source == str(tmp_path / "games.sgf")
    assert record.codes.dtype == np.uint16
    assert list(record.plays()) == list(zip(["black", "white", "black"], vertices("Q16 D4 Q3"), strict=True))
    assert (record.move_count, record.setup_count) == (3, 0)


def test_what_a_record_leaves_out(tmp_path: Path) -> None:
    record = one(tmp_path, "(;B[aa])")
    assert (record.size, record.komi, record.handicap) == (19, None, 0)
    assert {record.rules, record.result, record.date, record.black, record.white, record.black_rank} == {""}


def test_start_plays_into_a_position(tmp_path: Path) -> None:
    record = one(tmp_path, "(;SZ[9]KM[5.5]HA[2]AB[gc][cg];W[ee];B[];W[cc])")
    position = record.start()
    assert (position.size, position.komi, position.to_play) == (9, 5.5, "white")
    assert position.board.sum() == 2
    for color, point in record.plays():
        position.play(point, color)
    assert position.move_number == 3
    assert np.array_equal(position.codes(), record.codes)


def test_passes(tmp_path: Path) -> None:
    assert one(tmp_path, "(;SZ[19];B[];W[tt];B[aa])").codes.tolist() == [PASS, WHITE | PASS, 0]
    assert one(tmp_path, "(;SZ[19];B[ ];W[aa])").codes.tolist() == [PASS, WHITE]
    assert one(tmp_path, "(;SZ[9];B[tt])").codes.tolist() == [PASS]
    assert one(tmp_path, "(;SZ[21];B[tt];W[])").codes.tolist() == [19 * 21 + 19, WHITE | PASS]


def test_two_moves_of_one_colour(tmp_path: Path) -> None:
    record = one(tmp_path, "(;SZ[19];B[aa];B[bb];W[cc];W[dd])")
    assert [color for color, _ in record.plays()] == ["black", "black", "white", "white"]
    position = record.start()
    for color, point in record.plays():
        position.play(point, color)
    assert position.to_play == "black"


def test_nodes_without_a_move(tmp_path: Path) -> None:
    record = one(tmp_path, "(;SZ[19]C[a \\] game];C[only a comment (;B[aa\\])];B[aa]C[x];N[name];;W[bb]BL[3])")
    assert record.move_count == 2


def test_the_main_line_is_the_first_variation(tmp_path: Path) -> None:
    record = one(tmp_path, "(;SZ[19];B[aa](;W[bb];B[cc](;W[dd])(;W[ee]))(;W[ff];B[gg]))")
    assert [point for _, point in record.plays()] == [0, 20, 40, 60]


def test_a_move_in_the_root(tmp_path: Path) -> None:
    assert one(tmp_path, "(;SZ[19]B[aa];W[bb])").move_count == 2


def test_lower_case_letters_in_identifiers(tmp_path: Path) -> None:
    record = one(tmp_path, "(;GaMe[1]SiZe[9]PlayerBlack[X];Black[aa];White[bb])")
    assert (record.size, record.black, record.move_count) == (9, "X", 2)


@pytest.mark.parametrize(
    ("value", "stones"),
    [("2", 2), ("3 stones", 3), ("Handicap 4", 4), ("0", 0), ("", 0), ("1", 1), (" 5 ", 5), ("2.0", 2)],
)
def test_handicap_with_text(tmp_path: Path, value: str, stones: int) -> None:
    assert one(tmp_path, f"(;SZ[19]HA[{value}]AB[pd][dp];W[dd])").handicap == stones


@pytest.mark.parametrize("value", ["none", "-2", "2.5", "abc9999", "half"])
def test_handicap_that_is_no_number_of_stones(tmp_path: Path, value: str) -> None:
    records, problems = scan_text(tmp_path, f"(;SZ[19]HA[{value}]AB[pd];W[dd])")
    assert records[0].handicap == 0 and records[0].move_count == 1
    assert reasons(problems) == ["HA: handicap is not a number of stones"]


def test_handicap_stones_that_the_record_leaves_out(tmp_path: Path) -> None:
    records, problems = scan_text(tmp_path, "(;SZ[19]HA[5];W[cn];B[cn])")
    position = records[0].start()
    assert position.setup_stones["black"] == tuple(sorted(vertices("D4 Q16 D16 Q4 K10"), key=lambda p: p or 0))
    assert reasons(problems) == ["HA: handicap stones are missing", "B: an illegal move"]
    assert "D4 Q16 D16 Q4 K10" in problems[0].remedy


@pytest.mark.parametrize("moves", [";W[cn];B[dd]", ";W[jj]", ";W[pd];B[qf]"])
def test_handicap_stones_that_cannot_be_where_they_usually_are(tmp_path: Path, moves: str) -> None:
    records, problems = scan_text(tmp_path, f"(;SZ[19]HA[5]{moves})(;SZ[19]HA[5];W[cn];B[dd];W[dd])(;SZ[19];B[aa])")
    assert len(records) == 1 and [problem.skipped for problem in problems] == [True, True]
    assert reasons(problems) == ["HA: handicap stones are missing, and were elsewhere"] * 2
    assert "is played on one of the usual points" in problems[0].detail


@pytest.mark.parametrize(("size", "points"), [(19, "D4 Q16 Q4"), (9, "C3 G7 G3")])
def test_three_handicap_stones_stand_where_records_have_them(tmp_path: Path, size: int, points: str) -> None:
    _, problems = scan_text(tmp_path, f"(;SZ[{size}]HA[3];W[ee])")  # GTP has D4 Q16 D16
    assert f"the usual points are taken: {points}" in str(problems[0])


def test_free_handicap_by_black_moves_adds_no_stones(tmp_path: Path) -> None:
    record = one(tmp_path, "(;SZ[19]HA[2];B[dd];B[pp];W[pd])")
    assert (record.setup_count, record.move_count) == (0, 3)


def test_setup_stones(tmp_path: Path) -> None:
    record = one(tmp_path, "(;SZ[9]AB[aa:ca][ee]AW[ab][ee]AE[ca];AW[hh];B[dd])")
    assert record.start().setup_stones == {"black": (0, 1), "white": (9, 40, 70)}
    assert (record.codes[:5] & SETUP).all() and record.setup_count == 5
    assert record.to_play == "black"


def test_whose_turn_it_is(tmp_path: Path) -> None:
    assert one(tmp_path, "(;SZ[9])").to_play == "black"
    assert one(tmp_path, "(;SZ[9]AB[aa])").to_play == "white"
    assert one(tmp_path, "(;SZ[9]AB[aa]AW[bb])").to_play == "black"
    assert one(tmp_path, "(;SZ[9]AB[aa]PL[B])").to_play == "black"
    assert one(tmp_path, "(;SZ[9]PL[white])").to_play == "white"
    assert one(tmp_path, "(;SZ[9]PL[B];W[aa])").to_play == "white"
    assert one(tmp_path, "(;SZ[9]PL[white])").start().to_play == "white"
    assert one(tmp_path, "(;SZ[9]AB[ee][cc]AW[gg][gh][cg];PL[W])").to_play == "white"
    assert one(tmp_path, "(;SZ[9]PL[W];AB[ee][cc]AW[gg];C[what now?])").to_play == "white"
    assert one(tmp_path, "(;SZ[9]PL[W];AB[ee]PL[B];PL[])").to_play == "black"
    (record,), _ = scan_text(tmp_path, "(;SZ[9]AB[ee]AW[gg];B[zz];PL[W])")  # after a move that cannot be used
    assert record.to_play == "black"


@pytest.mark.parametrize("name", ["AB", "AW", "AE"])
@pytest.mark.parametrize("comment", ["", "C[then]"])
def test_stones_set_up_in_the_middle_end_the_record(tmp_path: Path, name: str, comment: str) -> None:
    records, problems = scan_text(tmp_path, f"(;SZ[9];B[aa];W[bb];{comment}{name}[cc];B[dd])")
    assert [point for _, point in records[0].plays()] == [0, 10]
    assert reasons(problems) == [f"{name}: stones set up in the middle of the game"]
    assert not problems[0].skipped


@pytest.mark.parametrize(
    ("moves", "kept", "reason"),
    [
        (";B[aa];W[aa];B[bb]", 1, "W: an illegal move"),
        (";B[ba];W[dd];B[ab];W[aa];B[ee]", 3, "W: an illegal move"),  # suicide
        (";B[zz]", 0, "B: a move off the board"),
        (";B[aa];W[jj];B[bb]", 1, "W: a move off the board"),
        (";B[aa];W[b];B[bb]", 1, "W: a move off the board"),
        (";B[aa];W[bbb]", 1, "W: a move off the board"),
        (";B[aa];W[BB]", 1, "W: a move off the board"),
        (";B[aa];W[bb][cc];B[dd]", 1, "W: a move off the board"),
        (";B[aa];W[{{]", 1, "W: a move off the board"),
        (";B[ba];W[ca];B[ab];W[bb];B[dd];W[aa];B[ba]", 6, "B: an illegal move"),  # takes a ko back at once
    ],
)
def test_a_bad_move_ends_the_record(tmp_path: Path, moves: str, kept: int, reason: str) -> None:
    ko = "AB[db]AW[ac]" if kept == 6 else ""
    records, problems = scan_text(tmp_path, f"(;SZ[9]{ko}{moves})")
    assert records[0].move_count == kept
    assert reasons(problems) == [reason]
    assert not problems[0].skipped and "what stands before the fault is used" in problems[0].remedy
    assert f"move {kept + 1}" in problems[0].detail


def test_an_illegal_move_is_named(tmp_path: Path) -> None:
    _, problems = scan_text(tmp_path, "(;SZ[9];B[aa];W[cc];B[cc];W[dd])")
    text = str(problems[0])
    assert "games.sgf, game 1 (line 1)" in text
    assert "B: an illegal move (move 3, B C7)" in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("root", "reason"),
    [
        ("GM[2]", "GM: not a game of Go"),
        ("SZ[13:9]", "SZ: the board is not square"),
        ("SZ[1]", "SZ: the board is too large or too small"),
        ("SZ[26]", "SZ: the board is too large or too small"),
        ("SZ[9999]", "SZ: the board is too large or too small"),
        ("SZ[nineteen]", "SZ: no board size"),
        ("SZ[19.5]", "SZ: no board size"),
        ("SZ[-9]", "SZ: no board size"),
        ("SZ[9]AB[zz]", "AB: setup stones off the board"),
        ("SZ[9]AW[a]", "AW: setup stones off the board"),
        ("SZ[9]AB[cc:aa]", "AB: setup stones off the board"),
        ("SZ[9]AB[]AW[bb][]", "AW: setup stones off the board"),
        ("SZ[9]AW[aa]AB[ab][ba]", "AB: setup stones without a liberty"),
    ],
)
def test_an_unusable_game_is_skipped(tmp_path: Path, root: str, reason: str) -> None:
    records, problems = scan_text(tmp_path, f"(;{root};B[ee])\n(;SZ[9];B[ee])")
    assert [record.index for record in records] == [2]
    assert reasons(problems) == [reason]
    assert problems[0].skipped and problems[0].remedy and problems[0].game == 1


def test_sizes(tmp_path: Path) -> None:
    for value, size in (("9", 9), (" 13 ", 13), ("19:19", 19), ("", 19), ("2", 2), ("25", 25)):
        assert one(tmp_path, f"(;SZ[{value}];B[aa])").size == size


@pytest.mark.parametrize(
    ("value", "komi"),
    [("6.5", 6.5), ("7,5", 7.5), ("0", 0), ("-5.5", -5.5), ("5.5 points", 5.5), (".5", 0.5), ("", None)],
)
def test_komi(tmp_path: Path, value: str, komi: float | None) -> None:
    assert one(tmp_path, f"(;KM[{value}];B[aa])").komi == komi


@pytest.mark.parametrize(
    ("value", "komi", "reason"),
    [
        ("abc", None, "KM: komi is not a number"),
        ("650", 6.5, "KM: komi is written in hundredths"),
        ("375", 7.5, "KM: komi is written in hundredths"),  # 3.75 stones
        ("99999999", None, "KM: komi is out of range"),
    ],
)
def test_odd_komi(tmp_path: Path, value: str, komi: float | None, reason: str) -> None:
    records, problems = scan_text(tmp_path, f"(;KM[{value}];B[aa])")
    assert records[0].komi == komi
    assert reasons(problems) == [reason]


@pytest.mark.parametrize("komi", [150.0, -150.0, 6.1234567, 0.1, 7.5, 0.0, 650.5, 1e-7])
def test_komi_is_read_back_as_it_was_written(tmp_path: Path, komi: float) -> None:
    records, problems = scan_text(tmp_path, write_game(19, [("black", 0)], komi=komi))
    assert records[0].komi == komi and not problems


def test_many_games_in_a_file(tmp_path: Path) -> None:
    text = "junk (before)\n(;SZ[9]PB[1];B[aa])\n\n(;SZ[9]PB[2];B[bb])(;SZ[9]PB[3](;B[cc])(;B[dd]))\n trailing )(;"
    records, problems = scan_text(tmp_path, text)
    assert [record.black for record in records] == ["1", "2", "3"]
    assert [record.index for record in records] == [1, 2, 3]
    assert reasons(problems) == ["the file ends in the middle of the game"]
    assert (problems[0].game, problems[0].line) == (4, 5)


def test_a_truncated_game_is_used_up_to_its_end(tmp_path: Path) -> None:
    whole = "(;GM[1]SZ[9]PB[x];B[aa](;W[bb];B[cc])(;W[dd]))"
    for length in range(whole.index(";B[aa]") + 6, len(whole)):
        records, problems = scan_text(tmp_path, whole[:length])
        assert reasons(problems) == ["the file ends in the middle of the game"], whole[:length]
        expected = sum(whole[:length].count(node) for node in (";B[aa]", ";W[bb]", ";B[cc]"))
        assert records[0].move_count == expected, whole[:length]


@pytest.mark.parametrize(
    "broken", ["(;GM[1]SZ[9];B[aa];W[bb]\n", "(;GM[1]SZ[9];B[aa];W[bb];B[cc\n", "(;GM[1]SZ[9];B[aa](;W[bb]\n"]
)
def test_an_unclosed_game_does_not_swallow_the_next(tmp_path: Path, broken: str) -> None:
    records, problems = scan_text(tmp_path, f"(;GM[1]SZ[9];B[ee])\n{broken}(;GM[1]SZ[9];B[gg];W[hh])\n")
    assert [record.move_count for record in records] == [1, 2, 2]
    assert reasons(problems) == ["a bracket or a parenthesis is not closed"]
    assert (problems[0].game, problems[0].line) == (2, 2)


def test_a_bracket_too_many_costs_only_what_follows(tmp_path: Path) -> None:
    records, problems = scan_text(tmp_path, "(;SZ[9];B[aa];W[bb]C[oh [no] it ends];B[cc])\n(;SZ[9];B[dd])")
    assert [record.move_count for record in records] == [2, 1]
    assert reasons(problems) == ["not a readable game tree"]


def test_a_game_pasted_into_a_comment_is_no_game(tmp_path: Path) -> None:
    assert one(tmp_path, "(;SZ[9]C[like this: (;GM[1\\]SZ[19\\];B[aa\\])];B[bb])").move_count == 1


def test_text_is_one_line_without_escapes(tmp_path: Path) -> None:
    record = one(tmp_path, "(;SZ[9]PB[a\\]b\\\\c\\:d]PW[two\nlines\tand\\\nnone];B[aa])")
    assert record.black == "a]b\\c:d"
    assert record.white == "two lines andnone"


def test_no_such_file(tmp_path: Path) -> None:
    for name in ("absent.sgf", "x" * 5000, "null\0byte"):
        with pytest.raises(RecordError, match="no such file or folder: check the path"):
            read_games(tmp_path / name)


def test_a_file_without_a_usable_game(tmp_path: Path) -> None:
    bad = tmp_path / "bad.sgf"
    bad.write_text("(;SZ[13:9];B[aa])")
    with pytest.raises(
        RecordError, match=r"bad\.sgf, game 1 \(line 1\): SZ: the board is not square \(13:9\); skipped"
    ):
        list(read_games(bad))
    bad.write_bytes(bytes(range(256)) * 100)
    with pytest.raises(RecordError, match=r"bad\.sgf: no game record in the file; skipped: check that it is SGF"):
        list(read_games(bad))
    bad.write_bytes(b"")
    with pytest.raises(RecordError, match="no game record in the file"):
        list(read_games(bad))


def test_written_games_come_back(tmp_path: Path) -> None:
    moves = [("white", 3), ("black", None), ("white", 80), ("white", 40)]
    text = write_game(
        9, moves, komi=-0.5, handicap=2, setup_black=[24, 56], rules="Chinese", result="W+2.5", date="2026-11-20",
        black="a]b\\c", white="井山裕太", black_rank="1k", white_rank="9p", comment="hello]",
    )  # fmt: skip
    record = one(tmp_path, text)
    assert list(record.plays()) == moves
    assert record.start().setup_stones == {"black": (24, 56), "white": ()}
    assert (record.size, record.komi, record.handicap, record.rules) == (9, -0.5, 2, "Chinese")
    assert (record.black, record.white, record.result) == ("a]b\\c", "井山裕太", "W+2.5")
    again = one(tmp_path, record.to_sgf())
    assert np.array_equal(again.codes, record.codes)
    for name in GameRecord.__slots__:
        if name != "codes":
            assert getattr(again, name) == getattr(record, name), name


def test_whose_turn_survives_writing(tmp_path: Path) -> None:
    for text in ("(;SZ[9]PL[W])", "(;SZ[9]AB[aa]PL[B])", "(;SZ[9]AB[aa])", "(;SZ[9])", "(;SZ[9]AW[aa])"):
        record = one(tmp_path, text)
        assert one(tmp_path, record.to_sgf()).to_play == record.to_play, text
