"""The collect endpoints that clients of Segment, RudderStack and Jitsu know already.

They keep a protocol that others invented: the body is read raw whatever its content type says,
success is exactly 200 and only after the durable commit, faults are ``{code, message}``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from cid.kit.errors import Overloaded, Unavailable
from cii.collection import UNKNOWN_SYSTEM, Collected
from cii.collection import collect as collect_events
from cii.ports import CollectLimits, CollectSettings
from cii.reception import (
    BATCHES,
    KINDS,
    Batch,
    RequestFault,
    parse,
    read_body,
    too_large,
    write_keys,
)

RETRY_AFTER = {429: 1, 503: 2}
"""Seconds after which a client may try again: when too much is waiting, when nothing can be stored.

Every client that we know tries again after both. After 429 those of Segment stop sending altogether
for that time and do not count the attempt, so that a long crowd costs them nothing.
"""
PATIENCE = 8
"""So many times the limit is read and thrown away, so that the sender hears why it was refused."""
HEADERS = (
    "authorization, content-type, content-encoding, anonymousid, x-write-key, "
    "rsa-retry-attempt, rsa-since-last-attempt"
)
CORS = {"Access-Control-Allow-Origin": "*"}


class RejectedEvent(BaseModel):
    """An event that was taken in but cannot be applied."""

    messageId: str
    reason: str
    message: str


class Accepted(BaseModel):
    """What was sent is durable; events in ``rejected`` are kept with the reason beside them."""

    success: bool
    rejected: list[RejectedEvent] = []


class WireProblem(BaseModel):
    """Why a request was refused, as the clients of this protocol expect it."""

    code: str
    message: str


REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": WireProblem, "description": "The body is not what the protocol says."},
    401: {"model": WireProblem, "description": "The write key belongs to no system."},
    404: {"model": WireProblem, "description": "No such type of event."},
    405: {"model": WireProblem, "description": "Events are sent with POST."},
    408: {"model": WireProblem, "description": "The request took too long to arrive."},
    413: {"model": WireProblem, "description": "The request is larger than is taken."},
    429: {"model": WireProblem, "description": "Too much is waiting; again after Retry-After."},
    503: {"model": WireProblem, "description": "Nothing was stored; try again after Retry-After."},
}
EVENTS = {
    "type": "object",
    "description": "A batch of events, or one event that stands for itself.",
    "properties": {
        "batch": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "type": {"type": "string"},
                    "event": {"type": "string"},
                    "userId": {"type": ["string", "null"]},
                    "anonymousId": {"type": ["string", "null"]},
                    "messageId": {"type": ["string", "null"]},
                    "timestamp": {"type": ["string", "null"], "format": "date-time"},
                },
            },
        },
        "sentAt": {"type": ["string", "null"], "format": "date-time"},
        "writeKey": {"type": ["string", "null"]},
    },
    "required": ["batch"],
}
BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": EVENTS}}}}

collect = APIRouter(tags=["collect"])
Kind = Annotated[
    str,
    Path(
        description="What is sent: a batch, or one event of this type.",
        json_schema_extra={"enum": sorted([*KINDS, *BATCHES])},
    ),
]


@collect.post("/v1/{kind}", response_model=Accepted, responses=REFUSALS, openapi_extra=BODY)
async def receive(request: Request, kind: Kind) -> Response:
    """Take in the events of a Segment or RudderStack client; 200 means that they are durable."""
    return await _receive(request, kind)


@collect.post("/api/s/{kind}", response_model=Accepted, responses=REFUSALS, openapi_extra=BODY)
async def receive_jitsu(request: Request, kind: Kind) -> Response:
    """Take in an event of a Jitsu client."""
    return await _receive(request, kind)


@collect.post("/beacon/v1/batch", response_model=Accepted, responses=REFUSALS, openapi_extra=BODY)
async def receive_beacon(request: Request) -> Response:
    """Take in what a browser sends while its page is closing."""
    return await _receive(request, "batch")


@collect.get("/v1/projects/{write_key}/settings", responses=REFUSALS)
def browser_settings(request: Request, write_key: str) -> Response:
    """Tell Segment's browser client where to send its events."""
    settings: CollectSettings = request.state.cii
    if write_key not in settings.keys and not settings.lenient:
        return _refusal(RequestFault(401, "unknown_write_key", "The write key is not known."))
    integration = {
        "apiKey": write_key,
        "apiHost": f"{request.url.netloc}/v1",
        "protocol": request.url.scheme,
    }
    return _answer(200, {"integrations": {"Segment.io": integration}, "plan": {}})


