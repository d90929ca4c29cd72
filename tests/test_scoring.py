"""Area and territory, counted by hand on small boards, and as GNU Go counts whole games."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from diagrams import DAME, EYE_EACH, parse
from fake_network import FakeNetwork

from goengine.coords import parse_vertex
from goengine.estimate import Estimate, estimate
from goengine.gtp.handlers import crash_report, make_handlers
from goengine.gtp.protocol import Engine
from goengine.gtp.session import Session
from goengine.match.programs import find_gnugo
from goengine.player import Player
from goengine.rules import Position
from goengine.rulesets import find_ruleset
from goengine.scoring import final_score, handicap_stones, territory, territory_score
from goengine.sgf import GameRecord, scan_games

GNUGO = find_gnugo()
SAMPLES = Path(__file__).resolve().parent.parent / "data" / "samples"
NO_CAPTURES = {"black": 0, "white": 0}
JAPANESE = find_ruleset("japanese")


def position_of(diagram: str, to_play: str = "black") -> Position:
    drawn = parse(diagram)
    position = Position(drawn.size, komi=0)
    position.setup(drawn.black, drawn.white, to_play)  # type: ignore[arg-type]
    return position


def seen_in(diagram: str, to_play: str = "black") -> Estimate:
    return estimate(position_of(diagram, to_play), 2000)


def marks(seen: Estimate, seki_tax: bool = True) -> str:
    return "/".join("".join(".bw"[int(value)] for value in row) for row in territory(seen, seki_tax))


WALLS = "/".join([".X.XO.O.."] * 9)


def test_empty_points_of_each_side_are_its_territory() -> None:
    seen = seen_in(WALLS)
    assert marks(seen) == "/".join(["b.b..w.ww"] * 9)
    assert territory_score(seen, NO_CAPTURES, 0) == 18 - 27
    assert territory_score(seen, NO_CAPTURES, 6.5) == 18 - 27 - 6.5
    assert territory_score(seen, {"black": 5, "white": 2}, 0) == 18 - 27 + 3


def test_a_dead_stone_counts_twice_once_as_territory_and_once_as_prisoner() -> None:
    dead_white = WALLS.replace(".X.XO.O..", ".XOXO.O..", 1)
    assert territory_score(seen_in(dead_white), NO_CAPTURES, 0) == 18 - 27 + 1
    dead_black = WALLS.replace(".X.XO.O..", ".X.XO.OX.", 1)
    assert territory_score(seen_in(dead_black), NO_CAPTURES, 0) == 18 - 27 - 1
    assert seen_in(dead_black).area_score(0) == 36 - 45


@pytest.mark.parametrize("to_play", ["black", "white"])
def test_neutral_points_are_nobodys_whoever_gets_to_fill_them(to_play: str) -> None:
    seen = seen_in(DAME, to_play)
    assert not territory(seen)[:2, 4].any() and territory(seen)[8, 4] == 0
    assert territory_score(seen, NO_CAPTURES, 0) == 18 - 18


def test_eyes_in_seki_count_nothing_in_japan() -> None:
    # Black B9 and White D9 have an eye each and share C9: who plays there is captured
    position = position_of(EYE_EACH)
    stones = position.board
    owner = np.zeros((9, 9), np.float32)
    owner[stones != 0] = stones[stones != 0]
    owner[0, 0], owner[0, 4] = 1, -1
    owner[3:, :2], owner[3:, 4:], owner[:3, 7:] = -1, 1, 1
    seen = Estimate(stones, owner, np.zeros(1, np.int32), estimate(position, 2000).chains)
    counted = "......." + "bb"
    rest = "/".join([counted, counted, *(["ww..bbbbb"] * 6)])
    assert marks(seen, seki_tax=True) == f"{counted}/{rest}"
    assert marks(seen, seki_tax=False) == f"b...w..bb/{rest}"
    assert territory_score(seen, NO_CAPTURES, 0, seki_tax=True) == 36 - 12
    assert territory_score(seen, NO_CAPTURES, 0, seki_tax=False) == 36 + 1 - 12 - 1


def test_the_handicap_bonus_is_whites_as_each_set_of_rules_says() -> None:
    position = Position(9, komi=0.5)
    position.setup(black=[20, 60, 24], to_play="white")
    seen = estimate(position, 200)
    plain = seen.area_score(0.5)
    for name, bonus in (("chinese", 3), ("chinese-kgs", 3), ("aga", 2), ("nz", 0), ("tromp-taylor", 0)):
        assert final_score(position, seen, find_ruleset(name)) == plain - bonus, name
    japanese = final_score(position, seen, JAPANESE)
    assert japanese == territory_score(seen, NO_CAPTURES, 0.5)


def test_what_counts_as_a_handicap() -> None:
    for black, white, stones in (([], [], 0), ([0], [], 0), ([0, 5], [], 2), ([0, 5], [9], 0)):
        position = Position(9)
        position.setup(black=black, white=white)
        assert handicap_stones(position) == stones
    position = Position(9)
    for vertex in ("d4", "e5"):
        position.play(parse_vertex(vertex, 9), "black")
    assert handicap_stones(position) == 0


# The peer


def finished_games() -> list[Path]:
    """The sample games that ended by two passes."""
    return [path for path in sorted(SAMPLES.glob("*.sgf")) if "two passes" in path.read_text()]


def gnugo_score(path: Path, rules: str) -> float:
    run = subprocess.run(
        [str(GNUGO), "--mode", "gtp", f"--{rules}-rules"],
        input=f"loadsgf {path}\nfinal_score\nquit\n",
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    word = next(line for line in reversed(run.stdout.split("\n")) if "+" in line or line == "= 0")[2:]
    return 0.0 if word == "0" else (1 if word[0] == "B" else -1) * float(word[2:])


def our_score(path: Path, rules: str) -> float:
    record = next(item for item in scan_games(path) if isinstance(item, GameRecord))
    position = record.start("simple")
    assert record.komi is not None
    position.komi = record.komi
    for color, point in record.plays():
        position.play(point, color)
    return final_score(position, estimate(position, 2000), find_ruleset(rules))


QUICK = 3
GAMES = [
    pytest.param(path, rules, id=f"{path.stem}-{rules}", marks=[pytest.mark.slow] if number >= QUICK else [])
    for number, path in enumerate(finished_games())
    for rules in ("japanese", "chinese")
]


@pytest.mark.skipif(GNUGO is None, reason="GNU Go is not installed")
@pytest.mark.parametrize(("path", "rules"), GAMES)
def test_finished_games_are_counted_as_gnu_go_counts_them(path: Path, rules: str) -> None:
    assert our_score(path, rules) == gnugo_score(path, rules)


HANDICAP = ["boardsize 9", "komi 0.5", "fixed_handicap 2"]  # C3, and G7, which dies
HANDICAP += [f"play b C{row}" for row in (1, 2, 4, 5, 6, 7, 8, 9)]
HANDICAP += [f"play {color} {column}{row}" for color, column in (("w", "F"), ("b", "E")) for row in range(1, 10)]


@pytest.mark.skipif(GNUGO is None, reason="GNU Go is not installed")
@pytest.mark.parametrize("rules", ["japanese", "chinese"])
def test_a_handicap_is_counted_as_gnu_go_counts_it(rules: str) -> None:
    run = subprocess.run(
        [str(GNUGO), "--mode", "gtp", f"--{rules}-rules"],
        input="\n".join([*HANDICAP, "final_score", "quit", ""]),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    session = Session(lambda: Player(FakeNetwork(9)), 9)
    engine = Engine(make_handlers(session), crash_report)
    for command in [*HANDICAP, f"kata-set-rules {rules}"]:
        answer = engine.answer(command.encode())
        assert answer is not None and answer.startswith(b"="), command
    assert handicap_stones(session.position) == 2
    assert engine.answer(b"final_score") == f"{run.stdout.strip().splitlines()[-3]}\n\n".encode()
