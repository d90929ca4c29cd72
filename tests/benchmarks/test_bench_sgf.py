"""How fast game records become arrays: from an xz file, on one core, every move checked.

`make bench` runs it. The records are those of $GOENGINE_GAMES, or ../shared/games, where there are any; else made up,
of the same length. Compare the fast path, sgfmill's parser alone, and the whole way.
"""

import lzma
import os
import random
import time
from pathlib import Path
from typing import Any

import pytest
from sgfmill import sgf_grammar

from goengine.sgf import GameRecord, scan_games, tree, write_game
from goengine.sgf.split import split_games
from goengine.shards import Shard, write_shard

SHARED = Path(os.environ.get("GOENGINE_GAMES", Path(__file__).resolve().parents[3] / "shared" / "games"))
GAMES = 1000

pytestmark = pytest.mark.benchmark(timer=time.process_time)  # what one core does, whatever else the machine is doing


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An xz file of 1,000 games."""
    real = sorted(SHARED.glob("kgs6d-*.sgfs.xz"))
    if real:
        with lzma.open(real[0]) as stream:
            lines = [next(stream) for _ in range(GAMES)]
    else:
        chance = random.Random(1)
        texts = []
        for number in range(GAMES):
            points = chance.sample(range(361), 200)
            plays = [("black" if ply % 2 == 0 else "white", point) for ply, point in enumerate(points)]
            texts.append(write_game(19, plays, komi=6.5, black=f"player {number}", result="B+R"))
        lines = [text.replace("\n", "").encode() + b"\n" for text in texts]
    path = tmp_path_factory.mktemp("bench") / "games.sgfs.xz"
    path.write_bytes(lzma.compress(b"".join(lines)))
    return path


@pytest.fixture(scope="module")
def texts(games: Path) -> list[bytes]:
    with lzma.open(games) as stream:
        return [text.data for text in split_games(stream)]


def test_xz_file_to_checked_records(benchmark: Any, games: Path) -> None:
    def read() -> int:
        return sum(isinstance(item, GameRecord) for item in scan_games(games))

    read()  # compiles the rules
    assert benchmark(read) == GAMES
    benchmark.extra_info["games a second"] = GAMES / benchmark.stats["min"]


def test_fast_path_alone(benchmark: Any, texts: list[bytes]) -> None:
    benchmark(lambda: [tree.read_plain(text) for text in texts])
    benchmark.extra_info["games a second"] = GAMES / benchmark.stats["min"]


def test_sgfmill_alone(benchmark: Any, texts: list[bytes]) -> None:
    benchmark.pedantic(lambda: [sgf_grammar.parse_sgf_game(text) for text in texts], rounds=2)
    benchmark.extra_info["games a second"] = GAMES / benchmark.stats["min"]


def test_the_whole_way_through_sgfmill(benchmark: Any, games: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "read_plain", lambda data: None)
    benchmark.pedantic(lambda: list(scan_games(games)), rounds=2)
    benchmark.extra_info["games a second"] = GAMES / benchmark.stats["min"]


def test_opening_a_shard(benchmark: Any, games: Path, tmp_path: Path) -> None:
    import numpy as np

    from goengine.shards import INFO

    codes = [item.codes for item in scan_games(games) if isinstance(item, GameRecord)] * 20
    path = tmp_path / "a.shard"
    write_shard(path, codes, np.zeros(len(codes), dtype=INFO), size=19, source="bench")
    shard = benchmark(lambda: Shard.open(path))
    assert len(shard) == 20 * GAMES
