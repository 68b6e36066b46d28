"""The applications: what people see on their desks, and what they do there.

Whatever a person does becomes a fact in the log; what she then sees is folded from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from cfa.model import CLOSED, QUEUES, Manifest
from cfa.ports import Advisor, Store, Submit
from cfa.sales.board import board, card, money
from cfa.sales.pipeline import pipelines_of, state_of
from cfa.service.queue import case_view, urgency
from cfa.working_time import RoundTheClock, work_clock
from cid.kit.clock import Clock, format_time
from cid.kit.definitions import Definitions
from cid.kit.errors import Conflict, InvalidInput, NotFound
from cid.kit.ids import stable_id

OUTCOMES = ("accepted", "rejected", "reached", "not reached", "done")
"""What usually comes of a task; any other word is welcome."""
MOST = 500
"""The most rows that one list shows."""


class Applications:
    """Where people work: tasks, cases, the pipeline board, next best actions."""

    def __init__(
        self,
        definitions: Definitions,
        store: Store,
        submit: Submit,
        advisor: Advisor,
        clock: Clock,
        names: Callable[[list[str]], dict[str, str]],
        manifests: Sequence[Manifest] = (),
        current: Callable[[str], str] = str,
    ) -> None:
        self._definitions = definitions
        self._store = store
        self._submit = submit
        self._advisor = advisor
        self._clock = clock
        self._names = names
        self._manifests = manifests
        self._current = current
        self._pipelines = pipelines_of(definitions)
        queues = definitions.of(QUEUES)
        self._clocks = {name: work_clock(definitions, name) for name in queues}

    def apps(self) -> list[dict[str, Any]]:
        """Return the installed applications."""
        return [manifest.model_dump() for manifest in self._manifests]

    def queues(self) -> list[dict[str, Any]]:
        """Return the desks where tasks and cases wait."""
        return [
            {
                "name": name,
                "title": entry.value.title.model_dump() if entry.value.title else None,
                "app": entry.value.app,
            }
            for name, entry in self._definitions.of(QUEUES).items()
        ]

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many tasks, cases, opportunities and offers there are, by state."""
        return self._store.counts()

    def tasks(
        self, state: str = "open", queue: str = "", customer: str = "", limit: int = MOST
    ) -> list[dict[str, Any]]:
        """Return tasks, those due first before the others; the done ones newest first.

        ``customer`` is an id, a former id or an identifier such as ``email:ann@example.org``.
        """
        customer = self._current(customer) if customer else ""
        where = _where("task", state, ("open", "done"), queue, customer)
        order = ("-closed_at",) if state == "done" else ("due_at", "opened_at")
        rows = self._store.rows("task", where, order=order, limit=limit)
        names = self._names_of(rows)
        return [self._task(row, names) for row in rows]

    def open_tasks(self) -> list[dict[str, Any]]:
        """Return all open tasks as they are kept, oldest first: moments in milliseconds."""
        return self._store.rows("task", {"state": "open"}, order=("opened_at",), limit=1_000_000)

    def task(self, id: str) -> dict[str, Any]:
        """Return one task.

        Raises:
            NotFound: there is no such task.
        """
        row = self._row("task", id)
        return self._task(row, self._names_of([row]))

    def complete_task(self, id: str, outcome: str, note: str, actor: str) -> dict[str, Any]:
        """Say that a task is done and what came of it.

        Raises:
            NotFound: there is no such task.
            Conflict: somebody has done it already; says who.
        """
        row = self._row("task", id)
        if row["state"] == "done":
            raise Conflict(
                f"Task {id!r} was done by {row['actor'] or 'somebody'}: {row['outcome']}."
            )
        said = {"task_id": id, "outcome": _said("outcome", outcome), "note": note}
        self._say("Task Completed", row, said, actor, message_id=f"task-completed/{id}")
        return self.task(id)

    def cases(
        self, state: str = "open", queue: str = "", customer: str = "", limit: int = MOST
    ) -> list[dict[str, Any]]:
        """Return cases, what is due first before the others; ``open`` are all not resolved."""
        customer = self._current(customer) if customer else ""
        where = _where("case", state, ("open", "waiting", "resolved"), queue, customer)
        if state == "open":
            where["state"] = ("open", "waiting")
        order = ("-resolved_at",) if state == "resolved" else ("resolve_due", "opened_at")
        rows = self._store.rows("case", where, order=order, limit=limit)
        names = self._names_of(rows)
        views = [self._case(row, names) for row in rows]
        return sorted(views, key=urgency) if state == "open" else views

    def case(self, id: str) -> dict[str, Any]:
        """Return one case with what was said in it.

        Raises:
            NotFound: there is no such case.
        """
        row = self._row("case", id)
        said = [
            {**message, "at": format_time(message["at"])} for message in self._store.messages(id)
        ]
        return {**self._case(row, self._names_of([row])), "messages": said}

    def reply(self, id: str, text: str, actor: str, waiting: bool = False) -> dict[str, Any]:
        """Answer the customer; with ``waiting`` the clock stands still until she answers.

        Raises:
            NotFound: there is no such case.
            InvalidInput: there is no text.
        """
        row = self._row("case", id)
        said = {"case_id": id, "direction": "outbound", "text": _said("text", text)}
        self._say("Case Message", row, said, actor)
        if waiting and row["state"] == "open":
            said = {"case_id": id, "status": "waiting"}
            self._say("Case Status Changed", row, said, actor)
        return self.case(id)

    def resolve(self, id: str, resolution: str, actor: str) -> dict[str, Any]:
        """Say that a case is resolved, and how.

        Raises:
            NotFound: there is no such case.
            Conflict: it is resolved already.
        """
        row = self._row("case", id)
        if row["state"] == "resolved":
            raise Conflict(f"Case {id!r} is resolved already: {row['resolution']}.")
        said = {"case_id": id, "resolution": _said("resolution", resolution)}
        self._say("Case Resolved", row, said, actor)
        return self.case(id)

    def board(self, pipeline: str = "") -> dict[str, Any]:
        """Return a pipeline as a board: stages, cards, totals, and the weighted forecast.

        Raises:
            NotFound: there is no such pipeline.
        """
        name = pipeline or next(iter(self._pipelines))
        if name not in self._pipelines:
            raise NotFound("pipeline", name, self._pipelines)
        rows = [
            *self._store.rows(
                "opportunity",
                {"pipeline": name, "state": "open"},
                order=("stage_since",),
                limit=10_000,
            ),
            *self._store.rows(
                "opportunity",
                {"pipeline": name, "state": ("won", "lost")},
                order=("-closed_at",),
                limit=MOST,
            ),
        ]
        columns, forecast = board(
            self._pipelines[name], rows, self._names_of(rows), self._clock.now()
        )
        titles = {each: value.title for each, value in self._pipelines.items()}
        return {
            "pipeline": name,
            "pipelines": [
                {"name": each, "title": title.model_dump() if title else None}
                for each, title in titles.items()
            ],
            "columns": columns,
            "forecast": forecast,
        }

    def stages(self, pipeline: str) -> list[dict[str, Any]]:
        """Return the stages of a pipeline, in order."""
        stages = self._pipelines[self._pipeline_of({"pipeline": pipeline})].stages
        return [
            {"name": name, "title": stage.title.model_dump() if stage.title else None}
            for name, stage in stages.items()
        ]

    def opportunity(self, id: str) -> dict[str, Any]:
        """Return one opportunity.

        Raises:
            NotFound: there is no such opportunity.
        """
        row = self._row("opportunity", id)
        return card(row, self._names_of([row]), self._clock.now())

    def opportunities(self, customer: str) -> list[dict[str, Any]]:
        """Return what a customer was or is offered, newest first."""
        rows = self._store.rows(
            "opportunity", {"customer": self._current(customer)}, order=("-opened_at",), limit=MOST
        )
        names, now = self._names_of(rows), self._clock.now()
        return [card(row, names, now) for row in rows]

    def move(self, opportunity: str, stage: str, actor: str) -> dict[str, Any]:
        """Move an opportunity to another stage; this is also how a lead is qualified.

        Raises:
            NotFound: there is no such opportunity or stage.
        """
        row = self._row("opportunity", opportunity)
        stages = self._pipelines[self._pipeline_of(row)].stages
        if stage not in stages:
            raise NotFound("stage", stage, stages)
        if stage != row["stage"]:
            said = {"opportunity_id": opportunity, "stage": stage}
            self._say("Opportunity Updated", row, said, actor)
        return self.opportunity(opportunity)

    def quote(self, opportunity: str, amount: float, discount: float, actor: str) -> dict[str, Any]:
        """Send a quote: an amount and a discount in per cent; rules decide who must approve it.

        Raises:
            NotFound: there is no such opportunity.
            InvalidInput: the amount is negative or the discount not between 0 and 100.
            Conflict: the opportunity is closed.
        """
        row = self._open_deal(opportunity)
        if not 0 <= amount < 10**12 or not 0 <= discount <= 100:
            raise InvalidInput(
                f"An amount of {amount} with {discount} % off cannot be quoted.",
                hint="Give an amount of 0 or more and a discount between 0 and 100.",
            )
        said = {"opportunity_id": opportunity, "amount": amount, "discount": discount}
        self._say("Quote Sent", row, said, actor)
        return self.opportunity(opportunity)

    def order(self, opportunity: str, actor: str) -> dict[str, Any]:
        """Turn a deal into an order: it is won, and the order is the customer's transaction.

        Raises:
            NotFound: there is no such opportunity.
            Conflict: it has no amount yet.
            Conflict: the opportunity is closed.
        """
        row = self._open_deal(opportunity)
        stages = self._pipelines[self._pipeline_of(row)].stages
        if row["amount"] is None:
            raise Conflict(f"Deal {opportunity!r} has no amount.", hint="Send a quote first.")
        said = {
            "order_id": f"deal-{opportunity}",
            "total": money(row["amount"]),
            "currency": row["currency"],
            "channel": "b2b",
            "quantity": 1,
            "items": [
                {
                    "sku": row["product"] or "deal",
                    "name": row["title"],
                    "category": "deal",
                    "quantity": 1,
                    "price": money(row["amount"]),
                }
            ],
            "opportunity_id": opportunity,
        }
        self._say("Order Completed", row, said, actor, message_id=f"deal-order/{opportunity}")
        won = next((name for name in stages if state_of(name, stages) == "won"), "won")
        said = {"opportunity_id": opportunity, "stage": won}
        self._say("Opportunity Updated", row, said, actor)
        return self.opportunity(opportunity)

    def next_best_action(self, customer: str) -> dict[str, Any] | None:
        """Return what to offer a customer now and why: what a rule presented, else advice."""
        customer = self._current(customer)
        offer = self._presented(customer)
        if offer is None:
            return self._advisor.next_best_action(customer)
        until = offer["until"]
        return {
            "id": offer["id"],
            "offer": offer["offer"],
            "text": offer["text"],
            "value": money(offer["value"]),
            "reason": offer["reason"],
            "until": None if until is None else format_time(until),
            "task_id": offer["task"],
            "decision": offer["decision"],
            "loop": offer["loop"],
        }

    def answer_offer(
        self, customer: str, offer: str, accepted: bool, reason: str, actor: str
    ) -> dict[str, Any]:
        """Record what a customer said to a next best action."""
        customer = self._current(customer)
        shown = self._presented(customer, _said("offer", offer))
        said = {"offer": offer, "reason": reason}
        loop = ""
        if shown is not None:
            said |= {"offer_id": shown["id"], "task_id": shown["task"]}
            loop = shown["loop"]
        else:
            advice = self._advisor.next_best_action(customer) or {}
            if advice.get("offer") == offer:
                loop = str(advice.get("loop") or "")
        event = "Offer Accepted" if accepted else "Offer Rejected"
        self._say(event, {"customer": customer, "loop": loop}, said, actor)
        return {**said, "customer": customer, "accepted": accepted}

    def search(self, text: str, limit: int = 10) -> list[dict[str, Any]]:
        """Return cases, opportunities and open tasks whose title contains a text."""
        found = self._store.search(text, limit) if text.strip() else []
        names = self._names_of(found)
        pages = {"case": "/cases/{id}", "task": "/tasks#{id}", "opportunity": "/sales/{id}"}
        return [
            {
                **row,
                "name": names.get(row["customer"], ""),
                "href": pages[row["kind"]].format(id=row["id"]),
            }
            for row in found
        ]

    def _say(
        self,
        event: str,
        about: Mapping[str, Any],
        properties: Mapping[str, Any],
        actor: str,
        message_id: str | None = None,
    ) -> None:
        result = self._submit(
            event,
            customer=about["customer"],
            properties=properties,
            actor=actor,
            loop=about["loop"],
            message_id=None if message_id is None else stable_id("m", message_id),
        )
        if result.get("state") in ("rejected", "quarantined"):
            raise Conflict(f"{event!r} was {result['state']}: {result.get('reason', '')}.")

    def _presented(self, customer: str, offer: str = "") -> dict[str, Any] | None:
        where = {"customer": customer, "state": "presented"} | ({"offer": offer} if offer else {})
        now = self._clock.now()
        rows = self._store.rows("offer", where, order=("-presented_at",), limit=MOST)
        return next((row for row in rows if row["until"] is None or row["until"] > now), None)

    def _row(self, kind: str, id: str) -> dict[str, Any]:
        row = self._store.row(kind, id)
        if row is None:
            raise NotFound(kind, id)
        return row

    def _open_deal(self, id: str) -> dict[str, Any]:
        row = self._row("opportunity", id)
        if row["state"] in CLOSED:
            raise Conflict(f"Opportunity {id!r} is {row['state']} already.")
        return row

    def _pipeline_of(self, row: Mapping[str, Any]) -> str:
        name = row["pipeline"]
        return name if name in self._pipelines else next(iter(self._pipelines))

    def _names_of(self, rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
        customers = sorted({row["customer"] for row in rows} - {""})
        return self._names(customers) if customers else {}

    def _task(self, row: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
        shown = {name: value for name, value in row.items() if name != "identity"}
        for name in ("opened_at", "due_at", "closed_at"):
            shown[name] = None if row[name] is None else format_time(row[name])
        due = row["due_at"]
        shown["overdue"] = row["state"] == "open" and due is not None and due < self._clock.now()
        shown["name"] = names.get(row["customer"], "")
        return shown | {"queue_title": self._title_of(row["queue"])}

    def _case(self, row: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
        clock = self._clocks.get(row["queue"]) or RoundTheClock()
        shown = case_view(row, names, clock, self._clock.now())
        return shown | {"queue_title": self._title_of(row["queue"])}

    def _title_of(self, queue: str) -> dict[str, Any] | None:
        entry = self._definitions.of(QUEUES).get(queue)
        return entry.value.title.model_dump() if entry and entry.value.title else None


def _where(
    kind: str, state: str, states: tuple[str, ...], queue: str, customer: str
) -> dict[str, Any]:
    if state and state not in states:
        raise InvalidInput(
            f"A {kind} is never {state!r}.", hint=f"Known: {', '.join(states)}; empty for all."
        )
    wanted = {"state": state, "queue": queue, "customer": customer}
    return {name: value for name, value in wanted.items() if value}


def _said(name: str, text: str) -> str:
    if not text.strip():
        raise InvalidInput(f"The {name} is missing.")
    return text.strip()
