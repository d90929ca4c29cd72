"""A player's clock, and how to tell a GTP program about it.

The words are those of KataGo's ``kata-time_settings`` (GTP_Extensions.md in its documentation); what plain GTP can say
of them is in section 4.2 of the GTP 2 specification, "time handling".
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from goengine.errors import GoEngineError

__all__ = ["NO_TIME", "Clock", "TimeSettings", "parse_time"]

_NUMBERS = {  # kind of time settings, and the numbers that follow it, the last of them a count where there are three
    "none": "",
    "absolute": "MAIN",
    "byoyomi": "MAIN PERIOD PERIODS",
    "canadian": "MAIN OVERTIME STONES",
    "fischer": "MAIN INCREMENT",
}


@dataclass(frozen=True)
class TimeSettings:
    """How much time the players of a game have; all times in seconds."""

    kind: str = "none"
    """none; absolute; byoyomi (periods, each lost when used up); canadian (so many stones in an overtime); fischer."""
    main: float = 0.0
    period: float = 0.0
    """A period of byo-yomi, the overtime for so many stones, or the increment after each move."""
    count: int = 0
    """Periods or stones."""

    def __str__(self) -> str:
        numbers = {
            "none": (),
            "absolute": (self.main,),
            "fischer": (self.main, self.period),
        }.get(self.kind, (self.main, self.period, self.count))
        return " ".join([self.kind, *(f"{number:g}" for number in numbers)])


NO_TIME = TimeSettings()


def parse_time(text: str) -> TimeSettings:
    """Time settings from ``none``, ``absolute 300``, ``byoyomi 300 30 5``, ``canadian 300 60 10`` or ``fischer 300 5``.

    Three numbers alone are those of GTP's ``time_settings``: Canadian overtime, or none if the second is 0.

    Raises:
        GoEngineError: anything else.
    """
    words = text.lower().replace("byo-yomi", "byoyomi").split()
    if len(words) == 3 and words[0][:1].isdigit():
        words = ["absolute", words[0]] if _number(words[1]) == 0 else ["canadian", *words]
    kind, numbers = (words[0], [_number(word) for word in words[1:]]) if words else ("", [])
    if kind not in _NUMBERS or len(numbers) != len(_NUMBERS[kind].split()):
        known = ", ".join(f"{name} {rest}".strip() for name, rest in _NUMBERS.items())
        raise GoEngineError(f"time settings {text!r} are not possible: use {known}, in seconds")
    main, period, count = [*numbers, 0.0, 0.0, 0.0][:3]
    if (
        count != int(count)
        or (len(numbers) == 3 and (count < 1 or period <= 0))
        or (kind != "none" and not any(numbers))
    ):
        raise GoEngineError(f"time settings {text!r} leave no time, or no whole number of periods or stones")
    if kind == "fischer" and main == 0:  # increments come after moves
        raise GoEngineError(f"time settings {text!r} leave no time for the first move: give main time, as fischer 5 5")
    return TimeSettings(kind, main, period, int(count))


def _number(word: str) -> float:
    """A number of 0 or more; what is none is refused by the one who asks, as NaN would be."""
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise GoEngineError(f"{word!r} is no time in seconds, nor a number of periods or stones")
    return number


class Clock:
    """The time that one player has left in one game."""

    def __init__(self, settings: TimeSettings) -> None:
        self.settings = settings
        self.main = settings.main
        """Seconds of main time left."""
        self._left = settings.period  # of the overtime; whole again after each move of byo-yomi
        self._count = settings.count  # periods, or stones still to play in this overtime

    @property
    def available(self) -> float:
        """Seconds that the next move may take at most; infinite without a limit."""
        kind = self.settings.kind
        if kind == "none":
            return math.inf
        if kind == "byoyomi":
            return self.main + self._count * self.settings.period
        return self.main + (self._left if kind == "canadian" else 0.0)

    def spend(self, seconds: float) -> bool:
        """Take off what a move took; False when that was too long, and the game is lost."""
        if seconds > self.available:
            return False
        kind, period = self.settings.kind, self.settings.period
        over = max(0.0, seconds - self.main)
        was_over = self.main <= 0
        self.main = max(0.0, self.main - seconds)
        if kind == "fischer":
            self.main += period
        elif kind == "byoyomi":
            used_up = max(0, math.ceil(over / period) - 1)  # a period that is used to its end is not lost yet
            self._count -= used_up
        elif kind == "canadian" and (over > 0 or was_over):
            self._left -= over
            self._count -= 1
            if self._count == 0:
                self._left, self._count = period, self.settings.count
        return True

    def time_left(self, plain: bool) -> tuple[int, int]:
        """What ``time_left`` says: whole seconds, and stones or periods (0 in main time).

        Less than a second of main time counts with what comes after it: 0 0 would mean that the game is lost.

        Args:
            plain: the program knows no byo-yomi, so all periods but the last are told as main time, and that one as
                an overtime for one stone.
        """
        kind, period = self.settings.kind, self.settings.period
        if kind == "byoyomi":
            main = self.main + (self._count - 1) * period if plain else self.main
            return (int(main), 0) if main >= 1 else (int(main + period), 1 if plain else self._count)
        if kind == "canadian" and self.main < 1:
            return int(self.main + self._left), self._count
        return int(self.main), 0

    def reminders(self, color: str, knows: Callable[[str], bool]) -> list[str]:
        """What tells a program before its move how much time it has left."""
        if self.settings.kind == "none" or not knows("time_left"):
            return []
        plain = not (knows("kata-time_settings") or (self.settings.kind != "fischer" and knows("kgs-time_settings")))
        seconds, count = self.time_left(plain)
        return [f"time_left {color} {seconds} {count}"]

    def commands(self, knows: Callable[[str], bool]) -> list[str]:
        """What tells a program the time settings before a game, with the commands that it ``knows``; may be none."""
        settings = self.settings
        if settings.kind == "none":
            return []
        if knows("kata-time_settings"):
            return [f"kata-time_settings {settings}"]
        if settings.kind != "fischer" and knows("kgs-time_settings"):
            return [f"kgs-time_settings {settings}"]
        if not knows("time_settings"):
            return []
        main, period, count = settings.main, settings.period, settings.count
        if settings.kind == "byoyomi":
            main, count = main + (count - 1) * period, 1
        elif settings.kind == "fischer":
            period = 0  # plain GTP has no increments: time_left tells of them as they come
        return [f"time_settings {int(main)} {int(period)} {count}"]
