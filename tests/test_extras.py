"""Extra targets and biases of sources: labels as the rules give them, losses by hand, and the ordinary network."""

from pathlib import Path

import numpy as np
import pytest
import torch
from small_games import corpus, random_game
from torch import Tensor

from goengine.checkpoint import load_network
from goengine.corpus import Corpus
from goengine.dataset import Batch, PositionSampler, Prefetcher
from goengine.errors import GoEngineError, RecipeError
from goengine.features import encode_games
from goengine.metrics import brier_loss, legal_points, mask_illegal
from goengine.movecodes import PASS, POINT_MASK, SETUP, WHITE
from goengine.networks import build_network
from goengine.recipe import Recipe, recipe_from
from goengine.rules import Color, Position
from goengine.symmetry import transform
from goengine.trainer import Trainer, read_run, save_checkpoint
from goengine.trainer.extras import Extras

CPU = torch.device("cpu")
ALL = {"next_moves": {1: 0.15, 2: 0.1}, "future_board": {8: 0.25, 32: 0.0625}, "source_biases": "second"}
TINY = {"board_size": 9, "filters": 8, "depth": 1, "batch": 16, "positions": 1600, "warmup": 0, "ema": [100]}
TINY |= {"precision": "float32"}  # not what this processor does best


def recipe(**changes: object) -> Recipe:
    return recipe_from({**TINY, **ALL, **changes}, "test")


def trainer(**changes: object) -> Trainer:
    return Trainer(recipe(**changes), CPU, None, ("first", "second"))


def batches(count: int, size: int = 16) -> list[Batch]:
    feeder = Prefetcher(PositionSampler(corpus(12), size, seed=9), next_moves=(1, 2), boards=(8, 32))
    found = [batch for batch, _ in zip(feeder, range(count), strict=False)]
    feeder.close()
    return found


def replayed(codes: list[int], size: int = 9) -> list[tuple[list[int], list[np.ndarray]]]:
    """Of each label, the points of its next three plies and its boards, now, 3 plies and 30 plies later."""
    position = Position(size)
    setup = [code & POINT_MASK for code in codes if code & SETUP]
    position.setup(black=setup, to_play="white" if setup else "black")
    plies = [code for code in codes if not code & SETUP]
    boards = [position.board.copy().reshape(-1)]
    for code in plies:
        point = code & POINT_MASK
        position.play(None if point == PASS else point, "white" if code & WHITE else "black")
        boards.append(position.board.copy().reshape(-1))
    found = []
    for at, code in enumerate(plies):
        if code & POINT_MASK == PASS:
            continue
        later = []
        for ahead in (1, 2, 3):
            then = plies[at + ahead] if at + ahead < len(plies) else PASS
            same = (then & WHITE) == (code & WHITE)
            late = then & POINT_MASK
            later.append(-1 if late == PASS or same != (ahead % 2 == 0) else late)
        own = -1 if code & WHITE else 1
        found.append((later, [own * boards[min(at + ahead, len(plies))] for ahead in (0, 3, 30)]))
    return found


@pytest.mark.parametrize("threads", [1, 3])
def test_what_comes_later_is_what_the_rules_say(threads: int) -> None:
    games = [random_game(seed) for seed in range(10)]
    twice = games[2].copy()  # from here on the players have changed colours: one of them plays twice
    twice[20:] ^= np.uint16(WHITE)
    position = Position(9)
    for legal, code in enumerate(twice.tolist()):  # noqa: B007
        point = code & POINT_MASK
        color: Color = "white" if code & WHITE else "black"
        if point != PASS and not position.is_legal(point, color):
            break
        position.play(None if point == PASS else point, color)
    games.append(twice[:legal])
    assert legal > 22
    offsets = np.cumsum([0, *map(len, games)])
    sources = np.zeros(len(games), np.int64)
    made = Corpus(9, ("only",), np.concatenate(games), offsets, sources)
    expected = [label for codes in games for label in replayed(codes.tolist())]
    labels = np.random.default_rng(0).permutation(len(made))
    words, targets, moves, boards = made.encode_ahead(labels, threads, (1, 2, 3), (0, 3, 30))
    plain = made.encode(labels)
    assert (words == plain[0]).all() and (targets == plain[1]).all()
    assert moves.tolist() == [expected[label][0] for label in labels]
    assert (boards == np.array([expected[label][1] for label in labels])).all()
    assert (moves == -1).mean() > 0.05 and boards.dtype == np.int8 and set(np.unique(boards)) == {-1, 0, 1}


def test_boards_that_do_not_fit_are_refused() -> None:
    codes = random_game(0)
    game = (codes, np.array([0, len(codes)]), [0], [3], 9)
    with pytest.raises(GoEngineError, match=r"boards must be a C-ordered int8 array of shape \(1, 2, 81\)"):
        encode_games(*game, ahead=(1, 2), boards=np.empty((1, 1, 81), np.int8))
    with pytest.raises(GoEngineError, match=r"ahead = \[2, 1\]: numbers of moves, ascending"):
        encode_games(*game, ahead=[2, 1], boards=np.empty((1, 2, 81), np.int8))


