"""How history learns of everything: facts by the ledger, small tables of all layers by copy."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import text

from cic.model import SCORES, TRAITS
from cic.policies import Policies
from cic.ports import Engine, FactRow, Mirror, Result, Sight, Streaming, Ticket, Writing
from cic.segmentation import Segmentation
from cid.customers import CONSENT, Customers
from cid.kit.db import Database
from cid.kit.definitions import Definitions
from cid.kit.errors import InvalidInput
from cid.kit.failpoints import reach
from cid.model.definition import ATTRIBUTES, COMPANY
from cid.model.fact import Fact
from cid.profile import plain
from cii.synchronization import Pipeline

REMEMBERED = 50_000
"""Facts that are remembered for history; beyond that it relives them from the log."""
AT_ONCE = 20_000
"""Rows of a small table that are fetched at once: not so small a table fits in memory, too."""
AT_MOST_EVERY = 5.0
"""Seconds between two refreshes that nobody insists on."""

READ_FROM_FACTS = (
    *("traits", "segments", "scores", "streams", "policies", "figures", "dimensions", "boards"),
    *("calendars", "queues", "pipelines", "rules", "tables", "scenarios", "models"),
    *("measures", "capabilities", "goals"),
)
"""Sections that say what is made of facts and not what they are: these leave history as it is."""


class Recorder:
    """The last stage: remembers applied facts for a while, so that history need not relive them."""

    def __init__(self) -> None:
        self._rows: list[FactRow] = []
        self._new: list[FactRow] = []
        self._complete_since: int | None = None

    def load(self, connection: Any) -> None:
        """Forget everything; what comes from now on is complete."""
        self._rows, self._new, self._complete_since = [], [], None

    def apply(self, fact: Fact) -> None:
        """Remember a fact."""
        if self._complete_since is None:
            self._complete_since = fact.position - 1
        self._new.append(_row(fact))

    def flush(self, connection: Any) -> None:
        """Keep what belongs to the batch that is being written."""
        self._rows += self._new
        self._new = []
        if len(self._rows) > REMEMBERED:
            self._complete_since = self._rows[-1].position
            self._rows = []

    def since(self, position: int, limit: int) -> list[FactRow] | None:
        """Return the next facts after a position, or None where that is longer ago than remembered."""
        if self._complete_since is None or position < self._complete_since:
            return None
        start = bisect_right(self._rows, position, key=lambda row: row.position)
        # What history has, nobody asks for again.
        self._complete_since, self._rows = max(position, self._complete_since), self._rows[start:]
        return self._rows[:limit]

    def __len__(self) -> int:
        """Return how many facts are remembered."""
        return len(self._rows)


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
        self._segmentation = segmentation
        self.recorder = recorder
        self.only_facts = False
        self.owners_too = True
        self._owners_version = "later"
        self._personal = Policies(definitions).personal
        self._pipeline = pipeline
        self._customers = customers
        self._database = database
        self._definitions = definitions
        self._selects = selects
        self._generation = definitions.version(READ_FROM_FACTS)
        self._opened = definitions.version()
        self._cursor: tuple[int, Iterator[Fact]] | None = None
        with database.read() as connection:
            self._columns = {
                name: tuple(connection.execute(text(f"SELECT * FROM ({select}) q LIMIT 0")).keys())
                for name, select in selects.items()
            }

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
        reached = f"{pipeline.position}/{pipeline.moment // 60_000}/{pipeline.counters.batches}"
        # Other segments have other members, though no fact came.
        return f"{reached}/{self._opened}"

    def facts_since(self, position: int, limit: int) -> Sequence[FactRow]:
        """Return the next facts after a position, in order of position."""
        remembered = self.recorder.since(position, limit)
        if remembered is not None:
            return remembered
        if self._cursor is None or self._cursor[0] != position:
            self._cursor = (position, self._pipeline.facts(position))
        rows = [_row(fact) for fact in islice(self._cursor[1], limit)]
        self._cursor = (rows[-1].position, self._cursor[1]) if len(rows) == limit else None
        return rows

    def owners_version(self) -> str:
        """Return a text that changes when any identity went to another customer."""
        return self.version() if self.owners_too else self._owners_version

    def owners(self) -> Iterable[tuple[str, str]]:
        """Return (identity, customer) for every identity that owns facts."""
        return [(identity, seen.customer) for identity, seen in self._customers.seen.items()]

    def mirrors(self) -> Mapping[str, Mirror]:
        """Return the small tables of all layers by name."""
        if self.only_facts:
            return {}
        version = self.version()
        position, moment = self._pipeline.position, self._pipeline.moment
        # The ledger is long: it is copied anew when it grew much, or when a minute has passed.
        ledger = f"{position if position < 20_000 else position // 2_000}/{moment // 60_000}"
        result = {
            name: Mirror(
                self._columns[name], self._reader(select), ledger if name == "ledger" else version
            )
            for name, select in self._selects.items()
        }
        names = list(self._definitions.of(ATTRIBUTES))
        columns = ("customer", "kind", "name", "first_seen", "last_seen", *names)
        columns = tuple(dict.fromkeys(columns))
        result["customers"] = Mirror(columns, lambda: self._customer_rows(columns), version)
        consents = ("customer", "purpose", "channel", "granted", "since")
        result["consents"] = Mirror(consents, self._consent_rows, version)
        scores = ("customer", "score", "value", "version", "at")
        result["scores"] = Mirror(scores, self._score_rows, version)
        return result

    def _reader(self, select: str) -> Callable[[], Iterable[Sequence[Any]]]:
        def rows() -> Iterable[Sequence[Any]]:
            with self._database.read() as connection:
                if self._database.postgres:
                    answer = connection.execution_options(yield_per=AT_ONCE).execute(text(select))
                    yield from map(tuple, answer)
                    return
                # The driver's own rows: nobody reads them by name.
                cursor = connection.connection.cursor()
                cursor.execute(select)
                while some := cursor.fetchmany(AT_ONCE):
                    yield from some
                cursor.close()

        return rows

    def _customer_rows(self, columns: Sequence[str]) -> Iterable[Sequence[Any]]:
        customers = self._customers
        for customer, members in list(customers.members.items()):
            profile = customers.profile(customer)
            seen = [customers.seen[each] for each in members]
            kind = profile.get("kind")
            fixed = {
                "customer": customer,
                "kind": kind.value if kind else "person",
                "name": customers.name(customer),
                "first_seen": min(each.first for each in seen),
                "last_seen": max(each.last for each in seen),
            }
            yield [
                fixed[column] if column in fixed else _text(profile.get(column))
                for column in columns
            ]

    def _consent_rows(self) -> Iterable[Sequence[Any]]:
        for customer, profile in list(self._customers.profiles.items()):
            for name, value in profile.items():
                if name.startswith(CONSENT):
                    purpose, _, channel = name.removeprefix(CONSENT).partition(".")
                    yield (customer, purpose, channel, value.value is True, value.time)

    def _score_rows(self) -> Iterable[Sequence[Any]]:
        """The last word of each model on each customer, as her trait has it."""
        for name in self._definitions.of(SCORES):
            place = list(self._definitions.of(TRAITS)).index(name)
            for customer in list(self._customers.members):
                value = self._segmentation.kernel.value(customer, place)
                if value is not None:
                    yield (customer, name, value, "", self._segmentation.now)


class History:
    """The engine, brought up to date before it answers."""

    def __init__(self, engine: Engine, source: Source, rows: int, seconds: float) -> None:
        self.engine = engine
        self._source = source
        self._rows = rows
        self._seconds = seconds
        self._lock = threading.Lock()
        self._version = ""
        self._refreshed = 0.0

    def sync(self, source: Any = None) -> int:
        """Bring history up to date, unless that was done a moment ago; return how many facts came."""
        if self._version and time.monotonic() - self._refreshed < AT_MOST_EVERY:
            return 0
        return self.fresh()

    def fresh(self) -> int:
        """Bring history up to date now; return how many facts came."""
        with self._lock:
            version = self._source.version()
            if version == self._version:
                return 0
            reach("before history")
            added = self.engine.sync(self._source)
            reach("after history")
            self._version, self._refreshed = version, time.monotonic()
            return added

    def take_facts(self, at_least: int = 0) -> None:
        """Take in the facts that have piled up, if they are many; the small tables wait."""
        with self._lock:
            if at_least and len(self._source.recorder) < at_least:
                return
            self._source.only_facts, self._source.owners_too = True, not at_least
            try:
                self.engine.sync(self._source)
            finally:
                self._source.only_facts, self._source.owners_too = False, True

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
        orjson.dumps(fact.attributes, default=plain).decode(),
    )


def _text(value: Any) -> str | None:
    if value is None:
        return None
    held = plain(value.value)
    return (
        held
        if isinstance(held, str)
        else str(held).lower()
        if isinstance(held, bool)
        else str(held)
    )
