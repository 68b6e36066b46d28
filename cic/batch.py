"""Traits and profiles of all customers at any moment, by questions to history.

This is the path that does not know the live one: one query over the facts, window half-open
``(as_of − W, as_of]``. What the numbers mean is said in `cic.oracle`; both must always agree.

What SQL cannot say exactly as FEEL means it is not approximated: those traits are computed by the
oracle from the same facts, which is slower and just as right.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from cic.columns import MOMENT, Expression, Unreadable, at_most, text_literal
from cic.model import Trait
from cic.oracle import Kin, average, bounds, formula_of, trait_of
from cic.periods import NEVER
from cic.ports import Engine
from cid.kit.clock import to_datetime
from cid.kit.definitions import Entry
from cid.kit.errors import InvalidInput
from cid.model.definition import Attribute
from cid.model.fact import Fact
from cid.profile import convert

Traits = Mapping[str, Entry[Trait]]
Values = dict[str, dict[str, Any]]


def compute(
    engine: Engine,
    traits: Traits,
    as_of: int,
    known_at: int | None = None,
    profiles: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> Values:
    """Compute traits at a moment, for every customer who owns a fact.

    Args:
        engine: the history to ask.
        traits: the traits by name.
        as_of: the moment.
        known_at: leave out facts received later than this; everything known today where None.
        profiles: the attributes that traits read (`Trait.reads`), by customer.
    """
    asked, traits = traits, _with_inputs(traits)
    plain = {name: entry for name, entry in traits.items() if not entry.value.formula}
    values = _compute(engine, plain, as_of, known_at, profiles)
    if len(plain) == len(traits):
        return values
    formulas = [(name, traits[name].value) for name in _inputs_first(traits)]
    for customer, own in values.items():
        profile = profiles.get(customer, {})
        for name, trait in formulas:
            own[name] = formula_of(trait, own, profile)
    if len(asked) == len(traits):
        return values
    return {who: {name: own[name] for name in asked} for who, own in values.items()}


def attributes_read(traits: Traits) -> set[str]:
    """Return the attributes that any of these traits reads."""
    return {name for entry in traits.values() for name in entry.value.reads}


def _with_inputs(traits: Traits) -> Traits:
    """Return these traits, and all that their formulas read."""
    found = dict(traits)
    waiting = [entry for entry in traits.values() if entry.value.formula]
    while waiting:
        entry = waiting.pop()
        for name, trait in entry.value.inputs.items():
            if name not in found:
                found[name] = replace(entry, name=name, value=trait)
                waiting.append(found[name])
    return found


def _inputs_first(traits: Traits) -> list[str]:
    """Return the formulas, each after those it reads."""
    found: dict[str, None] = {}

    def visit(name: str) -> None:
        if traits[name].value.formula and name not in found:
            for each in traits[name].value.inputs:
                visit(each)
            found[name] = None

    for name in traits:
        visit(name)
    return list(found)


def _compute(
    engine: Engine,
    traits: Traits,
    as_of: int,
    known_at: int | None,
    profiles: Mapping[str, Mapping[str, Any]],
) -> Values:
    known = "" if known_at is None else f" AND {at_most('received', known_at)}"
    owners = _ask(engine, f"SELECT DISTINCT customer FROM facts WHERE customer IS NOT NULL{known}")
    empty = {name: empty_value(entry.value) for name, entry in traits.items()}
    values: Values = {customer: dict(empty) for (customer,) in owners}
    question = _Question(traits, as_of, known)
    try:
        doubtful = question.ask(engine, values)
    except InvalidInput:
        # A calculation inside a condition left the range of SQL's decimals; the oracle has none.
        doubtful = set(question.read)
    rest = [name for name in traits if name in doubtful or name not in question.read]
    if rest:
        _by_oracle(engine, {name: traits[name] for name in rest}, as_of, known, values, profiles)
    return values


def empty_value(trait: Trait) -> Any:
    """Return what a trait is worth where no fact contributes and nothing is known.

    >>> empty_value(Trait(of=("Order Completed",), count=True))
    0
    """
    if trait.formula or trait.sequence:
        return trait_of(trait, (), 0, around=lambda attribute: ())
    empty = {"count": 0, "distinct": 0, "sum": Decimal(0), "recent": [], "streak": 0}
    return empty.get(trait.aggregate)


class _Question:
    """One query for all traits that SQL can say exactly; each property is read once from a fact."""

    def __init__(self, traits: Traits, as_of: int, known: str) -> None:
        self._as_of, self._known = as_of, known
        self._columns: dict[str, str] = {}
        self._doubts: dict[str, str] = {}
        self._wanted: list[str] = []
        self.read: dict[str, tuple[Trait, tuple[int, ...], Callable[..., Any] | None]] = {}
        for name, entry in traits.items():
            try:
                self._add(name, entry.value)
            except Unreadable:
                continue

    def _add(self, name: str, trait: Trait) -> None:
        value = Expression(trait.value).column(trait.aggregate) if trait.value else ""
        where = Expression(trait.where) if trait.where else None
        condition = where.sql() if where else ""
        filter_ = counted = f"event IN ({_list(trait.of)})"
        if trait.zone_of or trait.streak or trait.sequence or trait.related:
            # Each customer has a zone of her own, or a fact alone does not tell whether it counts.
            raise Unreadable(trait.aggregate)
        after, until = bounds(trait, self._as_of, {})
        if after > -NEVER:
            counted += f" AND NOT {at_most('time', after)}"
        if until < self._as_of:
            counted += f" AND {at_most('time', until)}"
        filter_ = counted
        if where:
            filter_ += f" AND {self._column(trait, condition)}"
            if odd := where.odd():
                doubt = f"bool_or({self._column(trait, odd)}) FILTER (WHERE {counted})"
                self._doubts[name] = f"coalesce({doubt}, false)"
        column = self._column(trait, value) if value else ""
        cells = _aggregate(trait, f"FILTER (WHERE {filter_})", column, self._as_of)
        first = 1 + len(self._wanted)
        self._wanted.extend(cells)
        places = tuple(range(first, first + len(cells)))
        self.read[name] = (trait, places, _reading(trait, moment=value == MOMENT))

    def _column(self, trait: Trait, sql: str) -> str:
        # CASE, so that a property is looked for only where the event may have it.
        sql = f"CASE WHEN event IN ({_list(trait.of)}) THEN {sql} END"
        return self._columns.setdefault(sql, f"x{len(self._columns)}")

    def ask(self, engine: Engine, values: Values) -> set[str]:
        """Put the traits' values in; return the traits for which SQL met what it cannot read."""
        if not self.read:
            return set()
        events = {event for trait, _, _ in self.read.values() for event in trait.of}
        inner = [
            *("customer", '"time"', "source", "message_id", "event"),
            *(f"{sql} AS {name}" for sql, name in self._columns.items()),
        ]
        wanted = ["customer", *self._wanted, *self._doubts.values()]
        sql = (
            f"SELECT {', '.join(wanted)} FROM ({_over(inner, events, self._as_of, self._known)}) "
            "GROUP BY customer"
        )
        doubtful: set[str] = set()
        plain = [(name, places[0]) for name, (_, places, how) in self.read.items() if how is None]
        readings = [(name, places, how) for name, (_, places, how) in self.read.items() if how]
        doubts = list(enumerate(self._doubts, start=1 + len(self._wanted)))
        for row in _ask(engine, sql):
            own = values[row[0]]
            for name, place in plain:
                if (cell := row[place]) is not None:
                    own[name] = cell
            for name, places, how in readings:
                if row[places[0]] is not None:
                    own[name] = how(*[row[place] for place in places])
            for place, name in doubts:
                if row[place]:
                    doubtful.add(name)
        return doubtful


