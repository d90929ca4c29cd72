"""A player's repertoire: found again on turned boards, blended with the policy, kept in the network's file."""

from pathlib import Path

import numpy as np
import pytest
import torch
from small_games import corpus
from tiny_network import write_tiny_network

from goengine.checkpoint import load_network, save_network
from goengine.errors import NetworkFileError
from goengine.features import encode_words
from goengine.repertoire import Repertoire
from goengine.rules import Position
from goengine.symmetry import inverse_table, symmetry_table

POINTS = 81


def words_of(*moves: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint64]]:
    """uint64 (1, 81): the position after these moves, Black first."""
    position = Position(9)
    for move in moves:
        position.play(move)
    return position.encode_words().reshape(1, POINTS)


def chosen(*games: tuple[tuple[int, ...], int], stones: int = 60, weight: float = 1.0) -> Repertoire:
    """Of these positions and the points chosen there."""
    words = np.concatenate([words_of(*moves) for moves, _ in games])
    return Repertoire.of(words, np.array([point for _, point in games]), 9, stones, weight)


FLAT = np.full((1, POINTS), 1 / POINTS, np.float32)


@pytest.mark.parametrize("turn", range(8))
def test_a_turned_position_is_known_by_its_turned_answer(turn: int) -> None:
    moves, answers = (10, 33, 52), (20, 20, 70)
    to = inverse_table(9)[turn]
    repertoire = chosen(*((moves, answer) for answer in answers), weight=2.0)
    assert len(repertoire) == 1 and sorted(repertoire.counts.tolist()) == [1, 2]
    policy = repertoire.blend(FLAT, words_of(*to[list(moves)].tolist()))
    expected = np.full(POINTS, 2 / POINTS)
    expected[to[20]] += 2
    expected[to[70]] += 1
    assert policy[0] == pytest.approx(expected / 5, rel=1e-5)
    assert policy[0].sum() == pytest.approx(1, abs=1e-5)


def test_only_the_position_counts() -> None:
    repertoire = chosen(((10, 33, 52), 20))
    known = [words_of(10, 33, 52), words_of(52, 33, 10)]
    others = [words_of(10, 52, 33), words_of(10, 33), words_of(10, 33, 53), words_of(10, 33, 52, 60)]
    assert [bool((repertoire.blend(FLAT, words) != FLAT).any()) for words in known] == [True] * 2
    assert [repertoire.blend(FLAT, words) is FLAT for words in others] == [True] * 4


def test_a_symmetric_position_shares_the_answer_out() -> None:
    policy = chosen(((), 20)).blend(FLAT, words_of())[0]
    images = np.unique(symmetry_table(9)[:, 20])
    assert len(images) == 4
    assert policy[images] == pytest.approx(np.full(4, (1 / 4 + 1 / POINTS) / 2))
    assert policy.sum() == pytest.approx(1, abs=1e-5)


def test_what_is_illegal_is_passed_over_and_crowded_boards_are_left_out() -> None:
    repertoire = chosen(((10, 33, 52), 20), ((10, 33, 52), 70), ((1, 2, 3, 4), 20), stones=3)
    assert len(repertoire) == 1
    legal = np.ones((1, POINTS), bool)
    legal[0, 20] = False
    policy = repertoire.blend(np.where(legal, 1 / 80, 0).astype(np.float32), words_of(10, 33, 52), legal)[0]
    assert policy[20] == 0 and policy[70] == pytest.approx((1 + 1 / 80) / 2) and policy.sum() == pytest.approx(1)
    empty = chosen(((1, 2, 3, 4), 20), stones=3)
    assert len(empty) == 0 and empty.blend(FLAT, words_of()) is FLAT


def test_it_stands_in_the_file_of_its_network(tmp_path: Path) -> None:
    network = load_network(write_tiny_network(tmp_path))
    assert network.repertoire is None
    games = corpus(6)
    words, targets, _ = games.encode(np.arange(len(games)))
    repertoire = Repertoire.of(words, targets, 9, stones=10)
    path = tmp_path / "with.safetensors"
    save_network(path, network.module, network.metadata, repertoire)
    again = load_network(path)
    assert again.repertoire is not None and (again.repertoire.stones, again.repertoire.weight) == (10, 1.0)
    for mine, theirs in zip(repertoire.tensors().values(), again.repertoire.tensors().values(), strict=True):
        assert np.array_equal(mine, theirs)
    for mine, theirs in zip(network.module.state_dict().values(), again.module.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs)
    boards = words.reshape(-1, 9, 9)
    plain = network.policy(boards)
    assert np.array_equal(again.policy(boards), repertoire.blend(plain, words))
    turned = encode_words(Position(9))[None]
    assert again.policy(turned, symmetries=8).sum() == pytest.approx(1, abs=1e-5)
    few = np.count_nonzero(words & np.uint64(3), axis=1) <= 10
    right = again.policy(boards)[np.arange(len(words)), targets] > plain[np.arange(len(words)), targets]
    assert right[few].all() and not right[~few].any()
    save_network(path, again.module, again.metadata)
    assert load_network(path).repertoire is None


def test_damage_is_refused(tmp_path: Path) -> None:
    path = write_tiny_network(tmp_path)
    network, repertoire = load_network(path), chosen(((10, 33), 20), ((10, 34), 21))
    for points in ([20, 400], [20], [-1, 3]):
        bad = Repertoire(9, 60, 1.0, repertoire.positions, np.array(points, np.int16), repertoire.counts)
        save_network(path, network.module, network.metadata, bad)
        with pytest.raises(NetworkFileError, match=r"tiny9.safetensors: its repertoire of openings is damaged; fetch"):
            load_network(path)
    many = np.array([[20, 21]], np.int16)
    for of_those, counts, weight in (
        (repertoire.points, repertoire.counts, float("inf")),
        (repertoire.points, np.full_like(repertoire.counts, np.inf), 1.0),
        (many, repertoire.counts[None], 1.0),
    ):
        bad = Repertoire(9, 60, weight, repertoire.positions, of_those, counts)
        save_network(path, network.module, network.metadata, bad)
        with pytest.raises(NetworkFileError, match=r"tiny9.safetensors: its repertoire of openings is damaged; fetch"):
            load_network(path)
