"""Improve a network by playing: python training/reinforce.py RECIPE.toml [--from NETWORK] [--name value ...].

The second stage of AlphaGo's pipeline (Silver et al. 2016): REINFORCE against a pool of earlier selves, the reward at
the end of the game, the win rate against the start measured as it goes. What a run writes into its folder:

    recipe.toml           the settings it really used
    log.jsonl             one line an iteration, and one a measurement
    tensorboard/          the same as curves
    checkpoint.pt         all that --resume needs; checkpoint-previous.pt is the one before
    start.safetensors     the network that it began with
    network.safetensors   the network as it is
"""

import argparse
import contextlib
import dataclasses
import sys
import time
from pathlib import Path
from typing import Any

import torch

from goengine import settings
from goengine.bundled import DEFAULT, network_file
from goengine.checkpoint import Network, load_network, save_network
from goengine.errors import GoEngineError, NetworkFileError, RecipeError
from goengine.exits import STOPPED, exit_status
from goengine.reinforce import Learner, ReinforceRecipe
from goengine.resize import resized
from goengine.runlog import RunLog, clock
from goengine.selfplay import Sampling
from goengine.selfplay.results import summarize
from goengine.trainer import CHECKPOINT, StopSignals, choose_device, read_run, save_checkpoint, schedule

OPENING = 8  # plies that are drawn in the measurement of the likeliest moves


def parse_arguments(argv: list[str] | None) -> tuple[argparse.Namespace, dict[str, Any]]:
    """The command line, and the settings given on it."""
    parser = argparse.ArgumentParser(
        prog="reinforce.py",
        description="Improve a network by playing against its earlier selves.",
        epilog="Any setting of the recipe can be given as --name value.",
        allow_abbrev=False,
    )
    parser.add_argument("recipe", nargs="?", help="a TOML file, such as training/recipes/reinforce/board9.toml")
    parser.add_argument("--from", dest="begin", default=DEFAULT, metavar="FILE",
                        help="the network to begin with (default: the bundled one)")  # fmt: skip
    parser.add_argument("--run", metavar="DIR", help="the run's folder (default: runs/NAME-DATE)")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --run")
    parser.add_argument("--stop-after", type=float, metavar="MIN", help="end this session after MIN minutes; status 75")
    return settings.parse_arguments(parser, ReinforceRecipe, argv)


def recipe_of(arguments: argparse.Namespace, given: dict[str, Any]) -> tuple[ReinforceRecipe, dict[str, Any] | None]:
    """The recipe of this run and, when it is resumed, its state: a checkpoint's recipe holds but for `given`."""
    if arguments.resume:
        if not arguments.run:
            raise RecipeError("--resume needs --run DIR, the folder of the run to go on with")
        kept, state = read_run(Path(arguments.run), lambda text: print(f"reinforce.py: {text}", file=sys.stderr))
        return settings.settings_from(ReinforceRecipe, {**kept, **given}, arguments.run), state
    if not arguments.recipe:
        raise RecipeError("give a recipe, such as training/recipes/reinforce/board9.toml")
    return settings.read_settings(ReinforceRecipe, arguments.recipe, given), None


