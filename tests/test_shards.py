"""Shards: what is written is read, in two bytes a move, and whatever is wrong with a file is said in one line."""

import json
import random
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from goengine.errors import ShardError
from goengine.movecodes import PASS, POINT_MASK, SETUP, WHITE
from goengine.shards import (
    INFO,
    MAGIC,
    VERSION,
    Shard,
    count_labels,
    fingerprint,
    is_shard,
    rank_code,
    read_header,
    write_shard,
)

REMEDY = r"make it again with data/prepare_games\.py"


def some_games(count: int, seed: int = 1, size: int = 19) -> list[NDArray[np.uint16]]:
    chance = random.Random(seed)
    games = []
    for number in range(count):
        stones = [SETUP | point for point in range(number % 3)]
        moves = [chance.randrange(size * size) | (WHITE if ply % 2 else 0) for ply in range(chance.randrange(60))]
        games.append(np.array([*stones, *moves, PASS, WHITE | PASS][: None if number % 4 else -2], dtype=np.uint16))
    return games


def write(path: Path, count: int = 20) -> list[NDArray[np.uint16]]:
    games = some_games(count)
    info = np.zeros(count, dtype=INFO)
    info["index"] = np.arange(1, count + 1)
    info["komi"] = 6.5
    info["result"] = -1
    write_shard(path, games, info, size=19, source="games.sgf", split="train", filters={"min_moves": 1})
    return games


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.shard"
    games = write(path)
    shard = Shard.open(path)
    assert len(shard) == 20 and shard.size == 19
    for number, game in enumerate(games):
        assert np.array_equal(shard.game(number), game)
    assert shard.moves.dtype == np.uint16 and shard.offsets.dtype == np.int64
    assert np.array_equal(np.diff(shard.offsets), [len(game) for game in games])
    assert shard.labels_per_game.tolist() == [count_labels(game) for game in games]
    assert shard.first_move.tolist() == [number % 3 for number in range(20)]
    assert shard.info["index"].tolist() == list(range(1, 21))
    assert shard.info["komi"].tolist() == [6.5] * 20 and set(shard.info["result"].tolist()) == {-1}


def test_the_header_introduces_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.shard"
    games = write(path)
    header = read_header(path)
    assert header == Shard.open(path).header
    assert (header["version"], header["size"], header["games"]) == (VERSION, 19, 20)
    assert header["codes"] == sum(map(len, games))
    assert header["moves"] == header["codes"] - sum(number % 3 for number in range(20))
    assert header["labels"] == sum(map(count_labels, games))
    assert (header["source"], header["split"], header["filters"]) == ("games.sgf", "train", {"min_moves": 1})
    assert len(header["checksum"]) == 64
    assert is_shard(path)


def test_two_bytes_a_move_and_mapped(tmp_path: Path) -> None:
    path = tmp_path / "a.shard"
    games = [np.zeros(200, dtype=np.uint16)] * 500
    write_shard(path, games, np.zeros(500, dtype=INFO), size=19, source="x")
    assert path.stat().st_size / 100_000 < 2.2
    shard = Shard.open(path)
    assert isinstance(shard.moves, np.memmap) and not shard.moves.flags.writeable
    for array in (shard.moves, shard.offsets, shard.info):
        assert array.flags.aligned and array.flags.c_contiguous


def test_no_games_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.shard"
    write_shard(path, [], np.zeros(0, dtype=INFO), size=9, source="")
    shard = Shard.open(path)
    assert len(shard) == 0 and len(shard.moves) == 0 and shard.offsets.tolist() == [0]
    with pytest.raises(IndexError, match=r"game 0: a\.shard has 0"):
        shard.game(0)


def test_labels_are_moves_on_the_board() -> None:
    assert count_labels(np.array([SETUP | 3, 5, WHITE | PASS, PASS, WHITE | 9], dtype=np.uint16)) == 2


def test_writing_leaves_no_half_file(tmp_path: Path) -> None:
    path = tmp_path / "a.shard"
    write(path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="2 games but 1 rows of info"):
        write_shard(path, some_games(2), np.zeros(1, dtype=INFO), size=19, source="")
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.shard"]


def test_the_same_games_give_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "a.shard")
    write(tmp_path / "b.shard")
    assert (tmp_path / "a.shard").read_bytes() == (tmp_path / "b.shard").read_bytes()


