"""What the applications ask of others: a store, advice, a way to make facts, and plugins."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from cfa.model import Change, Manifest, Step, Work
from cid.kit.definitions import Definitions
from cid.kit.plugins import Port
from cid.model.fact import Fact

if TYPE_CHECKING:
    from cid.kit.db import Database


@runtime_checkable
class Advisor(Protocol):
    """Knows what should be done; the context layer answers, and until then nobody does."""

    def decide(self, table: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:
        """Ask a decision table; None where there is no such table or no row fits."""

    def next_best_action(self, customer: str) -> dict[str, Any] | None:
        """Return ``{offer, reason, …}`` for a customer, or None."""


class Silent:
    """The advisor of a company that has nobody to ask yet."""

    def decide(self, table: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:
        """Give no advice."""
        return None

    def next_best_action(self, customer: str) -> dict[str, Any] | None:
        """Give no advice."""
        return None


class Submit(Protocol):
    """Makes a fact of what a colleague did: appends it to the log and waits until it is applied."""

    def __call__(
        self,
        event: str,
        *,
        customer: str,
        properties: Mapping[str, Any],
        actor: str,
        loop: str = "",
        message_id: str | None = None,
    ) -> dict[str, Any]:
        """Return what became of the record."""


class Keeper(Protocol):
    """Turns facts into steps of one kind of work, and folds the steps into what is shown."""

    kind: str
    """task, case, opportunity or offer."""
    events: frozenset[str]
    """Facts that it wants to see."""

    def take(self, fact: Fact) -> Change | None:
        """Say which work the fact is a step of; None where it is of none."""

    def fold(self, steps: Sequence[Step]) -> dict[str, Any]:
        """Return the work's present columns; the steps come in order."""


@runtime_checkable
class App(Protocol):
    """A customer-facing application as a plugin: a manifest and the work it keeps.

    It is made with the company's definitions and an advisor: ``Service(definitions, advisor)``.
    """

    manifest: Manifest
    advisor: Advisor
    kind: str
    events: frozenset[str]

    def take(self, fact: Fact) -> Change | None:
        """Say which work the fact is a step of; None where it is of none."""

    def fold(self, steps: Sequence[Step]) -> dict[str, Any]:
        """Return the work's present columns; the steps come in order."""


class AppFactory(Protocol):
    """Makes an application for a company."""

    manifest: Manifest

    def __call__(self, definitions: Definitions, advisor: Advisor) -> App:
        """Return the application."""


@runtime_checkable
class Store(Protocol):
    """Keeps the work of all applications."""

    def load(self, connection: Any) -> list[Work]:
        """Return all work that is still open."""

    def fetch(self, connection: Any, ids: Mapping[str, Collection[str]]) -> list[Work]:
        """Return the work of these ids by kind, as far as it exists."""

    def regroup(self, connection: Any, owners: Mapping[str, str]) -> None:
        """Give the work of these identities to these customers."""

    def save(
        self, connection: Any, work: Iterable[Work], messages: Sequence[Mapping[str, Any]]
    ) -> None:
        """Write work that changed, and what was said in cases."""

    def rows(
        self,
        kind: str,
        where: Mapping[str, str | Collection[str]] = {},
        *,
        order: Sequence[str] = (),
        limit: int = 1000,
    ) -> list[dict[str, Any]]:
        """Return work whose columns have these values; ``-column`` sorts falling, nulls last."""

    def row(self, kind: str, id: str) -> dict[str, Any] | None:
        """Return one piece of work."""

    def messages(self, case: str) -> list[dict[str, Any]]:
        """Return what was said in a case, in order."""

    def search(self, text: str, limit: int) -> list[dict[str, Any]]:
        """Return ``{kind, id, title, customer}`` of work whose title contains a text."""

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how much work there is, by kind and state."""

    def mirrors(self) -> dict[str, str]:
        """Return the SELECTs that feed the history."""


class StoreFactory(Protocol):
    """Makes a store on a database."""

    def __call__(self, database: Database) -> Store:
        """Return the store."""


STORES: Port[Store] = Port("icustomer.cfa.stores", Store)
APPS: Port[App] = Port("icustomer.cfa.apps", App)
