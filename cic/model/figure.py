"""A company's own words for exploration: figures that are counted, dimensions by which they are split."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from cid.kit.definitions import Definition, Feel, Section

Way = Literal["count", "customers", "sum", "average", "distinct"]
WAYS: tuple[Way, ...] = ("count", "customers", "sum", "average", "distinct")


class Figure(Definition):
    """A number about many customers: a measure that exploration can ask for by its name.

    Exactly one of its ways of counting is given: ``count: true``, ``customers: true`` (different
    customers), or ``sum``, ``average``, ``distinct`` with a property of the fact.
    """

    of: tuple[str, ...]
    """Events whose facts count."""
    where: Feel = ""
    """A FEEL condition over the fact's properties (and ``event``, ``source``)."""
    count: bool = False
    """How many."""
    customers: bool = False
    """How many different customers."""
    sum: Feel = ""
    average: Feel = ""
    distinct: Feel = ""
    """How many different values."""
    unit: Literal["number", "money", "share", "duration"] = "number"

    @model_validator(mode="before")
    @classmethod
    def _one_event_is_a_list(cls, data: object) -> object:
        if isinstance(data, dict) and isinstance(data.get("of"), str):
            data = {**data, "of": (data["of"],)}
        return data

    @model_validator(mode="after")
    def _exactly_one_way(self) -> Figure:
        given = [name for name in WAYS if getattr(self, name)]
        if len(given) != 1:
            said = ", ".join(given) or "none"
            raise ValueError(f"give exactly one of {', '.join(WAYS)}; given: {said}")
        if not self.of:
            raise ValueError("say `of` which events")
        return self

    @property
    def way(self) -> Way:
        """How it is counted."""
        return next(name for name in WAYS if getattr(self, name))


class Dimension(Definition):
    """A property of facts by which figures and measures of facts can be split and filtered."""

    value: Feel
    """The property, e.g. ``brand`` or ``product.brand``."""
    type: Literal["text", "number"] = "text"


FIGURES = Section("figures", Figure)
DIMENSIONS = Section("dimensions", Dimension)
