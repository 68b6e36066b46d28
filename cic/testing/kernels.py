"""What every kernel of live traits must do, as tests to inherit from.

class TestMyKernel(KernelContract):
    def make(self, plans, count):
        return MyKernel(plans, count)
"""

# ruff: noqa: D102 - the names of the tests are their claims.

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import Any

from cic.kernel import plan
from cic.model import Trait
from cic.oracle import oracle
from cic.plans import TraitPlan
from cic.ports import Live
from cic.snapshot import read, written
from cid.kit.definitions import Entry
from cid.model.fact import Fact
from cid.model.relationship import Regrouped

MINUTE = 60_000
WINDOWS = ("", "5 min", "20 min")
SAID: dict[str, dict[str, Any]] = {
    "count": {"count": True},
    "sum": {"sum": "v"},
    "average": {"average": "v"},
    "min": {"min": "v"},
    "max": {"max": "v"},
    "first": {"first": "v"},
    "last": {"last": "v"},
    "distinct": {"distinct": "v"},
    "recent": {"recent": "v", "items": 2},
    "choosy": {"count": True, "where": "v > 1"},
    "both": {"sum": "v", "of": ("E", "F")},
    "other": {"last": "w", "of": ("F",)},
}
TRAITS = {
    f"{name} {window}".strip(): Trait.model_validate({"of": ("E",), "window": window, **said})
    for name, said in SAID.items()
    for window in WINDOWS
}
HISTORIES = 15
FEWER = ("count", "sum 5 min", "max 20 min", "last", "other 20 min", "distinct 5 min")
WATCHED = ("count", "count 5 min", "sum 5 min", "distinct", "distinct 5 min", "distinct 20 min")
EDGES = {
    0: None,
    1: [Decimal(1), Decimal(3)],
    2: [Decimal("2.5")],
    3: None,
    4: [Decimal("1.5")],
    5: [Decimal(2)],
}

VALUES = (None, 0, 1, 2, 2.5, "x", True, -3, 10**13)
Happening = tuple[Any, ...]
"""What a `Telling` does next: the name of its method, and what that is told."""


def happenings(chance: Random, count: int = 20) -> Iterator[Happening]:
    """Make up what happens: late, early and equal facts, quiet, moves, erasures, stops."""
    for _ in range(count):
        kind = chance.random()
        if kind < 0.25:
            yield "wait", chance.randint(0, 8)
        elif kind < 0.65:
            late = chance.choice((-20, -6, -3, 0, 0, 2, 4))
            yield "tell", chance.choice("EEEF"), late, chance.choice(VALUES), chance.choice("uvw")
        elif kind < 0.78:
            yield "move", chance.choice("uvw"), chance.choice("xyz")
        elif kind < 0.86:
            yield "retract", chance.randint(0, 9)
        elif kind < 0.9:
            yield "forget", chance.choice("uvw")
        else:
            yield "stop", chance.random() < 0.5


Make = Callable[[Mapping[str, Sequence[TraitPlan]], int], Live]


class Telling:
    """The same happenings told to a kernel and to whoever recounts them all each time."""

    def __init__(self, make: Make, others: Make, traits: Mapping[str, Entry[Trait]]) -> None:
        self.make, self.others = make, others
        self.traits = traits
        self.kernel = make(plan(traits), len(traits))
        self.facts: list[Fact] = []
        self.clock = self.told = 0
        self.owner = {each: each for each in "uvw"}

    def live(self, happenings: Sequence[Happening]) -> None:
        """Let all of it happen."""
        for what, *how in happenings:
            getattr(self, what)(*how)

    def wait(self, minutes: int) -> None:
        self.clock += minutes * MINUTE
        self.kernel.advance(self.clock)

    def tell(self, event: str, offset: int, value: Any, who: str) -> None:
        n = self.told = self.told + 1
        time = max(0, self.clock + offset * MINUTE)
        said = {} if value is None else {"v": value, "w": value}
        name, source = f"m{n * 37 % 11}-{n}", "shop" if n % 3 else "till"
        one = Fact(n, name, source, "track", event, time, self.clock, (who,), said, {})
        one.identity, one.customer = who, self.owner[who]
        self.facts.append(one)
        self.kernel.apply(one)

    def move(self, who: str, to: str) -> None:
        self.kernel.regroup(Regrouped({who: (self.owner[who], to)}, self.clock))
        self.owner[who] = to
        for each in self.facts:
            each.customer = self.owner[each.identity]

    def retract(self, number: int) -> None:
        if self.facts:
            assert self.kernel.retract(self.facts.pop(number % len(self.facts)).message_id) in (
                True,
                False,
            )

    def forget(self, who: str) -> None:
        self.kernel.forget(who)
        self.facts = [each for each in self.facts if each.identity != who]

    def stop(self, other: bool) -> None:
        """Stop, and go on from a snapshot: with a kernel of the same or of the other kind."""
        data = b"".join(written(self.kernel.columns(), {}))
        if other:
            self.make, self.others = self.others, self.make
        self.kernel = self.make(plan(self.traits), len(self.traits))
        self.kernel.clock = self.clock
        columns = read(data)
        assert not self.kernel.missing(columns.covers)
        self.kernel.restore(columns, self.owner.__getitem__)

    def agree(self) -> None:
        """Compare every trait of everybody with the plainest recount."""
        expected = oracle(self.facts, self.traits, self.clock)
        for customer in set(self.owner.values()) | set(expected):
            live = self.kernel.values(customer)
            wanted = expected.get(customer)
            wanted = wanted or oracle([_stranger(customer)], self.traits, self.clock)[customer]
            assert dict(zip(self.traits, live, strict=True)) == wanted, customer


def _stranger(customer: str) -> Fact:
    return Fact(0, "", "", "track", "nothing", 0, 0, (), {}, {}, customer=customer)


