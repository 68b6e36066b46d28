"""How large a request may be and how long it may take to arrive, for all but the collect endpoints."""

from __future__ import annotations

import asyncio

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from icustomer.web.security import OPEN, refused


class Limits:
    """ASGI middleware: a body that is too large or too slow is refused before anybody reads it.

    The collect endpoints have limits of their own, because their protocol says how to refuse.
    """

    def __init__(self, app: ASGIApp, *, size: int, seconds: float) -> None:
        self.app = app
        self.size = size
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body within the limits, then let the request through."""
        if scope["type"] != "http" or scope["path"].startswith(OPEN):
            await self.app(scope, receive, send)
            return
        body = bytearray()
        try:
            async with asyncio.timeout(self.seconds):
                while True:
                    message = await receive()
                    body += message.get("body", b"")
                    if len(body) > self.size:
                        answer = refused(scope, 413, f"A body may have {self.size} bytes at most.")
                        await _part(answer, scope, receive, send)
                        return
                    if message["type"] != "http.request" or not message.get("more_body"):
                        break
        except TimeoutError:
            answer = refused(scope, 408, "The request took too long to arrive.")
            await _part(answer, scope, receive, send)
            return
        whole: Message = {**message, "body": bytes(body)} if body else message
        waiting = [whole]

        async def rest() -> Message:
            return waiting.pop() if waiting else await receive()

        await self.app(scope, rest, send)


async def _part(answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
    # What follows of the body is not waited for.
    answer.headers["Connection"] = "close"
    await answer(scope, receive, send)
