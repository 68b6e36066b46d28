"""A fact: who did what, when and where (S3.K1). Every layer above is a fold of facts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, eq=False)
class Fact:
    """One accepted record in the company's own words, about one customer.

    Not frozen and not Pydantic because it lives on the hot path; nobody changes it after resolution.

    Times are milliseconds since 1970 in UTC. ``identifiers`` are ``kind:value`` texts, already normalised,
    strongest first; ``identity`` is the one that owns the fact and ``customer`` the customer it belongs to now.
    """

    position: int
    """Place in the ledger: grows with every record received."""
    message_id: str
    source: str
    """The system that sent it."""
    type: str
    """track, identify, page, screen, group or alias."""
    event: str
    """What happened, e.g. ``Order Completed``; for the other types the type's name."""
    time: int
    """When it happened."""
    received: int
    """When we received it."""
    identifiers: tuple[str, ...]
    properties: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    """What the record says about the customer (the protocol's ``traits``)."""
    actor: str = ""
    """Who did it, where it was not the customer: a colleague or a rule."""
    loop: str = ""
    """Id of the loop from insight to outcome that this fact is part of."""
    identity: str = ""
    customer: str = ""

    @property
    def order(self) -> tuple[int, str, str]:
        """The total order of facts: when it happened, then who sent it under which id."""
        return (self.time, self.source, self.message_id)
