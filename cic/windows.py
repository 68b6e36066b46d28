"""Windows with the facts in them, and what the kernel keeps of facts, identities and customers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from typing import Any

from cic.aggregates import Order
from cic.periods import counts_from
from cic.programs import Program
from cid.kit.clock import DAY

NEVER = 1 << 62
FEW = 32
"""Facts of one identity that are kept without asking which of them can still matter."""
AROUND_THE_EARTH = 2 * DAY
"""Time zones are never further apart."""


class Customer:
    """A customer as the kernel knows her: what is kept for each trait, and whose facts are hers."""

    __slots__ = ("armed", "identities", "name", "state")

    def __init__(self, name: str, state: list[Any]) -> None:
        self.name = name
        self.state = state
        self.identities: set[Identity] = set()
        self.armed: dict[int, int] = {}
        """By trait that changes by itself: the moment at which it is looked at next."""


class Identity:
    """An identity with its facts, and the customer whose they are now."""

    __slots__ = ("customer", "facts", "many", "name")

    def __init__(self, name: str, customer: Customer) -> None:
        self.name = name
        self.customer = customer
        self.facts: list[Kept] = []
        self.many = FEW


class Kept:
    """A fact as the kernel keeps it: when, whose, and what it contributes."""

    __slots__ = ("held", "identity", "order", "program")

    def __init__(
        self, order: Order, identity: Identity, program: Program, held: tuple[Any, ...] | None
    ) -> None:
        self.order = order
        self.identity = identity
        self.program = program
        self.held = held

    def __lt__(self, other: Kept) -> bool:
        return self.order < other.order


class Sliding:
    """A window of constant length with its facts in the order in which they leave."""

    __slots__ = ("due", "late", "length", "number", "queue")

    def __init__(self, number: int, length: int) -> None:
        self.number = number
        self.length = length
        self.queue: deque[Kept] = deque()
        self.late: list[tuple[Order, Kept]] = []
        """Facts that arrived behind others that happened later; a heap."""
        self.due = NEVER
        """When the next fact leaves."""

    def without(self, identity: Identity) -> None:
        """Let go of all facts of an identity."""
        self.queue = deque(kept for kept in self.queue if kept.identity is not identity)
        self.late = [each for each in self.late if each[1].identity is not identity]
        heapify(self.late)


class Dated:
    """A window of the calendar: its facts enter and leave together, by the moment at which they do."""

    __slots__ = ("_entering", "_leaving", "_moments", "_zone", "number", "period", "zone_of")

    def __init__(self, number: int, period: str, zone_of: str, zone: Callable[[str], str]) -> None:
        self.number = number
        self.period = period
        self.zone_of = zone_of
        self._zone = zone
        """Tells the time zone of a customer."""
        self._entering: dict[int, dict[Kept, None]] = {}
        self._leaving: dict[int, dict[Kept, None]] = {}
        self._moments: list[int] = []

    @property
    def due(self) -> int:
        """When the next facts enter or leave."""
        return self._moments[0] if self._moments else NEVER

    def span(self, kept: Kept) -> tuple[int, int]:
        """Return from when on and until when a fact counts, in its customer's zone of now."""
        return counts_from(self.period, self._zone(kept.identity.customer.name), kept.order[0])

    def expect(self, kept: Kept, clock: int) -> bool:
        """Note when a fact enters and leaves, and say whether it counts now."""
        begin, end = self.span(kept)
        if clock < begin:
            self._at(begin, self._entering)[kept] = None
        if clock < end:
            self._at(end, self._leaving)[kept] = None
        return begin <= clock < end

    def open(self, kept: Kept, clock: int) -> bool:
        """Say whether a fact counts or will, also if its customer moves to another time zone."""
        end = self.span(kept)[1]
        if clock < end or not self.zone_of:
            return clock < end
        # Where it is later already, the fact belongs to the period that comes next here.
        zone = self._zone(kept.identity.customer.name)
        latest = counts_from(self.period, zone, kept.order[0] + AROUND_THE_EARTH)[1]
        return clock < latest + AROUND_THE_EARTH

    def turn(self, moment: int) -> Iterator[tuple[Kept, bool]]:
        """Yield what leaves (False) and enters (True) up to a moment, in the order of time."""
        while self._moments and self._moments[0] <= moment:
            at = heappop(self._moments)
            # Who moved to another zone meanwhile was expected anew; the old expectation is void.
            for kept in self._leaving.pop(at, ()):
                if self.span(kept)[1] == at:
                    yield kept, False
            for kept in self._entering.pop(at, ()):
                if self.span(kept)[0] == at:
                    yield kept, True

    def without(self, identity: Identity) -> None:
        """Let go of all facts of an identity."""
        for some in (*self._entering.values(), *self._leaving.values()):
            for kept in [each for each in some if each.identity is identity]:
                del some[kept]

    def _at(self, moment: int, waiting: dict[int, dict[Kept, None]]) -> dict[Kept, None]:
        if moment not in waiting:
            waiting[moment] = {}
            heappush(self._moments, moment)
        return waiting[moment]
