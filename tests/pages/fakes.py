"""A small company that exists only as the answers of its facades: for looking at pages."""

from __future__ import annotations

import random
from typing import Any

from cid.kit.clock import DAY, HOUR, MINUTE, format_time, parse_time
from cid.kit.errors import InvalidInput, NotFound
from tests.pages.fakes_context import Workbench

NOW = parse_time("2026-11-20T10:00:00Z")
ANN, WANG, JONAS = "c_ann0001", "c_wang001", "c_jonas01"
NAMES = {
    ANN: "Ann Keller",
    WANG: "王芳",
    JONAS: "Jonas Brandt",
    "c_club001": "Club Alpin de Lyon",
    "c_marie01": "Marie Dubois",
    "c_liwei01": "李伟",
    "c_emma001": "Emma Roth",
    "c_cham001": "Guide school Chamonix",
}


def ago(length: int) -> str:
    return format_time(NOW - length)


def title(en: str, zh: str) -> dict[str, str]:
    return {"en": en, "zh": zh}


def walk(seed: int, start: float, step: float, n: int = 30) -> list[int]:
    dice = random.Random(seed)
    values = [start]
    for _ in range(n - 1):
        values.append(max(0.0, values[-1] + dice.uniform(-step, step * 1.15)))
    return [round(value) for value in values]


def known(name: str, names: Any, kind: str) -> str:
    if name not in names:
        raise NotFound(kind, name, names)
    return name


SYSTEMS = [
    ("shop", "Web shop", "网店", "web"),
    ("till", "Tills", "收银台", "store"),
    ("crm", "CRM", "CRM", "sales"),
    ("erp", "ERP", "ERP", "back office"),
    ("loyalty", "Loyalty programme", "会员计划", "loyalty"),
    ("callcentre", "Call centre", "呼叫中心", "phone"),
]
ATTRIBUTES = [
    ("name", "Name", "姓名", "personal", ["loyalty", "crm"], "Ann Keller", "loyalty"),
    ("email", "E-mail", "邮箱", "personal", [], "ann.keller@example.org", "shop"),
    ("phone", "Telephone", "电话", "personal", [], "+33 6 12 34 56 78", "callcentre"),
    ("city", "City", "城市", "personal", ["erp"], "Lyon", "erp"),
    ("country", "Country", "国家", "internal", ["erp"], "FR", "erp"),
    ("tier", "Loyalty tier", "会员等级", "internal", ["loyalty"], "gold", "loyalty"),
    ("birth_date", "Date of birth", "出生日期", "sensitive", ["loyalty"], "1988-04-12", "loyalty"),
]


