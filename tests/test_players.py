"""One player's games: names, what is left out, the split, and whose moves are labels."""

import lzma
from pathlib import Path

import numpy as np
import pytest
from small_games import random_game, sgf, shard

from goengine.corpus import BLACKS, BOTH, WHITES, Corpus, join
from goengine.corpus.players import OPPONENTS, PLAYER, PlayerGames, normal_name, read_player
from goengine.errors import RecipeError, RecordError
from goengine.movecodes import PASS, POINT_MASK, SETUP, WHITE


def labels(seed: int, color: int | None) -> list[int]:
    """The points that a random game's labels are, of one colour (0 or `WHITE`) or of both."""
    codes = random_game(seed).tolist()
    moves = [code for code in codes if not code & SETUP and code & POINT_MASK != PASS]
    return [code & POINT_MASK for code in moves if color is None or code & WHITE == color]


def targets(corpus: Corpus, source: str) -> list[int]:
    number = corpus.source_names.index(source)
    mine = np.arange(corpus.source_starts[number], corpus.source_starts[number + 1])
    points: list[int] = corpus.encode(mine)[1].tolist()
    return points


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """Ann in games 0 to 5 with either colour, in 6 against herself; in 7 Bob plays Cy; 8 is on 7x7; 0 stands twice."""
    names = [("Ann", "Bob"), ("Bob", "ANN"), ("Ann", "Cy"), ("Cy", "ann "), ("Ann [3d\\]", "Bob"), ("Bob", "Ａｎｎ")]
    names += [("Ann", "Ann"), ("Bob", "Cy"), ("Ann", "Cy")]
    texts = [sgf(seed, 7 if seed == 8 else 9, f"PB[{black}]PW[{white}]") for seed, (black, white) in enumerate(names)]
    (tmp_path / "one.sgf").write_text(texts[0], encoding="utf-8")
    (tmp_path / "more.sgfs.xz").write_bytes(lzma.compress("\n".join(texts).encode()))
    return tmp_path


def test_names_are_compared_as_people_write_them() -> None:
    assert (
        normal_name("  Lee   Sedol ")
        == normal_name("LEE sedol[9p]")
        == normal_name("Ｌｅｅ Sedol (9段)")
        == "lee sedol"
    )
    assert normal_name("a[b]") == "a[b]" and normal_name("Dom2") != normal_name("Dom")


def test_a_players_games(records: Path) -> None:
    games = read_player([records], ["aNN"], size=9)
    assert (len(games), games.read, games.others, games.wrong_size, games.copies) == (7, 10, 1, 1, 1)
    assert games.spellings == {"Ann": 4, "ANN": 1, "ann": 1, "Ann [3d]": 1, "Ａｎｎ": 1}
    lines = games.lines()
    assert lines[0].startswith("7 of 10 games are the player's: Ann (4), ")
    assert lines[1] == "left out: 1 of other players, 1 on another board than 9x9, 1 that were there already"


def test_what_cannot_be_used_among_a_players_games_is_counted(records: Path) -> None:
    empty, chess = records / "empty.sgf", records / "chess.sgf"
    empty.write_bytes(b"")
    chess.write_text("(;GM[3];B[dd])" + sgf(9, 9, "PB[Ann]PW[Bob]"), encoding="utf-8")
    games = read_player([empty, records / "one.sgf", chess], ["Ann"], size=9)
    assert (len(games), games.read, games.unusable) == (2, 2, 2)
    assert games.lines()[1] == "left out: 2 that cannot be used (goengine check says why)"
    with pytest.raises(RecordError, match=r"empty\.sgf: no game record in the file"):
        read_player([empty], ["Ann"], size=9)


def test_only_the_players_moves_are_labels(records: Path) -> None:
    games = read_player([records / "more.sgfs.xz"], ["ann"], size=9)
    colors = [0, WHITE, 0, WHITE, 0, WHITE, None]
    corpus = games.corpus(range(7))
    assert corpus.source_names == (PLAYER, OPPONENTS)
    assert targets(corpus, PLAYER) == [point for seed, color in enumerate(colors) for point in labels(seed, color)]
    others = [point for seed, color in enumerate(colors[:6]) for point in labels(seed, WHITE - (color or 0))]
    assert targets(corpus, OPPONENTS) == others
    assert len(games.corpus(range(7), (OPPONENTS,))) == len(others)
    assert games.corpus([6]).source_sizes()[OPPONENTS] == 0, "nobody plays against oneself"
    assert games.corpus([6]).source_games() == {PLAYER: 1, OPPONENTS: 0}
    assert targets(games.corpus([6]), PLAYER) == labels(6, None)


