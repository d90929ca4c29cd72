"""The rules that a controller sets, and what they change in the game."""

from __future__ import annotations

import json

import pytest
from fake_network import FakeNetwork
from gtp_dialogue import WALLS, Dialogue

from goengine.errors import NetworkFileError
from goengine.gtp.handlers import crash_report, make_handlers
from goengine.gtp.protocol import Engine
from goengine.gtp.session import Session
from goengine.player import Player, PolicySource
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


# Parameters


def test_parameters_are_listed_and_read_back() -> None:
    gtp = Dialogue(temperature=0.25, seed=7)
    names = gtp.ok("kata-list-params").split()
    assert {"temperature", "topP", "symmetries", "seed", "resign", "ladderGuard", "passPolicy"} < set(names)
    values = {name: gtp.ok(f"kata-get-param {name}") for name in names}
    assert values["temperature"] == values["chosenMoveTemperature"] == "0.25"
    assert values["seed"] == "7" and values["resign"] == "none" and values["ladderGuard"] == "true"
    assert list(json.loads(gtp.ok("kata-get-params"))) == names
    for name, value in values.items():
        gtp.ok(f"kata-set-param {name} {value}")
    assert {name: gtp.ok(f"kata-get-param {name}") for name in names} == values


@pytest.mark.parametrize(
    ("name", "value", "field", "kept"),
    [
        ("temperature", "0.5", "temperature", 0.5),
        ("chosenMoveTemperature", "1", "temperature", 1.0),
        ("TOPP", "0.9", "top_p", 0.9),
        ("symmetries", "8", "symmetries", 8),
        ("rootNumSymmetriesToSample", "8", "symmetries", 8),
        ("seed", "3", "seed", 3),
        ("seed", "none", "seed", None),
        ("resign", "20.5", "resign", 20.5),
        ("resignChance", "0.2", "resign_chance", 0.2),
        ("ladderGuard", "FALSE", "ladder_guard", False),
        ("passPolicy", "cleanup", "pass_policy", "cleanup"),
    ],
)
def test_a_parameter_reaches_the_player_with_the_next_move(name: str, value: str, field: str, kept: object) -> None:
    player = Player(FakeNetwork(9), seed=1)
    engine = Engine(make_handlers(Session(lambda: player, 9)), crash_report)
    assert engine.answer(f"kata-set-param {name} {value}".encode()) == b"=\n\n"
    assert engine.answer(b"reg_genmove b") is not None
    assert getattr(player.style, field) == kept


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("kata-get-param", "syntax error"),
        ("kata-set-param seed", "syntax error"),
        (
            "kata-get-param playoutDoublingAdvantage",
            "unknown parameter 'playoutDoublingAdvantage': use temperature, topP",
        ),
        ("kata-set-param maxVisits 100", "unknown parameter 'maxVisits': use temperature, topP"),
        ("kata-set-param temperature hot", "temperature 'hot' is not possible: use a number, 0 to 100"),
        ("kata-set-param temperature -1", "temperature -1.0 is out of range"),
        ("kata-set-param temperature nan", "temperature 'nan' is not possible"),
        ("kata-set-param temperature 0_5", "temperature '0_5' is not possible: use a number, 0 to 100"),
        ("kata-set-param topP 0", "top-p 0.0 is out of range"),
        ("kata-set-param symmetries 3", "symmetries 3 is not possible: use 1, 2, 4 or 8"),
        ("kata-set-param seed -1", "seed '-1' is not possible: use a whole number, or none"),
        ("kata-set-param resign 0", "resign 0.0 is out of range"),
        ("kata-set-param ladderGuard 1", "ladderGuard '1' is not possible: use true or false"),
        ("kata-set-param passPolicy early", "pass policy 'early' is not possible"),
        ("kata-set-param threads 0", "threads 0 is not possible: use 1 to 256"),
        ("kata-set-param threads 300", "threads 300 is not possible: use 1 to 256"),
        ("kata-set-param numSearchThreads 2.5", "numSearchThreads '2.5' is not possible: use a whole number from 1"),
        ('kata-set-params {"threads": 3, "temperature": 1, "topP": 7}', "top-p 7.0 is out of range"),
        ("kata-set-params [1]", "is not a JSON object"),
    ],
)
def test_parameters_that_cannot_be_set_change_nothing(command: str, words: str) -> None:
    gtp = Dialogue(seed=1)
    before = gtp.ok("kata-get-params")
    assert words in gtp.fails(command)
    assert gtp.ok("kata-get-params") == before


