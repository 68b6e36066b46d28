"""Nothing vanishes: whatever is thrown at the company ends in exactly one state, and can be healed."""

import gzip
import json

import pytest
from fastapi.testclient import TestClient

from cid.kit.clock import ManualClock, parse_time
from icustomer import ICustomer
from icustomer.app import create_app
from icustomer.starting import init_company

KEY = "shop-key-please-change"
START = parse_time("2026-03-02T09:00:00Z")


@pytest.fixture
def path(tmp_path):
    init_company(tmp_path / "shop")
    return tmp_path / "shop"


@pytest.fixture
def company(path):
    with ICustomer.open(path, clock=ManualClock(START)) as opened:
        yield opened


@pytest.fixture
def shop(company):
    with TestClient(create_app(company, beat=False), base_url="http://127.0.0.1") as client:
        yield client


def event(number, **more):
    return {
        "type": "track",
        "event": "Order Completed",
        "messageId": f"m{number}",
        "userId": "u-ann",
        "properties": {"order_id": f"o{number}", "total": 20 + number},
        **more,
    }


def balance(company):
    ledger = company.cii.ledger()
    states = ("applied", "duplicate", "rejected", "quarantined")
    assert ledger["balanced"]
    for source in ledger["sources"]:
        assert source["received"] == sum(source[state] for state in states)
    return ledger["states"]


def test_a_mix_of_good_and_bad_is_accounted_for_to_the_last_record(company, shop, tmp_path):
    refused = [
        shop.post("/v1/track", content=b'{"event": "Order', auth=(KEY, "")),
        shop.post("/v1/track", content=b"[1, 2", auth=(KEY, "")),
        shop.post("/v1/track", json=event(1), auth=("no such key", "")),
        shop.post("/v1/track", json=event(1)),
        shop.post("/v1/batch", content=b"x" * (10 << 20), auth=(KEY, "")),
        shop.post("/v1/batch", content=gzip.compress(b" " * (20 << 20)), auth=(KEY, ""),
                  headers={"content-encoding": "gzip"}),
        shop.post("/v1/nonsense", json=event(1), auth=(KEY, "")),
    ]  # fmt: skip
    assert [answer.status_code for answer in refused] == [400, 400, 401, 401, 413, 413, 404]
    for answer in refused:
        assert set(answer.json()) == {"code", "message"}

    batch = [
        event(1),
        event(2),
        event(1),
        event(3, properties={"order_id": "o3", "total": "a lot"}),
        event(4, properties={"order_id": "o4", "total": -1}),
        event(5, properties=None),
        event(6, timestamp="yesterday"),
        event(7, userId=None),
        event(8, type="dance"),
        "not an event",
        event(9, timestamp="2031-01-01T00:00:00Z"),
    ]
    answer = shop.post("/v1/batch", json={"batch": batch}, auth=(KEY, ""))
    assert answer.status_code == 200
    company.catch_up()
    assert shop.post("/v1/track", json=event(2), auth=(KEY, "")).status_code == 200
    company.catch_up()

    lines = tmp_path / "orders.csv"
    lines.write_bytes(
        b"order_id,date,email,total\n"
        b"f1,2026-02-20,ann@example.org,30\n"
        b"f2,2026-02-30,ann@example.org,30\n"
        b"f3,2026-02-20,,30\n"
        b"f4,2026-02-20,\xff\xfe,30\n"
        b"f1,2026-02-20,ann@example.org,30\n"
    )
    loaded = company.cii.load("orders", [str(lines)])
    assert loaded["received"] == 5
    again = company.cii.load("orders", [str(lines)])
    assert again["applied"] == 0
    assert again["received"] == 5

    states = balance(company)
    assert sum(states.values()) == company.cii.ledger()["received"] == len(batch) + 1 + 10
    assert all(states[state] > 0 for state in states)
    expected = {1: ["applied", "duplicate"], 2: ["applied", "duplicate"], 3: ["quarantined"],
                4: ["quarantined"], 5: ["quarantined"], 6: ["rejected"], 7: ["rejected"],
                8: ["rejected"], 9: ["applied"]}  # fmt: skip
    for number, fate in expected.items():
        found = company.cii.find(f"m{number}")
        assert sorted(row["state"] for row in found) == fate, number
        assert all(row["state"] == "applied" or row["reason"] for row in found)
    assert company.cic.members("active")["size"] == 2, "the shop's login and the file's mailbox"
    assert company.cic.verify()["mismatches"] == 0


def test_a_rejected_event_says_why_and_does_not_hold_up_the_others(company, shop):
    batch = {"batch": [event(1), event(2, userId=None), event(3, properties={"x": "y" * 40_000})]}
    answer = shop.post("/v1/batch", json=batch, auth=(KEY, "")).json()
    assert answer["success"] is True
    assert [row["messageId"] for row in answer["rejected"]] == ["m2", "m3"]
    assert all(row["reason"] and row["message"] for row in answer["rejected"])
    company.catch_up()
    states = balance(company)
    assert (states["applied"], states["rejected"]) == (1, 2)


