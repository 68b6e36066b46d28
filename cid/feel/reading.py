"""Read dates, times and durations; what is none of them is nothing, never an error."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cid.feel.moments import (
    DAY,
    Beyond,
    Months,
    Span,
    Temporal,
    canonical,
    fine_moment,
    fine_time,
    in_year,
    moment_at,
    months,
    nanos_of,
    nanoseconds,
    span,
)

_DATE = re.compile(r"(-?(?:[0-9]{4}|[1-9][0-9]{4,8}))-([0-9]{2})-([0-9]{2})\Z")
_TIME = re.compile(
    r"([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]+)?"
    r"(Z|[+-][0-9]{2}:[0-9]{2}(?::[0-9]{2})?|@[A-Za-z_+\-0-9/]+)?\Z"
)
_DURATION = re.compile(
    r"(-)?P(?:(?:([0-9]+)Y)?(?:([0-9]+)M)?"
    r"|(?:([0-9]+)D)?(?:T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)(\.[0-9]*)?S)?)?)\Z"
)
_MOMENT = re.compile(r"[0-9]T")
_FARTHEST_OFFSET = timedelta(hours=14)


def parse_date(text: str) -> date | Beyond | None:
    """Read a date, or nothing where it is none.

    >>> parse_date("2026-02-30") is None
    True
    """
    match = _DATE.match(text)
    return date_of(int(match[1]), int(match[2]), int(match[3])) if match else None


def date_of(year: int, month: int, day: int) -> date | Beyond | None:
    """Give the date of a year, month and day, or nothing where there is none."""
    try:
        if 1 <= year <= 9999:
            return date(year, month, day)
        return in_year(date(2000 + year % 400, month, day), year)
    except (ValueError, OverflowError):
        return None


def parse_time(text: str) -> time | None:
    """Read a time of day, with its zone where it has one."""
    match = _TIME.match(text)
    if match is None:
        return None
    try:
        zone = _zone(match[5])
        fraction = int(((match[4] or ".0")[1:] + "00000000")[:9])
        micros, nanos = divmod(fraction, 1_000)
        hour = int(match[1])
        if text.startswith("24:00:00") and not fraction:
            hour = 0
        return fine_time(time(hour, int(match[2]), int(match[3]), micros, zone), nanos)
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
    offset = timedelta(hours=hours, minutes=minutes, seconds=rest[0] if rest else 0)
    if offset > _FARTHEST_OFFSET or minutes > 59 or (rest and rest[0] > 59):
        raise ValueError(text)
    return timezone(-offset if text[0] == "-" else offset)


def parse_moment(text: str) -> datetime | Beyond | None:
    """Read a date and time; a date alone is its midnight."""
    day, found, clock = text.partition("T")
    on = parse_date(day)
    at = parse_time(clock) if found else time()
    if on is None or at is None:
        return None
    if clock.startswith("24:"):  # The end of a day is the beginning of the next.
        midnight = nanoseconds(on) + DAY
        following = moment_at(midnight, None)
        return None if following is None else combined(following, at)
    return combined(on, at)


def combined(on: date | Beyond, at: time) -> datetime | Beyond | None:
    """Give the moment of a day and a time of day; a time that the day already has is dropped."""
    if isinstance(on, Beyond):
        inner, _ = canonical(on)
        found = in_year(fine_moment(datetime.combine(inner, at), nanos_of(at)), on.year)
        return found if isinstance(found, datetime | Beyond) else None
    return fine_moment(datetime.combine(on, at), nanos_of(at))


def parse_duration(text: str) -> timedelta | Span | Months | None:
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
    years, month_count, days, hours, minutes, seconds = (
        int(part or 0) if len(part or "") < 19 else 10**18 for part in match.groups()[1:7]
    )
    if match[2] or match[3]:
        return months(sign * (12 * years + month_count))
    fraction = int(((match[8] or ".0")[1:] + "000000000")[:9])
    seconds += 60 * (minutes + 60 * (hours + 24 * days))
    return span(sign * (seconds * 10**9 + fraction))


def parse_temporal(text: str) -> Temporal | None:
    """Read whichever temporal value a text says."""
    if _MOMENT.search(text):
        return parse_moment(text)
    for parse in (parse_date, parse_time, parse_duration):
        value = parse(text)
        if value is not None:
            return value
    return None