def test_labels_are_turned_as_their_position_is() -> None:
    (batch,) = batches(1, 64)
    _, _, labels = trainer(batch=64).to_device(batch)
    assert batch.next_moves is not None and batch.boards is not None
    assert labels["sources"].tolist() == batch.sources.tolist()
    for i, turn in enumerate(batch.symmetries.tolist()):
        for k in range(2):
            turned = transform(batch.boards[i, k].reshape(9, 9), turn)
            assert (labels["boards"][i, k].numpy().reshape(9, 9) == turned).all()
            marked = np.zeros(81, bool)
            marked[batch.next_moves[i, k]] = True
            where = np.flatnonzero(transform(marked.reshape(9, 9), turn)).tolist()
            gone = batch.next_moves[i, k] < 0
            assert [int(labels["next_moves"][i, k])] == ([-1] if gone else where)
    assert (labels["next_moves"] < 0).any()


def test_losses_by_hand() -> None:
    extras = Extras(recipe(), ("first", "second"))
    torch.manual_seed(3)
    trunk = torch.randn(5, 8, 9, 9)
    torch.nn.init.normal_(extras.point_bias)
    moves = torch.tensor([[3, 80], [-1, 4], [7, -1], [-1, -1], [0, 1]])
    boards = torch.randint(-1, 2, (5, 2, 81), dtype=torch.int8)
    with torch.no_grad():
        terms, added = extras.losses(trunk, {"next_moves": moves, "boards": boards})
    assert extras.names == ("next_move_1", "next_move_2", "future_board_8", "future_board_32")
    weight, bias = extras.head.weight.detach().numpy()[:, :, 0, 0], extras.point_bias.detach().numpy()
    maps = np.einsum("oc,bcp->bop", weight, trunk.numpy().reshape(5, 8, 81)) + bias
    for k in range(2):
        logits = maps[:, k]
        nats = np.log(np.exp(logits).sum(1)) - logits[np.arange(5), moves[:, k].numpy()]
        assert float(terms[k]) == pytest.approx(nats[moves[:, k].numpy() >= 0].sum() / 5, rel=1e-5)
        error = (np.tanh(maps[:, 2 + k]) - boards[:, k].numpy()) ** 2
        assert float(terms[2 + k]) == pytest.approx(error.sum(1).mean() / 9, rel=1e-5)
    weighted = 0.15 * terms[0] + 0.1 * terms[1] + 0.25 * terms[2] + 0.0625 * terms[3]
    assert float(added) == pytest.approx(float(weighted), rel=1e-6)


def test_extra_targets_are_learnt_and_change_no_figure_of_the_policy() -> None:
    (batch,) = batches(1, 64)
    rates = {"rate": 0.01, "muon_rate": 0.01, "weight_decay": 0.0, "filters": 24, "batch": 64}
    learner, plain = trainer(**rates), Trainer(recipe(**rates, next_moves={}, future_board={}, source_biases=""), CPU)
    assert learner.learn(batch, 0.0)[0] == plain.learn(batch, 0.0)[0], "the same start, the same loss"
    first = {name: float(loss) for name, loss in learner.extra_losses.items()}
    for _ in range(60):
        learner.learn(batch, 1.0)
    assert list(first) == ["next_move_1", "next_move_2", "future_board_8", "future_board_32"] and not plain.extra_losses
    assert all(float(loss) < 0.8 * first[name] for name, loss in learner.extra_losses.items()), learner.extra_losses


@pytest.mark.parametrize("pieces", [{"parts": 4, "threads": 2}, {"accumulate": 4}])
def test_pieces_of_a_batch_give_the_wholes_gradient(pieces: dict[str, int]) -> None:
    stream = batches(4)
    whole, cut = trainer(network="alphago"), trainer(network="alphago", **pieces)
    for batch in stream:
        one, other = whole.learn(batch, 1.0), cut.learn(batch, 1.0)
        assert float(one[0]) == pytest.approx(float(other[0]), abs=1e-5)
    for mine, theirs in zip(whole.objective.parameters(), cut.objective.parameters(), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-5)
    for name, loss in whole.extra_losses.items():
        assert float(loss) == pytest.approx(float(cut.extra_losses[name]), abs=1e-5)


