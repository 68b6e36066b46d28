"""One SQLite file with one writer at a time and any number of readers."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cid.kit.errors import Unavailable


class SqliteFile:
    """Opens a file, makes its tables the first time, and hands out transactions and readers.

    Write-ahead log and ``synchronous=FULL``: a commit survives a power cut, readers never wait.

    Args:
        path: the file; it and its directory are made if they do not exist.
        schema: the statements that make the tables.
        version: which schema this is; a file of another version is refused.
        patience: seconds to wait for another process that is writing.
    """

    def __init__(self, path: Path, schema: str, version: int, patience: float) -> None:
        self._path = path
        self._patience = patience
        self._writing = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = self._connect()
            self._writer.execute("PRAGMA journal_mode = WAL")
        except (sqlite3.Error, OSError) as error:
            raise Unavailable(f"{path} cannot be opened: {error}.") from error
        with self.write() as db:
            (found,) = db.execute("PRAGMA user_version").fetchone()
            if found == 0:
                for statement in schema.split(";"):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {version}")
        if found not in (0, version):
            self.close()
            raise Unavailable(f"{path} has version {found}; this program knows {version}.")

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def closed(self) -> bool:
        """Whether the file was let go."""
        return self._closed

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Change the file: everything inside happens together, durably, or not at all.

        Raises:
            Unavailable: the disk is full or broken, or another process does not stop writing.
        """
        with self._writing:
            db = self._writer
            try:
                try:
                    db.execute("BEGIN IMMEDIATE")
                    yield db
                    db.execute("COMMIT")
                finally:
                    if not self._closed and db.in_transaction:
                        db.execute("ROLLBACK")
            except sqlite3.Error as error:
                raise Unavailable(f"{self._path.name}: {error}.") from error

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Read with a connection of one's own, kept for the next reader."""
        if self._closed:
            raise Unavailable(f"{self._path.name} is closed.")
        db = None
        try:
            # Two readers may both see an idle connection: taking it is what decides.
            try:
                db = self._idle.pop()
            except IndexError:
                db = self._connect()
            yield db
        except sqlite3.Error as error:
            raise Unavailable(f"{self._path.name}: {error}.") from error
        finally:
            if db is not None:
                self._idle.append(db)
                if self._closed:
                    self._close_idle()

    def close(self) -> None:
        """Let go of the file."""
        with self._writing:
            self._closed = True
            self._writer.close()
        self._close_idle()

    def _close_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(
            self._path, timeout=self._patience, isolation_level=None, check_same_thread=False
        )
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA wal_autocheckpoint = 4000")
        return db
