"""Moments as records write them: ISO 8601, or however a flow says that they look."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cid.kit.clock import MINUTE

TOLERANCE = 5 * MINUTE
"""How far a client's clock may be off before its times are corrected or clamped."""
BROWSER_TOLERANCE = MINUTE // 6
"""How far a browser's clock may be off before its times are corrected."""

CACHE = 65_536
EARLIEST = -2_208_988_800_000
"""1900-01-01: records from before are mistakes."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_read = datetime.fromisoformat


def moment_of(text: Any) -> int | None:
    """Read an ISO 8601 text as milliseconds UTC, a naive one as UTC; None where it is no moment.

    >>> moment_of("2026-01-02T03:04:05+00:00"), moment_of("2026-01-02T03:04:05.123456Z")
    (1767323045000, 1767323045123)
    >>> moment_of("yesterday"), moment_of(1767323045000)
    (None, None)
    """
    try:
        moment = _read(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        since = moment - _EPOCH
    except (ValueError, TypeError, OverflowError):
        return None
    # Dividing by a timedelta would mean the same, with a large number between.
    millis = since.days * 86_400_000 + since.seconds * 1_000 + since.microseconds // 1_000
    return millis if millis >= EARLIEST else None


def zone(name: str) -> tzinfo:
    """Return a time zone by its name; UTC where the name is empty.

    Raises:
        ValueError: no zone of that name is known.
    """
    if name in ("", "UTC"):
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{name!r} is not a time zone; write it as Europe/Paris") from error


def moment_reader(zone_name: str = "", time_format: str = "") -> Callable[[Any], int | None]:
    """Make the reader of a flow's times: texts, whole milliseconds, dates and datetimes.

    ISO 8601 that begins with ``2026-`` is read whatever the format says.

    A time without a zone is local time in the flow's zone. Texts that were read once are
    remembered: rows of one file repeat their minutes and days.

    >>> read = moment_reader("Europe/Paris", "%d/%m/%Y %H:%M")
    >>> read("02/01/2026 04:04") == moment_of("2026-01-02T03:04Z")
    True
    """
    local = zone(zone_name)
    known: dict[str, int | None] = {}

    def from_text(text: str) -> int | None:
        text = text.strip()
        try:
            if time_format and text[4:5] != "-":
                moment = datetime.strptime(text, time_format)
            else:
                moment = datetime.fromisoformat(text)
        except ValueError:
            return None
        return from_datetime(moment)

    def from_datetime(moment: datetime) -> int | None:
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=local)
        try:
            millis = (moment - _EPOCH) // _MILLISECOND
        except OverflowError:
            return None
        return millis if millis >= EARLIEST else None

    def read(value: Any) -> int | None:
        if type(value) is str:
            if value in known:
                return known[value]
            if len(known) >= CACHE:
                known.clear()
            known[value] = moment = from_text(value)
            return moment
        if isinstance(value, datetime):
            return from_datetime(value)
        if isinstance(value, date):
            return from_datetime(datetime(value.year, value.month, value.day))
        if isinstance(value, int) and not isinstance(value, bool):
            # 8 digits are a date written as a number where the format says so, 13 are milliseconds.
            return read(str(value)) if time_format else value if value >= EARLIEST else None
        return None

    return read


def moment_of_event(
    original: int, explicit: int | None, sent: int | None, received: int, *, browser: bool
) -> tuple[int, int]:
    """Decide when a collected event happened: the moment, and by how much it was shifted.

    A client's own clock is trusted unless it is more than five minutes off: some servers repeat a
    batch with the old ``sentAt``, and must not move the event by that. A browser's is trusted up to
    ten seconds: a smaller difference is the way of the request, and each request takes another time,
    so that shifting by it would bring a visitor's own events out of their order.
    """
    if explicit is not None:
        return explicit, 0
    if sent is not None:
        skew = received - sent
        # A clock that is off by more than a lifetime says nothing at all.
        believed = original + skew >= EARLIEST
        tolerance = BROWSER_TOLERANCE if browser else TOLERANCE
        if believed and (skew > tolerance or skew < -tolerance):
            return original + skew, skew
    return original, 0
