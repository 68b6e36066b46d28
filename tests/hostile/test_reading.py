"""Queries that grow, nest or dress up, and readers who want to see more than they may."""

import resource
import threading
import time

import pytest

from cic.adapters.duckdb import DuckDbHistory
from cic.policies import Policies, Reader
from cic.testing import Facts, fact
from cid.kit.definitions import Definitions
from cid.kit.errors import InvalidInput, Refused
from tests.hostile.conftest import refused

MEMORY = 600 << 20
"""Bytes by which the process may grow over all of these queries together."""
SECONDS = 0.4
DOUBLED = ", ".join(f"a{n + 1} AS (SELECT s || s AS s FROM a{n})" for n in range(40))
GROWING = {
    "a long list": "SELECT array_to_string(range(100000000), ',')",
    "a list by columns": "SELECT range(position * 1000000) FROM facts",
    "lists in lists": "SELECT flatten([range(100000) FOR x IN range(100000)])",
    "a wide number": "SELECT printf('%1000000000d', 1)",
    "a width from elsewhere": "SELECT format('{:>{}}', 'a', 1000000000)",
    "doubling": f"WITH a0 AS (SELECT message_id AS s FROM facts), {DOUBLED} SELECT s FROM a40",
    "doubling again": "WITH RECURSIVE a(s) AS (SELECT 'x' UNION ALL SELECT s || s FROM a) FROM a",
    "replacing": "SELECT length(" + "replace(" * 9 + "'x'" + f", 'x', '{'x' * 90}')" * 9 + ")",
    "a text of everything": "SELECT string_agg(properties, '') FROM facts, range(1000000)",
    "lists of everything": "SELECT array_agg(a) FROM facts a, facts b, facts c",
    "frames": "SELECT list(a.position) OVER (ORDER BY a.position) FROM facts a, facts b",
    "sorting everything": "SELECT * FROM facts a, facts b, facts c ORDER BY hash(a), hash(b)",
    "counting for ever": "SELECT sum(range) FROM range(1000000000000)",
    "joining for ever": "SELECT count(*) FROM facts a, facts b, facts c, facts d WHERE "
    "a.position * b.position * c.position * d.position % 7 = 3",
    "going round": "WITH RECURSIVE a(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM a) "
    "SELECT count(*) FROM a",
}


def chain(first, step, times):
    """Write parts of a query of which each is made of the one before."""
    named = [f"a0 AS ({first})"]
    named += [f"a{n + 1} AS ({step.replace('@', f'a{n}')})" for n in range(times)]
    return f"WITH {', '.join(named)} SELECT * FROM a{times}"


def calls(start, times, inner="message_id", end=")"):
    return f"SELECT length({start * times}{inner}{end * times}) FROM facts"


TEXT = "x" * 19_000
DOUBLING = {
    "digits of digits": calls("hex(", 40),
    "bits of bits": calls("bin(", 12),
    "escapes of escapes": calls("regexp_escape(", 40, "message_id || '.'"),
    "a shape in a shape": calls("format('{0}{0}', ", 30),
    "things in things": chain("SELECT 1 AS s", "SELECT {'a': s, 'b': s} AS s FROM @", 40),
    "rows in rows": chain("SELECT 1 AS s", "SELECT row(s, s) AS s FROM @", 30),
    "all columns again": chain("SELECT * FROM facts", "SELECT *, * FROM @", 30),
    "all columns inside": "SELECT * FROM " + "(SELECT *, * FROM " * 25 + "facts" + ")" * 25,
    "a plan that doubles": chain("SELECT 1 AS x", "SELECT p.x FROM @ p, @ q", 28).replace(
        " AS (S", " AS NOT MATERIALIZED (S"
    ),
    "letters times letters": f"SELECT max(levenshtein('{TEXT}' || position, '{TEXT}')) FROM facts",
    "a sample of everything": "SELECT reservoir_quantile(position, 0.5, 1000000000) FROM facts",
}
GROWING |= DOUBLING
NESTED = {
    "brackets": "SELECT " + "(" * 5_000 + "1" + ")" * 5_000,
    "calls": "SELECT " + "abs(" * 3_000 + "1" + ")" * 3_000,
    "cases": "SELECT " + "CASE WHEN true THEN " * 900 + "1" + " END" * 900,
    "queries": "SELECT * FROM " + "(SELECT * FROM " * 800 + "facts" + ")" * 800,
    "lists": "SELECT " + "[" * 2_000 + "1" + "]" * 2_000,
    "sums": "SELECT " + "+".join(["1"] * 30_000),
    "a long text": f"SELECT '{'x' * 90_000}'",
    "many tables": "SELECT count(*) FROM " + ", ".join(f"facts f{n}" for n in range(60)),
}
DRESSED = {
    "a letter that looks alike": "SELECT * FROM f\u0430cts",
    "the other way round": "SELECT\u202e 1",
    "wide letters": "SELECT * FROM ｋｅｐｔ.fact",
    "nothing inside": "SELECT 1\0 FROM kept.fact",
    "half a letter": "SELECT '\ud800'",
    "a space without width": "SEL\u200bECT 1",
    "a comment inside": "SELECT * FROM kept/**/./**/fact",
    "an escape": 'SELECT * FROM U&"\\006bept".fact',
}


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    path = tmp_path_factory.mktemp("reading") / "history.duckdb"
    history = DuckDbHistory(path, memory="64MB")
    history.sync(Facts([fact(n, properties={"t": "x" * 100}) for n in range(1, 2_000)]))
    yield history
    history.close()


