"""What the definition of customers asks of others: a store, and extensions of the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from cid.kit.plugins import Port
from cid.model.value import Value

if TYPE_CHECKING:
    from cid.kit.db import Database


class IdentityRow(NamedTuple):
    """An identifier with its customer and when it was heard of."""

    identity: str
    customer: str
    first_seen: int
    last_seen: int
    facts: int


class ObservationRow(NamedTuple):
    """The newest word of one system on one attribute of one identity."""

    identity: str
    attribute: str
    source: str
    time: int
    message_id: str
    value: Any


class CustomerRow(NamedTuple):
    """A customer as shown: what she is called, and the values in force."""

    id: str
    kind: str
    name: str
    identities: tuple[str, ...]
    profile: Mapping[str, Value]


@runtime_checkable
class Store(Protocol):
    """Keeps the customers."""

    def identities(self, connection: Any) -> Iterator[IdentityRow]:
        """Yield all identities."""

    def observations(self, connection: Any) -> Iterator[ObservationRow]:
        """Yield the newest observation of every identity, attribute and system."""

    def save(
        self,
        connection: Any,
        identities: Sequence[IdentityRow],
        observations: Sequence[ObservationRow],
        customers: Sequence[CustomerRow],
        gone: Sequence[str],
        projected: Mapping[str, Sequence[Mapping[str, Any]]],
    ) -> None:
        """Write what changed in one batch; ``projected`` has rows by subject-area table."""

    def customer(self, customer: str) -> dict[str, Any] | None:
        """Return one customer with profile and identities."""

    def find(self, text: str, limit: int) -> list[dict[str, Any]]:
        """Return customers whose name, values or identifiers contain a text."""

    def names(self, customers: Sequence[str]) -> dict[str, str]:
        """Return what these customers are called."""

    def rows(self, table: str, where: Mapping[str, Any], limit: int) -> list[dict[str, Any]]:
        """Return rows of a subject-area table, newest first."""

    def declare(
        self, systems: Sequence[Mapping[str, Any]], segments: Sequence[Mapping[str, Any]]
    ) -> None:
        """Bring the tables of channels, touchpoints and segments in line with the definitions."""

    def mirrors(self) -> dict[str, str]:
        """Return the SELECTs that feed the history."""


@runtime_checkable
class Extension(Protocol):
    """Extra attributes and entities for a trade: a name and the YAML files that define them."""

    name: str

    def definitions(self) -> list[Path]:
        """Return the definition files."""


class StoreFactory(Protocol):
    """Makes a store on a database."""

    def __call__(self, database: Database) -> Store:
        """Return the store."""


STORES: Port[Store] = Port("icustomer.cid.stores", Store)
EXTENSIONS: Port[Extension] = Port("icustomer.cid.extensions", Extension)
