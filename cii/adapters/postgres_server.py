"""Connections to a Postgres server that come back by themselves when it was restarted."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict

from cid.kit.errors import InvalidInput, Unavailable

T = TypeVar("T")

Connection = psycopg.Connection[tuple[Any, ...]]

AGAIN = 0.1
"""Seconds between two attempts to reach a server that does not answer."""
# A stopped process must not hold its locks for ever; and a server whose default is off would
# acknowledge what a power cut can take away.
OPTIONS = (
    "-c lock_timeout=30s -c idle_in_transaction_session_timeout=30s -c synchronous_commit=on"
    " -c client_encoding=UTF8"
)


KEPT = {"connect_timeout": 10, "keepalives_idle": 30, "application_name": "icustomer-log"}


class PostgresServer:
    """Carries out pieces of work, each in a transaction of its own, on connections that are kept.

    Args:
        url: the database's address, e.g. ``postgresql://name@host/database``.
        patience: seconds to wait for a server that does not answer, e.g. while it is restarted.
    """

    def __init__(self, url: str, patience: float) -> None:
        scheme, _, place = url.partition("://")
        if scheme.partition("+")[0] not in ("postgres", "postgresql"):
            raise InvalidInput(
                "The log on Postgres needs the address of a Postgres database.",
                hint="Set ICUSTOMER_DATABASE_URL=postgresql://name@host/database",
            )
        self._options = conninfo_to_dict(f"postgresql://{place}")
        self._options["options"] = f"{self._options.get('options', '')} {OPTIONS}".strip()
        self._patience = patience
        self._idle: list[Connection] = []
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether all connections were let go."""
        return self._closed

    def run(self, work: Callable[[Connection], T], *, patient: bool = True) -> T:
        """Carry out work in one transaction; durable when this returns.

        Should the connection break, the work is carried out again: it may have been done already, if the
        server's answer to its commit was lost, and has to find that out by itself.

        Raises:
            Unavailable: the server does not answer, or cannot do it.
        """
        deadline: float | None = None
        while True:
            if self._closed:
                raise Unavailable("The log is closed.")
            connection: Connection | None = None
            try:
                connection = self._take()
                result = work(connection)
                connection.commit()
            except psycopg.Error as error:
                lost = connection is None or connection.closed
                now = time.monotonic()
                if deadline is None:
                    # Counted from here: who was stopped for long, and lost the connection, may try again.
                    deadline = now + self._patience
                if not lost or not patient or now > deadline:
                    said = str(error).strip().splitlines() or [type(error).__name__]
                    raise Unavailable(f"The log on Postgres cannot be used: {said[0]}.") from error
            else:
                return result
            finally:
                self._give_back(connection)
            time.sleep(AGAIN)

    def close(self) -> None:
        """Let all connections go."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> Connection:
        # Two may both see an idle connection: taking it is what decides.
        try:
            return self._idle.pop()
        except IndexError:
            return psycopg.connect(**{**KEPT, **self._options})  # type: ignore[arg-type]

    def _give_back(self, connection: Connection | None) -> None:
        if connection is None or connection.closed:
            return
        if connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            try:
                connection.rollback()
            except psycopg.Error:
                connection.close()
                return
        self._idle.append(connection)
        if self._closed:
            self.close()
