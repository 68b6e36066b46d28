"""The server: every layer's API and pages, the collect endpoint, one error format, one door."""

from __future__ import annotations

import base64
import binascii
import secrets
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from cbc import api as cbc_api
from cbc import pages as cbc_pages
from cfa import api as cfa_api
from cfa import pages as cfa_pages
from cic import api as cic_api
from cic import pages as cic_pages
from cid import api as cid_api
from cid import pages as cid_pages
from cid.kit.errors import ICustomerError, Unavailable
from cii import api as cii_api
from cii import pages as cii_pages
from context import api as context_api
from context import pages as context_pages
from icustomer import pages
from icustomer.commands import carry_out
from icustomer.company import ICustomer
from icustomer.nightly import Nightly
from icustomer.streaming import Telling
from icustomer.web import STATIC
from icustomer.web.description import describe
from icustomer.web.limits import Limits
from icustomer.web.reading import Reading
from icustomer.web.rendering import WebFrame
from icustomer.web.security import Security
from icustomer.working import Delivering, Shift, beat_once, shared

log = structlog.get_logger(__name__)

WIRE = ("/v1/", "/api/s/", "/beacon/", "/sourceConfig")


def create_app(company: ICustomer, *, token: str = "", beat: bool = True) -> FastAPI:
    """Make the server of a company.

    Args:
        company: the company to serve.
        token: what the command line shows to have its commands carried out; none are, where empty.
        beat: let time pass and records be applied while the server runs.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[dict[str, Any], None]:
        heart = Heart(company, shift) if beat else None
        if heart:
            heart.start()
        yield {
            "company": company,
            "cid": company.cid,
            "cii": company.cii,
            "cic": company.cic,
            "cfa": company.cfa,
            "context": company.context,
            "cbc": company.cbc,
            "render": frame,
        }
        if heart:
            heart.stop()

    alone = not beat or not shared(company.settings)
    shift = None if alone else Shift(company, company.settings.turn_seconds, patient=False)
    frame = WebFrame(company.company, clock=company.clock)
    app = FastAPI(
        title=f"iCustomer of {company.company.name}",
        version="0.1.0",
        description="Facts in, customers, segments, decisions and capabilities out.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    for module in (cid_api, cii_api, cic_api, cfa_api, context_api, cbc_api):
        app.include_router(module.router)
    app.include_router(cii_api.collect)
    for module in (pages, cid_pages, cii_pages, cic_pages, cfa_pages, context_pages, cbc_pages):
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    # Added first, it comes last: who asks is known when it is asked.
    app.add_middleware(Reading, queries=company.cic.queries)
    _errors(app, frame)
    if token:
        _command_door(app, company, token)
    if shift:
        _only_in_turn(app, shift)
    if company.settings.credentials:
        _credentials(app, company)
    describe(app, guarded=bool(company.settings.credentials))
    hosts = [name.strip() for name in company.settings.hosts.split(",") if name.strip()]
    local = ["127.0.0.1", "localhost", "::1", "testserver"]
    settings = company.settings
    app.add_middleware(Limits, size=settings.body_limit, seconds=settings.request_seconds)
    # Added last, it comes first: its headers are on every answer.
    app.add_middleware(Security, hosts=[*local, *hosts])
    return app


class Heart(threading.Thread):
    """Applies what arrives and lets time pass; beside it, carries out what waits in the outbox."""

    def __init__(self, company: ICustomer, shift: Shift | None = None) -> None:
        super().__init__(name="heart", daemon=True)
        self._company = company
        self._shift = shift
        self._warm = False
        self._nightly = Nightly(company)
        self._telling = Telling(company.cic.streams, lambda: shift is None or shift.ready)
        self._delivering = Delivering(company, lambda: shift is None or shift.ready)
        self._ending = threading.Event()

    def run(self) -> None:
        """Beat until the server ends; a failure is told, and the next beat tries again."""
        if self._shift:
            self._shift.start()
        self._telling.start()
        self._delivering.start()
        while not self._ending.is_set():
            beat_once(self._company, self._shift, self._look)

    def stop(self) -> None:
        """End after the present beat."""
        self._ending.set()
        self._delivering.stop()
        self._telling.stop()
        if self._shift:
            self._shift.stop()
        self.join(timeout=10)
        self._nightly.wait(10)

    def _look(self) -> None:
        self._delivering.look()
        # The first reader of the boards shall not wait for what can be known before.
        if not self._warm:
            self._warm = True
            self._company.cbc.capabilities()
        try:
            self._company.history.keep_up()
        except Unavailable as error:
            # Whoever asks is told the same; records are applied all the while.
            log.error("history.behind", error=error.message)
        self._nightly.look()


def problem(status: int, title: str, detail: str, hint: str = "") -> JSONResponse:
    """Answer an error as RFC 9457 has it."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    if hint:
        body["hint"] = hint
    return JSONResponse(body, status, media_type="application/problem+json")


