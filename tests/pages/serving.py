"""The pages over a fake company: the smallest app that shows them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from cic.pages import router as cic_pages
from cid.kit.clock import ManualClock
from cid.kit.errors import ICustomerError
from cid.model.definition import Company as CompanyDefinition
from cid.pages import router as cid_pages
from cii.pages import router as cii_pages
from context.pages import router as context_pages
from icustomer.pages import router as home_pages
from icustomer.web import STATIC
from icustomer.web.rendering import WebFrame
from icustomer.web.security import Security
from tests.pages.fakes import NOW, Company, title

LAYERS = ("cid", "cii", "cic", "cfa", "context", "cbc")


def make_app(company: Company, now: int = NOW) -> FastAPI:
    frame = WebFrame(
        CompanyDefinition(
            name="Northlake 北湖",
            title=title("Northlake", "北湖"),
            time_zone="Europe/Paris",
        ),
        clock=ManualClock(now),
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        layers = {name: getattr(company, name) for name in LAYERS}
        yield {"company": company, "render": frame, **layers}

    app = FastAPI(lifespan=lifespan)
    for router in (home_pages, cid_pages, cii_pages, cic_pages, context_pages):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC))
    app.add_middleware(Security)

    @app.exception_handler(ICustomerError)
    def failed(request: Request, error: ICustomerError) -> HTMLResponse:
        return frame.error(request, error.status, error.message, error.hint or "")

    return app
