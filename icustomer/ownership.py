"""One process owns a company's directory; commands beside a running server are carried out by it."""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson

from cid.kit.errors import Conflict, ICustomerError, Unavailable

LOCK = "owner.lock"
SERVER = "server.json"
ASK_SECONDS = 3_600


def own(data: Path) -> Callable[[], None]:
    """Take the directory for this process; return how to give it back.

    Raises:
        Conflict: another process owns it.
    """
    data.mkdir(parents=True, exist_ok=True)
    file = os.open(data / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise Conflict(
            f"Another process is working in {data.parent}.",
            hint="Wait until it has finished, or ask it over its pages.",
        ) from None

    def release() -> None:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_UN)
            os.close(file)

    return release


def announce(data: Path, host: str, port: int, token: str) -> None:
    """Say where the owner of the directory listens, to this user only."""
    path = data / SERVER
    draft = path.with_suffix(".tmp")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(file, "wb") as out:
        out.write(orjson.dumps({"host": host, "port": port, "token": token, "pid": os.getpid()}))
    os.replace(draft, path)


def withdraw(data: Path) -> None:
    """Say no more that a server is listening."""
    with contextlib.suppress(FileNotFoundError):
        (data / SERVER).unlink()


def listening(data: Path) -> dict[str, Any] | None:
    """Return where the owner listens, if there is one that does."""
    try:
        found = orjson.loads((data / SERVER).read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return None
    return dict(found) if _owned(data) else None


def _owned(data: Path) -> bool:
    """Whether the owner still lives: what it has announced may be older than its end."""
    try:
        file = os.open(data / LOCK, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def ask_owner(server: Mapping[str, Any], command: str, parameters: Mapping[str, Any]) -> Any:
    """Let the server that owns the directory carry out a command.

    Raises:
        ICustomerError: what the command raised there.
        Unavailable: the server does not answer.
    """
    host = "127.0.0.1" if server["host"] in ("0.0.0.0", "::") else server["host"]
    connection = http.client.HTTPConnection(host, server["port"], timeout=ASK_SECONDS)
    try:
        connection.request(
            "POST",
            f"/_command/{command}",
            body=orjson.dumps(dict(parameters)),
            headers={
                "Authorization": f"Bearer {server['token']}",
                "Content-Type": "application/json",
                "Host": f"127.0.0.1:{server['port']}",
            },
        )
        answer = connection.getresponse()
        body = orjson.loads(answer.read())
    except (OSError, http.client.HTTPException, orjson.JSONDecodeError) as error:
        raise Unavailable(
            f"The server that owns the directory does not answer: {error}.",
            hint="Is it still starting, or stuck?",
        ) from error
    finally:
        connection.close()
    if answer.status != 200:
        raise ICustomerError(str(body.get("detail", "The command failed.")), hint=body.get("hint"))
    return body
