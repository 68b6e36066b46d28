"""Prove it: recompute traits and segments from history and compare them with what the live path says.

Two ways that share nothing but the definitions: the live one is the kernel's running aggregates and compiled
conditions, the other one query over history and the interpreted conditions (promise 2).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from cic.batch import attributes_read, compute, empty_value, may_say, profiles
from cic.conditions import Condition
from cic.derived import live
from cic.kernel import plan
from cic.meaning import Meaning
from cic.model import Trait
from cic.oracle import Around, trait_of
from cic.ports import Engine, Live
from cid.customers import CONSENTS, consented
from cid.feel import evaluate
from cid.kit.clock import format_time, to_datetime
from cid.kit.definitions import Entry
from cid.kit.errors import InvalidInput
from cid.model.definition import Attribute
from cid.model.fact import Fact
from cid.profile import Observation, convert, survive

SHOWN = 20
KEPT = 100_000
"""Disagreements that are remembered one by one."""
Held = Mapping[tuple[str, str], int]
"""Since when a customer is in a segment: (customer, segment) → moment."""
Only = tuple[Collection[str], Collection[str]]
"""The traits and the segments that are asked for, by name."""


@dataclass(frozen=True)
class Mismatch:
    """A customer about whom the two ways disagree."""

    customer: str
    name: str
    live: Any
    batch: Any


@dataclass
class Verification:
    """What was compared, and what disagreed."""

    as_of: int
    customers: int = 0
    traits: dict[str, int] = field(default_factory=dict)
    segments: dict[str, int] = field(default_factory=dict)
    mismatches: list[Mismatch] = field(default_factory=list)
    count: int = 0
    kept: dict[tuple[str, str], int] = field(default_factory=dict)
    """Memberships that only a minimum stay explains: (customer, segment) → since when."""

    def differ(
        self, where: dict[str, int], name: str, customer: str, live: Any, batch: Any
    ) -> None:
        """Note a disagreement."""
        where[name] += 1
        self.count += 1
        if len(self.mismatches) < KEPT:
            self.mismatches.append(Mismatch(customer, name, live, batch))

    def without(self, customers: Collection[str]) -> Verification:
        """Return the same without what was found about some customers."""
        result = Verification(
            self.as_of,
            self.customers,
            dict.fromkeys(self.traits, 0),
            dict.fromkeys(self.segments, 0),
            kept=self.kept,
        )
        for each in self.mismatches:
            if each.customer not in customers:
                where = result.traits if each.name in result.traits else result.segments
                result.differ(where, each.name, each.customer, each.live, each.batch)
        return result

    def report(self, who: Callable[[str], str] = str) -> dict[str, Any]:
        """Return the result as JSON."""
        return {
            "as_of": format_time(self.as_of),
            "customers": self.customers,
            "traits": self.traits,
            "segments": self.segments,
            "values_compared": self.customers * (len(self.traits) + len(self.segments)),
            "mismatches": self.count,
            "held": len(self.kept),
            "examples": [
                {
                    "customer": m.customer,
                    "who": who(m.customer),
                    "name": m.name,
                    "live": str(m.live),
                    "batch": str(m.batch),
                }
                for m in self.mismatches[:SHOWN]
            ],
        }


class Batch:
    """Traits, attributes, consents and segments of all customers at one moment, from history alone.

    Only a minimum stay cannot be said from one moment alone: who is ``held`` by one is given, with since when.
    """

    def __init__(
        self,
        engine: Engine,
        meaning: Meaning,
        attributes: Mapping[str, Entry[Attribute]],
        as_of: int,
        held: Held | None = None,
        only: Only | None = None,
    ) -> None:
        self._begin(meaning, as_of, held, only)
        wanted = {name for place in self.places for name in meaning.conditions[place].attributes}
        traits = {name: entry for name, entry in meaning.traits.items() if name in self.wanted}
        wanted |= attributes_read(traits)
        known = {name: entry for name, entry in attributes.items() if name in wanted}
        self.profiles = profiles(engine, known, as_of) if known else {}
        self.traits = compute(engine, traits, as_of, profiles=self.profiles)
        asked = "consent" in wanted
        self.consents = _consents(engine, as_of, _consent(attributes)) if asked else {}

    @classmethod
    def of_one(
        cls,
        customer: str,
        facts: list[Fact],
        meaning: Meaning,
        attributes: Mapping[str, Entry[Attribute]],
        as_of: int,
        held: Held | None = None,
        only: Only | None = None,
        around: Around | None = None,
    ) -> Batch:
        """Compute the same for one customer, from her own facts and those around her."""
        self = cls.__new__(cls)
        self._begin(meaning, as_of, held, only)
        self.profiles, self.consents = {}, {}
        self.profiles[customer], self.consents[customer] = said_about(facts, attributes, as_of)
        self.traits = {
            customer: {
                name: trait_of(entry.value, facts, as_of, self.profiles[customer], around)
                for name, entry in meaning.traits.items()
                if name in self.wanted
            }
        }
        return self

    @classmethod
    def of_values(
        cls,
        customer: str,
        values: Mapping[str, Any],
        profile: Mapping[str, Any],
        consents: Mapping[tuple[str, str], bool],
        meaning: Meaning,
        only: Only,
    ) -> Batch:
        """Take what is known of one customer as it is; the moment is set by whoever asks."""
        self = cls.__new__(cls)
        self._begin(meaning, 0, {}, only)
        self.traits = {customer: dict(values)}
        self.profiles, self.consents = {customer: dict(profile)}, {customer: dict(consents)}
        return self

    def _begin(self, meaning: Meaning, as_of: int, held: Held | None, only: Only | None) -> None:
        self.as_of, self.meaning, self.held = as_of, meaning, held or {}
        self._known: dict[Any, Any] = {}
        self.kept: dict[tuple[str, str], int] = {}
        """Who was found inside by a minimum stay alone, and since when."""
        traits, segments = (meaning.traits, meaning.names) if only is None else only
        beneath = {below for name in segments for below in meaning.beneath(meaning.place(name))}
        self.places = tuple(place for place in meaning.order if place in beneath)
        """The segments that are looked at, each after those it depends on."""
        read = sum_bits(meaning.conditions[place].traits for place in self.places)
        self.wanted = {
            name for place, name in enumerate(meaning.traits) if name in traits or read >> place & 1
        }
        """The traits that are computed."""
        self.empty = {
            name: empty_value(entry.value)
            for name, entry in meaning.traits.items()
            if name in self.wanted
        }

    def memberships(self, customer: str) -> set[str]:
        """Return the segments of a customer at that moment, of those that are looked at."""
        consents = self.consents.get(customer, {})
        scope: dict[str, Any] = {**self.empty, **self.traits.get(customer, {})}
        scope["customer"] = customer
        profile = self.profiles.get(customer, {})
        meaning, names = self.meaning, self.meaning.names
        inside: set[str] = set()
        bits = 0

        def consent(purpose: Any, channel: Any) -> bool:
            return consents.get((str(purpose), str(channel)), False)

        for place in self.places:
            condition, name = meaning.conditions[place], names[place]
            for word in condition.words:
                if word in condition.attributes:
                    scope[word] = profile.get(word)
            if "consent" in condition.attributes:
                said = evaluate(condition.tree, scope, functions={"consent": consent})
            else:
                said = self._once(place, condition, scope)
            true = said is True
            if meaning.special >> place & 1:
                true = self._settled(customer, place, true, bits)
            if true:
                inside.add(name)
                bits |= 1 << place
            scope[name] = true
        return inside

    def _settled(self, customer: str, place: int, holds: bool, bits: int) -> bool:
        """Say whether she is in a segment that has a group or a minimum stay."""
        if bits & self.meaning.rivals[place]:
            return False
        stay, name = self.meaning.stays[place], self.meaning.names[place]
        since = self.held.get((customer, name))
        if holds or not stay or since is None or not since <= self.as_of < since + stay:
            return holds
        self.kept[customer, name] = since
        return True

    def _once(self, place: int, condition: Condition, scope: Mapping[str, Any]) -> Any:
        """Evaluate a condition once for all customers with the same values."""
        read = tuple(scope.get(word) for word in condition.words)
        key = (place, read, tuple(map(type, read)))
        try:
            return self._known[key]
        except KeyError:
            said = self._known[key] = evaluate(condition.tree, scope)
            return said
        except TypeError:
            return evaluate(condition.tree, scope)


def said_about(
    facts: Iterable[Fact], attributes: Mapping[str, Entry[Attribute]], as_of: int
) -> tuple[dict[str, Any], dict[tuple[str, str], bool]]:
    """Return a customer's attributes in force, and her consents by purpose and channel.

    What was said holds from when it was said; at the latest from when we heard of it, where the clock of
    whoever said it is ahead of ours.
    """
    said: dict[str, list[Observation]] = {}
    consents: dict[tuple[str, str], list[Observation]] = {}
    consent = _consent(attributes)
    for fact in facts:
        if fact.time > as_of and fact.received > as_of:
            continue
        for name, value in fact.attributes.items():
            attribute = attributes[name].value if name in attributes else None
            if attribute is None or not may_say(attribute, fact.source):
                continue
            # A value that is not of the attribute's type was not said.
            with suppress(InvalidInput):
                held = convert(attribute.type, value)
                one = Observation(fact.time, fact.source, fact.message_id, held)
                said.setdefault(name, []).append(one)
        if fact.event in CONSENTS and (not consent.masters or fact.source in consent.masters):
            given = fact.event == "Consent Given"
            one = Observation(fact.time, fact.source, fact.message_id, given)
            consents.setdefault(consented(fact.properties), []).append(one)
    in_force = {name: survive(attributes[name].value, some) for name, some in said.items()}
    profile = {name: value.value for name, value in in_force.items() if value is not None}
    agreed = {place: survive(consent, some) for place, some in consents.items()}
    return profile, {place: value is not None and value.value for place, value in agreed.items()}


def sum_bits(some: Iterable[int]) -> int:
    """Put bits together.

    >>> sum_bits([1, 4, 5])
    5
    """
    result = 0
    for each in some:
        result |= each
    return result


def compare(
    batch: Batch,
    customers: list[str],
    live_value: Callable[[str, int], Any],
    live_segments: Callable[[str], set[str]],
    traits: list[str],
    segments: list[str],
) -> Verification:
    """Compare the live path with history, value by value, customer by customer."""
    result = Verification(
        batch.as_of, len(customers), dict.fromkeys(traits, 0), dict.fromkeys(segments, 0)
    )
    places = [(batch.meaning.vocabulary.traits[name], name) for name in traits]
    asked = set(segments)
    for customer in customers:
        values = batch.traits.get(customer, batch.empty)
        for place, name in places:
            live = live_value(customer, place)
            if not same(live, values[name]):
                result.differ(result.traits, name, customer, live, values[name])
        if asked:
            inside, there = live_segments(customer) & asked, batch.memberships(customer) & asked
            for name in inside ^ there:
                result.differ(result.segments, name, customer, name in inside, name in there)
    result.kept = dict(batch.kept)
    return result


def relive(
    facts: Iterator[Fact],
    traits: Mapping[str, Entry[Trait]],
    as_of: int,
    profiles: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> Live:
    """Run the live path anew, fact by fact in the order of arrival, up to a past moment.

    Attributes are from the beginning as ``profiles`` says they are at the end.
    """
    kernel = live(plan(traits), traits, lambda who, name: profiles.get(who, {}).get(name))
    for fact in facts:
        moment = min(fact.received, as_of)
        kernel.advance(moment)
        if fact.customer:
            kernel.apply(fact)
    kernel.advance(as_of)
    kernel.drain()
    return kernel


def same(live: Any, batch: Any) -> bool:
    """Whether two trait values are the same: numbers by value, everything else exactly.

    >>> same(Decimal("2.50"), 2.5), same(1, True), same(None, 0)
    (True, False, False)
    """
    if isinstance(live, bool) or isinstance(batch, bool) or live is None or batch is None:
        return live is batch
    if isinstance(live, int | Decimal) and isinstance(batch, int | Decimal | float):
        return Decimal(live) == Decimal(str(batch))
    return bool(live == batch)


def _consent(attributes: Mapping[str, Entry[Attribute]]) -> Attribute:
    """Return who may say what a customer consents to, and whose word is in force."""
    entry = attributes.get("consent")
    return entry.value if entry is not None else Attribute(type="boolean")


def _consents(
    engine: Engine, as_of: int, consent: Attribute
) -> dict[str, dict[tuple[str, str], bool]]:
    ranked = consent.masters if consent.survivorship == "master" else ()
    said = engine.query(
        """
        SELECT customer,
               coalesce(properties->>'$.purpose', 'marketing') AS purpose,
               coalesce(properties->>'$.channel', 'email') AS channel,
               arg_max(event, (
                   -coalesce(list_position($ranked, source), 0), time, source, message_id
               )) AS last
        FROM facts
        WHERE event IN ('Consent Given', 'Consent Withdrawn')
          AND (time <= $moment OR received <= $moment)
          AND customer IS NOT NULL AND (len($masters) = 0 OR list_contains($masters, source))
        GROUP BY ALL
        """,
        {
            "moment": to_datetime(as_of).replace(tzinfo=None),
            "masters": list(consent.masters),
            "ranked": list(ranked),
        },
        rows=None,
        seconds=None,
    )
    result: dict[str, dict[tuple[str, str], bool]] = {}
    for customer, purpose, channel, last in said.rows:
        result.setdefault(customer, {})[purpose, channel] = last == "Consent Given"
    return result
