"""A trained image classifier as a file: safetensors, with what it is in the header (like `goengine.checkpoint`)."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from goengine.checkpoint import save_network
from goengine.errors import NetworkFileError, RecipeError
from goengine.images.networks import Classifier, build_classifier
from goengine.images.sets import ImageSet

__all__ = ["load_classifier", "save_classifier"]


def save_classifier(path: Path, classifier: Classifier, classes: tuple[str, ...], metadata: dict[str, Any]) -> None:
    """Write a classifier, whole or not at all: matrices in float16, the rest in float32.

    Args:
        path: where to; an existing file is replaced.
        classifier: the network; it is not changed.
        classes: their names, in the order of its outputs.
        metadata: JSON values for people: recipe, results.

    Raises:
        NetworkFileError: if the file cannot be written.
    """
    save_network(path, classifier, {**metadata, "architecture": "classifier", "classes": list(classes)})


def load_classifier(path: Path) -> tuple[Classifier, dict[str, Any]]:
    """A classifier in eval mode on the CPU, and its metadata, with ``classes`` and ``config``.

    Raises:
        NetworkFileError: if the file is missing, damaged, or no image classifier.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = json.loads((file.metadata() or {})["goengine"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (it is no dict)
        if metadata["architecture"] != "classifier":
            raise NetworkFileError(f"{path}: a network for Go, not a classifier of images")
        classes, config = metadata["classes"], dict(metadata["config"])
        classifier = build_classifier(config.pop("name"), **config)
        classifier.load_state_dict({n: t.float() if t.is_floating_point() else t for n, t in tensors.items()})
        if len(classes) != config["classes"]:
            raise ValueError
    except FileNotFoundError:
        raise NetworkFileError(f"{path}: no such network file") from None
    except OSError as error:
        raise NetworkFileError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (SafetensorError, RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, NetworkFileError):
            raise
        problem = "its header does not fit its weights" if isinstance(error, RecipeError | RuntimeError) else "damaged"
        raise NetworkFileError(f"{path}: not a classifier of images, or {problem}; train it again") from None
    return classifier.eval(), metadata


def check_fits(classifier: Classifier, classes: Sequence[str], images: ImageSet, path: Path) -> None:
    """Refuse images of another size or number of channels than a classifier was trained for, or of other classes.

    Raises:
        NetworkFileError: with both shapes, or the classes.
    """
    wanted = tuple(classifier.config[name] for name in ("channels", "size", "size"))
    if tuple(images.images.shape[1:]) != wanted:
        raise NetworkFileError(f"{path}: trained on images of shape {wanted}, these are {images.images.shape[1:]}")
    if tuple(classes) != images.classes:
        raise NetworkFileError(f"{path}: its classes are {', '.join(classes)}, not those of these images")
