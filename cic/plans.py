"""Traits made ready to run: compiled, and sorted by the event and the window in which they count."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import ceil, floor
from typing import Any, Literal

from cic.aggregates import FIRST, SCALE, THEN, Aggregate, aggregate_of, hold_of
from cic.model import AGGREGATES, Trait
from cic.periods import Unit
from cid.feel import FeelError, compile_expression, parse
from cid.feel.tree import Name
from cid.feel.values import lift
from cid.kit.clock import to_datetime
from cid.kit.definitions import Entry
from cid.model.fact import Fact

Reads = Callable[[Any], Any]
OWN = ("event", "source", "time")
"""Words that say something of the fact itself, whatever its properties are called."""
WHOLE = ("count", "sum")
"""Aggregates that are whole numbers inside, which the kernel adds up itself."""


@dataclass(frozen=True, slots=True)
class TraitPlan:
    """A trait ready to run: its place, window, aggregate, and compiled condition and value."""

    index: int
    name: str
    window: int
    aggregate: str
    where: Reads | None
    value: Reads | None
    items: int = 0
    """How many values a list holds."""
    unit: int = 0
    """Milliseconds in which time since is told."""
    period: str = ""
    """A window of the calendar, e.g. ``previous month``."""
    zone: str = ""
    zone_of: str = ""
    """The customer's attribute that names her own zone."""
    streak: Unit | Literal[""] = ""
    """The kind of periods in a row that are counted."""
    step: int = 0
    """Of a sequence: 1 for what happened first, 2 for what happened then."""
    within: int = 0
    """Milliseconds in which the second step follows the first."""
    counted: bool = False
    """Of a sequence: how often, not whether."""
    signal: str = ""
    """What it asks of a fact, as a text that stays the same: events, condition, value and form."""

    @property
    def plain(self) -> bool:
        """Whether it is one of the eight first aggregates over a sliding window or all time."""
        return self.aggregate in AGGREGATES and not self.period


Window = tuple[int, str, str, str]
"""(length, period, zone, attribute of the zone); a length of 0 without a period is all time."""
ALL_TIME: Window = (0, "", "", "")


def window_of(plan: TraitPlan) -> Window:
    """Return the window in which a trait counts its facts."""
    if not plan.period:
        return (plan.window, "", "", "")
    return (0, plan.period, plan.zone, plan.zone_of)


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
                    edged.append((index, bit, _steps(edge)))
            elif plan.aggregate in WHOLE:
                numbers.append((index, place, bit, edge))
            elif plan.aggregate == "distinct":
                different.append((index, place, bit, None if edge is None else _steps(edge)))
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


class Property:
    """Reads one property of a fact as FEEL knows it."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, scope: Mapping[str, Any]) -> Any:
        """Return the property, null where there is none."""
        return lift(scope.get(self.name))


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


def edges_of(kind: str, numbers: Collection[Decimal] | None) -> Any:
    """Return the numbers that matter in the form in which the kernel compares, None where all do.

    >>> edges_of("sum", [Decimal("2.5")]), edges_of("since", [Decimal("2.5")])
    ([25000], [3])
    """
    if numbers is None:
        return None
    if kind == "sum":
        exact = [number * SCALE for number in numbers]
        if all(number == int(number) for number in exact):
            return sorted(int(number) for number in exact)
        return None
    if kind in ("count", "distinct"):
        return sorted(numbers)
    return sorted(_steps(numbers)) if kind == "since" else None


def _steps(numbers: Collection[Decimal]) -> frozenset[int]:
    """Return the whole numbers which, when a count comes to them from below, matter."""
    return frozenset(step for number in numbers for step in (ceil(number), floor(number) + 1))


def crossed(edges: Sequence[Decimal | int], before: int, after: int) -> bool:
    """Say whether a number has come past, to or from one that somebody compares it with.

    >>> crossed([10], 9, 10), crossed([10], 10, 11), crossed([10], 11, 30)
    (True, True, False)
    """
    if before > after:
        before, after = after, before
    for edge in edges:
        if edge >= before:
            # The first that is not below the lower of the two decides.
            return edge <= after and before != after
    return False


def plan(traits: Mapping[str, Entry[Trait]], related: str = "") -> dict[str, list[TraitPlan]]:
    """Compile the traits' definitions, by the event they look at; formulas look at none.

    Args:
        traits: the traits by name; places are those of their order.
        related: only those over the group that this attribute names; those over the customer where empty.

    Raises:
        InvalidDefinition: a condition or value is not FEEL; names file, line and what is wrong.
    """
    plans: dict[str, list[TraitPlan]] = {}
    compiled: dict[str, Reads] = {}

    def ready(text: str) -> Reads | None:
        if text and text not in compiled:
            tree = parse(text)
            if isinstance(tree, Name) and tree.name not in OWN:
                compiled[text] = Property(tree.name)
            else:
                compiled[text] = compile_expression(tree)
        return compiled[text] if text else None

    for index, (name, entry) in enumerate(traits.items()):
        trait = entry.value
        if trait.formula or trait.related != related:
            continue
        try:
            where, value = ready(trait.where), ready(trait.value)
        except FeelError as error:
            raise entry.error(str(error)) from error
        for events, one in _plans_of(index, name, trait, where, value):
            for event in events:
                plans.setdefault(event, []).append(one)
    return plans


def _plans_of(
    index: int, name: str, trait: Trait, where: Reads | None, value: Reads | None
) -> Iterator[tuple[tuple[str, ...], TraitPlan]]:
    """Yield each plan of a trait with its events; a sequence has two."""
    plan = TraitPlan(
        index,
        name,
        trait.window_length,
        trait.aggregate,
        where,
        value,
        items=trait.items,
        unit=trait.unit_length,
        period=trait.period,
        zone=trait.zone,
        zone_of=trait.zone_of,
        streak=trait.streak_unit if trait.streak else "",
        within=trait.within_length,
        counted=trait.count,
    )
    if not trait.sequence:
        yield trait.of, replace(plan, signal=_signal(trait, trait.of, plan))
        return
    # The first event is needed as long as one that it comes before may count.
    longest = plan.window + plan.within if plan.window else 0
    first = replace(plan, step=FIRST, window=longest, period="")
    then = replace(plan, step=THEN)
    for event, each in zip(trait.sequence, (first, then), strict=True):
        yield (event,), replace(each, signal=_signal(trait, (event,), each))


def _signal(trait: Trait, events: Sequence[str], plan: TraitPlan) -> str:
    form = hold_of(plan).__name__
    return json.dumps([sorted(events), trait.where, trait.value, form], ensure_ascii=False)


def aggregates(plans: Mapping[str, Sequence[TraitPlan]]) -> dict[int, Aggregate]:
    """Return the aggregate of each trait by its place."""
    return {plan.index: aggregate_of(plan) for some in plans.values() for plan in some}
