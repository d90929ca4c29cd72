"""What has a network learned? One picture a command.

    python training/look.py filters                                     the first layer's filters
    python training/look.py maps --layer norm --game GAME.sgf --move 60 what a layer makes of a position
    python training/look.py ascent --layer norm --filters 0 7 12        the input that most excites filters
    python training/look.py shapes --games GAMES... --filters 3 9       the shapes of real games that fire filters
    python training/look.py reasons --classifier F                      saliency, occlusion, integrated gradients
    python training/look.py curves --classifier F                       loss and accuracy while it learned
    python training/look.py curves --runs runs/A runs/B                 the same of train.py's runs, one after the other
    python training/look.py confusion --classifier F                    which classes it takes for which
    python training/look.py roc --classifier F                          the ROC curve of each class
    python training/look.py mistakes --classifier F                     the mistakes that it is most sure of

Of the bundled policy network, or of --network FILE; of an image classifier with --classifier FILE, looking at the test
images of what it was trained on, or of --images (for it, `ascent` shows its classes unless --layer is given, and there
are no shapes of games). For moves of games there is `goengine explain`.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from goengine.checkpoint import Network, load_network
from goengine.cli.options import check_counts
from goengine.corpus import load_corpus
from goengine.errors import GoEngineError, RecordError
from goengine.exits import exit_status
from goengine.runlog import read_records
from goengine.sgf import read_games
from goengine.visualize.activations import layer_names, layer_output
from goengine.visualize.ascent import excite, filter_score, neuron_score, plane_projection
from goengine.visualize.attribution import integrated_gradients, log_odds_score, occlusion, saliency
from goengine.visualize.extras import check_extras
from goengine.visualize.filters import draw_filters, draw_maps
from goengine.visualize.moves import planes_of
from goengine.visualize.pictures import Tile, draw_table, write_png
from goengine.visualize.shapes import draw_shapes, find_shapes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from goengine.images.evaluation import Evaluation
    from goengine.images.sets import ImageSet

SHOWN = 8  # filters, classes or images, where none are named
ROOT = Path(__file__).resolve().parent.parent


class Subject:
    """A network to look at: a policy network, or an image classifier with images."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        """Load it.

        Raises:
            GoEngineError: a file cannot be used.
        """
        self.policy: Network | None = None
        self._load: Callable[[], ImageSet] | None = None
        if arguments.classifier is None:
            self.policy = load_network(arguments.network)
            self.module: nn.Module = self.policy.module
            self.shape = (int(self.policy.metadata["config"]["in_planes"]), self.policy.size, self.policy.size)
            self.name = self.policy.name
        else:
            from goengine.images.data import images_to_test
            from goengine.images.storage import check_fits, load_classifier

            classifier, trained = load_classifier(arguments.classifier)
            config, source = classifier.config, arguments.images or trained.get("recipe", {}).get("data", "digits")

            def load() -> "ImageSet":
                where = {"folder": Path(arguments.files), "size": int(config["size"])}
                images = images_to_test(trained, source, 0.2, say, **where)
                check_fits(classifier, trained["classes"], images, arguments.classifier)
                return images

            self._load = load
            self.classes: Sequence[str] = trained["classes"]
            self.module = classifier.requires_grad_(False)
            self.shape = (int(config["channels"]), int(config["size"]), int(config["size"]))
            self.name = str(config["name"])

    @cached_property
    def images(self) -> "ImageSet | None":
        """A classifier's test images, which it has not learnt from; none of a policy network.

        Raises:
            ImageError: there are none.
            NetworkFileError: they are not such as it was trained on.
        """
        return None if self._load is None else self._load()

    def input(self, arguments: argparse.Namespace) -> tuple[Tensor, str]:
        """The position or the image that is asked for, float (1, channels, rows, columns), and its name."""
        if self.images is not None:
            number = arguments.number
            if not 0 <= number < len(self.images):
                raise GoEngineError(f"--number {number}: there are test images 0 to {len(self.images) - 1}")
            label = self.images.classes[self.images.labels[number]]
            return torch.from_numpy(
                self.images.images[number : number + 1]
            ).float() / 255, f"test image {number}, {label}"
        assert self.policy is not None
        record = next(iter(read_games(arguments.game)), None)
        plays = [] if record is None else list(record.plays())
        if record is None or not 0 <= arguments.move <= len(plays):
            raise RecordError(f"{arguments.game}: --move {arguments.move} is not possible: use 0 to {len(plays)}")
        position = record.start()
        for color, point in plays[: arguments.move]:
            position.play(point, color)
        if position.size != self.policy.size:
            raise RecordError(
                f"{arguments.game}: {position.size}x{position.size}, but the network plays {self.policy.size}"
            )
        return planes_of(self.policy, position), f"{Path(arguments.game).name} after {arguments.move} moves"


def main(argv: list[str] | None = None) -> int:
    """Make one picture."""
    arguments = parse(argv)
    out = arguments.out or Path(f"{arguments.what}.png")

    def work() -> int:
        check_extras("captum", "matplotlib")
        check_counts(arguments, "steps", "top", "limit")
        from matplotlib import rc_context

        torch.manual_seed(0)
        subject = Subject(arguments)
        with rc_context({"text.parse_math": False}):  # a network may be named $10
            say(f"wrote {write_png(WHAT[arguments.what](subject, arguments), out)}")
        return 0

    return exit_status("look.py", work, place=out)


def say(text: str) -> None:
    """A line on stderr."""
    print(text, file=sys.stderr, flush=True)


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="look.py", description="What has a network learned?")
    parser.add_argument("what", choices=WHAT)
    parser.add_argument("--network", metavar="FILE", help="a policy network (default: the bundled one)")
    parser.add_argument("--classifier", type=Path, metavar="FILE", help="an image classifier instead")
    parser.add_argument("--images", help="digits, mnist, cifar10 or a folder (default: what it was trained on)")
    parser.add_argument("--files", default="data/raw", metavar="DIR", help="where MNIST's or CIFAR-10's files are")
    parser.add_argument("--number", type=int, default=0, metavar="N", help="the test image to show to it")
    parser.add_argument("--game", default=str(ROOT / "data/samples/game-0005.sgf"), help="the game to show to it")
    parser.add_argument("--move", type=int, default=49, metavar="N", help="the position after N moves (default: 49)")
    parser.add_argument("--layer", help=f"as goengine info names it (default: what fits {', '.join(WHAT)})")
    parser.add_argument("--filters", type=int, nargs="+", metavar="N", help=f"which ones (default: the first {SHOWN})")
    parser.add_argument("--l1", type=float, default=1.0, help="price of |x|: 1 is what it brings on average without it")
    parser.add_argument("--steps", type=int, default=150, help="of the ascent (default: 150)")
    parser.add_argument("--games", nargs="+", default=[str(ROOT / "data/samples")], help="to search (default: samples)")
    parser.add_argument("--top", type=int, default=6, help="shapes a filter (default: 6)")
    parser.add_argument("--limit", type=int, default=2000, help="positions to search (default: 2000)")
    parser.add_argument("--runs", type=Path, nargs="+", metavar="DIR", help="for curves: runs of train.py, in order")
    parser.add_argument("--out", type=Path, metavar="PNG", help="the picture (default: WHAT.png)")
    return parser.parse_args(argv)


def filters(subject: Subject, _: argparse.Namespace) -> "Figure":
    """The filters of the first layer."""
    return draw_filters(subject.module, None if subject.policy is None else subject.policy.feature_set)


def first_layer(subject: Subject) -> str:
    """The first layer that gives maps."""
    for name, module in subject.module.named_modules():
        if isinstance(module, nn.Conv2d):
            return str(name)
    raise GoEngineError(f"{subject.name} has no convolution; its layers are {', '.join(layer_names(subject.module))}")


def maps(subject: Subject, arguments: argparse.Namespace) -> "Figure":
    """What a layer makes of one input."""
    x, title = subject.input(arguments)
    return draw_maps(subject.module, arguments.layer or first_layer(subject), x, title)


def ascent(subject: Subject, arguments: argparse.Namespace) -> "Figure":
    """The input that most excites outputs of a classifier, or filters of a layer; plain, and with the L1 term."""
    layer = str(arguments.layer or ("" if subject.policy is None else first_layer(subject)))
    project = None if subject.policy is None else plane_projection(subject.policy.feature_set)
    probe = layer_output(subject.module, layer, torch.zeros(1, *subject.shape))
    numbers = arguments.filters or list(range(min(int(probe.shape[1]), 10 if layer == "" else SHOWN)))
    rows: list[list[Tile]] = [[], []]
    for number in numbers:
        if probe.dim() == 2:
            score = neuron_score(subject.module, layer, number)
        elif subject.policy is None:
            score = filter_score(subject.module, layer, number)
        else:  # one point in the middle: on a board the edges would take over
            score = neuron_score(subject.module, layer, number, (subject.policy.size // 2,) * 2)
        plain = excite(score, subject.shape, steps=arguments.steps, project=project)
        price = arguments.l1 * abs(plain.score) / max(plain.norm, 1e-9)
        sparse = excite(score, subject.shape, steps=arguments.steps, project=project, l1=price)
        for row, found in zip(rows, (plain, sparse), strict=True):
            row.append(tile_of(found.x, f"{found.score:.1f}"))
    if layer == "" and subject.policy is None:
        names = [subject.classes[number] for number in numbers]
    else:
        names = [str(number) for number in numbers]
    what = "own stones red, opponent's blue" if subject.policy else "the number below is what it reaches"
    return draw_table(
        rows, ["plain", "less L1"], names, f"{subject.name}, {layer or 'output'}: the most exciting inputs; {what}"
    )


def tile_of(x: Tensor, note: str) -> Tile:
    """An input (channels, rows, columns) as a picture: grey, in colours, or own less opponent's stones."""
    values = x.cpu().numpy()
    if len(values) == 1:
        return Tile(values[0], note=note)
    if len(values) == 3:
        return Tile(values.transpose(1, 2, 0).clip(0, 1), note=note)
    return Tile(values[0] - values[1], signed=True, note=note)


