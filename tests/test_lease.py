"""training/lease.py: what travels to a lent machine and back, and the rehearsal of the whole."""

import json
import os
from pathlib import Path
from types import ModuleType

import pytest
from scripts import ROOT, load_script
from small_games import shard

from goengine.checkpoint import save_network
from goengine.errors import RecipeError
from goengine.networks import build_network
from goengine.parcel import digest, unpack
from goengine.parcel import pack as pack_aloud
from goengine.shards import Shard


def pack(games: Path, held_out: Path, recipe: Path, start: Path | None, output: Path, megabytes: float) -> int:
    return pack_aloud(games, held_out, recipe, start, output, megabytes, lambda _: None)


@pytest.fixture(scope="module")
def lease() -> ModuleType:
    return load_script("training/lease.py")


@pytest.fixture
def games(tmp_path: Path) -> Path:
    folder = tmp_path / "shards"
    (folder / "dev").mkdir(parents=True)
    for number, name in enumerate(("tygem9d-000", "kgs6d-000", "other")):
        shard(folder / f"{name}.shard", range(8 * number, 8 * number + 8))
    shard(folder / "dev" / "kgs6d.shard", range(90, 93))
    return folder


RECIPE = ROOT / "training" / "recipes" / "smoke.toml"


def test_what_is_packed_is_unpacked_there(games: Path, tmp_path: Path) -> None:
    held_out = games / "dev" / "kgs6d.shard"
    packed = pack(games, held_out, RECIPE, None, tmp_path / "lease", 1.0)
    unpack(tmp_path / "lease", tmp_path / "work")
    found = sorted(path.relative_to(tmp_path / "work").as_posix() for path in (tmp_path / "work").rglob("*.shard"))
    names = ["kgs6d-000", "other", "tygem9d-000"]
    assert found == [f"games/{name}.shard" for name in names] + ["held-out/kgs6d.shard"]
    assert packed == sum(Shard.open(games / f"{name}.shard").header["labels"] for name in names)
    for name in names:
        assert (tmp_path / "work" / "games" / f"{name}.shard").read_bytes() == (games / f"{name}.shard").read_bytes()


def test_held_out_shards_are_no_games_to_learn_from(games: Path, tmp_path: Path) -> None:
    held_out = shard(games / "kgs6d-000.holdout.shard", range(80, 84), split="holdout")
    pack(games, held_out, RECIPE, None, tmp_path / "lease", 1.0)
    unpack(tmp_path / "lease", tmp_path / "work")
    names = sorted(path.name for path in (tmp_path / "work" / "games").iterdir())
    assert names == ["kgs6d-000.shard", "other.shard", "tygem9d-000.shard"]


def test_shards_of_one_name_are_not_exchanged(games: Path, tmp_path: Path) -> None:
    other, held_out = shard(games / "kgs6d.shard", range(60, 70)), games / "dev" / "kgs6d.shard"
    pack(games, held_out, RECIPE, None, tmp_path / "lease", 1.0)
    unpack(tmp_path / "lease", tmp_path / "work")
    assert (tmp_path / "work" / "games" / "kgs6d.shard").read_bytes() == other.read_bytes()
    assert (tmp_path / "work" / "held-out" / "kgs6d.shard").read_bytes() == held_out.read_bytes()
    (games / "more").mkdir()
    shard(games / "more" / "kgs6d.shard", range(70, 75))
    with pytest.raises(RecipeError, match=r"two shards in it are named kgs6d\.shard: rename one"):
        pack(games, held_out, RECIPE, None, tmp_path / "lease", 1.0)


def test_only_what_was_packed_before_is_packed_over(games: Path, tmp_path: Path) -> None:
    held_out, mine = games / "dev" / "kgs6d.shard", tmp_path / "lease" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("not to be lost", encoding="utf-8")
    with pytest.raises(RecipeError, match=r"not what `lease.py pack` wrote, and kept"):
        pack(games, held_out, RECIPE, None, tmp_path / "lease", 1.0)
    assert mine.is_file()
    for _ in range(2):
        pack(games, held_out, RECIPE, None, tmp_path / "new", 1.0)


def test_the_strongest_come_first_where_room_is_short(games: Path, tmp_path: Path) -> None:
    held_out = games / "dev" / "kgs6d.shard"
    pack(games, held_out, RECIPE, None, tmp_path / "all", 1.0)
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "all").iterdir()}
    room = sizes["held-out.xz"] + sizes["smoke.toml"] + sizes["kgs6d-000.shard.xz"] + 10
    pack(games, held_out, RECIPE, None, tmp_path / "some", room / 2**20)
    assert {path.name for path in (tmp_path / "some").glob("*.xz")} == {"held-out.xz", "kgs6d-000.shard.xz"}
    with pytest.raises(RecipeError, match="larger --megabytes"):
        pack(games, held_out, RECIPE, None, tmp_path / "none", sizes["held-out.xz"] / 2**20)


