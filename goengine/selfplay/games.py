"""Games of networks, many at once: each ply is one evaluation for all games in which a network is to move."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from goengine.batch import GoBatch, Mask
from goengine.errors import GoEngineError
from goengine.player import PolicySource
from goengine.rules import Ko
from goengine.sampling import draw_points
from goengine.selfplay.ending import INSISTS, legal_points, open_points
from goengine.style import check_drawing, check_symmetries

__all__ = ["Game", "Played", "Sampling", "SelfPlay", "Turn"]


@dataclass(frozen=True)
class Game:
    """A game to be played."""

    number: int
    """From 0; what is drawn in it follows from the seed and this number."""
    black: int
    """Index of the player."""
    white: int
    opening: tuple[int, ...] = ()
    """Actions played first, by turns from Black on: ``row * size + col``, ``size * size`` a pass."""


@dataclass(frozen=True)
class Played:
    """A game that is over."""

    game: Game
    actions: NDArray[np.uint16]
    """uint16 (plies,): all of them, the opening included; ``size * size`` is a pass."""
    score: float
    """Black's area less White's less komi, on the last board with all stones alive."""
    ended_by: str
    """``"passes"``, or ``"limit"``: cut off, and counted as it stood."""

    @property
    def winner(self) -> int:
        """1 Black, -1 White, 0 neither."""
        return (self.score > 0) - (self.score < 0)

    @property
    def winner_index(self) -> int | None:
        """The player who won; None if neither did."""
        return (None, self.game.black, self.game.white)[self.winner]


@dataclass(frozen=True)
class Sampling:
    """How moves are drawn.

    Raises:
        GoEngineError: a number is out of range.
    """

    temperature: float = 1.0
    """0 plays the likeliest move; 1 draws as likely as the network says."""
    top_p: float = 1.0
    """Draw from the likeliest moves only that together reach this share."""
    plies: int | None = None
    """So many plies of a game, openings included, are drawn, the rest are the likeliest; None: all are drawn."""

    def __post_init__(self) -> None:
        check_drawing(self.temperature, self.top_p)
        if self.plies is not None and self.plies < 0:
            raise GoEngineError(f"{self.plies} plies cannot be drawn; give 0 or more")


@dataclass(frozen=True)
class Turn:
    """What one player decides at once, in n games. Passes are not in it: nothing was left to decide on."""

    player: int
    """Index of the player."""
    numbers: NDArray[np.int64]
    """int64 (n,): the games, see :attr:`Game.number`."""
    plies: NDArray[np.int64]
    """int64 (n,): plies played before."""
    words: NDArray[np.uint64]
    """uint64 (n, size, size): the planes, seen by the player."""
    allowed: NDArray[np.bool_]
    """bool (n, size * size): the points that it chose from. With temperature and top_p 1 the chance of a point is its
    share of the network's policy over these points."""
    actions: NDArray[np.int64]
    """int64 (n,): what it chose."""


class SelfPlay:
    """Plays games between players, many at once.

    Args:
        players: networks, as :func:`goengine.checkpoint.load_network` returns, or anything with such a ``policy``,
            ``name`` and ``size``.
        size: of the boards.
        komi: points for White.
        ko: ``"simple"``, ``"positional"`` or ``"situational"``.
        max_moves: plies after which a game is cut off and counted as it stands; None is ``2 * size * size``.
        slots: games at once.
        sampling: how moves are drawn.
        symmetries: over so many orientations each player's policy is averaged, one number each: 1, 2, 4 or 8; None is
            1 for all.
        seed: of all that is drawn, 0 or more.
        threads: for the rules; the networks have their own.
        watch: called with each decision, before it is played.

    Raises:
        GoEngineError: a setting is out of range, or a player is for another board size.
    """

    def __init__(
        self,
        players: Sequence[PolicySource],
        *,
        size: int = 19,
        komi: float = 7.5,
        ko: Ko = "positional",
        max_moves: int | None = None,
        slots: int = 128,
        sampling: Sampling | None = None,
        symmetries: Sequence[int] | None = None,
        seed: int = 0,
        threads: int = 1,
        watch: Callable[[Turn], None] | None = None,
    ) -> None:
        for player in players:
            if player.size != size:
                raise GoEngineError(
                    f"the network {player.name} plays {player.size}x{player.size} only, not {size}x{size}: "
                    "set the size that all of them play"
                )
        if seed < 0:
            raise GoEngineError(f"seed {seed} is not possible; give 0 or more")
        self.players = list(players)
        self.symmetries = [1] * len(self.players) if symmetries is None else list(symmetries)
        if len(self.symmetries) != len(self.players):
            raise GoEngineError(f"{len(self.symmetries)} symmetries for {len(self.players)} players: give one for each")
        for number in self.symmetries:
            check_symmetries(number)
        self.sampling = Sampling() if sampling is None else sampling
        self.seed = seed
        self.watch = watch
        self.batch = GoBatch(slots, size, komi, ko, max_moves, threads)

    def play(self, games: Iterable[Game]) -> Iterator[Played]:
        """Play games, and give each as soon as it is over; a slot that gets free takes the next one.

        A generator that is closed leaves the games behind that are not over.

        Raises:
            GoEngineError: a game names no player, or its opening cannot be played.
        """
        run = _Run(self, iter(games))
        while run.fill():
            run.step()
            yield from run.finished()


