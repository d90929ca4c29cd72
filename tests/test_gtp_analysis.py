"""Analysis: what the GUIs can read of it, when it stops, and that it changes nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fake_network import FakeNetwork

from goengine.coords import format_vertex, parse_vertex
from goengine.gtp.handlers import crash_report, make_handlers
from goengine.gtp.protocol import Engine
from goengine.gtp.session import Session
from goengine.player import Player
from goengine.rules import Position
from goengine.symmetry import transform

ANALYZE = ("lz-analyze", "kata-analyze", "analyze")
GENMOVE = ("lz-genmove_analyze", "kata-genmove_analyze", "genmove_analyze")
SEGMENT = re.compile(r"(?P<fields>(?:\w+ \S+ )+)pv(?P<pv>(?: (?:[A-HJ]\d|pass))+)")


class Input:
    """Stands for the input; a line comes after so many questions for it."""

    def __init__(self, questions: int) -> None:
        self.questions = questions
        self.waits: list[float | None] = []

    def __call__(self, seconds: float | None) -> bool:
        self.waits.append(seconds)
        return seconds is None or len(self.waits) > self.questions


def engine(network: FakeNetwork | None = None, wait: Callable[[float | None], bool] | None = None) -> Engine:
    player = Player(network or FakeNetwork(9))
    return Engine(make_handlers(Session(lambda: player, 9), wait), crash_report)


def ok(gtp: Engine, command: str) -> list[str]:
    answer = gtp.answer(command.encode())
    assert answer is not None and answer.startswith(b"="), answer
    assert answer.endswith(b"\n\n")
    return answer.decode()[1:-2].split("\n")


def segments(line: str) -> list[tuple[dict[str, str], list[str]]]:
    """The moves of an ``info`` line, read as Sabaki reads it: pairs, and a pv that comes last."""
    assert line.startswith("info ")
    found = []
    for part in re.split(r"\s*info\s+", line.split(" ownership ")[0].split(" rootInfo ")[0])[1:]:
        match = SEGMENT.fullmatch(part)
        assert match, part
        words = match["fields"].split()
        found.append((dict(zip(words[::2], words[1::2], strict=True)), match["pv"].split()))
    return found


def favourites(*vertices: str) -> FakeNetwork:
    points = [parse_vertex(vertex, 9) for vertex in vertices]
    return FakeNetwork(9, tuple(point for point in points if point is not None))


@pytest.mark.parametrize("name", ANALYZE)
def test_the_order_and_the_share_of_the_moves_are_the_policys(name: str) -> None:
    network = favourites("C3", "G7", "G3")
    head, line = ok(engine(network), name)
    assert head == ""
    moves = segments(line)
    policy = Player(network).policy(Position(9))
    assert [fields["move"] for fields, _ in moves[:3]] == ["C3", "G7", "G3"]
    assert [int(fields["order"]) for fields, _ in moves] == list(range(len(moves)))
    for fields, line_of_play in moves:
        share = float(policy[parse_vertex(fields["move"], 9) or 0])
        assert int(fields["visits"]) == max(1, round(1000 * share))
        assert line_of_play[0] == fields["move"]
        prior = float(fields["prior"]) if "." in fields["prior"] else int(fields["prior"]) / 10_000
        assert prior == pytest.approx(share, abs=1e-4)


def test_lz_analyze_has_whole_numbers_only_and_the_others_a_point_in_each_rate() -> None:
    for fields, _ in segments(ok(engine(), "lz-analyze")[1]):
        assert all(fields[key].isdecimal() for key in ("visits", "winrate", "prior", "lcb", "order"))
        assert 0 <= int(fields["winrate"]) <= 10_000
    for name in ("kata-analyze", "analyze"):
        for fields, _ in segments(ok(engine(), name)[1]):
            assert all("." in fields[key] for key in ("winrate", "prior", "lcb", "scoreLead", "scoreStdev", "utility"))


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "b",
        "50",
        "b 50",
        "50.0",
        "B interval 50",
        "interval 50",
        "50 b",
        "black 50 minmoves 3",
        "interval 50 Black maxmoves 5",
    ],
)
@pytest.mark.parametrize("name", [*ANALYZE, *GENMOVE])
def test_the_arguments_come_in_any_documented_form(name: str, arguments: str) -> None:
    answer = ok(engine(), f"{name} {arguments}")
    assert segments(answer[1])


def test_the_numbers_are_those_of_the_colour_asked_for() -> None:
    gtp = engine()
    for column in "BD":
        for row in range(1, 10):
            ok(gtp, f"play b {column}{row}")
    fields = {color: segments(ok(gtp, f"kata-analyze {color}")[1])[0][0] for color in ("b", "w")}
    assert float(fields["b"]["scoreLead"]) > 30 and float(fields["b"]["winrate"]) > 0.95
    assert float(fields["w"]["scoreLead"]) < -30 and float(fields["w"]["winrate"]) < 0.05
    shown = {color: ok(gtp, f"kata-analyze {color} ownership true")[1].split(" ownership ")[1] for color in ("b", "w")}
    black, white = (np.array(shown[color].split(), float) for color in "bw")
    assert len(black) == len(white) == 81
    assert black[1] > 0.9 and white[1] < -0.9


def lead(gtp: Engine, color: str) -> float:
    return float(segments(ok(gtp, f"kata-analyze {color}")[1])[0][0]["scoreLead"])


def test_the_lead_has_the_bonus_of_a_handicap_in_it() -> None:
    gtp = engine()
    ok(gtp, "set_free_handicap C3 G7 C7")
    leads = {}
    for rules in ("japanese", "aga", "chinese"):
        ok(gtp, f"kata-set-rules {rules}")
        leads[rules] = lead(gtp, "w")
        assert lead(gtp, "b") == pytest.approx(-leads[rules], abs=12)  # the other side begins the playouts
        words = " ".join(ok(gtp, "kata-raw-nn 0")).split()
        assert float(words[words.index("whiteLead") + 1]) == pytest.approx(leads[rules], abs=0.001)
    assert leads["aga"] == pytest.approx(leads["japanese"] + 2)
    assert leads["chinese"] == pytest.approx(leads["japanese"] + 3)


def test_moves_at_least_and_at_most() -> None:
    network = favourites("C3", "G7")
    assert len(segments(ok(engine(network), "lz-analyze maxmoves 1")[1])) == 1
    assert len(segments(ok(engine(network), "lz-analyze minmoves 30")[1])) == 30
    assert len(segments(ok(engine(network), "lz-analyze minmoves 999")[1])) == 81
    assert len(segments(ok(engine(network), "lz-analyze minmoves 30 maxmoves 4")[1])) == 4


@pytest.mark.parametrize("name", ["lz-analyze", "kata-genmove_analyze"])
def test_moves_to_avoid_and_moves_to_allow(name: str) -> None:
    network = favourites("C3", "G7", "G3")
    gtp = engine(network)
    first = segments(ok(gtp, f"{name} b avoid b C3,pass 5 avoid w G3 1")[1])
    assert [fields["move"] for fields, _ in first[:2]] == ["G7", "G3"]
    assert int(first[0][0]["visits"]) > 500
    gtp = engine(network)
    answer = ok(gtp, f"{name} b allow b E5,E4 3")
    assert {fields["move"] for fields, _ in segments(answer[1])} == {"E5", "E4"}
    if name in GENMOVE:
        assert answer[-1] == "play E5"
    gtp = engine(network)
    answer = ok(gtp, f"{name} b allow b E5 1 allow b E4,G7 1 allow b C3 0 avoid b G7 1")  # lists to allow add up
    assert {fields["move"] for fields, _ in segments(answer[1])} == {"E5", "E4"}
    if name in GENMOVE:
        assert answer[-1] == "play E5"
    gtp = engine(network)
    assert segments(ok(gtp, f"{name} b allow b pass 1")[1])[0][1] == ["pass"]


def test_avoiding_holds_down_the_line() -> None:
    network = favourites("C3", "G7", "G3")
    line = segments(ok(engine(network, Input(30)), "lz-analyze b maxmoves 1 avoid w G7 2")[2])[0][1]
    assert line[:3] == ["C3", "G3", "G7"]
    line = segments(ok(engine(network, Input(30)), "lz-analyze b maxmoves 1 avoid w G7 1")[2])[0][1]
    assert line[:3] == ["C3", "G7", "G3"]


def test_the_line_of_play_is_the_network_playing_on() -> None:
    network = favourites("C3", "G7")
    moves = segments(ok(engine(network, Input(40)), "lz-analyze b")[2])
    player, position = Player(network), Position(9)
    position.play(parse_vertex(moves[0][1][0], 9))
    for vertex in moves[0][1][1:]:
        point = player.choose(position)
        assert format_vertex(point, 9) == vertex
        position.play(point)
    assert len(moves[0][1]) == 10


def test_a_line_plays_a_game_of_legal_moves_to_its_end() -> None:
    answer = ok(engine(FakeNetwork(9), Input(40)), "lz-analyze b maxmoves 3")
    for _, vertices in segments(answer[-1]):
        position = Position(9)
        for vertex in vertices:
            position.play(parse_vertex(vertex, 9))


def test_input_ends_it_at_once_and_then_it_says_no_more() -> None:
    wait = Input(0)
    assert len(ok(engine(wait=wait), "lz-analyze b 1")) == 2
    assert wait.waits and wait.waits[0] == 0
    network = FakeNetwork(9)
    wait = Input(2)
    ok(engine(network, wait), "lz-analyze b 1")
    assert len(network.asked) == 3  # the policy, and two plies; it asked for input before each


def test_it_reports_each_interval() -> None:
    wait = Input(20)
    answer = ok(engine(wait=wait), "lz-analyze b 5")
    rests = [seconds for seconds in wait.waits if seconds]
    assert len(answer) > 5 and rests and max(rests) <= 0.05
    assert len(set(answer[2:])) == 1  # nothing new comes once the lines are played on


def test_without_an_interval_it_reports_what_is_new_and_waits() -> None:
    wait = Input(40)
    assert len(ok(engine(wait=wait), "lz-analyze b")) == 3
    assert wait.waits[-1] is None
    wait = Input(40)
    assert len(ok(engine(wait=wait), "lz-analyze b 0")) == 3


@pytest.mark.parametrize("name", GENMOVE)
@pytest.mark.parametrize("arguments", ["b", "b 100000", "b 1"])
def test_genmove_answers_at_once_and_plays(name: str, arguments: str) -> None:
    wait = Input(10_000)
    gtp = engine(favourites("C3"), wait)
    answer = ok(gtp, f"{name} {arguments}")
    assert answer[-1] == "play C3" and len(answer) == 3
    assert not wait.waits
    assert gtp.answer(b"play w C3") == b"? illegal move: white C3: there is a stone already\n\n"


def test_genmove_of_the_colour_whose_turn_it_is() -> None:
    gtp = engine(favourites("C3", "G7"))
    ok(gtp, "lz-genmove_analyze")
    assert ok(gtp, "lz-genmove_analyze")[-1] == "play G7"
    assert ok(gtp, "undo") == [""]
    assert ok(gtp, "kata-genmove_analyze w ownership true")[-1] == "play G7"


def test_genmove_passes_and_resigns_as_genmove_does() -> None:
    player = Player(FakeNetwork(9), resign=10)
    gtp = Engine(make_handlers(Session(lambda: player, 9)), crash_report)
    for color, column in ("bb", "bd", "we", "wg"):
        for row in range(1, 10):
            ok(gtp, f"play {color} {column}{row}")
    ok(gtp, "play b pass")
    assert ok(gtp, "kata-genmove_analyze w")[-1] == "play pass"
    ok(gtp, "komi -50")
    assert ok(gtp, "kata-genmove_analyze w")[-1] == "play resign"


REPETITION = [  # Black's C4 would bring back the stones of the first C4; without superko it is legal
    "gogui-play_sequence b B5 b A4 b B3 w C5 w D4 w C3 w B4",
    *("play b C4", "play w pass", "play b pass", "play w B4", "play b pass", "play w pass"),
]
EYES = [f"play b {vertex}" for vertex in ("A2", "B2", "B1", "C2", "D2", "D1", "E2")]  # C1 and E1 are true eyes, A1 too


@pytest.mark.parametrize(
    ("before", "arguments", "answer"),
    [
        (REPETITION, "avoid b C2 1", "D5"),
        (REPETITION, "allow b C4,D5 1", "D5"),
        (REPETITION, "avoid b C2,D5,A1,A2,A3,A5,B1,B2,C1,D1,D2,D3,E1,E2,E3,E4,E5 1", "pass"),
        (REPETITION, "allow b C4 1", "C4"),
        (EYES, "allow b C1,E5 1", "E5"),
        (EYES, "allow b C1,E1 1", "C1"),
    ],
)
def test_a_restricted_move_is_sensible_where_the_restrictions_leave_one(
    before: list[str], arguments: str, answer: str
) -> None:
    network = FakeNetwork(5, tuple(parse_vertex(vertex, 5) or 0 for vertex in ("C4", "C2", "D5", "C1")))
    player = Player(network)
    gtp = Engine(make_handlers(Session(lambda: player, 5)), crash_report)
    for command in before:
        ok(gtp, command)
    assert ok(gtp, f"lz-genmove_analyze b {arguments}")[-1] == f"play {answer}"


def test_a_restricted_move_runs_out_of_no_lost_ladder() -> None:
    gtp = engine(favourites("A1", "B2", "G7"))
    for command in ("play b B1", "play w B2", "play w C1", "play w C2", "play w D3"):
        ok(gtp, command)
    # A1 leaves the stone in atari captured
    assert ok(gtp, "lz-genmove_analyze b allow b A1,J9 1")[-1] == "play J9"


def test_resigning_counts_the_bonus_of_a_handicap() -> None:
    def answer(rules: str) -> str:
        player = Player(FakeNetwork(9), resign=5)
        gtp = Engine(make_handlers(Session(lambda: player, 9)), crash_report)
        ok(gtp, f"kata-set-rules {rules}")
        ok(gtp, "komi 2")
        # Black has the middle, 45 points to 36
        ok(gtp, "set_free_handicap " + " ".join(f"{column}{row}" for column in "CG" for row in range(1, 10)))
        for vertex in [f"{column}{row}" for column in "BH" for row in range(1, 10)]:
            ok(gtp, f"play w {vertex}")
        for _ in range(3):
            ok(gtp, "play b pass")
        return ok(gtp, "genmove b")[0].strip()

    assert answer("japanese") != "resign"
    assert answer("chinese") == "resign"


def test_analysis_changes_nothing() -> None:
    player = Player(FakeNetwork(9))
    session = Session(lambda: player, 9)
    gtp = Engine(make_handlers(session, Input(20)), crash_report)
    ok(gtp, "play b e5")
    before = str(session.position), session.position.hash, session.position.moves
    for command in ("lz-analyze b 10", "kata-analyze w ownership true rootInfo true", "kata-raw-nn all", "heatmap"):
        ok(gtp, command)
    assert (str(session.position), session.position.hash, session.position.moves) == before
    assert session.position.to_play == "white"


def test_root_info_comes_after_the_moves_and_before_the_ownership() -> None:
    line = ok(engine(), "kata-analyze rootInfo true ownership true")[1]
    assert re.search(r" pv [^=]* rootInfo visits \d+ .*scoreLead \S+ .*ownership ", line)
    assert "rootInfo" not in ok(engine(), "kata-analyze ownership true rootInfo false")[1]


@pytest.mark.parametrize("name", ["kata-analyze", "analyze", "kata-genmove_analyze"])
def test_every_switch_that_katago_documents_is_taken(name: str) -> None:
    switches = ("ownership", "ownershipStdev", "rootInfo", "noResultValue")
    others = ("movesOwnership", "movesOwnershipStdev", "pvVisits", "pvEdgeVisits")
    line = ok(engine(), f"{name} b 10 " + " ".join(f"{switch} true" for switch in (*switches, *others)))[1]
    assert not [switch for switch in others if switch in line]
    assert line.count("noResultValue 0.0") == line.count("info move") + 1
    owned, _, spread = line.partition(" ownership ")[2].partition(" ownershipStdev ")
    means, deviations = np.array(owned.split(), float), np.array(spread.split(), float)
    assert len(means) == len(deviations) == 81
    assert deviations == pytest.approx(np.sqrt(1 - means**2), abs=0.02)
    off = " ".join(f"{switch} false" for switch in (*switches, *others))
    assert ok(engine(), f"{name} {off}") == ok(engine(), name)
    assert ok(engine(), "lz-analyze ownership true rootInfo true")[1] == ok(engine(), "lz-analyze")[1]


def test_several_groups_of_moves_to_avoid_for_each_colour() -> None:
    network = favourites("C3", "G7", "G3")
    line = segments(ok(engine(network, Input(30)), "kata-analyze b 10 avoid b C3 1 avoid b G7 1 avoid w C3,G7 4")[1])[0]
    assert line[1][0] == "G3"
    line = segments(ok(engine(network, Input(30)), "lz-analyze 10 allow b G7 1 allow w C7,D7 2 maxmoves 3")[2])[0]
    assert line[1][0] == "G7" and line[1][1] in ("C7", "D7")


def test_a_board_without_a_legal_move_shows_a_pass() -> None:
    player = Player(FakeNetwork(2))
    gtp = Engine(make_handlers(Session(lambda: player, 2)), crash_report)
    for vertex in ("a1", "a2", "b1"):
        ok(gtp, f"play b {vertex}")
    ok(gtp, "play w pass")
    (fields, line), *_ = segments(ok(gtp, "lz-analyze b")[1])
    assert line == [fields["move"]] == ["pass"] and fields["visits"] == "1000"


def test_another_size_than_the_networks_fails_before_anything_is_said() -> None:
    gtp = engine()
    ok(gtp, "boardsize 13")
    for name in (*ANALYZE, *GENMOVE, "kata-raw-nn", "heatmap"):
        answer = gtp.answer(f"4 {name}".encode())
        assert answer is not None and answer.startswith(b"?4 the network fake plays 9x9 only")


# The raw output


class Lopsided(FakeNetwork):
    """Likes the upper left corner of whatever it is shown."""

    def policy(self, batch: Any, symmetries: int = 1, legal: Any = None) -> Any:
        shares = np.where(legal, 2.0 ** -np.arange(self.size**2), 0)
        return np.asarray(shares / shares.sum(axis=1, keepdims=True), np.float32)


def test_the_raw_network_as_katago_writes_it() -> None:
    gtp = engine(favourites("C3"))
    ok(gtp, "play b e5")
    text = "\n".join(ok(gtp, "kata-raw-nn 0")).strip()
    words = text.split()
    assert words[:2] == ["symmetry", "0"]
    at = {key: words.index(key) + 1 for key in ("whiteWin", "whiteLoss", "whiteLead", "policy", "whiteOwnership")}
    policy = words[at["policy"] : at["policy"] + 81]
    assert [number for number, word in enumerate(policy) if word == "NAN"] == [parse_vertex("E5", 9)]
    assert sum(float(word) for word in policy if word != "NAN") == pytest.approx(1, abs=1e-3)
    owned = np.array(words[at["whiteOwnership"] :], float)
    assert owned.shape == (81,) and owned[parse_vertex("E5", 9)] < -0.3  # Black's stone
    assert float(words[at["whiteWin"]]) + float(words[at["whiteLoss"]]) == pytest.approx(1)
    assert "\n".join(ok(gtp, "kata-raw-nn all")).count("symmetry") == 8


@pytest.mark.parametrize("symmetry", range(8))
def test_a_symmetry_turns_the_board_and_the_answer_back(symmetry: int) -> None:
    position = Position(9)
    corner = np.zeros((9, 9))
    corner[0, 0] = 1
    policy = Player(Lopsided(9)).policy(position, symmetry).reshape(9, 9)
    # what the network likes on the turned board is the corner that came to lie at the upper left
    assert transform(policy, symmetry)[0, 0] == policy.max() > 0.4
    assert policy.sum() == pytest.approx(1)


def test_the_heat_map_as_leela_zero_writes_it() -> None:
    answer = ok(engine(favourites("C3", "G7")), "heatmap")
    rows = [line.split() for line in answer if re.fullmatch(r"[ \d]+", line)]
    assert len(rows) == 9 and {len(row) for row in rows} == {9}
    assert int(rows[6][2]) == max(int(word) for row in rows for word in row) > 500
    assert answer[-2] == "pass:   0" and re.fullmatch(r"winrate: 0\.\d{6}", answer[-1])
    assert len(ok(engine(), "heatmap all")) == 8 * 11 + 1
    assert len(ok(engine(), "heatmap average")) == 11 + 1
