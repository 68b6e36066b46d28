"""The pages of definition: customers, one customer, and the catalogue of what we hold."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from cid.kit.errors import InvalidInput
from cid.kit.web import render

router = APIRouter(include_in_schema=False)

PAGE = 50
MOST = 100
SUBJECTS = (
    "customer",
    "product",
    "channel",
    "segment",
    "transaction",
    "relationship",
    "marketing",
)


@router.get("/describe")
def describe(request: Request, subject: str = "") -> HTMLResponse:
    """What do we hold, from where, for what?"""
    catalogue = request.state.company.cid.describe(subject if subject in SUBJECTS else "")
    return render(
        request, "cid/describe.html", catalogue=catalogue, subject=subject, subjects=SUBJECTS
    )


@router.get("/customers")
def customers(request: Request, q: str = "") -> HTMLResponse:
    """Find customers by name, e-mail, telephone or number."""
    found = request.state.company.cid.find(q.strip(), limit=MOST)
    return render(request, "cid/customers.html", q=q, found=found, most=MOST)


@router.get("/customers/{id}")
def customer(
    request: Request,
    id: str,
    source: str = "",
    before: str = "",
    as_of: str = "",
    done: str = "",
) -> Response:
    """Who is she, and what should we do?"""
    company = request.state.company
    profile = company.cid.customer(id)
    if profile["id"] != id:
        return RedirectResponse(f"/customers/{quote(profile['id'])}", 302)
    moment = end_of_day(as_of)
    facts = company.cid.timeline(id, before=before or moment, limit=PAGE, source=source)
    sources = {row["source"]: row["title"] for row in company.cii.ledger()["sources"]}
    shown = {"id": id, "facts": facts, "source": source, "sources": sources, "as_of": as_of}
    if request.headers.get("hx-request"):
        return render(request, "cid/_timeline.html", **shown)
    return render(
        request,
        "cid/customer.html",
        customer=profile,
        done=done,
        **shown,
        traits=company.cic.traits(id, as_of=moment),
        memberships=company.cic.memberships(id),
        tasks=company.cfa.tasks(customer=id),
        cases=company.cfa.cases(customer=id),
        advice=company.cfa.next_best_action(id),
        decisions=company.context.decisions(customer=id, limit=5),
    )


@router.post("/customers/{id}/offer")
def answer_offer(
    request: Request,
    id: str,
    offer: Annotated[str, Form()],
    answer: Annotated[str, Form()],
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Note what the customer said to the offer; the answer is a fact like any other."""
    if answer not in ("accepted", "rejected"):
        raise InvalidInput(f"{answer!r} is no answer.", hint="Say accepted or rejected.")
    request.state.company.cfa.answer_offer(
        id, offer, answer == "accepted", reason.strip(), actor(request)
    )
    return RedirectResponse(f"/customers/{quote(id)}?done={answer}", 303)


def actor(request: Request) -> str:
    """Say who acts: until there is a login, the role the reader chose."""
    return request.cookies.get("role") or "agent"


def end_of_day(day: str) -> str:
    """Turn a day that a reader picked into the moment at which it was over.

    >>> end_of_day("2026-10-01")
    '2026-10-01T23:59:59.999Z'
    """
    if not day:
        return ""
    try:
        picked = date.fromisoformat(day)
    except ValueError:
        raise InvalidInput(f"{day!r} is not a day.", hint="Write it as 2026-01-31.") from None
    return f"{picked.isoformat()}T23:59:59.999Z"
