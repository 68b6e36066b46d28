"""The nouns of capabilities: measures with exact formulas, capabilities, goals."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from cid.kit.clock import DAY, parse_duration
from cid.kit.definitions import Definition, Section
from cid.kit.errors import InvalidInput


class Measure(Definition):
    """A number with an exact formula that opens to the customers behind it.

    ``rows`` is one SELECT over the history (see ``cbc.ports.HISTORY``) whose rows are what is
    counted. Its columns are ``customer`` (may be null), ``numerator``, ``denominator`` and, for
    reading, any others. It may use ``$start`` and ``$end``: moments, the half-open period
    [start, end).

    The number is Σ numerator / Σ denominator for ``ratio`` and ``average`` and Σ numerator for
    ``sum`` and ``count``. For ``difference`` a column ``arm`` says ``treated`` or ``holdout``: the
    number is the ratio of the treated less that of the others, compared within each ``stratum``
    where there is such a column.

    Three more columns have a meaning where they occur: ``time`` (when it happened; shows how fresh
    the number is), ``stratum``, and ``loop`` (the loop from insight to outcome it is part of).
    """

    kind: Literal["ratio", "average", "sum", "count", "difference"] = "ratio"
    rows: str
    formula: str
    """The formula in words."""
    unit: Literal["%", "points", "money", "number", "days", "hours", "ms", "seconds"] = "%"
    better: Literal["higher", "lower"] = "higher"
    target: float | None = None
    """In the unit of the number; a share (unit %) lies between 0 and 1."""
    period: str = "30 d"
    looks_back: str = Field("", alias="looks back")
    """How far before the period its rows reach; what the history does not cover is said."""
    needs: tuple[str, ...] = ()
    """Elements it stands on besides the tables it reads, e.g. ``cic.segments.active``."""

    @field_validator("period", "looks_back")
    @classmethod
    def _has_a_length(cls, text: str) -> str:
        if not text:
            return text
        try:
            length = parse_duration(text)
        except InvalidInput as error:
            raise ValueError(str(error)) from error
        if not 0 < length <= 3_660 * DAY:
            raise ValueError("a period is longer than 0 and at most ten years")
        return text

    @property
    def length(self) -> int:
        """Length of the period in milliseconds."""
        return parse_duration(self.period or "30 d")

    @property
    def back(self) -> int:
        """How far before the period its rows reach, in milliseconds."""
        return parse_duration(self.looks_back) if self.looks_back else 0


class Capability(Definition):
    """Something the company is able to do: measures that show it, elements it stands on."""

    seeds: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    elements: tuple[str, ...] = ()
    """Elements of lower layers: a table of the history (``cii.ledger``) or a definition of the
    company (``context.rules.win back``)."""


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
