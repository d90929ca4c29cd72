"""Sabaki's own library, the npm package @sabaki/gtp, drives the engine: a client that is not ours.

Runs where ``node`` is installed and the package is found: in the folder that GOENGINE_SABAKI_GTP names, or in
``node_modules`` of the checkout (``npm install @sabaki/gtp``); skipped elsewhere.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = Path(os.environ.get("GOENGINE_SABAKI_GTP", ROOT / "node_modules/@sabaki/gtp")).resolve()
NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None or not (PACKAGE / "package.json").is_file(), reason="needs node and @sabaki/gtp")
def test_sabaki_pipelines_undoes_stops_an_analysis_and_plays_a_game() -> None:
    moves = int(os.environ.get("GOENGINE_SABAKI_MOVES", "20"))
    engine = [sys.executable, str(ROOT / "gtp/engine.py"), "--threads", "1"]
    done = subprocess.run(
        [str(NODE), str(ROOT / "tests/clients/sabaki.mjs"), str(PACKAGE), str(moves), *engine],
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["name"] == "goengine"
    assert seen["undone"] == 2
    assert seen["segments"] >= 1
    if seen["end"] == "moves":
        assert seen["moves"] == moves
    assert all(score[:1] in ("B", "W", "0") for score in seen["scores"])
