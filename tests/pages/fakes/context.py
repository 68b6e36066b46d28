"""What is done when, in the fake company."""

from __future__ import annotations

from typing import Any

from cid.kit.clock import HOUR
from tests.pages.fakes.cic import EXPLANATION
from tests.pages.fakes.workbench import Workbench
from tests.pages.fakes.world import NAMES, ago, known, title, walk

RULES = [
    (
        "win back a silent vip",
        "Win back a silent VIP",
        "挽回沉默贵宾",
        "analysis",
        "left active",
        "vip and orders 90d = 0",
        12,
        140,
    ),
    (
        "rescue a cart",
        "Rescue an abandoned cart",
        "挽救购物车",
        "analysis",
        "entered abandoned cart",
        'consent("marketing", "email")',
        210,
        480,
    ),
    (
        "big quote needs approval",
        "A quote above the discount limit needs approval",
        "超限折扣需审批",
        "event",
        "Quote Sent",
        "event.discount > 15",
        4,
        31,
    ),
    (
        "weekly review of quiet vips",
        "Weekly review of VIPs",
        "每周贵宾回顾",
        "time",
        "every 7 d in vip",
        "orders 90d = 0 and active",
        0,
        0,
    ),
]


class Context:
    def __init__(self) -> None:
        self.workbench = Workbench()

    def rules(self) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "title": title(en, zh),
                "description": None,
                "owner": "loyalty",
                "enabled": fired > 0,
                "proactive": True,
                "trigger": {"kind": kind, "text": text},
                "when": when,
                "version": "99aa88bb77cc6600",
                "file": "rules.yaml",
                "evaluated": seen,
                "fired": fired,
                "fired_30d": fired,
                "last_fired": ago(5 * HOUR) if fired else None,
                "trend": walk(fired, fired / 3, 2),
                "pending": 1,
                "dead": 0,
            }
            for name, en, zh, kind, text, when, fired, seen in RULES
        ]

    def rule(self, name: str) -> dict[str, Any]:
        known(name, [row[0] for row in RULES], "rule")
        (entry,) = (row for row in self.rules() if row["name"] == name)
        return {
            **entry,
            "on": {"left": "active"},
            "do": [
                {"action": "task", "table": "", "parameters": {"queue": "loyalty", "due": "P2D"}},
                {"action": "offer", "table": "offer", "parameters": {}},
            ],
            "once_per": "90 d",
            "yaml": f"{name}:\n  on: {{left: active}}\n  when: {entry['when']}\n",
            "reads": ["vip", "orders 90d"],
            "waiting": 3,
            "decisions": self.decisions(rule=name),
        }

    def why(self, rule: str, customer: str) -> dict[str, Any]:
        known(rule, [row[0] for row in RULES], "rule")
        known(customer, NAMES, "customer")
        return {
            "rule": rule,
            "customer": customer,
            "name": NAMES[customer],
            "fires": False,
            "reason": "the condition is not met",
            "explanation": EXPLANATION,
            "last": None,
        }

    def decisions(
        self, customer: str = "", rule: str = "", limit: int = 50
    ) -> list[dict[str, Any]]:
        return [
            {
                "id": f"d_{place}",
                "rule": rule or "win back a silent vip",
                "title": title("Win back a silent VIP", "挽回沉默贵宾"),
                "version": "99aa88bb77cc6600",
                "trigger": "analysis",
                "customer": id,
                "name": NAMES[id],
                "at": ago(place * 9 * HOUR),
                "cause": "active left",
                "actor": "",
                "fired": place % 3 == 0,
                "reason": "" if place % 3 == 0 else "no consent to phone",
                "loop": f"l_{place}",
                "latency_ms": 12 + place,
                "actions": [{"action": "task", "state": "done"}] if place % 3 == 0 else [],
            }
            for place, id in enumerate(NAMES)
        ]

    def tables(self) -> list[dict[str, Any]]:
        return [
            {
                "name": "offer",
                "title": title("Which offer fits", "推荐哪个优惠"),
                "description": None,
                "owner": "loyalty",
                "inputs": ["tier", "spend 365d", "last nps"],
                "outputs": ["offer", "value", "text"],
                "hit": "first",
                "rows": [
                    [
                        '"gold"',
                        ">= 2000",
                        "<= 6",
                        '"personal guide day"',
                        150,
                        '"A day with a guide."',
                    ],
                    ["-", ">= 2000", "-", '"15 % on one item"', 60, '"15 % off."'],
                ],
                "default": {"offer": '"newsletter gift"', "value": 5, "text": '"A gift."'},
                "version": "1234567890ab",
                "file": "tables.yaml",
                "used_by": ["win back a silent vip"],
            }
        ]

    def ask_table(self, table: str, inputs: dict[str, Any]) -> dict[str, Any]:
        known(table, ["offer"], "table")
        return {
            "offer": "15 % on one item",
            "value": 60,
            "text": "15 % off.",
            "row": 2,
        }
