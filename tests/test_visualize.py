"""Ascent whose summit is known, filters and maps as they are, shapes that were put into the games."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from small_games import corpus
from torch import Tensor, nn

from goengine.checkpoint import Network
from goengine.errors import GoEngineError
from goengine.features import plane_count
from goengine.images.networks import build_classifier
from goengine.networks import build_network
from goengine.visualize.ascent import excite, filter_score, neuron_score, plane_projection
from goengine.visualize.filters import (
    draw_filters,
    draw_maps,
    filter_tiles,
    first_filters,
    plane_names,
    strongest_planes,
)
from goengine.visualize.shapes import draw_shapes, find_shapes

WEIGHTS = torch.tensor([3.0, -2.0, 0.5, 0.0]).view(1, 1, 2, 2)


def weighted(x: Tensor) -> Tensor:
    return (x * WEIGHTS).sum((1, 2, 3))


def test_ascent_of_a_linear_score_ends_in_the_corner() -> None:
    found = excite(weighted, (1, 2, 2), steps=100, rate=0.2)
    torch.testing.assert_close(found.x[0, 0], torch.tensor([1.0, 0.0]))
    assert found.x[0, 1, 0] == 1.0 and found.score == pytest.approx(3.5)
    assert found.start < 0.7 and found.norm == pytest.approx(float(found.x.abs().sum()))


def test_the_l1_term_keeps_what_is_worth_its_price() -> None:
    """With 1 to pay a unit, only weights above 1 stay, and the others are exactly 0."""
    found = excite(weighted, (1, 2, 2), steps=100, rate=0.2, l1=1.0)
    assert found.x.flatten().tolist() == [1.0, 0.0, 0.0, 0.0]
    both = excite(weighted, (1, 2, 2), steps=100, rate=0.2, l1=1.0, low=-1.0)
    assert both.x.flatten().tolist() == [1.0, -1.0, 0.0, 0.0]


def test_ascent_climbs_a_parabola_to_its_top() -> None:
    found = excite(lambda x: -((x - 0.3) ** 2).sum((1, 2, 3)), (1, 2, 2), steps=200, low=-1.0)
    torch.testing.assert_close(found.x, torch.full((1, 2, 2), 0.3), atol=0.01, rtol=0)


@pytest.mark.parametrize("what", ["filter", "neuron", "output"])
def test_ascent_excites_a_real_network_and_l1_makes_the_input_sparser(what: str) -> None:
    torch.manual_seed(0)
    network = build_classifier("lecture", channels=1, size=8, classes=10, width=8).eval().requires_grad_(False)
    score = {
        "filter": filter_score(network, "features.3", 2),
        "neuron": neuron_score(network, "features.0", 4, (3, 5)),
        "output": neuron_score(network, "", 7),
    }[what]
    plain = excite(score, (1, 8, 8), steps=40)
    sparse = excite(score, (1, 8, 8), steps=40, l1=0.02 * plain.score)
    assert plain.score > plain.start + 0.5 and sparse.score > sparse.start
    assert sparse.norm < plain.norm and (sparse.x == 0).sum() >= (plain.x == 0).sum()
    assert plain.x.min() >= 0 and plain.x.max() <= 1
    torch.testing.assert_close(float(score(plain.x[None])), plain.score)


def test_planes_stay_within_what_a_point_can_be() -> None:
    project = plane_projection("alphago48")
    x = project(torch.rand(1, plane_count("alphago48"), 5, 5, generator=torch.Generator().manual_seed(1)) * 2)
    assert (x[:, 3] == 1).all() and (x[:, 47] == 0).all()
    for first, count in ((0, 3), (4, 8), (12, 8), (20, 8), (28, 8), (36, 8)):
        assert (x[:, first : first + count].sum(1) <= 1 + 1e-6).all()
    torch.testing.assert_close(project(x), x)


def test_ascent_refuses_what_cannot_be() -> None:
    for settings in ({"steps": 0}, {"rate": 0.0}, {"l1": -1.0}, {"low": 1.0}):
        with pytest.raises(GoEngineError, match="ascent with steps"):
            excite(weighted, (1, 2, 2), **settings)
    with pytest.raises(GoEngineError, match="does not change"):
        excite(lambda x: 0 * x.sum((1, 2, 3)), (1, 2, 2))
    network = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Flatten(), nn.Linear(12, 2))
    for score, reason in (
        (filter_score(network, "0", 3), "no number 3: use 0 to 2"),
        (filter_score(network, "2", 0), "gives no maps"),
        (neuron_score(network, "0", 0, (2, 0)), r"no point \(2, 0\)"),
        (neuron_score(network, "0", 0), "gives no units"),
        (neuron_score(network, "nine", 0), "no layer 'nine'"),
    ):
        with pytest.raises(GoEngineError, match=reason):
            excite(score, (1, 4, 4))


def test_filters_are_the_weights_of_the_first_convolution() -> None:
    network = build_classifier("lecture", channels=1, size=8, classes=10)
    name, weights = first_filters(network)
    assert name == "features.0" and weights.shape == (25, 1, 3, 3)
    np.testing.assert_array_equal(filter_tiles(weights), weights[:, 0])
    colours = np.random.default_rng(0).normal(size=(4, 3, 5, 5)).astype(np.float32)
    tiles = filter_tiles(colours)
    assert tiles.shape == (4, 5, 5, 3) and tiles.min() >= 0 and tiles.max() <= 1
    assert np.unravel_index(np.abs(tiles[0] - 0.5).argmax(), (5, 5, 3))[2] == np.abs(colours[0]).max((1, 2)).argmax()
    planes = np.zeros((2, 48, 5, 5), np.float32)
    planes[0, 0], planes[0, 1, 2, 2], planes[1, 12, 1, 1] = 1, 3, 9
    assert filter_tiles(planes)[0, 2, 2] == -2
    names = plane_names("alphago48")
    assert len(names) == 48 and names[:4] == ["own", "opponent", "empty", "ones"]
    assert names[12] == "liberties 1" and names[20] == "capture size 0" and names[46] == "sensibleness"
    assert strongest_planes(planes, names, 2) == [["own", "opponent"], ["liberties 1", "own"]]
    dense = build_classifier("fully_connected", channels=1, size=8, classes=10)
    with pytest.raises(GoEngineError, match="no convolution"):
        first_filters(dense)


@pytest.fixture
def searched() -> Network:
    """Its filter 0 counts own stones on a point and its right neighbour, filter 1 the opponent's stone above."""
    module = build_network("alphago", in_planes=48, num_actions=81, filters=2, depth=1).eval().requires_grad_(False)
    stem = module.stem
    assert isinstance(stem, nn.Conv2d)
    stem.weight.zero_()
    assert stem.bias is not None
    stem.bias.zero_()
    stem.weight[0, 0, 2, 2], stem.weight[0, 0, 2, 3], stem.weight[1, 1, 1, 2] = 1, 2, 4
    return Network(module, {"config": module.config}, "searched", "alphago48", 9)


