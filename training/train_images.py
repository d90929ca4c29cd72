"""Train an image classifier: python training/train_images.py RECIPE.toml [--name value ...].

The same layers, optimizers, schedule and checkpoints as training/train.py, on pictures. Every setting of the recipe can
be given on the command line. What a run writes into its folder:

    recipe.toml           the settings it really used
    log.jsonl             one line a report: training and validation
    tensorboard/          the same as curves, with weights, sample images and the graph
    checkpoint.pt         all that --resume needs; checkpoint-previous.pt is the one before
    network.safetensors   the classifier
    report.html           how good it is: by class, with the confusion matrix, ROC curves and the worst mistakes
    report.json           the same for programs

With --networks it trains several on the same images and compares them, with --folds it cross-validates, and with
--evaluate FILE it writes the report of a classifier that is trained already. When --networks or --folds were stopped,
the same command with the same --run goes on with them.
"""

import argparse
import contextlib
import dataclasses
import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from goengine import settings
from goengine.errors import NetworkFileError, RecipeError
from goengine.exits import STOPPED, exit_status
from goengine.images.data import images_to_test, load_images
from goengine.images.evaluation import Evaluation
from goengine.images.learning import ImageTrainer, predict
from goengine.images.networks import equal_fully_connected, list_classifiers
from goengine.images.recipe import ImageRecipe
from goengine.images.report import check_extras, write_report
from goengine.images.sets import ImageSet, folds
from goengine.images.storage import check_fits, load_classifier, save_classifier
from goengine.runlog import RunLog, clock, read_records
from goengine.trainer import CHECKPOINT, StopSignals, choose_device, read_run, save_checkpoint, schedule

FREE = ("name", "device", "precision", "threads", "log_steps", "validate_epochs", "checkpoint_minutes")
"""Settings that may change while several networks or folds are trained: of the machine, and of what is said when."""


def parse_arguments(argv: list[str] | None) -> tuple[argparse.Namespace, dict[str, Any]]:
    """The command line, and the settings given on it."""
    parser = argparse.ArgumentParser(
        prog="train_images.py",
        description="Train an image classifier and report how good it is.",
        epilog="Any setting of the recipe can be given as --name value.",
        allow_abbrev=False,
    )
    parser.add_argument("recipe", nargs="?", help="a TOML file, such as training/recipes/images/digits.toml")
    parser.add_argument("--run", metavar="DIR", help="the run's folder (default: runs/NAME-NETWORK-DATE)")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --run")
    parser.add_argument("--stop-after", type=float, metavar="MIN", help="end this session after MIN minutes; status 75")
    parser.add_argument("--networks", nargs="+", metavar="NAME",
                        help="train these one after the other and compare them; all, and equal: the fully connected "
                        "network with as many parameters as the recipe's")  # fmt: skip
    parser.add_argument(
        "--folds", type=int, metavar="K", help="cross-validate: K networks, each tested on another part"
    )
    parser.add_argument("--evaluate", metavar="FILE", help="a classifier's file: write its report, train nothing")
    parser.add_argument("--files", default="data/raw", metavar="DIR", help="where MNIST's or CIFAR-10's files are")
    parser.add_argument("--download", action="store_true", help="fetch MNIST or CIFAR-10 where they are missing")
    return settings.parse_arguments(parser, ImageRecipe, argv)


def say(text: str) -> None:
    """A line on stderr."""
    print(text, file=sys.stderr, flush=True)


def recipe_of(arguments: argparse.Namespace, given: dict[str, Any]) -> tuple[ImageRecipe, dict[str, Any] | None]:
    """The recipe of this run and, when it is resumed, its state: a checkpoint's recipe holds but for `given`."""
    modes = [
        f"--{name}"
        for name in ("resume", "networks", "folds", "evaluate")
        if getattr(arguments, name) not in (None, False)
    ]
    if len(modes) > 1:
        raise RecipeError(f"{' and '.join(modes)} do not go together: give one of them")
    if arguments.resume:
        if not arguments.run:
            raise RecipeError("--resume needs --run DIR, the folder of the run to go on with")
        kept, state = read_run(Path(arguments.run), say)
        for name in ("data", "size", "test_share"):
            if given.get(name, kept[name]) != kept[name]:
                raise RecipeError(
                    f"--{name.replace('_', '-')} {given[name]}: the run has learnt with {kept[name]}, and would be "
                    "tested on what it has learnt; begin another one"
                )
        if "epochs" in given:
            kept["positions"] = 0  # they were those of the epochs before
        return settings.settings_from(ImageRecipe, {**kept, **given}, arguments.run), state
    if not arguments.recipe:
        raise RecipeError("give a recipe, such as training/recipes/images/digits.toml")
    return settings.read_settings(ImageRecipe, arguments.recipe, given), None