def _entries(names: Sequence[str]) -> dict[str, Entry[Trait]]:
    return {name: Entry(name, TRAITS[name], "test.yaml", 1, "v1") for name in names}


class KernelContract(ABC):
    """What every kernel does."""

    @abstractmethod
    def make(self, plans: Mapping[str, Sequence[TraitPlan]], count: int) -> Live:
        """Make an empty kernel."""

    def others(self, plans: Mapping[str, Sequence[TraitPlan]], count: int) -> Live:
        """Make an empty kernel of another kind, which must understand this one's snapshot."""
        return self.make(plans, count)

    def telling(self, names: Sequence[str] = tuple(TRAITS)) -> Telling:
        return Telling(self.make, self.others, _entries(names))

    def test_whatever_happens_traits_are_what_a_recount_says(self) -> None:
        for seed in range(HISTORIES):
            recounted(self.telling(), happenings(Random(seed)))

    def test_after_a_stop_it_goes_on_as_if_it_had_not_stopped(self) -> None:
        for seed in range(HISTORIES):
            chance = Random(seed)
            stopped(self.telling(), happenings(chance, 10), happenings(chance, 10))

    def test_new_traits_take_over_what_is_kept_and_miss_only_what_is_not(self) -> None:
        for seed in range(HISTORIES):
            chance = Random(seed)
            names = chance.sample(tuple(TRAITS), chance.randint(1, 12))
            newly_defined(self.telling(FEWER), happenings(chance), names)

    def test_whoever_has_another_number_than_before_was_touched(self) -> None:
        for seed in range(HISTORIES):
            touched(self.telling(WATCHED), happenings(Random(seed)))

    def test_a_fact_leaves_a_window_at_exactly_its_time_plus_the_window(self) -> None:
        telling = self.telling(("count 5 min",))
        telling.live([("wait", 10), ("tell", "E", 0, 1, "u")])
        assert telling.kernel.next_due() == 15 * MINUTE
        telling.kernel.drain()
        telling.kernel.advance(15 * MINUTE - 1)
        assert telling.kernel.value("u", 0) == 1
        telling.kernel.advance_until_touched(15 * MINUTE)
        assert telling.kernel.value("u", 0) == 0
        assert telling.kernel.next_due() is None

    def test_time_stops_at_the_first_instant_that_touches_somebody(self) -> None:
        telling = self.telling(("count 5 min",))
        telling.live([("tell", "E", 0, 1, "u"), ("wait", 2), ("tell", "E", 0, 1, "v")])
        telling.kernel.drain()
        telling.kernel.advance_until_touched(100 * MINUTE)
        assert (telling.kernel.clock, telling.kernel.drain()) == (5 * MINUTE, {"u": 1})
        telling.kernel.advance_until_touched(100 * MINUTE)
        assert (telling.kernel.clock, telling.kernel.drain()) == (7 * MINUTE, {"v": 1})

    def test_facts_of_one_moment_are_told_apart_by_source_and_message_id(self) -> None:
        telling = self.telling(("first", "last", "last 5 min", "first 5 min"))
        for n, value in ((3, 1), (1, 2), (2, 0)):
            telling.told = n
            telling.tell("E", 0, value, "u")
        telling.agree()
        telling.wait(5)
        telling.agree()


def recounted(telling: Telling, happenings: Iterable[Happening]) -> None:
    """After whatever happens, and whenever something happens by itself, all traits agree."""
    for each in happenings:
        telling.live([each])
        telling.agree()
    end = telling.clock + 30 * MINUTE
    while (due := telling.kernel.next_due()) is not None and due <= end:
        telling.clock = max(due, telling.clock)
        telling.kernel.advance(telling.clock)
        telling.agree()


def stopped(telling: Telling, before: Iterable[Happening], after: Iterable[Happening]) -> None:
    """Stopped and begun again from a snapshot, once by another kind of kernel, all traits agree."""
    telling.live([*before, ("stop", False), *after, ("stop", True), ("wait", 3)])
    telling.agree()


def newly_defined(telling: Telling, happenings: Iterable[Happening], names: Sequence[str]) -> None:
    """Other traits come out of a snapshot and the facts that they miss, and go on well."""
    telling.live([*happenings])
    columns = read(b"".join(written(telling.kernel.columns(), {})))
    telling.traits = _entries(names)
    kernel = telling.kernel = telling.make(plan(telling.traits), len(names))
    kernel.clock = telling.clock
    anew = kernel.missing(columns.covers)
    kernel.restore(columns, telling.owner.__getitem__, anew)
    kernel.extend(each for each in telling.facts if each.event in anew)
    telling.agree()
    telling.live([("wait", 4), ("tell", "E", 0, 2, "u"), ("wait", 30)])
    telling.agree()


def touched(telling: Telling, happenings: Iterable[Happening]) -> None:
    """Whoever has another number than before, so that it matters to somebody, was touched."""
    telling.kernel.watch(EDGES)
    for each in (*happenings, ("wait", 9), ("wait", 30)):
        if each[0] == "stop":
            continue
        before = {who: telling.kernel.values(who) for who in "uvwxyz"}
        telling.kernel.drain()
        telling.live([each])
        told = telling.kernel.drain()
        for who, values in before.items():
            now = telling.kernel.values(who)
            for index, edges in EDGES.items():
                if _apart(values[index], now[index], edges):
                    assert told.get(who, 0) >> index & 1, (each, who, index)


def _apart(before: Any, after: Any, edges: Any) -> bool:
    """Whether a number has changed so that somebody who compares it with these must look."""
    if before == after:
        return False
    if edges is None or before is None or after is None:
        return True
    return any(
        (before < edge) != (after < edge) or (before > edge) != (after > edge) for edge in edges
    )
