"""The definition of customers over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request

from cid.facade import CustomerDefinition
from cid.kit.web import MOMENT, Guarded, Problem, personal

PROBLEMS: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "There is no such thing."},
    422: {"model": Problem, "description": "A value is wrong."},
}

router = APIRouter(route_class=Guarded, prefix="/api/cid", tags=["cid"], responses=PROBLEMS)


async def _cid(request: Request) -> CustomerDefinition:
    found: CustomerDefinition = request.state.cid
    return found


Cid = Annotated[CustomerDefinition, Depends(_cid)]
Before = Annotated[
    str,
    Query(
        max_length=40,
        description="A moment in ISO 8601, or what the page before calls ``next``; now where empty.",
        json_schema_extra={"anyOf": [*MOMENT["anyOf"], {"pattern": "@[0-9]+$"}]},
    ),
]
Customer = Annotated[str, Path(max_length=300, description="Customer id, former id or identifier.")]


@router.get("/describe")
def describe(cid: Cid, subject: Annotated[str, Query(max_length=50)] = "") -> dict[str, Any]:
    """Say what a customer is made of, how products relate, which attribute is in force where."""
    return cid.describe(subject)


@router.get("/customers", openapi_extra=personal("name", "city"))
def find(
    cid: Cid,
    q: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> list[dict[str, Any]]:
    """Find customers by name, value or identifier."""
    return cid.find(q, limit)


@router.get(
    "/customers/{id}", openapi_extra=personal("name", "identities.identifier", "orders.identity")
)
def customer(cid: Cid, id: Customer) -> dict[str, Any]:
    """Return one customer: every value with source, time and confidence."""
    return cid.customer(id)


@router.get(
    "/customers/{id}/timeline",
    openapi_extra=personal(
        "facts.identity",
        "facts.attributes.**",
        "facts.properties.text",
        "facts.properties.note",
        "facts.properties.subject",
        "facts.properties.name",
        "facts.properties.email",
        "facts.properties.phone",
    ),
)
def timeline(
    cid: Cid,
    id: Customer,
    before: Before = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    source: Annotated[str, Query(max_length=100)] = "",
) -> dict[str, Any]:
    """Return what happened with a customer over all channels, newest first."""
    return cid.timeline(id, before, limit, source)


@router.get("/products")
def products(cid: Cid, limit: Annotated[int, Query(ge=1, le=1000)] = 200) -> list[dict[str, Any]]:
    """List products with category and price."""
    return cid.products(limit)
