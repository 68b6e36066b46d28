"""Answers about many customers, in the fake company: one of each shape."""

from __future__ import annotations

from typing import Any

from cid.kit.clock import DAY, format_time
from cid.kit.errors import InvalidInput
from tests.pages.fakes.world import ANN, NAMES, NOW, WANG, ago, title

EVENTS = ("Product Viewed", "Product Added", "Checkout Started", "Order Completed")
TITLES = {
    "revenue": title("Revenue", "销售额"),
    "orders": title("Orders", "订单"),
    "customers": title("Customers", "客户数"),
    "country": title("Country", "国家"),
    "channel": title("Channel", "渠道"),
    "segment": title("Segment", "客群"),
    "day": title("Day", "日"),
    "month": title("Month", "月份"),
}
MONTHS = [f"2026-{month:02d}-01" for month in range(1, 12)]


def dimension(name: str, type: str = "text") -> dict[str, Any]:
    kind = "date" if name in ("day", "month", "cohort") else type
    return {
        "name": name,
        "kind": "dimension",
        "type": kind,
        "unit": "",
        "key": True,
        "title": TITLES.get(name) or title(name.capitalize(), name),
    }


def measure(name: str, type: str = "number") -> dict[str, Any]:
    return {
        "name": name,
        "kind": "measure",
        "type": "money" if name == "revenue" else type,
        "unit": "",
        "key": False,
        "title": TITLES.get(name) or title(name.capitalize(), name),
    }


def many(**columns: str) -> list[dict[str, Any]]:
    """Columns by name and type; what begins with k is a key, with m a measure."""
    return [
        dimension(name[1:].replace("_", " "), type)
        if name.startswith("k")
        else measure(name[1:].replace("_", " "), type)
        for name, type in columns.items()
    ]


class Exploration:
    def explorable(self) -> dict[str, Any]:
        dimensions = ["country", "channel", "month", "day", "segment"]
        return {
            "measures": [
                {
                    "name": name,
                    "title": TITLES[name],
                    "unit": "",
                    "additive": name != "customers",
                    "dimensions": dimensions if name != "customers" else dimensions[:3],
                }
                for name in ("revenue", "orders", "customers")
            ],
            "dimensions": [
                {"name": name, "title": TITLES[name], "type": dimension(name)["type"]}
                for name in dimensions
            ],
            "events": list(EVENTS),
            "views": [
                {"name": "customers", "columns": ["customer", "name", "country"]},
                {"name": "facts", "columns": ["position", "event", "time"]},
            ],
        }

    def query(self, question: dict[str, Any]) -> dict[str, Any]:
        if question.get("filter") == "nonsense":
            raise InvalidInput("Nothing is called 'nonsense'.")
        kind = question.get("kind", "table")
        columns, rows, more = getattr(self, f"_{kind}")(question)
        return {
            "kind": kind,
            "question": {**question, "as_of": format_time(NOW)},
            "columns": columns,
            "rows": rows,
            "cut": False,
            "zone": "Europe/Paris",
            "partial": [],
            "open": kind == "funnel",
            "additive": True,
            "sql": "SELECT country, sum(total) FROM facts",
            "python": "from icustomer import ICustomer",
            "position": 60_000,
            "ms": 9,
            "feel": None,
            **more,
        }

    def _table(self, question: dict[str, Any]) -> Any:
        by = question.get("dimensions", [])[:1]
        values: list[Any] = ["FR", "DE", "CN", None]
        if by == ["day"]:
            values = [ago((89 - day) * DAY)[:10] for day in range(90)]
        if by == ["month"]:
            values = MONTHS
        columns = [dimension(name) for name in by]
        rows: list[list[Any]] = [[value] for value in values] if by else [[]]
        for name in question["measures"]:
            cells = [("web", 1.0), ("store", 0.4)] if question.get("pivot") else [("", 1.0)]
            for cell, share in cells:
                also = {"cell": {question["pivot"]: cell}, "measure": name} if cell else {}
                columns.append({**measure(name), **also, "key": False})
                for place, row in enumerate(rows):
                    row.append(round((412_000 - place * 31_000) * share))
                if question.get("compare"):
                    before = {"name": f"{name} before", "kind": "before"}
                    columns.append({**measure(name), **before})
                    for row in rows:
                        row.append(row[-1] * 0.9)
        return columns, rows, {"partial": MONTHS[-1:] if by == ["month"] else []}

    def _funnel(self, question: dict[str, Any]) -> Any:
        names = {"kstep": "number", "kevent": "text", "mcustomers": "number"}
        shares = {"mof_first": "share", "mof_previous": "share", "mmedian_time": "duration"}
        columns = many(**names, **shares)
        columns[1]["key"] = False
        events = [step["event"] for step in question["steps"]]
        rows = [
            [place + 1, event, 4000 >> place, 0.5**place, 0.5 if place else None, 7200 * place]
            for place, event in enumerate(events)
        ]
        return columns, rows, {}

    def _retention(self, question: dict[str, Any]) -> Any:
        names = {"kcohort": "date", "kage": "number", "msize": "number", "mcustomers": "number"}
        columns = many(**names, mshare="share", mpartial="boolean")
        rows = [
            [month, age, 400, 400 // (age + 1), 1 / (age + 1), place + age == 5]
            for place, month in enumerate(MONTHS[:6])
            for age in range(6 - place)
        ]
        return columns, rows, {}

    def _paths(self, question: dict[str, Any]) -> Any:
        columns = many(kstep_1="text", kstep_2="text", mcustomers="number", mshare="share")
        rows = [["Product Added", "Order Completed", 300, 0.3], ["Product Viewed", None, 90, 0.09]]
        return columns, rows, {}

    def _rfm(self, question: dict[str, Any]) -> Any:
        numbers = {"krecency": "number", "kfrequency": "number", "kmonetary": "number"}
        columns = many(**numbers, mcustomers="number")
        rows = [[r, f, 3, 40 + 9 * r * f] for r in range(1, 6) for f in range(1, 6)]
        return columns, rows, {}

    def _basket(self, question: dict[str, Any]) -> Any:
        shares = {"msupport": "share", "mconfidence": "share", "mback": "share"}
        columns = many(ka="text", kb="text", morders="number", **shares, mlift="number")
        return columns, [["tents", "mats", 60, 0.02, 0.4, 0.3, 3.1]], {}

    def open(
        self, question: dict[str, Any], row: dict[str, Any], limit: int = 1000
    ) -> dict[str, Any]:
        rows = [[id, name, 3] for id, name in NAMES.items()]
        return {
            "columns": ["customer", "name", "behind"],
            "rows": rows,
            "cut": False,
            "size": len(rows),
            "feel": 'country = "FR"' if row.get("country") == "FR" else None,
        }

    def sql(self, text: str, limit: int = 1000) -> dict[str, Any]:
        if not text.lower().startswith("select"):
            raise InvalidInput("Only one SELECT is answered.", hint="Begin with SELECT.")
        return {
            "columns": ["customer", "country", "spend"],
            "rows": [[ANN, "FR", 1840.5], [WANG, "CN", 12]],
            "cut": True,
        }
