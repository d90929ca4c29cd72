"""Image classifiers learn, go on where they stopped, are measured as by hand, and are reported on one page."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from goengine.errors import GoEngineError, ImageError, NetworkFileError, RecipeError
from goengine.exits import STOPPED
from goengine.images.evaluation import Evaluation
from goengine.images.learning import ImageTrainer, predict
from goengine.images.recipe import ImageRecipe
from goengine.images.report import draw_curves, draw_mistakes, write_report
from goengine.images.sets import ImageSet, folds
from goengine.images.storage import check_fits, load_classifier, save_classifier
from goengine.trainer import read_run, save_checkpoint
from training import train_images

CPU = torch.device("cpu")


def bright(count: int = 96, channels: int = 1) -> ImageSet:
    """8x8 images that are bright on the left, on the right, or at the top."""
    chance = np.random.default_rng(5)
    images = chance.integers(0, 90, (count, channels, 8, 8), dtype=np.uint8)
    labels = np.arange(count, dtype=np.int64) % 3
    images[labels == 0, :, :, :4] += 120
    images[labels == 1, :, :, 4:] += 120
    images[labels == 2, :, :4] += 120
    return ImageSet(images, labels, ("left", "right", "top"))


def recipe(**given: object) -> ImageRecipe:
    settings: dict[str, object] = {"width": 4, "epochs": 8, "batch": 16, "ema": (64,), "warmup": 0, "shift": 0.05}
    return ImageRecipe(**{**settings, **given})  # type: ignore[arg-type]


def test_a_network_learns_and_predicts() -> None:
    images = bright()
    trainer = ImageTrainer(recipe(rate=5e-3), images, CPU)
    before = predict(trainer.module, images.images)
    assert before.shape == (96, 3) and torch.allclose(before.sum(1), torch.ones(96), atol=1e-5)
    losses = [trainer.learn(1.0)[0] for _ in range(48)]
    assert trainer.epoch == 8 and np.mean(losses[-6:]) < 0.3 * np.mean(losses[:6])
    for _, classifier in trainer.candidates():
        assert (predict(classifier, images.images).argmax(1).numpy() == images.labels).mean() > 0.95


def test_every_image_is_seen_once_an_epoch_and_no_two_are_changed_alike() -> None:
    images = bright(48)
    trainer = ImageTrainer(recipe(shift=0.0), images, CPU)
    seen = []
    for _ in range(3):
        pixels, _ = trainer.batch()
        seen += [bytes(np.rint(p.numpy() * 255).astype(np.uint8)) for p in pixels]
        trainer.steps += 1
    assert sorted(seen) == sorted(bytes(image) for image in images.images)
    moved = ImageTrainer(recipe(), images, CPU)
    one, two = moved.batch()[0], moved.batch()[0]
    assert torch.equal(one, two)  # the same step, the same batch: a resumed run sees what an unbroken one does
    moved.steps += 3
    assert not torch.equal(moved.batch()[0], one)


def test_a_resumed_run_equals_an_unbroken_one(tmp_path: Path) -> None:
    whole = ImageTrainer(recipe(), bright(), CPU)
    expected = [whole.learn(1.0)[0] for _ in range(10)]
    first = ImageTrainer(recipe(), bright(), CPU)
    losses = [first.learn(1.0)[0] for _ in range(4)]
    save_checkpoint(tmp_path, {"width": 4}, first.state())
    torch.manual_seed(99)
    resumed = ImageTrainer(recipe(), bright(), CPU)
    resumed.restore(read_run(tmp_path)[1])
    assert losses + [resumed.learn(1.0)[0] for _ in range(6)] == expected
    with pytest.raises(RecipeError, match="another network"):
        ImageTrainer(recipe(width=5), bright(), CPU).restore(read_run(tmp_path)[1])


def test_a_resumed_run_learns_by_the_recipe_as_it_is_now() -> None:
    first = ImageTrainer(recipe(rate=2e-3, weight_decay=0.05, ema=(100,)), bright(), CPU)
    for _ in range(4):
        first.learn(1.0)
    settings = {"rate": 1e-5, "muon_rate": 1e-5, "weight_decay": 0.0, "momentum": 0.5, "ema": (100, 5000)}
    resumed = ImageTrainer(recipe(**settings), bright(), CPU)
    resumed.restore(first.state())
    for optimizer in resumed.optimizers:
        for group in optimizer.param_groups:
            assert group["peak"] == 1e-5 and group["weight_decay"] == 0 and group.get("momentum", 0.5) == 0.5
    known, fresh = resumed.averages.weights
    for name, tensor in first.module.state_dict().items():
        assert torch.equal(fresh[name], tensor)  # a horizon that is new begins at the present weights
        assert torch.equal(known[name], first.averages.weights[0][name])
    resumed.learn(1.0)
    assert all(group["lr"] == 1e-5 for optimizer in resumed.optimizers for group in optimizer.param_groups)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(RecipeError, match="only 12 images"):
        ImageTrainer(recipe(), bright(12), CPU)
    with pytest.raises(RecipeError, match="mirrored"):
        ImageTrainer(recipe(flip=True), bright(), CPU)
    for bad, message in (
        ({"network": "vgg16"}, "use one of lecture, lenet5"),
        ({"epochs": 0}, "no end"),
        ({"test_share": 1.0}, "test_share"),
        ({"validate_epochs": 0.0}, "validate_epochs"),
        ({"batch": 1}, "at least 2"),
        ({"smoothing": 1.0}, "below 1"),
    ):
        with pytest.raises(RecipeError, match=message):
            recipe(**bad)
    images = bright()
    trainer = ImageTrainer(recipe(rate=float(10**30), clip=0.0), images, CPU)
    with pytest.raises(RecipeError, match="lower the rate"):
        for _ in range(20):
            trainer.learn(1.0)


def test_folds_test_every_image_once() -> None:
    images = bright(30)
    parts = list(folds(images, 5))
    assert sorted(np.concatenate([test for _, test in parts])) == list(range(30))
    for learn, test in parts:
        assert not set(learn) & set(test) and len(learn) + len(test) == 30
        assert np.bincount(images.labels[test]).tolist() == [2, 2, 2]
    assert len(list(folds(images, 5, seed=2**62))) == 5  # a recipe's seed may be longer than scikit-learn's
    with pytest.raises(ImageError, match="no more than the 10 images"):
        list(folds(images, 11))


def answers() -> Evaluation:
    """Six images of three classes; the fourth and the last are answered wrongly, the last with more confidence."""
    rows = [[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.5, 0.4, 0.1], [0.1, 0.2, 0.7], [0.1, 0.9, 0.0]]
    return Evaluation(np.array(rows, np.float32), np.array([0, 0, 1, 1, 2, 2]), ("a", "b", "c"))


def test_measures_are_those_of_the_hand() -> None:
    found = answers()
    assert found.accuracy == pytest.approx(4 / 6)
    low, high = found.interval
    assert low < 0.35 and high > 0.85
    assert found.confusion.tolist() == [[2, 0, 0], [1, 1, 0], [0, 1, 1]]
    first, second, third = found.by_class
    assert (first["precision"], first["recall"]) == pytest.approx((2 / 3, 1.0))
    assert first["f1"] == pytest.approx(0.8)
    assert (second["precision"], second["recall"], second["f1"]) == pytest.approx((0.5, 0.5, 0.5))
    assert (third["precision"], third["recall"], third["images"]) == pytest.approx((1.0, 0.5, 2))
    assert first["auc"] == 1.0  # both of class a have more of it than all others
    assert second["auc"] == pytest.approx(6 / 8)  # 0.7 and 0.4 against 0.1, 0.3, 0.2, 0.9: six of eight pairs
    assert found.mistakes(5).tolist() == [5, 3] and found.mistakes(1).tolist() == [5]
    false, true = found.roc(1)
    assert false[0] == true[0] == 0.0 and false[-1] == true[-1] == 1.0
    own = np.array([0.8, 0.6, 0.7, 0.4, 0.7, 1e-12])
    assert found.loss == pytest.approx(-np.log(own).mean(), rel=1e-5)


def test_a_class_without_images_has_no_area() -> None:
    found = Evaluation(np.array([[0.9, 0.1], [0.6, 0.4]], np.float32), np.array([0, 0]), ("a", "b"))
    assert [row["auc"] for row in found.as_dict()["classes"]] == [None, None]
    assert json.loads(json.dumps(found.as_dict()))["accuracy"] == 1.0


def test_the_report_holds_everything(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    images = bright(6)
    records = [
        {"kind": kind, "epoch": at, "loss": 1.0, "accuracy": 0.5} for kind in ("train", "validation") for at in (1, 2)
    ]
    page = write_report(tmp_path, "a <title>", {"network": "x"}, answers(), images, records)
    text = page.read_text(encoding="utf-8")
    assert "a &lt;title&gt;" in text and "66.67%" in text and text.count("data:image/png;base64,") == 4
    found = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert found["confusion"] == [[2, 0, 0], [1, 1, 0], [0, 1, 1]] and found["network"] == "x"
    right = Evaluation(np.eye(3, dtype=np.float32)[[0, 1, 2]], np.array([0, 1, 2]), ("a", "b", "c"))
    assert draw_mistakes(right, images) is None


def test_a_saved_classifier_answers_the_same(tmp_path: Path) -> None:
    trainer = ImageTrainer(recipe(), bright(), CPU)
    trainer.learn(1.0)
    path = tmp_path / "n.safetensors"
    save_classifier(path, trainer.module, ("left", "right", "top"), {"name": "x"})
    classifier, metadata = load_classifier(path)
    assert metadata["classes"] == ["left", "right", "top"]
    pixels = bright().images
    assert torch.allclose(predict(classifier, pixels), predict(trainer.module, pixels), atol=2e-3)
    with pytest.raises(NetworkFileError, match=r"\(1, 8, 8\), these are \(3, 8, 8\)"):
        check_fits(classifier, metadata["classes"], bright(6, channels=3), path)


def test_other_files_are_no_classifiers(tmp_path: Path) -> None:
    from goengine.bundled import BUNDLED

    with pytest.raises(NetworkFileError, match="a network for Go"):
        load_classifier(BUNDLED)
    with pytest.raises(NetworkFileError, match="no such"):
        load_classifier(tmp_path / "none")
    (tmp_path / "bad").write_bytes(b"12345678 nothing")
    with pytest.raises(NetworkFileError, match="damaged"):
        load_classifier(tmp_path / "bad")


def test_the_script_from_pictures_to_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    from PIL import Image

    images = bright(48)
    for number, (pixels, label) in enumerate(zip(images.images, images.labels, strict=True)):
        place = tmp_path / "pictures" / images.classes[label]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels[0]).save(place / f"{number}.png")
    (tmp_path / "r.toml").write_text('name = "r"\nnetwork = "lecture"\nwidth = 4\nsize = 8\nbatch = 8\nlog_steps = 2\n')
    base = [str(tmp_path / "r.toml"), "--data", str(tmp_path / "pictures"), "--run", str(tmp_path / "run")]
    assert train_images.main([*base, "--epochs", "4", "--stop-after", "0"]) == STOPPED
    assert train_images.main([*base, "--epochs", "1"]) == 2  # there is a run in that folder
    assert "--resume" in capsys.readouterr().err
    assert train_images.main([*base[1:], "--resume"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("accuracy ") and "left 0:00" in err
    written = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"report.html", "report.json", "network.safetensors", "checkpoint.pt", "recipe.toml", "log.jsonl"} <= written
    network = str(tmp_path / "run" / "network.safetensors")
    assert train_images.main([*base[:3], "--epochs", "1", "--run", str(tmp_path / "again"), "--evaluate", network]) == 0
    assert capsys.readouterr().out.split(" on ")[0] in out  # the same accuracy from the file
    assert train_images.main([*base[:3], "--epochs", "1", "--size", "16", "--evaluate", network]) == 2
    assert "trained on images of shape" in capsys.readouterr().err
    again = [*base[:3], "--epochs", "1", "--run", str(tmp_path / "again")]
    assert train_images.main([*again, "--test-share", "0.9", "--evaluate", network]) == 0
    found = capsys.readouterr()
    assert found.out.split("; ")[0] == re.sub(r" \(.*\)", "", out.split("; ")[0])  # as many images, the same accuracy
    assert "trained with test_share = 0.2: it is tested on that part" in found.err
    twin = [again[0], "--data", f"{again[2]}/.", *again[3:]]  # the same folder, written otherwise
    assert train_images.main([*twin, "--test-share", "0.9", "--evaluate", network]) == 0
    assert capsys.readouterr().out.split("; ")[0] == found.out.split("; ")[0]
    assert "others than when" not in capsys.readouterr().err
    Image.fromarray(images.images[0, 0]).save(tmp_path / "pictures" / images.classes[0] / "later.png")
    assert train_images.main([*again, "--evaluate", network]) == 0
    assert "are others than when it was trained: it may have learnt from some of these" in capsys.readouterr().err
    assert train_images.main([*base[1:], "--resume", "--epochs", "9"]) == 2
    assert "are others than when the run began" in capsys.readouterr().err
    for setting in (["--test-share", "0.5"], ["--size", "16"], ["--data", "digits"]):
        assert train_images.main([*base[1:], "--resume", *setting]) == 2
        assert f"{setting[0]} {setting[1]}: the run has learnt with" in capsys.readouterr().err


def test_the_script_compares_networks_and_cross_validates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "r.toml").write_text('name = "r"\nwidth = 4\nbatch = 64\nepochs = 0.2\nthreads = 1\n')
    base = [str(tmp_path / "r.toml"), "--run", str(tmp_path / "run")]
    assert train_images.main([*base, "--networks", "lenet5", "equal"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["network", "lenet5", "equal"]
    assert train_images.main([*base, "--networks", "lenet5", "equal"]) == 0  # nothing is trained again
    out, err = capsys.readouterr()
    assert out.splitlines() == lines and "step" not in err
    assert train_images.main([base[0], "--run", str(tmp_path / "folds"), "--folds", "2"]) == 0
    assert "between the folds" in capsys.readouterr().out
    for bad, message in ((["--networks", "nothing"], "use all"), (["--lern", "1"], "there is no setting")):
        assert train_images.main([*base, *bad]) == 2
        assert message in capsys.readouterr().err


def test_a_class_may_have_any_name(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    found = dataclasses.replace(answers(), classes=("price_$10_$20", "_$x", r"$\q{$"))
    assert write_report(tmp_path, "x", {}, found, bright(6)).is_file()


def test_the_width_of_a_recipe_is_its_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, int]] = []

    def noted(recipe: ImageRecipe, *_: object, **__: object) -> None:
        made.append((recipe.network, recipe.width))
        raise GoEngineError("enough")

    monkeypatch.setattr(train_images, "Run", noted)
    recipe = ImageRecipe(network="lecture", width=5, epochs=1)
    for name in ("lecture", "lenet5"):
        with pytest.raises(GoEngineError, match="enough"):
            train_images.several(recipe, tmp_path, (bright(6), bright(6)), [name], None)
    assert made == [("lecture", 5), ("lenet5", 0)]


def run_script(tmp_path: Path, *words: str, folder: str = "run") -> int:
    (tmp_path / "r.toml").write_text('name = "r"\nwidth = 4\nbatch = 64\nepochs = 0.2\nthreads = 1\nema = [500]\n')
    return train_images.main([str(tmp_path / "r.toml"), "--run", str(tmp_path / folder), *words])


def test_folds_go_on_where_they_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    assert run_script(tmp_path, "--folds", "2") == 0
    unbroken = capsys.readouterr().out.split(";")[0]
    assert run_script(tmp_path, "--folds", "2", "--stop-after", "0", folder="stopped") == STOPPED
    assert f"go on with the same command and --run {tmp_path / 'stopped'}" in capsys.readouterr().err
    assert run_script(tmp_path, "--folds", "2", folder="stopped") == 0
    assert capsys.readouterr().out.split(";")[0] == unbroken
    assert run_script(tmp_path, "--folds", "2", "--rate", "1e-3", folder="stopped") == 2
    assert "fold1of2 holds a run with rate = 0.002, not 0.001: give another --run" in capsys.readouterr().err
    fold = tmp_path / "run" / "fold2of2"  # tested on the half that it has not learnt from
    assert run_script(tmp_path, "--evaluate", str(fold / "network.safetensors"), folder="again") == 0
    out, err = capsys.readouterr()
    assert load_classifier(fold / "network.safetensors")[1]["results"]["images"] == 898 and "on 898 images" in out
    assert err == "it was trained as fold 2 of 2: it is tested on the part that was left out there\n"
    assert run_script(tmp_path, "--networks", "lecture", "--stop-after", "0", folder="several") == STOPPED


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--folds", "0"], "0 folds: at least 2"),
        (["--folds", "3", "--networks", "all"], "--networks and --folds do not go together"),
        (["--resume", "--evaluate", "x"], "--resume and --evaluate do not go together"),
    ],
)
def test_ways_of_running_that_make_no_sense(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    assert run_script(tmp_path, *words) == 2
    assert message in capsys.readouterr().err and not (tmp_path / "run").exists()


def test_a_finished_run_learns_longer(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    assert run_script(tmp_path) == 0
    assert train_images.main(["--run", str(tmp_path / "run"), "--resume", "--epochs", "0.4"]) == 0
    kept, state = read_run(tmp_path / "run")
    assert kept["epochs"] == 0.4 and state["counters"]["positions"] >= 0.4 * 1400


def test_tensorboard_holds_curves_histograms_images_and_the_graph(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    assert run_script(tmp_path, "--log-steps", "2") == 0
    events = accumulator.EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    tags = events.Tags()
    assert {f"{kind}/{name}" for kind in ("train", "validation") for name in ("loss", "accuracy")} <= {*tags["scalars"]}
    assert len({event.step for event in events.Scalars("train/loss")}) == 2
    raw, average = (events.Scalars(f"{kind}/loss") for kind in ("validation_raw", "validation"))
    assert len(raw) == len(average) == 1 and raw[0].value != average[0].value  # a curve for each
    names = {"features.0.weight", "features.3.weight", "head.1.weight", "head.3.weight"}
    assert names <= {*tags["histograms"]}
    assert sum(events.Histograms("features.0.weight")[0].histogram_value.bucket) == 4 * 9
    assert tags["images"] == ["as the network sees them"] and tags["graph"]
    assert {node.op for node in events.Graph().node} >= {"aten::_convolution", "aten::max_pool2d", "aten::linear"}


def test_curves_are_of_one_kind_of_weights() -> None:
    pytest.importorskip("matplotlib")
    kinds = ("train", "validation_raw", "validation")
    records = [{"kind": k, "epoch": at, "loss": n, "accuracy": n} for at in (1, 2) for n, k in enumerate(kinds)]
    figure = draw_curves(records)
    assert figure is not None
    lines = {line.get_label(): np.asarray(line.get_ydata()).tolist() for line in figure.axes[0].lines}
    assert lines == {"train": [0, 0], "validation": [2, 2]}
    assert draw_curves([]) is None


@pytest.mark.parametrize(
    ("module", "name"), [("matplotlib", "matplotlib"), ("sklearn", "scikit-learn"), ("PIL", "Pillow")]
)
def test_what_is_not_installed_is_said_before_training(
    module: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from goengine.images import report

    monkeypatch.setattr(report, "find_spec", lambda asked: None if asked == module else object())
    assert run_script(tmp_path) == 2
    error = capsys.readouterr().err
    assert f"a report needs {name}, which is not installed: pip install 'goengine[images,plots]'" in error
    with pytest.raises(GoEngineError, match=name):
        report.write_report(tmp_path, "x", {}, answers(), bright(6))
