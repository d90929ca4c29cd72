"""How long ``goengine recognize PICTURE --sgf OUT`` takes: the whole command, each time a fresh process, on two cores.

    python -m pytest tests/benchmarks/test_bench_recognize.py -o addopts="--import-mode=importlib" -s

The pictures are the screenshots of the tests, and those of the folder that GOENGINE_PICTURES names. For each there is
the median of the wall and of the processor time, for which a busy machine matters less. Numba's cache is empty each
time: nothing is compiled.
"""

import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import pytest

pytest.importorskip("pytest_benchmark")
ROOT = Path(__file__).resolve().parents[2]
FOLDERS = [ROOT / "tests" / "data" / "boards", *map(Path, filter(None, [os.environ.get("GOENGINE_PICTURES")]))]
PICTURES = sorted(path for folder in FOLDERS for path in folder.iterdir() if path.suffix in (".png", ".jpg"))
CORES = 2
ROUNDS = 5


@pytest.mark.parametrize("picture", PICTURES, ids=[path.stem for path in PICTURES])
def test_the_whole_command(benchmark: Any, picture: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "goengine", "recognize", str(picture), "--sgf", str(tmp_path / "out.sgf")]
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    environment |= {"PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    cores = sorted(os.sched_getaffinity(0))[-CORES:]
    wall: list[float] = []
    busy: list[float] = []

    def command() -> None:
        began, used = time.perf_counter(), _processor_seconds()
        os.sched_setaffinity(0, cores)  # the command inherits it
        subprocess.run(words, env=environment, check=True, capture_output=True)
        wall.append(time.perf_counter() - began)
        busy.append(_processor_seconds() - used)

    before = os.sched_getaffinity(0)
    try:
        benchmark.pedantic(command, rounds=ROUNDS, warmup_rounds=1)
    finally:
        os.sched_setaffinity(0, before)
    found = {"wall s": round(median(wall[1:]), 3), "processor s": round(median(busy[1:]), 3)}
    benchmark.extra_info |= found
    print(f"\n{picture.stem}: " + ", ".join(f"{name} {value}" for name, value in found.items()), file=sys.stderr)


def _processor_seconds() -> float:
    """User and system time of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
