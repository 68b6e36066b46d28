"""What a customer is, in the fake company."""

from __future__ import annotations

from typing import Any

from cid.kit.clock import DAY, HOUR
from tests.pages.fakes.world import NAMES, WANG, ago, known, title

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
