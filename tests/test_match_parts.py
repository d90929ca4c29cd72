"""The parts of the match runner that are arithmetic: clocks, openings, scores, intervals, ratings, the table."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_network import write_tiny_network

from goengine.coords import parse_vertex
from goengine.errors import GoEngineError
from goengine.intervals import wilson
from goengine.match.clock import NO_TIME, Clock, parse_time
from goengine.match.elo import elo, ratings
from goengine.match.game import Result
from goengine.match.openings import Opening, make_openings
from goengine.match.programs import position_commands
from goengine.match.referee import format_score, parse_score
from goengine.match.report import summary, table_text
from goengine.rules import Position
from goengine.sgf.write import write_game
from goengine.symmetry import inverse_table

CONDITIONS = {"size": 19, "komi": 7.5, "time": "none", "openings": "4 moves, corners", "referee": ""}


# Clocks


@pytest.mark.parametrize(
    "text", ["none", "absolute 300", "byoyomi 300 30 5", "canadian 300.5 60 10", "fischer 5 0", "byoyomi 0 1 1"]
)
def test_time_settings_are_written_as_they_are_read(text: str) -> None:
    assert str(parse_time(text)) == text


def test_time_settings_as_gtp_has_them() -> None:
    assert str(parse_time("300 60 10")) == "canadian 300 60 10"
    assert str(parse_time("300 0 0")) == "absolute 300"
    assert str(parse_time("Byo-Yomi 1 2 3")) == "byoyomi 1 2 3"


@pytest.mark.parametrize(
    "text",
    [
        *("", "blitz", "absolute", "absolute 0", "absolute -1", "absolute nan", "absolute x", "fischer 1"),
        *("byoyomi 1 2 0", "byoyomi 1 2 1.5", "canadian 1 0 5", "0 0 0"),
    ],
)
def test_time_settings_that_make_no_sense(text: str) -> None:
    with pytest.raises(GoEngineError):
        parse_time(text)


def test_increments_alone_leave_no_time_for_the_first_move() -> None:
    with pytest.raises(GoEngineError, match="'fischer 0 5' leave no time for the first move"):
        parse_time("fischer 0 5")


def test_absolute_time_runs_out() -> None:
    clock = Clock(parse_time("absolute 10"))
    assert clock.spend(4) and clock.available == 6 and clock.time_left(plain=True) == (6, 0)
    assert clock.spend(6) and clock.available == 0
    assert not clock.spend(0.1)


def test_each_used_up_period_of_byo_yomi_is_lost() -> None:
    clock = Clock(parse_time("byoyomi 10 5 3"))
    assert clock.available == 25 and clock.time_left(False) == (10, 0) and clock.time_left(True) == (20, 0)
    assert clock.spend(12)  # main time, and two seconds of a period, which is whole again
    assert clock.time_left(False) == (5, 3) and clock.time_left(True) == (10, 0)
    assert clock.spend(5) and clock.time_left(False) == (5, 3)
    assert clock.spend(5.5) and clock.time_left(False) == (5, 2) and clock.available == 10
    assert clock.spend(9) and clock.time_left(False) == (5, 1) and clock.time_left(True) == (5, 1)
    assert clock.spend(4.9) and not clock.spend(5.1)


def test_no_reminder_says_that_time_is_up_while_some_is_left() -> None:
    for text, told, plain in (
        ("byoyomi 0.7 5 3", (5, 3), (10, 0)),
        ("byoyomi 0.7 5 1", (5, 1), (5, 1)),
        ("canadian 0.5 9 3", (9, 3), (9, 3)),
    ):
        assert Clock(parse_time(text)).time_left(False) == told
        assert Clock(parse_time(text)).time_left(True) == plain


def test_canadian_overtime_is_for_so_many_stones() -> None:
    clock = Clock(parse_time("canadian 10 6 2"))
    assert clock.spend(11) and clock.time_left(True) == (5, 1)
    assert clock.available == 5 and clock.spend(5)
    assert clock.time_left(True) == (6, 2)
    assert clock.spend(1) and clock.time_left(False) == (5, 1) and not clock.spend(5.5)


def test_an_increment_comes_after_each_move() -> None:
    clock = Clock(parse_time("fischer 10 3"))
    assert clock.spend(9) and clock.available == 4 and clock.time_left(True) == (4, 0)
    assert not clock.spend(4.5)
    assert Clock(NO_TIME).available == math.inf and Clock(NO_TIME).spend(1e9)


@pytest.mark.parametrize(
    ("text", "known", "settings", "reminder"),
    [
        ("none", "time_settings time_left", [], []),
        (
            "byoyomi 9 5 3",
            "kata-time_settings time_left",
            ["kata-time_settings byoyomi 9 5 3"],
            ["time_left white 9 0"],
        ),
        ("canadian 9 5 3", "kgs-time_settings time_settings", ["kgs-time_settings canadian 9 5 3"], []),
        ("byoyomi 9 5 3", "time_settings time_left", ["time_settings 19 5 1"], ["time_left white 19 0"]),
        ("canadian 9 5 3", "time_settings time_left", ["time_settings 9 5 3"], ["time_left white 9 0"]),
        ("fischer 9 5", "kgs-time_settings time_settings", ["time_settings 9 0 0"], []),
        ("absolute 9", "", [], []),
    ],
)
def test_what_programs_are_told(text: str, known: str, settings: list[str], reminder: list[str]) -> None:
    clock, words = Clock(parse_time(text)), known.split()
    assert clock.commands(words.__contains__) == settings
    assert clock.reminders("white", words.__contains__) == reminder


# Openings


@pytest.mark.parametrize("kind", ["corners", "random"])
def test_openings_are_varied_legal_and_repeatable(kind: str) -> None:
    for size in (3, 5, 9, 13, 19, 25):
        make = make_openings(kind, 4, size, seed=1).make
        openings = [make(number) for number in range(40)]
        assert all(len(opening.position().moves) == 4 for opening in openings)
        assert openings == [make_openings(kind, 4, size, seed=1).make(number) for number in range(40)]
        assert len({opening.moves for opening in openings}) >= (36 if size > 5 else 10), size
        assert make_openings(kind, 4, size, seed=2).make(0) != openings[0]
    assert make_openings(kind, 0, 19, seed=1).make(0).moves == ()


def test_a_network_draws_openings(tmp_path: Path) -> None:
    file = write_tiny_network(tmp_path)
    openings = make_openings(f"network:{file}", 5, 9, seed=1)
    first = [openings.make(number) for number in range(5)]
    assert len({opening.moves for opening in first}) == 5 and all(len(opening.moves) == 5 for opening in first)
    assert first == [make_openings(f"network:{file}", 5, 9, seed=1).make(number) for number in range(5)]
    assert len(make_openings(f"network:{file}", 5, 13, seed=1).make(0).position().moves) == 5  # resized
    assert openings.digest not in ("", make_openings("network", 5, 9, seed=1).digest)
    dense = write_tiny_network(tmp_path, architecture="fully_connected")
    with pytest.raises(GoEngineError, match="plays 9x9 only"):
        make_openings(f"network:{dense}", 5, 19, seed=1)


def test_made_up_openings_repeat_no_position() -> None:
    make = make_openings("random", 40, 3, seed=1).make
    for number in range(60):
        make(number).position(ko="positional")


def points(*vertices: str, size: int = 9) -> list[int]:
    found = [parse_vertex(vertex, size) for vertex in vertices]
    return [point for point in found if point is not None]


def test_records_are_cut_or_taken_in_full(tmp_path: Path) -> None:
    colors = ("black", "white")
    game = [(colors[ply % 2], point) for ply, point in enumerate(points("C3", "G7", "C7", "G3", "E5", "E3"))]
    (tmp_path / "a.sgf").write_text(write_game(9, [*game, ("black", None), ("white", None)]))
    (tmp_path / "handicap.sgf").write_text(
        write_game(9, [("white", points("E5")[0])], handicap=2, setup_black=points("C3", "G7"))
    )
    (tmp_path / "large.sgf").write_text(write_game(19, [("black", 60)]))
    cut = make_openings(str(tmp_path), 5, 9, seed=1)
    assert cut.count == 1 and list(cut.make(0).moves) == game[:5]
    whole = make_openings(str(tmp_path), 0, 9, seed=1)
    assert whole.count == 2 and whole.digest != cut.digest
    found = {len(whole.make(number).moves): whole.make(number) for number in range(2)}
    assert list(found[6].moves) == game
    position = found[1].position(komi=0.5)
    assert position.setup_stones["black"] == tuple(sorted(points("C3", "G7")))
    assert position_commands(position) == [
        *("boardsize 9", "clear_board", "komi 0.5"),
        *("play black G7", "play black C3", "play white E5"),
    ]
    with pytest.raises(GoEngineError, match="no even games of 7 moves"):
        make_openings(str(tmp_path), 7, 9, seed=1)
    with pytest.raises(GoEngineError, match="no such file"):
        make_openings(str(tmp_path / "none"), 7, 9, seed=1)


def test_mirror_images_are_one_opening(tmp_path: Path) -> None:
    points = np.random.default_rng(1).choice(81, 6, replace=False)
    for number, table in enumerate(inverse_table(9)):
        turned = [("white" if ply % 2 else "black", int(table[point])) for ply, point in enumerate(points)]
        (tmp_path / f"{number}.sgf").write_text(write_game(9, turned))
    assert make_openings(str(tmp_path), 6, 9, seed=1).count == 1
    (tmp_path / "other.sgf").write_text(write_game(9, [*turned[:5], ("white", int(table[points[0]]) ^ 1)]))
    assert make_openings(str(tmp_path), 5, 9, seed=1).count == 1
    assert make_openings(str(tmp_path), 6, 9, seed=1).count == 2


def test_records_that_break_the_rule_of_ko_are_no_openings(tmp_path: Path) -> None:
    letters = (
        "cb aa cc ab bc ca ac bb cb ac cc bc cc ba cb ab bc bb aa ca ba ca aa"  # the last stone repeats a position
    )
    moves = "".join(f";{'BW'[ply % 2]}[{point}]" for ply, point in enumerate(letters.split()))
    (tmp_path / "round.sgf").write_text(f"(;GM[1]SZ[3]{moves})")
    (tmp_path / "other.sgf").write_text("(;GM[1]SZ[3];B[bb];W[ba])")
    assert make_openings(str(tmp_path), 0, 3, seed=1).count == 2
    assert make_openings(str(tmp_path), 0, 3, seed=1, ko="positional").count == 1


def test_the_order_of_records_is_part_of_their_digest(tmp_path: Path) -> None:
    texts = [write_game(9, [("black", point), ("white", 80)]) for point in (0, 20, 40)]
    both = []
    for name, order in (("a.sgfs", texts), ("b.sgfs", texts[::-1])):
        (tmp_path / name).write_text("".join(order))
        found = make_openings(str(tmp_path / name), 2, 9, seed=1)
        both.append((found.digest, [found.make(number).moves for number in range(3)]))
    assert both[0] != both[1] and both[0][0] != both[1][0]


def test_an_opening_may_begin_with_white() -> None:
    position = Opening(9, (("white", 40),), to_play="white").position()
    assert isinstance(position, Position) and position.to_play == "black"


# Scores, intervals, ratings


@pytest.mark.parametrize(
    ("text", "score"), [("B+3.5", 3.5), ("W+12", -12.0), ("0", 0.0), ("b+1", 1.0), ("W+0.5 (upper bound: 1)", -0.5)]
)
def test_scores_are_read(text: str, score: float) -> None:
    assert parse_score(text) == score
    assert parse_score(format_score(score)) == score


@pytest.mark.parametrize("text", ["", "B", "B+", "B+R", "X+3", "W+nan", "hello", "? x: final_score: cannot score"])
def test_what_is_no_score_is_refused(text: str) -> None:
    with pytest.raises(GoEngineError, match="is no result"):
        parse_score(text)


def test_intervals_and_elo() -> None:
    # Wilson's interval for 30 of 40, as tables give it
    low, high = wilson(30, 40)
    assert (round(low, 4), round(high, 4)) == (0.5981, 0.8581)
    assert wilson(0, 10)[0] == 0 and wilson(10, 10)[1] == 1 and wilson(0, 0) == (0, 1)
    assert elo(0.5) == 0 and round(elo(10 / 11)) == 400 and elo(1.0) == math.inf


def test_ratings_of_two_programs_are_their_elo_difference() -> None:
    ((first, none), (second, half)) = ratings(
        2, {(0, 1): 29.5, (1, 0): 9.5}, [(0, 1)]
    )  # with the drawn game: 30 and 10
    assert (first, none) == (0, 0) and second == pytest.approx(-elo(0.75))
    # the standard error of a logit is 1 / sqrt(n p q)
    assert half == pytest.approx(1.959964 * 400 / math.log(10) / math.sqrt(40 * 0.75 * 0.25))


def test_ratings_explain_the_results_best() -> None:
    strengths = [0.0, 120.0, -80.0, 300.0]
    pairings = [(i, j) for i in range(4) for j in range(i + 1, 4)]
    scored = {}
    for i, j in pairings:
        share = 1 / (1 + 10 ** ((strengths[j] - strengths[i]) / 400))
        scored[i, j], scored[j, i] = 1e6 * share, 1e6 * (1 - share)
    found = ratings(4, scored, pairings)
    assert [rating for rating, _ in found] == pytest.approx(strengths, abs=0.1)
    lost_all = ratings(3, {(1, 0): 20, (2, 0): 20}, [(0, 1), (0, 2)])
    assert all(math.isfinite(rating) and rating > 400 and half < 1000 for rating, half in lost_all[1:])


# The table


def result(game: int, winner: int | None, line: str = "", **more: Any) -> Result:
    return Result(
        game, game % 2, 1 - game % 2, [], "0" if winner is None else "B+1", winner, "two passes", line=line, **more
    )


def test_a_game_played_twice_is_counted_once() -> None:
    games = [result(0, 0, "aa"), result(2, 0, "aa"), result(4, 1, "bb"), result(1, None), result(3, None)]
    found = summary(games, ["a", "b"], [(0, 1)], CONDITIONS)
    assert (found["games"], found["repeated"], found["pairs"][0]["points"]) == (5, 1, 2.0)
    assert "1 games repeat another one" in table_text(found)
    swapped = summary([result(0, 0, "aa"), result(1, 1, "aa")], ["a", "b"], [(0, 1)], CONDITIONS)
    assert swapped["repeated"] == 0


def test_openings_are_told_apart_by_their_stones_where_the_results_say() -> None:
    def different(*starts: str | None) -> Any:
        games = [result(number, 0, str(number), start=start) for number, start in enumerate(starts)]
        return summary(games, ["a", "b"], [(0, 1)], CONDITIONS)["different_openings"]

    assert different("aa", "aa", "bb", "bb", "cc") == 3
    assert different(None, None) == 1  # as earlier versions have them
    assert different(None, None, "aa", "bb", "bb") == 2  # a match of theirs, gone on with


def test_the_table_tells_of_every_end() -> None:
    games = [
        result(0, 0, moves=200, scores={"black": "B+1", "white": "B+2", "referee": "B+1"}),
        Result(1, 1, 0, [], "B+T", 1, "time", "a: lost on time", 50),
        Result(2, 0, 1, [], "?", None, "uncounted", "who knows", 300),
    ]
    found = summary(games, ["a", "b"], [(0, 1)], CONDITIONS)
    text = table_text(found)
    assert "a against b: 1 points of 2, 50.0 %" in text and "as Black 1 of 1, as White 0 of 1" in text
    assert "ended by time 1, two passes 1, uncounted 1" in text
    assert "game 2 lost, time: a: lost on time" in text and "counts as the referee does in 0 of 1" in text
    assert "game 1: it says B+2, the referee B+1" in text and "1 games could not be counted" in text
    assert "1 games ended by two passes or resignation, the longest after 200 moves" in text


def test_one_sided_results_have_one_sided_intervals() -> None:
    pair = summary([result(0, 0), result(2, 0)], ["a", "b"], [(0, 1)], CONDITIONS)["pairs"][0]
    assert pair["elo"] is None and pair["elo_95"][1] is None and math.isfinite(pair["elo_95"][0])
    text = table_text(summary([result(0, 1)], ["a", "b"], [(0, 1)], CONDITIONS))
    assert "Elo -inf (-inf to" in text
    assert "0 points of 0" in table_text(summary([], ["a", "b"], [(0, 1)], CONDITIONS))
