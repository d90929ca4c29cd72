"""The files of a collection of games, which goes on from them after any cut.

settings.json            what makes the games comparable
games.jsonl              one line of JSON a game, written as soon as it is over
sgf/games-00001.sgfs     the records, in blocks of consecutive numbers
shards/games-00001.shard the same games packed for training
results.txt, results.json
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from goengine.folders import LOG, WorkFolder
from goengine.match.referee import format_score
from goengine.movecodes import PASS, WHITE
from goengine.selfplay.games import Game, Played
from goengine.sgf import write_game
from goengine.shards import INFO, write_shard

__all__ = ["GamesFolder"]

_FORMAT = 1


class GamesFolder(WorkFolder):
    """A folder of games, made or gone on with, and ours alone until it is closed.

    Args:
        path: the folder.
        settings: JSON values; they must be those that the folder began with.
        names: of the players, by index.
        size: of the boards.
        komi: points for White.
        block: games a file.

    Raises:
        GoEngineError: it holds games with other settings, or another process is writing into it.
    """

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, Any],
        names: Sequence[str],
        size: int,
        komi: float,
        block: int = 1000,
    ) -> None:
        super().__init__(path, "settings.json", {**settings, "format": _FORMAT, "block": block}, "games")
        self.played: dict[int, Played] = {}
        """By number."""
        self._names, self._size, self._komi, self._block = names, size, komi, block
        self._read()
        self._log = (path / LOG).open("a", encoding="utf-8")
        self._stale = {number // block for number in self.played}

    def add(self, played: Played) -> None:
        """Keep a game; a block whose last one it is gets its files."""
        game = played.game
        line = {
            **{"game": game.number, "black": game.black, "white": game.white, "opening": len(game.opening)},
            **{"score": played.score, "ended_by": played.ended_by, "actions": played.actions.tolist()},
        }
        self._log.write(json.dumps(line, separators=(",", ":")) + "\n")
        self._log.flush()
        self.played[game.number] = played
        number = game.number // self._block
        self._stale.add(number)
        if all(one in self.played for one in self._numbers(number)):
            self._write_block(number)

    def write_files(self) -> None:
        """Write the records and shards of all games that are not in them yet."""
        for number in sorted(self._stale):
            self._write_block(number)

    def close(self) -> None:
        """Let others have the folder."""
        self._log.close()
        super().close()

    def _numbers(self, block: int) -> range:
        return range(block * self._block, (block + 1) * self._block)

    def _write_block(self, number: int) -> None:
        games = [self.played[one] for one in self._numbers(number) if one in self.played]
        name = f"games-{number + 1:05}"
        self.write(f"sgf/{name}.sgfs", "".join(self._record(played) for played in games))
        (self.path / "shards").mkdir(exist_ok=True)
        rows = np.zeros(len(games), INFO)
        rows["index"] = [played.game.number + 1 for played in games]
        rows["komi"] = self._komi
        rows["result"] = [played.winner for played in games]
        write_shard(
            self.path / "shards" / f"{name}.shard",
            [_codes(played, self._size) for played in games],
            rows,
            size=self._size,
            source=f"self-play: {', '.join(self._names[:5])}",
        )
        self._stale.discard(number)

    def _record(self, played: Played) -> str:
        """A game as SGF."""
        area, colors = self._size**2, ("black", "white")
        actions = played.actions.tolist()
        how = {"passes": "ended by two passes", "limit": "cut off, counted as it stood"}[played.ended_by]
        return write_game(
            self._size,
            [(colors[ply % 2], None if action == area else action) for ply, action in enumerate(actions)],
            komi=self._komi,
            rules="Chinese",
            result=format_score(played.score),
            black=self._names[played.game.black],
            white=self._names[played.game.white],
            comment=f"game {played.game.number + 1}, {len(played.game.opening)} plies of opening; {how}",
        )

    def _read(self) -> None:
        for line in self.read_lines(LOG):  # one that was cut short is no game: it is played again
            try:
                found = json.loads(line)
                actions = np.array(found["actions"], np.uint16)
                opening = tuple(found["actions"][: found["opening"]])
                game = Game(found["game"], found["black"], found["white"], opening)
                played = Played(game, actions, float(found["score"]), str(found["ended_by"]))
            except (ValueError, TypeError, KeyError, OverflowError):
                continue
            self.played[game.number] = played


def _codes(played: Played, size: int) -> np.ndarray[Any, np.dtype[np.uint16]]:
    """The moves as movecodes, uint16 (plies,)."""
    codes = played.actions.copy()
    codes[codes == size * size] = PASS
    codes[1::2] |= WHITE
    return codes
