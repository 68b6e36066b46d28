"""Traits made of other traits are the same live, in the plainest code and in the query over history."""

from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cic.adapters.duckdb import DuckDbHistory
from cic.batch import compute
from cic.derived import live
from cic.kernel import plan
from cic.model import Trait, settled
from cic.oracle import oracle
from cic.testing import Facts, entries, fact
from cic.verification import same
from tests.examples import examples

DEFINED = entries(
    orders_short=Trait(of=("E",), count=True, window="3 ms"),
    orders=Trait(of=("E",), count=True),
    spend=Trait(of=("E",), sum="v", window="5 ms"),
    share=Trait(formula="orders short / orders"),
    worth=Trait(formula='if level = "gold" then spend * 2 else spend + share'),
    loyal=Trait(formula="share > 0.4 and birth town != null"),
)
TRAITS, WRONG = settled(DEFINED, ["level", "birth town"])


def made(**traits):
    return settled(entries(**traits), ["level", "birth town"])


def test_formulas_are_settled_without_an_error():
    assert WRONG == []
    assert TRAITS["worth"].value.reads == {"level"}


happenings = st.lists(
    st.one_of(
        st.tuples(st.integers(0, 3), st.just(""), st.none()),
        st.tuples(st.integers(0, 2), st.just("E"), st.sampled_from([None, 1, 2.5])),
        st.tuples(st.integers(0, 2), st.just("level"), st.sampled_from([None, "gold", "new"])),
        st.tuples(st.integers(0, 2), st.just("birth town"), st.sampled_from([None, "Lyon"])),
    ),
    max_size=15,
)


@settings(max_examples=examples(60), deadline=None)
@given(happenings)
def test_a_formula_touches_whenever_its_value_changes_and_is_what_the_oracle_says(happenings):
    profiles, facts = {"c1": {}}, []
    kernel = live(plan(TRAITS), TRAITS, lambda customer, name: profiles[customer].get(name))
    kernel.watch(dict.fromkeys((3, 4, 5)))
    before = kernel.values("c1")
    clock = 0

    def look():
        nonlocal before
        touched = kernel.drain().get("c1", 0)
        now = kernel.values("c1")
        for place in (3, 4, 5):
            assert same(before[place], now[place]) or touched >> place & 1
        before = now
        for values in oracle(facts, TRAITS, kernel.clock, None, profiles).values():
            assert all(map(same, now, values.values())), (now, values)

    for n, (pause, what, value) in enumerate(happenings):
        clock += pause
        while kernel.clock < clock:
            kernel.advance_until_touched(clock)
            look()
        if what == "E":
            facts.append(fact(n, "E", time=clock, properties={"v": value} if value else {}))
            kernel.apply(facts[-1])
        elif what:
            profiles["c1"][what] = value
            kernel.profile_changed("c1", {what})
        look()


@pytest.fixture(scope="module")
def history():
    history = DuckDbHistory(Path(":memory:"))
    yield history
    history.close()


def test_the_query_over_history_computes_formulas_also_where_their_inputs_are_not_asked_for(
    history,
):
    facts = [fact(n, "E", time=n, properties={"v": n}) for n in range(1, 6)]
    history.sync(Facts(facts))
    profiles = {"c1": {"level": "gold"}}
    assert compute(history, TRAITS, 5, None, profiles) == oracle(facts, TRAITS, 5, None, profiles)
    for names in (*combinations(TRAITS, 1), *combinations(TRAITS, 2)):
        only = {name: TRAITS[name] for name in names}
        assert compute(history, only, 5, None, profiles) == oracle(facts, only, 5, None, profiles)


def test_dividing_by_nothing_gives_null():
    kernel = live(plan(TRAITS), TRAITS)
    assert kernel.value("c1", 3) is None


def test_a_circle_of_traits_is_named_with_the_way_around():
    traits = {"a": Trait(formula="b + 1"), "b": Trait(formula="c"), "c": Trait(formula="a * 2")}
    found, errors = made(**traits)
    assert [each.message for each in errors] == [
        "'a': traits define each other in a circle: a → b → c → a."
    ]
    assert (errors[0].file, errors[0].line) == ("test.yaml", 1)
    assert found.keys() == traits.keys()


def test_an_unknown_word_in_a_formula_is_refused_with_a_suggestion():
    _, (error,) = made(orders=Trait(of=("E",), count=True), share=Trait(formula="order / 2"))
    assert "'order' is neither a trait nor an attribute" in error.message
    assert "orders" in error.hint


def test_the_version_of_a_formula_changes_with_what_it_reads():
    one = made(a=Trait(of=("E",), count=True), b=Trait(formula="a"))[0]["b"].version
    other = entries(a=Trait(of=("E",), count=True, where="v > 1"), b=Trait(formula="a"))
    other["a"] = type(other["a"])("a", other["a"].value, "test.yaml", 1, "v2")
    assert settled(other)[0]["b"].version != one
