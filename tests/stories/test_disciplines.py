"""Five disciplines, one flow (S2.D): e-business, integration, intelligence, automation, CRM.

A record enters over HTTP, becomes part of one customer, moves a segment, fires an analyst's rule, lands on
somebody's desk; its outcome comes back, and a measure moves and opens down to that customer.
"""

import pytest
from fastapi.testclient import TestClient

from cid.kit.clock import DAY, HOUR, ManualClock, format_time, parse_time
from icustomer import ICustomer
from icustomer.app import create_app

DEFINITIONS = """
company: {name: Corner shop, currency: EUR, time zone: Europe/Paris}
systems:
  web: {title: {en: Web shop, zh: 网店}, kind: touchpoint, channel: web, write key: web-key}
  crm: {title: {en: CRM, zh: 客户关系系统}}
identifiers:
  user_id: {unique: true}
  email: {normalise: email, attributes: [email], limit: 2}
attributes:
  city: {title: {en: City, zh: 城市}, masters: [crm]}
contracts:
  Order Completed:
    properties: {total: {type: number, required: true, minimum: 0}}
traits:
  spend 365d: {sum: total, of: Order Completed, window: 365 d, unit: money}
  orders 60d: {count: true, of: Order Completed, window: 60 d}
segments:
  vip: {when: spend 365d >= 1000}
  active: {when: orders 60d > 0}
queues:
  loyalty: {app: sales}
rules:
  welcome a vip:
    on: {entered: vip}
    when: city = "Lyon"
    do:
      - task: {queue: loyalty, title: '="Welcome " + name', due: 2 d}
  win back a silent vip:
    on: {left: active}
    when: vip
    do:
      - task: {queue: loyalty, title: Call, due: 2 d}
measures:
  vips welcomed:
    title: {en: VIPs welcomed, zh: 已欢迎的贵宾}
    formula: VIPs whose welcome was done / VIPs that the rule found.
    rows: |
      SELECT customer, CAST(state = 'done' AS INTEGER) AS numerator, 1 AS denominator,
             outcome, opened_at AS time, loop
      FROM tasks WHERE rule = 'welcome a vip' AND opened_at >= $start AND opened_at < $end
flows:
  contacts:
    source: crm
    format: csv
    files: ["contacts*.csv"]
    record:
      type: '"identify"'
      id: id
      time: changed
      identifiers: {email: email}
      attributes: {name: name, city: city}
"""
START = parse_time("2026-03-02T09:00:00Z")


@pytest.fixture
def company(tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "shop.yaml").write_text(DEFINITIONS, encoding="utf-8")
    with ICustomer.open(tmp_path / "shop", clock=ManualClock(START)) as opened:
        yield opened


@pytest.fixture
def browser(company):
    with TestClient(create_app(company, beat=False), base_url="http://127.0.0.1") as client:
        yield client


def order(browser, number, total, **more):
    body = {
        "type": "track",
        "event": "Order Completed",
        "messageId": f"m{number}",
        "userId": "u-ann",
        "properties": {"order_id": f"o{number}", "total": total},
        **more,
    }
    return browser.post("/v1/track", json=body, auth=("web-key", ""))


def page(browser, path):
    answer = browser.get(path, headers={"accept": "text/html"})
    assert answer.status_code == 200, path
    return answer.text


def number(browser):
    found = browser.get("/api/cbc/measures/vips%20welcomed").json()
    return found["numerator"], found["denominator"]


