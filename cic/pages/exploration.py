"""The pages of exploration: ask anything, see who is behind it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from cic.boards import boards
from cic.pages import answers
from cic.pages.questions import FIELDS, KINDS, LAST, MOST_STEPS, TIMES, Asked, read_row
from cid.kit.errors import ICustomerError
from cid.kit.web import render

router = APIRouter()

WAY = ("Product Viewed", "Product Added", "Checkout Started", "Order Completed")
"""What most customers do before they buy; a first look at a funnel takes what of it there is."""
BOUGHT = "Order Completed"


@router.get("/explore")
def explore(request: Request) -> HTMLResponse:
    """Ask anything: a table, a funnel, retention, paths, RFM, baskets, or a SELECT."""
    cic = request.state.company.cic
    choices = cic.explorable()
    asked = first_look(Asked.read(request.query_params.multi_items()), choices)
    found = answered(cic, asked, choices)
    fragment = request.headers.get("hx-target") == "answer"
    return render(
        request,
        "cic/_answer.html" if fragment else "cic/explore.html",
        asked=asked,
        choices=choices,
        events=event_names(choices),
        segments=[] if fragment else cic.segments(),
        kinds=KINDS,
        lasts=LAST,
        times=TIMES,
        most_steps=MOST_STEPS,
        boards=boards(cic.definitions),
        **found,
    )


@router.get("/explore/customers")
def behind(request: Request, row: str = "", value: str | None = None) -> HTMLResponse:
    """Who is behind one row or cell of an answer."""
    asked = Asked.read(request.query_params.multi_items())
    question = asked.document()
    for word in ("compare", "order", "top"):
        question.pop(word, None)
    opened = read_row(row)
    if value is not None and asked.one("by"):
        opened = {asked.one("by"): value}
    return render(
        request,
        "cic/behind.html",
        asked=asked,
        opened=opened,
        found=request.state.company.cic.open(question, opened, limit=500),
    )


def first_look(asked: Asked, choices: dict[str, Any]) -> Asked:
    """Pick something where nothing is: the first look shows an answer and not an empty form."""
    if asked.all(FIELDS[asked.kind][0]) or "sql" in asked.given:
        return asked
    events = event_names(choices)
    way = [name for name in WAY if name in events] or events[:2]
    bought = BOUGHT if BOUGHT in events else (events or [""])[0]
    picked: dict[str, tuple[str, ...]] = {}
    match asked.kind:
        case "table":
            measures = [one["name"] for one in choices["measures"]]
            picked["measure"] = tuple(measures[:1])
            if "revenue" in measures:
                picked["measure"] = ("revenue",)
            dimensions = [one["name"] for one in choices["dimensions"]]
            picked["by"] = tuple(name for name in ("month", *dimensions) if name in dimensions)[:1]
        case "funnel":
            picked["step"], picked["step_where"] = tuple(way), ("",) * len(way)
        case "retention":
            picked["first"] = (bought,)
        case "paths":
            picked["event"] = ("Product Viewed" if "Product Viewed" in events else bought,)
    return replace(asked, given={**picked, **asked.given})


def is_whole(asked: Asked) -> bool:
    """Say whether enough is chosen to be asked: what is only half chosen is no mistake yet."""
    match asked.kind:
        case "funnel":
            return sum(1 for event, _ in asked.steps if event) > 1
        case "retention" | "paths":
            return bool(asked.one("first" if asked.kind == "retention" else "event"))
    return True


def event_names(choices: dict[str, Any]) -> list[str]:
    """List the events that can be asked about."""
    return [str(one["name"] if isinstance(one, dict) else one) for one in choices.get("events", ())]


def answered(cic: Any, asked: Asked, choices: dict[str, Any], limit: int = 1000) -> dict[str, Any]:
    """Ask, and prepare what is shown; a mistake in the question is an answer, too."""
    titles = {
        one["name"]: one["title"] for kind in ("measures", "dimensions") for one in choices[kind]
    }
    nothing: dict[str, Any] = {"answer": None, "mistake": None, "columns": [], "open": asked}
    nothing["titles"] = titles
    try:
        if asked.kind == "sql":
            answer = cic.sql(asked.one("sql"), limit=limit) if asked.one("sql") else None
        elif not is_whole(asked):
            answer = None
        else:
            answer = cic.query(asked.document())
    except ICustomerError as error:
        return {**nothing, "mistake": error}
    if answer is None:
        return nothing
    answer = {"kind": asked.kind, **answer}
    columns = answers.columns_of(answer)
    table = answers.cells(answer, columns)
    pinned = (answer.get("question") or {}).get("as_of", "")
    return {
        **nothing,
        "answer": answer,
        "columns": columns,
        "table": table,
        "charts": answers.charts(answer, columns, table),
        "shape": _SHAPES[asked.kind](answer) if asked.kind in _SHAPES and answer["rows"] else None,
        # Customers are counted at the moment of the answer, also when it is opened later.
        "open": replace(asked, given={**asked.given, "as_of": (pinned,)}) if pinned else asked,
    }


_SHAPES: dict[str, Any] = {
    "funnel": answers.funnel,
    "retention": answers.cohorts,
    "rfm": answers.grid,
    "paths": answers.flow,
    "basket": answers.records,
}