def _over(columns: list[str], events: Iterable[str], as_of: int, known: str) -> str:
    return (
        f"SELECT {', '.join(columns)} FROM facts WHERE customer IS NOT NULL{known} "
        f"AND {at_most('time', as_of)} AND event IN ({_list(sorted(events))})"
    )


def _list(texts: Iterable[str]) -> str:
    return ", ".join(map(text_literal, texts)) or "NULL"


def _aggregate(trait: Trait, filter_: str, column: str, as_of: int) -> tuple[str, ...]:
    """Return the columns from which the trait's value is made; the first is null where there is none."""
    order = '("time", source, message_id)'
    match trait.aggregate:
        case "count":
            return (f"count(*) {filter_}",)
        case "distinct":
            return (f"count(DISTINCT {column}) {filter_}",)
        case "first":
            return (f"arg_min({column}, {order}) {filter_}",)
        case "last":
            return (f"arg_max({column}, {order}) {filter_}",)
        case "average":
            return f"sum({column}) {filter_}", f"count({column}) {filter_}"
        case "recent":
            some = f"{filter_[:-1]} AND {column} IS NOT NULL)"
            return (f"arg_max({column}, {order}, {trait.items}) {some}",)
        case "since":
            return (f'{as_of} - epoch_ms(max("time") {filter_})',)
        case _:
            return (f"{trait.aggregate}({column}) {filter_}",)


