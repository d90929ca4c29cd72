"""Train on a machine that is lent for half an hour: pack, begin, watch, fetch; rehearse does all of it here.

    python training/lease.py pack data/shards data/shards/dev/kgs6d.shard --recipe training/recipes/flagship.toml \
        --output lease
    python training/lease.py begin lease --work /tmp/work --minutes 24     # there: unpacks, tries, starts the run
    python training/lease.py watch --work /tmp/work --seconds 560 --output "$OUT"   # there, until the run is over
    python training/lease.py fetch FOLDER --run runs/flagship              # here: checks what came back
    python training/lease.py rehearse                                      # here, in two minutes, on the samples

Only the checkout and `lease/` (git ignores it) travel, so the games are compressed: one byte a position. The run is
a process of its own session, which goes on between two commands. What comes back is small enough for the way back:
the network in float16, the log, the curves. A later run begins with that network (``--start``).
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from goengine.bundled import network_file
from goengine.checkpoint import load_network
from goengine.errors import GoEngineError, RecipeError
from goengine.exits import exit_status
from goengine.files import written
from goengine.parcel import digest, pack, unpack
from goengine.recipe import read_recipe
from goengine.runlog import clock
from goengine.shards import SUFFIX

TRAINING = Path(__file__).resolve().parent
BACK_BYTES = 16 * 2**20  # the largest file that comes back


def say(text: str) -> None:
    """A line on stderr."""
    print(text, file=sys.stderr, flush=True)


def begin(lease: Path, work: Path, minutes: float, extra: Sequence[str]) -> subprocess.Popen[bytes]:
    """Unpack, choose the fastest way, and start the run in a session of its own; returns its process.

    Raises:
        RecipeError: when not even the plainest way runs.
    """
    began = time.monotonic()
    manifest = unpack(lease, work)
    say(f"unpacked {manifest['positions']:,} positions in {clock(time.monotonic() - began)}")
    command = [sys.executable, str(TRAINING / "train.py"), str(lease / manifest["recipe"])]
    command += ["--games", str(work / "games"), "--validation", str(work / "held-out")]
    if manifest["start"]:
        command += ["--from", str(lease / manifest["start"])]
    command += extra
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--batch", type=int, default=read_recipe(lease / manifest["recipe"]).batch)
    options = fastest(command, parser.parse_known_args(extra)[0].batch, work)
    left = minutes - (time.monotonic() - began) / 60
    if left <= 0:
        raise RecipeError(f"nothing is left of {minutes:g} minutes after unpacking and trying: give more --minutes")
    command += [*options, "--run", str(work / "run"), "--minutes", f"{left:.2f}"]
    say("starts: " + " ".join(command))
    with (work / "train.out").open("ab") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True
        )
    (work / "pid").write_text(str(process.pid), encoding="utf-8")
    return process


def fastest(command: Sequence[str], batch: int, work: Path, timeout: float = 240) -> list[str]:
    """Of the ways in which a GPU may run it, compiled or not, the one with the most positions a second; its options.

    Eighty steps of each are timed by their last twenty. Without a GPU nothing is tried.

    Raises:
        RecipeError: when no way works; ``tries.out`` in `work` says why.
    """
    import torch

    if not torch.cuda.is_available():
        return []
    best: tuple[float, list[str]] | None = None
    for way in (["--compile", "true"], ["--compile", "false"]):
        shutil.rmtree(work / "try", ignore_errors=True)
        tried = [*command, *way, "--run", str(work / "try"), "--minutes", "0", "--positions", str(80 * batch)]
        tried += ["--validation_positions", "256", "--log_steps", "20"]
        with (work / "tries.out").open("ab") as output, contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(tried, stdout=output, stderr=output, timeout=timeout)
        log = work / "try" / "log.jsonl"
        lines = map(json.loads, log.read_text(encoding="utf-8").splitlines()) if log.is_file() else []
        speeds = [float(line["speed"]) for line in lines if line["kind"] == "train"]
        say(f"{' '.join(way)}: {f'{speeds[-1]:,.0f} positions a second' if speeds else 'fails'}")
        if speeds and (best is None or speeds[-1] > best[0]):
            best = speeds[-1], way
    if best is None:
        raise RecipeError(f"the run fails here in every way; {work / 'tries.out'} says why")
    return best[1]


def running(pid: int) -> bool:
    """Whether a process is there and not merely a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def bring(work: Path, output: Path) -> list[Path]:
    """Copy to `output` what the way back can carry: network, log, settings, curves; returns the copies."""
    output.mkdir(parents=True, exist_ok=True)
    run = work / "run"
    names = [
        run / "network.safetensors",
        run / "log.jsonl",
        run / "recipe.toml",
        work / "train.out",
        work / "tries.out",
    ]
    copies = []
    for path in names:
        if not path.is_file():
            continue
        if path.stat().st_size > BACK_BYTES:
            say(f"{path}: {path.stat().st_size / 2**20:.0f} MiB is too large for the way back; left out")
            continue
        with written(output / path.name) as temporary:
            shutil.copyfile(path, temporary)
        copies.append(output / path.name)
    sums = {path.name: digest(path) for path in copies}
    (output / "sums.json").write_text(json.dumps(sums), encoding="utf-8")
    return copies


