"""Facts are taken in beside the work that makes more of them, and only those that cannot be taken back."""

import pytest

from cic.adapters.duckdb import DuckDbHistory
from cid.kit.clock import MINUTE
from cid.kit.errors import Unavailable
from tests.company import opened


@pytest.fixture
def company(northlake, tmp_path):
    with opened(northlake.copy(tmp_path / "company")) as opened_company:
        opened_company.history.fresh()
        yield opened_company


def buy(company, number):
    at = company.clock.now() + number * MINUTE
    identity = next(iter(company.cid.customers.seen))
    message = company.cii.own_message(
        "Product Viewed",
        customer=identity,
        properties={"sku": "T1", "name": "Tent"},
        actor="",
        loop="",
        message_id=f"beside{number}",
        at=at,
    )
    company.cii.append([message])
    company.catch_up(at)


def _half_a_transaction(company):
    with company.pipeline.together():
        buy(company, 2)
        company.history.take_facts_beside(1)
        assert known(company) == 1
        raise ZeroDivisionError


def known(company):
    company.history._taking.result()
    sql = "SELECT count(*) FROM facts WHERE message_id LIKE 'beside%'"
    return company.history.engine.query(sql).rows[0][0]


def test_a_fact_that_may_be_taken_back_is_not_taken_in(company):
    buy(company, 1)
    with pytest.raises(ZeroDivisionError):
        _half_a_transaction(company)
    buy(company, 3)
    company.history.take_facts_beside(1)
    assert company.history.fresh() >= 0
    # What was taken back stands in the log; it is applied now, and once.
    assert known(company) == 3
    assert company.cic.verify()["mismatches"] == 0


def test_what_went_wrong_beside_is_told_to_who_comes_next(company, monkeypatch):
    buy(company, 1)

    def full(self, source):
        raise Unavailable("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(DuckDbHistory, "sync", full)
        company.history.take_facts_beside(1)
        with pytest.raises(Unavailable):
            company.history.take_facts_beside(1)
    company.history._taking = None
    company.history.take_facts_beside(1)
    assert known(company) == 1


def test_while_nobody_asks_what_piles_up_is_taken_in_and_who_asks_next_finds_all_in_step(company):
    company.history.sync()
    buy(company, 1)
    company.history.keep_up(1)
    assert company.history._taking is None, "somebody has just asked"
    company.history._asked -= 60
    company.history.keep_up(2)
    assert company.history._taking is None, "too few"
    company.history.keep_up(1)
    assert known(company) == 1
    # The small tables are older: who asks now waits until they are not.
    sql = "SELECT count(*) FROM facts WHERE position > (SELECT max(position) FROM ledger)"
    assert company.history.query(sql).rows == [(0,)]
