"""Calculate with dates, times and durations.

A moment without a zone is taken as UTC wherever it is compared with one that has a zone; how long
it is between the two cannot be told.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cid.feel.moments import (
    DAY,
    TICK,
    Beyond,
    Months,
    Span,
    Temporal,
    canonical,
    fine_time,
    in_year,
    is_day,
    is_moment,
    moment_at,
    nanos_of,
    nanoseconds,
    span,
    written,
    zone_of,
)
from cid.feel.reading import (
    combined,
    parse_date,
    parse_duration,
    parse_moment,
    parse_temporal,
    parse_time,
)

__all__ = [
    "TICK",
    "Beyond",
    "Months",
    "Span",
    "Temporal",
    "combined",
    "difference",
    "instant",
    "months_between",
    "ordered",
    "parse_date",
    "parse_duration",
    "parse_moment",
    "parse_temporal",
    "parse_time",
    "part",
    "shift",
    "written",
]


def instant(value: datetime) -> datetime:
    """Give a moment with its zone; without one it is taken as UTC."""
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


def ordered(left: Temporal, right: Temporal) -> tuple[Any, Any]:
    """Give two values of one kind as such that can be compared plainly."""
    if type(left) is type(right):
        if type(left) is datetime and type(right) is datetime:
            if left.tzinfo is right.tzinfo is UTC:
                return left, right
        elif type(left) is date or type(left) is timedelta or type(left) is Months:
            return left, right
    return nanoseconds(left), nanoseconds(right)


def shift(value: Temporal, by: timedelta | Span | Months, sign: int = 1) -> Temporal | None:
    """Move a date, a moment or a time of day by a duration, or nothing where that is not possible.

    >>> shift(date(2026, 1, 31), Months(1))
    datetime.date(2026, 2, 28)
    """
    if isinstance(by, Months):
        return None if isinstance(value, time) else _shift_months(value, sign * by.months)
    if type(by) is timedelta and not isinstance(value, Beyond) and not nanos_of(value):
        try:
            return _shift_plainly(value, sign * by)
        except OverflowError:
            pass  # It leads where only our own types reach.
    length = sign * nanoseconds(by)
    if isinstance(value, time):
        return _shift_clock(value, length)
    moved = moment_at(nanoseconds(value) + length, zone_of(value) or UTC)
    if moved is None:
        return None
    if is_moment(value):
        return moved if zone_of(value) is not None else _without_zone(moved)
    inner, _ = canonical(moved)
    return in_year(date(inner.year, inner.month, inner.day), moved.year)


def _without_zone(value: datetime | Beyond) -> datetime | Beyond | None:
    return moment_at(nanoseconds(value), None)


def _shift_plainly(value: Temporal, by: timedelta) -> Temporal | None:
    if isinstance(value, datetime):
        if isinstance(value.tzinfo, ZoneInfo):
            moved = value.astimezone(UTC) + by
            return moved.astimezone(value.tzinfo)
        return value + by
    if isinstance(value, date):
        return (datetime.combine(value, time()) + by).date()
    if isinstance(value, time):
        return _shift_clock(value, by // TICK * 1_000)
    return None


def _shift_clock(value: time, length: int) -> time:
    plain = value.replace(tzinfo=None)
    ticks, nanos = divmod((nanoseconds(plain) + nanos_of(value) + length) % DAY, 1_000)
    moved = (datetime(2000, 1, 1) + ticks * TICK).time()
    return fine_time(moved.replace(tzinfo=value.tzinfo), nanos)


def _shift_months(value: Temporal, count: int) -> Temporal | None:
    if not isinstance(value, date | Beyond):
        return None
    inner, _ = canonical(value)
    year, month = divmod(value.year * 12 + inner.month - 1 + count, 12)
    day = min(inner.day, monthrange(2000 + year % 400, month + 1)[1])
    moved = inner.replace(day=1, month=month + 1)
    moved = moved.replace(year=2000 + year % 400).replace(day=day)
    if isinstance(moved, datetime):
        found = in_year(date(moved.year, moved.month, moved.day), year)
        at = inner.timetz() if isinstance(inner, datetime) else time()
        return None if found is None else combined(found, fine_time(at, nanos_of(inner)))
    return in_year(moved, year)


def difference(left: Temporal, right: Temporal) -> timedelta | Span | None:
    """Tell how long it is from the right moment to the left one.

    Nothing where only one of them has a zone: then nobody can tell. A date is its midnight in UTC.
    """
    if isinstance(left, time) != isinstance(right, time):
        return None
    if _zoned(left) != _zoned(right):
        return None
    if type(left) is type(right) is datetime and left.tzinfo is right.tzinfo is UTC:
        return left - right
    return span(nanoseconds(left) - nanoseconds(right))


def _zoned(value: Temporal) -> bool:
    return is_day(value) or zone_of(value) is not None


def months_between(start: date | Beyond, end: date | Beyond) -> Months:
    """Count the whole months from one day to another."""
    first, last = canonical(start)[0], canonical(end)[0]
    count = (end.year - start.year) * 12 + last.month - first.month
    if count > 0 and last.day < first.day:
        count -= 1
    elif count < 0 and last.day > first.day:
        count += 1
    return Months(count)


def part(value: Temporal, name: str) -> Any:
    """Give a part of a temporal value: its year, its hour, its zone; nothing where it has none."""
    if isinstance(value, timedelta | Span):
        return _duration_part(nanoseconds(value), name)
    if isinstance(value, Months):
        years, months = divmod(abs(value.months), 12)
        found = {"years": years, "months": months}.get(name)
        return -found if found and value.months < 0 else found
    if name == "year" and not isinstance(value, time):
        return value.year
    if isinstance(value, Beyond):
        value = value.inner
    if name in ("month", "day") and isinstance(value, date):
        return getattr(value, name)
    if name == "weekday" and isinstance(value, date):
        return value.isoweekday()
    if isinstance(value, datetime | time):
        return _clock_part(value, name)
    return None


def _clock_part(value: datetime | time, name: str) -> Any:
    if name in ("hour", "minute", "second"):
        return getattr(value, name)
    if name == "time offset":
        return value.utcoffset()
    if name == "timezone":
        return value.tzinfo.key if isinstance(value.tzinfo, ZoneInfo) else None
    return None


def _duration_part(length: int, name: str) -> int | None:
    days, rest = divmod(abs(length), DAY)
    seconds = rest // 10**9
    parts = {
        "days": days,
        "hours": seconds // 3_600,
        "minutes": seconds // 60 % 60,
        "seconds": seconds % 60,
    }
    found = parts.get(name)
    return -found if found and length < 0 else found