def watch(work: Path, seconds: float, output: Path, stop: bool = False) -> bool:
    """Show the run's lines until it ends or the time is over, then `bring`; returns whether it still runs.

    Args:
        work: where the run works.
        seconds: to watch at most.
        output: where to put what comes back.
        stop: whether to end the run in time, so that it writes its checkpoint.

    Raises:
        RecipeError: where no run was begun.
    """
    try:
        pid = int((work / "pid").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise RecipeError(f"{work}: no run was begun there; first `lease.py begin`") from None
    until = time.monotonic() + seconds
    with (work / "train.out").open(encoding="utf-8", errors="replace") as lines:
        while running(pid) and time.monotonic() < until:
            shown = lines.read().splitlines()
            if shown:
                say("\n".join(shown[-3:]))
            time.sleep(min(15.0, max(0.1, until - time.monotonic()), seconds / 4))
        if stop and running(pid):
            os.kill(pid, signal.SIGTERM)
            while running(pid) and time.monotonic() < until + 30:
                time.sleep(0.2)
        rest = lines.read().splitlines()
        say("\n".join(rest[-12:]))
    copies = bring(work, output)
    still = running(pid)
    say(f"{'still running' if still else 'the run has ended'}; brought {', '.join(path.name for path in copies)}")
    return still


def fetch(folder: Path, run: Path) -> None:
    """Check what came back and put it to `run`, whole files only.

    Raises:
        RecipeError: where something is missing or damaged.
    """
    try:
        sums = json.loads((folder / "sums.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise RecipeError(f"{folder}: nothing that `lease.py watch` brought") from None
    for name, expected in sums.items():
        if not (folder / name).is_file() or digest(folder / name) != expected:
            raise RecipeError(f"{folder / name}: missing or damaged on its way back; watch again")
    if "network.safetensors" not in sums:
        raise RecipeError(f"{folder}: no network came back; {folder / 'train.out'} says why")
    network = load_network(folder / "network.safetensors")
    run.mkdir(parents=True, exist_ok=True)
    for name in sums:
        with written(run / name) as temporary:
            shutil.copyfile(folder / name, temporary)
    results = network.metadata.get("results", {}).get("all", {})
    say(f"{run}: {network.metadata.get('name')}, held out: {json.dumps(results)}")


def rehearse(minutes: float = 1.0) -> None:
    """The whole procedure on this machine: a tiny network, the samples, folders that stand for the two machines."""
    with tempfile.TemporaryDirectory() as name:
        there = Path(name)
        shards = there / "shards"
        script = TRAINING.parent / "data" / "prepare_games.py"
        prepare = [sys.executable, script, TRAINING.parent / "data" / "samples", "--output", shards, "--holdout", "0.2"]
        subprocess.run(list(map(str, prepare)), check=True)
        held_out = next(iter(shards.rglob("*.holdout.shard")), None)
        if held_out is None:
            raise RecipeError("the sample games left none to validate on")
        moved = there / f"held-out{SUFFIX}"
        held_out.rename(moved)
        quick = {"filters": 8, "positions": 0, "minutes": minutes, "batch": 32, "log_steps": 5, "cooldown": 0.4}
        recipe = there / "quick.toml"
        settings = read_recipe(TRAINING / "recipes" / "smoke.toml", {**quick, "validation_positions": 64})
        recipe.write_text(settings.to_toml(), encoding="utf-8")
        start: Path | None = None
        for turn in range(2):  # the second goes on from what the first brought back
            pack(shards, moved, recipe, start, there / "lease", 4, say)
            work = there / f"work{turn}"
            process = begin(there / "lease", work, minutes, [])
            while watch(work, 60 * minutes, there / f"back{turn}"):
                pass
            process.wait()
            fetch(there / f"back{turn}", there / f"run{turn}")
            start = there / f"run{turn}" / "network.safetensors"
    say("rehearsed: packed, begun, watched, fetched, and gone on from what came back")


def main(argv: list[str] | None = None) -> int:
    """One step; bad input gives one line and status 2."""
    parser = argparse.ArgumentParser(prog="lease.py", description="Train on a machine that is lent for half an hour.")
    steps = parser.add_subparsers(dest="step", required=True)
    step = steps.add_parser("pack", help="here: what travels")
    step.add_argument("games", type=Path, help="a folder of shards; one named dev in it is left out")
    step.add_argument("held_out", type=Path, help="the shard to validate on")
    step.add_argument("--recipe", type=Path, required=True)
    step.add_argument("--start", type=network_file, help="a network file to begin with")
    step.add_argument("--output", type=Path, default=Path("lease"))
    step.add_argument("--megabytes", type=float, default=56, help="MiB that may travel (default 56)")
    step = steps.add_parser("begin", help="there: unpack, try, start; further options go to train.py")
    step.add_argument("lease", type=Path)
    step.add_argument("--work", type=Path, required=True)
    step.add_argument("--minutes", type=float, required=True, help="for unpacking, trying and training together")
    step = steps.add_parser("watch", help="there: show the run, and bring back what it has")
    step.add_argument("--work", type=Path, required=True)
    step.add_argument("--seconds", type=float, required=True)
    step.add_argument("--output", type=Path, required=True)
    step.add_argument("--stop", action="store_true", help="end the run when the time is over")
    step = steps.add_parser("fetch", help="here: check what came back")
    step.add_argument("folder", type=Path)
    step.add_argument("--run", type=Path, required=True)
    step = steps.add_parser("rehearse", help="here: all of it, on the samples")
    step.add_argument("--minutes", type=float, default=1.0, help="for each of the two runs (default 1)")
    arguments, extra = parser.parse_known_args(argv)
    if extra and arguments.step != "begin":
        parser.error(f"unexpected argument {extra[0]!r}")
    known: dict[str, Callable[[], object]] = {
        "pack": lambda: pack(
            *(arguments.games, arguments.held_out, arguments.recipe, arguments.start),
            *(arguments.output, arguments.megabytes, say),
        ),
        "begin": lambda: begin(arguments.lease, arguments.work, arguments.minutes, extra),
        "watch": lambda: watch(arguments.work, arguments.seconds, arguments.output, arguments.stop),
        "fetch": lambda: fetch(arguments.folder, arguments.run),
        "rehearse": lambda: rehearse(arguments.minutes),
    }

    def work() -> int:
        try:
            known[arguments.step]()
        except subprocess.CalledProcessError as error:
            raise GoEngineError(str(error)) from None
        return 0

    return exit_status("lease.py", work, "interrupted")


if __name__ == "__main__":
    sys.exit(main())
