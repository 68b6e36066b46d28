"""Who is in which segment, right now and to the millisecond.

A stage of the pipeline: after every fact, and at every moment at which a window moves or a minimum stay ends by
itself, the segments that read something that changed are looked at again. Each change says when it took effect
(for an exit the exact due moment, not when we noticed), what caused it, and which values decided.

Definitions may change while all this goes on: `adopt` takes a new meaning in between two batches.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple

from cic.conditions import CustomerView, Vocabulary
from cic.crowd import Crowd
from cic.derived import Make, live
from cic.kernel import NEVER, Kernel
from cic.meaning import EVERYTHING, Meaning
from cic.model import Segment, Trait
from cic.ports import ChangeRow, Live, Store
from cic.related import around
from cic.thresholds import Steps
from cid.customers import CONSENT, Customers, ProfileChanged
from cid.kit.definitions import Entry
from cid.kit.events import Bus
from cid.kit.ids import stable_id
from cid.model.fact import Fact
from cid.model.relationship import Regrouped


class SegmentChanged(NamedTuple):
    """A customer entered or left a segment."""

    customer: str
    segment: str
    version: str
    entered: bool
    effective_at: int
    known_at: int
    cause: str
    """fact, window, stay, identity or definition."""
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
        make: Make = Kernel,
    ) -> None:
        self.vocabulary = vocabulary
        self._customers = customers
        self._store = store
        self._bus = bus
        self._replay = replay
        self._make = make
        self.refill: Callable[[Live], Any] = lambda kernel: kernel.extend(self._replay())
        """Fills an empty kernel with all that was applied."""
        self._become(Meaning.of(traits, segments, vocabulary))
        self.kernel = self.new_kernel(self.meaning)
        self.bits: dict[str, int] = {}
        self.since: dict[tuple[str, str], int] = {}
        self._stays: list[tuple[int, str, int]] = []
        """When which customer's minimum stay in which segment ends, the next one first."""
        self._ended: dict[str, int] = {}
        """Customers with the segments in which their minimum stay has just ended."""
        self._changes: list[ChangeRow] = []
        self._attributes: dict[str, set[str]] = {}
        self._newcomer = ""
        """Who has just been met for the first time."""
        self._cause = ("window", "")
        self.noted: set[str] | None = None
        """While another kernel is made ready: whose attributes or identities changed meanwhile."""
        self.now = 0
        self.reread: Callable[[str], Meaning | None] = lambda version: None
        """Asked at the start for the definitions of this version, where others have lived by them last."""
        bus.subscribe(ProfileChanged, self._profile_changed)
        bus.subscribe(Regrouped, self._regrouped)

    def _become(self, meaning: Meaning) -> None:
        """Live by these definitions; everybody who holds the vocabulary speaks it from now on."""
        self.vocabulary.become(meaning.vocabulary)
        self.meaning = meaning
        self.conditions = meaning.conditions
        self.order = meaning.order
        self._names = meaning.names
        self._segments = meaning.segments
        self._by_attribute = meaning.by_attribute
        self._greets = bool(meaning.thresholds.nothing or meaning.unsure)
        """Whether a customer of whom nothing is known may be in a segment."""

    @property
    def version(self) -> str:
        """Version of all traits and segments together, and of the profiles that they read."""
        return f"{self.meaning.version} {self._customers.version}"

    def load(self, connection: Any) -> None:
        """Read memberships, relive the facts into the live traits."""
        kept = self._store.version(connection)
        meaning, _, profiles = kept.partition(" ")
        if kept and profiles != self._customers.version:
            self._customers.hear_again()
        if kept and meaning != self.meaning.version:
            others = self.reread(meaning)
            if others is not None:
                self._become(others)
        self._changes, self._attributes, self.bits, self.since = [], {}, {}, {}
        self._ended = {}
        self._cause = ("window", "")
        self.kernel = self.new_kernel(self.meaning)
        index = {name: place for place, name in enumerate(self._names)}
        left_over = []
        for customer, segment, since in self._store.memberships(connection):
            if segment in index:
                self.bits[customer] = self.bits.get(customer, 0) | 1 << index[segment]
                self.since[customer, segment] = since
            else:
                left_over.append((customer, segment))
        self.now = self._store.moment(connection)
        self._set_stays()
        self.kernel.clock = self.now
        self.refill(self.kernel)
        self.kernel.advance(self.now)
        self.kernel.drain()
        for customer in self._customers.members:
            self.bits.setdefault(customer, 0)
        if kept != self.version:
            self._cause = ("definition", self.meaning.version)
            self.kernel.touched = dict.fromkeys(self._customers.members, EVERYTHING)
            for customer, segment in left_over:
                self._record(customer, segment, "", False, {})

    def new_kernel(self, meaning: Meaning) -> Live:
        """Return an empty kernel for the traits of a meaning."""
        kernel = live(meaning.plans, meaning.traits, self._attribute, self._make)
        kernel.watch(meaning.edges)
        words = meaning.words
        if words:
            for customer in list(self._customers.members):
                kernel.profile_changed(customer, words)
            kernel.drain()
        return kernel

    def around(
        self, customer: str, facts_of: Callable[[str], Iterable[Fact]]
    ) -> Callable[[str], list[Fact]]:
        """Return what tells the facts of everybody in a customer's group, by the attribute that names it."""
        return around(customer, self._customers.members, self._attribute, facts_of)

    def _attribute(self, customer: str, name: str) -> Any:
        held = self._customers.profile(customer).get(name)
        return None if held is None else held.value

    def adopt(self, meaning: Meaning, kernel: Live | None = None) -> list[tuple[str, int, int]]:
        """Live by other definitions from this very moment on; whom that moves is told as their doing.

        Args:
            meaning: the definitions; places of what was there before are the same.
            kernel: the live traits by these definitions, filled up to now; those of now where none differ.

        Returns:
            (segment, entered, left) for each segment that this moved somebody into or out of.
        """
        told, places = len(self._changes), len(self._names)
        changed = meaning.changed_since(self.meaning)
        self._become(meaning)
        if kernel is None:
            self.kernel.watch(meaning.edges)
        else:
            self.kernel = kernel
        self._set_stays()
        self._cause = ("definition", meaning.version)
        people = list(self._customers.members) if changed & meaning.special else []
        crowd = Crowd(self._customers, self.kernel, self.vocabulary, self.now)
        # Customers with the segments that they have entered or left, as bits.
        moved: dict[str, int] = {}
        for place in meaning.in_turn(changed):
            bit = 1 << place
            if not changed & bit:
                # Only whoever moved in what it depends on can move in it.
                depends = self.conditions[place].segments | meaning.rivals[place]
                some = [customer for customer, bits in moved.items() if bits & depends]
                turning = [customer for customer in some if self._is_wrong(customer, place)]
            elif meaning.special & bit:
                turning = [customer for customer in people if self._is_wrong(customer, place)]
            else:
                found = crowd.inside(self.conditions[place], self.bits)
                before = set()
                if place < places:
                    before = {customer for customer, bits in self.bits.items() if bits & bit}
                turning = [customer for customer in found if customer not in before]
                turning += sorted(before.difference(found))
            for customer in turning:
                self._turn(customer, bit)
                moved[customer] = moved.get(customer, 0) | bit
        self._cause = ("window", "")
        moves = Counter((each.segment, each.kind) for each in self._changes[told:])
        names = sorted({segment for segment, _ in moves})
        return [(name, moves[name, "entered"], moves[name, "left"]) for name in names]

    def go_back(self, meaning: Meaning) -> None:
        """Live by earlier definitions again, after others could not be written; `load` follows."""
        self._become(meaning)

    def _set_stays(self) -> None:
        """Set an alarm for the end of each minimum stay that has not ended yet."""
        stays = {name: length for name, length in zip(self._names, self.meaning.stays, strict=True)}
        self._stays = [
            (since + stays[segment], customer, self.vocabulary.segments[segment])
            for (customer, segment), since in self.since.items()
            if stays.get(segment) and since + stays[segment] > self.now
        ]
        heapify(self._stays)

    def next_due(self) -> int | None:
        """Return the next moment at which something moves by itself; now, where definitions are new."""
        if self._cause[0] == "definition":
            return self.now
        due = self.kernel.next_due()
        if self._stays and (due is None or self._stays[0][0] < due):
            return self._stays[0][0]
        return due

    def advance(self, moment: int) -> None:
        """Move the clock, look at all customers for whom that changes something."""
        kernel, stays = self.kernel, self._stays
        if (
            kernel.quiet_until(moment)
            and not self._attributes
            and not (stays and stays[0][0] <= moment)
        ):
            if moment > self.now:
                kernel.clock = self.now = moment
            self._cause = ("window", "")
            return
        while True:
            due = stays[0][0] if stays else NEVER
            kernel.advance_until_touched(moment if moment < due else due)
            if kernel.clock > self.now:
                self.now = kernel.clock
            if due <= self.now:
                self._end_stays()
            elif not (kernel.touched or self._attributes):
                self._cause = ("window", "")
                return
            told = len(self._changes)
            if self._cause[0] != "definition":
                self._cause = ("window" if kernel.touched or self._attributes else "stay", "")
            self._evaluate()
            self._cause = ("window", "")
            if len(self._changes) != told:
                return

    def _end_stays(self) -> None:
        """Note whose minimum stay has ended by now."""
        stays = self._stays
        while stays and stays[0][0] <= self.now:
            due, customer, place = heappop(stays)
            since = self.since.get((customer, self._names[place]))
            if since is not None and since + self.meaning.stays[place] == due:
                self._ended[customer] = self._ended.get(customer, 0) | 1 << place

    def apply(self, fact: Fact) -> None:
        """Take in a fact and look at its customer."""
        customer = fact.customer
        if not customer:
            return
        if self._cause[0] == "definition":
            self.advance(self.now)
        kernel = self.kernel
        kernel.apply(fact)
        if customer not in self.bits:
            self.bits[customer] = 0
            self._newcomer = customer
            if self._greets:
                kernel.touched.setdefault(customer, 0)
        if kernel.touched or self._attributes:
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
        place = self.meaning.place(segment)
        return [customer for customer, bits in self.bits.items() if bits >> place & 1]

    def segments_of(self, customer: str) -> list[str]:
        """Return the segments of a customer now."""
        bits = self.bits.get(customer, 0)
        return [name for place, name in enumerate(self._names) if bits >> place & 1]

    def _profile_changed(self, event: ProfileChanged) -> None:
        if self.noted is not None:
            self.noted.add(event.customer)
        self.kernel.profile_changed(event.customer, event.attributes)
        names = {"consent" if name.startswith(CONSENT) else name for name in event.attributes}
        relevant = names & self._by_attribute.keys()
        if relevant:
            self._attributes.setdefault(event.customer, set()).update(relevant)

    def _regrouped(self, event: Regrouped) -> None:
        if self.noted is not None:
            self.noted |= event.customers
        self.kernel.regroup(event)
        for customer in event.customers:
            self.kernel.touched[customer] = EVERYTHING

    def _evaluate(self) -> None:
        touched = self.kernel.drain()
        attributes, ended, newcomer = self._attributes, self._ended, self._newcomer
        if attributes:
            self._attributes = {}
            for customer in attributes:
                touched.setdefault(customer, 0)
        if ended:
            self._ended = {}
            for customer in ended:
                touched.setdefault(customer, 0)
        self._newcomer = ""
        members, meaning = self._customers.members, self.meaning
        for customer, traits in touched.items():
            if customer not in members:
                self._gone(customer)
                continue
            steps, wanted = meaning.reading(traits)
            if attributes:
                for attribute in attributes.get(customer, ()):
                    wanted |= self._by_attribute[attribute]
            if ended:
                wanted |= ended.get(customer, 0)
            before = after = self.bits.get(customer, 0)
            if customer == newcomer and traits != EVERYTHING:
                after = meaning.thresholds.nothing
                wanted |= meaning.unsure
            elif not (steps or wanted):
                continue
            self._look_at(customer, before, after, steps, wanted)

    def _look_at(
        self, customer: str, before: int, after: int, steps: Iterable[Steps], wanted: int
    ) -> None:
        """Look at segments of a customer, and at those that depend on what is found.

        Args:
            customer: who.
            before: the segments that she was in, as bits.
            after: those that she is in as far as nothing has changed.
            steps: what answers some of the segments.
            wanted: others to look at, as bits.
        """
        meaning, value = self.meaning, self.kernel.value
        for each in steps:
            held = each.at(value(customer, each.trait))
            if held < 0:
                wanted |= each.mask
            else:
                after = after & each.others | held
        flipped = (before ^ after) & meaning.read
        while flipped:
            wanted |= meaning.by_segment[(flipped & -flipped).bit_length() - 1]
            flipped &= flipped - 1
        view: CustomerView | None = None
        if wanted:
            view = CustomerView(customer, self._customers, value, after, None, self.now)
            after = self._asked(view, after, wanted)
        flipped = before ^ after
        if flipped or customer not in self.bits:
            self.bits[customer] = after
        decided = meaning.thresholds.words
        while flipped:
            place = (flipped & -flipped).bit_length() - 1
            flipped &= flipped - 1
            known = decided.get(place)
            if known is not None:
                values = {known.word: value(customer, known.trait)}
            else:
                if view is None:
                    view = CustomerView(customer, self._customers, value, after, None, self.now)
                values = self.vocabulary.scope(view, self.conditions[place].words)
            name = self._names[place]
            version = self._segments[name].version
            self._record(customer, name, version, bool(after >> place & 1), values)

    def _is_wrong(self, customer: str, place: int) -> bool:
        """Say whether a customer has to enter a segment now, or to leave it."""
        bits = self.bits.get(customer, 0)
        view = CustomerView(customer, self._customers, self.kernel.value, bits, None, self.now)
        inside = self.conditions[place].run(view) is True
        if self.meaning.special >> place & 1:
            inside = self.settled(customer, place, inside, bits)
        return inside != bool(bits >> place & 1)

    def _turn(self, customer: str, bit: int) -> None:
        """Let a customer enter one segment, or leave it where she is in it."""
        after = self.bits[customer] = self.bits.get(customer, 0) ^ bit
        place = bit.bit_length() - 1
        view = CustomerView(customer, self._customers, self.kernel.value, after, None, self.now)
        values = self.vocabulary.scope(view, self.conditions[place].words)
        name = self._names[place]
        version = self._segments[name].version
        self._record(customer, name, version, bool(after & bit), values)

    def _asked(self, view: CustomerView, after: int, wanted: int) -> int:
        """Ask the conditions of segments, and those that depend on what is found; return who she is then."""
        meaning, conditions = self.meaning, self.conditions
        special = meaning.special
        for place in meaning.in_turn(wanted):
            if not wanted >> place & 1:
                continue
            inside = conditions[place].run(view) is True
            if special >> place & 1:
                inside = self.settled(view.customer, place, inside, after)
            if inside != bool(after >> place & 1):
                after ^= 1 << place
                view._members = after
                wanted |= meaning.by_segment[place]
        return after

    def settled(self, customer: str, place: int, holds: bool, inside: int) -> bool:
        """Say whether a customer is in a segment that has a group or a minimum stay.

        Args:
            customer: who.
            place: which segment.
            holds: whether its condition is true.
            inside: the segments she is in, as bits; those that come before it in its group as they are now.
        """
        if inside & self.meaning.rivals[place]:
            return False
        stay = self.meaning.stays[place]
        if holds or not stay:
            return holds
        since = self.since.get((customer, self._names[place]))
        return since is not None and self.now < since + stay

    def _gone(self, customer: str) -> None:
        bits = self.bits.pop(customer, 0)
        for place, name in enumerate(self._names):
            if bits >> place & 1:
                self._record(customer, name, self._segments[name].version, False, {})

    def _record(
        self, customer: str, segment: str, version: str, entered: bool, values: dict[str, Any]
    ) -> None:
        """Tell that a customer enters or leaves a segment now, and which values decided."""
        cause, cause_id = self._cause
        if customer not in self._customers.members:
            cause = "identity"
        now = self.now
        loop = stable_id("loop", customer, segment, entered, now)
        if entered:
            kind = "entered"
            self.since[customer, segment] = now
            place = self.vocabulary.segments[segment]
            if stay := self.meaning.stays[place]:
                heappush(self._stays, (now + stay, customer, place))
        else:
            kind = "left"
            self.since.pop((customer, segment), None)
        self._changes.append(
            ChangeRow(customer, segment, version, kind, now, now, cause, cause_id, values, loop)
        )
        if cause != "identity":
            self._bus.publish(
                SegmentChanged(
                    customer, segment, version, entered, now, now, cause, cause_id, values, loop
                )
            )
