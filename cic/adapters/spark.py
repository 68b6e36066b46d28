"""Readers' questions on Spark, through Ibis: the same questions, the same answers, on many machines.

History itself is kept in DuckDB, as ever. What a reader sees of it is written as Parquet when it has
changed, and her questions, in the same SQL, are translated for Spark. What the system asks itself
(`verify`, measures) stays with DuckDB, and so does what Spark has no word for.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from pathlib import Path
from typing import Any

from cic.ports import ENGINES, HistorySource, Result, Sight, Ticket
from cid.kit.errors import Conflict, InvalidInput, Unavailable
from cid.kit.ids import new_id

LOOK = 0.1
"""Seconds between two looks at whether a question is to end."""
SLOWER = 12
"""How many times as long as the limit a question may take: each begins with a second or more of planning."""
_session: Any = None
_starting = threading.Lock()


class SparkHistory:
    """Answers readers on Spark: where ``SPARK_REMOTE`` or ``MASTER`` say, else in this machine."""

    portable = True
    """It lacks some of DuckDB's ways, such as joining the nearest row."""

    def __init__(self, path: Path, memory: str = "1GB") -> None:
        """Open the history kept at a path, or begin an empty one."""
        _libraries()
        self._inner: Any = ENGINES.load("duckdb")(path, memory=memory)
        self._folder = Path(path).with_suffix(".parquet")
        self._seen: dict[str, tuple[str, Any]] = {}
        self._writing = threading.Lock()

    def sync(self, source: HistorySource) -> int:
        """Bring history up to date; return how many facts were added."""
        return int(self._inner.sync(source))

    def position(self) -> int:
        """Return the position of the last fact taken in; 0 when there is none."""
        return int(self._inner.position())

    def state(self) -> str:
        """Return a text that is the same for as long as history is."""
        return str(self._inner.state())

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
        """Answer one SELECT: a reader's on Spark, the system's own where history is kept."""
        if sight is None or params:
            given: Result = self._inner.query(
                sql, params, rows=rows, seconds=seconds, sight=sight, ticket=ticket
            )
            return given
        self._inner.check(sql, sight)
        connection = self._connection(sight)
        group = new_id()
        ticket = ticket or Ticket()
        until = time.monotonic() + (float("inf") if seconds is None else seconds * SLOWER)
        asked = _begin(connection, sql, rows, group)
        while True:
            try:
                columns, found = asked.result(LOOK)
                break
            except _misunderstood():
                # What Spark has no word for is answered where history is kept; what is wrong is told there.
                left = None if seconds is None else max(0.0, until - time.monotonic())
                here: Result = self._inner.query(
                    sql, rows=rows, seconds=left, sight=sight, ticket=ticket
                )
                return here
            except _failed() as error:
                raise InvalidInput(
                    f"Spark cannot answer this: {str(error).splitlines()[0][:200]}",
                    hint="Ask for a shorter period or fewer columns.",
                ) from error
            except NotYet:
                ticket.late = ticket.late or time.monotonic() >= until
                if ticket.stopped or ticket.late:
                    _spark().sparkContext.cancelJobGroup(group)
                    _gone(ticket, (seconds or 0) * SLOWER)
        cut = rows is not None and len(found) > rows
        return Result(columns, found[:rows] if cut else found, cut)

    def parts(
        self,
        sql: str,
        *,
        seconds: float | None = None,
        sight: Sight | None = None,
        ticket: Ticket | None = None,
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Answer one SELECT part by part, where history is kept."""
        yield from self._inner.parts(sql, seconds=seconds, sight=sight, ticket=ticket)

    def parquet(
        self,
        columns: Sequence[tuple[str, str]],
        parts: Iterable[Sequence[tuple[Any, ...]]],
        path: Path,
    ) -> None:
        """Write rows as a Parquet file."""
        self._inner.parquet(columns, parts, path)

    def close(self) -> None:
        """Let go of all files; what was written for Spark goes, too."""
        self._inner.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _connection(self, sight: Sight) -> Any:
        """Return a connection whose names mean what a sight shows of history as it is now."""
        import ibis

        with self._writing:
            state = self.state()
            known = self._seen.get(sight.key)
            if known and known[0] == state:
                return known[1]
            session = _spark().newSession()
            connection = ibis.pyspark.connect(session)
            # Connecting sets this, too; answers depend on it, so it is said here.
            session.conf.set("spark.sql.session.timeZone", "UTC")
            folder = self._folder / sight.key / state
            for view in self._inner.seen(sight):
                path = folder / view
                path.mkdir(parents=True, exist_ok=True)
                self._write(view, sight, path / "part.parquet")
                session.read.parquet(str(path)).createOrReplaceTempView(view)
            if known:
                shutil.rmtree(self._folder / sight.key / known[0], ignore_errors=True)
            self._seen[sight.key] = (state, connection)
            return connection

    def _write(self, view: str, sight: Sight, path: Path) -> None:
        import pyarrow.parquet as parquet

        with self._inner.batches(f'SELECT * FROM "{view}"', sight) as batches:
            with parquet.ParquetWriter(path, batches.schema) as writer:
                for batch in batches:
                    writer.write_batch(batch)


def _begin(connection: Any, sql: str, rows: int | None, group: str) -> Future[Any]:
    """Ask in a thread of its own, for which nobody waits at the end: Spark may not let go at once."""
    from ibis.common.exceptions import IbisError
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException
    from sqlglot.errors import SqlglotError

    failures = (PySparkException, Py4JError, IbisError, SqlglotError)
    asked: Future[Any] = Future()

    def ask() -> None:
        try:
            asked.set_result(_answer(connection, sql, rows, group))
        except failures as error:
            asked.set_exception(error)
        finally:
            if not asked.done():
                asked.set_exception(
                    Unavailable("Spark ended without an answer.", hint="Ask again.")
                )

    threading.Thread(target=ask, name="spark", daemon=True).start()
    return asked


def _answer(
    connection: Any, sql: str, rows: int | None, group: str
) -> tuple[list[str], list[tuple[Any, ...]]]:
    _spark().sparkContext.setJobGroup(group, sql[:200], interruptOnCancel=True)
    asked = connection.sql(sql, dialect="duckdb")
    if rows is not None:
        asked = asked.limit(rows + 1)
    table = asked.to_pyarrow()
    columns = [column.to_pylist() for column in table.columns]
    return list(table.column_names), list(zip(*columns, strict=True))


def _misunderstood() -> tuple[type[Exception], ...]:
    from pyspark.errors import AnalysisException, ParseException
    from sqlglot.errors import SqlglotError

    return AnalysisException, ParseException, SqlglotError


def _failed() -> tuple[type[Exception], ...]:
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    return PySparkException, Py4JError


def _gone(ticket: Ticket, seconds: float) -> None:
    if ticket.late:
        raise InvalidInput(
            f"The query took longer than {seconds:g} seconds.",
            hint="Ask for a shorter period or fewer columns.",
        )
    raise Conflict("The query was stopped.", hint="Ask again if that was a mistake.")


def _libraries() -> None:
    try:
        import ibis  # noqa: F401
        import pyspark  # noqa: F401
    except ImportError as error:
        raise Unavailable(
            f"Spark needs a library that is not installed: {error.name}.",
            hint="Run: pip install 'icustomer[spark]'",
        ) from error


def _spark() -> Any:
    """Return the one session of this process; it takes ten seconds and more to begin."""
    global _session
    with _starting:
        if _session is None:
            from pyspark.sql import SparkSession

            # Its workers find the same libraries.
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
            builder = SparkSession.builder.appName("icustomer")
            if "MASTER" not in os.environ:
                builder = builder.master("local[*]").config("spark.driver.host", "127.0.0.1")
                builder = builder.config("spark.driver.bindAddress", "127.0.0.1")
            _session = (
                builder.config("spark.ui.enabled", "false")
                .config("spark.sql.session.timeZone", "UTC")
                .config("spark.sql.shuffle.partitions", str(os.cpu_count() or 2))
                .getOrCreate()
            )
        return _session
