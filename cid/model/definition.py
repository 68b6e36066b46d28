"""What a company may define about its customers' information: systems, attributes, extra entities."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cid.kit.definitions import Definition, Duration, Feel, Section, Zone

Type = Literal["text", "number", "boolean", "date", "moment", "list"]
Sensitivity = Literal["public", "internal", "personal", "sensitive"]


class Company(Definition):
    """The company itself: its name, money, time zone and the keys its touchpoints write with."""

    name: str
    currency: str = "EUR"
    time_zone: Zone = Field("UTC", alias="time zone")
    languages: tuple[str, ...] = ("en", "zh")
    clock: Literal["system", "records"] = "system"
    """``records``: time goes only as far as the records do, so that a set from the past stays as it was."""
    demo: bool = False


class System(Definition):
    """A system or touchpoint that sends or receives records."""

    kind: Literal["touchpoint", "system"] = "system"
    channel: str = ""
    """Channel it belongs to: web, app, store, phone, email …"""
    write_key: str = Field("", alias="write key")
    """Key with which clients of the collect API write as this system."""
    confidence: float = Field(0.8, ge=0, le=1)
    expected_every: Duration = Field("", alias="expected every")
    """Longest silence that is normal, e.g. ``1 d``."""


class Attribute(Definition):
    """One attribute of a customer: what it means, who is its master, how sensitive it is (S2.Q1, S2.Q3)."""

    type: Type = "text"
    sensitivity: Sensitivity = "internal"
    masters: tuple[str, ...] = ()
    """Systems whose value is in force, first one first; others only contribute while no master has spoken."""
    contributors: tuple[str, ...] = ()
    """Systems that may say something about it; empty means any."""
    survivorship: Literal["master", "latest"] = "master"
    """Between systems of equal rank, and for ``latest`` between all, the newest observation wins."""
    freshness: Duration = ""
    """After how long a value has to be verified again, e.g. ``365 d``."""
    quality: Feel = ""
    """A FEEL condition on ``value`` that a good value meets."""
    subject: Literal[
        "customer", "product", "channel", "segment", "transaction", "relationship", "marketing"
    ] = "customer"

    @property
    def decides(self) -> str:
        """All that decides which value is in force, as a text."""
        return f"{self.type} {self.masters} {self.contributors} {self.survivorship}"


class EntityAttribute(Definition):
    """One attribute of an extra entity and the property it comes from."""

    type: Type = "text"
    sensitivity: Sensitivity = "internal"
    property: str = ""
    """Property of the fact; the attribute's own name when empty."""


class Entity(Definition):
    """An extra entity of the company's trade, filled from facts without code."""

    events: tuple[str, ...] = Field(alias="from")
    """Facts that carry it."""
    key: str
    """Property that names one instance."""
    attributes: dict[str, EntityAttribute] = Field(default_factory=dict)
    subject: str = "customer"


COMPANY = Section("company", Company, single=True)
SYSTEMS = Section("systems", System)
ATTRIBUTES = Section("attributes", Attribute)
ENTITIES = Section("entities", Entity)
SECTIONS = (COMPANY, SYSTEMS, ATTRIBUTES, ENTITIES)
