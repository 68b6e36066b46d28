"""Traits of the people around a customer: the same aggregates over the facts of everybody in her group.

A group is named by an attribute, such as her household or company. Each attribute has a kernel of its own in
which the groups take the place of customers; facts follow their customers from group to group. Who has no
group is one by herself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from cic.aggregates import distinct_key
from cic.crowd import Column, Columnar
from cic.kernel import Kernel, Read, TraitPlan
from cic.ports import Live
from cid.model.fact import Fact
from cid.model.relationship import Regrouped

Plans = Mapping[str, Sequence[TraitPlan]]


def group_of(customer: str, value: Any) -> str:
    """Return the name of a customer's group; nobody else is in it where no value is known.

    >>> group_of("c1", "Lake Road 7") == group_of("c2", "Lake Road 7")
    True
    >>> group_of("c1", None) == group_of("c2", None)
    False
    """
    key = distinct_key(value)
    return f"one {customer}" if key is None else f"all {key}"


class Groups:
    """The live traits of all groups that one attribute names."""

    def __init__(self, attribute: str, plans: Plans, count: int, read: Read) -> None:
        self.attribute = attribute
        self.kernel = Kernel(plans, count)
        self.indices = frozenset(plan.index for some in plans.values() for plan in some)
        self.bits = sum(1 << index for index in self.indices)
        self._events = frozenset(plans)
        self._read = read
        self._group: dict[str, str] = {}
        """By customer."""
        self._members: dict[str, set[str]] = {}
        self._left: set[str] = set()
        """Customers who left their group, and have none."""
        self._owner: dict[str, str] = {}
        """By identity: the customer whose it is."""
        self._identities: dict[str, set[str]] = {}

    def apply(self, fact: Fact) -> None:
        """Take in a fact for the group of its customer."""
        if fact.event not in self._events:
            return
        if fact.identity not in self._owner:
            self._own(fact.identity, fact.customer)
            fact = replace(fact, customer=self.group(fact.customer))
        self.kernel.apply(fact)

    def group(self, customer: str) -> str:
        """Return the group of a customer, who is one of its members from now on."""
        found = self._group.get(customer)
        if found is None:
            found = self._group[customer] = group_of(customer, self._read(customer, self.attribute))
            self._members.setdefault(found, set()).add(customer)
        return found

    def regroup(self, event: Regrouped) -> None:
        """Let facts follow their identities to the groups of their new customers."""
        moved = {}
        for identity, (_, new) in event.moved.items():
            if identity in self._owner:
                before = self.kernel.owner(identity)
                self._identities[self._owner[identity]].discard(identity)
                self._own(identity, new)
                moved[identity] = (before, self.group(new))
        self.kernel.regroup(Regrouped(moved, event.at))
        for customer in event.customers:
            # Who is nobody any more has no group either; she may come back without one.
            self.join(customer)

    def join(self, customer: str) -> None:
        """Look anew which group a customer is in; her facts go where she goes."""
        before = self._group.pop(customer, None)
        if before is not None:
            self._leave(before, customer)
        identities = self._identities.get(customer, ())
        if not identities and distinct_key(self._read(customer, self.attribute)) is None:
            # She is in no group any more, and nothing is known that she did.
            if before is not None:
                self._left.add(customer)
            return
        after = self.group(customer)
        if before == after:
            return
        if before is not None and identities:
            moved = dict.fromkeys(identities, (before, after))
            self.kernel.regroup(Regrouped(moved, self.kernel.clock))
        self.kernel.touched[after] = -1

    def forget(self, identity: str) -> None:
        """Erase an identity with all its facts."""
        self.kernel.forget(identity)

    def tidy(self, identity: str) -> None:
        """Leave no trace of an erased identity, nor of a customer who was nothing else."""
        customer = self._owner.pop(identity, None)
        if customer is not None:
            self._identities[customer].discard(identity)
            if not self._identities[customer]:
                del self._identities[customer]
                self.join(customer)

    def value(self, customer: str, index: int) -> Any:
        """Return one trait of a customer's group."""
        group = self._group.get(customer)
        if group is None:
            group = group_of(customer, self._read(customer, self.attribute))
        return self.kernel.value(group, index)

    @property
    def touched(self) -> bool:
        """Whether anybody is to be told."""
        return bool(self.kernel.touched or self._left)

    def drain(self) -> Iterator[tuple[str, int]]:
        """Yield the customers of touched groups with the bits of the traits that changed."""
        while self._left:
            yield self._left.pop(), self.bits
        for group, bits in self.kernel.drain().items():
            for customer in self._members.get(group, ()):
                yield customer, bits & self.bits

    def _own(self, identity: str, customer: str) -> None:
        self._owner[identity] = customer
        self._identities.setdefault(customer, set()).add(identity)

    def _leave(self, group: str, customer: str) -> None:
        members = self._members.get(group)
        if members is not None:
            members.discard(customer)
            if not members:
                del self._members[group]


