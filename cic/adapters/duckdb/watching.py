"""Who is asking for how long: questions are stopped when their time is over, or nobody waits any more."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb

from cic.ports import Ticket
from cid.kit.errors import InvalidInput

LOOK = 0.05
"""Seconds between two looks at what is running."""
PART = 500
"""Rows fetched at once, between two looks at how large the answer is."""
PAGE = 4_096
SLACK = 512 << 20
"""Bytes by which the process may grow beside what the engine counts: others work in it, too."""
LARGEST = 64 << 20
"""Most bytes of an answer that is held in memory."""


class Watch:
    """Looks at all running questions and interrupts those that are to end.

    It looks again and again: an interrupt that comes a moment before its question does is lost.
    """

    def __init__(self, memory: int = 0) -> None:
        """Begin to watch.

        Args:
            memory: bytes by which the process may grow while questions run; 0 for no limit.
        """
        self._memory = memory
        self._before = 0
        self._running: dict[int, tuple[duckdb.DuckDBPyConnection, Ticket, float]] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    @contextmanager
    def over(
        self, cursor: duckdb.DuckDBPyConnection, ticket: Ticket, seconds: float | None
    ) -> Iterator[None]:
        """Watch over a question while it is asked and fetched."""
        until = float("inf") if seconds is None else time.monotonic() + seconds
        with self._changed:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._look, name="watch", daemon=True)
                self._thread.start()
            if not self._running:
                self._before = _resident()
            self._running[id(ticket)] = (cursor, ticket, until)
            self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                del self._running[id(ticket)]

    def close(self) -> None:
        """Look no more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _look(self) -> None:
        with self._changed:
            while not self._closed:
                self._look_once()
                self._changed.wait(LOOK if self._running else None)

    def _look_once(self) -> None:
        now = time.monotonic()
        grown = self._memory and self._running and _resident() - self._before > self._memory
        for cursor, ticket, until in self._running.values():
            if now >= until:
                ticket.late = ticket.stopped = True
            if grown:
                ticket.large = ticket.stopped = True
            if ticket.stopped:
                cursor.interrupt()
            elif (done := cursor.query_progress()) >= 0:
                ticket.progress = done


def bytes_of(text: str) -> int:
    """Read a size as the engine does.

    >>> bytes_of("64MB"), bytes_of("1.5 GB")
    (64000000, 1500000000)
    """
    number, unit = re.fullmatch(r"\s*([\d.]+)\s*([kKmMgGtT]?)i?[bB]?\s*", text).groups()  # type: ignore[union-attr]
    return int(float(number) * 1000 ** " KMGT".index(unit.upper() or " "))


def _resident() -> int:
    """Return how much memory the process takes, in bytes; 0 where that cannot be known."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * PAGE
    except (OSError, ValueError, IndexError):
        return 0


def fetch(
    cursor: duckdb.DuckDBPyConnection, rows: int | None
) -> tuple[list[tuple[Any, ...]], bool]:
    """Fetch an answer, so many rows at most; return whether there were more.

    Raises:
        InvalidInput: it is larger than what is held in memory.
    """
    if rows is None:
        return cursor.fetchall(), False
    wide = [
        place
        for place, column in enumerate(cursor.description or [])
        if str(column[1]) not in _NARROW
    ]
    found: list[tuple[Any, ...]] = []
    size = 0
    while len(found) <= rows and (part := cursor.fetchmany(min(PART, rows + 1 - len(found)))):
        found += part
        size += sum(_size(row[place]) for row in part for place in wide)
        if size > LARGEST:
            raise InvalidInput(
                f"The answer is larger than {LARGEST >> 20} MB.",
                hint="Ask for fewer or shorter columns.",
            )
    return (found[:rows], True) if len(found) > rows else (found, False)


def _size(value: Any) -> int:
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, list | tuple | dict):
        # A list of texts is as large as its texts, one of numbers as there are numbers.
        some = list(value.values() if isinstance(value, dict) else value)[:: len(value) // 10 + 1]
        return 16 * len(value) + sum(map(_size, some)) * len(value) // (len(some) or 1)
    return 16


_NARROW = {
    *("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE"),
    *("DATE", "TIME", "TIMESTAMP", "TIMESTAMP_MS", "TIMESTAMP WITH TIME ZONE", "INTERVAL", "UUID"),
}
