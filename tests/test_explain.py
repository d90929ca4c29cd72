"""Stones taken away through the rules, networks whose reasons are known, and the command that says and draws them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diagrams import parse, set_up
from tiny_network import write_tiny_network
from torch import Tensor, nn

from goengine.checkpoint import Network, load_network
from goengine.cli import main
from goengine.coords import parse_vertex
from goengine.errors import GoEngineError, IllegalMove, NetworkFileError
from goengine.networks import PolicyNetwork
from goengine.rules import Position
from goengine.sgf import read_games
from goengine.visualize.moves import integrated_points, move_score, planes_of, saliency_points
from goengine.visualize.stones import chains, dependence, without

SAMPLES = Path(__file__).resolve().parent.parent / "data" / "samples"


class _Follows(PolicyNetwork):
    """Plays a point because of one stone there and against another; all else counts nothing."""

    def __init__(self) -> None:
        super().__init__(in_planes=48, num_actions=49)
        self.weight = nn.Parameter(torch.zeros(48, 49))
        self.weight.data[0, 10] = 2.0  # an own stone at point 10 adds 2 to the logit of point 24
        self.weight.data[1, 12] = -1.0  # an opponent's at point 12 takes 1 off

    def forward(self, x: Tensor) -> Tensor:
        logits = torch.zeros(len(x), 49)
        logits[:, 24] = (x.flatten(2) * self.weight).sum((1, 2))
        return logits


@pytest.fixture
def follows() -> Network:
    module = _Follows().eval().requires_grad_(False)
    return Network(module, {"config": module.config}, "follows", "alphago48", 7)


@pytest.fixture
def position() -> Position:
    position = Position(7)
    position.setup(black=[10, 40], white=[12, 44])
    return position


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_network(tmp_path_factory.mktemp("network"), 9)


def test_nothing_taken_away_changes_nothing() -> None:
    """Stones, their ages, liberties, ladders and ko of real games are rebuilt as they were."""
    random, kos, compared = np.random.default_rng(0), 0, 0
    for path in sorted(SAMPLES.glob("*.sgf"))[:7]:
        (record,) = read_games(path)
        position = record.start()
        for color, point in record.plays():
            position.play(point, color)
            ko = position.ko_point
            if position.move_number < 2 or (ko is None and random.random() > 0.05):
                continue
            rebuilt = without(position, ())
            kos += ko is not None
            compared += 1
            np.testing.assert_array_equal(rebuilt.encode_words(), position.encode_words())
            assert (rebuilt.ko_point, rebuilt.to_play, rebuilt.komi) == (ko, position.to_play, position.komi)
            some = random.choice(np.flatnonzero(position.board), 2, replace=False).tolist()
            left = position.board
            left.flat[some] = 0
            np.testing.assert_array_equal(without(position, some).board, left)
    assert kos >= 3 and compared > 40


def test_liberties_and_captures_follow() -> None:
    """Without the stone at a, Black's stone has two liberties more and White cannot take it."""
    diagram = """
        . . . . .
        . a O . .
        O X b . .
        . O . . .
        . . . . .
    """
    position = set_up(diagram.replace("a", "O").replace("b", "."), to_play="white")
    white, capture = parse(diagram).at("a"), parse(diagram).at("b")
    assert position.chain(11)[1] == (capture,)
    rebuilt = without(position, [white])
    assert rebuilt.chain(11)[1] == (white, capture)
    takes_one = 1 << 21
    assert int(position.encode_words().flat[capture]) & takes_one
    assert not int(rebuilt.encode_words().flat[capture]) & takes_one


def test_a_ko_lasts_as_long_as_its_stones() -> None:
    position = set_up(
        """
        . X O .
        X . X O
        . X O .
        . . . .
        """,
        to_play="white",
    )
    position.play(5)
    assert position.ko_point == 6 and position.last_move == ("white", 5)
    assert not position.is_legal(6)
    untouched = without(position, [])
    assert untouched.ko_point == 6 and untouched.captures["white"] == 1
    lifted = without(position, [2])  # White's stone beside the ko: now Black's capture would be none
    assert lifted.ko_point is None and lifted.board[1, 2] == 0
    freed = without(position, [1])  # Black's: White's stone has a second liberty, so it is no ko
    assert freed.ko_point is None and freed.board[1, 1] == -1 and freed.board[1, 2] == 0
    undone = without(position, [5])  # the capturing stone itself: as if White had passed
    assert undone.last_move == ("white", None) and undone.board[1, 2] == 0 and undone.is_legal(6)


