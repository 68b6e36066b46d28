"""The desk: everything people work on, folded from facts as they arrive.

Open work is kept in memory; closed work lies in the store and is fetched when a fact concerns it.
"""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Any

from cfa.model import Change, Step, Work
from cfa.ports import APPS, Advisor, App, AppFactory, Keeper, Silent, Store
from cfa.tasks import TASK_OPENED, Offers, Tasks
from cid.kit.definitions import Definitions
from cid.kit.errors import InvalidDefinition
from cid.kit.ids import stable_id
from cid.model.fact import Fact
from cid.model.relationship import Regrouped

RULE = "rule"
"""Source of the steps that a rule takes."""


def install(
    definitions: Definitions,
    advisor: Advisor | None = None,
    factories: Iterable[AppFactory] | None = None,
) -> list[App]:
    """Make the installed applications for a company.

    Raises:
        InvalidDefinition: an application needs an element of a lower layer that is not defined.
    """
    made: list[App] = []
    found: Iterable[Any] = factories or [APPS.load(name) for name in APPS.names()]
    for factory in found:
        missing = [need for need in factory.manifest.needs if not _is_defined(need, definitions)]
        if missing:
            raise InvalidDefinition(
                f"The application {factory.manifest.name!r} needs {', '.join(missing)}.",
                hint="Define what is missing, or uninstall the application.",
            )
        make: AppFactory = factory
        made.append(make(definitions, advisor or Silent()))
    return made


def _is_defined(need: str, definitions: Definitions) -> bool:
    _, _, rest = need.partition(".")
    section, _, name = rest.partition(".")
    return name in definitions.sections.get(section, {})


