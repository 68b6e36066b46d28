"""Retention: of those who began in a day, week or month, how many came back in the ones after it.

A customer belongs to the stretch of time in which the first event ever happened to her, where that
lies in the period. She came back after n stretches if the second event happened in the n-th after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from cic.exploration.answers import Finished, Plan, Rows, counted, key, said
from cic.exploration.funnel import share
from cic.exploration.periods import Span, after, start_of
from cic.exploration.picking import happened, literal, population
from cic.exploration.questions import Retention
from cic.semantics import Vocabulary
from cid.kit.errors import InvalidInput, NotFound

TIME = 'b."time"'
COLUMNS = (
    key("cohort", "Began", "首次", "date"),
    key("age", "Later", "之后第几期", "number"),
    said("size", "Began", "首次人数", "number"),
    counted("customers", "Came back", "回访客户"),
    counted("share", "Share", "占比", "share"),
    said("partial", "Not over yet", "尚未结束", "boolean"),
)


def plan(question: Retention, vocabulary: Vocabulary, span: Span) -> Plan:
    """Plan the cohorts: for each its size, and how many came back after so many stretches."""
    sql = (
        f"{_cohorts(question, vocabulary, span)}\n"
        "SELECT c.cohort, CAST(NULL AS INTEGER) AS apart, count(*) AS customers "
        "FROM cohorts c GROUP BY c.cohort\nUNION ALL\n"
        f"SELECT c.cohort, {_age(question.by)} AS apart, count(*) AS customers "
        "FROM cohorts c JOIN active a ON a.customer_key = c.customer_key "
        f"WHERE a.stretch >= c.cohort AND {_age(question.by)} <= {question.periods} "
        "GROUP BY 1, 2 ORDER BY 1, 2"
    )
    return Plan(
        "retention",
        sql,
        COLUMNS,
        "cohorts",
        additive=False,
        finish=lambda rows: _finish(question, span, rows),
    )


def drill(question: Retention, vocabulary: Vocabulary, span: Span, row: Mapping[str, Any]) -> str:
    """Write the SQL of a cohort, or of those of it who came back after so many stretches."""
    given = dict(row)
    conditions = []
    if "cohort" in given:
        conditions.append(f"c.cohort = {_day(given.pop('cohort'))}")
    age = given.pop("age", None)
    if given:
        raise NotFound("part of a cohort's row", next(iter(given)), ["cohort", "age"])
    if age is not None:
        if isinstance(age, bool) or not isinstance(age, int):
            raise InvalidInput(f"'age' is a whole number, not {age!r}.")
        conditions.append(f"{_age(question.by)} = {age}")
    active = "JOIN active a ON a.customer_key = c.customer_key" if age is not None else ""
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    return (
        f"{_cohorts(question, vocabulary, span, named=True)}\n"
        f"SELECT c.customer, count(*) AS behind FROM cohorts c {active} {where} GROUP BY c.customer"
    )


def _cohorts(
    question: Retention, vocabulary: Vocabulary, span: Span, *, named: bool = False
) -> str:
    """Write tables ``cohorts`` (customer, cohort) and ``active`` (customer, stretch), each distinct."""
    unit = vocabulary.on("facts", question.by)
    again = question.again or question.first
    whom = ["b.customer_key IS NOT NULL", *population(question, vocabulary)]
    ever = Span(None, None, span.as_of, span.zone).conditions(TIME)
    first = " AND ".join([happened(question.first, "'where' of 'first'"), *whom, *ever])
    inside = " AND ".join(span.conditions('min("time")'))
    name = ("min(b.customer) AS customer, ", "min(customer) AS customer, ") if named else ("", "")
    began = (
        f'SELECT b.customer_key, {name[0]}{unit} AS stretch, min(b."time") AS "time"\n'
        f"  FROM facts b WHERE {first} GROUP BY 1, {3 if named else 2}"
    )
    cohorts = (
        f"cohorts AS (\n  SELECT customer_key, {name[1]}min(stretch) AS cohort\n"
        f"  FROM began GROUP BY customer_key HAVING {inside}\n)"
    )
    if again == question.first:
        return f"WITH began AS (\n  {began}\n),\n{cohorts},\nactive AS (SELECT * FROM began)"
    # Nobody of these cohorts came back before the period.
    later = Span(span.begin, None, span.as_of, span.zone).conditions(TIME)
    back = " AND ".join([happened(again, "'where' of 'again'"), *whom, *later])
    return (
        f"WITH began AS (\n  {began}\n),\n{cohorts},\nactive AS (\n"
        f"  SELECT DISTINCT b.customer_key, {unit} AS stretch FROM facts b WHERE {back}\n)"
    )


def _age(by: str) -> str:
    months = "(year(a.stretch) * 12 + month(a.stretch) - year(c.cohort) * 12 - month(c.cohort))"
    days = "date_diff('day', c.cohort, a.stretch)"
    return {"month": months, "week": f"CAST({days} / 7 AS INTEGER)"}.get(by, days)


def _day(value: Any) -> str:
    try:
        return literal(value if isinstance(value, date) else date.fromisoformat(value))
    except (TypeError, ValueError):
        raise InvalidInput(f"{value!r} is not the first day of a cohort.") from None


def _finish(question: Retention, span: Span, rows: Rows) -> Finished:
    """Fill in the cells in which nobody came back, and mark those that are not over yet."""
    sizes = {cohort: customers for cohort, age, customers in rows if age is None}
    found = {(cohort, age): customers for cohort, age, customers in rows if age is not None}
    zone, finished = ZoneInfo(span.zone), []
    for cohort, size in sorted(sizes.items()):
        stretch: date = cohort
        for age in range(question.periods + 1):
            if start_of(stretch, zone) > span.as_of:
                break
            ends = start_of(after(stretch, question.by), zone)
            # The cohort itself may still grow: then none of its cells is final.
            grows = start_of(after(cohort, question.by), zone) > span.as_of + 1
            customers = found.get((cohort, age), 0)
            finished.append(
                [
                    cohort,
                    age,
                    size,
                    customers,
                    share(customers, size),
                    grows or ends > span.as_of + 1,
                ]
            )
            stretch = after(stretch, question.by)
    return Finished(finished)
