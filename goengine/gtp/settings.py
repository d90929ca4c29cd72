"""Commands that set how the game is played: the rules, by KataGo's and KGS's commands."""

from goengine.errors import GoEngineError
from goengine.gtp.protocol import GtpFailure, Handler
from goengine.gtp.session import Session
from goengine.gtp.words import syntax_error, take
from goengine.rulesets import find_ruleset, list_rulesets, ruleset_from_fields

__all__ = ["setting_handlers"]

_KGS_RULES = {
    "chinese": "chinese-kgs",
    "japanese": "japanese",
    "aga": "aga",
    "new_zealand": "new-zealand",
}


def setting_handlers(session: Session) -> dict[str, Handler]:
    """The commands, for a session."""
    rules = _Rules(session)
    return {
        "kata-get-rules": rules.get,
        "kata-set-rules": rules.set,
        "kata-set-rule": rules.set_one,
        "kgs-rules": rules.kgs,
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
