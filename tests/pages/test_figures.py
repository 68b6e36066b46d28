"""A figure on a page is whole, says its unit, and says when it is not all."""

from __future__ import annotations

import re

from cid.kit.clock import HOUR
from tests.pages.fakes.world import NOW


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def test_home_counts_all_open_tasks_and_not_only_those_a_list_would_show(
    client, company, monkeypatch
):
    held = [{"due_at": NOW - HOUR if place < 1_200 else None} for place in range(1_900)]
    monkeypatch.setattr(company.cfa, "open_tasks", lambda: held)
    monkeypatch.setattr(company.cfa, "counts", lambda: {"task": {"open": 1_900}, "case": {}})
    text = words(client.get("/").text)
    assert "1,900 tasks open 1,200 overdue" in text


def test_a_count_in_a_sentence_is_written_with_its_thousands(client, company, monkeypatch):
    held = company.cii.quarantine()
    monkeypatch.setattr(company.cii, "quarantine", lambda limit: {**held, "total": 1_715})
    text = client.get("/quarantine").text
    assert "Replay 1,715 records" in text
    assert "9 of 1,715 are shown." in text


def test_every_page_says_in_which_zone_its_moments_are_written(client):
    assert "Times of Europe/Paris" in words(client.get("/customers").text)
    assert "Europe/Paris" in words(client.get("/live").text)


def test_a_cut_list_of_customers_says_that_there_are_others(client, company, monkeypatch):
    one = company.cid.find("", limit=1)[0]
    monkeypatch.setattr(company.cid, "find", lambda text, limit=10: [one] * limit)
    assert "The 100 seen last are shown" in client.get("/customers").text
    assert "The first 100 are shown" in client.get("/customers?q=a").text
    monkeypatch.setattr(company.cid, "find", lambda text, limit=10: [one])
    assert "are shown" not in client.get("/customers").text


def test_a_comparison_says_how_much_it_changed_without_judging_it(client):
    text = client.get("/explore?measure=revenue&by=country&compare=previous").text
    changes = re.findall(r'<span class="change (\w+)">.*?</span>\s*([\d.]+%)', text, re.S)
    assert changes[0] == ("flat", "11.1%")
    assert len(changes) == 4


def test_what_is_money_is_written_as_money_where_it_is_explained(client):
    text = words(client.get("/traits/spend%20365d?customer=Ann").text)
    assert re.search(r"€[\d,]+\.\d\d", text)
    assert " EUR </p>" not in text


def test_a_filter_that_leaves_nothing_says_so(visit):
    page, wrong = visit("/segments")
    said = page.get_by_text("No line shown here matches.")
    assert said.is_hidden()
    page.locator("[data-filter]").fill("nothing is called so")
    assert said.is_visible()
    page.locator("[data-filter]").fill("vip")
    assert said.is_hidden()
    assert wrong == []


def test_what_one_must_know_to_read_an_answer_stands_beside_it(client, company, monkeypatch):
    asked = company.cic.query
    told = "Amounts in EUR, USD are added up as they stand: split by 'currency', or filter on one."
    monkeypatch.setattr(
        company.cic, "query", lambda *given, **how: {**asked(*given, **how), "hints": [told]}
    )
    path = "/explore?measure=revenue&by=country"
    assert told.replace("'", "&#39;") in client.get(path).text
    client.cookies.set("lang", "zh")
    assert "EUR, USD 的金额未经换算直接相加" in client.get(path).text


def test_what_is_very_long_does_not_widen_the_page(visit):
    page, wrong = visit("/customers/c_ann0001/evidence", viewport={"width": 390, "height": 844})
    page.evaluate(
        """() => document.querySelectorAll('.rowline code, .crumbs a, h1, td code').forEach((one) => {
            one.textContent = 'Donaudampfschifffahrtsgesellschaft'.repeat(6)
        })"""
    )
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
    assert wrong == []
