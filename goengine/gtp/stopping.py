"""Stopping an engine that plays on a server without breaking off a game: a file that says so.

The file may appear at any time. The game in hand goes on to its end; the next command that begins a game (boardsize,
clear_board or loadsgf) fails with the reason, and the engine ends. kgsGtp says when a game is over (kgs-game_over), and
the engine ends there.

A command that begins a game may as well set up the game in hand once more: gtp2ogs does so before every move, others
when a connection was cut. So while the game on the board is not over, such a command is obeyed, and the engine ends
where it would have to make a first move.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from goengine.gtp.protocol import Handler, QuitGtp
from goengine.gtp.session import RESIGN, Session

__all__ = ["stopping_handlers"]

_BEGINS = ("boardsize", "clear_board", "loadsgf")
_ENDS = "kgs-game_over"
_OPENING = 2  # moves that the opponent may have made before the engine's first


def stopping_handlers(handlers: Mapping[str, Handler], path: Path, session: Session) -> dict[str, Handler]:
    """The same commands, but no new game begins while there is a file at ``path``."""
    return _Stopping(path, session).stop(handlers)


class _Stopping:
    """Knows whether the game on the board is one that has begun, and is to be played to its end."""

    def __init__(self, path: Path, session: Session) -> None:
        self._path = path
        self._session = session
        self._in_hand = False  # whether the engine has moved in this game
        self._set_up_again = False  # whether a command that begins a game was obeyed though the file was there

    def stop(self, handlers: Mapping[str, Handler]) -> dict[str, Handler]:
        """The handlers, each as it behaves while there is the file."""
        table = dict(handlers)
        for name in _BEGINS:
            table[name] = self._beginning(table[name])
        for name in table:
            if name == "place_free_handicap" or ("genmove" in name and name != "reg_genmove"):  # which plays nothing
                table[name] = self._moving(table[name])
        table[_ENDS] = self._ending(table[_ENDS])
        return table

    def _beginning(self, handler: Handler) -> Handler:
        def begin(words: list[str]) -> str | Iterator[str]:
            if not self._path.exists():
                self._in_hand = self._set_up_again = False
            elif self._in_hand and not self._over():
                self._set_up_again = True
            elif not self._set_up_again:
                self._decline()
            return handler(words)

        return begin

    def _moving(self, handler: Handler) -> Handler:
        def move(words: list[str]) -> str | Iterator[str]:
            if self._set_up_again and self._path.exists() and self._session.position.move_number < _OPENING:
                self._decline()
            answer = handler(words)
            lines = [answer] if isinstance(answer, str) else list(answer)
            self._in_hand, self._set_up_again = lines[-1].removeprefix("play ") != RESIGN, False
            return answer if isinstance(answer, str) else iter(lines)

        return move

    def _ending(self, handler: Handler) -> Handler:
        def end(words: list[str]) -> str | Iterator[str]:
            answer = handler(words)
            if self._path.exists():
                raise QuitGtp("")
            self._in_hand = False
            return answer

        return end

    def _over(self) -> bool:
        return self._session.position.passes >= 2

    def _decline(self) -> None:
        raise QuitGtp(f"no new game: {self._path} is there", failed=True)
