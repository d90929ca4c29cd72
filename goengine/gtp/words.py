"""What all handlers need: words to values, and our own errors to failures that begin as the specification says."""

import math
import re
from collections.abc import Iterator
from functools import wraps
from typing import TYPE_CHECKING

from goengine.coords import format_vertex
from goengine.errors import GoEngineError
from goengine.gtp.game import BoardNotEmpty, InvalidStones, UnacceptableSize
from goengine.gtp.protocol import GtpFailure, Handler
from goengine.gtp.session import RESIGN, Resign

if TYPE_CHECKING:
    from goengine.rules import Color

__all__ = [
    "COLORS",
    "color_of",
    "fixed",
    "format_move",
    "format_score",
    "in_words",
    "integers",
    "number_in",
    "numbers",
    "syntax_error",
    "take",
]

COLORS: "dict[str, Color]" = {"b": "black", "black": "black", "w": "white", "white": "white"}
"""The ways to write a colour, in lower case."""

_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?", re.ASCII | re.IGNORECASE)  # float() takes much more


def in_words(handler: Handler) -> Handler:
    """The handler, with our own errors turned into failures that begin as the specification says."""

    @wraps(handler)
    def safe(words: list[str]) -> str | Iterator[str]:
        try:
            return handler(words)
        except UnacceptableSize as error:
            raise GtpFailure(f"unacceptable size: {error}") from None
        except BoardNotEmpty as error:
            raise GtpFailure(f"board not empty: {error}") from None
        except InvalidStones as error:
            raise GtpFailure(f"invalid number of stones: {error}") from None
        except GoEngineError as error:
            raise GtpFailure(str(error)) from None

    return safe


def fixed(text: str) -> Handler:
    """A handler that always answers the same."""

    def answer(words: list[str]) -> str:
        return text

    return answer


def syntax_error(usage: str) -> GtpFailure:
    """The failure that says how to write the command."""
    return GtpFailure(f"syntax error: write {usage}")


def take(words: list[str], count: int, usage: str) -> list[str]:
    """The first ``count`` words. More are let pass, as controllers may know a later version of a command."""
    if len(words) < count:
        raise syntax_error(usage)
    return words[:count]


def integers(words: list[str], usage: str) -> list[int]:
    """The words as whole numbers; at least one."""
    numbers = []
    for word in words:
        digits = word.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= 10):
            raise syntax_error(usage)
        numbers.append(int(word))
    if not numbers:
        raise syntax_error(usage)
    return numbers


def number_in(word: str) -> float | None:
    """The number that a word writes, as 7, -0.5 or 1e-3; None where it is none, or too large."""
    number = float(word) if _NUMBER.fullmatch(word) else math.inf
    return number if math.isfinite(number) else None


def numbers(words: list[str], usage: str) -> list[float]:
    """The words as finite numbers."""
    found = []
    for word in words:
        number = number_in(word)
        if number is None:
            raise syntax_error(usage)
        found.append(number)
    return found


def color_of(word: str, usage: str) -> "Color":
    """The colour that a word names, in any case."""
    if word.lower() not in COLORS:
        raise syntax_error(usage)
    return COLORS[word.lower()]


def format_move(move: int | Resign | None, size: int) -> str:
    """A generated move as the protocol writes it: a vertex, ``pass`` or ``resign``."""
    return RESIGN if move == RESIGN else format_vertex(move, size)


def format_score(score: float) -> str:
    """A result such as ``B+3.5``, ``W+12`` or ``0``, from the score in Black's viewpoint."""
    if abs(score) < 1e-6:
        return "0"
    return f"{'B' if score > 0 else 'W'}+{abs(score):g}"