def test_what_cannot_run_there_is_refused_here(games: Path, tmp_path: Path) -> None:
    held_out, recipe = games / "dev" / "kgs6d.shard", tmp_path / "mine.toml"
    start = tmp_path / "start.safetensors"
    module = build_network("residual", in_planes=48, num_actions=81, filters=8, depth=1)
    save_network(start, module, {"architecture": "residual", "feature_set": "alphago48", "board_size": 9})
    fitting = "filters = 8\ndepth = 2\nboard_size = 9\npositions = 64\n"
    recipe.write_text(fitting + "weights = { kgs6d = 3, tygem9d = 0.5 }\n", encoding="utf-8")
    pack(games, held_out, recipe, start, tmp_path / "lease", 1.0)
    with pytest.raises(RecipeError, match=r"start\.safetensors: its board_size is 9, the recipe's 19: give"):
        pack(games, held_out, RECIPE, start, tmp_path / "lease", 1.0)
    recipe.write_text(fitting + "cooldown_shares = { aebpro = 0.2 }\n", encoding="utf-8")
    with pytest.raises(RecipeError, match="no source 'aebpro' among the games; there are kgs6d, other, tygem9d"):
        pack(games, held_out, recipe, None, tmp_path / "lease", 1.0)


@pytest.mark.parametrize(("extra", "batch"), [([], 64), (["--batch", "512"], 512), (["--clip=2", "--batch=16"], 16)])
def test_the_ways_are_timed_with_the_batch_that_is_used(
    lease: ModuleType, games: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extra: list[str], batch: int
) -> None:
    asked: list[int] = []

    def fastest(command: list[str], batch: int, work: Path) -> list[str]:
        asked.append(batch)
        raise RecipeError("far enough")

    monkeypatch.setattr(lease, "fastest", fastest)
    pack(games, games / "dev" / "kgs6d.shard", RECIPE, None, tmp_path / "lease", 1.0)
    with pytest.raises(RecipeError, match="far enough"):
        lease.begin(tmp_path / "lease", tmp_path / "work", 1.0, extra)
    assert asked == [batch]


def test_damage_on_the_way_is_seen(games: Path, tmp_path: Path) -> None:
    pack(games, games / "dev" / "kgs6d.shard", RECIPE, None, tmp_path / "lease", 1.0)
    damaged = tmp_path / "lease" / "other.shard.xz"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with pytest.raises(RecipeError, match=r"other.shard.xz: missing or damaged"):
        unpack(tmp_path / "lease", tmp_path / "work")
    with pytest.raises(RecipeError, match=r"not what `lease.py pack` writes"):
        unpack(tmp_path / "empty", tmp_path / "work")


def test_a_way_back_without_a_network_is_refused(lease: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "train.out").write_text("train.py: no games", encoding="utf-8")
    sums = {"train.out": digest(tmp_path / "train.out")}
    (tmp_path / "sums.json").write_text(json.dumps(sums), encoding="utf-8")
    with pytest.raises(RecipeError, match="no network came back"):
        lease.fetch(tmp_path, tmp_path / "run")
    (tmp_path / "train.out").write_text("other", encoding="utf-8")
    with pytest.raises(RecipeError, match=r"train.out: missing or damaged"):
        lease.fetch(tmp_path, tmp_path / "run")


def test_bad_input_gets_one_line(lease: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lease.main(["pack", str(tmp_path), str(tmp_path / "x.shard"), "--recipe", str(RECIPE)]) == 2
    assert lease.main(["watch", "--work", str(tmp_path), "--seconds", "1", "--output", str(tmp_path)]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert "no shards in it" in first and "no run was begun there" in second


ELSEWHERE = """from importlib.machinery import PathFinder

find = PathFinder.find_spec
missing = {"sgfmill", "gymnasium", "matplotlib", "scipy", "sklearn", "PIL", "captum"}
PathFinder.find_spec = lambda name, *rest: None if name.split(".")[0] in missing else find(name, *rest)
"""  # as on a machine that has torch, numba, safetensors and tensorboard, and nothing else


def test_a_run_needs_no_more_than_the_lent_machine_has(
    lease: ModuleType, games: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "sitecustomize.py").write_text(ELSEWHERE, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "there"), str(ROOT)]))
    monkeypatch.setattr(lease, "fastest", lambda *_: [])
    pack(games, games / "dev" / "kgs6d.shard", RECIPE, None, tmp_path / "lease", 1.0)
    quick = ["--filters", "8", "--depth", "1", "--positions", "64", "--batch", "16", "--board_size", "9"]
    process = lease.begin(tmp_path / "lease", tmp_path / "work", 5.0, [*quick, "--validation_positions", "32"])
    assert process.wait(timeout=240) == 0, (tmp_path / "work" / "train.out").read_text(encoding="utf-8")
    assert (tmp_path / "work" / "run" / "network.safetensors").is_file()


@pytest.mark.slow
def test_the_rehearsal_goes_through(lease: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert lease.main(["rehearse", "--minutes", "0.1"]) == 0
    said = capsys.readouterr().err
    assert said.count("the run has ended; brought network.safetensors") == 2
    assert "gone on from what came back" in said
