"""What the facts mean, in the fake company."""

from __future__ import annotations

from typing import Any

from cid.kit.clock import DAY, HOUR, format_time
from cid.kit.errors import InvalidInput
from tests.pages.fakes.exploration import Exploration
from tests.pages.fakes.world import ANN, NAMES, NOW, WANG, ago, known, title, walk

SEGMENTS = [
    ("vip", "VIP", "贵宾", "spend 365d >= 2000 and not(business)", 184),
    ("active", "Active", "活跃", "orders 365d > 0 and activity 60d > 0", 2310),
    ("at risk", "At risk", "有风险", "orders 365d >= 2 and (slipping away or last nps <= 6)", 391),
    ("abandoned cart", "Abandoned cart", "弃购", 'last cart step 7d != "Order Completed"', 57),
    (
        "new parents of gear",
        "New parents of gear",
        "新装备用户",
        "big gear = 1 and big gear 90d = 1",
        0,
    ),
]
EXPLANATION = {
    "text": "spend 365d >= 2000 and not(business)",
    "value": False,
    "children": [
        {
            "text": "spend 365d >= 2000",
            "value": False,
            "children": [{"text": "spend 365d", "value": 1840.5, "children": []}],
        },
        {
            "text": "not(business)",
            "value": True,
            "children": [{"text": "business", "value": False, "children": []}],
        },
    ],
}


class Cic(Exploration):
    def last_verification(self) -> dict[str, Any] | None:
        return {
            "at": ago(HOUR),
            "as_of": ago(HOUR),
            "mismatches": 0,
            "customers": 6312,
            "traits": 27,
            "segments": 15,
        }

    def segments(self) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "title": title(en, zh),
                "description": title(f"What {en} means.", f"{zh}的含义。"),
                "when": when,
                "owner": "loyalty",
                "version": "a1b2c3d4e5f60718",
                "file": "segments.yaml",
                "size": size,
                "entered_7d": size // 12,
                "left_7d": size // 15,
                "trend": walk(size, size, size / 20 + 1),
            }
            for name, en, zh, when, size in SEGMENTS
        ]

    def segment(self, name: str) -> dict[str, Any]:
        known(name, [row[0] for row in SEGMENTS], "segment")
        (entry,) = (row for row in self.segments() if row["name"] == name)
        sizes = walk(3, entry["size"], entry["size"] / 25 + 1, 60)
        return {
            **entry,
            "reads": ["spend 365d", "business"],
            "used_by": ["context.rules.win back a silent vip", "cbc.measures.retention"],
            "history": [
                {
                    "day": ago((59 - day) * DAY)[:10],
                    "size": size,
                    "entered": size // 40,
                    "left": size // 50,
                }
                for day, size in enumerate(sizes)
            ],
            "overlap": [
                {"segment": "active", "title": title("Active", "活跃"), "both": entry["size"] // 2}
            ],
            "changes": [
                {
                    "customer": id,
                    "name": NAMES[id],
                    "kind": "left" if place % 2 else "entered",
                    "at": ago(place * 7 * HOUR),
                    "cause": "window" if place % 2 else "fact",
                }
                for place, id in enumerate(NAMES)
            ],
        }

    def members(self, segment: str, as_of: str = "", limit: int = 1000) -> dict[str, Any]:
        known(segment, [row[0] for row in SEGMENTS], "segment")
        rows = [
            {"customer": id, "name": name, "since": ago(30 * DAY)} for id, name in NAMES.items()
        ]
        if segment == "new parents of gear":
            rows = []
        return {"segment": segment, "as_of": as_of, "size": len(rows), "members": rows}

    def traits(self, customer: str, as_of: str = "") -> dict[str, Any]:
        return {
            "customer": customer,
            "as_of": as_of or format_time(NOW),
            "traits": [
                {
                    "name": "orders 365d",
                    "title": title("Orders in a year", "一年订单数"),
                    "value": 7,
                    "unit": "",
                },
                {
                    "name": "spend 365d",
                    "title": title("Spent in a year", "一年消费额"),
                    "value": 1840.5,
                    "unit": "EUR",
                },
                {
                    "name": "last nps",
                    "title": title("Last recommendation score", "最近一次推荐评分"),
                    "value": 6,
                    "unit": "",
                },
                {
                    "name": "first channel",
                    "title": title("Channel of the first order", "首单渠道"),
                    "value": "store",
                    "unit": "",
                },
                {
                    "name": "usage 30d",
                    "title": title("Minutes of use in 30 days", "30 天使用分钟数"),
                    "value": None,
                    "unit": "min",
                },
            ],
            "segments": ["active"],
            "scores": [
                {
                    "name": "buys again",
                    "title": title("Buys again within 60 days", "60 天内再次购买"),
                    "value": 0.42,
                    "version": "7c1d",
                    "at": ago(DAY),
                    "reasons": [
                        {
                            "feature": "orders 90d",
                            "title": title("Orders in 90 days", "90 天订单数"),
                            "value": 2,
                            "effect": 0.11,
                        }
                    ],
                }
            ],
        }

    def memberships(self, customer: str) -> list[dict[str, Any]]:
        return [
            {
                "segment": "active",
                "title": title("Active", "活跃"),
                "since": ago(200 * DAY),
                "leaves": format_time(NOW + 21 * DAY),
            },
            {
                "segment": "at risk",
                "title": title("At risk", "有风险"),
                "since": ago(31 * DAY),
                "leaves": None,
            },
        ]

    def why(self, segment: str, customer: str) -> dict[str, Any]:
        known(segment, [row[0] for row in SEGMENTS], "segment")
        known(customer, NAMES, "customer")
        return {
            "segment": segment,
            "customer": customer,
            "name": NAMES[customer],
            "in": False,
            "since": None,
            "leaves": None,
            "explanation": EXPLANATION,
        }

    def preview(self, when: str) -> dict[str, Any]:
        if "spend" not in when and "orders" not in when:
            raise InvalidInput(f"Nothing is called {when!r}.", hint="Did you mean 'spend 365d'?")
        return {
            "size": 3,
            "of": 6312,
            "sample": [
                {"customer": ANN, "name": NAMES[ANN]},
                {"customer": WANG, "name": NAMES[WANG]},
            ],
            "ms": 12,
        }

    def scores(self) -> list[dict[str, Any]]:
        return []
