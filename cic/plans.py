"""Traits made ready to run: compiled, by the event that they look at."""

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
from cid.kit.definitions import Entry

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


class Property:
    """Reads one property of a fact as FEEL knows it."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, scope: Mapping[str, Any]) -> Any:
        """Return the property, null where there is none."""
        return lift(scope.get(self.name))


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
    return sorted(steps_of(numbers)) if kind == "since" else None


def steps_of(numbers: Collection[Decimal]) -> frozenset[int]:
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
