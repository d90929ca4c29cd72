"""Where labelled images come from.

digits    scikit-learn's handwritten digits, 1,797 of 8x8: real, inside the package, always there
mnist     70,000 handwritten digits of 28x28, from their IDX files (`goengine.images.files`)
cifar10   60,000 colour pictures of 32x32 of ten kinds, from their binary batches
a folder  pictures, one subfolder a class (`goengine.images.pictures`)
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from goengine.errors import ImageError
from goengine.images.sets import ImageSet, folds, split

__all__ = ["SOURCES", "images_to_test", "load_images"]

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


def images_to_test(
    trained: Mapping[str, Any], source: str, test_share: float, say: Callable[[str], object], **where: Any
) -> ImageSet:
    """Images to test a trained classifier on: of those that it was trained on, the part that it did not learn from.

    Args:
        trained: what its file says of it (`goengine.images.storage.load_classifier`).
        source: a name of `SOURCES`, or a folder of pictures.
        test_share: part of them to test on, where they are others than it was trained on.
        say: takes a line where its own part is another, or is no longer what it was, and as in `load_images`.
        where: ``folder``, ``download`` and ``size``, as for `load_images`.

    Raises:
        ImageError: as `load_images`.
    """
    recipe = trained.get("recipe", {})
    if not _same(recipe.get("data"), source):
        return load_images(source, test_share=test_share, say=say, **where)[1]
    share = recipe.get("test_share", test_share)
    if share != test_share:
        say(f"it was trained with test_share = {share}: it is tested on that part, not on {test_share}")
    learn, test = load_images(source, test_share=share, say=say, **where)
    if "fold" in trained:
        number, count = trained["fold"]
        say(f"it was trained as fold {number} of {count}: it is tested on the part that was left out there")
        whole = learn.with_more(test)
        test = whole.take(list(folds(whole, count, recipe["seed"]))[number - 1][1])
    if trained.get("tested_on", test.digest()) != test.digest():
        say(f"the images of {source} are others than when it was trained: it may have learnt from some of these")
    return test


def _same(one: str | None, other: str) -> bool:
    """Whether two settings name the same images: the same set, or the same folder however it is written."""
    return one == other or (one is not None and Path(other).is_dir() and Path(one).resolve() == Path(other).resolve())


def _digits() -> ImageSet:
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise ImageError("the digits are scikit-learn's: pip install 'goengine[images]'") from None
    found = load_digits()
    images = np.rint(found.images * (255 / 16)).astype(np.uint8)[:, None]  # theirs are 0 to 16
    return ImageSet(images, found.target.astype(np.int64), tuple("0123456789"))
