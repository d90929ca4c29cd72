"""Images: digits, IDX files, CIFAR batches, folders of pictures, augmentation; and what bad files get."""

import gzip
import hashlib
import io
import re
import struct
import sys
import tarfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from goengine.errors import ImageError
from goengine.images import files
from goengine.images.augment import Augmentation
from goengine.images.data import load_images
from goengine.images.pictures import read_picture
from goengine.images.sets import ImageSet, split

RANDOM = np.random.default_rng(3)


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">I{array.ndim}I", 0x0800 | array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def mnist(tmp_path: Path) -> Path:
    for part, count in (("train", 12), ("t10k", 5)):
        images = RANDOM.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(idx(np.arange(count, dtype=np.uint8) % 10))
    return tmp_path


def batch(count: int) -> bytes:
    rows = RANDOM.integers(0, 256, (count, 3073), dtype=np.uint8)
    rows[:, 0] = np.arange(count) % 10
    return rows.tobytes()


BATCHES = [f"data_batch_{number}.bin" for number in range(1, 6)] + ["test_batch.bin"]


def test_the_digits_are_always_there() -> None:
    learn, test = load_images("digits")
    assert len(learn) + len(test) == 1797 and 340 <= len(test) <= 380
    assert learn.images.shape[1:] == (1, 8, 8) and learn.images.max() == 255
    assert set(test.labels) == set(range(10)) and not learn.flips
    again, _ = load_images("digits")
    assert (again.images == learn.images).all()


def test_mnist(mnist: Path) -> None:
    learn, test = load_images("mnist", mnist)
    assert learn.images.shape == (12, 1, 28, 28) and len(test) == 5
    assert learn.labels.tolist() == [*range(10), 0, 1]
    raw = (mnist / "train-images-idx3-ubyte").read_bytes()
    assert learn.images.tobytes() == raw[16:]


