"""History in one DuckDB file: fast over many customers, needs no server, can be made again."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import duckdb
import numpy as np

from cic.history import FORMAT, SCHEMA, STORED, column_types
from cic.ports import FactRow, HistorySource, Mirror, Result
from cid.kit.errors import InvalidInput, Refused, Unavailable

CHUNK = 20_000
_HINT = "Ask one SELECT over facts, customers, attributes, memberships and the other views."

_WHOLE = {"position", "time", "received"}
_DENIED = {
    # These make huge values before any limit on memory or time can act …
    *("repeat", "lpad", "rpad", "bitstring", "list_resize", "array_resize"),
    # … and these act on the engine, or hide another query in a text.
    *(
        "checkpoint",
        "force_checkpoint",
        "query",
        "query_table",
        "write_log",
        "truncate_duckdb_logs",
    ),
}

_ADD_FACTS = """
INSERT INTO kept.fact
SELECT position, identity, message_id, source, "type", event,
       make_timestamp("time" * 1000), make_timestamp(received * 1000), actor, loop, properties::JSON
FROM incoming
"""
_ADD_OBSERVATIONS = """
INSERT INTO kept.observation
SELECT position, identity, source, message_id, said.key, make_timestamp("time" * 1000),
       make_timestamp(received * 1000), said.value
FROM (
    SELECT *, unnest(map_entries(json_transform(attributes, '"MAP(VARCHAR, VARCHAR)"'))) AS said
    FROM incoming WHERE attributes <> '{}'
)
"""


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
                added = self._add_facts(cursor, source)
                tables = {**source.mirrors(), "kept.owner": _owners(source)}
                for name, mirror in tables.items():
                    _refresh(cursor, name, mirror)
                cursor.execute("COMMIT")
            except (duckdb.IOException, duckdb.TransactionException) as error:
                raise Unavailable(
                    f"History cannot be kept: {_first_line(error)}",
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
            statement = _one_select(cursor, sql)
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
            raise InvalidInput(f"The query broke the engine: {_first_line(error)}") from error
        except duckdb.Error as error:
            _explain(error)
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

    def _add_facts(self, cursor: duckdb.DuckDBPyConnection, source: HistorySource) -> int:
        first = position = self._state()[1]
        added = 0
        while rows := source.facts_since(position, CHUNK):
            cursor.register("incoming", _fact_columns(rows))
            cursor.execute(_ADD_FACTS)
            cursor.execute(_ADD_OBSERVATIONS)
            cursor.unregister("incoming")
            position = rows[-1].position
            added += len(rows)
        if position != first:
            cursor.execute("UPDATE kept.state SET position = $1", [position])
        return added


def _fact_columns(rows: Sequence[FactRow]) -> dict[str, Any]:
    columns = zip(FactRow._fields, zip(*rows, strict=True), strict=True)
    return {
        name: np.array(values, dtype=np.int64 if name in _WHOLE else object)
        for name, values in columns
    }


def _begin(connection: duckdb.DuckDBPyConnection, generation: str) -> None:
    connection.execute("BEGIN TRANSACTION")
    connection.execute(STORED)
    connection.execute("INSERT INTO kept.state VALUES ($1, $2, 0)", [generation, FORMAT])
    for name, types in SCHEMA.items():
        connection.execute(f"CREATE TABLE {_declared(name, types)}")
    connection.execute("COMMIT")


def _owners(source: HistorySource) -> Mirror:
    return Mirror(("identity", "customer"), source.owners, version=source.owners_version() or "0")


def _refresh(cursor: duckdb.DuckDBPyConnection, name: str, mirror: Mirror) -> None:
    before = cursor.execute("SELECT version FROM kept.mirror WHERE name = $1", [name]).fetchone()
    if before is not None and mirror.version and before[0] == mirror.version:
        return
    rows = [tuple(row) for row in mirror.rows()]
    types = column_types(name, mirror, rows)
    present = cursor.execute(
        "SELECT column_name, data_type FROM duckdb_columns() "
        "WHERE schema_name || '.' || table_name = $1 ORDER BY column_index",
        [name if "." in name else f"main.{name}"],
    ).fetchall()
    if present == list(types.items()):
        cursor.execute(f"DELETE FROM {_name(name)}")
    else:
        cursor.execute(f"CREATE OR REPLACE TABLE {_declared(name, types)}")
    wanted = ", ".join(_cast(column, types[column]) for column in mirror.columns)
    into = ", ".join(_quoted(column) for column in mirror.columns)
    for start in range(0, len(rows), CHUNK):
        cursor.register("incoming", _columns(mirror.columns, rows[start : start + CHUNK]))
        cursor.execute(f"INSERT INTO {_name(name)} ({into}) SELECT {wanted} FROM incoming")
        cursor.unregister("incoming")
    cursor.execute("DELETE FROM kept.mirror WHERE name = $1", [name])
    cursor.execute("INSERT INTO kept.mirror VALUES ($1, $2)", [name, mirror.version])


def _columns(names: Iterable[str], rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Turn rows into columns of whole numbers or of text: the engine need not guess types."""
    return {
        name: _column(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)
    }


