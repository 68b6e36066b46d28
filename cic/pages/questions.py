"""What a reader picked on the page of exploration, and the question it makes.

The address holds everything: a page that is sent to somebody else asks the same question there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

TIMES = ("day", "week", "month", "quarter", "year")
KINDS = ("table", "funnel", "retention", "paths", "rfm", "basket", "sql")
MOST_STEPS = 8
LAST = ("30 d", "90 d", "365 d")
FIELDS = {
    "table": ("measure", "by", "split", "compare", "top"),
    "funnel": ("step", "step_where", "within", "by"),
    "retention": ("first", "again", "every", "periods"),
    "paths": ("event", "direction", "steps", "within", "top"),
    "rfm": ("event", "groups"),
    "basket": ("of", "min", "top"),
    "sql": ("sql",),
}
"""What each kind of question lets one pick; what is said in all of them is in `SHARED`."""
SHARED = ("segment", "where", "last", "from", "to", "as_of")


@dataclass(frozen=True)
class Asked:
    """What was picked, by the names of the fields of the form."""

    kind: str
    given: Mapping[str, tuple[str, ...]]

    @classmethod
    def read(cls, pairs: Iterable[tuple[str, str]]) -> Asked:
        """Read the address of a page; what is empty was not picked.

        >>> Asked.read([("measure", "revenue"), ("by", ""), ("kind", "?")]).document()
        {'measures': ['revenue'], 'last': '365 d'}
        """
        held: dict[str, tuple[str, ...]] = {}
        for name, value in pairs:
            # Steps keep their places: the condition of the second may be the only one.
            if value.strip() or name in ("step", "step_where", "sql"):
                held[name] = (*held.get(name, ()), value.strip())
        (kind,) = held.pop("kind", ("sql" if "sql" in held else "table",))[:1]
        return cls(kind if kind in KINDS else "table", held)

    @classmethod
    def of(cls, question: Mapping[str, Any]) -> Asked:
        """Give what one would pick to ask this question.

        >>> Asked.of({"measures": ["orders"], "dimensions": ["month"], "last": "30 d"}).address()
        '/explore?measure=orders&by=month&last=30+d'
        """
        kind = str(question.get("kind") or "table")
        pairs = [("kind", kind), *_pairs(kind, question)]
        period = question.get("period") or {}
        pairs += [
            ("segment", question.get("segment")),
            ("where", question.get("filter")),
            ("last", question.get("last") or ("" if period else "all")),
            ("from", period.get("from")),
            ("to", period.get("to")),
        ]
        return cls.read((name, "" if value is None else str(value)) for name, value in pairs)

    def one(self, name: str, default: str = "") -> str:
        """Give what was picked in a field."""
        return self.given.get(name, (default,))[0] or default

    def all(self, name: str) -> list[str]:
        """Give everything that was picked in a field, each thing once."""
        return [each for each in dict.fromkeys(self.given.get(name, ())) if each]

    @property
    def length(self) -> str:
        """The time that is asked about; a year where nothing is said, ``all`` for all of it."""
        return self.one("last", "" if self.one("from") or self.one("to") else "365 d")

    @property
    def steps(self) -> list[tuple[str, str]]:
        """The steps of a funnel with what each of them also asks."""
        conditions = self.given.get("step_where", ())
        return [
            (event, conditions[place] if place < len(conditions) else "")
            for place, event in enumerate(self.given.get("step", ()))
            if event
        ][:MOST_STEPS]

    def picked(self) -> list[tuple[str, str]]:
        """Give what belongs to this kind of question, as it stands in an address."""
        wanted = (*FIELDS[self.kind], *(() if self.kind == "sql" else SHARED))
        kind = [] if self.kind == "table" else [("kind", self.kind)]
        return kind + [
            (name, value)
            for name in wanted
            for value in self.given.get(name, ())
            if value or name == "step_where"
        ]

    def address(self, path: str = "/explore", kind: str = "", **also: Any) -> str:
        """Give the address of this question, or of another kind about the same customers and time.

        >>> Asked.read([("measure", "orders"), ("last", "30 d")]).address(kind="rfm")
        '/explore?kind=rfm&last=30+d'
        """
        asked = self if kind in ("", self.kind) else Asked(kind, self.given)
        pairs = [*asked.picked(), *((name, str(value)) for name, value in also.items())]
        return f"{path}?{urlencode(pairs)}" if pairs else path

    def export(self, form: str) -> str:
        """Give the address of the answer as a file.

        >>> Asked.read([("sql", "SELECT 1")]).export("csv")
        '/api/cic/export?format=csv&sql=SELECT+1'
        """
        asked = ("sql", self.one("sql"))
        if self.kind != "sql":
            asked = ("question", json.dumps(self.document(), ensure_ascii=False))
        return f"/api/cic/export?{urlencode([('format', form), asked])}"

    def document(self) -> dict[str, Any]:
        """Return the question as exploration wants to be asked."""
        asked = _DOCUMENTS[self.kind](self)
        return asked if self.kind == "sql" else asked | self._shared()

    def _shared(self) -> dict[str, Any]:
        asked: dict[str, Any] = {}
        if self.one("segment"):
            asked["segment"] = self.one("segment")
        if self.one("where"):
            asked["filter"] = self.one("where")
        if self.one("as_of"):
            asked["as_of"] = self.one("as_of")
        period = {name: self.one(name) for name in ("from", "to") if self.one(name)}
        if period:
            asked["period"] = period
        elif self.length != "all":
            asked["last"] = self.length
        return asked


def _table(asked: Asked) -> dict[str, Any]:
    measures, by, split = asked.all("measure"), asked.one("by"), asked.one("split")
    found: dict[str, Any] = {"measures": measures}
    if split == by:
        split = ""
    if by:
        found["dimensions"] = [by, *([split] if split else [])]
    if by and split:
        found["pivot"] = split
    if asked.one("compare") and not split:
        found["compare"] = asked.one("compare")
    if by and by not in TIMES and measures:
        found["order"] = f"-{measures[0]}"
    if number := _number(asked.one("top"), 10_000):
        found["top"] = number
    return found


def _funnel(asked: Asked) -> dict[str, Any]:
    steps = [{"event": event} | ({"where": also} if also else {}) for event, also in asked.steps]
    found: dict[str, Any] = {"kind": "funnel", "steps": steps}
    found["within"] = asked.one("within", "30 d")
    return found | ({"by": asked.one("by")} if asked.one("by") else {})


def _retention(asked: Asked) -> dict[str, Any]:
    return {
        "kind": "retention",
        "first": {"event": asked.one("first")},
        "again": {"event": asked.one("again") or asked.one("first")},
        "by": asked.one("every", "month"),
        "periods": _number(asked.one("periods"), 60) or 12,
    }


def _paths(asked: Asked) -> dict[str, Any]:
    return {
        "kind": "paths",
        "event": asked.one("event"),
        "direction": "before" if asked.one("direction") == "before" else "after",
        "steps": _number(asked.one("steps"), 8) or 3,
        "within": asked.one("within", "7 d"),
        "top": _number(asked.one("top"), 1_000) or 20,
    }


def _rfm(asked: Asked) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": "rfm", "groups": _number(asked.one("groups"), 10) or 5}
    return found | ({"event": asked.one("event")} if asked.one("event") else {})


def _basket(asked: Asked) -> dict[str, Any]:
    return {
        "kind": "basket",
        "of": asked.one("of", "category"),
        "min": _number(asked.one("min"), 100_000) or 5,
        "top": _number(asked.one("top"), 1_000) or 30,
    }


def _sql(asked: Asked) -> dict[str, Any]:
    return {"kind": "sql", "sql": asked.one("sql")}


_DOCUMENTS: dict[str, Callable[[Asked], dict[str, Any]]] = {
    "table": _table,
    "funnel": _funnel,
    "retention": _retention,
    "paths": _paths,
    "rfm": _rfm,
    "basket": _basket,
    "sql": _sql,
}


def _pairs(kind: str, question: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Give the fields of a form that make a question of a kind; what is wrong in it stays wrong."""
    if kind == "table":
        dimensions = [*_list(question.get("dimensions")), "", ""]
        return [
            *(("measure", name) for name in _list(question.get("measures"))),
            ("by", dimensions[0]),
            ("split", dimensions[1]),
            ("compare", question.get("compare")),
            ("top", question.get("top")),
        ]
    if kind == "funnel":
        steps = [each for each in _list(question.get("steps")) if isinstance(each, Mapping)]
        fields = [("step", each.get("event")) for each in steps]
        fields += [("step_where", each.get("where")) for each in steps]
        return [*fields, ("within", question.get("within")), ("by", question.get("by"))]
    if kind == "retention":
        events = [
            (name, each.get("event") if isinstance(each := question.get(name), Mapping) else each)
            for name in ("first", "again")
        ]
        return [*events, ("every", question.get("by")), ("periods", question.get("periods"))]
    return [(name, question.get(name)) for name in FIELDS.get(kind, ())]


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _number(text: str, most: int) -> int | None:
    return min(int(text), most) if text.isascii() and text.isdigit() and int(text) else None


def read_row(text: str) -> dict[str, Any]:
    """Read which row of an answer is to be opened; nothing where it is not said.

    >>> read_row('{"country": "FR"}'), read_row("FR"), read_row("")
    ({'country': 'FR'}, {}, {})
    """
    try:
        row = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}


def write_row(row: Mapping[str, Any]) -> str:
    """Write which row of an answer is meant, for an address."""
    return json.dumps(dict(row), ensure_ascii=False, separators=(",", ":"), default=str)
