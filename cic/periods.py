"""Days, weeks, months, quarters and years as people in a place count them.

A period begins at local midnight, or where the clocks skip midnight at the moment after the skip; it
ends where the next one begins. So a day may have 23, 24 or 25 hours, and every moment is in exactly
one day, week, month, quarter and year. A week begins on Monday.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cid.kit.clock import to_datetime, to_millis

Unit = Literal["day", "week", "month", "quarter", "year"]
UNITS: tuple[Unit, ...] = get_args(Unit)
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
NEVER = 1 << 62
REMEMBERED = 10_000
"""Periods of which a calendar remembers the begin."""
_SOONEST, _LATEST = -62_000_000_000_000, 253_000_000_000_000
"""Moments for which there is a calendar: the years 5 to 9987."""


class Calendar:
    """The periods of one kind in one place, numbered in their order."""

    def __init__(self, unit: Unit, zone: str) -> None:
        self.unit = unit
        self._zone = ZoneInfo(zone or "UTC")
        self._begins: list[int] = []
        """Begins that are known, in order, each with its number beside it."""
        self._numbers: list[int] = []
        self._begin_of: dict[int, int] = {}

    def number(self, moment: int) -> int:
        """Return the number of the period that a moment is in."""
        place = bisect_right(self._begins, moment) - 1
        if place >= 0 and place + 1 < len(self._begins):
            if self._numbers[place + 1] == self._numbers[place] + 1:
                return self._numbers[place]
        moment = min(max(moment, _SOONEST), _LATEST)
        number = self._of(to_datetime(moment).astimezone(self._zone).date())
        for each in (number, number + 1):
            self._know(each)
        return number

    def begin(self, number: int) -> int:
        """Return the moment at which a period begins."""
        known = self._begin_of.get(number)
        if known is not None:
            return known
        first = self._first(number)
        if first is None:
            return NEVER if number > 0 else -NEVER
        # A midnight that is skipped counts by the time before: that is the moment of the skip itself.
        local = datetime(first.year, first.month, first.day, tzinfo=self._zone)
        found = to_millis(local.astimezone(UTC))
        if len(self._begin_of) < REMEMBERED:
            self._begin_of[number] = found
        return found

    def span(self, moment: int) -> tuple[int, int]:
        """Return when the period of a moment begins, and when the next one does."""
        number = self.number(moment)
        place = bisect_right(self._begins, moment)
        if 0 < place < len(self._begins) and self._numbers[place - 1] == number:
            if self._numbers[place] == number + 1:
                return self._begins[place - 1], self._begins[place]
        return self.begin(number), self.begin(number + 1)

    def _know(self, number: int) -> None:
        begin = self.begin(number)
        place = bisect_right(self._begins, begin)
        if place and self._numbers[place - 1] == number:
            return
        self._begins.insert(place, begin)
        self._numbers.insert(place, number)

    def _of(self, day: date) -> int:
        if self.unit == "day":
            return day.toordinal()
        if self.unit == "week":
            return (day.toordinal() - 1) // 7
        return (day.year * 12 + day.month - 1) // _MONTHS[self.unit]

    def _first(self, number: int) -> date | None:
        try:
            if self.unit == "day":
                return date.fromordinal(number)
            if self.unit == "week":
                return date.fromordinal(number * 7 + 1)
            year, month = divmod(number * _MONTHS[self.unit], 12)
            return date(year, month + 1, 1)
        except (ValueError, OverflowError):
            return None


@lru_cache(maxsize=4_096)
def calendar(unit: Unit, zone: str) -> Calendar:
    """Return the periods of one kind in one place.

    >>> paris = calendar("day", "Europe/Paris")
    >>> begin, end = paris.span(1_774_742_400_000)  # 29 March 2026: summer time begins
    >>> (end - begin) / 3_600_000
    23.0
    """
    return Calendar(unit, zone)


def own_zone(value: object, otherwise: str) -> str:
    """Return a customer's own time zone, or another one where hers is not known.

    >>> own_zone("Asia/Shanghai", "UTC"), own_zone("nowhere", "UTC"), own_zone(None, "UTC")
    ('Asia/Shanghai', 'UTC', 'UTC')
    """
    return value if isinstance(value, str) and is_zone(value) else otherwise


@lru_cache(maxsize=4_096)
def is_zone(text: str) -> bool:
    """Say whether a text names a time zone."""
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


@lru_cache(maxsize=64)
def split(period: str) -> tuple[Unit, bool]:
    """Return the kind of a period, and whether the previous one is meant.

    >>> split("previous month")
    ('month', True)
    """
    unit = period.removeprefix("previous ")
    return next(each for each in UNITS if each == unit), unit != period


def within(period: str, zone: str, as_of: int) -> tuple[int, int]:
    """Return the moments of a period as of a moment, both included.

    >>> from cid.kit.clock import format_time, parse_time
    >>> [format_time(each) for each in within("previous month", "UTC", parse_time("2026-03-15"))]
    ['2026-02-01T00:00:00.000Z', '2026-02-28T23:59:59.999Z']
    """
    unit, previous = split(period)
    found = calendar(unit, zone)
    number = found.number(as_of)
    if previous:
        return found.begin(number - 1), found.begin(number) - 1
    return found.begin(number), as_of


def counts_from(period: str, zone: str, time: int) -> tuple[int, int]:
    """Return when a fact of a moment begins to count in a window of the calendar, and when it leaves it.

    >>> counts_from("day", "UTC", 5) == (5, 86_400_000)
    True
    """
    unit, previous = split(period)
    found = calendar(unit, zone)
    _, end = found.span(time)
    return (end, found.begin(found.number(time) + 2)) if previous else (time, end)
