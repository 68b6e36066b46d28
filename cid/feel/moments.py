"""Dates, times and durations that Python's own types cannot hold, and where they lie in time.

FEEL knows years up to 999,999,999 on both sides of year 0 and tells nanoseconds apart; Python's
types stop at the year 9999 and at microseconds. A value has Python's own type wherever that holds
it exactly; only what is finer or farther has one of the types made here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

TICK = timedelta(microseconds=1)
"""The shortest time Python tells apart."""
FARTHEST_YEAR = 999_999_999
"""Years are counted up to here, before and after year 0."""
_FARTHEST_SPAN = 10**30
_LONGEST_MONTHS = 10**18
DAY = 86_400 * 10**9
"""A day in nanoseconds."""
_CYCLE_YEARS = 400
_CYCLE = 146_097 * DAY
"""After 400 years the calendar repeats, weekdays included."""
_FIRST = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class Months:
    """A duration of years and months; how many days it has depends on where it begins."""

    months: int

    def __str__(self) -> str:
        years, months = divmod(abs(self.months), 12)
        sign = "-" if self.months < 0 else ""
        written = f"{f'{years}Y' if years else ''}{f'{months}M' if months else ''}"
        return f"{sign}P{written or '0M'}"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A duration of days and time that is longer than Python can hold."""

    nanoseconds: int

    def __str__(self) -> str:
        return written_span(self.nanoseconds)


class FineSpan(timedelta):
    """A duration that has nanoseconds beyond its microseconds."""

    nanos = 0


class FineMoment(datetime):
    """A moment that has nanoseconds beyond its microseconds."""

    nanos = 0


class FineTime(time):
    """A time of day that has nanoseconds beyond its microseconds."""

    nanos = 0


@dataclass(frozen=True, slots=True)
class Beyond:
    """A date, or a moment, in a year that Python cannot hold.

    The calendar repeats every 400 years: ``inner`` lies within 2000 to 2399.
    """

    inner: date
    cycles: int

    @property
    def year(self) -> int:
        """The year; negative before year 0."""
        return self.inner.year + _CYCLE_YEARS * self.cycles

    def isoformat(self) -> str:
        """Write the year, month and day, and the time where it has one, as ISO 8601 does."""
        year = f"{'-' if self.year < 0 else ''}{abs(self.year):04d}"
        return year + self.inner.isoformat()[4:]

    def __str__(self) -> str:
        return self.isoformat()


Duration = timedelta | Span | Months
Temporal = date | datetime | time | Beyond | Duration


def fine_moment(value: datetime, nanos: int) -> datetime:
    """Add nanoseconds to a moment."""
    if not nanos:
        return value
    fine = FineMoment.combine(value, value.timetz())
    fine.nanos = nanos
    return fine


def fine_time(value: time, nanos: int) -> time:
    """Add nanoseconds to a time of day."""
    if not nanos:
        return value
    fine = FineTime(
        value.hour, value.minute, value.second, value.microsecond, value.tzinfo, fold=value.fold
    )
    fine.nanos = nanos
    return fine


def nanos_of(value: Any) -> int:
    """Give the nanoseconds that a value has beyond its microseconds."""
    found: int = getattr(value, "nanos", 0)
    return found


def in_year(value: date, year: int) -> date | Beyond | None:
    """Give the same day of another year, whichever type that takes; nothing out of bounds."""
    if abs(year) > FARTHEST_YEAR:
        return None
    nanos = nanos_of(value)
    if 1 <= year <= 9999:
        moved = value.replace(year=year)
    else:
        cycles, rest = divmod(year - 2000, _CYCLE_YEARS)
        moved = value.replace(year=2000 + rest)
    if isinstance(moved, datetime):
        moved = fine_moment(moved, nanos)
    return moved if 1 <= year <= 9999 else Beyond(moved, cycles)


def canonical(value: date | Beyond) -> tuple[date, int]:
    """Give a day within 2000 to 2399, and how many times 400 years it is away."""
    if isinstance(value, Beyond):
        return value.inner, value.cycles
    cycles, rest = divmod(value.year - 2000, _CYCLE_YEARS)
    inner = value.replace(year=2000 + rest)
    return (
        fine_moment(inner, nanos_of(value)) if isinstance(inner, datetime) else inner,
        cycles,
    )


