"""Train a policy network: python training/train.py RECIPE.toml --games SHARDS-OR-GAMES... [--name value ...].

Reads from top to bottom: settings, games, network, then the loop. Every setting of the recipe can be given on the
command line. What a run writes into its folder:

    recipe.toml           the settings it really used
    log.jsonl             one line a report: training and validation
    tensorboard/          the same as curves
    checkpoint.pt         all that --resume needs
    network.safetensors   the best network so far, and at the end the final one: what goengine plays with
"""

import argparse
import contextlib
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from goengine.corpus import load_corpus
from goengine.dataset import PositionSampler, Prefetcher
from goengine.errors import GoEngineError, RecipeError
from goengine.recipe import SETTINGS, Recipe, check_name, parse_setting, read_recipe, recipe_from
from goengine.runlog import RunLog, clock
from goengine.trainer import Trainer, ValidationSet, choose_device, read_run, schedule

SMOKE: dict[str, Any] = {
    "filters": 8,
    "depth": 2,
    "positions": 1024,
    "minutes": 0.0,
    "batch": 64,
    "warmup": 128,
    "ema": [256],
    "log_steps": 4,
    "hold_out": 0.1,
    "validation_positions": 256,
}
SAMPLES = Path(__file__).resolve().parents[1] / "data" / "samples"


def parse_arguments(argv: list[str] | None) -> tuple[argparse.Namespace, dict[str, Any]]:
    """The command line, and the settings given on it."""
    parser = argparse.ArgumentParser(
        prog="train.py",
        description="Train a policy network on game records.",
        epilog="Any setting of the recipe can be given as --name value.",
        allow_abbrev=False,
    )
    parser.add_argument("recipe", nargs="?", help="a TOML file of settings, such as training/recipes/laptop.toml")
    parser.add_argument("--games", nargs="+", default=[], metavar="PATH", help="shards, or game records in any form")
    parser.add_argument("--validation", nargs="+", default=[], metavar="PATH", help="games to validate on")
    parser.add_argument("--run", metavar="DIR", help="the run's folder (default: runs/NAME-DATE)")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --run")
    parser.add_argument("--from", dest="begin", metavar="FILE", help="a network file whose weights the run begins with")
    parser.add_argument("--smoke", action="store_true", help="a tiny run of seconds, to see that everything works")
    parser.add_argument("--time-limit", dest="set_minutes", metavar="MIN", help="the same as --minutes")
    for name in SETTINGS:
        flags = {f"--{name}", f"--{name.replace('_', '-')}"}
        parser.add_argument(*sorted(flags), dest=f"set_{name}", help=argparse.SUPPRESS)
    arguments, unknown = parser.parse_known_args(argv)
    for text in unknown:
        if text.startswith("--"):
            check_name(text[2:].partition("=")[0].replace("-", "_"), "command line")
        raise RecipeError(f"unexpected argument {text!r}; see --help")
    given = {name: getattr(arguments, f"set_{name}") for name in SETTINGS}
    return arguments, {name: parse_setting(name, text) for name, text in given.items() if text is not None}


def settings_of(arguments: argparse.Namespace, given: dict[str, Any]) -> tuple[Recipe, dict[str, Any] | None]:
    """The recipe of this run and, when it is resumed, its state: a checkpoint's recipe holds but for `given`."""
    if arguments.resume:
        if not arguments.run:
            raise RecipeError("--resume needs --run DIR, the folder of the run to go on with")
        if arguments.begin:
            raise RecipeError("--from begins a new run, --resume goes on with one: give one of them")
        recipe, state = read_run(Path(arguments.run) / "checkpoint.pt")
        return recipe_from({**recipe.as_dict(), **given}, arguments.run), state
    if not arguments.recipe:
        raise RecipeError("give a recipe, such as training/recipes/laptop.toml")
    return read_recipe(arguments.recipe, {**(SMOKE if arguments.smoke else {}), **given}), None


