"""A folder that long work writes into: one process at a time, always with the same settings, its files always whole."""

import fcntl
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from goengine.errors import GoEngineError
from goengine.files import write_text

__all__ = ["LOG", "WorkFolder", "claimed"]

LOG = "games.jsonl"
"""A line for each game that is over, in whatever folder of games."""


def claimed(path: Path, what: str) -> IO[str]:
    """Make a folder, or take one that is there: ours alone until what is returned is closed, or the process ends.

    On a file system without locks nothing is refused.

    Raises:
        GoEngineError: another process works in it.
    """
    path.mkdir(parents=True, exist_ok=True)
    lock = (path / ".lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise GoEngineError(f"{path}: another process is busy with {what} here; wait, or take another folder") from None
    except OSError:
        pass
    return lock


class WorkFolder:
    """A folder, made or gone on with, and ours alone until :meth:`close`, or until the process ends.

    Args:
        path: the folder.
        name: of the file that holds the settings.
        settings: JSON values; they must be those that the folder's games were played with. Where their log is
            empty, as after a mistake in these settings, they take the place of others.
        what: is in the folder, for messages, as ``a match``.

    Raises:
        GoEngineError: it holds other work, or another process works in it.
    """

    def __init__(self, path: Path, name: str, settings: Mapping[str, Any], what: str) -> None:
        self.path = path
        self._lock = claimed(path, what)
        try:
            self._check(path / name, json.loads(json.dumps(settings)), what)
        except BaseException:
            self._lock.close()
            raise

    def write(self, name: str, text: str) -> None:
        """Write a file of the folder, or of a folder in it, whole or not at all."""
        target = self.path / name
        target.parent.mkdir(exist_ok=True)
        write_text(target, text)

    def close(self) -> None:
        """Let others have the folder."""
        self._lock.close()

    def read_lines(self, name: str) -> Iterator[str]:
        """The lines of a log in the folder; one that was cut short as it was written is ended, and given as it is."""
        path = self.path / name
        if not path.exists():
            return
        text = path.read_text(encoding="utf-8", errors="replace")
        if text and not text.endswith("\n"):
            with path.open("a", encoding="utf-8") as log:
                log.write("\n")
        yield from text.splitlines()

    def _check(self, path: Path, wanted: dict[str, Any], what: str) -> None:
        if not path.exists():
            if (self.path / LOG).exists():
                raise GoEngineError(f"{self.path}: holds games, but not the settings of {what}; take another folder")
            self.write(path.name, json.dumps(wanted, indent=2) + "\n")
            return
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            different = sorted(key for key in wanted.keys() | stored.keys() if stored.get(key) != wanted.get(key))
        except (ValueError, AttributeError, OSError):
            raise GoEngineError(f"{path}: not the settings of {what}; take another folder") from None
        if different and self._waits_for_games():
            self.write(path.name, json.dumps(wanted, indent=2) + "\n")
        elif different:
            raise GoEngineError(
                f"{self.path}: holds {what} with other settings ({', '.join(different)}); take another folder"
            )

    def _waits_for_games(self) -> bool:
        """Whether its log has been begun, and holds no game; without one, the settings may be another program's."""
        log = self.path / LOG
        return log.exists() and log.stat().st_size == 0