@pytest.mark.parametrize("data", [b"", b"GOSHARD", b"(;GM[1])", b"\0" * 100, MAGIC])
def test_no_shard(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.shard"
    path.write_bytes(data)
    for read in (Shard.open, read_header):
        with pytest.raises(ShardError, match=rf"a\.shard: not a shard of games: {REMEDY}"):
            read(path)


def test_no_file(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.shard", tmp_path):
        for read in (Shard.open, read_header):
            with pytest.raises(ShardError, match=rf"check the path, or {REMEDY}"):
                read(path)
    assert is_shard(tmp_path / "absent.shard") and not is_shard(tmp_path / "absent") and not is_shard(tmp_path)


def test_another_version(tmp_path: Path) -> None:
    path = tmp_path / "a.shard"
    write(path)
    data = bytearray(path.read_bytes())
    data[8:12] = struct.pack("<I", VERSION + 6)
    path.write_bytes(data)
    with pytest.raises(ShardError, match=rf"shard of version 7, this goengine reads 1: {REMEDY}"):
        Shard.open(path)


def test_every_length_but_the_right_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.shard"
    write(path, 3)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ShardError, match=REMEDY):
            Shard.open(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(ShardError, match="bytes of games where"):
        Shard.open(path)


def test_a_changed_byte_in_the_games_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.shard"
    write(path, 3)
    whole = path.read_bytes()
    body = 16 + struct.unpack("<I", whole[12:16])[0]
    for at in range(body, len(whole), 7):
        data = bytearray(whole)
        data[at] ^= 0x10
        path.write_bytes(data)
        with pytest.raises(ShardError, match=rf"the checksum is wrong, the file is damaged: {REMEDY}"):
            Shard.open(path)


def test_without_the_checksum_a_senseless_table_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.shard"
    write(path, 3)
    data = bytearray(path.read_bytes())
    body = 16 + struct.unpack("<I", data[12:16])[0]
    data[body + 8 : body + 16] = struct.pack("<q", 1 << 40)
    path.write_bytes(data)
    with pytest.raises(ShardError, match=f"the table of games makes no sense: {REMEDY}"):
        Shard.open(path, verify=False)


def with_header(path: Path, change: dict[str, object] | bytes) -> None:
    data = path.read_bytes()
    length = struct.unpack("<I", data[12:16])[0]
    text = change if isinstance(change, bytes) else json.dumps(json.loads(data[16 : 16 + length]) | change).encode()
    path.write_bytes(data[:12] + struct.pack("<I", len(text)) + text + data[16 + length :])


@pytest.mark.parametrize(
    "change",
    [
        {"games": -1}, {"games": "3"}, {"games": 10**30}, {"codes": 10**18}, {"codes": True}, {"size": 99}, {"size": 1},
        {"size": 9.5}, {"checksum": None}, {"checksum": 5}, {"version": 2}, {"source": 3}, {"split": None},
        {"filters": []}, b"", b"[]", b"{}", b"null", b"{", b"\xff\xfe", b"[" * 100_000, b"9" * 5000,
    ],
)  # fmt: skip
def test_a_damaged_header(tmp_path: Path, change: dict[str, object] | bytes) -> None:
    path = tmp_path / "a.shard"
    write(path, 3)
    with_header(path, change)
    with pytest.raises(ShardError, match=REMEDY) as caught:
        Shard.open(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


@given(st.binary(max_size=300))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.shard"
    for start in (b"", MAGIC, MAGIC + struct.pack("<II", VERSION, 20)):
        path.write_bytes(start + data)
        with pytest.raises(ShardError):
            Shard.open(path)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("30k", 1), ("1k", 30), ("1d", 31), ("9d", 39), ("10d", 40), ("1p", 51), ("9p", 59), ("6d?", 36),
        ("9p, Meijin", 59),
        ("9段", 39), ("P9段", 59), ("5级", 26), ("3 kyu", 28), ("7 dan", 37), ("7D", 37), ("2급", 29), ("8단", 38),
        ("九段", 39), ("初段", 31), ("六级", 25), ("十二级", 0), ("十段", 0), ("9 dan pro", 59),
        ("职业九段", 59), ("プロ五段", 55), ("프로9단", 59),
        ("Professional 3 dan", 53), ("6d provisional", 36), ("pro", 0), ("2k pro", 29), ("９段", 39),
        ("", 0), ("NR", 0), ("Meijin", 0), ("31k", 0), ("0d", 0), ("11d", 0), ("10p", 0), ("9", 0),
    ],
)  # fmt: skip
def test_ranks(text: str, code: int) -> None:
    assert rank_code(text) == code


def turned(codes: NDArray[np.uint16], size: int, symmetry: int) -> NDArray[np.uint16]:
    out = codes.copy()
    for at, code in enumerate(codes.tolist()):
        if code & POINT_MASK != PASS:
            row, col = divmod(code & POINT_MASK, size)
            row, col = (col, row) if symmetry & 1 else (row, col)
            row = size - 1 - row if symmetry & 2 else row
            col = size - 1 - col if symmetry & 4 else col
            out[at] = (code & ~POINT_MASK) | (row * size + col)
    return out


def test_a_game_and_its_turned_copies_share_a_fingerprint() -> None:
    for size in (9, 13, 19):
        games = some_games(20, seed=size, size=size)
        prints = [fingerprint(game, size) for game in games if len(game) > 5]
        assert len(set(prints)) == len(prints)
        for game in games:
            assert {fingerprint(turned(game, size, symmetry), size) for symmetry in range(8)} == {
                fingerprint(game, size)
            }


def test_a_fingerprint_is_not_of_the_order_of_the_setup_stones() -> None:
    stones, moves = np.array([60, 72, 288, 300], np.uint16) | np.uint16(SETUP), np.array([WHITE | 54, 180], np.uint16)
    orders = [np.concatenate((stones[order], moves)) for order in ([0, 1, 2, 3], [2, 1, 3, 0], [3, 2, 1, 0])]
    prints = {fingerprint(turned(game, 19, symmetry), 19) for game in orders for symmetry in range(8)}
    assert len(prints) == 1
    assert fingerprint(np.concatenate((stones, moves[::-1])), 19) not in prints  # that of the moves is the game


def test_fingerprints_are_spread_evenly() -> None:
    prints = np.array([fingerprint(game, 19) for game in some_games(2000, seed=5) if len(game) > 5], dtype=np.float64)
    shares = np.histogram(prints / 2.0**64, bins=10, range=(0, 1))[0] / len(prints)
    assert abs(shares - 0.1).max() < 0.03
