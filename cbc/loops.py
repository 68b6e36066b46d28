"""A closed loop, traced by its id: from insight through rule and task to outcome (S3.CL)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote

from cid.kit.clock import HOUR, format_time, parse_time, to_millis

STEPS = """
WITH members AS (
  SELECT customer FROM changes WHERE loop = $loop UNION
  SELECT customer FROM decisions WHERE loop = $loop UNION
  SELECT customer FROM tasks WHERE loop = $loop UNION
  SELECT customer FROM cases WHERE loop = $loop
), began AS (
  SELECT min(time) AS time FROM (
    SELECT min(effective_at) AS time FROM changes WHERE loop = $loop UNION ALL
    SELECT min("at") FROM decisions WHERE loop = $loop UNION ALL
    SELECT min(opened_at) FROM tasks WHERE loop = $loop UNION ALL
    SELECT min(opened_at) FROM cases WHERE loop = $loop)
)
SELECT effective_at AS time, 'cic' AS layer, kind, segment AS what, customer, '' AS actor,
       cause AS detail, '' AS id
FROM changes WHERE loop = $loop
UNION ALL
SELECT "at", 'context', CASE WHEN fired THEN 'decided' ELSE 'declined' END, rule, customer, actor,
       reason, id
FROM decisions WHERE loop = $loop
UNION ALL
SELECT "at", 'context', 'action', action, customer, '', state, id FROM actions WHERE loop = $loop
UNION ALL
SELECT opened_at, 'cfa', 'task opened', title, customer, '', queue, id FROM tasks WHERE loop = $loop
UNION ALL
SELECT closed_at, 'cfa', 'task done', title, customer, actor, outcome, id
FROM tasks WHERE loop = $loop AND closed_at IS NOT NULL
UNION ALL
SELECT opened_at, 'cfa', 'case opened', subject, customer, '', queue, id
FROM cases WHERE loop = $loop
UNION ALL
SELECT resolved_at, 'cfa', 'case resolved', subject, customer, '', state, id
FROM cases WHERE loop = $loop AND resolved_at IS NOT NULL
UNION ALL
SELECT time, 'cii', CASE WHEN event IN ('Offer Presented', 'Email Sent', 'Email Delivered')
                        THEN 'told' ELSE 'outcome' END, event, customer, actor,
       coalesce(properties->>'outcome', properties->>'reason', properties->>'offer', source),
       message_id
FROM facts WHERE loop = $loop AND event NOT IN ('Task Completed', 'Case Opened', 'Case Resolved')
UNION ALL
SELECT f.time, 'cii', 'later order', f.event, f.customer, '', f.properties->>'total', f.message_id
FROM facts f, began
WHERE f.event = 'Order Completed' AND coalesce(f.loop, '') <> $loop
  AND f.customer IN (SELECT customer FROM members WHERE customer <> '')
  AND f.time > began.time AND f.time <= began.time + INTERVAL 90 DAY
"""
"""Everything that carries the loop's id, and the orders of its customers in the 90 days after."""

_ORDER = (
    *("entered", "left", "decided", "declined", "action", "task opened", "case opened", "told"),
    *("outcome", "task done", "case resolved", "later order"),
)
_OUTCOMES = frozenset({"outcome", "task done", "case resolved"})


@dataclass(frozen=True)
class Step:
    """One thing that happened in a loop, in the layer where it happened."""

    time: str
    layer: str
    kind: str
    what: str
    customer: str
    actor: str
    detail: str
    link: str


def steps(rows: Iterable[Sequence[Any]]) -> list[Step]:
    """Order what happened in a loop by time; at the same moment cause comes before effect."""
    known = [row for row in rows if row[0] is not None]
    known.sort(key=lambda row: (row[0], _ORDER.index(row[2]), str(row[3])))
    return [
        Step(
            format_time(to_millis(moment)),
            layer,
            kind,
            what or "",
            customer or "",
            actor or "",
            detail or "",
            _link(layer, kind, what or "", customer or "", key or ""),
        )
        for moment, layer, kind, what, customer, actor, detail, key in known
    ]


def trace(loop: str, found: list[Step], measures: list[dict[str, Any]]) -> dict[str, Any]:
    """Tell a loop's story: its steps, whether and how soon it closed, the measures it moved."""
    outcomes = [step for step in found if step.kind in _OUTCOMES]
    began = found[0].time
    closed = outcomes[0] if outcomes else None
    hours = None
    if closed is not None:
        hours = round((parse_time(closed.time) - parse_time(began)) / HOUR, 3)
    return {
        "id": loop,
        "state": "closed" if closed else "open",
        "customers": sorted({step.customer for step in found if step.customer}),
        "began": began,
        "closed": closed.time if closed else None,
        "hours": hours,
        "outcome": (closed.detail or closed.what) if closed else "",
        "steps": [asdict(step) for step in found],
        "measures": measures,
    }


def _link(layer: str, kind: str, what: str, customer: str, key: str) -> str:
    if layer == "cic":
        return f"/segments/{quote(what, safe='')}"
    if kind in ("decided", "declined"):
        return f"/rules/{quote(what, safe='')}"
    if kind.startswith("case"):
        return f"/cases/{quote(key, safe='')}"
    return f"/customers/{quote(customer, safe='')}" if customer else ""
