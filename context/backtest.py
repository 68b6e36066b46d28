"""Backtest: whom would this version of a rule have reached, against the version that is live?

Both versions are taken as published when the time looked at begins, after all that the rule really
did before. A rule that reads only its event, in a way that SQL can say exactly, is asked in one
query; other rules go the ways of `context.replay`. All ways give the same answer.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import orjson
import yaml

from cic.columns import Expression, Unreadable, at_most, text_literal
from cic.conditions import Vocabulary
from cic.ports import Engine
from cid.feel import tree
from cid.kit.clock import DAY, format_time, to_datetime
from cid.kit.definitions import Entry, load
from cid.kit.errors import InvalidInput, suggestion
from context.decision import ReadyRule
from context.model import RULES, SECTIONS, Rule
from context.replay import Firing, Firings, Past, Span, gated, of_event, over_history, where

LONGEST = 3_650
"""Days that can be looked at."""
LIVE, DRAFT = "live", "draft"
ASSUMED = (
    "Who is who is what is known today: people who have been joined since count as one.",
    "Traits and segments are those defined today, with the values that were known when the event"
    " was received.",
)
"""What every answer takes for granted."""
_OWN = frozenset({"event", "source", "time"})
"""Names that mean a fact's own fields where SQL reads properties."""


@dataclass(frozen=True)
class Difference:
    """How two versions differ in the people they reach."""

    gained: frozenset[str] = field(default_factory=frozenset)
    lost: frozenset[str] = field(default_factory=frozenset)
    kept: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def between(cls, live: Iterable[Firing], draft: Iterable[Firing]) -> Difference:
        """Compare the people behind two lists of firings."""
        before = frozenset(each.customer for each in live)
        after = frozenset(each.customer for each in draft)
        return cls(after - before, before - after, before & after)


@dataclass(frozen=True)
class Outcome:
    """Who would have been reached by which version, and how that was found out."""

    span: Span
    way: str
    """sql, events or relived."""
    firings: Firings
    fired: Mapping[str, int]
    """How often each rule really fired in that time, in whatever version was live then."""

    def difference(self) -> Difference:
        """Compare whom the two versions would have reached."""
        return Difference.between(self.firings.get(LIVE, []), self.firings.get(DRAFT, []))


class History(Engine, Protocol):
    """The engine of history, which brings itself up to date when asked to."""

    def fresh(self) -> int:
        """Bring history up to date now; return how many facts came."""


class Backtests:
    """Tries rules on history."""

    def __init__(self, engine: History, past: Past, vocabulary: Vocabulary) -> None:
        self._engine = engine
        self._past = past
        self._vocabulary = vocabulary

    def versions(
        self, name: str, versions: Mapping[str, ReadyRule], days: int, as_of: int
    ) -> Outcome:
        """Return whom versions of one rule would have reached in the days before a moment.

        Raises:
            InvalidInput: these are not a sensible number of days.
        """
        ready = {label: _as(label, rule) for label, rule in versions.items()}
        span = self._span(days, as_of, {label: name for label in ready})
        if all(map(of_event, ready.values())):
            try:
                found = {label: self._asked(rule, span) for label, rule in ready.items()}
            except Unreadable:
                pass
            else:
                kept = {
                    label: gated(label, ready[label], some, span) for label, some in found.items()
                }
                return Outcome(span, "sql", kept, self._fired(span))
        return self._run(ready, span)

    def all(self, rules: Mapping[str, ReadyRule], days: int, as_of: int) -> Outcome:
        """Return whom each of many rules would have reached in the days before a moment."""
        span = self._span(days, as_of, {name: name for name in rules})
        return self._run({name: _as(name, rule) for name, rule in rules.items()}, span)

    def _run(self, rules: Mapping[str, ReadyRule], span: Span) -> Outcome:
        if all(map(of_event, rules.values())):
            found = over_history(self._engine, rules, self._vocabulary, span)
            return Outcome(span, "events", found, self._fired(span))
        return Outcome(span, "relived", self._past.live_through(rules, span), self._fired(span))

    def _fired(self, span: Span) -> dict[str, int]:
        rows = self._engine.query(
            "SELECT rule, count(*) FROM decisions "
            f"WHERE fired AND NOT {at_most('at', span.begin)} AND {at_most('at', span.end)} "
            "GROUP BY rule",
            rows=None,
            seconds=None,
        ).rows
        return dict(rows)

    def _span(self, days: int, as_of: int, named: Mapping[str, str]) -> Span:
        if not 1 <= days <= LONGEST:
            raise InvalidInput(f"{days} days cannot be looked at.", hint=f"Give 1 to {LONGEST}.")
        self._engine.fresh()
        begin = as_of - days * DAY
        rows = self._engine.query(
            'SELECT rule, customer, epoch_ms(max("at")) FROM decisions '
            f"WHERE fired AND {at_most('at', begin)} GROUP BY ALL",
            rows=None,
            seconds=None,
        ).rows
        before = {
            (label, customer): at
            for rule, customer, at in rows
            for label, name in named.items()
            if name == rule
        }
        return Span(begin, as_of, before)

    def _asked(self, rule: ReadyRule, span: Span) -> list[Firing]:
        """Ask one rule in SQL; events whose values SQL cannot read are asked in Python.

        Raises:
            Unreadable: SQL cannot say the condition exactly.
        """
        on = rule.entry.value.on
        condition = Expression(properties_of(rule.condition.tree))
        picked = where([on.event or on.action], span)
        if on.action:
            picked += " AND actor <> ''"
        rows = self._engine.query(_sql(condition, picked), rows=None, seconds=None).rows
        view: Any = _Said()
        found = []
        for customer, at, properties in rows:
            if properties is not None:
                view.event = orjson.loads(properties)
                if rule.condition.run(view) is not True:
                    continue
            found.append(Firing(customer, at))
        return found


