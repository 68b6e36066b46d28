"""In a real browser: no error, no foreign request, accessible, small screens, keyboard only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.company import Built, opened
from tests.outside.serving import served

AXE = Axe()
PAGES = (
    "/",
    "/search?q=keller",
    "/customers",
    "/customers?q=nobody",
    "/customers/{ann}",
    "/customers/{ann}/evidence",
    "/customers/{ann}/evidence?a={a}&b={b}",
    "/describe",
    "/flows",
    "/quarantine",
    "/segments",
    "/segments/new?when=spend+365d+%3E+3+and+(vip+or+country+in+(%22FR%22))",
    "/segments/new?when=ordres+365d+%3E+3",
    "/segments/vip/edit",
    "/segments/vip?customer={ann}",
    "/traits",
    "/traits/spend%20365d?customer={ann}",
    "/verify?segments=vip",
    "/boards",
    "/boards/every%20morning",
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
    "/tasks",
    "/sales",
    "/sales/{deal}",
    "/service",
    "/cases/{case}",
    "/rules",
    "/rules/win%20back%20a%20silent%20vip?customer={ann}",
    "/rules/win%20back%20a%20silent%20vip/edit",
    "/rules/something%20new/edit",
    "/tables?table=offer",
    "/tables/offer/edit",
    "/capabilities",
    "/capabilities/loyalty",
    "/measures",
    "/measures/retention",
    "/loops/{loop}",
)
UNREACHABLE = """() => {
    const found = []
    const wanted = 'a[href], button, input:not([type=hidden]), select, textarea, summary'
    for (const element of document.querySelectorAll(wanted)) {
        if (element.disabled || !element.checkVisibility() || !element.getClientRects().length) continue
        if (element.tabIndex < 0) { found.push('no tab stop: ' + element.outerHTML.slice(0, 120)); continue }
        element.focus({focusVisible: true, preventScroll: true})
        const style = getComputedStyle(element)
        const seen = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0
        if (!seen && style.boxShadow === 'none') found.push('no focus: ' + element.outerHTML.slice(0, 120))
    }
    for (const row of document.querySelectorAll('[data-href]')) {
        if (row.checkVisibility() && !row.querySelector('a')) found.push('no link: ' + row.innerText)
    }
    return found
}"""

CRUSHED = """() => [...document.querySelectorAll('.scroll tbody tr > *')].filter((cell) => {
    const words = cell.checkVisibility() ? cell.innerText.trim() : ''
    return words.length > 8 && cell.offsetWidth < 64
}).map((cell) => `crushed to ${cell.offsetWidth}: ${cell.innerText.slice(0, 60)}`)"""

PASTE = """([text, name]) => {
    const held = new DataTransfer()
    held.setData('text/plain', text)
    const pasted = new ClipboardEvent('paste', {clipboardData: held, bubbles: true, cancelable: true})
    document.querySelector(`[name="${name}"]`).dispatchEvent(pasted)
}"""


@pytest.fixture(scope="module")
def house(northlake: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Any]]:
    """The whole sample company, served to a browser, and what its pages are called."""
    path = northlake.copy(tmp_path_factory.mktemp("pages") / "company")
    with opened(path) as company, served(company) as address:
        ann = company.cid.find("keller", limit=1)[0]["id"]
        edge = company.cii.evidence(ann)["edges"][0]
        cards = [card for column in company.cfa.board()["columns"] for card in column["cards"]]
        loops = [task["loop"] for task in company.cfa.tasks("") if task["loop"]]
        names = {
            "ann": ann,
            "a": edge["a"],
            "b": edge["b"],
            "deal": cards[0]["id"],
            "case": company.cfa.cases("")[0]["id"],
            "loop": loops[0],
        }
        yield address, {name: quote(str(value), safe="") for name, value in names.items()}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_clean_accessible_and_fits(house, window, path):
    """Wide, light and English; then narrow, dark and Chinese."""
    address, names = house
    url = address + path.format(**names)
    page, wrong = window(url, viewport={"width": 1280, "height": 860}, color_scheme="light")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(UNREACHABLE) == []
    page.context.add_cookies([{"name": "lang", "value": "zh", "url": address}])
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    page.goto(url)
    assert page.locator("html").get_attribute("lang") == "zh-Hans"
    assert violations(page, "color-contrast", "scrollable-region-focusable") == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(CRUSHED) == []
    assert wrong == []


def test_a_line_of_how_a_trait_is_spread_opens_by_the_keyboard_to_just_as_many(house, window):
    address, _ = house
    page, wrong = window(f"{address}/traits/spend%20365d", viewport={"width": 390, "height": 860})
    line = page.locator(".spread li", has=page.locator("a")).last
    line.wait_for()
    assert violations(page, "color-contrast") == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    counted = line.locator(".figure").inner_text().split()[0]
    line.locator("a").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/segments/new**")
    assert page.locator("#would .figure").first.inner_text() == counted
    assert wrong == []


@pytest.mark.parametrize("width", [1280, 390])
def test_the_tab_key_reaches_everything_and_comes_round(house, window, width):
    address, names = house
    page, wrong = window(
        f"{address}/customers/{names['ann']}", viewport={"width": width, "height": 860}
    )
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")
    wanted = page.evaluate(
        "[...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, summary')]"
        ".filter((each) => each.checkVisibility() && each.getClientRects().length)"
        ".map((each, place) => { each.dataset.place = place; return place })"
    )
    reached = set()
    for _ in range(len(wanted) + 30):
        page.keyboard.press("Tab")
        place = page.evaluate("document.activeElement?.dataset?.place ?? null")
        if place is not None:
            reached.add(int(place))
    assert set(wanted) - reached == set()
    assert wrong == []


def test_menus_open_and_close_with_the_keyboard(house, window):
    page, wrong = window(f"{house[0]}/customers", viewport={"width": 1280, "height": 860})
    menu = page.locator("details.menu").first
    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    assert menu.get_attribute("open") is not None
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    assert menu.get_attribute("open") is None
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    assert wrong == []


def violations(page, *rules: str) -> list[str]:
    # Only what is wrong is described: to describe what is right takes most of the time.
    options: dict[str, Any] = {"resultTypes": ["violations"], "elementRef": False}
    if rules:
        options["runOnly"] = {"type": "rule", "values": rules}
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


def test_a_rule_is_completed_and_checked_while_typing(house, window):
    page, wrong = window(f"{house[0]}/rules/abandoned%20cart/edit")
    text = page.get_by_label("Definition")
    text.fill("abandoned cart:\n  on: {entered: active}\n  when: cart val")
    text.press("Control+Space")
    page.get_by_role("option", name="cart value 7d").wait_for()
    text.press("Tab")
    assert text.input_value().endswith("when: cart value 7d")
    page.get_by_text("'do' is missing").wait_for()
    assert violations(page) == []
    assert wrong == []


def test_a_decision_table_feels_like_a_spreadsheet(house, window):
    page, wrong = window(f"{house[0]}/tables/offer/edit")
    focused = "document.activeElement.name"
    page.locator('[name="c1.0"]').focus()
    for key, reached in (("ArrowDown", "c2.0"), ("ArrowRight", "c2.1"), ("Enter", "c3.1")):
        page.keyboard.press(key)
        assert page.evaluate(focused) == reached
    rows = page.locator("[data-grid] tbody tr").count()
    page.evaluate(PASTE, ['"gold"\t> 1\n-\t< 0\n"silver"\t"a"', f"c{rows - 1}.0"])
    assert page.locator("[data-grid] tbody tr").count() == rows + 2
    assert page.locator(f'[name="c{rows + 1}.1"]').input_value() == '"a"'
    page.get_by_role("button", name="Check").click()
    page.get_by_text("that is never true").wait_for()
    assert page.locator(f'[name="c{rows + 1}.1"]').get_attribute("aria-invalid") == "true"
    assert violations(page) == []
    assert wrong == []


def test_home_brings_what_takes_a_moment_by_itself(visit):
    page, wrong = visit("/")
    page.get_by_text("▲ 1").wait_for()
    page.wait_for_selector("[data-chart][data-drawn] svg")
    assert violations(page) == []
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
