"""What capabilities ask of others: the history as tables, and definitions from plugins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from cid.kit.plugins import Port


class Rows(Protocol):
    """The answer to a question: column names and rows."""

    @property
    def columns(self) -> Sequence[str]:
        """Names of the columns."""

    @property
    def rows(self) -> Sequence[Sequence[Any]]:
        """One tuple for each row."""


class History(Protocol):
    """The company's history, asked in SQL. Intelligence offers it; ``HISTORY`` has its tables."""

    def query(self, sql: str, params: Mapping[str, Any] = ...) -> Rows:
        """Answer one SELECT."""

    def sync(self) -> object:
        """Bring the history up to date with what was recorded."""

    def position(self) -> int:
        """Return the position of the last fact in it."""


@runtime_checkable
class CapabilityPlugin(Protocol):
    """Ships definitions of capabilities and measures."""

    name: str

    def definitions(self) -> list[Path]:
        """Return the definition files, in the order they are read."""


CAPABILITIES: Port[CapabilityPlugin] = Port("icustomer.cbc.capabilities", CapabilityPlugin)


class Table(NamedTuple):
    """A table of the history: the layer it shows, and the column that says when a row happened."""

    layer: str
    moment: str = ""


HISTORY: dict[str, Table] = {
    "attributes": Table("cid", "time"),
    "customers": Table("cid", "last_seen"),
    "consents": Table("cid", "since"),
    "systems": Table("cid"),
    "facts": Table("cii", "time"),
    "ledger": Table("cii", "received"),
    "identifiers": Table("cii"),
    "memberships": Table("cic", "since"),
    "changes": Table("cic", "known_at"),
    "scores": Table("cic", "at"),
    "verification": Table("cic", "at"),
    "tasks": Table("cfa", "opened_at"),
    "cases": Table("cfa", "opened_at"),
    "opportunities": Table("cfa", "opened_at"),
    "decisions": Table("context", "at"),
    "actions": Table("context", "at"),
}
"""The tables every measure may read; ``cic.history`` has their columns.

``layer.table`` is also how a capability names an element it stands on: what left no trace in the
history does not count as there (S3.W3: a tool is not a strategy).
"""
