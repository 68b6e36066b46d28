"""What the fake company is able to do."""

from __future__ import annotations

from typing import Any

from tests.pages.fakes.world import title


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
