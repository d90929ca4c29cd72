"""Pictures of what `goengine.evaluation.accuracy.Report.as_dict` says, by matplotlib, which is imported only here.

The functions take the plain values, so that pictures can be made again from a stored JSON file.
"""

import os
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goengine.errors import GoEngineError
from goengine.evaluation.accuracy import label_of
from goengine.files import written

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["check_matplotlib", "plot_accuracy", "plot_reliability", "plot_training", "write_plots"]

_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")  # Okabe and Ito 2008: told apart by the colour-blind
_MARKERS = ("o", "s", "^", "D")
_GREY = "#555555"
_FEWEST = 20  # positions in a bin that is drawn
_SMOOTH = 100  # points that the training curve of a run is averaged to

Row = dict[str, Any]


def check_matplotlib() -> None:
    """Say now, before long work, that plots cannot be made.

    Raises:
        GoEngineError: matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise GoEngineError("plots need matplotlib, which is not installed: pip install 'goengine[plots]'")


def write_plots(reports: Sequence[Row], folder: str | os.PathLike[str]) -> list[Path]:
    """Write ``accuracy-by-move.png`` and ``reliability.png``, each whole or not at all.

    Args:
        reports: what `Report.as_dict` gives, of up to four networks, or of one network asked in several ways.
        folder: made if it is not there.

    Returns:
        The files.

    Raises:
        GoEngineError: matplotlib is not installed.
        OSError: a file cannot be written.
    """
    check_matplotlib()
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    pictures: tuple[tuple[str, Callable[[Sequence[Row]], Figure]], ...] = (
        ("accuracy-by-move.png", plot_accuracy),
        ("reliability.png", plot_reliability),
    )
    paths = []
    for name, draw in pictures:
        with written(target / name) as temporary:
            draw(reports).savefig(temporary, format="png", dpi=130)
        paths.append(target / name)
    return paths


def plot_accuracy(reports: Sequence[Row]) -> "Figure":
    """Top-1 and top-5 accuracy over the move number, with bands for their 95 % intervals."""
    figure, axes = _figure("accuracy by move number")
    for number, report in enumerate(reports):
        bins = _bins(report)
        for k, style in ((1, "-"), (5, "--")):
            where = [x for x, _ in bins]
            color, marker = _COLORS[number % 4], _MARKERS[number % 4]
            low, high = ([100 * row[f"top{k}_interval"][end] for _, row in bins] for end in (0, 1))
            share = [100 * row[f"top{k}"] for _, row in bins]
            axes.fill_between(where, low, high, color=color, alpha=0.18, linewidth=0)
            label = f"{_name(report)}, top-{k}"
            axes.plot(where, share, style, color=color, marker=marker, markersize=3, linewidth=1.4, label=label)
    axes.set_xlabel("move number (middle of a bin; after 300 moves all are in one)")
    axes.set_ylabel("moves guessed (% of positions)")
    axes.set_ylim(0, 100)
    axes.set_xlim(left=0)
    _finish(figure, axes, reports)
    return figure


def plot_reliability(reports: Sequence[Row]) -> "Figure":
    """How often moves are played to which the network gives some probability; below, how often it gives that."""
    figure, axes = _figure("are the probabilities what they say?", height=6.6, rows=2)
    main, below = axes
    main.plot([0, 100], [0, 100], ":", color=_GREY, linewidth=1, label="exactly right")
    for number, report in enumerate(reports):
        color, marker = _COLORS[number % 4], _MARKERS[number % 4]
        table = report["calibration"]["top_move"]
        label = f"{_name(report)}, its favourite move (expected error {100 * report['calibration']['ece']:.1f} points)"
        _with_errors(main, table, color, marker, "-", label)
        if len(reports) == 1:
            _with_errors(main, report["calibration"]["any_move"], _COLORS[1], "s", "--", f"{_name(report)}, any move")
        total = sum(row["count"] for row in table)
        edges = [100 * row["from"] for row in table] + [100 * table[-1]["to"]]
        shares = [100 * row["count"] / total for row in table]
        if [row["to"] for row in table[:-1]] == [row["from"] for row in table[1:]]:
            below.stairs(shares, edges, color=color, linewidth=1.4)
        else:  # a bin in between is empty
            below.plot([100 * row["says"] for row in table], shares, marker, color=color)
    main.set_ylabel("how often the move was played (%)")
    main.set_ylim(0, 100)
    below.set_xlabel("probability that the network gave the move (%)")
    below.set_ylabel("favourites\n(% of positions)")
    below.set_xlim(0, 100)
    below.set_ylim(bottom=0)
    below.grid(True, color="#DDDDDD", linewidth=0.6)
    below.set_axisbelow(True)
    _finish(figure, main, reports)
    return figure


def plot_training(runs: Sequence[Sequence[Row]]) -> "Figure | None":
    """Loss and top-1 over the positions learnt from, of runs that took up each other's network; None without steps.

    What a run did twice, after an interruption, is drawn once. Of each validation the best weights are drawn.

    Args:
        runs: the lines of each ``log.jsonl`` that training/train.py wrote, in the order of the runs.

    Raises:
        KeyError: a line that train.py did not write.
    """
    import numpy as np
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 3.8), layout="constrained", facecolor="white")
    panels = figure.subplots(1, 2)
    begin, tops = 0.0, [0.0]
    for rows in runs:
        steps = {row["step"]: row for row in rows if row["kind"] == "train"}
        if not steps:
            continue
        seen = {step: (begin + row["positions"]) / 1e6 for step, row in sorted(steps.items())}
        checks: dict[int, Row] = {}
        for row in rows:
            if row["kind"] in ("validation", "final"):
                best = checks.get(row["step"])
                if best is None or best["kind"] != row["kind"] or row["all/loss"] < best["all/loss"]:
                    checks[row["step"]] = row
        x, where = np.array(list(seen.values())), np.interp(sorted(checks), list(seen), list(seen.values()))
        groups = np.array_split(np.arange(len(x)), min(_SMOOTH, len(x)))
        for axes, name, scale in zip(panels, ("loss", "top1"), (1, 100), strict=True):
            learnt = np.array([scale * steps[step][name] for step in seen])
            held = [scale * checks[step][f"all/{name}"] for step in sorted(checks)]
            smooth = [[float(np.mean(values[group])) for group in groups] for values in (x, learnt)]
            labels = ("training", "held out") if not begin else (None, None)
            axes.plot(*smooth, color=_COLORS[0], linewidth=1.0, alpha=0.6, label=labels[0])
            axes.plot(where, held, "o-", color=_COLORS[1], markersize=3, linewidth=1.4, label=labels[1])
            if begin:
                axes.axvline(begin / 1e6, color=_GREY, linewidth=0.8, linestyle=":")
            tops += held if name == "loss" else []
        begin += max(row["positions"] for row in steps.values())
    for axes, title in zip(panels, ("loss (nats)", "top-1 (%)"), strict=True):
        axes.set(xlabel="positions learnt from, in millions", title=title)
        axes.grid(True, color="#DDDDDD", linewidth=0.6)
        axes.set_axisbelow(True)
    if not begin:
        return None
    if panels[0].get_ylim()[1] > 1.3 * max(tops) > 0:  # the first steps would flatten all that follows
        panels[0].set_ylim(top=1.3 * max(tops))
    panels[0].legend(fontsize="small")
    return figure


def _with_errors(axes: "Axes", table: Sequence[Row], color: str, marker: str, style: str, label: str) -> None:
    x, y = ([100 * row[key] for row in table] for key in ("says", "played"))
    low, high = ([100 * abs(row["interval"][end] - row["played"]) for row in table] for end in (0, 1))
    axes.errorbar(
        x,
        y,
        [low, high],
        color=color,
        marker=marker,
        markersize=4,
        linestyle=style,
        linewidth=1.2,
        capsize=2,
        label=label,
    )


def _figure(title: str, height: float = 4.8, rows: int = 1) -> "tuple[Figure, Any]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, height), layout="constrained", facecolor="white")
    ratios = {"height_ratios": [4, 1]} if rows == 2 else {}
    axes = figure.subplots(rows, 1, sharex=rows > 1, gridspec_kw=ratios)
    (axes[0] if rows > 1 else axes).set_title(title)
    return figure, axes


def _finish(figure: "Figure", axes: "Axes", reports: Sequence[Row]) -> None:
    axes.grid(True, color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.legend(loc="best", fontsize="small", framealpha=0.9)
    counts = dict.fromkeys(f"{one['positions']:,} positions of {one['games_measured']:,} games" for one in reports)
    figure.supxlabel(f"{' and '.join(counts)}; bands and bars: 95 % intervals", fontsize="small", color=_GREY)


def _bins(report: Row) -> list[tuple[float, Row]]:
    """The middle of each bin, as a move number, and its row; bins with few positions only where there is no other."""
    found = []
    for name, row in report["by_move"].items():  # "11-20", or "301+"
        first, _, last = name.rstrip("+").partition("-")
        found.append(((int(first) + int(last or int(first) + 9)) / 2, row))
    return [(x, row) for x, row in found if row["positions"] >= _FEWEST] or found


def _name(report: Row) -> str:
    return label_of(report["network"], report["symmetries"]).replace("$", r"\$")  # which would begin a formula
