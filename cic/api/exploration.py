"""Questions about many customers over HTTP.

History shows each reader what she may see (`cic.policies`): nothing is masked once more here, so that an
answer, the customers behind it and its file are the same.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field

from cic.api.parameters import RESPONSES, Cic
from cic.exploration.questions import KINDS
from cid.kit.web import Guarded


class SqlQuestion(BaseModel):
    """One SELECT over the history."""

    model_config = ConfigDict(extra="forbid")

    sql: str = Field(max_length=100_000)
    limit: int = Field(10_000, ge=1, le=100_000)


class Behind(BaseModel):
    """A row of an answer, to be opened to the customers behind it."""

    model_config = ConfigDict(extra="forbid")

    question: dict[str, Any] = Field(json_schema_extra={"additionalProperties": True})
    """The question as its answer repeats it, with its moment pinned."""
    row: dict[str, Any] = Field({}, json_schema_extra={"additionalProperties": True})
    """Values of the columns that tell rows apart, by name; those left out may be any."""
    limit: int = Field(1_000, ge=1, le=100_000)


class Shown(BaseModel):
    """A column of an answer."""

    name: str
    kind: Literal["dimension", "measure", "before"]
    type: str
    """text, number, money, share, duration, date, moment, boolean or customer."""
    unit: str
    title: dict[str, str]
    key: bool
    """Whether it tells rows apart."""


class Answer(BaseModel):
    """The answer to a question, with its code and the place in history up to which it holds."""

    kind: str
    question: dict[str, Any]
    columns: list[Shown]
    rows: list[list[Any]]
    cut: bool
    partial: list[str]
    """Days, weeks or months that the period, or the present, cuts off."""
    additive: bool
    chart: str
    sql: str
    python: str
    position: int
    ms: float


class Customers(BaseModel):
    """The customers behind a row, those with most behind it first."""

    columns: list[str]
    rows: list[list[Any]]
    cut: bool
    size: int
    """How many there are in all."""
    sql: str
    position: int


def _inlined(schema: Any, known: dict[str, Any]) -> Any:
    """Write a schema without references, so that it stands alone in an operation."""
    if isinstance(schema, list):
        return [_inlined(each, known) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if reference := schema.get("$ref"):
        return _inlined(known[reference.rpartition("/")[2]], known)
    return {name: _inlined(each, known) for name, each in schema.items() if name != "$defs"}


def _asked() -> dict[str, Any]:
    schemas = []
    for model in KINDS.values():
        schema = model.model_json_schema()
        schemas.append(_inlined(schema, schema.get("$defs", {})))
    return {"anyOf": schemas}


QUESTION = {"requestBody": {"content": {"application/json": {"schema": _asked()}}}}

router = APIRouter(
    route_class=Guarded,
    prefix="/api/cic",
    tags=["cic"],
    responses=RESPONSES,
)


@router.post("/query", openapi_extra=QUESTION, responses={200: {"model": Answer}})
def query(cic: Cic, question: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
    """Answer a question: a table, a funnel, cohorts, paths, RFM classes, baskets, or SQL."""
    return cic.query(question)


@router.post("/open", responses={200: {"model": Customers}})
def open_row(cic: Cic, behind: Behind) -> dict[str, Any]:
    """Return the customers behind a row of an answer."""
    return cic.open(behind.question, behind.row, behind.limit)


@router.post("/sql")
def sql(cic: Cic, question: SqlQuestion) -> dict[str, Any]:
    """Answer one read-only SELECT over the history."""
    return cic.sql(question.sql, question.limit)


@router.get("/explorable")
def explorable(cic: Cic) -> dict[str, Any]:
    """List what can be asked: kinds of questions, measures, dimensions, events and views."""
    return cic.explorable()
