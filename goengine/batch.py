"""Many games of Go as arrays: one call plays a ply in all of them. No Gymnasium here, and no loop in Python.

Actions are ``row * size + col``, row 0 at the top, and ``size * size`` for a pass. Black moves first, turns alternate,
suicide is illegal, a pass is always legal, and two passes in a row end a game: the rules of
:class:`goengine.rules.Position`, all three of its ko rules, with the same hashes.
"""

import math
import operator
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from types import ModuleType
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from goengine._kernels import load_batch, state
from goengine.board import MAX_SIZE, MIN_SIZE
from goengine.coords import format_vertex
from goengine.errors import ActionError, GoEngineError, IllegalMove
from goengine.features import feature_set as _feature_set
from goengine.features import unpack
from goengine.rules import KO_RULES, Ko

__all__ = ["ILLEGAL", "GoBatch", "Illegal", "check_actions"]

Illegal: TypeAlias = Literal["raise", "lose", "resample"]
ILLEGAL: tuple[Illegal, ...] = ("raise", "lose", "resample")
"""What may become of an illegal action, in the order in which the kernels number it."""

Mask: TypeAlias = NDArray[np.bool_]

_LONGEST = 1_000_000  # plies of a game; under superko its table then takes 17 MB


@cache
def _kernels() -> ModuleType:
    return load_batch()


def check_actions(actions: ArrayLike, count: int) -> NDArray[np.int64]:
    """The actions as a new int64 (count,) array.

    Raises:
        ActionError: they are no integers, or not ``count`` in a row.
    """
    try:
        array = np.asarray(actions)
    except ValueError:  # rows of different lengths
        raise ActionError(f"actions must have the shape ({count},): one for each game") from None
    if array.dtype.kind not in "iu":
        raise ActionError(f"actions must be integers, not {array.dtype}: take them from the action space")
    if array.shape != (count,):
        raise ActionError(f"actions must have the shape ({count},), not {array.shape}: one for each game")
    return array.astype(np.int64)


def _whole(name: str, value: int) -> int:
    """A setting as Python's int, whatever kind of whole number it came as.

    Raises:
        GoEngineError: it is none.
    """
    try:
        return operator.index(value)
    except TypeError:
        raise GoEngineError(f"{name} {value!r} is not possible; give a whole number") from None


