"""``goengine play``: a game against the network in the terminal. Lines come from a keyboard or from a pipe."""

import argparse
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from goengine.cli import options
from goengine.coords import LETTERS, format_vertex, parse_vertex
from goengine.errors import GoEngineError
from goengine.files import check_output, write_text
from goengine.gtp.session import Session
from goengine.gtp.words import format_score
from goengine.handicap import star_points
from goengine.rulesets import Ruleset

if TYPE_CHECKING:
    from goengine.player import Player
    from goengine.rules import Color, Position

__all__ = ["add_arguments", "render_board", "run"]

HELP = """\
  d4          play there (column, then row)
  pass        two passes in a row end the game
  undo        take back your last move and the answer to it
  hint        the network's favourite moves
  score       how the game stands, by playouts
  save FILE   write the game as SGF
  board       show the board again
  resign      give up
  quit        stop playing"""

_EPILOG = f"""\
During the game, type:
{HELP}
  help        this list

Examples:
  goengine play                                  you are Black
  goengine play --color white --symmetries 8     it is Black, and at its best
  goengine play --handicap 4 --temperature 1     four stones ahead, and no two games are the same
"""


class _Over(Exception):
    """The game has ended; the message is its result, or "" when it was broken off."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``goengine play``."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    game = options.add_game(
        parser, "board size, 2 to 25; the bundled network was trained on 19x19", None, "7.5, or 0.5 with a handicap"
    )
    game.add_argument("--color", choices=("black", "white"), default="black", help="yours (default: %(default)s)")
    game.add_argument("--handicap", type=int, default=0, metavar="N", help="stones that Black starts with, 2 to 9")
    game.add_argument("--save", type=Path, metavar="FILE", help="write the game as SGF when it is over")
    options.add_network(parser)
    options.add_player(parser)


def run(args: argparse.Namespace) -> int:
    """Play one game."""
    if args.komi is None:
        args.komi = 0.5 if args.handicap else 7.5
    options.check(args)
    if args.save is not None:
        check_output(args.save)
    if hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(errors="replace")
    sys.stderr.write("loading the network ...\n")
    player = options.make_player(args)
    player.network_for(args.size)
    game = _Game(args, player)
    try:
        game.play()
    except _Over as end:
        game.finish(str(end))
    except KeyboardInterrupt:
        _say("")
        game.finish("")
        raise
    return 0


def render_board(position: "Position") -> str:
    """The board with coordinates: ``X`` Black, ``O`` White, ``+`` a star point, the last move in brackets."""
    size, board = position.size, position.board
    last = position.last_move[1] if position.last_move else None
    letters = "    " + " ".join(LETTERS[:size])
    rows = [letters]
    stars = star_points(size, size)
    for row in range(size):
        text = f" {size - row:2}"
        for col in range(size):
            point = row * size + col
            text += "(" if point == last else ")" if col and point - 1 == last else " "
            text += "XO"[int(board[row, col] < 0)] if board[row, col] else "+" if (row, col) in stars else "."
        text += ")" if last == row * size + size - 1 else " "
        rows.append(f"{text}{size - row}")
    return "\n".join([*rows, letters])


class _Game:
    """One game between a person and the player."""

    def __init__(self, args: argparse.Namespace, player: "Player") -> None:
        self._args = args
        self._player = player
        rules = Ruleset("area", "positional", "area")
        self._session = Session(lambda: player, args.size, args.komi, threads=player.threads, rules=rules)
        self._mine: Color = args.color
        if args.handicap:
            self._session.fixed_handicap(args.handicap)

    @property
    def _position(self) -> "Position":
        return self._session.position

    def play(self) -> None:
        """Take turns until the game is over, which raises _Over."""
        _say(HELP + "\n")
        self._show()
        while True:
            if self._position.to_play == self._mine:
                self._read()
            else:
                self._answer()

    def finish(self, result: str) -> None:
        """Say how the game ended, and save it where that was asked for."""
        if result:
            _say(f"result: {result}")
        if self._args.save is not None:
            self._save(self._args.save, result)

    def _read(self) -> None:
        """One line of the person's."""
        _say(f"{self._mine} to play (help lists the commands) > ", end="")
        line = sys.stdin.readline()
        if not line:
            _say("")
            raise _Over("")
        if not sys.stdin.isatty():
            _say(line.rstrip("\n"))  # so that a game from a pipe reads as one that was typed
        words = line.split()
        if not words:
            return
        commands: dict[str, Callable[[list[str]], None]] = {
            "help": lambda _: _say(HELP),
            "board": lambda _: self._show(),
            "undo": lambda _: self._undo(),
            "hint": lambda _: self._hint(),
            "score": lambda _: self._score(),
            "save": self._save_command,
            "resign": self._resign,
            "quit": self._quit,
            "exit": self._quit,
        }
        command = commands.get(words[0].lower())
        try:
            if command is not None:
                command(words[1:])
            elif len(words) == 1:
                self._session.play(self._mine, parse_vertex(words[0], self._position.size))
                self._end_of_turn()
            else:
                _say(f"{words[0]!r} is no command; help lists them")
        except GoEngineError as error:
            _say(str(error))
        except OSError as error:
            _say(f"{error.filename}: {error.strerror or error}")

    def _answer(self) -> None:
        """The player's move."""
        color = self._position.to_play
        if self._session.resigns(color):
            _say(f"{color} resigns")
            raise _Over(f"{self._mine[0].upper()}+R")
        point = self._session.choose(color)
        self._session.play(color, point)
        self._show()
        _say(f"{color} plays {format_vertex(point, self._position.size)}" if point is not None else f"{color} passes")
        self._end_of_turn()

    def _end_of_turn(self) -> None:
        if self._position.passes >= 2:
            self._score()
            raise _Over(format_score(self._session.score()))

    def _show(self) -> None:
        captures = self._position.captures
        _say(render_board(self._position))
        _say(
            f"move {self._position.move_number + 1}, komi {self._position.komi:g}, "
            f"captured by Black {captures['black']}, by White {captures['white']}"
        )

    def _undo(self) -> None:
        moves = self._position.moves
        if self._mine not in (color for color, _ in moves):
            _say("there is no move of yours to take back")
            return
        while self._position.undo()[0] != self._mine:
            pass
        self._show()

    def _hint(self) -> None:
        size = self._position.size
        favourites = self._player.suggest(self._position, 5)
        _say("  ".join(f"{format_vertex(point, size)} {share:.1%}" for point, share in favourites) or "pass")

    def _score(self) -> None:
        seen, size = self._session.estimate(), self._position.size
        dead = " ".join(format_vertex(chain.stones[0], size) for chain in seen.dead)
        doubtful = " ".join(format_vertex(chain.stones[0], size) for chain in seen.unsure)
        _say(f"by area: {format_score(self._session.score())}, komi included")
        if dead:
            _say(f"taken as dead: the stones at {dead}")
        if doubtful:
            _say(f"not settled yet: the stones at {doubtful}")
        elif not seen.decided:
            _say(f"the game is still open: {seen.contested} points are nobody's yet")

    def _resign(self, words: list[str]) -> None:
        raise _Over(f"{'W' if self._mine == 'black' else 'B'}+R")

    def _quit(self, words: list[str]) -> None:
        raise _Over("")

    def _save_command(self, words: list[str]) -> None:
        if not words:
            _say("write a file name too, as: save game.sgf")
            return
        self._save(Path(" ".join(words)), "")

    def _save(self, path: Path, result: str) -> None:
        """Write the game as SGF, whole or not at all."""
        from goengine.scoring import handicap_stones
        from goengine.sgf.write import write_game

        position = self._position
        names = {self._mine: "you", ("white" if self._mine == "black" else "black"): self._player.network.name}
        setup = position.setup_stones
        text = write_game(
            position.size,
            position.moves,
            komi=position.komi,
            handicap=len(setup["black"]),
            setup_black=setup["black"],
            setup_white=setup["white"],
            rules=self._session.rules.in_record() if handicap_stones(position) else "Chinese",  # they owe White nothing
            result=result,
            date=date.today().isoformat(),
            black=names["black"],
            white=names["white"],
        )
        write_text(path, text)
        _say(f"saved {path}")


def _say(text: str, end: str = "\n") -> None:
    sys.stdout.write(text + end)
    sys.stdout.flush()
