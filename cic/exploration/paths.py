"""Paths: what customers did next after an event, or just before it.

From each time the event happened in the period, the next events of the same customer are followed,
in the order (time, source, message id), as long as each comes soon enough after the one before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cic.exploration.answers import Column, Finished, Plan, Rows, counted, key
from cic.exploration.funnel import share
from cic.exploration.periods import Span, interval
from cic.exploration.picking import happened, literal, population
from cic.exploration.questions import Paths, Step, length_of
from cic.semantics import Vocabulary
from cid.kit.errors import NotFound

TIME = 'b."time"'


def plan(question: Paths, vocabulary: Vocabulary, span: Span) -> Plan:
    """Plan the commonest paths: how often each was taken, and by how many customers."""
    steps = _steps(question)
    sql = (
        f"{_followed(question, vocabulary, span)}\n"
        f"SELECT {', '.join(steps)}, count(*) AS times, "
        "count(DISTINCT customer_key) AS customers, sum(count(*)) OVER () AS whole\n"
        f"FROM followed GROUP BY {', '.join(steps)}\n"
        f"ORDER BY times DESC, {', '.join(f'{step} ASC NULLS LAST' for step in steps)}\n"
        f"LIMIT {question.top}"
    )
    columns: list[Column] = [
        key(f"step {number}", f"Step {number}", f"第{number}步")
        for number in range(1, len(steps) + 1)
    ]
    columns += [
        counted("times", "Times", "次数"),
        counted("customers", "Customers", "客户数"),
        counted("share", "Share of all paths", "占全部路径", "share"),
    ]
    return Plan("paths", sql, tuple(columns), "flow", additive=False, finish=_finish)


def drill(question: Paths, vocabulary: Vocabulary, span: Span, row: Mapping[str, Any]) -> str:
    """Write the SQL of who took a path; steps that are left out may be any."""
    steps = {step.strip('"'): step for step in _steps(question)}
    conditions = []
    for name, value in row.items():
        if name not in steps:
            raise NotFound("step of this path", name, steps)
        conditions.append(f"{steps[name]} IS NOT DISTINCT FROM {literal(value)}")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return (
        f"{_followed(question, vocabulary, span)}\n"
        f"SELECT min(customer) AS customer, count(*) AS behind FROM followed{where} "
        "GROUP BY customer_key"
    )


def _steps(question: Paths) -> list[str]:
    return [f'"step {number}"' for number in range(1, question.steps + 2)]


def _followed(question: Paths, vocabulary: Vocabulary, span: Span) -> str:
    """Write tables that end in ``followed``: for each time the event happened, what came with it."""
    within = length_of(question.within, "within")
    far = within * question.steps
    after = question.direction == "after"
    near = span.conditions(TIME, ahead=far) if after else span.conditions(TIME, behind=far)
    start = happened(Step(event=question.event, where=question.where), "'where'")
    starts = f"({' AND '.join([start, *span.conditions(TIME)])})"
    whom = ["b.customer_key IS NOT NULL", *population(question, vocabulary)]
    numbers = range(1, question.steps + 1)
    function, length = ("lead" if after else "lag"), interval(within)
    others = ", ".join(
        f'{function}(event, {n}) OVER w AS e{n}, {function}("time", {n}) OVER w AS t{n}'
        for n in numbers
    )
    kept, conditions = [], []
    for n in numbers:
        before = '"time"' if n == 1 else f"t{n - 1}"
        near_enough = f"t{n} < {before} + {length}" if after else f"t{n} > {before} - {length}"
        conditions.append(near_enough)
        kept.append(f'CASE WHEN {" AND ".join(conditions)} THEN e{n} END AS "step {n + 1}"')
    return (
        "WITH events AS (\n"
        '  SELECT b.customer_key, b.customer, b.event, b."time", b.source, b.message_id,\n'
        f"         {starts} AS starts\n"
        f"  FROM facts b WHERE {' AND '.join([*whom, *near])}\n"
        f"    AND b.customer_key IN (SELECT b.customer_key FROM facts b WHERE {starts})\n"
        "),\nneighbours AS (\n"
        f"  SELECT *, {others} FROM events\n"
        '  WINDOW w AS (PARTITION BY customer_key ORDER BY "time", source, message_id)\n'
        "),\nfollowed AS (\n"
        f'  SELECT customer_key, customer, event AS "step 1", {", ".join(kept)}\n'
        "  FROM neighbours WHERE starts\n)"
    )


def _finish(rows: Rows) -> Finished:
    return Finished(
        [[*row[:-1], share(int(row[-3]), int(row[-1]))] for row in rows],
        {"times": int(rows[0][-1]) if rows else 0},
    )
