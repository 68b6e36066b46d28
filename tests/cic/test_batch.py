"""The query over history and the plainest code agree on every customer at every moment."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cic.adapters.duckdb import DuckDbHistory
from cic.batch import compute, profiles
from cic.model import AGGREGATES, Trait
from cic.oracle import oracle
from cic.testing import Facts, entries, fact
from cid.kit.clock import DAY
from cid.model.definition import Attribute
from cid.profile import Observation, survive

ORDER, VIEW = "Order Completed", "Product Viewed"
WINDOW = 5

numbers = st.one_of(
    st.integers(-10, 10),
    st.sampled_from(
        [10**13, 10**14, 10**15, 2**70, -(10**14), 0.00005, -0.00005, 1e-9, 99999999999999.99996]
    ),
    st.floats(-1e6, 1e6, allow_nan=False, allow_infinity=False),
    st.decimals(-100, 100, places=2).map(float),
)
texts = st.one_of(
    st.sampled_from(["web", "store", "王芳", "é", "1", "true", ""]), st.text(max_size=3)
)
anything = st.one_of(
    numbers,
    texts,
    st.booleans(),
    st.none(),
    st.lists(st.integers(0, 2), max_size=2),
    st.just({"x": 1}),
)
properties = st.fixed_dictionaries(
    {},
    optional={
        "total": st.one_of(numbers, numbers, anything),
        "channel": st.one_of(texts, texts, anything),
        "new": st.one_of(st.booleans(), anything),
        "place": st.fixed_dictionaries({}, optional={"city": anything}),
        "source": texts,
        'odd "/~key': anything,
    },
)


@st.composite
def histories(draw):
    said = draw(
        st.lists(
            st.tuples(
                st.integers(0, 12),
                st.integers(0, 3),
                st.sampled_from([ORDER, VIEW, "Other"]),
                st.sampled_from(["c1", "c2", "c3"]),
                st.sampled_from(["shop", "till", "é"]),
                properties,
            ),
            max_size=25,
        )
    )
    return [
        fact(
            n,
            event,
            time=time,
            received=time + late,
            customer=customer,
            source=source,
            properties=values,
            message_id=f"{n * 7 % 5}-{n}",
        )
        for n, (time, late, event, customer, source, values) in enumerate(said, start=1)
    ]


def trait(aggregate, value="", of=(ORDER,), window=f"{WINDOW} ms", where=""):
    return Trait(of=of, window=window, where=where, **{aggregate: value or True})


TRAITS = {
    f"{aggregate}_{'windowed' if window else 'ever'}_{place}": trait(
        aggregate, "" if aggregate == "count" else value, of, window
    )
    for aggregate in AGGREGATES
    for window in (f"{WINDOW} ms", "")
    for place, value, of in (
        ("total", "total", (ORDER,)),
        ("channel", "channel", (ORDER, VIEW)),
        ("city", "place.city", (VIEW,)),
    )
} | {
    "last_source": trait("last", "source", (ORDER, VIEW)),
    "sources": trait("distinct", "source"),
    "last_moment": trait("last", "time", (ORDER, VIEW), ""),
    "first_moment": trait("first", "time"),
}
CONDITIONS = (
    "total > 5",
    "total between -1 and 1",
    "total * 2 > 5 or total < -1",
    "total / 3 > 1",
    "total in [0..5)",
    "total = null",
    "total != 5",
    'channel = "web"',
    'not(channel = "web")',
    'channel in ("web", "store")',
    'contains(channel, "e")',
    'channel > "e"',
    "new",
    "not(new)",
    'new = true and channel != "web"',
    "new = null or total > 0.00005",
    'place.city = "web"',
    'source = "till" and event = "Order Completed"',
    'if new then total > 1 else channel = "web"',
    "total",
    "missing",
    "true",
)


@pytest.fixture(scope="module")
def history():
    history = DuckDbHistory(Path(":memory:"))
    yield history
    history.close()


def remember(history, source):
    # A fresh generation empties the history that the examples share.
    source.state = f"after {history.state()}"
    history.sync(source)


@settings(max_examples=20, deadline=None)
@given(facts=histories(), as_of=st.integers(0, 17), known=st.one_of(st.none(), st.integers(0, 17)))
def test_the_batch_query_equals_the_oracle(history, facts, as_of, known):
    traits = entries(**TRAITS)
    remember(history, Facts(facts))
    expected = oracle(facts, traits, as_of, known)
    assert compute(history, traits, as_of, known) == expected


@settings(max_examples=25, deadline=None)
@given(facts=histories(), as_of=st.integers(0, 12))
def test_conditions_mean_the_same_in_the_query(history, facts, as_of):
    traits = entries(
        **{
            f"t{n}": trait(*aggregate, where=where)
            for n, where in enumerate(CONDITIONS)
            for aggregate in [("count",) if n % 2 else ("sum", "total")]
        }
    )
    remember(history, Facts(facts))
    assert compute(history, traits, as_of) == oracle(facts, traits, as_of)


def test_regular_facts_are_counted_by_the_query_alone(history, monkeypatch):
    facts = [
        fact(n, properties={"total": n + 0.5, "channel": "web", "new": True}) for n in range(9)
    ]
    monkeypatch.setattr("cic.batch._by_oracle", None)
    remember(history, Facts(facts[1:]))
    sayable = set(CONDITIONS) - {
        "total",
        "total / 3 > 1",
        "total * 2 > 5 or total < -1",
        'place.city = "web"',
    }
    traits = entries(**{f"t{n}": trait("count", where=where) for n, where in enumerate(sayable)})
    assert compute(history, traits, 3) == oracle(facts[1:], traits, 3)


def test_a_window_begins_after_its_far_edge_and_ends_with_the_moment_itself(history):
    remember(history, Facts([fact(1, time=DAY), fact(2, time=2 * DAY)]))
    traits = entries(orders=Trait(of=(ORDER,), count=True, window="1 d"))
    counts = {
        as_of: compute(history, traits, as_of)["c1"]["orders"]
        for as_of in (DAY - 1, DAY, 2 * DAY - 1, 2 * DAY, 3 * DAY - 1, 3 * DAY)
    }
    assert list(counts.values()) == [0, 1, 1, 1, 1, 0]


def test_what_was_received_later_is_not_known_yet(history):
    remember(history, Facts([fact(1, time=1, received=9, properties={"total": 3})]))
    spend = entries(spend=Trait(of=(ORDER,), sum="total"))
    assert compute(history, spend, 5) == {"c1": {"spend": Decimal(3)}}
    assert compute(history, spend, 5, known_at=8) == {}


def test_a_value_with_a_moment_is_a_moment(history):
    remember(history, Facts([fact(1, time=1_500)]))
    traits = entries(last=Trait(of=(ORDER,), last="time"))
    assert compute(history, traits, 2_000) == {
        "c1": {"last": datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)}
    }


said = st.lists(
    st.tuples(
        st.integers(0, 6),
        st.sampled_from(["erp", "crm", "shop"]),
        st.sampled_from(["city", "name", "limit", "unknown"]),
        st.one_of(st.none(), st.sampled_from(["Lyon", "王芳", " 7 ", ""]), st.integers(0, 3)),
    ),
    max_size=12,
)


@settings(max_examples=20, deadline=None)
@given(said=said, as_of=st.integers(0, 6))
def test_profiles_equal_survivorship_one_by_one(history, said, as_of):
    attributes = entries(
        city=Attribute(masters=("erp", "crm")),
        name=Attribute(survivorship="latest", masters=("erp",)),
        limit=Attribute(masters=("crm",)),
    )
    facts = [
        fact(n, "identify", time=time, source=source, attributes={name: value})
        for n, (time, source, name, value) in enumerate(said, start=1)
    ]
    remember(history, Facts(facts))
    expected = {}
    for name, entry in attributes.items():
        heard = [
            Observation(each.time, each.source, each.message_id, each.attributes[name])
            for each in facts
            if name in each.attributes and each.time <= as_of
        ]
        if heard:
            value = survive(entry.value, heard)
            text = "" if value is None else str(value.value).strip()
            expected.setdefault("c1", {})[name] = text or None
    assert profiles(history, attributes, as_of) == expected
