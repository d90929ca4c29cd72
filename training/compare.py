"""Train several recipes on the same games and set them side by side: python training/compare.py --games PATH...

Without recipes it shows what convolutions are worth: `fully_connected` against `convolutions` on the same plane, and
AlphaGo's 48 planes. Whatever else is given goes to training/train.py, for every recipe alike. With --vary each recipe
runs once for each value of a setting: --recipes training/recipes/alphago-small.toml --vary feature_set=board4,alphago48

What was stopped goes on by the same command with the same --runs: runs that are over are not made again.
"""

import argparse
import itertools
import subprocess
import sys
import time
from pathlib import Path

from goengine.checkpoint import Network, load_network
from goengine.errors import RecipeError
from goengine.exits import exit_status
from goengine.folders import WorkFolder
from goengine.recipe import Recipe, read_recipe
from goengine.settings import check_name, parse_setting
from goengine.trainer import CHECKPOINT, PREVIOUS

HERE = Path(__file__).resolve().parent
FINISHED = "finished"  # in the folder of a run that is over
RECIPES = [HERE / "recipes" / f"{name}.toml" for name in ("fully_connected", "convolutions", "alphago-small")]


def runs_of(recipes: list[Path], varied: list[str]) -> list[tuple[str, Path, list[str]]]:
    """Every run: a name, its recipe, and what is to be given besides.

    Args:
        recipes: TOML files.
        varied: settings and their values, as ``filters=8,16``; all combinations are run.

    Raises:
        RecipeError: for a setting that there is not, a value that it does not take, or two runs of one name.
    """
    choices: list[list[tuple[str, str]]] = []
    for text in varied:
        name, sign, values = text.partition("=")
        name = name.strip().replace("-", "_")
        check_name(Recipe, name, "--vary")
        if not sign or not values.strip(","):
            raise RecipeError(f"--vary {text}: give values, as {name}=A,B")
        choices.append([(name, value.strip()) for value in values.split(",") if value.strip()])
        for _, value in choices[-1]:
            parse_setting(Recipe, name, value)
    runs = []
    for recipe in recipes:
        for settings in itertools.product(*choices):
            given = [text for name, value in settings for text in (f"--{name}", value)]
            runs.append((" ".join([recipe.stem, *(value for _, value in settings)]), recipe, given))
    names = [name for name, _, _ in runs]
    if twice := {name for name in names if names.count(name) > 1}:
        raise RecipeError(f"two runs would both be {min(twice)!r}: give each recipe's file a name of its own")
    return runs


def main(argv: list[str] | None = None) -> int:
    """Run them one after another; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="compare.py",
        description="Train several recipes on the same games and compare them.",
        epilog="All other arguments go to train.py: --games, --validation, --positions, --smoke, ...",
        allow_abbrev=False,
    )
    parser.add_argument("--recipes", nargs="+", type=Path, default=RECIPES, metavar="TOML", help="default: three")
    parser.add_argument(
        "--vary", action="append", default=[], metavar="NAME=A,B", help="a setting with each of its values"
    )
    parser.add_argument("--runs", type=Path, metavar="DIR", help="folder for the runs (default: runs/compare-DATE)")
    arguments, passed_on = parser.parse_known_args(argv)
    folder = arguments.runs or Path(f"runs/compare-{time.strftime('%Y%m%d-%H%M%S')}")
    return exit_status(
        "compare.py", lambda: compare(runs_of(arguments.recipes, arguments.vary), passed_on, folder), place=folder
    )


def compare(runs: list[tuple[str, Path, list[str]]], passed_on: list[str], folder: Path) -> int:
    """Make each run, then print the table; the first run that fails ends it with its status, and a shorter table.

    Raises:
        RecipeError: a recipe cannot be read; nothing has run then.
        GoEngineError: the folder holds another comparison.
    """
    for _, recipe, _ in runs:
        read_recipe(recipe, {"positions": 1})  # whose end may be given besides
    recipes = {name: [recipe.read_text(encoding="utf-8"), *given] for name, recipe, given in runs}
    work = WorkFolder(folder, "compare.json", {"runs": recipes, "arguments": passed_on}, "a comparison")
    rows, width = [], max(18, *(len(name) + 2 for name, _, _ in runs))
    try:
        for name, recipe, given in runs:
            run = folder / name.replace(" ", "-")
            print(f"== {name}", file=sys.stderr, flush=True)
            if not (run / FINISHED).exists():  # a network is there from the first validation on
                status = train(run, recipe, [*passed_on, *given])
                if status:
                    return status
                work.write(f"{run.name}/{FINISHED}", "")
            rows.append(row(f"{name:{width}}", load_network(run / "network.safetensors")))
    finally:
        work.close()
        if rows:
            wide, narrow = ("planes", "parameters", "positions"), ("seconds", "loss", "top-1", "top-5")
            words = [f"{word:>12}" for word in wide] + [f"{word:>9}" for word in narrow]
            print(f"{'recipe':{width}}{''.join(words)}", *rows, sep="\n")
    return 0


def train(run: Path, recipe: Path, words: list[str]) -> int:
    """Begin a run, or go on with it; returns the exit status of train.py."""
    if any((run / name).exists() for name in (CHECKPOINT, PREVIOUS)):
        if "--from" in words:  # it has begun with that network
            at = words.index("--from")
            words = words[:at] + words[at + 2 :]
        words = [*words, "--resume"]
    return subprocess.run([sys.executable, str(HERE / "train.py"), str(recipe), *words, "--run", str(run)]).returncode


def row(name: str, network: Network) -> str:
    """A line of the table."""
    training, result = network.metadata["training"], network.metadata["results"]["all"]
    parameters = sum(p.numel() for p in network.module.parameters())
    return (
        f"{name}{network.feature_set:>12}{parameters:12,}{training['positions']:12,}"
        f"{training['seconds']:9.0f}{result['loss']:9.4f}{result['top1']:9.2%}{result['top5']:9.2%}"
    )


if __name__ == "__main__":
    sys.exit(main())
