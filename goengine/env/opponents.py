"""Who plays the other colour in an environment: random moves, a network, or any GTP program.

Anything with the methods of :class:`Opponent` will do. Torch is imported only for a network.
"""

import contextlib
import shlex
import weakref
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from goengine.batch import GoBatch, Mask
from goengine.coords import format_vertex, parse_vertex
from goengine.errors import CoordinateError, GoEngineError, IllegalMove, OpponentError
from goengine.sampling import draw_points
from goengine.style import check_drawing

if TYPE_CHECKING:
    from goengine.checkpoint import Network
    from goengine.gtp.client import GtpClient

__all__ = ["GtpOpponent", "NetworkOpponent", "Opponent", "RandomOpponent", "make_opponent"]

Actions: TypeAlias = NDArray[np.int64]

_SENSIBLE = np.uint64(46)


@runtime_checkable
class Opponent(Protocol):
    """Plays one colour in every game of a batch. Masks and actions are arrays (games,); colours 0 Black, 1 White."""

    def begin(self, batch: GoBatch, which: Mask, colors: NDArray[np.uint8]) -> None:
        """The games ``which`` begin on an empty board; ``colors`` are the opponent's own."""
        ...

    def heard(self, batch: GoBatch, actions: Actions, skip: Mask) -> None:
        """The learner has played ``actions``, except in games to ``skip``."""
        ...

    def reply(self, batch: GoBatch, skip: Mask) -> tuple[Actions, Mask]:
        """Play a move on the batch in each game not to ``skip``; returns as ``GoBatch.play``, and who resigned."""
        ...

    def close(self) -> None:
        """Let go of what it holds; may be called twice."""
        ...


class _Silent:
    """An opponent that sees all that it needs on the board."""

    def begin(self, batch: GoBatch, which: Mask, colors: NDArray[np.uint8]) -> None:
        """Nothing to do."""

    def heard(self, batch: GoBatch, actions: Actions, skip: Mask) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


class RandomOpponent(_Silent):
    """Plays uniformly among the legal points that fill no true eye of its own, and passes where there is none."""

    def reply(self, batch: GoBatch, skip: Mask) -> tuple[Actions, Mask]:
        """See :class:`Opponent`; never resigns."""
        return batch.play_random(skip), np.zeros(batch.games, np.bool_)


class NetworkOpponent(_Silent):
    """Plays what a network likes best among the legal points that fill no true eye, all games in one evaluation.

    Its answer to a pass is a pass if it has then won by the area on the board; else it passes only where no such point
    is left. It does not look ahead and never resigns.

    Args:
        network: what :func:`goengine.checkpoint.load_network` returns.
        temperature: 0 plays the likeliest move; 1 draws as likely as the network says; between, sharper.
    """

    def __init__(self, network: "Network", temperature: float = 0.0) -> None:
        self.network = network
        self.temperature = temperature

    def reply(self, batch: GoBatch, skip: Mask) -> tuple[Actions, Mask]:
        """See :class:`Opponent`."""
        size = batch.size
        actions = np.full(batch.games, batch.passing, np.int64)
        lead = batch.scores(~skip) * np.where(batch.to_play == 0, 1, -1)
        playing = ~skip & ~((batch.passes > 0) & (lead > 0))
        words = batch.words()
        allowed = batch.masks()[:, :-1].astype(np.bool_)
        allowed &= ((words.reshape(batch.games, -1) >> _SENSIBLE) & np.uint64(1)).astype(np.bool_)
        playing &= allowed.any(axis=1)
        if playing.any():
            policy = self.network.policy(words[playing], 1, allowed[playing])
            draws = batch.random_shares(playing)[playing]
            actions[playing] = draw_points(policy.reshape(-1, size * size), allowed[playing], draws, self.temperature)
        return batch.play(actions, skip), np.zeros(batch.games, np.bool_)