class GoBatch:
    """Games of one size, stepped together.

    A game takes about 45 kB on 19x19, and 17 kB more under superko. All games begin empty. A copy, or what is pickled,
    goes on by itself from the same positions with the same random numbers.

    Args:
        games: how many.
        size: of the boards, 2 to 25.
        komi: points added for White.
        ko: ``"simple"``, ``"positional"`` or ``"situational"``.
        max_moves: the plies, passes included, after which a game is cut off, 1 to 1,000,000; None is
            ``2 * size * size``. What is played all the same is refused from the second ply on.
        threads: that share the games; what happens does not depend on it.

    Raises:
        GoEngineError: a setting is out of range, or no number.
    """

    def __init__(
        self,
        games: int,
        size: int = 19,
        komi: float = 7.5,
        ko: Ko = "positional",
        max_moves: int | None = None,
        threads: int = 1,
    ) -> None:
        size = _whole("board size", size)
        if not MIN_SIZE <= size <= MAX_SIZE:
            raise GoEngineError(f"board size {size} is not possible; sizes are {MIN_SIZE} to {MAX_SIZE}")
        if ko not in KO_RULES:
            raise GoEngineError(f"unknown ko rule {ko!r}; there are {', '.join(KO_RULES)}")
        if not isinstance(komi, int | float | np.integer | np.floating) or not math.isfinite(komi):
            raise GoEngineError(f"komi {komi!r} is not possible; give a number of points, such as 7.5")
        limit = 2 * size * size if max_moves is None else _whole("max_moves", max_moves)
        games, threads = _whole("games", games), _whole("threads", threads)
        for name, value in (("games", games), ("max_moves", limit), ("threads", threads)):
            if value < 1:
                raise GoEngineError(f"{name} {value} is not possible; give 1 or more")
        if limit > _LONGEST:
            raise GoEngineError(f"max_moves {limit} is not possible; give {_LONGEST} or less")
        self.games = games
        self.size = size
        self.komi = float(komi)
        self.ko: Ko = ko
        self.max_moves = limit
        self._ko = KO_RULES.index(ko)
        table = 0 if ko == "simple" else _kernels().FILTER + (1 << (2 * limit + 1).bit_length())
        self._states = np.zeros((games, state.state_length(size)), np.int64)
        self._seen = np.zeros((games, table), np.int64)
        self._randoms = np.zeros(games, np.uint64)
        edges = np.linspace(0, games, min(threads, games) + 1).astype(int)
        self._parts = [(int(first), int(last)) for first, last in pairwise(edges)]
        self._work = [np.zeros(state.WORKSPACE, np.int64) for _ in self._parts]
        self._pool = self._make_pool()
        self.seed(np.arange(games, dtype=np.uint64))
        self.begin()

    def _make_pool(self) -> ThreadPoolExecutor | None:
        return ThreadPoolExecutor(len(self._parts)) if len(self._parts) > 1 else None

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_pool"}

    def __setstate__(self, kept: dict[str, Any]) -> None:
        self.__dict__.update(kept)
        self._pool = self._make_pool()

    # What there is to know

    @property
    def passing(self) -> int:
        """The action that passes: ``size * size``."""
        return self.size * self.size

    @property
    def plies(self) -> NDArray[np.int64]:
        """Plies played in each game, passes included: int64 (games,)."""
        return self._states[:, state.PLY].copy()

    @property
    def passes(self) -> NDArray[np.int64]:
        """How many passes in a row ended each game so far: int64 (games,)."""
        return self._states[:, state.PASSES].copy()

    @property
    def to_play(self) -> NDArray[np.uint8]:
        """Whose turn it is: uint8 (games,), 0 Black, 1 White."""
        return (self._states[:, state.PLY] & 1).astype(np.uint8)

    def boards(self) -> NDArray[np.int8]:
        """The stones, int8 (games, size, size): +1 Black, -1 White, 0 empty."""
        out = np.empty((self.games, self.size, self.size), np.int8)
        self._run(_kernels().boards, self._states, out.reshape(self.games, -1))
        return out

    def masks(self) -> NDArray[np.int8]:
        """Which actions are legal for the player to move, int8 (games, size * size + 1), the pass last and always 1."""
        out = np.empty((self.games, self.passing + 1), np.int8)
        self._work_on(_kernels().masks, self._states, self._seen, self._ko, out)
        return out

    def words(self) -> NDArray[np.uint64]:
        """The 48 planes seen by the player to move, uint64 (games, size, size): bit p of a word is plane p."""
        out = np.empty((self.games, self.size, self.size), np.uint64)
        self._work_on(_kernels().words, self._states, out.reshape(self.games, -1))
        return out

    def observe(self, feature_set: str) -> NDArray[np.uint8] | NDArray[np.int8]:
        """The planes of a feature set seen by the player to move, as :func:`goengine.features.encode` has them.

        Returns:
            uint8 (games, planes, size, size); ``board1`` is int8.

        Raises:
            GoEngineError: there is no such feature set.
        """
        planes = _feature_set(feature_set).planes
        if feature_set == "board1":
            own = np.empty((self.games, 1, self.size, self.size), np.int8)
            self._run(_kernels().own_boards, self._states, own.reshape(self.games, -1))
            return own
        if planes > 20:
            return unpack(self.words(), feature_set)
        out = np.empty((self.games, planes, self.size, self.size), np.uint8)
        self._run(_kernels().simple_planes, self._states, planes, out.reshape(self.games, planes, -1))
        return out

    def ends(self, skip: Mask | None = None) -> tuple[Mask, Mask]:
        """Which games ended by two passes, and which only by ``max_moves``: bool (games,) each.

        Games to ``skip`` are False in both.
        """
        passed, cut = np.empty(self.games, np.bool_), np.empty(self.games, np.bool_)
        skip = self._mask(skip, False)
        self._run(_kernels().find_ends, self._states, skip, self.max_moves, passed, cut)
        return passed, cut

    def scores(self, which: Mask | None = None) -> NDArray[np.float64]:
        """Black's area less White's less komi, all stones taken as alive: float64 (games,), above 0 Black wins.

        Games that are not among ``which`` get 0.
        """
        out = np.zeros(self.games)
        which = self._mask(which, True)
        self._work_on(_kernels().scores, self._states, which, out)
        out[which] -= self.komi
        return out

    # Changes

    def seed(self, seeds: NDArray[np.uint64], which: Mask | None = None) -> None:
        """Begin the random numbers of the games ``which`` at ``seeds``, uint64 (games,)."""
        which = self._mask(which, True)
        self._randoms[which] = seeds[which]

    def begin(self, which: Mask | None = None) -> None:
        """Begin the games ``which``, bool (games,), anew on an empty board; their random numbers go on."""
        which = self._mask(which, True)
        self._run(_kernels().start, self._states, self._seen, which, self.size, self._ko)

    def random_bits(self, which: Mask | None = None) -> NDArray[np.uint64]:
        """64 random bits for each of the games ``which``, uint64 (games,), 0 for the others."""
        out = np.zeros(self.games, np.uint64)
        self._run(_kernels().draw_bits, self._randoms, self._mask(which, True), out)
        return out

    def random_shares(self, which: Mask | None = None) -> NDArray[np.float64]:
        """A random number from 0 to below 1 for each of the games ``which``, float64 (games,), 0 for the others."""
        return (self.random_bits(which) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def draw_actions(self) -> NDArray[np.int64]:
        """A random move for each game, int64 (games,), drawn as :meth:`play_random` does; nothing is played."""
        out = np.empty(self.games, np.int64)
        self._work_on(_kernels().draw_actions, self._states, self._seen, self._randoms, out, self._ko)
        return out

    def play(self, actions: ArrayLike, skip: Mask | None = None, illegal: Illegal = "raise") -> NDArray[np.int64]:
        """Play one action in each game.

        Args:
            actions: integers (games,), 0 to ``size * size``.
            skip: bool (games,), games that are left alone.
            illegal: ``"raise"``; ``"lose"``: nothing is played in that game; or ``"resample"``: an action drawn
                uniformly among the legal points is played instead, a pass where there is none.

        Returns:
            What was played, int64 (games,): -1 where nothing was, for ``"lose"`` or ``skip``.

        Raises:
            ActionError: an action is no integer, or out of range, or a game has gone on past its end already; no game
                has changed.
            GoEngineError: there is no such ``illegal``; no game has changed.
            IllegalMove: an action is illegal, with ``"raise"``; no game has changed.
        """
        if illegal not in ILLEGAL:
            raise GoEngineError(f"illegal={illegal!r} is not possible: use {', '.join(ILLEGAL)}")
        played = check_actions(actions, self.games)
        skip = self._mask(skip, False)
        self._refuse_what_is_over(skip)
        wrong = ~skip & ((played < 0) | (played > self.passing))
        if wrong.any():
            game = int(wrong.argmax())
            raise ActionError(f"{self._name(game)}action {played[game]} is out of range: use 0 to {self.passing}")
        arrays = (self._states, self._seen)
        if illegal == "raise":
            for game in self._work_on(_kernels().first_illegal, *arrays, skip, played, self._ko):
                if game >= 0:
                    raise IllegalMove(f"{self._name(game)}{self.objection(game, int(played[game]))}")
        self._work_on(_kernels().play_actions, *arrays, self._randoms, skip, played, self._ko, ILLEGAL.index(illegal))
        played[skip] = -1
        return played

    def play_random(self, skip: Mask | None = None) -> NDArray[np.int64]:
        """Play a random move in each game: uniform among the legal points that fill no true eye, else a pass.

        True eyes are those of plane 46 (``sensibleness``). Returns as :meth:`play` does.
        """
        played = np.full(self.games, -1, np.int64)
        skip = self._mask(skip, False)
        self._refuse_what_is_over(skip)
        self._work_on(_kernels().play_random, self._states, self._seen, self._randoms, skip, played, self._ko)
        return played

    def objection(self, game: int, action: int) -> str:
        """Why this action of the player to move is illegal; ``""`` if it is legal."""
        s = self._states[game]
        color = state.WHITE if self.to_play[game] else state.BLACK
        if self.masks_of(game)[action]:
            return ""
        named = f"{('black', 'white')[color - state.BLACK]} {format_vertex(action, self.size)}"
        p = state.padded(s, action)
        if s[state.HEADER + p] != state.EMPTY:
            return f"{named}: there is a stone already"
        if state.is_legal(s, p, color):
            return f"{named}: {self.ko} superko forbids repeating a position"
        if p == s[state.KO] and color == s[state.KO_COLOR]:
            return f"{named}: simple ko forbids taking back at once"
        return f"{named}: suicide is not allowed"

    def masks_of(self, game: int) -> NDArray[np.int8]:
        """The row of :meth:`masks` of one game, int8 (size * size + 1,)."""
        one = slice(game, game + 1)
        out = np.empty((1, self.passing + 1), np.int8)
        _kernels().masks(self._work[0], self._states[one], self._seen[one], self._ko, out, 0, 1)
        row: NDArray[np.int8] = out[0]
        return row

    def _mask(self, mask: Mask | None, otherwise: bool) -> Mask:
        """The mask, or one that says the same of all games."""
        if mask is None:
            return np.full(self.games, otherwise)
        if not (isinstance(mask, np.ndarray) and mask.dtype == np.bool_ and mask.shape == (self.games,)):
            raise GoEngineError(f"a mask of games must be a bool array of shape ({self.games},)")
        return np.ascontiguousarray(mask)

    def _refuse_what_is_over(self, skip: Mask) -> None:
        """The table of arrangements has room for a ply past the limit: White's first, where the limit is one."""
        over = ~skip & (self._states[:, state.PLY] > self.max_moves)
        if over.any():
            game = int(over.argmax())
            raise ActionError(f"{self._name(game)}over since ply {self.max_moves} (max_moves): begin() it anew")

    def _name(self, game: int) -> str:
        return f"game {game}: " if self.games > 1 else ""

    def _run(self, kernel: Callable[..., Any], *arrays: Any) -> None:
        """Call a kernel for all games, each thread with its part."""
        if self._pool is None:
            kernel(*arrays, 0, self.games)
        else:
            list(self._pool.map(lambda part: kernel(*arrays, *part), self._parts))

    def _work_on(self, kernel: Callable[..., Any], *arrays: Any) -> list[Any]:
        """The same for a kernel that needs a workspace; returns what each part returned."""
        if self._pool is None:
            return [kernel(self._work[0], *arrays, 0, self.games)]
        return list(self._pool.map(lambda n: kernel(self._work[n], *arrays, *self._parts[n]), range(len(self._parts))))
