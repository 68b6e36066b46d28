"""The customers as they are now: what was said about them, what is in force, what they consented to.

A stage of the pipeline: keeps the observations of each identity in memory, derives each customer's profile,
and tells who hears of it which attributes changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cid.kit.definitions import Entry
from cid.kit.errors import InvalidInput
from cid.kit.events import Bus
from cid.kit.ids import stable_id
from cid.model.definition import Attribute
from cid.model.fact import Fact
from cid.model.relationship import Regrouped
from cid.ports import CustomerRow, IdentityRow, ObservationRow, Store
from cid.profile import Observation, Value, convert, survive
from cid.projection import Projection

CONSENT = "consent."
"""Consents are kept as attributes ``consent.<purpose>.<channel>``; only the consent masters may set them."""

CONSENTS = ("Consent Given", "Consent Withdrawn")
SAYING = frozenset({"Identify", "Group", *CONSENTS})
"""What is collected and says something about a customer's attributes; rows of files say under which event they do."""
PERSON = "person"
NOT_HERSELF = frozenset({"Score Updated", "Task Completed"})
"""Facts about a customer in which she had no part: they do not count as having been seen."""


@dataclass(frozen=True, slots=True)
class ProfileChanged:
    """Attributes of a customer have other values than before."""

    customer: str
    attributes: frozenset[str]


@dataclass(slots=True)
class Seen:
    """When an identity was first and last heard of, and in how many facts."""

    customer: str
    first: int
    last: int
    facts: int = 0


@dataclass(slots=True)
class _Dirty:
    identities: set[str] = field(default_factory=set)
    customers: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    observations: set[tuple[str, str, str]] = field(default_factory=set)
    unsaid: set[tuple[str, str, str]] = field(default_factory=set)


