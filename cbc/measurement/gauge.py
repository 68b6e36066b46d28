"""Reads measures off the history, and again only when something new was recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cbc.measurement.period import TREND, Period, trend
from cbc.measurement.reading import Reading, Totals, exact, read
from cbc.measurement.sql import tables_read, totals_sql
from cbc.model import Measure
from cbc.ports import History
from cid.kit.clock import HOUR, MINUTE, Clock, parse_time, to_millis
from cid.kit.definitions import Entry

KEEP = 10 * MINUTE
"""A number nothing new was recorded for may be this old; it says as of when it is."""
KEEP_PAST = HOUR
"""So far may the older periods of a trend be shifted."""

_MARKS = {
    "context.decisions": 'count(*), max("at") FROM decisions',
    "context.actions": "count(*), count(*) FILTER (WHERE state = 'done') FROM actions",
    "cfa.tasks": "count(*), max(closed_at), count(*) FILTER (WHERE state = 'done') FROM tasks",
    "cfa.cases": "count(*), max(first_responded_at), max(resolved_at) FROM cases",
    "cic.changes": "count(*), max(known_at) FROM changes",
    "cic.scores": 'count(*), max("at") FROM scores',
    "cic.verification": 'count(*), max("at") FROM verification',
    "cii.ledger": "count(*), max(position) FROM ledger",
}
"""What changes when something is recorded; every other table follows the facts."""

_LOOK = "SELECT (SELECT min(time) FROM ledger WHERE state = 'applied'), " + ", ".join(
    f"(SELECT CAST(row({mark.replace(' FROM ', ') AS VARCHAR) FROM ')})" for mark in _MARKS.values()
)


class Point(NamedTuple):
    """A measure in one period."""

    period: Period
    reading: Reading


@dataclass
class _Kept:
    """What was read of a measure last, as of when, and what had been recorded by then."""

    moment: int
    position: int
    marks: tuple[str, ...]
    pair: list[Point] = field(default_factory=list)
    older: list[Point] = field(default_factory=list)


class Gauge:
    """Reads measures off the history."""

    def __init__(self, engine: History, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._first: int | None = None
        self._position = 0
        self._marks: dict[str, str] = {}
        self._kept: dict[tuple[str, str], _Kept] = {}

    def look(self) -> None:
        """Take note of what was recorded meanwhile."""
        self._engine.sync()
        first, *marks = self._engine.query(_LOOK).rows[0]
        self._first = to_millis(first) if first is not None else None
        self._position = self._engine.position()
        self._marks = dict(zip(_MARKS, marks, strict=True))

    @property
    def first(self) -> int | None:
        """When the first recorded fact happened."""
        return self._first

    def now(self) -> int:
        """Return the present moment."""
        return self._clock.now()

    def points(
        self, entry: Entry[Measure], as_of: str = "", *, deep: bool = False, patient: bool = False
    ) -> list[Point]:
        """Read a measure in the period that ends with a moment, after the one before it.

        Args:
            entry: the measure.
            as_of: the moment; the present if empty.
            deep: read the last twelve periods; the older ones may then be some minutes old.
            patient: be content with a number of the last minute if hardly anything came since.
        """
        kept = self._present(entry, patient)
        moment = parse_time(as_of) if as_of else kept.moment
        period = Period.until(moment, entry.value.length)
        if moment != kept.moment:
            return self._read(entry.value, trend(period) if deep else trend(period, 2))
        if deep and not kept.older:
            found = self._read(entry.value, trend(period))
            kept.older, kept.pair = found[: TREND - 2], found[TREND - 2 :]
        if not kept.pair:
            kept.pair = self._read(entry.value, trend(period, 2))
        return kept.older + kept.pair if deep else kept.pair

    def of_segment(self, entry: Entry[Measure], segment: str, as_of: str = "") -> Reading:
        """Read a measure among those who were in a segment when its period began."""
        moment = parse_time(as_of) if as_of else self._present(entry, False).moment
        period = Period.until(moment, entry.value.length)
        return self._read(entry.value, [period], segment)[0].reading

    def _present(self, entry: Entry[Measure], patient: bool) -> _Kept:
        key, now = (entry.name, entry.version), self._clock.now()
        facts = str(self._position)
        marks = tuple(self._marks.get(table, facts) for table in tables_read(entry.value))
        kept = self._kept.get(key)
        oldest = min(KEEP, entry.value.length // 1000)
        if kept is not None and 0 <= now - kept.moment <= oldest:
            came, soon = self._position - kept.position, now - kept.moment <= MINUTE
            if kept.marks == marks or (patient and soon and came <= self._position // 1000):
                return kept
        fresh = _Kept(now, self._position, marks)
        if kept is not None and kept.older:
            moved = now + 1 - 2 * entry.value.length - kept.older[-1].period.end
            if 0 <= moved <= min(KEEP_PAST, entry.value.length // 100):
                fresh.older = kept.older
        self._kept[key] = fresh
        return fresh

    def _read(self, measure: Measure, periods: Sequence[Period], segment: str = "") -> list[Point]:
        groups: list[dict[tuple[str, str], Totals]] = [{} for _ in periods]
        sql = totals_sql(measure, periods, of_segment=bool(segment))
        found = self._engine.query(sql, {"segment": segment} if segment else {})
        for place, arm, stratum, *sums in found.rows:
            groups[place][arm, stratum] = _totals(sums)
        return [
            Point(period, read(measure, group))
            for period, group in zip(periods, groups, strict=True)
        ]


def _totals(sums: Sequence[Any]) -> Totals:
    rows, numerator, denominator, squares, products, weights, uneven, outside, latest = sums
    return Totals(
        rows,
        exact(numerator),
        exact(denominator),
        squares or 0.0,
        products or 0.0,
        weights or 0.0,
        uneven,
        outside,
        to_millis(latest) if latest is not None else None,
    )
