"""Dates, times and durations: reading, writing, calculating.

A moment without a zone is taken as UTC wherever it meets one that has a zone.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})\Z")
_TIME = re.compile(
    r"([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]+)?"
    r"(Z|[+-][0-9]{2}:[0-9]{2}(?::[0-9]{2})?|@[A-Za-z_+\-0-9/]+)?\Z"
)
_DURATION = re.compile(
    r"(-)?P(?:(?:([0-9]+)Y)?(?:([0-9]+)M)?"
    r"|(?:([0-9]+)D)?(?:T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)(\.[0-9]*)?S)?)?)\Z"
)


@dataclass(frozen=True, slots=True, order=True)
class Months:
    """A duration of years and months; how many days it has depends on where it begins."""

    months: int

    def __str__(self) -> str:
        years, months = divmod(abs(self.months), 12)
        sign = "-" if self.months < 0 else ""
        written = f"{f'{years}Y' if years else ''}{f'{months}M' if months else ''}"
        return f"{sign}P{written or '0M'}"


TICK = timedelta(microseconds=1)
"""The shortest time we tell apart."""

Temporal = date | datetime | time | timedelta | Months


def parse_date(text: str) -> date | None:
    """Read a date, or nothing where it is none.

    >>> parse_date("2026-02-30") is None
    True
    """
    match = _DATE.match(text)
    if match is None:
        return None
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None


def parse_time(text: str) -> time | None:
    """Read a time of day, with its zone where it has one."""
    match = _TIME.match(text)
    if match is None:
        return None
    try:
        zone = _zone(match[5])
        fraction = int(((match[4] or ".0")[1:] + "00000")[:6])
        return time(int(match[1]), int(match[2]), int(match[3]), fraction, zone)
    except (ValueError, ZoneInfoNotFoundError, OSError):
        return None


def _zone(text: str | None) -> tzinfo | None:
    if not text:
        return None
    if text == "Z":
        return UTC
    if text[0] == "@":
        return ZoneInfo(text[1:])
    hours, minutes, *rest = (int(part) for part in text[1:].split(":"))
    if hours > 14 or minutes > 59 or (rest and rest[0] > 59):
        raise ValueError(text)
    offset = timedelta(hours=hours, minutes=minutes, seconds=rest[0] if rest else 0)
    return timezone(-offset if text[0] == "-" else offset)


def parse_moment(text: str) -> datetime | None:
    """Read a date and time; a date alone is its midnight."""
    day, found, clock = text.partition("T")
    on = parse_date(day)
    at = parse_time(clock) if found else time()
    if on is None or at is None:
        return None
    return datetime.combine(on, at)


def parse_duration(text: str) -> timedelta | Months | None:
    """Read a duration: days and time, or years and months.

    >>> parse_duration("P1Y2M")
    Months(months=14)
    >>> parse_duration("PT36H")
    datetime.timedelta(days=1, seconds=43200)
    """
    match = _DURATION.match(text)
    if match is None or text[-1] in "PT":
        return None
    sign = -1 if match[1] else 1
    years, months, days, hours, minutes, seconds = (
        int(part or 0) if len(part or "") < 19 else 10**18 for part in match.groups()[1:7]
    )
    if match[2] or match[3]:
        return Months(sign * (12 * years + months))
    micro = int(((match[8] or ".0")[1:] + "000000")[:6])
    try:
        return sign * timedelta(
            days=days, hours=hours, minutes=minutes, seconds=seconds, microseconds=micro
        )
    except OverflowError:
        return None


def parse_temporal(text: str) -> Temporal | None:
    """Read whichever temporal value a text says."""
    if "T" in text and not text.lstrip("-").startswith("P"):
        return parse_moment(text)
    return parse_date(text) or _first(parse_time(text), parse_duration(text))


def _first(*values: Temporal | None) -> Temporal | None:
    return next((value for value in values if value is not None), None)


def written(value: Temporal) -> str:
    """Write a temporal value as FEEL reads it.

    >>> written(timedelta(days=1, minutes=90))
    'P1DT1H30M'
    """
    if isinstance(value, timedelta):
        return _written_duration(value)
    if isinstance(value, datetime):
        return f"{value.date().isoformat()}T{_written_time(value.timetz())}"
    if isinstance(value, time):
        return _written_time(value)
    return str(value)


def _written_time(value: time) -> str:
    clock = value.replace(tzinfo=None)
    text = clock.isoformat(timespec="seconds")
    if clock.microsecond:
        text += f".{clock.microsecond:06d}".rstrip("0")
    if value.tzinfo is None:
        return text
    if isinstance(value.tzinfo, ZoneInfo):
        return f"{text}@{value.tzinfo.key}"
    if value.tzinfo is UTC or not value.utcoffset():
        return f"{text}Z"
    return text + value.isoformat()[-6:]


def _written_duration(value: timedelta) -> str:
    sign, value = ("-", -value) if value < timedelta() else ("", value)
    minutes, seconds = divmod(value.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours}H" * bool(hours) + f"{minutes}M" * bool(minutes)
    if seconds or value.microseconds:
        clock += f"{seconds}" + f".{value.microseconds:06d}".rstrip("0.") + "S"
    days = f"{value.days}D" * bool(value.days)
    return f"{sign}P{days}{'T' + clock if clock else ''}" if days or clock else "PT0S"


def instant(value: datetime) -> datetime:
    """Give a moment with a zone; without one it is taken as UTC."""
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


def order(value: Temporal) -> Any:
    """Give the key by which values of one temporal kind are compared."""
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, time):
        offset = value.utcoffset() or timedelta()
        return (
            timedelta(
                hours=value.hour,
                minutes=value.minute,
                seconds=value.second,
                microseconds=value.microsecond,
            )
            - offset
        )
    return value


def shift(value: Temporal, by: timedelta | Months, sign: int = 1) -> Temporal | None:
    """Move a date, a moment or a time of day by a duration, or nothing where that is not possible.

    >>> shift(date(2026, 1, 31), Months(1))
    datetime.date(2026, 2, 28)
    """
    try:
        if isinstance(by, Months):
            return _shift_months(value, sign * by.months) if isinstance(value, date) else None
        if isinstance(value, datetime):
            if isinstance(value.tzinfo, ZoneInfo):
                moved = value.astimezone(UTC) + sign * by
                return moved.astimezone(value.tzinfo)
            return value + sign * by
        if isinstance(value, date):
            return (datetime.combine(value, time()) + sign * by).date()
        if isinstance(value, time):
            anchor = datetime.combine(date(2000, 6, 15), value) + sign * timedelta(
                seconds=by.total_seconds() % 86_400
            )
            return anchor.timetz()
    except (OverflowError, ValueError):
        return None
    return None


def _shift_months(value: date, months: int) -> date:
    year, month = divmod(value.year * 12 + value.month - 1 + months, 12)
    day = min(value.day, monthrange(year, month + 1)[1])
    return value.replace(year=year, month=month + 1, day=day)


def difference(left: Temporal, right: Temporal) -> timedelta | None:
    """Tell how long it is from the right moment to the left one."""
    if isinstance(left, time) and isinstance(right, time):
        found: timedelta = order(left) - order(right)
        return found
    if isinstance(left, date) and isinstance(right, date):
        return instant(_at_midnight(left)) - instant(_at_midnight(right))
    return None


def _at_midnight(value: date) -> datetime:
    return value if isinstance(value, datetime) else datetime.combine(value, time())


def months_between(start: date, end: date) -> Months:
    """Count the whole months from one day to another."""
    count = (end.year - start.year) * 12 + end.month - start.month
    if count > 0 and end.day < start.day:
        count -= 1
    elif count < 0 and end.day > start.day:
        count += 1
    return Months(count)


def part(value: Temporal, name: str) -> Any:
    """Give a part of a temporal value: its year, its hour, its zone; nothing where it has none."""
    if isinstance(value, timedelta):
        return _duration_part(value, name)
    if isinstance(value, Months):
        years, months = divmod(abs(value.months), 12)
        found = {"years": years, "months": months}.get(name)
        return -found if found and value.months < 0 else found
    if name in ("year", "month", "day") and isinstance(value, date):
        return getattr(value, name)
    if name == "weekday" and isinstance(value, date):
        return value.isoweekday()
    if isinstance(value, datetime | time):
        if name in ("hour", "minute", "second"):
            return getattr(value, name)
        if name == "time offset":
            return value.utcoffset()
        if name == "timezone":
            return value.tzinfo.key if isinstance(value.tzinfo, ZoneInfo) else None
    return None


def _duration_part(value: timedelta, name: str) -> int | None:
    sign, length = (-1, -value) if value < timedelta() else (1, value)
    parts = {
        "days": length.days,
        "hours": length.seconds // 3600,
        "minutes": length.seconds // 60 % 60,
        "seconds": length.seconds % 60,
    }
    return sign * parts[name] if name in parts else None
