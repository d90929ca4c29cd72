"""The scripts that draw what networks have learned, and the gallery that they fill."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from scripts import ROOT, load_script
from tiny_network import write_tiny_network

pytest.importorskip("captum")
pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")

from goengine.images.networks import build_classifier
from goengine.images.storage import save_classifier

GAME = "(;GM[1]FF[4]SZ[9];B[ee];W[cc];B[gc];W[gg];B[cg])"


@pytest.fixture(scope="module")
def look() -> ModuleType:
    return load_script("training/look.py")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("look")
    torch.manual_seed(0)
    classifier = build_classifier("lecture", channels=1, size=8, classes=10, width=4)
    save_classifier(folder / "digits.safetensors", classifier, tuple("0123456789"), {})
    save_classifier(folder / "letters.safetensors", classifier, (*"abcdefghi", "$j$"), {})
    (folder / "game.sgf").write_text(GAME)
    records = [{"kind": "train", "epoch": at, "loss": 2.0 - at, "accuracy": at / 2} for at in range(2)]
    (folder / "log.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    network = write_tiny_network(folder)
    classifiers = {"classifier": folder / "digits.safetensors", "letters": folder / "letters.safetensors"}
    return {"network": network, **classifiers, "game": folder / "game.sgf"}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("network", ["filters"]),
        ("network", ["maps", "--layer", "trunk.0", "--game", "GAME", "--move", "4"]),
        ("network", ["ascent", "--layer", "trunk.0", "--filters", "1", "3", "--steps", "3"]),
        ("network", ["shapes", "--games", "GAME", "--filters", "0", "2", "--limit", "4"]),
        ("classifier", ["filters"]),
        ("classifier", ["maps", "--layer", "features.3", "--number", "5"]),
        ("classifier", ["ascent", "--steps", "2", "--filters", "3", "4"]),
        ("classifier", ["ascent", "--steps", "2", "--layer", "features.0"]),
        ("classifier", ["reasons"]),
        ("classifier", ["reasons", "--number", "358"]),
        ("classifier", ["ascent", "--steps", "2", "--images", "nowhere"]),
        ("classifier", ["curves"]),
        ("classifier", ["confusion"]),
        ("classifier", ["roc"]),
        ("classifier", ["mistakes"]),
    ],
)
def test_each_picture_is_made(
    kind: str, words: list[str], look: ModuleType, files: dict[str, Path], tmp_path: Path
) -> None:
    from PIL import Image

    out = tmp_path / "picture.png"
    words = [str(files["game"]) if word == "GAME" else word for word in words]
    assert look.main([*words, f"--{kind}", str(files[kind]), "--out", str(out)]) == 0
    with Image.open(out) as picture:
        assert picture.format == "PNG" and min(picture.size) > 100
        colours = picture.convert("RGB").getcolors(65536)
        assert colours is not None and len(colours) > 4  # something is drawn


def test_a_classifier_is_shown_what_it_was_trained_on(look: ModuleType, tmp_path: Path) -> None:
    from PIL import Image

    for number, name in enumerate(("dark", "pale")):
        (tmp_path / "mine" / name).mkdir(parents=True)
        for shade in range(4):
            picture = Image.new("RGB", (20, 16), (200 * number + shade, 50, 0))
            picture.save(tmp_path / "mine" / name / f"{shade}.png")
    classifier = build_classifier("lecture", channels=3, size=16, classes=2, width=4)
    recipe = {"data": str(tmp_path / "mine"), "test_share": 0.5}
    save_classifier(tmp_path / "mine.safetensors", classifier, ("dark", "pale"), {"recipe": recipe})
    command = ["confusion", "--classifier", str(tmp_path / "mine.safetensors"), "--out", str(tmp_path / "out.png")]
    assert look.main(command) == 0
    assert look.main([*command, "--images", "digits"]) == 2


@pytest.mark.parametrize(
    ("kind", "words", "reason"),
    [
        ("network", ["maps", "--layer", "nine", "--game", "GAME", "--move", "1"], "no layer 'nine'"),
        ("network", ["maps", "--game", "GAME", "--move", "6"], "--move 6 is not possible: use 0 to 5"),
        ("network", ["maps"], "19x19, but the network plays 9"),
        ("network", ["shapes", "--games", "GAME", "--filters", "4"], "no filter 4: use 0 to 3"),
        ("network", ["shapes"], "no 9x9 games"),
        ("network", ["reasons"], "goengine explain"),
        ("network", ["curves"], "--runs runs/A runs/B"),
        ("network", ["mistakes"], "goengine evaluate --plots"),
        ("classifier", ["shapes"], "leave --classifier away"),
        ("classifier", ["maps", "--number", "360"], "test images 0 to"),
        ("classifier", ["maps", "--layer", "head.1"], "gives no maps"),
        ("classifier", ["reasons", "--number", "360"], "test images 0 to 358"),
        ("classifier", ["maps", "--images", "nowhere"], "no images 'nowhere'"),
        ("letters", ["confusion"], "its classes are a, b, c, d, e, f, g, h, i, $j$, not those of these images"),
        ("network", ["shapes", "--top", "0"], "--top 0 is not possible: use 1 or more"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(
    kind: str,
    words: list[str],
    reason: str,
    look: ModuleType,
    files: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = [str(files["game"]) if word == "GAME" else word for word in words]
    option = "--network" if kind == "network" else "--classifier"
    assert look.main([*words, option, str(files[kind]), "--out", str(tmp_path / "picture.png")]) == 2
    error = capsys.readouterr().err.splitlines()
    assert error[-1].startswith("look.py: ") and reason in error[-1]
    assert not list(tmp_path.iterdir())


def test_curves_need_the_log_of_their_run(
    look: ModuleType, files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    classifier = tmp_path / "digits.safetensors"
    classifier.write_bytes(files["classifier"].read_bytes())
    for text, reason in ((None, "No such file"), ("x\n", "not the log of"), ("", "no steps are logged")):
        if text is not None:
            (tmp_path / "log.jsonl").write_text(text)
        assert look.main(["curves", "--classifier", str(classifier), "--out", str(tmp_path / "picture.png")]) == 2
        assert reason in capsys.readouterr().err
        assert look.main(["curves", "--runs", str(tmp_path), "--out", str(tmp_path / "picture.png")]) == 2
        assert reason in capsys.readouterr().err


def test_the_gallery_runs_commands_and_shows_each_picture_under_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = load_script("training/make_gallery.py")
    write: Any = 'python -c \'import sys; open(sys.argv[1], "w").write("x")\' {out}'
    pictures = (
        gallery.Picture("good", write, "A good one."),
        gallery.Picture("bad", "python -c 'raise SystemExit(\"no way\")' {out}", "A bad one."),
        gallery.Picture("last", write, "The last one."),
    )
    monkeypatch.setattr(gallery, "PICTURES", pictures)
    assert gallery.main(["--folder", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert "exit status 1 of python -c" in error and "no way" in error
    page = (tmp_path / "README.md").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md", "good.png", "last.png"]
    assert page.index("docs/gallery/good.png") < page.index("A good one.") < page.index("![good](good.png)")
    assert "bad" not in page
    assert gallery.main(["nothing"]) == 2
    assert "no picture 'nothing'; there are good, bad, last" in capsys.readouterr().err


def test_the_gallery_in_the_repository_is_what_the_script_writes() -> None:
    gallery = load_script("training/make_gallery.py")
    folder = ROOT / "docs" / "gallery"
    assert (folder / "README.md").read_text(encoding="utf-8") == gallery.page(folder)
    names = {picture.name for picture in gallery.PICTURES}
    stored = list(folder.glob("*.png"))
    assert {path.stem for path in stored} == names
    assert sum(path.stat().st_size for path in stored) < 1_500_000
    assert all(path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" for path in stored)
