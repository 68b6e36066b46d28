"""Once a night everything is computed again from history, and whoever does not agree is named."""

from __future__ import annotations

import threading
from datetime import timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.exc import SQLAlchemyError

from cid.kit.clock import MINUTE, parse_time, to_datetime, to_millis
from cid.kit.errors import ICustomerError
from icustomer.company import ICustomer

log = structlog.get_logger(__name__)

REST = 10 * MINUTE
"""How long a server that has just started is left alone."""


class Nightly:
    """Verifies traits and segments once a day, beside everything else."""

    def __init__(self, company: ICustomer) -> None:
        self._company = company
        self._hour = company.settings.verify_hour
        self._zone = ZoneInfo(company.company.time_zone)
        self._next: int | None = None
        self._running: threading.Thread | None = None

    def look(self) -> None:
        """Begin a verification if it is time for one."""
        if self._hour < 0:
            return
        now = self._company.clock.now()
        if self._next is None:
            last = self._company.cic.last_verification()
            after = parse_time(last["at"]) if last else 0
            self._next = max(now + REST, next_at(after, self._hour, self._zone))
        if now < self._next or (self._running is not None and self._running.is_alive()):
            return
        self._next = next_at(now, self._hour, self._zone)
        self._running = threading.Thread(target=self._verify, name="nightly", daemon=True)
        self._running.start()

    def wait(self, seconds: float) -> None:
        """Wait until a verification that has begun is done."""
        if self._running is not None:
            self._running.join(seconds)

    def _verify(self) -> None:
        try:
            found = self._company.cic.verify()
        except (ICustomerError, SQLAlchemyError, OSError) as error:
            log.error("verify.failed", error=str(error)[:300])
            return
        if found["mismatches"]:
            log.error(
                "verify.mismatches", count=found["mismatches"], examples=found["examples"][:3]
            )
        else:
            log.info("verify.done", customers=found["customers"], seconds=found["seconds"])


def next_at(after: int, hour: int, zone: ZoneInfo) -> int:
    """Return the next moment at which it is that hour in a place.

    >>> from cid.kit.clock import format_time
    >>> format_time(next_at(parse_time("2026-03-28T12:00:00Z"), 3, ZoneInfo("Europe/Berlin")))
    '2026-03-29T01:00:00.000Z'
    """
    local = to_datetime(after).astimezone(zone).replace(tzinfo=None)
    wanted = local.replace(hour=hour, minute=0, second=0, microsecond=0)
    if wanted <= local:
        wanted += timedelta(days=1)
    return to_millis(wanted.replace(tzinfo=zone))
