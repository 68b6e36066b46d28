"""Baskets: what is bought together in one order more often than by chance.

Many pairs are looked at, so some look striking by luck alone. ``p`` is how likely at least so many
common orders are if both were bought independently (the upper tail of the hypergeometric
distribution); ``q`` is the share of false discoveries among all pairs up to this one, by Benjamini
and Hochberg, over all pairs of things that were bought often enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, lgamma
from typing import Any

from cic.exploration.answers import Finished, Plan, Rows, counted, key
from cic.exploration.periods import Span
from cic.exploration.picking import literal, population
from cic.exploration.questions import Basket
from cic.semantics import Vocabulary
from cid.kit.errors import InvalidInput, NotFound

COLUMNS = (
    key("a", "Bought", "商品甲"),
    key("b", "Together with", "商品乙"),
    counted("orders", "Orders with both", "同购订单"),
    counted("support", "Of all orders", "支持度", "share"),
    counted("confidence", "Of orders with the first", "置信度", "share"),
    counted("back", "Of orders with the second", "反向置信度", "share"),
    counted("lift", "Times as often as by chance", "提升度"),
    counted("p", "p", "p"),
    counted("q", "q", "q"),
)


def plan(question: Basket, vocabulary: Vocabulary, span: Span) -> Plan:
    """Plan the pairs that are in the same orders, those least likely by chance first."""
    sql = (
        f"{_bought(question, vocabulary, span)},\n"
        "counts AS (SELECT thing, count(*) AS orders FROM bought GROUP BY thing "
        f"HAVING count(*) >= {question.min}),\n"
        "often AS (SELECT bought.* FROM bought JOIN counts ON counts.thing = bought.thing),\n"
        "pairs AS (\n"
        '  SELECT x.thing AS a, y.thing AS b, count(*) AS "both"\n'
        "  FROM often x JOIN often y ON y.position = x.position AND y.thing > x.thing\n"
        f"  GROUP BY x.thing, y.thing HAVING count(*) >= {question.min}\n)\n"
        'SELECT p.a, p.b, p."both", ca.orders AS orders_a, cb.orders AS orders_b,\n'
        "       (SELECT count(DISTINCT position) FROM bought) AS whole,\n"
        "       (SELECT count(*) FROM counts) AS things\n"
        "FROM pairs p JOIN counts ca ON ca.thing = p.a JOIN counts cb ON cb.thing = p.b\n"
        "ORDER BY p.a, p.b"
    )
    return Plan(
        "basket",
        sql,
        COLUMNS,
        "pairs",
        additive=False,
        finish=lambda rows: _finish(question, rows),
    )


def drill(question: Basket, vocabulary: Vocabulary, span: Span, row: Mapping[str, Any]) -> str:
    """Write the SQL of who bought both in one order."""
    wrong = [name for name in row if name not in ("a", "b")]
    if wrong:
        raise NotFound("part of a pair", wrong[0], ["a", "b"])
    if "a" not in row or "b" not in row:
        raise InvalidInput("A pair has two parts, 'a' and 'b'.")
    return (
        f"{_bought(question, vocabulary, span)}\n"
        "SELECT x.customer, count(*) AS behind FROM bought x JOIN bought y "
        "ON y.position = x.position\n"
        f"WHERE x.thing = {literal(row['a'])} AND y.thing = {literal(row['b'])} GROUP BY x.customer"
    )


def _bought(question: Basket, vocabulary: Vocabulary, span: Span) -> str:
    conditions = [
        f"b.{question.of} IS NOT NULL",
        *population(question, vocabulary),
        *span.conditions('b."time"'),
    ]
    return (
        "WITH bought AS (\n"
        f"  SELECT DISTINCT b.position, b.customer, b.{question.of} AS thing\n"
        f"  FROM lines b WHERE {' AND '.join(conditions)}\n)"
    )


def _finish(question: Basket, rows: Rows) -> Finished:
    if not rows:
        return Finished([], {"pairs": 0, "found": 0})
    whole, things = int(rows[0][5]), int(rows[0][6])
    tested = things * (things - 1) // 2
    tails = [tail(int(both), int(a), int(b), whole) for _, _, both, a, b, _, _ in rows]
    finished = []
    for row, p, q in zip(rows, tails, adjusted(tails, tested), strict=True):
        first, second, both, a, b = row[0], row[1], *map(int, row[2:5])
        lift = both * whole / (a * b)
        if q <= question.q:
            shares = (round(both / whole, 6), round(both / a, 6), round(both / b, 6))
            finished.append([first, second, both, *shares, round(lift, 3), p, q])
    finished.sort(key=lambda each: (each[7], -each[6], each[0], each[1]))
    shown = [
        [*row[:7], float(f"{row[7]:.3g}"), float(f"{row[8]:.3g}")]
        for row in finished[: question.top]
    ]
    return Finished(shown, {"pairs": tested, "found": len(finished), "orders": whole})


def tail(both: int, first: int, second: int, whole: int) -> float:
    """Return how likely at least so many common orders are by chance.

    >>> round(tail(2, 2, 2, 4), 6), tail(0, 2, 2, 4)
    (0.166667, 1.0)
    """
    lowest, highest = max(0, first + second - whole), min(first, second)
    if both <= lowest:
        return 1.0

    def chance(common: int) -> float:
        return exp(
            _choose(first, common)
            + _choose(whole - first, second - common)
            - _choose(whole, second)
        )

    # Terms fall on either side of what is expected: the shorter way there is added up.
    expected = first * second / whole
    if both > expected:
        return min(1.0, _added(chance, range(both, highest + 1)))
    return max(0.0, 1.0 - _added(chance, range(both - 1, lowest - 1, -1)))


def _added(chance: Any, commons: range) -> float:
    total = 0.0
    for common in commons:
        term = chance(common)
        total += term
        if term < total * 1e-17:
            break
    return total


def _choose(whole: int, part: int) -> float:
    return lgamma(whole + 1) - lgamma(part + 1) - lgamma(whole - part + 1)


def adjusted(values: list[float], tested: int) -> list[float]:
    """Return q for each p, by Benjamini and Hochberg; pairs that were tested but are not here have p = 1.

    >>> adjusted([0.01, 0.04, 0.03], 4)
    [0.04, 0.05333333333333334, 0.05333333333333334]
    """
    order = sorted(range(len(values)), key=values.__getitem__)
    found, least = [1.0] * len(values), 1.0
    for rank in range(len(order), 0, -1):
        least = min(least, values[order[rank - 1]] * tested / rank)
        found[order[rank - 1]] = least
    return found
