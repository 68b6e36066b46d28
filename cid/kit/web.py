"""How a layer shows a page without knowing who draws the frame, and answers without telling too much."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import orjson
from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel

from cid.kit.privacy import ROLES, masked, sees_personal

LOCAL = ("127.0.0.1", "localhost", "::1")
MOMENT: dict[str, Any] = {
    "anyOf": [{"format": "date-time"}, {"format": "date"}, {"maxLength": 0}],
}
"""How a moment is described that is asked about; now, where it is empty."""
EXTENSION = "x-personal"
"""Where the description of an operation says which of its fields are masked."""


class Problem(BaseModel):
    """An error as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str
    hint: str | None = None


class Renderer(Protocol):
    """Draws a template inside the frame, in the reader's language and theme."""

    def __call__(
        self, request: Request, template: str, values: dict[str, Any], status: int = 200
    ) -> HTMLResponse:
        """Return the page."""


def render(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Draw a page, e.g. ``render(request, "cic/segments.html", segments=…)``."""
    renderer: Renderer = request.state.render
    return renderer(request, template, values, status)


def role_of(request: Request) -> str:
    """Say in which role somebody asks."""
    known = getattr(request.state, "role", "")
    if known:
        return str(known)
    chosen = request.cookies.get("role", "")
    if chosen in ROLES:
        return chosen
    return "agent" if request.url.hostname in LOCAL else "analyst"


def personal(*paths: str) -> dict[str, Any]:
    """Declare the personal fields of an operation's answer: ``openapi_extra=personal("name")``."""
    return {EXTENSION: list(paths)}


class Guarded(APIRoute):
    """An operation whose answer is masked for those who may not see personal data."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, with the mask behind it."""
        handle = super().get_route_handler()
        paths = (self.openapi_extra or {}).get(EXTENSION, [])
        if not paths:
            return handle

        async def guarded(request: Request) -> Response:
            answer = await handle(request)
            if sees_personal(role_of(request)) or answer.media_type == "text/csv":
                return answer
            cid = getattr(request.state, "cid", None)
            attributes = cid.personal_attributes() if cid else ()
            content = masked(orjson.loads(answer.body), paths, attributes)
            answer.body = orjson.dumps(content)
            answer.headers["Content-Length"] = str(len(answer.body))
            return answer

        return guarded
