"""The pages of intelligence: segments, one segment, a condition tried out, and free questions."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from cid.kit.errors import ICustomerError, NotFound
from cid.kit.web import render

router = APIRouter(include_in_schema=False)

TIMES = ("day", "week", "month")


@router.get("/segments")
def segments(request: Request, when: str = "") -> HTMLResponse:
    """Who is in, who moved?"""
    return render(
        request,
        "cic/segments.html",
        segments=request.state.company.cic.segments(),
        when=when,
        **_tried(request, when),
    )


@router.get("/preview")
def preview(request: Request, when: str = "") -> HTMLResponse:
    """Who would be in, while one types."""
    return render(request, "cic/_preview.html", when=when, **_tried(request, when))


def _tried(request: Request, when: str) -> dict[str, Any]:
    """Try a condition; a mistake in it is an answer: people are still typing."""
    if not when.strip():
        return {"preview": None, "mistake": None}
    try:
        return {"preview": request.state.company.cic.preview(when), "mistake": None}
    except ICustomerError as error:
        return {"preview": None, "mistake": error}


@router.get("/segments/{name}")
def segment(request: Request, name: str, customer: str = "", as_of: str = "") -> HTMLResponse:
    """Who is in one segment, who moved, and why somebody is or is not in it."""
    company = request.state.company
    why, unknown = None, ""
    if customer.strip():
        id = find_one(company, customer)
        why = company.cic.why(name, id) if id else None
        unknown = "" if id else customer
    # A day that a reader picks means that day to its end.
    moment = f"{as_of}T23:59:59.999Z" if len(as_of) == 10 else as_of
    return render(
        request,
        "cic/segment.html",
        segment=company.cic.segment(name),
        members=company.cic.members(name, as_of=moment, limit=200),
        why=why,
        unknown=unknown,
        customer=customer,
        as_of=as_of,
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


@dataclass(frozen=True)
class Question:
    """What a reader picked on the page of exploration."""

    measure: str = ""
    by: str = ""
    where: str = ""
    segment: str = ""
    last: str = "365 d"
    before: str = ""

    def document(self) -> dict[str, Any]:
        """Return it as exploration wants to be asked."""
        asked: dict[str, Any] = {"measures": [self.measure], "filter": self.where}
        if self.by:
            asked["dimensions"] = [self.by]
        if self.segment:
            asked["segment"] = self.segment
        if self.last:
            asked["last"] = self.last
        if self.before and self.last and self.by not in TIMES:
            asked["compare"] = "previous"
        if self.by and self.by not in TIMES:
            asked["order"] = f"-{self.measure}"
        return asked


Asked = Annotated[Question, Depends()]


@router.get("/explore")
def explore(request: Request, asked: Asked, sql: str | None = None) -> HTMLResponse:
    """Ask anything: pick a measure and a dimension, or write a SELECT."""
    cic = request.state.company.cic
    choices = cic.explorable()
    if not asked.measure and choices["measures"]:
        # The first look shows an answer and not an empty form.
        names = [one["name"] for one in choices["measures"]]
        first = "revenue" if "revenue" in names else names[0]
        dimensions = [one["name"] for one in choices["dimensions"]]
        by = next((name for name in ("month", *dimensions) if name in dimensions), "")
        asked = replace(asked, measure=first, by=by)
    result, mistake = None, None
    try:
        if sql is not None:
            result = cic.sql(sql, limit=1000) if sql.strip() else None
        else:
            result = cic.query(asked.document())
    except ICustomerError as error:
        mistake = error
    return render(
        request,
        "cic/explore.html",
        choices=choices,
        segments=cic.segments(),
        asked=asked,
        again=urlencode({name: value for name, value in asdict(asked).items() if value}),
        times=TIMES,
        sql=sql,
        columns=[_column(one) for one in result["columns"]] if result else [],
        result=result,
        mistake=mistake,
    )


@router.get("/explore/customers")
def behind(request: Request, asked: Asked, value: str | None = None) -> HTMLResponse:
    """Who is behind one row of an answer."""
    question = asked.document()
    question.pop("compare", None)
    row = {asked.by: value} if asked.by else {}
    return render(
        request,
        "cic/behind.html",
        asked=asked,
        value=value,
        found=request.state.company.cic.open(question, row, limit=500),
    )


def _column(column: Any) -> dict[str, Any]:
    return dict(column) if isinstance(column, dict) else {"name": column, "title": None}


def find_one(company: Any, text: str) -> str:
    """Return the customer that a reader means by a number or a name; empty if there is none."""
    try:
        return str(company.cid.customer(text.strip())["id"])
    except NotFound:
        found = company.cid.find(text.strip(), limit=1)
        return str(found[0]["id"]) if found else ""
