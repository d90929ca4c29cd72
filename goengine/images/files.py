"""MNIST's IDX files and CIFAR-10's binary batches: checked headers, lengths and checksums, gzipped or not.

Formats: http://yann.lecun.com/exdb/mnist/ (IDX: big-endian magic, sizes, bytes) and
https://www.cs.toronto.edu/~kriz/cifar.html (a label byte, then 3,072 bytes of red, green, blue, row by row).
"""

import gzip
import hashlib
import struct
import sys
import tarfile
import urllib.request
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from goengine.errors import ImageError
from goengine.files import written
from goengine.images.sets import ImageSet

__all__ = ["read_cifar10", "read_idx", "read_mnist"]

MNIST_FROM = "https://ossci-datasets.s3.amazonaws.com/mnist/"
MNIST = {  # name and MD5 of the gzipped file, as published with torchvision's mirror
    "train-images-idx3-ubyte": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte": "ec29112dd5afa0611ce80d1b7f02629c",
}
CIFAR_FROM = "https://www.cs.toronto.edu/~kriz/"
CIFAR = "cifar-10-binary.tar.gz"
CIFAR_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"  # as its page gives it
CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_RECORD = 1 + 3 * 32 * 32


def read_mnist(folder: Path, download: bool = False) -> tuple[ImageSet, ImageSet]:
    """The 60,000 images to learn from and the 10,000 to test on, uint8 (n, 1, 28, 28).

    Raises:
        ImageError: for a file that is missing, cut off or not what its name says.
    """
    sets = []
    for part in ("train", "t10k"):
        arrays = []
        for kind, dimensions in (("images-idx3", 3), ("labels-idx1", 1)):
            name = f"{part}-{kind}-ubyte"
            path = _find(folder, (name, f"{name}.gz"), MNIST_FROM, MNIST[name], download, "MNIST")
            arrays.append(read_idx(path, dimensions))
        images, labels = arrays
        if images.shape[1:] != (28, 28) or not len(images):
            rows, columns = images.shape[1:]
            raise ImageError(
                f"{folder}: {len(images)} {part} images of {rows}x{columns}; MNIST's are 28x28, at least one"
            )
        if len(images) != len(labels):
            raise ImageError(f"{folder}: MNIST's {part} files hold {len(images)} images but {len(labels)} labels")
        if len(labels) and labels.max() > 9:
            raise ImageError(f"{folder}: MNIST's {part} labels go up to {labels.max()}, not 9")
        sets.append(ImageSet(images[:, None], labels.astype(np.int64), tuple("0123456789")))
    return sets[0], sets[1]


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """An IDX file of unsigned bytes with so many dimensions, gzipped or not.

    Raises:
        ImageError: when it is none.
    """
    data = _unzipped(path)
    magic = 0x0800 | dimensions
    head = 4 + 4 * dimensions
    if len(data) < head or struct.unpack(">I", data[:4])[0] != magic:
        found = data[:4].hex() or "nothing"
        raise ImageError(
            f"{path}: begins with {found}, not {magic:08x}: not an IDX file of bytes in {dimensions} dimensions"
        )
    shape = struct.unpack(f">{dimensions}I", data[4:head])
    expected = int(np.prod(shape, dtype=np.int64))
    if len(data) - head != expected:
        raise ImageError(
            f"{path}: its header promises {expected:,} bytes, {len(data) - head:,} are there: fetch it again"
        )
    return np.frombuffer(data, np.uint8, offset=head).reshape(shape)


def read_cifar10(folder: Path, download: bool = False) -> tuple[ImageSet, ImageSet]:
    """The 50,000 pictures to learn from and the 10,000 to test on, uint8 (n, 3, 32, 32).

    They are read from ``cifar-10-binary.tar.gz``, or from the batches in ``cifar-10-batches-bin``, gzipped or not.

    Raises:
        ImageError: for a file that is missing, cut off or not what its name says.
    """
    batches = [f"data_batch_{number}.bin" for number in range(1, 6)] + ["test_batch.bin"]
    unpacked = next((at for at in (folder / "cifar-10-batches-bin", folder) if _there(at, batches[0])), None)
    sets = {}
    if unpacked is not None:
        for name in batches:
            path = next((unpacked / end for end in (name, f"{name}.gz") if (unpacked / end).is_file()), None)
            if path is None:
                raise ImageError(f"{unpacked}: {name} is missing; CIFAR-10 has six batches")
            sets[name] = _batch(str(path), _unzipped(path))
    else:
        archive = _find(folder, (CIFAR,), CIFAR_FROM, CIFAR_MD5, download, "CIFAR-10")
        try:
            with tarfile.open(archive) as tar:
                for member in tar:
                    name = Path(member.name).name
                    opened = tar.extractfile(member) if name in batches else None
                    if opened is not None:
                        sets[name] = _batch(f"{archive}: {name}", opened.read())
        except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
            raise ImageError(f"{archive}: cannot be unpacked ({error}): fetch it again") from None
        missing = [name for name in batches if name not in sets]
        if missing:
            raise ImageError(f"{archive}: {missing[0]} is missing; CIFAR-10 has six batches")
    learn = [sets[name] for name in batches[:-1]]
    images, labels = (np.concatenate(arrays) for arrays in zip(*learn, strict=True))
    return ImageSet(images, labels, CIFAR_CLASSES, flips=True), ImageSet(*sets[batches[-1]], CIFAR_CLASSES, flips=True)


def _batch(name: str, data: bytes) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    if not data or len(data) % _RECORD:
        raise ImageError(
            f"{name}: {len(data):,} bytes are no whole number of pictures ({_RECORD:,} each): fetch it again"
        )
    rows = np.frombuffer(data, np.uint8).reshape(-1, _RECORD)
    if rows[:, 0].max() >= len(CIFAR_CLASSES):
        raise ImageError(f"{name}: a label of {rows[:, 0].max()}; CIFAR-10 has 0 to 9: not one of its binary batches")
    return rows[:, 1:].reshape(-1, 3, 32, 32), rows[:, 0].astype(np.int64)


def _there(folder: Path, name: str) -> bool:
    return (folder / name).is_file() or (folder / f"{name}.gz").is_file()


def _find(folder: Path, names: tuple[str, ...], address: str, md5: str, download: bool, what: str) -> Path:
    """The first of these files; gzipped ones are checked against their published sum."""
    for name in names:
        path = folder / name
        if path.is_file():
            if name.endswith(".gz"):
                _check(path, md5)
            return path
    packed = folder / names[-1]
    if not download:
        raise ImageError(f"{what}: {packed} is not there: put it there, from {address}{names[-1]}, or give --download")
    folder.mkdir(parents=True, exist_ok=True)
    print(f"{what}: fetching {address}{names[-1]}", file=sys.stderr, flush=True)
    try:
        with written(packed) as temporary:
            with urllib.request.urlopen(address + names[-1], timeout=60) as reply, temporary.open("wb") as file:
                while block := reply.read(1 << 20):
                    file.write(block)
            _check(temporary, md5)
    except OSError as error:
        raise ImageError(
            f"{what}: {address}{names[-1]} cannot be fetched ({error}): put it to {packed} by hand"
        ) from None
    return packed


def _check(path: Path, md5: str) -> None:
    found = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    if found != md5:
        raise ImageError(f"{path}: its MD5 is {found}, not the published {md5}: fetch it again")


def _unzipped(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError, zlib.error) as error:
        raise ImageError(f"{path}: cannot be read ({error}): fetch it again") from None
