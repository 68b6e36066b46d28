"""The queue: cases in the order in which they are due, each with its two clocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cfa.working_time import WorkClock
from cid.kit.clock import HOUR, format_time

SOON = HOUR
"""Working time before a promise is due from which the case is marked."""


def case_view(
    row: Mapping[str, Any], names: Mapping[str, str], clock: WorkClock, now: int
) -> dict[str, Any]:
    """Return a case as a person at the desk sees it."""
    moments = (
        "opened_at",
        "first_response_due",
        "first_responded_at",
        "resolve_due",
        "resolved_at",
    )
    shown = {name: row[name] for name in row if name not in ("identity", "steps")}
    shown |= {name: None if row[name] is None else format_time(row[name]) for name in moments}
    response = promise_view(
        clock, row["first_response_due"], row["first_responded_at"], row["state"], now
    )
    whole = promise_view(clock, row["resolve_due"], row["resolved_at"], row["state"], now)
    shown["name"] = names.get(row["customer"], "")
    shown["response"], shown["resolve"] = response, whole
    shown["next"] = whole if response["state"] in ("met", "missed") else response
    return shown


def promise_view(
    clock: WorkClock, due: int | None, met: int | None, state: str, now: int
) -> dict[str, Any]:
    """Say how a promise stands: met, missed, breached, due (soon), running or paused.

    ``left`` is the working time left in seconds, falling below 0 once it is breached.
    """
    if met is not None:
        word, left = ("met" if due is None or met <= due else "missed"), None
    elif due is None or state == "resolved":
        word, left = ("paused" if state == "waiting" else "met"), None
    elif now > due:
        word, left = "breached", -clock.between(due, now) // 1_000
    else:
        rest = clock.between(now, due)
        word, left = ("due" if rest <= SOON else "running"), rest // 1_000
    return {"state": word, "due": None if due is None else format_time(due), "left": left}


def urgency(case: Mapping[str, Any]) -> tuple[bool, str, str]:
    """Sort key: what is due first comes first, what waits for the customer last."""
    due = case["next"]["due"]
    return (due is None, due or "", case["opened_at"])
