"""The files of a match: its settings, its games, and one line for each; a match goes on from them after any cut.

match.json     what makes two games of the match comparable
games.jsonl    one line of JSON a game, a Result; written after its record
game-0001.sgf  the record
table.txt, table.json   the results
"""

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from goengine.errors import GoEngineError
from goengine.match.game import Result

__all__ = ["MatchFolder"]

_FORMAT = 2


class MatchFolder:
    """The folder of a match, made or gone on with, and ours alone until the process ends.

    Args:
        path: the folder.
        settings: JSON values; they must be those that the folder's match began with.

    Raises:
        GoEngineError: it holds another match, or one that is being played.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self.path = path
        self.results: dict[int, Result] = {}
        """By number, from 0."""
        path.mkdir(parents=True, exist_ok=True)
        self._lock = (path / ".lock").open("w")
        try:
            self._claim()
            self._check(json.loads(json.dumps({**settings, "format": _FORMAT})))
            self._read()
        except BaseException:
            self.close()
            raise

    def record_path(self, game: int) -> Path:
        """The record of a game, by its number from 0."""
        return self.path / f"game-{game + 1:04}.sgf"

    def add(self, result: Result, record: str) -> None:
        """Keep a game: its record first, so that a game with a line always has one."""
        self.write(self.record_path(result.game).name, record)
        with (self.path / "games.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(asdict(result)) + "\n")
        self.results[result.game] = result

    def write(self, name: str, text: str) -> None:
        """Write a file of the folder, whole or not at all."""
        temporary = self.path / f".{name}.tmp"
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, self.path / name)

    def close(self) -> None:
        """Let others have the folder."""
        self._lock.close()

    def _claim(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise GoEngineError(
                f"{self.path}: this match is being played by another process; wait, or take another folder"
            ) from None

    def _check(self, wanted: dict[str, Any]) -> None:
        path = self.path / "match.json"
        if not path.exists():
            self.write(path.name, json.dumps(wanted, indent=2) + "\n")
            return
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            different = sorted(key for key in wanted if stored.get(key) != wanted[key])
        except (ValueError, AttributeError, OSError):
            raise GoEngineError(f"{path}: not the settings of a match; take another folder") from None
        if different:
            raise GoEngineError(
                f"{self.path}: holds a match with other settings ({', '.join(different)}); take another folder"
            )

    def _read(self) -> None:
        path = self.path / "games.jsonl"
        if not path.exists():
            return
        text = path.read_text(encoding="utf-8", errors="replace")
        if text and not text.endswith("\n"):  # cut short when the match was stopped: that game is played again
            with path.open("a", encoding="utf-8") as log:
                log.write("\n")
        for line in text.splitlines():
            try:
                result = Result(**json.loads(line))
            except (ValueError, TypeError):
                continue
            self.results[result.game] = result
