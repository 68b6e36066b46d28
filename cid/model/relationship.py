"""Subject area relationship: who belongs with whom, and how customers regroup when evidence changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict


class Relationship(BaseModel):
    """A customer stands in a relation to an organisation or another customer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    customer: str
    other: str
    kind: str
    since: int


@dataclass(frozen=True, slots=True)
class Regrouped:
    """Identifiers moved between customers: a merge, a split, or a rename after older evidence.

    ``moved`` maps each identifier to (old customer, new customer).
    """

    moved: Mapping[str, tuple[str, str]]
    at: int

    @property
    def customers(self) -> frozenset[str]:
        """All customers that lost or won an identifier."""
        return frozenset(customer for pair in self.moved.values() for customer in pair)
