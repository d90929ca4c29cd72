"""Files that are written whole or not at all."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from goengine.errors import GoEngineError

__all__ = ["check_output", "write_text", "written"]


def check_output(path: str | os.PathLike[str]) -> Path:
    """The path, if a file may stand there.

    Raises:
        GoEngineError: it is a folder, or in a folder that does not exist.
    """
    target = Path(path)
    if target.is_dir():
        raise GoEngineError(f"{path or target}: is a folder: give the name of a file")
    if not target.absolute().parent.is_dir():
        raise GoEngineError(f"{path}: there is no such folder")
    return target


@contextlib.contextmanager
def written(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Where to write a file: beside its place, which it takes in the end; after an error nothing is left.

    Raises:
        GoEngineError: as `check_output`.
        OSError: it cannot be written; the error names the file.
    """
    target = check_output(path)
    temporary = target.with_name(f"{target.name}.tmp")
    try:
        yield temporary
        os.replace(temporary, target)
    except OSError as error:
        if error.errno is None:  # a message alone, as an encoder of pictures has
            raise OSError(errno.EIO, str(error), str(target)) from None
        error.filename, error.filename2 = str(target), None
        raise
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    r"""Write a text file in UTF-8; errors as of `written`. What UTF-8 has not (half a file's name) becomes \udce4."""
    with written(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
