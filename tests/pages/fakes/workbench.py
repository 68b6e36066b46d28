"""A workbench that exists only as its answers."""

from __future__ import annotations

from typing import Any

from cid.kit.errors import InvalidInput
from context.publishing import may_publish

TEXTS = {
    "rule": "win back a silent vip:\n  on: {left: active}\n  when: vip and ordrs 90d > 3\n",
    "table": (
        "offer:\n  inputs: [tier, last nps]\n  outputs: [offer]\n  rows:\n"
        "    - ['\"gold\"', '<= 6', '\"guide\"']\n    - ['-', '< x', '\"gift\"']\n"
    ),
}
FOUND: dict[str, Any] = {
    "level": "error",
    "form": "There is no '{name}'.",
    "words": {"name": "ordrs 90d"},
    "path": ["rows", 1, 1],
    "line": 3,
    "column": 17,
    "hint": {"form": "Did you mean '{name}'?", "words": {"name": "orders 90d"}},
}


class Workbench:
    def __init__(self) -> None:
        self.done: list[tuple[str, str, str, str, str]] = []

    def open(self, kind: str, name: str, text: str | None = None) -> dict[str, Any]:
        step = {"state": "published", "version": "99aa88bb77cc", "at": "2026-11-20T08:00:00Z"}
        step |= {"actor": "ann", "reason": "it works better"}
        return {
            "kind": kind,
            "name": name,
            "title": None,
            "text": text or TEXTS[kind],
            "live": name in ("win back a silent vip", "offer"),
            "file": "rules.yaml",
            "changed": text is not None,
            "version": "99aa88bb77cc",
            "shadow": True,
            "asks": {**step, "state": "asked"},
            "back": "0123456789ab",
            "steps": [step],
            **self.diagnose(kind, name, ""),
        }

    def text(self, kind: str, name: str) -> str:
        return TEXTS[kind]

    def diagnose(self, kind: str, name: str, text: str) -> dict[str, Any]:
        scenario = {"name": "a quiet vip", "passed": False, "expected": "fires = true"}
        return {"findings": [FOUND], "scenarios": [{**scenario, "found": "null"}], "sound": False}

    def complete(self, kind: str, text: str, caret: int) -> list[dict[str, Any]]:
        return [{"text": "orders 90d", "kind": "number", "insert": "orders 90d", "replace": 3}]

    def publish(self, kind: str, name: str, text: str, author: Any, reason: str) -> dict[str, Any]:
        may_publish(author.role)
        if not reason:
            raise InvalidInput("Say why.")
        self.done.append((kind, name, text, author.named, reason))
        return {"state": "published"}
