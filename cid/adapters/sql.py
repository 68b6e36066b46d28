"""Customers in a relational database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from cid import tables
from cid.kit.db import Database, remove, upsert
from cid.ports import CustomerRow, IdentityRow, ObservationRow

CHUNK = 500


class SqlStore:
    """Keeps the customers in the tables ``cid_*``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def identities(self, connection: Connection) -> Iterator[IdentityRow]:
        """Yield all identities."""
        for row in connection.execute(select(tables.identity)):
            yield IdentityRow(*row)

    def observations(self, connection: Connection) -> Iterator[ObservationRow]:
        """Yield the newest observation of every identity, attribute and system."""
        t = tables.observation
        columns = (t.c.identity, t.c.attribute, t.c.source, t.c.time, t.c.message_id, t.c.value)
        for row in connection.execute(select(*columns)):
            yield ObservationRow(*row[:5], _revived(row[5]))

    def save(
        self,
        connection: Connection,
        identities: Sequence[IdentityRow],
        observations: Sequence[ObservationRow],
        customers: Sequence[CustomerRow],
        gone: Sequence[str],
        projected: Mapping[str, Sequence[Mapping[str, Any]]],
    ) -> None:
        """Write what changed in one batch."""
        upsert(connection, tables.identity, identities)
        upsert(
            connection,
            tables.observation,
            [row._replace(value=_kept(row.value)) for row in observations],
        )
        remove(connection, tables.customer, [{"id": each} for each in gone])
        upsert(connection, tables.customer, [_customer(row) for row in customers])
        for name, rows in projected.items():
            upsert(connection, tables.PROJECTED[name], rows, newer="stamp")

    def customer(self, customer: str) -> dict[str, Any] | None:
        """Return one customer with profile and identities."""
        with self._database.read() as connection:
            row = (
                connection.execute(select(tables.customer).where(tables.customer.c.id == customer))
                .mappings()
                .first()
            )
            if row is None:
                return None
            t = tables.identity
            identities = connection.execute(
                select(t.c.identity, t.c.first_seen, t.c.last_seen, t.c.facts)
                .where(t.c.customer == customer)
                .order_by(t.c.first_seen)
            ).mappings()
            return {**row, "identities": [dict(each) for each in identities]}

    def find(self, text: str, limit: int) -> list[dict[str, Any]]:
        """Return customers whose name, values or identifiers contain a text, best first."""
        wanted = text.strip().casefold()
        if not wanted:
            return []
        t = tables.customer
        pattern = "%" + wanted.replace("!", "!!").replace("%", "!%").replace("_", "!_") + "%"
        query = (
            select(t.c.id, t.c.name, t.c.kind)
            .where(t.c.search.like(pattern, escape="!"))
            .order_by((func.lower(t.c.name) != wanted), func.length(t.c.name), t.c.id)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def names(self, customers: Sequence[str]) -> dict[str, str]:
        """Return what these customers are called."""
        t = tables.customer
        result: dict[str, str] = {}
        with self._database.read() as connection:
            for start in range(0, len(customers), CHUNK):
                some = list(customers[start : start + CHUNK])
                for row in connection.execute(select(t.c.id, t.c.name).where(t.c.id.in_(some))):
                    result[row.id] = row.name
        return result

    def rows(self, table: str, where: Mapping[str, Any], limit: int) -> list[dict[str, Any]]:
        """Return rows of a subject-area table, newest first."""
        t = tables.PROJECTED[table]
        query = select(t).order_by(t.c.time.desc()).limit(limit)
        for name, value in where.items():
            column = t.c[name]
            query = query.where(column.in_(value) if isinstance(value, list) else column == value)
        with self._database.read() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def declare(
        self,
        systems: Sequence[Mapping[str, Any]],
        segments: Sequence[Mapping[str, Any]],
    ) -> None:
        """Bring the tables of channels, touchpoints and segments in line with the definitions."""
        with self._database.write() as connection:
            channels = sorted({row["channel"] for row in systems if row["channel"]})
            upsert(connection, tables.channel, [{"name": name} for name in channels])
            upsert(connection, tables.touchpoint, list(systems))
            upsert(connection, tables.segment, list(segments))

    def mirrors(self) -> dict[str, str]:
        """Return the SELECTs that feed the history."""
        return {
            "systems": "SELECT name, kind, channel, expected_ms FROM cid_touchpoint",
            "products": (
                "SELECT sku, name, category, CAST(price AS DOUBLE PRECISION) / 10000 AS price, currency"
                " FROM cid_product"
            ),
        }


class _Customer(NamedTuple):
    id: str
    kind: str
    name: str
    search: str
    profile: dict[str, Any]


def _customer(row: CustomerRow) -> _Customer:
    id_, kind, called, identities, known = row
    words = [called, id_]
    for each in identities:
        words.append(each.partition(":")[2])
    profile = {}
    for name, value in known.items():
        profile[name] = [_kept(value.value), value.source, value.time]
        if isinstance(value.value, str):
            words.append(value.value)
    return _Customer(id_, kind, called, "\n".join(dict.fromkeys(words)).casefold(), profile)


def _kept(value: Any) -> Any:
    """Mark types that JSON does not know, so that they come back as they were."""
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    return value


def _revived(value: Any) -> Any:
    if isinstance(value, dict):
        if "decimal" in value:
            return Decimal(value["decimal"])
        if "date" in value:
            return date.fromisoformat(value["date"])
    return value
