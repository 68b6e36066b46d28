"""The applications of the small company of ``fakes.py``: the real ones, on a desk in memory."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cfa.adapters.sql
import icustomer.samples.northlake
from cfa.desk import Desk, install
from cfa.facade import Applications
from cfa.model import SECTIONS
from cid.kit.clock import DAY, HOUR, MINUTE, ManualClock
from cid.kit.db import Database, metadata
from cid.kit.definitions import load
from cid.model.fact import Fact
from tests.pages.fakes import ANN, JONAS, NAMES, NOW, WANG

PAGES = ["/tasks", "/tasks?state=done", "/sales", "/sales/o-3", "/service", "/cases/k_12"]
DEFINITIONS = Path(icustomer.samples.northlake.__file__).parent / "definitions"
_DATABASES = itertools.count()
DEALS = (
    ("o-1", "c_club001", "Ropes for 80 members", "prospecting", 6_400, 3),
    ("o-2", "c_cham001", "Avalanche kits", "qualified", 18_500.5, 20),
    ("o-3", "c_cham001", "Tents for the summer school", "quoted", 42_000, 41),
    ("o-4", "c_club001", "Helmets", "won", 3_900, 12),
    ("o-5", "c_emma001", "Hut equipment", "lost", 9_000, 30),
)


class Advice:
    """Proposes what the customer page of the small company shows."""

    def decide(self, table: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:
        return {"first response": "PT1H", "resolve": "PT8H"} if table == "SLA" else None

    def next_best_action(self, customer: str) -> dict[str, Any] | None:
        if customer == WANG:
            return None
        return {
            "offer": "free ski service",
            "text": "We wax and sharpen your skis for free.",
            "value": 45,
            "reason": "gold tier, last recommendation score 6",
            "rule": "win back a silent vip",
            "table": "offer",
            "task_id": "t_1",
            "loop": "l_81",
        }


class Cfa(Applications):
    """Applications with a few tasks, cases and deals."""

    def __init__(self) -> None:
        self.answers: list[tuple[Any, ...]] = []
        self.moment = ManualClock(NOW)
        definitions, _ = load(DEFINITIONS, SECTIONS)
        url = f"sqlite:///file:cfa{next(_DATABASES)}?mode=memory&cache=shared&uri=true"
        self.database = Database(url)
        self.kept = self.database.engine.connect()
        metadata.create_all(self.database.engine)
        store = cfa.adapters.sql.SqlStore(self.database)
        self.desk = Desk(store, install(definitions, Advice()))
        self.numbers = itertools.count()
        super().__init__(definitions, store, self.say, Advice(), self.moment, self.called)
        self.begin()

    def called(self, customers: list[str]) -> dict[str, str]:
        return {each: NAMES[each] for each in customers if each in NAMES}

    def say(
        self,
        event: str,
        *,
        customer: str,
        properties: Mapping[str, Any],
        actor: str,
        loop: str = "",
        message_id: str | None = None,
        ago: int = 0,
    ) -> dict[str, Any]:
        number = next(self.numbers)
        moment = self.moment.now() - ago
        fact = Fact(
            position=number,
            message_id=message_id or f"m{number}",
            source="staff",
            type="track",
            event=event,
            time=moment,
            received=moment,
            identifiers=(),
            properties=dict(properties),
            actor=actor,
            loop=loop,
            identity=customer,
            customer=customer,
        )
        self.moment.moment += 1
        self.desk.apply(fact)
        with self.database.write() as connection:
            self.desk.flush(connection)
        return {"state": "applied"}

    def begin(self) -> None:
        for number, (title, queue, customer, due) in enumerate(
            (
                (
                    "Call Jonas Brandt: 2 100 EUR in a year, silent for 60 days",
                    "loyalty",
                    JONAS,
                    30,
                ),
                ("Her cart has waited for two hours", "shop", ANN, -2),
                ("Approve a discount of 18 %", "approvals", "c_cham001", 4),
                ("Ask why she rated us 2 of 5", "service", WANG, None),
            )
        ):
            self.desk.open_task(
                id=f"t_{number + 1}",
                app="sales",
                queue=queue,
                title=title,
                customer=customer,
                rule="win back a silent vip",
                at=NOW - (number + 2) * HOUR,
                due=None if due is None else NOW + due * HOUR,
                loop="l_81",
            )
        done = {"task_id": "t_4", "outcome": "reached", "note": "was in a hurry that day"}
        self.say("Task Completed", customer=WANG, properties=done, actor="Eva", ago=HOUR)
        for case, customer, subject, priority, since in (
            ("k_12", ANN, "Zip of the tent is broken", "high", 50 * MINUTE),
            ("k_13", "c_liwei01", "Stove leaks", "high", 3 * HOUR),
            ("k_14", "c_marie01", "Invoice to the old address", "normal", 26 * HOUR),
        ):
            given = {"case_id": case, "subject": subject, "priority": priority, "queue": "service"}
            given["channel"] = "phone"
            self.say("Case Opened", customer=customer, properties=given, actor="", ago=since)
            asked = {"case_id": case, "direction": "inbound", "text": f"{subject}. Please help."}
            self.say("Case Message", customer=customer, properties=asked, actor="", ago=since)
        answer = {"case_id": "k_14", "direction": "outbound", "text": "Which address is right?"}
        self.say("Case Message", customer="c_marie01", properties=answer, actor="Eva", ago=DAY)
        waits = {"case_id": "k_14", "status": "waiting"}
        self.say(
            "Case Status Changed", customer="c_marie01", properties=waits, actor="Eva", ago=DAY
        )
        for deal, customer, name, stage, amount, days in DEALS:
            said = {"opportunity_id": deal, "name": name, "stage": stage, "amount": amount}
            said |= {"currency": "EUR", "owner": "Lea Martin", "pipeline": "business"}
            said |= {"close_date": "2026-12-31", "discount": 12 if deal == "o-3" else 0}
            self.say(
                "Opportunity Updated",
                customer=customer,
                properties=said,
                actor="Lea Martin",
                ago=days * DAY,
            )
        lead = {"lead_id": "o-6", "interest": "Rental park", "origin": "fair"}
        self.say("Lead Captured", customer="c_emma001", properties=lead, actor="", ago=2 * DAY)

    def answer_offer(
        self, customer: str, offer: str, accepted: bool, reason: str, actor: str
    ) -> dict[str, Any]:
        self.answers.append((customer, offer, accepted, reason, actor))
        return super().answer_offer(customer, offer, accepted, reason, actor)
