"""Commands that set up the board: its size, komi, handicap stones, stones that are no moves, a record from a file."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from goengine.coords import format_vertex, parse_vertex
from goengine.errors import CoordinateError, IllegalMove, RecordError
from goengine.gtp.game import Game, InvalidStones
from goengine.gtp.protocol import GtpFailure, Handler
from goengine.gtp.words import color_of, integers, numbers, syntax_error, take

if TYPE_CHECKING:
    from goengine.rules import Color

__all__ = ["setup_handlers"]

_MOST_KOMI = 1_000_000


def setup_handlers(game: Game) -> dict[str, Handler]:
    """The commands, for a game."""
    commands = _Setup(game)
    return {
        "boardsize": commands.boardsize,
        "clear_board": commands.clear_board,
        "komi": commands.komi,
        "get_komi": commands.get_komi,
        "fixed_handicap": commands.fixed_handicap,
        "place_free_handicap": commands.place_free_handicap,
        "set_free_handicap": commands.set_free_handicap,
        "loadsgf": commands.loadsgf,
        "set_position": commands.set_position,
        "gogui-setup": commands.gogui_setup,
        "gogui-setup_player": commands.gogui_setup_player,
    }


class _Setup:
    """One method a command; the arguments come as words."""

    def __init__(self, game: Game) -> None:
        self._game = game

    def boardsize(self, words: list[str]) -> str:
        sizes = integers(words, "boardsize and the size, as boardsize 19")
        if set(sizes[:2]) != {sizes[0]}:  # gtp2ogs writes width and height
            raise GtpFailure(f"unacceptable size: {sizes[0]}x{sizes[1]} is not square")
        self._game.resize(sizes[0])
        return ""

    def clear_board(self, words: list[str]) -> str:
        take(words, 0, "clear_board alone")
        self._game.clear()
        return ""

    def komi(self, words: list[str]) -> str:
        usage = "komi and a number, as komi 7.5"
        (komi,) = numbers(take(words, 1, usage), usage)
        if not abs(komi) <= _MOST_KOMI:
            raise syntax_error(usage)
        self._game.komi = komi
        return ""

    def fixed_handicap(self, words: list[str]) -> str:
        stones = integers(words[:1], "fixed_handicap and the number of stones")[0]
        return self._vertices(self._game.fixed_handicap(stones))

    def place_free_handicap(self, words: list[str]) -> str:
        stones = integers(words[:1], "place_free_handicap and the number of stones")[0]
        return self._vertices(self._game.free_handicap(stones))

    def set_free_handicap(self, words: list[str]) -> str:
        points = self._points(words)
        try:
            self._game.set_handicap(points)
        except InvalidStones as error:
            raise GtpFailure(f"bad vertex list: {error}") from None
        return ""

    def loadsgf(self, words: list[str]) -> str:
        import os
        from pathlib import Path

        if not words:
            raise syntax_error("loadsgf, a file, and perhaps a move number")
        move_number = None
        name = " ".join(words)
        if len(words) > 1 and words[-1].isascii() and words[-1].isdecimal() and not os.path.exists(name):
            name, move_number = " ".join(words[:-1]), int(words[-1][:9])
        if os.path.exists(name) and not os.path.isfile(name):
            raise GtpFailure(f"cannot load file: {name}: no file")  # a device would be read for ever
        try:
            complaints = self._game.load(Path(name), move_number)
        except (RecordError, IllegalMove, OSError, ValueError) as error:
            raise GtpFailure(f"cannot load file: {error}") from None
        for complaint in complaints:
            sys.stderr.write(f"goengine: {complaint}\n")
        return ""

    def get_komi(self, words: list[str]) -> str:
        return f"{self._game.komi:g}"

    def set_position(self, words: list[str]) -> str:
        stones = self._stones(words, "set_position and pairs of a colour and a vertex")
        try:
            self._game.set_up(stones)
        except IllegalMove as error:
            raise GtpFailure(f"bad vertex list: {error}") from None
        return ""

    def gogui_setup(self, words: list[str]) -> str:
        stones = self._stones(words, "gogui-setup and pairs of a colour and a vertex")
        try:
            self._game.set_up(stones, anew=False)
        except IllegalMove as error:
            raise GtpFailure(f"bad vertex list: {error}") from None
        return ""

    def gogui_setup_player(self, words: list[str]) -> str:
        usage = "gogui-setup_player and a colour, as gogui-setup_player white"
        self._game.position.to_play = color_of(take(words, 1, usage)[0], usage)
        return ""

    def _stones(self, words: list[str], usage: str) -> "list[tuple[Color, int]]":
        """The stones that pairs of a colour and a vertex name."""
        if len(words) % 2:
            raise syntax_error(usage)
        colors = [color_of(word, usage) for word in words[::2]]
        return list(zip(colors, self._points(words[1::2]), strict=True))

    def _points(self, words: list[str]) -> list[int]:
        """The points that a list of vertices names, none of them a pass."""
        points = []
        for word in words:
            try:
                point = parse_vertex(word, self._game.size)
            except CoordinateError as error:
                raise GtpFailure(f"bad vertex list: {error}") from None
            if point is None:
                raise GtpFailure("bad vertex list: pass is no place for a stone")
            points.append(point)
        return points

    def _vertices(self, points: Iterable[int]) -> str:
        return " ".join(format_vertex(point, self._game.size) for point in points)
