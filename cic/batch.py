"""Traits and profiles of all customers at any moment, by questions to history.

This is the path that does not know the live one: one query over the facts, window half-open
``(as_of − W, as_of]``. What the numbers mean is said in `cic.oracle`; both must always agree.

What SQL cannot say exactly as FEEL means it is not approximated: those traits are computed by the oracle from
the same facts, which is slower and just as right.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from cic.columns import MOMENT, Expression, Unreadable, at_most, text_literal
from cic.model import Trait
from cic.oracle import average, trait_of
from cic.ports import Engine
from cid.kit.clock import to_datetime
from cid.kit.definitions import Entry
from cid.kit.errors import InvalidInput
from cid.model.definition import Attribute
from cid.model.fact import Fact
from cid.profile import convert

Traits = Mapping[str, Entry[Trait]]
Values = dict[str, dict[str, Any]]


def compute(engine: Engine, traits: Traits, as_of: int, known_at: int | None = None) -> Values:
    """Compute traits at a moment, for every customer who owns a fact.

    Args:
        engine: the history to ask.
        traits: the traits by name.
        as_of: the moment.
        known_at: leave out facts received later than this; all that is known today where it is None.
    """
    known = "" if known_at is None else f" AND {at_most('received', known_at)}"
    owners = _ask(engine, f"SELECT DISTINCT customer FROM facts WHERE customer IS NOT NULL{known}")
    empty = {name: empty_value(entry.value) for name, entry in traits.items()}
    values: Values = {customer: dict(empty) for (customer,) in owners}
    readable = _readable(engine, traits, as_of, known)
    try:
        _by_query(engine, readable, as_of, known, values)
    except InvalidInput:
        # A calculation inside a condition left the range of SQL's decimals: the oracle has no such range.
        readable = {}
    rest = {name: entry for name, entry in traits.items() if name not in readable}
    if rest:
        _by_oracle(engine, rest, as_of, known, values)
    return values


def empty_value(trait: Trait) -> Any:
    """Return what a trait is worth where no fact contributes.

    >>> empty_value(Trait(of=("Order Completed",), count=True))
    0
    """
    return {"count": 0, "distinct": 0, "sum": Decimal(0)}.get(trait.aggregate)


def _readable(
    engine: Engine, traits: Traits, as_of: int, known: str
) -> dict[str, tuple[Trait, str, str]]:
    """Find the traits that SQL computes exactly on the facts at hand, with condition and value."""
    found: dict[str, tuple[Trait, str, str]] = {}
    doubts: dict[str, str] = {}
    for name, entry in traits.items():
        trait = entry.value
        counted = _counted(trait, as_of)
        try:
            value = Expression(trait.value).column(trait.aggregate) if trait.value else ""
            where = Expression(trait.where) if trait.where else None
            condition = f"{counted} AND ({where.sql()}) IS TRUE" if where else counted
        except Unreadable:
            continue
        found[name] = (trait, condition, value)
        if where and (odd := where.odd()):
            doubts[name] = f"coalesce(bool_or({odd}) FILTER (WHERE {counted}), false)"
    if doubts:
        events = {event for name in doubts for event in traits[name].value.of}
        (row,) = _ask(engine, _over(list(doubts.values()), events, as_of, known))
        for name, doubtful in zip(doubts, row, strict=True):
            if doubtful:
                del found[name]
    return found


def _by_query(
    engine: Engine,
    traits: Mapping[str, tuple[Trait, str, str]],
    as_of: int,
    known: str,
    values: Values,
) -> None:
    if not traits:
        return
    columns: list[str] = ["customer"]
    for trait, condition, value in traits.values():
        columns.extend(_aggregate(trait, condition, value))
    events = {event for trait, _, _ in traits.values() for event in trait.of}
    sql = _over(columns, events, as_of, known) + " GROUP BY customer"
    for customer, *row in _ask(engine, sql):
        own = values[customer]
        cells = iter(row)
        for name, (trait, _, value) in traits.items():
            own[name] = _value(trait, value, next(cells), next(cells))


def _over(columns: list[str], events: Iterable[str], as_of: int, known: str) -> str:
    return (
        f"SELECT {', '.join(columns)} FROM facts WHERE customer IS NOT NULL{known} "
        f"AND {at_most('time', as_of)} AND event IN ({', '.join(map(text_literal, sorted(events)))})"
    )


def _counted(trait: Trait, as_of: int) -> str:
    events = ", ".join(map(text_literal, trait.of))
    condition = f"event IN ({events})"
    if trait.window:
        condition += f" AND NOT {at_most('time', as_of - trait.window_length)}"
    return condition


def _aggregate(trait: Trait, condition: str, value: str) -> tuple[str, str]:
    """Return two columns from which the trait's value is made."""
    counted = f"FILTER (WHERE {condition})"
    order = '("time", source, message_id)'
    match trait.aggregate:
        case "count":
            return f"count(*) {counted}", "NULL"
        case "distinct":
            return f"count(DISTINCT {value}) {counted}", "NULL"
        case "first":
            return f"arg_min({value}, {order}) {counted}", "NULL"
        case "last":
            return f"arg_max({value}, {order}) {counted}", "NULL"
        case "min" | "max" | "sum":
            return f"{trait.aggregate}({value}) {counted}", "NULL"
        case "average":
            return f"sum({value}) {counted}", f"count({value}) {counted}"


