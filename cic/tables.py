"""Tables of intelligence: memberships, their changes, verifications."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, Table, Text

from cid.kit.db import metadata

membership = Table(
    "cic_membership",
    metadata,
    Column("customer", Text, primary_key=True),
    Column("segment", Text, primary_key=True),
    Column("since", BigInteger, nullable=False),
    Column("version", Text, nullable=False),
    sqlite_with_rowid=False,
)

change = Table(
    "cic_change",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("customer", Text, nullable=False, index=True),
    Column("segment", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("effective_at", BigInteger, nullable=False),
    Column("known_at", BigInteger, nullable=False),
    Column("cause", Text, nullable=False),
    Column("cause_id", Text, nullable=False),
    Column("seen", JSON, nullable=False),
    Column("loop", Text, nullable=False, index=True),
)

state = Table(
    "cic_state",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

verification = Table(
    "cic_verification",
    metadata,
    Column("at", BigInteger, primary_key=True),
    Column("as_of", BigInteger, nullable=False),
    Column("traits", Integer, nullable=False),
    Column("segments", Integer, nullable=False),
    Column("customers", Integer, nullable=False),
    Column("mismatches", Integer, nullable=False),
)

Index("ix_cic_change_segment", change.c.segment, change.c.effective_at)
Index("ix_cic_membership_segment", membership.c.segment, membership.c.since)
