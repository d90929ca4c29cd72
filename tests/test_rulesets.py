"""The sets of rules: what each says, by name and by field, and what cannot be played."""

from __future__ import annotations

import json

import pytest

from goengine.errors import GoEngineError
from goengine.rulesets import RULESETS, find_ruleset, list_rulesets, ruleset_from_fields, ruleset_of_record

DOCUMENTED = {  # copied by hand from KataGo's docs/GTP_Extensions.md
    "tromp-taylor": ("POSITIONAL", "AREA", True, "NONE", "0"),
    "chinese": ("SIMPLE", "AREA", False, "NONE", "N"),
    "chinese-ogs": ("POSITIONAL", "AREA", False, "NONE", "N"),
    "chinese-kgs": ("POSITIONAL", "AREA", False, "NONE", "N"),
    "japanese": ("SIMPLE", "TERRITORY", False, "SEKI", "0"),
    "korean": ("SIMPLE", "TERRITORY", False, "SEKI", "0"),
    "aga": ("SITUATIONAL", "AREA", False, "NONE", "N-1"),
    "bga": ("SITUATIONAL", "AREA", False, "NONE", "N-1"),
    "new-zealand": ("SITUATIONAL", "AREA", True, "NONE", "0"),
}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_each_set_is_as_katago_documents_it(name: str) -> None:
    ko, scoring, suicide, tax, bonus = DOCUMENTED[name]
    fields = find_ruleset(name).fields()
    assert fields == {
        **{"hasButton": False, "ko": ko, "scoring": scoring},
        **{"suicide": suicide, "tax": tax, "whiteHandicapBonus": bonus},
    }
    assert ruleset_from_fields(json.loads(json.dumps(fields))).fields() == fields


def test_all_sets_are_documented() -> None:
    assert set(list_rulesets()) == set(RULESETS) == set(DOCUMENTED)


@pytest.mark.parametrize(
    ("written", "name"),
    [("nz", "new-zealand"), ("New_Zealand", "new-zealand"), ("Tromp Taylor", "tromp-taylor"), ("AGA", "aga")],
)
def test_other_ways_to_write_a_name(written: str, name: str) -> None:
    assert find_ruleset(written).name == name


@pytest.mark.parametrize(
    ("written", "name"),
    [
        *[("Japanese", "japanese"), ("japanese rules", "japanese"), ("JPN", "japanese"), ("cn", "chinese")],
        *[("koSIMPLEscoreAREAtaxNONEsui0whbN", "chinese"), ("koSIMPLEscoreTERRITORYtaxSEKIsui0", "japanese")],
        *[("koPOSITIONALscoreAREAtaxNONEsui1", "tromp-taylor"), ("koSITUATIONALscoreAREAtaxNONEsui0whbN-1", "aga")],
    ],
)
def test_rules_as_records_write_them(written: str, name: str) -> None:
    assert ruleset_of_record(written).name == name


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("Ing", "unknown rules 'Ing'"),
        ("koSIMPLEscoreAREAtaxALLsui0", "tax ALL is not supported"),
        ("koNONEscoreAREAtaxNONEsui0", "ko 'NONE' is not possible"),
        ("koSIMPLEscoreAREAtaxNONEsui0button1", "hasButton true"),
    ],
)
def test_rules_of_records_that_cannot_be_used(written: str, words: str) -> None:
    with pytest.raises(GoEngineError, match=words):
        ruleset_of_record(written)


@pytest.mark.parametrize(
    ("name", "words"),
    [("ing", "use chinese, chinese-ogs"), ("aga-button", "button go is not supported"), ("stone-scoring", "a tax on")],
)
def test_names_that_cannot_be_used(name: str, words: str) -> None:
    with pytest.raises(GoEngineError, match=words):
        find_ruleset(name)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"hasButton": True}, "hasButton true is not supported"),
        ({"tax": "ALL"}, "tax ALL is not supported with AREA"),
        ({"tax": "SEKI"}, "tax SEKI is not supported with AREA"),
        ({"ko": "EIGHT"}, "ko 'EIGHT' is not possible: use SIMPLE, POSITIONAL, SITUATIONAL"),
        ({"suicide": 1}, "suicide 1 is not possible"),
        ({"handicap": 3}, "unknown field 'handicap'"),
    ],
)
def test_fields_that_cannot_be_used(fields: dict[str, object], words: str) -> None:
    with pytest.raises(GoEngineError, match=words):
        ruleset_from_fields(fields)


def test_missing_fields_are_those_of_the_base_and_the_tax_follows_the_scoring() -> None:
    assert ruleset_from_fields({}) == find_ruleset("tromp-taylor")
    assert ruleset_from_fields({"whiteHandicapBonus": "N-1"}, find_ruleset("chinese")).fields() == {
        **find_ruleset("chinese").fields(),
        "whiteHandicapBonus": "N-1",
    }
    assert ruleset_from_fields({"scoring": "TERRITORY"}, find_ruleset("tromp-taylor")).seki_tax
    assert not ruleset_from_fields({"scoring": "AREA"}, find_ruleset("japanese")).seki_tax
    assert not ruleset_from_fields({"scoring": "TERRITORY", "tax": "NONE"}).seki_tax
    assert ruleset_from_fields({"friendlyPassOk": True, "suicide": "false"}).suicide is False


@pytest.mark.parametrize(("name", "bonuses"), [("chinese", (0, 0, 2, 9)), ("aga", (0, 0, 1, 8)), ("nz", (0, 0, 0, 0))])
def test_the_bonus_for_a_handicap(name: str, bonuses: tuple[int, ...]) -> None:
    assert tuple(find_ruleset(name).handicap_bonus(stones) for stones in (0, 1, 2, 9)) == bonuses
