"""Traits made of other traits: the live kernel with formulas over it, which nobody has to tell apart.

A formula is computed when it is read. Whoever is touched by a change of what it reads is touched by it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cic.crowd import Column, Columnar
from cic.kernel import Kernel, Read, TraitPlan, plan
from cic.model import Trait
from cic.ports import Live
from cic.related import related
from cid.feel import compile_expression
from cid.kit.definitions import Entry

Make = Callable[[Mapping[str, Sequence[TraitPlan]], int, Read], Live]
"""What makes a kernel of plans, a number of traits, and a reader of customers' attributes."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula ready to run, and what it depends on, through other formulas too."""

    index: int
    run: Callable[[Any], Any]
    inputs: int
    """Traits that are no formulas, as bits."""
    attributes: frozenset[str]


def live(
    plans: Mapping[str, Sequence[TraitPlan]],
    traits: Mapping[str, Entry[Trait]],
    read: Read | None = None,
    make: Make = Kernel,
) -> Live:
    """Return what keeps these traits alive; a plain kernel where none is made of others.

    Args:
        plans: the traits compiled by `cic.kernel.plan`.
        traits: the traits by name, settled; places are those of their order.
        read: tells a customer's attribute by name; none is known where it is not given.
        make: makes the kernel below.
    """
    reader = read or _nothing
    words = [entry.value.related for entry in traits.values() if entry.value.related]
    kernel = related(
        make(plans, len(traits), reader),
        lambda attribute: plan(traits, attribute),
        words,
        len(traits),
        reader,
    )
    formulas = _formulas(traits)
    return Derived(kernel, formulas, reader) if formulas else kernel


class Derived:
    """A kernel with formulas over it."""

    def __init__(self, kernel: Live, formulas: Iterable[Formula], read: Read) -> None:
        self.kernel = kernel
        self._formulas = {formula.index: formula for formula in formulas}
        self._watched = -1
        self._bits: dict[int, int] = {}
        self._read = read
        # What formulas have no part in is asked of the kernel directly.
        self.apply = kernel.apply
        self.next_due = kernel.next_due
        self.quiet_until = kernel.quiet_until
        self.advance = kernel.advance
        self.advance_until_touched = kernel.advance_until_touched
        self.regroup = kernel.regroup
        self.retract = kernel.retract
        self.forget = kernel.forget
        self.owner = kernel.owner
        self.facts = kernel.facts
        self.extend = kernel.extend
        self.events = kernel.events
        self.missing = kernel.missing
        self.columns = kernel.columns
        self.restore = kernel.restore

    @property
    def clock(self) -> int:
        """The moment up to which everything has happened."""
        return self.kernel.clock

    @clock.setter
    def clock(self, moment: int) -> None:
        self.kernel.clock = moment

    @property
    def touched(self) -> dict[str, int]:
        """Customers with a changed trait; formulas are told apart when it is drained."""
        return self.kernel.touched

    @touched.setter
    def touched(self, customers: dict[str, int]) -> None:
        self.kernel.touched = customers

    def watch(self, edges: Mapping[int, Collection[Decimal] | None]) -> None:
        """Say which traits anybody looks at; of what a watched formula reads, every change matters."""
        below = {index: some for index, some in edges.items() if index not in self._formulas}
        self._watched = 0
        self._bits.clear()
        for index in edges:
            if index in self._formulas:
                self._watched |= 1 << index
                inputs = self._formulas[index].inputs
                below |= {
                    place: None for place in range(inputs.bit_length()) if inputs >> place & 1
                }
        self.kernel.watch(below)

    def profile_changed(self, customer: str, attributes: Collection[str]) -> None:
        """Hear that attributes of a customer have other values than before."""
        self.kernel.profile_changed(customer, attributes)
        bits = 0
        for formula in self._formulas.values():
            if not formula.attributes.isdisjoint(attributes):
                bits |= 1 << formula.index
        if bits & self._watched:
            touched = self.kernel.touched
            touched[customer] = touched.get(customer, 0) | bits & self._watched

    def values(self, customer: str) -> list[Any]:
        """Return the customer's traits, by index, as the outside knows them."""
        found = self.kernel.values(customer)
        for index in self._formulas:
            found[index] = self.value(customer, index)
        return found

    def value(self, customer: str, index: int) -> Any:
        """Return one trait of a customer."""
        formula = self._formulas.get(index)
        if formula is None:
            return self.kernel.value(customer, index)
        return formula.run(_View(customer, self.value, self._read))

    def column(self, index: int) -> Column | None:
        """Return one trait of all customers, None where it cannot be had so."""
        kernel = self.kernel
        if index in self._formulas or not isinstance(kernel, Columnar):
            return None
        return kernel.column(index)

    def drain(self) -> dict[str, int]:
        """Return the touched customers with the bits of the traits that changed, and forget them."""
        touched = self.kernel.drain()
        for customer, bits in touched.items():
            more = self._bits.get(bits)
            if more is None:
                more = self._bits[bits] = self._with_formulas(bits)
            touched[customer] = more
        return touched

    def _with_formulas(self, bits: int) -> int:
        if len(self._bits) > 10_000:
            self._bits.clear()
        for formula in self._formulas.values():
            if formula.inputs & bits:
                bits |= 1 << formula.index & self._watched
        return bits


class _View:
    """What a formula may read of a customer."""

    __slots__ = ("_customer", "_read", "_value")

    def __init__(self, customer: str, value: Callable[[str, int], Any], read: Read) -> None:
        self._customer, self._value, self._read = customer, value, read

    def t(self, index: int) -> Any:
        return self._value(self._customer, index)

    def a(self, name: str) -> Any:
        return self._read(self._customer, name)


def _nothing(customer: str, attribute: str) -> Any:
    return None


def _formulas(traits: Mapping[str, Entry[Trait]]) -> list[Formula]:
    places = {name: place for place, name in enumerate(traits)}
    bits: dict[str, int] = {}

    def inputs(name: str, trait: Trait) -> int:
        if not trait.formula:
            return 1 << places[name]
        if name not in bits:
            bits[name] = 0
            for each, input_ in trait.inputs.items():
                bits[name] |= inputs(each, input_)
        return bits[name]

    found = []
    for name, entry in traits.items():
        trait = entry.value
        if trait.formula:
            bind = {each: f"s.a({each!r})" for each in trait.reads - trait.inputs.keys()}
            bind |= {each: f"s.t({places[each]})" for each in trait.inputs}
            run = compile_expression(trait.tree, bind=bind)
            found.append(Formula(places[name], run, inputs(name, trait), trait.reads))
    return found
