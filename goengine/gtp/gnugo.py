"""Commands of GNU Go's own that other programs have come to use; Kigo draws its board by them."""

from pathlib import Path
from typing import TYPE_CHECKING

from goengine.coords import format_vertex, parse_vertex
from goengine.errors import CoordinateError, GoEngineError
from goengine.files import write_text
from goengine.gtp.protocol import GtpFailure, Handler
from goengine.gtp.session import Session
from goengine.gtp.words import color_of, format_score, syntax_error, take

if TYPE_CHECKING:
    from goengine.rules import Color

__all__ = ["gnugo_handlers"]

_TOP = 10  # moves of a hint
_SHOWN = (95, 50, 5)  # percentiles of the playouts' scores, Black's viewpoint


def gnugo_handlers(session: Session) -> dict[str, Handler]:
    """The commands, for a session."""
    commands = _GnuGo(session)
    return {
        "list_stones": commands.list_stones,
        "captures": commands.captures,
        "is_legal": commands.is_legal,
        "last_move": commands.last_move,
        "move_history": commands.move_history,
        "query_boardsize": commands.query_boardsize,
        "get_handicap": commands.get_handicap,
        "estimate_score": commands.estimate_score,
        "top_moves_black": lambda words: commands.top_moves("black"),
        "top_moves_white": lambda words: commands.top_moves("white"),
        "printsgf": commands.printsgf,
    }


class _GnuGo:
    """One method a command; the arguments come as words."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list_stones(self, words: list[str]) -> str:
        usage = "list_stones and a colour, as list_stones black"
        stone = 1 if color_of(take(words, 1, usage)[0], usage) == "black" else -1
        stones = self._session.position.board.reshape(-1).tolist()
        return " ".join(self._vertex(point) for point, owner in enumerate(stones) if owner == stone)

    def captures(self, words: list[str]) -> str:
        usage = "captures and a colour, as captures black"
        return str(self._session.position.captures[color_of(take(words, 1, usage)[0], usage)])

    def is_legal(self, words: list[str]) -> str:
        usage = "is_legal, a colour and a vertex, as is_legal black D4"
        color, vertex = take(words, 2, usage)
        try:
            point = parse_vertex(vertex, self._session.size)
        except CoordinateError as error:
            raise GtpFailure(f"invalid coordinate: {error}") from None
        return str(int(self._session.position.is_legal(point, color_of(color, usage))))

    def last_move(self, words: list[str]) -> str:
        last = self._session.position.last_move
        if last is None:
            raise GtpFailure("no previous move known")
        return self._move(*last)

    def move_history(self, words: list[str]) -> str:
        return "\n".join(self._move(*move) for move in reversed(self._session.position.moves))

    def query_boardsize(self, words: list[str]) -> str:
        return str(self._session.size)

    def get_handicap(self, words: list[str]) -> str:
        from goengine.scoring import handicap_stones

        return str(handicap_stones(self._session.position))

    def estimate_score(self, words: list[str]) -> str:
        import numpy as np

        scores = self._session.estimate().scores
        lower, median, upper = self._session.owed() - np.percentile(scores, _SHOWN)  # White's viewpoint, as GNU Go's
        return f"{format_score(-float(median))} (upper bound: {upper:.1f}, lower: {lower:.1f})"

    def top_moves(self, color: "Color") -> str:
        thinking = self._session.think(color, most=_TOP)
        return " ".join(
            f"{format_vertex(line[0], self._session.size)} {100 * thinking.prior(number):.2f}"
            for number, line in enumerate(thinking.lines)
        )

    def printsgf(self, words: list[str]) -> str:
        from goengine.scoring import handicap_stones
        from goengine.sgf import GameRecord

        position = self._session.position
        first = position.moves[0][0] if position.move_number else position.to_play
        text = GameRecord(
            position.size,
            position.codes(),
            to_play=first,
            komi=position.komi,
            handicap=handicap_stones(position) if first == "white" else 0,  # after a handicap it is White's turn
            rules=self._session.rules.in_record(),
        ).to_sgf()
        if not words or words == ["-"]:
            return text
        path = Path(" ".join(words))
        if path.suffix.lower() != ".sgf":  # nothing else can be overwritten
            raise syntax_error("printsgf alone, or with a file whose name ends in .sgf")
        try:
            write_text(path, text)
        except GoEngineError as error:
            raise GtpFailure(f"cannot open or write {error}") from None
        except OSError as error:
            raise GtpFailure(f"cannot open or write {path}: {error.strerror}") from None
        return ""

    def _vertex(self, point: int) -> str:
        return format_vertex(point, self._session.size)

    def _move(self, color: "Color", point: int | None) -> str:
        return f"{color} {format_vertex(point, self._session.size)}"
