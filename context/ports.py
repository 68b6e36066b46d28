"""What context asks of others: actions that do things, and a store for what was decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from cid.kit.errors import Refused, Unavailable
from cid.kit.plugins import Port
from context.diagrams import DecisionModel

SHADOWED = "\0shadow"
"""Follows the name of a rule where what it decided in the shadow is meant."""


class DecisionRow(NamedTuple):
    """One evaluation of a rule that fired, with everything that cannot be reconstructed later."""

    id: str
    rule: str
    version: str
    trigger: str
    """event, action, time or analysis."""
    customer: str
    identity: str
    at: int
    cause: str
    """Id of the fact, segment change or timer that set it off."""
    actor: str
    fired: bool
    """False in the shadow: it was decided so, and nothing was done."""
    reason: str
    seen: dict[str, Any]
    """The values that were read."""
    loop: str
    variant: str
    default_variant: str
    latency_ms: int


class ActionRow(NamedTuple):
    """One thing to be done because of a decision: a row of the outbox."""

    id: str
    decision: str
    rule: str
    action: str
    customer: str
    identity: str
    at: int
    state: str
    """done, pending or dead."""
    attempts: int
    next_try: int
    error: str
    parameters: dict[str, Any]
    loop: str


class StepRow(NamedTuple):
    """A step in the life of one version of a rule or a decision table."""

    id: str
    kind: str
    """rule or table."""
    name: str
    version: str
    state: str
    """draft, checked, tried, shadow, asked, published or retired."""
    at: int
    actor: str
    reason: str
    text: str
    """The definition as it was written, so that it can be taken again."""
    position: int
    """Place of the fact in the ledger: of two steps at one moment the later one counts."""


class TimerRow(NamedTuple):
    """A rule waits for a moment."""

    id: str
    rule: str
    identity: str
    due: int
    cause: str
    event: dict[str, Any]
    loop: str


@dataclass(frozen=True)
class Effects:
    """Where actions take effect: the desks of the applications, the outbox directory, display names."""

    desk: Any
    directory: Path
    queues: Mapping[str, str] = field(default_factory=dict)
    """By queue: the application whose desk it is."""
    address: Callable[[str, str, str], str] | None = None
    """(customer, purpose, channel) → address; raises Refused where she does not consent. Asked when sending."""


@runtime_checkable
class Action(Protocol):
    """Does one thing for a customer because a rule decided so.

    An action with ``local = True`` changes iCustomer's own records inside the batch's transaction; any
    other is carried out after the commit, at least once, with the row's id as idempotency key.
    """

    name: str
    local: bool

    def check(self, parameters: Mapping[str, Any]) -> str | None:
        """Say what is wrong with the parameters of a definition, or None."""

    def perform(self, row: ActionRow, effects: Effects) -> None:
        """Do it. Doing it twice with the same row has the effect of doing it once.

        Raises:
            Unavailable: it cannot be done just now; it will be tried again.
            Refused: it may not be done; it will not be tried again.
        """


@runtime_checkable
class BatchAction(Action, Protocol):
    """An action that does many things at once with less effort than one by one."""

    def perform_all(
        self, rows: Sequence[ActionRow], effects: Effects
    ) -> Sequence[Refused | Unavailable | None]:
        """Do it for all rows; return for each row why it was not done, or None."""


@runtime_checkable
class Store(Protocol):
    """Keeps decisions, the outbox and the timers."""

    def timers(self, connection: Any) -> Iterable[TimerRow]:
        """Yield all waiting timers."""

    def last_firings(self, connection: Any) -> Iterable[tuple[str, str, int]]:
        """Yield (rule, identity, moment) of the last firing of every rule for every customer.

        What a rule decided in the shadow, where nothing was done, is not yielded under its own name but
        under the name that ends in `SHADOWED`.
        """

    def schedule(self, connection: Any) -> dict[str, int]:
        """Return the next moment of every rule that comes round by itself."""

    def save(
        self,
        connection: Any,
        decisions: Sequence[DecisionRow],
        actions: Sequence[ActionRow],
        timers: Sequence[TimerRow],
        done: Sequence[str],
        schedule: Mapping[str, int],
        looked: Mapping[str, int],
    ) -> None:
        """Write what was decided in one batch; ``done`` are timers that rang."""

    def regroup(self, connection: Any, owners: Mapping[str, str]) -> None:
        """Let decisions and actions follow their identities to other customers."""

    def pending(self, now: int, limit: int) -> list[ActionRow]:
        """Return actions that are to be carried out now, oldest first."""

    def delivered(self, rows: Sequence[ActionRow]) -> None:
        """Note how attempts ended."""

    def decisions(self, customer: str, rule: str, loop: str, limit: int) -> list[dict[str, Any]]:
        """Return decisions, newest first."""

    def actions(self, customer: str, rule: str, limit: int) -> list[dict[str, Any]]:
        """Return actions, newest first."""

    def statistics(self) -> dict[str, dict[str, Any]]:
        """Return by rule: looked, fired, last firing, pending and dead actions."""

    def recent(self, since: int, days: int) -> dict[str, list[int]]:
        """Return by rule how often it fired on each day since a moment, oldest first."""

    def totals(self) -> dict[str, int]:
        """Return how many decisions and actions there are."""

    def save_steps(self, connection: Any, steps: Sequence[StepRow]) -> None:
        """Write steps in the lives of rules and decision tables; the same step again changes nothing."""

    def steps(self, kind: str, name: str, limit: int) -> list[StepRow]:
        """Return the steps of a rule or decision table, newest first."""

    def mirrors(self) -> dict[str, str]:
        """Return the SELECTs that feed the history."""


@runtime_checkable
class Notation(Protocol):
    """A way in which others write decision models, e.g. the XML of a standard."""

    name: str

    def read(self, data: bytes) -> DecisionModel:
        """Read a model.

        Raises:
            InvalidInput: it is not written in this notation, or is too large.
        """

    def write(self, model: DecisionModel, others: Iterable[DecisionModel]) -> bytes:
        """Write a model; ``others`` are those it imports."""

    def load(
        self, make: Callable[..., Any], source: str | Path | bytes, others: Iterable[Any]
    ) -> Any:
        """Read a model with those it imports, and make each ready."""


@runtime_checkable
class Sheet(Protocol):
    """A file of a spreadsheet from which decision tables are read."""

    name: str

    def read(self, data: bytes) -> list[list[str]]:
        """Give the cells, row by row, as FEEL writes them.

        Raises:
            InvalidInput: it is no such file, or is too large.
        """


ACTIONS: Port[Action] = Port("icustomer.context.actions", Action)
STORES: Port[Store] = Port("icustomer.context.stores", Store)
NOTATIONS: Port[Notation] = Port("icustomer.context.notations", Notation)
SHEETS: Port[Sheet] = Port("icustomer.context.sheets", Sheet)
