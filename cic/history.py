"""History: everything that happened to all customers, in columns, for questions about many at once.

It is derived from the records and can always be made again. These are the views an analyst reads
with SQL; every one exists from the first moment on, empty where nothing has happened yet.
Timestamps are UTC; ``day`` of a fact is the day of the business. ``customer_key`` is a number for the
customer in this history only: it is the same where ``customer`` is the same, and faster to count.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from cic.columns import amount_of, text_of
from cic.ports import Mirror

FORMAT = "5"
"""Changes when history is laid out differently; a file with another format is made again."""

WORDS: dict[str, tuple[str, str]] = {
    "total": ("DECIMAL(18,4)", amount_of("properties", "/total")),
    "margin": ("DECIMAL(18,4)", amount_of("properties", "/margin")),
    **{
        name: ("VARCHAR", text_of("properties", "/" + name))
        for name in ("currency", "channel", "campaign", "store", "sku", "category")
    },
    # What bears a name elsewhere may be a person.
    "product": (
        "VARCHAR",
        f"CASE WHEN event LIKE 'Product %' THEN {text_of('properties', '/name')} END",
    ),
}
"""Properties of facts that are columns of their own: type, and what they are of ``properties``."""

LINE: dict[str, tuple[str, str]] = {
    **{name: ("VARCHAR", text_of("item", "/" + name)) for name in ("sku", "category")},
    "product": ("VARCHAR", text_of("item", "/name")),
    "price": ("DECIMAL(18,4)", amount_of("item", "/price")),
    "quantity": ("DECIMAL(18,4)", f"coalesce({amount_of('item', '/quantity')}, 1)"),
}
"""The same for each of a completed order's ``items``."""

_OF_FACT = {name: type_ for name, (type_, _) in WORDS.items() if name not in LINE}

STORED = f"""
CREATE SCHEMA kept;
CREATE TABLE kept.state (generation VARCHAR, format VARCHAR, position BIGINT);
CREATE TABLE kept.mirror (name VARCHAR, version VARCHAR, mark VARCHAR);
CREATE TABLE kept.customer (customer_key INTEGER, customer VARCHAR);
CREATE TABLE kept.owner (
    who INTEGER, identity VARCHAR, customer VARCHAR, customer_key INTEGER
);
CREATE TABLE kept.fact (
    position BIGINT, who INTEGER, message_id VARCHAR, source VARCHAR, type VARCHAR,
    event VARCHAR, "time" TIMESTAMP, day DATE, received TIMESTAMP, actor VARCHAR, loop VARCHAR,
    properties JSON, shared JSON,
    {", ".join(f"{name} {type_}" for name, (type_, _) in WORDS.items())}
);
CREATE TABLE kept.line (
    position BIGINT, who INTEGER, source VARCHAR, "time" TIMESTAMP, day DATE,
    {", ".join(f"{name} {type_}" for name, type_ in _OF_FACT.items())},
    {", ".join(f"{name} {type_}" for name, (type_, _) in LINE.items())}
);
CREATE TABLE kept.observation (
    position BIGINT, who INTEGER, source VARCHAR, message_id VARCHAR, attribute VARCHAR,
    "time" TIMESTAMP, received TIMESTAMP, value VARCHAR
);
CREATE VIEW facts AS
    SELECT f.position, o.identity, o.customer, f.message_id, f.source, f.type, f.event, f."time",
           f.received, f.actor, f.loop, f.properties, o.customer_key, f.day, {", ".join(WORDS)}
    FROM kept.fact f JOIN kept.owner o ON o.who = f.who;
CREATE VIEW kept.shared AS
    SELECT f.position, o.identity, o.customer, f.message_id, f.source, f.type, f.event, f."time",
           f.received, f.actor, f.loop, coalesce(f.shared, f.properties) AS properties,
           o.customer_key, f.day, {", ".join(WORDS)}
    FROM kept.fact f JOIN kept.owner o ON o.who = f.who;
CREATE VIEW lines AS
    SELECT l.position, o.customer, o.customer_key, l.source, l."time", l.day,
           {", ".join([*_OF_FACT, *LINE])}
    FROM kept.line l JOIN kept.owner o ON o.who = l.who;
CREATE VIEW attributes AS
    SELECT a.position, o.identity, o.customer, a.source, a.message_id, a.attribute, a."time",
           a.received, a.value, o.customer_key
    FROM kept.observation a JOIN kept.owner o ON o.who = a.who;
"""
"""Facts keep a number for the identity; whom that belongs to, is said once, and may change."""

