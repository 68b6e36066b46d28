"""Capabilities: what the company is able to do, in numbers that open to the customers behind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from cbc.capabilities import dead_links
from cbc.capabilities.board import board, figures, span, text, title
from cbc.capabilities.standing import Standing
from cbc.capabilities.strategy import Strategy
from cbc.loops import STEPS, steps, trace
from cbc.measurement import (
    Period,
    Reading,
    compare,
    drill_sql,
    partial,
    rows_sql,
    tables_read,
    verdict,
)
from cbc.measurement.gauge import Gauge, Point
from cbc.measurement.reading import exact
from cbc.model import CAPABILITIES, MEASURES, Measure
from cbc.ports import History
from cic.ports import plain
from cid.kit.clock import DAY, Clock, format_time, parse_time
from cid.kit.definitions import Definitions, Entry
from cid.kit.errors import ICustomerError, InvalidDefinition, InvalidInput, NotFound

MAX_DRILL = 10_000
_LOOP = re.compile(r"\bloop\b")


class Capabilities:
    """Measures, the capabilities they show, and the loops that move them."""

    def __init__(self, definitions: Definitions, engine: History, clock: Clock) -> None:
        self._definitions = definitions
        self._engine = engine
        self._gauge = Gauge(engine, clock)
        self._standing = Standing(engine)
        self._strategy = Strategy(definitions, self._gauge)

    def measures(self, as_of: str = "") -> list[dict[str, Any]]:
        """List all measures with their present number, the one before, and the target."""
        self._gauge.look()
        return [
            self._brief(entry, as_of, patient=True)
            for entry in self._definitions.of(MEASURES).values()
        ]

    def measure(self, name: str, as_of: str = "", *, trend: bool = True) -> dict[str, Any]:
        """Return one measure: number, interval, trend of twelve periods, formula, what it reads.

        Raises:
            NotFound: there is no such measure.
        """
        entry = self._definitions.get(MEASURES, name)
        self._gauge.look()
        found = {**self._brief(entry, as_of), **self._detail(entry, as_of)}
        return {**found, **self._trend(entry, as_of)} if trend and not found["problem"] else found

    def trend(self, name: str, as_of: str = "") -> dict[str, Any]:
        """Return a measure in its last twelve periods, with its target.

        Raises:
            NotFound: there is no such measure.
        """
        entry = self._definitions.get(MEASURES, name)
        self._gauge.look()
        return {
            "name": name,
            "title": title(entry.value),
            "unit": entry.value.unit,
            "target": self._strategy.target(entry),
            **self._trend(entry, as_of),
        }

    def drill(self, name: str, as_of: str = "", limit: int = 1000) -> dict[str, Any]:
        """Return the rows a number counts; added up again they give the number.

        Raises:
            NotFound: there is no such measure.
            InvalidInput: the limit is not between 1 and 10,000.
        """
        if not 1 <= limit <= MAX_DRILL:
            raise InvalidInput(f"The limit {limit} is not between 1 and {MAX_DRILL:,}.")
        entry = self._definitions.get(MEASURES, name)
        self._gauge.look()
        period, reading = self._gauge.points(entry, as_of)[1]
        found = self._engine.query(drill_sql(entry.value, period, limit))
        columns = list(found.columns)
        shown = sorted(columns, key=_place)
        rows = [
            {column: plain(value) for column, value in zip(columns, row, strict=True)}
            for row in found.rows
        ]
        return {
            "measure": name,
            "title": title(entry.value),
            "kind": entry.value.kind,
            "unit": entry.value.unit,
            "as_of": format_time(period.end - 1),
            **span(period),
            **figures(reading),
            "columns": shown,
            "rows": rows,
            "names": self._names(rows),
            "cut": reading.n > len(found.rows),
        }

    def capabilities(self) -> list[dict[str, Any]]:
        """List what the company is able to do, and whether it is getting better at it."""
        measures = {each["name"]: each for each in self.measures()}
        return [board(entry, measures) for entry in self._definitions.of(CAPABILITIES).values()]

    def capability(self, name: str, as_of: str = "") -> dict[str, Any]:
        """Return one capability with its measures, goals and the elements it stands on.

        Raises:
            NotFound: there is no such capability.
        """
        entry = self._definitions.get(CAPABILITIES, name)
        self._gauge.look()
        moment = parse_time(as_of) if as_of else self._gauge.now()
        measures = {
            measure.name: self._brief(measure, as_of, patient=True)
            for measure in map(self._definitions.of(MEASURES).get, entry.value.measures)
            if measure is not None
        }
        since = moment + 1 - 30 * DAY
        return {
            **board(entry, measures),
            "as_of": format_time(moment),
            "measures": list(measures.values()),
            "goals": [
                self._strategy.show(goal, measure, as_of)
                for goal, measure in self._strategy.goals()
                if goal.value.capability == name
            ],
            "elements": self._standing.of(entry.value.elements, since, moment),
        }

    def loop(self, loop_id: str) -> dict[str, Any]:
        """Trace one loop: change, decision, actions, what the person did, what came of it.

        Raises:
            NotFound: nothing carries that id.
        """
        self._engine.sync()
        found = steps(self._engine.query(STEPS, {"loop": loop_id}).rows)
        if not found:
            raise NotFound("loop", loop_id)
        period = Period(parse_time(found[0].time), self._gauge.now() + 1)
        names = self._names([{"customer": step.customer} for step in found])
        return {**trace(loop_id, found, self._moved(loop_id, period)), "names": names}

    def problems(self) -> list[InvalidDefinition]:
        """Find dead links, and measures whose SQL cannot be answered."""
        found = dead_links(self._definitions)
        period = Period(0, 1)
        for entry in self._definitions.of(MEASURES).values():
            try:
                columns = self._engine.query(drill_sql(entry.value, period, 1)).columns
            except ICustomerError as error:
                found.append(entry.error(error.message, hint=error.hint))
                continue
            missing = {"customer", "numerator", "denominator"} - set(columns)
            if missing:
                found.append(entry.error(f"its rows lack {', '.join(sorted(missing))}."))
        return found + self._strategy.problems()

    def _brief(self, entry: Entry[Measure], as_of: str, *, patient: bool = False) -> dict[str, Any]:
        measure, problem = entry.value, ""
        try:
            points = self._gauge.points(entry, as_of, patient=patient)
        except ICustomerError as error:
            period, problem = self._period(measure, as_of), str(error)
            points = [Point(each, Reading(None)) for each in (period.previous(), period)]
        (earlier, before), (period, now) = points[-2:]
        target = self._strategy.target(entry)
        judged, needed = verdict(measure, now, target)
        return {
            "name": entry.name,
            "title": title(measure),
            "description": text(measure.description),
            "unit": measure.unit,
            "kind": measure.kind,
            "better": measure.better,
            "owner": measure.owner,
            "as_of": format_time(period.end - 1),
            **span(period),
            "partial": self._partial(measure, period),
            **figures(now),
            "target": target,
            "verdict": judged,
            "needed": needed,
            "previous": before.value,
            "before": {**span(earlier), **figures(before)},
            "comparison": compare(measure, now, before),
            "fresh": format_time(now.latest) if now.latest is not None else None,
            "problem": problem,
        }

    def _trend(self, entry: Entry[Measure], as_of: str) -> dict[str, Any]:
        return {
            "trend": [
                {**span(each), **figures(reading), "partial": self._partial(entry.value, each)}
                for each, reading in self._gauge.points(entry, as_of, deep=True)
            ]
        }

    def _period(self, measure: Measure, as_of: str) -> Period:
        return Period.until(parse_time(as_of) if as_of else self._gauge.now(), measure.length)

    def _detail(self, entry: Entry[Measure], as_of: str) -> dict[str, Any]:
        measure = entry.value
        return {
            "formula": measure.formula,
            "period": measure.period,
            "looks_back": measure.looks_back,
            "version": entry.version,
            "file": entry.file,
            "line": entry.line,
            "builtin": entry.builtin,
            "sql": rows_sql(measure, self._period(measure, as_of)),
            "reads": tables_read(measure),
            "needs": list(measure.needs),
            "used_by": [
                {"name": name, "title": title(capability.value)}
                for name, capability in self._definitions.of(CAPABILITIES).items()
                if entry.name in capability.value.measures
            ],
            "goals": [
                self._strategy.show(goal, entry, as_of)
                for goal, measure in self._strategy.goals()
                if measure.name == entry.name
            ],
        }

    def _names(self, rows: Sequence[dict[str, Any]]) -> dict[str, str]:
        wanted = sorted({row["customer"] for row in rows if row.get("customer")})
        if not wanted:
            return {}
        found = self._engine.query(
            "SELECT customer, name FROM customers WHERE customer IN (SELECT unnest($wanted))",
            {"wanted": wanted},
        )
        return {customer: name for customer, name in found.rows if name}

    def _partial(self, measure: Measure, period: Period) -> str:
        reach = Period(period.start - measure.back, period.end)
        return partial(reach, self._gauge.first, self._gauge.now())

    def _moved(self, loop_id: str, period: Period) -> list[dict[str, Any]]:
        """Say in which measures a loop counts, and as what."""
        moved = []
        for entry in self._definitions.of(MEASURES).values():
            if not _LOOP.search(entry.value.rows):
                continue
            sql = (
                "SELECT count(*), sum(numerator), sum(denominator) FROM ("
                f"\nSELECT * FROM (\n{rows_sql(entry.value, period)}\n)"
                " UNION ALL BY NAME SELECT NULL::VARCHAR AS loop WHERE false) WHERE loop = $loop"
            )
            try:
                rows, over, under = self._engine.query(sql, {"loop": loop_id}).rows[0]
            except ICustomerError:
                continue
            if rows:
                moved.append(
                    {
                        "name": entry.name,
                        "title": title(entry.value),
                        "unit": entry.value.unit,
                        "numerator": plain(exact(over)),
                        "denominator": plain(exact(under)),
                        "link": f"/measures/{quote(entry.name, safe='')}",
                    }
                )
        return moved


def _place(column: str) -> int:
    """Put the customer first and what is added up last, the rest as the measure has it."""
    return {"customer": 0, "numerator": 2, "denominator": 3}.get(column, 1)
