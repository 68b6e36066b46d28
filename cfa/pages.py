"""The pages of the applications: a person's day, the pipeline board, the queue, one case."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from cfa.facade import OUTCOMES, Applications
from cid.kit.errors import InvalidInput
from cid.kit.web import render

router = APIRouter(include_in_schema=False)
MOST = 200
"""So many tasks or cases are listed at once."""


async def applications(request: Request) -> Applications:
    """Return the applications of the company that is served."""
    found: Applications = request.state.cfa
    return found


async def actor(request: Request) -> str:
    """Return who does what is asked: the role that the reader has chosen."""
    return request.cookies.get("role") or "agent"


Apps = Annotated[Applications, Depends(applications)]
Actor = Annotated[str, Depends(actor)]
Field = Annotated[str, Form(max_length=20_000)]


def _to(path: str, **query: str) -> RedirectResponse:
    given = urlencode({name: value for name, value in query.items() if value})
    return RedirectResponse(f"{path}?{given}" if given else path, 303)


@router.get("/tasks")
def tasks(
    request: Request, apps: Apps, state: str = "open", queue: str = "", customer: str = ""
) -> HTMLResponse:
    """What do people have to do now?"""
    return render(
        request,
        "cfa/tasks.html",
        tasks=apps.tasks(state, queue, customer, limit=MOST),
        customer=customer,
        queues=apps.queues(),
        counts=apps.counts()["task"],
        outcomes=OUTCOMES,
        state=state,
        queue=queue,
    )


@router.post("/tasks/{id:path}")
def complete(
    apps: Apps,
    actor: Actor,
    id: str,
    outcome: Field,
    note: Field = "",
    queue: Field = "",
) -> RedirectResponse:
    """Say that a task is done and what came of it."""
    apps.complete_task(id, outcome, note, actor)
    return _to("/tasks", queue=queue)


@router.get("/sales")
def sales(request: Request, apps: Apps, pipeline: str = "") -> HTMLResponse:
    """Where does each deal stand?"""
    return render(request, "cfa/sales.html", board=apps.board(pipeline))


@router.post("/sales/{id:path}/stage")
def move(apps: Apps, actor: Actor, id: str, stage: Field, pipeline: Field = "") -> RedirectResponse:
    """Move a deal to another stage."""
    apps.move(id, stage, actor)
    return _to("/sales", pipeline=pipeline)


@router.get("/sales/{id:path}")
def deal(request: Request, apps: Apps, id: str) -> HTMLResponse:
    """What is this deal, and what is the next step?"""
    deal = apps.opportunity(id)
    return render(request, "cfa/deal.html", deal=deal, stages=apps.stages(deal["pipeline"]))


@router.post("/sales/{id:path}/quote")
def send_quote(
    apps: Apps, actor: Actor, id: str, amount: Field, discount: Field = "0"
) -> RedirectResponse:
    """Send a quote."""
    try:
        numbers = float(amount), float(discount or 0)
    except ValueError:
        raise InvalidInput(
            f"{amount!r} with {discount!r} % off is no quote.", hint="Write numbers, e.g. 1250.50."
        ) from None
    apps.quote(id, *numbers, actor)
    return _to(f"/sales/{quote(id)}")


@router.post("/sales/{id:path}/order")
def order(apps: Apps, actor: Actor, id: str) -> RedirectResponse:
    """Turn a deal into an order."""
    apps.order(id, actor)
    return _to(f"/sales/{quote(id)}")


@router.get("/service")
def service(request: Request, apps: Apps, state: str = "open", queue: str = "") -> HTMLResponse:
    """Who waits for us, and how long may it take?"""
    return render(
        request,
        "cfa/service.html",
        cases=apps.cases(state, queue, limit=MOST),
        most=MOST,
        queues=apps.queues(),
        counts=apps.counts()["case"],
        state=state,
        queue=queue,
    )


@router.get("/cases/{id:path}")
def case(request: Request, apps: Apps, id: str) -> HTMLResponse:
    """What was asked and said, and what is promised?"""
    found = apps.case(id)
    return render(
        request,
        "cfa/case.html",
        case=found,
        action=apps.next_best_action(found["customer"]),
        tasks=apps.tasks(customer=found["customer"], limit=10),
    )


@router.post("/cases/{id:path}/reply")
def reply(apps: Apps, actor: Actor, id: str, text: Field, waiting: Field = "") -> RedirectResponse:
    """Answer the customer."""
    apps.reply(id, text, actor, waiting=bool(waiting))
    return _to(f"/cases/{quote(id)}")


@router.post("/cases/{id:path}/resolve")
def resolve(apps: Apps, actor: Actor, id: str, resolution: Field) -> RedirectResponse:
    """Say that a case is resolved, and how."""
    apps.resolve(id, resolution, actor)
    return _to(f"/cases/{quote(id)}")


@router.post("/cases/{id:path}/offer")
def answer(
    apps: Apps, actor: Actor, id: str, offer: Field, accepted: Field, reason: Field = ""
) -> RedirectResponse:
    """Record what the customer said to the next best action."""
    customer = apps.case(id)["customer"]
    apps.answer_offer(customer, offer, accepted == "yes", reason, actor)
    return _to(f"/cases/{quote(id)}")