SHARED = "kept.shared"
"""The same as ``facts``, for those to whom nothing personal is shown."""
VIEWS = ("facts", "lines", "attributes")
"""What is read of the tables above; everything else is a small table of its own."""

_TEXT, _MOMENT, _MONEY = "VARCHAR", "TIMESTAMP", "DECIMAL(18,4)"


def _view(text: str = "", **types: str) -> dict[str, str]:
    return {**dict.fromkeys(text.split(), _TEXT), **types}


SCHEMA: dict[str, dict[str, str]] = {
    "customers": _view("customer kind name", first_seen=_MOMENT, last_seen=_MOMENT),
    "memberships": _view("customer segment", since=_MOMENT),
    "changes": _view(
        "customer segment kind cause cause_id loop", effective_at=_MOMENT, known_at=_MOMENT
    ),
    "decisions": _view(
        "id rule version trigger customer cause actor reason loop variant default_variant",
        at=_MOMENT,
        fired="BOOLEAN",
        latency_ms="BIGINT",
    ),
    "actions": _view("id decision rule action customer state loop", at=_MOMENT),
    "tasks": _view(
        "id app queue title customer rule state outcome actor loop",
        opened_at=_MOMENT,
        due_at=_MOMENT,
        closed_at=_MOMENT,
    ),
    "cases": _view(
        "id customer subject channel priority queue state loop",
        opened_at=_MOMENT,
        first_response_due=_MOMENT,
        first_responded_at=_MOMENT,
        resolve_due=_MOMENT,
        resolved_at=_MOMENT,
        csat="BIGINT",
    ),
    "opportunities": _view(
        "id customer name pipeline stage currency owner close_date",
        amount=_MONEY,
        opened_at=_MOMENT,
        closed_at=_MOMENT,
    ),
    "ledger": _view("source state reason", position="BIGINT", received=_MOMENT, time=_MOMENT),
    "consents": _view("customer purpose channel", granted="BOOLEAN", since=_MOMENT),
    "identifiers": _view("identifier kind customer"),
    "scores": _view("customer score version", value="DOUBLE", at=_MOMENT),
    "verification": _view(
        at=_MOMENT,
        as_of=_MOMENT,
        traits="BIGINT",
        segments="BIGINT",
        customers="BIGINT",
        mismatches="BIGINT",
    ),
    "systems": _view("name kind channel", expected_ms="BIGINT"),
}
"""The small tables of all layers that history always offers, with the types of their columns."""


def column_types(name: str, mirror: Mirror, rows: Sequence[Sequence[Any]]) -> dict[str, str]:
    """Decide the SQL type of each column of a mirrored table.

    What the mirror says comes first, then what history knows of the table, then the values.
    """
    types = {
        column: said_type(name, mirror, column) or _type_of(row[index] for row in rows)
        for index, column in enumerate(mirror.columns)
    }
    known = SCHEMA.get(name, {})
    return {**types, **{name: type_ for name, type_ in known.items() if name not in types}}


def said_type(name: str, mirror: Mirror, column: str) -> str:
    """Return the SQL type of a column as far as it does not depend on the values; else empty."""
    if column in mirror.types:
        return mirror.types[column]
    if column in mirror.moments:
        return _MOMENT
    return SCHEMA.get(name, {}).get(column, "")


def _type_of(values: Iterable[Any]) -> str:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return "BOOLEAN"
    if kinds == {int}:
        return "BIGINT"
    if kinds and kinds <= {int, Decimal}:
        return _MONEY
    if kinds and kinds <= {int, float}:
        return "DOUBLE"
    return _TEXT
