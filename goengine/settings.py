"""Settings: a frozen dataclass read from TOML, overridden by ``--name value``, checked, and written back.

A field has one of the types of `_KINDS`; whatever else is given for it gets one line that says what it takes.
"""

import argparse
import contextlib
import dataclasses
import difflib
import json
import math
import os
import tomllib
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from goengine.errors import RecipeError

__all__ = [
    "as_dict",
    "check_choices",
    "check_least",
    "check_name",
    "names",
    "parse_arguments",
    "parse_setting",
    "read_settings",
    "settings_from",
    "to_toml",
]

Settings = TypeVar("Settings")

_INTEGERS, _SHARES, _CURVE = tuple[int, ...], Mapping[str, float], Mapping[int, float]
_KINDS: dict[Any, str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    _INTEGERS: "whole numbers, as 1000,2000",
    _SHARES: "sources and numbers, as kgs6d=3,aebpro=1",
    _CURVE: "whole numbers and numbers above 0, as 200000=2.2",
}


def names(kind: type[Any]) -> list[str]:
    """The names of a dataclass's settings."""
    return [setting.name for setting in dataclasses.fields(kind)]


def settings_from(kind: type[Settings], values: Mapping[str, Any], where: str) -> Settings:
    """Settings from plain values.

    Args:
        kind: the dataclass.
        values: names and values as TOML or JSON gives them.
        where: the file, for messages.

    Raises:
        RecipeError: for unknown names (with the nearest known one) and wrong types or values.
    """
    settings = {name: _typed(kind, name, value, where) for name, value in values.items()}
    try:
        return kind(**settings)
    except RecipeError as error:
        raise RecipeError(f"{where}: {error}") from None


def read_settings(
    kind: type[Settings],
    path: str | os.PathLike[str],
    overrides: Mapping[str, Any] | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> Settings:
    """Settings from a TOML file.

    Args:
        kind: the dataclass.
        path: the file.
        overrides: settings that replace the file's.
        defaults: settings that the file replaces.

    Raises:
        RecipeError: when the file is missing, is not TOML, or holds a bad setting.
    """
    try:
        values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"{path}: cannot read this recipe ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: not a TOML recipe ({' '.join(str(error).split())})") from None
    return settings_from(kind, {**(defaults or {}), **values, **(overrides or {})}, str(path))


def check_name(kind: type[Any], name: str, where: str) -> None:
    """Refuse a name that is no setting.

    Raises:
        RecipeError: with the nearest name there is.
    """
    known = names(kind)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}"
        raise RecipeError(f"{where}: there is no setting {name!r}{hint}")


def parse_setting(kind: type[Any], name: str, text: str) -> Any:
    """A command line's text as the value that TOML would have given.

    Raises:
        RecipeError: for text that is no value of this setting.
    """
    wanted = _wanted(kind, name)
    try:
        if wanted is str:
            return text
        if wanted is bool:
            return {"true": True, "false": False, "1": True, "0": False}[text.lower()]
        if wanted is int:
            return int(text.replace("_", ""))
        if wanted is float:
            return float(text)
        parts = [part for part in text.split(",") if part]
        if wanted == _INTEGERS:
            return [int(part) for part in parts]
        return {key: float(value) for key, value in (part.split("=") for part in parts)}
    except (ValueError, KeyError):
        raise RecipeError(f"--{name} {text}: not a value for this setting ({_KINDS[wanted]})") from None


