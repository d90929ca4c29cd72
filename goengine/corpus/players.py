"""One player's games: found by name among records, split by game into what is learnt from and what is held out.

A network that is to play like one person learns from that person's moves only; the opponents' moves of the same games
are the nearest general games there are.
"""

import difflib
import hashlib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from goengine.corpus.games import BLACKS, BOTH, WHITES, Corpus
from goengine.errors import RecipeError, RecordError

__all__ = ["FEW_GAMES", "OPPONENTS", "PLAYER", "PlayerGames", "normal_name", "read_player"]

PLAYER, OPPONENTS = "player", "opponents"
"""The sources of the two sides' moves."""

FEW_GAMES = 20
"""Below so many games there is little to learn and hardly anything to measure it by."""

_RANK = re.compile(r" ?[\[(] ?\d{1,2} ?[dkp段级級] ?\??[\])]$")


def normal_name(name: str) -> str:
    """A name as it is compared: without case, spare spaces, full-width letters, and a rank in brackets at its end."""
    plain = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    return _RANK.sub("", plain)


@dataclass
class PlayerGames:
    """The games of one player, each once, and what was left out on the way to them.

    Attributes:
        size: of the board.
        codes: of each game (`goengine.movecodes`).
        whose: for each game, which colour's moves are the player's: `BLACKS`, `WHITES`, or `BOTH`.
        spellings: the names under which the player stands in the records, and in how many games.
        read: records looked at, of any size and player.
        others: of these, games without the player.
        wrong_size: of these, the player's games on other boards.
        copies: of these, games of the player that were there already, turned and mirrored ones included.
        unusable: games and files besides, that cannot be used.
    """

    size: int
    codes: list[npt.NDArray[np.uint16]] = field(default_factory=list)
    whose: list[int] = field(default_factory=list)
    spellings: Counter[str] = field(default_factory=Counter)
    read: int = 0
    others: int = 0
    wrong_size: int = 0
    copies: int = 0
    unusable: int = 0
    _prints: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.codes)

    def fingerprints(self, games: Iterable[int] | None = None) -> frozenset[int]:
        """`goengine.shards.fingerprint` of these games, of all if None."""
        return frozenset(self._prints if games is None else (self._prints[game] for game in games))

    def split(self, fraction: float, seed: int) -> tuple[list[int], list[int]]:
        """The games to learn from and those held out: by game, at least one each.

        Which are held out depends on the games' moves and the seed, not on their order or their files.

        Raises:
            RecipeError: with fewer than two games.
        """
        if len(self) < 2:
            raise RecipeError("one game of this player: there must be another one to measure by; give more games")
        held = min(max(1, round(fraction * len(self))), len(self) - 1)

        def chance(game: int) -> bytes:
            return hashlib.blake2b(f"{seed} {self._prints[game]}".encode(), digest_size=8).digest()

        order = sorted(range(len(self)), key=chance)
        return sorted(order[held:]), sorted(order[:held])

    def corpus(self, games: Sequence[int], sources: Sequence[str] = (PLAYER, OPPONENTS)) -> Corpus:
        """The moves of these sides in these games; who plays against oneself has no opponent."""
        codes: list[npt.NDArray[np.uint16]] = []
        whose: list[int] = []
        numbers: list[int] = []
        for number, source in enumerate(sources):
            for game in games:
                mine = self.whose[game]
                if source == PLAYER or mine != BOTH:
                    codes.append(self.codes[game])
                    whose.append(mine if source == PLAYER else BOTH - mine)
                    numbers.append(number)
        moves, offsets = np.concatenate([np.empty(0, np.uint16), *codes]), np.cumsum([0, *map(len, codes)])
        index = np.array(numbers, dtype=np.int64)
        return Corpus(self.size, sources, moves, offsets, index, None, np.array(whose, np.uint8))

    def lines(self) -> list[str]:
        """What was found, for people."""
        spelled = ", ".join(f"{name} ({games:,})" for name, games in self.spellings.most_common())
        found = f"{len(self):,} of {self.read:,} games are the player's: {spelled}"
        left_out = [
            f"{count:,} {reason}"
            for count, reason in (
                (self.others, "of other players"),
                (self.wrong_size, f"on another board than {self.size}x{self.size}"),
                (self.copies, "that were there already"),
                (self.unusable, "that cannot be used (goengine check says why)"),
            )
            if count
        ]
        return [found, *([f"left out: {', '.join(left_out)}"] if left_out else [])]


