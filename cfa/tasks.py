"""Tasks and offers: what rules put on a person's desk, and what people answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cfa.model import Change, Step, read_money, read_text
from cid.kit.ids import stable_id
from cid.model.fact import Fact

TASK_OPENED = "Task Opened"
"""What the desk calls it when a rule opens a task; no system sends it."""
TASK_FIELDS = ("app", "queue", "title", "rule", "due", "note")


def step_of(fact: Fact, kind: str, fields: dict[str, Any]) -> Step:
    """Make a fact a step, keeping what says whose it is and who did it."""
    said = {**fields, "actor": fact.actor, "loop": fact.loop}
    return Step(fact.time, fact.source, fact.message_id, kind, said, fact.identity)


class Tasks:
    """Keeps tasks: opened by a rule, completed by a colleague."""

    kind = "task"
    events = frozenset({TASK_OPENED, "Task Completed"})

    def take(self, fact: Fact) -> Change | None:
        """Say which task the fact is about."""
        given = fact.properties
        task = read_text(given, "task_id")
        if not task:
            return None
        if fact.event == TASK_OPENED:
            step = step_of(fact, "opened", {name: given.get(name) for name in TASK_FIELDS})
        else:
            said = {name: read_text(given, name) for name in ("outcome", "note")}
            step = step_of(fact, "completed", said)
        return Change(self.kind, task, step, fact.customer)

    def fold(self, steps: Sequence[Step]) -> dict[str, Any]:
        """Return the task as its steps left it."""
        opened = next((step for step in steps if step.kind == "opened"), None)
        done = next((step for step in reversed(steps) if step.kind == "completed"), None)
        given = opened.fields if opened else {}
        return {
            "app": given.get("app") or "service",
            "queue": given.get("queue") or "",
            "title": given.get("title") or "",
            "rule": given.get("rule") or "",
            "opened_at": (opened or steps[0]).at,
            "due_at": given.get("due"),
            "state": "done" if done else "open",
            "outcome": done.fields["outcome"] if done else "",
            "note": (done.fields["note"] if done else "") or given.get("note") or "",
            "actor": done.fields["actor"] if done else "",
            "closed_at": done.at if done else None,
            "loop": given.get("loop") or (done.fields["loop"] if done else ""),
        }


KINDS = {"Offer Presented": "opened", "Offer Accepted": "accepted", "Offer Rejected": "rejected"}


class Offers:
    """Keeps next best actions: what was shown to a customer, why, and what she answered."""

    kind = "offer"
    events = frozenset(KINDS)

    def take(self, fact: Fact) -> Change | None:
        """Say which offer the fact is about.

        Who answers an offer often does not know our id of it: then it is the customer's newest
        open one of that name.
        """
        given = fact.properties
        offer = read_text(given, "offer")
        if not offer:
            return None
        kind = KINDS[fact.event]
        fields: dict[str, Any] = {"offer": offer, "reason": read_text(given, "reason")}
        fields |= {"task": read_text(given, "task_id")}
        if kind == "opened":
            fields |= {"until": given.get("until"), "decision": read_text(given, "decision")}
            fields |= {"text": read_text(given, "text"), "value": read_money(given.get("value"))}
        known = read_text(given, "offer_id")
        return Change(
            self.kind,
            known or stable_id("offer", fact.identity or fact.customer, offer),
            step_of(fact, kind, fields),
            fact.customer,
            like="" if known or kind == "opened" else offer,
        )

    def fold(self, steps: Sequence[Step]) -> dict[str, Any]:
        """Return the offer as its steps left it."""
        shown = next((step for step in steps if step.kind == "opened"), None)
        last = steps[-1]
        answer = None if last.kind == "opened" else last
        given = shown.fields if shown else {}
        until = given.get("until")
        return {
            "offer": last.fields["offer"],
            "text": given.get("text") or "",
            "value": given.get("value"),
            "reason": given.get("reason") or "",
            "state": answer.kind if answer else "presented",
            "presented_at": shown.at if shown else None,
            "until": until if isinstance(until, int) else None,
            "answered_at": answer.at if answer else None,
            "answer": answer.fields["reason"] if answer else "",
            "actor": answer.fields["actor"] if answer else "",
            "decision": given.get("decision") or "",
            "task": given.get("task") or (answer.fields["task"] if answer else ""),
            "loop": given.get("loop") or (answer.fields["loop"] if answer else ""),
        }
