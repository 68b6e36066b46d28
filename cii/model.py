"""The nouns of integration: identifiers, contracts, flows, and the fate of a record."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from cid.kit.definitions import Definition, Duration, Feel, Section, Zone

STAFF = "staff"
"""The source of what our own people do in the pages."""
MERGED = "Identities Merged"
SEPARATED = "Identities Separated"
DEFINED = "Definition Changed"
DECISIONS = frozenset({MERGED, SEPARATED, DEFINED})
"""Facts by which our own people decide: who is who, and what is defined."""


class State(StrEnum):
    """The final state of a received record: each has exactly one."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    QUARANTINED = "quarantined"


class RecordFault(Exception):
    """A record cannot be applied; it is kept, with the reason."""

    def __init__(self, state: State, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.state = state
        self.reason = reason
        self.detail = detail
        self.message_id = ""
        """The record's own id, where it could be read."""


class IdentifierKind(Definition):
    """A kind of identifier by which a customer is recognised.

    Kinds are listed strongest first: a record belongs to its strongest identifier.
    """

    normalise: Literal["text", "email", "phone", "lower", "upper"] = "text"
    attributes: tuple[str, ...] = ()
    """Attributes of a record that hold it, e.g. ``email``."""
    unique: bool = False
    """One customer has one of it per source, and two different ones are two people unless evidence says otherwise."""
    limit: int = 0
    """How many different unique identifiers may share it before it proves nothing (0: any number)."""
    ignore: tuple[str, ...] = ()
    """Values that prove nothing, e.g. ``test@test.com``."""
    region: str = ""
    """Where a phone number without country code belongs, e.g. ``FR``."""


class PropertyContract(Definition):
    """What a record type promises about one property."""

    type: Literal["text", "number", "boolean", "list", "object", "any"] = "any"
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] = ()


class Contract(Definition):
    """What a record type promises; a record that breaks it waits in quarantine."""

    properties: dict[str, PropertyContract] = Field(default_factory=dict)


class RecordMapping(Definition):
    """How a row becomes a fact: each field is a FEEL expression over the row's columns."""

    type: Feel = '"track"'
    event: Feel = '""'
    id: Feel = ""
    """The record's own id; file and line where empty."""
    time: Feel = ""
    received: Feel = ""
    """When the company received it; now where empty."""
    identifiers: dict[str, Feel] = Field(default_factory=dict)
    properties: dict[str, Feel] = Field(default_factory=dict)
    attributes: dict[str, Feel] = Field(default_factory=dict)


class Flow(Definition):
    """A stream of rows from files of one kind into the company's facts (S2.L2: direction, filter, transform)."""

    source: str
    """The system that the rows come from."""
    format: str = "csv"
    """Which connector reads the files: csv, jsonl, json, parquet, or an installed one."""
    files: tuple[str, ...] = ()
    """Patterns of file names that belong to the flow, e.g. ``orders_*.csv.gz``."""
    delimiter: str = ","
    encoding: str = "utf-8"
    time_zone: Zone = Field("", alias="time zone")
    """Zone of times that have none; the company's where empty."""
    time_format: str = Field("", alias="time format")
    """How times are written if not ISO 8601, e.g. ``%m/%d/%Y``."""
    when: Feel = ""
    """A FEEL condition on the row; others are left out on purpose and not counted."""
    schedule: Duration = ""
    """How often a file is expected, e.g. ``1 d``."""
    protocol: Literal["mapping", "segment"] = "mapping"
    """``segment``: rows are already in the collect API's form and need no mapping."""
    record: RecordMapping = RecordMapping()


IDENTIFIERS = Section("identifiers", IdentifierKind)
CONTRACTS = Section("contracts", Contract)
FLOWS = Section("flows", Flow)
SECTIONS = (IDENTIFIERS, CONTRACTS, FLOWS)