def test_gzipped_files_are_checked_against_their_sums(mnist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = mnist / "t10k-images-idx3-ubyte"
    packed = plain.with_name(plain.name + ".gz")
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    with pytest.raises(ImageError, match=r"t10k-images-idx3-ubyte\.gz: its MD5 is"):
        load_images("mnist", mnist)
    monkeypatch.setitem(files.MNIST, plain.name, hashlib.md5(packed.read_bytes()).hexdigest())
    assert len(load_images("mnist", mnist)[1]) == 5


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda data: data[:-3], "promises 784 bytes|promises 9,408 bytes, 9,405 are there"),
        (lambda data: b"\x89PNG" + data[4:], "begins with 89504e47, not 00000803"),
        (lambda data: b"", "begins with nothing"),
    ],
)
def test_damaged_idx_files(mnist: Path, change: object, expected: str) -> None:
    path = mnist / "train-images-idx3-ubyte"
    path.write_bytes(change(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(ImageError, match=expected):
        load_images("mnist", mnist)


@pytest.mark.parametrize(("part", "shape"), [("t10k", (5, 8, 8)), ("train", (12, 20, 12)), ("t10k", (0, 28, 28))])
def test_idx_files_of_other_images(mnist: Path, part: str, shape: tuple[int, int, int]) -> None:
    (mnist / f"{part}-images-idx3-ubyte").write_bytes(idx(np.zeros(shape, np.uint8)))
    (mnist / f"{part}-labels-idx1-ubyte").write_bytes(idx(np.zeros(shape[0], np.uint8)))
    with pytest.raises(ImageError, match=f"{shape[0]} {part} images of {shape[1]}x{shape[2]}; MNIST's are 28x28"):
        load_images("mnist", mnist)


def test_missing_files_say_what_to_put_where(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"train-images-idx3-ubyte\.gz is not there: put it there, from https"):
        load_images("mnist", tmp_path)
    with pytest.raises(ImageError, match=r"cifar-10-binary\.tar\.gz is not there.*--download"):
        load_images("cifar10", tmp_path)
    with pytest.raises(ImageError, match="no images 'faces': give digits"):
        load_images("faces", tmp_path)


@pytest.mark.parametrize("form", ["folder", "gzipped", "archive"])
def test_cifar(tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = {name: batch(4) for name in BATCHES}
    if form == "archive":
        with tarfile.open(tmp_path / files.CIFAR, "w:gz") as tar:
            for name, content in data.items():
                member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        monkeypatch.setattr(files, "CIFAR_MD5", hashlib.md5((tmp_path / files.CIFAR).read_bytes()).hexdigest())
    else:
        at = tmp_path / "cifar-10-batches-bin"
        at.mkdir()
        for name, content in data.items():
            packed = form == "gzipped"
            (at / (f"{name}.gz" if packed else name)).write_bytes(gzip.compress(content) if packed else content)
    learn, test = load_images("cifar10", tmp_path)
    assert learn.images.shape == (20, 3, 32, 32) and len(test) == 4 and learn.flips
    first = np.frombuffer(data[BATCHES[0]], np.uint8)
    assert learn.images[0, 1, 0, 5] == first[1 + 1024 + 5]  # green, first row


def test_damaged_cifar_batches(tmp_path: Path) -> None:
    for name in BATCHES:
        (tmp_path / name).write_bytes(batch(2))
    (tmp_path / BATCHES[2]).write_bytes(batch(2)[:-1])
    with pytest.raises(ImageError, match=r"data_batch_3\.bin: 6,145 bytes are no whole number of pictures"):
        load_images("cifar10", tmp_path)
    (tmp_path / BATCHES[2]).write_bytes(b"\x0b" + batch(1)[1:])
    with pytest.raises(ImageError, match="a label of 11"):
        load_images("cifar10", tmp_path)
    (tmp_path / BATCHES[2]).unlink()
    with pytest.raises(ImageError, match=r"data_batch_3\.bin is missing"):
        load_images("cifar10", tmp_path)
    (tmp_path / BATCHES[0]).unlink()
    (tmp_path / files.CIFAR).write_bytes(b"no archive")
    with pytest.raises(ImageError, match="its MD5 is"):
        load_images("cifar10", tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, color in (("dark", 20), ("light", 230)):
        (tmp_path / name).mkdir()
        for number in range(3):
            Image.new("RGB", (20 + number, 14), (color, 0, color)).save(tmp_path / name / f"{number}.png")
    return tmp_path


def test_a_folder_of_pictures(folder: Path) -> None:
    (folder / "dark" / "notes.txt").write_text("no picture", encoding="utf-8")
    said: list[str] = []
    learn, test = load_images(str(folder), size=8, say=said.append)
    assert learn.classes == ("dark", "light") and len(learn) == 4 and len(test) == 2
    assert learn.images.shape[1:] == (3, 8, 8)
    assert {int(image.max()) for image in test.images} == {20, 230}
    assert len(said) == 1 and "1 file(s) left out" in said[0] and "notes.txt: not a picture" in said[0]


def test_a_class_with_one_picture_is_named(folder: Path) -> None:
    for number in (1, 2):
        (folder / "light" / f"{number}.png").unlink()
    with pytest.raises(ImageError, match=r"light: 1 picture\(s\); a class needs 2"):
        load_images(str(folder), size=8)
    with pytest.raises(ImageError, match=r"dark: 0 subfolder\(s\)"):
        load_images(str(folder / "dark"), size=8)
    one = ImageSet(np.zeros((3, 1, 8, 8), np.uint8), np.array([0, 0, 1]), ("a", "b"))
    with pytest.raises(ImageError, match=r"class 'b' has 1 image\(s\)"):
        split(one, 0.5)


def test_folders_need_pillow(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImageError, match=r"needs Pillow: pip install 'goengine\[images\]'"):
        load_images(str(folder), size=8)


def test_pictures_of_every_kind(tmp_path: Path) -> None:
    ramp = np.arange(256, dtype=np.uint8).repeat(2).reshape(16, 32)
    deep = tmp_path / "deep.png"
    Image.fromarray(ramp.astype(np.uint16) * 257).save(deep)
    assert np.abs(read_picture(deep)[..., 0].astype(int) - ramp).max() <= 1
    clear = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    clear.save(tmp_path / "clear.png")
    assert (read_picture(tmp_path / "clear.png") == 255).all()
    turned = Image.fromarray(ramp)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera lay on its side
    turned.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    assert read_picture(tmp_path / "turned.jpg").shape == (32, 16, 3)
    cut = tmp_path / "cut.png"
    cut.write_bytes(deep.read_bytes()[:60])
    for bad, reason in (
        (cut, ""),
        (tmp_path / "none.png", "no such"),
        (Path(__file__), "no format"),
        (tmp_path, "Is a"),
    ):
        with pytest.raises(ImageError, match=rf"^{re.escape(str(bad))}: [^<]*{reason}[^<]*$"):
            read_picture(bad)


def test_grey_pictures_of_many_bits(tmp_path: Path) -> None:
    ramp = np.arange(100 * 60, dtype=np.uint16).reshape(60, 100)
    Image.fromarray((ramp / 6000).astype(np.float32)).save(tmp_path / "shares.tif")
    assert np.abs(read_picture(tmp_path / "shares.tif")[..., 0] - ramp * (255 / 6000)).max() <= 1
    grey = ramp.astype(np.uint8)
    Image.fromarray(grey).save(tmp_path / "turned.tif", tiffinfo={0x0112: 6})  # not compressed: Pillow maps the file
    assert (read_picture(tmp_path / "turned.tif")[..., 0] == np.rot90(grey, -1)).all()
    Image.fromarray(ramp * 10).save(tmp_path / "clear.png")
    data = (tmp_path / "clear.png").read_bytes()
    at = data.index(b"IDAT") - 4
    clear = b"tRNS" + struct.pack(">H", 30)
    chunk = struct.pack(">I", 2) + clear + struct.pack(">I", zlib.crc32(clear))
    (tmp_path / "clear.png").write_bytes(data[:at] + chunk + data[at:])
    assert read_picture(tmp_path / "clear.png")[0, :6, 0].tolist() == [0, 0, 0, 255, 0, 0]


def test_augmentation_moves_as_far_as_it_may() -> None:
    image = torch.zeros(64, 1, 16, 16)
    image[:, :, 8, 8] = 1
    generator = torch.Generator().manual_seed(0)
    assert torch.equal(Augmentation()(image, generator), image)
    shifted = Augmentation(shift=0.125)(image, generator)  # 2 pixels
    rows, columns = shifted.flatten(1).argmax(1) // 16, shifted.flatten(1).argmax(1) % 16
    assert set(rows.tolist()) == set(columns.tolist()) == {6, 7, 8, 9, 10}
    assert torch.allclose(shifted.sum((1, 2, 3)), torch.ones(64), atol=1e-4)
    halves = torch.zeros(200, 1, 8, 8)
    halves[..., :4] = 1
    flipped = Augmentation(flip=True)(halves, generator)
    mirrored = (flipped[:, 0, 0, 0] < 0.5).float().mean()
    assert 0.4 < float(mirrored) < 0.6
    assert torch.allclose(flipped[:, :, :, 0] + flipped[:, :, :, 7], torch.ones(1), atol=1e-5)


def test_augmentation_turns_by_what_it_says() -> None:
    image = torch.zeros(300, 1, 33, 33)
    image[:, :, 16, 28] = 1  # right of the middle
    turned = Augmentation(rotation=90)(image, torch.Generator().manual_seed(1))
    rows = turned.flatten(1).argmax(1) // 33
    columns = turned.flatten(1).argmax(1) % 33
    assert int(columns.min()) >= 15 and int(rows.min()) <= 5 and int(rows.max()) >= 27