def read_player(
    paths: Iterable[str | os.PathLike[str]],
    players: Sequence[str],
    size: int = 19,
    say: Callable[[str], None] = lambda _: None,
) -> PlayerGames:
    """Read one player's games.

    Games and files that cannot be used are passed over and counted.

    Args:
        paths: game records in any form that `goengine.sgf.scan_games` takes.
        players: the player's name, and other names of the same player; compared as `normal_name` has them.
        size: games on other boards are left out.
        say: told of a name that no game has.

    Raises:
        RecipeError: if no game has any of these names (with near names and their games), or none on this board.
        RecordError: if a path does not exist, or if no game at all can be used.
    """
    from goengine.sgf import GameRecord, scan_games
    from goengine.shards import fingerprint, is_shard

    wanted = {normal_name(player): player for player in players}
    if "" in wanted:
        raise RecipeError("--player has no name in it; give the name as it stands in the records (PB, PW)")
    found, seen = PlayerGames(size), set[int]()
    fault = ""  # the first
    spellings: dict[str, Counter[str]] = {}  # of everybody: for the names that are not there
    for path in paths:
        if os.path.isfile(path) and is_shard(path):
            raise RecipeError(f"{path}: a shard has no names of players; give the game records themselves")
        for record in scan_games(path):
            if not isinstance(record, GameRecord):
                found.unusable += record.skipped
                fault = fault or (str(record) if record.skipped else "")
                continue
            found.read += 1
            names = [normal_name(record.black), normal_name(record.white)]
            for name, spelled in {names[0]: record.black, names[1]: record.white}.items():
                spellings.setdefault(name, Counter())[" ".join(spelled.split())] += 1
            whose = (BLACKS if names[0] in wanted else 0) | (WHITES if names[1] in wanted else 0)
            mark = fingerprint(record.codes, size) if whose and record.size == size else 0
            if not whose:
                found.others += 1
            elif record.size != size:
                found.wrong_size += 1
            elif mark in seen:
                found.copies += 1
            else:
                seen.add(mark)
                found._prints.append(mark)
                found.codes.append(record.codes)
                found.whose.append(whose)
                for bit, spelled in ((BLACKS, record.black), (WHITES, record.white)):
                    if whose & bit:
                        found.spellings[" ".join(spelled.split())] += 1
    if not found.read and fault:
        raise RecordError(fault)
    missing = [player for name, player in wanted.items() if name not in spellings]
    if len(missing) == len(wanted):
        raise RecipeError(f"no game of {' or '.join(missing)} among {found.read:,}: {_near(missing, spellings)}")
    for player in missing:
        say(f"no game of {player} among {found.read:,}, the other names are used: {_near([player], spellings)}")
    if not len(found):
        raise RecipeError(f"{found.wrong_size:,} games of this player, but none on {size}x{size}: give --board-size")
    return found


def _near(players: Sequence[str], spellings: dict[str, Counter[str]]) -> str:
    """Names like these and how many games each has, or the most frequent ones where none is alike."""
    games = {name: spelled.total() for name, spelled in spellings.items() if name}
    near: list[str] = []
    for player in map(normal_name, players):
        inside = sorted((name for name in games if player in name), key=lambda name: -games[name])
        near += [*inside[:5], *difflib.get_close_matches(player, games, n=5, cutoff=0.6)]
    intro = "near names are" if near else "the most frequent names are"
    chosen = list(dict.fromkeys(near))[:8] or sorted(games, key=lambda name: -games[name])[:8]
    if not chosen:
        return "these records name no players (PB, PW)"
    return f"{intro} " + ", ".join(f"{spellings[name].most_common(1)[0][0]} ({games[name]:,})" for name in chosen)
