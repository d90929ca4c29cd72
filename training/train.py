"""Train a policy network: python training/train.py RECIPE.toml --games SHARDS-OR-GAMES... [--name value ...].

Reads from top to bottom: settings, games, network, then the loop. Every setting of the recipe can be given on the
command line. With --processes, or under torchrun, many processes train together (training/README.md). What a run
writes into its folder:

    recipe.toml           the settings it really used
    log.jsonl             one line a report: training and validation
    tensorboard/          the same as curves
    checkpoint.pt         all that --resume needs; checkpoint-previous.pt is the one before
    network.safetensors   the best network so far, and at the end the final one: what goengine plays with
    start.safetensors     the network that it began with, where it began with one
    raw.safetensors, average20000.safetensors, ...   at the end: the weights and each average of them, for mix.py

With --player NAME it learns that player's moves only, from the network that the recipe or --from names. With --profile
it writes nothing: it tells where the time of a step goes.
"""

import argparse
import contextlib
import math
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    # No traceback of Ctrl-C while torch loads, which takes seconds.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import torch

from goengine import settings
from goengine.bundled import DEFAULT, network_file
from goengine.checkpoint import read_metadata
from goengine.dataset import PositionSampler, Prefetcher
from goengine.errors import GoEngineError, NetworkFileError, RecipeError
from goengine.exits import STOPPED, exit_status
from goengine.finetune import keep_start, report
from goengine.material import check_player, gather, other_games
from goengine.recipe import Recipe, read_recipe, recipe_from
from goengine.runlog import RunLog, clock
from goengine.trainer import (
    CHECKPOINT,
    PREVIOUS,
    Processes,
    StopSignals,
    Tally,
    Trainer,
    ValidationSet,
    Vitals,
    choose_device,
    compiler_advice,
    expected_loss,
    first_broken_tensor,
    launch,
    lost_the_others,
    memory_advice,
    memory_in_use,
    profile,
    read_run,
    save_checkpoint,
    schedule,
    thread_count,
    validate,
)

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
    parser.add_argument("--player", action="append", default=[], metavar="NAME",
                        help="learn this player's moves only; again for other names of the same player")  # fmt: skip
    parser.add_argument("--mix", nargs="+", default=[], metavar="PATH", help="with --player: general games besides")
    parser.add_argument("--run", metavar="DIR", help="the run's folder (default: runs/NAME-DATE)")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --run")
    parser.add_argument("--from", dest="begin", metavar="FILE", help="a network file whose weights the run begins with")
    parser.add_argument("--smoke", action="store_true", help="a tiny run of seconds, to see that everything works")
    parser.add_argument("--time-limit", dest="set_minutes", metavar="MIN", help="the same as --minutes")
    parser.add_argument("--stop-after", type=float, metavar="MIN",
                        help="end this session after MIN minutes, to be resumed; status 75")  # fmt: skip
    parser.add_argument("--processes", type=int, default=1, metavar="N",
                        help="train with so many processes of this machine, by default with --parts 1")  # fmt: skip
    parser.add_argument("--profile", nargs="?", type=int, const=30, metavar="STEPS",
                        help="time so many steps (30), say where they spend it, and end")  # fmt: skip
    arguments, given = settings.parse_arguments(parser, Recipe, argv)
    if arguments.profile is not None and arguments.profile < 1:
        raise RecipeError(f"--profile {arguments.profile}: give how many steps to time, at least 1")
    if arguments.processes < 1:
        raise RecipeError(f"--processes {arguments.processes}: give how many are to train together, at least 1")
    return arguments, given


def settings_of(arguments: argparse.Namespace, given: dict[str, Any]) -> tuple[Recipe, dict[str, Any] | None]:
    """The recipe of this run and, when it is resumed, its state: a checkpoint's recipe holds but for `given`."""
    if arguments.resume:
        if not arguments.run:
            raise RecipeError("--resume needs --run DIR, the folder of the run to go on with")
        if arguments.begin:
            raise RecipeError("--from begins a new run, --resume goes on with one: give one of them")
        kept, state = read_run(Path(arguments.run), lambda text: print(f"train.py: {text}", file=sys.stderr))
        if "epochs" in given:
            kept["positions"] = 0  # which are made from them
        check_player(arguments.player, state)
        return recipe_from({**kept, **given}, arguments.run), state
    if not arguments.recipe:
        raise RecipeError("give a recipe, such as training/recipes/laptop.toml")
    recipe = read_recipe(arguments.recipe, {**(SMOKE if arguments.smoke else {}), **given})
    if recipe.start == "network":
        arguments.begin = arguments.begin or DEFAULT
        shape = shape_of(arguments.begin)
        small = {name: value for name, value in SMOKE.items() if arguments.smoke and name not in shape}
        recipe = read_recipe(arguments.recipe, {**small, **given}, defaults=shape)
    elif arguments.player:
        raise RecipeError("--player goes on from a network: use training/recipes/finetune.toml, or --start network")
    return recipe, None


