"""Asking with the keyboard alone: pick, compare, drill, come back; and what an address holds."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cic.pages.answers import cells, charts, cohorts, columns_of, funnel
from cic.pages.questions import KINDS, Asked, read_row, write_row
from tests.pages.fakes.exploration import Exploration

WORDS = st.sampled_from(["revenue", "orders", "month", "a b", 'x"&=', "订单", "30 d", "5"])
FIELDS = st.sampled_from(
    [
        "measure",
        "by",
        "split",
        "compare",
        "step",
        "first",
        "event",
        "of",
        "segment",
        "where",
        "last",
    ]
)


@given(st.sampled_from(KINDS), st.lists(st.tuples(FIELDS, WORDS), max_size=8))
def test_an_address_asks_the_same_question_wherever_it_is_opened(kind, pairs):
    asked = Asked.read([("kind", kind), *pairs])
    query = asked.address().partition("?")[2]
    again = Asked.read(parse_qsl(query, keep_blank_values=True))
    assert again.document() == asked.document()
    assert again.address() == asked.address()


@given(st.text())
def test_any_row_of_an_address_is_read_or_means_nothing(text):
    assert isinstance(read_row(text), dict)


@given(st.dictionaries(st.text(), st.none() | st.integers() | st.text()))
def test_a_row_in_an_address_is_the_row(row):
    assert read_row(write_row(row)) == row


def test_a_condition_of_a_later_step_stays_with_its_step():
    asked = Asked.read([("kind", "funnel"), ("step", "a"), ("step_where", "")])
    more = Asked.read([*asked.picked(), ("step", "b"), ("step_where", "x = 1")])
    assert more.document()["steps"] == [{"event": "a"}, {"event": "b", "where": "x = 1"}]


def test_a_period_wins_over_a_length_and_all_time_needs_neither():
    asked = Asked.read([("measure", "orders"), ("last", "30 d"), ("from", "2026-01-01")])
    assert asked.document()["period"] == {"from": "2026-01-01"}
    assert "last" not in asked.document()
    assert "last" not in Asked.read([("measure", "orders"), ("last", "all")]).document()


def test_measures_of_different_kinds_get_a_chart_each_and_the_period_before_stands_beside():
    asked = {"measures": ["revenue", "orders"], "dimensions": ["month"], "compare": "previous"}
    answer = Exploration().query(asked)
    columns = columns_of(answer)
    table = cells(answer, columns)
    drawn = charts(answer, columns, table)
    assert [chart["column"]["name"] for chart in drawn] == ["revenue", "orders"]
    assert [len(chart["series"]) for chart in drawn] == [2, 2]
    assert drawn[0]["open"] == [len(table) - 1]
    assert table[0][1].row == '{"month":"2026-01-01"}'
    assert table[0][2].row == ""


def test_who_is_lost_between_two_steps_can_be_opened():
    steps = [{"event": "Product Viewed"}, {"event": "Order Completed"}]
    (part,) = funnel(Exploration().query({"kind": "funnel", "steps": steps}))
    assert part["steps"][1]["lost"] == 2000
    assert read_row(part["steps"][1]["lost_row"]) == {"step": 2, "lost": True}


@pytest.mark.parametrize("kind", KINDS)
def test_a_first_look_shows_an_answer_and_a_mistake_is_one_too(client, kind):
    text = client.get(f"/explore?kind={kind}").text
    assert 'role="alert"' not in text
    if kind not in ("sql",):
        assert "customers?" in text
        wrong = client.get(f"/explore?kind={kind}&where=nonsense")
        assert wrong.status_code == 200
        assert "Nothing is called" in wrong.text


def test_only_the_answer_is_sent_where_only_the_answer_is_asked_for(client):
    answer = client.get("/explore?measure=orders", headers={"hx-target": "answer"})
    assert "<html" not in answer.text
    assert "Orders" in answer.text


def test_asking_needs_no_mouse(visit):
    page, wrong = visit("/explore")
    page.keyboard.press("m")
    assert page.evaluate("document.activeElement.matches('[data-narrow]')")
    page.keyboard.type("ord")
    page.keyboard.press("Enter")
    page.wait_for_url("**measure=orders**")
    page.get_by_role("heading", name="Revenue, Orders by Month").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.get_by_role("heading", name="Orders by Month", exact=True).wait_for()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("b")
    page.keyboard.type("coun")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Orders by Country").wait_for()
    assert "by=country" in page.url
    assert "where=" not in page.url
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/explore/customers**")
    page.go_back()
    page.get_by_role("heading", name="Orders by Country").wait_for()
    assert wrong == []


def test_what_a_measure_cannot_be_split_by_is_shown_as_such(visit):
    page, wrong = visit("/explore?measure=revenue&by=month")
    day = page.locator("li", has=page.locator('input[name="by"][value="day"]'))
    assert "unfit" not in (day.get_attribute("class") or "")
    page.get_by_label("Customers", exact=True).check()
    page.locator("li.unfit", has=page.locator('input[value="day"]')).wait_for()
    assert wrong == []


@pytest.mark.parametrize("query", ["step=Product+Viewed&step_where=", "step=&step_where="])
def test_a_funnel_that_is_only_half_chosen_is_no_mistake(client, query):
    text = client.get(f"/explore?kind=funnel&{query}").text
    assert "Choose two steps or more." in text
    assert "notice bad" not in text


@pytest.mark.parametrize("kind", ["funnel", "retention", "paths"])
def test_a_company_without_records_is_told_when_there_is_something_to_choose(
    client, company, monkeypatch, kind
):
    choices = {**company.cic.explorable(), "events": []}
    monkeypatch.setattr(company.cic, "explorable", lambda: choices)
    text = client.get(f"/explore?kind={kind}").text
    assert "Events can be chosen once the first record has arrived." in text
    assert "notice bad" not in text


def test_a_cohort_that_begins_before_the_time_asked_about_is_marked():
    columns = [{"name": name} for name in ("cohort", "age", "size", "share", "partial")]
    rows = [["2026-05-01", 0, 17, 1.0, False], ["2026-06-01", 0, 162, 1.0, False]]
    answer = {"columns": columns, "rows": rows, "zone": "Europe/Paris"}
    period = {"from": "2026-05-27T14:28:49.771Z", "to": None}
    assert [line["cut"] for line in cohorts({**answer, "period": period})["rows"]] == [True, False]
    # June begins in Paris when May is not over by the clock of the world.
    period = {"from": "2026-05-31T22:00:00.000Z", "to": None}
    assert [line["cut"] for line in cohorts({**answer, "period": period})["rows"]] == [True, False]
    assert [line["cut"] for line in cohorts(answer)["rows"]] == [False, False]
