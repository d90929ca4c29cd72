"""Stopping an engine that plays on a server without breaking off a game: a file that says so.

The file may appear at any time. The game in hand goes on to its end; the next command that begins a game (boardsize,
clear_board or loadsgf) fails with the reason, and the engine ends. kgsGtp says when a game is over (kgs-game_over), and
the engine ends there.
"""

from collections.abc import Mapping
from pathlib import Path

from goengine.gtp.protocol import Handler, QuitGtp

__all__ = ["stopping_handlers"]

_BEGINS = ("boardsize", "clear_board", "loadsgf")
_ENDS = "kgs-game_over"


def stopping_handlers(handlers: Mapping[str, Handler], path: Path) -> dict[str, Handler]:
    """The same commands, but no new game begins while there is a file at ``path``."""

    def declining(handler: Handler) -> Handler:
        def decline(words: list[str]) -> object:
            if path.exists():
                raise QuitGtp(f"no new game: {path} is there", failed=True)
            return handler(words)

        return decline  # type: ignore[return-value]

    def ending(handler: Handler) -> Handler:
        def end(words: list[str]) -> object:
            answer = handler(words)
            if path.exists():
                raise QuitGtp("")
            return answer

        return end  # type: ignore[return-value]

    table = dict(handlers)
    for name in _BEGINS:
        table[name] = declining(table[name])
    table[_ENDS] = ending(table[_ENDS])
    return table
