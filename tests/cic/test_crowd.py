"""A condition about everybody holds for exactly those for whom it holds when each one is asked."""

from random import Random

import pytest

from cic.adapters.numba_kernel import NumbaKernel
from cic.conditions import Passing, Vocabulary
from cic.crowd import Crowd
from cic.kernel import Kernel, plan
from cic.model import Segment, Trait
from cic.testing import entries
from cid.customers import Customers
from cid.kit.events import Bus
from cid.model.definition import Attribute
from cid.model.fact import Fact
from cid.projection import Projection

TRAITS = entries(
    n=Trait(of=("E",), count=True, window="10 min"),
    total=Trait(of=("E",), sum="v", window="10 min"),
    most=Trait(of=("E",), max="v", window="10 min"),
    mean=Trait(of=("E",), average="v"),
    kinds=Trait(of=("E",), distinct="v"),
    newest=Trait(of=("E",), last="w"),
    oldest=Trait(of=("E",), first="w", window="10 min"),
)
SEGMENTS = entries(before=Segment(when="n > 1"))
ATTRIBUTES = entries(town=Attribute())
CONDITIONS = (
    "n > 1",
    "n = 0",
    "not(n > 1)",
    "total >= 2.5 and n < 4",
    "total > 2.50001",
    "total in [1..3] or most = 2.5",
    "most < 1",
    "not(most < 1)",
    "most = null",
    "mean > 1",
    "kinds >= 2 and not(before)",
    'newest = "a"',
    "newest = null or oldest = newest",
    "total / n > 1",
    'town = "Basel" and n > 0',
    'before and town != "Basel"',
    "n > 100000000000000000000000000000000",
    "if n > 1 then most > 1 else total > 0",
)


def crowd(make):
    chance = Random(7)
    customers = Customers(ATTRIBUTES, Projection({}), None, Bus())
    names = [f"c{n}" for n in range(200)]
    customers.members = {name: {name} for name in names}
    customers.profiles = {name: {"town": _Said(chance.choice(("Basel", "Bern")))} for name in names}
    kernel = make(plan(TRAITS), len(TRAITS))
    for n in range(600):
        kernel.advance(n * 2_000)
        who = f"c{chance.randrange(180)}"
        said = {"v": chance.choice((0, 1, 2.5, -1, None)), "w": chance.choice("ab")}
        fact = Fact(n, f"m{n}", "shop", "track", "E", n * 2_000, n * 2_000, (who,), said, {})
        fact.identity = fact.customer = who
        kernel.apply(fact)
    del customers.members["c5"]
    return customers, kernel


class _Said:
    def __init__(self, value):
        self.value = value


@pytest.mark.parametrize("make", [Kernel, NumbaKernel])
def test_whoever_is_found_in_the_crowd_is_whoever_says_yes(make):
    customers, kernel = crowd(make)
    words = Vocabulary(ATTRIBUTES, TRAITS, SEGMENTS)
    bits = {name: int(name) % 2 for name in map(str, range(9))}
    bits |= {name: len(name) % 2 for name in customers.members}
    found = 0
    for text in CONDITIONS:
        condition = words.compile(text)
        view = Passing("", customers, kernel.value, 0, None, kernel.clock)
        people = list(customers.members)
        asked = {who for who, holds in view.holding(condition, people, bits) if holds}
        all_at_once = Crowd(customers, kernel, words, kernel.clock)
        inside = all_at_once.inside(condition, bits)
        assert len(inside) == len(set(inside))
        assert set(inside) == asked, text
        found += all_at_once._known is not None
    assert found >= len(CONDITIONS) // 2


@pytest.mark.parametrize("make", [Kernel, NumbaKernel])
def test_a_column_has_what_each_customer_has(make):
    _, kernel = crowd(make)
    for index in range(len(TRAITS)):
        column = kernel.column(index)
        if column is None:
            continue
        values = [kernel.value(who, index) for who in column.customers]
        if column.scale:
            told = [None if n == -(1 << 62) else n / column.scale for n in column.numbers.tolist()]
            assert told == [None if value is None else float(value) for value in values]
        else:
            assert len(set(zip(values, column.numbers.tolist(), strict=True))) == len(set(values))
