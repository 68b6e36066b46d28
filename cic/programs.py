"""What a fact of one event is asked, and what it adds to which windows: traits sorted by how they are counted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from cic.aggregates import Aggregate, hold_of
from cic.plans import (
    ALL_TIME,
    WHOLE,
    Property,
    Reads,
    TraitPlan,
    Window,
    steps_of,
    window_of,
)
from cid.feel.values import lift
from cid.kit.clock import to_datetime
from cid.model.fact import Fact


class Part:
    """What facts of one event add in one window, sorted by how it is added."""

    __slots__ = (
        "asks",
        "bits",
        "different",
        "edged",
        "entering",
        "leaving",
        "more",
        "moving",
        "numbers",
        "plans",
        "simple",
    )

    def __init__(self, plans: Sequence[tuple[TraitPlan, int]], moving: Collection[int]) -> None:
        self.plans = plans
        self.moving = tuple(plan.index for plan, _ in plans if plan.index in moving)
        """Traits that change by themselves."""

    def watch(
        self, bits: Sequence[int], edges: Sequence[Any], aggregates: Sequence[Aggregate | None]
    ) -> None:
        """Learn who looks at which trait: its bit, and the numbers that matter where only some do."""
        simple, edged, numbers, different = [], [], [], []
        others: list[tuple[int, int, int, Aggregate]] = []
        self.bits = 0
        """Traits whose every change matters and that every fact of the event changes."""
        for plan, place in self.plans:
            index = plan.index
            bit, edge = bits[index], edges[index] if bits[index] else None
            if plan.aggregate == "count" and place < 0:
                if edge is None:
                    simple.append(index)
                    self.bits |= bit
                else:
                    edged.append((index, bit, steps_of(edge)))
            elif plan.aggregate in WHOLE:
                numbers.append((index, place, bit, edge))
            elif plan.aggregate == "distinct":
                different.append((index, place, bit, None if edge is None else steps_of(edge)))
            elif (aggregate := aggregates[index]) is not None:
                others.append((index, place, bit, aggregate))
        self.simple, self.edged, self.numbers = tuple(simple), tuple(edged), tuple(numbers)
        self.different = tuple(different)
        self.entering = tuple((n, place, bit, each.add) for n, place, bit, each in others)
        self.leaving = tuple((n, place, bit, each.remove) for n, place, bit, each in others)
        self.asks = bool(numbers or different or others)
        """Whether anything depends on what the facts say."""
        self.more = bool(edged or self.asks)


class Program:
    """What a fact of one event is asked, and what it adds to which windows."""

    __slots__ = (
        "_said",
        "always",
        "asked",
        "dated",
        "event",
        "every",
        "hold",
        "lasting",
        "longest",
        "parts",
        "shortest",
        "signals",
        "sliding",
    )

    def __init__(
        self, event: str, plans: Sequence[TraitPlan], windows: Mapping[Window, int]
    ) -> None:
        self.event = event
        places: dict[tuple[int, int, str], int] = {}
        asked: list[tuple[Reads | None, Reads | None, Callable[[Any], Any]]] = []
        signals: list[list[str]] = []
        groups: dict[Window, list[tuple[TraitPlan, int]]] = {}
        for plan in plans:
            place = -1
            if plan.aggregate != "count" or plan.where is not None:
                hold = hold_of(plan)
                key = (id(plan.where), id(plan.value), str(id(hold)))
                if key not in places:
                    places[key] = len(asked)
                    asked.append((plan.where, plan.value, hold))
                    signals.append([])
                place = places[key]
                signals[place].append(plan.signal)
            groups.setdefault(window_of(plan), []).append((plan, place))
        self.asked = tuple(asked)
        """Different (condition, value, form in which it is held), each asked once of a fact."""
        self.signals = tuple(map(frozenset, signals))
        """For each question the signals of the traits that ask it."""
        plain = all(
            where is None and (value is None or isinstance(value, Property))
            for where, value, _ in asked
        )
        self._said = tuple(
            (value.name if isinstance(value, Property) else "", hold) for _, value, hold in asked
        )
        """Where nothing but properties as they are is asked for: which, and the form of each."""
        self.hold = self._calculated
        """Returns what a fact contributes, in the order of the questions; None if nothing at all."""
        if plain:
            self.hold = self._one_property if len(asked) == 1 else self._properties
        moving = {plan.index for plan in plans if plan.aggregate in ("since", "streak")}
        parts = {window: Part(some, moving) for window, some in groups.items()}
        self.lasting = parts.get(ALL_TIME)
        self.parts: list[Part | None] = [None] * len(windows)
        """By number of the window."""
        for window, number in windows.items():
            self.parts[number] = parts.get(window)
        self.sliding: tuple[tuple[Any, Part], ...] = ()
        """The kernel's windows of constant length, the longest first."""
        self.dated: tuple[tuple[Any, Part], ...] = ()
        """Its windows of the calendar."""
        ever = [group for window, group in groups.items() if not window[1]]
        self.every = Part([pair for group in ever for pair in group], moving)
        """What it adds to all windows of constant length and to all time together."""
        self.shortest = min((window[0] for window in parts if window[0]), default=1 << 62)
        self.longest = max((window[0] for window in parts), default=0)
        self.always = any(place < 0 for some in groups.values() for _, place in some)
        """Whether every fact of the event is counted somewhere."""

    def places(self) -> list[tuple[TraitPlan, int]]:
        """Return each trait that asks something with the place of its question."""
        every = (self.lasting, *self.parts)
        pairs = [pair for part in every if part is not None for pair in part.plans]
        return [pair for pair in pairs if pair[1] >= 0]

    def _calculated(self, fact: Fact) -> tuple[Any, ...] | None:
        scope: Scope | None = None
        before: Reads | None = None
        passed = False
        held: list[Any] = []
        some = False
        for where, value, hold in self.asked:
            said: Any = 1
            if where is not None or value is not None:
                if scope is None:
                    scope = Scope(fact.properties)
                    scope.fact = fact
                if where is not None:
                    if where is not before:
                        before, passed = where, where(scope) is True
                    if not passed:
                        held.append(None)
                        continue
                if value is not None:
                    said = value(scope)
            contribution = hold(said)
            some = some or contribution is not None
            held.append(contribution)
        return tuple(held) if some else None

    def _one_property(self, fact: Fact) -> tuple[Any, ...] | None:
        name, hold = self._said[0]
        said: Any = 1
        if name:
            said = fact.properties.get(name)
            kind = type(said)
            if kind is not str and kind is not int:
                said = lift(said)
        contribution = hold(said)
        return None if contribution is None else (contribution,)

    def _properties(self, fact: Fact) -> tuple[Any, ...] | None:
        properties = fact.properties
        held: list[Any] = []
        some = False
        for name, hold in self._said:
            said: Any = 1
            if name:
                said = properties.get(name)
                kind = type(said)
                if kind is not str and kind is not int:
                    said = lift(said)
            contribution = hold(said)
            if contribution is not None:
                some = True
            held.append(contribution)
        return tuple(held) if some else None


class Scope(dict[str, Any]):
    """What a trait may read of a fact: its properties, and event, source and time."""

    fact: Fact

    def get(self, name: str, default: Any = None) -> Any:
        """Return a property; event, source and time win over properties of these names."""
        if name == "event":
            return self.fact.event
        if name == "source":
            return self.fact.source
        if name == "time":
            return to_datetime(self.fact.time)
        return dict.get(self, name, default)
