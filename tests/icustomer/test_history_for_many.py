"""Many who ask history at the same time while records come: nobody waits for what another is doing."""

import threading
import time

import orjson
import pytest

from cic.policies import Reader
from cic.running import reading
from cid.kit.clock import MINUTE
from cii.ports import Message
from icustomer import history as history_module
from tests.company import opened

COMPANY = """
company: {name: Shop, time zone: UTC}
systems:
  shop: {kind: touchpoint, write key: k1}
identifiers:
  user_id: {unique: true}
"""
ORDERS = {"measures": ["orders"], "last": "30 d"}


def order(company, number):
    said = {"type": "track", "event": "Order Completed", "messageId": f"m{number}"}
    said |= {"userId": f"u{number}", "properties": {"total": 5, "order_id": f"o{number}"}}
    headers = {"source": "shop", "protocol": "segment"}
    company.cii.append([Message(b"u", orjson.dumps(said), company.clock.now(), headers)])
    company.catch_up()


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "definitions.yaml").write_text(COMPANY, encoding="utf-8")
    with opened(tmp_path) as company:
        order(company, 1)
        company.history.fresh()
        yield company


@pytest.fixture
def slow(shop, monkeypatch):
    """Let a refresh last until it is told to go on; count them."""
    begun, go_on, count = threading.Event(), threading.Event(), []

    def sync(source, ask=shop.history.engine.sync):
        count.append(1)
        begun.set()
        go_on.wait(10)
        return ask(source)

    monkeypatch.setattr(shop.history.engine, "sync", sync)
    return begun, go_on, count


def due(shop, monkeypatch, seconds):
    """Let the last refresh be so long ago, and something new be there."""
    order(shop, 2)
    monkeypatch.setattr(shop.history, "_refreshed", time.monotonic() - seconds)


def asking(shop, several):
    threads = [threading.Thread(target=shop.history.sync) for _ in range(several)]
    for thread in threads:
        thread.start()
    return threads


def test_while_one_brings_it_up_to_date_others_are_answered_from_what_is_there(
    shop, slow, monkeypatch
):
    begun, go_on, count = slow
    due(shop, monkeypatch, history_module.AT_MOST_EVERY + 1)
    (first,) = asking(shop, 1)
    assert begun.wait(5)
    assert shop.cic.sql("SELECT count(*) FROM facts")["rows"] == [[1]]
    go_on.set()
    first.join(5)
    assert count == [1]
    assert shop.cic.sql("SELECT count(*) FROM facts")["rows"] == [[2]]


def test_whoever_waited_for_another_does_not_bring_it_up_to_date_again(shop, slow, monkeypatch):
    begun, go_on, count = slow
    due(shop, monkeypatch, history_module.TOO_OLD + 1)
    threads = asking(shop, 1)
    assert begun.wait(5)
    threads += asking(shop, 5)
    # More comes meanwhile; those who wait are content with what the one before brought.
    order(shop, 3)
    go_on.set()
    for thread in threads:
        thread.join(5)
    assert count == [1]


def test_a_question_is_answered_from_memory_while_records_come(shop):
    first = shop.cic.query(ORDERS)
    order(shop, 2)
    again = shop.cic.query(ORDERS)
    assert again["rows"] == first["rows"] == [[1]]
    assert again["period"] == first["period"], "the period ends where history does"
    assert (first["cached"], again["cached"]) == (False, True)


def test_the_period_of_a_question_ends_now_once_history_is_brought_up_to_date(shop):
    before = shop.history.moment()
    shop.clock.moment += 5 * MINUTE
    order(shop, 2)
    assert shop.history.moment() == before
    shop.history.fresh()
    assert shop.history.moment() == before + 5 * MINUTE
    assert shop.cic.query(ORDERS)["rows"] == [[2]]


def test_a_whole_answer_is_worked_out_once_and_each_gets_one_of_his_own(shop, monkeypatch):
    first = shop.cic.query(ORDERS)
    worked = []
    monkeypatch.setattr(
        shop.cic.exploration, "_answered", lambda question: worked.append(question) or first
    )
    again = shop.cic.query({"last": "30 d", "measures": ["orders"]})
    assert not worked
    assert (again["cached"], again["rows"], again["columns"]) == (True, [[1]], first["columns"])
    again["rows"][0][0] = 7
    assert shop.cic.query(ORDERS)["rows"] == [[1]]
    with reading(Reader("analyst", person="ann")):
        shop.cic.query(ORDERS)
    shop.clock.moment += 5 * MINUTE
    order(shop, 2)
    shop.history.fresh()
    shop.cic.query(ORDERS)
    assert len(worked) == 2, "somebody else sees other things; and history is another"
    reads = shop.cic.queries.read()
    assert len(reads) == 3, "who is answered from memory has read, too"
