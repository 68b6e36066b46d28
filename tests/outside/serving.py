"""A whole company behind a real server, for those who ask from outside."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import uvicorn

from icustomer import ICustomer
from icustomer.app import create_app


@contextlib.contextmanager
def served(company: ICustomer, **options: Any) -> Iterator[str]:
    """Serve a company on a free port; yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        app = create_app(company, beat=False)
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", ws="none", **options))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
