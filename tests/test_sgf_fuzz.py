"""The fast path against sgfmill, and bytes of every kind: nothing crashes, nothing is lost in silence."""

import io
import os
import random
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sgf_samples import game_text, scan_text
from sgfmill import sgf as peer

from goengine.board import legal_prefix
from goengine.coords import point_of
from goengine.errors import RecordError
from goengine.sgf import GameRecord, Problem, read_games, scan_games
from goengine.sgf import tree as tree_module
from goengine.sgf.game import parse_game
from goengine.sgf.split import GameText, split_games

SHARED = Path(os.environ.get("GOENGINE_GAMES", Path(__file__).resolve().parents[2] / "shared" / "games"))


def both_ways(
    text: GameText,
) -> tuple[bool, tuple[GameRecord | None, list[Problem]], tuple[GameRecord | None, list[Problem]]]:
    """Whether the fast path takes a game, and what the game is with it and without it."""
    fast = tree_module.read_plain(text.data) is not None
    usual = parse_game(text, "file", 1, legal_prefix)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tree_module, "read_plain", lambda data: None)
        slow = parse_game(text, "file", 1, legal_prefix)
    return fast, usual, slow


def assert_same(text: GameText) -> bool:
    fast, (record, problems), (other, others) = both_ways(text)
    assert problems == others, text.data
    assert (record is None) == (other is None), text.data
    if record is not None and other is not None:
        for name in GameRecord.__slots__:
            mine, theirs = getattr(record, name), getattr(other, name)
            assert np.array_equal(mine, theirs) if name == "codes" else mine == theirs, (name, text.data)
    return fast


def games(seed: int, count: int, plain: bool) -> Iterator[str]:
    chance = random.Random(seed)
    for _ in range(count):
        yield game_text(chance, moves=chance.randrange(40), plain=plain)


def test_the_fast_path_and_sgfmill_agree() -> None:
    fast = [assert_same(GameText(text.encode())) for text in games(1, 1500, plain=False)]
    assert 500 < sum(fast) < 1400  # both ways are taken
    fast = [assert_same(GameText(text.encode())) for text in games(2, 1000, plain=True)]
    assert all(fast)


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="no folder of game records")
def test_the_fast_path_and_sgfmill_agree_on_real_games() -> None:
    import lzma

    count = 0
    for path in sorted(SHARED.rglob("*.sgfs.xz")):
        with lzma.open(path) as stream:
            for number, text in enumerate(split_games(stream)):
                if number == 200:
                    break
                assert assert_same(text)
                count += 1
    assert count > 5000


TOKENS = st.sampled_from([
    b"(", b")", b";", b"B", b"W", b"AB", b"AW", b"AE", b"[aa]", b"[bb]", b"[tt]", b"[]", b"[ab:cd]", b"[\\]]", b"C",
    b"[x\\\\]", b" ", b"\n", b"SZ[9]", b"SZ[19]", b"GM[1]", b"HA[2]", b"KM[6.5]", b"(;GM[1]SZ[9]", b";B[cc]", b";W[dd]",
    b";B[]", b"[", b"]", b"\\", b"~~", b";B[~~]", b"CA[Big5]", b"\xa5\x5c", b"\x83\x5d", b"Black", b"PL[W]", b"BB",
    b"[aaa]", b";B[AA]", b"\xff",
])  # fmt: skip


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(TOKENS, max_size=30).map(b"".join))
@example(b"(;B[]]x])")
@example(b"(;B[\\]])")
@example(b"(;SZ[9];B[aa]~)")
@example(b"(;SZ[9];B[{{])")
@example(b"(;SZ[9];B[tt];BB[aa])")
@example(b"(;SZ[9];B[aa]B[bb])")
@example(b"(;SZ[9]B[aa];B[bb])")
@example(b"B")
@example(b";B[aa]BB")
@example(b";B[aa];B")
def test_the_fast_path_never_takes_what_sgfmill_reads_otherwise(data: bytes) -> None:
    for text in split_games(io.BytesIO(b"(;SZ[9]" + data + b")")):
        assert_same(text)


