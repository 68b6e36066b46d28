"""Who reads history, and what for: named once for each request; who is gone waits for no answer."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cic.policies import Reader
from cic.running import Queries, reading
from cid.kit.errors import NotFound
from cid.kit.ids import new_id
from cid.kit.web import role_of
from icustomer.web.security import OPEN

LONGEST = 200


class Reading:
    """ASGI middleware: names the reader to whoever asks history, and stops what nobody waits for.

    The header ``X-Purpose`` says what is read for, ``X-Query-Id`` under which id a question can be
    seen and stopped.
    """

    def __init__(self, app: ASGIApp, *, queries: Queries) -> None:
        self.app = app
        self._queries = queries

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request as its reader may read."""
        if scope["type"] != "http" or scope["path"].startswith((*OPEN, "/_command/", "/static/")):
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        id = request.headers.get("x-query-id", "")[:LONGEST] or new_id()
        reader = Reader(
            role_of(request),
            request.headers.get("x-purpose", "")[:LONGEST],
            str(getattr(request.state, "person", "")),
            id,
        )
        messages: asyncio.Queue[Message] = asyncio.Queue()

        async def listen() -> None:
            while True:
                message = await receive()
                messages.put_nowait(message)
                if message["type"] == "http.disconnect":
                    self._stop(id)
                    return

        listening = asyncio.create_task(listen())
        try:
            with reading(reader):
                await self.app(scope, messages.get, send)
        finally:
            listening.cancel()

    def _stop(self, id: str) -> None:
        with suppress(NotFound):
            self._queries.stop(id, Reader())
