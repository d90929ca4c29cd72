"""Commands that set how the game is played: rules, the player's parameters, time, as KataGo and KGS have them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from goengine.bundled import DEFAULT, NAMED
from goengine.errors import GoEngineError
from goengine.gtp.protocol import GtpFailure, Handler
from goengine.gtp.session import Session
from goengine.gtp.words import fixed, number_in, syntax_error, take
from goengine.rulesets import find_ruleset, list_rulesets, ruleset_from_fields
from goengine.style import Style

__all__ = ["setting_handlers"]

_KGS_RULES = {
    "chinese": "chinese-kgs",
    "japanese": "japanese",
    "aga": "aga",
    "new_zealand": "new-zealand",
}
_TIME = {  # the numbers after each kind of time settings, and how many of them, the last, are counts
    "none": ((), 0),
    "absolute": (("main time",), 0),
    "byoyomi": (("main time", "period time", "periods"), 1),
    "canadian": (("main time", "overtime", "stones"), 1),
    "fischer": (("main time", "increment"), 0),
    "fischer-capped": (("main time", "increment", "main time limit", "longest move"), 0),
}
_NO_LIMIT = 2  # of the last two of fischer-capped a negative one means none
_KGS_TIME = ("none", "absolute", "byoyomi", "canadian")


def setting_handlers(session: Session) -> dict[str, Handler]:
    """The commands, for a session."""
    rules, parameters = _Rules(session), _Parameters(session)
    return {
        "kata-get-rules": rules.get,
        "kata-set-rules": rules.set,
        "kata-set-rule": rules.set_one,
        "kgs-rules": rules.kgs,
        "kata-list-params": fixed(" ".join(_PARAMETERS)),
        "kata-get-param": parameters.get,
        "kata-set-param": parameters.set,
        "kata-get-params": parameters.get_all,
        "kata-set-params": parameters.set_all,
        "kata-list_time_settings": fixed(" ".join(_TIME)),
        "kata-time_settings": lambda words: _time_settings("kata-time_settings", tuple(_TIME), words),
        "kgs-time_settings": lambda words: _time_settings("kgs-time_settings", _KGS_TIME, words),
    }


class _Rules:
    """One method a command; the arguments come as words."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, words: list[str]) -> str:
        import json

        return json.dumps(self._session.rules.fields(), separators=(",", ":"))

    def set(self, words: list[str]) -> str:
        if not words:
            raise syntax_error(f"kata-set-rules and {', '.join(list_rulesets())}, or a JSON object")
        text = " ".join(words)
        self._session.rules = ruleset_from_fields(_object(text)) if text.startswith("{") else find_ruleset(text)
        return ""

    def set_one(self, words: list[str]) -> str:
        field, value = take(words, 2, "kata-set-rule, a field and its value, as kata-set-rule ko SIMPLE")
        self._session.rules = ruleset_from_fields({field: value}, self._session.rules)
        return ""

    def kgs(self, words: list[str]) -> str:
        usage = f"kgs-rules and {', '.join(_KGS_RULES)}"
        (name,) = take(words, 1, usage)
        known = name.lower().replace("-", "_")
        if known not in _KGS_RULES:
            raise GtpFailure(f"unknown rules {name!r}: write {usage}")
        self._session.rules = find_ruleset(_KGS_RULES[known])
        return ""


class _Kind(NamedTuple):
    """A parameter: the field of the player's style, or a name of its own, and its values in words."""

    field: str
    values: str
    read: Callable[[str], Any]


def _whole(word: str) -> int:
    if not (word.isascii() and word.isdecimal() and len(word) <= 18):
        raise ValueError
    return int(word)


def _number(word: str) -> float:
    number = number_in(word)
    if number is None:
        raise ValueError
    return number


