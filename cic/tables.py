"""Tables of intelligence: memberships, their changes, verifications, exports."""

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

export = Table(
    "cic_export",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("person", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("format", Text, nullable=False),
    Column("question", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
)

Index("ix_cic_export_at", export.c.at)
Index("ix_cic_change_segment", change.c.segment, change.c.effective_at)
Index("ix_cic_membership_segment", membership.c.segment, membership.c.since)
