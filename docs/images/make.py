"""Draw the screenshots of the documentation: ``python docs/images/make.py [name …]``.

It builds the sample company at a fixed moment in a directory that it throws away, serves it, and
looks at it with Chromium (``apt-get install chromium fonts-wqy-microhei``). Nothing is drawn by hand.
"""

from __future__ import annotations

import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import uvicorn
from playwright.sync_api import sync_playwright

from cid.kit.clock import ManualClock, parse_time
from context.workbench import Author
from icustomer import ICustomer
from icustomer.app import create_app
from icustomer.demo import build_demo

HERE = Path(__file__).parent
NOW = "2026-11-22T12:00:00Z"
SCALE = 0.05


class Picture(NamedTuple):
    """One screenshot: where it is taken, and how."""

    path: Callable[[ICustomer], str]
    width: int = 1280
    height: int = 860
    language: str = "en-GB"
    theme: str = "light"
    role: str = ""
    wait: int = 1_200


def _ann(company: ICustomer) -> str:
    return str(company.cid.find("ann keller", limit=1)[0]["id"])


def _draft(company: ICustomer) -> str:
    """Keep a draft with two mistakes, as somebody might have left it."""
    bench = company.context.workbench
    text = bench.text("rule", "abandoned cart")
    wrong = text.replace("value 7d >= 350", "value 7d >= 350 and cart value 7d < 200")
    wrong = wrong.replace('"Help with', 'nmae + " needs help with')
    bench.save("rule", "abandoned cart", wrong, Author("analyst"), "Only those worth a call")
    return "/rules/abandoned%20cart/edit"


PICTURES = {
    "home": Picture(lambda company: "/"),
    "customer": Picture(lambda company: f"/customers/{_ann(company)}"),
    "segment": Picture(lambda company: f"/segments/active?customer={_ann(company)}"),
    "builder": Picture(
        lambda company: "/segments/at%20risk/edit", role="analyst", height=940, wait=6_000
    ),
    "explore": Picture(
        lambda company: "/explore?measure=revenue&by=month&split=channel", height=940
    ),
    "sales": Picture(lambda company: "/sales", theme="dark"),
    "rule": Picture(lambda company: "/rules/win%20back%20a%20silent%20vip", language="zh-CN"),
    "workbench": Picture(_draft, height=940, role="analyst"),
    "table": Picture(
        lambda company: "/tables/offer/edit", language="zh-CN", theme="dark", role="analyst"
    ),
    "capabilities": Picture(lambda company: "/capabilities"),
}


def main(names: list[str]) -> None:
    """Draw the pictures of these names, or all of them."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "northlake"
        build_demo(directory, scale=SCALE, now=NOW)
        clock = ManualClock(parse_time(NOW))
        with ICustomer.open(directory, clock=clock) as company:
            company.cic.verify()
            _draw(company, names or list(PICTURES))


def _draw(company: ICustomer, names: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        app = create_app(company, beat=False)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.05)
        try:
            _look(company, f"http://127.0.0.1:{listener.getsockname()[1]}", names)
        finally:
            server.should_exit = True
            thread.join()


def _look(company: ICustomer, address: str, names: list[str]) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        for name in names:
            picture = PICTURES[name]
            page = browser.new_page(
                viewport={"width": picture.width, "height": picture.height},
                color_scheme="dark" if picture.theme == "dark" else "light",
                locale=picture.language,
                timezone_id="UTC",
            )
            if picture.role:
                page.context.add_cookies([{"name": "role", "value": picture.role, "url": address}])
            page.goto(address + picture.path(company), wait_until="networkidle")
            if page.query_selector("[data-chart]"):
                page.wait_for_selector("[data-chart][data-drawn]")
            # Charts come in with a short movement; a picture shows where it ends.
            page.wait_for_timeout(picture.wait)
            page.screenshot(path=str(HERE / f"{name}.png"))
            page.close()
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