def _column(values: tuple[Any, ...]) -> Any:
    if all(type(value) is int for value in values):
        try:
            return np.array(values, dtype=np.int64)
        except OverflowError:
            pass
    if not all(type(value) is str for value in values):
        values = tuple(None if value is None else _text(value) for value in values)
    return np.array(values, dtype=object)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _cast(column: str, type_: str) -> str:
    name = _quoted(column)
    if type_ == "TIMESTAMP":
        return f"make_timestamp(CAST({name} AS BIGINT) * 1000)"
    return f"CAST({name} AS {type_})"


def _declared(name: str, types: Mapping[str, str]) -> str:
    columns = ", ".join(f"{_quoted(column)} {type_}" for column, type_ in types.items())
    return f"{_name(name)} ({columns})"


def _name(name: str) -> str:
    return ".".join(_quoted(part) for part in name.split("."))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _one_select(cursor: duckdb.DuckDBPyConnection, sql: str) -> duckdb.Statement:
    statements = cursor.extract_statements(sql)
    if len(statements) != 1:
        raise InvalidInput(f"This holds {len(statements)} SQL statements.", hint=_HINT)
    tree: dict[str, Any] = {}
    if statements[0].type == duckdb.StatementType.SELECT:
        found = cursor.execute("SELECT json_serialize_sql($1)", [sql]).fetchone()
        tree = json.loads(found[0]) if found else {}
    if tree.get("error", True):
        raise Refused("Only a SELECT can be asked here; nothing can be changed.", hint=_HINT)
    denied = sorted(_DENIED.intersection(_functions(tree)))
    if denied:
        raise Refused(f"The function {denied[0]!r} cannot be used here.", hint=_HINT)
    return statements[0]


def _functions(tree: Any) -> Iterator[str]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if isinstance(name := node.get("function_name"), str):
                yield name.lower()
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _explain(error: duckdb.Error) -> NoReturn:
    message = _first_line(error)
    if isinstance(error, duckdb.PermissionException) or "read-only mode" in message:
        raise Refused(
            "History can only be read, and nothing outside it can be reached.", hint=_HINT
        ) from None
    if isinstance(error, duckdb.OutOfMemoryException):
        raise InvalidInput(
            "The query needs more memory than it may have.",
            hint="Ask for a shorter period or aggregate earlier.",
        ) from None
    raise InvalidInput(f"The SQL cannot be answered: {message}", hint=_HINT) from None


def _first_line(error: duckdb.Error) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    message = lines[0].partition("Error: ")[2] or lines[0] if lines else type(error).__name__
    meant = next((line for line in lines[1:] if line.startswith(("Did you mean", "Candidate"))), "")
    return f"{message} {meant}".strip()
