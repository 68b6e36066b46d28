"""A PostgreSQL server of our own, for as long as tests need it.

Debian's packages bring the programs; no cluster of the system needs to run. ``initdb`` makes a cluster in a
temporary directory, which listens on 127.0.0.1 on a free port and is thrown away at the end.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import pytest

INSTALL = "apt-get install --no-install-recommends postgresql"
OWNER = "icustomer"
SECONDS = 30.0


class Postgres:
    """A cluster in a directory; databases are made as they are needed.

    Args:
        programs: where ``initdb`` and ``postgres`` are.
        durable: flush to the disk, as one would in earnest; a process that is killed loses nothing either way.
    """

    def __init__(self, programs: Path, durable: bool = False) -> None:
        self._programs = programs
        self._home = Path(tempfile.mkdtemp(prefix="icustomer-pg-"))
        # PostgreSQL refuses to run as root: it gets a user who may do nothing else.
        self._user = _unprivileged()
        if self._user:
            shutil.chown(self._home, self._user)
        self._options = [] if durable else ["fsync=off", "full_page_writes=off"]
        self._numbers = count(1)
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        try:
            self._initialise()
            self.start()
        except BaseException:
            self.close()
            raise

    def url(self, database: str) -> str:
        """Return the address of a database, as people write it."""
        return f"postgresql://{OWNER}@127.0.0.1:{self.port}/{database}"

    def database(self) -> str:
        """Make an empty database; return its address."""
        import psycopg

        name = f"db{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def schema(self) -> str:
        """Make an empty schema, which is quicker than a database; return its address."""
        import psycopg

        name = f"s{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        return f"{self.url('postgres')}?options=-csearch_path%3D{name}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        import psycopg

        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                # After a kill the last processes of the former server may still be ending: try again.
                self._process = self._spawn()
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=2).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError(f"PostgreSQL did not start:\n{self.log()[-2_000:]}")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End the server: SIGINT fast, SIGQUIT at once as if it had crashed, SIGKILL without a word."""
        if self._process is None or self._process.poll() is not None:
            return
        children = _children(self._process.pid) if how is signal.SIGKILL else []
        os.kill(self._process.pid, how)
        self._process.wait(SECONDS)
        for child in children:
            # One that waits for another which is gone would stay, and hold the memory they share.
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def log(self) -> str:
        """Return what the server has told."""
        path = self._home / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def close(self) -> None:
        """End the server and remove everything."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self._home, ignore_errors=True)

    def _initialise(self) -> None:
        command = [
            *(self._programs / "initdb", "-D", self._home / "data", "-U", OWNER),
            *("--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"),
        ]
        done = subprocess.run(
            list(map(str, command)), user=self._user, capture_output=True, cwd=self._home
        )
        if done.returncode:
            raise RuntimeError(f"initdb failed:\n{done.stderr.decode(errors='replace')[-2_000:]}")

    def _spawn(self) -> subprocess.Popen[bytes]:
        options = [
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={self._home}",
            "max_connections=60",
            "shared_buffers=64MB",
            *self._options,
        ]
        command = [str(self._programs / "postgres"), "-D", str(self._home / "data")]
        with (self._home / "log").open("ab") as log:
            return subprocess.Popen(
                [*command, *(part for option in options for part in ("-c", option))],
                user=self._user,
                cwd=self._home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


def programs() -> Path | None:
    """Return where PostgreSQL's programs are, the newest; None where it is not installed."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    debian = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    versions = sorted((int(path.parts[-3]), path.parent) for path in debian)
    return versions[-1][1] if versions else None


@contextlib.contextmanager
def running(durable: bool = False) -> Iterator[Postgres]:
    """Give a server of one's own; skip the test where PostgreSQL is not installed."""
    found = programs()
    if found is None or find_spec("psycopg") is None:
        said = f"PostgreSQL is not installed: {INSTALL}"
        if found is not None:
            said = "psycopg is not installed: pip install 'icustomer[postgres]'"
        if os.environ.get("ICUSTOMER_REQUIRE_SERVICES") == "1":
            pytest.fail(f"{said} (services are required)")
        pytest.skip(said)
    server = Postgres(found, durable)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """PostgreSQL, shared by all tests of a process; each makes its own databases."""
    with running() as server:
        yield server


def _children(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(stat.parent.name))
    return found


def _unprivileged() -> str | None:
    if os.getuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in known)
