"""Sets of rules by name, with the fields and the names that KataGo documents: ko, suicide, scoring, White's bonus.

The fields are those of https://lightvector.github.io/KataGo/rules.html. Not every combination can be played here:
:func:`ruleset_from_fields` says which cannot. Positions know no suicide (:mod:`goengine.rules`), so under rules that
allow it such a move is refused all the same.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from goengine.errors import GoEngineError

if TYPE_CHECKING:  # the names of rules are asked for before NumPy is loaded
    from goengine.rules import Ko

__all__ = [
    *("RULESETS", "Bonus", "Ruleset", "Scoring"),
    *("find_ruleset", "list_rulesets", "ruleset_from_fields", "ruleset_of_record"),
]

Scoring: TypeAlias = Literal["area", "territory"]
Bonus: TypeAlias = Literal["0", "N-1", "N"]


@dataclass(frozen=True)
class Ruleset:
    """What differs between the rules of Go."""

    name: str
    ko: "Ko"
    scoring: Scoring
    suicide: bool = False
    """Whether the rules allow a move that takes away its own chain; such a move cannot be played here."""
    seki_tax: bool = False
    """Whether points surrounded in seki count nothing."""
    bonus: Bonus = "0"
    """Points for White in a game with N handicap stones."""

    def fields(self) -> dict[str, bool | str]:
        """As KataGo writes a set of rules, its fields in its order."""
        return {
            "hasButton": False,
            "ko": self.ko.upper(),
            "scoring": self.scoring.upper(),
            "suicide": self.suicide,
            "tax": "SEKI" if self.seki_tax else "NONE",
            "whiteHandicapBonus": self.bonus,
        }

    def in_record(self) -> str:
        """What a game record says in RU, to be read back by `ruleset_of_record`: the name, or KataGo's one word."""
        if RULESETS.get(self.name) == self:
            return self.name
        tax = "SEKI" if self.seki_tax else "NONE"
        return f"ko{self.ko.upper()}score{self.scoring.upper()}tax{tax}sui{int(self.suicide)}whb{self.bonus}"

    def handicap_bonus(self, stones: int) -> int:
        """White's points for so many handicap stones; fewer than two are none."""
        if stones < 2 or self.bonus == "0":
            return 0
        return stones if self.bonus == "N" else stones - 1


_JAPANESE = Ruleset("japanese", "simple", "territory", seki_tax=True)
_CHINESE = Ruleset("chinese", "simple", "area", bonus="N")
_AGA = Ruleset("aga", "situational", "area", bonus="N-1")

RULESETS: dict[str, Ruleset] = {
    each.name: each
    for each in (
        _CHINESE,
        replace(_CHINESE, name="chinese-ogs", ko="positional"),
        replace(_CHINESE, name="chinese-kgs", ko="positional"),
        _JAPANESE,
        replace(_JAPANESE, name="korean"),
        Ruleset("tromp-taylor", "positional", "area", suicide=True),
        _AGA,
        replace(_AGA, name="bga"),
        Ruleset("new-zealand", "situational", "area", suicide=True),
    )
}
"""The sets by name."""

_ALIASES = {"nz": "new-zealand", "newzealand": "new-zealand", "tromptaylor": "tromp-taylor", "tt": "tromp-taylor"}
_IN_RECORDS = {"jp": "japanese", "jpn": "japanese", "cn": "chinese", "chn": "chinese", "kr": "korean", "kor": "korean"}
_KATAGO_RECORD = re.compile(r"ko([A-Z]+)score([A-Z]+)tax([A-Z]+)sui([01])(button1)?(?:whb(0|N-1|N))?(?:fpok[01]?)?")
_UNSUPPORTED = {
    "aga-button": "button go is not supported, use aga",
    "stone-scoring": "a tax on every group is not supported, use chinese",
    "ancient-territory": "a tax on every group is not supported, use japanese",
}
_CHOICES: dict[str, tuple[str | bool, ...]] = {  # all that KataGo documents
    "hasButton": (False, True),
    "ko": ("SIMPLE", "POSITIONAL", "SITUATIONAL"),
    "scoring": ("AREA", "TERRITORY"),
    "suicide": (False, True),
    "tax": ("NONE", "SEKI", "ALL"),
    "whiteHandicapBonus": ("0", "N-1", "N"),
}
_NO_EFFECT = "friendlyPassOk"  # KataGo's later versions write it; it says nothing about the score


