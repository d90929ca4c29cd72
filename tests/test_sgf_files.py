"""Files, folders and archives of game records: every kind, in constant memory, whole and damaged."""

import bz2
import gzip
import hashlib
import io
import lzma
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from sgf_samples import reasons, scan

from goengine.sgf import read_games
from goengine.sgf.split import BLOCK, TOO_LONG, split_games

ONE = b"(;GM[1]SZ[9]PB[one];B[aa])"
TWO = b"(;GM[1]SZ[9]PB[two];B[bb])\n(;GM[1]SZ[9]PB[three];B[cc])\n"
MEMBERS = {"a/one.sgf": ONE, "b/two.SGFS": TWO, "readme.txt": b"(;GM[1]SZ[9]PB[no];B[aa])"}


def tar(path: Path, mode: str, members: dict[str, bytes] = MEMBERS) -> None:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def make_zip(path: Path, members: dict[str, bytes] = MEMBERS) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("empty folder/", b"")
        for name, data in members.items():
            archive.writestr(name, data)


KINDS: dict[str, Callable[[Path], object]] = {
    "games.zip": make_zip,
    "games.tar": lambda path: tar(path, "w"),
    "games.tar.gz": lambda path: tar(path, "w:gz"),
    "games.tgz": lambda path: tar(path, "w:gz"),
    "games.tar.xz": lambda path: tar(path, "w:xz"),
    "games.tar.bz2": lambda path: tar(path, "w:bz2"),
    "games.sgf": lambda path: path.write_bytes(ONE + TWO),
    "games.sgfs": lambda path: path.write_bytes(ONE + b"\r\n" + TWO),
    "games.sgf.gz": lambda path: path.write_bytes(gzip.compress(ONE + TWO)),
    "games.sgfs.xz": lambda path: path.write_bytes(lzma.compress(ONE + TWO)),
    "games.sgf.bz2": lambda path: path.write_bytes(bz2.compress(ONE + TWO)),
    "games.gz": lambda path: path.write_bytes(gzip.compress(gzip.compress(ONE + TWO))),
    "parts.xz": lambda path: path.write_bytes(lzma.compress(ONE) + lzma.compress(TWO)),  # two streams in a file
    "wrongly named.sgf": lambda path: path.write_bytes(lzma.compress(ONE + TWO)),
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_file(tmp_path: Path, name: str) -> None:
    KINDS[name](tmp_path / name)
    records, problems = scan(tmp_path / name)
    assert not problems, str(problems[0])
    assert [record.black for record in records] == ["one", "two", "three"]
    for record in records:
        assert record.source.startswith(str(tmp_path / name))
    if "zip" in name or ".t" in name:
        assert [record.source.partition(":")[2] for record in records] == ["a/one.sgf", "b/two.SGFS", "b/two.SGFS"]
        assert [record.index for record in records] == [1, 1, 2]


def test_a_folder_with_all_below_it(tmp_path: Path) -> None:
    for number, (name, make) in enumerate(KINDS.items()):
        folder = tmp_path / f"{number:02d}" / "deep"
        folder.mkdir(parents=True)
        make(folder / name)
    (tmp_path / "notes.txt").write_bytes(ONE)
    records, problems = scan(tmp_path)
    assert not problems
    named_by_content = sum(name in ("games.gz", "parts.xz") for name in KINDS)  # a folder goes by names
    assert len(records) == 3 * (len(KINDS) - named_by_content)
    assert len(list(read_games(str(tmp_path)))) == len(records)


def test_nothing_to_read(tmp_path: Path) -> None:
    assert reasons(scan(tmp_path)[1]) == ["no game file in the folder"]
    for name, make in (("a.zip", make_zip), ("a.tar", lambda path, members: tar(path, "w", members))):
        for members in ({}, {"readme.txt": b"hello"}):
            make(tmp_path / name, members)
            records, problems = scan(tmp_path / name)
            assert not records
            assert problems[0].skipped and problems[0].remedy


@pytest.mark.parametrize("name", [name for name in KINDS if name not in ("games.sgf", "games.sgfs")])
def test_a_truncated_archive_is_used_as_far_as_it_goes(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    KINDS[name](path)
    whole = path.read_bytes()
    for length in range(1, len(whole), max(1, len(whole) // 40)):
        path.write_bytes(whole[:length])
        records, problems = scan(path)
        assert len(records) <= 3
        # a tar archive does not say how many members it has: cut between two, it looks whole
        assert problems or len(records) == 3 or ".t" in name
        for problem in problems:
            assert "\n" not in str(problem) and problem.remedy


@pytest.mark.parametrize("name", KINDS)
def test_a_damaged_archive_never_crashes(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    KINDS[name](path)
    whole = bytearray(path.read_bytes())
    for at in range(0, len(whole), max(1, len(whole) // 60)):
        damaged = bytearray(whole)
        damaged[at] ^= 0xFF
        path.write_bytes(damaged)
        scan(path)


def test_a_damaged_member_does_not_cost_the_others(tmp_path: Path) -> None:
    path = tmp_path / "games.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("a.sgf", "b.sgf", "c.sgf"):
            archive.writestr(name, ONE)
    data = bytearray(path.read_bytes())
    at = data.index(b"PB[one]", data.index(b"b.sgf"))
    data[at + 3] ^= 1
    path.write_bytes(data)
    records, problems = scan(path)
    assert [record.source[-5:] for record in records] == ["a.sgf", "c.sgf"]
    assert reasons(problems) == ["the file is damaged"]
    assert "b.sgf" in problems[0].file


def test_a_damaged_end_keeps_the_games_before(tmp_path: Path) -> None:
    path = tmp_path / "games.sgf.gz"
    games = b"".join(
        b"(;GM[1]SZ[9]PB[%b];B[aa])\n" % hashlib.sha1(b"%d" % number).hexdigest().encode() for number in range(2000)
    )
    path.write_bytes(gzip.compress(games)[:-2000])
    records, problems = scan(path)
    assert 1500 < len(records) < 2000
    assert reasons(problems)[-1] == "the file is damaged"
    assert f"after game {len(records)}" in problems[-1].detail


def test_an_archive_in_an_archive_is_named(tmp_path: Path) -> None:
    make_zip(tmp_path / "inner.zip")
    make_zip(tmp_path / "outer.zip", {"inner.zip": (tmp_path / "inner.zip").read_bytes(), "z.sgf": ONE})
    records, problems = scan(tmp_path / "outer.zip")
    assert len(records) == 1
    assert reasons(problems) == ["the file is damaged"]
    assert "an archive inside an archive" in str(problems[0])


@pytest.mark.parametrize("member", [b"PK\x03\x04", lzma.compress(ONE)[:12] + b"\xff" * 60, b"\x1f\x8b"])
@pytest.mark.parametrize("pack", [make_zip, lambda path, members: tar(path, "w", members)], ids=["zip", "tar"])
def test_what_cannot_be_unpacked_in_an_archive_costs_no_other_game(
    tmp_path: Path, pack: Callable[[Path, dict[str, bytes]], None], member: bytes
) -> None:
    pack(tmp_path / "games", {"a.sgf": ONE, "b.sgf": member, "c.sgf": TWO})
    records, problems = scan(tmp_path / "games")
    assert [record.black for record in records] == ["one", "two", "three"]
    assert [problem.file[-5:] for problem in problems] == ["b.sgf"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE], ids=["symbolic", "hard"])
def test_a_link_in_a_tar_archive_costs_no_other_game(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "games.tar", "w") as archive:
        for name, data in (("a.sgf", ONE), ("b.sgf", b""), ("c.sgf", TWO)):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            if not data:
                info.type, info.linkname = kind, "a.sgf"
            archive.addfile(info, io.BytesIO(data))
    records, problems = scan(tmp_path / "games.tar")
    assert [record.black for record in records] == ["one", "two", "three"]
    assert "a link inside an archive" in str(problems[0])


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.sgf"
    path.write_bytes(ONE)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    _, problems = scan(path)
    assert reasons(problems) == ["the file cannot be read"]
    assert "Permission denied" in str(problems[0])


class Endless:
    """A stream of many games that never stands in memory as a whole."""

    def __init__(self, game: bytes, count: int) -> None:
        self.game, self.left, self.rest = game, count, b""

    def read(self, size: int, /) -> bytes:
        while len(self.rest) < size and self.left:
            self.rest += self.game * min(self.left, 100)
            self.left -= min(self.left, 100)
        part, self.rest = self.rest[:size], self.rest[size:]
        return part


def test_games_are_split_in_constant_memory() -> None:
    game = b"(;GM[1]SZ[19];" + b"B[aa];W[bb];" * 100 + b"C[x](;B[cc])(;B[dd]))\n"
    count = 6_000
    tracemalloc.start()
    try:
        seen = sum(1 for _ in split_games(Endless(game, count)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert seen == count
    assert len(game) * count > 6 * BLOCK
    assert peak < 5 * BLOCK


@pytest.mark.parametrize("block", [1, 2, 3, 7, 50])
def test_where_the_blocks_end_does_not_matter(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    text = b"x(\n;SZ[9]C[a\\]b\\\\](;B[aa])(;B[bb]))\n(;GM[1];B[cc]\n(;GM[1];B[dd])\n(;B[ee"
    whole = list(split_games(io.BytesIO(text)))
    assert [game.line for game in whole] == [1, 3, 4, 5]
    monkeypatch.setattr("goengine.sgf.split.BLOCK", block)

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or block, block))

    assert list(split_games(Slow(text))) == whole


def test_a_game_that_is_too_long_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    longest = 10_000
    monkeypatch.setattr("goengine.sgf.split.LARGEST_GAME", longest)
    nodes = b"".join(b";B[aa]C[%06d]" % number for number in range(5_000))
    text = b"(;GM[1]SZ[9]" + nodes + b"(;W[bb])(;W[cc]))\n(;GM[1]SZ[9];B[dd])"
    games = list(split_games(io.BytesIO(text)))
    assert [game.fault for game in games] == [TOO_LONG, ""]
    assert longest - 20 < len(games[0].data) <= longest + 2
    assert games[1].data == b"(;GM[1]SZ[9];B[dd])"
