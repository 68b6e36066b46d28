"""What becomes of one customer if nothing happens: her own facts grow old, step by step.

Nothing is scheduled and nothing is guessed: the moments at which any trait of hers can change by itself are
looked at in their order, each by the plain definition of what a trait is, and the first at which she is in
another segment than before is the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import count, takewhile
from typing import Any

from cic.meaning import Meaning
from cic.model import Trait
from cic.oracle import Around, instants, trait_of, turns, zone_of
from cic.verification import Batch, same
from cid.kit.clock import DAY
from cid.model.fact import Fact

BOUND = 3 * 366 * DAY
"""How far ahead is looked where no window is longer."""
MOST = 2_000
"""How many moments are looked at."""
STEPS = 400
"""How many steps of a time that runs are looked at, where no number it is compared with is known."""


@dataclass(frozen=True)
class Turn:
    """She enters or leaves a segment if nothing happens."""

    at: int
    entered: bool
    trait: str
    """The trait that changes then; empty where a minimum stay ends."""
    fact: Fact | None
    """The fact that leaves a window, or comes due, at that moment."""


@dataclass(frozen=True)
class Outlook:
    """What was found, and how far ahead was looked."""

    turns: Mapping[int, Turn]
    """By segment; those that do not move are not there."""
    bound: int
    looked: int
    cut: bool
    """There were more moments than are looked at: nothing is said beyond the bound."""


def outlook(
    customer: str,
    facts: Sequence[Fact],
    profile: Mapping[str, Any],
    consents: Mapping[tuple[str, str], bool],
    meaning: Meaning,
    places: Iterable[int],
    inside: int,
    since: Mapping[tuple[str, str], int],
    now: int,
    around: Around | None = None,
) -> Outlook:
    """Find when a customer next enters or leaves each of some segments if nothing happens.

    Args:
        customer: who.
        facts: everything that happened with her, also what is dated in the future.
        profile: her attributes in force.
        consents: what she consents to.
        meaning: what traits and segments mean.
        places: the segments.
        inside: the segments she is in now, as bits.
        since: since when; of (customer, segment).
        now: the present moment.
        around: tells the facts of everybody in her group, by the attribute that names it.
    """
    wanted = {place for place in places}
    below = {other for place in wanted for other in meaning.beneath(place)}
    names = [meaning.names[place] for place in below]
    batch = Batch.of_values(customer, {}, profile, consents, meaning, ((), names))
    traits = {name: meaning.traits[name].value for name in meaning.traits if name in batch.wanted}
    longest = max(map(_longest, traits.values()), default=0)
    bound = now + max(BOUND, longest)
    own = {name: _of(trait, facts, around) for name, trait in traits.items()}
    coming: dict[int, dict[str, Fact | None]] = {}
    for name, trait in traits.items():
        edges = _edges(meaning, below, name)
        for moment, fact in moments(trait, own[name], now, bound, profile, edges, around):
            coming.setdefault(moment, {})[name] = fact
    held = {(customer, name): since[customer, name] for name in names if (customer, name) in since}
    for place in below:
        _end_of_stay(meaning, place, held.get((customer, meaning.names[place])), now, coming)
    values = {
        name: trait_of(trait, own[name], now, profile, around) for name, trait in traits.items()
    }
    batch.traits[customer], batch.held = values, held
    before = {meaning.names[place] for place in below if inside >> place & 1}
    limits = _limits(meaning, wanted, traits, now)
    turns: dict[int, Turn] = {}
    looked = 0
    while coming and looked < MOST and len(turns) < len(wanted):
        moment = min(coming)
        about = coming.pop(moment)
        if moment > bound:
            break
        looked += 1
        changed: list[tuple[str, Fact | None]] = []
        for name, through in about.items():
            if name:
                value = trait_of(traits[name], own[name], moment, profile, around)
                if same(value, values[name]):
                    continue
                values[name] = value
            changed.append((name, through))
        if not changed:
            continue
        batch.as_of = moment
        after = batch.memberships(customer)
        for name in before - after:
            held.pop((customer, name), None)
        for name in after - before:
            held[customer, name] = moment
            _end_of_stay(meaning, meaning.place(name), moment, moment, coming)
        for name in before ^ after:
            place = meaning.place(name)
            if place in wanted and moment <= limits.get(place, bound):
                turns.setdefault(place, Turn(moment, name in after, *changed[0]))
        before = after
    cut = looked >= MOST and len(turns) < len(wanted)
    if cut:
        bound = min(coming, default=bound)
    unknown = [limit for place, limit in limits.items() if place not in turns and limit < bound]
    return Outlook(turns, min(unknown, default=bound), looked, cut or bool(unknown))


def _limits(
    meaning: Meaning, places: Iterable[int], traits: Mapping[str, Trait], now: int
) -> dict[int, int]:
    """Return for each segment that reads a time that runs, in a way that is not known, how far is looked."""
    limits: dict[int, int] = {}
    for place in places:
        beneath = meaning.beneath(place)
        read = {name for each in beneath for name in meaning.conditions[each].words}
        longest = [
            found
            for name in read & traits.keys()
            if (found := _foreseen(traits[name], _edges(meaning, beneath, name))) is not None
        ]
        if longest:
            limits[place] = now + min(longest)
    return limits


def _foreseen(trait: Trait, edges: frozenset[Decimal] | None) -> int | None:
    """Return how far the steps of a time that runs are looked at; None where all that matter are."""
    if trait.unit_length and edges is None:
        return STEPS * trait.unit_length
    inputs = (_foreseen(each, None) for each in trait.inputs.values())
    return min((found for found in inputs if found is not None), default=None)


def moments(
    trait: Trait,
    facts: Iterable[Fact],
    after: int,
    until: int,
    profile: Mapping[str, Any],
    edges: frozenset[Decimal] | None = None,
    around: Around | None = None,
) -> Iterator[tuple[int, Fact]]:
    """Yield the moments in ``(after, until]`` at which a trait may change by itself, and through which fact.

    Args:
        trait: the trait.
        facts: the facts whose event it looks at.
        after: the moment before.
        until: the last moment.
        profile: the customer's attributes in force.
        edges: the numbers it is compared with; None where it is used in another way.
        around: tells the facts of everybody in her group, by the attribute that names it.
    """
    facts = list(facts)
    for each in trait.inputs.values():
        yield from moments(each, _of(each, facts, around), after, until, profile, around=around)
    if trait.formula:
        return
    for fact in facts:
        if unit := trait.unit_length:
            some: Iterable[int] = [
                *turns(trait, fact, zone_of(trait, profile)),
                *_steps(fact.time, unit, after, until, edges),
            ]
        else:
            some = instants(trait, [fact], after, until, profile)
        for moment in some:
            if after < moment <= until:
                yield moment, fact


def _of(trait: Trait, facts: Iterable[Fact], around: Around | None) -> list[Fact]:
    """Return the facts that a trait, or one that it reads, looks at."""
    events = _events(trait)
    if trait.related and around is not None:
        facts = around(trait.related)
    return [fact for fact in facts if fact.event in events]


def _events(trait: Trait) -> set[str]:
    return set(trait.of).union(*map(_events, trait.inputs.values()))


def _longest(trait: Trait) -> int:
    return max([trait.window_length, *map(_longest, trait.inputs.values())])


def _steps(
    start: int, unit: int, after: int, until: int, edges: frozenset[Decimal] | None
) -> list[int]:
    """Return when the number of whole units since a moment goes past one that matters."""
    if edges is not None:
        whole = {int(number) + more for number in edges for more in (0, 1)}
        return [start + number * unit for number in whole if number >= 0]
    first = max((after - start) // unit, 0) + 1
    return [
        moment
        for _, moment in zip(
            range(STEPS),
            takewhile(lambda at: at <= until, (start + n * unit for n in count(first))),
            strict=False,
        )
    ]


def _edges(meaning: Meaning, places: Iterable[int], trait: str) -> frozenset[Decimal] | None:
    """Return the numbers that some segments compare a trait with; None where they use it otherwise."""
    found: frozenset[Decimal] = frozenset()
    for place in places:
        edges = meaning.conditions[place].edges
        if trait in edges:
            numbers = edges[trait]
            if numbers is None:
                return None
            found |= numbers
    return found


def _end_of_stay(
    meaning: Meaning,
    place: int,
    since: int | None,
    now: int,
    coming: dict[int, dict[str, Fact | None]],
) -> None:
    stay = meaning.stays[place]
    if stay and since is not None and since + stay > now:
        coming.setdefault(since + stay, {})[""] = None
