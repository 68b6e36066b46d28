"""Keeps the work of the applications in SQLite or Postgres."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import (
    Connection,
    func,
    literal,
    or_,
    select,
    union_all,
)

from cfa.model import CLOSED, Step, Work
from cfa.tables import TITLES, WORK, case_message
from cid.kit.db import Database, assign, upsert

_AT_ONCE = 500

MIRRORS = {
    "tasks": (
        "SELECT id, app, queue, title, customer, rule, opened_at, due_at, state, outcome, actor,"
        " closed_at, loop FROM cfa_task"
    ),
    "cases": (
        "SELECT id, customer, subject, channel, priority, queue, state, opened_at,"
        " first_response_due, first_responded_at, resolve_due, resolved_at, csat, loop"
        " FROM cfa_case"
    ),
    "opportunities": (
        "SELECT id, customer, title AS name, pipeline, stage, amount / 10000.0 AS amount, currency,"
        " owner, opened_at, closed_at, close_date FROM cfa_opportunity"
    ),
}


class SqlStore:
    """The applications' tables; writes happen inside the pipeline's transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self, connection: Connection) -> list[Work]:
        """Return all work that is still open."""
        return [
            _work(kind, row)
            for kind, table in WORK.items()
            for row in connection.execute(
                select(table).where(table.c.state.not_in(sorted(CLOSED)))
            ).mappings()
        ]

    def fetch(self, connection: Connection, ids: Mapping[str, Collection[str]]) -> list[Work]:
        """Return the work of these ids by kind, as far as it exists."""
        found: list[Work] = []
        for kind, wanted in ids.items():
            table = WORK[kind]
            for part in _parts(sorted(wanted)):
                rows = connection.execute(select(table).where(table.c.id.in_(part))).mappings()
                found.extend(_work(kind, row) for row in rows)
        return found

    def regroup(self, connection: Connection, owners: Mapping[str, str]) -> None:
        """Give the work of these identities to these customers."""
        for table in WORK.values():
            assign(connection, table, "customer", "identity", owners)

    def save(
        self, connection: Connection, work: Iterable[Work], messages: Sequence[Mapping[str, Any]]
    ) -> None:
        """Write work that changed, and what was said in cases."""
        rows: dict[str, list[dict[str, Any]]] = {kind: [] for kind in WORK}
        for each in work:
            rows[each.kind].append(
                {
                    "id": each.id,
                    "customer": each.customer,
                    "identity": each.identity,
                    **each.values,
                    "steps": orjson.dumps([list(step) for step in each.steps]).decode(),
                }
            )
        for kind, changed in rows.items():
            upsert(connection, WORK[kind], changed)
        upsert(connection, case_message, [dict(message) for message in messages])

    def rows(
        self,
        kind: str,
        where: Mapping[str, str | Collection[str]] = {},
        *,
        order: Sequence[str] = (),
        limit: int = 1000,
    ) -> list[dict[str, Any]]:
        """Return work whose columns have these values; ``-column`` sorts falling, nulls last."""
        table = WORK[kind]
        query = select(*(column for column in table.c if column.name != "steps")).limit(limit)
        for name, value in where.items():
            column = table.c[name]
            query = query.where(
                column == value if isinstance(value, str) else column.in_(sorted(value))
            )
        for name in (*order, "id"):
            column = table.c[name.removeprefix("-")]
            query = query.order_by(column.is_(None), column.desc() if name[0] == "-" else column)
        with self._database.read() as connection:
            return [_plain(row) for row in connection.execute(query).mappings()]

    def row(self, kind: str, id: str) -> dict[str, Any] | None:
        """Return one piece of work."""
        return next(iter(self.rows(kind, {"id": id}, limit=1)), None)

    def messages(self, case: str) -> list[dict[str, Any]]:
        """Return what was said in a case, in order."""
        columns = case_message.c
        query = (
            select(columns.at, columns.direction, columns.text, columns.actor)
            .where(columns.case_id == case)
            .order_by(columns.at, columns.source, columns.message_id)
        )
        with self._database.read() as connection:
            return [_plain(row) for row in connection.execute(query).mappings()]

    def search(self, text: str, limit: int) -> list[dict[str, Any]]:
        """Return ``{kind, id, title, customer}`` of work whose title contains a text."""
        queries = [
            select(literal(kind).label("kind"), table.c.id, title.label("title"), table.c.customer)
            .where(
                or_(
                    func.lower(title).contains(text.lower(), autoescape=True),
                    table.c.id == text,
                )
            )
            .where(table.c.state.not_in(sorted(CLOSED)) if kind == "task" else literal(True))
            for kind, title in TITLES.items()
            for table in (WORK[kind],)
        ]
        with self._database.read() as connection:
            rows = connection.execute(union_all(*queries).limit(limit)).mappings()
            return [_plain(row) for row in rows]

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how much work there is, by kind and state."""
        found: dict[str, dict[str, int]] = {}
        with self._database.read() as connection:
            for kind, table in WORK.items():
                query = select(table.c.state, func.count()).group_by(table.c.state)
                found[kind] = {state: count for state, count in connection.execute(query)}
        return found

    def mirrors(self) -> dict[str, str]:
        """Return the SELECTs that feed the history."""
        return dict(MIRRORS)


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a row whose names are plain text: SQLAlchemy's own kind of text is no JSON key."""
    return {str(name): value for name, value in row.items()}


def _work(kind: str, row: Mapping[Any, Any]) -> Work:
    values = _plain(row)
    steps = [Step(*step) for step in orjson.loads(values.pop("steps"))]
    id, customer, identity = (values.pop(name) for name in ("id", "customer", "identity"))
    return Work(kind, id, customer, identity, steps, values)


def _parts(ids: list[str]) -> list[list[str]]:
    return [ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE)]
