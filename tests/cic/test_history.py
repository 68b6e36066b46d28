import threading
from datetime import date
from decimal import Decimal

import pytest

from cic.adapters.duckdb import DuckDbHistory
from cic.history import SCHEMA, VIEWS, WORDS
from cic.ports import Mirror
from cic.testing import Facts, fact
from cid.kit.clock import DAY, HOUR
from cid.kit.errors import InvalidInput, Refused, Unavailable


@pytest.fixture
def history(tmp_path):
    history = DuckDbHistory(tmp_path / "history.duckdb")
    yield history
    history.close()


def test_every_view_exists_before_anything_happened(history):
    for view in [*SCHEMA, *VIEWS]:
        assert history.query(f"SELECT * FROM {view}").rows == []


def test_all_that_was_said_about_a_customer_is_kept_one_word_at_a_time(history):
    odd = {'odd "/~ key': True}
    said = {"name": "王芳", "credit_limit": 12.5, "gone": None, "tags": ["a"], **odd}
    history.sync(Facts([fact(1, attributes=said), fact(2)]))
    rows = history.query("SELECT attribute, value FROM attributes").rows
    assert dict(rows) == {
        "name": "王芳",
        "credit_limit": "12.5",
        "gone": None,
        "tags": '["a"]',
        'odd "/~ key': "true",
    }


def test_mirrored_columns_get_the_types_that_history_promises(history):
    deals = Mirror(
        ("id", "amount", "opened_at", "own", "flag"),
        lambda: [("o1", "12.5", DAY, 7, True), ("o2", None, None, None, None)],
    )
    checks = Mirror(("granted", "at"), lambda: [(1, 5)], moments=frozenset({"at"}))
    history.sync(Facts([], {"opportunities": deals, "consents": checks}))
    (first, second) = history.query(
        "SELECT id, amount, epoch_ms(opened_at), own, flag, stage FROM opportunities ORDER BY id"
    ).rows
    assert first == ("o1", Decimal("12.5000"), DAY, 7, True, None)
    assert second == ("o2", None, None, None, None, None)
    assert history.query('SELECT granted, epoch_ms("at") FROM consents').rows == [(True, 5)]


def test_a_damaged_file_is_made_again(tmp_path):
    path = tmp_path / "history.duckdb"
    path.write_bytes(b"not a database" * 1000)
    history = DuckDbHistory(path)
    assert history.sync(Facts([fact(1)])) == 1
    history.close()


