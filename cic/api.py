"""Intelligence over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from cic.facade import Intelligence
from cid.kit.web import MOMENT, Guarded, Problem, personal


class SqlQuestion(BaseModel):
    """One SELECT over the history."""

    model_config = ConfigDict(extra="forbid")

    sql: str = Field(max_length=100_000)
    limit: int = Field(10_000, ge=1, le=100_000)


class Condition(BaseModel):
    """A condition in FEEL."""

    model_config = ConfigDict(extra="forbid")

    when: str = Field(max_length=10_000)


NAMES = {"type": "array", "items": {"type": "string"}}
ASKED = {
    "properties": {
        "measures": {**NAMES, "minItems": 1, "maxItems": 12},
        "dimensions": {**NAMES, "maxItems": 4},
        "filter": {"type": "string"},
        "segment": {"type": "string"},
        "last": {"type": "string"},
        "compare": {"enum": ["", "previous"]},
        "order": {"type": "string"},
        "top": {"type": ["integer", "null"], "minimum": 1, "maximum": 10_000},
        "period": {
            "type": ["object", "null"],
            "properties": {"from": {"type": "string"}, "to": {"type": "string"}},
            "additionalProperties": False,
        },
    },
    "required": ["measures"],
    "additionalProperties": False,
}
QUESTION = {"requestBody": {"content": {"application/json": {"schema": ASKED}}}}

router = APIRouter(
    route_class=Guarded,
    prefix="/api/cic",
    tags=["cic"],
    responses={
        403: {"model": Problem, "description": "It may not be done."},
        404: {"model": Problem, "description": "There is no such thing."},
        422: {"model": Problem, "description": "A value is wrong."},
    },
)


def _cic(request: Request) -> Intelligence:
    found: Intelligence = request.state.cic
    return found


Cic = Annotated[Intelligence, Depends(_cic)]
Name = Annotated[str, Path(max_length=200)]
AsOf = Annotated[
    str,
    Query(
        max_length=40,
        description="Moment in ISO 8601; now where empty.",
        json_schema_extra=MOMENT,
    ),
]


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


@router.post("/query", openapi_extra=QUESTION | personal("table"))
def query(cic: Cic, question: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
    """Answer a question: measures, dimensions, filter, period."""
    return cic.query(question)


@router.post("/sql", openapi_extra=personal("table"))
def sql(cic: Cic, question: SqlQuestion) -> dict[str, Any]:
    """Answer one read-only SELECT over the history."""
    return cic.sql(question.sql, question.limit)


@router.get("/explorable")
def explorable(cic: Cic) -> dict[str, Any]:
    """List what can be asked."""
    return cic.explorable()


@router.post("/verify")
def verify(cic: Cic, as_of: AsOf = "") -> dict[str, Any]:
    """Recompute all traits and segments from history and report every mismatch."""
    return cic.verify(as_of)


@router.get("/scores")
def scores(cic: Cic) -> list[dict[str, Any]]:
    """List the models with their quality against their baselines."""
    return cic.scores()
