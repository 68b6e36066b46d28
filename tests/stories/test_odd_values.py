"""No value that anybody can send stops the company, or makes it say two different things."""

import json
import shutil
from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from cid.kit.clock import DAY, format_time, parse_time
from cii.ports import Message
from icustomer.app import create_app
from icustomer.samples import northlake
from tests.company import NOW, opened

ODD = [
    1e308, -1e308, 10**30, 2**63, 0.1 + 0.2, -1, "1e999999", "NaN", "Infinity", True, None, "",
    "x" * 5_000, "\u0000", "\ufffe\U0001f600", [], {}, [1, [2, {"a": None}]], {"a": {"b": 1}},
    "9999-12-31T23:59:59Z", "0001-01-01", "'; DROP TABLE x; --", "<script>alert(1)</script>", "{{7*7}}",
]  # fmt: skip
SANE = {
    "sku": "NL-TEN-12", "name": "tent", "category": "tents", "price": 10, "quantity": 1, "score": 3,
    "total": 20, "points": 10, "minutes": 3, "amount": 100, "discount": 5, "stage": "quoted",
    "channel": "web", "currency": "EUR", "purpose": "marketing", "opportunity_id": "O1",
    "case_id": "K1", "order_id": "o1", "outcome": "accepted", "direction": "inbound",
}  # fmt: skip
EVENTS = {
    "Product Viewed": "sku price",
    "Product Added": "sku price quantity cart_id",
    "Order Completed": "order_id total currency channel store coupon items quantity categories",
    "Order Refunded": "order_id total",
    "Campaign Assigned": "campaign group",
    "Points Earned": "points",
    "Consent Given": "purpose channel",
    "Review Given": "score text",
    "Case Opened": "case_id subject channel priority queue",
    "Case Message": "case_id direction text",
    "Case Rated": "case_id score",
    "Lead Captured": "lead_id interest",
    "Opportunity Updated": "opportunity_id stage amount close_date discount",
    "Quote Sent": "opportunity_id amount discount",
    "Task Completed": "task_id outcome note",
    "Offer Rejected": "offer reason task_id",
    "Product Updated": "sku price related",
    "Usage Recorded": "sku minutes",
    "Score Updated": "score value version reasons",
}
ATTRIBUTES = ("name", "email", "phone", "street", "birth_date", "tier", "credit_limit", "kind")
FIELDS = ("userId", "timestamp", "sentAt", "event", "type", "properties", "context", "traits")
SYSTEMS = ("shop", "crm", "erp", "loyalty", "consent", "callcentre", "staff")


def bodies():
    for event, names in EVENTS.items():
        for name in names.split():
            for odd in ODD:
                said = {each: SANE.get(each, "v") for each in names.split()}
                yield {"type": "track", "event": event, "properties": said | {name: odd}}
    for name in ATTRIBUTES:
        for odd in ODD:
            yield {"type": "identify", "traits": {name: odd}}
    for name in FIELDS:
        for odd in ODD:
            yield {"type": "track", "event": "Review Given", "properties": {"score": 3}, name: odd}


def messages(now):
    for number, body in enumerate(bodies()):
        whole = {
            "messageId": f"odd-{number}",
            "timestamp": format_time(now - number * 1_000),
            "userId": f"u{number % 40}",
            **body,
        }
        system = SYSTEMS[number % len(SYSTEMS)]
        headers = {"source": system, "protocol": "segment", "id": f"odd-{number}"}
        yield Message(str(number).encode(), json.dumps(whole).encode(), now, headers)


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    path = tmp_path_factory.mktemp("odd") / "northlake"
    shutil.copytree(Path(northlake.__file__).parent / "definitions", path)
    now = parse_time(NOW)
    with opened(path) as company:
        company.cii.append(messages(now))
        company.catch_up()
        yield company


def test_every_odd_record_ends_in_one_state_with_a_reason(company):
    ledger = company.cii.ledger()
    assert ledger["received"] > 1_500
    assert ledger["balanced"]
    assert ledger["pending"] == 0
    assert all(ledger["states"][state] for state in ("applied", "rejected", "quarantined"))
    for source in ledger["sources"]:
        assert sum(source["reasons"].values()) == source["received"] - source["applied"]


def test_odd_values_mean_the_same_live_and_in_history(company):
    report = company.cic.verify()
    assert report["mismatches"] == 0, report["examples"]


def test_everything_can_still_be_shown(company):
    for customer in list(company.pipeline.graph.members):
        shown = [
            company.cid.customer(customer),
            company.cid.timeline(customer),
            company.cii.evidence(customer),
            company.cic.traits(customer),
            company.cic.memberships(customer),
            company.cfa.next_best_action(customer),
        ]
        json.dumps(shown, allow_nan=False)
    for answer in (
        company.cfa.tasks(), company.cfa.cases(), company.cfa.board(), company.cid.describe(),
        company.cii.quarantine(10_000), company.cii.matrix(), company.context.decisions(limit=1_000),
    ):  # fmt: skip
        json.dumps(answer, allow_nan=False)
    assert [row["name"] for row in company.cbc.measures() if row["problem"]] == []


def test_time_goes_on_and_letters_go_out(company):
    company.delivery.run(10_000)
    company.clock.moment += 400 * DAY
    company.catch_up()
    assert company.cic.members("active")["size"] == 0
    assert company.cic.verify()["mismatches"] == 0


PAGES = (
    "/ /customers /describe /flows /quarantine /segments /explore /rules /tables /tasks /sales"
    " /service /capabilities /measures /search?q=%7B%7B7*7%7D%7D /search?q=%27%3B+DROP"
)


def test_every_page_can_still_be_opened_and_runs_nobody_elses_script(company):
    company.history.fresh()
    with TestClient(create_app(company, beat=False), base_url="http://127.0.0.1") as browser:
        customers = list(company.pipeline.graph.members)[:12]
        pages = [*PAGES.split(), *(f"/customers/{each}" for each in customers)]
        pages += [f"/customers/{each}/evidence" for each in customers[:3]]
        pages += [f"/cases/{quote(row['id'])}" for row in company.cfa.cases(state="")[:5]]
        for page in pages:
            answer = browser.get(page, headers={"accept": "text/html"})
            assert answer.status_code == 200, (page, answer.text[:300])
            assert "<script>alert" not in answer.text
