"""Traits over windows, exact, by the log-cursor technique.

For a window of constant length, facts leave in the order in which they happened. So a queue of its facts,
sorted by event time, *is* the timer queue: what leaves next stands at its head. There are no tiles, no
timers per customer, and no scan over customers; an idle customer's facts expire like all others because
the clock moves the queues, not the traffic.

A window is half-open, (as_of − W, as_of]: a fact at exactly ``as_of`` counts, one at exactly ``as_of − W``
does not. A fact leaves window W at exactly its time + W. Late facts count from their arrival in every window
that is still open for them; future-dated ones wait until they are due. What is subtracted at the exit is
exactly what was added.

Windows of the calendar end for many facts at once: they are kept by the moment at which they enter and leave.

Numbers are whole ten-thousandths inside, so that sums are exactly reversible.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import Any

from cic.aggregates import Order
from cic.counting import Counting, Read
from cic.plans import TraitPlan, plan, window_of
from cic.programs import Program
from cic.snapshot import Columns, Said, answered, columns_of, covered, question, uncovered
from cic.windows import FEW, NEVER, Customer, Dated, Identity, Kept, Sliding
from cid.model.fact import Fact
from cid.model.relationship import Regrouped

__all__ = ["NEVER", "Kept", "Kernel", "Read", "TraitPlan", "plan"]


class Kernel(Counting):
    """The live traits of all customers."""

    clock: int
    touched: dict[str, int]

    def __init__(
        self, plans: Mapping[str, Sequence[TraitPlan]], count: int, read: Read | None = None
    ) -> None:
        super().__init__(plans, count, read)
        windows = sorted({window_of(plan) for some in plans.values() for plan in some})
        numbers = {window: n for n, window in enumerate(w for w in windows if w[0] or w[1])}
        # The longest first: a fact that is too old for one is too old for all that follow.
        self._windows = [
            Sliding(number, window[0])
            for window, number in sorted(numbers.items(), reverse=True)
            if not window[1]
        ]
        self._dated = [
            Dated(number, window[1], window[3], self._zones(*window[2:]))
            for window, number in numbers.items()
            if window[1]
        ]
        self._programs = {event: Program(event, some, numbers) for event, some in plans.items()}
        self._gone = Program("", (), numbers)
        self._covers = covered(plans)
        for program in self._programs.values():
            program.sliding = tuple(
                (window, part)
                for window in self._windows
                if (part := program.parts[window.number]) is not None
            )
            program.dated = tuple(
                (window, part)
                for window in self._dated
                if (part := program.parts[window.number]) is not None
            )
        self._future: list[tuple[int, Order, Fact]] = []
        self._identities: dict[str, Identity] = {}
        self._facts = 0
        self._newest: Order = (-NEVER, "", "")
        """The newest fact that was ever taken."""
        self._wire()

    def next_due(self) -> int | None:
        """Return the next moment at which something may change by itself."""
        return self._due if self._due < NEVER else None

    def quiet_until(self, moment: int) -> bool:
        """Say whether nothing happens by itself up to a moment, and nobody was touched before."""
        return self._due > moment and not self.touched

    def advance(self, moment: int) -> None:
        """Move the clock to a moment at once; everything due by then has happened."""
        if self._due <= moment:
            self._instant(moment if moment > self.clock else self.clock)
        if moment > self.clock:
            self.clock = moment

    def advance_until_touched(self, moment: int) -> None:
        """Move the clock towards a moment; it stops at the first instant that touches somebody."""
        while self._due <= moment:
            if self.touched:
                return
            self._instant(self._due if self._due > self.clock else self.clock)
        if moment > self.clock and not self.touched:
            self.clock = moment

    def _instant(self, moment: int) -> None:
        """Let everything happen that is due at or before a moment, at once."""
        self.clock = moment
        touched = self.touched
        soonest = NEVER
        for window in self._windows:
            if window.due <= moment:
                # The kernel spends most of its time in this loop.
                number, queue, edge = window.number, window.queue, moment - window.length
                due = NEVER
                while queue:
                    kept = queue[0]
                    time = kept.order[0]
                    if time > edge:
                        due = time + window.length
                        break
                    queue.popleft()
                    part = kept.program.parts[number]
                    if part is None:
                        continue
                    customer = kept.identity.customer
                    state = customer.state
                    for index in part.simple:
                        state[index] -= 1
                    bits = part.bits
                    if part.more:
                        bits |= self._take_out(part, kept, customer)
                    if bits:
                        name = customer.name
                        touched[name] = touched.get(name, 0) | bits
                window.due = due
                if window.late:
                    self._expire_late(window, edge)
            if window.due < soonest:
                soonest = window.due
        for dated in self._dated:
            if dated.due <= moment:
                self._turn(dated, moment)
            if dated.due < soonest:
                soonest = dated.due
        self._due = soonest
        if self._future or self._timers:
            self._wake(moment)

    def _wake(self, moment: int) -> None:
        """Take in the facts that waited for a moment, and look at what changes by itself up to it."""
        while self._future and self._future[0][0] <= moment:
            fact = heappop(self._future)[2]
            self._facts -= 1
            self.apply(fact)
        while self._timers and self._timers[0][0] <= moment:
            self._ring(*heappop(self._timers))
        if self._future and self._future[0][0] < self._due:
            self._due = self._future[0][0]
        if self._timers and self._timers[0][0] < self._due:
            self._due = self._timers[0][0]

    def _expire_late(self, window: Sliding, edge: int) -> None:
        """Let those leave a window that arrived out of order."""
        late = window.late
        while late and late[0][0][0] <= edge:
            kept = heappop(late)[1]
            part = kept.program.parts[window.number]
            if part is not None:
                self._move(part, kept, -1)
        if late:
            window.due = min(window.due, late[0][0][0] + window.length)

    def _turn(self, window: Dated, moment: int) -> None:
        """Let a window of the calendar go on to the next period."""
        for kept, enters in window.turn(moment):
            part = kept.program.parts[window.number]
            if part is not None:
                self._move(part, kept, 1 if enters else -1)

    def apply(self, fact: Fact) -> None:
        """Take in a fact at the present clock."""
        program = self._programs.get(fact.event)
        if program is None:
            return
        identity = self._identities.get(fact.identity)
        if identity is None:
            identity = self._meet(fact.identity, fact.customer)
        time = fact.time
        if time > self.clock:
            heappush(self._future, (time, fact.order, fact))
            self._facts += 1
            if time < self._due:
                self._due = time
            return
        held = None
        if program.asked:
            held = program.hold(fact)
            if held is None and not program.always:
                return
        self.take(Kept((time, fact.source, fact.message_id), identity, program, held))

    def _meet(self, name: str, owner: str) -> Identity:
        customer = self._customers.get(owner)
        if customer is None:
            customer = self._customers[owner] = Customer(owner, self._fresh(owner))
        identity = self._identities[name] = Identity(name, customer)
        customer.identities.add(identity)
        return identity

    def take(self, kept: Kept) -> None:
        """Count a fact that was made ready in every window that is open for it at the present clock."""
        order, identity, program = kept.order, kept.identity, kept.program
        time, clock = order[0], self.clock
        # A future-dated fact may have changed hands while it waited.
        customer = identity.customer
        in_order = order > self._newest
        if in_order:
            self._newest = order
        if time > clock - program.shortest:
            part = program.every
            bits = part.bits
            state = customer.state
            for index in part.simple:
                state[index] += 1
            if part.more:
                bits |= self._put_in(part, kept, customer)
            for window, _ in program.sliding:
                queue = window.queue
                if queue and in_order:
                    queue.append(kept)
                else:
                    self._queue(window, kept)
        elif self._open(kept):
            bits = self._take_where_open(kept)
        else:
            return
        if program.dated:
            for dated, part in program.dated:
                if dated.expect(kept, clock):
                    bits |= self._put(part, kept, customer)
                if dated.due < self._due:
                    self._due = dated.due
        facts = identity.facts
        facts.append(kept)
        self._facts += 1
        if len(facts) > identity.many:
            self._tidy(identity)
        if bits:
            touched, name = self.touched, customer.name
            touched[name] = touched.get(name, 0) | bits

    def _take_where_open(self, kept: Kept) -> int:
        """Count a fact that is too old for some windows in the others; return the bits that matter."""
        program, customer, bits = kept.program, kept.identity.customer, 0
        if program.lasting is not None:
            bits = self._put(program.lasting, kept, customer)
        for window, part in program.sliding:
            if kept.order[0] <= self.clock - window.length:
                break
            self._queue(window, kept)
            bits |= self._put(part, kept, customer)
        return bits

    def _queue(self, window: Sliding, kept: Kept) -> None:
        """Put a fact where it leaves a window in its turn."""
        queue = window.queue
        if queue and kept.order < queue[-1].order:
            heappush(window.late, (kept.order, kept))
        else:
            queue.append(kept)
        due = kept.order[0] + window.length
        if due < window.due:
            window.due = due
            if due < self._due:
                self._due = due

    def _tidy(self, identity: Identity) -> None:
        """Forget the facts of an identity that have left every window."""
        before = len(identity.facts)
        identity.facts = [kept for kept in identity.facts if self._open(kept)]
        self._facts -= before - len(identity.facts)
        identity.many = max(FEW, 2 * len(identity.facts))

    def _open(self, kept: Kept) -> bool:
        program = kept.program
        if program.lasting is not None or kept.order[0] > self.clock - program.longest:
            return True
        return any(dated.open(kept, self.clock) for dated, _ in program.dated)

    def regroup(self, event: Regrouped) -> None:
        """Let facts follow their identities to other customers; the queues stay as they are."""
        stale: set[str] = set()
        for name, (old, new) in event.moved.items():
            identity = self._identities.get(name)
            if identity is None:
                continue
            identity.customer.identities.discard(identity)
            stale.update((old, new, identity.customer.name))
            if new not in self._customers:
                self._customers[new] = Customer(new, self._fresh(new))
            identity.customer = self._customers[new]
            identity.customer.identities.add(identity)
        for customer in stale:
            self._renew(customer)

    def profile_changed(self, customer: str, attributes: Collection[str]) -> None:
        """Hear that attributes of a customer have other values than before: her time zone may be another."""
        if customer in self._customers and not self._zone_words.isdisjoint(attributes):
            self._renew(customer)

    def retract(self, message_id: str) -> bool:
        """Take a fact back as if it had never been received; say whether it was here.

        To correct a fact, retract it and apply the right one.
        """
        waiting = [each for each in self._future if each[2].message_id != message_id]
        found = len(waiting) < len(self._future)
        if found:
            self._facts -= len(self._future) - len(waiting)
            heapify(waiting)
            self._future = waiting
        for identity in self._identities.values():
            left = [kept for kept in identity.facts if kept.order[2] != message_id]
            if len(left) == len(identity.facts):
                continue
            for kept in identity.facts:
                if kept.order[2] == message_id:
                    kept.program = self._gone
            self._facts -= len(identity.facts) - len(left)
            identity.facts = left
            self._renew(identity.customer.name)
            found = True
        return found

    def forget(self, name: str) -> None:
        """Erase an identity: nothing of it or its facts is left, and its customer is as if it never was."""
        identity = self._identities.pop(name, None)
        if identity is None:
            return
        self._facts -= len(identity.facts)
        for kept in identity.facts:
            kept.program = self._gone
        waiting = [each for each in self._future if each[2].identity != name]
        self._facts -= len(self._future) - len(waiting)
        heapify(waiting)
        self._future = waiting
        for sliding in self._windows:
            sliding.without(identity)
        for dated in self._dated:
            dated.without(identity)
        identity.customer.identities.discard(identity)
        self._renew(identity.customer.name)
        # Neither who was newest nor who was to be woken is remembered.
        self._newest = (self._newest[0], "\U0010ffff", "")
        self._timers = [each for each in self._timers if each[1] in self._customers]
        heapify(self._timers)

    def _renew(self, name: str) -> None:
        """Make a customer's state anew from her facts."""
        self.touched[name] = -1
        customer = self._customers.get(name)
        if customer is None:
            return
        customer.state, customer.armed = self._fresh(name), {}
        if not customer.identities:
            del self._customers[name]
            return
        touched = self.touched
        self.touched = {}
        clock = self.clock
        for identity in customer.identities:
            for kept in identity.facts:
                program = kept.program
                if program.lasting is not None:
                    self._move(program.lasting, kept, 1)
                for window, part in program.sliding:
                    if kept.order[0] > clock - window.length:
                        self._move(part, kept, 1)
                for dated, part in program.dated:
                    if dated.expect(kept, clock):
                        self._move(part, kept, 1)
                    self._due = min(self._due, dated.due)
        self.touched = touched

    def facts(self) -> int:
        """Return how many facts the kernel holds."""
        return self._facts

    def owner(self, identity: str) -> str:
        """Return the customer of an identity that has facts here."""
        return self._identities[identity].customer.name

    def extend(self, facts: Iterable[Fact]) -> None:
        """Take in many facts at the present clock; nobody is touched."""
        touched, self.touched = self.touched, {}
        for fact in facts:
            self.apply(fact)
        self.touched = touched

    def events(self) -> set[str]:
        """Return the events that any trait counts."""
        return set(self._programs)

    def missing(self, covers: Mapping[str, Mapping[str, list[Any]]]) -> set[str]:
        """Return the events of which more is needed than a snapshot has."""
        return uncovered(self._covers, covers)

    def columns(self) -> Columns:
        """Return all that is kept of the facts that still count somewhere, in columns."""
        kinds: dict[str, int] = {}
        answers: dict[str, tuple[int, ...]] = {}
        for event, program in self._programs.items():
            kinds |= {question(each): answered(each) for each, _ in program.places()}
            numbers = {name: number for number, name in enumerate(kinds)}
            places = {place: numbers[question(each)] for each, place in program.places()}
            answers[event] = tuple(places[place] for place in range(len(program.asked)))
        facts = (
            Said(
                kept.order,
                kept.program.event,
                identity.name,
                {}
                if kept.held is None
                else {
                    number: held
                    for number, held in zip(answers[kept.program.event], kept.held, strict=True)
                    if held is not None
                },
            )
            for identity in self._identities.values()
            for kept in identity.facts
            if kept.program is not self._gone and self._open(kept)
        )
        waiting = [each[2] for each in sorted(self._future, key=lambda each: each[:2])]
        return columns_of(self.clock, kinds, self._covers, facts, waiting)

    def restore(
        self, columns: Columns, owner: Callable[[str], str], without: Collection[str] = ()
    ) -> None:
        """Take in facts that were kept, at the present clock, without those of some events."""
        asked = {name: number for number, name in enumerate(columns.questions)}
        answers: dict[str, tuple[int, ...]] = {}
        for event, program in self._programs.items():
            places = {place: asked.get(question(each), -1) for each, place in program.places()}
            answers[event] = tuple(places[place] for place in range(len(program.asked)))
        touched, self.touched = self.touched, {}
        for order, event, name, said in columns.facts():
            if event not in answers or event in without:
                continue
            identity = self._identities.get(name)
            if identity is None:
                identity = self._meet(name, owner(name))
            held = tuple([said.get(number) for number in answers[event]]) if said else None
            program = self._programs[event]
            if held is not None and held.count(None) == len(held):
                held = None
            if held is not None or program.always:
                self.take(Kept(order, identity, program, held))
        self.touched = touched
        self.extend(columns.waiting(owner, without))