class Related:
    """A kernel, and the groups beside it, in step."""

    def __init__(self, kernel: Live, groups: Collection[Groups]) -> None:
        self.kernel = kernel
        self._groups = tuple(groups)
        self._all: tuple[Live, ...] = (kernel, *(each.kernel for each in groups))
        self._of = {index: each for each in groups for index in each.indices}
        self.owner = kernel.owner
        self.columns = kernel.columns
        self.restore = kernel.restore

    @property
    def clock(self) -> int:
        """The moment up to which everything has happened."""
        return self.kernel.clock

    @clock.setter
    def clock(self, moment: int) -> None:
        for each in self._all:
            each.clock = moment

    @property
    def touched(self) -> dict[str, int]:
        """Customers with a changed trait since the last reading."""
        return self.kernel.touched

    @touched.setter
    def touched(self, customers: dict[str, int]) -> None:
        self.kernel.touched = customers

    def watch(self, edges: Mapping[int, Collection[Decimal] | None]) -> None:
        """Say which traits anybody looks at, and which numbers matter to them."""
        for each in self._all:
            each.watch(edges)

    def next_due(self) -> int | None:
        """Return the next moment at which something may change by itself."""
        dues = [due for each in self._all if (due := each.next_due()) is not None]
        return min(dues, default=None)

    def quiet_until(self, moment: int) -> bool:
        """Say whether nothing happens by itself up to a moment, and nobody was touched before."""
        return all(each.quiet_until(moment) for each in self._all)

    def advance(self, moment: int) -> None:
        """Move the clock to a moment at once."""
        for each in self._all:
            each.advance(moment)
        self._spread()

    def advance_until_touched(self, moment: int) -> None:
        """Move the clock towards a moment; it stops at the first instant that touches somebody."""
        while not self.touched:
            due = self.next_due()
            reached = moment if due is None or due > moment else max(due, self.clock)
            for each in self._all:
                each.advance(reached)
            self._spread()
            if reached == moment:
                return

    def apply(self, fact: Fact) -> None:
        """Take in a fact at the present clock."""
        self.kernel.apply(fact)
        for each in self._groups:
            each.apply(fact)
        self._spread()

    def regroup(self, event: Regrouped) -> None:
        """Let facts follow their identities to other customers, and to their groups."""
        self.kernel.regroup(event)
        for each in self._groups:
            each.regroup(event)
        self._spread()

    def profile_changed(self, customer: str, attributes: Collection[str]) -> None:
        """Hear that attributes of a customer have other values than before: she may be in another group."""
        self.kernel.profile_changed(customer, attributes)
        for each in self._groups:
            if each.attribute in attributes:
                each.join(customer)
        self._spread()

    def retract(self, message_id: str) -> bool:
        """Take a fact back as if it had never been received; say whether it was here."""
        found = [each.retract(message_id) for each in self._all]
        self._spread()
        return any(found)

    def forget(self, name: str) -> None:
        """Erase an identity with all its facts."""
        self.kernel.forget(name)
        for each in self._groups:
            each.forget(name)
        self._spread()
        for each in self._groups:
            each.tidy(name)

    def values(self, customer: str) -> list[Any]:
        """Return the customer's traits, by index."""
        found = self.kernel.values(customer)
        for index, groups in self._of.items():
            found[index] = groups.value(customer, index)
        return found

    def value(self, customer: str, index: int) -> Any:
        """Return one trait of a customer."""
        groups = self._of.get(index)
        return (
            self.kernel.value(customer, index) if groups is None else groups.value(customer, index)
        )

    def column(self, index: int) -> Column | None:
        """Return one trait of all customers, None where it cannot be had so."""
        kernel = self.kernel
        if index in self._of or not isinstance(kernel, Columnar):
            return None
        return kernel.column(index)

    def drain(self) -> dict[str, int]:
        """Return the touched customers with the bits of the traits that changed, and forget them."""
        return self.kernel.drain()

    def facts(self) -> int:
        """Return how many facts are held."""
        return sum(each.facts() for each in self._all)

    def extend(self, facts: Iterable[Fact]) -> None:
        """Take in many facts at the present clock; nobody is touched."""

        def passed_on() -> Iterator[Fact]:
            for fact in facts:
                for each in self._groups:
                    each.apply(fact)
                yield fact

        self.kernel.extend(passed_on())
        for each in self._groups:
            for _ in each.drain():
                pass

    def events(self) -> set[str]:
        """Return the events that any trait counts."""
        return set().union(*(each.events() for each in self._all))

    def missing(self, covers: Mapping[str, Mapping[str, list[Any]]]) -> set[str]:
        """Return the events of which more is needed than a snapshot has: groups are not in it."""
        groups = (each.kernel.events() for each in self._groups)
        return self.kernel.missing(covers).union(*groups)

    def _spread(self) -> None:
        """Let the members be touched by what touched their groups."""
        touched = self.kernel.touched
        for each in self._groups:
            if each.touched:
                for customer, bits in each.drain():
                    if bits:
                        touched[customer] = touched.get(customer, 0) | bits


def around(
    customer: str,
    customers: Iterable[str],
    read: Read,
    facts_of: Callable[[str], Iterable[Fact]],
) -> Callable[[str], list[Fact]]:
    """Return what tells the facts of everybody who is in a customer's group now, by its attribute.

    Args:
        customer: whose groups.
        customers: everybody.
        read: tells a customer's attribute by name.
        facts_of: tells the facts of one customer.
    """

    def facts(attribute: str) -> list[Fact]:
        mine = group_of(customer, read(customer, attribute))
        members = [each for each in customers if group_of(each, read(each, attribute)) == mine]
        return [fact for each in members for fact in facts_of(each)]

    return facts


def related(
    kernel: Live,
    plans: Callable[[str], Plans],
    attributes: Iterable[str],
    count: int,
    read: Read,
) -> Live:
    """Return a kernel with the groups that these attributes name; itself where there are none."""
    groups = [Groups(each, plans(each), count, read) for each in sorted(set(attributes))]
    return Related(kernel, groups) if groups else kernel
