"""The pipeline: what was received becomes what is known, one batch, one transaction, one step forward for all.

For each record of the log: the clock moves to its moment and everything due by then happens first; then it is
mapped, checked, told from duplicates, resolved to its customer, and given to every layer's stage. At the end
of the batch all of it is written together with the log's offsets. If anything fails, nothing was written: the
state in memory is thrown away and read again.

Every record ends in exactly one state: applied, duplicate, rejected, quarantined (promise 5).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from cid.kit.db import Database
from cid.kit.errors import Conflict
from cid.kit.events import Bus
from cid.model.fact import Fact
from cii.due import happen_until
from cii.model import IdentifierKind, State
from cii.polling import fetch, poll
from cii.ports import (
    LedgerRow,
    LogRecord,
    Place,
    SelectiveStage,
    Stage,
    Store,
    TimedStage,
    Transport,
)
from cii.preparation import Maps, Prepared, prepare
from cii.reliving import Reliving
from cii.resolution import Edge, IdentityGraph, Known

TOPIC = "facts"
TOGETHER = 5_000
"""So many records are written in one transaction where they wait."""
QUIET = 60_000
"""How long time may pass in memory before that is written, while nothing happens (milliseconds)."""
APPLIED = str(State.APPLIED)
MERGED = "Identities Merged"
SEPARATED = "Identities Separated"


@dataclass(slots=True)
class Counters:
    """What this process has done since it started."""

    records: int = 0
    batches: int = 0


class Pipeline:
    """Applies the log to the records of all layers; one thread at a time."""

    def __init__(
        self,
        transport: Transport,
        store: Store,
        database: Database,
        mapper: Maps,
        kinds: Mapping[str, IdentifierKind],
        stages: Sequence[Stage],
        bus: Bus,
        failpoint: Callable[[str], None] = lambda name: None,
    ) -> None:
        self.transport = transport
        self.store = store
        self.database = database
        self.mapper = mapper
        self.stages = stages
        self._timed = [stage for stage in stages if isinstance(stage, TimedStage)]
        self.bus = bus
        self._kinds = kinds
        self._past = Reliving(transport, TOPIC, store, mapper, self._owner)
        self._failpoint = failpoint
        self.graph = IdentityGraph(kinds)
        self._turn = threading.RLock()
        self.lock: AbstractContextManager[Any] = _Alone(self._turn, self._settle)
        """Held by who wants nobody to apply meanwhile; what is in memory is written then."""
        self.counters = Counters()
        self.moment = 0
        self.position = 0
        self.fence: Callable[[Any], None] = lambda connection: None
        """Asked before each commit whether it is still our turn; raises Conflict if it is not."""
        self.holes = 0
        self._origin = ""
        self._offsets: dict[int, int] = {}
        self._kept: dict[int, int] = {}
        """The offsets that are written; the others may be ahead of them."""
        self._going: dict[int, int] = {}
        """The offsets of what is being written."""
        self._ahead: dict[tuple[int, int], Prepared] = {}
        self._appliers: dict[str, list[Callable[[Fact], None]]] = {}
        """By event, asked anew in each batch: definitions may have changed."""
        self._coming: set[bytes] | None = None
        """The keys of the batches that are being written while the next one is applied."""
        self._together = 0
        """How many records are written so far in a transaction that goes on."""
        self._loaded = False
        self._written = 0

    def load(self) -> None:
        """Read the state of all layers from the records."""
        with self.lock, self.database.read() as connection:
            self.graph = IdentityGraph(self._kinds)
            for identifier, customer, first_seen, blocked in self.store.identifiers(connection):
                self.graph.known[identifier] = Known(customer, first_seen, blocked)
                self.graph.edges[identifier] = {}
                self.graph.members.setdefault(customer, set()).add(identifier)
            for row in self.store.edges(connection):
                edge = Edge(*row)
                self.graph.edges[edge.a][edge.b] = self.graph.edges[edge.b][edge.a] = edge
            for former, customer in self.store.aliases(connection):
                if former not in self.graph.members:
                    self.graph.aliases[former] = customer
            self.moment = self.store.moment(connection)
            self.position = self.store.position(connection)
            self._origin, self.holes = self.store.origin(connection, TOPIC)
            self._must_be_known_log()
            partitions = self.transport.begins(TOPIC)
            self._offsets = dict.fromkeys(partitions, 0) | self.store.progress(connection, TOPIC)
            self._kept = self._offsets
            for stage in self.stages:
                stage.load(connection)
            self._loaded = True
            self._written = self.moment

    def facts(self, after: int = 0, events: Collection[str] | None = None) -> Iterator[Fact]:
        """Relive applied records: yield their facts, with the customers they belong to now.

        With ``events`` hardly any others are read and mapped; a few may still be among them.
        """
        return self._past.facts(after, events)

    def relive(self, rows: Sequence[tuple[int, int, int, str]]) -> Iterator[tuple[int, Fact]]:
        """Yield (position, fact) for ledger rows (position, partition, offset, identity)."""
        return self._past.relive(rows)

    def _owner(self, identity: str) -> str:
        known = self.graph.known.get(identity)
        return known.customer if known else ""

    def follow(self, places: Sequence[tuple[int, int]]) -> None:
        """Apply records in an order that was taken before; offsets are set by `reached`."""
        with self.lock:
            found = fetch(self.transport, TOPIC, places)
            self._apply([found[place] for place in places if place in found], self._offsets, None)

    def reached(self, offsets: Mapping[int, int]) -> None:
        """Say how far the log has been followed."""
        with self.lock:
            self._apply([], {**self._offsets, **offsets}, None)

    @property
    def in_step(self) -> bool:
        """Whether what is in memory is what was written, but for time that has passed since."""
        return self._loaded

    @property
    def written(self) -> int:
        """The moment up to which time has passed by what was written."""
        return self._written

    @property
    def offsets(self) -> dict[int, int]:
        """Which offset is applied next, by partition; what comes before is written."""
        return dict(self._kept)

    def behind(self) -> int:
        """Return how many records of the log are not applied yet, or not written."""
        ends = self.transport.ends(TOPIC)
        return sum(end - self._kept.get(partition, 0) for partition, end in ends.items())

    def run(self, limit: int = 1_000) -> int:
        """Apply all that the log holds by now; return how many records that were.

        While batches are being written, the next ones are applied; where many wait, several are written
        in one transaction. At the end all is written.
        """
        with self._turn:
            if not self._loaded:
                self.load()
        total, there = 0, self.behind()
        try:
            # What comes meanwhile has its turn after whatever else is to be done.
            while total < there and (applied := self._step(limit, None, soon=True)):
                total += applied
        finally:
            with self.lock:
                pass
        return total

    def step(self, limit: int = 1_000, until: int | None = None) -> int:
        """Apply one batch of records; with ``until`` also let pass the time up to then.

        Returns:
            how many records were taken from the log.
        """
        with self.lock:
            return self._step(limit, until)

    def _step(self, limit: int, until: int | None, *, soon: bool = False) -> int:
        with self._turn:
            if not self._loaded:
                self.load()
            records, offsets = poll(self.transport, TOPIC, self._offsets, limit)
            if not records and offsets == self._offsets and (until is None or self._quiet(until)):
                return 0
            try:
                more = soon and len(records) == limit and self._together + limit < TOGETHER
                self._apply(records, offsets, until, soon=soon, more=more)
            except BaseException:
                # What is in memory is ahead of what was written: forget it.
                self._loaded = False
                raise
            self.counters.records += len(records)
            self.counters.batches += 1
            return len(records)

    def replay(self, limit: int = 100_000) -> int:
        """Apply quarantined records again, by the definitions of now; return how many were looked at."""
        with self.lock:
            if not self._loaded:
                self.load()
            held = sorted(self.store.held(str(State.QUARANTINED), limit), key=_place)
            for start in range(0, len(held), 1_000):
                some = held[start : start + 1_000]
                records = [
                    record
                    for row in some
                    for record in self.transport.read(TOPIC, row["partition"], row["offset"], 1)
                ]
                try:
                    self._apply(records, self._offsets, None, [row["position"] for row in some])
                except BaseException:
                    self._loaded = False
                    raise
            return len(held)

    def tick(self, now: int) -> None:
        """Let time pass up to a moment: windows move, timers ring."""
        self.step(0, until=now)

    def next_due(self) -> int | None:
        """Return the next moment at which something happens by itself; None where nothing will."""
        with self.lock:
            dues = [due for stage in self._timed if (due := stage.next_due()) is not None]
        return min(dues, default=None)

    def reload(self) -> None:
        """Forget the state in memory; it is read again before the next step."""
        with self.lock:
            self._loaded = False

    def _quiet(self, until: int) -> bool:
        """Whether nothing happens up to a moment; time then passes in memory alone for a while."""
        due = self.next_due()
        if until <= self.moment:
            # What a new definition says is due at once, though no time passes.
            return due is None or due > self.moment
        if (due is not None and due <= until) or until - self._written >= QUIET:
            return False
        self._pass_time(until)
        return True

    def _apply(
        self,
        records: Sequence[LogRecord],
        offsets: Mapping[int, int],
        until: int | None,
        instead_of: Sequence[int] = (),
        *,
        soon: bool = False,
        more: bool = False,
    ) -> None:
        mapped = [self._prepare(record) for record in records]
        before = self._known([key for _, key, _ in mapped if key])
        self._appliers = {}
        rows: list[LedgerRow] = []
        keys: list[tuple[bytes, int]] = []
        for record, (fact, key, fault) in zip(records, mapped, strict=True):
            self.position += 1
            self._pass_time(record.timestamp)
            if fault is not None:
                rows.append(
                    self._fate(record, fault.state, fault.reason, fault.detail, fault.message_id)
                )
                continue
            if key in before:
                rows.append(self._fate(record, State.DUPLICATE, "known", "", fact.message_id, fact))
                continue
            before.add(key)
            keys.append((key, self.position))
            rows.append(self._take(record, fact))
        if until is not None:
            self._let_happen(max(until, self.moment))
        self._failpoint("before flush")
        if not self._together:
            self._settle()
        with self.database.write_soon(more=more, kept=self._wrote) as connection:
            self._going = dict(offsets)
            self.store.advance(connection, TOPIC, self._offsets, offsets)
            self.store.replayed(connection, instead_of)
            self.store.save(connection, rows, keys, self.graph, self.moment)
            for stage in self.stages:
                stage.flush(connection)
            self._note_origin(connection, offsets, 0 if instead_of else len(records))
            self.fence(connection)
            self._failpoint("before commit")
        self._together = self._together + len(records) if more else 0
        self._coming = (self._coming or set()).union([key for key, _ in keys])
        self._offsets = self._going
        self._written = self.moment
        if not soon:
            self._settle()

    def _known(self, keys: Sequence[bytes]) -> set[bytes]:
        """Return those of the keys that were applied before, written or on their way."""
        if not keys:
            return set()
        with self.database.read() as connection:
            found = self.store.known(connection, keys)
        return found | self._coming.intersection(keys) if self._coming else found

    def _wrote(self) -> None:
        """Hear, from whatever thread writes, that what was going on is written."""
        self._kept = self._going

    def _settle(self) -> None:
        """Wait until the batch on its way is written."""
        try:
            self.database.settle()
        except BaseException:
            self._loaded = False
            raise
        self._together = 0
        if self._coming is not None:
            self._coming = None
            self._failpoint("after commit")

    def _must_be_known_log(self) -> None:
        here = self.transport.identity(TOPIC)
        if self._origin and self._origin != here:
            raise Conflict(
                f"This is not the log that the records were made from: that was {self._origin!r},"
                f" this is {here!r}.",
                hint="Bring the old log back, or make the records anew from this one in an empty"
                " database.",
            )

    def _note_origin(self, connection: Any, offsets: Mapping[int, int], records: int) -> None:
        passed = sum(offset - self._offsets.get(part, 0) for part, offset in offsets.items())
        if self._origin and passed == records:
            return
        self._origin = self._origin or self.transport.identity(TOPIC)
        self.holes += passed - records
        self.store.come_from(connection, TOPIC, self._origin, self.holes)

    def expect(self, places: Sequence[Place], prepared: Sequence[Prepared | None]) -> None:
        """Hear what records come to that somebody has mapped ahead, by the definitions of now."""
        for place, each in zip(places, prepared, strict=True):
            if each is not None:
                self._ahead[place.partition, place.offset] = each

    @contextmanager
    def together(self) -> Iterator[None]:
        """Apply everything inside in one transaction: for a long past that is lived through again."""
        try:
            with self.lock, self.database.together():
                yield
        except BaseException:
            self._loaded = False
            raise

    def _prepare(self, record: LogRecord) -> Prepared:
        ahead = self._ahead.pop((record.partition, record.offset), None)
        return prepare(self.mapper, record) if ahead is None else ahead

    def _take(self, record: LogRecord, fact: Fact) -> LedgerRow:
        fact.position = self.position
        if fact.identifiers:
            fact.identity = fact.identifiers[0]
            fact.customer, regrouped = self.graph.resolve(
                fact.identifiers, fact.source, fact.message_id, fact.time
            )
            if regrouped is not None:
                self.bus.publish(regrouped)
        if fact.event in (MERGED, SEPARATED):
            self._decide(fact)
        appliers = self._appliers.get(fact.event)
        if appliers is None:
            appliers = self._appliers[fact.event] = self._who_hears(fact.event)
        for apply in appliers:
            apply(fact)
        return LedgerRow(
            self.position,
            record.partition,
            record.offset,
            fact.source,
            fact.message_id,
            APPLIED,
            "",
            "",
            record.timestamp,
            fact.time,
            fact.event,
            fact.identity,
        )

    def _who_hears(self, event: str) -> list[Callable[[Fact], None]]:
        """Return what takes in the facts of an event in each stage that they may matter to."""
        return [
            stage.apply
            for stage in self.stages
            if not isinstance(stage, SelectiveStage) or stage.hears(event)
        ]

    def _decide(self, fact: Fact) -> None:
        said = fact.properties
        a, b = str(said.get("a", "")), str(said.get("b", ""))
        if a in self.graph.known and b in self.graph.known and a != b:
            regrouped = self.graph.decide(
                a,
                b,
                same=fact.event == MERGED,
                at=fact.time,
                by=fact.actor,
                reason=str(said.get("reason", "")),
                message_id=fact.message_id,
            )
            if regrouped is not None:
                self.bus.publish(regrouped)
                fact.customer = self.graph.known[fact.identity].customer

    def _pass_time(self, moment: int) -> None:
        if moment > self.moment:
            self._let_happen(moment)

    def _let_happen(self, moment: int) -> None:
        happen_until(moment, self._timed, self.moment)
        self.moment = moment
        for stage in self._timed:
            stage.advance(moment)

    def _fate(
        self,
        record: LogRecord,
        state: State,
        reason: str,
        detail: str,
        message_id: str = "",
        fact: Fact | None = None,
    ) -> LedgerRow:
        return LedgerRow(
            self.position,
            record.partition,
            record.offset,
            fact.source if fact else record.headers.get("source", ""),
            message_id or record.headers.get("id", ""),
            str(state),
            reason,
            detail[:500],
            record.timestamp,
            fact.time if fact else None,
            fact.event if fact else "",
            "",
        )


class _Alone(AbstractContextManager[None]):
    """The right to be the only one; what is on its way is written first."""

    def __init__(self, turn: threading.RLock, settle: Callable[[], None]) -> None:
        self._turn = turn
        self._settle = settle

    def __enter__(self) -> None:
        self._turn.acquire()
        try:
            self._settle()
        except BaseException:
            self._turn.release()
            raise

    def __exit__(self, *_: object) -> None:
        self._turn.release()


def _place(row: Mapping[str, Any]) -> int:
    return int(row["position"])
