"""The segment builder: rows and text say the same, both ways; who would be in is seen while one types."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cic.model import TRAITS
from cic.pages.building import Draft
from cic.pages.forms import Form, Group, Row, changed, feel_of, form_of, mistake, read_form
from cic.pages.words import OPERATORS, words_of
from cid.feel import evaluate, parse
from cid.kit.definitions import parse as parse_definitions
from tests.pages.fakes.definitions import definitions

WORDS = words_of(definitions())
SCOPE = {
    "spend 365d": 1840,
    "orders": 0,
    "last nps": "x, y",
    "country": 'F"R',
    "birth_date": None,
    "vip": True,
}
TEXTS = st.text(st.sampled_from('ab ,，"\\1-x.'), min_size=1, max_size=6) | st.sampled_from(
    ["true", "12", "1.5", "2026-01-31", "北湖"]
)


@st.composite
def rows(draw):
    word = draw(st.sampled_from(sorted(WORDS)))
    kind = WORDS[word]["type"]
    op = draw(st.sampled_from(OPERATORS[kind]))
    numbers = st.integers(-10_000, 10_000).map(str) | st.sampled_from(["1.50", "0.001"])
    days = st.dates().map(str)
    values = {"number": numbers, "date": days}.get(kind, TEXTS)
    return Row(word, op, draw(values), draw(values))


FORMS = st.builds(
    Form,
    st.lists(
        st.builds(
            Group,
            st.lists(rows(), min_size=1, max_size=3).map(tuple),
            st.sampled_from(["and", "or"]),
        ),
        min_size=1,
        max_size=3,
    ).map(tuple),
    st.sampled_from(["and", "or"]),
)


@given(FORMS)
def test_what_a_form_says_as_text_is_read_as_a_form_that_says_the_same(form):
    text = feel_of(form, WORDS)
    again = form_of(text, WORDS)
    assert again is not None, text
    assert feel_of(again, WORDS) == text


@pytest.mark.parametrize(
    "text",
    [
        "spend 365d > 100 and not(vip)",
        "vip or (orders > 3 and orders < 9)",
        'country in ("FR", "a, b") and (vip or last nps <= 6) and orders = 0',
        'consent("marketing", "email") and not(country in ("FR"))',
        'birth_date >= date("1990-01-31") or birth_date = null',
        "spend 365d between 1 and 5.50",
        'last nps = "12" or last nps = 12',
        'starts with(country, "F") and not(consent("a", "b"))',
        "((vip and orders > 1) and orders < 9)",
    ],
)
def test_usual_conditions_are_rows(text):
    form = form_of(text, WORDS)
    assert form is not None
    granted = {"consent": lambda purpose, channel: purpose == "marketing"}
    said, meant = (
        evaluate(parse(one, known=WORDS), SCOPE, functions=granted)
        for one in (feel_of(form, WORDS), text)
    )
    assert said == meant


@pytest.mark.parametrize(
    "text",
    [
        "spend 365d > 2 * orders",
        "orders = spend 365d",
        "vip and (orders > 1 or (vip and orders < 9))",
        "last nps in [1..6]",
        "vip = true",
        "if vip then true else false",
        "nobody > 3",
        "spend 365d >",
    ],
)
def test_what_rows_cannot_say_stays_text(text):
    assert form_of(text, WORDS) is None


def test_rows_that_are_not_finished_are_marked_and_left_out():
    group = Group((Row("orders", ">", "many"), Row("vip", "yes"), Row("country", "in", "")))
    assert feel_of(Form((group,)), WORDS) == "vip"
    assert [mistake(row, WORDS) != "" for row in group.rows] == [True, False, True]


def test_an_operator_that_does_not_fit_a_new_word_becomes_one_that_does():
    form = read_form({"g0.r0.word": "country", "g0.r0.op": "between", "g0.r0.value": "FR"}, WORDS)
    assert form.groups[0].rows[0].op == "="


@given(
    st.dictionaries(st.from_regex(r"g\d\.(r\d\.(word|op|value|to)|join)", fullmatch=True), TEXTS)
)
def test_whatever_is_sent_becomes_a_form(fields):
    form = read_form(fields, WORDS)
    assert form.groups
    assert isinstance(feel_of(form, WORDS), str)


@given(FORMS, st.from_regex(r"(row|group)[+-](\d\.?){0,2}", fullmatch=True))
def test_a_form_never_becomes_empty(form, do):
    assert all(group.rows for group in changed(form, do).groups)


def test_of_rows_and_text_the_one_that_was_changed_is_right():
    row = {"rows": "1", "g0.r0.word": "vip", "g0.r0.op": "yes"}
    assert Draft.read({**row, "when": "orders > 1", "synced": "orders > 1"}, WORDS).when == "vip"
    text = Draft.read({**row, "when": "orders > 2", "synced": "orders > 1"}, WORDS)
    assert text.when == "orders > 2"
    assert text.form == Form((Group((Row("orders", ">", "2"),)),))


def test_without_scripts_rows_are_added_and_a_segment_is_saved(client, company):
    client.cookies.set("role", "analyst")
    row = {"rows": "1", "g0.r0.word": "vip", "g0.r0.op": "yes", "when": "", "synced": ""}
    text = client.post("/segments/new", data={**row, "do": "row+0"}).text
    assert 'name="g0.r1.word"' in text
    assert re.search(r"<textarea[^>]*>vip</textarea>", text)
    assert "Give it a name" in client.post("/segments/new", data={**row, "do": "save"}).text
    given = {"name": "dear", "title_zh": "珍贵", "priority": "1", "group": "life", "reason": "tea"}
    answer = client.post(
        "/segments/new", data={**row, **given, "do": "save"}, follow_redirects=False
    )
    assert answer.headers["location"] == "/segments/dear?saved=1&entered=3&left=1"
    ((kind, name, saved),) = company.cic.saved
    assert (kind, name, saved["role"], saved["reason"]) == ("segment", "dear", "analyst", "tea")
    assert saved["definition"] == {
        "title": {"en": "珍贵", "zh": "珍贵"},
        "group": "life",
        "priority": 1,
        "when": "vip",
    }


def test_a_condition_found_elsewhere_brings_the_traits_it_needs(client, company):
    client.cookies.set("role", "analyst")
    needs = {"buyers 28 d": {"of": ["Order Completed"], "count": True, "window": "28 d"}}
    given = {"when": "buyers 28 d > 0", "needs": json.dumps(needs)}
    text = client.get("/segments/new", params=given).text
    assert "needs traits that do not exist yet" in text
    answer = client.post("/segments/new/traits", data=given, follow_redirects=False)
    assert answer.headers["location"] == "/segments/new?when=buyers+28+d+%3E+0"
    ((_, saved, _),) = company.cic.saved
    assert parse_definitions(saved.removeprefix("traits:\n"), TRAITS)[1] == []
    known = {"when": "orders > 0", "needs": '{"orders": {}}'}
    assert "do not exist yet" not in client.get("/segments/new", params=known).text
    assert client.get("/segments/new", params={"needs": "[1"}).status_code == 200


def test_what_others_saved_meanwhile_is_not_overwritten(client, company):
    client.cookies.set("role", "analyst")
    given = {"when": "vip", "version": "old", "do": "save"}
    text = client.post("/segments/vip/edit", data=given).text
    assert "Somebody else has changed it." in text
    assert company.cic.saved == []


def test_agents_try_but_do_not_save(client, company):
    text = client.get("/segments/vip/edit").text
    assert re.search(r'value="save"[^>]*disabled', text)
    given = {"when": "vip", "do": "save", "version": "x"}
    assert "Agents look" in client.post("/segments/vip/edit", data=given).text
    assert company.cic.saved == []


def test_a_mistake_in_a_condition_is_said_beside_it(client):
    text = client.post("/segments/build", data={"from": "text", "when": "spnd >"}).text
    assert "Did you mean" in text
    assert "<html" not in text


SETTLED = (
    "() => !document.querySelector('.htmx-added, .htmx-settling, .htmx-swapping, .htmx-request')"
)


def test_building_needs_no_mouse(visit):
    page, wrong = visit("/segments/new")
    page.get_by_label("Word of condition 1").focus()
    page.keyboard.type("spent")
    page.get_by_role("option", name="spend 365d").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.activeElement.id === 'f-g0-r0-value'")
    page.keyboard.type("1000")
    page.get_by_text("of 6,312 customers").wait_for()
    page.wait_for_function("() => document.getElementById('f-when').value === 'spend 365d >= 1000'")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.activeElement.id === 'f-g0-r1-word'")
    page.keyboard.type("vip")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.getElementById('f-when').value.endsWith('and vip')")
    page.wait_for_function(SETTLED)
    page.get_by_label("The same as text (FEEL)").fill("vip or last nps <= 6")
    page.wait_for_function("() => document.getElementById('f-g0-r1-value')?.value === '6'")
    assert page.locator("select[name='g0.join']").input_value() == "or"
    page.get_by_label("The same as text (FEEL)").fill("spend 365d > 2 * orders")
    page.get_by_text("The text says more than rows can").wait_for()
    page.get_by_text("The last 90 days").first.wait_for()
    assert wrong == []