@collect.get("/sourceConfig/", responses=REFUSALS)
@collect.get("/sourceConfig", include_in_schema=False)
def source_config(request: Request) -> Response:
    """Tell RudderStack's browser client that it may send, and that it serves nobody else."""
    settings: CollectSettings = request.state.cii
    try:
        system, key = _system(request, settings, "")
    except RequestFault as fault:
        return _refusal(fault)
    quiet = {"enabled": False}
    source = {
        "id": system,
        "name": system,
        "writeKey": key,
        "enabled": True,
        "workspaceId": "icustomer",
        "config": {"statsCollection": {"errors": quiet, "metrics": quiet}},
        "destinations": [],
    }
    return _answer(200, {"source": source})


@collect.options("/v1/{rest:path}", include_in_schema=False)
@collect.options("/api/s/{rest:path}", include_in_schema=False)
@collect.options("/beacon/{rest:path}", include_in_schema=False)
@collect.options("/sourceConfig/", include_in_schema=False)
@collect.options("/sourceConfig", include_in_schema=False)
def preflight(request: Request) -> Response:
    """Allow a browser to send from any page: the write key decides, not the page."""
    asked = request.headers.get("access-control-request-headers", "")
    headers = {
        "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
        "Access-Control-Allow-Headers": f"{HEADERS}, {asked}" if asked else HEADERS,
        "Access-Control-Max-Age": "86400",
    }
    return Response(status_code=204, headers=CORS | headers)


_OTHERS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


@collect.api_route("/v1/{rest:path}", methods=_OTHERS, include_in_schema=False)
@collect.api_route("/api/s/{rest:path}", methods=_OTHERS, include_in_schema=False)
@collect.api_route("/beacon/{rest:path}", methods=_OTHERS, include_in_schema=False)
def nothing_here(rest: str) -> Response:
    """Say in the protocol's own form that there is nothing here."""
    if rest in KINDS or rest in BATCHES or rest == "v1/batch":
        return _refusal(RequestFault(405, "method_not_allowed", "Send events with POST."))
    return _refusal(_no_kind(rest))


async def _receive(request: Request, kind: str) -> Response:
    settings: CollectSettings = request.state.cii
    limits = settings.limits
    try:
        if kind not in KINDS and kind not in BATCHES:
            raise _no_kind(kind)
        received = settings.clock.now()
        with _Held.by(request, limits) as held:
            raw = await _read(request, limits, held)
            body = read_body(raw, request.headers.get("content-encoding", ""), limits)
            batch = parse(body, limits, batch=kind in BATCHES)
            collected = _collect(request, settings, batch, KINDS.get(kind, ""), received)
            future = settings.transport.append_soon(settings.topic, collected.messages)
            await asyncio.wrap_future(future)
    except RequestFault as fault:
        return _refusal(fault)
    except Overloaded as error:
        return _refusal(_overloaded(str(error)))
    except Unavailable as error:
        return _refusal(RequestFault(503, "unavailable", str(error)))
    except ClientDisconnect:
        # Nobody hears this answer any more.
        return _refusal(RequestFault(400, "incomplete_request", "The request ended too early."))
    answer: dict[str, Any] = {"success": True}
    if collected.rejected:
        answer["rejected"] = [
            {"messageId": event.message_id, "reason": event.reason, "message": event.detail}
            for event in collected.rejected
        ]
    return _answer(200, answer)