def shape_of(path: str) -> dict[str, Any]:
    """The settings that a network file fixes."""
    metadata = read_metadata(path)
    shape = {
        name: metadata["config"][name] for name in ("filters", "depth", "activation") if name in metadata["config"]
    }
    shape |= {name: metadata[name] for name in ("feature_set", "board_size")}
    return {**shape, "network": metadata["architecture"]}


def in_words(memory: dict[str, float]) -> str:
    """Memory in use, as ``memory 1.20 GiB  gpu memory 30.00 GiB``."""
    return "  ".join(f"{name.replace('_', ' ')} {size:.2f} GiB" for name, size in memory.items())


def train(arguments: argparse.Namespace, given: dict[str, Any], at_end: contextlib.ExitStack) -> int:
    """One run; returns the exit status. Whatever is open when it ends, or fails, is closed by `at_end`."""
    # ---------------------------------------------------------------------------------------------------- settings
    team = Processes.from_environment()
    recipe, resumed = settings_of(arguments, given)
    folder = Path(arguments.run or f"runs/{recipe.name}-{time.strftime('%Y%m%d-%H%M%S')}")
    if resumed is None and any((folder / name).exists() for name in (CHECKPOINT, PREVIOUS)):
        raise RecipeError(f"{folder} holds a run already: go on with it by --resume, or give another --run")
    device = team.device(choose_device(recipe.device))
    threads = thread_count(recipe, team.neighbours)
    at_end.callback(torch.set_num_threads, torch.get_num_threads())
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = True
    writes, resumed_at = team.first and not arguments.profile, resumed["counters"]["steps"] if resumed else None
    log = RunLog(folder if writes else None, resumed_at=resumed_at, silent=not team.first)
    at_end.callback(log.close)
    if resumed is not None and arguments.recipe:
        log.say(f"resumed with the settings of its checkpoint: {arguments.recipe} is not read")

    # ------------------------------------------------------------------------------------------------------- games
    trial = bool(arguments.smoke or arguments.profile)
    paths = arguments.games or [str(SAMPLES)] * trial
    material = gather(recipe, paths, arguments.validation, arguments.player, arguments.mix, trial, log.say)
    recipe, corpus, held_out, own = material.recipe, material.training, material.held_out, material.own
    if resumed is not None:
        warning = other_games(material, resumed, folder)
        if warning is not None:
            log.say(warning)
    if len(corpus) < recipe.batch or not len(held_out):
        raise RecipeError(
            f"{len(corpus):,} positions to learn from and {len(held_out):,} held out for validation are too few for "
            f"batch = {recipe.batch}: give more games"
        )
    sampler = PositionSampler(corpus, recipe.batch, recipe.seed, recipe.weights, recipe.cooldown_shares)
    validation = ValidationSet(held_out, recipe.validation_positions, recipe.encoder_threads)
    log.say(f"{len(corpus):,} positions of {corpus.games:,} games; {len(validation):,} held out for validation")
    points = recipe.board_size**2
    chance = validation.chance()
    log.say(f"chance is ln {points} = {math.log(points):.3f} nats; {chance:.3f} over legal moves, of which loss speaks")

    # ----------------------------------------------------------------------------------------------------- network
    team.join(device)
    trainer, start = Trainer(recipe, device, team, corpus.source_names), folder / "start.safetensors"
    if recipe.parts > 1:
        torch.set_num_threads(1)  # the parts have the cores: beside them torch's own threads wait for each other
    vitals = Vitals(recipe, chance if recipe.legal_only else math.log(points))
    state, cooling_from = sampler.state(), None  # of the sampler: before batches are made ahead
    if resumed is not None:
        state = resumed["sampler"]
        sampler.restore(trainer.restore(resumed))
        vitals.restore(resumed.get("vitals", vitals.state()), trainer)
    if resumed is not None and schedule(recipe, trainer.positions, trainer.seconds)[1]:
        cooling_from = state.get("cooling_from")  # which may be a few batches on: those were made ahead
        if cooling_from is not None and not recipe.minutes:
            cooling_from = min(cooling_from, state["batches"] + 1)
    elif recipe.positions and not recipe.minutes:  # then the cool-down begins at a batch known beforehand
        until = int(recipe.positions * (1 - recipe.cooldown)) - trainer.positions
        cooling_from = state["batches"] + until // recipe.batch + 1
    rows = team.mine(recipe.batch)
    batches = Prefetcher(
        sampler,
        threads=recipe.encoder_threads,
        cooling_from=cooling_from,
        rows=rows,
        next_moves=sorted(recipe.next_moves),
        boards=sorted(recipe.future_board),
    )
    at_end.callback(batches.close)
    reader = iter(batches)
    if arguments.begin:
        trainer.start_from_network(network_file(arguments.begin))
        if writes:
            keep_start(network_file(arguments.begin), start)
    elif resumed is None and recipe.start == "data":
        first = Prefetcher(PositionSampler(corpus, 256, recipe.seed + 1))
        trainer.start_from_data(next(iter(first)))
        first.close()
    if recipe.retain:
        trainer.stay_near(network_file(recipe.teacher or arguments.begin or start))
    if writes:  # only now is it known that a checkpoint, or a network, goes with the recipe
        (folder / "recipe.toml").write_text(recipe.to_toml(), encoding="utf-8")
    parameters = sum(p.numel() for p in trainer.module.parameters())
    precision = "bfloat16" if trainer.bfloat16 else "float32"
    where = f"{device}, {team.count} processes" if team.count > 1 else str(device)
    where += f", {threads} thread{'s' * (threads > 1)}{' each' * (team.count > 1)}" * (device.type == "cpu")
    log.say(
        f"{recipe.network}, {parameters:,} parameters, {recipe.optimizer}, {precision} on {where}"
        + (f": {folder}" if writes else "")
    )
    sources = {"sources": corpus.source_sizes(), "games": corpus.games, "torch": torch.__version__}
    if arguments.begin:
        log.say(f"begins with the weights of {arguments.begin}")
    origin = network_file(arguments.begin).name if arguments.begin else (resumed or {}).get("from", "")
    if origin:
        sources["from"] = origin
    if arguments.profile:
        found = profile(trainer, batches, arguments.profile, threads)
        if team.first:
            print(found.table())
        team.leave()
        return 0

    def measure(count: int, final: bool = False) -> None:
        """Measure the present and the averaged weights, and export the best of them."""
        best = float("inf")
        for name, module in trainer.candidates():
            meters = validate(module, trainer.objective, validation, count, device, team, trainer.map)
            total = meters["all"]
            seen = {source: meter for source, meter in meters.items() if meter.positions}
            values = {f"{s}/{k}": v for s, meter in seen.items() for k, v in meter.as_dict().items()}
            log.record("final" if final else "validation", trainer.steps, {"weights": name, **values})
            by_source = ", ".join(f"{s} {seen[s].top(1):.1%}" for s in validation.names if s in seen)
            log.say(
                f"  {name} on {total.positions:,} held-out positions: loss {total.loss:.4f}, "
                f"top-1 {total.top(1):.2%}, top-5 {total.top(5):.2%} ({by_source})"
            )
            names = [f"{name}.safetensors"] * final
            if total.loss < best:
                best = total.loss
                names.insert(0, "network.safetensors")
            results = {"weights": name, **{source: meter.as_dict() for source, meter in seen.items()}}
            for file in names:
                if team.first:
                    try:
                        trainer.export(folder / file, module, results, sources)
                    except NetworkFileError as error:
                        if final:
                            raise
                        log.say(f"{error}: it is tried again with the next validation")
        expected = expected_loss(recipe.expected, trainer.positions)
        if expected is not None:
            log.say(f"  expected at {trainer.positions:,} positions: about {expected:.3f}; here {best:.3f}")
            log.record("expected", trainer.steps, {"loss": expected, "here": best})

    def save() -> None:
        """Write a checkpoint; a full disk is said, and costs no more than that."""
        broken = first_broken_tensor(trainer)
        if broken is not None:
            raise RecipeError(
                f"{broken} is not finite at step {trainer.steps:,}: the last checkpoint is good; "
                "lower the rates (--rate, --muon-rate) and --resume"
            )
        if team.first:
            place = {**state, "cooling_from": batches.cooling_from}
            besides = {"vitals": vitals.state(), "sources": corpus.source_sizes(), "games": games, "from": origin}
            save_checkpoint(folder, recipe.as_dict(), trainer.state(place) | besides)

    # -------------------------------------------------------------------------------------------------------- loop
    signals = at_end.enter_context(StopSignals())
    began = trainer.seconds
    started = time.monotonic() - began
    last_validation = last_checkpoint = began
    tally = Tally(team, recipe.batch)
    games = corpus.digest()
    while True:
        trainer.seconds, (caught,) = team.agree(time.monotonic() - started, [signals.caught])
        factor, cooling, over = schedule(recipe, trainer.positions, trainer.seconds)
        enough = arguments.stop_after is not None and trainer.seconds - began >= 60 * arguments.stop_after
        if over or caught or enough:
            break
        if cooling and batches.cooling_from is None:
            batches.cooling_from = state["batches"] + batches.ahead + 1
        asked = time.perf_counter()
        batch = next(reader)
        waited = time.perf_counter() - asked
        trainer.objective.cooling = cooling
        loss, right, norm = trainer.learn(batch, factor)
        tally.add(loss, right, norm, waited)  # still on the device: reading one would wait for it
        state = batch.state

        if trainer.steps % recipe.log_steps == 0:
            values, losses = tally.read()
            setback = vitals.watch(trainer, losses)
            if setback is not None:
                log.say(setback)
            left = recipe.minutes * 60 - trainer.seconds if recipe.minutes else float("inf")
            if recipe.positions:
                left = min(left, (recipe.positions - trainer.positions) / values["speed"])
            memory = memory_in_use(device)
            log.say(
                f"step {trainer.steps:,}  positions {trainer.positions:,}  loss {values['loss']:.4f}  "
                f"top-1 {values['top1']:.1%}  norm {values['norm']:.2f}  rate {factor * trainer.slower:.3f}  "
                f"{values['speed']:,.0f}/s  feeder {values['feeder']:.1%}  {in_words(memory)}  left {clock(left)}"
            )
            counters = {"positions": trainer.positions, "seconds": round(trainer.seconds, 1), "factor": factor}
            extra = {name: float(value) for name, value in trainer.extra_losses.items()}  # of the latest step
            log.record("train", trainer.steps, {**counters, **values, **extra, **memory})

        if trainer.seconds - last_validation > 60 * recipe.validate_minutes:
            asked = time.perf_counter()
            measure(max(256, recipe.validation_positions // 8))
            last_validation = trainer.seconds
            tally.leave_out(time.perf_counter() - asked)
        if trainer.seconds - last_checkpoint > 60 * recipe.checkpoint_minutes:
            last_checkpoint = trainer.seconds
            try:
                save()
            except NetworkFileError as error:
                log.say(
                    f"{error}: the one before is kept, training goes on, and in {recipe.checkpoint_minutes:g} minutes "
                    "it is tried again; free some space"
                )

    # --------------------------------------------------------------------------------------------------------- end
    stopped = caught or not over
    try:
        save()
    except NetworkFileError as error:
        if stopped:
            raise NetworkFileError(f"{error}: free some space; --resume goes on from the last one written") from None
        log.say(f"{error}: the network is measured and written without it")
    if stopped:
        log.say(f"stopped at step {trainer.steps:,}; go on with --run {folder} --resume")
        return 128 + caught if caught else STOPPED
    signals.at_once = True
    try:
        if signals.caught:  # since the last step
            raise KeyboardInterrupt
        measure(len(validation), final=True)
        if own is not None and team.first:
            made, limit = folder / "network.safetensors", recipe.validation_positions
            results = report(own, start, made, limit, threads, log.say)
            log.record("fine_tuning", trainer.steps, results)
    except KeyboardInterrupt:
        log.say(f"stopped while the finished run was being measured: --run {folder} --resume does it again")
        return 128 + signals.caught
    log.say(f"done: {trainer.positions:,} positions in {clock(trainer.seconds)}; {folder / 'network.safetensors'}")
    team.leave()
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run it; bad input gives one line and status 2."""
    rank = os.environ.get("RANK", "0")
    name = "train.py" if rank == "0" else f"train.py, process {rank}"

    def work() -> int:
        try:
            arguments, given = parse_arguments(argv)
            if arguments.processes > 1 and "RANK" not in os.environ:
                command = [sys.executable, __file__, *(sys.argv[1:] if argv is None else argv)]
                return launch(command if "parts" in given else [*command, "--parts", "1"], arguments.processes)
            with contextlib.ExitStack() as at_end:
                return train(arguments, given, at_end)
        except (RuntimeError, MemoryError) as error:
            advice = memory_advice(error) or compiler_advice(error) or lost_the_others(error)
            if advice is None:
                raise
            raise GoEngineError(advice) from None

    return exit_status(name, work, "interrupted")


if __name__ == "__main__":
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main())
