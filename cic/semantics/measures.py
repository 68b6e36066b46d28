"""What is counted: each measure on its base, with its unit, and whether it may be added up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cic.columns import text_literal
from cid.kit.definitions import Title

How = Literal["count", "sum", "average", "distinct"]


@dataclass(frozen=True)
class Counted:
    """A measure: what is counted on which base."""

    base: str
    how: How
    title: Title
    value: str = ""
    """SQL of what is added up or told apart."""
    unit: str = "number"
    where: str = ""
    """SQL of which rows are taken; all where it is empty."""
    event: str = ""
    """The event whose facts are counted, where it is one."""

    @property
    def additive(self) -> bool:
        """Say whether the numbers of different days or places may be added up."""
        return self.how in ("count", "sum")

    @property
    def zero(self) -> bool:
        """Say whether the answer is 0 where there is nothing; else there is none."""
        return self.how != "average"

    def aggregate(self, *, alone: bool = False) -> str:
        """Return the SQL of the aggregate; alone, other rows than those it takes are not seen."""
        value = self.value
        if self.where and not alone:
            value = f"CASE WHEN {self.where} THEN {value or '1'} END"
        match self.how:
            case "count":
                return f"count({value or '*'})"
            case "distinct":
                return f"count(DISTINCT {value})"
            case "sum":
                return f"sum({value})"
            case "average":
                return f"round(sum({value}) / nullif(count({value}), 0), 2)"


def _count(base: str, en: str, zh: str, where: str = "", event: str = "") -> Counted:
    return Counted(base, "count", Title(en=en, zh=zh), where=where or _of(event), event=event)


def _customers(base: str, en: str, zh: str, event: str = "") -> Counted:
    title = Title(en=en, zh=zh)
    return Counted(base, "distinct", title, "b.customer_key", where=_of(event), event=event)


def _money(base: str, value: str, en: str, zh: str, where: str = "", event: str = "") -> Counted:
    title = Title(en=en, zh=zh)
    return Counted(base, "sum", title, value, "money", where or _of(event), event)


def _of(event: str) -> str:
    return f"b.event = {text_literal(event)}" if event else ""


_BOUGHT, _REFUNDED = "Order Completed", "Order Refunded"

MEASURES = {
    "events": _count("facts", "Events", "事件"),
    "customers": _customers("facts", "Active customers", "活跃客户"),
    "orders": _count("facts", "Orders", "订单", event=_BOUGHT),
    "buyers": _customers("facts", "Buyers", "购买客户", _BOUGHT),
    "revenue": _money("facts", "b.total", "Revenue", "销售额", event=_BOUGHT),
    "margin": _money("facts", "b.margin", "Margin", "毛利", event=_BOUGHT),
    "average order value": Counted(
        "facts",
        "average",
        Title(en="Average order value", zh="平均订单金额"),
        "b.total",
        "money",
        _of(_BOUGHT),
        _BOUGHT,
    ),
    "refunds": _count("facts", "Refunds", "退款", event=_REFUNDED),
    "refunded": _money("facts", "b.total", "Refunded", "退款金额", event=_REFUNDED),
    "items": Counted("lines", "sum", Title(en="Items sold", zh="销售件数"), "b.quantity"),
    "item revenue": _money("lines", "b.price * b.quantity", "Revenue of items", "商品销售额"),
    "product buyers": _customers("lines", "Buyers of products", "商品购买客户"),
    "product views": Counted(
        "views", "count", Title(en="Product views", zh="商品浏览"), event="Product Viewed"
    ),
    "visits": _count("visits", "Visits", "访问"),
    "visitors": _customers("visits", "Visitors", "访问客户"),
    "new customers": _count("customers", "New customers", "新客户"),
    "members": _customers("memberships", "Members of segments", "分群成员"),
    "entered": _count("changes", "Entered a segment", "进入分群", "b.kind = 'entered'"),
    "left": _count("changes", "Left a segment", "离开分群", "b.kind = 'left'"),
    "cases": _count("cases", "Cases", "工单"),
    "cases resolved": _count("cases", "Cases resolved", "已解决工单", "b.resolved_at IS NOT NULL"),
    "satisfaction": Counted(
        "cases", "average", Title(en="Satisfaction (1–5)", zh="满意度（1–5）"), "b.csat"
    ),
    "tasks": _count("tasks", "Tasks", "任务"),
    "tasks closed": _count("tasks", "Tasks closed", "已完成任务", "b.closed_at IS NOT NULL"),
    "opportunities": _count("opportunities", "Opportunities", "商机"),
    "opportunity amount": _money(
        "opportunities", "b.amount", "Amount of opportunities", "商机金额"
    ),
    "won amount": _money("opportunities", "b.amount", "Amount won", "赢单金额", "b.stage = 'won'"),
    "firings": _count("decisions", "Rule firings", "规则触发"),
    "customers decided for": _customers("decisions", "Customers decided for", "决策覆盖客户"),
    "actions": _count("actions", "Actions", "动作"),
}
"""Measures by the name under which they are asked for."""