class GtpOpponent:
    """A GTP program, in one game at a time. It is started with the first game and again after it has failed.

    Args:
        command: the command line, in shell quoting.
        timeout: seconds that it may take for an answer.
    """

    def __init__(self, command: str, timeout: float = 60.0) -> None:
        try:
            words = shlex.split(command)
        except ValueError as error:
            raise GoEngineError(f"gtp:{command} is no command line: {error}") from None
        if not words:
            raise GoEngineError("gtp: names no command: write opponent='gtp:gnugo --mode gtp', say")
        self.command = command
        self.timeout = timeout
        self._client: GtpClient | None = None
        self._color = 0

    def begin(self, batch: GoBatch, which: Mask, colors: NDArray[np.uint8]) -> None:
        """See :class:`Opponent`.

        Raises:
            OpponentError: the program cannot be started, or refuses the board.
        """
        from goengine.gtp.client import GtpClient

        if not which[0]:
            return
        self._color = int(colors[0])
        if self._client is None:
            try:
                self._client = GtpClient(self.command)
            except GoEngineError as error:
                raise OpponentError(f"opponent {error}") from None
            self._end = weakref.finalize(self, _kill, self._client)
        for line in (f"boardsize {batch.size}", "clear_board", f"komi {batch.komi:g}"):
            self._ask(line)

    def heard(self, batch: GoBatch, actions: Actions, skip: Mask) -> None:
        """See :class:`Opponent`.

        Raises:
            OpponentError: the program refuses the move, perhaps because its ko rule is another one.
        """
        if not skip[0]:
            self._ask(f"play {'wb'[self._color]} {self._vertex(batch, int(actions[0]))}")

    def reply(self, batch: GoBatch, skip: Mask) -> tuple[Actions, Mask]:
        """See :class:`Opponent`.

        Raises:
            OpponentError: the program is gone, does not answer in time, or its move is none or illegal.
        """
        played, resigned = np.full(1, -1, np.int64), np.zeros(1, np.bool_)
        if skip[0]:
            return played, resigned
        answer = self._ask(f"genmove {'bw'[self._color]}")
        if answer.lower() == "resign":
            return played, np.ones(1, np.bool_)
        try:
            point = parse_vertex(answer, batch.size)
            return batch.play([batch.passing if point is None else point]), resigned
        except (CoordinateError, IllegalMove) as error:
            raise self._failed(f"plays {answer!r}: {error}") from None

    def close(self) -> None:
        """Ask the program to quit, and end it if it does not."""
        if self._client is not None:
            self._client.close()
            self._forget()

    def __getstate__(self) -> dict[str, Any]:
        """A copy has no program yet; one of a game under way would need the program's memory.

        Raises:
            OpponentError: the program runs.
        """
        if self._client is not None:
            raise OpponentError(f"a GTP program cannot be copied as it plays ({self.command}): copy before reset()")
        return self.__dict__.copy()

    def _ask(self, line: str) -> str:
        if self._client is None:
            raise OpponentError(f"opponent {self.command} was closed; reset() starts it anew")
        try:
            return self._client.send(line, self.timeout)
        except GoEngineError as error:
            raise self._failed(str(error).removeprefix(f"{self._client.name}: ")) from None
        except BaseException:  # interrupted: the answer may still be on its way
            self._failed("was interrupted")
            raise

    def _failed(self, why: str) -> OpponentError:
        """End the program; the next game starts it anew."""
        assert self._client is not None
        name = self._client.name
        self._client.kill()
        self._forget()
        return OpponentError(f"opponent {name}: {why}; reset() starts it anew")

    def _forget(self) -> None:
        self._end.detach()
        self._client = None

    @staticmethod
    def _vertex(batch: GoBatch, action: int) -> str:
        return format_vertex(None if action == batch.passing else action, batch.size)


def _kill(client: "GtpClient") -> None:
    with contextlib.suppress(Exception):
        client.kill()


def make_opponent(
    which: "str | Opponent | None", batch: GoBatch, temperature: float = 0.0, timeout: float = 60.0
) -> Opponent | None:
    """The opponent that an environment's ``opponent`` names.

    Args:
        which: ``"random"``; ``"network"`` (the bundled one) or ``"network:FILE"``, resized where it was trained for
            another board; ``"gtp:COMMAND"``; None; or an object with the methods of :class:`Opponent`.
        batch: the games that it will play in.
        temperature: of a network.
        timeout: seconds that a GTP program may take for an answer.

    Raises:
        GoEngineError: there is no such opponent, it does not play this size, or a number is out of range.
        NetworkFileError: the network's file cannot be used.
    """
    check_drawing(temperature)
    if not timeout > 0:
        raise GoEngineError(f"opponent_timeout {timeout} is not possible; give seconds above 0")
    if which is None:
        return None
    if not isinstance(which, str):
        if isinstance(which, type):
            raise GoEngineError(f"opponent {which.__name__} is a class: give an object of it, {which.__name__}(...)")
        if isinstance(which, Opponent):
            return which
        raise GoEngineError(f"opponent {which!r} is none: it needs the methods begin, heard, reply and close")
    kind, _, rest = which.partition(":")
    if which == "random":
        return RandomOpponent()
    if kind == "network":
        from goengine.checkpoint import load_network
        from goengine.resize import resized

        network = resized(load_network(rest or None), batch.size)
        return NetworkOpponent(network, temperature)
    if kind == "gtp" and rest:
        if batch.games > 1:
            raise GoEngineError("a GTP program plays one game at a time: use vectorization_mode='sync' or 'async'")
        return GtpOpponent(rest, timeout)
    raise GoEngineError(f"unknown opponent {which!r}: use 'random', 'network', 'network:FILE', 'gtp:COMMAND' or None")
