"""Pictures of boards become positions: the project's own styles, others, and screenshots of real programs."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from other_boards import SMALL, diagram, felt, game_like, pixels, stones_of
from PIL import Image, ImageDraw
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from scripts import load_script

from goengine.cli import main
from goengine.errors import GoEngineError, ImageError, NetworkFileError, RecipeError
from goengine.images.pictures import read_picture
from goengine.layers import ConvNormAct
from goengine.recognition.classifier import BUNDLED, OFF, Classifier, load_classifier
from goengine.recognition.network import PointNetwork, save_classifier
from goengine.recognition.reading import NoBoard, chains_without_liberties, read_board
from goengine.recognition.render import draw_board
from goengine.recognition.style import Style
from goengine.recognition.window import place
from goengine.sgf import GameRecord, scan_games

BOARDS = Path(__file__).parent / "data" / "boards"
SCREENSHOTS = sorted([*BOARDS.glob("*.png"), *BOARDS.glob("*.jpg")])
POSITIONS = json.loads((BOARDS / "positions.json").read_text())


@cache
def _network() -> Classifier:
    return load_classifier()


def _text(stones: NDArray[np.int8]) -> str:
    return "\n".join(" ".join(".XO"[stone] for stone in line) for line in stones)


def _read(image: Image.Image) -> NDArray[np.int8]:
    return read_board(np.asarray(image.convert("RGB")), _network()).stones


@pytest.mark.parametrize("draw", [felt, pixels, diagram])
@pytest.mark.parametrize("size", [9, 19])
def test_boards_in_styles_that_were_not_learned_are_read(
    draw: Callable[[Sequence[Sequence[int]]], Image.Image], size: int
) -> None:
    stones = game_like(size, size)
    assert _text(_read(draw(stones.tolist()))) == _text(stones)


@pytest.mark.parametrize("path", SCREENSHOTS, ids=[path.stem for path in SCREENSHOTS])
def test_screenshots_of_programs_are_read(path: Path) -> None:
    wanted = stones_of("\n".join(" ".join(row) for row in POSITIONS[path.stem.split("-")[1]]))
    found = read_board(read_picture(path), _network()).stones
    assert found.shape == wanted.shape
    assert (found == wanted).all(), _text(found)


def test_a_photo_on_its_side_an_alpha_channel_and_16_bits_are_read(tmp_path: Path) -> None:
    stones = stones_of(SMALL)
    image = felt(stones.tolist())
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees to the right
    image.rotate(90, expand=True).save(tmp_path / "turned.jpg", quality=92, exif=exif)
    clear = Image.new("RGBA", (image.width + 60, image.height + 60))
    clear.paste(image, (30, 30))
    clear.save(tmp_path / "alpha.png")
    deep = np.asarray(image.convert("L"), np.uint16) * 257
    Image.fromarray(deep).save(tmp_path / "deep.png")
    for name in ("turned.jpg", "alpha.png", "deep.png"):
        assert _text(read_board(read_picture(tmp_path / name), _network()).stones) == _text(stones), name


def test_given_corners_in_any_order_find_board_and_size() -> None:
    stones = stones_of(SMALL)
    picture = np.asarray(felt(stones.tolist()))
    four = [(270.0, 310.0), (30.0, 70.0), (270.0, 70.0), (30.0, 310.0)]
    for corners in (four, four[:2]):
        reading = read_board(picture, _network(), corners=corners)
        assert _text(reading.stones) == _text(stones)
    with pytest.raises(ImageError, match="4 points, or 2"):
        read_board(picture, _network(), corners=four[:3])
    with pytest.raises(ImageError, match="one line"):
        read_board(picture, _network(), corners=[(0, 0), (10, 10), (20, 20), (30, 30)])


def test_large_pictures_are_reduced_and_their_corners_are_not() -> None:
    stones = stones_of(SMALL)
    picture = np.asarray(felt(stones.tolist()))
    large = picture.repeat(9, axis=0).repeat(9, axis=1)
    wanted = 9 * np.array([[30, 70], [270, 310]]) + 4
    for corners in ([], [(float(x), float(y)) for x, y in wanted]):
        reading = read_board(large, _network(), corners=corners)
        assert _text(reading.stones) == _text(stones)
        assert np.abs(np.array([place(reading.grid, 0, 0), place(reading.grid, 8, 8)]) - wanted).max() < 9


@pytest.mark.parametrize(("size", "seed", "spacing"), [(9, 1, 40), (13, 0, 32)])
def test_boards_that_are_nearly_full_are_read(size: int, seed: int, spacing: int) -> None:
    rng = np.random.default_rng(seed)
    stones = np.where(rng.random((size, size)) < 0.9, rng.integers(1, 3, (size, size)), 0).astype(np.int8)
    assert _text(_read(draw_board(stones, Style(spacing=spacing), rng).picture)) == _text(stones)


def _no_boards() -> dict[str, Image.Image]:
    rng = np.random.default_rng(3)
    page = Image.new("RGB", (500, 400), "white")
    pen = ImageDraw.Draw(page)
    for line in range(18):
        pen.text((20, 20 + 20 * line), "Nothing but text, line after line of it, in a column.", fill=(30, 30, 30))
    squares = np.kron(np.indices((8, 8)).sum(axis=0) % 2, np.ones((40, 40))) * 150 + 50
    return {
        "blank": Image.new("RGB", (300, 200), (120, 80, 40)),
        "noise": Image.fromarray(rng.integers(0, 256, (200, 300, 3), np.uint8)),
        "page": page,
        "chessboard": Image.fromarray(squares.astype(np.uint8)).convert("RGB"),
        "tiny": Image.new("RGB", (3, 2)),
    }


@pytest.mark.parametrize("name", list(_no_boards()))
def test_no_board_is_found_where_there_is_none(name: str) -> None:
    with pytest.raises(NoBoard, match="no Go board found"):
        read_board(np.asarray(_no_boards()[name]), _network())


def test_every_point_has_a_confidence_and_dead_stones_are_doubtful() -> None:
    stones = game_like(9, 2)
    stones[0, :2], stones[1, :2] = (1, 2), (2, 2)  # a stone in the corner without liberties
    stones[0, 2] = 2
    reading = read_board(np.asarray(felt(stones.tolist())), _network())
    assert _text(reading.stones) == _text(stones)
    assert reading.confidence.shape == (9, 9) and reading.confidence.min() > 0.3
    assert [(0, 0)] in chains_without_liberties(reading.stones)
    assert (0, 0) in reading.doubtful()
    assert set(reading.doubtful(below=1.1)) == {(row, column) for row in range(9) for column in range(9)}


def test_chains_without_liberties() -> None:
    stones = stones_of("X X O\nO X O\nO O .")
    assert chains_without_liberties(stones) == [[(0, 0), (0, 1), (1, 1)]]
    assert chains_without_liberties(np.zeros((5, 5), np.int8)) == []


def test_the_command_writes_sgf_that_suggest_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stones = game_like(19, 8, 0.3)
    picture, sgf, overlay = tmp_path / "a.png", tmp_path / "a.sgf", tmp_path / "o.png"
    diagram(stones.tolist()).save(picture)
    command = ["recognize", str(picture), "--to-move", "w", "--sgf", str(sgf), "--overlay", str(overlay)]
    assert main(command) == 0
    assert f"19x19, {(stones == 1).sum()} black (X)" in capsys.readouterr().out
    (record,) = scan_games(sgf)
    assert isinstance(record, GameRecord) and record.move_count == 0 and record.to_play == "white"
    assert record.start().board.tolist() == np.where(stones == 2, -1, stones).tolist()
    with Image.open(overlay) as drawn, Image.open(picture) as given:
        assert drawn.size == given.size
    assert main(["suggest", str(sgf), "--top", "2", "--threads", "1"]) == 0
    assert "white to play" in capsys.readouterr().out


def test_the_command_reports_as_json_or_writes_sgf_to_stdout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "a.png"
    felt(stones_of(SMALL).tolist()).save(picture)
    assert main(["recognize", str(picture), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["size"] == 9 and report["stones"][2] == ".X.XO..X." and len(report["confidence"]) == 9
    assert np.abs(np.array(report["corners"]) - [[30, 70], [270, 70], [270, 310], [30, 310]]).max() < 2
    assert main(["recognize", str(picture), "--sgf", "-", "--size", "9"]) == 0
    out = capsys.readouterr()
    assert out.out.startswith("(;GM[1]") and "AB[" in out.out and "9x9" in out.err


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["blank.png"], 3, "blank.png: no Go board found"),
        (["text.png"], 2, "text.png: not a picture"),
        (["text.png", "--json", "--sgf", "-"], 2, "--json and --sgf - both want the standard output"),
        (["missing.png"], 2, "missing.png: there is no such file"),
        (["blank.png", "--size", "huge"], 2, "--size huge is not possible"),
        (["blank.png", "--corners", "1,2", "a,b"], 2, "--corners a,b is no point"),
        (["blank.png", "--corners", "1,2", "3,4", "5,6"], 2, "takes 4 points"),
        (["blank.png", "--corners", "1,2", "1e30,4"], 2, "outside the picture"),
        (["blank.png", "--overlay", "./blank.png"], 2, "--overlay blank.png is the picture itself"),
        (["blank.png", "--sgf", "blank.png"], 2, "--sgf blank.png is the picture itself"),
        (["blank.png", "--sgf", "x.png", "--overlay", "x.png"], 2, "--overlay x.png is what --sgf writes"),
        (["blank.png", "--corners", "1,2", "nan,4"], 2, "--corners nan,4 is no point"),
        (["blank.png", "--corners", "1,2", "inf,4"], 2, "--corners inf,4 is no point"),
    ],
)
def test_bad_input_is_one_line(
    words: list[str],
    status: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (300, 200), (120, 80, 40)).save("blank.png")
    Path("text.png").write_text("no picture")
    assert main(["recognize", *words]) == status
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1


def test_a_missing_library_is_named_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert main(["recognize", str(tmp_path / "a.png")]) == 2
    assert capsys.readouterr().err == "goengine: recognize needs cv2: pip install 'goengine[images]'\n"


def _windows() -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(5)
    return [rng.integers(0, 256, (16 * rows + 1, 16 * columns + 1, 3), np.uint8) for rows, columns in ((2, 3), (7, 5))]


def test_numpy_computes_what_pytorch_does(tmp_path: Path) -> None:
    torch.manual_seed(3)
    path, network = tmp_path / "r.safetensors", PointNetwork((8, 12, 10, 16)).eval()
    with torch.no_grad():
        for name, value in network.state_dict().items():  # norms that matter, and numbers that float16 holds
            if value.is_floating_point():
                value.copy_(torch.rand_like(value) + 0.5 if "body" in name and value.dim() == 1 else value.half())
                value.copy_(value.half())
    save_classifier(path, network, {"command": "a test"})
    classifier = load_classifier(path)
    bundled = PointNetwork()
    bundled.load_state_dict(load_file(BUNDLED), strict=False)
    for one, other in ((network, classifier), (bundled.eval(), _network())):
        for window in _windows():
            with torch.no_grad():
                wanted = one(torch.from_numpy(window)[None]).softmax(1)[0].permute(1, 2, 0).numpy()
            found = other.read(window)
            assert found.shape == wanted.shape and found.dtype == np.float32 and wanted.std() > 0.01
            assert np.abs(found - wanted).max() < 1e-5


def test_orientations_are_averaged() -> None:
    window = np.asarray(felt(stones_of(SMALL).tolist()))[: 16 * 9 + 1, : 16 * 7 + 1]
    wanted = np.zeros((8, 6, OFF + 1))
    for mirrored in (1, -1):
        for quarters in range(4):
            found = _network().read(np.ascontiguousarray(np.rot90(window[:, ::mirrored], quarters)))
            wanted += np.rot90(found, -quarters)[:, ::mirrored] / 8
    assert np.abs(_network().read(window, turns=8) - wanted).max() < 1e-5


def test_layers_that_could_not_be_computed_are_not_written(tmp_path: Path) -> None:
    network = PointNetwork()
    network.body.append(ConvNormAct(56, 56, 3, activation="silu"))
    with pytest.raises(ValueError, match=r"cannot compute the layer body\.5"):
        save_classifier(tmp_path / "r.safetensors", network, {})
    assert not list(tmp_path.iterdir())


def test_a_damaged_network_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.safetensors"
    save_classifier(path, PointNetwork((4, 4, 4, 4)), {"command": "a test"})
    tensors = load_file(path)
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    other = tmp_path / "other.safetensors"
    save_file({**tensors, "body.1.0.weight": torch.zeros(4, 5, 3, 3)}, other, metadata)
    path.write_bytes(path.read_bytes()[:-100])
    for bad in (path, other, tmp_path / "missing", BUNDLED.with_name("default.safetensors")):
        with pytest.raises(NetworkFileError, match=bad.stem):
            load_classifier(bad)
    assert BUNDLED.stat().st_size < 300_000


def test_the_command_loads_nothing_that_is_slow(tmp_path: Path) -> None:
    felt(stones_of(SMALL).tolist()).save(tmp_path / "a.png")
    program = (
        "import sys; from goengine.cli import main; status = main(sys.argv[1:]);"
        "print(status, sorted({'torch', 'numba', 'scipy', 'sklearn', 'matplotlib'} & set(sys.modules)))"
    )
    words = [
        "recognize",
        str(tmp_path / "a.png"),
        "--sgf",
        str(tmp_path / "a.sgf"),
        "--overlay",
        str(tmp_path / "o.png"),
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", program, *words], env=environment, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "0 []", done


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--overlay", "x.psd"], "x.psd: .psd is no format of pictures: use .png"),
        (["--overlay", "x"], "x: no ending is no format"),
        (["--overlay", "nowhere/x.png"], "nowhere/x.png: there is no such folder"),
        (["--sgf", "."], ".: is a folder: give the name of a file"),
    ],
)
def test_where_nothing_can_be_written_is_told_before_the_work(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["recognize", "no picture at all", *words]) == 2
    assert message in capsys.readouterr().err


def test_the_training_refuses_at_once_what_would_fail_at_the_end(tmp_path: Path) -> None:
    script = load_script("training/train_recognizer.py")
    missing = tmp_path / "nowhere" / "r.safetensors"
    for words, message in (
        (["--out", str(missing)], "is no folder that can be written to"),
        (["--out", str(tmp_path)], "is a folder: give the name of a file"),
        (["--scenes", "3"], "--scenes 3 is too few"),
    ):
        with pytest.MonkeyPatch.context() as patch, pytest.raises(GoEngineError, match=message):
            patch.setattr(sys, "argv", ["train_recognizer.py", *words])
            script.main()
    lesson = next(iter(script.lessons_of_scene(1)))
    with pytest.raises(RecipeError, match="--batch 9: no more than 2 windows of a size were drawn"):
        script.learn(PointNetwork(), {len(lesson.labels): [lesson] * 2}, 1, 9, 0)
