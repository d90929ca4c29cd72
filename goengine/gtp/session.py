"""The game that a GTP controller sets up, and the player for it: moves, analysis, the score. Knows Go and no text.

Whatever is slow to import (numpy, Numba, torch) is imported inside the methods that need it, so that the commands that
need none of it answer at once.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from goengine.errors import GoEngineError
from goengine.gtp.game import Game
from goengine.helpers import check_threads
from goengine.rulesets import RULESETS, Ruleset
from goengine.style import Style

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from goengine.estimate import Estimate
    from goengine.gtp.thinking import Restriction, Thinking
    from goengine.player import Player, PolicySource
    from goengine.rules import Color, Ko, Position

__all__ = ["RESIGN", "Resign", "Session"]

Resign = Literal["resign"]
RESIGN: Resign = "resign"
Source: TypeAlias = tuple[str | None, str]


class Session(Game):
    """One game, and the player for it.

    Args:
        player: makes, or waits for, the player; called when a move is asked for.
        size: of the board, until :meth:`resize`.
        komi: points for White.
        ko: the rule that :meth:`play` enforces, if not that of ``rules``; the player itself never repeats a position.
        threads: processor cores for the network and the playouts, 1 to 256.
        rules: how repetition is treated and the score counted.
        source: the file of the player's network, None for the bundled one, and the device that evaluates it.
        load: makes a network of such a source, if others may take its place.
        make: makes a player with a network, for when ``player`` cannot; None makes it in the usual style.
    """

    def __init__(
        self,
        player: "Callable[[], Player]",
        size: int = 19,
        komi: float = 7.5,
        ko: "Ko | None" = None,
        threads: int = 1,
        rules: Ruleset = RULESETS["chinese"],
        source: Source = (None, "cpu"),
        load: "Callable[[str | None, str], PolicySource] | None" = None,
        make: "Callable[[PolicySource], Player] | None" = None,
    ) -> None:
        super().__init__(size, komi, ko, rules)
        check_threads(threads)
        self._player = player
        self._source = source
        self._load = load
        self._make = make
        self._style: dict[str, Any] = {}  # settings to give to the player when it is next needed
        self._threads = self._threads_in_use = threads
        self._generated: tuple[tuple[Color, int | None], ...] = ()  # the game up to the move generated last
        self._estimate: tuple[tuple[int, int, str, int], Estimate] | None = None
        self._outcome: tuple[tuple[int, int, str, int], Estimate] | None = None

    def setting(self, name: str) -> Any:
        """A field of the player's style; waits for the player unless it was set since it was last used."""
        return self._style[name] if name in self._style else getattr(self._ready().style, name)

    def restyle(self, **changes: Any) -> None:
        """Change fields of the player's style by name, from the next move on; waits for nothing.

        Raises:
            GoEngineError: a setting is out of range; nothing is changed.
        """
        replace(Style(), **changes)
        self._style |= changes

    @property
    def threads(self) -> int:
        """Processor cores for the network and the playouts, from the next move on."""
        return self._threads

    @threads.setter
    def threads(self, threads: int) -> None:
        check_threads(threads)
        self._threads = threads

    @property
    def source(self) -> Source:
        """The file of the network, None for the bundled one, and the device that evaluates it."""
        return self._source

    def exchange(self, source: Source) -> None:
        """Play with another network, or on another device, from now on; waits until it is loaded.

        It takes the place of one that cannot be loaded, too.

        Raises:
            GoEngineError: it cannot be loaded; nothing is changed.
        """
        try:
            player = self._ready()
        except Exception:  # whatever keeps the first network from loading, its successor need not suffer from it
            player = None
        if player is not None and source == self._source:
            return
        if self._load is None:
            raise GoEngineError("the network cannot be changed here")
        from goengine.rules import Position

        network = self._load(*source)
        player = player or self._made(network)
        before, player.network = player.network, network
        try:
            player.policy(Position(network.size))  # what is compiled and set up at the first move is done now
        except BaseException:
            player.network = before
            raise
        self._player = lambda: player
        self._source, self._outcome = source, None

    # Moves

    def choose(self, color: "Color", sample: bool = True, cleanup: bool = False) -> int | None:
        """The move that the player would play, see ``Player.choose``; nothing is played.

        Raises:
            GoEngineError: there is no network, or it is for another board size.
        """
        return self._ready().choose(self._seen_by(color), sample, cleanup)

    def generate(
        self, color: "Color", thinking: "Thinking | None" = None, cleanup: bool = False
    ) -> int | Resign | None:
        """Choose a move and play it; or :data:`RESIGN`, and then nothing is played.

        Args:
            color: whose move it is.
            thinking: the analysis of the position, if its restrictions are to hold.
            cleanup: take the opponent's dead stones before passing, whatever the pass policy.

        Raises:
            GoEngineError: there is no network, or it is for another board size.
        """
        if self.resigns(color):
            return RESIGN
        point = self.choose(color, cleanup=cleanup)
        if thinking is not None and not thinking.permits(point):
            point = thinking.move()
        self.play(color, point)
        self._generated = self.position.moves
        return point

    def resigns(self, color: "Color") -> bool:
        """Whether the player gives the game up."""
        player = self._ready()
        return player.resign is not None and player.resigns(self._seen_by(color))

    # Analysis

    def think(
        self,
        color: "Color | None" = None,
        restrictions: "Sequence[Restriction]" = (),
        least: int = 1,
        most: int | None = None,
    ) -> "Thinking":
        """What the network makes of the position, with ``color`` (the player to move) to play; see ``Thinking``."""
        from goengine.gtp.thinking import Thinking

        player = self._ready()
        position = self._seen_by(color or self.position.to_play)
        return Thinking(player, position, restrictions, least, most, self._threads)

    def policy(self, symmetry: int | None = None) -> "NDArray[np.float32]":
        """The network's probabilities for the player to move, see ``Player.policy``."""
        return self._ready().policy(self.position, symmetry)

    def last_generated(self) -> "tuple[int | None, float, int] | None":
        """The last move of the game if the engine made it: its point, probability and rank (1 is the likeliest).

        A pass has neither: both are 0. None if the last move came from elsewhere.
        """
        position = self.position
        if position.last_move is None or position.moves != self._generated:
            return None
        point = position.last_move[1]
        if point is None:
            return None, 0.0, 0
        before = position.copy()
        before.undo()
        policy = self._ready().policy(before)
        return point, float(policy[point]), 1 + int((policy > policy[point]).sum())

    # The end

    def estimate(self) -> "Estimate":
        """Who owns what, by playouts; the same for the same position."""
        from goengine.estimate import estimate

        position = self.position
        if self._estimate is None or self._estimate[0] != self._key(position):
            self._estimate = self._key(position), estimate(position, playouts=2000, threads=self._threads)
        return self._estimate[1]

    def outcome(self) -> "Estimate":
        """How the game ends: the estimate, or what the network makes of it where that is not decided.

        Without a network it is the estimate.
        """
        seen = self.estimate()
        if seen.decided or not seen.chains:
            return seen
        key = self._key(self.position)
        if self._outcome is None or self._outcome[0] != key:
            try:
                player = self._ready()
            except GoEngineError:
                return seen
            self._outcome = key, player.settle(self.position)
        return self._outcome[1]

    def score(self) -> float:
        """The score by the rules in force with the dead stones removed, Black's viewpoint, komi included."""
        from goengine.scoring import final_score

        return final_score(self.position, self.outcome(), self._rules)

    def owed(self) -> float:
        """Points that White is owed in all: komi, and by the rules in force the bonus for a handicap."""
        from goengine.scoring import handicap_stones

        return self.position.komi + self._rules.handicap_bonus(handicap_stones(self.position))

    def _key(self, position: "Position") -> tuple[int, int, str, int]:
        """What tells one position from another."""
        return position.size, position.hash, position.to_play, position.move_number

    def _made(self, network: "PolicySource") -> "Player":
        """A new player."""
        from goengine.player import Player

        return Player(network, threads=self._threads) if self._make is None else self._make(network)

    def _ready(self) -> "Player":
        """The player, in the style and with the threads that were last asked for."""
        player = self._player()
        if self._style:
            player.restyle(**self._style)
            self._style = {}
        if self._threads_in_use != self._threads:
            player.threads = self._threads_in_use = self._threads
            torch = sys.modules.get("torch")  # loaded by now if the network needs it
            if torch is not None:
                torch.set_num_threads(self._threads)
        return player

    def _seen_by(self, color: "Color") -> "Position":
        """The position with ``color`` to play, and with all that White is owed as its komi."""
        position, owed = self.position, self.owed()
        if position.to_play != color or position.komi != owed:
            position = position.copy()
            position.to_play = color
            position.komi = owed
        return position
