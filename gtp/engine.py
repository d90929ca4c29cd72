#!/usr/bin/env python3
"""The engine as a GUI starts it from a checkout: ``python gtp/engine.py``, the same as ``goengine gtp``.

Works from any folder. Started by a Python without the packages that the engine needs, it goes on in the checkout's own
environment (``.venv``, which ``make play`` sets up). ``--model`` is another name for ``--network``.
"""

import importlib.util
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> int:
    """Run the engine; the result is the exit status."""
    own_python = ROOT / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if importlib.util.find_spec("numba") is None or importlib.util.find_spec("torch") is None:
        if not own_python.exists() or os.environ.get("GOENGINE_VENV"):
            sys.stderr.write(
                f"goengine: {sys.executable} lacks the packages the engine needs: run `make play` in {ROOT} once, "
                "or name a Python that has them\n"
            )
            return 2
        os.environ["GOENGINE_VENV"] = "1"  # so that it cannot go round in circles
        os.execv(own_python, [str(own_python), str(Path(__file__).resolve()), *arguments])
    sys.path.insert(0, str(ROOT))
    from goengine.cli import main as command

    renamed = ["--network" + word[len("--model") :] if _is_model(word) else word for word in arguments]
    return command(["gtp", *renamed])


def _is_model(word: str) -> bool:
    return word == "--model" or word.startswith("--model=")


if __name__ == "__main__":
    # Python puts the script's folder first on its path; a file there must not stand in for an installed package.
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parent]
    sys.exit(main(sys.argv[1:]))
