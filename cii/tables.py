"""Tables of integration: the ledger, identifiers and the evidence between them, progress."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
)

from cid.kit.db import metadata

ledger = Table(
    "cii_ledger",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("time", BigInteger),
    Column("event", Text, nullable=False),
    Column("identity", Text, nullable=False),
)
Index("ix_cii_ledger_identity", ledger.c.identity, ledger.c.time)
Index(
    "ix_cii_ledger_state",
    ledger.c.state,
    sqlite_where=ledger.c.state != "applied",
    postgresql_where=ledger.c.state != "applied",
)

count = Table(
    "cii_count",
    metadata,
    Column("source", Text, primary_key=True),
    Column("state", Text, primary_key=True),
    Column("reason", Text, primary_key=True),
    Column("records", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
)
"""The ledger's totals, kept in the same transaction, so that nobody has to count."""

seen = Table(
    "cii_seen",
    metadata,
    Column("key", LargeBinary(16), primary_key=True),
    Column("position", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

identifier = Table(
    "cii_identifier",
    metadata,
    Column("identifier", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("customer", Text, nullable=False, index=True),
    Column("first_seen", BigInteger, nullable=False),
    Column("blocked", Boolean, nullable=False),
    sqlite_with_rowid=False,
)

edge = Table(
    "cii_edge",
    metadata,
    Column("a", Text, primary_key=True),
    Column("b", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("vetoed", Boolean, nullable=False),
    Column("decided_at", BigInteger, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    sqlite_with_rowid=False,
)

regrouping = Table(
    "cii_regrouping",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("time", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("kept", Text, nullable=False, index=True),
    Column("other", Text, nullable=False, index=True),
    Column("identifier", Text, nullable=False),
)

progress = Table(
    "cii_progress",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("offset", BigInteger, nullable=False),
)

moment = Table(
    "cii_moment",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

origin = Table(
    "cii_origin",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("identity", Text, nullable=False),
    Column("holes", BigInteger, nullable=False),
)
"""Which log the records were made from, and how many of its offsets hold no record."""

lease = Table(
    "cii_lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("wanted", BigInteger, nullable=False),
)
"""Which process applies records now, where several share a database; the epoch tells a former one."""