def test_one_order_goes_through_all_five_disciplines(company, browser, tmp_path):
    # Integration: the CRM's contacts come as a file.
    contacts = tmp_path / "contacts.csv"
    contacts.write_text(
        "id,changed,email,name,city\n1,2026-03-01,ann@example.org,Ann Keller,Lyon\n"
    )
    loaded = company.cii.load("contacts", [str(contacts)])
    assert (loaded["received"], loaded["applied"]) == (1, 1)

    # e-Business: the web shop tells who she is and of two orders; the answer comes when it is durable.
    known = {"userId": "u-ann", "traits": {"email": "Ann@Example.org"}}
    assert browser.post("/v1/identify", json=known, auth=("web-key", "")).status_code == 200
    assert order(browser, 1, 400).json() == {"success": True}
    company.catch_up()
    assert browser.get("/api/cic/segments/vip/members").json()["size"] == 0
    company.clock.moment += HOUR
    assert order(browser, 2, 700.5).status_code == 200
    assert company.pipeline.behind() == 1
    company.catch_up()
    ledger = browser.get("/api/cii/ledger").json()
    assert ledger["states"] == {"applied": 4, "duplicate": 0, "rejected": 0, "quarantined": 0}

    # Intelligence: she is one customer of two systems, and a VIP from this moment on.
    (ann,) = browser.get("/api/cic/segments/vip/members").json()["members"]
    assert ann["name"] == "Ann Keller"
    assert ann["since"] == format_time(company.clock.now())
    traits = browser.get(f"/api/cic/customers/{ann['customer']}/traits").json()["traits"]
    assert {each["name"]: each["value"] for each in traits} == {
        "spend 365d": 1100.5, "orders 60d": 2
    }  # fmt: skip

    # Automation: the analyst's rule saw it, and says why.
    (decision,) = browser.get("/api/context/decisions").json()
    assert (decision["rule"], decision["customer"]) == ("welcome a vip", ann["customer"])
    why = browser.get(f"/api/context/rules/welcome%20a%20vip/why/{ann['customer']}").json()
    assert why["explanation"]["value"] is True
    company.history.fresh()
    assert number(browser) == (0, 1)

    # CRM: somebody has a task, does it on the page, and that is a fact again.
    (task,) = browser.get("/api/cfa/tasks").json()
    assert task["title"] == "Welcome Ann Keller"
    assert "Welcome Ann Keller" in page(browser, "/tasks")
    company.clock.moment += HOUR
    form = {"outcome": "accepted", "note": "she liked it"}
    done = browser.post(f"/tasks/{task['id']}", data=form, follow_redirects=False)
    assert done.status_code == 303
    assert browser.get("/api/cfa/tasks").json() == []

    # The number has moved, and opens down to her.
    company.history.fresh()
    assert number(browser) == (1, 1)
    drilled = browser.get("/api/cbc/measures/vips%20welcomed/drill").json()
    assert [(row["customer"], row["numerator"]) for row in drilled["rows"]] == [
        (ann["customer"], 1)
    ]
    for path in ("/measures/vips%20welcomed", f"/customers/{ann['customer']}", "/segments/vip"):
        assert "Ann Keller" in page(browser, path), path

    # One id leads through the whole loop.
    loop = browser.get(f"/api/cbc/loops/{decision['loop']}").json()
    assert [step["layer"] for step in loop["steps"]][:4] == ["cic", "context", "context", "cfa"]
    assert (loop["state"], loop["outcome"]) == ("closed", "accepted")
    assert "vips welcomed" in {row["name"] for row in loop["measures"]}
    assert company.cic.verify()["mismatches"] == 0


def test_silence_alone_moves_a_customer_and_calls_for_somebody(company, browser):
    order(browser, 1, 1200)
    company.catch_up()
    bought = company.clock.now()
    company.clock.moment += 60 * DAY - 1
    company.catch_up()
    assert company.cic.members("active")["size"] == 1
    company.clock.moment += 1
    company.catch_up()
    assert company.cic.members("active")["size"] == 0
    (decision,) = company.context.decisions(rule="win back a silent vip")
    assert decision["at"] == format_time(bought + 60 * DAY)
    assert decision["trigger"] == "analysis"
    (task,) = company.cfa.tasks()
    assert task["loop"] == decision["loop"]


def test_silence_is_heard_also_when_the_company_was_closed_meanwhile(company, tmp_path):
    with TestClient(create_app(company, beat=False), base_url="http://127.0.0.1") as browser:
        order(browser, 1, 1200)
    company.catch_up()
    company.close()
    clock = ManualClock(START + 61 * DAY)
    with ICustomer.open(tmp_path / "shop", clock=clock) as later:
        later.catch_up()
        assert later.cic.members("active")["size"] == 0
        (decision,) = later.context.decisions(rule="win back a silent vip")
        assert decision["at"] == format_time(START + 60 * DAY)
        assert len(later.cfa.tasks()) == 1


def test_a_rule_is_not_fired_again_by_the_same_record_sent_twice(company, browser):
    for _ in range(3):
        order(browser, 1, 1200)
        company.catch_up()
    states = company.cii.ledger()["states"]
    assert (states["applied"], states["duplicate"]) == (1, 2)
    assert company.context.store.totals()["decisions"] == 0, "we do not know that she lives in Lyon"


def test_a_new_definition_calls_nobody(company, tmp_path):
    """Who is in a segment because its definition changed is no news about the customer."""
    with TestClient(create_app(company, beat=False), base_url="http://127.0.0.1") as browser:
        order(browser, 1, 800)
    company.catch_up()
    company.close()
    shop = tmp_path / "shop" / "shop.yaml"
    changed = DEFINITIONS.replace("spend 365d >= 1000", "spend 365d >= 500").replace(
        "orders 60d > 0", "orders 60d > 9"
    )
    shop.write_text(changed, encoding="utf-8")
    with ICustomer.open(tmp_path / "shop", clock=ManualClock(START)) as later:
        with TestClient(create_app(later, beat=False), base_url="http://127.0.0.1") as browser:
            order(browser, 2, 1)
        later.catch_up()
        assert later.cic.members("vip")["size"] == 1
        assert later.cic.members("active")["size"] == 0
        assert later.context.decisions() == []
