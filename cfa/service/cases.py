"""The case and its clock: what was promised, when it is due, and when the clock stands still."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from cfa.model import Step
from cfa.ports import Advisor
from cfa.working_time import WorkClock
from cid.kit.clock import DAY, HOUR, parse_duration
from cid.kit.errors import InvalidInput

SLA = "SLA"
"""The analyst's decision table: how long we may take, by priority, channel, queue and customer."""
LONGEST = 400 * DAY
DEFAULTS = {
    "urgent": (1 * HOUR, 8 * HOUR),
    "high": (4 * HOUR, 24 * HOUR),
    "normal": (8 * HOUR, 40 * HOUR),
    "low": (16 * HOUR, 80 * HOUR),
}
"""Working time until the first response and until the end, where no table says."""
_WAITING = ("waiting", "pending", "on hold", "waiting for customer")
_RESOLVED = ("resolved", "solved", "closed", "done")


def promise(advisor: Advisor, inputs: Mapping[str, Any]) -> dict[str, int]:
    """Return the working time that is promised to the customer, in milliseconds.

    The table's outputs are ``first response`` and ``resolve``, e.g. ``PT1H`` or a FEEL duration.
    """
    response, resolution = DEFAULTS.get(str(inputs.get("priority")), DEFAULTS["normal"])
    advice = advisor.decide(SLA, inputs) or {}
    return {
        "response": _length(advice.get("first response"), response),
        "resolve": _length(advice.get("resolve"), resolution),
    }


def _length(value: Any, otherwise: int) -> int:
    if isinstance(value, timedelta):
        length = int(value / timedelta(milliseconds=1))
    else:
        try:
            length = parse_duration(value) if isinstance(value, str) else otherwise
        except InvalidInput:
            length = otherwise
    return length if 0 < length <= LONGEST else otherwise


def read_status(text: str) -> str:
    """Return open, waiting (for the customer) or resolved for what a system calls it.

    >>> read_status("On hold"), read_status("in progress"), read_status("Closed")
    ('waiting', 'open', 'resolved')
    """
    word = text.strip().lower()
    return "waiting" if word in _WAITING else "resolved" if word in _RESOLVED else "open"


def read_score(value: Any) -> int | None:
    """Return a score from 1 to 5, or None where it is none."""
    try:
        score = int(str(value))
    except ValueError:
        return None
    return score if 1 <= score <= 5 else None


def fold_case(steps: Sequence[Step], opened: Step | None, clock: WorkClock) -> dict[str, Any]:
    """Return the case as its steps left it, in the order in which they happened."""
    given = opened.fields if opened else {}
    begun = (opened or steps[0]).at
    state, resolution, csat = "open", "", None
    responded = resolved = None
    runs: list[tuple[int, int | None]] = [(begun, None)]
    loop = given.get("loop") or ""
    for step in steps:
        loop = loop or step.fields.get("loop") or ""
        before = state
        match step.kind:
            case "message" if step.fields["direction"] == "outbound":
                responded = responded if responded is not None else max(step.at, begun)
            case "message" if state == "waiting":
                state = "open"
            case "status":
                state = step.fields["status"]
            case "resolved":
                state, resolution = "resolved", step.fields["resolution"]
            case "rated":
                csat = step.fields["score"] if step.fields["score"] is not None else csat
        if state != before:
            resolved = step.at if state == "resolved" else None
            if before == "open":
                runs[-1] = (runs[-1][0], max(step.at, begun))
            elif state == "open":
                runs.append((max(step.at, begun), None))
    response, whole = _promised(given)
    return {
        "subject": given.get("subject") or "",
        "channel": given.get("channel") or "",
        "priority": given.get("priority") or "normal",
        "queue": given.get("queue") or "",
        "state": state,
        "opened_at": begun,
        "first_response_due": due(clock, runs, response, responded),
        "first_responded_at": responded,
        "resolve_due": due(clock, runs, whole, resolved),
        "resolved_at": resolved,
        "resolution": resolution,
        "csat": csat,
        "loop": loop,
    }


def _promised(given: Mapping[str, Any]) -> tuple[int, int]:
    response, resolution = DEFAULTS["normal"]
    return given.get("response") or response, given.get("resolve") or resolution


def due(
    clock: WorkClock, runs: Sequence[tuple[int, int | None]], length: int, met: int | None
) -> int | None:
    """Return when a promise is due, counting only working time in which the clock ran.

    ``runs`` are the times in which we, not the customer, were to act. While the clock stands still
    and nothing was done yet, nothing is due: None. A promise kept while it stood still was due at
    that moment plus what was left.
    """
    for start, stop in runs:
        if stop is None or (met is not None and met <= stop):
            return clock.add(start, length)
        passed = clock.between(start, stop)
        if passed >= length:
            return clock.add(start, length)
        length -= passed
    return None if met is None else clock.add(met, length)
