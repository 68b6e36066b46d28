"""Whose turn it is to apply records, where several processes share a log and a database.

Identity and the live state of all customers span the partitions, so one process applies records, in one
order; the others are ready. The transport's group says who is alive and can reach the log; a row in the
records' database says whose turn it is. Its epoch is looked at in each batch's transaction: a process that
was stopped and comes back cannot write what another has gone on from.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from cid.kit.clock import SystemClock
from cid.kit.errors import Conflict, ICustomerError, Refused
from cii.ports import Transport, Turn
from icustomer.company import ICustomer
from icustomer.settings import Settings
from icustomer.streaming import Telling

log = structlog.get_logger(__name__)

NAME = "apply"
"""The name of the lease and of the group."""
LEAST = 0.02
"""The shortest pause in seconds, so that what is due one after the other is written together."""
TROUBLES = (ICustomerError, SQLAlchemyError, OSError)
_instances = count(1)


@runtime_checkable
class _TellsTools(Protocol):
    def applied(self, topic: str, group: str, member: str, offsets: Mapping[int, int]) -> None:
        """Tell tools of the transport how far records have been applied."""


def shared(settings: Settings) -> bool:
    """Whether other processes may apply records to the same database."""
    return bool(settings.database_url) or settings.transport != "sqlite"


class Shift(threading.Thread):
    """Keeps this process's turn to apply records, or waits for it.

    Args:
        company: whose records.
        seconds: how long a turn lasts without being renewed; who is dead or stopped loses it then.
        patient: give way to others that want the turn, as a worker does for a server.
    """

    def __init__(self, company: ICustomer, seconds: float, *, patient: bool) -> None:
        super().__init__(name="shift", daemon=True)
        self.member = f"{_machine()}/{os.getpid()}/{next(_instances)}"
        self.holder = ""
        """Who applies now, as far as we know."""
        self._transport: Transport = company.cii.transport
        self._topic = company.cii.topic
        self._store = company.cii.store
        self._pipeline = company.pipeline
        self._seconds = seconds
        self._patient = patient
        self._epoch = 0
        self._until = 0.0
        self._loaded = 0
        self._met = float("-inf")
        self._ending = threading.Event()
        self._changed = threading.Condition()
        company.pipeline.fence = self._fence

    @property
    def ours(self) -> bool:
        """Whether it is our turn, and long enough to begin something."""
        return time.monotonic() < self._until

    @property
    def ready(self) -> bool:
        """Whether it is our turn and the state of now is in memory."""
        return self.ours and self._loaded == self._epoch

    def run(self) -> None:
        """Keep or take the turn until the end; a failure is told, and tried again."""
        while not self._ending.is_set():
            try:
                self.renew()
            except TROUBLES as error:
                log.warning("shift.not_renewed", error=str(error)[:300])
            self._ending.wait(self._seconds / 4)
        self._until = 0.0
        try:
            self._store.end_turn(NAME, self.member)
            self._transport.leave(self._topic, NAME, self.member)
        except TROUBLES as error:
            # It ends by itself after its time.
            log.warning("shift.not_given_back", error=str(error)[:300])

    def renew(self) -> None:
        """Show that we live; take the turn if it is free.

        Only who can reach the log takes or keeps it: another could go on where we cannot.
        """
        began = time.monotonic()
        milliseconds = int(self._seconds * 1000)
        now = int(time.time() * 1000)
        share = self._transport.join(self._topic, NAME, self.member, now, milliseconds)
        if share.partitions:
            self._met = began
        elif began - self._met > 2 * self._seconds:
            # While members come and go a share is empty for a moment; this is longer.
            if self._until:
                self._until = 0.0
                self._store.end_turn(NAME, self.member)
            return
        turn: Turn = self._store.take_turn(
            NAME, self.member, milliseconds, patient=self._patient, gone=_gone
        )
        self.holder = turn.holder
        if turn.ours and turn.epoch != self._epoch:
            log.warning("shift.begins", member=self.member, epoch=turn.epoch)
        with self._changed:
            self._epoch = turn.epoch if turn.ours else self._epoch
            self._until = began + self._seconds if turn.ours else 0.0
            self._changed.notify_all()

    def work(self, apply: Callable[[], Any]) -> bool:
        """Apply what there is if it is our turn; return whether it was."""
        if not self.ours:
            return False
        if self._loaded != self._epoch:
            # Others have gone on from where we were.
            self._pipeline.load()
            self._loaded = self._epoch
        try:
            apply()
        except Conflict:
            self._until = 0.0
            self._loaded = 0
            raise
        if isinstance(self._transport, _TellsTools):
            self._transport.applied(self._topic, NAME, self.member, self._pipeline.offsets)
        return True

    def wait(self, seconds: float) -> None:
        """Wait until the turn may have changed."""
        with self._changed:
            self._changed.wait(seconds)

    def stop(self) -> None:
        """Give the turn back; another begins at once."""
        self._ending.set()
        with self._changed:
            self._changed.notify_all()
        if self.is_alive():
            self.join(timeout=10)

    def _fence(self, connection: Any) -> None:
        if not self.ours:
            raise Conflict("It is not this process's turn to apply records.", hint="Try another.")
        self._store.hold_turn(connection, NAME, self._epoch)


class Delivering(threading.Thread):
    """Carries out what waits in the outbox, beside everything else.

    Another system that does not answer keeps nobody waiting: records are applied and windows end.

    Args:
        company: whose outbox.
        may: says whether it is this process that delivers, where several share a company.
    """

    def __init__(self, company: ICustomer, may: Callable[[], bool] = lambda: True) -> None:
        super().__init__(name="delivery", daemon=True)
        self._run = company.delivery.run
        self._usual = company.settings.tick_seconds
        self._may = may
        self._looked = threading.Event()
        self._ending = False

    def run(self) -> None:
        """Look whenever there may be something, until the end; a failure is told, and tried again."""
        while not self._ending:
            self._looked.wait(self._usual)
            self._looked.clear()
            try:
                while not self._ending and self._may() and self._run():
                    pass
            except TROUBLES as error:
                log.error("delivery.failed", error=str(error)[:300])
                time.sleep(1.0)

    def look(self) -> None:
        """Say that something may wait in the outbox."""
        self._looked.set()

    def stop(self) -> None:
        """End after what is being delivered."""
        self._ending = True
        self._looked.set()
        if self.is_alive():
            self.join(timeout=10)


def work_on(directory: Path, ended: threading.Event, settings: Settings | None = None) -> None:
    """Apply the records of a company whenever it is this process's turn, until the event is set.

    Raises:
        Refused: log and records are files of one process; there is nothing to share.
    """
    settings = settings or Settings()
    if not shared(settings):
        raise Refused(
            "Log and records are files in the company's directory: one process applies them.",
            hint="Set ICUSTOMER_TRANSPORT and ICUSTOMER_DATABASE_URL, or run: icustomer serve",
        )
    with ICustomer.open(directory, settings=settings, standby=True) as company:
        shift = Shift(company, settings.turn_seconds, patient=True)
        telling = Telling(company.cic.streams, lambda: shift.ready)
        delivering = Delivering(company, lambda: shift.ready)
        shift.start()
        telling.start()
        delivering.start()
        try:
            while not ended.is_set():
                beat_once(company, shift, delivering.look)
        finally:
            delivering.stop()
            telling.stop()
            shift.stop()


def beat_once(
    company: ICustomer, shift: Shift | None, after: Callable[[], Any] = lambda: None
) -> None:
    """Apply what has come, let time pass; then wait for more, or for what is due next."""
    transport = company.cii.transport
    try:
        if shift is not None and not shift.ours:
            shift.wait(company.settings.tick_seconds)
            return
        # What arrives from here on ends the pause, also while we are still busy.
        known = transport.ends(company.cii.topic)
        if shift is None:
            company.catch_up()
        elif not shift.work(company.catch_up):
            return
        after()
        transport.wait(company.cii.topic, known, pause(company))
    except TROUBLES as error:
        log.error("heart.failed", error=str(error)[:300])
        time.sleep(1.0)


def pause(company: ICustomer) -> float:
    """Return for how many seconds there is nothing to do if nothing arrives: until the next thing is due.

    A clock that does not run by itself does not come nearer to what is due: the usual tick then.
    """
    usual = company.settings.tick_seconds
    due = company.pipeline.next_due()
    if due is None or not isinstance(company.clock, SystemClock):
        return usual
    return min(usual, max(LEAST, (due - company.clock.now()) / 1000))


def _machine() -> str:
    """Name this machine, and the container on it."""
    try:
        space = os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        space = 0
    return f"{socket.gethostname()}+{space}"


def _gone(holder: str) -> bool:
    """Whether a holder on this very machine has ended."""
    machine, _, rest = holder.partition("/")
    number = rest.partition("/")[0]
    if machine != _machine() or not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
