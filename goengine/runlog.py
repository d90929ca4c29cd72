"""What a training run says: a line on stderr, one JSON line, and TensorBoard curves."""

import contextlib
import json
import sys
import time
from pathlib import Path
from typing import IO, Any, TextIO

from goengine.folders import claimed

__all__ = ["RunLog", "clock", "read_records"]


def clock(seconds: float) -> str:
    """Seconds as h:mm:ss."""
    whole = max(0, round(seconds))
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def read_records(path: Path) -> list[dict[str, Any]]:
    """What a ``log.jsonl`` holds, without lines that were cut short as they were written."""
    found = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        with contextlib.suppress(json.JSONDecodeError):
            found.append(json.loads(line))
    return found


class RunLog:
    """Writes to ``log.jsonl`` and ``tensorboard/`` in a run's folder, and to stderr.

    The folder is this run's alone until `close`. TensorBoard is left out, with a word about it, where it is not
    installed. A full disk costs records, never the run.
    """

    def __init__(
        self,
        folder: Path | None,
        stream: TextIO | None = None,
        resumed_at: int | None = None,
        silent: bool = False,
    ) -> None:
        """Open the logs, to be gone on with if they are there already.

        Args:
            folder: of the run; with None nothing is written.
            stream: instead of stderr.
            resumed_at: the step that is gone on from; TensorBoard forgets what an interrupted run wrote after it.
            silent: nothing is said: another process speaks.

        Raises:
            GoEngineError: another process writes into the folder.
        """
        self._silent = silent
        self._stream = sys.stderr if stream is None else stream
        self._lines: TextIO | None = None
        self._board: Any = None
        self._complained = False
        self._lock: IO[str] | None = None
        if folder is None:
            return
        self._lock = claimed(folder, "a run")
        path = folder / "log.jsonl"
        before = path.read_bytes() if path.exists() else b""
        cut = bool(before) and not before.endswith(b"\n")
        self._lines = path.open("a", encoding="utf-8")
        if cut:  # as it was written: what follows shall not be lost with it
            self._lines.write("\n")
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            self.say("no TensorBoard here (pip install 'goengine[train]'); logging to log.jsonl only")
        else:
            purge = None if resumed_at is None else resumed_at + 1
            self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=purge)

    def say(self, text: str) -> None:
        """A line on stderr."""
        if not self._silent:
            print(text, file=self._stream, flush=True)

    def record(self, kind: str, step: int, values: dict[str, Any]) -> None:
        """One JSON line with the time of day; numbers go to TensorBoard under ``kind/name`` too."""
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        try:
            if self._lines is not None:
                self._lines.write(json.dumps({"kind": kind, "time": now, "step": step, **values}) + "\n")
                self._lines.flush()
            if self._board is not None:
                for name, value in values.items():
                    if isinstance(value, int | float):
                        self._board.add_scalar(f"{kind}/{name}", value, step)
                self._board.flush()
        except OSError as error:
            if not self._complained:
                self.say(f"log.jsonl or tensorboard cannot be written ({error.strerror}): some records are lost")
            self._complained = True

    @property
    def board(self) -> Any:
        """TensorBoard's ``SummaryWriter``, for pictures and histograms; None where there is none."""
        return self._board

    def close(self) -> None:
        """Close the files, and let others have the folder."""
        for open_file in (self._lines, self._board, self._lock):
            if open_file is not None:
                with contextlib.suppress(OSError):
                    open_file.close()
