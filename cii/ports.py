"""What integration asks of others: a log, readers of files, and the stages that a record passes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field

from cid.kit.clock import Clock
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
    """The partitions a member of a group may work on for a time; the epoch fences zombies."""

    partitions: tuple[int, ...]
    epoch: int
    until: int


@runtime_checkable
class Transport(Protocol):
    """A durable log with Kafka's semantics: topics, partitions, offsets, groups."""

    def create(self, topic: str, partitions: int) -> int:
        """Make a topic if it does not exist; return how many partitions it has."""

    def identity(self, topic: str) -> str:
        """Say which log this is: a topic made anew, or with other partitions, is another one.

        The records remember which log they were made from, and refuse to go on from another.
        """

    def append(self, topic: str, messages: Sequence[Message]) -> list[Place]:
        """Append messages: durable, in order per key and without gaps when this returns."""

    def append_soon(self, topic: str, messages: Sequence[Message]) -> Future[list[Place]]:
        """Append with the next group commit; the future is done when the messages are durable.

        Raises:
            Overloaded: too much is waiting already; nothing was accepted.
        """

    def read(self, topic: str, partition: int, offset: int, limit: int) -> list[LogRecord]:
        """Read up to ``limit`` records of one partition from an offset on; at its end there are none.

        No records before the end that was known when they were asked for mean that those offsets
        hold none: a log may use some for itself.

        Raises:
            Conflict: the log no longer holds this offset, or never did. Nothing may be skipped.
        """

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

        A line that cannot be read does not lose the others: it is yielded as a row with ``_fault``
        (why), ``_line`` (which) and ``_raw`` (its text).

        Raises:
            InvalidInput: the file cannot be read as this format; says where.
        """


class CollectLimits(BaseModel):
    """How much one request to the collect endpoint may bring."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    request: int = Field(9 << 20, gt=0)
    """Bytes of a request as it is sent.

    RudderStack's client for Python closes a batch only when it has passed 4 MiB, with an event of as
    much again: less would refuse what an unchanged client sends, and it does not send that again.
    """
    inflated: int = Field(9 << 20, gt=0)
    """Bytes of a request after decompression."""
    event: int = Field(32 << 10, gt=0, le=4 << 20)
    """Bytes of one event; a larger one is rejected, the others of its batch are not."""
    events: int = Field(2_500, gt=0)
    """Events of one batch."""
    depth: int = Field(64, gt=0, le=200)
    """How deep an event may nest objects and lists."""
    message_id: int = Field(100, gt=0)
    """Characters of a message id."""
    held: int = Field(256 << 20, gt=0)
    """Bytes of all requests that are being taken in at one time; more are asked to come later."""
    seconds: float = Field(30.0, gt=0)
    """How long a request may take to arrive."""


class CollectSettings(Protocol):
    """What the collect endpoint needs to know; it asks ``request.state.cii`` for it."""

    @property
    def transport(self) -> Transport:
        """The log."""

    @property
    def topic(self) -> str:
        """Where in the log the events go."""

    @property
    def keys(self) -> Mapping[str, str]:
        """Which system sends with which write key."""

    @property
    def lenient(self) -> bool:
        """Take events with an unknown key into quarantine instead of refusing the request.

        A refusal ends some clients' processes (RudderStack's for Node without an error handler).
        """

    @property
    def limits(self) -> CollectLimits:
        """How much a request may bring."""

    @property
    def clock(self) -> Clock:
        """Where the moment of receipt comes from."""

    @property
    def about_things(self) -> Collection[str]:
        """Events that are about no customer, so that they need no id."""


class Stage(Protocol):
    """One layer's part in applying records: state in memory, written with the batch.

    The pipeline is one thread. For each record it first lets every timed stage advance to the
    record's moment, then every stage apply it; at the end of the batch every stage flushes into
    the batch's transaction.
    """

    def load(self, connection: Any) -> None:
        """Forget the state in memory and read it from the records."""

    def apply(self, fact: Fact) -> None:
        """Take in one fact, already resolved to a customer."""

    def flush(self, connection: Any) -> None:
        """Write what changed since the last flush."""


@runtime_checkable
class TimedStage(Stage, Protocol):
    """A stage in which things happen by themselves when their time comes."""

    def next_due(self) -> int | None:
        """Return the next moment at which something happens by itself, or None."""

    def advance(self, moment: int) -> None:
        """Let happen what is due up to this moment, in order; a stage may stop after it told others.

        The pipeline calls again until nothing is due any more.
        """


@runtime_checkable
class SelectiveStage(Stage, Protocol):
    """A stage to which most facts say nothing."""

    def hears(self, event: str) -> bool:
        """Say whether facts of this event may matter to the stage; asked anew in each batch."""


