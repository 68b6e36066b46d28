"""All words of a company: its measures and dimensions, and what a dimension is on each base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cic.columns import text_literal
from cic.model import Dimension, Figure
from cic.semantics.bases import BASES
from cic.semantics.measures import MEASURES, Counted, How
from cic.semantics.reading import fact_is, property_of
from cid.kit.definitions import Entry, Title
from cid.kit.errors import InvalidInput
from cid.model.definition import Attribute

STRETCHES = ("day", "week", "month", "quarter", "year")
"""Dimensions that are stretches of time, each of which begins with a day."""

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
    "variant": ("Variant", "版本"),
    "trigger": ("Trigger", "触发"),
    "action": ("Action", "动作"),
    "outcome": ("Outcome", "结果"),
    "cause": ("Cause", "原因"),
    "pipeline": ("Pipeline", "销售管道"),
    "stage": ("Stage", "阶段"),
    "owner": ("Owner", "负责人"),
    "segment": ("Segment", "客户分群"),
    "kind": ("Kind of customer", "客户类型"),
    "day": ("Day", "日"),
    "week": ("Week", "周"),
    "month": ("Month", "月"),
    "quarter": ("Quarter", "季度"),
    "year": ("Year", "年"),
    "weekday": ("Day of the week", "星期"),
}


@dataclass(frozen=True)
class Split:
    """A dimension as the catalogue of the company knows it."""

    title: Title
    type: str = "text"


class Vocabulary:
    """All measures and dimensions that a company can ask for."""

    def __init__(
        self,
        attributes: Mapping[str, Entry[Attribute]],
        zone: str = "UTC",
        figures: Mapping[str, Entry[Figure]] = MappingProxyType({}),
        dimensions: Mapping[str, Entry[Dimension]] = MappingProxyType({}),
    ) -> None:
        """Join the product's words with those of a company.

        Raises:
            InvalidDefinition: a company's word is one of the product's, or cannot be asked in SQL.
        """
        self.zone = zone
        self.measures = MEASURES | {name: _figure(entry) for name, entry in figures.items()}
        self.own = {name: _dimension(entry) for name, entry in dimensions.items()}
        self.attributes = {
            name: entry.value
            for name, entry in attributes.items()
            if entry.value.subject == "customer" and name not in _TITLES
        }
        types = dict.fromkeys(STRETCHES, "date") | {"weekday": "number"}
        self.dimensions: dict[str, Split] = {
            name: Split(Title(en=en, zh=zh), types.get(name, "text"))
            for name, (en, zh) in _TITLES.items()
        }
        for name, attribute in self.attributes.items():
            self.dimensions[name] = Split(attribute.title or Title(en=name), attribute.type)
        for name, entry in dimensions.items():
            if name in self.dimensions:
                raise entry.error("this name is already a dimension.")
            self.dimensions[name] = Split(entry.value.title or Title(en=name), entry.value.type)

    def on(self, base: str, dimension: str, later: str = "", local: str = "") -> str | None:
        """Return what a dimension is on a base, or None where it does not exist.

        ``later`` moves the day by an interval, ``local`` the moment: so that what was earlier
        stands beside what is now.
        """
        found = BASES[base]
        if dimension in found.dimensions:
            return found.dimensions[dimension]
        if dimension in self.own:
            return self.own[dimension] if base in _OF_FACTS else None
        if dimension in STRETCHES or dimension == "weekday":
            day = found.day
            if local or not day:
                moment = f"({found.time}{local})" if local else found.time
                day = f"CAST({self._local(moment)} AS DATE)"
            if later:
                day = f"CAST({day}{later} AS DATE)"
            if dimension == "weekday":
                # The first day of 2024 was a Monday; days before it are counted back.
                days = f"date_diff('day', DATE '2024-01-01', {day})"
                return f"CAST((({days} % 7) + 7) % 7 + 1 AS INTEGER)"
            if dimension == "day":
                return day
            return f"CAST(date_trunc({text_literal(dimension)}, {day}) AS DATE)"
        if dimension == "segment":
            return "b.segment" if base == "memberships" else "m.segment"
        return self.of_customer(dimension)

    def of_customer(self, dimension: str) -> str | None:
        """Return what a dimension is of a customer ``c``, or None where it is not about customers."""
        if dimension == "kind":
            return "c.kind"
        if dimension not in self.attributes:
            return None
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

    def split_by(self, dimension: str) -> list[str]:
        """Return the measures that can be split by a dimension."""
        return [name for name, counted in self.measures.items() if self.on(counted.base, dimension)]

    def describe(self, hidden: frozenset[str] = frozenset()) -> dict[str, list[dict[str, object]]]:
        """Return all words with titles, and which go together; without those that are hidden."""
        seen = [name for name in self.dimensions if name not in hidden]
        return {
            "measures": [
                {
                    "name": name,
                    "title": counted.title.model_dump(),
                    "unit": counted.unit,
                    "additive": counted.additive,
                    "of": BASES[counted.base].title.model_dump(),
                    "dimensions": [each for each in seen if self.on(counted.base, each)],
                }
                for name, counted in self.measures.items()
            ],
            "dimensions": [
                {
                    "name": name,
                    "title": self.dimensions[name].title.model_dump(),
                    "type": self.dimensions[name].type,
                    "of_customer": self.of_customer(name) is not None,
                }
                for name in seen
            ],
        }

    def _local(self, time: str) -> str:
        if self.zone == "UTC":
            return time
        return f"({time} AT TIME ZONE 'UTC' AT TIME ZONE {text_literal(self.zone)})"


_OF_FACTS = ("facts", "views", "visits")


def _figure(entry: Entry[Figure]) -> Counted:
    figure = entry.value
    if entry.name in MEASURES:
        raise entry.error("this name is already a measure of the product.")
    try:
        where = fact_is(figure.of, figure.where, "'where'")
        value = ""
        if figure.way in ("sum", "average"):
            value = property_of(figure.sum or figure.average, f"'{figure.way}'", amount=True)
        elif figure.way == "distinct":
            value = property_of(figure.distinct, "'distinct'", amount=False)
    except InvalidInput as error:
        raise entry.error(error.message, hint=error.hint) from None
    how: How = "distinct" if figure.way == "customers" else figure.way
    if figure.way == "customers":
        value = "b.customer_key"
    # A condition on properties cannot be said again as the condition of a trait: no event is named.
    event = figure.of[0] if len(figure.of) == 1 and not figure.where else ""
    title = figure.title or Title(en=entry.name)
    return Counted("facts", how, title, value, figure.unit, where, event)


def _dimension(entry: Entry[Dimension]) -> str:
    try:
        return property_of(entry.value.value, "'value'", amount=entry.value.type == "number")
    except InvalidInput as error:
        raise entry.error(error.message, hint=error.hint) from None