class Run:
    """One classifier's training, from the images to the file; the loop is the same as training/train.py's."""

    def __init__(self, recipe: ImageRecipe, learn: ImageSet, test: ImageSet, folder: Path, equal: bool = False,
                 goes_on: str = "", fold: tuple[int, int] | None = None) -> None:  # fmt: skip
        """Make ready.

        Args:
            recipe: its settings.
            learn: images to learn from.
            test: images to test on.
            folder: of the run.
            equal: train the fully connected network with as many parameters as the recipe's.
            goes_on: how to go on with it once it is stopped; "" is --resume.
            fold: in a cross-validation, its number and how many there are.
        """
        self.about = {"tested_on": test.digest(), "flips": learn.flips, **({"fold": fold} if fold else {})}
        self.images = f"{learn.digest()} {test.digest()}"
        self.goes_on = goes_on or f"--run {folder} --resume"
        self.recipe, self.learn, self.test, self.folder = recipe.with_length(len(learn)), learn, test, folder
        self.device = choose_device(recipe.device)
        if recipe.threads:
            torch.set_num_threads(recipe.threads)
        self.trainer = ImageTrainer(self.recipe, learn, self.device)
        if equal:
            shape = equal_fully_connected(self.trainer.module).config
            self.recipe = dataclasses.replace(self.recipe, network="fully_connected", width=int(shape["width"]))
            self.trainer = ImageTrainer(self.recipe, learn, self.device)

    def measure(self, log: RunLog) -> tuple[str, NDArray[np.float32]]:
        """Measure the present and the averaged weights on the test images; the last of them is what is kept."""
        trainer = self.trainer
        last = len(trainer.averages.horizons)
        for number, (weights, classifier) in enumerate(trainer.candidates()):
            probabilities = predict(classifier, self.test.images, self.device).numpy()
            found = Evaluation(probabilities, self.test.labels, self.test.classes)
            values = {"loss": found.loss, "accuracy": found.accuracy}
            kind = "validation" if number == last else f"validation_{weights}"  # a curve for each
            log.record(kind, trainer.steps, {"epoch": trainer.epoch, "weights": weights, **values})
            log.say(f"  {weights} on {len(self.test):,} test images: {found.accuracy:.2%}, loss {found.loss:.4f}")
        return weights, probabilities

    def show(self, log: RunLog, first: bool = False) -> None:
        """Weight histograms for TensorBoard and, the first time, sample images and the graph."""
        if log.board is None:
            return
        for name, weight in self.trainer.module.named_parameters():
            log.board.add_histogram(name, weight.detach().cpu(), self.trainer.steps)
        if first:
            images, _ = self.trainer.batch()
            log.board.add_images("as the network sees them", images[:32].cpu(), 0)
            with contextlib.suppress(RuntimeError), warnings.catch_warnings():  # not every module can be traced
                warnings.simplefilter("ignore", DeprecationWarning)  # TensorBoard knows no other way than torch.jit
                log.board.add_graph(self.trainer.module, images[:2])

    def train(self, resumed: dict[str, Any] | None = None, stop_after: float | None = None) -> Evaluation | int:
        """The loop: the final evaluation, or the exit status of a run that was stopped."""
        recipe, trainer, folder = self.recipe, self.trainer, self.folder
        if resumed is None and (folder / CHECKPOINT).exists():
            raise RecipeError(f"{folder} holds a run already: go on with it by --resume, or give another --run")
        if resumed is not None:
            self.check_images(resumed)
            trainer.restore(resumed)
        with contextlib.ExitStack() as at_end:
            log = RunLog(folder, resumed_at=trainer.steps if resumed is not None else None)
            at_end.callback(log.close)
            (folder / "recipe.toml").write_text(settings.to_toml(recipe), encoding="utf-8")
            parameters = sum(p.numel() for p in trainer.module.parameters())
            log.say(f"{recipe.network}, {parameters:,} parameters, {recipe.optimizer} on {self.device}: {folder}")
            log.say(f"{len(self.learn):,} images of {len(self.learn.classes)} classes; {len(self.test):,} to test on")
            self.show(log, first=resumed is None)
            signals = at_end.enter_context(StopSignals())
            began, started = trainer.seconds, time.monotonic() - trainer.seconds
            tally: list[tuple[float, float]] = []
            saved, validated, marked = began, trainer.epoch, 0.0
            while True:
                trainer.seconds = time.monotonic() - started
                factor, _, over = schedule(recipe, trainer.positions, trainer.seconds)
                enough = stop_after is not None and trainer.seconds - began >= 60 * stop_after
                if over or signals.caught or enough:
                    break
                marked = marked if tally else time.monotonic()
                tally.append(trainer.learn(factor))
                if trainer.steps % recipe.log_steps == 0:
                    loss, accuracy = (float(np.mean([row[at] for row in tally])) for at in (0, 1))
                    speed = len(tally) * recipe.batch / max(1e-9, time.monotonic() - marked)
                    left = [60 * recipe.minutes - trainer.seconds] if recipe.minutes else []
                    left += [(recipe.positions - trainer.positions) / max(speed, 1e-9)] if recipe.positions else []
                    log.say(
                        f"step {trainer.steps:,}  epoch {trainer.epoch:.2f}  loss {loss:.4f}  accuracy {accuracy:.1%}  "
                        f"{speed:,.0f}/s  left {clock(min(left))}"
                    )
                    values = {"epoch": trainer.epoch, "loss": loss, "accuracy": accuracy, "factor": factor}
                    log.record("train", trainer.steps, values)
                    tally.clear()
                if trainer.epoch - validated >= recipe.validate_epochs:
                    validated = trainer.epoch
                    self.measure(log)
                    self.show(log)
                if trainer.seconds - saved > 60 * recipe.checkpoint_minutes:
                    saved = trainer.seconds
                    try:
                        self.save()
                    except NetworkFileError as error:
                        log.say(f"{error}: training goes on; free some space")
            self.save()
            if not over:
                log.say(f"stopped at step {trainer.steps:,}; go on with {self.goes_on}")
                return 128 + signals.caught if signals.caught else STOPPED
            weights, probabilities = self.measure(log)
            log.say(f"done: {trainer.epoch:.1f} epochs in {clock(trainer.seconds)}")
        evaluation = Evaluation(probabilities, self.test.labels, self.test.classes)
        kept = list(trainer.candidates())[-1][1]
        results = {"weights": weights, "accuracy": evaluation.accuracy, "images": len(self.test)}
        about = {"name": recipe.name, "recipe": settings.as_dict(recipe), "results": results, **self.about}
        save_classifier(folder / "network.safetensors", kept, self.learn.classes, about)
        return evaluation

    def check_images(self, state: dict[str, Any]) -> None:
        """Refuse to go on from a checkpoint that was written with other images."""
        if state.get("images", self.images) != self.images:
            raise RecipeError(
                f"{self.folder}: the images of {self.recipe.data} are others than when the run began, and it would be "
                "tested on what it has learnt; begin another one"
            )

    def save(self) -> None:
        """Write a checkpoint."""
        save_checkpoint(self.folder, settings.as_dict(self.recipe), {**self.trainer.state(), "images": self.images})

    def facts(self) -> dict[str, Any]:
        """What a report says of this run."""
        recipe, trainer = self.recipe, self.trainer
        return {
            "network": f"{recipe.network}, width {trainer.module.config['width']}",
            "parameters": f"{sum(p.numel() for p in trainer.module.parameters()):,}",
            "data": recipe.data,
            "learnt from": f"{len(self.learn):,} images, {trainer.epoch:.1f} times each",
            "time": f"{trainer.seconds:.1f} s on {self.device}, {torch.get_num_threads()} thread(s)",
        }


