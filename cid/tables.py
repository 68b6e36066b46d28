"""Tables of the seven subject areas (S2.L1). Moments are milliseconds, amounts ten-thousandths.

``stamp`` orders the facts behind a row: an older fact never overwrites a newer one.
"""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, Table, Text

from cid.kit.db import metadata

identity = Table(
    "cid_identity",
    metadata,
    Column("identity", Text, primary_key=True),
    Column("customer", Text, nullable=False, index=True),
    Column("first_seen", BigInteger, nullable=False),
    Column("last_seen", BigInteger, nullable=False),
    Column("facts", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

observation = Table(
    "cid_observation",
    metadata,
    Column("identity", Text, primary_key=True),
    Column("attribute", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("time", BigInteger, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("value", JSON),
    sqlite_with_rowid=False,
)

customer = Table(
    "cid_customer",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False, index=True),
    Column("search", Text, nullable=False),
    Column("profile", JSON, nullable=False),
)

order = Table(
    "cid_order",
    metadata,
    Column("order_id", Text, primary_key=True),
    Column("identity", Text, nullable=False, index=True),
    Column("source", Text, nullable=False),
    Column("total", BigInteger),
    Column("currency", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("campaign", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("stamp", Text, nullable=False),
)

order_line = Table(
    "cid_order_line",
    metadata,
    Column("order_id", Text, primary_key=True),
    Column("line", BigInteger, primary_key=True),
    Column("sku", Text, nullable=False, index=True),
    Column("quantity", BigInteger),
    Column("price", BigInteger),
    Column("time", BigInteger, nullable=False),
    Column("stamp", Text, nullable=False),
    sqlite_with_rowid=False,
)

refund = Table(
    "cid_refund",
    metadata,
    Column("order_id", Text, primary_key=True),
    Column("message_id", Text, primary_key=True),
    Column("identity", Text, nullable=False),
    Column("refunded", BigInteger),
    Column("reason", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("stamp", Text, nullable=False),
)

product = Table(
    "cid_product",
    metadata,
    Column("sku", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("price", BigInteger),
    Column("currency", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("stamp", Text, nullable=False),
)

product_relation = Table(
    "cid_product_relation",
    metadata,
    Column("sku", Text, primary_key=True),
    Column("other", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("origin", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("stamp", Text, nullable=False),
)

channel = Table(
    "cid_channel",
    metadata,
    Column("name", Text, primary_key=True),
)

touchpoint = Table(
    "cid_touchpoint",
    metadata,
    Column("name", Text, primary_key=True),
    Column("channel", Text, ForeignKey("cid_channel.name")),
    Column("kind", Text, nullable=False),
    Column("expected_ms", BigInteger),
)

segment = Table(
    "cid_segment",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", Text, nullable=False),
    Column("condition", Text, nullable=False),
    Column("active", Boolean, nullable=False),
)

relationship = Table(
    "cid_relationship",
    metadata,
    Column("identity", Text, primary_key=True),
    Column("other", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("stamp", Text, nullable=False),
)

campaign_response = Table(
    "cid_campaign_response",
    metadata,
    Column("campaign", Text, primary_key=True),
    Column("identity", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("time", BigInteger, nullable=False),
    Column("stamp", Text, nullable=False),
    sqlite_with_rowid=False,
)

entity = Table(
    "cid_entity",
    metadata,
    Column("entity", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("identity", Text, nullable=False, index=True),
    Column("data", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("stamp", Text, nullable=False),
)

Index("ix_cid_order_time", order.c.time)

PROJECTED = {
    "order": order,
    "order_line": order_line,
    "refund": refund,
    "product": product,
    "product_relation": product_relation,
    "relationship": relationship,
    "campaign_response": campaign_response,
    "entity": entity,
}
