"""What a company's records say of its history, and how that differs from one that nothing interrupted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import inspect, text

from cid.kit.db import Database

# What tells how often a record was sent again, and in which order batches were written: not the company.
BESIDE = {
    "alembic_version",
    "cic_verification",
    "cii_count",
    "cii_ledger",
    "cii_origin",
    "cii_progress",
    "cii_seen",
    "context_count",
}
LAYERS = ("cid_", "cii_", "cic_", "cfa_", "context_")
TIMELESS = ("cid_customer", "cid_identity", "cid_order", "cid_observation", "cii_identifier")
NUMBERS = {"cic_change": ("id",), "cii_regrouping": ("id",), "cid_observation": (), "cic_state": ()}
KEPT = ("applied", "quarantined", "rejected")


@dataclass
class History:
    """What happened in a company."""

    applied: list[tuple[str, str]] = field(default_factory=list)
    """(customer's identity, message id), in the order in which they were applied."""
    fates: dict[str, set[str]] = field(default_factory=dict)
    tables: dict[str, list[str]] = field(default_factory=dict)
    letters: dict[str, bytes] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)
    resent: int = 0

    def order(self) -> dict[str, list[str]]:
        """Return by identity the message ids in the order in which they were applied."""
        found: dict[str, list[str]] = {}
        for identity, message in self.applied:
            found.setdefault(identity, []).append(message)
        return found


@dataclass
class Verdict:
    """How a history differs from that of a company which nothing interrupted."""

    lost: list[str]
    doubled: list[str]
    misordered: list[str]
    different: dict[str, Any]

    def __bool__(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.lost or self.doubled or self.misordered or self.different)


def history(directory: Path, url: str = "") -> History:
    """Read the history of a company that nobody has open."""
    database = Database(url or f"sqlite:///{directory / 'data' / 'records.sqlite'}")
    found = History()
    with database.read() as connection:
        ledger = connection.execute(
            text("SELECT message_id, state, identity FROM cii_ledger ORDER BY position")
        )
        for message, state, identity in ledger:
            found.fates.setdefault(message, set()).add(state)
            found.resent += state == "duplicate"
            if state == "applied":
                found.applied.append((identity, message))
        for table in sorted(inspect(connection).get_table_names()):
            if table in BESIDE or not table.startswith(LAYERS):
                continue
            rows = connection.execute(text(f'SELECT * FROM "{table}"')).mappings()
            left_out = NUMBERS.get(table, ())
            found.tables[table] = sorted(
                repr({name: _plain(row[name]) for name in row if name not in left_out})
                for row in rows
            )
    database.close()
    outbox = directory / "data" / "outbox"
    found.letters = {path.name: path.read_bytes() for path in outbox.glob("*.eml")}
    told = directory / "told.json"
    found.told = orjson.loads(told.read_bytes()) if told.exists() else {}
    return found


def compare(
    expected: History, found: History, sent: list[str], *, to_the_moment: bool = True
) -> Verdict:
    """Return what was lost, doubled, put into another order, or is otherwise different.

    Where half a group of records may be in the log and the rest comes again later, moments may differ,
    and with them what follows from moments: then only what does not depend on them is compared.
    """
    fates = {
        message: {state for state in states if state in KEPT}
        for message, states in found.fates.items()
    }
    lost = [each for each in sent if fates.get(each) != expected.fates[each]]
    doubled = [
        each
        for each, times in Counter(message for _, message in found.applied).items()
        if times > 1
    ]
    ours, theirs = found.order(), expected.order()
    misordered = [
        identity
        for identity in {**ours, **theirs}
        if ours.get(identity) != theirs.get(identity) and not lost and not doubled
    ]
    different: dict[str, Any] = {}
    for table, rows in expected.tables.items():
        if not to_the_moment and table not in TIMELESS:
            continue
        if found.tables.get(table) != rows:
            now, then = Counter(found.tables.get(table, [])), Counter(rows)
            different[table] = list((then - now).elements())[:2], list((now - then).elements())[:2]
    if found.letters != expected.letters and to_the_moment:
        different["letters"] = sorted(set(found.letters) ^ set(expected.letters))[:5] or "text"
    if found.told != expected.told:
        different["told"] = (expected.told, found.told)
    return Verdict(lost, doubled, misordered, different)


def _plain(value: Any) -> Any:
    """Bring documents into one form, whichever database keeps them."""
    if isinstance(value, str) and value[:1] in "{[":
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    if isinstance(value, dict | list):
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    if isinstance(value, str):
        # Lists in a text, such as the identities of a customer, have no order.
        return "\n".join(sorted(value.split("\n")))
    return value