def test_the_threads_reach_the_player_and_the_playouts_with_the_next_move() -> None:
    player = Player(FakeNetwork(9))
    session = Session(lambda: player, 9)
    engine = Engine(make_handlers(session), crash_report)
    assert engine.answer(b"kata-set-param numSearchThreads 2") == b"=\n\n"
    assert engine.answer(b"kata-get-param threads") == b"= 2\n\n"
    assert player.threads == 1
    assert engine.answer(b"reg_genmove b") is not None
    assert (player.threads, session.threads) == (2, 2)


def test_another_network_takes_over_or_nothing_changes() -> None:
    networks = {
        None: FakeNetwork(9),
        "/a corner network": FakeNetwork(9, favourites=(0,)),
        "/a larger network": FakeNetwork(13),
    }
    loaded = []

    def load(network: str | None, device: str) -> FakeNetwork:
        loaded.append((network, device))
        if device != "cpu" or network not in networks:
            raise NetworkFileError(f"{network} cannot be had on {device}")
        return networks[network]

    player = Player(networks[None])
    engine = Engine(make_handlers(Session(lambda: player, 9, load=load)), crash_report)

    def say(command: str) -> str:
        answer = engine.answer(command.encode())
        assert answer is not None
        return answer.decode().strip()

    assert say("kata-get-param network") == "= bundled" and say("kata-get-param device") == "= cpu"
    assert say("reg_genmove b") == "= E5"
    assert say("kata-set-param network /a corner network") == "="
    assert say("reg_genmove b") == "= A9" and say("kata-get-param network") == "= /a corner network"
    assert say("kata-set-param device cpu") == "=" and len(loaded) == 1  # it is there already
    assert say("kata-set-param device CUDA") == "? /a corner network cannot be had on cuda"
    assert say('kata-set-params {"network": "/none", "temperature": 2}') == "? /none cannot be had on cpu"
    assert say('kata-set-params {"network": "bundled", "temperature": -2}').startswith("? temperature -2.0 is out")
    assert say("kata-get-param temperature") == "= 0" and say("reg_genmove b") == "= A9"
    assert say("kata-set-param network /a larger network") == "="
    assert say("reg_genmove b").startswith("? the network fake plays 13x13 only")
    assert say("kata-set-param network bundled") == "=" and say("reg_genmove b") == "= E5"


def test_a_network_takes_the_place_of_one_that_cannot_be_loaded() -> None:
    loaded = []

    def no_player() -> Player:
        raise NetworkFileError("broken.safetensors is no network")

    def load(network: str | None, device: str) -> FakeNetwork:
        loaded.append(network)
        if network != "sound":
            raise NetworkFileError(f"{network} is no network either")
        return FakeNetwork(9)

    made: list[Player] = []

    def make(network: PolicySource) -> Player:
        made.append(Player(network, top_p=0.5))
        return made[-1]

    source = "broken.safetensors", "cpu"
    engine = Engine(make_handlers(Session(no_player, 9, source=source, load=load, make=make)), crash_report)

    def say(command: str) -> str:
        return (engine.answer(command.encode()) or b"").decode().strip()

    assert say("kata-set-param temperature 0.5") == "="
    assert say("genmove b") == "? broken.safetensors is no network"
    assert say("kata-set-param network none") == "? none is no network either"
    assert say("kata-set-param network broken.safetensors") == "? broken.safetensors is no network either"
    assert say("kata-set-param network sound") == say("kata-set-param network sound") == "="
    assert loaded == ["none", "broken.safetensors", "sound"] and len(made) == 1
    assert say("genmove b").startswith("= ") and say("kata-get-param network") == "= sound"
    assert (made[0].style.temperature, made[0].style.top_p) == (0.5, 0.5)


