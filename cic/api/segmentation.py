"""Traits, segments and scores over HTTP."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from cic.api.parameters import RESPONSES, AsOf, Cic, Name
from cid.kit.web import Guarded, personal, role_of

Kind = Literal["segment", "trait"]


class Condition(BaseModel):
    """A condition in FEEL, and the segment that would have it."""

    model_config = ConfigDict(extra="forbid")

    when: str = Field(max_length=10_000)
    segment: str = Field("", max_length=200)
    stay: str = Field("", max_length=40)


class PastCondition(BaseModel):
    """A condition in FEEL, and how many days are looked back."""

    model_config = ConfigDict(extra="forbid")

    when: str = Field(max_length=10_000)
    days: int = Field(90, ge=1, le=3_660)


class Draft(BaseModel):
    """A trait or a segment as somebody writes it."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    name: str = Field(max_length=200)
    text: str = Field(max_length=100_000)


class Saved(BaseModel):
    """A trait or a segment to be brought into force: as YAML, or field by field."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field("", max_length=100_000)
    definition: dict[str, Any] | None = None
    version: str | None = Field(None, max_length=100)
    reason: str = Field("", max_length=2_000)


class Chosen(BaseModel):
    """What is to be verified; everything where nothing is named."""

    model_config = ConfigDict(extra="forbid")

    as_of: str = Field("", max_length=40)
    traits: list[str] | None = None
    segments: list[str] | None = None


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
    after: Annotated[str, Query(max_length=300, description="The `next` of the page before.")] = "",
) -> dict[str, Any]:
    """List who is in a segment, now or at any moment before."""
    return cic.members(name, as_of, limit, after)


@router.get("/segments/{name}/history")
def history(
    cic: Cic, name: Name, days: Annotated[int, Query(ge=1, le=3_660)] = 90
) -> dict[str, Any]:
    """Return the size of a segment day by day, with who entered and left."""
    return cic.sizes(name, days)


@router.get("/segments/{name}/why/{customer}", openapi_extra=personal("name", "values.@"))
def why(cic: Cic, name: Name, customer: Name) -> dict[str, Any]:
    """Say why a customer is, or is not, in a segment."""
    return cic.why(name, customer)


@router.post(
    "/preview",
    openapi_extra=personal("sample.name", "change.enter.sample.name", "change.leave.sample.name"),
)
def preview(cic: Cic, condition: Condition) -> dict[str, Any]:
    """Say how many customers meet a condition right now, and for a segment who would enter and leave."""
    return cic.preview(condition.when, condition.segment, condition.stay)


@router.post("/preview/past")
def preview_past(cic: Cic, condition: PastCondition) -> dict[str, Any]:
    """Say how many would have met a condition at the end of each of the last weeks."""
    return cic.preview_past(condition.when, condition.days)


@router.get("/traits/{name}/distribution")
def distribution(cic: Cic, name: Name) -> dict[str, Any]:
    """Say how a trait is spread over all customers right now: few buckets, each with its condition."""
    return cic.distribution(name)


@router.post("/check")
def check(cic: Cic, draft: Draft) -> dict[str, Any]:
    """Say what is wrong with a trait or a segment as somebody writes it."""
    return cic.check_definition(draft.kind, draft.name, draft.text)


@router.get("/definitions/{kind}/{name}")
def definition(cic: Cic, kind: Kind, name: Name) -> dict[str, Any]:
    """Return a trait or a segment as it stands in its file, with its version."""
    return cic.definition(kind, name)


@router.put("/definitions/{kind}/{name}")
def save(request: Request, cic: Cic, kind: Kind, name: Name, saved: Saved) -> dict[str, Any]:
    """Bring a trait or a segment into force from this moment on, without a restart."""
    person, role = str(getattr(request.state, "person", "")), role_of(request)
    return cic.save(
        kind, name, saved.text, saved.definition, saved.version, saved.reason, person, role
    )


@router.get("/customers/{customer}/segments")
def memberships(cic: Cic, customer: Name) -> list[dict[str, Any]]:
    """List the segments of a customer with since when, and when each ends if nothing happens."""
    return cic.memberships(customer)


@router.get("/customers/{customer}/traits")
def traits(cic: Cic, customer: Name, as_of: AsOf = "") -> dict[str, Any]:
    """Return a customer's traits and segments, now or at any moment before."""
    return cic.traits(customer, as_of)


@router.post("/verify", openapi_extra=personal("examples.who"))
def verify(cic: Cic, as_of: AsOf = "", chosen: Chosen | None = None) -> dict[str, Any]:
    """Recompute traits and segments from history and report every mismatch."""
    if chosen is None:
        return cic.verify(as_of)
    return cic.verify(chosen.as_of or as_of, chosen.traits, chosen.segments)


@router.get("/verifications")
def verifications(
    cic: Cic, limit: Annotated[int, Query(ge=1, le=1_000)] = 30
) -> list[dict[str, Any]]:
    """List what the last verifications found, newest first."""
    return cic.verifications(limit)


@router.get("/streams")
def streams(cic: Cic) -> list[dict[str, Any]]:
    """List the streams of changes: to whom, how many changes wait, and why where they do."""
    return cic.outgoing()


@router.get("/scores")
def scores(cic: Cic) -> list[dict[str, Any]]:
    """List the models with their quality against their baselines."""
    return cic.scores()
