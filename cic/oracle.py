"""What a trait is, said in the plainest code: every other way of computing it must agree.

A trait of a customer at a moment ``as_of`` is an aggregate over the customer's facts, or over those of
all customers for whom the ``related`` attribute has the same value,

- whose event is one of ``of``,
- that happened in the half-open window ``(as_of − window, as_of]``, or in the period that ``as_of``
  is in and at or before ``as_of``, or in the period before that one, or at or before ``as_of``,
- that were received at or before ``known_at``, where one is given,
- for which ``where`` is true (null is not true).

Expressions read the fact's properties and its ``event``, ``source`` and ``time`` (a moment in UTC),
which win over properties of the same name. A fact whose value is not fit does not contribute:

``count``      every fact contributes; 0 where there is none
``sum``        numbers, each first rounded half up to 4 decimals; numbers of 10¹⁴ or more are no
               amounts and do not contribute; 0 where there is none
``min, max``   the same numbers; null where there is none
``average``    the sum divided by the number of facts that contribute, rounded half up to 4
               decimals; null where there is none
``distinct``   how many different texts: a text is itself, a number is its amount written without
               needless zeros, a truth value is ``true`` or ``false``, a date or moment is ISO text;
               lists, contexts and null do not contribute; 0 where there is none
``first, last`` the value as it is (a number as Decimal) of the first or last fact that has one
               of the same kinds, in the total order (time, source, message id); null where
               there is none
``recent``     such values of the last n facts that have one, newest first; an empty list where
               there is none
``formula``    its FEEL expression over the values of other traits, and attributes of the profile
``streak``     how many days, weeks or months in a row had such a fact, counted back from the one
               that ``as_of`` is in, or from the one before it where it has none yet
``sequence``   how many facts of the second event came less than ``within`` after one of the first,
               in the total order; true or false unless it is counted
``time since`` how many whole units lie between the last fact and ``as_of``; null where there is
               none
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from cic.model import Trait
from cic.periods import NEVER, calendar, counts_from, own_zone, within
from cid.feel import evaluate
from cid.feel import parse as read
from cid.feel.tree import Node
from cid.kit.clock import to_datetime
from cid.kit.definitions import Entry
from cid.kit.errors import InvalidInput
from cid.model.fact import Fact

PLACES = Decimal("0.0001")
LIMIT = Decimal(10) ** 14


@lru_cache(maxsize=1_000)
def parse(text: str) -> Node:
    """Read an expression once."""
    return read(text)


def oracle(
    facts: Iterable[Fact],
    traits: Mapping[str, Entry[Trait]],
    as_of: int,
    known_at: int | None = None,
    profiles: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> dict[str, dict[str, Any]]:
    """Compute every trait of every customer who owns a fact, by looking at all facts each time."""
    owned: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        if fact.customer and (known_at is None or fact.received <= known_at):
            owned[fact.customer].append(fact)
    groups = Kin(owned, profiles)
    return {
        customer: {
            name: trait_of(
                entry.value, own, as_of, profiles.get(customer, {}), groups.around(customer)
            )
            for name, entry in traits.items()
        }
        for customer, own in owned.items()
    }


Around = Callable[[str], Iterable[Fact]]
"""The facts of everybody in a customer's group, by the attribute that names it."""


class Kin:
    """Who is related with whom, and what all of them did."""

    def __init__(
        self, owned: Mapping[str, list[Fact]], profiles: Mapping[str, Mapping[str, Any]]
    ) -> None:
        self._owned, self._profiles = owned, profiles
        self._groups: dict[str, dict[str, list[Fact]]] = {}

    def around(self, customer: str) -> Around:
        """Return what tells the facts of everybody in a customer's group."""

        def facts(attribute: str) -> list[Fact]:
            if attribute not in self._groups:
                found = self._groups[attribute] = defaultdict(list)
                for each, own in self._owned.items():
                    found[self._group(each, attribute)] += own
            return self._groups[attribute].get(self._group(customer, attribute), [])

        return facts

    def _group(self, customer: str, attribute: str) -> str:
        said = text(self._profiles.get(customer, {}).get(attribute))
        return f"alone {customer}" if said is None else f"group {said}"


def trait_of(
    trait: Trait,
    facts: Iterable[Fact],
    as_of: int,
    profile: Mapping[str, Any] = MappingProxyType({}),
    around: Around | None = None,
) -> Any:
    """Compute one trait over the facts and the attributes of one customer.

    Raises:
        InvalidInput: it is about a group, and nobody tells the facts ``around`` the customer.
    """
    if trait.formula:
        facts = list(facts)
        read = trait.inputs.items()
        inputs = {name: trait_of(each, facts, as_of, profile, around) for name, each in read}
        return formula_of(trait, inputs, profile)
    if trait.related:
        if around is None:
            raise InvalidInput(
                f"This trait needs the facts of others with the same {trait.related}."
            )
        facts = around(trait.related)
    if trait.sequence:
        found = _followed(trait, list(facts), as_of, profile)
        return found if trait.count else found > 0
    after, until = bounds(trait, as_of, profile)
    counted = sorted(_counted(trait, facts, after, until), key=lambda fact: fact.order)
    if trait.streak:
        periods = calendar(trait.streak_unit, zone_of(trait, profile))
        days = {periods.number(fact.time) for fact in counted}
        last = periods.number(as_of)
        return _in_a_row(days, last if last in days else last - 1)
    if trait.aggregate == "count":
        return len(counted)
    if trait.aggregate == "since":
        return (as_of - counted[-1].time) // trait.unit_length if counted else None
    value = parse(trait.value)
    values = [evaluate(value, scope(fact)) for fact in counted]
    if trait.aggregate in ("first", "last", "recent"):
        fit = [exact(value) for value in values if text(value) is not None]
        if trait.aggregate == "recent":
            return fit[::-1][: trait.items]
        return fit[0 if trait.aggregate == "first" else -1] if fit else None
    if trait.aggregate == "distinct":
        return len({text(value) for value in values} - {None})
    numbers = [number for value in values if (number := amount(value)) is not None]
    if trait.aggregate == "sum":
        return sum(numbers, Decimal(0))
    if not numbers:
        return None
    if trait.aggregate == "average":
        return average(sum(numbers, Decimal(0)), len(numbers))
    return min(numbers) if trait.aggregate == "min" else max(numbers)


