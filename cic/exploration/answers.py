"""What a question becomes: a plan of one SELECT with typed columns, and the answer made of its rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from cid.kit.definitions import Title

Rows = list[list[Any]]
Role = Literal["dimension", "measure", "before"]
Type = Literal[
    "text", "number", "money", "share", "duration", "date", "moment", "boolean", "customer"
]


@dataclass(frozen=True)
class Column:
    """A column of an answer: what it is called, what its values are, whether it tells rows apart.

    Shares are between 0 and 1; durations are seconds.
    """

    name: str
    role: Role
    type: Type
    title: Title
    key: bool = False
    cell: tuple[tuple[str, Any], ...] = ()
    """Of a column that stands for a value of a dimension: which."""
    measure: str = ""
    """Of a column that stands for a value of a dimension: the measure in it."""

    @classmethod
    def guessed(cls, name: str, value: Any) -> Column:
        """Make a column of which nothing is known but its name and one of its values."""
        title = Title(en=name)
        match value:
            case bool():
                return cls(name, "dimension", "boolean", title)
            case int() | float() | Decimal():
                return cls(name, "measure", "number", title)
            case datetime():
                return cls(name, "dimension", "moment", title)
            case date():
                return cls(name, "dimension", "date", title)
            case _:
                return cls(name, "dimension", "customer" if name == "customer" else "text", title)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can carry it."""
        more = {"cell": dict(self.cell), "measure": self.measure} if self.cell else {}
        return {
            "name": self.name,
            "kind": self.role,
            "type": self.type,
            "unit": self.type,
            "title": self.title.model_dump(),
            "key": self.key,
            **more,
        }


def key(name: str, en: str, zh: str, type: Type = "text") -> Column:
    """Make a column that tells rows apart."""
    return Column(name, "dimension", type, Title(en=en, zh=zh), key=True)


def said(name: str, en: str, zh: str, type: Type = "text") -> Column:
    """Make a column that says more about a row."""
    return Column(name, "dimension", type, Title(en=en, zh=zh))


def counted(name: str, en: str, zh: str, type: Type = "number") -> Column:
    """Make a column of numbers."""
    return Column(name, "measure", type, Title(en=en, zh=zh))


def told_apart(names: Sequence[str], alike: Callable[[str], str] = str) -> list[str]:
    """Number names that are the same, or that ``alike`` makes the same, so that each is one column.

    >>> told_apart(["web", "Web", "web"])
    ['web', 'Web', 'web_2']
    >>> told_apart(["web", "Web"], str.lower)
    ['web', 'Web_2']
    """
    found: dict[str, str] = {}
    for name in names:
        own, number = name, 1
        while alike(own) in found:
            number += 1
            own = f"{name}_{number}"
        found[alike(own)] = own
    return list(found.values())


@dataclass(frozen=True)
class Finished:
    """The rows of an answer after what SQL cannot say was worked out, and what there is to say of it."""

    rows: Rows
    more: dict[str, Any] = field(default_factory=dict)
    columns: tuple[Column, ...] | None = None


def _as_they_are(rows: Rows) -> Finished:
    return Finished(rows)


@dataclass(frozen=True)
class Plan:
    """How a question is answered: one SELECT over the views of history, and what its columns mean."""

    kind: str
    sql: str
    columns: tuple[Column, ...]
    chart: str
    additive: bool = True
    """Whether the rows may be added up: nobody and nothing is in two of them."""
    finish: Callable[[Rows], Finished] = field(default=_as_they_are, compare=False)
    """Works out from all rows what SQL cannot say the same way in every engine."""
    portable: str = ""
    """The same for engines that lack what ``sql`` makes use of; where empty, ``sql`` will do."""

    def answer(self, rows: Sequence[Sequence[Any]]) -> tuple[dict[str, Any], Rows]:
        """Return what is to be said of the rows, and the rows."""
        done = self.finish([list(row) for row in rows])
        columns = self.columns if done.columns is None else done.columns
        about = {
            "kind": self.kind,
            "columns": [column.to_dict() for column in columns],
            "chart": self.chart,
            "additive": self.additive,
            "partial": [],
            **done.more,
        }
        return about, done.rows
