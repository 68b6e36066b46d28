"""Funnels: how many customers went through steps in their order, within a length of time.

The latest first step from which a customer came to an event decides: so a customer counts as far
as any of her attempts got, and the time to a step is the shortest in which she got there. Steps
follow each other strictly in the order (time, source, message id).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cic.columns import text_literal
from cic.exploration.answers import Column, Finished, Plan, Rows, counted, key, said
from cic.exploration.periods import Span, interval
from cic.exploration.picking import happened, population
from cic.exploration.questions import Funnel, length_of
from cic.exploration.table import literal
from cic.semantics import BASES, Vocabulary
from cid.kit.errors import InvalidInput, NotFound


def plan(question: Funnel, vocabulary: Vocabulary, span: Span) -> Plan:
    """Plan a funnel: for each step how many customers reached it, and how long that took."""
    numbers = range(1, len(question.steps) + 1)
    by, group = ("grouped, ", " GROUP BY grouped") if question.by else ("", "")
    best = ", ".join(f"min(took{step}) AS took{step}" for step in numbers)
    lines = [
        f"SELECT {step} AS step, {by}count(took{step}) AS customers, median(took{step}) AS took "
        f"FROM best{group}"
        for step in numbers
    ]
    sql = (
        f"{_reached(question, vocabulary, span)},\n"
        f"best AS (SELECT {by}customer_key, {best} FROM reached GROUP BY {by}customer_key "
        "HAVING min(took1) IS NOT NULL)\n" + "\nUNION ALL\n".join(lines)
    )
    return Plan(
        "funnel",
        sql,
        _columns(question, vocabulary),
        "funnel",
        additive=False,
        finish=lambda rows: _finish(question, span, rows),
    )


def drill(question: Funnel, vocabulary: Vocabulary, span: Span, row: Mapping[str, Any]) -> str:
    """Write the SQL of who reached a step; with ``lost``, of who reached only the one before."""
    given = dict(row)
    step, lost = given.pop("step", 1), given.pop("lost", False)
    where = "WHERE true"
    if question.by and question.by in given:
        where = f"WHERE grouped IS NOT DISTINCT FROM {literal(given.pop(question.by))}"
    if given:
        raise NotFound("part of a funnel's row", next(iter(given)), ["step", "lost", question.by])
    if isinstance(step, bool) or not isinstance(step, int) or not 1 <= step <= len(question.steps):
        raise InvalidInput(f"The funnel has the steps 1 to {len(question.steps)}, not {step!r}.")
    if lost and step == 1:
        raise InvalidInput("Nobody is lost before the first step.")
    having = f"count(took{step}) > 0"
    if lost:
        having = f"count(took{step}) = 0 AND count(took{step - 1}) > 0"
    by = "grouped, " if question.by else ""
    return (
        f"{_reached(question, vocabulary, span)}\n"
        "SELECT customer, sum(behind) AS behind FROM (\n"
        f"  SELECT min(customer) AS customer, greatest(count(took{step}), 1) AS behind "
        f"FROM reached {where} GROUP BY {by}customer_key HAVING {having}\n"
        ") GROUP BY customer"
    )


def _reached(question: Funnel, vocabulary: Vocabulary, span: Span) -> str:
    """Write tables that end in ``reached``: for each event, in how many milliseconds it is a step."""
    steps, within = question.steps, length_of(question.within, "within")
    met = [happened(step, f"'where' of step {number}") for number, step in enumerate(steps, 1)]
    own = ["b.customer_key", "b.customer", 'b."time"', "b.source", "b.message_id"]
    inside = " AND ".join(span.conditions('b."time"'))
    marks = [f"({met[0]} AND {inside}) AS s1"]
    marks += [f"{each} AS s{number}" for number, each in enumerate(met[1:], 2)]
    events = ", ".join(dict.fromkeys(text_literal(step.event) for step in steps))
    conditions = [f"b.event IN ({events})", "b.customer_key IS NOT NULL"]
    if any(step.where for step in steps):
        conditions.append(f"({' OR '.join(dict.fromkeys(met))})")
    conditions += population(question, vocabulary)
    conditions += span.conditions('b."time"', ahead=within)
    group, join, of_fact = _group(question, vocabulary)
    own += [f"{group} AS grouped"] if group else []
    tables = [
        f"events AS (\n  SELECT {', '.join([*own, *marks])}\n"
        f"  FROM facts b{join}\n  WHERE {' AND '.join(conditions)}\n)"
    ]
    before, who = "events", "customer_key"
    if of_fact:
        # Later steps count in each group in which the customer began.
        later = ", ".join(f"e.s{number}" for number in range(2, len(steps) + 1))
        tables.append("begun AS (SELECT DISTINCT customer_key, grouped FROM events WHERE s1)")
        tables.append(
            'r1 AS (SELECT e.customer_key, e.customer, e."time", e.source, e.message_id, '
            f"g.grouped, e.s1 AND e.grouped IS NOT DISTINCT FROM g.grouped AS s1, {later} "
            "FROM events e JOIN begun g ON g.customer_key = e.customer_key)"
        )
        before, who = "r1", "customer_key, grouped"
    length = interval(within)
    begin, took = 'CASE WHEN s1 THEN "time" END', ["CASE WHEN s1 THEN 0 END AS took1"]
    for number in range(2, len(steps) + 1):
        # The latest beginning from which the step before was reached, strictly earlier.
        tables.append(
            f"r{number} AS (SELECT *, max({begin}) OVER (PARTITION BY {who} "
            'ORDER BY "time", source, message_id '
            f"ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS p{number} FROM {before})"
        )
        before = f"r{number}"
        inside = f's{number} AND "time" <= p{number} + {length}'
        begin = f"CASE WHEN {inside} THEN p{number} END"
        took.append(
            f"CASE WHEN {inside} THEN date_diff('millisecond', p{number}, \"time\") END "
            f"AS took{number}"
        )
    grouped = "grouped, " if group else ""
    tables.append(
        f"reached AS (SELECT customer_key, customer, {grouped}{', '.join(took)} FROM {before})"
    )
    return "WITH " + ",\n".join(tables)


def _group(question: Funnel, vocabulary: Vocabulary) -> tuple[str, str, bool]:
    """Return what customers are grouped by, what must be joined for it, whether facts say it."""
    name = question.by
    if not name:
        return "", "", False
    if name not in vocabulary.dimensions:
        raise NotFound("dimension", name, vocabulary.dimensions)
    if known := vocabulary.of_customer(name):
        return known, " LEFT JOIN customers c ON c.customer_key = b.customer_key", False
    found = vocabulary.on("facts", name)
    if found is None or found.startswith("m."):
        able = [each for each in vocabulary.dimensions if each in BASES["facts"].dimensions]
        raise InvalidInput(
            f"A funnel cannot be split by {name!r}.",
            hint=f"It can by what is known of customers, and by: {', '.join(able)}.",
        )
    return found, "", True


def _columns(question: Funnel, vocabulary: Vocabulary) -> tuple[Column, ...]:
    by = []
    if question.by:
        split = vocabulary.dimensions[question.by]
        kind: Any = split.type if split.type in ("number", "boolean", "date") else "text"
        by = [Column(question.by, "dimension", kind, split.title, key=True)]
    return (
        key("step", "Step", "步骤", "number"),
        said("event", "What happened", "事件"),
        *by,
        counted("customers", "Customers", "客户数"),
        counted("of first", "Of the first step", "占第一步", "share"),
        counted("of previous", "Of the step before", "占上一步", "share"),
        counted(
            "median time", "Median time since the first step", "距第一步的中位时长", "duration"
        ),
    )


def _finish(question: Funnel, span: Span, rows: Rows) -> Finished:
    by_group: dict[tuple[Any, ...], dict[int, tuple[int, Any]]] = {} if question.by else {(): {}}
    for step, *key_, customers, took in rows:
        by_group.setdefault(tuple(key_), {})[step] = (customers, took)
    ordered = sorted(by_group.items(), key=lambda pair: (-pair[1].get(1, (0,))[0], str(pair[0])))
    finished: Rows = []
    for group, reached in ordered:
        first = before = reached.get(1, (0, None))[0]
        for number, step in enumerate(question.steps, 1):
            customers, took = reached.get(number, (0, None))
            seconds = None if took is None else round(float(took) / 1000, 3)
            finished.append(
                [
                    number,
                    step.title or step.event,
                    *group,
                    customers,
                    share(customers, first),
                    share(customers, before),
                    seconds,
                ]
            )
            before = customers
    within = length_of(question.within, "within")
    return Finished(finished, {"open": span.end - 1 + within > span.as_of})


def share(part: int, whole: int) -> float | None:
    """Return a share between 0 and 1; none of nothing."""
    return round(part / whole, 6) if whole else None
