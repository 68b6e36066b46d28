"""How an answer is shown: which chart suits it, which cells open to customers, how dark a cell is.

Pure: takes the answer of exploration, gives what a template draws; labels stay values, so that the
template writes them in the reader's language.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from cic.pages.questions import TIMES, write_row

MOST_BARS = 20
MOST_SERIES = 8
SHADES = 8


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a table: where it leads, and how dark it is from 0 to `SHADES`."""

    value: Any
    row: str = ""
    """Which customers it opens to, as it stands in an address; empty where it opens to nobody."""
    shade: int | None = None
    partial: bool = False


def columns_of(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the columns, each with all that a template asks for."""
    return [_column(one) for one in answer["columns"]]


def _column(given: Any) -> dict[str, Any]:
    column = dict(given) if isinstance(given, Mapping) else {"name": str(given)}
    name = column["name"]
    kind = column.setdefault("kind", "")
    if "type" not in column:
        unit = str(column.get("unit") or "")
        other = "number" if kind in ("measure", "before") else "text"
        column["type"] = "date" if name in TIMES else unit if unit in _TYPES else other
    column.setdefault("title", None)
    column.setdefault("key", kind == "dimension")
    column.setdefault("cell", None)
    column["num"] = column["type"] in ("number", "money", "share", "duration")
    return column


_TYPES = ("text", "number", "money", "share", "duration", "date", "moment", "boolean", "customer")


def cells(answer: Mapping[str, Any], columns: Sequence[Mapping[str, Any]]) -> list[list[Cell]]:
    """Return the rows as cells: what is counted opens to those who are counted."""
    keys = [place for place, column in enumerate(columns) if column["key"]]
    partial = set(answer.get("partial") or ())
    opens = answer.get("kind", "table") != "sql"
    scales = _scales(answer["rows"], columns)
    shown = []
    for row in answer["rows"]:
        known = {columns[place]["name"]: row[place] for place in keys}
        cut_off = any(row[place] in partial for place in keys)
        line = []
        for place, column in enumerate(columns):
            if column["key"] or not opens or column["kind"] == "before" or row[place] is None:
                line.append(Cell(row[place], partial=cut_off))
                continue
            opened = write_row(known | dict(column["cell"] or {}))
            line.append(Cell(row[place], opened, _shade(row[place], scales.get(place)), cut_off))
        shown.append(line)
    return shown


def _scales(
    rows: Sequence[Sequence[Any]], columns: Sequence[Mapping[str, Any]]
) -> dict[int, tuple[float, float]]:
    """Only a matrix is shaded; all its cells of one measure on one scale."""
    found: dict[int, tuple[float, float]] = {}
    for measure in {column.get("measure") for column in columns if column["cell"]}:
        places = [
            place
            for place, column in enumerate(columns)
            if column["cell"] and column.get("measure") == measure
        ]
        held = [row[place] for row in rows for place in places if _is_number(row[place])]
        if held:
            found |= dict.fromkeys(places, (min(0.0, float(min(held))), float(max(held))))
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shade(value: Any, scale: tuple[float, float] | None) -> int | None:
    if scale is None or not _is_number(value):
        return None
    low, high = scale
    return round((float(value) - low) / (high - low) * SHADES) if high > low else 0


def charts(
    answer: Mapping[str, Any], columns: Sequence[Mapping[str, Any]], table: Sequence[Sequence[Cell]]
) -> list[dict[str, Any]]:
    """Return one chart for each measure: bars for time and for categories, lines for long times.

    Each has ``column`` and ``by`` (columns), ``kind``, the ``x`` as values, and ``series`` with the
    column they come from, their data and where each point opens to.
    """
    keys = [place for place, column in enumerate(columns) if column["key"]]
    if answer.get("kind", "table") != "table" or len(keys) != 1 or len(table) < 2:
        return []
    by = columns[keys[0]]
    time = by["type"] == "date"
    shown = table if time else table[:MOST_BARS]
    additive = bool(answer.get("additive", True))
    return [
        {
            "column": columns[group[0]],
            "by": by,
            "time": time,
            "kind": _kind(len(shown), len(group), _stacks(columns, group) and additive)
            if time
            else "bars",
            "x": [line[keys[0]].value for line in shown],
            "open": [place for place, line in enumerate(shown) if line[keys[0]].partial],
            "stack": _stacks(columns, group) and additive,
            "series": [
                {
                    "column": columns[place],
                    "data": [line[place].value for line in shown],
                    "rows": [line[place].row for line in shown],
                }
                for place in group[:MOST_SERIES]
            ],
        }
        for group in _groups(columns)
    ]


def _stacks(columns: Sequence[Mapping[str, Any]], group: Sequence[int]) -> bool:
    return bool(columns[group[0]]["cell"]) and columns[group[0]]["type"] in ("number", "money")


def _kind(length: int, series: int, stacks: bool) -> str:
    """Bars for what is counted in few periods; lines where bars would be too many or too thin."""
    return "bar" if length <= 40 and (stacks or series <= 3) else "line"


def _groups(columns: Sequence[Mapping[str, Any]]) -> list[list[int]]:
    """Put together what is one measure: its value, what it was before, its parts."""
    groups: dict[str, list[int]] = {}
    for place, column in enumerate(columns):
        if not column["key"] and column["num"]:
            name = str(column.get("measure") or column["name"])
            of = name.removesuffix(" before") if column["kind"] == "before" else name
            groups.setdefault(of, []).append(place)
    return list(groups.values())


def records(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows by the names of their columns."""
    names = [column["name"] for column in columns_of(answer)]
    return [dict(zip(names, row, strict=True)) for row in answer["rows"]]


def funnel(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the parts of a funnel, each with its steps: how many came so far, how many were lost."""
    parts: dict[Any, list[dict[str, Any]]] = {}
    by = next(
        (
            column["name"]
            for column in columns_of(answer)
            if column["key"] and column["name"] != "step"
        ),
        "",
    )
    for row in records(answer):
        parts.setdefault(row.get(by), []).append(row)
    shown = []
    for value, steps in parts.items():
        most = max((step["customers"] or 0 for step in steps), default=0)
        before: int | None = None
        lines = []
        for step in steps:
            row = {"step": step["step"]} | ({by: value} if by else {})
            lost = None if before is None else before - (step["customers"] or 0)
            lines.append(
                {
                    **step,
                    "width": (step["customers"] or 0) / most if most else 0,
                    "row": write_row(row),
                    "lost": lost,
                    "lost_row": write_row(row | {"lost": True}),
                }
            )
            before = step["customers"] or 0
        shown.append({"by": by, "value": value, "steps": lines})
    return shown


def cohorts(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return retention as a matrix: a row for each cohort, a column for each age."""
    rows: dict[Any, dict[str, Any]] = {}
    ages: set[int] = set()
    for row in records(answer):
        line = rows.setdefault(
            row["cohort"],
            {
                "cohort": row["cohort"],
                "size": row["size"],
                "cut": _begins_before(answer, row["cohort"]),
                "at": {},
            },
        )
        age = int(row["age"])
        ages.add(age)
        line["at"][age] = Cell(
            row["share"],
            write_row({"cohort": row["cohort"], "age": age}),
            _shade(row["share"], (0.0, 1.0)) if age else None,
            bool(row.get("partial")),
        )
    # What is 100 % by definition hides the differences that matter.
    held = [
        cell.value or 0 for line in rows.values() for age, cell in line["at"].items() if age > 0
    ]
    top = max(held, default=0)
    for line in rows.values():
        for age, cell in line["at"].items():
            if age and top:
                shade = _shade(cell.value, (0.0, float(top)))
                line["at"][age] = Cell(cell.value, cell.row, shade, cell.partial)
    return {"ages": sorted(ages), "rows": list(rows.values())}


def _begins_before(answer: Mapping[str, Any], day: str) -> bool:
    """Say whether a stretch of time begins before what was asked about: it is counted in part."""
    begin = (answer.get("period") or {}).get("from")
    if not begin:
        return False
    start = datetime.fromisoformat(str(day)).replace(tzinfo=ZoneInfo(answer.get("zone") or "UTC"))
    return start < datetime.fromisoformat(begin)


def grid(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return RFM as a matrix: how recently against how often, over all amounts."""
    counts: dict[tuple[int, int], int] = {}
    for row in records(answer):
        place = int(row["recency"]), int(row["frequency"])
        counts[place] = counts.get(place, 0) + int(row["customers"] or 0)
    recencies = sorted({place[0] for place in counts}, reverse=True)
    frequencies = sorted({place[1] for place in counts})
    most = max(counts.values(), default=0)
    return {
        "across": frequencies,
        "total": sum(counts.values()),
        "rows": [
            {
                "recency": recency,
                "cells": [
                    Cell(
                        counts.get((recency, frequency), 0),
                        write_row({"recency": recency, "frequency": frequency}),
                        _shade(counts.get((recency, frequency), 0), (0.0, float(most))),
                    )
                    for frequency in frequencies
                ],
            }
            for recency in recencies
        ],
    }


def flow(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return paths: each the places one after the other, none where it ended."""
    columns = columns_of(answer)
    keys = [column["name"] for column in columns if column["key"]]
    rows = records(answer)
    most = max((row.get("share") or 0 for row in rows), default=0)
    return [
        {
            "places": [row[name] for name in keys],
            "customers": row["customers"],
            "share": row.get("share"),
            "width": (row.get("share") or 0) / most if most else 0,
            "row": write_row({name: row[name] for name in keys}),
        }
        for row in rows
    ]
