"""Who is in which segment, right now and to the millisecond.

A stage of the pipeline: after every fact, and at every moment at which a window moves by itself, the segments
that read something that changed are looked at again. Each change says when it took effect (for an exit the
exact due moment, not when we noticed), what caused it, and which values decided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cic.conditions import Condition, CustomerView, Vocabulary
from cic.kernel import Kernel, plan
from cic.model import Segment, Trait
from cic.ports import ChangeRow, Store
from cid.customers import CONSENT, Customers, ProfileChanged
from cid.kit.definitions import Entry
from cid.kit.errors import InvalidInput
from cid.kit.events import Bus
from cid.kit.ids import stable_id
from cid.model.fact import Fact
from cid.model.relationship import Regrouped

EVERYTHING = -1


@dataclass(frozen=True, slots=True)
class SegmentChanged:
    """A customer entered or left a segment."""

    customer: str
    segment: str
    version: str
    entered: bool
    effective_at: int
    known_at: int
    cause: str
    """fact, window, identity or definition."""
    cause_id: str
    values: Mapping[str, Any]
    loop: str


class Segmentation:
    """The segments of all customers, kept in step with traits and profiles."""

    def __init__(
        self,
        traits: Mapping[str, Entry[Trait]],
        segments: Mapping[str, Entry[Segment]],
        vocabulary: Vocabulary,
        customers: Customers,
        store: Store,
        bus: Bus,
        replay: Callable[[], Iterator[Fact]],
    ) -> None:
        self._traits = traits
        self._segments = segments
        self.vocabulary = vocabulary
        self._customers = customers
        self._store = store
        self._bus = bus
        self._replay = replay
        self._plans = plan(traits)
        self.conditions = [_compile(vocabulary, entry) for entry in segments.values()]
        self._edges = _edges(vocabulary, self.conditions)
        self.kernel = self._new_kernel()
        self._names = list(segments)
        self.order = _in_order(self._names, segments, self.conditions)
        self._by_attribute = _readers(self.conditions)
        self._by_segment = [
            sum(
                1 << place
                for place, each in enumerate(self.conditions)
                if each.segments >> other & 1
            )
            for other in range(len(self.conditions))
        ]
        self._wanted: dict[int, int] = {}
        self._in_turn: dict[int, tuple[int, ...]] = {}
        self.bits: dict[str, int] = {}
        self.since: dict[tuple[str, str], int] = {}
        self._changes: list[ChangeRow] = []
        self._attributes: dict[str, set[str]] = {}
        self._cause = ("window", "")
        self.now = 0
        bus.subscribe(ProfileChanged, self._profile_changed)
        bus.subscribe(Regrouped, self._regrouped)

    @property
    def version(self) -> str:
        """Version of all traits and segments together."""
        traits = [entry.version for entry in self._traits.values()]
        segments = [entry.version for entry in self._segments.values()]
        return stable_id("v", *traits, *segments)

    def load(self, connection: Any) -> None:
        """Read memberships, relive the facts into the live traits."""
        self._changes, self._attributes, self.bits, self.since = [], {}, {}, {}
        self._cause = ("window", "")
        self.kernel = self._new_kernel()
        index = {name: place for place, name in enumerate(self._names)}
        left_over = []
        for customer, segment, since in self._store.memberships(connection):
            if segment in index:
                self.bits[customer] = self.bits.get(customer, 0) | 1 << index[segment]
                self.since[customer, segment] = since
            else:
                left_over.append((customer, segment))
        self.now = self._store.moment(connection)
        self.kernel.clock = self.now
        for fact in self._replay():
            self.kernel.apply(fact)
        self.kernel.drain()
        self.kernel.advance(self.now)
        self.kernel.drain()
        for customer in self._customers.members:
            self.bits.setdefault(customer, 0)
        if self._store.version(connection) != self.version:
            self._cause = ("definition", self.version)
            self.kernel.touched = dict.fromkeys(self._customers.members, EVERYTHING)
            for customer, segment in left_over:
                self._record(customer, segment, "", False, self.now, {})

    def _new_kernel(self) -> Kernel:
        kernel = Kernel(self._plans, len(self._traits))
        kernel.watch(self._edges)
        return kernel

    def next_due(self) -> int | None:
        """Return the next moment at which a window moves; now, where definitions are new."""
        return self.now if self._cause[0] == "definition" else self.kernel.next_due()

    def advance(self, moment: int) -> None:
        """Move the clock, look at all customers for whom that changes something."""
        kernel = self.kernel
        if kernel.quiet_until(moment) and not self._attributes:
            if moment > self.now:
                kernel.clock = self.now = moment
            self._cause = ("window", "")
            return
        while True:
            kernel.advance_until_touched(moment)
            if kernel.clock > self.now:
                self.now = kernel.clock
            if not (kernel.touched or self._attributes):
                self._cause = ("window", "")
                return
            told = len(self._changes)
            if self._cause[0] != "definition":
                self._cause = ("window", "")
            self._evaluate()
            self._cause = ("window", "")
            if len(self._changes) != told:
                return

    def apply(self, fact: Fact) -> None:
        """Take in a fact and look at its customer."""
        if not fact.customer:
            return
        if self._cause[0] == "definition":
            self.advance(self.now)
        if fact.customer not in self.bits:
            self.bits[fact.customer] = 0
            self.kernel.touched[fact.customer] = EVERYTHING
        self.kernel.apply(fact)
        if self.kernel.touched or self._attributes:
            self._cause = ("fact", fact.message_id)
            self._evaluate()

    def flush(self, connection: Any) -> None:
        """Write the changes of membership."""
        changes, self._changes = self._changes, []
        self._store.save(connection, changes, self.now, self.version)

    def view(self, customer: str, event: Mapping[str, Any] | None = None) -> CustomerView:
        """Return what a condition may read about a customer now."""
        return CustomerView(
            customer,
            self._customers,
            self.kernel.value,
            self.bits.get(customer, 0),
            event,
            self.now,
        )

    def members(self, segment: str) -> list[str]:
        """Return the customers in a segment now."""
        place = self._names.index(segment)
        return [customer for customer, bits in self.bits.items() if bits >> place & 1]

    def segments_of(self, customer: str) -> list[str]:
        """Return the segments of a customer now."""
        bits = self.bits.get(customer, 0)
        return [name for place, name in enumerate(self._names) if bits >> place & 1]

    def _profile_changed(self, event: ProfileChanged) -> None:
        names = {"consent" if name.startswith(CONSENT) else name for name in event.attributes}
        relevant = names & self._by_attribute.keys()
        if relevant:
            self._attributes.setdefault(event.customer, set()).update(relevant)

    def _regrouped(self, event: Regrouped) -> None:
        self.kernel.regroup(event)
        for customer in event.customers:
            self.kernel.touched[customer] = EVERYTHING

    def _evaluate(self) -> None:
        touched = self.kernel.drain()
        attributes, self._attributes = self._attributes, {}
        for customer in attributes:
            touched.setdefault(customer, 0)
        for customer, traits in touched.items():
            if customer not in self._customers.members:
                self._gone(customer)
                continue
            self._look_at(customer, traits, attributes.get(customer, ()))

    def _look_at(self, customer: str, traits: int, attributes: Iterable[str]) -> None:
        before = self.bits.get(customer, 0)
        view = CustomerView(customer, self._customers, self.kernel.value, before, None, self.now)
        wanted = self._readers_of(traits)
        for attribute in attributes:
            wanted |= self._by_attribute[attribute]
        after = before
        flipped = 0
        for place in self._places(wanted):
            if not wanted >> place & 1:
                continue
            condition = self.conditions[place]
            if (condition.run(view) is True) != bool(after >> place & 1):
                after ^= 1 << place
                flipped |= 1 << place
                view._members = after
                wanted |= self._by_segment[place]
        self.bits[customer] = after
        while flipped:
            place = (flipped & -flipped).bit_length() - 1
            flipped &= flipped - 1
            condition = self.conditions[place]
            values = self.vocabulary.scope(view, condition.words)
            name = self._names[place]
            version = self._segments[name].version
            self._record(customer, name, version, bool(after >> place & 1), self.now, values)

    def _readers_of(self, traits: int) -> int:
        """Return the segments that read any of these traits, as bits."""
        found = self._wanted.get(traits)
        if found is None:
            found = sum(
                1 << place
                for place, condition in enumerate(self.conditions)
                if traits == EVERYTHING or condition.traits & traits
            )
            if len(self._wanted) < 10_000:
                self._wanted[traits] = found
        return found

    def _places(self, wanted: int) -> tuple[int, ...]:
        """Return these segments, and those that read them, in the order in which to look at them."""
        found = self._in_turn.get(wanted)
        if found is None:
            reached, before = wanted, -1
            while reached != before:
                before = reached
                for place, readers in enumerate(self._by_segment):
                    if reached >> place & 1:
                        reached |= readers
            found = tuple(place for place in self.order if reached >> place & 1)
            if len(self._in_turn) < 10_000:
                self._in_turn[wanted] = found
        return found

    def _gone(self, customer: str) -> None:
        bits = self.bits.pop(customer, 0)
        for place, name in enumerate(self._names):
            if bits >> place & 1:
                self._record(customer, name, self._segments[name].version, False, self.now, {})

    def _record(
        self,
        customer: str,
        segment: str,
        version: str,
        entered: bool,
        at: int,
        values: Mapping[str, Any],
    ) -> None:
        cause, cause_id = self._cause
        if customer not in self._customers.members:
            cause = "identity"
        loop = stable_id("loop", customer, segment, entered, at)
        if entered:
            self.since[customer, segment] = at
        else:
            self.since.pop((customer, segment), None)
        change = SegmentChanged(
            customer, segment, version, entered, at, self.now, cause, cause_id, values, loop
        )
        self._changes.append(
            ChangeRow(
                customer,
                segment,
                version,
                "entered" if entered else "left",
                at,
                self.now,
                cause,
                cause_id,
                dict(values),
                loop,
            )
        )
        if cause != "identity":
            self._bus.publish(change)


def _compile(vocabulary: Vocabulary, entry: Entry[Segment]) -> Condition:
    try:
        return vocabulary.compile(entry.value.when)
    except InvalidInput as error:
        raise entry.error(error.message, hint=error.hint) from error


def _edges(
    vocabulary: Vocabulary, conditions: list[Condition]
) -> dict[int, frozenset[Decimal] | None]:
    """Return for each trait that any segment reads the numbers it is compared with."""
    found: dict[int, frozenset[Decimal] | None] = {}
    for condition in conditions:
        for word, numbers in condition.edges.items():
            place = vocabulary.traits.get(word)
            if place is not None:
                before = found.get(place, frozenset())
                together = before is None or numbers is None
                found[place] = None if together else before | numbers  # type: ignore[operator]
    return found


def _in_order(
    names: list[str], segments: Mapping[str, Entry[Segment]], conditions: list[Condition]
) -> list[int]:
    """Return the places of the segments so that each comes after those it reads."""
    order: list[int] = []
    state = dict.fromkeys(range(len(names)), 0)

    def visit(place: int, way: list[int]) -> None:
        if state[place] == 2:
            return
        if state[place] == 1:
            circle = " → ".join(names[each] for each in [*way[way.index(place) :], place])
            raise segments[names[place]].error(f"segments define each other in a circle: {circle}.")
        state[place] = 1
        for other in range(len(names)):
            if conditions[place].segments >> other & 1:
                visit(other, [*way, place])
        state[place] = 2
        order.append(place)

    for place in range(len(names)):
        visit(place, [])
    return order


def _readers(conditions: list[Condition]) -> dict[str, int]:
    readers: dict[str, int] = {}
    for place, condition in enumerate(conditions):
        for attribute in condition.attributes:
            readers[attribute] = readers.get(attribute, 0) | 1 << place
    return readers
