"""Days and hours of the stores: local times of Lyon and Shanghai."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

from cid.kit.clock import DAY, HOUR, MINUTE, SECOND


@cache
def _day(number: int) -> str:
    return datetime.fromtimestamp(number * DAY // SECOND, UTC).date().isoformat()


@cache
def _month(number: int) -> int:
    return datetime.fromtimestamp(number * DAY // SECOND, UTC).month


@cache
def _offset(zone: str, number: int) -> int:
    noon = datetime.fromtimestamp((number * DAY + 12 * HOUR) // SECOND, UTC)
    delta = noon.astimezone(ZoneInfo(zone)).utcoffset()
    return 0 if delta is None else int(delta.total_seconds()) * SECOND


def local(moment: int, zone: str) -> str:
    """Write a moment as a till does: local time, to the second, without saying the zone.

    >>> local(1_790_000_000_123, "Asia/Shanghai")
    '2026-09-21 22:13:20'
    """
    number, rest = divmod(moment + _offset(zone, moment // DAY), DAY)
    return f"{_day(number)} {rest // HOUR:02d}:{rest // MINUTE % 60:02d}:{rest // SECOND % 60:02d}"


def month(moment: int) -> int:
    """Return the month of a moment, 1–12."""
    return _month(moment // DAY)


def date(moment: int) -> str:
    """Return the date of a moment, e.g. ``2026-09-21``."""
    return _day(moment // DAY)


def at_local(moment: int, zone: str, hour: float) -> int:
    """Return the moment when it is that hour in a zone, on the local day of another moment."""
    offset = _offset(zone, moment // DAY)
    return (moment + offset) // DAY * DAY + int(hour * HOUR) - offset


def weekday(moment: int, zone: str) -> int:
    """Return the local weekday: 0 is Monday."""
    return ((moment + _offset(zone, moment // DAY)) // DAY + 3) % 7


def last_weekday(before: int, day: int, zone: str, hour: float) -> int:
    """Return the last moment not after another that is a weekday at that local hour.

    >>> local(last_weekday(1_790_000_000_123, 4, "Asia/Shanghai", 16.5), "Asia/Shanghai")
    '2026-09-18 16:30:00'
    """
    for back in range(8):
        moment = at_local(before - back * DAY, zone, hour)
        if moment <= before and weekday(moment, zone) == day:
            return moment
    raise AssertionError("a week has every weekday")
