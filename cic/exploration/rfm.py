"""RFM: how recently, how often and for how much customers bought, in groups of the same size.

Group 1 is the lowest. Who is equal is told apart by the customer's id, so that groups are of the
same size and the same in every engine; the edges of each group are stated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cic.exploration.answers import Column, Finished, Plan, Rows, counted, key, said
from cic.exploration.periods import Span
from cic.exploration.picking import happened, literal, population
from cic.exploration.questions import Rfm, Step
from cic.semantics import Vocabulary
from cid.kit.errors import NotFound

COLUMNS: tuple[Column, ...] = (
    key("recency", "Recency", "最近一次", "number"),
    key("frequency", "Frequency", "频率", "number"),
    key("monetary", "Money", "金额", "number"),
    counted("customers", "Customers", "客户数"),
    counted("revenue", "Revenue", "销售额", "money"),
    said("last order from", "Last order from", "最近订单自", "moment"),
    said("last order to", "Last order to", "最近订单至", "moment"),
    said("orders from", "Orders from", "订单数自", "number"),
    said("orders to", "Orders to", "订单数至", "number"),
    said("revenue from", "Revenue from", "销售额自", "money"),
    said("revenue to", "Revenue to", "销售额至", "money"),
)


def plan(question: Rfm, vocabulary: Vocabulary, span: Span) -> Plan:
    """Plan the classes of recency, frequency and money."""
    sql = (
        f"{_ranked(question, vocabulary, span)}\n"
        "SELECT recency, frequency, monetary, count(*) AS customers, sum(revenue) AS revenue,\n"
        '       min("last"), max("last"), min(orders), max(orders), min(revenue), max(revenue)\n'
        "FROM ranked GROUP BY 1, 2, 3 ORDER BY 1 DESC, 2 DESC, 3 DESC"
    )
    return Plan("rfm", sql, COLUMNS, "grid", finish=_finish)


def drill(question: Rfm, vocabulary: Vocabulary, span: Span, row: Mapping[str, Any]) -> str:
    """Write the SQL of the customers of a class; groups that are left out may be any."""
    conditions = []
    for name, value in row.items():
        if name not in ("recency", "frequency", "monetary"):
            raise NotFound("part of a class", name, ["recency", "frequency", "monetary"])
        conditions.append(f"{name} = {literal(value)}")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return (
        f"{_ranked(question, vocabulary, span)}\n"
        f"SELECT customer, orders AS behind FROM ranked{where}"
    )


def _ranked(question: Rfm, vocabulary: Vocabulary, span: Span) -> str:
    conditions = [
        happened(Step(event=question.event), "event"),
        "b.customer_key IS NOT NULL",
        *population(question, vocabulary),
        *span.conditions('b."time"'),
    ]
    groups = question.groups
    return (
        "WITH bought AS (\n"
        '  SELECT min(b.customer) AS customer, max(b."time") AS "last", count(*) AS orders,\n'
        "         coalesce(sum(b.total), 0) AS revenue\n"
        f"  FROM facts b WHERE {' AND '.join(conditions)} GROUP BY b.customer_key\n),\n"
        "ranked AS (\n"
        f'  SELECT *, ntile({groups}) OVER (ORDER BY "last", customer) AS recency,\n'
        f"         ntile({groups}) OVER (ORDER BY orders, customer) AS frequency,\n"
        f"         ntile({groups}) OVER (ORDER BY revenue, customer) AS monetary\n"
        "  FROM bought\n)"
    )


def _finish(rows: Rows) -> Finished:
    """State the edges of each group, over all customers in it."""
    edges = []
    for place, low in ((0, 5), (1, 7), (2, 9)):
        by_group: dict[Any, list[Any]] = {}
        for row in rows:
            held = by_group.setdefault(row[place], [row[low], row[low + 1]])
            held[0], held[1] = min(held[0], row[low]), max(held[1], row[low + 1])
        edges.append(by_group)
    return Finished(
        [[*row[:5], *edges[0][row[0]], *edges[1][row[1]], *edges[2][row[2]]] for row in rows]
    )
