"""What a training run says: a line on stderr, one JSON line, and TensorBoard curves."""

import json
import sys
import time
from pathlib import Path
from typing import Any, TextIO

__all__ = ["RunLog", "clock"]


def clock(seconds: float) -> str:
    """Seconds as h:mm:ss."""
    whole = max(0, round(seconds))
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


class RunLog:
    """Writes to ``log.jsonl`` and ``tensorboard/`` in a run's folder, and to stderr.

    TensorBoard is left out, with a word about it, where it is not installed.
    """

    def __init__(self, folder: Path, stream: TextIO | None = None) -> None:
        """Open the logs, to be gone on with if they are there already."""
        self._stream = sys.stderr if stream is None else stream
        folder.mkdir(parents=True, exist_ok=True)
        self._lines = (folder / "log.jsonl").open("a", encoding="utf-8")
        self._board: Any = None
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            self.say("no TensorBoard here (pip install 'goengine[train]'); logging to log.jsonl only")
        else:
            self._board = SummaryWriter(str(folder / "tensorboard"))

    def say(self, text: str) -> None:
        """A line on stderr."""
        print(text, file=self._stream, flush=True)

    def record(self, kind: str, step: int, values: dict[str, Any]) -> None:
        """One JSON line with the time of day; numbers go to TensorBoard under ``kind/name`` too."""
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._lines.write(json.dumps({"kind": kind, "time": now, "step": step, **values}) + "\n")
        self._lines.flush()
        if self._board is not None:
            for name, value in values.items():
                if isinstance(value, int | float):
                    self._board.add_scalar(f"{kind}/{name}", value, step)
            self._board.flush()

    def close(self) -> None:
        """Close the files."""
        self._lines.close()
        if self._board is not None:
            self._board.close()
