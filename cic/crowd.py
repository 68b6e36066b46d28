"""One condition about everybody: customers whom it cannot tell apart are looked at once.

Between two numbers that a condition compares a trait with, nothing can flip; nor does it tell apart customers with
equal values. So all customers are put into groups by columns of traits, memberships and attributes, and the
condition is asked about one of each group: the very same as is asked when a fact arrives, so that there is no
second sense of it. Where groups would not be few, or a column is not to be had, it is asked about each one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Protocol, runtime_checkable

import numpy as np

from cic.conditions import Condition, Passing, Vocabulary
from cic.ports import Live
from cic.snapshot import code_key
from cid.customers import CONSENT, Customers

NOTHING = -(1 << 62)
"""What stands in a column of numbers where there is none."""
FEWER = 4
"""Groups are worth the trouble where there are so many times fewer than customers."""
SMALL = 1 << 22
"""So many combinations are counted in a table; more are sorted."""


@dataclass(frozen=True, slots=True)
class Column:
    """One trait of all customers who ever had a fact.

    ``numbers`` has one for each of ``customers``, in their order: ``scale`` times the value, or ``NOTHING``; where
    ``scale`` is 0 they only tell whether values are equal.
    """

    customers: Mapping[str, Any]
    numbers: Any
    scale: int


@runtime_checkable
class Columnar(Protocol):
    """Live traits that can be had as columns."""

    def column(self, index: int) -> Column | None:
        """Return one trait of all customers, None where it cannot be had so."""


class Crowd:
    """Everybody at one moment."""

    def __init__(
        self, customers: Customers, kernel: Live, vocabulary: Vocabulary, now: int
    ) -> None:
        self._customers = customers
        self._kernel = kernel
        self._vocabulary = vocabulary
        self._now = now
        self._columns: dict[int, Column | None] = {}
        self._names: list[str] = []
        self._known: Mapping[str, Any] | None = None

    def inside(self, condition: Condition, members: Mapping[str, int]) -> list[str]:
        """Return the customers for whom a condition holds.

        Args:
            condition: the condition.
            members: the segments of each customer, as bits.
        """
        people = self._customers.members
        groups = self._groups(condition, members)
        if groups is None or self._known is None:
            return list(self._asked(condition, list(people), members))
        group, first = groups
        names = self._names
        chosen = [names[row] for row in first.tolist()]
        view = Passing("", self._customers, self._kernel.value, 0, None, self._now)
        holds = np.array([each for _, each in view.holding(condition, chosen, members)], bool)
        found = [
            names[row] for row in np.flatnonzero(holds[group]).tolist() if names[row] in people
        ]
        unknown = people.keys() - self._known.keys()
        others = [each for each in list(people) if each in unknown] if unknown else []
        if others and not condition.attributes and not condition.segments:
            # Nothing is known of any of them: what holds for one holds for all.
            return found + others if list(self._asked(condition, others[:1], members)) else found
        return found + list(self._asked(condition, others, members))

    def _asked(
        self, condition: Condition, people: Collection[str], members: Mapping[str, int]
    ) -> Iterator[str]:
        view = Passing("", self._customers, self._kernel.value, 0, None, self._now)
        return (each for each, holds in view.holding(condition, people, members) if holds)

    def _groups(self, condition: Condition, members: Mapping[str, int]) -> tuple[Any, Any] | None:
        """Return the group of each row, and a row of each group; None where that does not help."""
        words = self._vocabulary
        group, count = None, 1
        for word in condition.words:
            if word in words.traits:
                part = self._classes(words.traits[word], condition.edges.get(word))
            elif word in words.segments or word in words.attributes:
                continue
            else:
                return None
            if part is None:
                return None
            group, count = _joined(group, count, *part)
        if group is None or CONSENT.rstrip(".") in condition.attributes:
            return None
        for word in condition.words:
            if word in words.segments:
                part = self._memberships(words.segments[word], members), 2
            elif word in words.attributes and word not in words.traits:
                part = self._values(word)
            else:
                continue
            if part is None:
                return None
            group, count = _joined(group, count, *part)
        group, first = _numbered(group, count)
        return (group, first) if len(first) * FEWER <= len(group) else None

    def _classes(self, index: int, edges: Collection[Decimal] | None) -> tuple[Any, int] | None:
        """Tell customers apart by one trait, as far as it matters."""
        column = self._column(index)
        if column is None or not len(column.numbers):
            return None
        if edges is None or not column.scale:
            values, places = np.unique(column.numbers, return_inverse=True)
            return (places, len(values)) if len(values) * FEWER <= len(places) else None
        begins = {NOTHING + 1}
        for edge in edges:
            exact = edge * column.scale
            begins.add(int(exact.to_integral_value(ROUND_CEILING)))
            begins.add(int(exact.to_integral_value(ROUND_FLOOR)) + 1)
        sides = np.array(sorted(each for each in begins if abs(each) <= -NOTHING), np.int64)
        return np.searchsorted(sides, column.numbers, "right"), len(sides) + 1

    def _column(self, index: int) -> Column | None:
        if index not in self._columns:
            kernel = self._kernel
            column = kernel.column(index) if isinstance(kernel, Columnar) else None
            if column is not None and self._known is None:
                self._known, self._names = column.customers, list(column.customers)
            # Somebody new may come while a preview is made, which holds nobody up.
            if column is not None and len(column.numbers) != len(self._names):
                column = None
            self._columns[index] = column
        return self._columns[index]

    def _memberships(self, place: int, members: Mapping[str, int]) -> Any:
        get = members.get
        bits = (get(name, 0) >> place & 1 for name in self._names)
        return np.fromiter(bits, np.int64, len(self._names))

    def _values(self, attribute: str) -> tuple[Any, int] | None:
        profile, codes = self._customers.profile, dict[Any, int]()
        most = len(self._names) // FEWER
        found = []
        for name in self._names:
            held = profile(name).get(attribute)
            try:
                found.append(codes.setdefault(code_key(held and held.value), len(codes)))
            except TypeError:
                return None
            if len(codes) > most:
                return None
        return np.array(found, np.int64), len(codes)


def _joined(group: Any, count: int, other: Any, more: int) -> tuple[Any, int]:
    """Tell apart by two things what each of them tells apart."""
    if group is None:
        return other, more
    if count * more > 1 << 40:
        group, first = _numbered(group, count)
        count = len(first)
    return group * more + other, count * more


def _numbered(group: Any, count: int) -> tuple[Any, Any]:
    """Number the groups that somebody is in; return everybody's number, and one row of each."""
    if count > SMALL:
        _, first, places = np.unique(group, return_index=True, return_inverse=True)
        return places, first
    row = np.full(count, -1, np.int64)
    row[group] = np.arange(len(group))
    there = np.flatnonzero(row >= 0)
    numbers = np.zeros(count, np.int64)
    numbers[there] = np.arange(len(there))
    return numbers[group], row[there]
