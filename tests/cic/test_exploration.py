from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cic.adapters.duckdb import DuckDbHistory
from cic.exploration.table import drill, explore, read_query
from cic.ports import Mirror
from cic.semantics import MEASURES, Vocabulary
from cic.testing import Facts, entries, fact
from cid.kit.clock import DAY, parse_time, to_millis
from cid.kit.errors import InvalidInput, NotFound
from cid.model.definition import Attribute

BERLIN = "Europe/Berlin"
NOW = parse_time("2026-04-15T12:00:00Z")
VOCABULARY = Vocabulary(
    entries(country=Attribute(), credit_limit=Attribute(type="number"), tier=Attribute()), BERLIN
)


def order(n, moment, customer, total, channel="web", items=(), **more):
    properties = {"order_id": f"o{n}", "total": total, "channel": channel, "items": list(items)}
    return fact(
        n,
        "Order Completed",
        time=parse_time(moment),
        customer=customer,
        properties={**properties, **more},
    )


TENT = {"sku": "t1", "name": "Tent", "category": "tents", "quantity": 1, "price": 80}
SOCKS = {"sku": "s1", "name": "Socks", "category": "clothes", "quantity": 4, "price": 5}

FACTS = [
    order(1, "2026-02-10T10:00:00Z", "ann", 100, items=[TENT, SOCKS]),
    # 23:30 UTC is already March in Berlin.
    order(2, "2026-02-28T23:30:00Z", "ann", 20, "store", items=[SOCKS]),
    order(3, "2026-03-20T10:00:00Z", "bob", 80.5, items=[TENT]),
    order(4, "2026-04-10T10:00:00Z", "bob", "free", "app"),
    fact(
        5,
        "Order Refunded",
        time=parse_time("2026-04-11"),
        customer="bob",
        properties={"total": 80.5},
    ),
    fact(6, "Product Viewed", time=parse_time("2026-04-11"), customer="eve", properties=TENT),
]
TABLES = {
    "customers": Mirror(
        ("customer", "kind", "name", "country", "credit limit", "tier", "first_seen"),
        lambda: [
            ("ann", "person", "Ann Keller", "DE", "500", None, parse_time("2026-02-10")),
            ("bob", "person", "Bob", "FR", "20.5", "gold", parse_time("2026-03-20")),
            ("eve", "person", "王芳", None, None, None, parse_time("2026-04-11")),
        ],
    ),
    "memberships": Mirror(
        ("customer", "segment", "since"),
        lambda: [("ann", "vip", 0), ("ann", "active", 0), ("bob", "active", 0)],
    ),
    "cases": Mirror(
        ("id", "customer", "queue", "channel", "csat", "opened_at"),
        lambda: [
            ("k1", "bob", "first", "phone", 2, parse_time("2026-04-12")),
            ("k2", "bob", "first", "web", None, parse_time("2026-04-13")),
        ],
    ),
}


@pytest.fixture(scope="module")
def history():
    history = DuckDbHistory(Path(":memory:"))
    history.sync(Facts(FACTS, TABLES))
    yield history
    history.close()


@pytest.fixture
def ask(history):
    return lambda **query: explore(history, query, VOCABULARY, NOW)


def test_revenue_counts_numbers_only(ask):
    answer = ask(measures=["revenue", "orders", "average order value", "refunded"])
    assert answer["rows"] == [[200.5, 4, 66.83, 80.5]]
    assert answer["chart"] == "number"
    assert answer["position"] == 6


def test_a_month_is_the_month_of_the_business(ask):
    answer = ask(measures=["orders"], dimensions=["month"])
    assert answer["rows"] == [["2026-02-01", 1], ["2026-03-01", 2], ["2026-04-01", 1]]
    assert answer["chart"] == "line"


def test_the_month_that_has_not_ended_is_marked(ask):
    answer = ask(measures=["orders"], dimensions=["month"])
    assert answer["partial"] == ["2026-04-01"]
    begin = to_millis(datetime(2026, 3, 1, tzinfo=ZoneInfo(BERLIN)))
    cut = ask(
        measures=["orders"],
        dimensions=["month"],
        period={"from": datetime.fromtimestamp(begin / 1000, ZoneInfo("UTC")).isoformat()},
    )
    assert cut["partial"] == ["2026-04-01"]


def test_order_lines_do_not_multiply_orders(ask):
    answer = ask(
        measures=["revenue", "orders", "items", "item revenue", "cases"], dimensions=["country"]
    )
    assert answer["rows"] == [
        ["DE", 120, 2, 9, 120, 0],
        ["FR", 80.5, 2, 1, 80, 2],
        # Eve only looked around: her country is not known and she has ordered nothing.
    ]


def test_lines_are_split_by_what_was_bought(ask):
    answer = ask(measures=["items", "item revenue"], dimensions=["category"], order="-items")
    assert answer["rows"] == [["clothes", 8, 40], ["tents", 2, 160]]


def test_a_filter_in_feel_speaks_of_customers_and_facts(ask):
    answer = ask(measures=["orders"], filter='country = "DE" and not(channel = "store")')
    assert answer["rows"] == [[1]]
    rich = ask(measures=["orders"], filter="credit limit > 100.5")
    assert rich["rows"] == [[2]]


def test_only_members_of_a_segment(ask):
    assert ask(measures=["revenue"], segment="vip")["rows"] == [[120]]


