"""GTP programs as players and referees: finding and starting them, and setting up a position."""

import shlex
import shutil

from goengine.coords import format_vertex
from goengine.errors import GoEngineError
from goengine.gtp.client import CommandFailed, GtpClient, ProgramDied, ProgramHangs
from goengine.rules import Position

__all__ = ["START_TIMEOUT", "CannotStart", "find_gnugo", "position_commands", "start_program"]

START_TIMEOUT = 300.0
"""Seconds that a program may take for its first answers: it may load networks and compile kernels."""

_GAMES = "/usr/games"  # where Debian puts GNU Go; often not on the PATH of services and of root


class CannotStart(GoEngineError):
    """A program cannot be started at all, or ends before its first answer."""


def start_program(command: str, name: str, timeout: float = START_TIMEOUT) -> GtpClient:
    """The program of a command line in shell quoting, once it has answered ``name``.

    A program in ``/usr/games`` is found even where that is not on the PATH.

    Raises:
        CannotStart: it does not start, or gives no GTP answer.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise CannotStart(f"{name}: {command!r} is no command line: {error}") from None
    if not words:
        raise CannotStart(f"{name}: there is no command to start it with")
    words[0] = _found(words[0]) or words[0]
    try:
        program = GtpClient(words, name)
    except ProgramDied as error:
        raise CannotStart(f"{error}: check the command {command!r}") from None
    try:
        program.send("name", timeout)
    except CommandFailed:
        pass  # it speaks GTP: that is enough
    except (ProgramDied, ProgramHangs) as error:
        program.kill()
        raise CannotStart(f"{error}: it cannot be used; check the command {command!r}") from None
    return program


def find_gnugo() -> str | None:
    """The path of GNU Go, or None where it is not installed."""
    return _found("gnugo")


def _found(program: str) -> str | None:
    return shutil.which(program) or (shutil.which(program, path=_GAMES) if "/" not in program else None)


def position_commands(position: Position) -> list[str]:
    """The GTP commands that set up a position, in plain GTP: setup stones are played like moves."""
    commands = [f"boardsize {position.size}", "clear_board", f"komi {position.komi:g}"]
    stones = [(color, point) for color, points in position.setup_stones.items() for point in points]
    for color, point in [*stones, *position.moves]:
        commands.append(f"play {color} {format_vertex(point, position.size)}")
    return commands
