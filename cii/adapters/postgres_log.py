"""The log on Postgres: for several machines that have a database server, and want no other one.

Offsets are given by counters, one row for each partition. Whoever appends holds the rows of the partitions
it appends to until its commit: offsets are gapless and become visible in their order, so that no reader
ever skips one; appending to different partitions goes on side by side. No table is ever locked.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cid.kit.errors import Conflict, InvalidInput, NotFound, Unavailable
from cid.kit.ids import murmur2, new_id
from cii.adapters.group_commit import GroupCommit
from cii.adapters.growth import Growth
from cii.adapters.postgres_server import Connection, PostgresServer
from cii.ports import Lease, LogRecord, Message, Place

GROUP = 1_000
"""A group commit takes this many messages if they are waiting; a larger append stays whole."""
ANSWER = 64 << 20
"""Bytes after which one reading stops, however many records were asked for."""
TYPES = ["int4", "int4", "int8", "int8", "bytea", "text", "bytea"]

SCHEMA = """
SELECT pg_advisory_xact_lock(hashtext('icustomer log'), hashtext(current_schema()));
CREATE TABLE IF NOT EXISTS log_topic (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE, uid text NOT NULL, partitions integer NOT NULL
);
CREATE TABLE IF NOT EXISTS log_part (
    topic integer NOT NULL, part integer NOT NULL, next bigint NOT NULL, PRIMARY KEY (topic, part)
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS log_record (
    topic integer NOT NULL, part integer NOT NULL, off bigint NOT NULL,
    ts bigint NOT NULL, key bytea NOT NULL, headers text NOT NULL, value bytea NOT NULL,
    PRIMARY KEY (topic, part, off)
);
CREATE TABLE IF NOT EXISTS log_member (
    topic integer NOT NULL, grp text COLLATE "C" NOT NULL, name text COLLATE "C" NOT NULL,
    until bigint NOT NULL, PRIMARY KEY (topic, grp, name)
);
CREATE TABLE IF NOT EXISTS log_epoch (
    topic integer NOT NULL, grp text COLLATE "C" NOT NULL, epoch bigint NOT NULL,
    PRIMARY KEY (topic, grp)
);
"""
READ = """
SELECT off, ts, key, value, headers FROM (
    SELECT *, sum(octet_length(value)) OVER (ORDER BY off) - octet_length(value) AS before
    FROM log_record WHERE topic = %s AND part = %s AND off >= %s ORDER BY off LIMIT %s
) AS found WHERE before < %s ORDER BY off
"""
BEGINS = """
SELECT part, coalesce((SELECT off FROM log_record AS r WHERE r.topic = p.topic AND r.part = p.part
                       ORDER BY off LIMIT 1), next)
FROM log_part AS p WHERE topic = %s ORDER BY part
"""
ENDS = "SELECT part, next FROM log_part WHERE topic = %s ORDER BY part"
# The order of locking is the same for everybody, so that nobody waits in a circle.
TAKE = """
SELECT topic, part, next FROM log_part
WHERE (topic, part) IN (SELECT unnest(%s::int[]), unnest(%s::int[])) ORDER BY topic, part FOR UPDATE
"""
MOVE = """
UPDATE log_part AS p SET next = p.next + n.count
FROM (SELECT unnest(%s::int[]) AS topic, unnest(%s::int[]) AS part, unnest(%s::int[]) AS count) AS n
WHERE p.topic = n.topic AND p.part = n.part
"""
COPY = "COPY log_record (topic, part, off, ts, key, headers, value) FROM STDIN (FORMAT BINARY)"
NEXT_EPOCH = """
INSERT INTO log_epoch VALUES (%s, %s, 1) ON CONFLICT (topic, grp) DO UPDATE
SET epoch = log_epoch.epoch + 1 RETURNING epoch
"""


@dataclass(frozen=True, eq=False)
class _Append:
    """The messages of one call, ready for the table."""

    topic: int
    rows: list[tuple[int, int, bytes, str, bytes]]
    size: int


class PostgresLog:
    """A durable log in a Postgres database: what was acknowledged survives a kill and a power cut.

    Args:
        path: where the company keeps its own files; this log needs none.
        url: the database's address.
        partitions: how many partitions a topic gets that nobody created before its first message.
        queue_limit: how many messages may wait for their commit before more are refused.
        queue_bytes: the same in bytes.
        patience: seconds to wait for a server that does not answer, e.g. while it is restarted.
    """

    def __init__(
        self,
        path: Path,
        *,
        url: str = "",
        partitions: int = 4,
        queue_limit: int = 50_000,
        queue_bytes: int = 64 << 20,
        patience: float = 10.0,
    ) -> None:
        self._partitions = partitions
        self._largest = queue_bytes
        self._topics: dict[str, tuple[int, int, str]] = {}
        self._growth = Growth()
        self._server = PostgresServer(url, patience)
        self._server.run(_make_tables)
        self._appender = GroupCommit(
            self._commit, group=GROUP, queue_limit=queue_limit, queue_bytes=queue_bytes
        )

    def create(self, topic: str, partitions: int) -> int:
        """Make a topic if it does not exist; return how many partitions it has."""
        if partitions < 1:
            raise InvalidInput(f"A topic cannot have {partitions} partitions.", hint="Give it one.")

        def work(db: Connection) -> None:
            made = db.execute(
                "INSERT INTO log_topic (name, uid, partitions) VALUES (%s, %s, %s)"
                " ON CONFLICT DO NOTHING RETURNING id",
                (topic, new_id(), partitions),
            ).fetchone()
            if made:
                db.execute(
                    "INSERT INTO log_part SELECT %s, part, 0 FROM generate_series(0, %s) AS part",
                    (made[0], partitions - 1),
                )

        self._server.run(work)
        return self._topic(topic)[1]

    def identity(self, topic: str) -> str:
        """Say which log this is: a topic made anew, or with other partitions, is another one."""
        _, partitions, uid = self._topic(topic)
        return f"postgres:{uid}/{partitions}"

    def append(self, topic: str, messages: Sequence[Message]) -> list[Place]:
        """Append messages: durable, in order per key and without gaps when this returns.

        Raises:
            Unavailable: nothing is certain; try again, the messages' ids make it safe.
        """
        return self.append_soon(topic, messages).result()

    def append_soon(self, topic: str, messages: Sequence[Message]) -> Future[list[Place]]:
        """Append with the next group commit; the future is done when the messages are durable.

        All messages of one call become durable together or not at all.

        Raises:
            Overloaded: too much is waiting already; nothing was accepted.
            Unavailable: the log is closed; nothing was accepted.
        """
        if not messages:
            nothing: Future[list[Place]] = Future()
            nothing.set_result([])
            return nothing
        try:
            self._topic(topic)
        except NotFound:
            self.create(topic, self._partitions)
        append = self._prepare(topic, messages)
        return self._appender.submit(append, len(append.rows), append.size)

    def read(self, topic: str, partition: int, offset: int, limit: int) -> list[LogRecord]:
        """Read up to ``limit`` records of one partition from an offset on.

        Fewer come at the end of the partition, and where records are very large; one at least.

        Raises:
            Conflict: the log does not hold this offset: records were deleted, or its end was lost.
        """
        number = self._topic(topic)[0]

        def work(db: Connection) -> list[LogRecord]:
            with db.cursor(binary=True) as cursor:
                rows = cursor.execute(READ, (number, partition, offset, limit, ANSWER))
                return [
                    LogRecord(topic, partition, off, ts, key, value, _read_headers(headers))
                    for off, ts, key, value, headers in rows
                ]

        records = self._server.run(work)
        if not records or records[0].offset != offset:
            begin, end = self.begins(topic).get(partition, 0), self.ends(topic).get(partition, 0)
            if records or not begin <= offset <= end:
                raise Conflict(
                    f"Partition {partition} of {topic!r} on Postgres holds the offsets from {begin}"
                    f" to {end}, but {offset} is to be read next.",
                    hint="Nothing was skipped. Restore the log from a backup.",
                )
        return records

    def begins(self, topic: str) -> dict[int, int]:
        """Return the first offset still kept, by partition."""
        return self._offsets(BEGINS, topic)

    def ends(self, topic: str) -> dict[int, int]:
        """Return the offset after the last record, by partition."""
        return self._offsets(ENDS, topic)

    def wait(self, topic: str, known: Mapping[int, int], timeout: float) -> bool:
        """Wait until some partition has grown past the known ends; False when the time is over."""
        # Others do not wake us: a NOTIFY would make all commits wait in one queue.
        return self._growth.wait(
            lambda: self.ends(topic), known, timeout, lambda: self._server.closed
        )

    def join(self, topic: str, group: str, member: str, now: int, ttl: int) -> Lease:
        """Take or renew a share of the partitions for a member of a group.

        Live members share evenly. Whoever lets the time run out loses the share when anyone joins
        next. The epoch grows whenever the members change: it tells a zombie's late write.
        """
        number, partitions, _ = self._topic(topic)

        def work(db: Connection) -> Lease:
            epoch = _lock_group(db, number, group)
            gone = "DELETE FROM log_member WHERE topic = %s AND grp = %s AND until <= %s"
            lost = db.execute(gone, (number, group, now)).rowcount
            if lost or member not in _members(db, number, group):
                epoch = _next_epoch(db, number, group)
            db.execute(
                "INSERT INTO log_member VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (topic, grp, name) DO UPDATE SET until = excluded.until",
                (number, group, member, now + ttl),
            )
            names = _members(db, number, group)
            share = range(names.index(member), partitions, len(names))
            return Lease(tuple(share), epoch, now + ttl)

        return self._server.run(work)

    def leave(self, topic: str, group: str, member: str) -> None:
        """Give the member's share back."""
        number = self._topic(topic)[0]

        def work(db: Connection) -> None:
            _lock_group(db, number, group)
            gone = "DELETE FROM log_member WHERE topic = %s AND grp = %s AND name = %s"
            if db.execute(gone, (number, group, member)).rowcount:
                _next_epoch(db, number, group)

        self._server.run(work)

    def trouble(self) -> str:
        """Say why nothing can be appended now; empty when all is well.

        After a failure it tries a write that means nothing, so that it recovers without traffic.
        """
        if self._server.closed:
            return "The log is closed."
        if self._appender.trouble:
            try:
                self._server.run(lambda db: _next_epoch(db, 0, ""), patient=False)
            except Unavailable as error:
                return error.message
            self._appender.trouble = ""
        return ""

    def close(self) -> None:
        """Finish what was begun and let go of all connections."""
        self._appender.close()
        self._server.close()
        self._growth.tell()

    def _prepare(self, topic: str, messages: Sequence[Message]) -> _Append:
        number, partitions, _ = self._topic(topic)
        rows = []
        size = 0
        for message in messages:
            key, value = bytes(message.key), bytes(message.value)
            headers = json.dumps(dict(message.headers), separators=(",", ":"))
            length = len(key) + len(value) + len(headers)
            if length > self._largest:
                raise InvalidInput(f"A message of {length} bytes is too large for the log.")
            if not -(1 << 63) <= message.timestamp < 1 << 63:
                raise InvalidInput(f"{message.timestamp} is not a moment.")
            size += length
            rows.append((_hash(key) % partitions, message.timestamp, key, headers, value))
        return _Append(number, rows, size)

    def _commit(self, group: Sequence[_Append]) -> list[list[Place]]:
        places = self._server.run(_appending(group))
        self._growth.tell()
        return places

    def _offsets(self, query: str, topic: str) -> dict[int, int]:
        number = self._topic(topic)[0]
        return self._server.run(lambda db: dict(db.execute(query, (number,)).fetchall()))

    def _topic(self, name: str) -> tuple[int, int, str]:
        if name not in self._topics:
            query = "SELECT name, id, partitions, uid FROM log_topic"
            found = self._server.run(lambda db: db.execute(query).fetchall())
            self._topics |= {each: (number, parts, uid) for each, number, parts, uid in found}
        if name not in self._topics:
            raise NotFound("topic", name, self._topics)
        return self._topics[name]


def _appending(group: Sequence[_Append]) -> Callable[[Connection], list[list[Place]]]:
    """Make the work of appending; carried out again after a lost answer, it finds what it did before."""
    counts = Counter((append.topic, row[0]) for append in group for row in append.rows)
    wanted = sorted(counts)
    topics, parts = [topic for topic, _ in wanted], [part for _, part in wanted]
    before: list[list[Place]] = []

    def work(db: Connection) -> list[list[Place]]:
        taken = db.execute(TAKE, (topics, parts)).fetchall()
        # Now that nobody else appends, what we may have committed before is there, or never will be.
        if before and _written(db, group[0], before[0][0]):
            return before
        ends = {(topic, part): following for topic, part, following in taken}
        db.execute(MOVE, (topics, parts, [counts[each] for each in wanted]))
        places = []
        with db.cursor() as cursor, cursor.copy(COPY) as copy:
            copy.set_types(TYPES)
            for append in group:
                result = []
                for part, ts, key, headers, value in append.rows:
                    off = ends[append.topic, part]
                    ends[append.topic, part] = off + 1
                    copy.write_row((append.topic, part, off, ts, key, headers, value))
                    result.append(Place(part, off))
                places.append(result)
        before[:] = places
        return places

    return work


def _written(db: Connection, append: _Append, place: Place) -> bool:
    query = (
        "SELECT ts, key, headers, value FROM log_record WHERE topic = %s AND part = %s AND off = %s"
    )
    found = db.execute(query, (append.topic, *place)).fetchone()
    return found is not None and tuple(found) == append.rows[0][1:]


def _make_tables(db: Connection) -> None:
    db.execute(SCHEMA)


def _lock_group(db: Connection, topic: int, group: str) -> int:
    """Let nobody else change this group until the end of the transaction; return its epoch."""
    made = "INSERT INTO log_epoch VALUES (%s, %s, 0) ON CONFLICT DO NOTHING"
    db.execute(made, (topic, group))
    query = "SELECT epoch FROM log_epoch WHERE topic = %s AND grp = %s FOR UPDATE"
    return _number(db.execute(query, (topic, group)))


def _next_epoch(db: Connection, topic: int, group: str) -> int:
    return _number(db.execute(NEXT_EPOCH, (topic, group)))


def _number(cursor: Any) -> int:
    return int(cursor.fetchone()[0])


def _members(db: Connection, topic: int, group: str) -> list[str]:
    query = "SELECT name FROM log_member WHERE topic = %s AND grp = %s ORDER BY name"
    return [name for (name,) in db.execute(query, (topic, group))]


@lru_cache(maxsize=1 << 16)
def _hash(key: bytes) -> int:
    return murmur2(key)


@lru_cache(maxsize=1 << 12)
def _read_headers(text: str) -> Mapping[str, str]:
    # Many records share one; nobody may change it for the others.
    return MappingProxyType(json.loads(text))