class _Run:
    """The slots while games are played in them."""

    def __init__(self, settings: SelfPlay, games: Iterator[Game]) -> None:
        self._settings = settings
        self._batch = batch = settings.batch
        self._waiting = games
        self._games: list[Game | None] = [None] * batch.games
        self._busy = np.zeros(batch.games, np.bool_)
        self._numbers = np.zeros(batch.games, np.int64)
        self._seats = np.zeros((batch.games, 2), np.int64)
        self._actions = np.zeros((batch.games, batch.max_moves), np.uint16)

    def fill(self) -> bool:
        """Begin games in the free slots; False if none is being played."""
        for slot in np.flatnonzero(~self._busy).tolist():
            game = next(self._waiting, None)
            if game is None:
                break
            self._begin(slot, game)
        return bool(self._busy.any())

    def step(self) -> None:
        """One ply in each game: the networks' where there is something to play, else a pass."""
        batch, settings = self._batch, self._settings
        actions = np.full(batch.games, batch.passing, np.int64)
        words = batch.words()
        legal = legal_points(words, batch.masks())
        open_ = open_points(words, batch.boards()) & legal
        deciding = self._busy & open_.any(axis=1)
        movers = self._seats[np.arange(batch.games), batch.to_play]
        draws = batch.random_shares(self._busy)
        plies = batch.plies
        for player in np.unique(movers[deciding]).tolist():
            at = np.flatnonzero(deciding & (movers == player))
            policy = settings.players[player].policy(words[at], settings.symmetries[player], legal[at])
            allowed = open_[at] | (legal[at] & (policy >= INSISTS))
            actions[at] = self._choose(policy, allowed, draws[at], plies[at])
            if settings.watch is not None:
                settings.watch(Turn(player, self._numbers[at], plies[at], words[at], allowed, actions[at]))
        self._play(actions, self._busy)

    def finished(self) -> Iterator[Played]:
        """The games that the last ply ended; their slots are free."""
        passed, cut = self._batch.ends(~self._busy)
        over = passed | cut
        if not over.any():
            return
        scores, plies = self._batch.scores(over), self._batch.plies
        self._busy &= ~over
        for slot in np.flatnonzero(over).tolist():
            game = self._games[slot]
            assert game is not None
            moves = self._actions[slot, : plies[slot]].copy()
            yield Played(game, moves, float(scores[slot]), "passes" if passed[slot] else "limit")

    def _choose(
        self,
        policy: NDArray[np.float32],
        allowed: NDArray[np.bool_],
        draws: NDArray[np.float64],
        plies: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        how = self._settings.sampling
        chosen = draw_points(policy, allowed, draws, how.temperature, how.top_p)
        if how.plies is not None and how.temperature > 0:
            chosen = np.where(plies < how.plies, chosen, draw_points(policy, allowed, draws, 0.0))
        return chosen

    def _play(self, actions: NDArray[np.int64], which: Mask) -> None:
        slots = np.flatnonzero(which)
        plies = self._batch.plies[slots]
        self._batch.play(actions, ~which)
        self._actions[slots, plies] = actions[slots]

    def _begin(self, slot: int, game: Game) -> None:
        batch, players = self._batch, self._settings.players
        for player in (game.black, game.white):
            if not 0 <= player < len(players):
                raise GoEngineError(f"game {game.number}: no player {player}: there are {len(players)}, from 0")
        which = np.zeros(batch.games, np.bool_)
        which[slot] = True
        seeds = np.zeros(batch.games, np.uint64)
        seeds[slot] = np.random.default_rng([self._settings.seed, game.number]).integers(2**64, dtype=np.uint64)
        batch.seed(seeds, which)
        batch.begin(which)
        for ply, action in enumerate(game.opening):
            if batch.ends(~which)[0][slot] or ply + 1 >= batch.max_moves:
                raise GoEngineError(f"game {game.number}: its opening plays the whole game; give a shorter one")
            try:
                self._play(np.full(batch.games, action, np.int64), which)
            except GoEngineError as error:
                raise GoEngineError(f"game {game.number}: its opening cannot be played: {error}") from None
        if batch.ends(~which)[0][slot]:
            raise GoEngineError(f"game {game.number}: its opening ends in two passes; give a shorter one")
        self._games[slot] = game
        self._busy[slot] = True
        self._numbers[slot] = game.number
        self._seats[slot] = game.black, game.white