def _sql(condition: Expression, picked: str) -> str:
    """Return the question for the events that meet a condition, and for those SQL cannot read.

    Every property is taken from its document once, and every comparison made once.
    """
    met, odd = f"({condition.sql()}) IS TRUE", condition.odd() or "false"
    places = [text_literal("/" + name) for name in condition.kinds]
    for number, place in enumerate(places, start=1):
        for function, column in (("json_extract_string", "said"), ("json_type", "kind")):
            once = f"{function}(properties, {place})"
            met, odd = (sql.replace(once, f"{column}[{number}]") for sql in (met, odd))
    listed = ", ".join(places)
    return f"""
        WITH picked AS MATERIALIZED (
            SELECT customer, received, position, properties,
                   json_extract_string(properties, [{listed}]::VARCHAR[]) AS said,
                   json_type(properties, [{listed}]::VARCHAR[]) AS kind
            FROM facts WHERE {picked}
        ), told AS MATERIALIZED (
            SELECT customer, received, position, properties, ({odd}) AS odd, ({met}) AS met
            FROM picked
        )
        SELECT customer, epoch_ms(received), CASE WHEN odd THEN properties END FROM told
        WHERE odd OR met ORDER BY position
        """


class _Said:
    event: Mapping[str, Any]


def _as(label: str, rule: ReadyRule) -> ReadyRule:
    """Give a rule another name, at work whether it is switched on or in the shadow."""
    value = rule.entry.value.model_copy(update={"enabled": True, "shadow": False})
    return replace(rule, entry=replace(rule.entry, name=label, value=value))


def read_draft(name: str, draft: str | Mapping[str, Any]) -> Entry[Rule]:
    """Read the draft of a rule: its definition, with or without its name above, or a file with ``rules:``.

    Raises:
        InvalidDefinition: it is wrong; says in which line.
        InvalidInput: the rule is not in it.
    """
    text = draft if isinstance(draft, str) else yaml.safe_dump(dict(draft), sort_keys=False)
    if not re.search(r"^rules\s*:", text, re.MULTILINE):
        named = _names(text, name)
        above = "" if named else f"  {json.dumps(name)}:\n"
        body = "\n".join(f"  {'' if named else '  '}{line}" for line in text.splitlines())
        text = f"rules:\n{above}{body}\n"
    with TemporaryDirectory() as aside:
        (Path(aside) / "draft.yaml").write_text(text, encoding="utf-8")
        found, errors = load(Path(aside), SECTIONS)
    if errors:
        raise errors[0]
    if name not in found.of(RULES):
        raise InvalidInput(
            f"The draft holds no rule {name!r}.", hint=suggestion(name, found.of(RULES))
        )
    return found.of(RULES)[name]


def _names(text: str, name: str) -> bool:
    """Whether a text begins with the rule's name and has the definition below it."""
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:
        # What is wrong with it is said where it is read as a definition.
        return False
    return isinstance(found, dict) and list(found) == [name] and isinstance(found[name], dict)


