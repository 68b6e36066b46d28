"""Time in questions: half-open periods, days of the business, what is not over yet, what was before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from cic.exploration.questions import Asked, length_of
from cic.semantics import STRETCHES
from cid.kit.clock import (
    DAY,
    EARLIEST,
    LATEST,
    format_time,
    parse_time,
    to_datetime,
    to_millis,
)
from cid.kit.errors import InvalidInput


@dataclass(frozen=True)
class Shift:
    """How far a period was moved into the past: calendar months, whole days, or milliseconds."""

    months: int = 0
    days: int = 0
    millis: int = 0


@dataclass(frozen=True)
class Span:
    """From ``begin`` up to but not including ``end``; nothing later than the moment of asking is seen.

    >>> Span(None, None, 0, "UTC").conditions("t")
    ["t <= TIMESTAMP '1970-01-01 00:00:00.000'"]
    """

    begin: int | None
    asked_end: int | None
    as_of: int
    zone: str

    @property
    def end(self) -> int:
        """Return the first moment that is not seen any more."""
        later = self.as_of + 1
        return later if self.asked_end is None else min(self.asked_end, later)

    def conditions(self, time: str, *, ahead: int = 0, behind: int = 0) -> list[str]:
        """Return SQL that is true of moments inside, or so many milliseconds beyond either end."""
        found = [] if self.begin is None else [f"{time} >= {moment(self.begin - behind)}"]
        end = min(self.end + ahead, self.as_of + 1)
        # Moments are whole milliseconds; "up to and including" is what people say of now.
        return [*found, f"{time} <= {moment(end - 1)}"]

    def to_dict(self) -> dict[str, str | None]:
        """Return both ends as they were asked for."""
        return {
            "from": None if self.begin is None else format_time(self.begin),
            "to": None if self.asked_end is None else format_time(self.asked_end),
        }

    def before(self, how: str) -> tuple[Span, Shift]:
        """Return the period to compare with, over as much time as has passed of this one.

        Raises:
            InvalidInput: all time has no time before it.
        """
        if self.begin is None:
            raise InvalidInput("'compare' needs a period.", hint='Add for example "last": "90 d".')
        zone = ZoneInfo(self.zone)
        begins = to_datetime(self.begin).astimezone(zone)
        ends = to_datetime(self.end if self.asked_end is None else self.asked_end).astimezone(zone)
        if how == "year":
            shift = Shift(months=12)
        elif _midnight(begins) and _midnight(ends) and begins.day == ends.day == 1:
            shift = Shift(months=(ends.year - begins.year) * 12 + ends.month - begins.month)
        elif _midnight(begins) and _midnight(ends):
            shift = Shift(days=(ends.date() - begins.date()).days)
        else:
            shift = Shift(millis=to_millis(ends) - self.begin)
        if self.begin - max(to_millis(ends) - self.begin, 366 * DAY) - 366 * DAY < EARLIEST:
            raise _too_early()
        moved = replace(
            self,
            begin=self._back(self.begin, shift),
            asked_end=self._back(self.end, shift),
        )
        return moved, shift

    def partial(self, unit: str, buckets: Iterable[date]) -> list[str]:
        """Return the days, weeks, months … that the period, or the present, cuts off."""
        zone, found = ZoneInfo(self.zone), []
        for bucket in sorted(buckets):
            starts, ends = start_of(bucket, zone), start_of(after(bucket, unit), zone)
            if (self.begin is not None and starts < self.begin < ends) or starts < self.end < ends:
                found.append(bucket.isoformat())
        return found

    def _back(self, instant: int, shift: Shift) -> int:
        if shift.millis:
            return instant - shift.millis
        local = to_datetime(instant).astimezone(ZoneInfo(self.zone)).replace(tzinfo=None)
        moved = _months_before(local, shift.months) - timedelta(days=shift.days)
        return to_millis(moved.replace(tzinfo=ZoneInfo(self.zone)))


def span_of(asked: Asked, as_of: int, zone: str) -> Span:
    """Read the period of a question.

    Raises:
        InvalidInput: it ends before it begins, is no period, or there are two of them.
    """
    if asked.as_of:
        as_of = instant_of(asked.as_of, zone)
    if asked.last and asked.period:
        raise InvalidInput("Give either 'last' or 'period', not both.")
    if asked.last:
        # The same half-open window (as_of − W, as_of] as a trait's.
        first = as_of - length_of(asked.last, "last") + 1
        if first < EARLIEST:
            raise _too_early()
        return Span(first, as_of + 1, as_of, zone)
    if asked.period is None:
        return Span(None, None, as_of, zone)
    begin = instant_of(asked.period.begin, zone) if asked.period.begin else None
    end = instant_of(asked.period.end, zone) if asked.period.end else None
    if begin is not None and end is not None and begin >= end:
        raise InvalidInput("The period ends before it begins.")
    return Span(begin, end, as_of, zone)


def instant_of(text: str, zone: str) -> int:
    """Read a moment; a day alone begins when it begins for the business.

    >>> instant_of("2026-01-01", "Europe/Berlin") - instant_of("2026-01-01T00:00:00Z", "UTC")
    -3600000
    """
    if len(text) == 10:
        try:
            begins = start_of(date.fromisoformat(text), ZoneInfo(zone))
        except ValueError:
            return parse_time(text)
        return max(begins, EARLIEST)
    return parse_time(text)


def _too_early() -> InvalidInput:
    return InvalidInput("There is no period so long ago.", hint="Ask for a later or shorter one.")


def moment(instant: int) -> str:
    """Write a moment for SQL, in UTC; one beyond the calendar is its end."""
    instant = min(max(instant, EARLIEST), LATEST)
    return f"TIMESTAMP '{format_time(instant)[:-1].replace('T', ' ')}'"


def start_of(day: date, zone: ZoneInfo) -> int:
    """Return when a day of the business begins."""
    return to_millis(datetime(day.year, day.month, day.day, tzinfo=zone))


def after(day: date, unit: str) -> date:
    """Return the first day of the next day, week, month, quarter or year."""
    months = {"month": 1, "quarter": 3, "year": 12}.get(unit)
    if months is None:
        return day + timedelta(days=7 if unit == "week" else 1)
    later = day.year * 12 + day.month - 1 + months
    return date(later // 12, later % 12 + 1, 1)


def is_time(name: str) -> bool:
    """Say whether a dimension is a stretch of time that can be cut off."""
    return name in STRETCHES


def _midnight(local: datetime) -> bool:
    return (local.hour, local.minute, local.second, local.microsecond) == (0, 0, 0, 0)


def _months_before(local: datetime, months: int) -> datetime:
    if not months:
        return local
    earlier = local.year * 12 + local.month - 1 - months
    year, month = earlier // 12, earlier % 12 + 1
    last = (after(date(year, month, 1), "month") - timedelta(days=1)).day
    return local.replace(year=year, month=month, day=min(local.day, last))


def interval(millis: int) -> str:
    """Write a length of time for SQL.

    >>> interval(86_400_000), interval(1_500)
    ("INTERVAL '86400' SECOND", "INTERVAL '1500' MILLISECOND")
    """
    if millis % 1_000:
        return f"INTERVAL '{millis}' MILLISECOND"
    return f"INTERVAL '{millis // 1_000}' SECOND"
