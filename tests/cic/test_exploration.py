from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cic.adapters.duckdb import DuckDbHistory
from cic.exploration import Exploration
from cic.model import DIMENSIONS, FIGURES, SEGMENTS, Dimension, Figure, Segment
from cic.policies import Policies
from cic.ports import Mirror
from cic.running import Queries
from cic.semantics import MEASURES
from cic.testing import Facts, entries, fact
from cid.kit.clock import DAY, format_time, parse_time, to_millis
from cid.kit.definitions import Definitions
from cid.kit.errors import InvalidDefinition, InvalidInput, NotFound, Refused
from cid.model.definition import ATTRIBUTES, COMPANY, Attribute, Company

BERLIN = "Europe/Berlin"
NOW = parse_time("2026-04-15T12:00:00Z")
VIEWED = {"event": "Product Viewed"}
DEFINITIONS = Definitions(
    Path(),
    {
        COMPANY.name: entries(company=Company(name="Shop", time_zone=BERLIN)),
        ATTRIBUTES.name: entries(
            country=Attribute(), credit_limit=Attribute(type="number"), tier=Attribute()
        ),
        SEGMENTS.name: entries(vip=Segment(when="true"), active=Segment(when="true")),
    },
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
    history.sync(Facts(FACTS, TABLES, BERLIN))
    yield history
    history.close()


@pytest.fixture(scope="module")
def exploration(history):
    return Exploration(
        DEFINITIONS, Queries(history, Policies(DEFINITIONS), lambda: NOW), lambda: NOW
    )


@pytest.fixture
def ask(exploration):
    return lambda **query: exploration.query(query)


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
    # Germany has nothing any more: it is there because it had something before.
    assert answer["rows"] == [["FR", 2, 0, 80.5, 0], ["DE", 0, 1, 0, 20]]
    longer = ask(measures=["orders"], last="40 d", compare="previous")
    assert longer["rows"] == [[2, 2]]


def test_the_window_ends_with_the_moment_and_begins_after_its_far_edge(ask):
    edge = parse_time("2026-03-20T10:00:00Z")
    counts = [
        ask(measures=["orders"], last="1 d", as_of=format_time(moment))["rows"][0][0]
        for moment in (edge - 1, edge, edge + DAY - 1, edge + DAY)
    ]
    assert counts == [0, 1, 1, 0]


def test_the_largest_come_first_and_the_rest_is_left_out(ask):
    answer = ask(measures=["revenue"], dimensions=["channel"], top=1)
    assert answer["rows"] == [["web", 180.5]]


def test_every_row_opens_to_the_customers_behind_it(exploration):
    query = {"measures": ["orders", "cases"], "dimensions": ["country", "month"]}
    behind = exploration.open(query, {"country": "FR", "month": "2026-04-01"})
    assert behind["rows"] == [["bob", "Bob", 3]]
    assert behind["size"] == 1
    everyone = exploration.open(query, {})
    assert [row[0] for row in everyone["rows"]] == ["bob", "ann"]
    unknown = exploration.open(
        {"measures": ["events"], "dimensions": ["country"]}, {"country": None}
    )
    assert unknown["rows"] == [["eve", "王芳", 1]]
    of_cases = exploration.open(query, {"country": "FR", "measure": "cases"})
    assert of_cases["rows"] == [["bob", "Bob", 2]]


def test_drilled_customers_add_up_to_the_row(exploration):
    for dimension in ("month", "channel", "country", "segment", "tier", "weekday"):
        query = {"measures": ["buyers"], "dimensions": [dimension]}
        for value, buyers in exploration.query(query)["rows"]:
            assert exploration.open(query, {dimension: value})["size"] == buyers, dimension


@pytest.mark.parametrize("measure", MEASURES)
def test_every_measure_can_be_asked_with_every_dimension_it_offers(exploration, measure):
    offered = next(
        each["dimensions"]
        for each in exploration.vocabulary.describe()["measures"]
        if each["name"] == measure
    )
    for place in range(0, len(offered), 4):
        some = offered[place : place + 4]
        query = {"measures": [measure], "dimensions": some, "last": "90 d"}
        assert exploration.query(query)["columns"]
        assert exploration.open(query, dict.fromkeys(some))["columns"]


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
        ({"measures": ["revenue"], "last": "0 d"}, InvalidInput, "no length"),
        ({"measures": ["revenue"], "last": "36525 d"}, InvalidInput, "100 years"),
        ({"measures": ["events"], "dimensions": list("abcde")}, InvalidInput, "dimensions"),
        ({"measures": ["events"], "others": True}, InvalidInput, "top"),
        ({"measures": ["events"], "pivot": "month"}, InvalidInput, "none of the dimensions"),
        ({"measures": ["events"], "as_of": "soon"}, InvalidInput, "not a moment"),
        ({"measures": ["events"], "segment": "vpi"}, NotFound, "Did you mean 'vip'"),
        ({"kind": "funel"}, NotFound, "Did you mean 'funnel'"),
        ({"kind": ["table"]}, NotFound, "kind"),
        ({"kind": "funnel", "steps": [VIEWED]}, InvalidInput, "steps"),
        ({"kind": "funnel", "steps": [VIEWED, {"event": ""}]}, InvalidInput, "event"),
        ({"kind": "funnel", "steps": [VIEWED, VIEWED], "within": "0 d"}, InvalidInput, "no length"),
        (
            {"kind": "funnel", "steps": [VIEWED, VIEWED], "within": "40000 d"},
            InvalidInput,
            "100 years",
        ),
        (
            {"kind": "funnel", "steps": [VIEWED, VIEWED], "by": "contry"},
            NotFound,
            "Did you mean 'country'",
        ),
        (
            {"kind": "funnel", "steps": [VIEWED, VIEWED], "by": "queue"},
            InvalidInput,
            "cannot be split",
        ),
        (
            {"kind": "funnel", "steps": [VIEWED, {**VIEWED, "where": "total >"}]},
            InvalidInput,
            "'where' of step 2 is not FEEL",
        ),
        (
            {"kind": "funnel", "steps": [VIEWED, {**VIEWED, "where": "total + 1 > 2"}]},
            InvalidInput,
            "cannot be asked of history",
        ),
        (
            {"kind": "funnel", "steps": [VIEWED, VIEWED], "filter": 'channel = "web"'},
            InvalidInput,
            "known of a customer",
        ),
        ({"kind": "retention", "first": VIEWED, "by": "hour"}, InvalidInput, "by"),
        ({"kind": "paths", "event": "a", "steps": 99}, InvalidInput, "steps"),
        ({"kind": "rfm", "groups": 1}, InvalidInput, "groups"),
        ({"kind": "basket", "of": "colour"}, InvalidInput, "of"),
        ({"kind": "sql", "sql": "DROP TABLE facts"}, Refused, "SELECT"),
    ],
)
def test_a_wrong_question_is_explained(ask, query, error, said):
    with pytest.raises(error, match=said):
        ask(**query)


