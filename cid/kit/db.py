"""The database under the records of all layers: one metadata, one writer, many readers."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import JSON, Connection, Engine, MetaData, Table, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Every layer declares its tables here, each with its own prefix: ``cid_``, ``cii_``, …"""


class Database:
    """Opens the records of all layers: any number of readers, one writer at a time.

    On SQLite: write-ahead log, ``synchronous=FULL`` (a commit survives a power cut), and a transaction
    that takes the write lock at its start, so that nobody fails half-way.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine: Engine = create_engine(url, connect_args=_arguments(url))
        self._writing = threading.RLock()
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Read one consistent state of all records."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Change records: everything inside happens together or not at all."""
        with self._writing:
            with self.engine.connect().execution_options(writes=True) as connection:
                with connection.begin():
                    yield connection

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def insert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; all have the same columns."""
    if rows:
        _execute(connection, table, table.insert().values(dict.fromkeys(rows[0])), rows)


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    newer: str = "",
    add: Sequence[str] = (),
) -> None:
    """Insert rows, or replace those with the same key; all have the same columns.

    With ``newer`` a row is replaced only if that column has grown; columns in ``add`` are added up.
    """
    if not rows:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).values(dict.fromkeys(rows[0]))
    keys = [column.name for column in table.primary_key]
    values = {
        name: table.c[name] + statement.excluded[name] if name in add else statement.excluded[name]
        for name in rows[0]
        if name not in keys
    }
    if values:
        condition = table.c[newer] < statement.excluded[newer] if newer else None
        full = statement.on_conflict_do_update(index_elements=keys, set_=values, where=condition)
    else:
        full = statement.on_conflict_do_nothing(index_elements=keys)
    _execute(connection, table, full, rows)


def _execute(
    connection: Connection, table: Table, statement: Any, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Hand rows straight to the driver: on the hot path SQLAlchemy's own binding costs most."""
    text, names, json_names = _compiled(connection, table, statement, tuple(rows[0]))
    for name in json_names:
        rows = [{**row, name: orjson.dumps(row[name], default=str).decode()} for row in rows]
    if names is None:
        connection.exec_driver_sql(text, [dict(row) for row in rows])
    elif len(names) == 1:
        connection.exec_driver_sql(text, [(row[names[0]],) for row in rows])
    else:
        connection.exec_driver_sql(text, list(map(itemgetter(*names), rows)))


def _compiled(
    connection: Connection, table: Table, statement: Any, columns: tuple[str, ...]
) -> tuple[str, list[str] | None, list[str]]:
    compiled = statement.compile(dialect=connection.dialect, column_keys=list(columns))
    json_names = [name for name in columns if isinstance(table.c[name].type, JSON)]
    return str(compiled), compiled.positiontup, json_names


def _arguments(url: str) -> dict[str, Any]:
    return {"timeout": 60, "check_same_thread": False} if url.startswith("sqlite") else {}


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "cache_size=-65536",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