def test_a_resumed_run_equals_an_unbroken_one(tmp_path: Path) -> None:
    stream = batches(6)
    unbroken, broken = trainer(), trainer()
    expected = [unbroken.learn(batch, 1.0)[0].item() for batch in stream]
    first = [broken.learn(batch, 1.0)[0].item() for batch in stream[:3]]
    save_checkpoint(tmp_path, broken.recipe.as_dict(), broken.state({}))
    kept, state = read_run(tmp_path)
    resumed = Trainer(recipe_from(kept, "checkpoint"), CPU, None, ("first", "second"))
    resumed.restore(state)
    assert first + [resumed.learn(batch, 1.0)[0].item() for batch in stream[3:]] == expected
    for mine, theirs in zip(unbroken.objective.parameters(), resumed.objective.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    for (_, one), (_, other) in zip(unbroken.candidates(), resumed.candidates(), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    with pytest.raises(RecipeError, match="or of other extra targets, than the recipe's"):
        trainer(next_moves={}).restore(state)
    with pytest.raises(RecipeError, match="or of other extra targets, than the recipe's"):
        Trainer(recipe(next_moves={}, future_board={}, source_biases=""), CPU).restore(state)


def policy(module: torch.nn.Module, planes: Tensor) -> Tensor:
    with torch.no_grad():
        logits: Tensor = module.eval()(planes)
        return logits


@pytest.mark.parametrize("network", ["residual", "alphago"])
def test_the_exported_network_is_the_ordinary_one_with_the_kept_sources_bias(network: str, tmp_path: Path) -> None:
    learner = trainer(network=network, rate=0.02)
    stream = batches(8)
    for batch in stream:
        learner.learn(batch, 1.0)
    words, _, labels = learner.to_device(stream[0])
    planes, extras = learner.objective.planes(words), learner.objective.extras
    assert float(extras.stem_biases.detach().abs().min(1).values.max()) > 1e-4, "both sources have learnt something"
    second = torch.ones_like(labels["sources"])
    net = learner.module.eval()
    with torch.no_grad():
        wanted = net.get_submodule("head")(net.body(planes, extras.stem_bias({"sources": second})))
        other = net.get_submodule("head")(net.body(planes, extras.stem_bias({"sources": 0 * second})))
    assert not torch.allclose(wanted, other, atol=1e-3)
    averaged = build_network(network, in_planes=48, num_actions=81, filters=8, depth=1)
    averaged.load_state_dict(learner.averages.weights[0])
    bias = learner.extra_averages.weights[0]["stem_biases"][1]
    with torch.no_grad():
        wanted_of_average = averaged.eval().get_submodule("head")(averaged.body(planes, bias[None, :, None, None]))
    for name, module in learner.candidates():
        path = tmp_path / f"{name}.safetensors"
        learner.export(path, module, {}, {})
        ordinary = load_network(path).module
        assert ordinary.state_dict().keys() == averaged.state_dict().keys()
        goal = wanted if name == "raw" else wanted_of_average
        assert torch.allclose(policy(ordinary, planes), goal, atol=5e-3), name  # weights are stored as float16
        assert torch.allclose(policy(module, planes), goal, atol=1e-5), name


def test_each_source_has_a_bias_of_its_own() -> None:
    learner = trainer(next_moves={}, future_board={})
    (batch,) = batches(1)
    alone = Batch(batch.words, batch.targets, batch.symmetries, np.zeros(16, np.int64), {})
    for _ in range(3):
        learner.learn(alone, 1.0)
    first, second = learner.objective.extras.stem_biases.detach()
    assert (first != 0).all() and (second == 0).all()


def test_the_brier_score_counts_in_the_cool_down() -> None:
    (batch,) = batches(1)
    learner = trainer(brier=0.4, network="alphago")
    words, targets, labels = learner.to_device(batch)
    objective, legal = learner.objective, legal_points(words)
    usual, terms, _ = objective(words, targets, labels)
    objective.cooling = True
    mixed, still, _ = objective(words, targets, labels)
    assert torch.equal(terms, still), "what is reported stays in nats"
    with torch.no_grad():
        net = learner.module
        logits = net.get_submodule("head")(net.body(objective.planes(words), objective.extras.stem_bias(labels)))
    chances = mask_illegal(logits, legal).softmax(1).numpy()
    played = np.eye(81)[targets.numpy()]
    by_hand = ((chances - played) ** 2).sum(1).mean()
    assert float(brier_loss(logits, targets, legal)) == pytest.approx(by_hand, rel=1e-5)
    assert float((mixed - usual).detach()) == pytest.approx(0.4 * (by_hand - float(terms[0])), rel=1e-4)
    parts = trainer(brier=0.4, network="alphago", parts=2, threads=2)
    for one in (parts, learner):
        one.objective.cooling = True
        one.learn(batch, 1.0)
    for mine, theirs in zip(parts.objective.parameters(), objective.parameters(), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-5)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"next_moves": {0: 0.1}}, "next_moves = {0: 0.1} is not whole numbers and numbers above 0"),
        ({"future_board": [8, 32]}, r"future_board = \[8, 32\] is not whole numbers and numbers above 0"),
        ({"next_move": {1: 0.1}}, "there is no setting 'next_move'; did you mean next_moves"),
        ({"brier": 1.5}, "brier = 1.5: must be between 0 and 1"),
        ({"network": "fully_connected"}, "next_moves: a fully connected network has no convolutions for that"),
        ({"feature_set": "board1"}, "source_biases: board1 has no plane of ones"),
        ({"source_biases": "kgs"}, "source_biases = 'kgs' is no source of these games; there are first, second: name"),
    ],
)
def test_bad_recipes(values: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        trainer(**values)
