"""Questions about many customers over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field

from cic.api.parameters import RESPONSES, Cic
from cid.kit.web import Guarded, personal


class SqlQuestion(BaseModel):
    """One SELECT over the history."""

    model_config = ConfigDict(extra="forbid")

    sql: str = Field(max_length=100_000)
    limit: int = Field(10_000, ge=1, le=100_000)


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
    responses=RESPONSES,
)


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
