"""How a layer shows a page without knowing who draws the frame."""

from __future__ import annotations

from typing import Any, Protocol

from fastapi import Request
from fastapi.responses import HTMLResponse


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
