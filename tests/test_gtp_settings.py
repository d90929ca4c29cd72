"""The rules that a controller sets, and what they change in the game."""

from __future__ import annotations

import json

import pytest
from test_gtp_handlers import WALLS, Dialogue

from goengine.rulesets import find_ruleset

# sending two, returning one: White's B5 at the end would repeat the board before A5, and another player is to move
SENDING_TWO = ["boardsize 5", *(f"play w {vertex}" for vertex in ("b5", "d5", "c4", "d4"))]
SENDING_TWO += ["play b a4", "play b b4", "play w a5", "play b c5"]


def test_the_rules_are_shown_as_katago_shows_them() -> None:
    gtp = Dialogue()
    assert gtp.ok("kata-get-rules") == (
        '{"hasButton":false,"ko":"SIMPLE","scoring":"AREA","suicide":false,"tax":"NONE","whiteHandicapBonus":"N"}'
    )
    gtp.ok("kata-set-rules japanese")
    assert json.loads(gtp.ok("kata-get-rules"))["scoring"] == "TERRITORY"
    text = gtp.ok("kata-get-rules")
    gtp.ok("kata-set-rules tromp-taylor")
    gtp.ok(f"kata-set-rules {text}")
    assert gtp.ok("kata-get-rules") == text
    gtp.ok("kata-set-rule ko SITUATIONAL")
    assert json.loads(gtp.ok("kata-get-rules")) == {**json.loads(text), "ko": "SITUATIONAL"}
    gtp.ok('kata-set-rules { "ko": "SIMPLE", "scoring": "AREA" }')
    assert json.loads(gtp.ok("kata-get-rules"))["ko"] == "SIMPLE"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("kata-set-rules", "syntax error"),
        ("kata-set-rules ing", "unknown rules 'ing': use chinese"),
        ("kata-set-rules aga-button", "button go is not supported"),
        ("kata-set-rules {", "is not JSON"),
        ('kata-set-rules {"ko": "NONE"}', "ko 'NONE' is not possible"),
        ('kata-set-rules {"ko": []}', "is not possible"),
        ("kata-set-rule ko", "syntax error"),
        ("kata-set-rule eyes two", "unknown field 'eyes'"),
        ("kgs-rules", "syntax error"),
        ("kgs-rules korean", "unknown rules 'korean'"),
    ],
)
def test_rules_that_cannot_be_set_change_nothing(command: str, words: str) -> None:
    gtp = Dialogue()
    before = gtp.ok("kata-get-rules")
    assert words in gtp.fails(command)
    assert gtp.ok("kata-get-rules") == before


@pytest.mark.parametrize(
    ("name", "set_name"),
    [("chinese", "chinese-kgs"), ("japanese", "japanese"), ("aga", "aga"), ("new_zealand", "new-zealand")],
)
def test_the_rules_of_kgs(name: str, set_name: str) -> None:
    gtp = Dialogue()
    gtp.ok(f"kgs-rules {name}")
    assert gtp.session.rules == find_ruleset(set_name)


def test_rules_outlive_clear_board_and_boardsize_and_hold_for_the_game_in_progress() -> None:
    gtp = Dialogue(size=9)
    gtp.ok("play b e5")
    gtp.ok("kata-set-rules aga")
    assert gtp.session.position.ko == "situational" and gtp.session.position.move_number == 1
    for command in ("clear_board", "boardsize 13", "fixed_handicap 2"):
        gtp.ok(command)
        assert gtp.session.position.ko == "situational" and gtp.session.rules.name == "aga"
    gtp.ok("kata-set-rules chinese")
    assert gtp.session.position.ko == gtp.session.rules.ko


@pytest.mark.parametrize(
    ("rules", "allowed"),
    [
        ("chinese", True),
        ("japanese", True),
        ("aga", True),
        ("nz", True),
        ("chinese-ogs", False),
        ("tromp-taylor", False),
    ],
)
def test_what_may_be_repeated_depends_on_the_rules_in_force_now(rules: str, allowed: bool) -> None:
    gtp = Dialogue()
    for command in SENDING_TWO:
        gtp.ok(command)
    gtp.ok(f"kata-set-rules {rules}")  # late: what came before counts all the same
    if allowed:
        gtp.ok("play w b5")
    else:
        assert "positional superko forbids" in gtp.fails("play w b5")


@pytest.mark.parametrize("command", ["play w a1", "gogui-play_sequence w a1"])
def test_a_suicide_is_refused_and_the_answer_says_whose_fault_that_is(command: str) -> None:
    gtp = Dialogue()
    for before in ("play b a2", "play b b1"):
        gtp.ok(before)
    assert gtp.fails(command) == "illegal move: white A1: suicide is not allowed"
    gtp.ok("kata-set-rules nz")
    assert gtp.fails(command) == "illegal move: white A1: suicide, which new-zealand rules know, is not supported"
    assert gtp.session.position.move_number == 2


def test_the_score_is_counted_by_the_rules_in_force() -> None:
    gtp = Dialogue()
    gtp.ok("komi 0.5")
    for command in WALLS:
        gtp.ok(command)
    for command in (
        "play b h9",
        "play w h8",
        "play w j9",
    ):  # White takes H9: a prisoner, and two stones of its own inside
        gtp.ok(command)
    assert gtp.ok("final_score") == "W+9.5"  # 36 to 45
    gtp.ok("kata-set-rules japanese")
    assert gtp.ok("final_score") == "W+8.5"  # 18 to 25 and a prisoner
    gtp.ok("kgs-rules aga")
    assert gtp.ok("final_score") == "W+9.5"
