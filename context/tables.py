"""Tables of context: decisions, the outbox of actions, timers, schedules, counts, lives."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, Table, Text

from cid.kit.db import metadata

decision = Table(
    "context_decision",
    metadata,
    Column("id", Text, primary_key=True),
    Column("rule", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("customer", Text, nullable=False, index=True),
    Column("identity", Text, nullable=False, index=True),
    Column("at", BigInteger, nullable=False),
    Column("cause", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("fired", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("seen", JSON, nullable=False),
    Column("loop", Text, nullable=False, index=True),
    Column("variant", Text, nullable=False),
    Column("default_variant", Text, nullable=False),
    Column("latency_ms", BigInteger, nullable=False),
)

action = Table(
    "context_action",
    metadata,
    Column("id", Text, primary_key=True),
    Column("decision", Text, nullable=False, index=True),
    Column("rule", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("customer", Text, nullable=False, index=True),
    Column("identity", Text, nullable=False, index=True),
    Column("at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try", BigInteger, nullable=False),
    Column("error", Text, nullable=False),
    Column("parameters", JSON, nullable=False),
    Column("loop", Text, nullable=False),
)

timer = Table(
    "context_timer",
    metadata,
    Column("id", Text, primary_key=True),
    Column("rule", Text, nullable=False),
    Column("identity", Text, nullable=False),
    Column("due", BigInteger, nullable=False, index=True),
    Column("cause", Text, nullable=False),
    Column("event", JSON, nullable=False),
    Column("loop", Text, nullable=False),
)

schedule = Table(
    "context_schedule",
    metadata,
    Column("rule", Text, primary_key=True),
    Column("next", BigInteger, nullable=False),
)

count = Table(
    "context_count",
    metadata,
    Column("rule", Text, primary_key=True),
    Column("looked", BigInteger, nullable=False),
)

step = Table(
    "context_step",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
)

Index("ix_context_step_name", step.c.kind, step.c.name)
Index("ix_context_decision_rule", decision.c.rule, decision.c.at)
Index("ix_context_action_state", action.c.state, action.c.next_try)