def train(arguments: argparse.Namespace, given: dict[str, Any]) -> int:
    """One run; returns the exit status."""
    recipe, resumed = recipe_of(arguments, given)
    folder = Path(arguments.run or f"runs/{recipe.name}-{time.strftime('%Y%m%d-%H%M%S')}")
    if resumed is None and (folder / CHECKPOINT).exists():
        raise RecipeError(f"{folder} holds a run already: go on with it by --resume, or give another --run")
    device = choose_device(recipe.device)
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    began_with = network_file(arguments.begin)
    if resumed is not None:
        began_with = folder / "start.safetensors"
    network = resized(load_network(began_with, str(device)), recipe.board_size)
    learner = Learner(recipe, dataclasses.replace(network, repertoire=None))
    if resumed is not None:
        learner.restore(resumed)

    with contextlib.ExitStack() as at_end:
        log = RunLog(folder, resumed_at=learner.iterations if resumed is not None else None)
        at_end.callback(log.close)
        if network.repertoire is not None:
            log.say(f"{began_with}: its repertoire of openings plays no part, and is not in what is written")
        (folder / "recipe.toml").write_text(settings.to_toml(recipe), encoding="utf-8")
        if resumed is None:
            export(folder / "start.safetensors", learner.start, {})
        parameters = sum(p.numel() for p in learner.module.parameters())
        log.say(
            f"{learner.start.name}, {parameters:,} parameters, on {recipe.board_size}x{recipe.board_size}, "
            f"{recipe.games} games an iteration on {device}: {folder}"
        )
        results: dict[str, Any] = {}
        if resumed is not None:
            results |= played_so_far(folder / "network.safetensors")

        def measure(games: int, kind: str = "measurement", sampling: Sampling | None = None) -> None:
            """Play against the start, and say how it went."""
            found = summarize(learner.measure(games, sampling), ["learner", "start"])
            pair = found["pairs"][0]
            low, high = pair["share_95"]
            values = {
                "share": pair["share"],
                "low": low,
                "high": high,
                "games": pair["games"],
                "plies": found["plies"]["mean"],
            }
            results[kind] = values
            log.record(kind, learner.iterations, values)
            log.say(
                f"  {kind}: {pair['share']:.1%} of {pair['games']} games against the start ({low:.1%} to {high:.1%})"
            )

        def save() -> None:
            """Write the checkpoint and the network."""
            save_checkpoint(folder, settings.as_dict(recipe), learner.state())
            counts = {"iterations": learner.iterations, "games": learner.iterations * recipe.games}
            training = {**network.metadata.get("training", {}), "reinforced": counts}
            about = {"name": recipe.name, "recipe": settings.as_dict(recipe), "training": training, "results": results}
            export(folder / "network.safetensors", learner.network, about)

        signals = at_end.enter_context(StopSignals())
        began, started = learner.seconds, time.monotonic() - learner.seconds
        saved = began
        while True:
            learner.seconds = time.monotonic() - started
            factor, _, over = schedule(recipe, learner.iterations, learner.seconds)
            enough = arguments.stop_after is not None and learner.seconds - began >= 60 * arguments.stop_after
            if over or signals.caught or enough:
                break
            values = learner.iterate(factor)
            spent = time.monotonic() - started - learner.seconds
            left = [60 * recipe.minutes - learner.seconds] if recipe.minutes else []
            left += [(recipe.iterations - learner.iterations) * spent] if recipe.iterations else []
            log.record("train", learner.iterations, {**values, "factor": factor, "seconds": round(learner.seconds, 1)})
            log.say(
                f"iteration {learner.iterations:,}  {values['share']:.1%} against that of {values['opponent']:,}  "
                f"plies {values['plies']:.0f}  entropy {values['entropy']:.2f}  norm {values['norm']:.3f}  "
                f"{recipe.games / spent:.1f} games/s  left {clock(min(left))}"
            )
            if learner.iterations % recipe.measure_every == 0:
                measure(recipe.measure_games)
            if learner.seconds - saved > 60 * recipe.checkpoint_minutes:
                saved = learner.seconds
                try:
                    save()
                except NetworkFileError as error:
                    log.say(f"{error}: training goes on; free some space")
        if not over:
            save()
            log.say(f"stopped in iteration {learner.iterations:,}; go on with --run {folder} --resume")
            return 128 + signals.caught if signals.caught else STOPPED
        save()  # measuring takes minutes, and may be interrupted too
        signals.at_once = True
        try:
            if signals.caught:  # since the last iteration began
                raise KeyboardInterrupt
            measure(4 * recipe.measure_games, "drawn")
            measure(4 * recipe.measure_games, "likeliest", Sampling(plies=OPENING))
            save()
        except KeyboardInterrupt:
            log.say(f"stopped while the finished run was being measured: --run {folder} --resume does it again")
            return 128 + signals.caught
        log.say(
            f"done: {learner.iterations:,} iterations in {clock(learner.seconds)}; {folder / 'network.safetensors'}"
        )
    return 0


def played_so_far(path: Path) -> dict[str, Any]:
    """The results against the start that an earlier session of this run wrote with its network."""
    try:
        return dict(load_network(path).metadata.get("results", {}))
    except GoEngineError:
        return {}


def export(path: Path, network: Network, more: dict[str, Any]) -> None:
    """Write a network file; what the file says of the network's earlier training stays in it."""
    save_network(path, network.module, {**network.metadata, "name": network.name, **more})


def main(argv: list[str] | None = None) -> int:
    """Run it; bad input gives one line and status 2."""
    return exit_status("reinforce.py", lambda: train(*parse_arguments(argv)), "interrupted")


if __name__ == "__main__":
    sys.exit(main())
