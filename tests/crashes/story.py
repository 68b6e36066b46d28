"""A small company that lives sixty days: it sells, sends letters, calls other systems and hands out tasks.

The story goes on where the company's own files say that it stopped, as a client does that sends again what
nobody has acknowledged.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import orjson

from cid.kit import failpoints
from cid.kit.clock import DAY, HOUR, ManualClock, format_time, parse_time
from cid.kit.errors import ICustomerError
from cii.ports import TRANSPORTS, Message
from icustomer import ICustomer, Settings
from icustomer.starting import init_company

START = parse_time("2026-03-02T00:00:00Z")
DAYS = 60
END = START + DAYS * DAY
CUSTOMERS = 24
PER_STEP = 16
FOLD = 7
OURS = """
traits:
  orders 10d: {count: true, of: Order Completed, window: 10 d}
segments:
  lately: {when: orders 10d > 0}
rules:
  thank a vip:
    on: {entered: vip}
    do:
      - email: {subject: Thank you, text: You are dear to us, purpose: service}
      - task: {queue: loyalty, title: Ring her}
  tell the warehouse:
    on: {event: Order Completed}
    when: event.total >= 230
    do:
      - webhook: {url: "WEBHOOK", total: "= event.total"}
  ask why she left:
    on: {left: lately}
    do:
      - email: {subject: We miss you, text: Come back, purpose: service}
  ask after a week:
    on: {event: Order Completed, wait: 7 d}
    when: vip
    once per: 20 d
    do:
      - task: {queue: loyalty, title: Was it good?}
"""


def begin(directory: Path, webhook: str) -> None:
    """Make the company's directory."""
    init_company(directory)
    (directory / "crashes.yaml").write_text(OURS.replace("WEBHOOK", webhook), encoding="utf-8")


@lru_cache(maxsize=1)
def steps() -> list[tuple[int, list[Message]]]:
    """Return what reaches the company: (until when, messages) step by step."""
    found: list[tuple[int, list[Message]]] = []
    for message in _messages():
        if not found or len(found[-1][1]) >= PER_STEP:
            found.append((0, []))
        found[-1][1].append(message)
        found[-1] = (message.timestamp, found[-1][1])
    return found


def sent() -> list[str]:
    """Return the ids of all messages, in order."""
    return [orjson.loads(message.value)["messageId"] for _, some in steps() for message in some]


def _messages() -> Iterator[Message]:
    number = 0
    for turn in range(DAYS * 6):
        # Some come often, some once; every one first as a stranger, then with a login.
        who = turn * turn % CUSTOMERS if turn % 3 else turn % CUSTOMERS
        at = START + turn * 4 * HOUR
        login, browser = f"user-{who}", f"browser-{who}"
        said: list[dict[str, Any]] = []
        if turn % 5 == 0:
            traits = {"email": f"{login}@example.org", "city": f"City {turn % 7}"}
            said.append({"type": "identify", "traits": traits, "userId": login})
        if turn % 7 == 0:
            said[-1:] = [{**each, "anonymousId": browser} for each in said[-1:]]
        total: Any = 40 + turn * 37 % 260 if turn % 31 else "much"
        said.append(
            {
                "type": "track",
                "event": "Order Completed",
                **({"anonymousId": browser} if turn % 11 == 3 else {"userId": login}),
                "properties": {"order_id": f"o{turn}", "total": total},
            }
        )
        for each in said:
            number += 1
            body = {**each, "messageId": f"m{number:04}", "timestamp": format_time(at)}
            key = str(body.get("userId") or body["anonymousId"]).encode()
            yield Message(
                key, orjson.dumps(body), at + number, {"source": "shop", "protocol": "segment"}
            )


def live(directory: Path, settings: dict[str, Any]) -> None:
    """Go on with the story to its end; whatever cannot be kept for the moment is an error."""
    acknowledged = directory / "acknowledged"
    clock = ManualClock(END)
    with ICustomer.open(directory, clock=clock, settings=Settings(**settings)) as company:
        company.pipeline.run(FOLD)
        company.delivery.run()
        there = acknowledged.stat().st_size if acknowledged.exists() else 0
        for number, (edge, some) in enumerate(steps()):
            if number < there:
                continue
            company.cii.append(some)
            with acknowledged.open("ab") as file:
                file.write(b".")
            company.pipeline.run(FOLD)
            company.pipeline.tick(edge)
            company.delivery.run()
            if number % 6 == 5:
                company.history.fresh()
            if number % 3 == 1:
                company.keeper.keep()
        company.pipeline.tick(END)
        company.delivery.run()
        company.history.fresh()
        told = {
            "verified": company.cic.verify()["mismatches"],
            "waiting": len(company.context.store.pending(END + 365 * DAY, 1_000)),
            "facts": company.cic.sql("SELECT count(*) FROM facts")["rows"][0][0],
            "balanced": company.cii.ledger()["balanced"],
        }
    (directory / "told.json").write_bytes(orjson.dumps(told))


def run(order: dict[str, Any]) -> int:
    """Carry out an order of the harness in a process of its own; return its exit code."""
    directory = Path(order["directory"])
    failpoints.arm_from(
        {"ICUSTOMER_FAILPOINT": order.get("failpoint", ""), "ICUSTOMER_TESTING": "1"}
    )
    try:
        if order["what"] == "rebuild":
            from icustomer.rebuilding import rebuild_company

            os.environ |= {
                f"ICUSTOMER_{name.upper()}": str(value) for name, value in order["settings"].items()
            }
            rebuild_company(directory)
        elif order.get("kafka"):
            from icustomer import build

            def opened(settings: Settings, data: Path) -> Any:
                return TRANSPORTS.load("kafka")(data, **order["kafka"])

            with patch.object(build, "open_log", opened):
                live(directory, order["settings"])
        else:
            live(directory, order["settings"])
    except ICustomerError as error:
        said = f"{type(error).__name__}: {error}"
        Path(order["error"]).write_text(said, encoding="utf-8")
        return 3
    return 0
