"""One page about a trained classifier: ``report.html`` with its pictures inside, and ``report.json``."""

import base64
import html
import io
import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from goengine.errors import GoEngineError
from goengine.files import write_text
from goengine.images.evaluation import Evaluation
from goengine.images.sets import ImageSet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["check_extras", "draw_confusion", "draw_curves", "draw_mistakes", "draw_roc", "write_report"]

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222}"
    "table{border-collapse:collapse}td,th{padding:.15em .8em;text-align:right;border-bottom:1px solid #ddd}"
    "td:first-child,th:first-child{text-align:left}img{max-width:100%}code{background:#f3f3f3;padding:.1em .3em}"
)


def check_extras() -> None:
    """Say now, before long work, that its report cannot be made.

    Raises:
        GoEngineError: matplotlib, scikit-learn or Pillow is not installed.
    """
    for module, name in (("matplotlib", "matplotlib"), ("sklearn", "scikit-learn"), ("PIL", "Pillow")):
        if find_spec(module) is None:
            raise GoEngineError(f"a report needs {name}, which is not installed: pip install 'goengine[images,plots]'")


def draw_confusion(evaluation: Evaluation) -> "Figure":
    """The confusion matrix: rows are the true classes, columns the answers."""
    figure, axes = _figure(6.0, 5.4)
    table, names = evaluation.confusion, evaluation.classes
    shares = table / np.maximum(1, table.sum(1, keepdims=True))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(names) <= 20:
        for (row, column), count in np.ndenumerate(table):
            if count:
                color = "white" if shares[row, column] > 0.5 else "black"
                axes.text(column, row, str(count), ha="center", va="center", color=color, fontsize=8)
        axes.set_xticks(range(len(names)), names, rotation=45 if max(map(len, names)) > 2 else 0)
        axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="answer", ylabel="true class", title="confusion matrix")
    return figure


def draw_roc(evaluation: Evaluation) -> "Figure":
    """The ROC curve of each class against all others."""
    figure, axes = _figure(6.0, 5.0)
    for number, row in enumerate(evaluation.by_class):
        if not np.isnan(row["auc"]):
            axes.plot(*evaluation.roc(number), linewidth=1.2, label=f"{row['auc']:.4f}  {row['class']}")
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, linestyle=":")
    axes.set(xlabel="false positive rate", ylabel="true positive rate", title="ROC by class, with its area")
    axes.legend(fontsize="small", loc="lower right", ncols=2 if len(evaluation.classes) > 10 else 1)
    return figure


def draw_mistakes(evaluation: Evaluation, images: ImageSet, count: int = 24) -> "Figure | None":
    """The most confident mistakes: true class, answer and its probability; None where nothing was wrong."""
    chosen = evaluation.mistakes(count)
    if not len(chosen):
        return None
    columns = min(8, len(chosen))
    rows = -(-len(chosen) // columns)
    figure, grid = _figure(1.25 * columns, 1.55 * rows, rows, columns)
    for axes in np.ravel(grid):
        axes.set_axis_off()
    for axes, number in zip(np.ravel(grid), chosen, strict=False):
        picture = images.images[number].transpose(1, 2, 0)
        axes.imshow(picture if picture.shape[2] == 3 else picture[:, :, 0], cmap="gray", vmin=0, vmax=255)
        answer = evaluation.predicted[number]
        names = evaluation.classes[evaluation.labels[number]], evaluation.classes[answer]
        axes.set_title(f"{names[0]}, taken for\n{names[1]}: {evaluation.probabilities[number, answer]:.0%}", fontsize=7)
    return figure


def draw_curves(records: Sequence[dict[str, Any]]) -> "Figure | None":
    """Loss and accuracy over the epochs, from the lines of a run's ``log.jsonl``; None where there are none."""
    kinds = {kind: [row for row in records if row["kind"] == kind] for kind in ("train", "validation")}
    if not kinds["train"]:
        return None
    figure, grid = _figure(9.0, 3.6, 1, 2)
    for axes, name in zip(grid, ("loss", "accuracy"), strict=True):
        for kind, rows in kinds.items():
            if rows:
                axes.plot([row["epoch"] for row in rows], [row[name] for row in rows], linewidth=1.2, label=kind)
        axes.set(xlabel="epoch", title=name)
        axes.grid(True, color="#DDDDDD", linewidth=0.6)
        axes.legend(fontsize="small")
    return figure


def write_report(
    folder: Path,
    title: str,
    about: dict[str, Any],
    evaluation: Evaluation,
    images: ImageSet,
    records: Sequence[dict[str, Any]] = (),
) -> Path:
    """Write ``report.html`` and ``report.json``, each whole or not at all.

    Args:
        folder: of the run.
        title: of the page.
        about: what the page says first: names and values.
        evaluation: of the images.
        images: those that were evaluated, in the same order.
        records: the lines of the run's ``log.jsonl``.

    Returns:
        The page.

    Raises:
        GoEngineError: what draws or measures is not installed.
        OSError: a file cannot be written.
    """
    check_extras()
    low, high = evaluation.interval
    facts = {
        **about,
        "images": f"{len(evaluation.labels):,}",
        "accuracy": f"{evaluation.accuracy:.2%} (95 %: {low:.2%} to {high:.2%})",
        "cross-entropy": f"{evaluation.loss:.4f} nats",
    }
    from matplotlib import rc_context

    with rc_context({"text.parse_math": False}):  # a class may be named $10
        drawn = {
            "Curves": draw_curves(records),
            "Confusion": draw_confusion(evaluation),
            "ROC": draw_roc(evaluation),
            "The most confident mistakes": draw_mistakes(evaluation, images),
        }
        shown = {name: _png(figure) if figure else "" for name, figure in drawn.items()}
    pictures = "".join(
        f"<h2>{name}</h2>" + (f'<img alt="{name}" src="data:image/png;base64,{png}">' if png else "<p>none")
        for name, png in shown.items()
        if png or name != "Curves"
    )
    rows = "".join(
        f"<tr><td>{html.escape(row['class'])}<td>{row['images']}"
        + "".join(f"<td>{row[name]:.4f}" for name in ("precision", "recall", "f1", "auc"))
        for row in evaluation.by_class
    )
    facts_table = "".join(f"<tr><td>{html.escape(k)}<td>{html.escape(str(v))}" for k, v in facts.items())
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{_STYLE}</style><h1>{html.escape(title)}</h1><table>{facts_table}</table><h2>By class</h2>"
        f"<table><tr><th>class<th>images<th>precision<th>recall<th>F1<th>area under ROC{rows}</table>"
        f"{pictures}</html>\n"
    )
    write_text(folder / "report.json", json.dumps({"title": title, **about, **evaluation.as_dict()}, indent=1) + "\n")
    write_text(folder / "report.html", page)
    return folder / "report.html"


def _figure(width: float, height: float, rows: int = 1, columns: int = 1) -> "tuple[Figure, Any]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    return figure, figure.subplots(rows, columns)


def _png(figure: "Figure") -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return base64.b64encode(buffer.getvalue()).decode("ascii")
