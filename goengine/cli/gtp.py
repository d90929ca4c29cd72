"""``goengine gtp``: the engine on stdin and stdout."""

import argparse
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from goengine.cli import options
from goengine.gtp.handlers import NAME, crash_report, make_handlers
from goengine.gtp.log import GtpLog
from goengine.gtp.protocol import Engine, Lines, Output
from goengine.gtp.session import Session
from goengine.gtp.startup import Background, own_stdout, patient_analysis, reserve_descriptors
from goengine.gtp.stopping import stopping_handlers
from goengine.gtp.watch import watch
from goengine.rulesets import find_ruleset, list_rulesets

if TYPE_CHECKING:
    from goengine.player import Player, PolicySource

__all__ = ["add_arguments", "run"]

_EPILOG = """\
Give this command to a GUI as the engine to start; gtp/README.md has the settings of each.
By hand:
  echo "genmove black" | goengine gtp     a first move; also compiles what the first start has to
  goengine gtp                            then type: play black d4, genmove white, showboard, quit
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``goengine gtp``."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    game = options.add_game(
        parser, "board size, 2 to 25, until boardsize sets another; the network was trained on 19x19"
    )
    game.add_argument(
        "--rules",
        metavar="NAME",
        default="chinese",
        help=f"{', '.join(list_rulesets())} (default: %(default)s)",
    )
    game.add_argument(
        "--ko",
        choices=("simple", "positional", "situational"),
        help="which repetition play refuses; the engine's own moves never repeat (default: as the rules say)",
    )
    options.add_network(parser)
    options.add_player(parser)
    talk = parser.add_argument_group("GUIs and servers")
    talk.add_argument(
        "--name",
        default=NAME,
        help="what it calls itself; some GUIs show more of a name that begins with KataGo (default: %(default)s)",
    )
    talk.add_argument("--gtp-log", metavar="FILE", help="append all commands and responses, with times, to this file")
    talk.add_argument(
        "--stop-file",
        type=Path,
        metavar="FILE",
        help="once there is such a file, finish the game, decline the next one, and end",
    )


def run(args: argparse.Namespace) -> int:
    """Answer GTP commands until ``quit``, the end of the input, a signal, or until nobody reads the answers."""
    reserve_descriptors()
    options.check(args)
    log = GtpLog(args.gtp_log) if args.gtp_log else None
    rules = find_ruleset(args.rules)
    out = own_stdout()
    responses: Output = out

    def end(reason: str, status: int) -> None:
        if log is not None:
            log.note(reason)
        os._exit(status)

    watch(out.fileno(), end)
    player = Background(_loader(args))
    threads = args.threads or options.default_threads()
    source = args.network, args.device
    make = partial(options.make_player, args)
    session = Session(player.get, args.size, args.komi, args.ko, threads, rules, source, _load, make)
    lines = Lines(0)
    handlers = patient_analysis(make_handlers(session, lines.wait, args.name), player, lines.wait)
    if args.stop_file:
        handlers = stopping_handlers(handlers, args.stop_file, session)
    engine = Engine(handlers, crash_report)
    commands = _noticing(lines, player)
    if log is not None:
        commands, responses = log.received(commands), log.sent(responses)
    player.start()
    engine.run(commands, responses)
    # There is nothing to save, taking torch down lasts a second, and Python cannot be taken down at all while a
    # thread is in the middle of an import.
    os._exit(0)


def _noticing(lines: Lines, player: "Background[Player]") -> Iterator[bytes]:
    """The lines, telling the background when one was answered and the next asked for."""
    for line in lines:
        player.heard()
        yield line
        player.heard()


def _load(network: str | None, device: str) -> "PolicySource":
    """Another network, while the engine runs."""
    from goengine.checkpoint import load_network

    return load_network(network, device)


def _loader(args: argparse.Namespace) -> "Callable[[], Player]":
    """What makes the player and has it play a first move on trial, so that the next one comes at once."""

    def load() -> "Player":
        from goengine.estimate import estimate
        from goengine.rules import Position

        trial = Position(args.size)
        trial.play(0)
        estimate(trial, playouts=4)
        player = options.make_player(args)
        empty = Position(player.network.size)
        for _ in range(2):
            player.choose(empty)
        return player

    return load