@pytest.mark.parametrize(
    ("query", "row", "error", "said"),
    [
        ({"measures": ["events"]}, {"month": "2026-01-01"}, NotFound, "dimension"),
        ({"measures": ["events"]}, {"measure": "orders"}, NotFound, "measure"),
        ({"kind": "funnel", "steps": [VIEWED, VIEWED]}, {"step": 3}, InvalidInput, "1 to 2"),
        (
            {"kind": "funnel", "steps": [VIEWED, VIEWED]},
            {"step": 1, "lost": True},
            InvalidInput,
            "Nobody",
        ),
        ({"kind": "retention", "first": VIEWED}, {"cohort": "x"}, InvalidInput, "cohort"),
        ({"kind": "retention", "first": VIEWED}, {"year": 1}, NotFound, "cohort"),
        ({"kind": "rfm"}, {"r": 5}, NotFound, "class"),
        ({"kind": "basket"}, {"a": "x"}, InvalidInput, "two parts"),
        ({"kind": "paths", "event": "a"}, {"step 9": "x"}, NotFound, "step"),
        ({"kind": "sql", "sql": "SELECT 1"}, {}, InvalidInput, "customer"),
    ],
)
def test_a_row_that_no_answer_has_is_explained(exploration, query, row, error, said):
    with pytest.raises(error, match=said):
        exploration.open(query, row)


def test_an_event_that_never_happened_is_told_with_the_one_that_was_meant(ask):
    steps = [VIEWED, {"event": "Order Complete"}]
    answer = ask(kind="funnel", steps=steps)
    assert answer["hints"] == [
        "No event 'Order Complete' has happened. Did you mean 'Order Completed'?"
    ]
    assert ask(kind="rfm")["hints"] == []


def test_amounts_in_several_currencies_are_not_added_up_in_silence(tmp_path):
    history = DuckDbHistory(tmp_path / "history.duckdb")
    facts = [fact(1, time=NOW, properties={"total": 5, "currency": "EUR"})]
    history.sync(Facts(facts))
    asking = Exploration(
        DEFINITIONS, Queries(history, Policies(DEFINITIONS), lambda: NOW), lambda: NOW
    )
    assert asking.query({"measures": ["revenue"]})["hints"] == []
    facts.append(fact(2, time=NOW, properties={"total": 5, "currency": "CNY"}))
    history.sync(Facts(facts))
    (hint,) = asking.query({"measures": ["revenue"]})["hints"]
    assert "CNY, EUR are added up" in hint
    assert asking.query({"kind": "rfm"})["hints"] == [hint]
    for question in (
        {"measures": ["orders"]},
        {"measures": ["revenue"], "dimensions": ["currency"]},
        {"measures": ["revenue"], "filter": 'currency = "EUR"'},
        {"measures": ["won amount"]},
    ):
        assert asking.query(question)["hints"] == [], question
    history.close()


