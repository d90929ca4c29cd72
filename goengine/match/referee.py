"""Who counts a game's final position, and what a score looks like."""

import math

from goengine.errors import GoEngineError
from goengine.gtp.client import GtpClient
from goengine.match.programs import START_TIMEOUT, CannotStart, position_commands, start_program
from goengine.rules import Position

__all__ = ["NotCounted", "Referee", "format_score", "parse_score"]

_PLAYOUTS = 2000


class NotCounted(GoEngineError):
    """The referee could not count a position."""


class Referee:
    """Counts final positions with a GTP program's ``final_score``.

    Args:
        command: how the program is started, in shell quoting; an empty one counts by our own playouts.
    """

    def __init__(self, command: str = "") -> None:
        self._command = command
        self._program: GtpClient | None = None

    def score(self, position: Position) -> float:
        """Black's margin, komi included.

        Raises:
            NotCounted: the program failed, and failed again when it was started anew.
            CannotStart: there is no such program.
        """
        if not self._command:
            from goengine.estimate import estimate

            return estimate(position, playouts=_PLAYOUTS).area_score(position.komi)
        for attempt in (1, 2):
            try:
                return self._ask(position)
            except CannotStart:
                raise
            except GoEngineError as error:
                self.kill()
                if attempt == 2:
                    raise NotCounted(str(error)) from None
        raise AssertionError("unreachable")

    def _ask(self, position: Position) -> float:
        if self._program is None:
            self._program = start_program(self._command, "referee")
        for command in position_commands(position):
            self._program.send(command, START_TIMEOUT)
        return parse_score(self._program.send("final_score", START_TIMEOUT))

    def close(self) -> None:
        """End the program."""
        if self._program is not None:
            self._program.close()
            self._program = None

    def kill(self) -> None:
        """End the program at once."""
        if self._program is not None:
            self._program.kill()
            self._program = None


def parse_score(text: str) -> float:
    """Black's margin from a GTP result such as ``B+3.5``, ``W+12``, ``0``.

    Raises:
        GoEngineError: it is none.
    """
    word = text.split()[0].upper() if text.split() else ""
    if word in ("0", "JIGO", "DRAW"):
        return 0.0
    try:
        margin = float(word[2:])
    except ValueError:
        margin = math.nan
    if word[:2] not in ("B+", "W+") or not math.isfinite(margin):
        raise GoEngineError(f"final_score {text!r} is no result such as B+3.5")
    return margin if word[0] == "B" else -margin


def format_score(score: float) -> str:
    """A margin from Black's viewpoint as SGF and GTP write it."""
    return "0" if score == 0 else f"{'B' if score > 0 else 'W'}+{abs(score):g}"