def test_several_names_are_one_player(records: Path) -> None:
    said: list[str] = []
    games = read_player([records], ["Ann", "Cy", "Dee"], size=9, say=said.append)
    assert len(games) == 8 and games.others == 0
    assert games.whose == [BLACKS, WHITES, BOTH, BOTH, BLACKS, WHITES, BOTH, WHITES]
    assert said == [
        "no game of Dee among 10, the other names are used: the most frequent names are Ann (9), Bob (6), Cy (4)"
    ]


def test_a_name_that_is_not_there(records: Path) -> None:
    with pytest.raises(RecipeError, match=r"^no game of Anne among 10: near names are Ann \(9\)$"):
        read_player([records], ["Anne"], size=9)
    with pytest.raises(RecipeError, match=r"the most frequent names are Ann \(9\), Bob \(6\), Cy \(4\)$"):
        read_player([records], ["Xenia", "Yvonne"], size=9)
    with pytest.raises(RecipeError, match="1 games of this player, but none on 19x19"):
        read_player([records / "one.sgf"], ["Ann"])
    with pytest.raises(RecipeError, match="--player has no name in it"):
        read_player([records], [" "])


def test_records_without_names(tmp_path: Path) -> None:
    (tmp_path / "x.sgf").write_text(sgf(1), encoding="utf-8")
    with pytest.raises(RecipeError, match="these records name no players"):
        read_player([tmp_path], ["Ann"], size=9)
    with pytest.raises(RecipeError, match="a shard has no names of players"):
        read_player([shard(tmp_path / "x.shard", range(2))], ["Ann"], size=9)


def test_the_split_is_by_game_and_does_not_depend_on_their_order(records: Path) -> None:
    games = read_player([records], ["Ann"], size=9)
    learnt, held = games.split(0.3, seed=1)
    assert len(held) == 2 and sorted(learnt + held) == list(range(7))
    (records / "other").mkdir()
    for name in ("more.sgfs.xz", "one.sgf"):
        (records / name).rename(records / "other" / name)
    text = lzma.decompress((records / "other" / "more.sgfs.xz").read_bytes()).decode()
    (records / "other" / "more.sgfs.xz").write_bytes(lzma.compress("\n".join(text.split("\n")[::-1]).encode()))
    again = read_player([records], ["Ann"], size=9)
    assert again.fingerprints(again.split(0.3, seed=1)[1]) == games.fingerprints(held)
    assert games.split(0.0, seed=1)[1] and games.split(1.0, seed=1)[0], "neither side is ever empty"
    assert {games.fingerprints(games.split(0.3, seed)[1]) for seed in range(9)} != {games.fingerprints(held)}
    with pytest.raises(RecipeError, match="there must be another one to measure by"):
        PlayerGames(9, games.codes[:1], [BLACKS]).split(0.2, seed=1)


def test_joined_corpora_keep_their_games_and_colours(records: Path) -> None:
    games = read_player([records], ["Ann"], size=9)
    mine = games.corpus([0, 1])
    codes = [random_game(seed) for seed in range(8)]
    offsets = np.cumsum([0, *map(len, codes)])
    mix = Corpus(9, (PLAYER, "b"), np.concatenate(codes), offsets, np.arange(8) // 4, np.array([1, 3, 5, 6]))
    both = join([mine, mix])
    assert both.source_names == (PLAYER, OPPONENTS, "player-2", "b") and both.games == 8
    for name, was, before in (
        (PLAYER, mine, PLAYER),
        (OPPONENTS, mine, OPPONENTS),
        ("player-2", mix, PLAYER),
        ("b", mix, "b"),
    ):
        assert targets(both, name) == targets(was, before)
    assert mix.without(games.fingerprints()).games == 0
    assert mix.without(games.fingerprints([1, 5])).games == 2
    some = mix.sample(2, seed=3)
    assert some.games == 2 and mix.sample(9, seed=3) is mix
    assert targets(some, "b") == targets(mix.sample(2, seed=3), "b")
    assert len({tuple(targets(mix.sample(1, seed), PLAYER)) for seed in range(9)}) > 1