def test_networks_cannot_be_changed_where_none_can_be_loaded() -> None:
    assert "the network cannot be changed here" in Dialogue().fails("kata-set-param network other.safetensors")


def test_setting_a_parameter_does_not_wait_for_the_network() -> None:
    def no_player() -> Player:
        raise AssertionError("asked for the network")

    engine = Engine(make_handlers(Session(no_player, 9)), crash_report)
    assert engine.answer(b"kata-set-param temperature 1") == b"=\n\n"
    assert engine.answer(b'kata-set-params {"seed": null, "ladderGuard": false}') == b"=\n\n"
    assert engine.answer(b"kata-get-param temperature") == b"= 1\n\n"
    assert engine.answer(b"kata-get-param ladderGuard") == b"= false\n\n"


def test_the_same_seed_draws_the_same_moves_again() -> None:
    gtp = Dialogue(temperature=3.0, seed=1)

    def game() -> list[str]:
        gtp.ok("clear_board")
        gtp.ok("kata-set-param seed 5")
        return [gtp.ok(f"genmove {color}") for color in "bwbwbw"]

    first = game()
    assert game() == first
    gtp.ok("clear_board")
    assert [gtp.ok(f"genmove {color}") for color in "bwbwbw"] != first


# Time


@pytest.mark.parametrize(
    "words",
    [
        "none",
        "absolute 600",
        "byoyomi 600 30.5 5",
        "byo-yomi 0 30 1",
        "canadian 600.0 300 25",
        "fischer 120 0.5",
        "fischer-capped 120 5 300 -1",
        "Absolute 2147483647",
    ],
)
def test_time_settings_in_every_documented_form(words: str) -> None:
    gtp = Dialogue()
    assert gtp.ok(f"kata-time_settings {words}") == ""
    if not words.startswith("fischer"):
        assert gtp.ok(f"kgs-time_settings {words}") == ""
    else:
        assert "syntax error" in gtp.fails(f"kgs-time_settings {words}")
    kinds = "none absolute byoyomi canadian fischer fischer-capped"
    assert gtp.ok("kata-list_time_settings") == kinds


@pytest.mark.parametrize(
    "words",
    ["", "soon", "absolute", "absolute -1", "absolute inf", "byoyomi 600 30", "canadian 1 2 2.5", "fischer 1 nan"],
)
def test_time_settings_that_say_nothing(words: str) -> None:
    assert "syntax error: write kata-time_settings" in Dialogue().fails(f"kata-time_settings {words}".strip())


# Setting up, as servers do


def test_a_rectangular_board_is_refused_and_the_game_goes_on() -> None:
    gtp = Dialogue()
    gtp.ok("play b e5")
    assert gtp.fails("boardsize 9 13") == "unacceptable size: 9x13 is not square"
    assert gtp.session.size == 9 and gtp.session.position.move_number == 1
    gtp.ok("boardsize 13 13")
    assert gtp.session.size == 13


def test_komi_may_come_first_and_lines_may_end_as_on_windows() -> None:
    gtp = Dialogue()
    for command in ("komi 3.5\r", "boardsize 13\r", "clear_board\r", "kata-set-rules japanese\r"):
        gtp.ok(command)
    assert gtp.session.komi == gtp.session.position.komi == 3.5
    assert gtp.session.size == 13 and gtp.session.rules.name == "japanese"
    assert gtp.ok("play b n13\r") == ""


@pytest.mark.parametrize("size", [9, 13, 19])
def test_a_free_handicap_is_exactly_as_many_stones(size: int) -> None:
    gtp = Dialogue(size=size)
    for stones in [*range(2, 26), size * size - 1]:
        gtp.ok("clear_board")
        vertices = gtp.ok(f"place_free_handicap {stones}").split()
        assert len(vertices) == len(set(vertices)) == stones
        assert int(gtp.session.position.board.sum()) == stones
        assert gtp.session.position.to_play == "white"
