"""Who is asking for how long: questions are stopped when their time is over, or nobody waits any more."""

from __future__ import annotations

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
LARGEST = 64 << 20
"""Most bytes of an answer that is held in memory."""


class Watch:
    """Looks at all running questions and interrupts those that are to end.

    It looks again and again: an interrupt that comes a moment before its question does is lost.
    """

    def __init__(self) -> None:
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
        for cursor, ticket, until in self._running.values():
            if now >= until:
                ticket.late = ticket.stopped = True
            if ticket.stopped:
                cursor.interrupt()
            elif (done := cursor.query_progress()) >= 0:
                ticket.progress = done


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