def test_a_customer_in_two_segments_counts_in_both_and_the_answer_says_so(ask):
    answer = ask(measures=["buyers"], dimensions=["segment"])
    assert answer["rows"] == [["active", 2], ["vip", 1]]
    assert not answer["additive"]


def test_a_period_is_held_against_the_one_before(ask):
    answer = ask(
        measures=["orders", "revenue"], dimensions=["country"], last="30 d", compare="previous"
    )
    assert [column["name"] for column in answer["columns"]] == [
        "country",
        "orders",
        "orders before",
        "revenue",
        "revenue before",
    ]
    assert answer["rows"] == [["FR", 2, 0, 80.5, 0]]
    longer = ask(measures=["orders"], last="40 d", compare="previous")
    assert longer["rows"] == [[2, 2]]


def test_the_window_ends_with_the_moment_and_begins_after_its_far_edge(history):
    edge = parse_time("2026-03-20T10:00:00Z")
    query = {"measures": ["orders"], "last": "1 d"}
    counts = [
        explore(history, query, VOCABULARY, moment)["rows"][0][0]
        for moment in (edge - 1, edge, edge + DAY - 1, edge + DAY)
    ]
    assert counts == [0, 1, 1, 0]


def test_the_largest_come_first_and_the_rest_is_left_out(ask):
    answer = ask(measures=["revenue"], dimensions=["channel"], top=1)
    assert answer["rows"] == [["web", 180.5]]


def test_every_row_opens_to_the_customers_behind_it(history):
    query = {"measures": ["orders", "cases"], "dimensions": ["country", "month"]}
    behind = drill(history, query, {"country": "FR", "month": "2026-04-01"}, VOCABULARY, NOW)
    assert behind["rows"] == [["bob", "Bob", 3]]
    everyone = drill(history, query, {}, VOCABULARY, NOW)
    assert [row[0] for row in everyone["rows"]] == ["bob", "ann"]
    unknown = drill(
        history,
        {"measures": ["events"], "dimensions": ["country"]},
        {"country": None},
        VOCABULARY,
        NOW,
    )
    assert unknown["rows"] == [["eve", "王芳", 1]]


def test_drilled_customers_add_up_to_the_row(history):
    for dimension in ("month", "channel", "country", "segment", "tier"):
        query = {"measures": ["buyers"], "dimensions": [dimension]}
        for value, buyers in explore(history, query, VOCABULARY, NOW)["rows"]:
            behind = drill(history, query, {dimension: value}, VOCABULARY, NOW)["rows"]
            assert len(behind) == buyers, (dimension, value)


@pytest.mark.parametrize("measure", MEASURES)
def test_every_measure_can_be_asked_with_every_dimension_it_offers(history, measure):
    offered = next(
        each["dimensions"] for each in VOCABULARY.describe()["measures"] if each["name"] == measure
    )
    for dimension in offered:
        query = {"measures": [measure], "dimensions": [dimension], "last": "90 d"}
        row = {dimension: None}
        assert explore(history, query, VOCABULARY, NOW)["columns"]
        assert drill(history, query, row, VOCABULARY, NOW)["columns"]


@pytest.mark.parametrize(
    ("query", "error", "said"),
    [
        ({}, InvalidInput, "measures"),
        ({"measures": ["revenu"]}, NotFound, "Did you mean 'revenue'"),
        ({"measures": ["revenue"], "dimensions": ["contry"]}, NotFound, "Did you mean 'country'"),
        ({"measures": ["revenue"], "dimension": []}, InvalidInput, "dimension"),
        ({"measures": ["cases"], "dimensions": ["campaign"]}, InvalidInput, "cannot be split"),
        ({"measures": ["revenue"], "filter": "country ="}, InvalidInput, "not FEEL"),
        ({"measures": ["revenue"], "filter": 'contry = "FR"'}, NotFound, "country"),
        ({"measures": ["revenue"], "filter": 'segment = "vip"'}, InvalidInput, "segment"),
        ({"measures": ["revenue"], "order": "sales"}, NotFound, "column"),
        ({"measures": ["revenue"], "last": "3 months"}, InvalidInput, "length of time"),
        ({"measures": ["revenue"], "compare": "previous"}, InvalidInput, "period"),
        ({"measures": ["revenue", "revenue"]}, InvalidInput, "twice"),
        (
            {"measures": ["revenue"], "period": {"from": "2026-02-01", "to": "2026-01-01"}},
            InvalidInput,
            "ends",
        ),
        (
            {"measures": ["orders"], "dimensions": ["month"], "last": "9 d", "compare": "previous"},
            InvalidInput,
            "time",
        ),
    ],
)
def test_a_wrong_question_is_explained(ask, query, error, said):
    with pytest.raises(error, match=said):
        ask(**query)


def test_hostile_values_stay_values(history):
    query = {"measures": ["events"], "dimensions": ["country"], "segment": "x' OR '1'='1"}
    assert explore(history, query, VOCABULARY, NOW)["rows"] == []
    row = {"country": "'; DROP TABLE customers; --"}
    answer = drill(history, {**query, "segment": ""}, row, VOCABULARY, NOW)
    assert answer["rows"] == []


def test_a_question_reads_the_same_as_it_was_written():
    document = {"measures": ["revenue"], "dimensions": ["month"], "period": {"from": "2026-01-01"}}
    assert read_query(document, VOCABULARY).period.begin == "2026-01-01"