@pytest.fixture(scope="module")
def sight():
    return Policies(Definitions(None, {})).sight(Reader("analyst"))


@pytest.mark.parametrize("name", [*GROWING, *NESTED, *DRESSED])
def test_it_is_refused_or_stopped_and_the_process_lives_on_with_its_memory(history, sight, name):
    before = _largest()
    began = time.monotonic()
    with pytest.raises((InvalidInput, Refused)) as error:
        history.query({**GROWING, **NESTED, **DRESSED}[name], sight=sight, seconds=SECONDS)
    assert error.value.hint
    assert time.monotonic() - began < 10
    assert _largest() - before < MEMORY
    assert history.query("SELECT count(*) FROM facts", sight=sight).rows == [(1_999,)]


def test_what_analysts_write_every_day_is_not_taken_for_a_trap(history, sight):
    columns = " || ' ' || ".join(["event", "source", "message_id", "type"] * 4)
    for sql in (
        f"SELECT {columns} FROM facts",
        "SELECT *, total * 2 AS twice FROM facts",
        "SELECT a.*, b.* FROM facts a JOIN facts b USING (position)",
        "SELECT {'event': event, 'total': total, 'day': day} FROM facts",
        "SELECT levenshtein(left(event, 50), 'Order Complete') FROM facts",
        "SELECT hex(md5(message_id)), to_json(facts) FROM facts",
        chain("SELECT * FROM facts", "SELECT p.* FROM @ p JOIN @ q USING (position)", 5),
    ):
        assert history.query(sql, sight=sight, rows=5).rows, sql


def _largest():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def test_an_analyst_gets_nothing_personal_by_any_door(client, send):
    send(
        {
            **{"type": "identify", "messageId": "p1", "userId": "u1"},
            "traits": {"name": "Ann Keller", "email": "ann@example.org"},
        },
        {
            **{"type": "track", "event": "Order Completed", "messageId": "p2", "userId": "u1"},
            "properties": {"total": 5, "email": "ann@example.org", "note": "to ann@example.org"},
        },
    )
    analyst = {"Cookie": "role=analyst"}
    tries = [
        "SELECT * FROM customers",
        "SELECT * FROM attributes",
        "SELECT * FROM facts",
        "SELECT * FROM identifiers",
        "SELECT substr(email, 2) AS harmless FROM customers",
        "SELECT upper(value) AS harmless FROM attributes",
        "SELECT reverse(identity) AS harmless FROM facts",
        "SELECT properties->>'email' AS harmless FROM facts",
    ]
    for sql in tries:
        for ask in (
            lambda sql: client.post("/api/cic/sql", json={"sql": sql}, headers=analyst),
            lambda sql: client.post("/api/cic/export", json={"sql": sql}, headers=analyst),
            lambda sql: client.get("/api/cic/export", params={"sql": sql}, headers=analyst),
        ):
            answer = ask(sql)
            assert answer.status_code == 200, answer.text
            said = answer.text.lower()
            assert "example" not in said, sql
            assert "keller" not in said, sql
            assert "gro.elpmaxe" not in said, sql
    question = {"question": {"measures": ["orders"]}, "row": {}}
    assert "Keller" not in client.post("/api/cic/export", json=question, headers=analyst).text
    seen = client.post("/api/cic/sql", json={"sql": tries[0]}, headers={"Cookie": "role=agent"})
    assert "Ann Keller" in seen.text


def test_exports_are_noted_with_who_and_what_for(client):
    headers = {"Cookie": "role=analyst", "X-Purpose": "audit"}
    made = client.post("/api/cic/export", json={"sql": "SELECT 1 AS one"}, headers=headers)
    assert made.text == "one\r\n1\r\n"
    (noted, *_) = client.get("/api/cic/exports", headers={"Cookie": "role=architect"}).json()
    assert (noted["id"], noted["role"]) == (made.headers["X-Export-Id"], "analyst")
    assert (noted["purpose"], noted["rows"], noted["question"]) == ("audit", 1, "SELECT 1 AS one")
    assert client.get("/api/cic/exports", headers={"Cookie": "role=agent"}).json() == []
    odd = {"question": '{"measures": [' * 500}
    assert refused(client.get("/api/cic/export", params=odd), 422)


def test_a_query_can_be_seen_and_stopped_by_its_id(client):
    endless = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range * b.range = 3"
    found = []

    def ask():
        headers = {"X-Query-Id": "long"}
        found.append(client.post("/api/cic/sql", json={"sql": endless}, headers=headers))

    thread = threading.Thread(target=ask)
    thread.start()
    until = time.monotonic() + 5
    stopped = client.delete("/api/cic/queries/long")
    while stopped.status_code == 404 and time.monotonic() < until and thread.is_alive():
        time.sleep(0.01)
        stopped = client.delete("/api/cic/queries/long")
    thread.join()
    assert stopped.status_code == 200
    assert refused(found[0], 409)
    assert refused(client.delete("/api/cic/queries/long"), 404)
    read = client.get("/api/cic/queries").json()["read"]
    assert {each["purpose"] for each in read} <= {"service", "audit", "analysis"}