def formula_of(trait: Trait, values: Mapping[str, Any], profile: Mapping[str, Any]) -> Any:
    """Compute a formula from the values of the traits it reads; an attribute not known is null."""
    attributes = {name: profile.get(name) for name in trait.reads}
    return evaluate(trait.tree, attributes | {name: values[name] for name in trait.inputs})


def _counted(trait: Trait, facts: Iterable[Fact], after: int, until: int) -> Iterator[Fact]:
    where = parse(trait.where) if trait.where else None
    for fact in facts:
        if fact.event not in trait.of or not after < fact.time <= until:
            continue
        if where is None or evaluate(where, scope(fact)) is True:
            yield fact


def _in_a_row(numbers: Collection[int], last: int) -> int:
    length = 0
    while last - length in numbers:
        length += 1
    return length


def _followed(trait: Trait, facts: list[Fact], as_of: int, profile: Mapping[str, Any]) -> int:
    first, then = trait.sequence
    begun = [each for each in _counted(trait, facts, -NEVER, as_of) if each.event == first]
    return sum(
        any(one.order < each.order and one.time > each.time - trait.within_length for one in begun)
        for each in _counted(trait, facts, *bounds(trait, as_of, profile))
        if each.event == then
    )


def bounds(trait: Trait, as_of: int, profile: Mapping[str, Any]) -> tuple[int, int]:
    """Return the moments between which facts count as of a moment: after the first, up to the second."""
    if trait.period:
        first, last = within(trait.period, zone_of(trait, profile), as_of)
        return first - 1, last
    return as_of - trait.window_length if trait.window else -NEVER, as_of


def zone_of(trait: Trait, profile: Mapping[str, Any]) -> str:
    """Return the time zone in which a trait counts the periods of a customer."""
    return own_zone(profile.get(trait.zone_of), trait.zone) if trait.zone_of else trait.zone


def instants(
    trait: Trait,
    facts: Iterable[Fact],
    after: int,
    until: int,
    profile: Mapping[str, Any] = MappingProxyType({}),
    around: Around | None = None,
) -> Iterator[int]:
    """Yield every moment in (after, until] at which a trait may change by the passage of time alone.

    There may be more of them, in any order, and some twice; at no other moment does it change.
    """
    if trait.formula:
        facts = list(facts)
        for each in trait.inputs.values():
            yield from instants(each, facts, after, until, profile, around)
        return
    if trait.related and around is not None:
        facts = around(trait.related)
    counted = list(_counted(trait, facts, -NEVER, until))
    for fact in counted:
        for moment in turns(trait, fact, zone_of(trait, profile)):
            if after < moment <= until:
                yield moment
    if trait.since:
        newest = max((fact.time for fact in counted if fact.time <= after), default=None)
        starts = {fact.time for fact in counted if fact.time > after}
        unit = trait.unit_length
        for start in starts if newest is None else {newest, *starts}:
            first = max(after, start)
            yield from range(start + ((first - start) // unit + 1) * unit, until + 1, unit)


def turns(trait: Trait, fact: Fact, zone: str) -> Iterator[int]:
    """Yield the moments at which a fact begins or ceases to count, or to be in a streak."""
    yield fact.time
    if trait.window:
        yield fact.time + trait.window_length
    if trait.period:
        yield from counts_from(trait.period, zone, fact.time)
    if trait.streak:
        periods = calendar(trait.streak_unit, zone)
        yield periods.begin(periods.number(fact.time) + 2)


def scope(fact: Fact) -> dict[str, Any]:
    """Return what expressions of traits may read."""
    return {
        **fact.properties,
        "event": fact.event,
        "source": fact.source,
        "time": to_datetime(fact.time),
    }


def amount(value: Any) -> Decimal | None:
    """Return a number as an amount with 4 decimals; None where it is none.

    >>> amount(0.00005), amount("12"), amount(True), amount(10**14)
    (Decimal('0.0001'), None, None, None)
    """
    number = exact(value)
    if not isinstance(number, Decimal) or not number.is_finite() or abs(number) > LIMIT:
        return None
    rounded = number.quantize(PLACES, ROUND_HALF_UP) + 0
    return rounded if abs(rounded) < LIMIT else None


def average(total: Decimal, count: int) -> Decimal:
    """Divide a sum by a number of facts, to 4 decimals.

    >>> average(Decimal("10.0000"), 3)
    Decimal('3.3333')
    """
    return (total / count).quantize(PLACES, ROUND_HALF_UP)


def exact(value: Any) -> Any:
    """Turn a number into a Decimal that is written the same; leave everything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return Decimal(repr(value))


def text(value: Any) -> str | None:
    """Return the text by which values are told apart; None where a value does not contribute."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case date():
            return value.isoformat()
        case timedelta():
            return str(value)
        case int() | float() | Decimal():
            number = amount(value)
            return None if number is None else format(number.normalize() + 0, "f")
        case _:
            return None
