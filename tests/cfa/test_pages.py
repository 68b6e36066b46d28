"""The pages of the applications, over a real desk and the real frame."""

import re
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.testclient import TestClient

from cfa.api import router as api
from cfa.pages import router as pages
from cid.kit.clock import parse_time
from cid.kit.errors import ICustomerError
from cid.model.definition import Company as CompanyDefinition
from icustomer.web.rendering import WebFrame

FRIDAY = "2026-11-20T15:30Z"


class Rest:
    """The layers below and above, as far as the frame asks them."""

    def ledger(self):
        return {"received": 0, "states": {}, "last_received": None, "balanced": True, "sources": []}

    def last_verification(self):
        return None


@pytest.fixture
def client(acme, office, fact, clock):
    frame = WebFrame(CompanyDefinition(name="Northlake", currency="EUR"), clock=clock)
    rest = Rest()
    rest.cii = rest.cic = rest
    rest.cfa = acme

    @asynccontextmanager
    async def lifespan(app):
        yield {"company": rest, "render": frame, "cfa": acme}

    app = FastAPI(lifespan=lifespan)
    app.include_router(api)
    app.include_router(pages)

    @app.exception_handler(ICustomerError)
    def failed(request: Request, error: ICustomerError):
        return JSONResponse({"title": error.message}, error.status)

    clock.moment = parse_time("2026-11-22T12:00Z")
    office.desk.open_task(
        id="t1", app="sales", queue="deals", title="Call <Ann>", customer="c_ann",
        rule="win back", at=500, due=900, loop="l1", note="VIP",
    )  # fmt: skip
    office.desk.present_offer(
        id="f1", customer="c_gold", offer="guide day", reason="she is silent", at=1_000,
        until=None, loop="l1", decision="d1", text="A day outside", value=149.5,
    )  # fmt: skip
    office.hear(
        fact("Case Opened", FRIDAY, "c_gold", case_id="k/1", subject="Torn tent", queue="service"),
        fact("Case Message", FRIDAY, "c_gold", case_id="k/1", direction="inbound", text="Help!"),
        fact("Lead Captured", FRIDAY, lead_id="o1", interest="20 ropes", origin="fair"),
        fact("Opportunity Updated", FRIDAY, opportunity_id="o2", stage="qualified", amount=10,
             currency="EUR", name="Club", owner="Max", close_date="2026-12-31"),
        fact("Opportunity Updated", FRIDAY, opportunity_id="o3", stage="won", discount=10),
    )  # fmt: skip
    with TestClient(app, "http://127.0.0.1", follow_redirects=False) as client:
        yield client


ADDRESSES = (
    "/tasks",
    "/tasks?state=done",
    "/tasks?queue=deals&customer=c_ann",
    "/sales",
    "/sales/o1",
    "/sales/o2",
    "/sales/o3",
    "/service",
    "/service?state=waiting",
    "/service?state=resolved&queue=service",
    "/cases/k%2F1",
)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_shows(client, language):
    client.cookies.set("lang", language)
    client.post("/api/cfa/tasks/t1/completion", json={"outcome": "done"})
    for address in ADDRESSES:
        page = client.get(address)
        assert page.status_code == 200, address
        assert page.text.count("<h1") == 1
        ids = re.findall(r'\bid="([^"]+)"', page.text)
        assert sorted(ids) == sorted(set(ids)), address


def test_what_people_wrote_stays_text(client):
    assert "Call &lt;Ann&gt;" in client.get("/tasks").text


def test_a_day_at_the_desk_without_a_script(client, acme):
    done = client.post("/tasks/t1", data={"outcome": "accepted", "note": "yes", "queue": "deals"})
    assert (done.status_code, done.headers["location"]) == (303, "/tasks?queue=deals")
    assert acme.task("t1")["outcome"] == "accepted"

    moved = client.post("/sales/o1/stage", data={"stage": "qualified"})
    assert (moved.status_code, moved.headers["location"]) == (303, "/sales")
    client.post("/sales/o1/quote", data={"amount": "250.5", "discount": "20"})
    assert client.post("/sales/o1/order").headers["location"] == "/sales/o1"
    assert acme.opportunity("o1")["state"] == "won"

    said = client.post("/cases/k%2F1/reply", data={"text": "Soon", "waiting": "yes"})
    assert said.headers["location"] == "/cases/k/1"
    assert acme.case("k/1")["state"] == "waiting"
    client.post("/cases/k%2F1/offer", data={"offer": "guide day", "accepted": "no", "reason": "x"})
    client.post("/cases/k%2F1/resolve", data={"resolution": "new tent"})
    assert acme.case("k/1")["state"] == "resolved"
    assert "new tent" in client.get("/cases/k%2F1").text


def test_the_api_reads_and_does_the_same(client):
    (task,) = client.get("/api/cfa/tasks").json()
    assert task["overdue"] is True
    (case,) = client.get("/api/cfa/cases").json()
    assert case["response"]["state"] == "due"
    assert client.get("/api/cfa/board").json()["forecast"] == [{"currency": "EUR", "amount": 5.0}]
    assert client.get("/api/cfa/customers/c_gold/next-best-action").json()["value"] == 149.5
    assert client.get("/api/cfa/customers/c_x/next-best-action").json() is None
    said = client.post(
        "/api/cfa/customers/c_gold/answer", json={"offer": "guide day", "accepted": True}
    )
    assert said.json()["offer_id"] == "f1"
    (found,) = client.get("/api/cfa/search?text=club").json()
    assert found["href"] == "/sales/o2"
    moved = client.post("/api/cfa/opportunities/o2/stage", json={"stage": "lost", "actor": "Max"})
    assert moved.json()["state"] == "lost"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("get", "/api/cfa/tasks/nope", None, 404),
        ("get", "/api/cfa/tasks?state=odd", None, 422),
        ("get", "/api/cfa/tasks?limit=0", None, 422),
        ("get", "/api/cfa/board?pipeline=nope", None, 404),
        ("post", "/api/cfa/tasks/t1/completion", {"outcome": " "}, 422),
        ("post", "/api/cfa/tasks/t1/completion", {"outcome": 1}, 422),
        ("post", "/api/cfa/tasks/t1/completion", {"outcome": "x", "more": 1}, 422),
        ("post", "/api/cfa/opportunities/o2/quote", {"amount": -1}, 422),
        ("post", "/api/cfa/opportunities/o3/order", {}, 409),
        ("get", "/cases/nope", None, 404),
        ("get", "/service?state=odd", None, 422),
    ],
)
def test_what_cannot_be_done_is_said_with_its_status(client, method, path, body, status):
    answer = client.request(method, path, json=body)
    assert answer.status_code == status, answer.text


def test_every_error_an_endpoint_gives_is_documented(client):
    paths = client.get("/openapi.json").json()["paths"]
    for path, methods in paths.items():
        for method, operation in methods.items():
            if method == "post":
                assert {"404", "409", "422"} <= set(operation["responses"]), path
            elif "{id}" in path and "customers" not in path:
                assert "404" in operation["responses"], path


def test_what_is_counted_in_a_cut_list_says_so(client, office, fact, monkeypatch):
    office.hear(
        fact("Case Opened", FRIDAY, "c_ann", case_id="k/2", subject="Late", queue="service"),
    )
    assert "due first" not in client.get("/service").text
    assert "due first" not in client.get("/service?queue=service").text
    monkeypatch.setattr("cfa.pages.MOST", 1)
    for path in ("/service", "/service?queue=service"):
        assert "of the 1 due first" in client.get(path).text
    assert "Shown: 1 of " in client.get("/service").text
