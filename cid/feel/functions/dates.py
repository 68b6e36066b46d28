"""Functions on dates, times and durations. None of them reads a clock: ``now`` is a value."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

from cid.feel import temporal
from cid.feel.comparison import equal
from cid.feel.functions.numbers import is_number, whole
from cid.feel.functions.signature import Builtin
from cid.feel.moments import (
    Beyond,
    Months,
    Span,
    canonical,
    fine_time,
    in_year,
    is_moment,
    nanos_of,
)
from cid.feel.reading import date_of
from cid.feel.values import kind_of

_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_MONTHS = [
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
]


def make_date(from_: Any, month: Any = None, day: Any = None) -> Any:
    """Make a date from a text, from a moment, or from year, month and day."""
    if month is not None or day is not None:
        year, month, day = (whole(each) for each in (from_, month, day))
        if year is None or month is None or day is None:
            return None
        return date_of(year, month, day)
    if isinstance(from_, str):
        return temporal.parse_date(from_)
    if isinstance(from_, date | Beyond):
        return _day(from_)
    return None


def _day(value: date | Beyond) -> date | Beyond | None:
    if isinstance(value, Beyond):
        inner, _ = canonical(value)
        return in_year(date(inner.year, inner.month, inner.day), value.year)
    return value.date() if isinstance(value, datetime) else value


def make_moment(*given: Any) -> Any:
    """Make a moment from a text, or from a date and a time of day."""
    if not 1 <= len(given) <= 2:
        return None
    from_, *rest = given
    if rest:
        (time_,) = rest
        if not isinstance(from_, date | Beyond) or not isinstance(time_, time):
            return None
        day = _day(from_)
        return None if day is None else temporal.combined(day, time_)
    if isinstance(from_, str):
        return temporal.parse_moment(from_)
    if not isinstance(from_, date | Beyond):
        return None
    return from_ if is_moment(from_) else temporal.combined(from_, time(tzinfo=UTC))


def make_time(from_: Any, minute: Any = None, second: Any = None, offset: Any = None) -> Any:
    """Make a time of day from a text, from a moment, or from its parts."""
    if minute is not None or second is not None:
        hours, minutes = whole(from_), whole(minute)
        if hours is None or minutes is None or not is_number(second):
            return None
        if offset is not None and type(offset) is not timedelta:
            return None
        try:
            zone = None if offset is None else timezone(offset) if offset else UTC
            micros, nanos = divmod(int(Decimal(second) % 1 * 10**9), 1_000)
            return fine_time(time(hours, minutes, int(second), micros, zone), nanos)
        except (ValueError, OverflowError):
            return None
    if isinstance(from_, str):
        return temporal.parse_time(from_)
    if isinstance(from_, Beyond):
        from_ = from_.inner
    if isinstance(from_, datetime):
        return fine_time(from_.timetz(), nanos_of(from_))
    if isinstance(from_, date):
        return time(tzinfo=UTC)
    return from_ if isinstance(from_, time) else None


def duration(from_: Any) -> Any:
    """Read a duration."""
    if isinstance(from_, timedelta | Span | Months):
        return from_
    return temporal.parse_duration(from_) if isinstance(from_, str) else None


def months_between(from_: Any, to: Any) -> Months | None:
    """Count the whole months from one day to another."""
    if not isinstance(from_, date | Beyond) or not isinstance(to, date | Beyond):
        return None
    return temporal.months_between(from_, to)


def _calendar(value: Any, part: str) -> Any:
    if isinstance(value, Beyond):
        value = value.inner
    if not isinstance(value, date):
        return None
    match part:
        case "day of year":
            return value.timetuple().tm_yday
        case "day of week":
            return _DAYS[value.weekday()]
        case "month of year":
            return _MONTHS[value.month - 1]
    return value.isocalendar().week


def is_same(value1: Any, value2: Any) -> bool | None:
    """Tell whether two values are the same in every respect, the zone included."""
    if kind_of(value1) != kind_of(value2):
        return False
    if isinstance(value1, date | time | Beyond):
        return temporal.written(value1) == temporal.written(value2)
    return equal(value1, value2)


FUNCTIONS = {
    "date": Builtin(make_date, ("from",), ("year", "month", "day"), single=True),
    "date and time": Builtin(make_moment, ("from",), ("date", "time"), single=True),
    "time": Builtin(make_time, ("from",), ("hour", "minute", "second", "offset"), single=True),
    "duration": Builtin(duration, ("from",), single=True),
    "years and months duration": Builtin(months_between, ("from", "to"), single=True),
    "day of year": Builtin(lambda date: _calendar(date, "day of year"), single=True),
    "day of week": Builtin(lambda date: _calendar(date, "day of week"), single=True),
    "month of year": Builtin(lambda date: _calendar(date, "month of year"), single=True),
    "week of year": Builtin(lambda date: _calendar(date, "week of year"), single=True),
    "is": Builtin(is_same),
}
