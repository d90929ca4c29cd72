"""Where labelled images come from.

digits    scikit-learn's handwritten digits, 1,797 of 8x8: real, inside the package, always there
mnist     70,000 handwritten digits of 28x28, from their IDX files (`goengine.images.files`)
cifar10   60,000 colour pictures of 32x32 of ten kinds, from their binary batches
a folder  pictures, one subfolder a class (`goengine.images.pictures`)
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from goengine.errors import ImageError
from goengine.images.sets import ImageSet, split

__all__ = ["SOURCES", "load_images"]

SOURCES = ("digits", "mnist", "cifar10")


def load_images(
    source: str,
    folder: Path = Path("data/raw"),
    download: bool = False,
    size: int = 32,
    test_share: float = 0.2,
    say: Callable[[str], object] = lambda _: None,
) -> tuple[ImageSet, ImageSet]:
    """Images to learn from and images to test on.

    MNIST and CIFAR-10 come with their own test images; the others are split by class, always alike.

    Args:
        source: a name of `SOURCES`, or a folder of pictures.
        folder: where the files of MNIST and CIFAR-10 are, or are put.
        download: whether to fetch them where they are missing.
        size: side to which the pictures of a folder are brought.
        test_share: part of the digits, or of a folder's pictures, to test on.
        say: takes a line about pictures that were left out.

    Raises:
        ImageError: where nothing can be read; it says what to put where.
    """
    if source == "digits":
        return split(_digits(), test_share)
    if source == "mnist":
        from goengine.images.files import read_mnist

        return read_mnist(folder, download)
    if source == "cifar10":
        from goengine.images.files import read_cifar10

        return read_cifar10(folder, download)
    if not Path(source).is_dir():
        raise ImageError(
            f"there are no images {source!r}: give {', '.join(SOURCES)}, or a folder with a subfolder a class"
        )
    from goengine.images.pictures import read_folder

    return split(read_folder(Path(source), size, say), test_share)


def _digits() -> ImageSet:
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise ImageError("the digits are scikit-learn's: pip install 'goengine[images]'") from None
    found = load_digits()
    images = np.rint(found.images * (255 / 16)).astype(np.uint8)[:, None]  # theirs are 0 to 16
    return ImageSet(images, found.target.astype(np.int64), tuple("0123456789"))
