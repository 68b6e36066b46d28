"""The applications over HTTP: read the desks, and do there what a person may do."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from cfa.facade import Applications
from cid.kit.definitions import Title
from cid.kit.web import Guarded, personal

Moment = str
"""ISO 8601 in UTC."""
Text = Annotated[str, Field(max_length=20_000)]
Said = Annotated[str, Field(min_length=1, max_length=20_000, pattern=r"\S")]
Id = Annotated[str, Path(min_length=1, max_length=500)]
Clock = Literal["met", "missed", "breached", "due", "running", "paused"]


class Task(BaseModel):
    """Something a person has to do."""

    id: str
    app: str
    queue: str
    title: str
    customer: str
    name: str = Field(description="what the customer is called")
    rule: str
    opened_at: Moment
    due_at: Moment | None
    overdue: bool
    state: Literal["open", "done"]
    outcome: str
    note: str
    actor: str
    closed_at: Moment | None
    loop: str


class Promise(BaseModel):
    """How a promise to the customer stands."""

    state: Clock
    due: Moment | None
    left: int | None = Field(description="working time left in seconds, negative once breached")


class Case(BaseModel):
    """What a customer asked, with the clocks of our promises."""

    id: str
    subject: str
    customer: str
    name: str
    channel: str
    priority: str
    queue: str
    state: Literal["open", "waiting", "resolved"]
    opened_at: Moment
    first_response_due: Moment | None
    first_responded_at: Moment | None
    resolve_due: Moment | None
    resolved_at: Moment | None
    resolution: str
    csat: int | None
    loop: str
    response: Promise
    resolve: Promise


class CaseMessage(BaseModel):
    """What was said in a case."""

    at: Moment
    direction: Literal["inbound", "outbound"]
    text: str
    actor: str


class CaseWithMessages(Case):
    """A case and its conversation."""

    messages: list[CaseMessage]


class Amount(BaseModel):
    """A sum of money."""

    currency: str
    amount: float


class Opportunity(BaseModel):
    """A deal that may be won."""

    id: str
    title: str
    customer: str
    name: str
    pipeline: str
    stage: str
    state: Literal["open", "won", "lost"]
    amount: float | None
    currency: str
    discount: float | None = Field(description="share, 0.15 is 15 %")
    owner: str
    product: str
    close_date: str
    opened_at: Moment
    stage_since: Moment
    days_in_stage: int
    closed_at: Moment | None


class Column(BaseModel):
    """A stage of the board."""

    stage: str
    title: Title | None
    probability: float
    closed: bool
    count: int
    totals: list[Amount]
    cards: list[Opportunity]


class PipelineName(BaseModel):
    """A pipeline to choose."""

    name: str
    title: Title | None


class Board(BaseModel):
    """A pipeline with all that is in it."""

    pipeline: str
    pipelines: list[PipelineName]
    columns: list[Column]
    forecast: list[Amount]


class Action(BaseModel):
    """What to offer a customer now, and why."""

    model_config = ConfigDict(extra="allow")

    offer: str
    reason: str = ""


class Answered(BaseModel):
    """What a customer said to an offer."""

    model_config = ConfigDict(extra="allow")

    customer: str
    offer: str
    accepted: bool
    reason: str


class Given(BaseModel):
    """What every request to do something says: who does it."""

    model_config = ConfigDict(strict=True, extra="forbid")

    actor: str = Field("agent", min_length=1, max_length=200)


class Completion(Given):
    """What came of a task."""

    outcome: Said
    note: Text = ""


class Reply(Given):
    """An answer to the customer."""

    text: Said
    waiting: bool = Field(False, description="the clock stands still until the customer answers")


class Resolution(Given):
    """How a case ended."""

    resolution: Said


class Move(Given):
    """Where an opportunity goes."""

    stage: Said


class Quote(Given):
    """What is offered for how much."""

    amount: float = Field(ge=0, lt=10**12, allow_inf_nan=False)
    discount: float = Field(0, ge=0, le=100, allow_inf_nan=False, description="per cent")


class Answer(Given):
    """A customer's answer to a next best action."""

    offer: Said
    accepted: bool
    reason: Text = ""


class Found(BaseModel):
    """A case, opportunity or task that a search found."""

    kind: Literal["case", "opportunity", "task"]
    id: str
    title: str
    customer: str
    name: str
    href: str


NO_SUCH: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such thing."}}
OF_TASK = personal("title", "name", "note")
OF_CASE = personal("subject", "name", "resolution", "messages.text")
OF_DEAL = personal("name", "owner")
DONE = NO_SUCH | {409: {"description": "It contradicts the present state."}}

# What is done with a thing is named before the thing itself: an id may hold a slash.
router = APIRouter(route_class=Guarded, prefix="/api/cfa", tags=["cfa"])


