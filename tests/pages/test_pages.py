"""Every page answers in both languages, has one heading, and every form works without scripts."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest

PAGES = (
    "/",
    "/search?q=a",
    "/search?q=zzz",
    "/customers",
    "/customers?q=nobody",
    "/describe",
    "/customers/c_ann0001",
    "/customers/c_wang001?as_of=2026-10-01&source=shop",
    "/customers/c_ann0001/evidence",
    "/customers/c_ann0001/evidence?a=user_id:u-3311&b=email:ann.keller@example.org",
    "/flows",
    "/quarantine",
    "/segments",
    "/segments/new",
    "/segments/new?when=spend+365d+%3E+3+and+(vip+or+country+in+(%22FR%22))",
    "/segments/new?when=spend+365d+%3E+2+*+orders",
    "/segments/vip/edit",
    "/segments/vip?customer=Jonas",
    "/segments/new%20parents%20of%20gear",
    "/traits",
    "/traits/spend%20365d?customer=Ann",
    "/verify?segments=vip",
    "/boards",
    "/boards/sales",
    "/explore",
    "/explore?measure=revenue&by=country&compare=previous",
    "/explore?measure=revenue&measure=orders&by=month&split=channel",
    "/explore?kind=funnel",
    "/explore?kind=retention",
    "/explore?kind=paths",
    "/explore?kind=rfm",
    "/explore?kind=basket",
    "/explore/customers?measure=revenue&by=country&row=%7B%22country%22%3A%22FR%22%7D",
    "/explore?sql=select+1",
    "/explore?sql=drop",
    "/rules",
    "/rules/win%20back%20a%20silent%20vip?customer=Ann",
    "/rules/win%20back%20a%20silent%20vip/edit",
    "/rules/something%20new/edit",
    "/tables?table=offer&in.tier=gold",
    "/tables/offer/edit",
)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_answers_in_the_readers_language_with_one_heading(client, path, language):
    answer = client.get(path, headers={"accept-language": language})
    assert answer.status_code == 200
    assert len(re.findall(r"<h1[ >]", answer.text)) == 1
    assert f'<html lang="{"zh-Hans" if language == "zh" else "en"}"' in answer.text


@pytest.mark.parametrize("path", ["/customers/nobody", "/segments/glod", "/rules/none"])
def test_what_does_not_exist_is_said_with_what_to_do(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert "Known: " in answer.text or "Did you mean" in answer.text


def test_roles_that_do_not_serve_customers_see_masked_data(client):
    for role, sees in (("agent", True), ("analyst", False), ("architect", False)):
        client.cookies.set("role", role)
        for path in ("/customers/c_ann0001", "/customers", "/search?q=ann", "/segments/vip"):
            text = client.get(path).text
            assert ("Ann Keller" in text) is sees, (role, path)
        assert ("ann.keller@example.org" in client.get("/customers/c_ann0001").text) is sees
        assert ("The zip is broken" in client.get("/customers/c_ann0001").text) is sees
        evidence = client.get("/customers/c_ann0001/evidence").text
        assert ("email:ann.keller@example.org" in evidence) is sees


def test_the_answer_to_an_offer_is_noted_with_reason_and_actor(client, company):
    given = {"offer": "free ski service", "answer": "rejected", "reason": "no skis"}
    answer = client.post("/customers/c_ann0001/offer", data=given)
    assert company.cfa.answers == [("c_ann0001", "free ski service", False, "no skis", "agent")]
    assert "the offer was rejected" in answer.text


def test_an_unmerge_shows_first_into_whom_the_customer_falls_apart(client):
    text = client.get(
        "/customers/c_ann0001/evidence?a=user_id:u-3311&b=email:ann.keller@example.org"
    ).text
    assert "There would be 3 customers" in text
    data = {"a": "x", "b": "y", "decision": "unmerge", "reason": "sisters"}
    assert "Noted: they are not one" in client.post("/customers/c_ann0001/evidence", data=data).text


def test_quarantine_is_replayed_and_says_what_came_of_it(client):
    assert "7 of 9 were applied" in client.post("/quarantine/replay").text


def test_why_shows_the_events_that_count_and_when_it_ends(client):
    text = client.get("/segments/active?customer=Ann").text
    assert "If nothing happens she leaves in 3 weeks: 11 Dec 2026 11:00." in text
    assert "24 events count in all" in text
    assert "What brought her in" in text
    out = client.get("/segments/vip?customer=Ann").text
    assert "Passing time alone changes nothing before" in out


def test_what_is_saved_is_said(client):
    text = client.get("/segments/vip?saved=1&entered=3&left=1").text
    assert "Saved: 3 entered, 1 left." in text


def test_a_mistake_in_a_condition_is_told_in_the_readers_language(client):
    given = {"when": "nonsense", "from": "text"}
    assert "Did you mean" in client.post("/segments/build", data=given).text
    client.cookies.set("lang", "zh")
    assert "您是否想写" in client.post("/segments/build", data=given).text


def test_how_a_trait_is_spread_opens_to_the_customers_of_each_line(client):
    assert "/traits/spend%20365d/distribution" in client.get("/traits/spend%20365d").text
    text = client.get("/traits/spend%20365d/distribution").text
    lines = re.findall(r'href="/segments/new\?when=([^"]+)"', text)
    assert [unquote(line) for line in lines] == [
        "spend 365d = 0",
        "spend 365d > 0 and spend 365d < 100",
        "spend 365d >= 1000",
        "spend 365d = null",
    ], "who is in none is not opened, nor who cannot be said"
    assert "Of 6,312 customers" in text
    client.cookies.set("lang", "zh")
    assert "1,000 及以上" in client.get("/traits/spend%20365d/distribution").text


def test_a_verification_names_the_customers_of_whom_it_is_wrong(client):
    right = client.post("/verify", data={"segments": "vip", "as_of": ""}).text
    assert "0 mismatches" in right
    wrong = client.post("/verify", data={"traits": "spend 365d", "as_of": "2026-11-01"}).text
    assert "1 mismatch" in wrong
    assert "Ann Keller" in wrong
    client.cookies.set("role", "analyst")
    assert "Ann Keller" not in client.post("/verify", data={"as_of": "2026-11-01"}).text


def test_a_day_that_is_none_is_refused_with_an_example(client):
    assert client.get("/customers/c_ann0001?as_of=soon").status_code == 422


def test_choices_are_kept_and_lead_back_but_never_to_another_site(client):
    for back, led in (("/rules", "/rules"), ("//evil.example", "/"), ("/\\evil.example", "/")):
        answer = client.post(
            "/settings", data={"language": "zh", "back": back}, follow_redirects=False
        )
        assert answer.headers["location"] == led
    assert "情境" in client.get("/rules").text


def test_the_strip_is_green_only_when_nothing_is_wrong(client, company):
    assert "0 mismatches" in client.get("/live").text
    company.cic.last_verification = lambda: None
    assert "not verified yet" in client.get("/live").text
    company.cic.last_verification = lambda: {"at": "2026-11-20T09:00:00Z", "mismatches": 3}
    assert "3 mismatches" in client.get("/live").text
    company.cic.last_verification = lambda: {"at": "2026-11-20T09:00:00Z", "mismatches": 0}
    broken = {**company.cii.ledger(), "balanced": False}
    company.cii.ledger = lambda: broken
    assert "does not balance" in client.get("/live").text


def test_fragments_of_home_are_no_whole_pages(client):
    for path in ("/home/capabilities", "/home/pulse", "/live"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "<html" not in answer.text


def test_members_can_be_taken_along_without_personal_data(client):
    answer = client.get("/segments/vip/members.csv")
    assert answer.text.splitlines()[0] == "customer,since"
    assert "Ann" not in answer.text


def test_only_who_may_publish_publishes_and_says_why(client, company):
    address = "/rules/win%20back%20a%20silent%20vip/edit"
    given = {"do": "publish", "text": "win back", "reason": "more calls"}
    client.cookies.set("role", "agent")
    assert "Agents read rules" in client.post(address, data=given).text
    client.cookies.set("role", "analyst")
    assert "Say why." in client.post(address, data={**given, "reason": ""}).text
    assert company.context.workbench.done == []
    answer = client.post(address, data=given, follow_redirects=False)
    assert answer.headers["location"].endswith("/edit?done=published")
    assert company.context.workbench.done == [
        ("rule", "win back a silent vip", "win back", "analyst", "more calls")
    ]
    foreign = client.post(address, data=given, headers={"origin": "https://evil.example"})
    assert foreign.status_code == 403


def test_what_is_wrong_is_said_while_typing_with_what_a_word_may_become(client):
    address = "/rules/win%20back%20a%20silent%20vip/diagnose"
    text = client.post(address, data={"text": "x", "caret": "1"}).text
    assert "line 3, column 17" in text
    assert 'data-insert="orders 90d"' in text
    assert "<html" not in text
    chinese = client.post(address, data={"text": "x"}, headers={"accept-language": "zh"}).text
    assert "是否想写" in chinese


def test_a_table_is_changed_cell_by_cell_without_scripts(client, company):
    given = {"i0": "tier", "i1": "last nps", "o0": "offer", "reason": "less"}
    given |= {"c0.0": '"gold"', "c0.1": "<= 6", "c0.2": '"guide"'}
    added = client.post("/tables/offer/edit", data={**given, "do": "row+1"}).text
    assert 'name="c1.2"' in added
    assert 'name="i2"' in client.post("/tables/offer/edit", data={**given, "do": "in+"}).text
    client.cookies.set("role", "analyst")
    client.post("/tables/offer/edit", data={**given, "do": "publish"})
    ((_, _, text, _, _),) = company.context.workbench.done
    assert """    - ['"gold"', "<= 6", '"guide"']""" in text
    assert "< x" not in text


def test_a_new_rule_begins_under_its_name(client):
    answer = client.get("/new/rule?name=call+back", follow_redirects=False)
    assert answer.headers["location"] == "/rules/call%20back/edit"
