"""The nouns of capabilities: measures with exact formulas, capabilities, goals."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cid.kit.definitions import Definition, Section


class Measure(Definition):
    """A number with an exact formula that opens to the customers behind it.

    ``rows`` is one SELECT over the history whose rows are what is counted. Its columns are ``customer``
    (may be null), ``numerator``, ``denominator`` and, for reading, any others. It may use ``$start`` and
    ``$end`` (moments, half-open period [start, end)). The number is Σ numerator / Σ denominator for
    ``ratio`` and ``average``, Σ numerator for ``sum`` and ``count``.
    """

    kind: Literal["ratio", "average", "sum", "count"] = "ratio"
    rows: str
    formula: str
    """The formula in words."""
    unit: Literal["%", "money", "number", "days", "hours", "ms", "seconds"] = "%"
    better: Literal["higher", "lower"] = "higher"
    target: float | None = None
    period: str = "30 d"
    needs: tuple[str, ...] = ()
    """Elements of lower layers it stands on, e.g. ``cic.segments.active``."""


class Capability(Definition):
    """Something the company is able to do, with the measures that show it and the elements it stands on."""

    seeds: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    elements: tuple[str, ...] = ()
    """``layer.section.name`` of elements in lower layers, e.g. ``context.rules.win back``."""


class Goal(Definition):
    """A goal of the customer strategy, for a segment, reached through a capability (S2.G1)."""

    segment: str = ""
    proposition: Definition | None = None
    capability: str
    measure: str
    target: float
    until: str = Field("", description="date, e.g. 2026-12-31")


MEASURES = Section("measures", Measure)
CAPABILITIES = Section("capabilities", Capability)
GOALS = Section("goals", Goal)
SECTIONS = (MEASURES, CAPABILITIES, GOALS)