def list_rulesets() -> tuple[str, ...]:
    """The names of the sets."""
    return tuple(RULESETS)


def find_ruleset(name: str) -> Ruleset:
    """The set of this name, in any case, with ``_`` or a space for ``-``.

    Raises:
        GoEngineError: there is none.
    """
    key = "-".join(name.lower().replace("_", "-").split())
    key = _ALIASES.get(key, key)
    if key in RULESETS:
        return RULESETS[key]
    if key in _UNSUPPORTED:
        raise GoEngineError(f"rules {name!r}: {_UNSUPPORTED[key]}")
    raise GoEngineError(f"unknown rules {name!r}: use {', '.join(RULESETS)}")


def ruleset_of_record(text: str) -> Ruleset:
    """The set that a game record names in RU: a name, perhaps with the word "rules", or all of it in one word.

    The one word is KataGo's, such as ``koSIMPLEscoreAREAtaxNONEsui0whbN``.

    Raises:
        GoEngineError: there is none of the kind.
    """
    if written := _KATAGO_RECORD.fullmatch(text.strip()):
        ko, scoring, tax, suicide, button, bonus = written.groups()
        fields: dict[str, object] = {"ko": ko, "scoring": scoring, "tax": tax, "suicide": suicide == "1"}
        return ruleset_from_fields(fields | {"hasButton": bool(button), "whiteHandicapBonus": bonus or "0"})
    name = re.sub(r"\s+rules$", "", text.strip(), flags=re.IGNORECASE)
    return find_ruleset(_IN_RECORDS.get(name.lower(), name))


def ruleset_from_fields(fields: Mapping[str, object], base: Ruleset = RULESETS["tromp-taylor"]) -> Ruleset:
    """The set that KataGo's fields describe; those not given are those of ``base``.

    Where the scoring is given and the tax is not, the tax follows it: ``SEKI`` for territory, ``NONE`` for area.

    Raises:
        GoEngineError: a field or a value does not exist, or the combination is not supported.
    """
    given = {key: _checked(key, value) for key, value in fields.items() if key != _NO_EFFECT}
    all_fields = base.fields() | given
    if "scoring" in given and "tax" not in given:
        all_fields["tax"] = "SEKI" if given["scoring"] == "TERRITORY" else "NONE"
    if all_fields["hasButton"]:
        raise GoEngineError("hasButton true is not supported: use false")
    if all_fields["tax"] == "ALL" or (all_fields["tax"] == "SEKI" and all_fields["scoring"] == "AREA"):
        raise GoEngineError(f"tax {all_fields['tax']} is not supported with {all_fields['scoring']} scoring: use NONE")
    for each in RULESETS.values():
        if each.fields() == all_fields:
            return each
    ko: Ko = _KO[str(all_fields["ko"])]
    return Ruleset(
        "custom",
        ko,
        "territory" if all_fields["scoring"] == "TERRITORY" else "area",
        bool(all_fields["suicide"]),
        all_fields["tax"] == "SEKI",
        _BONUS[str(all_fields["whiteHandicapBonus"])],
    )


_KO: "dict[str, Ko]" = {"SIMPLE": "simple", "POSITIONAL": "positional", "SITUATIONAL": "situational"}
_BONUS: dict[str, Bonus] = {"0": "0", "N-1": "N-1", "N": "N"}


def _checked(key: str, value: object) -> bool | str:
    """The value as KataGo writes it."""
    if key not in _CHOICES:
        raise GoEngineError(f"unknown field {key!r} of the rules: use {', '.join(_CHOICES)}")
    choices = _CHOICES[key]
    for choice in choices:
        if str(value).upper() == str(choice).upper():
            return choice
    raise GoEngineError(f"{key} {value!r} is not possible: use {', '.join(str(choice) for choice in choices)}")