def test_weights_are_those_of_a_network_that_is_known(follows: Network, position: Position) -> None:
    found = {one.points: one for one in dependence(follows, position, 24)}
    assert set(found) == {(10,), (12,), (40,), (44,)}
    assert found[(10,)].weight == pytest.approx(2, abs=1e-5)
    assert found[(12,)].weight == pytest.approx(-1, abs=1e-5)
    assert found[(40,)].weight == pytest.approx(0, abs=1e-6) and found[(44,)].weight == pytest.approx(0, abs=1e-6)
    others = 44  # legal points besides the move
    assert found[(10,)].before == pytest.approx(np.e / (np.e + others), rel=1e-5)
    assert found[(10,)].after == pytest.approx(np.exp(-1) / (np.exp(-1) + others), rel=1e-5)
    (both,) = dependence(follows, position, 24, [(12, 10)])
    assert both.points == (10, 12) and both.weight == pytest.approx(1, abs=1e-5)


def test_the_new_empty_point_is_no_rival(position: Position) -> None:
    """A network that loves the point of a stone once it is gone: the move does not depend on that stone."""

    class Refill(_Follows):
        def forward(self, x: Tensor) -> Tensor:
            logits = super().forward(x)
            logits[:, 40] = 20.0
            return logits

    module = Refill().eval().requires_grad_(False)
    network = Network(module, {"config": module.config}, "refill", "alphago48", 7)
    found = {one.points: one for one in dependence(network, position, 24)}
    assert found[(40,)].weight == pytest.approx(0, abs=1e-6)


def test_a_move_that_becomes_illegal_says_so(follows: Network) -> None:
    """Black takes at a; without the stone at b nothing would be taken, and the move would be suicide."""
    diagram = """
        a O b . . . .
        O X . . . . .
        . . . . . . .
        . . . . . . .
        . . . . . . .
        . . . . . . .
        . . . . . . .
    """
    move, helper = parse(diagram).at("a"), parse(diagram).at("b")
    position = set_up(diagram.replace("a", ".").replace("b", "X"))
    first, second = dependence(follows, position, move, [(helper,), (8,)])
    assert not first.legal and first.after == 0 and first.before > 0 and first.weight > 5
    assert not second.legal
    with pytest.raises(IllegalMove, match="black A7 is illegal"):
        dependence(follows, without(position, [helper]), move)


def test_gradients_lie_where_the_weights_are(follows: Network, position: Position) -> None:
    pytest.importorskip("captum")
    score = move_score(follows, position, 24)
    p = np.e / (np.e + 44)
    assert float(score(planes_of(follows, position))) == pytest.approx(np.log(p / (1 - p)), abs=1e-5)
    expected = np.zeros(49)
    expected[[10, 12]] = 2, 1
    for symmetries in (1, 8):
        found = saliency_points(follows, position, 24, symmetries)
        assert found.shape == (7, 7)
        if symmetries == 1:
            np.testing.assert_allclose(found.reshape(-1), expected, atol=1e-5)
    signed = integrated_points(follows, position, 24)
    np.testing.assert_allclose(signed.reshape(-1)[[10, 12]], [2, -1], atol=1e-4)
    assert np.abs(np.delete(signed.reshape(-1), [10, 12])).max() < 1e-5


def test_eight_symmetries_are_those_of_the_network(tiny: Path) -> None:
    network = load_network(tiny)
    position = Position(9)
    for point in (40, 30, 50):
        position.play(point)
    legal = position.legal_mask()
    for symmetries in (1, 8):
        p = float(network.policy(position.encode_words()[None], symmetries, legal[None])[0][22])
        score = move_score(network, position, 22, symmetries)
        assert float(score(planes_of(network, position))) == pytest.approx(np.log(p / (1 - p)), abs=1e-4)


def test_chains_are_whole(position: Position) -> None:
    position.play(11)
    assert chains(position) == [(10, 11), (12,), (40,), (44,)]


