"""The ledger and the identity graph in a relational database."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, delete, func, or_, select

from cid.kit.db import Database, insert, present, upsert
from cid.kit.errors import Conflict
from cii import tables
from cii.adapters import sql_lease
from cii.ports import Gone, LedgerRow, Turn
from cii.resolution import Edge, GraphChanges, IdentityGraph

CHUNK = 500


class _Seen(NamedTuple):
    key: bytes
    position: int


class _Identifier(NamedTuple):
    identifier: str
    kind: str
    customer: str
    first_seen: int
    blocked: bool


class _Edge(NamedTuple):
    a: str
    b: str
    source: str
    message_id: str
    time: int
    vetoed: bool
    decided_at: int
    decided_by: str
    reason: str


_KIND = ("source", "state", "reason")
_fate = attrgetter(*_KIND, "received")
_fields = attrgetter(*[field.name for field in fields(Edge)])


class SqlStore:
    """Keeps what integration knows in the tables ``cii_*``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def progress(self, connection: Connection, topic: str) -> dict[int, int]:
        """Return the next offset to apply, by partition."""
        t = tables.progress
        query = select(t.c.partition, t.c.offset).where(t.c.topic == topic)
        return {row[0]: row[1] for row in connection.execute(query)}

    def moment(self, connection: Connection) -> int:
        """Return the moment up to which records have been applied."""
        t = tables.moment
        return int(connection.execute(select(t.c.value).where(t.c.name == "applied")).scalar() or 0)

    def position(self, connection: Connection) -> int:
        """Return the last position in the ledger."""
        return int(connection.execute(select(func.max(tables.ledger.c.position))).scalar() or 0)

    def known(self, connection: Connection, keys: Sequence[bytes]) -> set[bytes]:
        """Return those of the keys that the ledger has already."""
        return {bytes(key) for key in present(connection, tables.seen.c.key, keys)}

    def identifiers(self, connection: Connection) -> Iterator[tuple[str, str, int, bool]]:
        """Yield (identifier, customer, first seen, blocked)."""
        t = tables.identifier
        query = select(t.c.identifier, t.c.customer, t.c.first_seen, t.c.blocked)
        for row in connection.execute(query):
            yield (row[0], row[1], row[2], row[3])

    def edges(self, connection: Connection) -> Iterator[tuple[Any, ...]]:
        """Yield the evidence, in the order of the fields of an edge."""
        t = tables.edge
        columns = (t.c.a, t.c.b, t.c.source, t.c.message_id, t.c.time)
        decided = (t.c.vetoed, t.c.decided_at, t.c.decided_by, t.c.reason)
        for row in connection.execute(select(*columns, *decided)):
            yield tuple(row)

    def aliases(self, connection: Connection) -> Iterator[tuple[str, str]]:
        """Yield (former customer, customer that took it over), oldest first."""
        t = tables.regrouping
        query = select(t.c.other, t.c.kept).where(t.c.kind == "merge").order_by(t.c.id)
        for row in connection.execute(query):
            yield (row[0], row[1])

    def save(
        self,
        connection: Connection,
        rows: Sequence[LedgerRow],
        keys: Sequence[tuple[bytes, int]],
        graph: IdentityGraph,
        moment: int,
    ) -> None:
        """Write the fates of a batch and what it changed in the identity graph."""
        if rows:
            insert(connection, tables.ledger, rows)
            self._count(connection, map(_fate, rows), 1)
        if keys:
            insert(connection, tables.seen, list(map(_Seen._make, keys)))
        changes, graph.changes = graph.changes, GraphChanges()
        upsert(
            connection,
            tables.identifier,
            [
                _Identifier(
                    identifier,
                    identifier.partition(":")[0],
                    known.customer,
                    known.first_seen,
                    known.blocked,
                )
                for identifier in sorted(changes.identifiers)
                for known in (graph.known[identifier],)
            ],
        )
        upsert(
            connection,
            tables.edge,
            [_Edge(*_fields(graph.edges[a][b])) for a, b in sorted(changes.edges)],
        )
        if changes.regroupings:
            columns = ("time", "kind", "kept", "other", "identifier")
            connection.execute(
                tables.regrouping.insert(),
                [dict(zip(columns, each, strict=True)) for each in changes.regroupings],
            )
        upsert(connection, tables.moment, [{"name": "applied", "value": moment}])

    def advance(
        self,
        connection: Connection,
        topic: str,
        before: Mapping[int, int],
        after: Mapping[int, int],
    ) -> None:
        """Move the offsets on, if they still are where we read them."""
        there = self.progress(connection, topic)
        rows = []
        for partition, offset in after.items():
            known = before.get(partition, 0)
            if offset == known:
                continue
            if there.get(partition, 0) != known:
                raise Conflict(
                    f"Partition {partition} of {topic!r} is at {there.get(partition)}, not at"
                    f" {known}: another worker has applied it.",
                    hint="This worker starts again from the records.",
                )
            rows.append({"topic": topic, "partition": partition, "offset": offset})
        upsert(connection, tables.progress, rows)

    def origin(self, connection: Connection, topic: str) -> tuple[str, int]:
        """Return which log was applied, and how many of its offsets held no record."""
        t = tables.origin
        found = connection.execute(select(t.c.identity, t.c.holes).where(t.c.topic == topic))
        row = found.first()
        return (row[0], row[1]) if row else ("", 0)

    def come_from(self, connection: Connection, topic: str, identity: str, holes: int) -> None:
        """Note which log is applied, and how many of its offsets hold no record."""
        upsert(connection, tables.origin, [{"topic": topic, "identity": identity, "holes": holes}])

    def take_turn(self, name: str, holder: str, ttl: int, *, patient: bool, gone: Gone) -> Turn:
        """Take or renew the right to apply records, or say who has it."""
        with self._database.write() as connection:
            return sql_lease.take(connection, name, holder, ttl, patient=patient, gone=gone)

    def end_turn(self, name: str, holder: str) -> None:
        """Give the right to apply records back."""
        with self._database.write() as connection:
            sql_lease.give_back(connection, name, holder)

    def hold_turn(self, connection: Connection, name: str, epoch: int) -> None:
        """Make sure that the right to apply records is still ours until the commit."""
        sql_lease.hold(connection, name, epoch)

    def applied(
        self,
        after: int,
        limit: int,
        events: Collection[str] | None = None,
        steady: Collection[str] = (),
    ) -> list[tuple[int, int, int, str]]:
        """Return (position, partition, offset, identity) of applied records after a position."""
        t = tables.ledger
        wanted = and_(t.c.position > after, t.c.state == "applied")
        if events is not None:
            others = t.c.source.not_in(sorted(steady))
            wanted = and_(wanted, or_(t.c.event.in_(sorted(events)), others))
        query = (
            select(t.c.position, t.c.partition, t.c.offset, t.c.identity)
            .where(wanted)
            .order_by(t.c.position)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [(row[0], row[1], row[2], row[3]) for row in connection.execute(query)]

    def order(self, after: int, limit: int) -> list[tuple[int, int, int]]:
        """Return (position, partition, offset) of all records after a position, as they were taken."""
        t = tables.ledger
        query = select(t.c.position, t.c.partition, t.c.offset).where(t.c.position > after)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(t.c.position).limit(limit))
            return [(row[0], row[1], row[2]) for row in rows]

    def totals(self) -> list[dict[str, Any]]:
        """Return counts by source, state and reason."""
        t = tables.count
        query = select(t.c.source, t.c.state, t.c.reason, t.c.records).where(t.c.records > 0)
        return self._rows(query.order_by(t.c.source, t.c.state, t.c.reason))

    def held(self, state: str, limit: int) -> list[dict[str, Any]]:
        """Return records in a state, newest first."""
        t = tables.ledger
        return self._rows(
            select(t).where(t.c.state == state).order_by(t.c.position.desc()).limit(limit)
        )

    def replayed(self, connection: Connection, positions: Sequence[int]) -> None:
        """Forget the fate of quarantined records that are about to be applied again."""
        t = tables.ledger
        for start in range(0, len(positions), CHUNK):
            some = t.c.position.in_(list(positions[start : start + CHUNK]))
            fates = select(t.c.source, t.c.state, t.c.reason, t.c.received).where(some)
            self._count(connection, [tuple(row) for row in connection.execute(fates)], -1)
            connection.execute(delete(t).where(some))

    def find(self, message_id: str) -> list[dict[str, Any]]:
        """Return the fates of all records with a message id."""
        t = tables.ledger
        return self._rows(select(t).where(t.c.message_id == message_id).limit(100))

    def timeline(
        self, identities: Sequence[str], before: tuple[int, int], limit: int, source: str
    ) -> list[dict[str, Any]]:
        """Return the newest applied records of some identities, before (moment, position)."""
        t = tables.ledger
        query = (
            select(t)
            .where(
                and_(
                    t.c.identity.in_(list(identities)[:CHUNK]),
                    t.c.state == "applied",
                    or_(
                        t.c.time < before[0],
                        and_(t.c.time == before[0], t.c.position < before[1]),
                    ),
                )
            )
            .order_by(t.c.time.desc(), t.c.position.desc())
            .limit(limit)
        )
        if source:
            query = query.where(t.c.source == source)
        return self._rows(query)

    def evidence(self, identifiers: Sequence[str]) -> list[dict[str, Any]]:
        """Return the evidence among some identifiers."""
        t = tables.edge
        some = list(identifiers)[:CHUNK]
        return self._rows(select(t).where(or_(t.c.a.in_(some), t.c.b.in_(some))))

    def regroupings(self, customer: str, limit: int) -> list[dict[str, Any]]:
        """Return merges and splits of a customer, newest first; of all where empty."""
        t = tables.regrouping
        query = select(t).order_by(t.c.id.desc()).limit(limit)
        if customer:
            query = query.where(or_(t.c.kept == customer, t.c.other == customer))
        return self._rows(query)

    def merges(self) -> dict[str, int]:
        """Return how many merges and splits there were."""
        t = tables.regrouping
        query = select(t.c.kind, func.count()).group_by(t.c.kind)
        with self._database.read() as connection:
            found = {row[0]: row[1] for row in connection.execute(query)}
        return {"merge": found.get("merge", 0), "split": found.get("split", 0)}

    def last_received(self) -> dict[str, int]:
        """Return the moment of the last record of each source."""
        t = tables.count
        query = select(t.c.source, func.max(t.c.last)).group_by(t.c.source)
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def mirrors(self) -> dict[str, str]:
        """Return the SELECTs that feed the history."""
        return {
            "ledger": "SELECT position, source, state, reason, received, time FROM cii_ledger",
            "identifiers": "SELECT identifier, kind, customer FROM cii_identifier",
        }

    def _count(self, connection: Connection, fates: Iterable[tuple[Any, ...]], sign: int) -> None:
        records: dict[tuple[str, str, str], int] = {}
        last: dict[tuple[str, str, str], int] = {}
        for source, state, reason, received in fates:
            kind = (source, state, reason)
            records[kind] = records.get(kind, 0) + sign
            if received > last.get(kind, 0):
                last[kind] = received
        rows = [
            {**dict(zip(_KIND, kind, strict=True)), "records": some, "last": last.get(kind, 0)}
            for kind, some in records.items()
        ]
        # Of "last" the greater would be right; what is received later is never received earlier.
        upsert(connection, tables.count, rows, add=("records",))

    def _rows(self, query: Any) -> list[dict[str, Any]]:
        with self._database.read() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]