def train(arguments: argparse.Namespace, given: dict[str, Any], at_end: contextlib.ExitStack) -> int:
    """One run; returns the exit status. Whatever is open when it ends, or fails, is closed by `at_end`."""
    # ---------------------------------------------------------------------------------------------------- settings
    recipe, resumed = settings_of(arguments, given)
    folder = Path(arguments.run or f"runs/{recipe.name}-{time.strftime('%Y%m%d-%H%M%S')}")
    if resumed is None and (folder / "checkpoint.pt").exists():
        raise RecipeError(f"{folder} holds a run already: go on with it by --resume, or give another --run")
    device = choose_device(recipe.device)
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    torch.backends.cudnn.benchmark = True
    log = RunLog(folder)
    at_end.callback(log.close)
    if resumed is not None and arguments.recipe:
        log.say(f"resumed with the settings of its checkpoint: {arguments.recipe} is not read")
    (folder / "recipe.toml").write_text(recipe.to_toml(), encoding="utf-8")

    # ------------------------------------------------------------------------------------------------------- games
    paths = arguments.games or ([SAMPLES] if arguments.smoke else [])
    if not paths:
        raise RecipeError("give games to learn from: --games data/shards, or SGF files")
    corpus = load_corpus(paths, recipe.board_size, training=True, progress=log.say)
    if arguments.validation:
        held_out = load_corpus(arguments.validation, recipe.board_size, progress=log.say)
    else:
        corpus, held_out = corpus.hold_out(recipe.hold_out, recipe.seed)
    sampler = PositionSampler(corpus, recipe.batch, recipe.seed, recipe.weights, recipe.cooldown_shares)
    validation = ValidationSet(held_out, recipe.validation_positions, recipe.encoder_threads)
    log.say(f"{len(corpus):,} positions of {corpus.games:,} games; {len(validation):,} held out for validation")

    # ----------------------------------------------------------------------------------------------------- network
    trainer = Trainer(recipe, device)
    if resumed is not None:
        sampler.restore(trainer.restore(resumed))
    cooling_from = None
    if recipe.positions and not recipe.minutes:  # then the cool-down begins at a batch known beforehand
        cooling_from = int(recipe.positions * (1 - recipe.cooldown)) // recipe.batch + 1
    batches = Prefetcher(sampler, threads=recipe.encoder_threads, cooling_from=cooling_from)
    at_end.callback(batches.close)
    reader = iter(batches)
    if arguments.begin:
        trainer.start_from_network(Path(arguments.begin))
    elif resumed is None and recipe.start == "data":
        first = Prefetcher(PositionSampler(corpus, 256, recipe.seed + 1))
        trainer.start_from_data(next(iter(first)))
        first.close()
    parameters = sum(p.numel() for p in trainer.module.parameters())
    precision = "bfloat16" if trainer.bfloat16 else "float32"
    log.say(f"{recipe.network}, {parameters:,} parameters, {recipe.optimizer}, {precision} on {device}: {folder}")
    sources = {"sources": corpus.source_sizes(), "games": corpus.games, "torch": torch.__version__}
    if arguments.begin:
        log.say(f"begins with the weights of {arguments.begin}")
        sources["from"] = Path(arguments.begin).name

    def validate(count: int, final: bool = False) -> None:
        """Measure the present and the averaged weights, and export the best of them."""
        best = float("inf")
        for name, module in trainer.candidates():
            meters = trainer.validate(module, validation, count)
            total = meters["all"]
            values = {f"{s}/{k}": v for s, meter in meters.items() for k, v in meter.as_dict().items()}
            log.record("final" if final else "validation", trainer.steps, {"weights": name, **values})
            by_source = ", ".join(f"{s} {meters[s].top(1):.1%}" for s in validation.names)
            log.say(
                f"  {name} on {total.positions:,} held-out positions: loss {total.loss:.4f}, "
                f"top-1 {total.top(1):.2%}, top-5 {total.top(5):.2%} ({by_source})"
            )
            if total.loss < best:
                best = total.loss
                results = {source: meter.as_dict() for source, meter in meters.items() if meter.positions}
                trainer.export(folder / "network.safetensors", module, {"weights": name, **results}, sources)

    # -------------------------------------------------------------------------------------------------------- loop
    stopped: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        at_end.callback(signal.signal, number, signal.signal(number, lambda caught, _: stopped.append(caught)))
    started = time.monotonic() - trainer.seconds
    last_log = last_validation = last_checkpoint = time.monotonic()
    losses: list[torch.Tensor] = []
    hits: list[torch.Tensor] = []
    state = sampler.state() if resumed is None else resumed["sampler"]
    while True:
        trainer.seconds = time.monotonic() - started
        factor, cooling, over = schedule(recipe, trainer.positions, trainer.seconds)
        if over or stopped:
            break
        if recipe.minutes:
            batches.cooling = cooling
        batch = next(reader)
        loss, right, norm = trainer.learn(batch, factor)
        losses.append(loss)  # still on the device: reading one would wait for it
        hits.append(right)
        state = batch.state

        if trainer.steps % recipe.log_steps == 0:
            now, count = time.monotonic(), len(losses) * recipe.batch
            mean, top1 = float(torch.stack(losses).mean()), int(torch.stack(hits).sum()) / count
            if not np.isfinite(mean):
                raise RecipeError(f"the loss is {mean} at step {trainer.steps}: lower the rates and resume")
            speed = count / (now - last_log)
            left = recipe.minutes * 60 - (now - started) if recipe.minutes else float("inf")
            if recipe.positions:
                left = min(left, (recipe.positions - trainer.positions) / speed)
            log.say(
                f"step {trainer.steps:,}  positions {trainer.positions:,}  loss {mean:.4f}  top-1 {top1:.1%}  "
                f"norm {float(norm):.2f}  rate {factor:.3f}  {speed:,.0f}/s  left {clock(left)}"
            )
            values = {"positions": trainer.positions, "seconds": round(now - started, 1), "loss": mean}
            values |= {"top1": top1, "norm": float(norm), "factor": factor, "speed": speed}
            log.record("train", trainer.steps, values)
            losses, hits, last_log = [], [], now

        if time.monotonic() - last_validation > 60 * recipe.validate_minutes:
            validate(max(256, recipe.validation_positions // 8))
            last_validation = last_log = time.monotonic()
        if time.monotonic() - last_checkpoint > 60 * recipe.checkpoint_minutes:
            trainer.save(folder / "checkpoint.pt", state)
            last_checkpoint = time.monotonic()

    # --------------------------------------------------------------------------------------------------------- end
    trainer.save(folder / "checkpoint.pt", state)
    if stopped:
        log.say(f"stopped at step {trainer.steps:,}; go on with --run {folder} --resume")
        return 128 + stopped[0]
    validate(len(validation), final=True)
    log.say(f"done: {trainer.positions:,} positions in {clock(trainer.seconds)}; {folder / 'network.safetensors'}")
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run it; bad input gives one line and status 2."""
    try:
        with contextlib.ExitStack() as at_end:
            return train(*parse_arguments(argv), at_end)
    except GoEngineError as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


if __name__ == "__main__":
    sys.exit(main())
