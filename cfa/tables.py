"""Tables of the applications: the state of work and ids of customers, nothing more about them.

Moments are milliseconds, amounts and shares ten-thousandths. ``identity`` says whose a row is when
customers regroup; ``steps`` are what happened to it, from which the other columns are folded.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Table, Text

from cid.kit.db import metadata


def _text(name: str, *, key: bool = False, index: bool = False) -> Column[str]:
    return Column(name, Text, primary_key=key, index=index, nullable=False)


def _moment(name: str, *, index: bool = False) -> Column[int]:
    return Column(name, BigInteger, index=index)


task = Table(
    "cfa_task",
    metadata,
    _text("id", key=True),
    _text("app"),
    _text("queue"),
    _text("title"),
    _text("customer", index=True),
    _text("identity", index=True),
    _text("rule"),
    Column("opened_at", BigInteger, nullable=False),
    _moment("due_at"),
    _text("state", index=True),
    _text("outcome"),
    _text("note"),
    _text("actor"),
    _moment("closed_at"),
    _text("loop"),
    _text("steps"),
)

case = Table(
    "cfa_case",
    metadata,
    _text("id", key=True),
    _text("customer", index=True),
    _text("identity", index=True),
    _text("subject"),
    _text("channel"),
    _text("priority"),
    _text("queue"),
    _text("state", index=True),
    Column("opened_at", BigInteger, nullable=False),
    _moment("first_response_due"),
    _moment("first_responded_at"),
    _moment("resolve_due"),
    _moment("resolved_at"),
    _text("resolution"),
    Column("csat", BigInteger),
    _text("loop"),
    _text("steps"),
)

case_message = Table(
    "cfa_case_message",
    metadata,
    _text("case_id", key=True),
    _text("source", key=True),
    _text("message_id", key=True),
    Column("at", BigInteger, nullable=False),
    _text("direction"),
    _text("text"),
    _text("actor"),
)

opportunity = Table(
    "cfa_opportunity",
    metadata,
    _text("id", key=True),
    _text("customer", index=True),
    _text("identity", index=True),
    _text("title"),
    _text("pipeline"),
    _text("stage"),
    _text("state", index=True),
    Column("amount", BigInteger),
    _text("currency"),
    Column("discount", BigInteger),
    _text("owner"),
    _text("product"),
    _text("origin"),
    Column("opened_at", BigInteger, nullable=False),
    Column("stage_since", BigInteger, nullable=False),
    _moment("quoted_at"),
    _moment("closed_at"),
    _text("close_date"),
    _text("loop"),
    _text("steps"),
)

offer = Table(
    "cfa_offer",
    metadata,
    _text("id", key=True),
    _text("customer", index=True),
    _text("identity", index=True),
    _text("offer"),
    _text("text"),
    Column("value", BigInteger),
    _text("reason"),
    _text("state", index=True),
    _moment("presented_at"),
    _moment("until"),
    _moment("answered_at"),
    _text("answer"),
    _text("actor"),
    _text("decision"),
    _text("task"),
    _text("loop"),
    _text("steps"),
)

WORK = {"task": task, "case": case, "opportunity": opportunity, "offer": offer}
TITLES = {"task": task.c.title, "case": case.c.subject, "opportunity": opportunity.c.title}
