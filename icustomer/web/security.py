"""What every answer carries and every request keeps: no foreign script, site or host."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: browsers then send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
SAFE = ("GET", "HEAD", "OPTIONS")
OPEN = ("/v1/", "/api/s/", "/beacon/")
"""Touchpoints on other sites write here, with a key of their own."""
LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")


class Security:
    """ASGI middleware: refuses foreign hosts and cross-site writes, and sets the headers."""

    def __init__(self, app: ASGIApp, hosts: Collection[str] = LOCAL_HOSTS) -> None:
        self.app = app
        self.hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or say why not."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self.refusal(scope)
        if refusal:
            answer = refused(scope, 403, refusal)
            await answer(scope, receive, send_with_headers)
            return
        await self.app(scope, receive, send_with_headers)

    def refusal(self, scope: Scope) -> str:
        """Say why a request may not pass; empty if it may."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        name = _host(host)
        if "*" not in self.hosts and name not in self.hosts:
            return "This address is not served here. Open the page under its own name."
        if scope["method"] in SAFE or scope["path"].startswith(OPEN):
            return ""
        origin = headers.get("origin")
        if origin is not None:
            return "" if origin in (f"http://{host}", f"https://{host}") else _CROSS_SITE
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return _CROSS_SITE
        return ""


def refused(scope: Scope, status: int, reason: str) -> Response:
    """Refuse a request before it reaches the company: as API, protocol or page would say it."""
    path = scope["path"]
    if path.startswith(OPEN):
        return JSONResponse({"code": "refused", "message": reason}, status)
    if path.startswith("/api/"):
        body = {"type": "about:blank", "title": "Refused", "status": status, "detail": reason}
        return JSONResponse(body, status, media_type="application/problem+json")
    return PlainTextResponse(reason, status)


def _host(text: str) -> str:
    """Return the name in a Host header; empty where it is none.

    >>> _host("localhost:8000"), _host("[::1]:80"), _host("[evil"), _host("a@localhost")
    ('localhost', '::1', '', '')
    """
    try:
        parts = urlsplit(f"//{text}")
        name, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    shown = f"[{name}]" if ":" in name else name
    return name if text.lower() in (shown, f"{shown}:{port}", f"{shown}:") else ""


_CROSS_SITE = "Written from another site. Open the page here and try again."
