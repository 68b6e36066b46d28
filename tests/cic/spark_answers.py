"""The same questions on Spark have the same answers; `test_spark` runs this in a process of its own."""

import random

import pytest

from cic.adapters.duckdb import DuckDbHistory
from cic.exploration import Exploration
from cic.model import POLICIES, Policy
from cic.policies import Policies, Reader
from cic.ports import Mirror, Ticket
from cic.running import Queries, reading
from cic.testing import Facts, entries, fact
from cid.kit.clock import DAY, HOUR
from cid.kit.definitions import Definitions
from cid.kit.errors import Conflict, InvalidInput, Refused
from cid.model.definition import ATTRIBUTES, Attribute

# Of Spark's and Ibis's own making.
pytestmark = pytest.mark.filterwarnings("ignore")
NOW = 400 * DAY
FUNNEL = ["Product Viewed", "Checkout Started", "Order Completed"]
QUESTIONS = {
    "a table": {"measures": ["orders", "revenue", "buyers"], "dimensions": ["month", "channel"]},
    "a filter": {"measures": ["average order value", "events"], "filter": 'country = "FR"'},
    "top of lines": {"measures": ["item revenue", "items"], "dimensions": ["sku"], "top": 5},
    "the period before": {"measures": ["revenue"], "last": "90 d", "compare": "previous"},
    "a segment": {"measures": ["orders"], "dimensions": ["event"], "segment": "vip"},
    "a funnel": {
        "kind": "funnel",
        "steps": [{"event": event} for event in FUNNEL],
        "within": "30 d",
    },
    "a funnel with a condition": {
        "kind": "funnel",
        "steps": [{"event": FUNNEL[0]}, {"event": FUNNEL[2], "where": "total > 50"}],
        "by": "country",
    },
    "retention": {"kind": "retention", "first": {"event": "Product Viewed"}, "by": "month"},
    "retention by week": {
        "kind": "retention",
        "first": {"event": "Product Viewed"},
        "again": {"event": "Order Completed"},
        "by": "week",
    },
    "rfm": {"kind": "rfm", "groups": 3},
    "paths": {"kind": "paths", "event": "Product Viewed", "steps": 2, "within": "20 d"},
    "baskets": {"kind": "basket", "of": "sku", "q": 1},
    "new customers": {"measures": ["new customers"], "dimensions": ["country"]},
}


def made(size=600):
    """Make facts of some customers, with ties, gaps and values that are missing."""
    chance = random.Random(7)
    facts = []
    for n in range(1, size):
        event = chance.choice([*FUNNEL, "Product Viewed"])
        said = {"channel": chance.choice(["web", "app", None])}
        if event == "Order Completed":
            items = [{"sku": f"p{chance.randrange(6)}", "price": 2.5} for _ in range(3)]
            said |= {"total": chance.randrange(20_000) / 100, "items": items}
        customer = f"c{chance.randrange(60)}"
        time = chance.randrange(400 * 24) * HOUR
        facts.append(fact(n, event, time=time, customer=customer, properties=said))
    return facts


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    from cic.adapters.spark import SparkHistory

    folder = tmp_path_factory.mktemp("spark")
    names = ("customer", "kind", "name", "first_seen", "last_seen", "country")
    customers = [
        (f"c{n}", "person", f"N{n}", n * DAY, NOW, ["FR", "DE", None][n % 3]) for n in range(60)
    ]
    members = [(f"c{n}", "vip", 0) for n in range(0, 60, 7)]
    source = Facts(
        made(),
        {
            "customers": Mirror(names, lambda: customers, "1"),
            "memberships": Mirror(("customer", "segment", "since"), lambda: members, "1"),
        },
        zone="Europe/Berlin",
    )
    found = DuckDbHistory(folder / "a.duckdb"), SparkHistory(folder / "b.duckdb")
    for engine in found:
        engine.sync(source)
    yield found
    for engine in found:
        engine.close()


def explorations(engines, **policies):
    definitions = Definitions(
        None, {ATTRIBUTES.name: entries(country=Attribute()), POLICIES.name: entries(**policies)}
    )
    return [
        Exploration(definitions, Queries(engine, Policies(definitions), lambda: NOW), lambda: NOW)
        for engine in engines
    ]


@pytest.fixture(scope="module")
def both(engines):
    found = explorations(engines)
    for each in found:
        # The segment is in history; nobody defined it.
        each.definitions.sections["segments"] = {"vip": None}
    return found


@pytest.mark.parametrize("name", QUESTIONS)
def test_spark_answers_as_duckdb_does(both, name):
    here, there = (each.query({**QUESTIONS[name], "as_of": ""}) for each in both)
    assert here["rows"], name
    assert there["rows"] == here["rows"]
    assert there["columns"] == here["columns"]


def test_the_customers_behind_a_row_are_the_same(both):
    question = {"measures": ["orders"], "dimensions": ["country"]}
    here, there = (each.open(question, {"country": "FR"}) for each in both)
    assert here["rows"] == there["rows"] != []


def test_policies_hold_on_spark_too(engines):
    french = Policy(roles=("analyst",), purposes=("analysis",), customers='country = "FR"')
    here, there = explorations(engines, french=french)
    with reading(Reader("analyst")):
        asked = "SELECT country, min(name) AS name, count(*) AS n FROM customers GROUP BY country"
        assert there.sql(asked)["rows"] == here.sql(asked)["rows"] == [["FR", "N•••", 20]]
        with pytest.raises(Refused):
            there.sql("SELECT * FROM kept.owner")
        with pytest.raises(Refused):
            there.sql("SELECT * FROM parquet.`/tmp`")


def test_a_question_on_spark_ends_after_its_time_or_when_it_is_stopped(engines):
    spark = engines[1]
    sight = Policies(Definitions(None, {})).sight(Reader())
    ask = "SELECT count(*) AS n FROM facts"
    with pytest.raises(InvalidInput, match="longer than"):
        spark.query(ask, seconds=0.0, sight=sight)
    ticket = Ticket()
    ticket.stop()
    with pytest.raises(Conflict):
        spark.query(ask + " WHERE position > 0", sight=sight, ticket=ticket)
