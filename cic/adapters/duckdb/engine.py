"""The engine: one DuckDB file that one process owns."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from cic.adapters.duckdb import copying, seen, taking
from cic.adapters.duckdb.asking import explain, first_line, one_select
from cic.adapters.duckdb.laying import Notes, quoted
from cic.adapters.duckdb.watching import PART, SLACK, Watch, bytes_of, fetch
from cic.adapters.duckdb.writing import write
from cic.history import FORMAT, SCHEMA, STORED
from cic.ports import HistorySource, Result, Sight, Ticket
from cid.kit.errors import Conflict, InvalidInput, Unavailable


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
            # Columns of objects hold text: nobody need look what they are.
            "pandas_analyze_sample": "0",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "python_enable_replacements": "false",
        }
        self._sights: dict[str, frozenset[str]] = {}
        self._layout = self._synced = 0
        self._generation, self._position = "", 0
        self._watch = Watch(bytes_of(memory) * 2 + SLACK)
        self._writing = threading.RLock()
        self._opening = threading.Lock()
        self._connection = self._open()

    def sync(self, source: HistorySource) -> int:
        """Bring history up to date; return how many facts were added."""
        with self._writing:
            generation = source.generation()
            if generation != self._generation:
                self._make_again(generation)
            cursor = self._cursor()
            try:
                cursor.execute("BEGIN TRANSACTION")
                before = self._position
                added, position = taking.add_facts(cursor, source, before, source.personal())
                if position != before:
                    cursor.execute("UPDATE kept.state SET position = $1", [position])
                notes = Notes(cursor)
                taking.give_owners(cursor, notes, source.owners())
                mirrors = source.mirrors().items()
                anew = [copying.refresh(cursor, notes, name, mirror) for name, mirror in mirrors]
                notes.write()
                cursor.execute("COMMIT")
                self._position = position
                self._layout += any(anew)
                self._synced += 1
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
        # Nobody else writes the file, and questions that are known already need not ask it.
        return self._position

    def state(self) -> str:
        """Return a text that is the same for as long as history is."""
        return str(self._synced)

    def query(
        self,
        sql: str,
        params: Mapping[str, Any] = {},
        *,
        rows: int | None = 10_000,
        seconds: float | None = 10.0,
        sight: Sight | None = None,
        ticket: Ticket | None = None,
    ) -> Result:
        """Answer one SELECT, safely whoever wrote it."""
        with self._asked(sql, params, seconds, sight, ticket) as (cursor, position):
            columns = [column[0] for column in cursor.description or []]
            found, cut = fetch(cursor, rows)
        return Result(columns, found, cut, position=position)

    def parts(
        self,
        sql: str,
        *,
        seconds: float | None = None,
        sight: Sight | None = None,
        ticket: Ticket | None = None,
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Answer one SELECT part by part: first (name, type) of each column, then rows."""
        with self._asked(sql, {}, seconds, sight, ticket) as (cursor, _):
            yield [(column[0], str(column[1])) for column in cursor.description or []]
            while part := cursor.fetchmany(PART):
                yield part

    def parquet(
        self,
        columns: Sequence[tuple[str, str]],
        parts: Iterable[Sequence[tuple[Any, ...]]],
        path: Path,
    ) -> None:
        """Write rows as a Parquet file, in an engine of its own: this one reaches no files."""
        write(columns, parts, path)

    def check(self, sql: str, sight: Sight) -> None:
        """Refuse what a reader of this sight may not ask, without asking it."""
        cursor = self._cursor()
        try:
            one_select(cursor, sql, self._see(cursor, sight))
        except duckdb.Error as error:
            explain(error, discreet=sight.partial)
        finally:
            cursor.close()

    def seen(self, sight: Sight) -> list[str]:
        """List the views of a sight."""
        cursor = self._cursor()
        try:
            return sorted(self._see(cursor, sight))
        finally:
            cursor.close()

    @contextmanager
    def batches(self, sql: str, sight: Sight) -> Iterator[Any]:
        """Hand out an answer as record batches of Arrow, for other engines."""
        with self._asked(sql, {}, None, sight, None) as (cursor, _):
            yield cursor.to_arrow_reader()

    @contextmanager
    def _asked(
        self,
        sql: str,
        params: Mapping[str, Any],
        seconds: float | None,
        sight: Sight | None,
        ticket: Ticket | None,
    ) -> Iterator[tuple[duckdb.DuckDBPyConnection, int]]:
        """Ask one SELECT; hand out the cursor of its rows, and the position of the last fact it sees."""
        cursor = self._cursor()
        ticket = ticket or Ticket()
        try:
            with self._watch.over(cursor, ticket, seconds):
                views = None if sight is None else self._see(cursor, sight)
                statement = one_select(cursor, sql, views)
                given = {
                    name: params[name] for name in statement.named_parameters if name in params
                }
                cursor.execute("BEGIN TRANSACTION READ ONLY")
                # Facts may come while it is asked: it sees those up to here, and no others.
                ((position,),) = cursor.execute(self._place).fetchall()
                if ticket.stopped:
                    raise duckdb.InterruptException("stopped")
                cursor.execute(statement, given)
                yield cursor, position
        except duckdb.InterruptException:
            if ticket.large:
                raise InvalidInput(
                    "The query needs more memory than it may have.",
                    hint="Ask for a shorter period or aggregate earlier.",
                ) from None
            if ticket.late:
                raise InvalidInput(
                    f"The query took longer than {seconds:g} seconds.",
                    hint="Ask for a shorter period or fewer columns.",
                ) from None
            raise Conflict(
                "The query was stopped.", hint="Ask again if that was a mistake."
            ) from None
        except (duckdb.FatalException, duckdb.InternalException) as error:
            self._reopen()
            raise InvalidInput(f"The query broke the engine: {first_line(error)}") from error
        except duckdb.Error as error:
            explain(error, discreet=sight is not None and sight.partial)
        finally:
            cursor.close()

    def _see(self, cursor: duckdb.DuckDBPyConnection, sight: Sight) -> frozenset[str]:
        """Let names mean the views of a sight; return which there are."""
        schema = f"s{self._layout}_{sight.key}"
        with self._opening:
            if schema not in self._sights:
                self._sights[schema] = seen.make(cursor, schema, sight)
        cursor.execute(f"USE {seen.DATABASE}.{schema}")
        return self._sights[schema]

    def close(self) -> None:
        """Let go of the file."""
        self._watch.close()
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
            ((name,),) = connection.execute("SELECT current_database()").fetchall()
            self._place = f"SELECT position FROM {quoted(name)}.kept.state"
            seen.attach(connection)
            self._layout += 1
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
            ((self._generation, self._position),) = connection.execute(
                "SELECT generation, position FROM kept.state"
            ).fetchall()
        except duckdb.Error:
            connection.close()
            raise
        return connection

    def _make_again(self, generation: str) -> None:
        self._connection.close()
        self._discard()
        self._connection = self._connect()
        self._connection.execute("UPDATE kept.state SET generation = $1", [generation])
        self._generation = generation

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


def _begin(connection: duckdb.DuckDBPyConnection, generation: str) -> None:
    connection.execute("BEGIN TRANSACTION")
    connection.execute(STORED)
    connection.execute("INSERT INTO kept.state VALUES ($1, $2, 0)", [generation, FORMAT])
    for name, types in SCHEMA.items():
        copying.begin(connection, name, types)
    connection.execute("COMMIT")