def read_all(folder: Path, data: bytes) -> None:
    """Read a file of these bytes in each way; only the documented error may come out, and each problem is a line."""
    path = folder / "fuzz.sgf"
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for item in scan_games(path):
            if isinstance(item, Problem):
                assert "\n" not in str(item) and item.reason and item.remedy
            else:
                assert item.codes.dtype == np.uint16
                assert legal_prefix(item.codes, item.size) == len(item.codes)
                assert all(text.isprintable() for text in (item.black, item.white, item.rules, item.result, item.date))
        try:
            for record in read_games(path):
                assert record.index > 0
        except RecordError as error:
            assert "\n" not in str(error)


FUZZ = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@FUZZ
@given(data=st.lists(TOKENS, max_size=40).map(b"".join))
def test_any_tokens(tmp_path: Path, data: bytes) -> None:
    read_all(tmp_path, data)


@FUZZ
@given(data=st.binary(max_size=400))
def test_any_bytes(tmp_path: Path, data: bytes) -> None:
    read_all(tmp_path, data)


@FUZZ
@given(seed=st.integers(0, 50), cut=st.integers(0, 3000), at=st.integers(0, 3000), junk=st.binary(max_size=6))
def test_a_damaged_record(tmp_path: Path, seed: int, cut: int, at: int, junk: bytes) -> None:
    text = "\n".join(games(seed, 3, plain=False)).encode()
    read_all(tmp_path, text[:at] + junk + text[at + len(junk) :][: cut or None])


@pytest.mark.parametrize(
    "data",
    [
        b"(;" * 50_000,
        b"(;B[aa]" * 20_000 + b")" * 20_000,
        b"(;B[aa](;B[bb])" * 10_000,
        b"[" * 200_000,
        b"(;SZ[9]" + b"[" * 200_000,
        b"(" * 200_000,
        b"( " * 100_000,
        b"(;SZ[9];B[" + b"\\" * 200_001 + b"])",
        b"(;" + b"A" * 200_000 + b"[x])",
        b"(;AB" + b"[aa:ss]" * 2_000 + b";B[aa])",
        b"(;SZ[" + b"9" * 100_000 + b"])",
        b"(;KM[" + b"9" * 100_000 + b"]HA[" + b"1" * 100_000 + b"];B[aa])",
        b"(;CA[" + b"x" * 100_000 + b"]PB[\xff];B[aa])",
        b"(;PB[\x83" + b"[" * 60_000 + b"];B[aa])",
        b"(;GM[1]PB[a](;GM[1]PB[b" * 3_000,
        b"\x1b$(;B[aa])",
        b"\xff\xfe(;",
        b"\0" * 100_000 + b"(;B[aa])",
    ],
    ids=lambda data: repr(data[:12]) + f"x{len(data)}",
)
def test_files_made_to_hurt(tmp_path: Path, data: bytes) -> None:
    read_all(tmp_path, data)


def test_sgfmill_itself_reads_the_same_moves(tmp_path: Path) -> None:
    for text in games(3, 300, plain=True):
        records, problems = scan_text(tmp_path, text)
        if any(problem.skipped for problem in problems):
            continue
        game = peer.Sgf_game.from_bytes(text.encode())
        size = game.get_size()
        theirs = []
        for node in game.get_main_sequence():
            try:
                color, move = node.get_move()
            except ValueError:
                break  # off the board
            if color is not None:
                point = None if move is None else point_of(size - 1 - move[0], move[1], size)
                theirs.append(({"b": "black", "w": "white"}[color], point))
        mine = list(records[0].plays())
        assert mine == theirs[: len(mine)]
        if not any("illegal" in problem.reason for problem in problems):
            assert len(mine) == len(theirs)
