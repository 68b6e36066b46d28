"""The database under the records of all layers: one metadata, one writer, many readers."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Engine,
    MetaData,
    Table,
    and_,
    bindparam,
    create_engine,
    delete,
    event,
    select,
    update,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DatabaseError, OperationalError

from cid.kit import postgres
from cid.kit.documents import as_document, storable
from cid.kit.errors import Conflict, Unavailable
from cid.kit.write_behind import WriteBehind, assigning, deleting

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_OUTSIDE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
}
IN_ONE = 5_000
"""How many values one question about presence names."""
BEHIND = "write behind"
FEW = 8
"""So few rows are written at once: handing them over would take longer."""
UPDATE_FROM = (3, 33)
"""The first SQLite that updates one table from another."""
SERIALIZED = 3
"""The driver's word for connections that several threads may use."""

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
    that takes the write lock at its start, so that nobody fails half-way; rows are written behind
    (`cid.kit.write_behind`). On Postgres (`cid.kit.postgres`) the same lock by an advisory one.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.postgres = postgres.is_postgres(url)
        # Not one thread's own: what is written beside is let go of by the thread that ends it.
        self._writing = threading.Lock()
        self._mine = threading.local()
        self.engine: Engine
        self._thread: ThreadPoolExecutor | None = None
        self._opened: tuple[ExitStack, Connection] | None = None
        self._coming: Future[None] | None = None
        self._explained: Callable[[], AbstractContextManager[None]] = nullcontext
        if self.postgres:
            self.engine = postgres.open_engine(url)
            self._readers = postgres.reading(self.engine)
            self._explained = postgres.explained
            return
        self.engine = self._readers = create_engine(url, connect_args=_arguments(url))
        if self.engine.dialect.name == "sqlite":
            self._explained = _explained
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
            event.listen(self.engine, "before_cursor_execute", _await_rows)
            if sqlite3.threadsafety == SERIALIZED:
                self._thread = ThreadPoolExecutor(1, "writing")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Read one consistent state of all records."""
        if (held := getattr(self._mine, "connection", None)) is not None:
            yield held
            return
        with self._explained(), self._readers.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Change records: everything inside happens together or not at all."""
        if (held := getattr(self._mine, "connection", None)) is not None:
            try:
                yield held
            except BaseException:
                self._mine.failed = True
                raise
            return
        with self._writing, self._explained(), self.engine.connect() as connection:
            with connection.execution_options(writes=True).begin(), self._behind(connection):
                yield connection

    @contextmanager
    def write_soon(
        self, *, more: bool = False, kept: Callable[[], None] = lambda: None
    ) -> Iterator[Connection]:
        """Change records as `write` does, but go on before they are kept: that happens beside.

        Who must know that all is kept calls `settle`; until then nobody else sees it. Where nothing can
        be written beside, this is `write`.

        Args:
            more: keep them together with those of the next call.
            kept: told by any thread as soon as all of it is kept.
        """
        if self._thread is None or getattr(self._mine, "connection", None) is not None:
            with self.write() as connection:
                yield connection
            kept()
            return
        opened, self._opened = self._opened or self._open(kept), None
        held, connection = opened
        with held:
            yield connection
            opened = (held.pop_all(), connection)
        if more:
            self._opened = opened
        else:
            self._coming = self._thread.submit(opened[0].close)

    def _open(self, kept: Callable[[], None]) -> tuple[ExitStack, Connection]:
        """Begin to change records; they are kept when what is returned is closed, by any thread."""

        def ended(kind: type[BaseException] | None, *_: object) -> None:
            if kind is None:
                kept()

        self.settle()
        with ExitStack() as held:
            held.push(ended)
            held.enter_context(self._explained())
            held.enter_context(self._writing)
            connection = held.enter_context(self.engine.connect())
            held.enter_context(connection.execution_options(writes=True).begin())
            held.enter_context(self._behind(connection))
            return held.pop_all(), connection

    def settle(self) -> None:
        """Wait until what was written by `write_soon` is kept.

        Raises:
            Unavailable: the file cannot be written just now; nothing of it was kept.
        """
        opened, self._opened = self._opened, None
        if opened is not None and self._thread is not None:
            self._coming = self._thread.submit(opened[0].close)
        coming, self._coming = self._coming, None
        if coming is not None:
            coming.result()

    @contextmanager
    def _behind(self, connection: Connection) -> Iterator[None]:
        """Let rows of this transaction be written by the thread; all are there at the end."""
        raw = connection.connection.driver_connection
        if self._thread is None or not isinstance(raw, sqlite3.Connection):
            yield
            return
        behind = connection.info[BEHIND] = WriteBehind(raw, self._thread)
        try:
            yield
            behind.wait()
        finally:
            # After a failure nothing more is written; the transaction is given up.
            behind.drop()
            del connection.info[BEHIND]

    @contextmanager
    def together(self) -> Iterator[None]:
        """Let all that this thread writes inside happen in one transaction; it reads what it wrote.

        Raises:
            Conflict: something inside failed half-way and nobody passed that on; nothing was written.
        """
        if getattr(self._mine, "connection", None) is not None:
            yield
            return
        with self.write() as connection:
            self._mine.connection, self._mine.failed = connection, False
            try:
                yield
            finally:
                self._mine.connection = None
            if self._mine.failed:
                raise Conflict("A part of the transaction failed, so none of it was written.")

    def identity(self) -> str:
        """Return a text that tells these records from others; empty for those in a company's directory."""
        return postgres.identity(self.engine) if self.postgres else ""

    def close(self) -> None:
        """Give all connections back."""
        if self._thread is not None:
            self._thread.shutdown()
        self.engine.dispose()


