"""Facts seen as the other subject areas: orders, products, campaigns, relationships, extra entities.

Each projection is a pure fold: for every key the newest fact wins, whatever the order of arrival.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from cid.kit.definitions import Entry
from cid.model.definition import Entity
from cid.model.fact import Fact

Row = dict[str, Any]
LIMIT = 10**13
"""Beyond any amount of money."""
SHORT = 1e9

ORDERS = ("Order Completed", "Order Refunded")
PRODUCT = "Product Updated"
RESPONSES = {
    "Campaign Assigned": "assigned",
    "Email Sent": "sent",
    "Email Delivered": "delivered",
    "Email Opened": "opened",
    "Email Clicked": "clicked",
    "Email Bounced": "bounced",
}
"""Facts that are responses to a campaign (subject area marketing)."""


class Projection:
    """Collects the rows that facts mean for the subject areas, until the batch is written."""

    def __init__(self, entities: Mapping[str, Entry[Entity]]) -> None:
        self._by_event: dict[str, list[tuple[str, Entity]]] = defaultdict(list)
        for name, entry in entities.items():
            for event in entry.value.events:
                self._by_event[event].append((name, entry.value))
        self.events = frozenset((*ORDERS, PRODUCT, *RESPONSES, *self._by_event))
        """Facts that mean anything here; besides these only those of type group do."""
        self._rows: dict[str, dict[tuple[Any, ...], Row]] = defaultdict(dict)

    def forget(self) -> None:
        """Drop rows that were not written."""
        self._rows.clear()

    def drain(self) -> dict[str, list[Row]]:
        """Return the rows to write, by table, and forget them."""
        rows = {table: list(by_key.values()) for table, by_key in self._rows.items() if by_key}
        self._rows = defaultdict(dict)
        return rows

    def apply(self, fact: Fact) -> None:
        """Note what a fact means for the subject areas."""
        event = fact.event
        if event in ORDERS:
            self._order(fact)
        elif event == PRODUCT:
            self._product(fact, fact.properties)
        elif event in RESPONSES:
            self._response(fact)
        if fact.type == "group" and fact.properties.get("group_id"):
            self._put(
                "relationship",
                (fact.identity, str(fact.properties["group_id"])),
                fact,
                {
                    "identity": fact.identity,
                    "other": str(fact.properties["group_id"]),
                    "kind": str(fact.properties.get("role", "member")),
                },
            )
        for name, entity in self._by_event.get(event, ()):
            self._entity(name, entity, fact)

    def _order(self, fact: Fact) -> None:
        said = fact.properties
        number = str(said.get("order_id") or fact.message_id)
        if fact.event == "Order Refunded":
            row = {
                "order_id": number,
                "identity": fact.identity,
                "refunded": money(said.get("total")),
                "reason": str(said.get("reason", "")),
            }
            self._put(
                "refund", (number, fact.message_id), fact, {**row, "message_id": fact.message_id}
            )
            return
        self._put(
            "order",
            (number,),
            fact,
            {
                "order_id": number,
                "identity": fact.identity,
                "source": fact.source,
                "total": money(said.get("total")),
                "currency": str(said.get("currency", "")),
                "channel": str(said.get("channel", "")),
                "campaign": str(said.get("campaign") or ""),
            },
        )
        items = said.get("items")
        for line, item in enumerate(items if isinstance(items, list) else [], start=1):
            if isinstance(item, dict) and item.get("sku"):
                self._put(
                    "order_line",
                    (number, line),
                    fact,
                    {
                        "order_id": number,
                        "line": line,
                        "sku": str(item["sku"]),
                        "quantity": money(item.get("quantity", 1)),
                        "price": money(item.get("price")),
                    },
                )

    def _product(self, fact: Fact, said: Mapping[str, Any]) -> None:
        if not said.get("sku"):
            return
        sku = str(said["sku"])
        self._put(
            "product",
            (sku,),
            fact,
            {
                "sku": sku,
                "name": str(said.get("name", "")),
                "category": str(said.get("category", "")),
                "price": money(said.get("price")),
                "currency": str(said.get("currency", "")),
            },
        )
        related = said.get("related")
        for other in related if isinstance(related, list) else []:
            if isinstance(other, dict) and other.get("sku"):
                self._put(
                    "product_relation",
                    (sku, str(other["sku"]), str(other.get("kind", "related"))),
                    fact,
                    {
                        "sku": sku,
                        "other": str(other["sku"]),
                        "kind": str(other.get("kind", "related")),
                        "origin": "declared",
                    },
                )

    def _response(self, fact: Fact) -> None:
        campaign = str(fact.properties.get("campaign") or "")
        if campaign:
            kind = RESPONSES[fact.event]
            if kind == "assigned":
                kind = str(fact.properties.get("group", "treated"))
            self._put(
                "campaign_response",
                (campaign, fact.identity, kind),
                fact,
                {"campaign": campaign, "identity": fact.identity, "kind": kind},
            )

    def _entity(self, name: str, entity: Entity, fact: Fact) -> None:
        key = fact.properties.get(entity.key)
        if key is None:
            return
        data = {
            attribute: fact.properties.get(definition.property or attribute)
            for attribute, definition in entity.attributes.items()
        }
        self._put(
            "entity",
            (name, str(key)),
            fact,
            {
                "entity": name,
                "key": str(key),
                "identity": fact.identity,
                "data": orjson.dumps(data).decode(),
            },
        )

    def _put(self, table: str, key: tuple[Any, ...], fact: Fact, row: Row) -> None:
        row["time"] = fact.time
        row["stamp"] = f"{fact.time:015d}/{fact.source}/{fact.message_id}"
        before = self._rows[table].get(key)
        if before is None or before["stamp"] < row["stamp"]:
            self._rows[table][key] = row


def money(value: Any) -> int | None:
    """Return an amount as a whole number of ten-thousandths, or None where there is none.

    What is far beyond any amount (ten trillion and more) is none either: no database could keep it.

    >>> money("12.30"), money(True), money("much"), money(1e308)
    (123000, None, None, None)
    """
    if value is None or isinstance(value, bool):
        return None
    if type(value) is int:
        return value * 10_000 if -LIMIT < value < LIMIT else None
    if type(value) is float and -SHORT < value < SHORT:
        # Below this a float holds all digits of an amount, and more than the four we keep.
        near = value * 10_000
        whole = round(near)
        if -1e-6 < near - whole < 1e-6:
            return whole
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    if not amount.is_finite() or abs(amount) >= LIMIT:
        return None
    return round(amount * 10_000)
