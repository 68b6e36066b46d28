"""What integration asks of others: a log, readers of files, and the stages that a record passes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from sqlalchemy import Connection

from cid.kit.plugins import Port
from cid.model.fact import Fact


class Message(NamedTuple):
    """What is given to the log: key (decides the partition), value, time of receipt, headers."""

    key: bytes
    value: bytes
    timestamp: int
    headers: Mapping[str, str] = {}


class LogRecord(NamedTuple):
    """What the log gives back: a message with its place."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes
    value: bytes
    headers: Mapping[str, str]


class Place(NamedTuple):
    """Where in the log a message went."""

    partition: int
    offset: int


class Lease(NamedTuple):
    """The partitions a member of a group may work on, until the lease ends; the epoch fences zombies."""

    partitions: tuple[int, ...]
    epoch: int
    until: int


@runtime_checkable
class Transport(Protocol):
    """A durable log with Kafka's semantics: topics, partitions, offsets, groups."""

    def create(self, topic: str, partitions: int) -> int:
        """Make a topic if it does not exist; return how many partitions it has."""

    def append(self, topic: str, messages: Sequence[Message]) -> list[Place]:
        """Append messages; they are durable, in order per key and without gaps when this returns."""

    def append_soon(self, topic: str, messages: Sequence[Message]) -> Future[list[Place]]:
        """Append with the next group commit; the future is done when the messages are durable."""

    def read(self, topic: str, partition: int, offset: int, limit: int) -> list[LogRecord]:
        """Read up to ``limit`` records of one partition from an offset on."""

    def begins(self, topic: str) -> dict[int, int]:
        """Return the first offset still kept, by partition."""

    def ends(self, topic: str) -> dict[int, int]:
        """Return the offset after the last record, by partition."""

    def wait(self, topic: str, known: Mapping[int, int], timeout: float) -> bool:
        """Wait until some partition has grown past the known ends; False when the time is over."""

    def join(self, topic: str, group: str, member: str, now: int, ttl: int) -> Lease:
        """Take or renew a share of the partitions for a member of a group."""

    def leave(self, topic: str, group: str, member: str) -> None:
        """Give the member's share back."""

    def trouble(self) -> str:
        """Say why nothing can be appended now; empty when all is well."""

    def close(self) -> None:
        """Finish what was begun and let go of all files."""


@runtime_checkable
class Connector(Protocol):
    """Reads rows of one file format."""

    def rows(self, path: Path, options: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Yield the rows of a file, in order; ``options`` has ``delimiter`` and ``encoding``.

        Raises:
            InvalidInput: the file cannot be read as this format; says where.
        """


class Stage(Protocol):
    """One layer's part in applying records: state in memory, written with the batch.

    The pipeline is one thread. For each record it first lets every stage advance to the record's moment,
    then apply it; at the end of the batch every stage flushes into the batch's transaction.
    """

    def load(self, connection: Connection) -> None:
        """Forget the state in memory and read it from the records."""

    def next_due(self) -> int | None:
        """Return the next moment at which something happens by itself, or None."""

    def advance(self, moment: int) -> None:
        """Let everything happen that is due at or before this moment."""

    def apply(self, fact: Fact) -> None:
        """Take in one fact, already resolved to a customer."""

    def flush(self, connection: Connection) -> None:
        """Write what changed since the last flush."""


TRANSPORTS = Port("icustomer.cii.transports", Transport)
CONNECTORS = Port("icustomer.cii.connectors", Connector)
