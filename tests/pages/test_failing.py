"""When an answer does not come the page says so: it never leaves an old answer beside a new question."""

from __future__ import annotations

from typing import Any

ASKED = "/explore?measure=revenue&by=country"
NEXT = "htmx.ajax('GET', '/live', '#live').catch(() => null) && null"
"""What the strip does every five seconds."""


def cut(page: Any, **answer: Any) -> None:
    """From now on what the page asks by itself fails; with an answer it is that one."""

    def fail(route: Any) -> None:
        if route.request.resource_type not in ("xhr", "fetch"):
            route.fallback()
        elif answer:
            route.fulfill(**answer)
        else:
            route.abort()

    page.context.route("**/*", fail)


def test_an_answer_that_does_not_come_takes_the_old_one_away_and_is_asked_again(visit):
    page, _ = visit(ASKED)
    answer = page.locator("#answer")
    before = answer.inner_text()
    cut(page)
    page.get_by_label("Month", exact=True).first.check()
    answer.get_by_role("alert").wait_for()
    assert answer.inner_text().startswith("The server does not answer.")
    assert before not in answer.inner_text()
    page.context.unroute("**/*")
    page.get_by_role("button", name="Ask again").click()
    answer.get_by_role("heading", name="Revenue by Month").wait_for()
    assert answer.get_by_role("alert").count() == 0


def test_what_the_server_says_of_its_failure_is_told_with_what_to_do(visit):
    page, _ = visit(ASKED)
    told = "Too many questions at once."
    body = f"<div class='head'><h1>{told}</h1><p class='meaning'>Ask in a minute.</p></div>"
    cut(page, status=503, content_type="text/html", body=body)
    page.locator('input[name="by"][value="month"]').check()
    alert = page.locator("#answer [role=alert]")
    alert.wait_for()
    assert alert.inner_text().split("\n")[0] == told
    assert "Ask in a minute." in alert.inner_text()


def test_the_strip_is_not_green_when_the_server_is_silent(visit):
    page, _ = visit("/segments")
    strip = page.locator("#live")
    assert strip.locator(".good").count()
    cut(page)
    page.evaluate(NEXT)
    strip.get_by_text("The server does not answer.").wait_for()
    assert strip.locator(".good").count() == 0
    page.context.unroute("**/*")
    page.evaluate(NEXT)
    strip.locator(".good").first.wait_for()


def test_a_form_is_sent_once_however_often_the_button_is_pressed(visit):
    page, wrong = visit("/segments/vip")
    sent: list[str] = []

    def count(route: Any) -> None:
        sent.append(route.request.method)
        page.wait_for_timeout(150)
        route.fulfill(status=204)

    page.context.route("**/settings", count)
    page.evaluate(
        """() => {
            const form = document.querySelector('form.settings')
            for (const at of [0, 60, 120]) setTimeout(() => form.requestSubmit(), at)
        }"""
    )
    page.wait_for_timeout(700)
    assert sent == ["POST"]
    page.keyboard.press("Escape")
    page.evaluate("document.querySelector('form.settings').requestSubmit()")
    page.wait_for_timeout(300)
    assert sent == ["POST", "POST"]
    assert wrong == []


def test_a_segment_that_is_being_built_survives_a_reload(visit):
    page, wrong = visit("/segments/new")
    text = page.locator("#f-when")
    text.fill("spend 365d > 300")
    page.locator("#would .figure").first.wait_for()
    page.wait_for_function("location.search.includes('when=')")
    page.reload()
    assert text.input_value() == "spend 365d > 300"
    assert wrong == []


def test_what_is_wrong_with_a_form_is_said_where_the_keyboard_goes_on(visit):
    role = {"name": "role", "value": "analyst", "domain": "127.0.0.1", "path": "/"}
    page, wrong = visit(
        "/segments/new?when=spend+365d+%3E+300", storage_state={"cookies": [role], "origins": []}
    )
    page.get_by_role("button", name="Save").click()
    name = page.locator("[name=name][aria-invalid=true]")
    name.wait_for()
    assert page.evaluate("document.activeElement.name") == "name"
    assert page.locator("#e-name").inner_text() == "Give it a name."
    name.fill("a" * 90)
    page.get_by_role("button", name="Save").click()
    page.get_by_text("This name is longer than 80 letters.").wait_for()
    assert wrong == []