class Cid:
    def attributes(self) -> list[str]:
        return [attribute[0] for attribute in ATTRIBUTES]

    def describe(self, subject: str = "") -> dict[str, Any]:
        return {
            "customers": 6312,
            "systems": [
                {"name": name, "title": title(en, zh), "kind": "system", "channel": channel}
                for name, en, zh, channel in SYSTEMS
            ],
            "attributes": [
                {
                    "name": name,
                    "title": title(en, zh),
                    "description": title(f"What we hold as {en.lower()}.", f"客户的{zh}。"),
                    "subject": "customer",
                    "type": "date" if name == "birth_date" else "text",
                    "sensitivity": sensitivity,
                    "masters": masters,
                    "contributors": ["shop", "crm", "erp"],
                    "survivorship": "master" if masters else "latest",
                    "freshness": "365 d" if not masters else "",
                    "quality": 'contains(value, "@")' if name == "email" else "",
                    "owner": "customer data",
                    "file": "attributes.yaml",
                    "line": 4,
                    "version": "3f2a9c1b77de0011",
                    "builtin": False,
                    "filled": 6312 - place * 640,
                    "stale": 210 if not masters else 0,
                    "bad": 12 if name == "email" else 0,
                    "in_force": {(masters or ["shop"])[0]: 4200, "shop": 900},
                    "used_by": ["cic.segments.vip", "context.rules.win back"] if place < 3 else [],
                }
                for place, (name, en, zh, sensitivity, masters, _, _) in enumerate(ATTRIBUTES)
            ],
            "entities": [
                {
                    "name": "product",
                    "title": title("Product", "产品"),
                    "description": title("What we sell.", "我们销售的产品。"),
                    "subject": "product",
                    "key": "sku",
                    "events": ["Product Updated"],
                    "attributes": [
                        {"name": "name", "title": title("Name", "名称"), "type": "text"},
                        {"name": "price", "title": title("Price", "价格"), "type": "number"},
                    ],
                    "rows": 214,
                }
            ],
            "product_relations": [
                {"sku": "T-204", "other": "P-18", "kind": "accessory", "origin": "erp"}
            ],
        }

    def customer(self, id: str) -> dict[str, Any]:
        known(id, NAMES, "customer")
        values = {name: value for name, _, _, _, _, value, _ in ATTRIBUTES}
        return {
            "id": id,
            "kind": "organisation" if id in ("c_club001", "c_cham001") else "person",
            "name": NAMES[id],
            "first_seen": ago(420 * DAY),
            "last_seen": ago(3 * HOUR),
            "aliases": ["c_9f31aa02"] if id == WANG else [],
            "attributes": {
                name: {
                    "title": title(en, zh),
                    "value": NAMES[id] if name == "name" else values[name],
                    "source": source,
                    "time": ago(40 * DAY),
                    "confidence": 0.95 if source == "erp" else 0.8,
                    "sensitivity": sensitivity,
                    "others": [{"value": "Villeurbanne", "source": "crm", "time": ago(90 * DAY)}]
                    if name == "city"
                    else [],
                }
                for name, en, zh, sensitivity, _, _, source in ATTRIBUTES
            },
            "consents": [
                {
                    "purpose": "marketing",
                    "channel": "email",
                    "granted": False,
                    "since": ago(60 * DAY),
                    "source": "consent",
                },
                {
                    "purpose": "marketing",
                    "channel": "phone",
                    "granted": True,
                    "since": ago(200 * DAY),
                    "source": "consent",
                },
            ],
        }

    def find(self, text: str, limit: int = 20) -> list[dict[str, Any]]:
        return [
            {
                "id": id,
                "name": name,
                "kind": "organisation" if id in ("c_club001", "c_cham001") else "person",
                "city": "Lyon",
                "matched": "name",
                "last_seen": ago(3 * HOUR),
            }
            for id, name in NAMES.items()
            if text.lower() in name.lower()
        ]

    def timeline(
        self, customer: str, before: str = "", limit: int = 50, source: str = ""
    ) -> dict[str, Any]:
        told: list[tuple[int, str, str, str, dict[str, Any]]] = [
            (
                3 * HOUR,
                "Product Viewed",
                "shop",
                "web",
                {"sku": "T-204", "name": "Tent Arête 2", "category": "tents", "price": 389},
            ),
            (
                5 * HOUR,
                "Case Message",
                "callcentre",
                "phone",
                {"case_id": "k_12", "direction": "inbound", "text": "The zip is broken again."},
            ),
            (
                2 * DAY,
                "Email Opened",
                "email",
                "email",
                {"campaign": "Autumn", "subject": "New in the mountains"},
            ),
            (
                9 * DAY,
                "Order Completed",
                "till",
                "store",
                {
                    "order_id": "A-7781",
                    "total": 412.5,
                    "currency": "EUR",
                    "channel": "store",
                    "store": "Lyon 2",
                    "items": [
                        {"sku": "T-204", "name": "Tent Arête 2", "quantity": 1, "price": 389}
                    ],
                },
            ),
            (9 * DAY, "Points Earned", "loyalty", "loyalty", {"points": 412, "order_id": "A-7781"}),
            (
                31 * DAY,
                "Review Given",
                "shop",
                "web",
                {"score": 6, "text": "Good tent, slow delivery."},
            ),
            (
                60 * DAY,
                "Consent Withdrawn",
                "consent",
                "consent",
                {"purpose": "marketing", "channel": "email"},
            ),
            (
                88 * DAY,
                "Task Completed",
                "staff",
                "staff",
                {"task_id": "t_9", "outcome": "accepted", "note": "Glad we called."},
            ),
        ]
        facts = [
            {
                "position": 9000 - place,
                "message_id": f"m{place}",
                "time": ago(back),
                "received": ago(back - (2 * DAY if event == "Order Completed" else 0)),
                "source": system,
                "channel": channel,
                "type": "track",
                "event": event,
                "actor": "lea" if system == "staff" else "",
                "loop": "l_77" if system == "staff" else "",
                "properties": properties,
                "attributes": {},
            }
            for place, (back, event, system, channel, properties) in enumerate(told)
            if not source or system == source
        ]
        return {"facts": facts, "next": "" if before else ago(88 * DAY)}