def test_a_question_of_what_happened_is_asked_once(exploration):
    queries = exploration._history
    steps = [{"event": "Order Completed"}] * 2
    rows = exploration.query({"kind": "funnel", "steps": steps, "within": "60 d"})["rows"]
    assert rows[0][-1] == 0
    assert all(row[2] for row in rows), rows
    assert queries.read()[0]["sql"].startswith("WITH r1")


def test_hostile_values_stay_values(exploration):
    query = {"measures": ["events"], "dimensions": ["country"]}
    assert exploration.open(query, {"country": "'; DROP TABLE customers; --"})["rows"] == []
    with pytest.raises(NotFound, match="segment"):
        exploration.query({**query, "segment": "x' OR '1'='1"})
    step = {"event": "x' OR '1'='1"}
    answer = exploration.query({"kind": "funnel", "steps": [step, step]})
    assert [row[2] for row in answer["rows"]] == [0, 0]


def test_the_rest_is_counted_anew_and_not_added_up(ask):
    answer = ask(
        measures=["buyers", "orders"], dimensions=["channel"], order="channel", top=1, others=True
    )
    assert answer["rows"] == [["app", 1, 1]]
    # Ann in the store, Ann and Bob on the web: two people, not three.
    assert answer["others"] == [2, 3]


def test_the_rest_opens_to_its_customers(exploration):
    query = {"measures": ["buyers"], "dimensions": ["channel"], "order": "channel", "top": 1}
    behind = exploration.open({**query, "others": True}, {"others": True})
    assert [row[0] for row in behind["rows"]] == ["ann", "bob"]
    with pytest.raises(InvalidInput, match="no others"):
        exploration.open(query, {"others": True})


def test_what_is_worked_out_from_all_rows_is_never_worked_out_from_some(ask, monkeypatch):
    monkeypatch.setattr("cic.exploration.asking.WHOLE", 1)
    with pytest.raises(InvalidInput, match="more than 1 rows"):
        ask(kind="retention", first={"event": "Order Completed"}, by="week")
    monkeypatch.setattr("cic.exploration.asking.ROWS", 2)
    table = ask(measures=["orders"], dimensions=["day"])
    assert (len(table["rows"]), table["cut"]) == (2, True)


def test_values_of_a_dimension_become_columns(ask):
    answer = ask(measures=["orders"], dimensions=["month", "channel"], pivot="channel")
    assert [column["name"] for column in answer["columns"]] == [
        "month",
        "orders app",
        "orders store",
        "orders web",
    ]
    assert answer["rows"] == [
        ["2026-02-01", 0, 0, 1],
        ["2026-03-01", 0, 1, 1],
        ["2026-04-01", 1, 0, 0],
    ]
    assert answer["columns"][1]["cell"] == {"channel": "app"}


def test_no_answer_has_hundreds_of_columns(ask, monkeypatch):
    monkeypatch.setattr("cic.exploration.table.MOST_COLUMNS", 2)
    with pytest.raises(InvalidInput, match="3 values, too many"):
        ask(measures=["orders", "revenue"], dimensions=["month", "channel"], pivot="channel")


def test_months_are_held_against_the_months_before(ask):
    march = {"from": "2026-03-01", "to": "2026-04-01"}
    answer = ask(measures=["orders"], dimensions=["day"], period=march, compare="previous")
    # The 10th of February stands beside the 10th of March.
    assert answer["rows"] == [
        ["2026-03-01", 1, 0],
        ["2026-03-10", 0, 1],
        ["2026-03-20", 1, 0],
    ]
    year = ask(measures=["orders"], period=march, compare="year")
    assert year["rows"] == [[2, 0]]


def test_days_are_held_against_the_same_time_before(ask):
    answer = ask(measures=["orders"], dimensions=["day"], last="40 d", compare="previous")
    # 10 February and 1 March (in Berlin) are 40 days before 22 March and 10 April (summer time).
    assert answer["rows"] == [
        ["2026-03-20", 1, 0],
        ["2026-03-22", 0, 1],
        ["2026-04-10", 1, 1],
    ]


