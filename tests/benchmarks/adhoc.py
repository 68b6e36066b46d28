"""How long questions about 10 million events of a million customers take, beside SQL written by hand.

Run ``python tests/benchmarks/adhoc.py [events [case …]]``; each line of output is one JSON object. The events lie in
a history as the product keeps it. Each question is asked through our layer and as DuckDB SQL written by hand on the
same file in the same run: ``ratio`` says how many times as long ours takes, ``equal`` whether the answers are the same.
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cic.adapters.duckdb import DuckDbHistory, taking
from cic.exploration import Exploration
from cic.policies import Policies
from cic.ports import Mirror
from cic.running import Queries
from cic.testing import Facts, entries
from cid.kit.clock import DAY, format_time
from cid.kit.definitions import Definitions
from cid.model.definition import ATTRIBUTES, Attribute

BEGIN = 1_735_689_600_000
DAYS = 400
NOW = BEGIN + DAYS * DAY
FULL = 10_000_000
CHUNK = 500_000
EVENTS = ("Page Viewed",) * 3 + ("Product Viewed",) * 2 + (
    "Product Added", "Cart Viewed", "Checkout Started", "Email Opened", "Order Completed",
)  # fmt: skip
GOALS = {
    "segment count": 0.3,
    "funnel": 0.3,
    "rfm": 1.0,
    "retention": 3.0,
    "distinct": 1.5,
}
"""Seconds, with 10 million events."""
Rows = list[tuple[Any, ...]]


class Made(Facts):
    """A source whose facts are in the file already: only the small tables and owners are read."""

    def __init__(self, customers: int) -> None:
        super().__init__([], {"customers": Mirror(CUSTOMER, lambda: _customers(customers), "1")})
        self.count = customers

    def owners(self) -> Mirror:
        count = self.count
        return Mirror(
            ("identity", "customer"),
            lambda: ((f"user_id:{number}", f"c_{number:07}") for number in range(count)),
            "1",
        )


CUSTOMER = ("customer", "kind", "name", "first_seen", "last_seen", "country")
COUNTRIES = ("FR", "DE", "CN", "GB", "ES")


def _customers(count: int) -> Iterable[tuple[Any, ...]]:
    for number in range(count):
        country = COUNTRIES[number * 7 % 5]
        yield (f"c_{number:07}", "person", f"N{number}", BEGIN, NOW, country)


def make(engine: DuckDbHistory, events: int) -> None:
    """Fill a history with made-up events, through the statements that take in real ones."""
    customers = max(10, events // 10)
    engine.sync(Made(customers))
    cursor = engine._connection.cursor()
    listed = ", ".join(f"'{event}'" for event in EVENTS)
    for start in range(0, events, CHUNK):
        end = min(start + CHUNK, events)
        cursor.execute(f"""CREATE OR REPLACE TEMP TABLE incoming AS
            SELECT i + 1 AS position, 'user_id:' || customer AS identity, 'm' || i AS message_id,
                ['web', 'app', 'till', 'mail'][1 + (hash(i * 3) % 4)::INT] AS source,
                'track' AS "type", event, moment AS "time", moment AS received,
                '' AS actor, '' AS loop, '{{}}' AS attributes,
                CASE WHEN event = 'Order Completed'
                    THEN '{{"total":' || (1 + hash(i * 5) % 30000) / 100.0
                        || ',"currency":"EUR","channel":"' || channel || '","items":[{{"sku":"p'
                        || hash(i * 11) % 5000 || '","price":9.5,"quantity":1}}]}}'
                    WHEN event = 'Product Viewed'
                    THEN '{{"sku":"p' || hash(i * 11) % 5000 || '","category":"c'
                        || hash(i * 11) % 5000 % 20 || '"}}'
                    ELSE '{{"path":"/' || hash(i * 13) % 500 || '","channel":"' || channel || '"}}'
                END AS properties
            FROM (
                SELECT i, [{listed}][1 + (hash(i) % 10)::INT] AS event,
                    {BEGIN} + (i * {DAYS * DAY} / {events})::BIGINT AS moment,
                    ['web', 'app', 'store'][1 + (hash(i * 17) % 3)::INT] AS channel,
                    least({customers - 1},
                        floor(pow((hash(i * 7 + 1) % 1000000) / 1e6, 2.5) * {customers}))::INT
                        AS customer
                FROM range({start}, {end}) t(i)
            )""")
        cursor.execute("CREATE OR REPLACE TEMP TABLE stripped (position BIGINT, shared VARCHAR)")
        for statement in taking.steps("UTC"):
            cursor.execute(statement)
    cursor.execute("UPDATE kept.state SET position = $1", [events])
    engine._position = events
    cursor.execute("DROP TABLE incoming")
    cursor.execute("DROP TABLE stripped")
    cursor.execute("CHECKPOINT")
    cursor.close()


def at(days_ago: float) -> str:
    """Write the moment so many days ago for SQL."""
    return f"TIMESTAMP '{format_time(NOW - int(days_ago * DAY))[:-1]}'"


FUNNEL = ("Product Viewed", "Checkout Started", "Order Completed")
ONE = "c_0000042"


def within(days: int) -> str:
    return f'"time" > {at(days)} AND "time" <= {at(0)}'


def happened(event: str) -> str:
    return (
        f'SELECT customer_key AS k, "time" AS t FROM facts '
        f"WHERE event = '{event}' AND {within(90)}"
    )


SEGMENT = f"""
    SELECT count(*) FROM (
        SELECT customer_key FROM facts WHERE event = 'Order Completed' AND {within(30)}
        GROUP BY 1 HAVING count(*) >= 2 AND sum(total) >= 100)"""
TIMELINE = f"""SELECT "time", event, total FROM facts WHERE customer = '{ONE}' ORDER BY "time" """
Case = tuple[dict[str, Any], str, Callable[[Rows], Any], Callable[[Rows], Any]]
CASES: dict[str, Case] = {
    "segment count": (
        {"kind": "sql", "sql": SEGMENT},
        SEGMENT,
        lambda rows: rows[0][0],
        lambda rows: rows[0][0],
    ),
    "buyers of a country": (
        {"measures": ["buyers"], "last": "30 d", "filter": 'country = "FR"'},
        f"""SELECT count(DISTINCT customer_key) FROM facts
            WHERE event = 'Order Completed' AND {within(30)} AND customer_key IN
                (SELECT customer_key FROM customers WHERE country = 'FR')""",
        lambda rows: rows[0][0],
        lambda rows: rows[0][0],
    ),
    "funnel": (
        {
            "kind": "funnel",
            "steps": [{"event": event} for event in FUNNEL],
            "within": "30 d",
            "last": "90 d",
        },
        f"""WITH a AS ({happened(FUNNEL[0])}), b AS ({happened(FUNNEL[1])}),
            c AS ({happened(FUNNEL[2])}),
            second AS (SELECT b.k, b.t, a.t AS began FROM b ASOF JOIN a ON a.k = b.k AND a.t < b.t
                WHERE b.t <= a.t + INTERVAL 30 DAY),
            third AS (SELECT c.k FROM c ASOF JOIN second s ON s.k = c.k AND s.t < c.t
                WHERE c.t <= s.began + INTERVAL 30 DAY)
            SELECT (SELECT count(DISTINCT k) FROM a), (SELECT count(DISTINCT k) FROM second),
                (SELECT count(DISTINCT k) FROM third)""",
        lambda rows: [row[2] for row in rows],
        lambda rows: list(rows[0]),
    ),
    "rfm": (
        {"kind": "rfm", "last": "365 d"},
        f"""WITH one AS (
                SELECT customer, max("time") AS r, count(*) AS f, sum(total) AS m FROM facts
                WHERE event = 'Order Completed' AND {within(365)} GROUP BY customer),
            ranked AS (SELECT ntile(5) OVER (ORDER BY r, customer) AS r,
                ntile(5) OVER (ORDER BY f, customer) AS f,
                ntile(5) OVER (ORDER BY m, customer) AS m FROM one)
            SELECT r, f, m, count(*) FROM ranked GROUP BY 1, 2, 3""",
        lambda rows: sorted(tuple(row[:4]) for row in rows),
        sorted,
    ),
    "retention": (
        {
            "kind": "retention",
            "first": {"event": "Page Viewed"},
            "by": "month",
            "periods": 12,
        },
        """WITH m AS (SELECT DISTINCT customer_key AS k, date_trunc('month', day) AS m FROM facts
                WHERE event = 'Page Viewed'),
            f AS (SELECT k, min(m) AS m FROM m GROUP BY k)
            SELECT strftime(f.m, '%Y-%m-%d'), date_diff('month', f.m, m.m), count(*)
            FROM m JOIN f USING (k) WHERE date_diff('month', f.m, m.m) <= 12 GROUP BY 1, 2""",
        lambda rows: sorted((row[0][:10], row[1], row[3]) for row in rows if row[3]),
        sorted,
    ),
    "distinct": (
        {"measures": ["customers"], "dimensions": ["event"]},
        """SELECT event, count(*) FROM (SELECT DISTINCT event, customer_key FROM facts)
            GROUP BY 1""",
        lambda rows: sorted(map(tuple, rows)),
        sorted,
    ),
    "top revenue": (
        {"measures": ["item revenue"], "dimensions": ["sku"], "top": 100, "last": "90 d"},
        f"""SELECT sku, sum(price * quantity) FROM lines WHERE {within(90)}
            GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 100""",
        lambda rows: [(row[0], float(row[1])) for row in rows],
        lambda rows: [(row[0], float(row[1])) for row in rows],
    ),
    "timeline": (
        {"kind": "sql", "sql": TIMELINE},
        TIMELINE,
        lambda rows: [row[1] for row in rows],
        lambda rows: [row[1] for row in rows],
    ),
}
"""By name: the question, the same by hand, and what of each answer must be equal."""


def timed(*ways: Callable[[], Any], times: int = 7) -> list[tuple[float, Any]]:
    """Return for each way its best time of some, taken in turn, and its answer."""
    found: list[tuple[float, Any]] = [(float("inf"), None)] * len(ways)
    for _ in range(times):
        for place, ask in enumerate(ways):
            began = time.perf_counter()
            answer = ask()
            found[place] = (min(found[place][0], time.perf_counter() - began), answer)
    return found


def compare(engine: DuckDbHistory, events: int, wanted: Iterable[str]) -> None:
    """Ask each question both ways and print what they took."""
    definitions = Definitions(Path(), {ATTRIBUTES.name: entries(country=Attribute())})
    queries = Queries(engine, Policies(definitions), lambda: NOW, remembered=0)
    exploration = Exploration(definitions, queries, lambda: NOW)
    cursor = engine._connection.cursor()
    for name in wanted:
        question, sql, ours, theirs = CASES[name]
        cursor.execute(sql).fetchall()
        (hand, rows), (layer, answer) = timed(
            lambda sql=sql: cursor.execute(sql).fetchall(),
            lambda question=question: exploration.query(question),
        )
        say(
            case=name,
            events=events,
            seconds=round(layer, 4),
            by_hand=round(hand, 4),
            ratio=round(layer / hand, 2),
            equal=ours(answer["rows"]) == theirs(rows),
            goal=GOALS.get(name) if events == FULL else None,
        )


def say(**figures: Any) -> None:
    given = {name: value for name, value in figures.items() if value is not None}
    sys.stdout.write(json.dumps(given) + "\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> None:
    events = int(float(arguments[0])) if arguments else FULL
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.duckdb"
        engine = DuckDbHistory(path, memory="2GB")
        began = time.perf_counter()
        make(engine, events)
        size = path.stat().st_size
        seconds = round(time.perf_counter() - began, 1)
        say(case="made", events=events, seconds=seconds, bytes_per_event=round(size / events, 1))
        compare(engine, events, arguments[1:] or CASES)
        engine.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    say(case="memory", peak_mb=peak)


if __name__ == "__main__":
    main(sys.argv[1:])
