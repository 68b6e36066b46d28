"""Write-behind for SQLite: rows are handed over and written by a thread while the batch goes on.

The driver gives up the interpreter for each statement it runs. Row by row that means waiting for it again row
by row whenever other threads work; many rows in one statement wait once, and the processor's other core writes
them meanwhile. All of it stays in the transaction of who handed it over: whoever reads a table waits until its
rows are there; whoever changes rows by himself, and the commit, wait for all. The first failure is raised there.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy.exc import DBAPIError

VALUES = 4_096
"""How many values one statement carries at most; SQLite takes 32,766."""
WAITING = 20_000
"""How many rows may wait to be written before whoever hands over more has to wait as well."""


class WriteBehind:
    """Writes rows of one transaction in the order in which they were handed over."""

    def __init__(self, connection: sqlite3.Connection, thread: ThreadPoolExecutor) -> None:
        self._connection = connection
        self._thread = thread
        self._tables: Counter[str] = Counter()
        self._waiting: list[tuple[str, int, Future[None]]] = []
        self._rows = 0
        self._dropped = False

    def put(self, table: str, text: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Hand over rows for a statement that is written for one row.

        An INSERT names all values of a row once, a DELETE (see `deleting`) each row's first value before.
        """
        self._settle()
        while self._rows > WAITING:
            self._next()
        self._tables[table] += 1
        self._rows += len(rows)
        future = self._thread.submit(self._write, text, rows)
        self._waiting.append((table, len(rows), future))

    @property
    def busy(self) -> bool:
        """Whether rows are on their way."""
        return bool(self._waiting)

    def wait(self, text: str = "") -> None:
        """Wait until the rows of all tables that a statement names are there; of all tables without one.

        Raises:
            DBAPIError: a row could not be written; the transaction is to be given up.
        """
        while self._waiting and (not text or any(name in text for name in self._tables)):
            self._next()

    def drop(self) -> None:
        """Write nothing more: the transaction is given up."""
        self._dropped = True
        for *_, future in self._waiting:
            future.cancel()
        for *_, future in self._waiting:
            if not future.cancelled():
                future.exception()
        self._waiting.clear()

    def _settle(self) -> None:
        while self._waiting and self._waiting[0][2].done():
            self._next()

    def _next(self) -> None:
        table, rows, future = self._waiting.pop(0)
        self._rows -= rows
        self._tables[table] -= 1
        if not self._tables[table]:
            del self._tables[table]
        future.result()

    def _write(self, text: str, rows: Sequence[tuple[Any, ...]]) -> None:
        width = len(rows[0])
        size = 1 << max(VALUES // width, 1).bit_length() - 1
        done, left = 0, len(rows)
        cursor = self._connection.cursor()
        try:
            while left and not self._dropped:
                while size > left:
                    size //= 2
                some = rows[done : done + size]
                values = list(chain.from_iterable(some))
                if text.startswith("DELETE"):
                    values = [row[0] for row in some] + values
                cursor.execute(_of_many(text, width, size), values)
                done, left = done + size, left - size
        except sqlite3.Error as error:
            raise DBAPIError.instance(text, None, error, sqlite3.Error) from error
        finally:
            cursor.close()


def deleting(table: str, columns: Sequence[str]) -> str:
    """Write a DELETE of one row by its key; the first column is named twice, so that its index is used.

    >>> deleting("t", ["a", "b"])
    'DELETE FROM t WHERE a IN (VALUES (?)) AND (a, b) IN (VALUES (?, ?))'
    """
    marks = ", ".join("?" * len(columns))
    both = f"({', '.join(columns)}) IN (VALUES ({marks}))"
    return f"DELETE FROM {table} WHERE {columns[0]} IN (VALUES (?)) AND {both}"


def assigning(table: str, column: str, by: str) -> str:
    """Write an UPDATE of the rows that have one value, by (that value, the new one).

    >>> assigning("t", "customer", "identity")
    'UPDATE t SET customer = v.column2 FROM (VALUES (?, ?)) AS v WHERE t.identity = v.column1'
    """
    new = f"UPDATE {table} SET {column} = v.column2 FROM (VALUES (?, ?)) AS v"
    return f"{new} WHERE {table}.{by} = v.column1"


@lru_cache(maxsize=1_000)
def _of_many(text: str, width: int, rows: int) -> str:
    """Write a statement for one row as one for many.

    >>> _of_many("INSERT INTO t (a, b) VALUES (?, ?) ON CONFLICT DO NOTHING", 2, 3)
    'INSERT INTO t (a, b) VALUES (?, ?), (?, ?), (?, ?) ON CONFLICT DO NOTHING'
    """
    one = "(" + ", ".join("?" * width) + ")"
    if text.startswith("DELETE"):
        text = text.replace("(?)", ", ".join(["(?)"] * rows), 1)
    head, _, tail = text.rpartition(one)
    return head + ", ".join([one] * rows) + tail
