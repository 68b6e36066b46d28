from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, sync_playwright

from tests.pages.fakes import Company
from tests.pages.serving import make_app

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture
def company() -> Company:
    return Company()


@pytest.fixture
def client(company: Company) -> Iterator[TestClient]:
    with TestClient(make_app(company), base_url="http://127.0.0.1") as client:
        yield client


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """The pages, served to a browser."""
    server = uvicorn.Server(uvicorn.Config(make_app(Company()), port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        if os.environ.get("ICUSTOMER_REQUIRE_SERVICES") == "1":
            pytest.fail(f"{CHROMIUM} is missing and services are required.")
        pytest.skip(f"{CHROMIUM} is missing: apt-get install chromium fonts-wqy-microhei")
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=options)
        yield browser
        browser.close()


@pytest.fixture
def visit(window: Any, address: str) -> Any:
    """Open a page of the fake company."""
    return lambda path, **how: window(address + path, **how)


@pytest.fixture
def window(browser: Browser) -> Iterator[Any]:
    """Open a page in a fresh window and note everything that is wrong with it."""
    contexts = []

    def open_page(url: str, **window: Any) -> tuple[Any, list[str]]:
        address = "/".join(url.split("/")[:3])
        context = browser.new_context(**{"locale": "en-GB", "timezone_id": "UTC", **window})
        contexts.append(context)
        wrong: list[str] = []

        def keep_home(route: Any) -> None:
            if route.request.url.startswith((address, "data:")):
                route.continue_()
            else:
                wrong.append(f"external request: {route.request.url}")
                route.abort()

        context.route("**/*", keep_home)
        page = context.new_page()
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(url)
        if page.query_selector("[data-chart]"):
            page.wait_for_selector("[data-chart][data-drawn]")
        return page, wrong

    yield open_page
    for context in contexts:
        context.close()
