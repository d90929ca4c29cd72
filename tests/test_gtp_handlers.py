"""What each command does to the game, and how it answers; the network is a fake."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from fake_network import FakeNetwork
from gtp_dialogue import WALLS, Dialogue
from hypothesis import given, settings
from hypothesis import strategies as st

from goengine import __version__
from goengine.coords import format_vertex, parse_vertex
from goengine.errors import NetworkFileError
from goengine.gtp.handlers import crash_report, make_handlers
from goengine.gtp.protocol import Engine
from goengine.gtp.session import Session
from goengine.gtp.words import format_score
from goengine.player import Player
from goengine.rules import Position

STANDARD = {
    *("protocol_version", "name", "version", "known_command", "list_commands", "quit"),
    *("boardsize", "clear_board", "komi", "fixed_handicap", "place_free_handicap", "set_free_handicap"),
    *("play", "genmove", "undo", "reg_genmove", "loadsgf", "showboard"),
    *("final_score", "final_status_list", "time_settings", "time_left"),
}
ANALYSIS = {
    *("lz-analyze", "kata-analyze", "analyze", "lz-genmove_analyze", "kata-genmove_analyze", "genmove_analyze"),
    *("kata-raw-nn", "heatmap"),
}
EXTENSIONS = {
    *("gg-undo", "gogui-play_sequence", "gogui-analyze_commands", "cputime"),
    *("get_komi", "set_position", "gogui-setup", "gogui-setup_player"),
    *("kgs-game_over", "kgs-genmove_cleanup", "stop", "clear_cache"),
    *("gomill-cpu_time", "gomill-describe_engine", "gomill-explain_last_move"),
    *("goengine-policy", "goengine-ownership", "goengine-ladders", "goengine-liberties", "goengine-true_eyes"),
}
GNUGO_COMMANDS = {
    *("list_stones", "captures", "is_legal", "last_move", "move_history", "query_boardsize", "get_handicap"),
    *("estimate_score", "top_moves_black", "top_moves_white", "final_status", "printsgf"),
}
SETTINGS = {
    *("kata-get-rules", "kata-set-rules", "kata-set-rule", "kgs-rules"),
    *("kata-list-params", "kata-get-param", "kata-set-param", "kata-get-params", "kata-set-params"),
    *("kata-list_time_settings", "kata-time_settings", "kgs-time_settings"),
}
COMMAND_NAMES = STANDARD | ANALYSIS | EXTENSIONS | GNUGO_COMMANDS | SETTINGS


def test_the_commands_are_all_there() -> None:
    assert set(Dialogue().ok("list_commands").split()) == COMMAND_NAMES
    assert Dialogue().ok("name") == "goengine"
    disguised = Engine(make_handlers(Dialogue().session, name="KataGo-like goengine"))
    assert disguised.answer(b"name") == b"= KataGo-like goengine\n\n"
    assert Dialogue().ok("version") == __version__
    assert Dialogue().ok("protocol_version") == "2"


@pytest.mark.parametrize("command", sorted(COMMAND_NAMES))
def test_known_commands_are_known(command: str) -> None:
    assert Dialogue().ok(f"known_command {command}") == "true"


def test_komi_and_size_outlive_clear_board() -> None:
    gtp = Dialogue()
    gtp.ok("komi 0.5")
    gtp.ok("boardsize 13")
    gtp.ok("play b k10")
    gtp.ok("clear_board")
    assert (gtp.session.position.komi, gtp.session.position.size) == (0.5, 13)
    assert not gtp.session.position.board.any()


@pytest.mark.parametrize(
    ("word", "komi"), [("6", 6), ("-6.5", -6.5), ("+.5", 0.5), ("7.", 7), ("65e-1", 6.5), ("1E1", 10)]
)
def test_a_number_in_every_form(word: str, komi: float) -> None:
    gtp = Dialogue()
    gtp.ok(f"komi {word}")
    assert gtp.session.komi == komi


def test_colours_and_passes_in_any_case() -> None:
    gtp = Dialogue()
    for command in ("play W d4", "play Black E5", "play b PASS", "play WHITE Pass"):
        assert gtp.ok(command) == ""
    moves = [
        (color, point if point is None else format_vertex(point, 9)) for color, point in gtp.session.position.moves
    ]
    assert moves == [("white", "D4"), ("black", "E5"), ("black", None), ("white", None)]


@pytest.mark.parametrize(
    ("before", "command", "words"),
    [
        ([], "boardsize", "syntax error"),
        ([], "boardsize nine", "syntax error"),
        ([], "boardsize 26", "unacceptable size"),
        ([], "boardsize 1", "unacceptable size"),
        ([], "boardsize -9", "unacceptable size"),
        ([], "boardsize 9 13", "unacceptable size"),
        ([], "boardsize 99999999999999999999", "syntax error"),
        ([], "komi", "syntax error"),
        ([], "komi six", "syntax error"),
        ([], "komi nan", "syntax error"),
        ([], "komi inf", "syntax error"),
        ([], "komi 1e300", "syntax error"),
        ([], "komi 6_5", "syntax error"),
        ([], "komi ٦.٥", "syntax error"),
        ([], "komi .", "syntax error"),
        ([], "fixed_handicap", "syntax error"),
        ([], "fixed_handicap 1", "invalid number of stones"),
        ([], "fixed_handicap 10", "invalid number of stones"),
        (["boardsize 8"], "fixed_handicap 5", "invalid number of stones"),
        (["boardsize 6"], "fixed_handicap 2", "invalid number of stones"),
        (["play b d4"], "fixed_handicap 2", "board not empty"),
        ([], "place_free_handicap 1", "invalid number of stones"),
        ([], "place_free_handicap 81", "invalid number of stones"),
        (["play b d4"], "place_free_handicap 2", "board not empty"),
        ([], "set_free_handicap", "bad vertex list"),
        ([], "set_free_handicap d4", "bad vertex list"),
        ([], "set_free_handicap d4 d4", "bad vertex list"),
        ([], "set_free_handicap d4 pass", "bad vertex list"),
        ([], "set_free_handicap d4 z99", "bad vertex list"),
        (["play b d4"], "set_free_handicap d4 e5", "board not empty"),
        ([], "play", "syntax error"),
        ([], "play b", "syntax error"),
        ([], "play green d4", "syntax error"),
        ([], "play b i5", "illegal move"),
        ([], "play b t19", "illegal move"),
        (["play b d4"], "play w d4", "illegal move"),
        (["play b a2", "play b b1"], "play w a1", "illegal move"),
        ([], "genmove", "syntax error"),
        ([], "genmove x", "syntax error"),
        ([], "reg_genmove", "syntax error"),
        ([], "undo", "cannot undo"),
        (["play b d4", "undo"], "undo", "cannot undo"),
        (["fixed_handicap 2"], "undo", "cannot undo"),
        ([], "loadsgf", "syntax error"),
        ([], "loadsgf /no/such/file.sgf", "cannot load file"),
        ([], "final_status_list", "syntax error"),
        ([], "final_status_list undead", "syntax error"),
        ([], "time_settings 1 2", "syntax error"),
        ([], "time_settings 1 2 x", "syntax error"),
        ([], "time_settings -1 2 3", "syntax error"),
        ([], "time_settings 1 2 nan", "syntax error"),
        ([], "time_settings 1 2 2_5", "syntax error"),
        ([], "time_left b 10", "syntax error"),
        ([], "time_left x 10 0", "syntax error"),
        ([], "xyzzy", "unknown command"),
        *[
            ([], f"{name} {arguments}", "syntax error")
            for name in sorted(ANALYSIS - {"kata-raw-nn", "heatmap"})
            for arguments in (
                "grey",
                "b -5",
                "interval",
                "interval x",
                "maxmoves",
                "b avoid b D4",
                "avoid b Z99 3",
                "1.5.2",
                "1_0",
                "٥",
                "interval 1e12",
            )
        ],
        ([], "kata-raw-nn 8", "syntax error"),
        ([], "heatmap x", "syntax error"),
        (["play b d4"], "gg-undo 2", "cannot undo"),
        ([], "gg-undo x", "syntax error"),
        ([], "gg-undo -1", "syntax error"),
        (["play b d4"], "gogui-play_sequence w e5 b d4", "illegal move"),
        ([], "set_position b", "syntax error"),
        ([], "set_position x e5", "syntax error"),
        (["play b d4"], "set_position b e5 w e5", "bad vertex list"),
        (["play b d4"], "set_position b e5 w pass", "bad vertex list"),
        (["play b d4"], "set_position b a2 b b1 w a1", "bad vertex list"),
        (["play b d4"], "gogui-setup b e5", "bad vertex list"),
        (["gogui-setup b e5"], "gogui-setup w e5", "bad vertex list"),
        ([], "gogui-setup_player", "syntax error"),
        ([], "gogui-play_sequence b e5 w", "syntax error"),
        ([], "gogui-play_sequence b e5 w z9", "illegal move"),
    ],
)
def test_failures_begin_with_the_words_of_the_specification(before: list[str], command: str, words: str) -> None:
    gtp = Dialogue()
    for earlier in before:
        gtp.ok(earlier)
    state = str(gtp.session.position)
    assert gtp.fails(command).startswith(words)
    assert str(gtp.session.position) == state


def test_genmove_plays_its_move_and_reg_genmove_does_not() -> None:
    gtp = Dialogue(network=FakeNetwork(9, favourites=(3, 4, 5)))
    assert gtp.ok("reg_genmove b") == "D9"
    assert gtp.ok("genmove b") == "D9"
    assert gtp.ok("genmove b") == "E9"
    assert gtp.ok("genmove white") == "F9"
    assert [color for color, _ in gtp.session.position.moves] == ["black", "black", "white"]
    gtp.ok("undo")
    assert gtp.ok("genmove W") == "F9"


def test_reg_genmove_does_not_sample() -> None:
    gtp = Dialogue(temperature=5.0, seed=1)
    assert len({gtp.ok("reg_genmove b") for _ in range(20)}) == 1


def test_another_size_than_the_networks_is_one_clear_failure() -> None:
    gtp = Dialogue(size=13)
    gtp.ok("play b d4")
    assert "the network fake plays 9x9 only, this board is 13x13" in gtp.fails("genmove w")
    gtp.ok("boardsize 9")
    gtp.ok("genmove w")


def test_a_network_that_cannot_be_loaded_fails_the_move_and_nothing_else() -> None:
    def no_player() -> Player:
        raise NetworkFileError("x.safetensors: no such network file")

    engine = Engine(make_handlers(Session(no_player, 9)), crash_report)
    assert engine.answer(b"1 genmove b") == b"?1 x.safetensors: no such network file\n\n"
    assert engine.answer(b"2 play b d4") == b"=2\n\n"


IN_DOUBT = [*WALLS, *(f"play b {vertex}" for vertex in ("J6", "H2", "J2", "H6", "H7", "J8", "H1"))]


@pytest.mark.parametrize(
    ("before", "ends"),
    [
        (["play b e5"], {"final_score"}),
        (WALLS, set()),
        (IN_DOUBT, {"final_score", "final_status", "final_status_list"}),
    ],
    ids=["opening", "decided", "in doubt"],
)
def test_only_moves_analysis_and_ends_in_doubt_need_the_network(before: list[str], ends: set[str]) -> None:
    asked = set()
    for name in sorted(COMMAND_NAMES - {"quit"}):

        def no_player(name: str = name) -> Player:
            asked.add(name)
            raise NetworkFileError("asked for the network")

        engine = Engine(make_handlers(Session(no_player, 9)), crash_report)
        for command in before:
            engine.answer(command.encode())
        for arguments in ("", " b", " b d4", " 2", " dead", " b1", " temperature", " temperature 1"):
            engine.answer(f"{name}{arguments}".encode())
    moves = {"genmove", "kgs-genmove_cleanup", "reg_genmove", "top_moves_black", "top_moves_white"}
    assert asked == ANALYSIS | moves | {"goengine-policy", "kata-get-param", "kata-get-params"} | ends


def test_a_crash_becomes_a_failure_and_the_engine_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    gtp = Dialogue()
    gtp.engine.handlers["genmove"] = lambda _: str(1 // 0)
    assert (
        gtp.raw("7 genmove b")
        == "?7 internal error in genmove: ZeroDivisionError: integer division or modulo by zero\n\n"
    )
    assert "Traceback" in capsys.readouterr().err
    assert gtp.ok("play b d4") == ""


def test_times_may_be_fractions() -> None:
    gtp = Dialogue()
    assert gtp.ok("time_settings 600.5 30 1") == gtp.ok("time_left b 12.25 0") == ""


# The end of a game


def test_final_score_removes_dead_stones() -> None:
    gtp = Dialogue()
    for command in WALLS:
        gtp.ok(command)
    gtp.ok("komi 6.5")
    assert gtp.ok("final_score") == "W+15.5"  # 36 against 45
    gtp.ok("play w c5")
    assert gtp.ok("final_score") == "W+15.5"
    assert gtp.ok("final_status_list dead") == "C5"
    assert gtp.ok("final_status_list seki") == ""
    columns = [" ".join(f"{column}{row}" for row in range(9, 0, -1)) for column in "BDEG"]
    assert gtp.raw("final_status_list ALIVE") == "= " + "\n".join(columns) + "\n\n"
    gtp.ok("komi -9")
    assert gtp.ok("final_score") == "0"


def test_final_status_list_is_an_error_when_in_doubt() -> None:
    gtp = Dialogue()
    gtp.ok("play b e5")
    assert "points are nobody's yet" in gtp.fails("final_status_list dead")
    gtp.ok("play w a1")
    gtp.ok("play w a2")
    assert "in doubt are the stones at A2" in gtp.fails("final_status_list dead")
    assert gtp.ok("final_score")[:2] in ("B+", "W+")


@pytest.mark.parametrize(("score", "text"), [(3.5, "B+3.5"), (-12.0, "W+12"), (0.0, "0"), (-0.5, "W+0.5")])
def test_scores_in_words(score: float, text: str) -> None:
    assert format_score(score) == text


def test_the_engine_answers_a_pass_with_a_pass_when_nothing_is_left() -> None:
    gtp = Dialogue()
    for command in WALLS:
        gtp.ok(command)
    gtp.ok("play b pass")
    assert gtp.ok("genmove w") == "pass"


def test_the_engine_plays_on_after_a_pass_in_the_opening() -> None:
    gtp = Dialogue()
    gtp.ok("play b e5")
    gtp.ok("play w pass")
    assert gtp.ok("genmove b") != "pass"


def test_showboard_shows_stones_coordinates_and_captures() -> None:
    gtp = Dialogue(size=5)
    for command in ("play b a2", "play w a1", "play b b1"):
        gtp.ok(command)
    answer = gtp.raw("showboard")
    assert answer.startswith("=\n") and answer.endswith("by White 0\n\n")
    assert " 2  X . . . . 2\n" in answer.replace("(", " ").replace(")", " ")
    assert "captured by Black 1" in answer


def test_time_commands_are_accepted() -> None:
    gtp = Dialogue()
    for command in ("time_settings 0 0 0", "time_settings 1800 60 25", "time_left B 1795 0", "time_left w 0 12"):
        assert gtp.ok(command) == ""


# Single controllers


def test_several_moves_are_undone_at_once() -> None:
    gtp = Dialogue()
    for command in ("play b d4", "play w e5", "play b f6"):
        gtp.ok(command)
    gtp.ok("gg-undo 2")
    assert [point for _, point in gtp.session.position.moves] == [parse_vertex("D4", 9)]
    gtp.ok("gg-undo")
    assert gtp.session.position.move_number == 0


def test_a_sequence_is_played_whole() -> None:
    gtp = Dialogue()
    assert gtp.ok("gogui-play_sequence B d4 W pass b E5") == ""
    assert [color for color, _ in gtp.session.position.moves] == ["black", "white", "black"]
    assert gtp.ok("gogui-play_sequence") == ""


def test_the_last_move_is_explained_if_it_was_generated() -> None:
    gtp = Dialogue(network=FakeNetwork(9, favourites=(3, 4)))
    assert gtp.ok("gomill-explain_last_move") == ""
    assert gtp.ok("genmove b") == "D9"
    assert re.fullmatch(r"D9: 6\d\.\d %, number 1 of the network", gtp.ok("gomill-explain_last_move"))
    gtp.ok("play w e5")
    assert gtp.ok("gomill-explain_last_move") == ""
    gtp.ok("clear_board")
    gtp.ok("play b d9")
    gtp.ok("play w e5")
    for command in WALLS:
        gtp.raw(command)
    gtp.ok("play b pass")
    assert gtp.ok("genmove w") == "pass"
    assert gtp.ok("gomill-explain_last_move") == "pass: no move gains anything"


def test_processor_time_goes_up() -> None:
    gtp = Dialogue()
    first = float(gtp.ok("cputime"))
    assert 0 < first <= float(gtp.ok("gomill-cpu_time"))


def test_gogui_is_offered_commands_that_exist_and_need_no_argument() -> None:
    gtp = Dialogue()
    gtp.ok("play b e5")
    offered = [line.split("/") for line in gtp.ok("gogui-analyze_commands").split("\n")]
    assert {kind for kind, _, _ in offered} == {"gfx", "dboard", "sboard"}
    for kind, _, command in offered:
        answer = gtp.ok(command)
        if kind in ("dboard", "sboard"):
            assert [len(row.split()) for row in answer.split("\n")] == [9] * 9


def test_what_gogui_is_shown() -> None:
    gtp = Dialogue(size=9, network=FakeNetwork(9, favourites=(3, 4)))
    policy = gtp.ok("goengine-policy").split("\n")
    assert policy[0].startswith("INFLUENCE D9 1.000 E9 0.500")
    assert re.match(r"LABEL D9 6\d E9 3\d", policy[1])
    assert gtp.ok("goengine-true_eyes") == "TEXT no true eyes"
    assert gtp.ok("goengine-ladders") == "TEXT no ladder for black"
    for vertex in ("a2", "b1", "b2", "c1", "d1"):
        gtp.ok(f"play b {vertex}")
    assert gtp.ok("goengine-true_eyes") == "BLACK A1"
    assert gtp.ok("goengine-liberties").split("\n")[-1] == '"" 6 6 6 "" "" "" "" ""'
    gtp.ok("clear_board")
    for command in ("play b d5", "play b d4", "play b e6", "play w e5"):
        gtp.ok(command)
    assert gtp.ok("goengine-ladders") == "TRIANGLE F5\nTEXT triangle captures, circle escapes"
    gtp.ok("play b f5")
    assert gtp.ok("goengine-ladders") == "TEXT no ladder for white"
    gtp.ok("undo")
    for command in ("play b h1", "play w g3", "play b f5"):
        gtp.ok(command)
    assert gtp.ok("goengine-ladders") == "CIRCLE E4\nTEXT triangle captures, circle escapes"


# Anything at all

VERTICES = st.sampled_from([format_vertex(point, 5) for point in range(25)] + ["pass", "PASS", "a6", "i1", "", "Z9"])
COLORS = st.sampled_from(["b", "W", "black", "White", "grey"])
COMMANDS = st.one_of(
    st.tuples(st.just("play"), COLORS, VERTICES).map(" ".join),
    st.tuples(st.just("genmove"), COLORS).map(" ".join),
    st.sampled_from(
        ["undo", "clear_board", "boardsize 5", "boardsize 5 5", "komi 5.5", "fixed_handicap 2", "showboard"]
    ),
    st.tuples(st.just("place_free_handicap"), st.integers(0, 26).map(str)).map(" ".join),
    st.tuples(st.just("set_free_handicap"), VERTICES, VERTICES).map(" ".join),
    st.tuples(st.just("gg-undo"), st.integers(0, 4).map(str)).map(" ".join),
    st.tuples(st.just("gogui-play_sequence"), COLORS, VERTICES, COLORS, VERTICES).map(" ".join),
    st.tuples(st.sampled_from(["kata-genmove_analyze", "lz-analyze", "kgs-game_over"]), COLORS).map(" ".join),
)


@settings(max_examples=60)
@given(st.lists(COMMANDS, max_size=60))
def test_the_position_is_always_the_one_that_its_moves_make(commands: list[str]) -> None:
    gtp = Dialogue(size=5, network=FakeNetwork(5))
    for command in commands:
        answer = gtp.raw(command)
        assert answer[0] in "=?" and "internal error" not in answer
    position = gtp.session.position
    rebuilt = Position(position.size, komi=position.komi)
    stones = position.setup_stones
    if stones["black"]:
        rebuilt.setup(black=stones["black"], to_play="white")
    for color, point in position.moves:
        rebuilt.play(point, color)
    assert str(position) == str(rebuilt) and position.hash == rebuilt.hash
    assert position.captures == rebuilt.captures and position.ko_point == rebuilt.ko_point


WORDS = st.one_of(st.sampled_from(sorted(COMMAND_NAMES - {"quit", "loadsgf"})), st.text(max_size=8))
ARGUMENTS = st.lists(
    st.one_of(COLORS, VERTICES, st.integers().map(str), st.floats().map(str), st.text(max_size=8)), max_size=4
)


@settings(max_examples=200)
@given(st.lists(st.tuples(WORDS, ARGUMENTS), min_size=1, max_size=8))
def test_no_words_crash_a_handler(lines: list[tuple[str, list[str]]]) -> None:
    gtp = Dialogue(size=5, network=FakeNetwork(5))
    for name, arguments in lines:
        answer = gtp.engine.answer(" ".join([name, *arguments]).replace("\n", " ").encode("utf-8", "surrogatepass"))
        assert answer is None or (answer[:1] in b"=?" and b"internal error" not in answer), (name, arguments, answer)


def test_thousands_of_commands_leave_nothing_behind() -> None:
    gtp = Dialogue(size=9)
    answer: Callable[[str], str] = gtp.raw
    for _ in range(200):
        for vertex in ("d4", "e5", "f6", "pass"):
            answer(f"play b {vertex}")
        answer("undo")
        answer("clear_board")
    assert gtp.session.position.move_number == 0
