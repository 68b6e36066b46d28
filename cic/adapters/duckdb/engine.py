"""The engine: one DuckDB file that one process owns."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from cic.adapters.duckdb import taking
from cic.adapters.duckdb.asking import explain, first_line, one_select
from cic.history import FORMAT, SCHEMA, STORED
from cic.ports import HistorySource, Result
from cid.kit.errors import InvalidInput, Unavailable
from cid.kit.privacy import COLUMNS


class DuckDbHistory:
    """Keeps history in a DuckDB file that one process owns.

    Whoever writes the SQL, it runs in a read-only transaction, without files, network or Python
    objects, with limits on memory, time and rows.
    """

    def __init__(self, path: Path, memory: str = "1GB", threads: int = 2) -> None:
        self.path = Path(path)
        self._settings: dict[str, Any] = {
            "memory_limit": memory,
            "threads": str(threads),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "python_enable_replacements": "false",
        }
        self._writing = threading.RLock()
        self._opening = threading.Lock()
        self._connection = self._open()

    def sync(self, source: HistorySource) -> int:
        """Bring history up to date; return how many facts were added."""
        with self._writing:
            generation = source.generation()
            if generation != self._state()[0]:
                self._make_again(generation)
            cursor = self._cursor()
            try:
                cursor.execute("BEGIN TRANSACTION")
                before = self._state()[1]
                added, position = taking.add_facts(cursor, source, before, COLUMNS)
                if position != before:
                    cursor.execute("UPDATE kept.state SET position = $1", [position])
                taking.give_owners(cursor, source)
                for name, mirror in source.mirrors().items():
                    taking.refresh(cursor, name, mirror)
                cursor.execute("COMMIT")
            except (duckdb.IOException, duckdb.TransactionException) as error:
                raise Unavailable(
                    f"History cannot be kept: {first_line(error)}",
                    hint="The records are complete; history follows once the disk has room.",
                ) from error
            finally:
                cursor.close()
            return added

    def position(self) -> int:
        """Return the position of the last fact taken in; 0 when there is none."""
        return self._state()[1]

    def query(
        self,
        sql: str,
        params: Mapping[str, Any] = {},
        *,
        rows: int | None = 10_000,
        seconds: float | None = 10.0,
    ) -> Result:
        """Answer one SELECT, safely whoever wrote it."""
        cursor = self._cursor()
        timer = threading.Timer(seconds, cursor.interrupt) if seconds is not None else None
        try:
            statement = one_select(cursor, sql)
            given = {name: params[name] for name in statement.named_parameters if name in params}
            cursor.execute("BEGIN TRANSACTION READ ONLY")
            if timer:
                timer.start()
            cursor.execute(statement, given)
            columns = [column[0] for column in cursor.description or []]
            found = cursor.fetchall() if rows is None else cursor.fetchmany(rows + 1)
        except duckdb.InterruptException:
            raise InvalidInput(
                f"The query took longer than {seconds:g} seconds.",
                hint="Ask for a shorter period or fewer columns.",
            ) from None
        except (duckdb.FatalException, duckdb.InternalException) as error:
            self._reopen()
            raise InvalidInput(f"The query broke the engine: {first_line(error)}") from error
        except duckdb.Error as error:
            explain(error)
        finally:
            if timer:
                timer.cancel()
            cursor.close()
        cut = rows is not None and len(found) > rows
        return Result(columns, found[:rows] if cut else found, cut)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _open(self) -> duckdb.DuckDBPyConnection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            connection = self._connect()
        except duckdb.Error as error:
            if "lock" in str(error).lower():
                raise Unavailable(
                    f"Another process has {self.path.name} open.",
                    hint="Stop it, or ask the server that owns this directory.",
                ) from error
            self._discard()
            connection = self._connect()
        return connection

    def _connect(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(str(self.path), config=self._settings)
        try:
            connection.execute("SET GLOBAL TimeZone = 'UTC'")
            connection.execute("SET GLOBAL temp_directory = ''")
            connection.execute("SET GLOBAL enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            found = connection.execute(
                "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'kept'"
            ).fetchall()
            if ("state",) in found:
                row = connection.execute("SELECT format FROM kept.state").fetchone()
                if row != (FORMAT,):
                    raise duckdb.InvalidInputException("another format")
            else:
                _begin(connection, "")
        except duckdb.Error:
            connection.close()
            raise
        return connection

    def _make_again(self, generation: str) -> None:
        self._connection.close()
        self._discard()
        self._connection = self._connect()
        self._connection.execute("UPDATE kept.state SET generation = $1", [generation])

    def _discard(self) -> None:
        for path in (self.path, self.path.with_name(self.path.name + ".wal")):
            path.unlink(missing_ok=True)

    def _reopen(self) -> None:
        with self._writing:
            self._connection.close()
            self._connection = self._open()

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        with self._opening:
            return self._connection.cursor()

    def _state(self) -> tuple[str, int]:
        cursor = self._cursor()
        try:
            row = cursor.execute("SELECT generation, position FROM kept.state").fetchone()
        finally:
            cursor.close()
        assert row is not None
        return row[0], row[1]


def _begin(connection: duckdb.DuckDBPyConnection, generation: str) -> None:
    connection.execute("BEGIN TRANSACTION")
    connection.execute(STORED)
    connection.execute("INSERT INTO kept.state VALUES ($1, $2, 0)", [generation, FORMAT])
    for name, types in SCHEMA.items():
        taking.begin(connection, name, types)
    connection.execute("COMMIT")
