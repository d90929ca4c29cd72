"""Pictures of any kind as arrays: a folder with one subfolder a class, and one picture at a time."""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from goengine.errors import ImageError
from goengine.images.sets import ImageSet

__all__ = ["SUFFIXES", "read_folder", "read_picture"]

_NO_PILLOW = "reading pictures needs Pillow: pip install 'goengine[images]'"
SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")


def read_picture(path: Path) -> NDArray[np.uint8]:
    """A picture as a browser shows it: turned as its camera says, transparent parts on white, 16 bits to 8.

    Returns:
        uint8 (rows, columns, 3), red, green, blue.

    Raises:
        ImageError: when it cannot be read as a picture.
    """
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ImportError:
        raise ImageError(_NO_PILLOW) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # damaged metadata is no reason to refuse
            with (
                path.open("rb") as file,
                Image.open(file) as opened,
            ):  # of a path, Pillow turns mapped TIFF files wrongly
                picture: Image.Image = ImageOps.exif_transpose(opened)
                if picture.mode.startswith("I") or picture.mode == "F":  # 16 bits and more: Pillow would cut them off
                    values = np.asarray(picture, dtype=np.float64)
                    most = values.max(initial=0)
                    top = 65535.0 if most > 255 else 1.0 if picture.mode == "F" and most <= 1 else 255.0
                    clear = values == picture.info.get("transparency", np.nan)
                    picture = Image.fromarray(
                        np.where(clear, 255, np.clip(values * (255 / top), 0, 255)).astype(np.uint8)
                    )
                if picture.has_transparency_data:
                    picture = picture.convert("RGBA")
                    ground = Image.new("RGBA", picture.size, "white")
                    picture = Image.alpha_composite(ground, picture)
                return np.asarray(picture.convert("RGB"))
    except FileNotFoundError:
        raise ImageError(f"{path}: there is no such file") from None
    except MemoryError:
        raise
    except UnidentifiedImageError:
        raise ImageError(f"{path}: not a picture that can be read (of no format that is known)") from None
    except Exception as error:  # each decoder has exceptions of its own for what is damaged
        told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        reason = " ".join(told.split()) or type(error).__name__
        raise ImageError(f"{path}: not a picture that can be read ({reason})") from None


def read_folder(folder: Path, size: int, say: Callable[[str], object] = lambda _: None) -> ImageSet:
    """Every picture of a folder's subfolders, brought to one size; a subfolder is a class.

    A picture is scaled until its shorter side fits, and its middle is taken. Files that are no pictures are left out,
    counted and reported.

    Args:
        folder: of the subfolders; those beginning with a dot are none.
        size: side of the images.
        say: takes a line about the files that were left out.

    Raises:
        ImageError: with fewer than two classes, or a class with fewer than two pictures.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise ImageError(_NO_PILLOW) from None
    classes = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if len(classes) < 2:
        raise ImageError(f"{folder}: {len(classes)} subfolder(s); put the pictures of each class into one of its own")
    images: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    bad: list[str] = []
    for number, name in enumerate(classes):
        before = len(images)
        for path in sorted((folder / name).rglob("*")):
            if not path.is_file() or path.name.startswith("."):
                continue
            try:
                picture = Image.fromarray(read_picture(path))
            except ImageError as error:
                bad.append(str(error))
                continue
            fitted = ImageOps.fit(picture, (size, size), Image.Resampling.LANCZOS)
            images.append(np.asarray(fitted).transpose(2, 0, 1))
            labels.append(number)
        if len(images) - before < 2:
            found = len(images) - before
            raise ImageError(f"{folder / name}: {found} picture(s); a class needs 2, to learn from and to test")
    if bad:
        say(f"{folder}: {len(bad)} file(s) left out, the first: {bad[0]}")
    stacked = np.stack(images)
    if (stacked == stacked[:, :1]).all():
        stacked = stacked[:, :1]  # all grey: one channel
    return ImageSet(np.ascontiguousarray(stacked), np.array(labels, np.int64), tuple(classes), flips=True)