TRANSPORTS: Port[Transport] = Port("icustomer.cii.transports", Transport)
CONNECTORS: Port[Connector] = Port("icustomer.cii.connectors", Connector)


class LedgerRow(NamedTuple):
    """The fate of one received record."""

    position: int
    partition: int
    offset: int
    source: str
    message_id: str
    state: str
    reason: str
    detail: str
    received: int
    time: int | None
    event: str
    identity: str


class Turn(NamedTuple):
    """Whether it is our turn to apply records, which turn it is, and whose."""

    ours: bool
    epoch: int
    holder: str


Gone = Callable[[str], bool]
"""Says whether a holder is known to live no longer."""


@runtime_checkable
class Store(Protocol):
    """Keeps the ledger, the identity graph, and how far the log has been applied."""

    def progress(self, connection: Any, topic: str) -> dict[int, int]:
        """Return the next offset to apply, by partition."""

    def moment(self, connection: Any) -> int:
        """Return the moment up to which records have been applied."""

    def position(self, connection: Any) -> int:
        """Return the last position in the ledger."""

    def known(self, connection: Any, keys: Sequence[bytes]) -> set[bytes]:
        """Return those of the keys that the ledger has already."""

    def identifiers(self, connection: Any) -> Iterable[tuple[str, str, int, bool]]:
        """Yield (identifier, customer, first seen, blocked)."""

    def edges(self, connection: Any) -> Iterable[tuple[Any, ...]]:
        """Yield the evidence, in the order of the fields of an edge."""

    def aliases(self, connection: Any) -> Iterable[tuple[str, str]]:
        """Yield (former customer, customer that took it over), oldest first."""

    def save(
        self,
        connection: Any,
        rows: Sequence[LedgerRow],
        keys: Sequence[tuple[bytes, int]],
        graph: Any,
        moment: int,
    ) -> None:
        """Write the fates of a batch and what it changed in the identity graph."""

    def advance(
        self, connection: Any, topic: str, before: Mapping[int, int], after: Mapping[int, int]
    ) -> None:
        """Move the offsets on, if they still are where we read them.

        Raises:
            Conflict: somebody else has moved them; this worker must start again.
        """

    def origin(self, connection: Any, topic: str) -> tuple[str, int]:
        """Return which log was applied ("" where none was), and how many offsets held no record."""

    def come_from(self, connection: Any, topic: str, identity: str, holes: int) -> None:
        """Note which log is applied, and how many of its offsets hold no record."""

    def take_turn(self, name: str, holder: str, ttl: int, *, patient: bool, gone: Gone) -> Turn:
        """Take or renew the right to apply records for ``ttl`` milliseconds, or say who has it.

        Who is not patient lets the holder know; a patient one gives way then.
        """

    def end_turn(self, name: str, holder: str) -> None:
        """Give the right to apply records back."""

    def hold_turn(self, connection: Any, name: str, epoch: int) -> None:
        """Make sure that the right to apply records is still ours until the commit.

        Raises:
            Conflict: it is another's turn by now.
        """

    def applied(
        self,
        after: int,
        limit: int,
        events: Collection[str] | None = None,
        steady: Collection[str] = (),
    ) -> list[tuple[int, int, int, str]]:
        """Return (position, partition, offset, identity) of applied records after a position.

        With ``events`` only those of these events, and of systems other than the ``steady`` ones: of
        these definitions may since have given a record another event.
        """

    def order(self, after: int, limit: int) -> list[tuple[int, int, int]]:
        """Return (position, partition, offset) of all records after a position, as they were taken."""

    def totals(self) -> list[dict[str, Any]]:
        """Return counts by source, state and reason."""

    def held(self, state: str, limit: int) -> list[dict[str, Any]]:
        """Return records in a state, newest first."""

    def replayed(self, connection: Any, positions: Sequence[int]) -> None:
        """Forget the fate of quarantined records that are about to be applied again."""

    def find(self, message_id: str) -> list[dict[str, Any]]:
        """Return the fates of all records with a message id."""

    def timeline(
        self, identities: Sequence[str], before: tuple[int, int], limit: int, source: str
    ) -> list[dict[str, Any]]:
        """Return the newest applied records of some identities, before (moment, position)."""

    def evidence(self, identifiers: Sequence[str]) -> list[dict[str, Any]]:
        """Return the evidence among some identifiers."""

    def regroupings(self, customer: str, limit: int) -> list[dict[str, Any]]:
        """Return merges and splits of a customer, newest first; of all where empty."""

    def merges(self) -> dict[str, int]:
        """Return how many merges and splits there were."""

    def last_received(self) -> dict[str, int]:
        """Return the moment of the last record of each source."""

    def mirrors(self) -> dict[str, str]:
        """Return the SELECTs that feed the history."""


STORES: Port[Store] = Port("icustomer.cii.stores", Store)
