"""Traits over sliding windows, exact, by the log-cursor technique.

For a window of constant length, facts leave in the order in which they happened. So the log of facts, sorted
by event time, *is* the timer queue: one cursor per window length stands at the first fact that has not yet
left it. There are no tiles, no timers per customer, and no scan over customers; an idle customer's facts
expire like all others because the clock moves the cursors, not the traffic.

A window is half-open, (as_of − W, as_of]: a fact at exactly ``as_of`` counts, one at exactly ``as_of − W``
does not. A fact leaves window W at exactly its time + W. Late facts count from their arrival in every window
that is still open for them; future-dated ones wait until they are due. What is subtracted at the exit is
exactly what was added, recorded fact by fact (``live``).

Numbers are whole ten-thousandths inside, so that sums are exactly reversible.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from heapq import heappop, heappush
from typing import Any

from cic.aggregates import AGGREGATES, HOLD, SCALE
from cic.model import Trait
from cid.kit.clock import to_datetime
from cid.kit.definitions import Entry
from cid.model.fact import Fact
from cid.model.relationship import Regrouped

FOREVER = -1
NEVER = 1 << 62

Contribution = tuple[int, Any]


@dataclass(frozen=True, slots=True)
class TraitPlan:
    """A trait ready to run: its place, window, aggregate, and compiled condition and value."""

    index: int
    name: str
    window: int
    aggregate: str
    where: Callable[[Mapping[str, Any]], Any] | None
    value: Callable[[Mapping[str, Any]], Any] | None


@dataclass(slots=True, eq=False)
class Kept:
    """A fact as the kernel keeps it: when, whose, and what it contributes to each window."""

    order: tuple[int, str, str]
    identity: str
    parts: tuple[tuple[int, tuple[Contribution, ...]], ...]
    """(window index, contributions) for each window it takes part in; index FOREVER for all time."""
    live: int = 0
    """Bit w is set while it is counted in window w."""

    def __lt__(self, other: Kept) -> bool:
        return self.order < other.order


@dataclass(slots=True)
class _Window:
    length: int
    position: int = 0
    due: int = NEVER
    """When the next fact leaves it."""
    late: list[tuple[tuple[int, str, str], Kept]] = field(default_factory=list)


class Kernel:
    """The live traits of all customers."""

    def __init__(self, plans: Mapping[str, Sequence[TraitPlan]], count: int) -> None:
        self._plans = plans
        self._kinds: list[str] = [""] * count
        lengths: set[int] = set()
        for plan in {plan.index: plan for some in plans.values() for plan in some}.values():
            self._kinds[plan.index] = plan.aggregate
            if plan.window:
                lengths.add(plan.window)
        self._windows = [_Window(length) for length in sorted(lengths)]
        self._window_of = {window.length: w for w, window in enumerate(self._windows)}
        self._by_event = {event: self._grouped(some) for event, some in plans.items()}
        self._aggregates = [AGGREGATES[kind]() if kind else None for kind in self._kinds]
        self._whole = [kind in ("count", "sum") for kind in self._kinds]
        """Which traits are whole numbers inside, that are simply added up."""
        self._log: list[Kept] = []
        self._future: list[tuple[int, tuple[int, str, str], Fact]] = []
        self._of: dict[str, list[Kept]] = {}
        self._members: dict[str, set[str]] = {}
        self._owner: dict[str, str] = {}
        self._state: dict[str, list[Any]] = {}
        self.touched: dict[str, int] = {}
        """Customers with a changed trait since the last reading, with a bit for each trait."""
        self._watched: list[list[int] | None] = [None] * count
        self._bits = [1 << index for index in range(count)]
        """The bit of each trait; 0 where nobody looks at it."""
        self.clock = 0
        self._due = NEVER

    def _grouped(
        self, plans: Sequence[TraitPlan]
    ) -> tuple[tuple[int, int, int, tuple[TraitPlan, ...]], ...]:
        """Sort traits by window: (place of the window, its bit, its length, traits)."""
        groups: dict[int, list[TraitPlan]] = {}
        for plan in plans:
            groups.setdefault(plan.window, []).append(plan)
        return tuple(
            (self._window_of[length], 1 << self._window_of[length], length, tuple(some))
            if length
            else (FOREVER, 0, 0, tuple(some))
            for length, some in groups.items()
        )

    def watch(self, edges: Mapping[int, Collection[Decimal] | None]) -> None:
        """Say which traits anybody looks at, and which numbers matter to them.

        A change of any other trait, or between two of these numbers, touches nobody.
        """
        self._bits = [1 << index if index in edges else 0 for index in range(len(self._kinds))]
        for index, kind in enumerate(self._kinds):
            numbers = edges.get(index)
            if numbers is not None and kind in ("count", "sum"):
                scale = SCALE if kind == "sum" else 1
                exact = [number * scale for number in numbers]
                if all(number == int(number) for number in exact):
                    self._watched[index] = sorted(int(number) for number in exact)

    def next_due(self) -> int | None:
        """Return the next moment at which a fact leaves a window or a future one arrives."""
        return self._due if self._due < NEVER else None

    def quiet_until(self, moment: int) -> bool:
        """Say whether nothing happens by itself up to a moment, and nobody was touched before."""
        return self._due > moment and not self.touched

    def advance(self, moment: int) -> None:
        """Move the clock to a moment; everything due by then happens, each at its own instant."""
        while self._due <= moment:
            self._instant(max(self._due, self.clock))
        self.clock = max(self.clock, moment)

    def advance_until_touched(self, moment: int) -> None:
        """Move the clock towards a moment; it stops at the first instant that touches somebody."""
        while self._due <= moment:
            if self.touched:
                return
            self._instant(max(self._due, self.clock))
        if moment > self.clock and not self.touched:
            self.clock = moment

    def _instant(self, moment: int) -> None:
        """Let everything happen that is due at or before a moment, at once."""
        self.clock = moment
        for w, window in enumerate(self._windows):
            if window.due <= moment:
                self._expire(w, window, moment - window.length)
        while self._future and self._future[0][0] <= moment:
            self._admit(heappop(self._future)[2])
        due = self._future[0][0] if self._future else NEVER
        for window in self._windows:
            if window.due < due:
                due = window.due
        self._due = due

    def _expire(self, w: int, window: _Window, edge: int) -> None:
        """Let everything at or before the edge leave a window, and note when the next one does."""
        bit = 1 << w
        log, position, end = self._log, window.position, len(self._log)
        while position < end:
            kept = log[position]
            if kept.live & bit:
                if kept.order[0] > edge:
                    break
                self._leave(w, kept)
            position += 1
        window.position = position
        due = log[position].order[0] + window.length if position < end else NEVER
        while window.late:
            order, kept = window.late[0]
            if order[0] > edge:
                due = min(due, order[0] + window.length)
                break
            heappop(window.late)
            if kept.live & bit:
                self._leave(w, kept)
        window.due = due

    def apply(self, fact: Fact) -> None:
        """Take in a fact at the present clock."""
        if fact.event not in self._plans:
            return
        if fact.identity not in self._owner:
            self._owner[fact.identity] = fact.customer
            self._members.setdefault(fact.customer, set()).add(fact.identity)
            self._of[fact.identity] = []
        if fact.time > self.clock:
            heappush(self._future, (fact.time, fact.order, fact))
            if fact.time < self._due:
                self._due = fact.time
            return
        self._admit(fact)

    def regroup(self, event: Regrouped) -> None:
        """Let facts follow their identities to other customers; log and cursors stay as they are."""
        stale: set[str] = set()
        for identity, (old, new) in event.moved.items():
            if identity not in self._owner:
                continue
            self._members[old].discard(identity)
            self._members.setdefault(new, set()).add(identity)
            self._owner[identity] = new
            stale.update((old, new))
        for customer in stale:
            self._state.pop(customer, None)
            if not self._members.get(customer):
                self._members.pop(customer, None)
            self.touched[customer] = -1
            for identity in self._members.get(customer, ()):
                for kept in self._of[identity]:
                    self._contribute(customer, kept)

    def values(self, customer: str) -> list[Any]:
        """Return the customer's traits, by index, as the outside knows them."""
        state = self._state.get(customer)
        if state is None:
            return [each.empty if each is not None else None for each in self._aggregates]
        return [
            each.read(held) if each is not None else None
            for each, held in zip(self._aggregates, state, strict=True)
        ]

    def value(self, customer: str, index: int) -> Any:
        """Return one trait of a customer."""
        aggregate = self._aggregates[index]
        if aggregate is None:
            return None
        state = self._state.get(customer)
        return aggregate.empty if state is None else aggregate.read(state[index])

    def facts(self) -> int:
        """Return how many facts the kernel holds."""
        return len(self._log) + len(self._future) + sum(len(w.late) for w in self._windows)

    def drain(self) -> dict[str, int]:
        """Return the touched customers with the bits of the traits that changed, and forget them."""
        touched, self.touched = self.touched, {}
        return touched

    def owner(self, identity: str) -> str:
        """Return the customer of an identity that has facts here."""
        return self._owner[identity]

    def _admit(self, fact: Fact) -> None:
        scope: _Scope | None = None
        parts: list[tuple[int, tuple[Contribution, ...]]] = []
        live = 0
        time, clock = fact.time, self.clock
        for w, bit, length, plans in self._by_event[fact.event]:
            if bit and time <= clock - length:
                continue
            some: list[Contribution] = []
            for plan in plans:
                said: Any = 1
                if plan.where is not None or plan.value is not None:
                    if scope is None:
                        scope = _Scope(fact.properties)
                        scope.fact = fact
                    if plan.where is not None and plan.where(scope) is not True:
                        continue
                    if plan.value is not None:
                        said = plan.value(scope)
                held = HOLD[plan.aggregate](said)
                if held is not None:
                    some.append((plan.index, held))
            if some:
                parts.append((w, tuple(some)))
                live |= bit
        if not parts:
            return
        kept = Kept(fact.order, fact.identity, tuple(parts), live)
        # Not fact.customer: a future-dated fact may have changed hands while it waited.
        customer = self._owner[fact.identity]
        if live:
            late = bool(self._log) and not self._log[-1].order < kept.order
            if not late:
                self._log.append(kept)
            for w, _ in parts:
                if w == FOREVER:
                    continue
                window = self._windows[w]
                if late:
                    heappush(window.late, (kept.order, kept))
                due = time + window.length
                if due < window.due:
                    window.due = due
                    if due < self._due:
                        self._due = due
        self._of[fact.identity].append(kept)
        self._contribute(customer, kept)

    def _contribute(self, customer: str, kept: Kept) -> None:
        state = self._state.get(customer)
        if state is None:
            state = self._state[customer] = [
                each.start() if each is not None else None for each in self._aggregates
            ]
        bits = 0
        live = kept.live
        for w, some in kept.parts:
            if w == FOREVER or live >> w & 1:
                bits |= self._add(state, some, kept.order)
        if bits:
            self.touched[customer] = self.touched.get(customer, 0) | bits

    def _add(
        self, state: list[Any], some: tuple[Contribution, ...], order: tuple[int, str, str]
    ) -> int:
        """Take contributions in; return the bits of the traits for which that can matter."""
        bits = 0
        for index, held in some:
            before = state[index]
            if self._whole[index]:
                after = state[index] = before + held
                if (bit := self._bits[index]) and self._crossed(index, before, after):
                    bits |= bit
            else:
                aggregate = self._aggregates[index]
                state[index] = aggregate.add(before, held, order)  # type: ignore[union-attr]
                bits |= self._bits[index]
        return bits

    def _crossed(self, index: int, before: int, after: int) -> bool:
        """Say whether a number has come past, to or from one that somebody compares it with."""
        edges = self._watched[index]
        if edges is None:
            return True
        if before > after:
            before, after = after, before
        for edge in edges:
            if edge >= before:
                # The first that is not below the lower of the two decides.
                return edge <= after and before != after
        return False

    def _leave(self, w: int, kept: Kept) -> None:
        kept.live &= ~(1 << w)
        customer = self._owner[kept.identity]
        state = self._state[customer]
        bits = 0
        for window, some in kept.parts:
            if window != w:
                continue
            for index, held in some:
                before = state[index]
                if self._whole[index]:
                    after = state[index] = before - held
                    if (bit := self._bits[index]) and self._crossed(index, before, after):
                        bits |= bit
                else:
                    aggregate = self._aggregates[index]
                    state[index] = aggregate.remove(before, held, kept.order)  # type: ignore[union-attr]
                    bits |= self._bits[index]
        if bits:
            self.touched[customer] = self.touched.get(customer, 0) | bits


class _Scope(dict[str, Any]):
    """What a trait may read of a fact: its properties, and event, source and time."""

    fact: Fact

    def get(self, name: str, default: Any = None) -> Any:
        if name == "event":
            return self.fact.event
        if name == "source":
            return self.fact.source
        if name == "time":
            return to_datetime(self.fact.time)
        return dict.get(self, name, default)


def plan(traits: Mapping[str, Entry[Trait]]) -> dict[str, list[TraitPlan]]:
    """Compile the traits' definitions, by the event they look at.

    Raises:
        InvalidDefinition: a condition or value is not FEEL; names file, line and what is wrong.
    """
    from cid.feel import FeelError, compile_expression, parse

    plans: dict[str, list[TraitPlan]] = {}
    for index, (name, entry) in enumerate(traits.items()):
        trait = entry.value
        try:
            where = compile_expression(parse(trait.where)) if trait.where else None
            value = compile_expression(parse(trait.value)) if trait.value else None
        except FeelError as error:
            raise entry.error(str(error)) from error
        ready = TraitPlan(index, name, trait.window_length, trait.aggregate, where, value)
        for event in trait.of:
            plans.setdefault(event, []).append(ready)
    return plans
