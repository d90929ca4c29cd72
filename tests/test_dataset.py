"""Games to batches: every label once an epoch, split by game, the same again after a restart."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from small_games import corpus, random_game, replayed, sgf, shard

from goengine.corpus import Corpus, check_apart, load_corpus, shuffled, source_name
from goengine.corpus.codes import GameCodes
from goengine.dataset import PositionSampler, Prefetcher
from goengine.errors import RecipeError, ShardError
from goengine.movecodes import SETUP
from goengine.shards import INFO, Shard, fingerprint, write_shard


def test_every_label_is_a_move_and_its_planes_are_those_before_it() -> None:
    games = corpus(12)
    expected = [label for seed in range(12) for label in replayed(seed)]
    assert len(games) == len(expected)
    labels = np.arange(len(games))
    words, targets, colors = games.encode(labels)
    assert targets.tolist() == [point for _, point, _, _ in expected]
    assert colors.tolist() == [color for _, _, color, _ in expected]
    assert games.plies(labels).tolist() == [number for *_, number in expected]
    for i, (before, *_) in enumerate(expected):
        assert (words[i].reshape(9, 9) == before).all(), f"label {i}"


def test_sources() -> None:
    games = corpus(12)
    sizes = games.source_sizes()
    assert sizes["first"] == sum(len(replayed(seed)) for seed in range(6))
    assert sum(sizes.values()) == len(games)
    assert games.sources_of(np.array([0, sizes["first"] - 1, sizes["first"], len(games) - 1])).tolist() == [0, 0, 1, 1]


def test_splits_are_by_game() -> None:
    games = corpus(12)
    train, held = games.hold_out(0.3, seed=5)
    assert 0 < held.games < 12 and train.games + held.games == 12 and len(train) + len(held) == len(games)
    assert not set(train.locate(np.arange(len(train)))[0]) & set(held.locate(np.arange(len(held)))[0])
    again, _ = games.hold_out(0.3, seed=5)
    assert (again.locate(np.arange(len(again)))[0] == train.locate(np.arange(len(train)))[0]).all()
    assert corpus(12).hold_out(1e-9, seed=0)[1].games == 1


@pytest.mark.parametrize("count", [1, 2, 3, 17, 64, 1000, 4097])
def test_shuffled_is_a_permutation(count: int) -> None:
    order = shuffled(np.arange(count), count, [1, 2])
    assert sorted(order.tolist()) == list(range(count))
    assert (order == shuffled(np.arange(count), count, [1, 2])).all()
    if count > 16:
        assert (order != shuffled(np.arange(count), count, [1, 3])).any()
        assert abs(np.corrcoef(np.arange(count), order)[0, 1]) < 0.5
    assert (shuffled(np.array([count - 1]), count, [1, 2]) == order[-1]).all()


def test_fixed_positions_are_fixed_and_spread_over_the_sources() -> None:
    games = corpus(12)
    some = games.fixed_positions(100)
    assert len(set(some.tolist())) == 100
    assert np.bincount(games.sources_of(some)).tolist() == [50, 50]
    assert (games.fixed_positions(100) == some).all()
    assert sorted(games.fixed_positions(10**6).tolist()) == list(range(len(games)))


def test_each_epoch_sees_each_position_once() -> None:
    games = corpus(4, sources=("only",))
    sampler = PositionSampler(games, batch=7, seed=3)
    drawn = np.concatenate([sampler.draw()[0] for _ in range(2 * len(games) // 7 + 1)])
    for epoch in (drawn[: len(games)], drawn[len(games) : 2 * len(games)]):
        assert sorted(epoch.tolist()) == list(range(len(games)))
    assert (drawn[: len(games)] != drawn[len(games) : 2 * len(games)]).any()


def test_a_restored_sampler_goes_on() -> None:
    games = corpus(12)
    sampler = PositionSampler(games, batch=16, seed=3)
    for _ in range(5):
        sampler.draw()
    state = sampler.state()
    expected = [sampler.draw() for _ in range(3)]
    fresh = PositionSampler(games, batch=16, seed=3)
    fresh.restore(state)
    for one, other in zip(expected, (fresh.draw() for _ in range(3)), strict=True):
        assert all((a == b).all() for a, b in zip(one, other, strict=True))


def test_weights_and_cooldown_shares() -> None:
    games = corpus(12)
    sampler = PositionSampler(games, 4000, weights={"second": 3}, shares={"first": 0.9})
    usual, cooling = sampler.draw()[2], sampler.draw(cooling=True)[2]
    sizes = games.source_sizes()
    assert (usual == 1).mean() == pytest.approx(3 * sizes["second"] / (3 * sizes["second"] + sizes["first"]), abs=0.04)
    assert (cooling == 0).mean() == pytest.approx(0.9, abs=0.03)
    none = PositionSampler(games, 100, weights={"first": 0})
    assert set(none.draw()[2]) == {1}


def test_all_eight_symmetries_are_drawn() -> None:
    assert set(PositionSampler(corpus(2), 200).draw()[1]) == set(range(8))


@pytest.mark.parametrize(
    ("weights", "shares", "message"),
    [
        ({"third": 1.0}, {}, "no source 'third' among the games; there are first, second"),
        ({"first": 0.0, "second": 0.0}, {}, "leave no position"),
        ({}, {"first": 0.7, "second": 0.7}, "add up to 1.4"),
    ],
)
def test_bad_mixtures(weights: dict[str, float], shares: dict[str, float], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        PositionSampler(corpus(2), 4, weights=weights, shares=shares)


def test_a_share_of_a_source_whose_only_game_is_held_out_is_refused() -> None:
    games = Corpus(19, ["first", "second"], np.arange(4, dtype=np.uint16), np.array([0, 3, 4]), np.array([0, 1]))
    left = games.without({fingerprint(games.codes(1), 19)})
    assert left.source_sizes() == {"first": 3, "second": 0}
    with pytest.raises(RecipeError, match="cooldown_shares of 'second', but no position"):
        PositionSampler(left, 4, shares={"second": 0.5})


def test_the_prefetcher_hands_out_what_the_sampler_draws() -> None:
    games = corpus(12)
    prefetcher = Prefetcher(PositionSampler(games, 16, seed=1), ahead=2, cooling_from=1)
    other = PositionSampler(games, 16, seed=1)
    for number, batch in zip(range(3), prefetcher, strict=False):
        labels, symmetries, sources = other.draw(cooling=number >= 1)
        words, targets, _ = games.encode(labels)
        assert (batch.words == words).all() and (batch.targets == targets).all()
        assert (batch.symmetries == symmetries).all() and (batch.sources == sources).all()
        assert batch.state == other.state()
    prefetcher.close()


def test_an_error_in_the_prefetchers_thread_reaches_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("out of stones")

    games = corpus(2)
    monkeypatch.setattr(games, "encode", broken)
    prefetcher = Prefetcher(PositionSampler(games, 4))
    with pytest.raises(RuntimeError, match="out of stones"):
        next(iter(prefetcher))
    prefetcher.close()


def test_shards_and_sgf_give_the_same(tmp_path: Path) -> None:
    packed = load_corpus(
        [shard(tmp_path / "one-000.shard", range(3)), shard(tmp_path / "one-001.shard", range(3, 6))], 9
    )
    text = tmp_path / "one.sgfs"
    text.write_text("\n".join(sgf(seed) for seed in range(6)) + "\n(;GM[1]SZ[13];B[aa];W[bb])\n", encoding="utf-8")
    read = load_corpus([text], 9)
    assert packed.source_names == read.source_names == ("one",)
    assert packed.games == read.games == 6
    everything = np.arange(len(packed))
    for i in range(3):
        assert np.array_equal(packed.encode(everything)[i], read.encode(everything)[i])


def test_loose_records_of_a_folder_are_one_source(tmp_path: Path) -> None:
    folder = tmp_path / "club"
    (folder / "2026").mkdir(parents=True)
    for number, name in enumerate(["ann-bob.sgf", "cy.SGF", "2026/final.sgf"]):
        (folder / name).write_text(sgf(number), encoding="utf-8")
    (folder / "old.sgfs").write_text(sgf(7) + sgf(8), encoding="utf-8")
    said: list[str] = []
    games = load_corpus([folder], 9, progress=said.append)
    assert games.source_games() == {"club": 3, "old": 2}
    assert sorted(said) == sorted([f"{folder / 'old.sgfs'}: 2 games", f"{folder}: 3 games in 3 files"])
    assert load_corpus([folder / "cy.SGF"], 9).source_games() == {"cy": 1}


def test_files_that_cannot_be_used_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "good.sgf").write_text(sgf(1), encoding="utf-8")
    (tmp_path / "empty.sgf").touch()
    (tmp_path / "broken.sgf").write_text("(;SZ[abc];B[aa])", encoding="utf-8")
    (tmp_path / "lost.sgf").symlink_to(tmp_path / "absent.sgf")
    said: list[str] = []
    assert load_corpus([tmp_path], 9, training=True, progress=said.append).games == 1
    assert said[0] == f"{tmp_path}: 1 games in 1 files"
    assert said[1].startswith(f"3 files without a game that can be used; the first: {tmp_path / 'broken.sgf'}, game 1")
    (tmp_path / "good.sgf").unlink()
    with pytest.raises(RecipeError, match=r"no 9x9 games among .*broken.sgf, game 1 .*no board size"):
        load_corpus([tmp_path], 9)


def test_a_folder_gives_its_shards_but_not_those_for_validation(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    shard(tmp_path / "one.shard", range(2))
    dev = shard(tmp_path / "dev" / "two.shard", range(2, 3), split="holdout")
    assert load_corpus([tmp_path], 9, training=True).source_names == ("one",)
    assert load_corpus([tmp_path], 9).source_names == ("one", "two")
    for path in (dev, tmp_path / "dev"):
        with pytest.raises(RecipeError, match="for validation, never for training"):
            load_corpus([path], 9, training=True)
    moved = tmp_path / "moved.shard"
    dev.rename(moved)
    with pytest.raises(RecipeError, match="split 'holdout', never for training"):
        load_corpus([moved], 9, training=True)
    said: list[str] = []
    assert load_corpus([tmp_path], 9, training=True, progress=said.append).source_names == ("one",)
    remedy = f"{moved}: a shard of split 'holdout', never for training: give it to --validation"
    assert said[-1] == f"1 shards are passed over; the first is {remedy}"
    (tmp_path / "one.shard").unlink()
    with pytest.raises(RecipeError, match=r"no 9x9 games among .*give it to --validation"):
        load_corpus([tmp_path], 9, training=True)


def test_what_was_held_out_when_packing_is_validated_on_beside_what_is_learnt_from(tmp_path: Path) -> None:
    one = shard(tmp_path / "one.shard", range(2))
    held_out = shard(tmp_path / "one.holdout.shard", range(2, 3), split="holdout")
    check_apart([tmp_path], [held_out])
    with pytest.raises(RecipeError, match=r"one.shard: to learn from and to validate on at once"):
        check_apart([tmp_path], [held_out, one])


def write(path: Path, seeds: range, **filters: object) -> Path:
    codes = [random_game(seed) for seed in seeds]
    write_shard(path, codes, np.zeros(len(codes), INFO), size=9, source=path.name, filters=filters)
    return path


def with_planes(path: Path, version: int) -> Path:
    data = path.read_bytes()
    assert data.count(b'"planes": 1') == 1
    path.write_bytes(data.replace(b'"planes": 1', b'"planes": %d' % version))
    return path


def test_shards_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    first = write(tmp_path / "a-0.shard", range(3), min_rank="", min_moves=1, games_per_shard=5)
    second = write(tmp_path / "a-1.shard", range(3, 5), min_moves=1, games_per_shard=7)
    strict = write(tmp_path / "a-2.shard", range(5, 7), min_rank="6d", min_moves=1)
    other = write(tmp_path / "b.shard", range(5, 7), min_rank="9d")
    assert load_corpus([first, second, other], 9).games == 7, "each source may have its own filters"
    with pytest.raises(ShardError, match=r"a-2.shard and .*a-0.shard are both of a, .* min_rank = 6d and none: pack"):
        load_corpus([first, strict, other], 9)
    with pytest.raises(ShardError, match=r"b.shard and .*a-2.shard hold the same games: give them once"):
        load_corpus([strict, other], 9)
    for twice in ([first, first], [tmp_path / "a-0.shard", first, second]):
        with pytest.raises(ShardError, match=r"a-0.shard is given twice: give them once"):
            load_corpus(twice, 9)
    newer = with_planes(write(tmp_path / "c.shard", range(8, 9)), 7)
    with pytest.raises(ShardError, match=r"c.shard: packed for version 7 of the planes, this goengine makes version 1"):
        load_corpus([first, newer], 9)
    prints = [Shard.open(path).header["fingerprint"] for path in (first, second, strict, other)]
    assert len(set(prints)) == 4 and all(len(text) == 16 for text in prints)


def test_memory_does_not_grow_with_the_shards(tmp_path: Path) -> None:
    """Loading and drawing 2 million moves takes memory for the games' places only: the moves stay in their files."""
    long = np.tile(random_game(0)[:35], 100)
    paths = []
    for number in range(4):
        codes = [np.concatenate([long, random_game(2)[:number]]).astype(np.uint16)] * 150
        path = tmp_path / f"a-{number}.shard"
        write_shard(path, codes, np.zeros(len(codes), INFO), size=9, source="a")
        paths.append(path)
    bytes_of_moves = sum(path.stat().st_size for path in paths)
    assert bytes_of_moves > 4_000_000
    tracemalloc.start()
    games = load_corpus(paths, 9)
    held, rest = games.hold_out(0.1, 1)
    drawn = PositionSampler(held, 8).draw()[0]
    held.locate(drawn)
    held.codes(5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(rest) + len(held) == len(games) > 1_500_000
    assert peak < bytes_of_moves / 4, f"{peak:,} bytes for {bytes_of_moves:,} of moves"


def test_games_of_several_files_are_gathered() -> None:
    codes = [random_game(seed) for seed in range(6)]
    arrays = [np.concatenate(codes[:2]), np.concatenate(codes[2:])]
    offsets = [np.cumsum([0, *map(len, some)]) for some in (codes[:2], codes[2:])]
    store = GameCodes(arrays, offsets)
    assert len(store) == 6 and store.lengths.tolist() == [len(game) for game in codes]
    assert all((store.game(number) == game).all() for number, game in enumerate(codes))
    assert store.setup.tolist() == [int(np.count_nonzero(game & SETUP)) for game in codes]
    moves, places, which = store.gather(np.array([4, 1, 4, 5]))
    for wanted, at in zip((4, 1, 4, 5), which.tolist(), strict=True):
        assert (moves[places[at] : places[at + 1]] == codes[wanted]).all()
    assert len(moves) == sum(len(codes[number]) for number in (1, 4, 5))


def test_other_sizes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="its games are on 9x9 boards, not 19x19"):
        load_corpus([shard(tmp_path / "small.shard", range(1))], 19)
    text = tmp_path / "small.sgf"
    text.write_text(sgf(0), encoding="utf-8")
    with pytest.raises(RecipeError, match=r"no 19x19 games among .*small.sgf"):
        load_corpus([text], 19)


@pytest.mark.parametrize(
    ("path", "name"),
    [("kgs6d-001.sgfs.xz", "kgs6d"), ("a/dev/kgs6d.shard", "kgs6d"), ("my-games.sgf", "my-games"), ("7.sgf", "7")],
)
def test_source_names(path: str, name: str) -> None:
    assert source_name(path) == name


def test_an_empty_corpus_is_a_corpus() -> None:
    empty = Corpus(9, ["none"], np.empty(0, np.uint16), np.zeros(1, np.int64), np.empty(0, np.int64))
    assert len(empty) == 0 and len(empty.fixed_positions(5)) == 0