def shapes(subject: Subject, arguments: argparse.Namespace) -> "Figure":
    """The local shapes of real games that fire filters."""
    if subject.policy is None:
        raise GoEngineError("shapes are searched in games of Go: leave --classifier away")
    layer = str(arguments.layer or first_layer(subject))
    corpus = load_corpus(arguments.games, subject.policy.size)
    numbers = arguments.filters or list(range(SHOWN))
    started = time.monotonic()

    def progress(done: int, total: int) -> None:
        left = (time.monotonic() - started) / done * (total - done)
        print(f"\r{done:,} of {total:,} positions, {left:.0f} s left ", end="", file=sys.stderr, flush=True)

    found = find_shapes(subject.policy, corpus, layer, numbers, arguments.top, arguments.limit, progress)
    print(file=sys.stderr)
    return draw_shapes(
        found,
        f"{subject.name}, {layer}: the player to move is black; above each: game, moves played, value of the filter",
    )


def reasons(subject: Subject, arguments: argparse.Namespace) -> "Figure":
    """Why these images are of their classes: saliency, occlusion, integrated gradients."""
    images = subject.images
    if images is None:
        raise GoEngineError("reasons are for image classifiers: give --classifier, or use goengine explain for moves")
    rows, names = [], []
    window = max(2, subject.shape[1] // 8)
    for number in range(arguments.number, max(arguments.number + 1, min(arguments.number + SHOWN // 2, len(images)))):
        arguments.number = number
        x, _ = subject.input(arguments)
        probabilities = subject.module(x).softmax(1)[0]
        index = int(probabilities.argmax())
        score = log_odds_score(subject.module, index)
        parts: list[Any] = [
            Tile(saliency(score, x)[0].amax(0).numpy()),
            Tile(occlusion(score, x, window)[0].numpy(), signed=True),
            Tile(integrated_gradients(score, x).attributions[0].sum(0).numpy(), signed=True),
        ]
        truth = int(images.labels[number])
        wrong = "" if truth == index else f"\n(it is {images.classes[truth]})"
        names.append(f"{images.classes[index]}: {float(probabilities[index]):.1%}{wrong}")
        rows.append([tile_of(x[0], ""), *parts])
    columns = ["image", "saliency", f"occlusion {window}x{window}", "integrated gradients"]
    return draw_table(
        rows, names, columns, f"{subject.name}: why it says so; red speaks for the class, blue against it"
    )


def answers(subject: Subject) -> "tuple[Evaluation, ImageSet]":
    """A classifier's answers to its test images, and these.

    Raises:
        GoEngineError: for a policy network; ``goengine evaluate`` is for those.
    """
    from goengine.images.evaluation import Evaluation
    from goengine.images.learning import predict

    images = subject.images
    if images is None:
        raise GoEngineError("this is for image classifiers: give --classifier, or use goengine evaluate --plots")
    return Evaluation(predict(subject.module, images.images).numpy(), images.labels, images.classes), images


def curves(_: Subject, arguments: argparse.Namespace) -> "Figure":
    """Loss and accuracy while a network learned, from the log beside it."""
    from goengine.evaluation.plots import plot_training
    from goengine.images.report import draw_curves

    if arguments.runs is None and arguments.classifier is None:
        raise GoEngineError("give --classifier, or the folders of train.py's runs: --runs runs/A runs/B")
    logs = [run / "log.jsonl" for run in arguments.runs or ()] or [arguments.classifier.with_name("log.jsonl")]
    runs = []
    try:
        for log in logs:
            runs.append(read_records(log))
            if log.stat().st_size and not runs[-1]:
                raise ValueError("no record in it")
        figure = plot_training(runs) if arguments.runs else draw_curves(runs[0])
    except (ValueError, KeyError, TypeError):
        raise GoEngineError(f"{log}: not the log of such a run") from None
    if figure is None:
        raise GoEngineError(f"{log}: no steps are logged in it; train with a lower --log-steps")
    return figure


def confusion(subject: Subject, _: argparse.Namespace) -> "Figure":
    """Which classes are taken for which."""
    from goengine.images.report import draw_confusion

    return draw_confusion(answers(subject)[0])


def roc(subject: Subject, _: argparse.Namespace) -> "Figure":
    """The ROC curve of each class against all others."""
    from goengine.images.report import draw_roc

    return draw_roc(answers(subject)[0])


def mistakes(subject: Subject, _: argparse.Namespace) -> "Figure":
    """The mistakes that a classifier is most sure of."""
    from goengine.images.report import draw_mistakes

    figure = draw_mistakes(*answers(subject))
    if figure is None:
        raise GoEngineError(f"{subject.name} makes no mistake on these test images")
    return figure


WHAT = {
    "filters": filters,
    "maps": maps,
    "ascent": ascent,
    "shapes": shapes,
    "reasons": reasons,
    "curves": curves,
    "confusion": confusion,
    "roc": roc,
    "mistakes": mistakes,
}

if __name__ == "__main__":
    sys.exit(main())
