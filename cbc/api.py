"""Capabilities over HTTP: numbers with their intervals, the rows behind them, loops."""

from __future__ import annotations

import csv
import io
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel

from cbc.facade import MAX_DRILL, Capabilities
from cbc.measurement.reading import Comparison, Verdict
from cid.kit.definitions import Title
from cid.kit.privacy import masked, sees_personal
from cid.kit.web import MOMENT, Guarded, personal, role_of

Moment = str
"""ISO 8601 in UTC."""
Kind = Literal["ratio", "average", "sum", "count", "difference"]


class Figures(BaseModel):
    """A number, what it is made of, and its 90 % interval."""

    value: float | None
    numerator: float
    denominator: float
    n: int
    low: float | None
    high: float | None


class Spell(Figures):
    """A number in one period; ``end`` is not part of it."""

    start: Moment
    end: Moment


class TrendPoint(Spell):
    """A number in one of the last twelve periods."""

    partial: str


class MeasureBrief(Spell):
    """A measure with its present number, the one before, and the target."""

    name: str
    title: Title | None
    description: Title | None
    unit: str
    kind: Kind
    better: Literal["higher", "lower"]
    owner: str
    as_of: Moment
    partial: str
    target: float | None
    verdict: Verdict
    needed: int | None
    previous: float | None
    before: Spell
    comparison: Comparison
    fresh: Moment | None
    problem: str


class Named(BaseModel):
    """A thing by name."""

    name: str
    title: Title | None


class Goal(Named, Figures):
    """A goal of the strategy beside the number it is about, among the customers it is for."""

    proposition: Title | None
    segment: str
    capability: str
    measure: str
    target: float
    until: str
    unit: str
    verdict: Verdict


class Measure(MeasureBrief):
    """A measure with all that is to be said of it, and its last twelve periods."""

    trend: list[TrendPoint] = []
    formula: str
    period: str
    looks_back: str
    version: str
    file: str
    line: int
    builtin: bool
    sql: str
    reads: list[str]
    needs: list[str]
    used_by: list[Named]
    goals: list[Goal]


class Drill(Spell):
    """The rows a number counts."""

    measure: str
    title: Title | None
    kind: Kind
    unit: str
    as_of: Moment
    columns: list[str]
    rows: list[dict[str, Any]]
    names: dict[str, str]
    cut: bool


class CapabilityBrief(BaseModel):
    """Something the company is able to do, and which of its measures move."""

    name: str
    title: Title | None
    description: Title | None
    owner: str
    version: str
    file: str
    line: int
    builtin: bool
    seeds: list[str]
    state: Literal["up", "down", "flat"]
    better: int
    worse: int
    met: int
    missed: int
    with_target: int
    measured: int
    measures: list[MeasureBrief]


class Element(BaseModel):
    """An element of a lower layer and whether it is in use."""

    name: str
    layer: str
    kind: str
    records: int | None
    last: Moment | None
    in_use: bool | None
    link: str


class Capability(CapabilityBrief):
    """A capability with its goals and the elements it stands on."""

    as_of: Moment
    goals: list[Goal]
    elements: list[Element]


class Step(BaseModel):
    """One thing that happened in a loop."""

    time: Moment
    layer: str
    kind: str
    what: str
    customer: str
    actor: str
    detail: str
    link: str


class Moved(Named):
    """A measure in which a loop counts."""

    unit: str
    numerator: float
    denominator: float
    link: str


class Loop(BaseModel):
    """One loop from the insight to what came of it."""

    id: str
    state: Literal["open", "closed"]
    customers: list[str]
    names: dict[str, str]
    began: Moment
    closed: Moment | None
    hours: float | None
    outcome: str
    steps: list[Step]
    measures: list[Moved]


NO_SUCH: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such thing."}}
CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {}}}}

PERSONAL = ("names.**", *(f"rows.{name}" for name in ("text", "task", "title", "subject", "name")))

router = APIRouter(route_class=Guarded, prefix="/api/cbc", tags=["cbc"])


async def capabilities_of(request: Request) -> Capabilities:
    """Return the capabilities of the company that is served."""
    found: Capabilities = request.state.cbc
    return found


Cbc = Annotated[Capabilities, Depends(capabilities_of)]
Name = Annotated[str, Path(min_length=1, max_length=200)]
AsOf = Annotated[
    str,
    Query(
        max_length=40,
        description="moment, ISO 8601; now if empty",
        json_schema_extra=MOMENT,
    ),
]


@router.get("/measures")
def measures(cbc: Cbc, as_of: AsOf = "") -> list[MeasureBrief]:
    """List all measures with their present number, the one before, and the target."""
    return [MeasureBrief(**each) for each in cbc.measures(as_of)]


@router.get("/measures/{name}", responses=NO_SUCH)
def measure(cbc: Cbc, name: Name, as_of: AsOf = "") -> Measure:
    """Return one measure with its trend, formula and SQL."""
    return Measure(**cbc.measure(name, as_of))


@router.get(
    "/measures/{name}/drill",
    responses=NO_SUCH | CSV,
    response_model=Drill,
    openapi_extra=personal(*PERSONAL),
)
def drill(
    request: Request,
    cbc: Cbc,
    name: Name,
    as_of: AsOf = "",
    limit: Annotated[int, Query(ge=1, le=MAX_DRILL)] = 1000,
    format: Literal["json", "csv"] = "json",
) -> Any:
    """Return the rows a number counts, also as CSV; added up again they give the number."""
    found = cbc.drill(name, as_of, limit)
    if format == "json":
        return Drill(**found)
    if not sees_personal(role_of(request)):
        found = masked(found, PERSONAL)
    return Response(
        _csv(found["columns"], found["rows"]),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": "attachment; filename=measure.csv"},
    )


@router.get("/capabilities")
def capabilities(cbc: Cbc) -> list[CapabilityBrief]:
    """List what the company is able to do."""
    return [CapabilityBrief(**each) for each in cbc.capabilities()]


@router.get("/capabilities/{name}", responses=NO_SUCH)
def capability(cbc: Cbc, name: Name, as_of: AsOf = "") -> Capability:
    """Return one capability with its measures, goals and elements."""
    return Capability(**cbc.capability(name, as_of))


@router.get(
    "/loops/{id}", responses=NO_SUCH, openapi_extra=personal("names.**", "steps.what?layer=cfa")
)
def loop(cbc: Cbc, id: Name) -> Loop:
    """Trace one loop from the insight to what came of it."""
    return Loop(**cbc.loop(id))


def _csv(columns: list[str], rows: list[dict[str, Any]]) -> str:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow([_cell(column) for column in columns])
    writer.writerows([_cell(row[column]) for column in columns] for row in rows)
    return file.getvalue()


def _cell(value: Any) -> Any:
    """Keep a text that looks like a formula from being run by a spreadsheet."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value
