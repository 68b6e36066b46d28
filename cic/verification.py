"""Prove it: recompute traits and segments from history and compare them with what the live path says.

Two ways that share nothing but the definitions: the live one is the kernel's running aggregates and compiled
conditions, the other one query over history and the interpreted conditions (promise 2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from cic.batch import compute, empty_value, profiles
from cic.conditions import Condition
from cic.kernel import Kernel, plan
from cic.model import Segment, Trait
from cic.oracle import trait_of
from cic.ports import Engine
from cid.feel import evaluate
from cid.kit.clock import format_time, to_datetime
from cid.kit.definitions import Entry
from cid.kit.errors import InvalidInput
from cid.model.definition import Attribute
from cid.model.fact import Fact
from cid.profile import Observation, convert, survive

SHOWN = 20
CONSENTS = ("Consent Given", "Consent Withdrawn")


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

    def differ(
        self, where: dict[str, int], name: str, customer: str, live: Any, batch: Any
    ) -> None:
        """Note a disagreement."""
        where[name] += 1
        self.count += 1
        if len(self.mismatches) < SHOWN:
            self.mismatches.append(Mismatch(customer, name, live, batch))

    def report(self) -> dict[str, Any]:
        """Return the result as JSON."""
        return {
            "as_of": format_time(self.as_of),
            "customers": self.customers,
            "traits": self.traits,
            "segments": self.segments,
            "values_compared": self.customers * (len(self.traits) + len(self.segments)),
            "mismatches": self.count,
            "examples": [
                {"customer": m.customer, "name": m.name, "live": str(m.live), "batch": str(m.batch)}
                for m in self.mismatches
            ],
        }


class Batch:
    """Traits, attributes, consents and segments of all customers at one moment, from history alone."""

    def __init__(
        self,
        engine: Engine,
        traits: Mapping[str, Entry[Trait]],
        attributes: Mapping[str, Entry[Attribute]],
        segments: Mapping[str, Entry[Segment]],
        conditions: list[Condition],
        order: list[int],
        as_of: int,
    ) -> None:
        self.as_of = as_of
        self._segments = list(segments)
        self._conditions = conditions
        self._order = order
        self._known: dict[Any, Any] = {}
        wanted = {name for condition in conditions for name in condition.attributes}
        self.traits = compute(engine, traits, as_of)
        self.empty = {name: empty_value(entry.value) for name, entry in traits.items()}
        known = {name: entry for name, entry in attributes.items() if name in wanted}
        self.profiles = profiles(engine, known, as_of) if known else {}
        masters = attributes["consent"].value.masters if "consent" in attributes else ()
        self.consents = _consents(engine, as_of, masters) if "consent" in wanted else {}

    @classmethod
    def of_one(
        cls,
        customer: str,
        facts: list[Fact],
        traits: Mapping[str, Entry[Trait]],
        attributes: Mapping[str, Entry[Attribute]],
        segments: Mapping[str, Entry[Segment]],
        conditions: list[Condition],
        order: list[int],
        as_of: int,
    ) -> Batch:
        """Compute the same for one customer, from her own facts."""
        self = cls.__new__(cls)
        self.as_of, self._known = as_of, {}
        self._segments, self._conditions, self._order = list(segments), conditions, order
        self.empty = {name: empty_value(entry.value) for name, entry in traits.items()}
        self.traits = {
            customer: {name: trait_of(entry.value, facts, as_of) for name, entry in traits.items()}
        }
        said: dict[str, list[Observation]] = {}
        consents: dict[tuple[str, str], tuple[tuple[int, str, str], bool]] = {}
        masters = attributes["consent"].value.masters if "consent" in attributes else ()
        for fact in facts:
            if fact.time > as_of:
                continue
            for name, value in fact.attributes.items():
                if name in attributes:
                    held = _fitting(attributes[name].value, value)
                    one = Observation(fact.time, fact.source, fact.message_id, held)
                    said.setdefault(name, []).append(one)
            if fact.event in CONSENTS and (not masters or fact.source in masters):
                purpose = str(fact.properties.get("purpose", "marketing"))
                place = (purpose, str(fact.properties.get("channel", "email")))
                before = consents.get(place)
                if before is None or before[0] < fact.order:
                    consents[place] = (fact.order, fact.event == "Consent Given")
        in_force = {name: survive(attributes[name].value, some) for name, some in said.items()}
        self.profiles = {
            customer: {name: value.value for name, value in in_force.items() if value is not None}
        }
        self.consents = {customer: {place: given for place, (_, given) in consents.items()}}
        return self

    def memberships(self, customer: str) -> set[str]:
        """Return the segments of a customer at that moment."""
        consents = self.consents.get(customer, {})
        scope: dict[str, Any] = {**self.empty, **self.traits.get(customer, {})}
        scope["customer"] = customer
        profile = self.profiles.get(customer, {})
        inside: set[str] = set()

        def consent(purpose: Any, channel: Any) -> bool:
            return consents.get((str(purpose), str(channel)), False)

        for place in self._order:
            condition = self._conditions[place]
            for word in condition.words:
                if word in condition.attributes:
                    scope[word] = profile.get(word)
            if "consent" in condition.attributes:
                said = evaluate(condition.tree, scope, functions={"consent": consent})
            else:
                said = self._once(place, condition, scope)
            if said is True:
                inside.add(self._segments[place])
            scope[self._segments[place]] = self._segments[place] in inside
        return inside

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
    for customer in customers:
        values = batch.traits.get(customer, batch.empty)
        for index, name in enumerate(traits):
            live = live_value(customer, index)
            if not same(live, values[name]):
                result.differ(result.traits, name, customer, live, values[name])
        inside, there = live_segments(customer), batch.memberships(customer)
        for name in inside ^ there:
            result.differ(result.segments, name, customer, name in inside, name in there)
    return result


def relive(facts: Iterator[Fact], traits: Mapping[str, Entry[Trait]], as_of: int) -> Kernel:
    """Run the live path anew, fact by fact in the order of arrival, up to a past moment."""
    kernel = Kernel(plan(traits), len(traits))
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


def _fitting(attribute: Attribute, value: Any) -> Any:
    try:
        return convert(attribute.type, value)
    except InvalidInput:
        return None


def _consents(
    engine: Engine, as_of: int, masters: tuple[str, ...]
) -> dict[str, dict[tuple[str, str], bool]]:
    said = engine.query(
        """
        SELECT customer,
               coalesce(properties->>'$.purpose', 'marketing') AS purpose,
               coalesce(properties->>'$.channel', 'email') AS channel,
               arg_max(event, (time, source, message_id)) AS last
        FROM facts
        WHERE event IN ('Consent Given', 'Consent Withdrawn') AND time <= $moment
          AND customer IS NOT NULL AND (len($masters) = 0 OR list_contains($masters, source))
        GROUP BY ALL
        """,
        {"moment": to_datetime(as_of).replace(tzinfo=None), "masters": list(masters)},
        rows=None,
        seconds=None,
    )
    result: dict[str, dict[tuple[str, str], bool]] = {}
    for customer, purpose, channel, last in said.rows:
        result.setdefault(customer, {})[purpose, channel] = last == "Consent Given"
    return result
