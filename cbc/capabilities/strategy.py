"""Goals of the customer strategy: what a measure is to reach, for whom (S2.G1)."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from cbc.capabilities.board import figures, title
from cbc.measurement import Reading, verdict
from cbc.measurement.gauge import Gauge
from cbc.model import GOALS, MEASURES, Goal, Measure
from cid.kit.definitions import Definitions, Entry
from cid.kit.errors import ICustomerError, InvalidDefinition


class Strategy:
    """The goals of a company, each read among the customers it is for."""

    def __init__(self, definitions: Definitions, gauge: Gauge) -> None:
        self._definitions = definitions
        self._gauge = gauge

    def goals(self) -> list[tuple[Entry[Goal], Entry[Measure]]]:
        """List goals with their measures."""
        measures = self._definitions.of(MEASURES)
        return [
            (goal, measures[goal.value.measure])
            for goal in self._definitions.of(GOALS).values()
            if goal.value.measure in measures
        ]

    def target(self, entry: Entry[Measure]) -> float | None:
        """Return the measure's own target, else that of the first goal for all customers."""
        if entry.value.target is not None:
            return entry.value.target
        return next(
            (
                goal.value.target
                for goal, measure in self.goals()
                if measure.name == entry.name and not goal.value.segment
            ),
            None,
        )

    def show(self, entry: Entry[Goal], measure: Entry[Measure], as_of: str) -> dict[str, Any]:
        """Show a goal beside its number."""
        goal, reading = entry.value, Reading(None)
        with suppress(ICustomerError):
            if goal.segment:
                reading = self._gauge.of_segment(measure, goal.segment, as_of)
            else:
                reading = self._gauge.points(measure, as_of)[-1].reading
        return {
            "name": entry.name,
            "title": title(goal),
            "proposition": title(goal.proposition) if goal.proposition else None,
            "segment": goal.segment,
            "capability": goal.capability,
            "measure": goal.measure,
            "target": goal.target,
            "until": goal.until,
            "unit": measure.value.unit,
            **figures(reading),
            "verdict": verdict(measure.value, reading, goal.target)[0],
        }

    def problems(self) -> list[InvalidDefinition]:
        """Find goals that no number can reach."""
        return [
            goal.error(f"{goal.value.target:g} is no share.", hint="Write 0.8 for 80 %.")
            for goal, measure in self.goals()
            if measure.value.unit == "%" and abs(goal.value.target) > 1
        ]