def parse_arguments(
    parser: argparse.ArgumentParser, kind: type[Any], argv: Sequence[str] | None
) -> tuple[argparse.Namespace, dict[str, Any]]:
    """A command line of which each setting may be a part, as ``--name value``.

    Args:
        parser: for everything else; its options are not abbreviated (``allow_abbrev=False``).
        kind: the dataclass.
        argv: the words; None for the program's own.

    Returns:
        The parsed options, and the settings that were given.

    Raises:
        RecipeError: for what is neither, with the nearest name, and for text that is no value of its setting.
    """
    known = names(kind)
    for name in known:
        flags = {f"--{name}", f"--{name.replace('_', '-')}"}
        parser.add_argument(*sorted(flags), dest=f"set_{name}", help=argparse.SUPPRESS)
    arguments, unknown = parser.parse_known_args(argv)
    for text in unknown:
        if text.startswith("--"):
            check_name(kind, text[2:].partition("=")[0].replace("-", "_"), "command line")
        raise RecipeError(f"unexpected argument {text!r}; see --help")
    given = {name: getattr(arguments, f"set_{name}") for name in known}
    return arguments, {name: parse_setting(kind, name, text) for name, text in given.items() if text is not None}


def check_choices(settings: Any, choices: Mapping[str, Sequence[str]]) -> None:
    """Refuse a text that is none of its choices.

    Raises:
        RecipeError: naming the setting, its value and the choices.
    """
    for name, allowed in choices.items():
        if getattr(settings, name) not in allowed:
            raise RecipeError(f"{name} = {getattr(settings, name)!r}: use one of {', '.join(allowed)}")


def check_least(settings: Any, least: Mapping[str, float]) -> None:
    """Refuse numbers that are not finite, or below the least there may be of them: 0, where nothing else is said.

    Whole numbers have 63 bits: no generator of random numbers takes a seed of more.

    Raises:
        RecipeError: naming the setting, its value and the least.
    """
    for setting in dataclasses.fields(settings):
        value = getattr(settings, setting.name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            low = least.get(setting.name, 0)
            if not math.isfinite(value) or value < low:
                raise RecipeError(f"{setting.name} = {value!r}: must be at least {low}")
            if isinstance(value, int) and value >= 2**63:
                raise RecipeError(f"{setting.name} = {value!r}: must be between {low} and 2**63 - 1")


def as_dict(settings: Any) -> dict[str, Any]:
    """Plain JSON values."""
    plain = dataclasses.asdict(settings)
    for key, value in plain.items():
        if isinstance(value, tuple):
            plain[key] = list(value)
        elif isinstance(value, Mapping):
            plain[key] = {str(name): number for name, number in value.items()}
    return plain


def to_toml(settings: Any) -> str:
    """All settings as TOML, to be read back by `read_settings`."""
    lines = []
    for key, value in as_dict(settings).items():
        if isinstance(value, dict):
            text = "{" + ", ".join(f"{_toml(k)} = {v!r}" for k, v in value.items()) + "}"
        else:
            text = _toml(value)
        lines.append(f"{key} = {text}\n")
    return "".join(lines)


def _toml(value: Any) -> str:
    """A text, number, truth value or list; TOML knows no pairs of surrogates, nor half of one, as in a file's name."""
    text = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode("utf-8")
    return text.replace("\x7f", "\\u007f")


def _wanted(kind: type[Any], name: str) -> Any:
    return typing.get_type_hints(kind)[name]


def _typed(kind: type[Any], name: str, value: Any, where: str) -> Any:
    check_name(kind, name, where)
    wanted = _wanted(kind, name)
    good: Any = None
    if wanted is float and type(value) in (int, float):
        good = float(value)
    elif wanted in (str, bool, int) and type(value) is wanted:
        good = value
    elif wanted == _INTEGERS and isinstance(value, list | tuple) and all(type(v) is int and v > 0 for v in value):
        good = tuple(value)
    elif (
        wanted == _SHARES
        and isinstance(value, Mapping)
        and all(isinstance(k, str) and type(v) in (int, float) and v >= 0 for k, v in value.items())
    ):
        good = {key: float(number) for key, number in value.items()}
    elif wanted == _CURVE and isinstance(value, Mapping):
        with contextlib.suppress(TypeError, ValueError):
            points = {int(str(key).replace("_", "")): float(number) for key, number in value.items()}
            good = points if all(key > 0 and number > 0 for key, number in points.items()) else None
    if good is None:
        raise RecipeError(f"{where}: {name} = {value!r} is not {_KINDS[wanted]}")
    return good
