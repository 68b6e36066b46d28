"""History is made again only where definitions say otherwise what facts are."""

import orjson
import pytest

from cic.adapters.duckdb import DuckDbHistory
from cii.ports import Message
from tests.company import opened

COMPANY = """
company: {name: Shop, time zone: UTC}
systems:
  shop: {kind: touchpoint, write key: k1}
identifiers:
  user_id: {unique: true}
traits:
  orders: {count: true, of: Order Completed}
segments:
  buyers: {when: orders > 0}
"""
MEMBERS = "SELECT segment, count(*) AS n FROM memberships GROUP BY 1 ORDER BY 1"


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "definitions.yaml").write_text(COMPANY, encoding="utf-8")
    with opened(tmp_path) as company:
        for number in range(3):
            said = {"type": "track", "event": "Order Completed", "messageId": f"m{number}"}
            said |= {"userId": f"u{number}", "properties": {"total": 5}}
            value = orjson.dumps(said)
            headers = {"source": "shop", "protocol": "segment"}
            company.cii.append([Message(b"u", value, company.clock.now(), headers)])
        company.catch_up()
        assert company.cic.sql(MEMBERS)["rows"] == [["buyers", 3]]
    return tmp_path


@pytest.fixture
def made_again(monkeypatch):
    made = []
    monkeypatch.setattr(
        DuckDbHistory,
        "_make_again",
        lambda self, generation, make=DuckDbHistory._make_again: (
            made.append(generation),
            make(self, generation),
        ),
    )
    return made


def members(path) -> list:
    with opened(path) as company:
        return company.cic.sql(MEMBERS)["rows"]


@pytest.mark.parametrize(
    "more",
    [
        'boards:\n  mornings: {tiles: [{question: {measures: ["orders"]}}]}\n',
        "figures:\n  clicks: {sum: total, of: Order Completed}\n",
    ],
)
def test_what_is_asked_of_history_leaves_it_as_it_is(shop, made_again, more):
    (shop / "more.yaml").write_text(more, encoding="utf-8")
    assert members(shop) == [["buyers", 3]]
    assert made_again == []


def test_a_segment_that_was_saved_leaves_history_as_it_is(shop, made_again):
    with opened(shop) as company:
        company.cic.save("segment", "all", definition={"when": "orders >= 1"}, reason="test")
    assert members(shop) == [["all", 3], ["buyers", 3]]
    assert made_again == []


def test_another_time_zone_has_other_days(shop, made_again):
    other = COMPANY.replace("time zone: UTC", "time zone: Asia/Shanghai")
    (shop / "definitions.yaml").write_text(other, encoding="utf-8")
    assert members(shop) == [["buyers", 3]]
    assert len(made_again) == 1
