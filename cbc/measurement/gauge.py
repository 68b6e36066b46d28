"""Reads measures off the history; again only when something new was recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cbc.measurement.period import Period
from cbc.measurement.reading import Reading, Totals, exact, read
from cbc.measurement.sql import totals_sql
from cbc.model import Measure
from cbc.ports import History
from cid.kit.clock import MINUTE, Clock, parse_time, to_millis
from cid.kit.definitions import Entry

_RECORDED = """
SELECT (SELECT (count(*), max(position)) FROM ledger),
       (SELECT (count(*), max("at")) FROM decisions),
       (SELECT (count(*), max("at"), count(*) FILTER (WHERE state = 'done')) FROM actions),
       (SELECT (count(*), max(closed_at), count(*) FILTER (WHERE state = 'done')) FROM tasks),
       (SELECT (count(*), max(first_responded_at), max(resolved_at)) FROM cases),
       (SELECT (count(*), max(known_at)) FROM changes),
       (SELECT (count(*), max("at")) FROM scores),
       (SELECT (count(*), max("at")) FROM verification)
"""
_FIRST = "SELECT min(time) FROM facts"


@dataclass
class _Present:
    """One present moment that all numbers of a minute share, so that they agree with each other."""

    moment: int
    recorded: Any
    first: int | None
    readings: dict[tuple[str, str, int], list[Reading]] = field(default_factory=dict)


class Gauge:
    """Reads measures off the history."""

    def __init__(self, engine: History, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._present: _Present | None = None

    def now(self) -> int:
        """Return the present moment."""
        return self._clock.now()

    def moment(self, as_of: str) -> int:
        """Return the moment asked for; the present where nothing is asked."""
        self._present = present = self._look()
        return parse_time(as_of) if as_of else present.moment

    def first(self) -> int | None:
        """Return when the first recorded fact happened."""
        return self._now().first

    def readings(self, entry: Entry[Measure], periods: Sequence[Period]) -> list[Reading]:
        """Read a measure in each of these periods, with one query."""
        present = self._now()
        key = (entry.name, entry.version, len(periods))
        current = bool(periods) and periods[-1].end == present.moment + 1
        for (name, version, count), known in present.readings.items() if current else ():
            if (name, version) == key[:2] and count >= len(periods):
                return known[count - len(periods) :]
        found = self._read(entry.value, periods)
        if current:
            present.readings[key] = found
        return found

    def _read(self, measure: Measure, periods: Sequence[Period]) -> list[Reading]:
        groups: list[dict[tuple[str, str], Totals]] = [{} for _ in periods]
        for place, arm, stratum, *sums in self._engine.query(totals_sql(measure, periods)).rows:
            groups[place][arm, stratum] = _totals(sums)
        return [read(measure, group) for group in groups]

    def _now(self) -> _Present:
        return self._present or self._look()

    def _look(self) -> _Present:
        now = self._clock.now()
        recorded = self._engine.query(_RECORDED).rows[0]
        present = self._present
        if (
            present is None
            or present.recorded != recorded
            or not 0 <= now - present.moment <= MINUTE
        ):
            first = self._engine.query(_FIRST).rows[0][0]
            present = _Present(now, recorded, to_millis(first) if first is not None else None)
        return present


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
