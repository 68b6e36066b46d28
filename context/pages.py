"""The pages of context: rules with what they did, one rule and its reasons, decision tables."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from cid.kit.errors import ICustomerError, NotFound
from cid.kit.web import render, role_of
from context.passages import read_grid, write_grid
from context.publishing import PUBLISHERS
from context.workbench import Author

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Form(max_length=200_000)]
Short = Annotated[str, Form(max_length=500)]
MANY_DAYS = 92
PLACES = {"rule": "/rules/", "table": "/tables/"}


async def author(request: Request) -> Author:
    """Return who writes: the role, and the name where people log in."""
    return Author(role_of(request), str(getattr(request.state, "person", "")))


Writer = Annotated[Author, Depends(author)]


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


@router.get("/rules/{name}/edit")
def edit_rule(request: Request, name: str, writer: Writer) -> HTMLResponse:
    """Write a rule: as text, with what is wrong with it beside."""
    return _editor(request, name, writer)


@router.get("/tables/{name}/edit")
def edit_table(request: Request, name: str, writer: Writer) -> HTMLResponse:
    """Write a decision table: as a grid, with what is wrong with it beside."""
    return _grid(request, name, writer)


@router.get("/new/{kind}")
def begin(kind: str, name: str = "") -> Response:
    """Begin with a new rule or decision table of that name."""
    words = " ".join(name.split())
    place = PLACES.get(kind, "/rules/")
    if not words or "/" in words:
        return RedirectResponse(place.rstrip("/"), 303)
    return RedirectResponse(f"{place}{quote(words, safe='')}/edit", 303)


@router.post("/rules/{name}/diagnose")
def diagnose(request: Request, name: str, text: Text = "", caret: int = Form(-1)) -> HTMLResponse:
    """Say what is wrong with a rule while one types, and what the word may become."""
    bench = request.state.company.context.workbench
    return render(
        request,
        "context/_found.html",
        **bench.diagnose("rule", name, text),
        offers=bench.complete("rule", text, caret) if caret >= 0 else [],
        typing=True,
    )


@router.post("/rules/{name}/edit")
def write_rule(
    request: Request,
    name: str,
    writer: Writer,
    do: Short = "check",
    text: Text = "",
    reason: Short = "",
    version: Short = "",
    customer: Short = "",
    days: Annotated[int, Form(ge=1, le=3650)] = 90,
) -> Response:
    """Do with a rule what its author wants: check, try, keep, publish, go back, take out of force."""
    context = request.state.company.context
    shown: dict[str, Any] = {"customer": customer, "reason": reason, "days": days}
    try:
        if do in ("check", "history"):
            shown["audience"] = context.workbench.audience(name, text)
        if do == "try":
            found = _find_one(request.state.company, customer) if customer.strip() else ""
            shown["unknown"] = "" if found else customer
            if found:
                person = request.state.company.cid.customer(found)["name"]
                shown["tried"] = {**context.workbench.try_on(name, text, found), "name": person}
        elif do == "history":
            draft = context.workbench.read(name, text)
            shown["history"] = _by_rhythm(context.backtest(name, days, draft=draft))
            context.workbench.tried(name, text, writer)
        elif do != "check":
            return _carry_out(request, "rule", name, writer, do, text, reason, version)
    except ICustomerError as error:
        shown["mistake"] = error
    return _editor(request, name, writer, text, **shown)


@router.post("/tables/{name}/edit")
async def write_table(request: Request, name: str, writer: Writer) -> Response:
    """Do with a decision table what its author wants; its cells come one by one."""
    from anyio.to_thread import run_sync

    form = await request.form(max_fields=20_000)
    given = {str(key): str(value)[:2_000] for key, value in form.items()}
    return await run_sync(_write_table, request, name, writer, given)


def _write_table(request: Request, name: str, writer: Author, given: dict[str, str]) -> Response:
    do, reason = given.get("do", "check"), given.get("reason", "")
    bench = request.state.company.context.workbench
    block = bench.text("table", name)
    shown: dict[str, Any] = {"reason": reason}
    try:
        text = write_grid(name, block, given)
        if do in PUBLISHING:
            version = given.get("version", "")
            return _carry_out(request, "table", name, writer, do, text, reason, version)
    except ICustomerError as error:
        shown["mistake"] = error
        text = block if do not in PUBLISHING else text
    return _grid(request, name, writer, text, **shown)


PUBLISHING = ("save", "shadow", "publish", "approve", "back", "retire")


def _carry_out(
    request: Request,
    kind: str,
    name: str,
    writer: Author,
    do: str,
    text: str,
    reason: str,
    version: str,
) -> Response:
    bench = request.state.company.context.workbench
    if do == "save":
        done = bench.save(kind, name, text, writer, reason)
    elif do == "shadow":
        done = bench.shadow(kind, name, text, writer, reason)
    elif do == "publish":
        done = bench.publish(kind, name, text, writer, reason)
    elif do == "approve":
        done = bench.approve(kind, name, version, writer)
    elif do == "back":
        done = bench.roll_back(kind, name, writer, reason)
    elif do == "retire":
        done = bench.retire(kind, name, writer, reason)
    else:
        raise NotFound("step", do, PUBLISHING)
    query = urlencode({"done": done["state"]})
    return RedirectResponse(f"{PLACES[kind]}{quote(name, safe='')}/edit?{query}", 303)


def _editor(
    request: Request, name: str, writer: Author, text: str | None = None, **shown: Any
) -> HTMLResponse:
    context = request.state.company.context
    page = context.workbench.open("rule", name, text)
    return render(
        request,
        "context/edit.html",
        page=page,
        findings=page["findings"],
        scenarios=page["scenarios"],
        sound=page["sound"],
        at_work=context.rule(name) if page["live"] else None,
        may=writer.role in PUBLISHERS,
        writer=writer,
        done=request.query_params.get("done", ""),
        **shown,
    )


def _grid(
    request: Request, name: str, writer: Author, text: str | None = None, **shown: Any
) -> HTMLResponse:
    bench = request.state.company.context.workbench
    page = bench.open("table", name, text)
    return render(
        request,
        "context/grid.html",
        page=page,
        grid=read_grid(name, page["text"]),
        findings=page["findings"],
        scenarios=page["scenarios"],
        sound=page["sound"],
        may=writer.role in PUBLISHERS,
        writer=writer,
        done=request.query_params.get("done", ""),
        **shown,
    )


def _by_rhythm(history: dict[str, Any]) -> dict[str, Any]:
    """Add up by week what would be too many days to be seen one by one."""
    days = history["by_day"]
    step = 7 if len(days) > MANY_DAYS else 1
    parts = [days[start : start + step] for start in range(0, len(days), step)]
    rhythm = [
        {
            "day": part[0]["day"],
            **{label: sum(one.get(label, 0) for one in part) for label in ("live", "draft")},
        }
        for part in parts
    ]
    return {**history, "rhythm": rhythm, "weekly": step > 1}


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
