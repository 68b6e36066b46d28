"""What is particular about Postgres under the records: how it is opened, written fast, and what it cannot hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, cast

import orjson
from sqlalchemy import JSON, Connection, Engine, Table, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from cid.kit.documents import as_document, storable
from cid.kit.errors import Conflict, ICustomerError, InvalidInput, Unavailable

DRIVER = "postgresql+psycopg"
COMPANY = 0x49435553
"""First half of the key of our advisory locks; the second half is the schema."""
_TROUBLE = ("08", "25", "40", "53", "55", "57", "58")
"""Codes that say what may pass: no connection, a stopped transaction, a deadlock, no memory or disk, a lock."""
PATIENCE = "60s"
"""How long a writer waits for another one."""
ABANDONED = "300s"
"""How long a transaction may stand still; then its process is taken for stopped, and others go on."""

# A server whose default is off would acknowledge what a power cut can take away.
_SESSION = f"""
SELECT set_config('lock_timeout', '{PATIENCE}', false),
       set_config('idle_in_transaction_session_timeout', '{ABANDONED}', false),
       set_config('synchronous_commit', 'on', false)
"""
_WRITE = f"SELECT pg_advisory_xact_lock({COMPANY}, hashtext(current_schema()))"


def is_postgres(url: str) -> bool:
    """Say whether a database's address is one of Postgres.

    >>> is_postgres("postgres://db/acme"), is_postgres("sqlite:///acme.sqlite")
    (True, False)
    """
    return url.partition(":")[0].partition("+")[0] in ("postgres", "postgresql")


def open_engine(url: str) -> Engine:
    """Open Postgres: connections that notice a restart, and a commit that survives a power cut.

    Raises:
        Unavailable: psycopg is not installed.
        InvalidInput: the address is none.
    """
    try:
        chosen = make_url(url).set(drivername=DRIVER)
        engine = create_engine(
            chosen, pool_pre_ping=True, pool_size=5, max_overflow=20, connect_args=_CONNECT
        )
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise Unavailable(
            "Postgres needs the package psycopg.",
            hint="Install it: pip install 'icustomer[postgres]'",
        ) from error
    except (ArgumentError, ValueError) as error:
        raise InvalidInput(f"The database's address cannot be understood: {error}.") from error
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def reading(engine: Engine) -> Engine:
    """Return the same engine for readers: every transaction sees one state and changes nothing."""
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def identity(engine: Engine) -> str:
    """Return a text that tells the records of this database and schema from all others.

    Records that were made anew have other tables, so what was derived from the former ones is told apart.
    """
    with explained(), engine.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT current_database(), current_schema(), coalesce(to_regclass('cii_ledger')::oid, 0)"
        )
        return "/".join(["", *map(str, found.one())])


def described(engine: Engine) -> tuple[str, list[str]]:
    """Say which server this is, and which of its settings could lose what was acknowledged."""
    with explained(), engine.connect() as connection:
        query = (
            "SELECT current_setting('server_version'), current_setting('fsync'),"
            " current_setting('full_page_writes')"
        )
        version, *safety = connection.exec_driver_sql(query).one()
    url = engine.url
    where = f"PostgreSQL {version.split()[0]}, {url.host or 'local'}/{url.database}"
    names = ("fsync", "full_page_writes")
    return where, [name for name, value in zip(names, safety, strict=True) if value == "off"]


@contextmanager
def explained() -> Iterator[None]:
    """Turn what the driver says into our own errors; the message of a rejected row is kept short."""
    try:
        yield
    except PoolTimeoutError as error:
        raise Unavailable("All connections to the database are busy.", hint="Try again.") from error
    except DBAPIError as error:
        ours = _in_our_words(error.orig, error.connection_invalidated)
        if ours is None:
            raise
        raise ours from error


def _in_our_words(error: BaseException | None, lost: bool) -> ICustomerError | None:
    state = getattr(error, "sqlstate", None) or ("08000" if lost or _is_trouble(error) else "")
    lines = str(error).strip().splitlines() or [type(error).__name__]
    if state.startswith("23"):
        return Conflict(
            f"Somebody else has written this already: {lines[0]}", hint="Read again and try again."
        )
    if state[:2] in _TROUBLE:
        return Unavailable(f"The database cannot be used just now: {lines[0]}", hint="Try again.")
    return None


def _is_trouble(error: BaseException | None) -> bool:
    """Tell a server that cannot be reached, which has no code for that, from a wrong request."""
    return type(error).__name__ in ("OperationalError", "ConnectionTimeout")


@contextmanager
def _driver(connection: Connection) -> Iterator[Any]:
    """Give the driver's own cursor, which knows of COPY; its errors are explained like all others."""
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor:
            yield cursor
    except connection.dialect.loaded_dbapi.Error as error:
        if driver.closed:
            connection.invalidate()
        ours = _in_our_words(error, driver.closed)
        if ours is None:
            raise
        raise ours from error


def insert(
    connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Any]
) -> None:
    """Insert rows, mappings or tuples, by COPY: half the time of single statements."""
    json = [index for index, name in enumerate(columns) if isinstance(table.c[name].type, JSON)]
    names = ", ".join(f'"{name}"' for name in columns)
    statement = f'COPY "{table.name}" ({names}) FROM STDIN'
    with _driver(connection) as cursor, cursor.copy(statement) as copy:
        for row in _tuples(columns, rows):
            for index in json:
                row[index] = _document(row[index])
            copy.write_row(row)