def properties_of(node: tree.Node) -> tree.Node:
    """Write a condition about an event as one about the properties of a fact.

    Raises:
        Unreadable: it uses the event otherwise than by its plain properties.
    """
    match node:
        case tree.Path(base=tree.Name(name="event"), name=name):
            if name in _OWN:
                raise Unreadable(name)
            return tree.Name(name)
        case tree.Name() | tree.Path():
            raise Unreadable(type(node).__name__)
        case tree.Literal():
            return node
    changed: dict[str, Any] = {}
    for name in node.__slots__:
        value = getattr(node, name)
        if isinstance(value, tree.Node):
            changed[name] = _property(name, value)
        elif isinstance(value, tuple) and any(isinstance(each, tree.Node) for each in value):
            changed[name] = tuple(properties_of(each) for each in value)
    return replace(node, **changed)


def _property(place: str, node: tree.Node) -> tree.Node:
    return node if place == "function" else properties_of(node)


def report(
    outcome: Outcome,
    versions: Mapping[str, ReadyRule],
    segments_of: Callable[[str], Sequence[str]],
    zone: str,
) -> dict[str, Any]:
    """Say what each version would have done: in all, by day, by segment of today."""
    span, firings = outcome.span, outcome.firings
    days = round((span.end - span.begin) / DAY)
    answer: dict[str, Any] = {
        "from": format_time(span.begin),
        "to": format_time(span.end),
        "days": days,
        "way": outcome.way,
    }
    for label in (LIVE, DRAFT):
        rule = versions.get(label)
        answer[label] = None if rule is None else _version(rule, firings[label], days)
    difference = outcome.difference() if DRAFT in versions else Difference()
    return {
        **answer,
        "gained": len(difference.gained),
        "lost": len(difference.lost),
        "kept": len(difference.kept),
        "by_day": _by_day(firings, span, zone),
        "by_segment": _by_segment(firings, difference, segments_of),
        "assumed": list(ASSUMED),
    }


def summary(outcome: Outcome, rules: Mapping[str, ReadyRule], zone: str) -> dict[str, Any]:
    """Say what many rules would have done, and how often each really fired."""
    span = outcome.span
    days = round((span.end - span.begin) / DAY)
    return {
        "from": format_time(span.begin),
        "to": format_time(span.end),
        "days": days,
        "way": outcome.way,
        "rules": [
            {
                "rule": name,
                **_version(rule, outcome.firings[name], days),
                "fired": outcome.fired.get(name, 0),
            }
            for name, rule in rules.items()
        ],
        "by_day": [
            {"day": row.pop("day"), "firings": sum(row.values())}
            for row in _by_day(outcome.firings, span, zone)
        ],
        "assumed": list(ASSUMED),
    }


def _version(rule: ReadyRule, firings: Sequence[Firing], days: int) -> dict[str, Any]:
    actions = len(firings) * len(rule.calls)
    return {
        "version": rule.entry.version,
        "when": rule.entry.value.when,
        "firings": len(firings),
        "customers": len({each.customer for each in firings}),
        "actions": actions,
        "actions_a_day": round(actions / days, 2),
    }


def _by_day(firings: Mapping[str, Sequence[Firing]], span: Span, zone: str) -> list[dict[str, Any]]:
    """Count firings by day of the company's calendar; days without any are there, too."""
    where_ = ZoneInfo(zone)

    def day(at: int) -> Any:
        return to_datetime(at).astimezone(where_).date()

    counts = {label: Counter(day(each.at) for each in some) for label, some in firings.items()}
    first, last = day(span.begin + 1), day(span.end)
    return [
        {"day": at.isoformat(), **{label: count[at] for label, count in counts.items()}}
        for at in (first + timedelta(days=n) for n in range((last - first).days + 1))
    ]


def _by_segment(
    firings: Firings,
    difference: Difference,
    segments_of: Callable[[str], Sequence[str]],
) -> list[dict[str, Any]]:
    """Count the people reached by the segments they are in today."""
    reached: dict[str, Iterable[str]] = {
        LIVE: {each.customer for each in firings.get(LIVE, [])},
        DRAFT: {each.customer for each in firings.get(DRAFT, [])},
        "gained": difference.gained,
        "lost": difference.lost,
    }
    counts: dict[str, Counter[str]] = {}
    for what, customers in reached.items():
        for customer in customers:
            for segment in segments_of(customer):
                counts.setdefault(segment, Counter())[what] += 1
    return [
        {"segment": segment, **{what: count[what] for what in reached}}
        for segment, count in sorted(counts.items(), key=lambda pair: (-pair[1].total(), pair[0]))
    ]