class Customers:
    """All customers in memory, kept in step with the records."""

    def __init__(
        self,
        attributes: Mapping[str, Entry[Attribute]],
        projection: Projection,
        store: Store,
        bus: Bus,
    ) -> None:
        self._attributes = {name: entry.value for name, entry in attributes.items()}
        self._consent = self._attributes.get("consent", Attribute(type="boolean"))
        self._projection = projection
        self._projected = projection.events
        self._store = store
        self._bus = bus
        bus.subscribe(Regrouped, self.regroup)
        self.said: dict[str, dict[str, dict[str, Observation]]] = {}
        self.seen: dict[str, Seen] = {}
        self.members: dict[str, set[str]] = {}
        self.profiles: dict[str, dict[str, Value]] = {}
        self._dirty = _Dirty()
        self.read_by = ""
        """Version of whatever else decides what records say about a customer."""
        self.past: Callable[[Collection[str]], Iterator[Fact]] | None = None
        """Yields the applied facts of these events, perhaps with others."""

    @cached_property
    def version(self) -> str:
        """What tells by which definitions profiles were made: another one where they may be others."""
        return stable_id(
            "p",
            self.read_by,
            *(f"{name} {each.decides}" for name, each in sorted(self._attributes.items())),
        )

    def load(self, connection: Any) -> None:
        """Read the customers from the records."""
        self.said, self.seen, self.members, self.profiles = {}, {}, {}, {}
        self._dirty = _Dirty()
        self._projection.forget()
        for row in self._store.identities(connection):
            self.seen[row.identity] = Seen(row.customer, row.first_seen, row.last_seen, row.facts)
            self.members.setdefault(row.customer, set()).add(row.identity)
        for said in self._store.observations(connection):
            if not said.message_id:
                continue
            of = self.said.setdefault(said.identity, {}).setdefault(said.attribute, {})
            of[said.source] = Observation(said.time, said.source, said.message_id, said.value)
        for customer in self.members:
            self.profiles[customer] = self._derive(customer, None)

    def hear_again(self) -> None:
        """Make all profiles anew from what was said, by the definitions of now.

        An attribute that is new is known from what systems said about it before.
        """
        if self.past is None:
            return
        before, self.said = self.said, {}
        for fact in self.past(SAYING):
            if fact.customer and (fact.attributes or fact.event in CONSENTS):
                self._note(fact)
        dirty = self._dirty
        for identity, by_attribute in before.items():
            of_identity = self.said.get(identity, {})
            for attribute, by_source in by_attribute.items():
                gone = by_source.keys() - of_identity.get(attribute, {}).keys()
                dirty.unsaid.update((identity, attribute, source) for source in gone)
        for customer in self.members:
            self.profiles[customer] = self._derive(customer, None)
            dirty.customers.add(customer)

    def apply(self, fact: Fact) -> None:
        """Take in what a fact says about its customer, or about the company's things."""
        customer = fact.customer
        event = fact.event
        if customer:
            identity, time = fact.identity, fact.time
            seen = self.seen.get(identity)
            if seen is None:
                seen = self._meet(identity, customer, time)
            if time < seen.first:
                seen.first = time
            elif time > seen.last and event not in NOT_HERSELF:
                seen.last = time
            seen.facts += 1
            self._dirty.identities.add(identity)
            if fact.attributes or event in CONSENTS:
                self._hear(fact)
        # Most facts mean nothing to the subject areas.
        if event in self._projected or fact.type == "group":
            self._projection.apply(fact)

    def _meet(self, identity: str, customer: str, time: int) -> Seen:
        seen = self.seen[identity] = Seen(customer, time, time)
        members = self.members.get(customer)
        if members is None:
            self.members[customer] = {identity}
        else:
            members.add(identity)
        if customer not in self.profiles:
            self.profiles[customer] = {}
        self._dirty.customers.add(customer)
        return seen

    def _hear(self, fact: Fact) -> None:
        """Note what is said about the customer, and refresh what it changes."""
        changed = self._note(fact)
        if changed:
            self._refresh(fact.customer, changed)

    def _note(self, fact: Fact) -> set[str]:
        """Note what is said about the customer; return the attributes about which that is the newest."""
        changed: set[str] = set()
        for attribute, observation in self._observed(fact):
            of = self.said.setdefault(fact.identity, {}).setdefault(attribute, {})
            before = of.get(fact.source)
            if before is not None and before[:3] >= observation[:3]:
                continue
            of[fact.source] = observation
            place = (fact.identity, attribute, fact.source)
            self._dirty.observations.add(place)
            self._dirty.unsaid.discard(place)
            changed.add(attribute)
        return changed

    def regroup(self, event: Regrouped) -> None:
        """Let identities follow their customers, and derive the profiles of all whom it concerns anew."""
        for identity, (old, new) in event.moved.items():
            seen = self.seen.get(identity)
            if seen is None:
                continue
            seen.customer = new
            before = self.members.get(old)
            if before is not None:
                before.discard(identity)
            self.members.setdefault(new, set()).add(identity)
            self._dirty.identities.add(identity)
        for customer in event.customers:
            if not self.members.get(customer):
                self.members.pop(customer, None)
                if self.profiles.pop(customer, None) is not None:
                    self._dirty.gone.add(customer)
                    self._dirty.customers.discard(customer)
                continue
            self._dirty.gone.discard(customer)
            self._dirty.customers.add(customer)
            self._refresh(customer, None)

    def profile(self, customer: str) -> dict[str, Value]:
        """Return the values in force of a customer, with source and time."""
        return self.profiles.get(customer, {})

    def consents(self, customer: str, purpose: str, channel: str) -> bool:
        """Say whether the customer consents to a purpose on a channel right now; silence is no."""
        held = self.profiles.get(customer, {}).get(f"{CONSENT}{purpose}.{channel}")
        return bool(held is not None and held.value is True)

    def name(self, customer: str) -> str:
        """Return what a customer is called."""
        members = self.members.get(customer)
        return display_name(self.profile(customer), members) if members else customer

    def said_by_system(self) -> dict[str, dict[str, tuple[int, int, int]]]:
        """Return by attribute and system: values said, values in force, moment of the last."""
        result: dict[str, dict[str, list[int]]] = {}
        for by_attribute in list(self.said.values()):
            for attribute, by_source in by_attribute.items():
                name = "consent" if attribute.startswith(CONSENT) else attribute
                for source, said in by_source.items():
                    one = result.setdefault(name, {}).setdefault(source, [0, 0, 0])
                    one[0] += 1
                    one[2] = max(one[2], said.time)
        for profile in list(self.profiles.values()):
            for attribute, value in profile.items():
                name = "consent" if attribute.startswith(CONSENT) else attribute
                result[name][value.source][1] += 1
        return {
            name: {source: (one[0], one[1], one[2]) for source, one in some.items()}
            for name, some in result.items()
        }

    def flush(self, connection: Any) -> None:
        """Write what changed."""
        dirty, self._dirty = self._dirty, _Dirty()
        identities = [
            IdentityRow(identity, seen.customer, seen.first, seen.last, seen.facts)
            for identity in sorted(dirty.identities)
            for seen in (self.seen[identity],)
        ]
        observations = [
            ObservationRow(identity, attribute, source, said.time, said.message_id, said.value)
            for identity, attribute, source in sorted(dirty.observations)
            for said in (self.said[identity][attribute][source],)
        ]
        # What by the definitions of now was not said, has no message.
        observations += [ObservationRow(*place, 0, "", None) for place in sorted(dirty.unsaid)]
        customers = [self._row(customer) for customer in sorted(dirty.customers)]
        self._store.save(
            connection,
            identities,
            observations,
            customers,
            sorted(dirty.gone),
            self._projection.drain(),
        )

    def _observed(self, fact: Fact) -> list[tuple[str, Observation]]:
        result = []
        if fact.attributes:
            for name, value in fact.attributes.items():
                attribute = self._attributes.get(name)
                if attribute is None:
                    continue
                if attribute.contributors and fact.source not in (
                    *attribute.masters,
                    *attribute.contributors,
                ):
                    continue
                try:
                    held = convert(attribute.type, value)
                except InvalidInput:
                    # A value that is not of the attribute's type is no value; the record itself keeps it.
                    continue
                result.append((name, Observation(fact.time, fact.source, fact.message_id, held)))
        if fact.event in CONSENTS:
            masters = self._consent.masters
            if not masters or fact.source in masters:
                purpose, channel = consented(fact.properties)
                given = fact.event == "Consent Given"
                said = Observation(fact.time, fact.source, fact.message_id, given)
                result.append((f"{CONSENT}{purpose}.{channel}", said))
        return result

    def _derive(self, customer: str, only: set[str] | None) -> dict[str, Value]:
        identities = self.members[customer]
        names = only
        if names is None:
            names = {name for identity in identities for name in self.said.get(identity, ())}
        result: dict[str, Value] = {}
        for name in names:
            attribute = self._consent if name.startswith(CONSENT) else self._attributes.get(name)
            if attribute is None:
                continue
            observations = [
                said
                for identity in identities
                for said in self.said.get(identity, {}).get(name, {}).values()
            ]
            value = survive(attribute, observations)
            if value is not None:
                result[name] = value
        return result

    def _refresh(self, customer: str, only: set[str] | None) -> None:
        before = self.profiles.get(customer, {})
        derived = self._derive(customer, only)
        if only is None:
            after = derived
        else:
            after = {name: value for name, value in before.items() if name not in only} | derived
        self.profiles[customer] = after
        self._dirty.customers.add(customer)
        changed = frozenset(
            name
            for name in before.keys() | after.keys()
            if (before[name].value if name in before else None)
            != (after[name].value if name in after else None)
        )
        if changed or only is None:
            self._bus.publish(ProfileChanged(customer, changed))

    def _row(self, customer: str) -> CustomerRow:
        profile = self.profiles.get(customer, {})
        kind = profile.get("kind")
        members = self.members[customer]
        return CustomerRow(
            customer,
            str(kind.value) if kind else PERSON,
            display_name(profile, members) if profile else known_by(members),
            tuple(members) if len(members) == 1 else tuple(sorted(members))[:50],
            profile,
        )


def display_name(profile: Mapping[str, Value], identities: set[str]) -> str:
    """Say what to call a customer: the name, first and last name, the company, or what we know her by."""

    def text(name: str) -> str:
        value = profile.get(name)
        return str(value.value) if value is not None else ""

    if text("name"):
        return text("name")
    if text("first_name") or text("last_name"):
        return f"{text('first_name')} {text('last_name')}".strip()
    for name in ("company", "email", "phone"):
        if text(name):
            return text(name)
    return known_by(identities)


def consented(properties: Mapping[str, Any]) -> tuple[str, str]:
    """Return the purpose and the channel a consent is about: e-mail marketing where it does not say.

    >>> consented({"purpose": "advice", "channel": None})
    ('advice', 'email')
    """
    purpose, channel = properties.get("purpose"), properties.get("channel")
    return (
        "marketing" if purpose is None else str(purpose),
        "email" if channel is None else str(channel),
    )


def known_by(identities: set[str]) -> str:
    """Say what to call a customer of whom nothing is known but identifiers.

    >>> known_by({"user_id:u7", "web_visitor:v1"})
    'user id u7'
    """
    shown = min(identities)
    kind, _, value = shown.partition(":")
    return f"{kind.replace('_', ' ')} {value}"
