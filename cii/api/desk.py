"""What pages and programs of a company ask of integration, and what they tell it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from cid.kit.web import Guarded, personal
from cii.facade import Integration


async def _integration(request: Request) -> Integration:
    integration: Integration = request.state.cii
    return integration


Asked = Annotated[Integration, Depends(_integration)]
router = APIRouter(route_class=Guarded, prefix="/api/cii", tags=["cii"])
MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "No such customer."}}


class Judgement(BaseModel):
    """Two identifiers or customers, and why somebody says that they are (not) the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    a: str = Field(min_length=1, max_length=500)
    b: str = Field(min_length=1, max_length=500)
    reason: str = Field(min_length=1, max_length=2_000)
    actor: str = Field("api", min_length=1, max_length=200)


@router.get("/ledger")
def ledger(cii: Asked) -> dict[str, Any]:
    """Return how many records came in, by source, and what became of each."""
    return cii.ledger()


@router.get(
    "/quarantine", openapi_extra=personal("records.detail", "records.record.**", "records.record")
)
def quarantine(cii: Asked, limit: Annotated[int, Query(ge=1, le=10_000)] = 100) -> dict[str, Any]:
    """Return the records that wait for a better definition, with their reasons."""
    return cii.quarantine(limit=limit)


@router.post("/quarantine/replay")
def replay(cii: Asked) -> dict[str, Any]:
    """Try the records that wait once more, with the definitions of now."""
    return cii.replay()


@router.get(
    "/records/{message_id}",
    responses={404: {"description": "No such record."}},
    openapi_extra=personal("identity", "detail"),
)
def record(cii: Asked, message_id: str) -> list[dict[str, Any]]:
    """Say what became of a record: where it is, when, and why."""
    return cii.find(message_id)


@router.get("/flows")
def flows(cii: Asked) -> list[dict[str, Any]]:
    """Return every flow: when it last ran, how far behind it is, what it rejected."""
    return cii.flows()


@router.get("/matrix")
def matrix(cii: Asked) -> dict[str, Any]:
    """Return which attribute each system gives or takes, and which one is in force."""
    return cii.matrix()


@router.get(
    "/customers/{customer}/evidence",
    responses=MISSING,
    openapi_extra=personal(
        "name",
        "identities.identifier",
        "edges.a",
        "edges.b",
        "vetoes.a",
        "vetoes.b",
        "blocked.identifier",
    ),
)
def evidence(cii: Asked, customer: str) -> dict[str, Any]:
    """Return the records and links that make us think this is one customer."""
    return cii.evidence(customer)


@router.post("/identity/merge", responses=MISSING)
def merge(cii: Asked, judgement: Judgement) -> dict[str, Any]:
    """Say that two customers are one; it can be taken back."""
    return cii.merge(judgement.a, judgement.b, judgement.reason, judgement.actor)


@router.post("/identity/unmerge", responses=MISSING)
def unmerge(cii: Asked, judgement: Judgement) -> dict[str, Any]:
    """Say that two identifiers belong to different customers."""
    return cii.unmerge(judgement.a, judgement.b, judgement.reason, judgement.actor)


@router.get("/health", responses={503: {"description": "Records cannot be stored now."}})
def health(cii: Asked) -> Response:
    """Say whether records can be stored; red until a write succeeds again."""
    trouble = cii.transport.trouble()
    if trouble:
        return JSONResponse({"status": "trouble", "message": trouble}, 503)
    return JSONResponse({"status": "ok"})