Rows = Sequence[Mapping[str, Any]] | Sequence[tuple[Any, ...]]
"""Rows to write: mappings with the same columns, or named tuples of one kind."""


def insert(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert rows; all have the same columns."""
    if rows and connection.dialect.name == "postgresql":
        postgres.insert(connection, table, _names(rows[0]), rows)
    elif rows:
        prepared = _statement(table, _names(rows[0]))
        _execute(connection, table, prepared, rows)


def upsert(
    connection: Connection,
    table: Table,
    rows: Rows,
    newer: str = "",
    add: tuple[str, ...] = (),
) -> None:
    """Insert rows, or replace those with the same key; all have the same columns.

    With ``newer`` a row is replaced only if that column has grown; columns in ``add`` are added up.
    """
    if rows and connection.dialect.name == "postgresql":
        postgres.upsert(connection, table, _names(rows[0]), rows, newer, add)
    elif rows:
        prepared = _statement(table, _names(rows[0]), True, newer, add)
        _execute(connection, table, prepared, rows)


def remove(connection: Connection, table: Table, keys: Sequence[Mapping[str, Any]]) -> None:
    """Delete the rows that have these values; all name the same columns."""
    if not keys:
        return
    names = tuple(keys[0])
    behind: WriteBehind | None = connection.info.get(BEHIND)
    if behind is not None:
        behind.put(table.name, deleting(table.name, names), _picked(names, keys))
        return
    those = and_(*(table.c[name] == bindparam(f"its_{name}") for name in names))
    rows = [{f"its_{name}": value for name, value in key.items()} for key in keys]
    connection.execute(delete(table).where(those), rows)


def present(connection: Connection, column: Column[Any], values: Sequence[Any]) -> set[Any]:
    """Return those of the values that a column has."""
    found: set[Any] = set()
    for start in range(0, len(values), IN_ONE):
        some = tuple(values[start : start + IN_ONE])
        if connection.dialect.name == "sqlite":
            marks = ",".join("?" * len(some))
            text = f"SELECT {column.name} FROM {column.table.name} WHERE {column.name} IN ({marks})"
            rows = connection.exec_driver_sql(text, some)
        else:
            rows = connection.execute(select(column).where(column.in_(map(storable, some))))
        found.update(row[0] for row in rows)
    return found


def assign(
    connection: Connection, table: Table, column: str, by: str, values: Mapping[Any, Any]
) -> None:
    """Give a column the value that goes with what another column (``by``) has; others stay as they are."""
    if not values:
        return
    behind: WriteBehind | None = connection.info.get(BEHIND)
    if behind is not None and sqlite3.sqlite_version_info >= UPDATE_FROM:
        behind.put(table.name, assigning(table.name, column, by), list(values.items()))
        return
    these = update(table).where(table.c[by] == bindparam("has"))
    rows = [{"has": has, "gets": gets} for has, gets in values.items()]
    connection.execute(these.values({column: bindparam("gets")}), rows)


class _Prepared(NamedTuple):
    """A statement as the driver takes it: text, order of the columns, JSON columns."""

    text: str
    order: list[str]
    json: list[str]


@lru_cache(maxsize=1_000)
def _statement(
    table: Table,
    columns: tuple[str, ...],
    replace: bool = False,
    newer: str = "",
    add: tuple[str, ...] = (),
) -> _Prepared:
    """Write an INSERT once; on the hot path SQLAlchemy's own compiling and binding costs most."""
    statement: Any = sqlite.insert(table).values(dict.fromkeys(columns))
    if replace:
        keys = [column.name for column in table.primary_key]
        values = {
            name: table.c[name] + statement.excluded[name]
            if name in add
            else statement.excluded[name]
            for name in columns
            if name not in keys
        }
        if values:
            only = table.c[newer] < statement.excluded[newer] if newer else None
            statement = statement.on_conflict_do_update(
                index_elements=keys, set_=values, where=only
            )
        else:
            statement = statement.on_conflict_do_nothing(index_elements=keys)
    make: Any = sqlite.dialect
    compiled = statement.compile(dialect=make(), column_keys=list(columns))
    json_columns = [name for name in columns if isinstance(table.c[name].type, JSON)]
    return _Prepared(str(compiled), compiled.positiontup, json_columns)


def _names(row: Mapping[str, Any] | tuple[Any, ...]) -> tuple[str, ...]:
    return row._fields if isinstance(row, tuple) else tuple(row)  # type: ignore[attr-defined]


def _execute(connection: Connection, table: Table, prepared: _Prepared, rows: Rows) -> None:
    order = prepared.order
    fields = _names(rows[0])
    given = cast("list[tuple[Any, ...]]", list(rows))
    if not isinstance(rows[0], tuple):
        given = _picked(order, given)
    elif order != list(fields):
        given = _picked([fields.index(name) for name in order], given)
    for name in prepared.json:
        place = order.index(name)
        given = [(*row[:place], as_document(row[place]), *row[place + 1 :]) for row in given]
    behind: WriteBehind | None = connection.info.get(BEHIND)
    if behind is not None and (behind.busy or len(given) > FEW):
        behind.put(table.name, prepared.text, given)
    else:
        connection.exec_driver_sql(prepared.text, given)


def _picked(order: Sequence[Any], rows: Sequence[Any]) -> list[tuple[Any, ...]]:
    if len(order) == 1:
        return [(row[order[0]],) for row in rows]
    return list(map(itemgetter(*order), rows))


@contextmanager
def _explained() -> Iterator[None]:
    """Tell a disk that is full or broken from a mistake of ours.

    Raises:
        Unavailable: the file cannot be written or read just now, or is damaged.
    """
    try:
        yield
    except DatabaseError as error:
        code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
        if code in _DAMAGED:
            raise Unavailable(
                f"The file of the records is damaged: {error.orig}.",
                hint="Put a backup of records.sqlite back. Without one, move the file away: all is made anew "
                "from the log, and what was sent already is sent again.",
            ) from error
        if code not in _OUTSIDE or not isinstance(error, OperationalError):
            raise
        raise Unavailable(
            f"The records cannot be kept: {error.orig}.",
            hint="Nothing was changed; it goes on once the disk has room.",
        ) from error


def _await_rows(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
    behind: WriteBehind | None = connection.info.get(BEHIND)
    if behind is not None:
        # The driver counts changed rows by connection: who changes some must be alone to be told its own.
        behind.wait(statement if statement.startswith("SELECT") else "")


def _arguments(url: str) -> dict[str, Any]:
    if not url.startswith("sqlite"):
        return {}
    return {"timeout": 60, "check_same_thread": False, "cached_statements": 256}


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "cache_size=-65536",
        "temp_store=MEMORY",
        # Pages that many batches touch are copied back once in a while, not after every batch.
        "wal_autocheckpoint=16384",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
