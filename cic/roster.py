"""Who is where: segments with their sizes, members now and at any moment, what moved, one customer's traits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from cic.conditions import shown
from cic.model import SEGMENTS, TRAITS, Segment
from cic.ports import Store
from cic.proof import Proof
from cic.segmentation import Segmentation
from cic.verification import Batch
from cid.customers import Customers
from cid.facade import described, titles
from cid.kit.clock import DAY, format_time, parse_time
from cid.kit.definitions import Definitions, Entry
from cid.model.definition import ATTRIBUTES
from cid.model.fact import Fact

Moves = Mapping[int, tuple[int, int]]
"""By day: how many entered and left."""


class Roster:
    """The lists of segments and of their members."""

    def __init__(
        self,
        definitions: Definitions,
        segmentation: Segmentation,
        customers: Customers,
        store: Store,
        proof: Proof,
        facts_of: Callable[[str], list[Fact]],
        current: Callable[[str], str],
        used_by: Callable[[str], list[str]],
    ) -> None:
        self._definitions = definitions
        self._live = segmentation
        self._customers = customers
        self._store = store
        self._proof = proof
        self._facts_of = facts_of
        self._current = current
        self._used_by = used_by

    def segments(self) -> list[dict[str, Any]]:
        """List the segments with their size and who moved in the last seven days."""
        sizes, now = self._store.sizes(), self._live.now
        week, month = self._store.movements(now - 7 * DAY), self._store.movements(now - 30 * DAY)
        return [
            self._segment(entry, sizes.get(name, 0), now, week.get(name, {}), month.get(name, {}))
            for name, entry in self._definitions.of(SEGMENTS).items()
        ]

    def segment(self, name: str) -> dict[str, Any]:
        """Return one segment: its condition, what it reads, its size over time, who moved.

        Raises:
            NotFound: no such segment.
        """
        entry = self._definitions.get(SEGMENTS, name)
        now, meaning = self._live.now, self._live.meaning
        size = self._store.sizes().get(name, 0)
        week, quarter = self._moves(name, now - 7 * DAY), self._moves(name, now - 90 * DAY)
        place = meaning.place(name)
        rivals = [
            (other.value.priority, each, other)
            for each, other in meaning.segments.items()
            if entry.value.group and other.value.group == entry.value.group and each != name
        ]
        return {
            **self._segment(entry, size, now, week, quarter),
            "reads": list(meaning.conditions[place].words),
            "used_by": self._used_by(name),
            "rivals": [
                {"segment": each, "title": titles(other), "priority": priority}
                for priority, each, other in sorted(rivals, key=lambda rival: rival[:2])
            ],
            "history": _sizes(quarter, size, now, 90),
            "overlap": [
                {"segment": other, "title": self._title(other), "both": number}
                for other, number in self.overlap(place)
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
                for row in self._store.changes(segment=name, limit=50)
            ],
        }

    def overlap(self, place: int) -> list[tuple[str, int]]:
        """Count who is in other segments, too; the largest number first."""
        patterns = Counter(self._live.bits.copy().values())
        counts = [
            (name, sum(n for bits, n in patterns.items() if bits >> place & bits >> other & 1))
            for other, name in enumerate(self._live.meaning.names)
            if other != place
        ]
        return sorted((each for each in counts if each[1]), key=lambda pair: -pair[1])

    def sizes(self, name: str, days: int = 90) -> dict[str, Any]:
        """Return the size of a segment day by day, with who entered and left.

        Raises:
            NotFound: no such segment.
        """
        self._definitions.get(SEGMENTS, name)
        days = max(1, min(days, 3_660))
        now = self._live.now
        moves, size = self._moves(name, now - days * DAY), self._store.sizes().get(name, 0)
        return {"segment": name, "days": _sizes(moves, size, now, days)}

    def members(
        self, segment: str, as_of: str = "", limit: int = 1000, after: str = ""
    ) -> dict[str, Any]:
        """List who is in a segment now, or who was at a past moment by all that is known today.

        ``after`` is the ``next`` of the page before.

        Raises:
            NotFound: no such segment.
        """
        self._definitions.get(SEGMENTS, segment)
        limit = max(1, min(limit, 100_000))
        if as_of:
            return self._members_then(segment, parse_time(as_of), limit, after)
        rows = self._store.members(segment, limit + 1, after)
        last = rows[limit - 1] if len(rows) > limit else None
        return {
            "segment": segment,
            "as_of": format_time(self._live.now),
            "size": self._store.sizes().get(segment, 0),
            "members": [
                {
                    "customer": row["customer"],
                    "name": self._customers.name(row["customer"]),
                    "since": format_time(row["since"]),
                }
                for row in rows[:limit]
            ],
            "next": f"{last['since']}@{last['customer']}" if last else None,
        }

    def _members_then(self, segment: str, moment: int, limit: int, after: str) -> dict[str, Any]:
        batch = self._proof.batch(moment, ((), (segment,)))
        found = sorted(
            customer for customer in batch.traits if segment in batch.memberships(customer)
        )
        rest = [customer for customer in found if customer > after] if after else found
        return {
            "segment": segment,
            "as_of": format_time(moment),
            "size": len(found),
            "members": [
                {"customer": each, "name": self._customers.name(each), "since": None}
                for each in rest[:limit]
            ],
            "next": rest[limit - 1] if len(rest) > limit else None,
        }

    def traits(self, customer: str, as_of: str = "") -> dict[str, Any]:
        """Return a customer's traits and segments, now or at a past moment."""
        found = self._current(customer)
        meaning = self._live.meaning
        if as_of:
            moment = parse_time(as_of)
            if any(entry.value.groups for entry in meaning.traits.values()):
                # Who was in her group then is asked of everybody.
                batch = self._proof.batch(moment)
            else:
                batch = Batch.of_one(
                    found,
                    self._facts_of(found),
                    meaning,
                    self._definitions.of(ATTRIBUTES),
                    moment,
                    self._proof.held(moment),
                )
            values, inside = batch.traits.get(found, batch.empty), batch.memberships(found)
        else:
            held = self._live.kernel.values(found)
            values = dict(zip(meaning.traits, held, strict=True))
            inside, moment = set(self._live.segments_of(found)), self._live.now
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
                for name, entry in self._definitions.of(TRAITS).items()
            ],
            "segments": [name for name in meaning.names if name in inside],
        }

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
            for row in self._store.changes(customer=self._current(customer), limit=limit)
        ]

    def _moves(self, name: str, since: int) -> Moves:
        return {day: (came, went) for day, came, went in self._store.moves(name, since)}

    def _title(self, name: str) -> dict[str, str] | None:
        entry = self._definitions.of(SEGMENTS).get(name)
        return titles(entry) if entry else None

    def _segment(
        self, entry: Entry[Segment], size: int, now: int, week: Moves, month: Moves
    ) -> dict[str, Any]:
        return {
            "name": entry.name,
            "title": titles(entry),
            "description": described(entry),
            "when": entry.value.when,
            "stay": entry.value.stay,
            "group": entry.value.group,
            "priority": entry.value.priority,
            "owner": entry.value.owner,
            "version": entry.version,
            "file": entry.file,
            "line": entry.line,
            "size": size,
            "entered_7d": sum(entered for entered, _ in week.values()),
            "left_7d": sum(left for _, left in week.values()),
            "trend": [each["size"] for each in _sizes(month, size, now, 30)],
        }


def _sizes(moved: Moves, size: int, now: int, days: int) -> list[dict[str, Any]]:
    """Walk back from the size of now through the moves of each day."""
    today = now // DAY
    result = []
    for day in range(today, today - days, -1):
        entered, left = moved.get(day, (0, 0))
        result.append(
            {"day": format_time(day * DAY)[:10], "size": size, "entered": entered, "left": left}
        )
        size += left - entered
    return result[::-1]
