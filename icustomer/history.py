"""How history learns of everything: facts by the ledger, small tables of all layers by copy."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from cic.policies import Policies
from cic.ports import Engine, FactRow, Mirror, News, Result, Sight, Streaming, Ticket, Writing
from cic.segmentation import Segmentation
from cid.customers import Customers
from cid.kit.db import Database
from cid.kit.definitions import Definitions
from cid.kit.errors import InvalidInput
from cid.kit.failpoints import reach
from cid.model.definition import COMPANY
from cid.model.fact import Fact
from cid.model.relationship import Regrouped
from cid.profile import plain
from cii.resolution import Known
from cii.synchronization import Pipeline
from icustomer.mirrored import FEW, Mirrored, Touched

REMEMBERED = 50_000
"""Facts that are remembered for history; beyond that it relives them from the log."""
AT_MOST_EVERY = 5.0
"""Seconds between two refreshes that nobody insists on."""
PILED_UP = 5_000
"""Facts that are taken in beside while nobody asks, so that who asks next need not wait for all of them."""
TOO_OLD = 15.0
"""Seconds after which everybody waits for the refresh that is under way."""

READ_FROM_FACTS = (
    *("traits", "segments", "scores", "streams", "policies", "figures", "dimensions", "boards"),
    *("calendars", "queues", "pipelines", "rules", "tables", "scenarios", "models"),
    *("measures", "capabilities", "goals"),
)
"""Sections that say what is made of facts and not what they are: these leave history as it is."""


class Recorder:
    """The last stage: remembers applied facts for a while, so that history need not relive them.

    They are written as rows by whoever asks for them, not by who applies them: nobody changes them.
    """

    def __init__(
        self, customers: Customers, identifiers: Callable[[], Mapping[str, Known]]
    ) -> None:
        self.touched = Touched()
        """Of whom the small tables have not heard yet, …"""
        self.owning = Touched()
        """… and whose identifiers came or went since history was told whose they are."""
        self._customers = customers
        self._identifiers = identifiers
        self._known: Mapping[str, Known] = {}
        self.batches = 0
        self._lock = threading.Lock()
        self._facts: list[Fact] = []
        self._new: list[Fact] = []
        self._about: set[str] = set()
        self._others: set[str] = set()
        self._complete_since: int | None = None

    def load(self, connection: Any) -> None:
        """Forget everything; what comes from now on is complete."""
        with self._lock:
            self._facts, self._new, self._complete_since = [], [], None
            self._about, self._others = set(), set()
            self._known = self._identifiers()
            self.touched.forget()
            self.owning.forget()

    def apply(self, fact: Fact) -> None:
        """Remember a fact."""
        if self._complete_since is None:
            self._complete_since = fact.position - 1
        self._new.append(fact)
        if fact.customer:
            self._about.add(fact.customer)
            if self._customers.seen[fact.identity].facts == 1 or self._perhaps_new(fact):
                self._others.add(fact.customer)

    def _perhaps_new(self, fact: Fact) -> bool:
        """Whether an identifier may have been heard of for the first time."""
        known = self._known
        return any(known[each].first_seen == fact.time for each in fact.identifiers)

    def regroup(self, event: Regrouped) -> None:
        """Remember who won or lost identities."""
        self._about |= event.customers
        self._others |= event.customers

    def flush(self, connection: Any) -> None:
        """Keep what belongs to the batch that is being written."""
        with self._lock:
            self._facts += self._new
            self._new = []
            if len(self._facts) > REMEMBERED:
                self._complete_since = self._facts[-1].position
                self._facts = []
            self.touched.note(self._about)
            self.owning.note(self._others)
            self._about, self._others = set(), set()
            self.batches += 1

    def since(self, position: int, limit: int, until: int) -> list[FactRow] | None:
        """Return the next facts in ``(position, until]``, or None where some are longer ago than remembered."""
        with self._lock:
            if self._complete_since is None or position < self._complete_since:
                return None
            place = _position
            start = bisect_right(self._facts, position, key=place)
            # What history has, nobody asks for again.
            self._complete_since = max(position, self._complete_since)
            self._facts = self._facts[start:]
            some = self._facts[: min(limit, bisect_right(self._facts, until, key=place))]
        return [_row(fact) for fact in some]

    def __len__(self) -> int:
        """Return how many facts are remembered."""
        return len(self._facts)


class Source:
    """Where history is derived from: the applied facts, and the tables of all layers."""

    def __init__(
        self,
        pipeline: Pipeline,
        customers: Customers,
        database: Database,
        definitions: Definitions,
        selects: Mapping[str, str],
        recorder: Recorder,
        segmentation: Segmentation,
    ) -> None:
        self.recorder = recorder
        self.only_facts = False
        self.owners_too = True
        self._personal = Policies(definitions).personal
        self._pipeline = pipeline
        self._customers = customers
        self._database = database
        self._definitions = definitions
        self._generation = definitions.version(READ_FROM_FACTS)
        self._opened = definitions.version()
        self._cursor: tuple[int, Iterator[Fact]] | None = None
        pipeline.bus.subscribe(Regrouped, recorder.regroup)
        self._small = Mirrored(
            customers,
            database,
            definitions,
            selects,
            segmentation,
            recorder.touched,
            recorder.owning,
            lambda: pipeline.graph.members,
        )

    def generation(self) -> str:
        """Return a text that changes when facts were changed or removed."""
        return f"{self._generation}{self._database.identity()}"

    def zone(self) -> str:
        """Return the time zone in which the business counts its days."""
        company = self._definitions.of(COMPANY).get("company")
        return company.value.time_zone if company else "UTC"

    def personal(self) -> Collection[str]:
        """Return the names of properties that only those see to whom personal data is shown."""
        return self._personal

    def version(self) -> str:
        """Return a text that changes when anything changed."""
        pipeline = self._pipeline
        batches = f"{self.recorder.batches}/{pipeline.counters.batches}"
        # Other segments have other members, though no fact came.
        return f"{self._written()}/{pipeline.moment // 60_000}/{batches}/{self._opened}"

    def moment(self) -> int:
        """Return the moment up to which everything has happened."""
        return self._pipeline.moment

    def facts_since(self, position: int, limit: int) -> Sequence[FactRow]:
        """Return the next facts after a position, in order of position."""
        remembered = self.recorder.since(position, limit, self._written())
        if remembered is not None:
            return remembered
        if self._cursor is None or self._cursor[0] != position:
            self._cursor = (position, self._pipeline.facts(position))
        rows = [_row(fact) for fact in islice(self._cursor[1], limit)]
        self._cursor = (rows[-1].position, self._cursor[1]) if len(rows) == limit else None
        return rows

    def _written(self) -> int:
        """Return the position up to which facts are written: others may still be taken back."""
        with self._database.read() as connection:
            return self._pipeline.store.position(connection)

    def owners(self) -> Mirror:
        """Return (identity, customer) of the identities that own facts: all at first, then where that may be new."""
        columns = ("identity", "customer")
        if not self.owners_too:
            return Mirror(columns, tuple, "later", news=lambda mark: News(mark, (), ()))
        return Mirror(columns, tuple, self.version(), news=self._owned)

    def _owned(self, mark: str) -> News:
        seen, members = self._customers.seen, self._customers.members
        now, some = self.recorder.owning.since(mark)
        if some is None or len(some) * FEW > len(members):
            return News(now, [(each, state.customer) for each, state in list(seen.items())])
        return News(
            now,
            [
                (each, state.customer)
                for customer in some
                for each in list(members.get(customer, ()))
                if (state := seen.get(each)) is not None
            ],
            (),
        )

    def mirrors(self) -> Mapping[str, Mirror]:
        """Return the small tables of all layers by name."""
        if self.only_facts:
            return {}
        return self._small.tables(self.version())


class History:
    """The engine, brought up to date before it answers."""

    def __init__(self, engine: Engine, source: Source, rows: int, seconds: float) -> None:
        self.engine = engine
        self._source = source
        self._rows = rows
        self._seconds = seconds
        self._lock = threading.Lock()
        self._beside = ThreadPoolExecutor(1, "history")
        self._taking: Future[Any] | None = None
        self._version = ""
        self._moment = 0
        self._refreshed = 0.0
        self._asked = 0.0

    def sync(self, source: Any = None) -> int:
        """Bring history up to date, unless that was done a moment ago; return how many facts came."""
        self._asked = time.monotonic()
        if self._recent():
            return 0
        # While one brings it up to date, others are answered from what is there.
        age = time.monotonic() - self._refreshed
        if not self._lock.acquire(blocking=not self._version or age > TOO_OLD):
            return 0
        try:
            return 0 if self._recent() else self._refresh()
        finally:
            self._lock.release()

    def fresh(self) -> int:
        """Bring history up to date now; return how many facts came."""
        with self._lock:
            return self._refresh()

    def _recent(self) -> bool:
        return bool(self._version) and time.monotonic() - self._refreshed < AT_MOST_EVERY

    def _refresh(self) -> int:
        moment = self._source.moment()
        version = self._source.version()
        if version == self._version:
            self._moment = moment
            return 0
        reach("before history")
        added = self.engine.sync(self._source)
        reach("after history")
        self._version, self._refreshed, self._moment = version, time.monotonic(), moment
        return added

    def take_facts(self, at_least: int = 0) -> None:
        """Take in the facts that have piled up, if they are many; the small tables wait."""
        with self._lock:
            if at_least and len(self._source.recorder) < at_least:
                return
            # The small tables are older than these facts: whoever asks next waits until they are not.
            self._version = ""
            self._source.only_facts, self._source.owners_too = True, not at_least
            try:
                self.engine.sync(self._source)
            finally:
                self._source.only_facts, self._source.owners_too = False, True

    def take_facts_beside(self, at_least: int) -> None:
        """Let a thread take in what has piled up and is committed; whoever comes again waits for it to end.

        Raises:
            Unavailable: the last time it could not be kept.
        """
        self._wait()
        if len(self._source.recorder) >= at_least:
            self._taking = self._beside.submit(self.take_facts, at_least)

    def keep_up(self, at_least: int = PILED_UP) -> None:
        """Let a thread take in what has piled up, while nobody asks and none is at it; never waits.

        Raises:
            Unavailable: the last time it could not be kept.
        """
        quiet = time.monotonic() - self._asked > 2 * AT_MOST_EVERY
        busy = self._taking is not None and not self._taking.done()
        if quiet and not busy:
            self.take_facts_beside(at_least)

    def fresh_beside(self) -> None:
        """Let a thread bring history up to date with what is committed, small tables and all.

        Raises:
            Unavailable: the last time it could not be kept.
        """
        self._wait()
        self._taking = self._beside.submit(self.fresh)

    def _wait(self) -> None:
        taking, self._taking = self._taking, None
        if taking is not None:
            taking.result()

    @property
    def portable(self) -> bool:
        """Say whether the engine is to be asked only in SQL that every engine has."""
        return bool(getattr(self.engine, "portable", False))

    def position(self) -> int:
        """Return the position of the last fact taken in."""
        return self.engine.position()

    def query(
        self,
        sql: str,
        params: Mapping[str, Any] = {},
        *,
        rows: int | None = 10_000,
        seconds: float | None = 10.0,
        sight: Sight | None = None,
        ticket: Ticket | None = None,
    ) -> Result:
        """Answer one SELECT about history as it is now."""
        self.sync()
        rows = None if rows is None else min(rows, max(self._rows, 10_000))
        limit = None if seconds is None else self._seconds
        return self.engine.query(sql, params, rows=rows, seconds=limit, sight=sight, ticket=ticket)

    def moment(self) -> int:
        """Return the moment up to which history tells what happened."""
        self.sync()
        return self._moment

    def state(self) -> str:
        """Return a text that is the same for as long as history is."""
        self.sync()
        return f"{self._version}/{self.engine.position()}"

    def parts(
        self,
        sql: str,
        *,
        seconds: float | None = None,
        sight: Sight | None = None,
        ticket: Ticket | None = None,
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Answer one SELECT part by part: first names and types of the columns, then rows."""
        self.sync()
        if isinstance(self.engine, Streaming):
            yield from self.engine.parts(sql, seconds=seconds, sight=sight, ticket=ticket)
            return
        found = self.engine.query(sql, rows=None, seconds=seconds, sight=sight, ticket=ticket)
        yield [(name, "VARCHAR") for name in found.columns]
        yield found.rows

    def parquet(
        self,
        columns: Sequence[tuple[str, str]],
        parts: Iterable[Sequence[tuple[Any, ...]]],
        path: Path,
    ) -> None:
        """Write rows as a Parquet file.

        Raises:
            InvalidInput: this engine cannot.
        """
        if not isinstance(self.engine, Writing):
            raise InvalidInput("This engine writes no Parquet.", hint="Ask for CSV.")
        self.engine.parquet(columns, parts, path)

    def close(self) -> None:
        """Let go of all files."""
        self._beside.shutdown()
        self.engine.close()


def _row(fact: Fact) -> FactRow:
    return FactRow(
        fact.position,
        fact.identity,
        fact.message_id,
        fact.source,
        fact.type,
        fact.event,
        fact.time,
        fact.received,
        fact.actor,
        fact.loop,
        orjson.dumps(fact.properties, default=plain).decode(),
        orjson.dumps(fact.attributes, default=plain).decode() if fact.attributes else "{}",
    )


def _position(fact: Fact) -> int:
    return fact.position
