"""Traits, segments and scores over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from cic.api.parameters import RESPONSES, AsOf, Cic, Name
from cid.kit.web import Guarded, personal


class Condition(BaseModel):
    """A condition in FEEL."""

    model_config = ConfigDict(extra="forbid")

    when: str = Field(max_length=10_000)


router = APIRouter(
    route_class=Guarded,
    prefix="/api/cic",
    tags=["cic"],
    responses=RESPONSES,
)


@router.get("/segments")
def segments(cic: Cic) -> list[dict[str, Any]]:
    """List the segments with their sizes."""
    return cic.segments()


@router.get("/segments/{name}", openapi_extra=personal("recent.name", "moved.name", "members.name"))
def segment(cic: Cic, name: Name) -> dict[str, Any]:
    """Return one segment with its size over time and who moved."""
    return cic.segment(name)


@router.get("/segments/{name}/members", openapi_extra=personal("members.name"))
def members(
    cic: Cic,
    name: Name,
    as_of: AsOf = "",
    limit: Annotated[int, Query(ge=1, le=100_000)] = 1000,
) -> dict[str, Any]:
    """List who is in a segment, now or at any moment before."""
    return cic.members(name, as_of, limit)


@router.get("/segments/{name}/why/{customer}", openapi_extra=personal("name", "values.@"))
def why(cic: Cic, name: Name, customer: Name) -> dict[str, Any]:
    """Say why a customer is, or is not, in a segment."""
    return cic.why(name, customer)


@router.post("/preview", openapi_extra=personal("sample.name"))
def preview(cic: Cic, condition: Condition) -> dict[str, Any]:
    """Say how many customers meet a condition right now."""
    return cic.preview(condition.when)


@router.get("/customers/{customer}/traits")
def traits(cic: Cic, customer: Name, as_of: AsOf = "") -> dict[str, Any]:
    """Return a customer's traits and segments, now or at any moment before."""
    return cic.traits(customer, as_of)


@router.post("/verify")
def verify(cic: Cic, as_of: AsOf = "") -> dict[str, Any]:
    """Recompute all traits and segments from history and report every mismatch."""
    return cic.verify(as_of)


@router.get("/scores")
def scores(cic: Cic) -> list[dict[str, Any]]:
    """List the models with their quality against their baselines."""
    return cic.scores()
