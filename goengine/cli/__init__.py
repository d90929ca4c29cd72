"""The command line, installed as ``goengine``: a table of commands, one module each.

Only the module of the chosen command is imported, and each module imports what is slow (numpy, numba, torch) inside
its ``run``, so that ``--help`` and the first answers of ``goengine gtp`` do not wait for it. Bad input raises a
:class:`goengine.errors.GoEngineError` anywhere below; here it becomes one line on stderr and exit status 2.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn, Protocol, cast

from goengine._version import __version__
from goengine.exits import BAD_INPUT, exit_status

__all__ = ["COMMANDS", "main"]

COMMANDS = {
    "gtp": ("goengine.cli.gtp", "the engine, on stdin and stdout, for a GUI or a server"),
    "play": ("goengine.cli.play", "a game against it in the terminal"),
    "suggest": ("goengine.cli.suggest", "what it would play in a game record, and how likely"),
    "explain": ("goengine.cli.explain", "which stones a move depends on, as a picture and in words"),
    "recognize": ("goengine.cli.recognize", "the position in a picture of a Go board"),
    "planes": ("goengine.cli.planes", "the feature planes of a position, as a NumPy file"),
    "evaluate": ("goengine.cli.evaluate", "how often it predicts the moves of game records"),
    "check": ("goengine.cli.check", "what is wrong with which game record, and the remedy"),
    "info": ("goengine.cli.info", "layers, parameters and origin of a network file"),
}
"""Command: the module that runs it, and one line of help."""


class _Command(Protocol):
    """What each module of :data:`COMMANDS` offers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...
    def run(self, args: argparse.Namespace) -> int: ...


class _Parser(argparse.ArgumentParser):
    """argparse, except that what it cannot use becomes one line instead of the whole usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: {message} ({self.prog} --help says what it takes)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the result is the exit status.

    0 on success, 2 on bad input (with one line on stderr), 130 when interrupted. ``argv`` without the program's
    name; None takes the process's own arguments.
    """
    words = list(sys.argv[1:] if argv is None else argv)

    def work() -> int:
        command, args = _parse(words)
        return command.run(args)

    return exit_status("goengine", work)


def _parse(words: list[str]) -> tuple[_Command, argparse.Namespace]:
    """The command's module and its arguments; ends the process on ``--help`` and on unusable arguments."""
    parser = _Parser(
        prog="goengine",
        description="A Go engine whose brain is a policy network.",
        epilog="goengine COMMAND --help says more about each.",
    )
    parser.add_argument("--version", action="version", version=f"goengine {__version__}")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", required=True)
    chosen: _Command | None = None
    named = next((word for word in words if not word.startswith("-")), None)
    for name, (module, line) in COMMANDS.items():
        one = commands.add_parser(name, help=line, description=line[0].upper() + line[1:] + ".")
        if name == named:
            chosen = cast(_Command, import_module(module))
            chosen.add_arguments(one)
    args = parser.parse_args(words)
    assert chosen is not None  # argparse has ended the process when no command was named
    return chosen, args
