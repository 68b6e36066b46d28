"""The log that needs no server: one SQLite file with Kafka's semantics.

The file is the log's own, so that whoever appends never waits for the transaction that applies
records. Offsets are given inside a transaction that holds the write lock from its start: gapless,
in commit order.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import orjson

from cid.kit.errors import Conflict, InvalidInput, NotFound, Unavailable
from cid.kit.failpoints import reach
from cid.kit.ids import murmur2, new_id
from cii.adapters.group_commit import GroupCommit
from cii.adapters.growth import Growth
from cii.adapters.sqlite_file import SqliteFile
from cii.ports import Lease, LogRecord, Message, Place

GROUP = 1_000
"""A group commit takes this many messages if they are waiting; a larger append stays whole."""
CHUNK = 100
"""Records fetched at once while reading."""
ANSWER = 64 << 20
"""Bytes after which one reading stops, however many records were asked for."""
REMEMBERED = 5_000
"""How many records of a partition are kept in memory after they were appended; they are read next."""
REMEMBERED_BYTES = 4 << 20
VERSION = 1

SCHEMA = """
CREATE TABLE topic (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, partitions INTEGER NOT NULL);
CREATE TABLE log (
    topic INTEGER NOT NULL, part INTEGER NOT NULL, off INTEGER NOT NULL,
    ts INTEGER NOT NULL, key BLOB NOT NULL, headers TEXT NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY (topic, part, off)
) WITHOUT ROWID;
CREATE TABLE member (
    topic INTEGER NOT NULL, grp TEXT NOT NULL, name TEXT NOT NULL, until INTEGER NOT NULL,
    PRIMARY KEY (topic, grp, name)
) WITHOUT ROWID;
CREATE TABLE epoch (
    topic INTEGER NOT NULL, grp TEXT NOT NULL, epoch INTEGER NOT NULL,
    PRIMARY KEY (topic, grp)
) WITHOUT ROWID;
"""
NEXT_EPOCH = """
INSERT INTO epoch VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET epoch = epoch + 1
"""
COLUMNS = 7
# One statement writes many rows: sqlite3 gives up the interpreter lock at every step, and beside a
# busy thread each return costs up to five milliseconds.
INSERTS = {
    1 << power: f"INSERT INTO log VALUES {', '.join(['(?, ?, ?, ?, ?, ?, ?)'] * (1 << power))}"
    for power in range(10)
}
LARGEST = max(INSERTS)


@dataclass(frozen=True, eq=False)
class _Append:
    """The messages of one call, ready for the table."""

    topic: int
    name: str
    partitions: int
    rows: list[tuple[int, int, bytes, str, bytes]]
    size: int


class _Tail:
    """The newest records of one partition that this process has appended, without gaps."""

    __slots__ = ("first", "records", "size")

    def __init__(self, first: int) -> None:
        self.first = first
        self.records: list[LogRecord] = []
        self.size = 0


class SqliteLog:
    """A durable log in one file: what was acknowledged survives a kill and a power cut.

    Args:
        path: the file; made if it does not exist.
        partitions: how many partitions a topic gets that nobody created before its first message.
        queue_limit: how many messages may wait for their commit before more are refused.
        queue_bytes: the same in bytes.
        patience: seconds to wait for another process that is writing.
    """

    def __init__(
        self,
        path: Path,
        *,
        partitions: int = 4,
        queue_limit: int = 50_000,
        queue_bytes: int = 64 << 20,
        patience: float = 10.0,
    ) -> None:
        self._partitions = partitions
        self._largest = queue_bytes
        self._topics: dict[str, tuple[int, int]] = {}
        self._next: dict[int, list[int]] = {}
        self._tails: dict[tuple[int, int], _Tail] = {}
        self._seen = -1
        self._growth = Growth()
        self._file = SqliteFile(path, SCHEMA, VERSION, patience)
        with self._file.write() as db:
            db.execute("CREATE TABLE IF NOT EXISTS identity (id TEXT NOT NULL)")
            if db.execute("SELECT 1 FROM identity").fetchone() is None:
                db.execute("INSERT INTO identity VALUES (?)", (new_id(),))
            (self._id,) = db.execute("SELECT id FROM identity").fetchone()
        self._appender = GroupCommit(
            self._commit, group=GROUP, queue_limit=queue_limit, queue_bytes=queue_bytes
        )

    def create(self, topic: str, partitions: int) -> int:
        """Make a topic if it does not exist; return how many partitions it has."""
        if partitions < 1:
            raise InvalidInput(f"A topic cannot have {partitions} partitions.", hint="Give it one.")
        with self._file.write() as db:
            db.execute(
                "INSERT INTO topic (name, partitions) VALUES (?, ?) ON CONFLICT DO NOTHING",
                (topic, partitions),
            )
        return self._topic(topic)[1]

    def identity(self, topic: str) -> str:
        """Say which log this is: another file, or other partitions, is another one."""
        number, partitions = self._topic(topic)
        return f"sqlite:{self._id}/{number}/{partitions}"

    def append(self, topic: str, messages: Sequence[Message]) -> list[Place]:
        """Append messages: durable, in order per key and without gaps when this returns.

        Raises:
            Unavailable: nothing was appended; try again.
        """
        return self.append_soon(topic, messages).result()

    def append_soon(self, topic: str, messages: Sequence[Message]) -> Future[list[Place]]:
        """Append with the next group commit; the future is done when the messages are durable.

        All messages of one call become durable together or not at all.

        Raises:
            Unavailable: too much is waiting already, or the log is closed; nothing was accepted.
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
        tail = self._tails.get((number, partition))
        records: list[LogRecord] = []
        size = 0
        with self._file.read() as db:
            if tail is not None and tail.first <= offset:
                records = tail.records[offset - tail.first :][:limit]
                if records and self._holds(db, number, partition, records):
                    return records
                records = []
            rows = db.execute(
                "SELECT off, ts, key, value, headers FROM log"
                " WHERE topic = ? AND part = ? AND off >= ? ORDER BY off LIMIT ?",
                (number, partition, offset, limit),
            )
            while size < ANSWER and (some := rows.fetchmany(CHUNK)):
                size += sum(len(row[3]) for row in some)
                records += [
                    LogRecord(topic, partition, off, ts, key, value, _read_headers(headers))
                    for off, ts, key, value, headers in some
                ]
            if not records or records[0].offset != offset:
                self._miss(db, topic, partition, offset, gap=bool(records))
        return records

    def begins(self, topic: str) -> dict[int, int]:
        """Return the first offset still kept, by partition."""
        number, partitions = self._topic(topic)
        with self._file.read() as db:
            return {part: _bound(db, "MIN(off)", number, part) for part in range(partitions)}

    def ends(self, topic: str) -> dict[int, int]:
        """Return the offset after the last record, by partition."""
        number, partitions = self._topic(topic)
        with self._file.read() as db:
            return {part: _bound(db, "MAX(off) + 1", number, part) for part in range(partitions)}

    def wait(self, topic: str, known: Mapping[int, int], timeout: float) -> bool:
        """Wait until some partition has grown past the known ends; False when the time is over."""
        return self._growth.wait(
            lambda: self.ends(topic), known, timeout, lambda: self._file.closed
        )

    def join(self, topic: str, group: str, member: str, now: int, ttl: int) -> Lease:
        """Take or renew a share of the partitions for a member of a group.

        Live members share evenly. Whoever lets the time run out loses the share when anyone joins
        next. The epoch grows whenever the members change: it tells a zombie's late write.
        """
        number, partitions = self._topic(topic)
        with self._file.write() as db:
            lost = db.execute(
                "DELETE FROM member WHERE topic = ? AND grp = ? AND until <= ?",
                (number, group, now),
            ).rowcount
            names = _members(db, number, group)
            if lost or member not in names:
                db.execute(NEXT_EPOCH, (number, group))
            db.execute(
                "INSERT OR REPLACE INTO member VALUES (?, ?, ?, ?)",
                (number, group, member, now + ttl),
            )
            names = _members(db, number, group)
            (epoch,) = db.execute(
                "SELECT epoch FROM epoch WHERE topic = ? AND grp = ?", (number, group)
            ).fetchone()
        share = range(names.index(member), partitions, len(names))
        return Lease(tuple(share), epoch, now + ttl)

    def leave(self, topic: str, group: str, member: str) -> None:
        """Give the member's share back."""
        number = self._topic(topic)[0]
        with self._file.write() as db:
            if db.execute(
                "DELETE FROM member WHERE topic = ? AND grp = ? AND name = ?",
                (number, group, member),
            ).rowcount:
                db.execute(NEXT_EPOCH, (number, group))

    def trouble(self) -> str:
        """Say why nothing can be appended now; empty when all is well.

        After a failure it tries a write that means nothing, so that it recovers without traffic.
        """
        if self._file.closed:
            return "The log is closed."
        if self._appender.trouble:
            try:
                with self._file.write() as db:
                    db.execute(NEXT_EPOCH, (0, ""))
            except Unavailable as error:
                return error.message
            self._appender.trouble = ""
        return ""

    def close(self) -> None:
        """Finish what was begun and let go of all files."""
        self._appender.close()
        self._file.close()
        self._growth.tell()

    def _holds(
        self, db: sqlite3.Connection, number: int, partition: int, records: Sequence[LogRecord]
    ) -> bool:
        """Whether the file still holds what is remembered of it."""
        begin = _bound(db, "MIN(off)", number, partition)
        end = _bound(db, "MAX(off) + 1", number, partition)
        return begin <= records[0].offset and records[-1].offset < end

    def _miss(
        self, db: sqlite3.Connection, topic: str, partition: int, offset: int, *, gap: bool
    ) -> None:
        """Make sure that an offset that was not found is the end."""
        number = self._topic(topic)[0]
        begin = _bound(db, "MIN(off)", number, partition)
        end = _bound(db, "MAX(off) + 1", number, partition)
        if gap or not begin <= offset <= end:
            raise Conflict(
                f"Partition {partition} of {topic!r} in {self._file.path} holds the offsets from"
                f" {begin} to {end}, but {offset} is to be read next.",
                hint="Nothing was skipped. Restore the log from a backup.",
            )

    def _prepare(self, topic: str, messages: Sequence[Message]) -> _Append:
        number, partitions = self._topic(topic)
        rows = []
        size = 0
        last: Mapping[str, str] | None = None
        headers = ""
        for message in messages:
            key, value = bytes(message.key), bytes(message.value)
            if message.headers is not last:
                last = message.headers
                headers = orjson.dumps(dict(last)).decode()
            length = len(key) + len(value) + len(headers)
            if length > self._largest:
                raise InvalidInput(f"A message of {length} bytes is too large for the log.")
            if not -(1 << 63) <= message.timestamp < 1 << 63:
                raise InvalidInput(f"{message.timestamp} is not a moment.")
            size += length
            rows.append((_hash(key) % partitions, message.timestamp, key, headers, value))
        return _Append(number, topic, partitions, rows, size)

    def _commit(self, group: Sequence[_Append]) -> list[list[Place]]:
        values: list[object] = []
        places: list[list[Place]] = []
        with self._file.write() as db:
            (version,) = db.execute("PRAGMA data_version").fetchone()
            if version != self._seen:
                # Another process has written, or a commit failed: the ends we remember may be old.
                self._next.clear()
            self._seen = -1
            following: dict[int, list[int]] = {}
            for append in group:
                topic = append.topic
                if topic not in following:
                    following[topic] = list(self._next.get(topic) or self._read_next(db, append))
                ends = following[topic]
                result = []
                for part, ts, key, headers, value in append.rows:
                    off = ends[part]
                    ends[part] = off + 1
                    values.extend((topic, part, off, ts, key, headers, value))
                    result.append(Place(part, off))
                places.append(result)
            _insert(db, values)
            reach("before append commit")
        self._seen = version
        self._next.update(following)
        for append, result in zip(group, places, strict=True):
            self._remember(append, result)
        self._growth.tell()
        return places

    def _remember(self, append: _Append, places: Sequence[Place]) -> None:
        """Keep what was appended for who reads it next."""
        for place, (part, ts, key, headers, value) in zip(places, append.rows, strict=True):
            tail = self._tails.get((append.topic, part))
            if (
                tail is None
                or len(tail.records) >= REMEMBERED
                or tail.size >= REMEMBERED_BYTES
                or tail.first + len(tail.records) != place.offset
            ):
                # Who is reading the former one goes on reading it.
                tail = self._tails[append.topic, part] = _Tail(place.offset)
            tail.size += len(value)
            tail.records.append(
                LogRecord(append.name, part, place.offset, ts, key, value, _read_headers(headers))
            )

    def _read_next(self, db: sqlite3.Connection, append: _Append) -> list[int]:
        parts = range(append.partitions)
        return [_bound(db, "MAX(off) + 1", append.topic, part) for part in parts]

    def _topic(self, name: str) -> tuple[int, int]:
        if name not in self._topics:
            with self._file.read() as db:
                self._topics |= {
                    each: (number, partitions)
                    for each, number, partitions in db.execute(
                        "SELECT name, id, partitions FROM topic"
                    )
                }
        if name not in self._topics:
            raise NotFound("topic", name, self._topics)
        return self._topics[name]


def _bound(db: sqlite3.Connection, what: str, topic: int, part: int) -> int:
    query = f"SELECT {what} FROM log WHERE topic = ? AND part = ?"
    return int(db.execute(query, (topic, part)).fetchone()[0] or 0)


def _members(db: sqlite3.Connection, topic: int, group: str) -> list[str]:
    query = "SELECT name FROM member WHERE topic = ? AND grp = ? ORDER BY name"
    return [name for (name,) in db.execute(query, (topic, group))]


def _insert(db: sqlite3.Connection, values: list[object]) -> None:
    done, left, size = 0, len(values) // COLUMNS, LARGEST
    while left:
        while size > left:
            size //= 2
        db.execute(INSERTS[size], values[done : done + size * COLUMNS])
        done += size * COLUMNS
        left -= size


@lru_cache(maxsize=1 << 16)
def _hash(key: bytes) -> int:
    return murmur2(key)


@lru_cache(maxsize=1 << 12)
def _read_headers(text: str) -> Mapping[str, str]:
    # Many records share one; nobody may change it for the others.
    return MappingProxyType(json.loads(text))
