"""Segment's client for browsers on a page of another site: each event counts once, nothing is asked
of anybody else."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.clients.conftest import absent
from tests.clients.packages import NODE
from tests.clients.serving import KEY, Fault, Shop

CHROMIUM = Path("/usr/bin/chromium")
LOAD = """async ([key, host, options]) => {
    window.sdk = new AnalyticsNext.AnalyticsBrowser()
    const settings = {writeKey: key, cdnURL: host}
    sdk.load(settings, {integrations: {'Segment.io': options}, disableClientPersistence: true})
    await sdk.ready()
}"""
SEND = """async ([user, count]) => {
    await sdk.identify(user, {plan: 'gold'})
    for (let n = 0; n < count; n++) {
        await sdk.track('Product Viewed', {n, name: '帐篷 🏕'})
        await new Promise((done) => setTimeout(done, 2))
    }
}"""


class _Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def site(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Another site than ours: a page with the client on it."""
    folder = tmp_path_factory.mktemp("site")
    umd = packages / "node_modules" / "@segment" / "analytics-next" / "dist" / "umd"
    for path in umd.glob("*.js"):
        shutil.copyfile(path, folder / path.name)
    shutil.copyfile(umd / "index.js", folder / "analytics.js")
    shutil.copyfile(NODE / "shop.html", folder / "index.html")
    handler = functools.partial(_Files, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    if not CHROMIUM.exists():
        absent(f"{CHROMIUM} is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=options)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any, site: str, shop: Shop) -> Iterator[Page]:
    """The page of the other site; a request to anybody but it and us fails the test."""
    strange: list[str] = []
    context = chromium.new_context()

    def keep_home(route: Any) -> None:
        if route.request.url.startswith((site, shop.host, "data:", "blob:")):
            route.continue_()
        else:
            strange.append(route.request.url)
            route.abort()

    context.route("**/*", keep_home)
    page = context.new_page()
    page.goto(site)
    yield page
    context.close()
    assert strange == []


def arrived(shop: Shop, page: Page, number: int) -> dict[str, int]:
    """Wait until so many facts are there; say what became of all."""
    for _ in range(100):
        page.wait_for_timeout(100)
        if shop.fates().get("applied", 0) >= number:
            break
    return shop.fates()


BATCHES = {"deliveryStrategy": {"strategy": "batching", "config": {"size": 10, "timeout": 200}}}


@pytest.mark.parametrize("options", [{}, BATCHES], ids=["one by one", "batches"])
def test_nothing_is_lost_nothing_doubled_and_the_order_kept(shop, page, options):
    page.evaluate(LOAD, [KEY, shop.host, options])
    page.evaluate(SEND, [shop.user(0), 40])
    assert arrived(shop, page, 41) == {"applied": 41}
    assert shop.seen(0) == list(range(40))
    body = next(body for body in shop.bodies() if body["type"] == "track")
    assert body["context"]["page"]["title"] == "A shop of its own"
    assert body["anonymousId"]
    assert "writeKey" not in body


@pytest.mark.parametrize(
    "fault",
    [Fault(429, retry_after=1), Fault(500, stored=True), Fault(503, retry_after=1)],
    ids=["429", "500 but stored", "503"],
)
@pytest.mark.parametrize("options", [{}, BATCHES], ids=["one by one", "batches"])
def test_a_spoilt_answer_loses_nothing_and_doubles_nothing(shop, page, fault, options):
    page.evaluate(LOAD, [KEY, shop.host, options])
    shop.faults.waiting = [fault]
    page.evaluate(SEND, [shop.user(0), 15])
    fates = arrived(shop, page, 16)
    assert fates["applied"] == 16
    assert set(fates) <= {"applied", "duplicate"}
    assert shop.seen(0) == list(range(15))
