"""Intelligence, to use: segments, traits, questions about everybody, and the proof that they are right."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from cic.conditions import CustomerView, shown
from cic.exploration import Exploration
from cic.model import SCORES, SEGMENTS, TRAITS
from cic.ports import Engine, Store
from cic.segmentation import Segmentation
from cic.verification import Batch, Verification, compare, relive
from cid.customers import Customers
from cid.facade import described, titles
from cid.kit.clock import DAY, Clock, format_time, parse_time
from cid.kit.definitions import Definitions
from cid.model.definition import ATTRIBUTES
from cid.model.fact import Fact

PREVIEW = 20


class History(Engine, Protocol):
    """The engine of history, which brings itself up to date before it answers."""

    def fresh(self) -> int:
        """Bring history up to date now; return how many facts came."""


class Intelligence:
    """What the company knows about its customers' behaviour."""

    def __init__(
        self,
        definitions: Definitions,
        segmentation: Segmentation,
        customers: Customers,
        store: Store,
        history: History,
        clock: Clock,
        facts: Callable[[], Iterator[Fact]],
        facts_of: Callable[[str], list[Fact]],
        current: Callable[[str], str],
        used_by: Callable[[str], list[str]],
        score: Callable[..., dict[str, Any]],
    ) -> None:
        self.definitions = definitions
        self.segmentation = segmentation
        self.store = store
        self.history = history
        self._customers = customers
        self._clock = clock
        self._facts = facts
        self._facts_of = facts_of
        self._current = current
        self._used_by = used_by
        self._score = score
        self.exploration = Exploration(definitions, history, self._now)

    def segments(self) -> list[dict[str, Any]]:
        """List the segments with their size and who moved in the last seven days."""
        sizes = self.store.sizes()
        now = self._now()
        return [self._segment(name, sizes.get(name, 0), now) for name in self._names()]

    def segment(self, name: str) -> dict[str, Any]:
        """Return one segment: its condition, what it reads, its size over time, who moved.

        Raises:
            NotFound: no such segment.
        """
        self.definitions.get(SEGMENTS, name)
        now = self._now()
        size = self.store.sizes().get(name, 0)
        place = self._names().index(name)
        condition = self.segmentation.conditions[place]
        bits = self.segmentation.bits
        both: dict[str, int] = {}
        for held in list(bits.values()):
            if held >> place & 1:
                for other, title in enumerate(self._names()):
                    if other != place and held >> other & 1:
                        both[title] = both.get(title, 0) + 1
        return {
            **self._segment(name, size, now),
            "reads": list(condition.words),
            "used_by": self._used_by(name),
            "history": self._sizes(name, size, now, 90),
            "overlap": [
                {"segment": other, "title": self._title(other), "both": number}
                for other, number in sorted(both.items(), key=lambda pair: -pair[1])
            ],
            "changes": [
                {
                    "customer": row["customer"],
                    "name": self._customers.name(row["customer"]),
                    "kind": row["kind"],
                    "at": format_time(row["effective_at"]),
                    "known_at": format_time(row["known_at"]),
                    "cause": row["cause"],
                    "values": row["seen"],
                    "loop": row["loop"],
                }
                for row in self.store.changes(segment=name, limit=50)
            ],
        }

    def members(self, segment: str, as_of: str = "", limit: int = 1000) -> dict[str, Any]:
        """List who is in a segment now, or who was at a past moment by all that is known today.

        Raises:
            NotFound: no such segment.
        """
        self.definitions.get(SEGMENTS, segment)
        limit = max(1, min(limit, 100_000))
        if not as_of:
            rows = self.store.members(segment, limit)
            return {
                "segment": segment,
                "as_of": format_time(self._now()),
                "size": self.store.sizes().get(segment, 0),
                "members": [
                    {
                        "customer": row["customer"],
                        "name": self._customers.name(row["customer"]),
                        "since": format_time(row["since"]),
                    }
                    for row in rows
                ],
            }
        batch = self._batch(parse_time(as_of))
        found = sorted(
            customer for customer in batch.traits if segment in batch.memberships(customer)
        )
        return {
            "segment": segment,
            "as_of": format_time(batch.as_of),
            "size": len(found),
            "members": [
                {"customer": each, "name": self._customers.name(each), "since": None}
                for each in found[:limit]
            ],
        }

    def traits(self, customer: str, as_of: str = "") -> dict[str, Any]:
        """Return a customer's traits and segments, now or at a past moment."""
        found = self._current(customer)
        entries = self.definitions.of(TRAITS)
        if as_of:
            batch = Batch.of_one(
                found,
                self._facts_of(found),
                entries,
                self.definitions.of(ATTRIBUTES),
                self.definitions.of(SEGMENTS),
                self.segmentation.conditions,
                self.segmentation.order,
                parse_time(as_of),
            )
            values = batch.traits[found]
            inside = batch.memberships(found)
            moment = batch.as_of
        else:
            held = self.segmentation.kernel.values(found)
            values = dict(zip(entries, held, strict=True))
            inside = set(self.segmentation.segments_of(found))
            moment = self._now()
        return {
            "customer": found,
            "as_of": format_time(moment),
            "traits": [
                {
                    "name": name,
                    "title": titles(entry),
                    "value": shown(values[name]),
                    "unit": entry.value.unit,
                    "window": entry.value.window,
                    "version": entry.version,
                }
                for name, entry in entries.items()
            ],
            "segments": [name for name in self._names() if name in inside],
        }

    def memberships(self, customer: str) -> list[dict[str, Any]]:
        """List the segments of a customer with since when."""
        return [
            {
                "segment": row["segment"],
                "title": self._title(row["segment"]),
                "since": format_time(row["since"]),
                "leaves": None,
            }
            for row in self.store.memberships_of(self._current(customer))
        ]

    def changes(self, customer: str, limit: int = 100) -> list[dict[str, Any]]:
        """List when a customer entered and left which segment, and why."""
        return [
            {
                "segment": row["segment"],
                "title": self._title(row["segment"]),
                "kind": row["kind"],
                "at": format_time(row["effective_at"]),
                "cause": row["cause"],
                "values": row["seen"],
                "loop": row["loop"],
            }
            for row in self.store.changes(customer=self._current(customer), limit=limit)
        ]

    def why(self, segment: str, customer: str) -> dict[str, Any]:
        """Say why a customer is, or is not, in a segment: the condition with her values."""
        self.definitions.get(SEGMENTS, segment)
        found = self._current(customer)
        place = self._names().index(segment)
        condition = self.segmentation.conditions[place]
        view = self.segmentation.view(found)
        since = self.segmentation.since.get((found, segment))
        return {
            "segment": segment,
            "title": self._title(segment),
            "customer": found,
            "name": self._customers.name(found),
            "in": view.m(place),
            "since": format_time(since) if since is not None else None,
            "leaves": None,
            "values": shown(self.segmentation.vocabulary.scope(view, condition.words)),
            "explanation": self.segmentation.vocabulary.explain(condition, view),
        }

    def preview(self, when: str) -> dict[str, Any]:
        """Say how many customers meet a condition right now, with a sample.

        Raises:
            InvalidInput: it is not a condition; says what is wrong.
        """
        condition = self.segmentation.vocabulary.compile(when)
        began = time.perf_counter()
        found = []
        bits = self.segmentation.bits
        now = self._now()
        for customer in list(self._customers.members):
            view = CustomerView(
                customer,
                self._customers,
                self.segmentation.kernel.value,
                bits.get(customer, 0),
                None,
                now,
            )
            if condition.run(view) is True:
                found.append(customer)
        return {
            "when": when,
            "size": len(found),
            "of": len(self._customers.members),
            "sample": [
                {"customer": each, "name": self._customers.name(each)} for each in found[:PREVIEW]
            ],
            "ms": round((time.perf_counter() - began) * 1000, 1),
        }

    def query(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a question put as JSON: measures, dimensions, filter, period."""
        return self.exploration.query(query)

    def open(
        self, query: Mapping[str, Any], row: Mapping[str, Any], limit: int = 1000
    ) -> dict[str, Any]:
        """Return the customers behind one row of an answer."""
        return self.exploration.open(query, row, limit)

    def sql(self, text: str, limit: int = 10_000) -> dict[str, Any]:
        """Answer one SELECT over the history: read-only, with limits on rows, time and memory.

        Raises:
            InvalidInput: it is not one SELECT, or took too long.
            Refused: it tries to change something or to reach outside.
        """
        return self.exploration.sql(text, limit)

    def explorable(self) -> dict[str, Any]:
        """List what can be asked: measures, dimensions, views with their columns."""
        return self.exploration.explorable()

    def verify(self, as_of: str = "") -> dict[str, Any]:
        """Recompute every trait and segment from history and report every mismatch (promise 2).

        Without a moment the live state is compared; with one, the live path is run anew up to it.
        """
        began = time.perf_counter()
        traits, segments = list(self.definitions.of(TRAITS)), self._names()
        if as_of:
            batch = self._batch(parse_time(as_of))
            result = self._verify_past(batch, traits, segments)
        else:
            self.history.fresh()
            batch = self._batch(self._now())
            result = compare(
                batch,
                sorted(self._customers.members),
                self.segmentation.kernel.value,
                lambda customer: set(self.segmentation.segments_of(customer)),
                traits,
                segments,
            )
        self.store.note(
            {
                "at": self._clock.now(),
                "as_of": result.as_of,
                "traits": len(traits),
                "segments": len(segments),
                "customers": result.customers,
                "mismatches": result.count,
            }
        )
        return {**result.report(), "seconds": round(time.perf_counter() - began, 2)}

    def last_verification(self) -> dict[str, Any] | None:
        """Return what the last verification found."""
        row = self.store.last_verification()
        if row is None:
            return None
        return {**row, "at": format_time(row["at"]), "as_of": format_time(row["as_of"])}

    def scores(self) -> list[dict[str, Any]]:
        """List the models: what each asks, how good it is against its baseline, whether it is in use."""
        return [self._score(name, train=False) for name in self.definitions.of(SCORES)]

    def score_names(self) -> list[str]:
        """List the names of the models."""
        return list(self.definitions.of(SCORES))

    def score(self, name: str) -> dict[str, Any]:
        """Train a model on history, and publish its scores if it beats its baseline."""
        self.definitions.get(SCORES, name)
        return self._score(name, train=True)

    def _verify_past(
        self, batch: Batch, traits: Sequence[str], segments: Sequence[str]
    ) -> Verification:
        kernel = relive(self._facts(), self.definitions.of(TRAITS), batch.as_of)
        members = self._names()

        def inside(customer: str) -> set[str]:
            view = _PastView(customer, kernel.value, batch)
            held = 0
            for place in self.segmentation.order:
                view.members = held
                if self.segmentation.conditions[place].run(view) is True:  # type: ignore[arg-type]
                    held |= 1 << place
            return {name for place, name in enumerate(members) if held >> place & 1}

        return compare(
            batch, sorted(batch.traits), kernel.value, inside, list(traits), list(segments)
        )

    def _batch(self, as_of: int) -> Batch:
        return Batch(
            self.history,
            self.definitions.of(TRAITS),
            self.definitions.of(ATTRIBUTES),
            self.definitions.of(SEGMENTS),
            self.segmentation.conditions,
            self.segmentation.order,
            as_of,
        )

    def _names(self) -> list[str]:
        return list(self.definitions.of(SEGMENTS))

    def _now(self) -> int:
        return self.segmentation.now

    def _title(self, name: str) -> dict[str, str] | None:
        entry = self.definitions.of(SEGMENTS).get(name)
        return titles(entry) if entry else None

    def _segment(self, name: str, size: int, now: int) -> dict[str, Any]:
        entry = self.definitions.get(SEGMENTS, name)
        week = self.store.moves(name, now - 7 * DAY)
        return {
            "name": name,
            "title": titles(entry),
            "description": described(entry),
            "when": entry.value.when,
            "owner": entry.value.owner,
            "version": entry.version,
            "file": entry.file,
            "line": entry.line,
            "size": size,
            "entered_7d": sum(entered for _, entered, _ in week),
            "left_7d": sum(left for _, _, left in week),
            "trend": [each["size"] for each in self._sizes(name, size, now, 30)],
        }

    def _sizes(self, name: str, size: int, now: int, days: int) -> list[dict[str, Any]]:
        """Walk back from the size of now through the moves of each day."""
        today = now // DAY
        moved = {day: (came, went) for day, came, went in self.store.moves(name, now - days * DAY)}
        result = []
        for day in range(today, today - days, -1):
            entered, left = moved.get(day, (0, 0))
            result.append(
                {
                    "day": format_time(day * DAY)[:10],
                    "size": size,
                    "entered": entered,
                    "left": left,
                }
            )
            size += left - entered
        return result[::-1]


class _PastView:
    """What a condition may read about a customer at a past moment."""

    def __init__(self, customer: str, read: Callable[[str, int], Any], batch: Batch) -> None:
        self.customer = customer
        self.members = 0
        self.event = None
        self._read = read
        self._batch = batch

    def t(self, index: int) -> Any:
        return self._read(self.customer, index)

    def a(self, name: str) -> Any:
        return self._batch.profiles.get(self.customer, {}).get(name)

    def m(self, index: int) -> bool:
        return bool(self.members >> index & 1)

    def consent(self, purpose: Any, channel: Any) -> bool:
        said = self._batch.consents.get(self.customer, {})
        return said.get((str(purpose), str(channel)), False)
