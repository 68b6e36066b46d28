"""History: everything that happened to all customers, in columns, for questions about many at once.

It is derived from the records and can always be made again. These are the views an analyst reads
with SQL; every one exists from the first moment on, empty where nothing has happened yet.
Timestamps are UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from cic.ports import Mirror

FORMAT = "1"
"""Changes when history is laid out differently; a file with another format is made again."""

STORED = """
CREATE SCHEMA kept;
CREATE TABLE kept.state (generation VARCHAR, format VARCHAR, position BIGINT);
CREATE TABLE kept.mirror (name VARCHAR, version VARCHAR);
CREATE TABLE kept.owner (identity VARCHAR, customer VARCHAR);
CREATE TABLE kept.fact (
    position BIGINT, identity VARCHAR, message_id VARCHAR, source VARCHAR, type VARCHAR,
    event VARCHAR, "time" TIMESTAMP, received TIMESTAMP, actor VARCHAR, loop VARCHAR,
    properties JSON
);
CREATE TABLE kept.observation (
    position BIGINT, identity VARCHAR, source VARCHAR, message_id VARCHAR, attribute VARCHAR,
    "time" TIMESTAMP, received TIMESTAMP, value VARCHAR
);
CREATE VIEW facts AS
    SELECT f.position, f.identity, o.customer, f.message_id, f.source, f.type, f.event, f."time",
           f.received, f.actor, f.loop, f.properties
    FROM kept.fact f LEFT JOIN kept.owner o ON o.identity = f.identity;
CREATE VIEW attributes AS
    SELECT a.position, a.identity, o.customer, a.source, a.message_id, a.attribute, a."time",
           a.received, a.value
    FROM kept.observation a LEFT JOIN kept.owner o ON o.identity = a.identity;
"""

_TEXT, _MOMENT, _MONEY = "VARCHAR", "TIMESTAMP", "DECIMAL(18,4)"


def _view(text: str = "", **types: str) -> dict[str, str]:
    return {**dict.fromkeys(text.split(), _TEXT), **types}


SCHEMA: dict[str, dict[str, str]] = {
    "customers": _view("customer kind name", first_seen=_MOMENT, last_seen=_MOMENT),
    "memberships": _view("customer segment", since=_MOMENT),
    "changes": _view("customer segment kind cause loop", effective_at=_MOMENT, known_at=_MOMENT),
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


def column_types(name: str, mirror: Mirror, rows: list[tuple[Any, ...]]) -> dict[str, str]:
    """Decide the SQL type of each column of a mirrored table.

    What the mirror says comes first, then what history knows of the table, then the values.
    """
    known: Mapping[str, str] = SCHEMA.get(name, {})
    types: dict[str, str] = {}
    for index, column in enumerate(mirror.columns):
        if column in mirror.types:
            types[column] = mirror.types[column]
        elif column in mirror.moments:
            types[column] = _MOMENT
        elif column in known:
            types[column] = known[column]
        else:
            types[column] = _type_of(row[index] for row in rows)
    return {**types, **{name: type_ for name, type_ in known.items() if name not in types}}


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
