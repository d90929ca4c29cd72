"""The files of a match: its settings, its games, and one line for each; a match goes on from them after any cut.

match.json     what makes two games of the match comparable
games.jsonl    one line of JSON a game: its record's name and a Result; written after the record
game-0001.sgf  the record
table.txt, table.json   the results
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from goengine.folders import LOG, WorkFolder
from goengine.match.game import Result

__all__ = ["MatchFolder"]

_FORMAT = 2


class MatchFolder(WorkFolder):
    """The folder of a match, made or gone on with, and ours alone until the process ends.

    Args:
        path: the folder.
        settings: JSON values; they must be those that the folder's match began with.

    Raises:
        GoEngineError: it holds another match, or one that is being played.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        super().__init__(path, "match.json", {**settings, "format": _FORMAT}, "a match")
        self.results: dict[int, Result] = {}
        """By number, from 0."""
        for line in self.read_lines(LOG):  # one that was cut short is no result: that game is played again
            try:
                values = json.loads(line)
                values.pop("record", None)
                result = Result(**values)
            except (ValueError, TypeError, AttributeError):
                continue
            self.results[result.game] = result

    def record_path(self, game: int) -> Path:
        """The record of a game, by its number from 0."""
        return self.path / f"game-{game + 1:04}.sgf"

    def add(self, result: Result, record: str) -> None:
        """Keep a game: its record first, so that a game with a line always has one."""
        name = self.record_path(result.game).name
        self.write(name, record)
        with (self.path / LOG).open("a", encoding="utf-8") as log:
            log.write(json.dumps({"record": name, **asdict(result)}) + "\n")
        self.results[result.game] = result
