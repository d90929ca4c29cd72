"""The wheel, built and installed elsewhere, holds the package alone and works."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def _run(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | environment
    return subprocess.run([str(c) for c in command], cwd=cwd, env=env, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    built = _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = folder.glob("*.whl")
    return path


def test_wheel_holds_the_package_alone(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"goengine"}
    assert "goengine/py.typed" in names
    assert not [name for name in names if name.endswith((".xz", ".sgfs", ".shard"))]


def test_installed_wheel_works(wheel: Path, tmp_path: Path) -> None:
    target, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    installed = _run(
        sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", target, wheel, cwd=elsewhere
    )
    assert installed.returncode == 0, installed.stderr
    info = _run(sys.executable, "-m", "goengine", "info", cwd=elsewhere, PYTHONPATH=str(target))
    assert info.returncode == 0, info.stderr
    assert "parameters" in info.stdout
    where = _run(
        sys.executable, "-c", "import goengine; print(goengine.__file__)", cwd=elsewhere, PYTHONPATH=str(target)
    )
    assert where.stdout.startswith(str(target)), where.stdout
    game = elsewhere / "game.sgf"
    game.write_text("(;GM[1]FF[4]SZ[19]KM[6.5];B[pd];W[dp];B[pq])", encoding="utf-8")
    suggest = _run(
        sys.executable, "-m", "goengine", "suggest", game, "--move", "3", "--top", "3", "--json",
        cwd=elsewhere, PYTHONPATH=str(target),
    )  # fmt: skip
    assert suggest.returncode == 0, suggest.stderr
