"""Counting: what facts add to the traits of a customer and take out again, and whom that touches."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from heapq import heappush
from typing import Any

import numpy as np

from cic.aggregates import SCALE, Aggregate
from cic.crowd import NOTHING, Column
from cic.periods import calendar, own_zone
from cic.plans import TraitPlan, aggregates, crossed, edges_of
from cic.programs import Part, Program
from cic.windows import NEVER, Customer, Kept

Read = Callable[[str, str], Any]
"""A customer's attribute by name."""


class Counting:
    """The traits of all customers, without the order in which facts come and go."""

    def __init__(
        self, plans: Mapping[str, Sequence[TraitPlan]], count: int, read: Read | None = None
    ) -> None:
        found = aggregates(plans)
        self._aggregates: list[Aggregate | None] = [found.get(index) for index in range(count)]
        self._kinds = [each.plan.aggregate if each else "" for each in self._aggregates]
        self._read = read
        self._streaks = [
            (each.plan.index, each.plan.streak, self._zones(each.plan.zone, each.plan.zone_of))
            for each in found.values()
            if each.plan.streak
        ]
        self._blank = [each.start(None) if each is not None else None for each in self._aggregates]
        """What is kept of nothing, for each trait …"""
        self._made_anew = [
            (each.plan.index, each.start)
            for each in found.values()
            if each.start(None) is not each.start(None)
        ]
        """… and how to make it for those that keep it in something that changes."""
        self._zone_words = {each.plan.zone_of for each in found.values()} - {""}
        self._programs: dict[str, Program] = {}
        self._customers: dict[str, Customer] = {}
        self._timers: list[tuple[int, str, int]] = []
        self.touched: dict[str, int] = {}
        """Customers with a changed trait since the last reading, with a bit for each trait."""
        self._edges: list[Any] = [None] * count
        self._bits = [1 << index for index in range(count)]
        """The bit of each trait; 0 where nobody looks at it."""
        self._timed = False
        self.clock = 0
        self._due = NEVER

    def watch(self, edges: Mapping[int, Collection[Decimal] | None]) -> None:
        """Say which traits anybody looks at, and which numbers matter to them.

        A change of any other trait, or between two of these numbers, touches nobody. From now on traits
        that change by themselves touch their customers at the very moment.
        """
        self._bits = [1 << index if index in edges else 0 for index in range(len(self._kinds))]
        self._edges = [
            edges_of(kind, edges.get(index)) if kind else None
            for index, kind in enumerate(self._kinds)
        ]
        self._timed = True
        self._wire()
        moving = [
            index
            for index, each in enumerate(self._aggregates)
            if each is not None and each.moves and self._bits[index]
        ]
        if moving:
            for customer in self._customers.values():
                for index in moving:
                    self._arm(customer, index)

    def drain(self) -> dict[str, int]:
        """Return the touched customers with the bits of the traits that changed, and forget them."""
        touched, self.touched = self.touched, {}
        return touched

    def values(self, customer: str) -> list[Any]:
        """Return the customer's traits, by index, as the outside knows them."""
        return [self.value(customer, index) for index in range(len(self._aggregates))]

    def value(self, customer: str, index: int) -> Any:
        """Return one trait of a customer."""
        aggregate = self._aggregates[index]
        if aggregate is None:
            return None
        known = self._customers.get(customer)
        return aggregate.empty if known is None else aggregate.read(known.state[index], self.clock)

    def column(self, index: int) -> Column | None:
        """Return one trait of all customers, None where it cannot be had so."""
        kind, customers = self._kinds[index], list(self._customers.values())
        if kind not in ("count", "sum", "distinct"):
            return None
        states = (customer.state[index] for customer in customers)
        try:
            numbers = np.fromiter(
                map(len, states) if kind == "distinct" else states, np.int64, len(customers)
            )
        except OverflowError:
            return None
        if kind == "sum" and len(numbers) and np.abs(numbers).max() >= -NOTHING:
            return None
        return Column(self._customers, numbers, SCALE if kind == "sum" else 1)

    def _wire(self) -> None:
        for program in self._programs.values():
            for part in (program.lasting, program.every, *program.parts):
                if part is not None:
                    part.watch(self._bits, self._edges, self._aggregates)

    def _zones(self, zone: str, attribute: str) -> Callable[[str], str]:
        """Return what tells a customer's time zone."""
        read = self._read
        if not attribute or read is None:
            return lambda customer: zone
        return lambda customer: own_zone(read(customer, attribute), zone)

    def _fresh(self, customer: str) -> list[Any]:
        state = self._blank.copy()
        for index, start in self._made_anew:
            state[index] = start(None)
        for index, unit, zone in self._streaks:
            aggregate = self._aggregates[index]
            if aggregate is not None:
                state[index] = aggregate.start(calendar(unit, zone(customer)))
        return state

    def _put(self, part: Part, kept: Kept, customer: Customer) -> int:
        """Take in all that a fact adds in one window; return the bits of the traits for which it matters."""
        state = customer.state
        for index in part.simple:
            state[index] += 1
        return part.bits | self._put_in(part, kept, customer) if part.more else part.bits

    def _put_in(self, part: Part, kept: Kept, customer: Customer) -> int:
        """Take in what is not simply counted; return the bits of the traits for which that can matter."""
        bits = 0
        state = customer.state
        for index, bit, edges in part.edged:
            after = state[index] = state[index] + 1
            if after in edges:
                bits |= bit
        contributions = kept.held
        if contributions is None or not part.asks:
            return bits
        for index, place, bit, numbers in part.numbers:
            held = contributions[place]
            if held is not None:
                before = state[index]
                after = state[index] = before + held
                if bit and (numbers is None or crossed(numbers, before, after)):
                    bits |= bit
        for index, place, bit, steps in part.different:
            held = contributions[place]
            if held is not None:
                times = state[index]
                if held in times:
                    times[held] += 1
                else:
                    times[held] = 1
                    if steps is None or len(times) in steps:
                        bits |= bit
        if part.entering:
            order = kept.order
            for index, place, bit, add in part.entering:
                held = contributions[place]
                if held is not None:
                    state[index] = add(state[index], held, order)
                    bits |= bit
            for index in part.moving:
                self._arm(customer, index)
        return bits

    def _take_out(self, part: Part, kept: Kept, customer: Customer) -> int:
        """Take out what was put in; return the bits of the traits for which that can matter."""
        bits = 0
        state = customer.state
        for index, bit, edges in part.edged:
            before = state[index]
            state[index] = before - 1
            if before in edges:
                bits |= bit
        contributions = kept.held
        if contributions is None or not part.asks:
            return bits
        for index, place, bit, numbers in part.numbers:
            held = contributions[place]
            if held is not None:
                before = state[index]
                after = state[index] = before - held
                if bit and (numbers is None or crossed(numbers, before, after)):
                    bits |= bit
        for index, place, bit, steps in part.different:
            held = contributions[place]
            if held is not None:
                times = state[index]
                left = times[held] - 1
                if left:
                    times[held] = left
                else:
                    if steps is None or len(times) in steps:
                        bits |= bit
                    del times[held]
        order = kept.order
        for index, place, bit, remove in part.leaving:
            held = contributions[place]
            if held is not None:
                state[index] = remove(state[index], held, order)
                bits |= bit
        return bits

    def _move(self, part: Part, kept: Kept, step: int) -> None:
        customer = kept.identity.customer
        bits = part.bits
        for index in part.simple:
            customer.state[index] += step
        if part.more:
            turn = self._put_in if step > 0 else self._take_out
            bits |= turn(part, kept, customer)
        if bits:
            self.touched[customer.name] = self.touched.get(customer.name, 0) | bits

    def _arm(self, customer: Customer, index: int) -> None:
        """See to it that a trait which changes by itself is looked at when it does."""
        aggregate = self._aggregates[index]
        if aggregate is None or not self._timed or not self._bits[index]:
            return
        due = aggregate.turns(customer.state[index], self.clock, self._edges[index])
        armed = customer.armed.get(index)
        if due is None or (armed is not None and armed <= due):
            # One that rings too early looks again.
            return
        customer.armed[index] = due
        heappush(self._timers, (due, customer.name, index))
        if due < self._due:
            self._due = due

    def _ring(self, due: int, name: str, index: int) -> None:
        customer, aggregate = self._customers.get(name), self._aggregates[index]
        if customer is None or aggregate is None or customer.armed.get(index) != due:
            return
        del customer.armed[index]
        if aggregate.turns(customer.state[index], due - 1, self._edges[index]) == due:
            self.touched[name] = self.touched.get(name, 0) | self._bits[index]
        self._arm(customer, index)