class Cii:
    def ledger(self) -> dict[str, Any]:
        sources = []
        for place, (name, en, zh, channel) in enumerate(SYSTEMS):
            received = 60000 - place * 9000
            rejected, duplicate, quarantined = (
                received // 60,
                received // 100,
                9 if place == 1 else 0,
            )
            sources.append(
                {
                    "source": name,
                    "title": title(en, zh),
                    "channel": channel,
                    "received": received,
                    "applied": received - rejected - duplicate - quarantined,
                    "duplicate": duplicate,
                    "rejected": rejected,
                    "quarantined": quarantined,
                    "last_received": ago((place * place + 1) * 11 * MINUTE),
                    "expected_every": "1 d",
                    "silent": name == "crm",
                    "late": 300 if name == "till" else 0,
                }
            )
        states = ("applied", "duplicate", "rejected", "quarantined")
        return {
            "received": sum(source["received"] for source in sources),
            "states": {state: sum(source[state] for source in sources) for state in states},
            "last_received": ago(11 * MINUTE),
            "balanced": True,
            "sources": sources,
        }

    def quarantine(self, limit: int = 100) -> dict[str, Any]:
        return {
            "total": 9,
            "records": [
                {
                    "position": 4000 + place,
                    "source": "till",
                    "received": ago(place * HOUR),
                    "time": ago(place * HOUR + MINUTE),
                    "event": "Order Completed",
                    "reason": "contract",
                    "detail": "total: -12.5 is below 0",
                    "record": {
                        "event": "Order Completed",
                        "properties": {"order_id": f"B-{place}", "total": -12.5},
                    },
                }
                for place in range(9)
            ],
        }

    def replay(self) -> dict[str, Any]:
        return {"tried": 9, "applied": 7, "quarantined": 2}

    def flows(self) -> list[dict[str, Any]]:
        return [
            {
                "name": "till",
                "title": title("Nightly till file", "每夜收银文件"),
                "source": "till",
                "format": "csv",
                "files": ["till_*.csv.gz"],
                "schedule": "1 d",
                "when": 'kind != "test"',
                "file": "flows/till.yaml",
                "rows": 51000,
                "last_loaded": ago(9 * HOUR),
            },
            {
                "name": "tickets",
                "title": title("Tickets of the call centre", "呼叫中心工单"),
                "source": "callcentre",
                "format": "jsonl",
                "files": ["tickets_*.jsonl"],
                "schedule": "",
                "when": "",
                "file": "flows/tickets.yaml",
                "rows": 4200,
                "last_loaded": ago(2 * DAY),
            },
        ]

    def matrix(self) -> dict[str, Any]:
        return {
            "systems": [{"name": name, "title": title(en, zh)} for name, en, zh, _ in SYSTEMS],
            "attributes": [
                {
                    "name": name,
                    "title": title(en, zh),
                    "cells": {
                        system: {
                            "role": "master" if system in masters else "contributor",
                            "values": 4000 - 300 * place,
                            "in_force": 3800 - 300 * place if system in masters else 200,
                            "last": ago(place * HOUR),
                        }
                        for place, system in enumerate(["loyalty", "crm", "erp", "shop"])
                        if system in masters or place % 2 or system == "erp"
                    },
                }
                for name, en, zh, _, masters, _, _ in ATTRIBUTES
            ],
        }

    def evidence(self, customer: str) -> dict[str, Any]:
        identities = [
            "user_id:u-3311",
            "card:NL-55120",
            "email:ann.keller@example.org",
            "anonymous_id:b71f",
            "phone:+33612345678",
        ]
        return {
            "customer": customer,
            "name": NAMES.get(customer, ""),
            "identities": [
                {
                    "identifier": text,
                    "kind": text.split(":")[0],
                    "records": 40 - 7 * place,
                    "sources": ["shop", "till"][: place % 2 + 1],
                    "first_seen": ago(420 * DAY),
                    "last_seen": ago(place * DAY),
                }
                for place, text in enumerate(identities)
            ],
            "edges": [
                {
                    "a": identities[0],
                    "b": identities[2],
                    "reason": "named in one record of the shop",
                    "source": "shop",
                    "message_id": "m1",
                    "time": ago(410 * DAY),
                    "records": 31,
                    "active": True,
                },
                {
                    "a": identities[0],
                    "b": identities[3],
                    "reason": "logged in on this device",
                    "source": "shop",
                    "message_id": "m7",
                    "time": ago(9 * DAY),
                    "records": 3,
                    "active": True,
                },
                {
                    "a": identities[1],
                    "b": identities[2],
                    "reason": "same e-mail on the card",
                    "source": "loyalty",
                    "message_id": "m2",
                    "time": ago(300 * DAY),
                    "records": 1,
                    "active": True,
                },
                {
                    "a": identities[1],
                    "b": identities[4],
                    "reason": "typed at the till",
                    "source": "till",
                    "message_id": "m9",
                    "time": ago(120 * DAY),
                    "records": 2,
                    "active": False,
                },
            ],
            "vetoes": [
                {
                    "a": identities[1],
                    "b": identities[4],
                    "reason": "a namesake",
                    "actor": "lea",
                    "at": ago(2 * DAY),
                }
            ],
        }

    def merge(self, a: str, b: str, reason: str, actor: str) -> dict[str, Any]:
        return {"customers": [ANN]}

    def unmerge(self, a: str, b: str, reason: str, actor: str) -> dict[str, Any]:
        return {"customers": [ANN, WANG]}


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


