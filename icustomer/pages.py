"""The pages that belong to no layer: home, search, the live strip, the reader's choices."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from cid.kit.web import render

router = APIRouter(include_in_schema=False)

CHOICES = {
    "language": ("lang", ("en", "zh")),
    "theme": ("theme", ("auto", "light", "dark")),
    "role": ("role", ("agent", "analyst", "architect")),
}
YEAR = 365 * 86_400


@router.get("/")
def home(request: Request) -> HTMLResponse:
    """Is the company's customer knowledge alive? The six layers with today's figures."""
    company = request.state.company
    segments = company.cic.segments()
    rules = company.context.rules()
    work, now = company.cfa.counts(), request.state.render.clock.now()
    due = [task["due_at"] for task in company.cfa.open_tasks()]
    return render(
        request,
        "home.html",
        ledger=company.cii.ledger(),
        customers=company.summary()["customers"],
        attributes=len(company.cid.attributes()),
        segments=len(segments),
        entered=sum(segment["entered_7d"] for segment in segments),
        left=sum(segment["left_7d"] for segment in segments),
        tasks=work["task"].get("open", 0),
        overdue=sum(1 for moment in due if moment is not None and moment < now),
        cases=work["case"],
        rules=sum(1 for rule in rules if rule["enabled"]),
        fired=sum(rule["fired_30d"] for rule in rules),
        decisions=company.context.decisions(limit=6),
        latest=company.cid.find("", limit=6),
    )


@router.get("/home/capabilities")
def capabilities(request: Request) -> HTMLResponse:
    """The top floor of the house, apart: measuring may take a moment after a start."""
    return render(
        request, "_capabilities.html", capabilities=request.state.company.cbc.capabilities()
    )


@router.get("/home/pulse")
def pulse(request: Request) -> HTMLResponse:
    """How many facts each of the last ninety days brought."""
    asked = {"measures": ["events"], "dimensions": ["day"], "last": "90 d"}
    return render(request, "_pulse.html", answer=request.state.company.cic.query(asked))


@router.get("/live")
def live(request: Request) -> HTMLResponse:
    """The live strip alone, for the page that asks again and again."""
    return render(request, "_live.html")


@router.get("/search")
def search(request: Request, q: str = "") -> HTMLResponse:
    """Find customers, segments, rules, cases and measures."""
    company = request.state.company
    text = q.strip()
    found: dict[str, list[dict[str, Any]]] = {}
    if text:
        found = {
            "customers": company.cid.find(text, limit=20),
            "segments": _matching(text, company.cic.segments()),
            "rules": _matching(text, company.context.rules()),
            "work": company.cfa.search(text, limit=20),
            "measures": _matching(text, company.cbc.measures()),
        }
    return render(request, "search.html", q=text, found=found)


def _matching(text: str, things: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    wanted = text.casefold()

    def words(thing: dict[str, Any]) -> str:
        title = thing.get("title") or ""
        titles = list(title.values()) if isinstance(title, dict) else [title]
        told = [thing.get("name"), thing.get("id"), thing.get("subject"), *titles]
        return " ".join(str(word) for word in told if word).casefold()

    return [thing for thing in things if wanted in words(thing)][:20]


@router.post("/settings")
def settings(
    request: Request,
    language: Annotated[str, Form()] = "",
    theme: Annotated[str, Form()] = "",
    role: Annotated[str, Form()] = "",
    back: Annotated[str, Form()] = "/",
) -> Response:
    """Keep the reader's choice of language, theme or role, and go back to where they were."""
    # Two slashes or a backslash would lead to another site.
    home = back if back.startswith("/") and back[1:2] not in ("/", "\\") else "/"
    answer = RedirectResponse(home, 303)
    for choice, value in (("language", language), ("theme", theme), ("role", role)):
        cookie, allowed = CHOICES[choice]
        if value in allowed:
            # The page itself changes the theme too, without asking us.
            hidden = choice != "theme"
            answer.set_cookie(cookie, value, max_age=YEAR, samesite="lax", httponly=hidden)
    return answer
