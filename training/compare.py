"""Train several recipes on the same games and set them side by side: python training/compare.py --games PATH...

Without recipes it shows what convolutions are worth: `fully_connected` against `convolutions` on the same plane, and
AlphaGo's 48 planes. Whatever else is given goes to training/train.py, for every recipe alike.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from goengine.checkpoint import load_network
from goengine.errors import GoEngineError

HERE = Path(__file__).resolve().parent
RECIPES = [HERE / "recipes" / f"{name}.toml" for name in ("fully_connected", "convolutions", "alphago-small")]


def main(argv: list[str] | None = None) -> int:
    """Run them one after another; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="compare.py",
        description="Train several recipes on the same games and compare them.",
        epilog="All other arguments go to train.py: --games, --validation, --positions, --smoke, ...",
        allow_abbrev=False,
    )
    parser.add_argument("--recipes", nargs="+", type=Path, default=RECIPES, metavar="TOML", help="default: three")
    parser.add_argument("--runs", type=Path, metavar="DIR", help="folder for the runs (default: runs/compare-DATE)")
    arguments, passed_on = parser.parse_known_args(argv)
    folder = arguments.runs or Path(f"runs/compare-{time.strftime('%Y%m%d-%H%M%S')}")
    rows = []
    for recipe in arguments.recipes:
        run = folder / recipe.stem
        print(f"== {recipe.stem}", file=sys.stderr, flush=True)
        command = [sys.executable, str(HERE / "train.py"), str(recipe), *passed_on, "--run", str(run)]
        status = subprocess.run(command).returncode
        if status:
            return status
        try:
            network = load_network(run / "network.safetensors")
        except GoEngineError as error:
            print(f"compare.py: {error}", file=sys.stderr)
            return 2
        training, result = network.metadata["training"], network.metadata["results"]["all"]
        parameters = sum(p.numel() for p in network.module.parameters())
        rows.append(
            f"{recipe.stem:18}{network.feature_set:>12}{parameters:12,}{training['positions']:12,}"
            f"{training['seconds']:9.0f}{result['loss']:9.4f}{result['top1']:9.2%}{result['top5']:9.2%}"
        )
    print(f"{'recipe':18}{'planes':>12}{'parameters':>12}{'positions':>12}{'seconds':>9}{'loss':>9}", end="")
    print(f"{'top-1':>9}{'top-5':>9}\n" + "\n".join(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
