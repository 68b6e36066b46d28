"""Serve a company until somebody ends it."""

from __future__ import annotations

import contextlib
import gc
import secrets
import signal
import socket
import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from cid.kit.errors import Unavailable
from icustomer.company import ICustomer
from icustomer.ownership import announce, withdraw
from icustomer.settings import LOCAL, Settings
from icustomer.web.patience import patient
from icustomer.working import shared


def serve_company(directory: Path, host: str = "", port: int = -1) -> None:
    """Serve pages, API and the collect endpoint of the company in a directory.

    Raises:
        Refused: it would listen beyond this machine without credentials.
        Unavailable: the port is taken.
    """
    from icustomer.app import create_app

    settings = Settings()
    if host:
        settings = settings.model_copy(update={"host": host})
        settings.__dict__.pop("local", None)
    settings.refuse_unsafe()
    opened = _listen(settings.host, settings.port if port < 0 else port)
    actual = opened.getsockname()[1]
    token = secrets.token_urlsafe(32)
    with opened, ICustomer.open(directory, settings=settings, standby=shared(settings)) as company:
        data = company.directory / "data"
        app = create_app(company, token=token)
        shown = settings.host if settings.host in LOCAL else socket.gethostname()
        sys.stderr.write(f"iCustomer of {company.company.name}: http://{shown}:{actual}/\n")
        sys.stderr.flush()
        config = uvicorn.Config(
            app,
            http=patient(settings.request_seconds),
            log_level=settings.log_level.lower(),
            access_log=False,
            timeout_keep_alive=30,
            limit_concurrency=settings.connections,
            # Nobody stands before us who may say from where a request came.
            proxy_headers=False,
            server_header=False,
        )
        make_ready(app)
        announce(data, settings.host, actual, token)
        # What is in memory by now stays: to look through it for garbage would make everybody wait.
        gc.collect()
        gc.freeze()
        # After its own shutdown uvicorn raises the signal again: it must not end us before we closed.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            with contextlib.suppress(KeyboardInterrupt):
                uvicorn.Server(config).run(sockets=[opened])
        finally:
            gc.unfreeze()
            withdraw(data)


def make_ready(app: FastAPI) -> None:
    """Let all operations be made ready now: else the first who asks waits for it, and all others with him."""
    nowhere = {"type": "http", "method": "GET", "path": "/", "root_path": "", "headers": []}
    for route in app.router.routes:
        route.matches(dict(nowhere))


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Where the protocol is not named, answers are held back: Nagle's algorithm waits some 40 ms for an
    # acknowledgement between headers and body (asyncio turns it off for sockets that say that they are TCP).
    opened = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((host, port))
        # Who reads the address may come at once; he waits until all has been read.
        opened.listen(1_024)
    except (OSError, OverflowError) as error:
        opened.close()
        why = error.strerror if isinstance(error, OSError) else "ports end with 65535"
        raise Unavailable(
            f"Port {port} on {host} cannot be used: {why}.",
            hint="Choose another one: --port 8001",
        ) from error
    return opened
