"""Examples that rules and decision tables must keep: given these values, expect that.

Pure: an example is run on a customer of whom only what is given is known, with the very code that decides about
real ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from cic.conditions import CustomerView, Vocabulary, shown
from cic.model import SEGMENTS, TRAITS
from cid.feel.comparison import equal
from cid.feel.inference import Domain
from cid.feel.writing import literal_of
from cid.kit.definitions import Definitions, Entry
from cid.kit.errors import ICustomerError, suggestion
from cid.model.definition import ATTRIBUTES
from cid.profile import convert
from context.analysis import Finding, domains_of
from context.decision import ReadyRule, Table, ready_rules
from context.model import RULES, SCENARIOS, TABLES, Scenario
from context.ports import ACTIONS

WORDS = ("event", "consent", "customer")


class Imagined:
    """A customer of whom only what is given is known; nobody else reads it as anything else."""

    def __init__(
        self, given: Mapping[str, Any], vocabulary: Vocabulary, domains: Mapping[str, Domain]
    ) -> None:
        self._given = {name: _value(value) for name, value in given.items()}
        self._traits = list(vocabulary.traits)
        self._segments = list(vocabulary.segments)
        self._domains = domains
        self._consents = given.get("consent", ())
        event = given.get("event")
        self.event = {**self._given, **(event if isinstance(event, Mapping) else {})}
        self.customer = str(given.get("customer", "somebody"))
        self.now = 0

    def a(self, name: str) -> Any:
        """Return an attribute's value."""
        return self._given.get(name)

    def t(self, index: int) -> Any:
        """Return a trait by its place; of nothing, a count and a sum are zero."""
        name = self._traits[index]
        domain = self._domains.get(name, Domain())
        return self._given.get(name, None if domain.null else 0)

    def m(self, index: int) -> bool:
        """Say whether the customer is in a segment."""
        return bool(self._given.get(self._segments[index], False))

    def consent(self, purpose: Any, channel: Any) -> bool:
        """Say whether the customer consents."""
        if isinstance(self._consents, bool):
            return self._consents
        return f"{purpose}/{channel}" in self._consents


@dataclass(frozen=True)
class Outcome:
    """What came of an example."""

    name: str
    passed: bool
    expected: str
    """What was expected and did not come; empty where all did."""
    found: str


def run(
    name: str,
    scenario: Scenario,
    rules: Mapping[str, ReadyRule],
    tables: Mapping[str, Table],
    vocabulary: Vocabulary,
    domains: Mapping[str, Domain],
    types: Mapping[str, Any],
) -> Outcome:
    """Run an example.

    Args:
        name: what it is called.
        scenario: the example.
        rules: the rules, ready; the one it is about is among them.
        tables: the decision tables, ready.
        vocabulary: the words of conditions.
        domains: what the words can stand for.
        types: the attributes, to bring what is written into their types.
    """
    given = {
        word: convert(types[word].value.type, value)
        if word in types and word not in WORDS
        else value
        for word, value in scenario.given.items()
    }
    view = cast("CustomerView", Imagined(given, vocabulary, domains))
    if scenario.table:
        decided = tables[scenario.table].decide(view)
        found: dict[str, Any] = {**decided.outputs, "row": decided.row}
    else:
        rule = rules[scenario.rule]
        found = {"fires": rule.condition.run(view) is True}
        for call in rule.calls:
            found[call.call.action] = call.resolve(view)[0]
    return _compared(name, scenario.expect, found)


def failures(definitions: Definitions) -> Iterator[Finding]:
    """Yield a finding for each example that is not kept, or speaks of something that does not exist."""
    scenarios = definitions.of(SCENARIOS)
    if not scenarios:
        return
    domains = domains_of(definitions)
    unknown = [
        each for entry in scenarios.values() for each in _unknown(entry, definitions, domains)
    ]
    yield from unknown
    if unknown:
        return
    types = definitions.of(ATTRIBUTES)
    vocabulary = Vocabulary(types, definitions.of(TRAITS), definitions.of(SEGMENTS))
    try:
        tables = {name: Table(entry, vocabulary) for name, entry in definitions.of(TABLES).items()}
        actions = {name: ACTIONS.load(name)() for name in ACTIONS.names()}
        rules = ready_rules(definitions.of(RULES), tables, vocabulary, actions)
    except ICustomerError:
        return  # What is wrong with the definitions themselves is told elsewhere.
    for name, entry in scenarios.items():
        try:
            outcome = run(name, entry.value, rules, tables, vocabulary, domains, types)
        except ICustomerError as error:
            yield _finding(entry, "error", "{problem}", ("given",), problem=str(error))
            continue
        if not outcome.passed:
            form = "Expected {expected}; found {found}."
            words = {"expected": outcome.expected, "found": outcome.found}
            yield _finding(entry, "error", form, ("expect",), **words)


def _unknown(
    entry: Entry[Scenario], definitions: Definitions, domains: Mapping[str, Domain]
) -> Iterator[Finding]:
    scenario = entry.value
    for kind, name, known in (
        ("rule", scenario.rule, definitions.of(RULES)),
        ("table", scenario.table, definitions.of(TABLES)),
    ):
        if name and name not in known:
            hint = suggestion(name, known) or ""
            yield _finding(entry, "error", "There is no '{name}'.", (kind,), hint, name=name)
            return
    brought = definitions.of(TABLES)[scenario.table].value.inputs if scenario.table else ()
    for word in scenario.given:
        if word not in domains and word not in WORDS and word not in brought:
            hint = suggestion(word, [*domains, *brought]) or ""
            path = ("given", word)
            yield _finding(entry, "error", "There is no '{name}'.", path, hint, name=word)


def _finding(
    entry: Entry[Scenario],
    level: str,
    form: str,
    path: tuple[str | int, ...],
    hint: str = "",
    **words: Any,
) -> Finding:
    return Finding("scenarios", entry.name, level, form, words, path, file=entry.file, hint=hint)


def _compared(name: str, expected: Mapping[str, Any], found: Mapping[str, Any]) -> Outcome:
    missed = {}
    came = {}
    for word, wanted in expected.items():
        have = found.get(word)
        if isinstance(wanted, Mapping):
            parts = have if isinstance(have, Mapping) else {}
            for part, value in wanted.items():
                if not _same(value, parts.get(part)):
                    missed[f"{word}.{part}"], came[f"{word}.{part}"] = value, parts.get(part)
        elif not _same(wanted, have):
            missed[word], came[word] = wanted, have
    return Outcome(name, not missed, _said(missed), _said(came))


def _same(wanted: Any, have: Any) -> bool:
    return equal(_value(wanted), _value(have)) is True


def _said(values: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} = {literal_of(_value(shown(value)))}" for name, value in values.items()
    )


def _value(value: Any) -> Any:
    return Decimal(repr(value)) if isinstance(value, float) else value