def nanoseconds(value: Temporal) -> int:
    """Tell where a date or a moment lies, or how long a duration is, in whole nanoseconds.

    What has no zone is taken as UTC.
    """
    if isinstance(value, Months):
        return value.months
    if isinstance(value, Span):
        return value.nanoseconds
    if isinstance(value, timedelta):
        return value // TICK * 1_000 + nanos_of(value)
    if isinstance(value, time):
        offset = value.utcoffset() or timedelta()
        clock = timedelta(
            hours=value.hour,
            minutes=value.minute,
            seconds=value.second,
            microseconds=value.microsecond,
        )
        return (clock - offset) // TICK * 1_000 + nanos_of(value)
    inner, cycles = canonical(value)
    moment = inner if isinstance(inner, datetime) else datetime.combine(inner, time())
    aware = moment if moment.utcoffset() is not None else moment.replace(tzinfo=UTC)
    return cycles * _CYCLE + (aware - _FIRST) // TICK * 1_000 + nanos_of(inner)


def moment_at(position: int, zone: tzinfo | None) -> datetime | Beyond | None:
    """Give the moment that lies at so many nanoseconds, as seen in a zone."""
    cycles, rest = divmod(position, _CYCLE)
    ticks, nanos = divmod(rest, 1_000)
    moment = _FIRST + ticks * TICK
    moment = moment.astimezone(zone) if zone is not None else moment.replace(tzinfo=None)
    found = in_year(fine_moment(moment, nanos), moment.year + cycles * _CYCLE_YEARS)
    return found if isinstance(found, datetime | Beyond) else None


def span(length: int) -> timedelta | Span | None:
    """Give the duration of so many nanoseconds; nothing where it is absurdly long."""
    ticks, nanos = divmod(length, 1_000)
    try:
        plain = ticks * TICK
    except OverflowError:
        return Span(length) if abs(length) < _FARTHEST_SPAN else None
    if not nanos:
        return plain
    fine = FineSpan(plain.days, plain.seconds, plain.microseconds)
    fine.nanos = nanos
    return fine


def months(count: int) -> Months | None:
    """Give a duration of so many months; nothing where it is absurdly long."""
    return Months(count) if abs(count) < _LONGEST_MONTHS else None


def is_moment(value: Any) -> bool:
    """Tell whether a value is a date with a time."""
    return isinstance(value.inner if isinstance(value, Beyond) else value, datetime)


def is_day(value: Any) -> bool:
    """Tell whether a value is a date without a time."""
    inner = value.inner if isinstance(value, Beyond) else value
    return isinstance(inner, date) and not isinstance(inner, datetime)


def zone_of(value: Any) -> tzinfo | None:
    """Give the zone of a moment or of a time of day."""
    found: tzinfo | None = getattr(
        value.inner if isinstance(value, Beyond) else value, "tzinfo", None
    )
    return found


def written(value: Temporal) -> str:
    """Write a temporal value as FEEL reads it.

    >>> written(timedelta(days=1, minutes=90))
    'P1DT1H30M'
    """
    if isinstance(value, timedelta | Span):
        return written_span(nanoseconds(value))
    if isinstance(value, Beyond):
        year = f"{'-' if value.year < 0 else ''}{abs(value.year):04d}"
        return year + written(value.inner)[4:]
    if isinstance(value, datetime):
        return f"{value.date().isoformat()}T{_written_time(value.timetz(), nanos_of(value))}"
    if isinstance(value, time):
        return _written_time(value, nanos_of(value))
    return str(value)


def _written_time(value: time, nanos: int) -> str:
    text = f"{value.hour:02d}:{value.minute:02d}:{value.second:02d}"
    if value.microsecond or nanos:
        text += f".{value.microsecond * 1_000 + nanos:09d}".rstrip("0")
    if value.tzinfo is None:
        return text
    if isinstance(value.tzinfo, ZoneInfo):
        return f"{text}@{value.tzinfo.key}"
    if value.tzinfo is UTC or not value.utcoffset():
        return f"{text}Z"
    return text + value.replace(microsecond=0).isoformat()[8:]


def written_span(length: int) -> str:
    """Write a duration of so many nanoseconds as FEEL reads it."""
    days, rest = divmod(abs(length), DAY)
    seconds, nanos = divmod(rest, 10**9)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours}H" * bool(hours) + f"{minutes}M" * bool(minutes)
    if seconds or nanos:
        clock += f"{seconds}" + f".{nanos:09d}".rstrip("0.") + "S"
    text = f"{days}D" * bool(days) + (f"T{clock}" if clock else "")
    return f"{'-' if length < 0 else ''}P{text}" if text else "PT0S"