def _or_none(read: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda word: None if word.lower() == "none" else read(word)


def _truth(word: str) -> bool:
    if word.lower() not in ("true", "false"):
        raise ValueError
    return word.lower() == "true"


def _network(word: str) -> str | None:
    name = word.lower()
    return None if name == DEFAULT else name if name in NAMED else word


_THREADS, _NETWORK, _DEVICE = "threads", "network", "device"
_PARAMETERS: dict[str, _Kind] = {
    "temperature": _Kind("temperature", "a number, 0 to 100", _number),
    "topP": _Kind("top_p", "a share above 0, up to 1", _number),
    "symmetries": _Kind("symmetries", "1, 2, 4 or 8", _whole),
    "seed": _Kind("seed", "a whole number, or none", _or_none(_whole)),
    "resign": _Kind("resign", "points behind, above 0, or none", _or_none(_number)),
    "resignChance": _Kind("resign_chance", "a share above 0, up to 0.5", _number),
    "ladderGuard": _Kind("ladder_guard", "true or false", _truth),
    "passPolicy": _Kind("pass_policy", "human or cleanup", str.lower),
    "threads": _Kind(_THREADS, "a whole number from 1", _whole),
    "network": _Kind(_NETWORK, f"a file, {' or '.join(NAMED)}", _network),
    "device": _Kind(_DEVICE, "cpu, cuda, cuda:1, ...", str.lower),
    "chosenMoveTemperature": _Kind("temperature", "a number, 0 to 100", _number),
    "rootNumSymmetriesToSample": _Kind("symmetries", "1, 2, 4 or 8", _whole),
    "searchRandSeed": _Kind("seed", "a whole number, or none", _or_none(_whole)),
    "numSearchThreads": _Kind(_THREADS, "a whole number from 1", _whole),
}
"""By name, ours and then KataGo's for the same."""


class _Parameters:
    """One method a command; the arguments come as words."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, words: list[str]) -> str:
        (name,) = take(words, 1, "kata-get-param and a parameter, as kata-get-param temperature")
        return _written(self._value(_kind(name).field))

    def set(self, words: list[str]) -> str:
        name, value = take(words, 2, "kata-set-param, a parameter and its value, as kata-set-param temperature 0.5")
        self._change({name: " ".join(words[1:]) if _kind(name).field == _NETWORK else value})
        return ""

    def get_all(self, words: list[str]) -> str:
        import json

        return json.dumps({name: self._value(kind.field) for name, kind in _PARAMETERS.items()})

    def set_all(self, words: list[str]) -> str:
        if not words:
            raise syntax_error("kata-set-params and a JSON object, as kata-get-params answers")
        self._change(_object(" ".join(words)))
        return ""

    def _value(self, field: str) -> object:
        network, device = self._session.source
        own = {_THREADS: self._session.threads, _NETWORK: network or DEFAULT, _DEVICE: device}
        return own[field] if field in own else self._session.setting(field)

    def _change(self, values: Mapping[str, object]) -> None:
        """Change parameters, all of them or none."""
        changes = _changes(values)
        threads, (network, device) = self._session.threads, self._session.source
        exchanges = bool({_NETWORK, _DEVICE} & changes.keys())
        source = changes.pop(_NETWORK, network), changes.pop(_DEVICE, device)
        if _THREADS in changes:
            self._session.threads = changes.pop(_THREADS)
        try:
            replace(Style(), **changes)
            if exchanges:
                self._session.exchange(source)
        except GoEngineError:
            self._session.threads = threads
            raise
        self._session.restyle(**changes)


def _kind(name: str) -> _Kind:
    for known, kind in _PARAMETERS.items():
        if known.lower() == name.lower():
            return kind
    raise GoEngineError(f"unknown parameter {name!r}: use {', '.join(_PARAMETERS)}")


def _changes(values: Mapping[str, object]) -> dict[str, Any]:
    """The fields that these values of parameters, in words or from JSON, stand for."""
    changes = {}
    for name, value in values.items():
        kind = _kind(name)
        try:
            changes[kind.field] = kind.read(_written(value))
        except ValueError:
            raise GoEngineError(f"{name} {_written(value)!r} is not possible: use {kind.values}") from None
    return changes


def _written(value: object) -> str:
    """A value as the commands write it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _time_settings(command: str, kinds: tuple[str, ...], words: list[str]) -> str:
    """Nothing changes, as a move takes milliseconds; but nonsense should not pass for a time limit."""
    kind = words[0].lower().replace("byo-yomi", "byoyomi") if words else ""
    if kind not in kinds:
        raise syntax_error(f"{command} and {', '.join(kinds)}, with the numbers")
    names, counts = _TIME[kind]
    usage = f"{command} {' '.join(words[:1])}" + "".join(f", {name}" for name in names)
    for place, word in enumerate(take(words[1:], len(names), usage)):
        try:
            number = _whole(word) if place >= len(names) - counts else _number(word)
        except ValueError:
            raise syntax_error(usage) from None
        if number < 0 and not (kind == "fischer-capped" and place >= _NO_LIMIT):
            raise syntax_error(usage)
    return ""


def _object(text: str) -> dict[str, object]:
    """The JSON object that a text holds.

    Raises:
        GoEngineError: it holds none.
    """
    import json

    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise GoEngineError(f"{text[:60]!r} is not JSON: write an object, as kata-get-rules answers") from None
    if not isinstance(found, dict):
        raise GoEngineError(f"{text[:60]!r} is not a JSON object")
    return found
