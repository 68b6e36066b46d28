"""Traits: what a customer did, summed up in one value."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from cid.kit.clock import parse_duration
from cid.kit.definitions import Definition, Feel, Section
from cid.kit.errors import InvalidInput

Aggregate = Literal["count", "sum", "min", "max", "average", "first", "last", "distinct"]
AGGREGATES: tuple[Aggregate, ...] = (
    "count",
    "sum",
    "min",
    "max",
    "average",
    "first",
    "last",
    "distinct",
)


class Trait(Definition):
    """One number or value about a customer, computed from facts over a half-open window (as_of − W, as_of].

    Exactly one aggregate is given: ``count: true`` or e.g. ``sum: total`` with a FEEL expression over
    the fact's properties.
    """

    of: tuple[str, ...]
    """Events that count."""
    count: bool = False
    sum: Feel = ""
    min: Feel = ""
    max: Feel = ""
    average: Feel = ""
    first: Feel = ""
    last: Feel = ""
    distinct: Feel = ""
    where: Feel = ""
    """A FEEL condition over the fact's properties (and ``event``, ``source``)."""
    window: str = ""
    """Length of the window, e.g. ``365 d``; all time where empty."""
    unit: str = ""

    @model_validator(mode="before")
    @classmethod
    def _one_event_is_a_list(cls, data: object) -> object:
        if isinstance(data, dict) and isinstance(data.get("of"), str):
            return {**data, "of": (data["of"],)}
        return data

    @model_validator(mode="after")
    def _exactly_one_aggregate(self) -> Trait:
        given = [name for name in AGGREGATES if getattr(self, name)]
        if len(given) != 1:
            said = ", ".join(given) or "none"
            raise ValueError(f"give exactly one of {', '.join(AGGREGATES)}; given: {said}")
        if self.window:
            try:
                length = parse_duration(self.window)
            except InvalidInput as error:
                raise ValueError(str(error)) from error
            if not 0 < length <= 36_525 * 86_400_000:
                raise ValueError("a window is longer than 0 and at most 100 years")
        return self

    @property
    def aggregate(self) -> Aggregate:
        """Which aggregate it is."""
        return next(name for name in AGGREGATES if getattr(self, name))

    @property
    def value(self) -> str:
        """The FEEL expression that is aggregated; empty for a count."""
        return "" if self.count else str(getattr(self, self.aggregate))

    @property
    def window_length(self) -> int:
        """Length of the window in milliseconds; 0 for all time."""
        return parse_duration(self.window) if self.window else 0


TRAITS = Section("traits", Trait)
