"""Pictures: made whole, from plain values, and one line where matplotlib is missing."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from known_networks import saved, subjects
from small_games import corpus, sgf

from goengine.cli import main
from goengine.errors import GoEngineError
from goengine.evaluation.evaluator import measure
from goengine.evaluation.heldout import HeldOut


def test_pictures_say_what_the_report_says(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from goengine.evaluation.plots import plot_accuracy, plot_reliability, write_plots

    reports = [report.as_dict() for report in measure(subjects(), HeldOut.of(corpus(12)))]
    figure = plot_accuracy(reports)
    lines = {str(line.get_label()): line for line in figure.axes[0].get_lines()}
    assert set(lines) == {f"{name}, top-{k}" for name in ("first point", "network") for k in (1, 5)}
    shares = [100 * row["top1"] for row in reports[0]["by_move"].values()]
    assert np.asarray(lines["first point, top-1"].get_ydata()).tolist() == pytest.approx(shares)
    assert all(axes.get_ylabel() for axes in (*figure.axes, *plot_reliability(reports).axes))
    written = write_plots(json.loads(json.dumps(reports[:1])), tmp_path / "new" / "folder")
    assert [path.name for path in written] == ["accuracy-by-move.png", "reliability.png"]
    assert sorted(path.name for path in written[0].parent.iterdir()) == [path.name for path in written]
    assert all(path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" for path in written)


def test_the_curves_of_two_runs_follow_each_other() -> None:
    pytest.importorskip("matplotlib")
    from goengine.evaluation.plots import plot_training

    def steps(*numbers: int, loss: float = 4.0) -> list[dict[str, Any]]:
        return [
            {"kind": "train", "step": step, "positions": 1000 * step, "loss": loss - step, "top1": step / 10}
            for step in numbers
        ]

    def check(kind: str, step: int, weights: str, loss: float) -> dict[str, Any]:
        return {"kind": kind, "step": step, "weights": weights, "all/loss": loss, "all/top1": 1 - loss / 10}

    first = [*steps(1, 2), check("validation", 2, "raw", 3.0), check("validation", 2, "average", 2.5)]
    first += [*steps(2, 3), check("final", 3, "raw", 2.0)]  # step 2 was done again
    figure = plot_training([first, steps(1, 2, loss=3.0)])
    assert figure is not None
    loss, top1 = figure.axes
    lines = [np.asarray(line.get_xydata()) for line in loss.get_lines()]
    curves = [np.round(line.T, 6).tolist() for line in lines if len(line)]
    assert curves[0] == [[0.001, 0.002, 0.003], [3, 2, 1]]
    assert curves[1] == [[0.002, 0.003], [2.5, 2.0]]
    assert curves[2] == [[0.004, 0.005], [2, 1]]
    assert list(np.asarray(top1.get_lines()[1].get_ydata())) == [75, 80]
    assert plot_training([[check("final", 3, "raw", 2.0)]]) is None


def test_without_matplotlib(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    network, games = saved(tmp_path / "tiny.safetensors"), tmp_path / "some.sgf"
    games.write_text(sgf(0), encoding="utf-8")
    command = ["evaluate", str(games), "--network", str(network), "--threads", "1"]
    assert main(command) == 0  # which needs no matplotlib
    capsys.readouterr()
    monkeypatch.setattr("goengine.evaluation.plots.find_spec", lambda name: None)
    assert main([*command, "--plots", str(tmp_path / "plots")]) == 2
    captured = capsys.readouterr()
    assert captured.err == "goengine: plots need matplotlib, which is not installed: pip install 'goengine[plots]'\n"
    assert not (tmp_path / "plots").exists()
    with pytest.raises(GoEngineError):
        from goengine.evaluation.plots import write_plots

        write_plots([], tmp_path / "plots")


def test_figures_are_printed_even_if_no_picture_can_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network, games = saved(tmp_path / "tiny.safetensors"), tmp_path / "some.sgf"
    games.write_text(sgf(0), encoding="utf-8")
    (tmp_path / "reliability.png").mkdir()  # takes no file; nor does a full disk
    command = ["evaluate", str(games), "--network", str(network), "--threads", "1", "--json"]
    assert main([*command, "--plots", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert json.loads(captured.out)["positions"] > 0
    assert "reliability.png: is a folder" in captured.err