def _value(trait: Trait, column: str, cell: Any, count: Any) -> Any:
    if cell is None:
        return empty_value(trait)
    match trait.aggregate:
        case "average":
            return average(cell, count)
        case "first" | "last":
            if column == MOMENT:
                return to_datetime(cell)
            value = json.loads(cell) if cell[:1] in '"tf' else Decimal(cell)
            return value
        case _:
            return cell


def _by_oracle(engine: Engine, traits: Traits, as_of: int, known: str, values: Values) -> None:
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
    for customer, own in values.items():
        facts = owned.get(customer, [])
        for name, entry in traits.items():
            own[name] = trait_of(entry.value, facts, as_of)


def profiles(
    engine: Engine, attributes: Mapping[str, Entry[Attribute]], as_of: int
) -> dict[str, dict[str, Any]]:
    """Return the attributes in force at a moment, for every customer about whom something was said.

    Where masters are named and ``master`` survivorship holds, the word of an earlier-named one beats that of a
    later one, and any master's word beats that of others; among equals the newest observation wins.
    """
    ranks = [
        f"({text_literal(name)}, {text_literal(source)}, {rank})"
        for name, entry in attributes.items()
        if entry.value.survivorship == "master"
        for rank, source in enumerate(entry.value.masters)
    ]
    names = ", ".join(map(text_literal, attributes)) or "NULL"
    sql = f"""
        WITH ranks(attribute, source, rank) AS (
            SELECT * FROM (VALUES {", ".join([*ranks, "(NULL, NULL, NULL)"])})
        )
        SELECT customer, attribute, value FROM attributes a
        LEFT JOIN ranks r USING (attribute, source)
        WHERE attribute IN ({names}) AND customer IS NOT NULL AND {at_most("a.time", as_of)}
        QUALIFY row_number() OVER (
            PARTITION BY customer, attribute
            ORDER BY rank NULLS LAST, a.time DESC, source DESC, message_id DESC
        ) = 1
    """
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for customer, name, value in _ask(engine, sql):
        found[customer][name] = _attribute(attributes[name].value, value)
    return dict(found)


def _attribute(attribute: Attribute, value: str | None) -> Any:
    if attribute.type == "list" and value is not None and value.startswith("["):
        return json.loads(value)
    try:
        return convert(attribute.type, value)
    except InvalidInput:
        return None


def _ask(engine: Engine, sql: str) -> list[tuple[Any, ...]]:
    return engine.query(sql, rows=None, seconds=None).rows
