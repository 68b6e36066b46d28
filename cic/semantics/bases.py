"""The things that can be counted: where their rows are, whose they are, and when each happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cid.kit.clock import MINUTE
from cid.kit.definitions import Title

VISIT = 30 * MINUTE


@dataclass(frozen=True)
class Base:
    """Things that can be counted: the rows stand under the letter ``b``, one for each thing."""

    title: Title
    rows: str
    time: str
    dimensions: Mapping[str, str] = field(default_factory=dict)
    day: str = ""
    """The column with the day of the business, where there is one."""
    behind: int = 0
    """Milliseconds before a period that must be seen, too; ``{seen}`` in the rows stands for both."""


def _own(*names: str) -> dict[str, str]:
    return {name: f"b.{name}" for name in names}


_FACTS = _own("event", "source", "channel", "campaign", "store", "currency")
_BOUGHT = _own("sku", "category", "product")

BASES = {
    "facts": Base(Title(en="Events", zh="事件"), "facts", 'b."time"', _FACTS, "b.day"),
    "lines": Base(
        Title(en="Lines of orders", zh="订单明细"),
        "lines",
        'b."time"',
        _own("source", "channel", "campaign", "store", "currency") | _BOUGHT,
        "b.day",
    ),
    "views": Base(
        Title(en="Product views", zh="商品浏览"),
        "(SELECT * FROM facts WHERE event = 'Product Viewed')",
        'b."time"',
        _own("source", "channel", "campaign") | _BOUGHT,
        "b.day",
    ),
    "visits": Base(
        Title(en="Visits", zh="访问"),
        # A visit begins after half an hour in which its customer did nothing.
        '(SELECT * FROM (SELECT *, lag("time") OVER (PARTITION BY customer_key ORDER BY "time", '
        "source, message_id) AS earlier FROM facts "
        "WHERE customer_key IS NOT NULL AND {seen}) "
        "WHERE earlier IS NULL OR \"time\" > earlier + INTERVAL '30' MINUTE)",
        'b."time"',
        _own("source", "channel", "campaign"),
        "b.day",
        behind=VISIT,
    ),
    "customers": Base(Title(en="Customers", zh="客户"), "customers", "b.first_seen"),
    "memberships": Base(Title(en="Memberships", zh="分群成员"), "memberships", "b.since"),
    "changes": Base(
        Title(en="Changes of segments", zh="分群变动"),
        "changes",
        "b.effective_at",
        {"segment": "b.segment", "cause": "b.cause"},
    ),
    "cases": Base(
        Title(en="Cases", zh="工单"),
        "cases",
        "b.opened_at",
        _own("channel", "priority", "queue", "state", "subject"),
    ),
    "tasks": Base(
        Title(en="Tasks", zh="任务"),
        "tasks",
        "b.opened_at",
        _own("app", "queue", "rule", "state", "outcome"),
    ),
    "opportunities": Base(
        Title(en="Opportunities", zh="商机"),
        "opportunities",
        "b.opened_at",
        _own("pipeline", "stage", "owner", "currency"),
    ),
    "decisions": Base(
        Title(en="Decisions", zh="决策"),
        "(SELECT * FROM decisions WHERE fired)",
        'b."at"',
        {"rule": "b.rule", "variant": "b.variant", "trigger": "b.trigger"},
    ),
    "actions": Base(
        Title(en="Actions", zh="动作"),
        "actions",
        'b."at"',
        {"rule": "b.rule", "action": "b.action", "state": "b.state"},
    ),
}
"""Where each thing is found."""