def test_quarantined_records_are_applied_once_the_contract_is_mended(path):
    clock = ManualClock(START)
    with ICustomer.open(path, clock=clock) as company:
        with TestClient(create_app(company, beat=False), base_url="http://127.0.0.1") as shop:
            for number in range(3):
                body = event(number, properties={"total": 500})
                assert shop.post("/v1/track", json=body, auth=(KEY, "")).status_code == 200
            shop.post("/v1/track", json=event(7), auth=(KEY, ""))
        company.catch_up()
        states = balance(company)
        assert (states["applied"], states["quarantined"]) == (1, 3)
        held = company.cii.quarantine()
        assert held["total"] == 3
        assert {row["record"]["messageId"] for row in held["records"]} == {"m0", "m1", "m2"}
        assert all("order_id" in row["detail"] for row in held["records"])
        assert company.cii.replay() == {"tried": 3, "applied": 0, "quarantined": 3}
        assert company.cic.members("vip")["size"] == 0
        assert balance(company) == states

    definitions = path / "definitions.yaml"
    text = definitions.read_text(encoding="utf-8")
    mended = text.replace("order_id: {type: text, required: true}", "order_id: {type: text}")
    assert mended != text
    definitions.write_text(mended, encoding="utf-8")

    with ICustomer.open(path, clock=clock) as company:
        assert company.cii.replay() == {"tried": 3, "applied": 3, "quarantined": 0}
        states = balance(company)
        assert (states["applied"], states["quarantined"]) == (4, 0)
        assert company.cii.quarantine() == {"total": 0, "records": []}
        assert company.cic.members("vip")["size"] == 1
        assert company.cic.verify()["mismatches"] == 0
        assert company.cii.replay()["tried"] == 0
        with TestClient(create_app(company, beat=False), base_url="http://127.0.0.1") as shop:
            shop.post("/v1/track", json=event(1, properties={"total": 500}), auth=(KEY, ""))
        company.catch_up()
        assert balance(company)["duplicate"] == 1, "what was replayed is known"


def test_hostile_questions_are_refused_and_change_nothing(company, shop):
    shop.post("/v1/track", json=event(1), auth=(KEY, ""))
    company.catch_up()
    before = company.cic.sql("SELECT count(*) FROM facts")["rows"]
    for text in (
        "DROP TABLE facts",
        "DELETE FROM facts",
        "SELECT 1; DROP TABLE facts",
        "SELECT * FROM read_csv('/etc/passwd')",
        "COPY facts TO '/tmp/stolen.csv'",
        "ATTACH '/tmp/x.db'",
        "INSTALL httpfs",
        "SELECT * FROM '/etc/passwd'",
        "SELECT getenv('HOME')",
    ):
        answer = shop.post("/api/cic/sql", json={"sql": text})
        assert answer.status_code in (400, 403, 422), (text, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"]
    assert company.cic.sql("SELECT count(*) FROM facts")["rows"] == before


@pytest.mark.parametrize("total", ["1e308", "1e30", '"1e999999"', "-1e308", "12e15"])
def test_no_number_is_too_large_to_go_on(company, shop, total):
    body = json.dumps(event(1)).replace("21", total).encode()
    answer = shop.post("/v1/track", content=body, auth=(KEY, ""))
    assert answer.status_code in (200, 400)
    shop.post("/v1/track", json=event(2), auth=(KEY, ""))
    company.catch_up()
    states = balance(company)
    assert states["applied"] >= 1
    assert company.cic.members("active")["size"] == 1
    assert company.cic.verify()["mismatches"] == 0


def test_what_no_client_should_send_is_kept_as_it_came(company, shop):
    odd = event(1, properties={"order_id": "o\u0000\ud83d", "total": 5, "note": "' OR 1=1 --"})
    body = json.dumps({"batch": [odd]}).encode()
    answer = shop.post("/v1/batch", content=body, auth=(KEY, ""))
    assert answer.status_code in (200, 400)
    company.catch_up()
    states = balance(company)
    assert sum(states.values()) == (1 if answer.status_code == 200 else 0)
    assert shop.get("/api/cii/ledger").status_code == 200


def test_who_is_who_is_decided_by_our_own_people_alone(company, shop):
    """The write key of a web shop can be read by everybody who visits it."""
    for number, who in enumerate(("u-ann", "u-bob")):
        shop.post("/v1/track", json=event(number, userId=who), auth=(KEY, ""))
    said = {"a": "user_id:u-ann", "b": "user_id:u-bob", "reason": "because"}
    forged = event(7, event="Identities Merged", properties=said, context={"actor": "mei"})
    assert shop.post("/v1/track", json=forged, auth=(KEY, "")).status_code == 200
    company.catch_up()
    (fate,) = company.cii.find("m7")
    assert (fate["state"], fate["reason"]) == ("rejected", "not_ours")
    assert company.cii.customer("user_id:u-ann") != company.cii.customer("user_id:u-bob")
    company.cii.merge("user_id:u-ann", "user_id:u-bob", "she told us", "mei")
    assert company.cii.customer("user_id:u-ann") == company.cii.customer("user_id:u-bob")
