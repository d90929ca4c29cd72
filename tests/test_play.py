"""A game in the terminal, with its lines coming from a pipe."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from fake_network import FakeNetwork

from goengine.cli import main, options
from goengine.cli.play import render_board
from goengine.coords import format_vertex
from goengine.player import Player
from goengine.rules import Position
from goengine.sgf import read_games


@pytest.fixture(autouse=True)
def fake_player(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "make_player", lambda args: Player(FakeNetwork(9), resign=args.resign))


def game(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lines: str, *words: str | Path
) -> tuple[int, str]:
    """Exit status and stdout of a game with these lines."""
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    status = main(["play", "--size", "9", *map(str, words)])
    return status, capsys.readouterr().out


def test_moves_answers_and_the_end_of_the_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out = game(monkeypatch, capsys, "C3\n")
    assert status == 0
    assert "white plays E5" in out
    assert "  5 . . . .(O). . . . 5\n" in out
    assert "result" not in out


def test_white_lets_black_begin(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _, out = game(monkeypatch, capsys, "", "--color", "white")
    assert "black plays E5" in out and out.rstrip().endswith("white to play (help lists the commands) >")


def test_two_passes_end_the_game_with_a_result(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    moves = "\n".join(["pass"] * 200)
    status, out = game(monkeypatch, capsys, moves)
    assert status == 0
    assert "white passes" in out and "by area: W+" in out
    assert out.rstrip().split("\n")[-1].startswith("result: W+")


def test_undo_takes_back_a_move_and_its_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    _, out = game(monkeypatch, capsys, "undo\nC3\nundo\nG7\n", "--save", tmp_path / "a.sgf")
    assert "there is no move of yours to take back" in out
    (record,) = read_games(tmp_path / "a.sgf")
    assert [point and format_vertex(point, 9) for _, point in record.plays()] == ["G7", "E5"]


def test_hint_shows_the_favourites_with_percentages(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out = game(monkeypatch, capsys, "hint\n")
    line = next(line for line in out.split("\n") if "%" in line)
    assert line.startswith("E5 ") and line.count("%") == 5


def test_what_cannot_be_played_is_said_and_the_turn_stays(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out = game(monkeypatch, capsys, "Z9\nC3\nC3\nplay D4\nxyzzy\nsave\nsave /no/such/folder/x.sgf\n\nD4\n")
    assert "'Z9' is off the 9x9 board" in out
    assert "black C3: there is a stone already" in out
    assert "'play' is no command; help lists them" in out
    assert "'xyzzy' is not a vertex" in out
    assert "write a file name too" in out
    assert "/no/such/folder" in out
    assert out.count("white plays") == 2


def test_handicap_resignation_and_the_record(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "game.sgf"
    _, out = game(monkeypatch, capsys, "D4\nresign\n", "--handicap", "3", "--save", path)
    assert "result: W+R" in out and f"saved {path}" in out
    (record,) = read_games(path)
    assert (record.handicap, record.komi, record.result, record.black, record.white) == (3, 0.5, "W+R", "you", "fake")
    assert [color for color, _ in record.plays()] == ["white", "black", "white"]
    assert record.rules == "koPOSITIONALscoreAREAtaxNONEsui0whb0"  # by those of China White would get three points
    assert not list(tmp_path.glob("*.tmp"))


def test_save_and_score_during_the_game(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    _, out = game(monkeypatch, capsys, f"C3\nscore\nboard\nhelp\nsave {tmp_path / 'b.sgf'}\nquit\nG7\n")
    assert "by area: " in out and "still open" in out and out.count("take back your last move") == 2
    assert len(list(read_games(tmp_path / "b.sgf"))) == 1
    assert out.count("white plays") == 1


@pytest.mark.parametrize("name", [".", "/", "no/x.sgf"])
def test_a_name_that_no_file_can_have_does_not_end_the_game(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str
) -> None:
    path = tmp_path / "kept.sgf"
    status, out = game(monkeypatch, capsys, f"C3\nsave {name}\nquit\n", "--save", path)
    assert status == 0 and f"{name}: " in out and "folder" in out
    assert next(read_games(path)).codes.size == 2


def test_an_interrupted_game_is_saved(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    class Interrupted(io.StringIO):
        def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]
            if line := super().readline():
                return line
            raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin", Interrupted("C3\n"))
    path = tmp_path / "kept.sgf"
    assert main(["play", "--size", "9", "--save", str(path)]) == 130
    assert f"saved {path}" in capsys.readouterr().out and next(read_games(path)).codes.size == 2


def test_bad_options_are_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert main(["play", "--size", "13"]) == 2
    assert "plays 9x9 only" in capsys.readouterr().err
    assert main(["play", "--size", "9", "--handicap", "12"]) == 2
    assert "9x9 boards have fixed places for 2 to 9, not 12" in capsys.readouterr().err


def test_the_board_shows_stones_coordinates_stars_and_the_last_move() -> None:
    position = Position(5)
    position.play(0)
    position.play(24)
    assert render_board(position) == "\n".join(
        [
            "    A B C D E",
            "  5 X . . . . 5",
            "  4 . . . . . 4",
            "  3 . . . . . 3",
            "  2 . . . . . 2",
            "  1 . . . .(O)1",
            "    A B C D E",
        ]
    )
    large = render_board(Position(19)).split("\n")
    assert large[0] == "    A B C D E F G H J K L M N O P Q R S T"
    assert sum(line.count("+") for line in large) == 9
    assert render_board(Position(9)).count("+") == 5