def _errors(app: FastAPI, frame: WebFrame) -> None:
    def answer(request: Request, status: int, title: str, message: str, hint: str = "") -> Response:
        if request.url.path.startswith(WIRE):
            later = {"Retry-After": "2"} if status in (429, 503) else None
            return JSONResponse({"code": title, "message": message}, status, headers=later)
        wants_page = "text/html" in request.headers.get("accept", "")
        if wants_page and not request.url.path.startswith(("/api/", "/_command/")):
            return frame.error(request, status, message, hint)
        return problem(status, title, message, hint)

    @app.exception_handler(ICustomerError)
    def known(request: Request, error: ICustomerError) -> Response:
        return answer(request, error.status, type(error).__name__, error.message, error.hint or "")

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0] if error.errors() else {"loc": (), "msg": "invalid"}
        place = ".".join(str(part) for part in first["loc"])
        return answer(request, 422, "InvalidInput", f"{place}: {first['msg']}.")

    @app.exception_handler(HTTPException)
    def http(request: Request, error: HTTPException) -> Response:
        found = answer(request, error.status_code, "HttpError", str(error.detail))
        found.headers.update(error.headers or {})
        return found


def _only_in_turn(app: FastAPI, shift: Shift) -> None:
    @app.middleware("http")
    async def only_in_turn(
        request: Request, proceed: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        """Take in records always; say how things stand only where that is known."""
        path = request.url.path
        if path.startswith((*WIRE, "/sourceConfig", "/static/", "/api/cii/health")) or shift.ready:
            return await proceed(request)
        answer = problem(
            503,
            "Unavailable",
            "Another process applies the records now; this one takes records in.",
            f"Ask {shift.holder or 'again in some seconds'}.",
        )
        answer.headers["Retry-After"] = "2"
        return answer


def _command_door(app: FastAPI, company: ICustomer, token: str) -> None:
    @app.post("/_command/{name}", include_in_schema=False)
    async def command(name: str, request: Request) -> Response:
        import orjson
        from anyio.to_thread import run_sync

        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not secrets.compare_digest(given.encode(), token.encode()):
            return problem(
                401, "Unauthorized", "This door is for the command line on this machine."
            )
        try:
            parameters = orjson.loads(await request.body())
        except orjson.JSONDecodeError:
            parameters = None
        if not isinstance(parameters, dict):
            return problem(422, "InvalidInput", "The parameters of a command are a JSON object.")
        answer = await run_sync(carry_out, company, name, parameters)
        body = orjson.dumps(answer, option=orjson.OPT_NON_STR_KEYS)
        return Response(body, media_type="application/json")


def _credentials(app: FastAPI, company: ICustomer) -> None:
    people = {
        name.partition("/")[0]: (password.get_secret_value(), name.partition("/")[2])
        for name, password in company.settings.credentials.items()
    }

    @app.middleware("http")
    async def only_known_people(
        request: Request, proceed: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        path = request.url.path
        if path.startswith((*WIRE, "/_command/", "/sourceConfig")):
            return await proceed(request)
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        try:
            name, _, password = base64.b64decode(given).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            name, password = "", ""
        expected, role = people.get(name, ("", ""))
        same = secrets.compare_digest(password.encode(), expected.encode())
        if kind.lower() == "basic" and expected and same:
            # The role of a login counts, whatever the reader chose.
            request.state.role = role
            request.state.person = name
            return await proceed(request)
        answer = problem(401, "Unauthorized", "Say who you are.")
        answer.headers["WWW-Authenticate"] = 'Basic realm="iCustomer"'
        return answer