def _reading(trait: Trait, *, moment: bool) -> Callable[..., Any] | None:
    """Return how the columns become the trait's value; None where the first is the value."""
    if trait.aggregate == "average":
        return average
    one = to_datetime if moment else _raw
    if trait.aggregate in ("first", "last"):
        return one
    if trait.aggregate == "recent":
        return lambda cells: list(map(one, cells))
    if trait.aggregate == "since":
        return lambda passed: passed // trait.unit_length
    return None


def _raw(cell: str) -> Any:
    return json.loads(cell) if cell[0] in '"tf' else Decimal(cell)


def _by_oracle(
    engine: Engine,
    traits: Traits,
    as_of: int,
    known: str,
    values: Values,
    profiles: Mapping[str, Mapping[str, Any]],
) -> None:
    events = {event for entry in traits.values() for event in entry.value.of}
    wanted = [
        *("customer", "source", "type", "event", "epoch_ms(time)", "epoch_ms(received)"),
        *("message_id", "properties"),
    ]
    owned: dict[str, list[Fact]] = defaultdict(list)
    for row in _ask(engine, _over(wanted, events, as_of, known)):
        customer, source, type_, event, time, received, message_id, properties = row
        fact = Fact(0, message_id, source, type_, event, time, received, ())
        fact.properties = json.loads(properties)
        owned[customer].append(fact)
    kin = Kin(owned, profiles)
    for customer, own in values.items():
        facts, profile = owned.get(customer, []), profiles.get(customer, {})
        for name, entry in traits.items():
            own[name] = trait_of(entry.value, facts, as_of, profile, kin.around(customer))


def profiles(
    engine: Engine, attributes: Mapping[str, Entry[Attribute]], as_of: int
) -> dict[str, dict[str, Any]]:
    """Return the attributes in force at a moment, for every customer about whom something was said.

    Where masters are named and ``master`` survivorship holds, the word of an earlier-named one
    beats that of a later one, and any master's word beats that of others; among equals the newest
    wins. What a system may not say, or what is not of the attribute's type, was not said. What was said
    holds from when it was said, at the latest from when we heard of it.
    """
    ranks = [
        f"({text_literal(name)}, {text_literal(source)}, {rank})"
        for name, entry in attributes.items()
        if entry.value.survivorship == "master"
        for rank, source in enumerate(entry.value.masters)
    ]
    sql = f"""
        WITH ranks(attribute, source, rank) AS (
            SELECT * FROM (VALUES {", ".join([*ranks, "(NULL, NULL, NULL)"])})
        )
        SELECT customer, attribute, source, value FROM attributes a
        LEFT JOIN ranks r USING (attribute, source)
        WHERE attribute IN ({_list(attributes)}) AND customer IS NOT NULL
            AND ({at_most("a.time", as_of)} OR {at_most("a.received", as_of)})
        ORDER BY customer, attribute,
            rank NULLS LAST, a.time DESC, source DESC, message_id DESC
    """
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for customer, name, source, value in _ask(engine, sql):
        attribute = attributes[name].value
        if name in found[customer] or not may_say(attribute, source):
            continue
        with suppress(InvalidInput):
            found[customer][name] = convert(attribute.type, _said(value))
    return dict(found)


def may_say(attribute: Attribute, source: str) -> bool:
    """Say whether a system is heard about an attribute."""
    said_by = (*attribute.masters, *attribute.contributors) if attribute.contributors else ()
    return not said_by or source in said_by


def _said(value: str | None) -> Any:
    """Return a list or an object as such; history keeps every value as text."""
    if value is not None and value[:1] in ("[", "{"):
        with suppress(json.JSONDecodeError):
            return json.loads(value)
    return value


def _ask(engine: Engine, sql: str) -> list[tuple[Any, ...]]:
    return engine.query(sql, rows=None, seconds=None).rows