class Desk:
    """The applications' part in applying records: tasks, offers, cases, opportunities."""

    def __init__(self, store: Store, apps: Iterable[App]) -> None:
        self._store = store
        self._apps = list(apps)
        keepers: list[Keeper] = [Tasks(), Offers(), *self._apps]
        self._keepers = {keeper.kind: keeper for keeper in keepers}
        self._by_event: dict[str, list[Keeper]] = defaultdict(list)
        for keeper in keepers:
            for event in keeper.events:
                self._by_event[event].append(keeper)
        self._open: dict[tuple[str, str], Work] = {}
        self._waiting: list[Change | Regrouped] = []

    def advise(self, advisor: Advisor) -> None:
        """Say whom the applications may ask from now on."""
        for app in self._apps:
            app.advisor = advisor

    def load(self, connection: Any) -> None:
        """Forget the state in memory and read the open work."""
        self._waiting.clear()
        self._open = {(work.kind, work.id): work for work in self._store.load(connection)}

    def hears(self, event: str) -> bool:
        """Say whether any application works with such facts."""
        return event in self._by_event

    def apply(self, fact: Fact) -> None:
        """Take in one fact, already resolved to a customer."""
        for keeper in self._by_event.get(fact.event, ()):
            change = keeper.take(fact)
            if change is not None:
                self._waiting.append(change)

    def regroup(self, event: Regrouped) -> None:
        """Hear that identifiers went to other customers: their work goes with them."""
        self._waiting.append(event)

    def open_task(
        self,
        *,
        id: str,
        app: str,
        queue: str,
        title: str,
        customer: str,
        rule: str,
        at: int,
        due: int | None,
        loop: str,
        note: str = "",
        identity: str = "",
    ) -> None:
        """Put a task on a person's desk; the same id twice is one task."""
        given = {"task_id": id, "app": app, "queue": queue, "title": title, "rule": rule}
        self._rule_says(
            TASK_OPENED, id, customer, identity, at, loop, {**given, "due": due, "note": note}
        )

    def open_case(
        self,
        *,
        id: str,
        customer: str,
        subject: str,
        queue: str,
        priority: str,
        at: int,
        loop: str,
        channel: str = "",
        identity: str = "",
    ) -> None:
        """Open a case; the same id twice is one case."""
        given = {"case_id": id, "subject": subject, "queue": queue, "priority": priority}
        self._rule_says(
            "Case Opened", id, customer, identity, at, loop, {**given, "channel": channel}
        )

    def present_offer(
        self,
        *,
        id: str,
        customer: str,
        offer: str,
        reason: str,
        at: int,
        until: int | None,
        loop: str,
        decision: str = "",
        text: str = "",
        value: float | None = None,
        identity: str = "",
    ) -> None:
        """Show a customer a next best action; the same id twice is one offer."""
        given: dict[str, Any] = {
            "offer_id": id,
            "offer": offer,
            "reason": reason,
            "decision": decision,
        }
        given |= {"text": text, "value": value}
        self._rule_says(
            "Offer Presented", id, customer, identity, at, loop, {**given, "until": until}
        )

    def _rule_says(
        self,
        event: str,
        id: str,
        customer: str,
        identity: str,
        at: int,
        loop: str,
        given: dict[str, Any],
    ) -> None:
        """Take what a rule does as a fact; today's customer id stands for a missing identity."""
        self.apply(
            Fact(
                position=0,
                message_id=f"{event}/{id}",
                source=RULE,
                type="track",
                event=event,
                time=at,
                received=at,
                identifiers=(),
                properties=given,
                loop=loop,
                identity=identity or customer,
                customer=customer,
            )
        )

    def flush(self, connection: Any) -> None:
        """Write what changed since the last flush."""
        if not self._waiting:
            return
        self._fetch(connection)
        owners: dict[str, str] = {}
        changed: dict[tuple[str, str], Work] = {}
        messages: list[dict[str, Any]] = []
        for entry in self._waiting:
            if isinstance(entry, Regrouped):
                owners.update(_owners(entry))
                self._give(_owners(entry))
                continue
            work = self._work_of(entry)
            if _insert(work, entry):
                changed[work.kind, work.id] = work
                if work.kind == "offer":
                    work.values = self._keepers["offer"].fold(work.steps)
                if entry.text:
                    messages.append(_message(work.id, entry))
        for work in changed.values():
            work.values = self._keepers[work.kind].fold(work.steps)
        if owners:
            self._store.regroup(connection, owners)
        self._store.save(connection, changed.values(), messages)
        self._waiting.clear()
        self._open = {key: work for key, work in self._open.items() if not work.closed}

    def _fetch(self, connection: Any) -> None:
        """Bring closed work back into memory that this batch concerns."""
        wanted: dict[str, set[str]] = defaultdict(set)
        for entry in self._waiting:
            if isinstance(entry, Change) and (entry.kind, entry.id) not in self._open:
                wanted[entry.kind].add(entry.id)
        if wanted:
            for work in self._store.fetch(connection, wanted):
                self._open[work.kind, work.id] = work

    def _give(self, owners: Mapping[str, str]) -> None:
        for work in self._open.values():
            work.customer = owners.get(work.identity, work.customer)

    def _work_of(self, change: Change) -> Work:
        if change.like:
            found = [
                work
                for (kind, _), work in self._open.items()
                if kind == "offer"
                and work.customer == change.customer
                and work.values.get("offer") == change.like
                and work.values["state"] == "presented"
                and (work.values["presented_at"] or 0) <= change.step.at
            ]
            if found:
                return max(found, key=lambda work: (work.values["presented_at"] or 0, work.id))
        key = (change.kind, change.id)
        if key not in self._open:
            self._open[key] = Work(change.kind, change.id)
        return self._open[key]


def _owners(event: Regrouped) -> dict[str, str]:
    """Return the new customer of each identity, and of the customer's id that stands for it."""
    owners: dict[str, str] = {}
    for identity, (_, new) in event.moved.items():
        owners[identity] = owners[stable_id("c", identity)] = new
    return owners


def _insert(work: Work, change: Change) -> bool:
    """Put a step into its place; False where it is there already."""
    step = change.step
    said = (step.source, step.message_id)
    if any((each.source, each.message_id) == said for each in work.steps):
        return False
    insort(work.steps, step, key=attrgetter("order"))
    if _first(work.steps) is step:
        work.customer, work.identity = change.customer, step.identity
    return True


def _first(steps: list[Step]) -> Step:
    """Return the step that says whose the work is: what opened it, else what came first."""
    return next((step for step in steps if step.kind == "opened"), steps[0])


def _message(case: str, change: Change) -> dict[str, Any]:
    step = change.step
    return {
        "case_id": case,
        "source": step.source,
        "message_id": step.message_id,
        "at": step.at,
        "direction": step.fields["direction"],
        "text": change.text,
        "actor": step.fields["actor"],
    }
