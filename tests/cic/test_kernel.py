"""The live traits equal a brute-force recount at every moment, whatever arrives in whatever order."""

from hypothesis import given, settings
from hypothesis import strategies as st

from cic.kernel import Kernel, TraitPlan
from cid.model.fact import Fact
from cid.model.relationship import Regrouped

WINDOWS = (0, 5, 20)
AGGREGATES = ("count", "sum", "average", "min", "max", "first", "last", "distinct")
PLANS = [
    TraitPlan(i, f"{aggregate} {window}", window, aggregate, None, lambda s: s.get("v"))
    for i, (aggregate, window) in enumerate((a, w) for a in AGGREGATES for w in WINDOWS)
]


def fact(n, time, value, identity="u"):
    return Fact(
        n,
        f"m{n:03d}",
        "shop",
        "track",
        "E",
        time,
        time,
        (identity,),
        {"v": value},
        {},
        identity=identity,
        customer=identity,
    )


def expected(facts, as_of):
    kernel = Kernel({}, 0)
    result = []
    for plan in PLANS:
        inside = sorted(
            (
                f
                for f in facts
                if f.time <= as_of and (not plan.window or f.time > as_of - plan.window)
            ),
            key=lambda f: f.order,
        )
        values = [f.properties["v"] for f in inside]
        match plan.aggregate:
            case "count":
                answer = len(values)
            case "sum":
                answer = sum(values)
            case "distinct":
                answer = len(set(values))
            case "average":
                answer = None if not values else sum(values) / len(values)
            case "min":
                answer = min(values, default=None)
            case "max":
                answer = max(values, default=None)
            case "first":
                answer = values[0] if values else None
            case _:
                answer = values[-1] if values else None
        result.append(answer)
    del kernel
    return result


def same(seen, wanted):
    for a, b in zip(seen, wanted, strict=True):
        if a is None or b is None:
            assert a is b
        else:
            assert abs(float(a) - b) < 1e-3


arrivals = st.lists(
    st.tuples(st.integers(0, 60), st.integers(-20, 6), st.integers(0, 3), st.sampled_from("uvw")),
    max_size=25,
)


@settings(max_examples=300)
@given(arrivals, st.integers(0, 60))
def test_live_traits_equal_a_recount_with_late_and_future_facts(arrivals, idle):
    kernel = Kernel({"E": PLANS}, len(PLANS))
    clock, facts = 0, []
    for n, (pause, offset, value, who) in enumerate(arrivals):
        clock += pause % 7
        kernel.advance(clock)
        one = fact(n, max(0, clock + offset), value, who)
        facts.append(one)
        kernel.apply(one)
        for each in "uvw":
            same(kernel.values(each), expected([f for f in facts if f.identity == each], clock))
    while (due := kernel.next_due()) is not None and due <= clock + idle:
        kernel.advance(due)
        for each in "uvw":
            same(kernel.values(each), expected([f for f in facts if f.identity == each], due))


@settings(max_examples=150)
@given(arrivals, st.lists(st.tuples(st.sampled_from("uvw"), st.sampled_from("xyz")), max_size=8))
def test_facts_follow_their_identities_through_merges_and_splits(arrivals, moves):
    kernel = Kernel({"E": PLANS}, len(PLANS))
    clock, facts = 0, []
    owner = {each: each for each in "uvw"}
    for n, (pause, offset, value, who) in enumerate(arrivals):
        clock += pause % 7
        kernel.advance(clock)
        one = fact(n, max(0, clock + offset), value, who)
        one.customer = owner[who]
        facts.append(one)
        kernel.apply(one)
        if n < len(moves):
            identity, new = moves[n]
            kernel.regroup(Regrouped({identity: (owner[identity], new)}, clock))
            owner[identity] = new
    kernel.advance(clock + 3)
    for customer in set(owner.values()):
        mine = [f for f in facts if owner[f.identity] == customer]
        same(kernel.values(customer), expected(mine, clock + 3))


def test_a_fact_leaves_a_window_at_exactly_its_time_plus_the_window():
    kernel = Kernel({"E": PLANS}, len(PLANS))
    kernel.advance(10)
    kernel.apply(fact(1, 10, 1))
    assert kernel.next_due() == 15
    kernel.advance(14)
    assert kernel.value("u", 1) == 1
    kernel.advance(15)
    assert kernel.value("u", 1) == 0
