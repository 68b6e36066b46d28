"""Time as the company's records know it: whole milliseconds since 1970, in UTC.

Inside, every moment is an ``int`` of milliseconds: exact, cheap to compare, free of zones.
At the edges it is ISO 8601 text. Nothing in the middle of iCustomer reads a clock; time is given to it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

from cid.kit.errors import InvalidInput

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
LONGEST = 366_000 * DAY
"""A thousand years: no length of time that anybody means is longer."""

_UNITS = {
    "ms": 1,
    "s": SECOND,
    "min": MINUTE,
    "m": MINUTE,
    "h": HOUR,
    "d": DAY,
    "w": 7 * DAY,
}
_SPOKEN = re.compile(r"\s*(\d+)\s*(ms|s|min|m|h|d|w)\s*\Z")
_ISO = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?\Z")


class Clock(Protocol):
    """Where the present moment comes from."""

    def now(self) -> int:
        """Return the present moment in milliseconds."""


class SystemClock:
    """The clock of the machine."""

    def now(self) -> int:
        """Return the present moment in milliseconds."""
        return time.time_ns() // 1_000_000


class ManualClock:
    """A clock that stands still until it is told to move: for tests and for reliving history."""

    def __init__(self, moment: int) -> None:
        self.moment = moment

    def now(self) -> int:
        """Return the moment the clock was set to."""
        return self.moment


class RecordsClock:
    """A clock that stands where the newest record stands."""

    def __init__(self) -> None:
        self.read: Callable[[], int] = lambda: 0

    def now(self) -> int:
        """Return the moment up to which the records go."""
        return self.read()


def parse_time(text: str) -> int:
    """Read a moment in ISO 8601; without a zone it is taken as UTC.

    >>> parse_time("2026-01-02T03:04:05.5+01:00") - parse_time("2026-01-02T02:04:05Z")
    500
    >>> parse_time("2026-13-01")
    Traceback (most recent call last):
    cid.kit.errors.InvalidInput: '2026-13-01' is not a moment. Write it as 2026-01-31T12:00:00Z.
    """
    try:
        moment = to_millis(datetime.fromisoformat(text.strip()))
        if not EARLIEST <= moment <= LATEST:
            # A day at the end of the calendar may lie beyond it in UTC.
            raise ValueError
    except (ValueError, AttributeError, TypeError):
        raise InvalidInput(
            f"{text!r} is not a moment.", hint="Write it as 2026-01-31T12:00:00Z."
        ) from None
    return moment


def to_millis(moment: datetime) -> int:
    """Turn a datetime into milliseconds; a naive one is taken as UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000 + delta.microseconds // 1_000


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST, LATEST = to_millis(datetime.min), to_millis(datetime.max)
"""The first and the last moment that can be written, in milliseconds."""


def to_datetime(moment: int) -> datetime:
    """Turn milliseconds into a datetime in UTC."""
    return datetime.fromtimestamp(moment // 1_000, UTC).replace(microsecond=moment % 1_000 * 1_000)


def format_time(moment: int) -> str:
    """Write a moment as ISO 8601 in UTC, to the millisecond.

    >>> format_time(0)
    '1970-01-01T00:00:00.000Z'
    """
    number, rest = divmod(moment, DAY)
    minutes, rest = divmod(rest, MINUTE)
    return f"{_day(number)}T{_CLOCK[minutes]}:{rest // SECOND:02d}.{rest % SECOND:03d}Z"


_CLOCK = [f"{hour:02d}:{minute:02d}" for hour in range(24) for minute in range(60)]


@lru_cache(maxsize=4_096)
def _day(number: int) -> str:
    return datetime.fromtimestamp(number * 86_400, UTC).date().isoformat()


def parse_duration(text: str | int) -> int:
    """Read a length of time, as ``365 d`` or as ISO 8601 ``P365D``, in milliseconds.

    Months and years are refused: they have no fixed length.

    >>> parse_duration("2 h") == parse_duration("PT2H") == 7_200_000
    True
    >>> parse_duration("P1M")
    Traceback (most recent call last):
    cid.kit.errors.InvalidInput: 'P1M' is not a length of time. ...
    """
    if isinstance(text, int) and not isinstance(text, bool) and 0 <= text <= LONGEST:
        return text
    spoken = _SPOKEN.match(str(text))
    length = None
    if spoken:
        length = int(spoken[1]) * _UNITS[spoken[2]]
    iso = _ISO.match(str(text))
    if iso and any(iso.groups()):
        weeks, days, hours, minutes, seconds = (int(part or 0) for part in iso.groups())
        length = (weeks * 7 + days) * DAY + hours * HOUR + minutes * MINUTE + seconds * SECOND
    if length is not None and length <= LONGEST:
        return length
    raise InvalidInput(
        f"{text!r} is not a length of time.",
        hint="Write it as 30 d, 2 h, 15 min, P30D or PT2H; months and years have no fixed length.",
    )
