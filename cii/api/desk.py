"""What pages and programs of a company ask of integration, and what they tell it."""

from __future__ import annotations

from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from cii.ports import CollectSettings


class Desk(Protocol):
    """What the pages and programs of a company ask of integration."""

    def ledger(self) -> dict[str, Any]:
        """Return how many records came and what became of them."""

    def quarantine(self, limit: int = 100) -> list[dict[str, Any]]:
        """Return the records that wait, with their reasons."""

    def replay(self) -> dict[str, Any]:
        """Try the records that wait once more."""

    def flows(self) -> list[dict[str, Any]]:
        """Return the flows and how they are."""

    def matrix(self) -> dict[str, Any]:
        """Return which attribute comes from which system."""

    def evidence(self, customer: str) -> dict[str, Any]:
        """Return why we think that this is one customer."""

    def merge(self, a: str, b: str, reason: str, actor: str) -> dict[str, Any]:
        """Say that two customers are one."""

    def unmerge(self, a: str, b: str, reason: str, actor: str) -> dict[str, Any]:
        """Say that two identifiers are not of one customer."""


def _desk(request: Request) -> Desk:
    desk: Desk = request.state.cii
    return desk


Asked = Annotated[Desk, Depends(_desk)]
router = APIRouter(prefix="/api/cii", tags=["cii"])
MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "No such customer."}}


class Judgement(BaseModel):
    """Two identifiers or customers, and why somebody says that they are (not) the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    a: str = Field(min_length=1, max_length=500)
    b: str = Field(min_length=1, max_length=500)
    reason: str = Field(min_length=1, max_length=2_000)
    actor: str = Field("api", min_length=1, max_length=200)


@router.get("/ledger")
def ledger(desk: Asked) -> dict[str, Any]:
    """Return how many records came in, by source, and what became of each."""
    return desk.ledger()


@router.get("/quarantine")
def quarantine(
    desk: Asked, limit: Annotated[int, Query(ge=1, le=10_000)] = 100
) -> list[dict[str, Any]]:
    """Return the records that wait for a better definition, with their reasons."""
    return desk.quarantine(limit=limit)


@router.post("/quarantine/replay")
def replay(desk: Asked) -> dict[str, Any]:
    """Try the records that wait once more, with the definitions of now."""
    return desk.replay()


@router.get("/flows")
def flows(desk: Asked) -> list[dict[str, Any]]:
    """Return every flow: when it last ran, how far behind it is, what it rejected."""
    return desk.flows()


@router.get("/matrix")
def matrix(desk: Asked) -> dict[str, Any]:
    """Return which attribute each system gives or takes, and which one is in force."""
    return desk.matrix()


@router.get("/customers/{customer}/evidence", responses=MISSING)
def evidence(desk: Asked, customer: str) -> dict[str, Any]:
    """Return the records and links that make us think this is one customer."""
    return desk.evidence(customer)


@router.post("/identity/merge", responses=MISSING)
def merge(desk: Asked, judgement: Judgement) -> dict[str, Any]:
    """Say that two customers are one; it can be taken back."""
    return desk.merge(judgement.a, judgement.b, judgement.reason, judgement.actor)


@router.post("/identity/unmerge", responses=MISSING)
def unmerge(desk: Asked, judgement: Judgement) -> dict[str, Any]:
    """Say that two identifiers belong to different customers."""
    return desk.unmerge(judgement.a, judgement.b, judgement.reason, judgement.actor)


@router.get("/health", responses={503: {"description": "Records cannot be stored now."}})
def health(request: Request) -> Response:
    """Say whether records can be stored; red until a write succeeds again."""
    settings: CollectSettings = request.state.cii
    trouble = settings.transport.trouble()
    if trouble:
        return JSONResponse({"status": "trouble", "message": trouble}, 503)
    return JSONResponse({"status": "ok"})
