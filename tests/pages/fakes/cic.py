"""What the facts mean, in the fake company."""

from __future__ import annotations

from typing import Any

from cid.kit.clock import DAY, HOUR, format_time
from cid.kit.errors import Conflict, InvalidInput, Refused
from tests.pages.fakes.definitions import definitions
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
    def __init__(self) -> None:
        self.definitions = definitions()
        self.saved: list[tuple[str, str, dict[str, Any]]] = []

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
                "stay": "7 d" if name == "vip" else "",
                "group": "",
                "priority": None,
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

    def members(
        self, segment: str, as_of: str = "", limit: int = 1000, after: str = ""
    ) -> dict[str, Any]:
        known(segment, [row[0] for row in SEGMENTS], "segment")
        rows = [
            {"customer": id, "name": name, "since": ago(30 * DAY)} for id, name in NAMES.items()
        ]
        if segment == "new parents of gear":
            rows = []
        return {
            "segment": segment,
            "as_of": as_of,
            "size": len(rows),
            "members": rows,
            "next": None,
        }

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
        inside = segment == "active"
        return {
            "segment": segment,
            "title": title("VIP", "贵宾"),
            "customer": customer,
            "name": NAMES[customer],
            "in": inside,
            "since": ago(200 * DAY) if inside else None,
            "leaves": format_time(NOW + 21 * DAY) if inside else None,
            "values": {"spend 365d": 1840.5, "business": False},
            "explanation": EXPLANATION,
            "held": {"by": "condition" if inside else "none", "until": None, "rival": None},
            "came": {
                "kind": "entered" if inside else "left",
                "at": ago(200 * DAY),
                "known_at": ago(200 * DAY),
                "cause": "fact",
                "cause_id": "m1",
                "fact": {"event": "Order Completed", "source": "till", "time": ago(200 * DAY)},
                "values": {"spend 365d": 2100},
            },
            "traits": [
                {
                    "name": "spend 365d",
                    "title": title("Spent in a year", "一年消费额"),
                    "value": 1840.5,
                    "unit": "EUR",
                    "window": "365 d",
                    "aggregate": "sum",
                    "count": 24,
                    "more": True,
                    "events": [
                        {
                            "id": f"m{place}",
                            "event": "Order Completed",
                            "source": "till",
                            "time": ago(place * 40 * DAY),
                            "contribution": 412.5,
                            "leaves": format_time(NOW + (365 - place * 40) * DAY),
                        }
                        for place in range(3)
                    ],
                }
            ],
            "turns": {
                "at": format_time(NOW + 21 * DAY) if inside else None,
                "to": "leaves" if inside else "enters",
                "bound": format_time(NOW + 365 * DAY),
                "trait": "spend 365d" if inside else None,
                "event": "m2" if inside else None,
                "checked": 12,
                "cut": False,
            },
        }

    def preview(self, when: str, segment: str = "", stay: str = "") -> dict[str, Any]:
        if not any(word in when for word in ("spend", "orders", "last nps", "vip", "country")):
            raise InvalidInput(f"Nothing is called {when!r}.", hint="Did you mean 'spend 365d'?")
        sample = [{"customer": ANN, "name": NAMES[ANN]}, {"customer": WANG, "name": NAMES[WANG]}]
        return {
            "when": when,
            "size": 3,
            "of": 6312,
            "sample": sample,
            "overlap": [
                {
                    "segment": "active",
                    "title": title("Active", "活跃"),
                    "both": 2,
                    "only_here": 1,
                    "only_there": 2308,
                }
            ],
            "change": {
                "segment": segment,
                "before": 2,
                "enter": {"count": 1, "sample": sample[:1]},
                "leave": {"count": 0, "sample": []},
            }
            if segment
            else None,
            "ms": 12,
        }

    def preview_past(self, when: str, days: int = 90, seconds: float = 2.0) -> dict[str, Any]:
        weeks = [{"at": ago((12 - week) * 7 * DAY), "size": 100 + week} for week in range(13)]
        weeks[0]["size"] = None  # type: ignore[assignment]
        return {"when": when, "weeks": weeks, "complete": False, "ms": 900}

    def distribution(self, trait: str) -> dict[str, Any]:
        def bucket(kind: str, count: int, when: str, **more: Any) -> dict[str, Any]:
            nothing = {"value": None, "low": None, "high": None}
            return {"kind": kind, "count": count, "when": when, **nothing, **more}

        found = [
            bucket("value", 2100, f"{trait} = 0", value=0),
            bucket("range", 1700, f"{trait} > 0 and {trait} < 100", high=100),
            bucket("range", 0, f"{trait} >= 100 and {trait} < 1000", low=100, high=1000),
            bucket("range", 12, f"{trait} >= 1000", low=1000),
            bucket("others", 2400, ""),
            bucket("unknown", 100, f"{trait} = null"),
        ]
        return {"trait": trait, "of": 6312, "buckets": found, "ms": 4}

    def definition(self, kind: str, name: str) -> dict[str, Any]:
        entry = self.segments()[0] if kind == "trait" else self.segment(name)
        return {
            "kind": kind,
            "name": name,
            "text": f"{name}:\n  when: {entry['when']}\n",
            "version": entry["version"],
            "file": "segments.yaml",
            "line": 3,
            "editable": True,
            "definition": {"when": entry["when"], "title": entry["title"], "owner": "loyalty"},
        }

    def save(self, kind: str, name: str, **given: Any) -> dict[str, Any]:
        if given["role"] == "agent":
            raise Refused("Agents look; analysts and architects define.")
        if given["version"] == "old":
            raise Conflict("Somebody else has changed it.", hint="Look at what is there now.")
        self.saved.append((kind, name, given))
        return {"kind": kind, "name": name, "version": "1f", "entered": 3, "left": 1, "size": 5}

    def define(self, text: str, **given: Any) -> dict[str, Any]:
        if given["role"] == "agent":
            raise Refused("Agents look; analysts and architects define.")
        self.saved.append(("text", text, given))
        return {"entered": 0, "left": 0}

    def verify(self, as_of: str = "", traits: Any = None, segments: Any = None) -> dict[str, Any]:
        example = {
            "customer": ANN,
            "who": NAMES[ANN],
            "name": "spend 365d",
            "live": 1840.5,
            "batch": 1428,
        }
        wrong = 1 if as_of else 0
        return {
            "as_of": as_of or format_time(NOW),
            "customers": 6312,
            "traits": {name: wrong for name in traits or ["spend 365d"]},
            "segments": {name: 0 for name in segments or ["vip"]},
            "values_compared": 12_624,
            "mismatches": wrong,
            "examples": [example] * wrong,
            "seconds": 0.8,
            "held": 2,
        }

    def verifications(self, limit: int = 30) -> list[dict[str, Any]]:
        last = self.last_verification()
        assert last
        return [{**last, "at": ago(day * DAY + HOUR)} for day in range(12)]

    def scores(self) -> list[dict[str, Any]]:
        return []
