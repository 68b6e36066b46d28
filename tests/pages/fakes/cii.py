"""What arrived, in the fake company."""

from __future__ import annotations

from typing import Any

from cid.kit.clock import DAY, HOUR, MINUTE
from tests.pages.fakes.cid import ATTRIBUTES, SYSTEMS
from tests.pages.fakes.world import ANN, NAMES, WANG, ago, title


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
