"""The words a condition may use, as a form offers them: what each means, and how it is compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cic.model import SEGMENTS, TRAITS, Trait
from cid.facade import described, titles
from cid.kit.definitions import Definitions, Entry
from cid.model.definition import ATTRIBUTES

CONSENT = "consent"
GROUPS = ("trait", "attribute", "segment", "consent")
OPERATORS = {
    "number": (">=", ">", "=", "<", "<=", "!=", "between", "known", "unknown"),
    "text": ("=", "!=", "in", "not in", "contains", "starts with", "known", "unknown"),
    "date": (">=", "<", "=", ">", "<=", "between", "known", "unknown"),
    "any": (
        *("=", "!=", ">=", ">", "<", "<=", "between", "in", "not in", "contains"),
        *("starts with", "known", "unknown"),
    ),
    "list": ("has", "has not"),
    "boolean": ("yes", "no", "known", "unknown"),
    "segment": ("yes", "no"),
    "consent": ("yes", "no"),
}
"""By the type of a word: what it may be asked, most usual first."""
_NUMBERS = ("count", "sum", "average", "distinct", "since", "streak")
"""What is counted is a number; what is first, last or largest may be anything."""
_TYPES = {"text": "text", "number": "number", "boolean": "boolean", "date": "date"}


def words_of(definitions: Definitions) -> dict[str, dict[str, Any]]:
    """Return every word by its name: its kind, type, title, meaning and unit."""
    found: dict[str, dict[str, Any]] = {}
    for name, trait in definitions.of(TRAITS).items():
        found[name] = _word(trait, "trait", _type_of(trait.value), trait.value.unit)
    for name, attribute in definitions.of(ATTRIBUTES).items():
        if attribute.value.subject == "customer":
            type_ = _TYPES.get(str(attribute.value.type), "any")
            found[name] = _word(attribute, "attribute", type_)
    for name, segment in definitions.of(SEGMENTS).items():
        found[name] = _word(segment, "segment", "segment")
    found[CONSENT] = {
        "name": CONSENT,
        "kind": "consent",
        "type": "consent",
        "title": {"en": "Consents to", "zh": "同意"},
        "description": None,
        "unit": "",
    }
    return found


def operators_of(words: Mapping[str, Mapping[str, Any]], name: str) -> tuple[str, ...]:
    """Return what a word may be asked; nothing where there is no such word."""
    word = words.get(name)
    return OPERATORS.get(str(word["type"]), OPERATORS["any"]) if word else ()


def _word(entry: Entry[Any], kind: str, type_: str, unit: str = "") -> dict[str, Any]:
    return {
        "name": entry.name,
        "kind": kind,
        "type": type_,
        "title": titles(entry),
        "description": described(entry),
        "unit": unit,
    }


def _type_of(trait: Trait) -> str:
    if trait.aggregate == "recent":
        return "list"
    return "number" if trait.aggregate in _NUMBERS else "any"
