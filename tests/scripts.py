"""The scripts of the checkout for tests: training/, gtp/ and data/ are no packages, so each is loaded from its file."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

__all__ = ["ROOT", "load_script"]

ROOT = Path(__file__).resolve().parent.parent


def load_script(path: str) -> ModuleType:
    """A script as a module of its own, anew at each call; the path is from the checkout, as ``training/train.py``."""
    name = f"script_{Path(path).stem}"
    spec = importlib.util.spec_from_file_location(name, ROOT / path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