class _Held:
    """How many bytes of requests are held in memory, over all of them."""

    def __init__(self) -> None:
        self.total = 0

    @staticmethod
    @contextmanager
    def by(request: Request, limits: CollectLimits) -> Iterator[_Share]:
        """Hold the bytes of a request until it has been answered."""
        state = request.app.state
        if not hasattr(state, "collecting"):
            state.collecting = _Held()
        share = _Share(state.collecting, limits.held)
        try:
            yield share
        finally:
            share.release()


class _Share:
    """What one request holds of it."""

    def __init__(self, held: _Held, limit: int) -> None:
        self._held = held
        self._limit = limit
        self._mine = 0

    def take(self, size: int) -> bool:
        """Hold so many bytes more; False if there is no room for them."""
        if self._held.total + size > self._limit:
            return False
        self._held.total += size
        self._mine += size
        return True

    def release(self) -> None:
        """Give all of it back."""
        self._held.total -= self._mine
        self._mine = 0


async def _read(request: Request, limits: CollectLimits, held: _Share) -> bytes:
    parts: list[bytes] = []
    size, crowded = 0, False
    try:
        async with asyncio.timeout(limits.seconds):
            async for part in request.stream():
                size += len(part)
                crowded = crowded or not held.take(len(part))
                if crowded or limits.request < size <= limits.request * PATIENCE:
                    # Read to its end all the same: who is refused shall hear why.
                    parts.clear()
                    held.release()
                elif size > limits.request:
                    break
                else:
                    parts.append(part)
    except TimeoutError:
        raise RequestFault(408, "request_timeout", "The request took too long to arrive.") from None
    if size > limits.request:
        raise too_large(limits.request)
    if crowded:
        raise _overloaded("Too many requests are being taken in. Try again in a second.")
    return b"".join(parts)


def _collect(
    request: Request, settings: CollectSettings, batch: Batch, kind: str, received: int
) -> Collected:
    system, key = _system(request, settings, batch.write_key)
    return collect_events(
        batch,
        kind,
        system,
        received,
        settings.limits,
        about_things=settings.about_things,
        unknown_key=None if key in settings.keys else key,
    )


def _system(request: Request, settings: CollectSettings, body_key: str) -> tuple[str, str]:
    """Return which system sends, and its write key; unknown ones only where we are lenient."""
    try:
        keys = write_keys(
            request.headers.get("authorization", ""),
            body_key,
            request.query_params.get("writeKey", ""),
            request.headers.get("x-write-key", ""),
        )
    except RequestFault:
        if not settings.lenient:
            raise
        keys = []
    for key in keys:
        if key in settings.keys:
            return settings.keys[key], key
    if settings.lenient:
        return UNKNOWN_SYSTEM, keys[0] if keys else ""
    if not keys:
        raise RequestFault(401, "missing_write_key", "The request has no write key.")
    raise RequestFault(401, "unknown_write_key", "The write key belongs to no system.")


def _no_kind(kind: str) -> RequestFault:
    return RequestFault(404, "not_found", f"{kind[:60]!r} is no type of event.")


def _overloaded(message: str) -> RequestFault:
    return RequestFault(429, "too_many_requests", message)


def _refusal(fault: RequestFault) -> Response:
    headers = {}
    if fault.status in RETRY_AFTER:
        headers["Retry-After"] = str(RETRY_AFTER[fault.status])
    if fault.status == 405:
        headers["Allow"] = "POST, OPTIONS"
    if fault.status == 408:
        headers["Connection"] = "close"
    return _answer(fault.status, {"code": fault.code, "message": str(fault)}, headers)


def _answer(
    status: int, content: dict[str, Any], headers: dict[str, str] | None = None
) -> Response:
    return Response(
        orjson.dumps(content), status, CORS | (headers or {}), media_type="application/json"
    )