@pytest.mark.parametrize("compare", ["previous", "year"])
@pytest.mark.parametrize("dimension", ["country", "month", "day"])
def test_what_was_before_opens_to_its_customers(exploration, compare, dimension):
    query = {"measures": ["buyers"], "dimensions": [dimension], "last": "40 d", "compare": compare}
    for value, now, before in exploration.query(query)["rows"]:
        assert exploration.open(query, {dimension: value})["size"] == now
        assert exploration.open(query, {dimension: value, "before": True})["size"] == before


def test_a_week_has_seven_days_and_begins_with_monday(ask):
    answer = ask(measures=["orders"], dimensions=["weekday"])
    # 10 February was a Tuesday, 1 March a Sunday, 20 March and 10 April Fridays.
    assert answer["rows"] == [[2, 1], [5, 2], [7, 1]]


def test_the_unfinished_month_is_held_against_as_much_of_the_month_before(ask):
    april = {"from": "2026-04-01", "to": "2026-05-01"}
    answer = ask(measures=["orders"], period=april, compare="previous", as_of="2026-04-12")
    # The order of 20 March is later in its month than the moment of asking in April.
    assert answer["rows"] == [[1, 1]]


def test_a_window_across_the_clock_change_has_its_length_and_its_days(ask):
    # The clocks go forward on 29 March 2026: the day has 23 hours.
    day = {"from": "2026-03-29", "to": "2026-03-30"}
    answer = ask(measures=["events"], period=day)
    assert answer["period"] == {
        "from": "2026-03-28T23:00:00.000Z",
        "to": "2026-03-29T22:00:00.000Z",
    }


def test_nothing_later_than_the_moment_of_asking_is_seen(ask):
    assert ask(measures=["orders"], as_of="2026-03-01T00:00:00Z")["rows"] == [[2]]


def test_an_answer_pins_its_moment_and_gives_its_code(ask):
    answer = ask(measures=["revenue"], dimensions=["month"], last="90 d")
    assert answer["question"] == {
        "kind": "table",
        "measures": ["revenue"],
        "dimensions": ["month"],
        "last": "90 d",
        "as_of": "2026-04-15T12:00:00.000Z",
    }
    assert "SELECT" in answer["sql"]
    compile(answer["python"], "answer", "exec")


def test_sql_is_a_kind_of_question(ask):
    answer = ask(kind="sql", sql="SELECT customer, count(*) AS n FROM facts GROUP BY 1 ORDER BY 1")
    assert answer["rows"] == [["ann", 2], ["bob", 3], ["eve", 1]]
    assert [column["type"] for column in answer["columns"]] == ["customer", "number"]


OWN = {
    FIGURES.name: entries(
        store_revenue=Figure(
            of="Order Completed", sum="total", where='channel = "store"', unit="money"
        ),
        big_buyers=Figure(of="Order Completed", customers=True, where="total > 50"),
        shops=Figure(of=("Order Completed", "Order Refunded"), distinct="channel"),
    ),
    DIMENSIONS.name: entries(
        order_number=Dimension(value="order_id"), size=Dimension(value="total", type="number")
    ),
}


def with_own(history, **sections):
    definitions = Definitions(Path(), {**DEFINITIONS.sections, **OWN, **sections})
    return Exploration(
        definitions, Queries(history, Policies(definitions), lambda: NOW), lambda: NOW
    )


def test_a_company_counts_and_splits_by_words_of_its_own(history):
    own = with_own(history)
    measures = ["store revenue", "big buyers", "shops"]
    assert own.query({"measures": measures})["rows"] == [[20, 2, 3]]
    orders = {"measures": ["orders"], "dimensions": ["order number"], "filter": "size >= 80.5"}
    assert own.query(orders)["rows"] == [["o1", 1], ["o3", 1]]
    assert own.open(orders, {"order number": "o1"})["rows"] == [["ann", "Ann Keller", 1]]
    described = own.vocabulary.describe()
    assert "order number" in {each["name"] for each in described["dimensions"]}


@pytest.mark.parametrize(
    ("section", "entry", "said"),
    [
        (FIGURES, {"revenue": Figure(of="a", count=True)}, "already a measure"),
        (DIMENSIONS, {"month": Dimension(value="a")}, "already a dimension"),
        (FIGURES, {"x": Figure(of="a", count=True, where="a +")}, "not FEEL"),
        (FIGURES, {"x": Figure(of="a", sum="a + 1")}, "no property"),
        (DIMENSIONS, {"x": Dimension(value='"a"')}, "no property"),
    ],
)
def test_a_wrong_word_of_a_company_is_refused_with_its_place(history, section, entry, said):
    with pytest.raises(InvalidDefinition, match=rf"test.yaml:1.*{said}"):
        with_own(history, **{section.name: entries(**entry)})
