"""Saying who is behind a row as the condition of a segment, where that is exactly the same.

A segment is about what is true now and goes on to be true: so only rows whose period ends now or
has no beginning can be said, of customers who did something at all, or did one thing after another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cic.exploration.questions import Asked, Funnel, Question, Step, Table
from cic.model import Trait
from cic.semantics import BASES, Vocabulary
from cic.semantics.reading import expression
from cid.feel import names
from cid.kit.clock import parse_duration
from cid.kit.definitions import Entry

_PROPERTIES = {name: name for name in ("channel", "campaign", "store", "currency", "category")}
_PROPERTIES |= {"sku": "sku", "product": "name", "source": "source"}
"""What a dimension of a fact is called among its properties."""


@dataclass(frozen=True)
class Said:
    """A condition for a segment, with the traits that must be defined for it."""

    when: str
    traits: dict[str, dict[str, Any]]


class _Unsayable(Exception):
    """No condition is exactly the same."""


def said(
    question: Question,
    row: Mapping[str, Any],
    vocabulary: Vocabulary,
    traits: Mapping[str, Entry[Trait]],
) -> Said | None:
    """Say who is behind a row as a condition; None where no condition is exactly the same."""
    try:
        saying = _Saying(question, vocabulary, traits)
        match question:
            case Table():
                saying.table(question, row)
            case Funnel():
                saying.funnel(question, row)
            case _:
                return None
    except _Unsayable:
        return None
    return Said(" and ".join(saying.parts), saying.needed)


class _Saying:
    def __init__(
        self, question: Asked, vocabulary: Vocabulary, traits: Mapping[str, Entry[Trait]]
    ) -> None:
        if question.period is not None:
            raise _Unsayable
        self.window = question.last
        self.vocabulary = vocabulary
        self.traits = traits
        self.parts: list[str] = []
        self.needed: dict[str, dict[str, Any]] = {}
        if question.filter:
            used = names(expression(question.filter, "filter", vocabulary.dimensions))
            if not used <= vocabulary.attributes.keys():
                raise _Unsayable
            self.parts.append(f"({question.filter})")
        if question.segment:
            self.parts.append(question.segment)

    def table(self, question: Table, row: Mapping[str, Any]) -> None:
        given = dict(row)
        measures = [given.pop("measure")] if "measure" in given else list(question.measures)
        if len(measures) != 1 or given.pop("before", False) or given.pop("others", False):
            raise _Unsayable
        counted = self.vocabulary.measures[measures[0]]
        where, event = [], counted.event
        for name, value in given.items():
            if name == "event" and counted.base == "facts" and not event and value:
                event = str(value)
            elif name in BASES[counted.base].dimensions:
                where.append(f"{_property(name)} = {_text(value)}")
            elif name == "segment" and value:
                self.parts.append(str(value))
            elif name in self.vocabulary.attributes:
                self.parts.append(f"{name} = {self._value(name, value)}")
            else:
                raise _Unsayable
        if counted.base == "customers" and not self.window and self.parts:
            return
        if not event:
            raise _Unsayable
        words = " ".join(
            [measures[0], *(str(given[each]) for each in given if each in _PROPERTIES)]
        )
        self._did(Step(event=event, where=" and ".join(where)), words)

    def funnel(self, question: Funnel, row: Mapping[str, Any]) -> None:
        given = dict(row)
        step, lost = given.pop("step", 1), given.pop("lost", False)
        for name, value in given.items():
            if name not in self.vocabulary.attributes:
                raise _Unsayable
            self.parts.append(f"{name} = {self._value(name, value)}")
        first, second = question.steps[:2]
        if step == 1:
            self._did(first, first.event)
            return
        if step != 2 or first.where or second.where or self.window:
            # A sequence has no beginning of its own: it looks at when the second event happened.
            raise _Unsayable
        if lost:
            self._did(first, first.event)
        followed = {"sequence": [first.event, second.event], "within": question.within}
        name = self._trait(followed, f"{first.event} then {second.event} within {question.within}")
        self.parts.append(f"not({name})" if lost else name)

    def _did(self, step: Step, words: str) -> None:
        trait: dict[str, Any] = {"of": [step.event], "count": True}
        if step.where:
            trait["where"] = step.where
        if self.window:
            trait["window"] = self.window
        self.parts.append(f"{self._trait(trait, f'{words} {self.window}')} > 0")

    def _trait(self, definition: dict[str, Any], words: str) -> str:
        """Return the name of the company's trait that is the same, or of a new one."""
        wanted = _meaning(Trait.model_validate(definition))
        for name, entry in self.traits.items():
            if _meaning(entry.value) == wanted:
                return name
        plain = "".join(sign if sign.isalnum() else " " for sign in words.lower())
        name = " ".join(plain.split())
        if not name or not name[0].isalpha():
            name = f"did {name}"
        while name in self.traits or name in self.vocabulary.dimensions:
            name = f"{name} again"
        self.needed[name] = definition
        return name

    def _value(self, name: str, value: Any) -> str:
        match self.vocabulary.attributes[name].type:
            case _ if value is None:
                return "null"
            case "number" | "boolean":
                return str(value).lower()
            case "date":
                return f'date("{value}")'
            case _:
                return _quoted(str(value))


def _meaning(trait: Trait) -> dict[str, Any]:
    """Return all of a trait that decides its value."""
    told = {"title", "description", "owner", "purpose", "unit"}
    found = trait.model_dump(exclude=told)
    for name in ("window", "within"):
        found[name] = parse_duration(found[name]) if found[name] else 0
    return found


def _property(name: str) -> str:
    if name not in _PROPERTIES:
        raise _Unsayable
    return _PROPERTIES[name]


def _text(value: Any) -> str:
    """Write the text of a property; numbers and truth values look alike in a dimension, and are not."""
    if not isinstance(value, str) or value in ("true", "false") or value[:1] in "-0123456789":
        raise _Unsayable
    return _quoted(value)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    if any(sign < " " for sign in text):
        raise _Unsayable
    return f'"{escaped}"'
