"""A company behind a real server, whose answers can be spoilt on their way to a client."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from icustomer import ICustomer, Settings
from icustomer.app import create_app

KEY = "shop-key"
TOPIC = "facts"
COMPANY = f"""
company: {{name: Clients, time zone: UTC}}
systems:
  shop: {{kind: touchpoint, write key: {KEY}}}
identifiers:
  user_id: {{unique: true}}
  email: {{normalise: email, attributes: [email], limit: 2}}
  anonymous_id: {{limit: 3}}
"""


@dataclass(frozen=True)
class Fault:
    """One spoilt answer.

    Args:
        status: what the client hears.
        retry_after: what the header says, if there is one.
        stored: whether the events were taken in all the same, so that only the answer is lost.
        seconds: how long the client waits for it.
    """

    status: int
    retry_after: int | None = None
    stored: bool = False
    seconds: float = 0.0


@dataclass
class Faults:
    """ASGI middleware: each post of events meets the next fault, as long as there are any."""

    app: ASGIApp
    waiting: list[Fault] = field(default_factory=list)
    posts: list[float] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        self.posts.append(time.monotonic())
        if not self.waiting:
            await self.app(scope, receive, self._listening(send))
            return
        fault = self.waiting.pop(0)
        if fault.stored:
            await self.app(scope, receive, _nowhere)
        else:
            while (await receive()).get("more_body"):
                pass
        if fault.seconds:
            await asyncio.sleep(fault.seconds)
        body = orjson.dumps({"code": "spoilt", "message": "Spoilt by the test."})
        headers = [(b"content-type", b"application/json"), (b"access-control-allow-origin", b"*")]
        if fault.retry_after is not None:
            headers.append((b"retry-after", str(fault.retry_after).encode()))
        await send({"type": "http.response.start", "status": fault.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _listening(self, send: Send) -> Send:
        async def heard(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] != 200:
                self.refused.append(message["status"])
            await send(message)

        return heard


async def _nowhere(message: Message) -> None:
    pass


@dataclass
class Shop:
    """A company that listens, and what arrived there since this test began."""

    company: ICustomer
    host: str
    faults: Faults
    name: str = field(default_factory=lambda: uuid4().hex[:8])

    def __post_init__(self) -> None:
        self.faults.waiting, self.faults.posts, self.faults.refused = [], [], []
        self._before = self._states()
        self._begin = self.company.cii.transport.ends(TOPIC)

    def user(self, number: int) -> str:
        """Name a user of this test."""
        return f"{self.name}-{number}"

    def bodies(self) -> list[dict[str, Any]]:
        """Return the events in the log; those of one user in its order."""
        log = self.company.cii.transport
        ends = log.ends(TOPIC)
        records = [
            record
            for part, end in ends.items()
            for record in log.read(TOPIC, part, self._begin.get(part, 0), end)
        ]
        return [orjson.loads(record.value) for record in records]

    def fates(self) -> dict[str, int]:
        """Apply all that arrived; say how many records ended how."""
        after = self._states()
        made = {state: number - self._before.get(state, 0) for state, number in after.items()}
        return {state: number for state, number in made.items() if number}

    def seen(self, number: int) -> list[Any]:
        """Return the numbers of the events that count for a user, in order of time."""
        facts = self.company.cid.timeline(f"user_id:{self.user(number)}", limit=500)["facts"]
        return [fact["properties"]["n"] for fact in reversed(facts) if "n" in fact["properties"]]

    def _states(self) -> dict[str, int]:
        self.company.catch_up()
        ledger = self.company.cii.ledger()
        assert ledger["balanced"]
        return dict(ledger["states"])


@contextlib.contextmanager
def listening(directory: Path, **settings: Any) -> Iterator[Shop]:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "company.yaml").write_text(COMPANY)
    with ICustomer.open(directory, settings=Settings(**settings)) as company:
        faults = Faults(create_app(company, beat=False))
        with socket.create_server(("127.0.0.1", 0)) as listener:
            config = uvicorn.Config(faults, log_level="error", ws="none", timeout_keep_alive=30)
            server = uvicorn.Server(config)
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()
            while not server.started:
                time.sleep(0.005)
            try:
                yield Shop(company, f"http://127.0.0.1:{listener.getsockname()[1]}", faults)
            finally:
                server.should_exit = True
                thread.join()
