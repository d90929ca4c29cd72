"""Games in memory as move codes, and where their labels are: every move that is no setup stone and no pass.

In a game where only one player is to be learnt from, only that colour's moves are labels.
"""

import hashlib
from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from goengine.corpus.codes import GameCodes
from goengine.movecodes import PASS, POINT_MASK, SETUP, WHITE

__all__ = ["BLACKS", "BOTH", "WHITES", "Corpus", "join", "shuffled"]

Ints = npt.NDArray[np.int64]

BLACKS, WHITES, BOTH = 1, 2, 3
"""Whose moves of a game are labels."""


class Corpus:
    """Games of one board size, grouped by source, with an index of their labels.

    Attributes:
        size: of the board.
        source_names: one a source.
        source_starts: int64 (sources + 1); labels of source i are source_starts[i] to source_starts[i + 1] - 1.
    """

    def __init__(
        self,
        size: int,
        source_names: Sequence[str],
        moves: npt.NDArray[np.uint16] | GameCodes,
        offsets: Ints | None,
        game_sources: Ints,
        games: Ints | None = None,
        whose: npt.NDArray[np.uint8] | None = None,
    ) -> None:
        """Index the games.

        Args:
            size: board size.
            source_names: names of the sources.
            moves: the games; or uint16 codes of all games back to back (`goengine.movecodes`).
            offsets: with such codes, int64 (games + 1), where each game begins in them.
            game_sources: int64 (games,), ascending: the source of each game.
            games: the games to use, ascending; all if None.
            whose: uint8 (games,), `BLACKS`, `WHITES` or `BOTH`; both in all if None.
        """
        self.size = size
        self.source_names = tuple(source_names)
        if not isinstance(moves, GameCodes):
            assert offsets is not None
            moves = GameCodes([moves], [offsets])
        self._codes = moves
        self._game_sources = game_sources
        self._games = np.arange(len(moves), dtype=np.int64) if games is None else games
        self._irregular = moves.passes > 0
        counts = moves.lengths - moves.setup - moves.passes
        self._whose = whose
        if whose is not None:
            self._irregular = self._irregular | (whose != BOTH)
            for game in np.flatnonzero(whose != BOTH):
                counts[game] = len(self._labels_of(int(game)))
        labels = counts[self._games]
        self._label_starts = np.concatenate([[0], np.cumsum(labels)]).astype(np.int64)
        ends = np.searchsorted(game_sources[self._games], np.arange(len(self.source_names)), side="right")
        self.source_starts = self._label_starts[np.concatenate([[0], ends])]

    def __len__(self) -> int:
        """How many labels: positions with a move to predict."""
        return int(self._label_starts[-1])

    @property
    def games(self) -> int:
        """How many games are used."""
        return len(self._games)

    def source_sizes(self) -> dict[str, int]:
        """Labels of each source."""
        return dict(zip(self.source_names, np.diff(self.source_starts).tolist(), strict=True))

    def source_games(self) -> dict[str, int]:
        """Games of each source that are used."""
        counts = np.bincount(self._game_sources[self._games], minlength=len(self.source_names))
        return dict(zip(self.source_names, counts.tolist(), strict=True))

    def hold_out(self, fraction: float, seed: int) -> tuple["Corpus", "Corpus"]:
        """Two corpora, split by game, never by position: most of it, and about this fraction held out."""
        chance = np.random.default_rng([seed, 0x5EED]).random(len(self._codes))[self._games]
        held = chance < fraction
        if not held.any() and len(held) > 1:
            held[np.argmin(chance)] = True
        return self._select(self._games[~held]), self._select(self._games[held])

    def _select(self, games: Ints) -> "Corpus":
        return Corpus(self.size, self.source_names, self._codes, None, self._game_sources, games, self._whose)

    def sample(self, games: int, seed: int) -> "Corpus":
        """At most so many of its games, drawn at random; the same ones for the same seed."""
        if games >= self.games:
            return self
        return self._select(np.sort(np.random.default_rng([seed, 0x5A]).choice(self._games, games, replace=False)))

    def without(self, fingerprints: Collection[int]) -> "Corpus":
        """Without the games whose `goengine.shards.fingerprint` is among these: turned and mirrored copies go too."""
        from goengine.shards import fingerprint

        keep = [fingerprint(self.codes(game), self.size) not in fingerprints for game in self._games.tolist()]
        return self._select(self._games[np.array(keep, dtype=bool)])

    def fingerprints(self) -> frozenset[int]:
        """`goengine.shards.fingerprint` of each game that is used."""
        from goengine.shards import fingerprint

        return frozenset(fingerprint(self.codes(game), self.size) for game in self._games.tolist())

    def digest(self) -> str:
        """16 hex digits that tell these games, in this order and these sources, from others.

        It looks at the number of codes of every game and at the codes of a few hundred, however many there are.
        """
        found = hashlib.sha256(repr((self.size, self.source_names, self.source_starts.tolist())).encode())
        found.update(self._codes.lengths[self._games].astype("<i8").tobytes())
        for game in self._games[:: max(1, self.games // 256)].tolist():
            found.update(self.codes(game).astype("<u2").tobytes())
        return found.hexdigest()[:16]

    def codes(self, game: int) -> npt.NDArray[np.uint16]:
        """The codes of one game, by the number that `locate` gives it."""
        return self._codes.game(game)

    def _labels_of(self, game: int) -> Ints:
        """Which of a game's codes are labels."""
        codes = self.codes(game)
        return np.flatnonzero(_is_label(codes, BOTH if self._whose is None else int(self._whose[game])))

    def locate(self, labels: Ints) -> tuple[Ints, Ints]:
        """Which game, and which of its codes, each label is.

        Args:
            labels: int64 (n,), 0 to len(self) - 1.

        Returns:
            int64 (n,) games, and int64 (n,) indices into each game's own codes, setup included.
        """
        row = np.searchsorted(self._label_starts, labels, side="right") - 1
        game = self._games[row]
        within = labels - self._label_starts[row]
        code = self._codes.setup[game] + within  # right unless the game has passes, or one player's moves are left out
        for i in np.flatnonzero(self._irregular[game]):
            code[i] = self._labels_of(int(game[i]))[within[i]]
        return game, code

    def encode(self, labels: Ints, threads: int = 1) -> tuple[npt.NDArray[np.uint64], Ints, npt.NDArray[np.uint8]]:
        """Packed planes just before each label.

        Args:
            labels: int64 (n,).
            threads: of the encoder.

        Returns:
            uint64 (n, size * size) words, int64 (n,) points played, uint8 (n,) colours (0 Black, 1 White).
        """
        from goengine.features import encode_games

        game, code = self.locate(labels)
        moves, offsets, which = self._codes.gather(game)
        words, colors = encode_games(moves, offsets, which, code, size=self.size, threads=threads)
        targets = (moves[offsets[which] + code] & POINT_MASK).astype(np.int64)
        return words.reshape(len(labels), self.size**2), targets, colors

    def encode_ahead(
        self, labels: Ints, threads: int = 1, moves: Sequence[int] = (), boards: Sequence[int] = ()
    ) -> tuple[npt.NDArray[np.uint64], Ints, Ints, npt.NDArray[np.int8]]:
        """As `encode`, with what comes later in the game.

        Args:
            labels: int64 (n,).
            threads: of the encoder.
            moves: how many moves after a label's own: 1 is the opponent's reply, 2 the player's next move.
            boards: numbers of moves, ascending, counted from the position shown, the label's own among them.

        Returns:
            Words and points played, as `encode` has them. int64 (n, len(moves)), the points played then, -1 for a pass,
            after the end, and where it is not the turn of the one it should be. int8 (n, len(boards), size * size),
            what stands then, or at the end: +1 stones of the label's player, -1 the opponent's, 0 empty.
        """
        from goengine.features import encode_games

        game, code = self.locate(labels)
        codes, offsets, which = self._codes.gather(game)
        later = np.empty((len(labels), len(boards), self.size**2), np.int8)
        words, _ = encode_games(codes, offsets, which, code, self.size, None, threads, boards, later)
        at = offsets[which] + code
        targets = (codes[at] & POINT_MASK).astype(np.int64)
        wanted = at[:, None] + np.asarray(moves, dtype=np.int64)
        inside = wanted < offsets[which + 1][:, None]
        then = codes[np.where(inside, wanted, at[:, None])]
        points = (then & POINT_MASK).astype(np.int64)
        turns = ((then ^ codes[at][:, None]) & WHITE != 0) == (np.asarray(moves, dtype=np.int64) % 2 == 1)
        points[~inside | ~turns | (points == PASS)] = -1
        return words.reshape(len(labels), self.size**2), targets, points, later

    def plies(self, labels: Ints) -> Ints:
        """The number of the move that each label is, from 1; passes before it count. int64 (n,)."""
        game, code = self.locate(labels)
        return code - self._codes.setup[game] + 1

    def sources_of(self, labels: Ints) -> Ints:
        """The source of each label, int64 (n,)."""
        return np.searchsorted(self.source_starts, labels, side="right") - 1

    def fixed_positions(self, count: int, seed: int = 0) -> Ints:
        """The same labels each time: up to ``count``, spread over the sources alike (fewer where one has fewer)."""
        chosen: list[Ints] = []
        sizes = np.diff(self.source_starts)
        left = min(count, len(self))
        for rank, source in enumerate(np.argsort(sizes, kind="stable")):
            take = min(int(sizes[source]), left // (len(sizes) - rank))
            picks = shuffled(np.arange(take), int(sizes[source]), [seed, int(source)])
            chosen.append(self.source_starts[source] + picks)
            left -= take
        return np.concatenate(chosen) if chosen else np.empty(0, dtype=np.int64)


def _is_label(codes: npt.NDArray[np.uint16], whose: int) -> npt.NDArray[np.bool_]:
    placed: npt.NDArray[np.bool_] = ((codes & SETUP) == 0) & ((codes & POINT_MASK) != PASS)
    if whose != BOTH:
        placed &= ((codes & WHITE) != 0) == (whose == WHITES)
    return placed


def join(corpora: Sequence[Corpus]) -> Corpus:
    """One corpus with the games in use of several, copied; a source whose name is taken already gets a number.

    All are of the same board size.
    """
    names: list[str] = []
    pieces: list[npt.NDArray[np.uint16]] = []
    sources: list[Ints] = []
    whose: list[npt.NDArray[np.uint8]] = []
    for corpus in corpora:
        used = corpus._games
        pieces += [corpus.codes(game) for game in used.tolist()]
        sources.append(corpus._game_sources[used] + len(names))
        whose.append(np.full(len(used), BOTH, np.uint8) if corpus._whose is None else corpus._whose[used])
        for name in corpus.source_names:
            taken = [name, *(f"{name}-{number}" for number in range(2, len(names) + 3))]
            names.append(next(free for free in taken if free not in names))
    offsets = np.cumsum([0, *map(len, pieces)])
    moves = np.concatenate([np.empty(0, np.uint16), *pieces])
    return Corpus(corpora[0].size, names, moves, offsets, np.concatenate(sources), None, np.concatenate(whose))


def shuffled(index: Ints, count: int, key: Sequence[int]) -> Ints:
    """Where these indices land in a fixed random order of 0 to count - 1; no table is kept.

    Four rounds of a Feistel network on the next even number of bits, repeated until the result is below ``count``.

    Args:
        index: int64 (n,), each below count.
        count: how many there are.
        key: numbers that name the order.
    """
    half = max(1, (max(count - 1, 1).bit_length() + 1) // 2)
    low = np.uint64((1 << half) - 1)
    rounds = np.random.default_rng(list(key)).integers(1, 2**63, size=4, dtype=np.uint64) | np.uint64(1)
    result = index.astype(np.uint64)
    walking = np.ones(len(result), dtype=bool)
    while walking.any():
        left, right = result[walking] >> np.uint64(half), result[walking] & low
        for constant in rounds:
            mixed = (right + np.uint64(1)) * constant
            mixed ^= mixed >> np.uint64(29)
            mixed *= np.uint64(0xBF58476D1CE4E5B9)
            left, right = right, left ^ ((mixed >> np.uint64(32)) & low)
        result[walking] = (left << np.uint64(half)) | right
        walking[walking] = result[walking] >= np.uint64(count)
    return result.astype(np.int64)