def test_a_board_shows_heat_where_there_is_some(position: Position) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.patches import Circle, Rectangle

    from goengine.visualize.boards import draw_board
    from goengine.visualize.pictures import make_figure

    heat = np.full((7, 7), np.nan)
    heat.flat[[10, 12, 40, 20, 21, 22]] = 2, -9, 0.01, 1, -1, 0
    shown: dict[bool, list[list[float]]] = {}
    for signed in (False, True):
        axes = make_figure(3, 3).subplots()
        colored = draw_board(axes, position.board, heat, signed=signed, most=2.0)
        assert colored.get_clim() == (-2 if signed else 0, 2)
        discs = [p for p in axes.patches if isinstance(p, Circle) and 0.15 < p.get_radius() < 0.4]
        squares = [p for p in axes.patches if isinstance(p, Rectangle)][1:]  # the first is the wood
        centers: list[Any] = [p.get_center() for p in discs]
        shown[signed] = [[float(x), float(y)] for x, y in centers]
        shown[signed] += [[p.get_x() + 0.5, p.get_y() + 0.5] for p in squares]
    assert shown[False] == [[3, 1], [6, 2]]
    assert shown[True] == [[3, 1], [5, 1], [6, 2], [0, 3]]


# The command


@pytest.fixture
def record(tmp_path: Path) -> Path:
    path = tmp_path / "game.sgf"
    path.write_text("(;GM[1]FF[4]SZ[9]KM[5.5];B[ee];W[cc];B[gc];W[gg];B[])")
    return path


def test_explain_writes_the_picture_and_names_the_stones(
    record: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("captum")
    pytest.importorskip("matplotlib")
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    command = ["explain", str(record), "--move", "3", "--network", str(tiny), "--threads", "1"]
    assert main(command) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[0].startswith("after 3 moves, white ") and lines[0].endswith("its favourite")
    assert lines[1] == "G3 was played" or lines[1] == "the move played"
    named = [line for line in lines if " -> " in line]
    assert len(named) == 3 and sum("the last move" in line for line in named) == 1
    assert captured.err == "wrote game-move-3.png\n"
    with Image.open(tmp_path / "game-move-3.png") as picture:
        assert picture.format == "PNG" and picture.size == (1000, 560)
    assert not list(tmp_path.glob("*.tmp"))

    two = tmp_path / "both.2.sgfs"
    two.write_text(record.read_text() * 2)
    assert main(["explain", str(two), "--game-number", "2", *command[2:], "--top", "1"]) == 0
    assert capsys.readouterr().err == "wrote both.2-game-2-move-3.png\n"
    assert main([*command, "--out", str(tmp_path)]) == 2
    assert "is a folder: give the name of a file" in capsys.readouterr().err

    more = ["--played", "--by", "chain", "--symmetries", "8", "--json", "--no-picture"]
    assert main([*command, *more]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["move"] == report["played"] == "G3" and report["picture"] is None and report["by"] == "chain"
    weights = [stone["weight"] for stone in report["stones"]]
    assert weights == sorted(weights, reverse=True)
    network = load_network(tiny)
    (game,) = read_games(record)
    position = game.start()
    for color, point in list(game.plays())[:3]:
        position.play(point, color)
    policy = network.policy(position.encode_words()[None], 8, position.legal_mask()[None])[0]
    assert report["probability"] == pytest.approx(float(policy[parse_vertex("G3", 9) or 0]), rel=1e-5)


def test_what_cannot_be_explained_is_one_line(
    record: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    base = ["explain", str(record), "--network", str(tiny), "--no-picture", "--threads", "1"]
    for words, reason in (
        (["--move", "4", "--played"], "goes on with a pass"),
        (["--played"], "the record ends there"),
        (["--vertex", "E5"], "white E5 is illegal after 5 moves"),
        (["--vertex", "K12"], "off the 9x9 board"),
        (["--vertex", "pass"], "pass cannot be explained"),
        (["--move", "9"], "--move 9 is not possible"),
    ):
        assert main([*base, *words]) == 2
        captured = capsys.readouterr()
        assert captured.out == "" and captured.err.count("\n") == 1 and reason in captured.err, captured.err
    monkeypatch.setattr("goengine.visualize.extras.find_spec", lambda name: None)
    assert main(base[:4]) == 2
    assert "pip install 'goengine[visualize]'" in capsys.readouterr().err
    assert main([*base, "--move", "0"]) == 0  # words alone need neither; an empty board has no stones
    assert "no stone on the board" in capsys.readouterr().out
    assert not list(tmp_path.glob("*.png"))


def test_a_network_for_another_board_is_refused(follows: Network) -> None:
    position = Position(9)
    position.play(40)
    with pytest.raises(NetworkFileError, match="7x7"):
        dependence(replace(follows, size=7), position, 20)
    with pytest.raises(GoEngineError, match="no stone to take away at point 3"):
        without(position, [3])
