"""What analysts count and what they split it by: the words of exploration and their meaning.

A measure is counted on one *base*, at the base's own grain; a dimension says what it is on each
base on which it exists. So no question can count an order once per order line, or a customer once
per case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cic.columns import amount_of, text_literal, text_of
from cid.kit.definitions import Entry, Title
from cid.model.definition import Attribute

TIMES = ("day", "week", "month")


@dataclass(frozen=True)
class Base:
    """Things that can be counted: the rows, and when each happened."""

    rows: str
    time: str
    dimensions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Counted:
    """A measure: what is counted on which base."""

    base: str
    sql: str
    """Aggregates over the base; ``{f}`` stands where only what ``where`` lets through is taken."""
    title: Title
    unit: str = "number"
    where: str = "true"
    zero: bool = True
    """Where there is nothing the answer is 0; else there is none."""

    def aggregate(self) -> str:
        """Return the SQL of the aggregate."""
        return self.sql.replace("{f}", f"FILTER (WHERE {self.where})")


@dataclass(frozen=True)
class Split:
    """A dimension as the catalogue of the company knows it."""

    title: Title
    type: str = "text"


def _properties(*names: str) -> dict[str, str]:
    return {name: text_of("b.properties", "/" + name) for name in names}


_ORDER = text_literal("Order Completed")
_FACTS = {"event": "b.event", "source": "b.source"} | _properties(
    "channel", "campaign", "store", "currency"
)
_ITEM = {name: text_of("b.item", "/" + name) for name in ("sku", "category")}
_PRICE = amount_of("b.item", "/price")
_PIECES = f"coalesce({amount_of('b.item', '/quantity')}, 1)"

BASES = {
    "facts": Base("facts", 'b."time"', _FACTS),
    "lines": Base(
        "(SELECT *, unnest(from_json(json_extract(properties, '/items'), '[\"JSON\"]')) AS item "
        f"FROM facts WHERE event = {_ORDER} AND json_type(properties, '/items') = 'ARRAY')",
        'b."time"',
        _FACTS | _ITEM | {"product": text_of("b.item", "/name")},
    ),
    "views": Base(
        "(SELECT * FROM facts WHERE event = 'Product Viewed')",
        'b."time"',
        {"source": "b.source"}
        | _properties("sku", "category")
        | {"product": _properties("name")["name"]},
    ),
    "customers": Base("customers", "b.first_seen"),
    "cases": Base(
        "cases",
        "b.opened_at",
        {name: f"b.{name}" for name in ("channel", "priority", "queue", "state", "subject")},
    ),
    "tasks": Base(
        "tasks",
        "b.opened_at",
        {name: f"b.{name}" for name in ("app", "queue", "rule", "state", "outcome")},
    ),
    "opportunities": Base(
        "opportunities",
        "b.opened_at",
        {name: f"b.{name}" for name in ("pipeline", "stage", "owner", "currency")},
    ),
    "decisions": Base("(SELECT * FROM decisions WHERE fired)", 'b."at"', {"rule": "b.rule"}),
}
"""Where each thing is found; the rows stand under the letter ``b``."""

_TOTAL = amount_of("b.properties", "/total")
_COMPLETED, _REFUNDED = f"b.event = {_ORDER}", "b.event = 'Order Refunded'"


def _count(base: str, en: str, zh: str, where: str = "true") -> Counted:
    return Counted(base, "count(*) {f}", Title(en=en, zh=zh), where=where)


MEASURES = {
    "events": _count("facts", "Events", "事件"),
    "customers": Counted(
        "facts", "count(DISTINCT b.customer) {f}", Title(en="Active customers", zh="活跃客户")
    ),
    "orders": _count("facts", "Orders", "订单", _COMPLETED),
    "buyers": Counted(
        "facts",
        "count(DISTINCT b.customer) {f}",
        Title(en="Buyers", zh="购买客户"),
        where=_COMPLETED,
    ),
    "revenue": Counted(
        "facts", f"sum({_TOTAL}) {{f}}", Title(en="Revenue", zh="销售额"), "money", _COMPLETED
    ),
    "margin": Counted(
        "facts",
        f"sum({amount_of('b.properties', '/margin')}) {{f}}",
        Title(en="Margin", zh="毛利"),
        "money",
        _COMPLETED,
    ),
    "average order value": Counted(
        "facts",
        f"round(sum({_TOTAL}) {{f}} / nullif(count({_TOTAL}) {{f}}, 0), 2)",
        Title(en="Average order value", zh="平均订单金额"),
        "money",
        _COMPLETED,
        zero=False,
    ),
    "refunds": _count("facts", "Refunds", "退款", _REFUNDED),
    "refunded": Counted(
        "facts", f"sum({_TOTAL}) {{f}}", Title(en="Refunded", zh="退款金额"), "money", _REFUNDED
    ),
    "items": Counted("lines", f"sum({_PIECES}) {{f}}", Title(en="Items sold", zh="销售件数")),
    "item revenue": Counted(
        "lines",
        f"sum({_PRICE} * {_PIECES}) {{f}}",
        Title(en="Revenue of items", zh="商品销售额"),
        "money",
    ),
    "product views": _count("views", "Product views", "商品浏览"),
    "new customers": _count("customers", "New customers", "新客户"),
    "cases": _count("cases", "Cases", "工单"),
    "satisfaction": Counted(
        "cases",
        "round(avg(b.csat) {f}, 2)",
        Title(en="Satisfaction (1–5)", zh="满意度（1–5）"),
        zero=False,
    ),
    "tasks": _count("tasks", "Tasks", "任务"),
    "opportunities": _count("opportunities", "Opportunities", "商机"),
    "opportunity amount": Counted(
        "opportunities",
        "sum(b.amount) {f}",
        Title(en="Amount of opportunities", zh="商机金额"),
        "money",
    ),
    "won amount": Counted(
        "opportunities",
        "sum(b.amount) {f}",
        Title(en="Amount won", zh="赢单金额"),
        "money",
        "b.stage = 'won'",
    ),
    "firings": _count("decisions", "Rule firings", "规则触发"),
}
"""Measures by the name under which they are asked for."""

_TITLES = {
    "event": ("Event", "事件"),
    "source": ("System", "系统"),
    "channel": ("Channel", "渠道"),
    "campaign": ("Campaign", "活动"),
    "store": ("Store", "门店"),
    "currency": ("Currency", "货币"),
    "sku": ("SKU", "商品编号"),
    "product": ("Product", "商品"),
    "category": ("Category", "品类"),
    "priority": ("Priority", "优先级"),
    "queue": ("Queue", "队列"),
    "state": ("State", "状态"),
    "subject": ("Subject", "主题"),
    "app": ("Application", "应用"),
    "rule": ("Rule", "规则"),
    "outcome": ("Outcome", "结果"),
    "pipeline": ("Pipeline", "销售管道"),
    "stage": ("Stage", "阶段"),
    "owner": ("Owner", "负责人"),
    "segment": ("Segment", "客户分群"),
    "kind": ("Kind of customer", "客户类型"),
    "day": ("Day", "日"),
    "week": ("Week", "周"),
    "month": ("Month", "月"),
}


class Vocabulary:
    """All measures and dimensions that a company can ask for."""

    def __init__(self, attributes: Mapping[str, Entry[Attribute]], zone: str = "UTC") -> None:
        self.zone = zone
        self.measures = MEASURES
        self.attributes = {
            name: entry.value
            for name, entry in attributes.items()
            if entry.value.subject == "customer" and name not in _TITLES
        }
        self.dimensions: dict[str, Split] = {
            name: Split(Title(en=en, zh=zh), "date" if name in TIMES else "text")
            for name, (en, zh) in _TITLES.items()
        }
        for name, attribute in self.attributes.items():
            self.dimensions[name] = Split(attribute.title or Title(en=name), attribute.type)

    def on(self, base: str, dimension: str) -> str | None:
        """Return what a dimension is on a base, or None where it does not exist."""
        found = BASES[base]
        if dimension in found.dimensions:
            return found.dimensions[dimension]
        if dimension in TIMES:
            day = f"date_trunc({text_literal(dimension)}, {self._local(found.time)})"
            return f"CAST({day} AS DATE)"
        if dimension == "segment":
            return "m.segment"
        if dimension == "kind":
            return "c.kind"
        if dimension in self.attributes:
            column = 'c."' + dimension.replace('"', '""') + '"'
            match self.attributes[dimension].type:
                case "number":
                    return f"TRY_CAST({column} AS DECIMAL(28,4))"
                case "boolean":
                    return f"TRY_CAST({column} AS BOOLEAN)"
                case "date":
                    return f"TRY_CAST({column} AS DATE)"
                case _:
                    return column
        return None

    def split_by(self, dimension: str) -> list[str]:
        """Return the measures that can be split by a dimension."""
        return [name for name, counted in self.measures.items() if self.on(counted.base, dimension)]

    def describe(self) -> dict[str, list[dict[str, object]]]:
        """Return all words with titles, and which go together."""
        return {
            "measures": [
                {
                    "name": name,
                    "title": counted.title.model_dump(),
                    "unit": counted.unit,
                    "dimensions": [each for each in self.dimensions if self.on(counted.base, each)],
                }
                for name, counted in self.measures.items()
            ],
            "dimensions": [
                {"name": name, "title": split.title.model_dump(), "type": split.type}
                for name, split in self.dimensions.items()
            ],
        }

    def _local(self, time: str) -> str:
        if self.zone == "UTC":
            return time
        return f"({time} AT TIME ZONE 'UTC' AT TIME ZONE {text_literal(self.zone)})"
