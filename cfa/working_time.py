"""The clock that only runs while people work: intervals by weekday, holidays, a time zone.

An hour is an hour: where clocks are changed at night, working time is what really passed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cfa.model import CALENDARS, QUEUES, Calendar
from cid.kit.clock import DAY, MINUTE, to_datetime, to_millis
from cid.kit.definitions import Definitions, Entry

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LAST_YEAR = 9000
LAST = to_millis(datetime(LAST_YEAR, 1, 1))
"""Moments outside 1970 to here are no plans of people; for them the clock always runs."""
_INTERVAL = re.compile(r"([01]\d|2[0-4]):([0-5]\d)\s*[-–]\s*([01]\d|2[0-4]):([0-5]\d)\Z")


class WorkClock(Protocol):
    """Measures time at work."""

    def add(self, moment: int, length: int) -> int:
        """Return the moment at which this much working time has passed."""

    def between(self, start: int, end: int) -> int:
        """Return how much working time lies between two moments."""


class RoundTheClock:
    """The clock of a desk that never closes."""

    def add(self, moment: int, length: int) -> int:
        """Return the moment at which this much time has passed."""
        return moment + length

    def between(self, start: int, end: int) -> int:
        """Return how much time lies between two moments."""
        return max(0, end - start)


class WorkingTime:
    """The clock of people who have hours, lunch breaks and holidays."""

    def __init__(self, entry: Entry[Calendar]) -> None:
        """Read a calendar.

        Raises:
            InvalidDefinition: a zone, an interval or a holiday is not one; says which.
        """
        calendar = entry.value
        try:
            self._zone = ZoneInfo(calendar.time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise entry.error(
                f"{calendar.time_zone!r} is not a time zone.", hint="Write it as Europe/Paris."
            ) from error
        self._week = _read_week(entry)
        self._holidays = frozenset(_read_holiday(entry, text) for text in calendar.holidays)
        self._intervals = lru_cache(maxsize=4096)(self._intervals_of)

    def add(self, moment: int, length: int) -> int:
        """Return the moment at which this much working time has passed.

        The end of an interval belongs to it: an hour from 16:00 is 17:00, not next morning.
        """
        if length <= 0:
            return moment
        for start, end in self._from(moment):
            start = max(start, moment)
            if end - start >= length:
                return start + length
            length -= max(0, end - start)
        return moment + length

    def between(self, start: int, end: int) -> int:
        """Return how much working time lies between two moments; 0 if the end comes first."""
        passed = 0
        if end > start:
            for opens, closes in self._from(start):
                if opens >= end:
                    break
                passed += max(0, min(closes, end) - max(opens, start))
        return passed

    def _from(self, moment: int) -> Iterator[tuple[int, int]]:
        if not 0 <= moment < LAST:
            return
        day = to_datetime(moment).astimezone(self._zone).date() - timedelta(days=1)
        while day.year < LAST_YEAR:
            yield from self._intervals(day)
            day += timedelta(days=1)

    def _intervals_of(self, day: date) -> tuple[tuple[int, int], ...]:
        if day in self._holidays:
            return ()
        midnight = datetime(day.year, day.month, day.day)
        return tuple(
            (
                self._moment(midnight + timedelta(minutes=opens)),
                self._moment(midnight + timedelta(minutes=closes)),
            )
            for opens, closes in self._week.get(day.weekday(), ())
        )

    def _moment(self, wall: datetime) -> int:
        """Return when clocks on the wall first show this time, or jump over it."""
        moment = to_millis(wall.replace(tzinfo=self._zone).astimezone(UTC))
        if to_datetime(moment).astimezone(self._zone).replace(tzinfo=None) == wall:
            return moment
        early, late = moment - DAY, moment + DAY
        while late - early > 1_000:
            middle = (early + late) // 2
            if to_datetime(middle).astimezone(self._zone).replace(tzinfo=None) < wall:
                early = middle
            else:
                late = middle
        return late // MINUTE * MINUTE


def work_clock(definitions: Definitions, queue: str) -> WorkClock:
    """Return the clock by which a queue works; one without a calendar never closes.

    Raises:
        InvalidDefinition: the queue names a calendar that does not exist or cannot be read.
    """
    entry = definitions.of(QUEUES).get(queue)
    if entry is None or not entry.value.calendar:
        return RoundTheClock()
    calendars = definitions.of(CALENDARS)
    if entry.value.calendar not in calendars:
        raise entry.error(
            f"there is no calendar {entry.value.calendar!r}.",
            hint=f"Known: {', '.join(calendars) or 'none'}.",
        )
    return WorkingTime(calendars[entry.value.calendar])


def _read_week(entry: Entry[Calendar]) -> dict[int, tuple[tuple[int, int], ...]]:
    week: dict[int, tuple[tuple[int, int], ...]] = {}
    for name, texts in entry.value.hours.items():
        if name[:3].lower() not in WEEKDAYS:
            raise entry.error(f"{name!r} is not a weekday.", hint=f"Known: {', '.join(WEEKDAYS)}.")
        intervals = sorted(_read_interval(entry, text) for text in texts)
        for (_, closes), (opens, _) in pairwise(intervals):
            if opens < closes:
                raise entry.error(f"the hours of {name} overlap.")
        week[WEEKDAYS.index(name[:3].lower())] = tuple(intervals)
    if not any(week.values()):
        raise entry.error("nobody ever works.", hint='Write e.g. mon: ["09:00-17:00"].')
    return week


def _read_interval(entry: Entry[Calendar], text: str) -> tuple[int, int]:
    found = _INTERVAL.match(text.strip())
    if found:
        opens, closes = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
        if opens < closes <= 1440:
            return opens, closes
    raise entry.error(
        f"{text!r} is not a time of work.",
        hint="Write it as 09:00-12:00; a night shift is two, until 24:00 and from 00:00.",
    )


def _read_holiday(entry: Entry[Calendar], text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise entry.error(f"{text!r} is not a date.", hint="Write it as 2026-12-25.") from None