def test_shapes_are_found_where_they_are(searched: Network) -> None:
    games = corpus(12)
    calls: list[tuple[int, int]] = []
    found = find_shapes(searched, games, "stem", top=3, progress=lambda done, total: calls.append((done, total)))
    assert set(found) == {0, 1} and calls[-1] == (len(games), len(games))
    assert found[0][0].value == 3 and found[1][0].value == 4
    for shapes in found.values():
        assert len({shape.game for shape in shapes}) == len(shapes)
        assert [shape.value for shape in shapes] == sorted((shape.value for shape in shapes), reverse=True)
    for shape in found[0]:
        row, column = divmod(shape.point, 9)
        around = np.pad(shape.board, 1)
        own = (around[row + 1, column + 1] == 1) + 2 * (around[row + 1, column + 2] == 1)
        assert own == shape.value
        top, left, bottom, right = shape.window  # two own stones in a row are all that filter 0 sees
        assert top <= row <= bottom and left <= column <= right and bottom - top <= 4 and right - left <= 4
        codes = games.codes(shape.game)
        assert shape.move_number < len(codes)
    assert found[1][0].board.reshape(-1)[found[1][0].point - 9] == -1
    only = find_shapes(searched, games, "stem", filters=[1], top=1, limit=20)
    assert list(only) == [1] and len(only[1]) == 1


def test_a_search_that_cannot_be_is_one_line(searched: Network) -> None:
    games = corpus(2)
    with pytest.raises(GoEngineError, match="has no filter 2: use 0 to 1"):
        find_shapes(searched, games, "stem", filters=[2])
    with pytest.raises(GoEngineError, match="no maps of 9x9"):
        find_shapes(searched, games, "head", limit=5)
    searched.size = 19
    with pytest.raises(GoEngineError, match="19x19 boards"):
        find_shapes(searched, games, "stem")


def test_pictures_are_drawn(searched: Network, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from PIL import Image

    from goengine.visualize.pictures import write_png

    found = find_shapes(searched, corpus(4), "stem", top=2, limit=40)
    network = build_classifier("lecture", channels=1, size=8, classes=10).eval()
    for name, figure in {
        "shapes": draw_shapes(found, "some shapes"),
        "filters": draw_filters(network),
        "planes": draw_filters(searched.module, "alphago48"),
        "maps": draw_maps(network, "features.0", torch.rand(1, 1, 8, 8), "noise"),
    }.items():
        path = write_png(figure, tmp_path / "new" / f"{name}.png", dpi=60)
        with Image.open(path) as picture:
            width, height = figure.get_size_inches()
            assert picture.format == "PNG" and picture.mode == "P"
            assert picture.size == (int(width * 60), int(height * 60))
    assert len(list((tmp_path / "new").iterdir())) == 4
    with pytest.raises(GoEngineError, match="no maps"):
        draw_maps(network, "head.1", torch.rand(1, 1, 8, 8))
    with pytest.raises(GoEngineError, match="no shapes"):
        draw_shapes({0: []})
