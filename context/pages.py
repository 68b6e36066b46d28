"""The pages of context: rules with what they did, one rule and its reasons, decision tables."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from cid.kit.errors import ICustomerError, NotFound
from cid.kit.web import render

router = APIRouter(include_in_schema=False)


@router.get("/rules")
def rules(request: Request) -> HTMLResponse:
    """What do we do when?"""
    return render(request, "context/rules.html", rules=request.state.company.context.rules())


@router.get("/rules/{name}")
def rule(request: Request, name: str, customer: str = "") -> HTMLResponse:
    """One rule: its definition, what it decided, and why it does or does not fire for somebody."""
    company = request.state.company
    why, unknown = None, ""
    if customer.strip():
        id = _find_one(company, customer)
        why = company.context.why(name, id) if id else None
        unknown = "" if id else customer
    return render(
        request,
        "context/rule.html",
        rule=company.context.rule(name),
        why=why,
        unknown=unknown,
        customer=customer,
    )


@router.get("/tables")
def tables(request: Request, table: str = "") -> HTMLResponse:
    """The decision tables, and which row fits the values one gives."""
    context = request.state.company.context
    given = {
        name.removeprefix("in."): value
        for name, value in request.query_params.items()
        if name.startswith("in.") and value.strip()
    }
    decided, mistake = None, None
    if table:
        try:
            values = {name: plain(text) for name, text in given.items()}
            decided = context.ask_table(table, values)
        except ICustomerError as error:
            mistake = error
    return render(
        request,
        "context/tables.html",
        tables=context.tables(),
        asked=table,
        given=given,
        decided=decided,
        mistake=mistake,
    )


def plain(text: str) -> str | int | float:
    """Read what somebody typed into a field: a number if it is one.

    >>> plain("12"), plain("0.5"), plain("gold")
    (12, 0.5, 'gold')
    """
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _find_one(company: Any, text: str) -> str:
    try:
        return str(company.cid.customer(text.strip())["id"])
    except NotFound:
        found = company.cid.find(text.strip(), limit=1)
        return str(found[0]["id"]) if found else ""