async def applications(request: Request) -> Applications:
    """Return the applications of the company that is served."""
    found: Applications = request.state.cfa
    return found


Apps = Annotated[Applications, Depends(applications)]
Limit = Annotated[int, Query(ge=1, le=500)]


@router.get("/tasks", openapi_extra=OF_TASK)
def tasks(
    apps: Apps,
    state: Literal["open", "done", ""] = "open",
    queue: str = "",
    customer: str = "",
    limit: Limit = 500,
) -> list[Task]:
    """List tasks, due first."""
    return [Task(**task) for task in apps.tasks(state, queue, customer, limit)]


@router.post("/tasks/{id:path}/completion", responses=DONE, openapi_extra=OF_TASK)
def complete_task(apps: Apps, id: Id, given: Completion) -> Task:
    """Say that a task is done and what came of it."""
    return Task(**apps.complete_task(id, given.outcome, given.note, given.actor))


@router.get("/tasks/{id:path}", responses=NO_SUCH, openapi_extra=OF_TASK)
def task(apps: Apps, id: Id) -> Task:
    """Return one task."""
    return Task(**apps.task(id))


@router.get("/cases", openapi_extra=OF_CASE)
def cases(
    apps: Apps,
    state: Literal["open", "waiting", "resolved", ""] = "open",
    queue: str = "",
    customer: str = "",
    limit: Limit = 500,
) -> list[Case]:
    """List cases with their clocks, due first."""
    return [Case(**case) for case in apps.cases(state, queue, customer, limit)]


@router.post(
    "/cases/{id:path}/messages",
    responses=DONE,
    openapi_extra=OF_CASE,
)
def reply(apps: Apps, id: Id, given: Reply) -> CaseWithMessages:
    """Answer the customer."""
    return CaseWithMessages(**apps.reply(id, given.text, given.actor, given.waiting))


@router.post(
    "/cases/{id:path}/resolution",
    responses=DONE,
    openapi_extra=OF_CASE,
)
def resolve(apps: Apps, id: Id, given: Resolution) -> CaseWithMessages:
    """Say that a case is resolved, and how."""
    return CaseWithMessages(**apps.resolve(id, given.resolution, given.actor))


@router.get(
    "/cases/{id:path}",
    responses=NO_SUCH,
    openapi_extra=OF_CASE,
)
def case(apps: Apps, id: Id) -> CaseWithMessages:
    """Return one case with its conversation."""
    return CaseWithMessages(**apps.case(id))


@router.get(
    "/board", responses=NO_SUCH, openapi_extra=personal("columns.cards.name", "columns.cards.owner")
)
def board(apps: Apps, pipeline: str = "") -> Board:
    """Return a pipeline as a board."""
    return Board(**apps.board(pipeline))


@router.post("/opportunities/{id:path}/stage", responses=DONE, openapi_extra=OF_DEAL)
def move(apps: Apps, id: Id, given: Move) -> Opportunity:
    """Move an opportunity to another stage."""
    return Opportunity(**apps.move(id, given.stage, given.actor))


@router.post("/opportunities/{id:path}/quote", responses=DONE, openapi_extra=OF_DEAL)
def quote(apps: Apps, id: Id, given: Quote) -> Opportunity:
    """Send a quote."""
    return Opportunity(**apps.quote(id, given.amount, given.discount, given.actor))


@router.post("/opportunities/{id:path}/order", responses=DONE, openapi_extra=OF_DEAL)
def order(apps: Apps, id: Id, given: Given) -> Opportunity:
    """Turn a deal into an order."""
    return Opportunity(**apps.order(id, given.actor))


@router.get("/opportunities/{id:path}", responses=NO_SUCH, openapi_extra=OF_DEAL)
def opportunity(apps: Apps, id: Id) -> Opportunity:
    """Return one opportunity."""
    return Opportunity(**apps.opportunity(id))


@router.get("/customers/{id}/next-best-action")
def next_best_action(apps: Apps, id: Id) -> Action | None:
    """Return what to offer a customer now and why; null where nothing is advised."""
    action = apps.next_best_action(id)
    return None if action is None else Action(**action)


@router.post("/customers/{id}/answer", responses=DONE)
def answer_offer(apps: Apps, id: Id, given: Answer) -> Answered:
    """Record what a customer said to a next best action."""
    return Answered(**apps.answer_offer(id, given.offer, given.accepted, given.reason, given.actor))


@router.get("/search", openapi_extra=personal("title", "name"))
def search(
    apps: Apps, text: Annotated[str, Query(max_length=200)] = "", limit: Limit = 20
) -> list[Found]:
    """Return cases, opportunities and open tasks whose title contains a text."""
    return [Found(**found) for found in apps.search(text, limit)]