def upsert(
    connection: Connection,
    table: Table,
    columns: tuple[str, ...],
    rows: Sequence[Any],
    newer: str = "",
    add: tuple[str, ...] = (),
) -> None:
    """Insert or replace rows with one statement, however many they are."""
    statement = _upsert(table, columns, newer, add)
    places = [columns.index(column.name) for column in table.primary_key]
    waiting: list[list[Any]] = []
    keys: set[tuple[Any, ...]] = set()
    with _driver(connection) as cursor:
        for row in _tuples(columns, rows):
            key = tuple(row[place] for place in places)
            if key in keys:
                # One statement may touch a row once only: what comes again is for the next one.
                cursor.execute(statement, (_rows(columns, waiting),))
                waiting, keys = [], set()
            keys.add(key)
            waiting.append(row)
        cursor.execute(statement, (_rows(columns, waiting),))


def order_by_bytes(connection: Connection) -> None:
    """Let all texts of our tables sort by their bytes, as SQLite does, whatever the database's language.

    The order of a text decides which of two facts is newer: it must not depend on a server's locale.
    """
    found = connection.exec_driver_sql(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND data_type = 'text'"
        " AND collation_name IS DISTINCT FROM 'C'"
        " AND table_name ~ '^(cid|cii|cic|cfa|context|cbc)_' ORDER BY table_name, ordinal_position"
    )
    changes: dict[str, list[str]] = {}
    for table, column in found:
        changes.setdefault(table, []).append(f'ALTER "{column}" TYPE text COLLATE "C"')
    for table, columns in changes.items():
        connection.exec_driver_sql(f'ALTER TABLE "{table}" {", ".join(columns)}')


@lru_cache(maxsize=1_000)
def _upsert(table: Table, columns: tuple[str, ...], newer: str, add: tuple[str, ...]) -> str:
    keys = [column.name for column in table.primary_key]
    names = ", ".join(f'"{name}"' for name in columns)
    values = [
        f'"{name}" = "{table.name}"."{name}" + excluded."{name}"'
        if name in add
        else f'"{name}" = excluded."{name}"'
        for name in columns
        if name not in keys
    ]
    marked = ", ".join(f'"{key}"' for key in keys)
    only = f' WHERE "{table.name}"."{newer}" < excluded."{newer}"' if newer else ""
    then = f"UPDATE SET {', '.join(values)}{only}" if values else "NOTHING"
    return (
        f'INSERT INTO "{table.name}" ({names}) SELECT {names}'
        f' FROM json_populate_recordset(NULL::"{table.name}", %s::json)'
        f" ON CONFLICT ({marked}) DO {then}"
    )


def begin_aside(connection: Connection) -> str:
    """Make an empty schema beside the present one; return its name."""
    schema = f"{connection.exec_driver_sql('SELECT current_schema()').scalar()}_rebuilding"
    connection.exec_driver_sql(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')
    connection.exec_driver_sql(f'CREATE SCHEMA "{schema}"')
    return schema


def in_schema(url: str, schema: str) -> str:
    """Return a database's address with another schema."""
    given = make_url(url)
    options = f"{given.query.get('options', '')} -csearch_path={schema}".strip()
    return given.update_query_dict({"options": options}).render_as_string(hide_password=False)


def take_over(connection: Connection, schema: str, tables: Sequence[str]) -> None:
    """Put the tables of a schema in the place of those in the present one, and remove the schema."""
    here = connection.exec_driver_sql("SELECT current_schema()").scalar()
    names = ", ".join(f'"{here}"."{table}"' for table in tables)
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {names} CASCADE")
    for table in tables:
        connection.exec_driver_sql(f'ALTER TABLE "{schema}"."{table}" SET SCHEMA "{here}"')
    connection.exec_driver_sql(f'DROP SCHEMA "{schema}" CASCADE')


_CONNECT = {"connect_timeout": 10, "keepalives_idle": 30, "application_name": "icustomer"}


def _prepare(connection: Any, _record: Any) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        connection.close()
        raise InvalidInput(
            f"The database is encoded in {encoding}, which cannot hold every name.",
            hint="Create it anew: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0",
        )
    connection.autocommit = True
    try:
        connection.execute(_SESSION)
    except BaseException:
        connection.close()
        raise
    connection.autocommit = False


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get("writes"):
        # One writer at a time in each company, as on SQLite: nobody fails half-way, and readers never wait.
        connection.exec_driver_sql(_WRITE)


def _tuples(columns: tuple[str, ...], rows: Sequence[Any]) -> Iterator[list[Any]]:
    for row in rows:
        values = (
            list(row)
            if isinstance(row, tuple)
            else [cast("Mapping[str, Any]", row)[name] for name in columns]
        )
        for index, value in enumerate(values):
            if type(value) is str and ("\0" in value or not value.isascii()):
                values[index] = storable(value)
        yield values


def _rows(columns: tuple[str, ...], rows: Sequence[Sequence[Any]]) -> str:
    return _document([dict(zip(columns, row, strict=True)) for row in rows])


def _document(value: Any) -> str:
    document = as_document(value)
    # In documents the sign may hide deep inside; that is rare enough to look closely only then.
    return as_document(storable(orjson.loads(document))) if "\\u0000" in document else document
