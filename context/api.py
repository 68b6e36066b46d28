"""Context over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from cid.kit.web import Guarded, Problem, personal
from context.facade import CustomerContext

router = APIRouter(
    route_class=Guarded,
    prefix="/api/context",
    tags=["context"],
    responses={
        404: {"model": Problem, "description": "There is no such thing."},
        422: {"model": Problem, "description": "A value is wrong."},
    },
)


async def _context(request: Request) -> CustomerContext:
    found: CustomerContext = request.state.context
    return found


Context = Annotated[CustomerContext, Depends(_context)]
Name = Annotated[str, Path(max_length=200)]


class Asked(BaseModel):
    """What is to be tried on history."""

    model_config = ConfigDict(extra="forbid")

    days: int = Field(90, ge=1, le=3650)
    draft: str | None = Field(None, max_length=200_000)
    """The rule as it would be, as YAML."""


@router.get("/rules")
def rules(context: Context) -> list[dict[str, Any]]:
    """List the rules: what sets them off, how often they fired."""
    return context.rules()


@router.get("/rules/{name}")
def rule(context: Context, name: Name) -> dict[str, Any]:
    """Return one rule with its definition and its last decisions."""
    return context.rule(name)


@router.get("/rules/{name}/why/{customer}", openapi_extra=personal("name", "values.@"))
def why(context: Context, name: Name, customer: Name) -> dict[str, Any]:
    """Say why a rule fires, or does not, for a customer."""
    return context.why(name, customer)


@router.post("/backtest")
def backtest_all(
    context: Context, days: Annotated[int, Query(ge=1, le=3650)] = 90
) -> dict[str, Any]:
    """Say for every rule whom it would have reached in the last days."""
    return context.backtest_all(days)


@router.post("/rules/{name}/backtest", openapi_extra=personal("who_gained.name", "who_lost.name"))
def backtest(context: Context, name: Name, asked: Asked) -> dict[str, Any]:
    """Say whom a rule would have reached in the last days, and whom a draft of it would."""
    return context.backtest(name, asked.days, asked.draft)


@router.get(
    "/decisions", openapi_extra=personal("identity", "seen.@", "seen.event.note", "seen.event.text")
)
def decisions(
    context: Context,
    customer: Annotated[str, Query(max_length=300)] = "",
    rule: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> list[dict[str, Any]]:
    """List what was decided, newest first."""
    return context.decisions(customer, rule, limit)


@router.get("/tables")
def tables(context: Context) -> list[dict[str, Any]]:
    """List the decision tables."""
    return context.tables()


@router.post("/tables/{name}/decide")
def decide(
    context: Context, name: Name, inputs: Annotated[dict[str, Any], Body()]
) -> dict[str, Any]:
    """Ask a decision table; ``customer`` among the inputs lets it read that customer's values."""
    return context.ask_table(name, inputs)
