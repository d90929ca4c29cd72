"""A run's checkpoints: the newest and the one before, written whole or not at all, and checked when they are read."""

import contextlib
import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from goengine.errors import NetworkFileError

__all__ = ["CHECKPOINT", "PREVIOUS", "read_run", "save_checkpoint"]

CHECKPOINT, PREVIOUS = "checkpoint.pt", "checkpoint-previous.pt"
FORMAT = 1


def save_checkpoint(folder: Path, settings: dict[str, Any], state: dict[str, Any]) -> None:
    """Write a checkpoint; the one that was there becomes the one before.

    Args:
        folder: of the run.
        settings: its recipe as plain values.
        state: tensors and plain values: of `goengine.trainer.learning.Trainer.state`.

    Raises:
        NetworkFileError: if it cannot be written (a full disk); what was there before is still there.
    """
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, "recipe": json.dumps(settings), **state}, buffer)
    target = folder / CHECKPOINT
    temporary = folder / (CHECKPOINT + ".tmp")
    try:
        with temporary.open("wb") as file:
            file.write(buffer.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            os.replace(target, folder / PREVIOUS)
        os.replace(temporary, target)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise NetworkFileError(f"{target}: cannot be written ({error.strerror})") from None


def read_run(folder: Path, say: Callable[[str], None] = lambda _: None) -> tuple[dict[str, Any], dict[str, Any]]:
    """A run's settings and state from its newest checkpoint, or from the one before if that is damaged or missing.

    Only tensors and plain values are unpickled.

    Args:
        folder: of the run.
        say: told, in one line, when the newest cannot be used.

    Raises:
        NetworkFileError: if there is none, or none that can be used.
    """
    newest, previous = folder / CHECKPOINT, folder / PREVIOUS
    if not newest.exists() and not previous.exists():
        raise NetworkFileError(f"{newest}: there is no checkpoint to resume; start without --resume")
    try:
        state = _read(newest)
    except NetworkFileError as error:
        if not previous.exists():
            raise NetworkFileError(f"{error}; start the run again") from None
        try:
            state = _read(previous)
        except NetworkFileError as second:
            raise NetworkFileError(f"{error}; {second}; start the run again") from None
        say(f"{error}; going on from the one before, {previous.name} of step {state['counters']['steps']:,}")
    return json.loads(state["recipe"]), state


def _read(path: Path) -> dict[str, Any]:
    """One checkpoint.

    Raises:
        NetworkFileError: without a remedy: the caller knows one.
    """
    try:
        with zipfile.ZipFile(path) as parts:  # torch does not look at its own checksums
            damaged = parts.testzip()
        if damaged is not None:
            raise NetworkFileError(f"{path}: damaged (checksum of {damaged})")
        state = torch.load(path, map_location="cpu", weights_only=True)
    except NetworkFileError:
        raise
    except FileNotFoundError:
        raise NetworkFileError(f"{path}: missing") from None
    except Exception as error:
        reason = str(error).split("\n")[0][:100]
        raise NetworkFileError(f"{path}: this checkpoint cannot be read ({reason})") from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise NetworkFileError(f"{path}: a checkpoint of another version")
    return state
