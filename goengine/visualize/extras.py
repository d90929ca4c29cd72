"""Packages that only pictures of networks need, and one line where they are missing."""

from importlib.util import find_spec

from goengine.errors import GoEngineError

__all__ = ["check_extras"]


def check_extras(*packages: str) -> None:
    """Say now, before long work, what is not installed.

    Args:
        *packages: names to import, of the extra ``visualize``.

    Raises:
        GoEngineError: one of them is missing.
    """
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise GoEngineError(
            f"this needs {' and '.join(missing)}, which is not installed: pip install 'goengine[visualize]'"
        )
