"""In a real browser: no error, no foreign request, accessible, small screens, keyboard only."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.pages.test_pages import PAGES

AXE = Axe()
LOOKED_AT = [path for path in PAGES if "nobody" not in path and "zzz" not in path]


@pytest.mark.parametrize("path", LOOKED_AT)
def test_a_page_is_clean_accessible_and_fits_wide_and_light_narrow_and_dark(visit, path):
    page, wrong = visit(path, viewport={"width": 1280, "height": 860})
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    assert violations(page, "color-contrast", "scrollable-region-focusable") == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert wrong == []


def violations(page, *rules: str) -> list[str]:
    options = {"runOnly": {"type": "rule", "values": rules}} if rules else None
    found = AXE.run(page, options=options).response["violations"]
    return [f"{one['id']}: {node['html'][:150]}" for one in found for node in one["nodes"][:3]]


def test_the_keyboard_is_enough(visit):
    page, wrong = visit("/segments")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert page.locator("tr.at").inner_text().startswith("VIP")
    page.keyboard.press("Enter")
    page.wait_for_url("**/segments/vip")
    assert wrong == []


def test_the_theme_changes_at_once_and_stays(visit):
    page, wrong = visit("/segments/vip")
    page.get_by_label("Theme").click()
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate("getComputedStyle(document.body).colorScheme") == "dark"
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert wrong == []


def test_home_brings_what_takes_a_moment_by_itself(visit):
    page, wrong = visit("/")
    page.get_by_text("▲ 1").wait_for()
    page.wait_for_selector("[data-chart][data-drawn] svg")
    assert violations(page) == []
    assert wrong == []


def test_a_condition_is_previewed_while_typing(visit):
    page, wrong = visit("/segments")
    page.get_by_label("Condition", exact=True).fill("orders > 3")
    page.get_by_text("of 6,312 customers").wait_for()
    page.get_by_label("Condition", exact=True).fill("nonsense")
    page.get_by_text("Did you mean").wait_for()
    assert wrong == []


def test_the_live_strip_asks_again_by_itself(visit):
    page, wrong = visit("/rules")
    with page.expect_response("**/live", timeout=8_000) as answer:
        pass
    assert answer.value.ok
    assert wrong == []


def test_pages_work_without_scripts(visit):
    page, wrong = visit("/customers/c_ann0001", java_script_enabled=False)
    page.get_by_label("What did she or he say?").fill("no skis")
    page.get_by_role("button", name="Rejected").click()
    page.get_by_text("Noted: the offer was rejected").wait_for()
    page.get_by_role("link", name="Earlier").click()
    page.get_by_role("button", name="中文").click()
    page.get_by_role("heading", name="时间线").wait_for()
    assert wrong == []
