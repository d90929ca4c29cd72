"""Records to shards: filters with counts, splits by game, and work that goes on where it stopped."""

import gzip
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from goengine.errors import GoEngineError, RecipeError, RecordError
from goengine.prepare import JOURNAL, Progress, Settings, prepare
from goengine.sgf import read_games, write_game
from goengine.shards import Shard

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "data" / "prepare_games.py"


def game(
    seed: int, *, moves: int = 30, size: int = 19, black_rank: str = "6d", turn: int = 0, handicap: int = 0
) -> str:
    chance = random.Random(seed)
    points = chance.sample(range(size * size), moves)
    if turn:  # mirrored
        points = [point // size * size + size - 1 - point % size for point in points]
    plays = [("black" if ply % 2 == 0 else "white", point) for ply, point in enumerate(points)]
    return write_game(
        size, plays, komi=6.5, black=f"player {seed}", black_rank=black_rank, white_rank="9p", result="B+R",
        date="2020-05-06", handicap=handicap,
    )  # fmt: skip


def make_input(folder: Path) -> Path:
    """Two files of many games and a folder of loose ones, good and bad."""
    source = folder / "input"
    (source / "loose").mkdir(parents=True)
    (source / "first.sgfs").write_text("".join(game(seed) for seed in range(50)))
    (source / "second.sgfs.gz").write_bytes(gzip.compress("".join(game(seed) for seed in range(50, 90)).encode()))
    for seed in range(90, 100):
        (source / "loose" / f"{seed}.sgf").write_text(game(seed))
    (source / "loose" / "small.sgf").write_text(game(200, size=9))
    (source / "loose" / "broken.sgf").write_text("(;SZ[abc];B[aa])")
    (source / "loose" / "illegal.sgf").write_text("(;SZ[19];B[aa];W[bb];B[aa])")
    return source


def codes_of(output: Path, pattern: str = "*.shard") -> dict[str, list[list[int]]]:
    shards = {path.name: Shard.open(path) for path in sorted(output.glob(pattern))}
    return {name: [shard.game(number).tolist() for number in range(len(shard))] for name, shard in shards.items()}


def test_all_usable_games_are_packed(tmp_path: Path) -> None:
    source, output = make_input(tmp_path), tmp_path / "shards"
    report = prepare([source], output, Settings())
    records = [record for record in read_games(source) if record.size == 19]
    assert report.games == len(records) == 101
    assert sorted(codes_of(output)) == ["first.shard", "input.shard", "second.shard"]
    packed = sorted(codes for games in codes_of(output).values() for codes in games)
    assert packed == sorted(record.codes.tolist() for record in records)
    assert report.moves == sum(record.move_count for record in records)
    assert report.skipped == {"SZ: not on 19x19": 1, "SZ: no board size": 1}
    assert report.noted == {"B: an illegal move": 1}
    shard = Shard.open(output / "first.shard")
    assert shard.header["source"] == "first.sgfs" and shard.header["filters"]["min_moves"] == 1
    row = shard.info[7]
    assert (row["index"], row["komi"], row["year"], row["result"]) == (8, 6.5, 2020, 1)
    assert (row["black_rank"], row["white_rank"], row["labels"]) == (36, 59, 30)


def test_filters(tmp_path: Path) -> None:
    path = tmp_path / "games.sgfs"
    path.write_text(
        game(1) + game(2, moves=9) + game(3, black_rank="5d") + game(4, black_rank="?") + game(5, handicap=4) + game(6)
    )
    settings = Settings(min_moves=10, min_rank="6d", max_handicap=3)
    report = prepare([path], tmp_path / "shards", settings)
    assert report.games == 2
    assert report.skipped == {
        "fewer than 10 moves": 1, "BR or WR: below 6d, or unknown": 2, "HA: more than 3 handicap stones": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("setup", "stones"),
    [
        ("AB[aa][ba][ca][da];W[ee]", 4), ("HA[0]AB[aa][ba][ca][da];W[ee]", 4), ("HA[2];B[aa];B[ba];W[ee]", 2),
        ("AB[aa];W[ee]", 0), ("AB[aa][ba][ca][da];B[ee]", 0), ("AB[aa][ba][ca][da]AW[ab];W[ee]", 0),
    ],
)  # fmt: skip
def test_handicap_stones_that_are_only_set_up_count(tmp_path: Path, setup: str, stones: int) -> None:
    path = tmp_path / "games.sgfs"
    path.write_text(f"(;SZ[19]{setup})" + game(1))
    assert prepare([path], tmp_path / "all", Settings()).games == 2
    assert Shard.open(tmp_path / "all" / "games.shard").info["handicap"].tolist() == [stones, 0]
    report = prepare([path], tmp_path / "even", Settings(max_handicap=1))
    assert report.skipped == ({"HA: more than 1 handicap stones": 1} if stones else {})


def mirrored(code: int) -> int:
    point = code & 1023
    return (code & ~1023) | (point // 19 * 19 + 18 - point % 19)


def test_holdout_is_by_game_and_keeps_copies_together(tmp_path: Path) -> None:
    one, two = tmp_path / "one.sgfs", tmp_path / "two.sgfs"
    one.write_text("".join(game(seed) for seed in range(200)))
    two.write_text("".join(game(seed, turn=1) for seed in reversed(range(200))))
    output = tmp_path / "shards"
    prepare([one, two], output, Settings(holdout=0.2))
    shards = codes_of(output)
    assert sorted(shards) == ["one.holdout.shard", "one.shard", "two.holdout.shard", "two.shard"]
    held = {name: {tuple(codes) for codes in shards[f"{name}.holdout.shard"]} for name in ("one", "two")}
    assert 20 < len(held["one"]) < 60
    assert len(shards["one.shard"]) + len(held["one"]) == 200
    mirror = {
        tuple(code & ~1023 | (code & 1023) // 19 * 19 + 18 - (code & 1023) % 19 for code in codes)
        for codes in held["one"]
    }
    assert mirror == held["two"]
    assert Shard.open(output / "one.holdout.shard").header["split"] == "holdout"
    assert Shard.open(output / "one.shard").header["split"] == "train"


def test_all_can_be_held_out(tmp_path: Path) -> None:
    report = prepare([make_input(tmp_path)], tmp_path / "shards", Settings(holdout=1))
    assert report.games == 101
    assert all(name.endswith(".holdout.shard") for name in report.shards)


def test_long_units_are_cut_into_shards(tmp_path: Path) -> None:
    path = tmp_path / "games.sgfs"
    path.write_text("".join(game(seed) for seed in range(25)))
    report = prepare([path], tmp_path / "shards", Settings(games_per_shard=10))
    assert report.shards == ["games.shard", "games.1.shard", "games.2.shard"]
    packed = codes_of(tmp_path / "shards")
    assert [len(packed[name]) for name in report.shards] == [10, 10, 5]


def test_interrupted_work_goes_on_where_it_stopped(tmp_path: Path) -> None:
    source = make_input(tmp_path)
    settings = Settings(games_per_shard=8, holdout=0.1)
    whole, output = tmp_path / "whole", tmp_path / "cut"
    expected = prepare([source], whole, settings)
    packed = 0

    def interrupt(progress: Progress) -> None:
        nonlocal packed
        packed = progress.games
        if packed >= 19:
            raise KeyboardInterrupt

    report = None
    for _ in range(12):
        try:
            report = prepare([source], output, settings, interrupt)
        except KeyboardInterrupt:
            continue
        break
    assert report == expected and packed < 19  # the last run had little left to do
    for path in whole.glob("*.shard"):
        assert (output / path.name).read_bytes() == path.read_bytes()
    assert {path.name for path in output.iterdir()} == {path.name for path in whole.iterdir()}


def test_a_folder_is_packed_into_by_one_process(tmp_path: Path) -> None:
    source, output = make_input(tmp_path), tmp_path / "shards"

    def meanwhile(_: Progress) -> None:
        with pytest.raises(GoEngineError, match="another process is busy with a packing here"):
            prepare([source], output, Settings())

    assert prepare([source], output, Settings(), meanwhile) == prepare([source], output, Settings())


def test_done_work_is_not_done_again(tmp_path: Path) -> None:
    source, output = make_input(tmp_path), tmp_path / "shards"
    first = prepare([source], output, Settings())
    stamps = {path.name: path.stat().st_mtime_ns for path in output.glob("*.shard")}
    told: list[Progress] = []
    assert prepare([source], output, Settings(), told.append) == first
    assert not told
    assert stamps == {path.name: path.stat().st_mtime_ns for path in output.glob("*.shard")}


def test_what_changed_is_done_again(tmp_path: Path) -> None:
    source, output = make_input(tmp_path), tmp_path / "shards"
    prepare([source], output, Settings())
    (source / "first.sgfs").write_text(game(500))
    (output / "second.shard").unlink()
    report = prepare([source], output, Settings())
    assert report.games == 52
    assert {name: len(games) for name, games in codes_of(output).items()} == {
        "first.shard": 1, "second.shard": 40, "input.shard": 11,
    }  # fmt: skip


def test_a_loose_file_that_is_older_than_the_others_has_changed_too(tmp_path: Path) -> None:
    source, output = tmp_path / "mine", tmp_path / "shards"
    source.mkdir()
    texts = [game(seed) for seed in range(3)]
    for number in (0, 1):
        (source / f"{number}.sgf").write_text(texts[number])
    prepare([source], output, Settings())
    assert len(texts[2]) == len(texts[0])
    (source / "0.sgf").write_text(texts[2])
    os.utime(source / "0.sgf", (1e9, 1e9))  # as copied with its date
    prepare([source], output, Settings())
    wanted = [record.codes.tolist() for record in read_games(source)]
    assert codes_of(output)["mine.shard"] == wanted


def test_files_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "games.sgfs").write_text(game(number))
    report = prepare([tmp_path], tmp_path / "shards", Settings())
    assert sorted(report.shards) == ["games.shard", "games_2.shard", "games_3.shard"]
    assert report.games == 3


def test_files_of_one_name_in_two_commands_do_not_overwrite_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, name in enumerate(("kgs", "fox")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "games.sgfs").write_text(game(number))
    monkeypatch.chdir(tmp_path)
    output = tmp_path / "shards"
    assert prepare([tmp_path / "kgs" / "games.sgfs"], output, Settings()).shards == ["games.shard"]
    assert prepare([tmp_path / "fox"], output, Settings()).shards == ["games_2.shard"]
    first = codes_of(output)
    assert len(first) == 2 and first["games.shard"] != first["games_2.shard"]
    report = prepare([Path("fox/games.sgfs"), Path("kgs")], output, Settings())  # each under the name it has
    assert report.shards == ["games_2.shard", "games.shard"] and codes_of(output) == first
    (tmp_path / "kgs").rename(tmp_path / "moved")
    assert prepare([tmp_path / "moved"], output, Settings()).shards == ["games.shard"]
    assert codes_of(output) == first


def test_a_folder_that_grew_keeps_its_name(tmp_path: Path) -> None:
    source, output = tmp_path / "mine", tmp_path / "shards"
    source.mkdir()
    for name in ("b", "a"):
        (source / f"{name}.sgf").write_text(game(ord(name)))
        assert prepare([source], output, Settings()).shards == ["mine.shard"]
    assert {name: len(games) for name, games in codes_of(output).items()} == {"mine.shard": 2}


def test_loose_files_do_not_take_the_place_of_an_archive_that_is_gone(tmp_path: Path) -> None:
    source, output = tmp_path / "mine", tmp_path / "shards"
    source.mkdir()
    (source / "a.sgf").write_text(game(1))
    (source / "mine.sgfs").write_text(game(2))
    assert prepare([source], output, Settings()).shards == ["mine.shard", "mine_2.shard"]
    first = codes_of(output)
    (source / "mine.sgfs").unlink()
    assert prepare([source], output, Settings()).shards == ["mine_2.shard"] and codes_of(output) == first


def test_a_link_that_leads_nowhere_is_counted(tmp_path: Path) -> None:
    source, output = make_input(tmp_path), tmp_path / "shards"
    (source / "loose" / "0.sgf").symlink_to(tmp_path / "absent.sgf")
    (source / "lost.sgfs").symlink_to(tmp_path / "absent.sgfs")
    (source / "loose" / "1.sgf").symlink_to(source / "loose" / "90.sgf")
    for _ in range(2):
        report = prepare([source], output, Settings())
        assert report.games == 102 and report.skipped["the file cannot be read"] == 2
        assert sorted(report.shards) == sorted(codes_of(output)) == ["first.shard", "input.shard", "second.shard"]


def test_old_parts_of_what_changed_do_not_stay(tmp_path: Path) -> None:
    path, output = tmp_path / "games.sgfs", tmp_path / "shards"
    path.write_text("".join(game(seed) for seed in range(25)))
    assert len(prepare([path], output, Settings(games_per_shard=10)).shards) == 3
    path.write_text("".join(game(seed) for seed in range(30, 42)))
    report = prepare([path], output, Settings(games_per_shard=10))
    assert sorted(report.shards) == sorted(codes_of(output)) == ["games.1.shard", "games.shard"]


def test_progress_runs_to_the_end(tmp_path: Path) -> None:
    source = make_input(tmp_path)
    told: list[Progress] = []
    prepare([source], tmp_path / "shards", Settings(), told.append)
    assert [progress.done for progress in told] == sorted(progress.done for progress in told)
    assert 0 < told[-1].done <= told[-1].total == sum(path.stat().st_size for path in source.rglob("*.sgf*"))
    assert told[-1].games >= 99
    halfway = Progress("x", 10, 50, 100, 10.0, 0)
    assert halfway.seconds_left == pytest.approx(10.0)
    assert Progress("x", 10, 75, 100, 10.0, 50).seconds_left == pytest.approx(10.0)
    assert Progress("x", 0, 0, 100, 10.0, 0).seconds_left is None


def test_other_settings_are_refused(tmp_path: Path) -> None:
    source, output = make_input(tmp_path), tmp_path / "shards"
    prepare([source], output, Settings(min_moves=5))
    with pytest.raises(RecipeError, match=r"has shards made with min_moves = 5: choose another output folder"):
        prepare([source], output, Settings(min_moves=6))


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", '{"version": 99}', "[" * 100_000),
        *('{"version": 1}', '{"version": 1, "settings": {}, "units": {"a": {"items": 3}}}'),
    ],
)
def test_a_damaged_journal_is_named(tmp_path: Path, text: str) -> None:
    source, output = make_input(tmp_path), tmp_path / "shards"
    prepare([source], output, Settings())
    (output / JOURNAL).write_text(text)
    with pytest.raises(RecipeError, match=r"prepare\.json: damaged, or of another version: delete it"):
        prepare([source], output, Settings())


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"size": 1}, "board size 1: use 2 to 25"),
        ({"holdout": 1.5}, "holdout 1.5: use a share of games"),
        ({"holdout": -0.1}, "holdout -0.1: use a share"),
        ({"holdout": float("nan")}, "holdout nan: use a share"),
        ({"games_per_shard": 0}, "0 games a shard: use 1 or more"),
        ({"min_rank": "strong"}, "rank 'strong': write it as 2k, 6d or 1p"),
    ],
)
def test_senseless_settings(setting: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Settings(**setting)  # type: ignore[arg-type]


def test_nothing_to_pack(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no such file or folder"):
        prepare([tmp_path / "absent"], tmp_path / "shards", Settings())
    (tmp_path / "a.sgf").write_text(game(1, size=9))
    with pytest.raises(RecordError, match=r"a\.sgf: no game can be used \(SZ: not on 19x19: 1\): see goengine check"):
        prepare([tmp_path / "a.sgf"], tmp_path / "shards", Settings())
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordError, match="no game can be used"):
        prepare([tmp_path / "empty"], tmp_path / "shards", Settings())


def script(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, words)],
        capture_output=True, text=True, timeout=300, check=False, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_the_script(tmp_path: Path) -> None:
    source, output = make_input(tmp_path), tmp_path / "shards"
    done = script(source, "--output", output, "--holdout", "0.1")
    assert done.returncode == 0, done.stderr
    assert "101 games" in done.stdout
    assert "1  left out: SZ: no board size" in done.stdout
    assert "1  packed in spite of: B: an illegal move" in done.stdout
    assert json.loads((output / JOURNAL).read_text())["settings"]["holdout"] == 0.1
    assert sum(len(games) for games in codes_of(output).values()) == 101


@pytest.mark.parametrize("words", [["absent.sgf"], ["--size", "99", "."], [], ["--holdout", "x", "."]])
def test_the_script_on_bad_input(tmp_path: Path, words: list[str]) -> None:
    done = script(*words, "--output", tmp_path / "shards")
    assert done.returncode == 2
    assert "prepare_games" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_the_script_makes_its_own_games() -> None:
    done = script("--smoke")
    assert done.returncode == 0, done.stderr
    assert "19 games" in done.stdout