def one(recipe: ImageRecipe, folder: Path, sets: tuple[ImageSet, ImageSet], resumed: dict[str, Any] | None,
        stop_after: float | None) -> int:  # fmt: skip
    """One classifier, with its report."""
    run = Run(recipe, *sets, folder)
    result = run.train(resumed, stop_after)
    if isinstance(result, int):
        return result
    page = write_report(
        folder, f"{recipe.network} on {recipe.data}", run.facts(), result, sets[1], read_records(folder / "log.jsonl")
    )
    low, high = result.interval
    print(f"accuracy {result.accuracy:.2%} (95 %: {low:.2%} to {high:.2%}) on {len(result.labels):,} images; {page}")
    return 0


def begun(run: Run) -> dict[str, Any] | None:
    """The state of a run that was begun with the same settings; None where there is none.

    Raises:
        RecipeError: if the settings or the images were others: what it learnt cannot be compared with theirs.
    """
    if not (run.folder / CHECKPOINT).exists():
        return None
    kept, state = read_run(run.folder, say)
    own = settings.as_dict(run.recipe)
    other = [name for name in own if name not in FREE and kept.get(name) != own[name]]
    if other:
        name = other[0]
        raise RecipeError(
            f"{run.folder} holds a run with {name} = {kept.get(name)!r}, not {own[name]!r}: give another --run"
        )
    run.check_images(state)
    return state


