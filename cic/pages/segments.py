"""The pages of segments: all of them, and one with who is in and why."""

from __future__ import annotations

import csv
import io
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from cid.kit.errors import NotFound
from cid.kit.web import render

router = APIRouter()


@router.get("/segments")
def segments(request: Request) -> HTMLResponse:
    """Who is in, who moved?"""
    return render(request, "cic/segments.html", segments=request.state.company.cic.segments())


@router.get("/segments/{name}")
def segment(
    request: Request,
    name: str,
    customer: str = "",
    as_of: str = "",
    after: str = "",
    saved: str = "",
    entered: int = 0,
    left: int = 0,
) -> HTMLResponse:
    """Who is in one segment, who moved, and why somebody is or is not in it."""
    company = request.state.company
    why, unknown = None, ""
    if customer.strip():
        id = find_one(company, customer)
        why = company.cic.why(name, id) if id else None
        unknown = "" if id else customer
    return render(
        request,
        "cic/segment.html",
        segment=company.cic.segment(name),
        members=company.cic.members(name, as_of=end_of(as_of), limit=200, after=after),
        why=why,
        unknown=unknown,
        customer=customer,
        as_of=as_of,
        saved=saved,
        entered=entered,
        left=left,
    )


@router.get("/segments/{name}/members.csv")
def members_csv(request: Request, name: str, as_of: str = "") -> Response:
    """The members as a file: numbers and moments, no personal data."""
    found = request.state.company.cic.members(name, as_of=as_of, limit=1_000_000)
    file = io.StringIO()
    rows = csv.writer(file)
    rows.writerow(["customer", "since"])
    rows.writerows([member["customer"], member["since"]] for member in found["members"])
    return Response(
        file.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": "attachment; filename=members.csv"},
    )


def end_of(day: str) -> str:
    """Return the moment that a reader means who picks a day: that day to its end.

    >>> end_of("2026-03-01"), end_of("")
    ('2026-03-01T23:59:59.999Z', '')
    """
    return f"{day}T23:59:59.999Z" if len(day) == 10 else day


def find_one(company: Any, text: str) -> str:
    """Return the customer that a reader means by a number or a name; empty if there is none."""
    try:
        return str(company.cid.customer(text.strip())["id"])
    except NotFound:
        found = company.cid.find(text.strip(), limit=1)
        return str(found[0]["id"]) if found else ""
