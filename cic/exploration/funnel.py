"""Funnels: how many customers went through steps in their order, within a length of time.

The latest first step from which a customer came to an event decides: so a customer counts as far
as any of her attempts got, and the time to a step is the shortest in which she got there. Steps
follow each other strictly in the order (time, source, message id). A step exactly ``within`` after
the first comes too late: windows are half-open, as those of traits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cic.exploration.answers import Column, Finished, Plan, Rows, counted, key, said
from cic.exploration.periods import Span, interval
from cic.exploration.picking import happened, literal, population
from cic.exploration.questions import Funnel, length_of
from cic.semantics import BASES, Vocabulary
from cid.kit.errors import InvalidInput, NotFound

TIME = 'b."time"'
IN_ORDER = 'b."time", b.source, b.message_id'


def plan(question: Funnel, vocabulary: Vocabulary, span: Span) -> Plan:
    """Plan a funnel: for each step how many customers reached it, and how long that took."""
    first = "count(DISTINCT who) AS customers, min(0) AS took FROM r1"
    by, join = ("", "")
    if question.by:
        first = "g.grouped, count(*) AS customers, min(0) AS took FROM begun g GROUP BY g.grouped"
        by, join = "g.grouped, ", " JOIN begun g ON g.who = r.who GROUP BY g.grouped"

    def written(nearest: bool) -> str:
        counts = [f"SELECT 1 AS step, {first}"]
        for number in range(2, len(question.steps) + 1):
            counts.append(
                f"SELECT {number}, {by}count(*), median(r.took) FROM (\n"
                f"  SELECT who, min(took) AS took FROM s{number} GROUP BY who\n) r{join}"
            )
        tables = _reached(question, vocabulary, span, nearest=nearest)
        return tables + "\n" + "\nUNION ALL ".join(counts)

    return Plan(
        "funnel",
        written(nearest=True),
        _columns(question, vocabulary),
        "funnel",
        additive=False,
        finish=lambda rows: _finish(question, span, rows),
        portable=written(nearest=False),
    )


def drill(
    question: Funnel,
    vocabulary: Vocabulary,
    span: Span,
    row: Mapping[str, Any],
    *,
    nearest: bool = True,
) -> str:
    """Write the SQL of who reached a step; with ``lost``, of who reached only the one before."""
    given = dict(row)
    step, lost = given.pop("step", 1), given.pop("lost", False)
    where = ""
    if question.by and question.by in given:
        where = f" WHERE g.grouped IS NOT DISTINCT FROM {literal(given.pop(question.by))}"
    if given:
        raise NotFound("part of a funnel's row", next(iter(given)), ["step", "lost", question.by])
    if isinstance(step, bool) or not isinstance(step, int) or not 1 <= step <= len(question.steps):
        raise InvalidInput(f"The funnel has the steps 1 to {len(question.steps)}, not {step!r}.")
    if lost and step == 1:
        raise InvalidInput("Nobody is lost before the first step.")
    counts = step - 1 if lost else step
    far = f"max(step) = {counts}" if lost else f"max(step) >= {counts}"
    reached = " UNION ALL ".join(
        f"SELECT {number} AS step, who FROM {'r1' if number == 1 else f's{number}'}"
        for number in range(1, len(question.steps) + 1)
    )
    return (
        f"{_reached(question, vocabulary, span, named=True, nearest=nearest)},\n"
        f"reached AS (\n  {reached}\n)\n"
        "SELECT g.customer, sum(r.behind) AS behind FROM (\n"
        f"  SELECT who, count(CASE WHEN step = {counts} THEN 1 END) AS behind\n"
        f"  FROM reached GROUP BY who HAVING {far}\n"
        f") r JOIN begun g ON g.who = r.who{where} GROUP BY g.customer"
    )


def _reached(
    question: Funnel,
    vocabulary: Vocabulary,
    span: Span,
    *,
    named: bool = False,
    nearest: bool = True,
) -> str:
    """Write the tables ``r1``, who began when, and ``s2``, ``s3`` …: who came to which step.

    These say after how many milliseconds. ``who`` is a customer, or a customer in one of the groups
    in which she began; ``begun`` says which. With ``nearest`` the event before is found by a join
    that not every engine has.
    """
    steps, within = question.steps, length_of(question.within, "within")
    met = [happened(step, f"'where' of step {number}") for number, step in enumerate(steps, 1)]
    whom = ["b.customer_key IS NOT NULL", *population(question, vocabulary)]
    start = " AND ".join([met[0], *whom, *span.conditions(TIME)])
    later = " AND ".join([*whom, *span.conditions(TIME, ahead=within)])
    group, join, of_fact = _group(question, vocabulary)
    tables = []
    if named or group:
        own = ["b.customer_key", *([f"{group} AS grouped"] if group else [])]
        places = "1, 2" if group else "1"
        who = f"row_number() OVER (ORDER BY b.customer_key, {group})" if of_fact else own[0]
        name = ", min(b.customer) AS customer" if named else ""
        tables.append(
            f"begun AS (\n  SELECT {', '.join(own)}, {who} AS who{name}\n"
            f"  FROM facts b{join} WHERE {start} GROUP BY {places}\n)"
        )
    who, rows = "b.customer_key", "facts b"
    if of_fact:
        # Later steps count in each group in which the customer began.
        who, rows = "g.who", "facts b JOIN begun g ON g.customer_key = b.customer_key"
    alike = f" AND g.grouped IS NOT DISTINCT FROM {group}" if of_fact else ""

    def events(number: int, columns: str = IN_ORDER, more: str = "") -> str:
        source, where = (rows, f"{met[number - 1]} AND {later}")
        if number == 1:
            source, where = rows + alike, start
            columns += ', b."time" AS begun'
        only = f" AND {who} IN (SELECT who FROM {more})" if more else ""
        return f"SELECT {who} AS who, {columns}\n  FROM {source} WHERE {where}{only}"

    numbers = range(2, len(steps) + 1)
    took = "date_diff('millisecond', begun, \"time\") AS took"
    if not nearest:
        tables.append(f"r1 AS (\n  {events(1)}\n)")
        for number in numbers:
            tables.append(f"e{number} AS (\n  {events(number)}\n)")
            tables += _windowed(number, interval(within))
            tables.append(f"s{number} AS (SELECT who, {took} FROM r{number})")
        return "WITH " + ",\n".join(tables)
    tables.append(f"r1 AS (\n  {events(1, TIME)}\n)")
    for number in numbers:
        # Who did not come to the step before need not be looked for.
        came = f"r{number - 1}" if number > 2 else ""
        tables.append(f"e{number} AS (\n  {events(number, TIME, came)}\n)")
        tables.append(_nearest(number, interval(within)))
    if numbers:
        ties = " UNION ".join(f"SELECT who FROM r{number} WHERE tie" for number in numbers)
        tables.append(f"tied AS ({ties})")
        tables.append(f"o1 AS (\n  {events(1, more='tied')}\n)")
    for number in numbers:
        tables.append(f"t{number} AS (\n  {events(number, more='tied')}\n)")
        tables += _ordered(number, interval(within))
        tables.append(
            f"s{number} AS (\n  SELECT who, {took} FROM r{number}\n"
            "  WHERE who NOT IN (SELECT who FROM tied)\n"
            f"  UNION ALL SELECT who, {took} FROM o{number}\n)"
        )
    return "WITH " + ",\n".join(tables)


def _nearest(number: int, within: str) -> str:
    """Find for each event of a step the latest beginning of the step before it, by a nearest join.

    Of the events before it the nearest has the latest beginning. ``tie`` says that the nearest is
    at the same moment: which of the two comes first, the moment does not say.
    """
    return (
        f"r{number} AS (\n"
        '  SELECT e.who, e."time", l.begun, l."time" = e."time" AS tie\n'
        f"  FROM e{number} e ASOF JOIN r{number - 1} l\n"
        f'    ON l.who = e.who AND l."time" <= e."time" WHERE e."time" < l.begun + {within}\n)'
    )


def _ordered(number: int, within: str) -> list[str]:
    """Find the same for the few who did two steps at one moment, told apart by source and message id."""
    before = f"o{number - 1}"
    return [
        f'l{number} AS (SELECT who, "time", max(begun) AS begun FROM {before} GROUP BY who, "time")',
        f"o{number} AS (\n"
        f"  SELECT e.*, l.begun FROM t{number} e ASOF JOIN l{number} l\n"
        f'    ON l.who = e.who AND l."time" < e."time" WHERE e."time" < l.begun + {within}\n'
        f"  UNION ALL SELECT e.*, p.begun FROM t{number} e JOIN {before} p\n"
        '    ON p.who = e.who AND p."time" = e."time"\n'
        "    AND (p.source < e.source OR (p.source = e.source AND p.message_id < e.message_id))\n"
        f'  WHERE e."time" < p.begun + {within}\n)',
    ]


def _windowed(number: int, within: str) -> list[str]:
    """Find the same by a running maximum over both steps in their order."""
    return [
        f"r{number} AS (\n"
        '  SELECT who, "time", source, message_id, begun FROM (\n'
        '    SELECT who, "time", source, message_id, follows, max(begun) OVER (\n'
        '      PARTITION BY who ORDER BY "time", source, message_id, follows DESC\n'
        "      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS begun\n"
        f'    FROM (SELECT who, "time", source, message_id, begun, 0 AS follows FROM r{number - 1}\n'
        '          UNION ALL SELECT who, "time", source, message_id, NULL, 1 FROM '
        f"e{number}) both_steps\n"
        f'  ) run WHERE follows = 1 AND "time" < begun + {within}\n)'
    ]


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