class Cic:
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

    def explorable(self) -> dict[str, Any]:
        return {
            "measures": [
                {"name": "revenue", "title": title("Revenue", "销售额"), "unit": "EUR"},
                {"name": "customers", "title": title("Customers", "客户数"), "unit": ""},
            ],
            "dimensions": [
                {"name": "country", "title": title("Country", "国家")},
                {"name": "month", "title": title("Month", "月份")},
                {"name": "segment", "title": title("Segment", "客群")},
            ],
            "views": [
                {"name": "customers", "columns": ["customer", "name", "country"]},
                {"name": "facts", "columns": ["position", "event", "time"]},
            ],
        }

    def query(self, question: dict[str, Any]) -> dict[str, Any]:
        if question.get("filter") == "nonsense":
            raise InvalidInput("Nothing is called 'nonsense'.")
        (measure,) = question["measures"]
        by = question.get("dimensions", ["all"])[0]
        columns = [
            {"name": by, "kind": "dimension", "title": title(by.capitalize(), "月份")},
            {"name": measure, "kind": "measure", "title": title("Revenue", "销售额")},
        ]
        rows: list[list[Any]] = [["FR", 412000.5], ["DE", 301200], ["CN", 288410], [None, 1200]]
        if by == "day":
            rows = [[ago((89 - day) * DAY)[:10], 400 + day * 7 % 90] for day in range(90)]
        if by == "month":
            rows = [[f"2026-{month:02d}-01", 30000 + month * 2100] for month in range(1, 12)]
        if question.get("compare"):
            columns.append({**columns[1], "name": f"{measure} before", "kind": "before"})
            rows = [[*row, row[1] * 0.9] for row in rows]
        return {
            "columns": columns,
            "rows": rows,
            "cut": False,
            "partial": ["2026-11-01"],
            "sql": "SELECT country, sum(total) FROM facts",
            "ms": 9,
        }

    def open(
        self, question: dict[str, Any], row: dict[str, Any], limit: int = 1000
    ) -> dict[str, Any]:
        rows = [[id, name, 3] for id, name in NAMES.items()]
        return {"columns": ["customer", "name", "behind"], "rows": rows, "cut": False}

    def sql(self, text: str, limit: int = 1000) -> dict[str, Any]:
        if not text.lower().startswith("select"):
            raise InvalidInput("Only one SELECT is answered.", hint="Begin with SELECT.")
        return {
            "columns": ["customer", "country", "spend"],
            "rows": [[ANN, "FR", 1840.5], [WANG, "CN", 12]],
            "cut": True,
        }

    def scores(self) -> list[dict[str, Any]]:
        return []


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


class Cbc:
    def measures(self, as_of: str = "") -> list[dict[str, Any]]:
        return [
            {
                "name": "retention",
                "title": title("Retention", "留存率"),
                "value": 0.71,
                "previous": 0.69,
                "target": 0.75,
                "unit": "%",
                "better": "higher",
            },
            {
                "name": "first response",
                "title": title("First response", "首次响应"),
                "value": 2.4,
                "previous": 2.1,
                "target": 2.0,
                "unit": "hours",
                "better": "lower",
            },
        ]

    def capabilities(self) -> list[dict[str, Any]]:
        return [
            {"name": "loyalty", "title": title("Loyalty", "忠诚"), "state": "up"},
            {"name": "cross-sell", "title": title("Cross-sell", "交叉销售"), "state": "down"},
            {
                "name": "personalisation",
                "title": title("Personalisation", "个性化"),
                "state": "flat",
            },
        ]


class Company:
    """All facades together, as ``request.state.company``."""

    def __init__(self) -> None:
        self.cid, self.cii, self.cic = Cid(), Cii(), Cic()
        self.cfa, self.context, self.cbc = Cfa(), Context(), Cbc()

    def summary(self) -> dict[str, Any]:
        return {"customers": 6312}
