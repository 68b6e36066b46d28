"""What people have to do, in the fake company."""

from __future__ import annotations

from typing import Any

from cid.kit.clock import HOUR, format_time
from tests.pages.fakes.world import ANN, JONAS, NAMES, NOW, WANG, ago


class Cfa:
    def __init__(self) -> None:
        self.answers: list[tuple[Any, ...]] = []

    def tasks(
        self, state: str = "open", queue: str = "", customer: str = ""
    ) -> list[dict[str, Any]]:
        return [
            {
                "id": "t_1",
                "title": "Call Jonas Brandt: 2 100 EUR in a year, silent for 60 days",
                "queue": "loyalty",
                "customer": JONAS,
                "name": NAMES[JONAS],
                "rule": "win back a silent vip",
                "opened_at": ago(5 * HOUR),
                "due_at": format_time(NOW + 30 * HOUR),
                "state": "open",
                "overdue": False,
            }
        ]

    def open_tasks(self) -> list[dict[str, Any]]:
        return [{"id": "t_1", "state": "open", "due_at": NOW + 30 * HOUR}]

    def cases(
        self, state: str = "open", queue: str = "", customer: str = ""
    ) -> list[dict[str, Any]]:
        return [
            {
                "id": "k_12",
                "subject": "Zip of the tent is broken",
                "customer": ANN,
                "name": NAMES[ANN],
                "channel": "phone",
                "priority": "high",
                "queue": "service",
                "state": "open",
                "opened_at": ago(5 * HOUR),
                "first_response_due": ago(HOUR),
                "resolve_due": format_time(NOW + 3 * HOUR),
                "csat": None,
            }
        ]

    def search(self, text: str, limit: int = 10) -> list[dict[str, Any]]:
        case = {"kind": "case", "id": "k_12", "title": "Zip of the tent is broken"}
        return [{**case, "customer": ANN, "name": NAMES[ANN], "href": "/cases/k_12"}]

    def counts(self) -> dict[str, dict[str, int]]:
        return {"task": {"open": 1}, "case": {"open": 1, "waiting": 1, "resolved": 7}}

    def board(self, pipeline: str = "") -> dict[str, Any]:
        return {"stages": []}

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

    def answer_offer(
        self, customer: str, offer: str, accepted: bool, reason: str, actor: str
    ) -> None:
        self.answers.append((customer, offer, accepted, reason, actor))