def several(recipe: ImageRecipe, folder: Path, sets: tuple[ImageSet, ImageSet], names: list[str],
            stop_after: float | None) -> int:  # fmt: skip
    """Several classifiers on the same images, and a table; those that are trained already are not trained again."""
    wanted = [name for given in names for name in (list_classifiers() if given == "all" else [given])]
    for name in wanted:
        if name not in (*list_classifiers(), "equal"):
            raise RecipeError(f"--networks {name}: use all, equal, or some of {', '.join(list_classifiers())}")
    started = time.monotonic()
    for name in wanted:
        place = folder / name
        width = recipe.width if name == recipe.network else 0  # which is the recipe's network's, and no other's
        own = recipe if name == "equal" else dataclasses.replace(recipe, network=name, width=width)
        run = Run(own, *sets, place, equal=name == "equal", goes_on=f"the same command and --run {folder}")
        resumed = begun(run)
        if (place / "report.json").exists():
            say(f"{name}: {place / 'report.json'} is there already")
            continue
        result = run.train(resumed, remaining(stop_after, started))
        if isinstance(result, int):
            return result
        write_report(place, f"{name} on {recipe.data}", run.facts(), result, sets[1], read_records(place / "log.jsonl"))
    print(f"{'network':16} {'parameters':>10} {'accuracy':>9} {'95 %':>17}  time")
    for name in wanted:
        found = json.loads((folder / name / "report.json").read_text(encoding="utf-8"))
        low, high = found["interval"]
        span = f"{low:.2%} - {high:.2%}"
        print(f"{name:16} {found['parameters']:>10} {found['accuracy']:>9.2%} {span:>17}  {found['time']}")
    return 0


def remaining(stop_after: float | None, started: float) -> float | None:
    """Minutes that are left of a session."""
    return None if stop_after is None else stop_after - (time.monotonic() - started) / 60


def cross_validate(recipe: ImageRecipe, folder: Path, images: ImageSet, count: int, stop_after: float | None) -> int:
    """K networks, each tested on the part that it has not seen; one report over all images."""
    started = time.monotonic()
    rows, answers, shares = [], [], []
    for number, (learn, test) in enumerate(folds(images, count, recipe.seed), start=1):
        say(f"fold {number} of {count}")
        place, goes_on = folder / f"fold{number}of{count}", f"the same command and --run {folder}"
        run = Run(recipe, images.take(learn), images.take(test), place, goes_on=goes_on, fold=(number, count))
        result = run.train(begun(run), remaining(stop_after, started))
        if isinstance(result, int):
            return result
        rows.append(test)
        answers.append(result.probabilities)
        shares.append(result.accuracy)
    order = np.concatenate(rows)
    tested = images.take(order)
    whole = Evaluation(np.concatenate(answers), tested.labels, images.classes)
    spread = f"{np.mean(shares):.2%} with a standard deviation of {np.std(shares, ddof=1):.2%} between the folds"
    facts = {**run.facts(), "cross-validation": f"{count} folds, {spread}"}
    page = write_report(folder, f"{recipe.network} on {recipe.data}, {count} folds", facts, whole, tested)
    low, high = whole.interval
    print(f"accuracy {whole.accuracy:.2%} (95 %: {low:.2%} to {high:.2%}); {spread}; {page}")
    return 0


def evaluate(recipe: ImageRecipe, path: Path, files: Path, download: bool, folder: Path) -> int:
    """The report of a classifier that is trained already."""
    classifier, trained = load_classifier(path)
    where = {"folder": files, "download": download, "size": recipe.size}
    test = images_to_test(trained, recipe.data, recipe.test_share, say, **where)
    check_fits(classifier, trained["classes"], test, path)
    found = Evaluation(predict(classifier, test.images).numpy(), test.labels, test.classes)
    folder.mkdir(parents=True, exist_ok=True)
    about = {"network": f"{classifier.config['name']}, width {classifier.config['width']}", "data": recipe.data}
    page = write_report(folder, f"{path.name} on {recipe.data}", about, found, test)
    print(f"accuracy {found.accuracy:.2%} on {len(test):,} images; {page}")
    return 0


def work(argv: list[str] | None) -> int:
    """One command; returns the exit status."""
    arguments, given = parse_arguments(argv)
    check_extras()
    recipe, resumed = recipe_of(arguments, given)
    name = recipe.network if not arguments.networks else "networks"
    folder = Path(arguments.run or f"runs/{recipe.name}-{name}-{time.strftime('%Y%m%d-%H%M%S')}")
    files, download = Path(arguments.files), bool(arguments.download)
    if arguments.evaluate:
        return evaluate(recipe, Path(arguments.evaluate), files, download, folder)
    sets = load_images(recipe.data, files, download, recipe.size, recipe.test_share, say)
    if arguments.networks:
        return several(recipe, folder, sets, arguments.networks, arguments.stop_after)
    if arguments.folds is not None:
        return cross_validate(recipe, folder, sets[0].with_more(sets[1]), arguments.folds, arguments.stop_after)
    return one(recipe, folder, sets, resumed, arguments.stop_after)


def main(argv: list[str] | None = None) -> int:
    """Run it; bad input gives one line and status 2."""
    return exit_status("train_images.py", lambda: work(argv), "interrupted")


if __name__ == "__main__":
    sys.exit(main())
