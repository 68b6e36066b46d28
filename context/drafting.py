"""Drafting: a rule or a decision table as somebody writes it, and all that can be said about the text.

Nothing here changes anything: a text is read, held against what is known, tried on a customer, completed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from cic.conditions import shown
from cic.segmentation import Segmentation
from cid.feel.naming import CALLABLE
from cid.kit.definitions import Definitions, Entry, parse
from cid.kit.errors import ICustomerError, InvalidInput, NotFound
from cid.model.definition import ATTRIBUTES
from context import scenarios
from context.analysis import ENOUGH, Finding, as_form, domains_of, of_rule, of_table
from context.decision import ReadyRule, Table, ready_rules
from context.model import SCENARIOS, TABLES, Rule
from context.ports import Action
from context.pressure import of_pressure
from context.publishing import KINDS

CROWD = 200_000
"""How many customers are looked at one by one while somebody waits."""
MOST = 12
"""How many completions are offered."""
_OPERATOR = re.compile(r"[(),<>=+*/\[\]{}:!\"']|\b(?:and|or|not|in|if|then|else|between)\b")
_FIELDS = {"rule": Rule.model_fields, "table": TABLES.model.model_fields}


@dataclass(frozen=True)
class Draft:
    """A text, read and checked."""

    text: str
    entry: Entry[Any] | None
    found: tuple[Finding, ...]
    outcomes: tuple[scenarios.Outcome, ...]

    @property
    def sound(self) -> bool:
        """Whether it could be published."""
        return (
            self.entry is not None
            and all(each.level != "error" for each in self.found)
            and all(each.passed for each in self.outcomes)
        )


class Drafting:
    """What is found in texts of rules and decision tables before anything is done with them."""

    def __init__(
        self,
        definitions: Definitions,
        segmentation: Segmentation,
        ready: Callable[[], tuple[Mapping[str, ReadyRule], Mapping[str, Table]]],
        actions: Mapping[str, Action],
        people: Callable[[], Sequence[str]],
    ) -> None:
        self._definitions = definitions
        self._segmentation = segmentation
        self._vocabulary = segmentation.vocabulary
        self._ready = ready
        self._actions = actions
        self._people = people

    def told(self, draft: Draft) -> dict[str, Any]:
        """Give what was found in a text, as JSON can carry it."""
        return {
            "findings": [each.to_dict() for each in draft.found],
            "scenarios": [vars(each) for each in draft.outcomes],
            "sound": draft.sound,
        }

    def diagnose(self, kind: str, name: str, text: str) -> dict[str, Any]:
        """Say what is wrong with a text, with line and column."""
        return self.told(self.check(kind, name, text))

    def check(self, kind: str, name: str, text: str) -> Draft:
        """Read a text and say everything that is to be said about it."""
        section = section_of(kind)
        text = text.replace("\r\n", "\n").rstrip() + "\n"
        entries, errors = parse(text, section, "")
        found = [
            Finding(
                section.name,
                name,
                "error",
                *as_form(each.message),
                (),
                each.line,
                1,
                "",
                each.hint or "",
            )
            for each in errors
        ]
        if not errors and list(entries) != [name]:
            found.append(
                Finding(
                    section.name, name, "error", "The text must define '{name}' and nothing else.",
                    {"name": name},
                )
            )  # fmt: skip
        if found:
            return Draft(text, None, tuple(found), ())
        entry = entries[name]
        placed = _Placed(text, section.name)
        found = [
            placed(each)
            for each in (
                (*of_rule(entry, self._definitions), *self._pressure(entry))
                if kind == "rule"
                else islice(of_table(entry, domains_of(self._definitions)), ENOUGH)
            )
        ]
        outcomes: tuple[scenarios.Outcome, ...] = ()
        if all(each.level != "error" for each in found):
            try:
                outcomes = tuple(self._examples(kind, entry))
            except ICustomerError as error:
                line = getattr(error, "line", 1) or 1
                form, words = as_form(_bare(error.message, name))
                hint = error.hint or ""
                found.append(
                    Finding(section.name, name, "error", form, words, (), line, 1, "", hint)
                )
        found.sort(key=lambda each: (each.line, each.column))
        return Draft(text, entry, tuple(found), outcomes)

    def read(self, name: str, text: str) -> dict[str, Any]:
        """Give a rule as it is written, as a plain document.

        Raises:
            InvalidInput: the text is wrong.
        """
        return _document(self._right(name, text))

    def try_on(self, name: str, text: str, customer: str) -> dict[str, Any]:
        """Say whether a rule as it is written would hold for a customer now, and why or why not.

        Raises:
            InvalidInput: the text is wrong.
        """
        _, tables = self._ready()
        rules = ready_rules(
            {name: self._right(name, text)}, tables, self._vocabulary, self._actions
        )
        condition = rules[name].condition
        view = self._segmentation.view(customer, {})
        return {
            "customer": customer,
            "fires": condition.run(view) is True,
            "values": shown(self._vocabulary.scope(view, condition.words)),
            "explanation": self._vocabulary.explain(condition, view),
        }

    def audience(self, name: str, text: str) -> dict[str, int] | None:
        """Count for how many customers a rule's condition holds now; None where that is not known.

        It is not where the condition reads an event, or where something is wrong with the text.
        """
        draft = self.check("rule", name, text)
        if draft.entry is None or any(each.level == "error" for each in draft.found):
            return None
        condition = self._vocabulary.compile(draft.entry.value.when)
        people = self._people()
        if "event" in condition.words or len(people) > CROWD:
            return None
        view = self._segmentation.view
        holds = sum(condition.run(view(customer)) is True for customer in people)
        return {"holds": holds, "of": len(people)}

    def complete(self, kind: str, text: str, caret: int) -> list[dict[str, str | int]]:
        """Offer what the word before the caret may become: names, functions, fields.

        ``replace`` says how many characters before the caret an offer takes the place of.
        """
        before = text[: max(0, caret)]
        line = before[before.rfind("\n") + 1 :]
        if not line.strip():
            return []
        if ":" not in line and not line.lstrip().startswith(("-", "#")):
            return _offers(line.lstrip(), [(word, "field", f"{word}: ") for word in _words(kind)])
        start = max((found.end() for found in _OPERATOR.finditer(line)), default=0)
        part = line[start:].lstrip()
        event = re.search(r"\b(?:event|action): *([^,}\n]+)", text)
        domains = domains_of(self._definitions, event.group(1).strip() if event else "")
        names = [(name, domain.kind or "any", name) for name, domain in domains.items()]
        names += [
            (f"{name}()", "function", f"{name}(") for name in (*CALLABLE, "contains", "consent")
        ]
        return _offers(part, names) if part else []

    def _right(self, name: str, text: str) -> Entry[Any]:
        draft = self.check("rule", name, text)
        if draft.entry is None or any(each.level == "error" for each in draft.found):
            raise InvalidInput("The text is wrong.", hint="Mend what is marked first.")
        return draft.entry

    def _pressure(self, entry: Entry[Any]) -> Iterable[Finding]:
        event = entry.value.on.event or entry.value.on.action
        return of_pressure(entry, self._definitions, domains_of(self._definitions, event))

    def _examples(self, kind: str, entry: Entry[Any]) -> Iterable[scenarios.Outcome]:
        """Run the examples about a definition as it would be; a mistake in it is raised."""
        rules, known = self._ready()
        tables = dict(known)
        if kind == "rule":
            rules = ready_rules({entry.name: entry}, tables, self._vocabulary, self._actions)
        else:
            tables[entry.name] = Table(entry, self._vocabulary)
        domains = domains_of(self._definitions)
        for name, each in self._definitions.of(SCENARIOS).items():
            about = each.value.rule if kind == "rule" else each.value.table
            if about == entry.name:
                types = self._definitions.of(ATTRIBUTES)
                yield scenarios.run(
                    name, each.value, rules, tables, self._vocabulary, domains, types
                )


class _Placed:
    """Gives findings the line and column of the text they are about."""

    def __init__(self, text: str, section: str) -> None:
        lines = [f"  {line}" if line.strip() else "" for line in text.split("\n")]
        self._text = "\n".join([f"{section}:", *lines])

    def __call__(self, finding: Finding) -> Finding:
        """Give the finding with its place in the text."""
        placed = finding.placed(self._text)
        return replace(placed, line=max(1, placed.line - 1), column=max(1, placed.column - 2))


def section_of(kind: str) -> Any:
    """Return the section in which definitions of a kind stand."""
    if kind not in KINDS:
        raise NotFound("kind of definition", kind, KINDS)
    return KINDS[kind]


def _document(entry: Entry[Any]) -> dict[str, Any]:
    found: dict[str, Any] = entry.value.model_dump(
        by_alias=True, exclude_defaults=True, mode="json"
    )
    return found


def _bare(message: str, name: str) -> str:
    return message.removeprefix(f"{name!r}: ")


def _words(kind: str) -> list[str]:
    fields = {field.alias or name for name, field in _FIELDS[kind].items()}
    return sorted(fields - {"kind"})


def _offers(part: str, names: Iterable[tuple[str, str, str]]) -> list[dict[str, str | int]]:
    wanted = part.casefold()
    found = [each for each in names if each[0].casefold().startswith(wanted) and each[0] != part]
    rest = [each for each in names if wanted in each[0].casefold() and each not in found]
    offered = [*found, *(rest if len(wanted) > 1 else [])]
    return [
        {"text": text, "kind": kind, "insert": insert, "replace": len(part)}
        for text, kind, insert in offered[:MOST]
        if text != part
    ]