def test_a_failed_sync_leaves_history_as_it_was(history):
    history.sync(Facts([fact(1)]))
    broken = Facts([fact(2)], {"tasks": Mirror(("id",), lambda: 1 // 0)})
    with pytest.raises(ZeroDivisionError):
        history.sync(broken)
    assert history.query("SELECT position FROM facts").rows == [(1,)]
    assert history.sync(Facts([fact(1), fact(2)])) == 1


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO customers VALUES ('x')",
        "WITH gone AS (DELETE FROM customers RETURNING *) SELECT * FROM gone",
        "COPY facts TO '/tmp/facts.csv'",
        "ATTACH '/tmp/other.db'",
        "INSTALL httpfs",
        "SET memory_limit = '90GB'",
        "PRAGMA version",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM 'https://example.org/x.parquet'",
        "SELECT repeat('x', 2000000000)",
        "SELECT * FROM query('DROP TABLE customers')",
        "SELECT * FROM (SELECT (SELECT \"checkpoint\" FROM checkpoint('history')))",
        "EXPLAIN ANALYZE DELETE FROM customers",
        "CALL pragma_version()",
    ],
)
def test_hostile_sql_is_refused(history, sql):
    with pytest.raises(Refused):
        history.query(sql)


@pytest.mark.parametrize(
    "sql", ["", "SELECT 1; SELECT 2", "SELEC", "SELECT x FROM facts", "SELECT $a"]
)
def test_wrong_sql_is_explained(history, sql):
    with pytest.raises(InvalidInput) as error:
        history.query(sql)
    assert error.value.hint


def test_python_values_are_out_of_reach(history):
    secret = {"x": [1]}  # noqa: F841
    with pytest.raises(InvalidInput):
        history.query("SELECT * FROM secret")


def test_a_query_that_never_ends_is_ended(history):
    endless = (
        "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range * b.range % 7 = 3"
    )
    with pytest.raises(InvalidInput, match="longer than"):
        history.query(endless, seconds=0.2)
    assert history.query("SELECT 1").rows == [(1,)]


def test_a_query_that_wants_too_much_memory_is_ended(tmp_path):
    history = DuckDbHistory(tmp_path / "history.duckdb", memory="64MB")
    with pytest.raises(InvalidInput, match="memory"):
        history.query("SELECT list(range) FROM range(100000000)", seconds=60)
    history.close()


def test_what_comes_while_facts_are_taken_in_has_its_turn_next_time(history):
    class Endless(Facts):
        def facts_since(self, position, limit):
            self.all.append(fact(len(self.all) + 1))
            assert len(self.all) < 9, "it runs after whatever comes"
            return super().facts_since(position, limit)

    source = Endless([fact(1)])
    assert (history.sync(source), history.sync(source)) == (2, 1)


def test_many_ask_while_one_writes(history):
    facts = [fact(n, properties={"total": n}) for n in range(1, 2001)]
    source, failures = Facts(facts[:1]), []
    history.sync(source)

    def ask():
        for _ in range(20):
            count, total = history.query("SELECT count(*), max(position) FROM facts").rows[0]
            if count != total:
                failures.append((count, total))

    readers = [threading.Thread(target=ask) for _ in range(4)]
    for reader in readers:
        reader.start()
    for size in range(100, 2001, 100):
        source.all = facts[:size]
        history.sync(source)
    for reader in readers:
        reader.join()
    assert not failures
    assert history.position() == 2000


def test_a_file_that_another_process_owns_is_left_alone(tmp_path):
    import subprocess
    import sys

    path = tmp_path / "history.duckdb"
    connect = f"import duckdb, sys; c = duckdb.connect({str(path)!r})"
    code = f"{connect}; print('open', flush=True); sys.stdin.read()"
    other = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout.readline() == "open\n"
        with pytest.raises(Unavailable):
            DuckDbHistory(path)
    finally:
        other.communicate("")


def test_words_of_a_fact_are_columns_and_mean_what_its_properties_say(history):
    said = {"total": 9.5, "currency": "EUR", "channel": 7, "name": "Tent", "store": None, "sku": {}}
    viewed = fact(1, "Product Viewed", properties=said)
    history.sync(Facts([viewed, fact(2, properties={"total": "9.5", "name": "Ann"})]))
    for name, (_, sql) in WORDS.items():
        same = f"SELECT count(*) FROM facts WHERE {name} IS NOT DISTINCT FROM {sql}"
        assert history.query(same).rows == [(2,)], name
    asked = "SELECT total, currency, channel, product, store, sku FROM facts ORDER BY position"
    first, second = history.query(asked).rows
    assert first == (Decimal("9.5000"), "EUR", "7", "Tent", None, None)
    assert second == (None,) * 6


def test_each_line_of_a_completed_order_is_a_row(history):
    items = [{"sku": "a", "price": 2.5, "quantity": 2}, {"name": "Tent", "category": "c"}]
    odd = [
        fact(2, properties={"items": {"sku": "b"}}),
        fact(3, "Other", properties={"items": items}),
    ]
    history.sync(Facts([fact(1, properties={"items": items, "channel": "web"}), *odd]))
    asked = (
        "SELECT customer, sku, product, category, price, quantity, channel FROM lines ORDER BY 2"
    )
    assert history.query(asked).rows == [
        ("c1", "a", None, None, Decimal("2.5000"), Decimal("2.0000"), "web"),
        ("c1", None, "Tent", "c", None, Decimal("1.0000"), "web"),
    ]


def test_a_customer_has_one_key_in_all_views_also_after_a_merge(history):
    members = Mirror(("customer", "segment", "since"), lambda: [("c1", "vip", 1), ("c3", "x", 1)])
    source = Facts([fact(1), fact(2, customer="c2")], {"memberships": members})
    history.sync(source)
    source.of["user_id:c2"] = "c1"
    history.sync(source)
    joined = "SELECT f.position FROM facts f JOIN memberships m USING (customer_key) ORDER BY 1"
    assert history.query(joined).rows == [(1,), (2,)]
    keys = history.query(
        "SELECT count(DISTINCT customer_key), count(customer_key) FROM memberships"
    )
    assert keys.rows == [(2, 2)]


def test_a_day_is_one_of_the_business(history):
    late = fact(1, time=23 * HOUR, properties={"items": [{}]})
    history.sync(Facts([late], zone="Asia/Shanghai"))
    assert history.query("SELECT day FROM facts UNION ALL SELECT day FROM lines").rows == [
        (date(1970, 1, 2),),
        (date(1970, 1, 2),),
    ]
