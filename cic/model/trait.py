"""Traits: what a customer did, summed up in one value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, PrivateAttr, field_validator, model_validator

from cid.feel.tree import Node
from cid.kit.clock import DAY, HOUR, MINUTE, parse_duration
from cid.kit.definitions import Definition, Feel, Section
from cid.kit.errors import InvalidInput

Aggregate = Literal[
    "count",
    "sum",
    "min",
    "max",
    "average",
    "first",
    "last",
    "distinct",
    "recent",
    "since",
    "formula",
]
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
"""The aggregates of one value."""
KINDS: tuple[Aggregate, ...] = (*AGGREGATES, "recent", "since", "formula")
"""All aggregates."""
_SAID = {"since": "time since"}
_UNITS = {"minutes": MINUTE, "hours": HOUR, "days": DAY, "weeks": 7 * DAY}
LONGEST = 36_525 * DAY
MOST_ITEMS = 1_000


class Trait(Definition):
    """One number or value about a customer, computed from facts over a half-open window (as_of − W, as_of].

    Exactly one aggregate is given: ``count: true`` or e.g. ``sum: total`` with a FEEL expression over
    the fact's properties.
    """

    of: tuple[str, ...] = ()
    """Events that count; needed for all but a formula."""
    count: bool = False
    """How many."""
    sum: Feel = ""
    min: Feel = ""
    max: Feel = ""
    average: Feel = ""
    first: Feel = ""
    """The value of the first fact that has one."""
    last: Feel = ""
    """The value of the last fact that has one."""
    distinct: Feel = ""
    """How many different values."""
    recent: Feel = ""
    """The list of the last values, newest first."""
    items: int = Field(5, ge=1, le=MOST_ITEMS, strict=True)
    """How many values ``recent`` lists."""
    since: Literal["", "minutes", "hours", "days", "weeks"] = Field("", alias="time since")
    """How many whole minutes, hours, days (of 24 hours) or weeks ago the last such fact happened."""
    formula: Feel = ""
    """A FEEL expression over other traits and attributes of the customer, e.g. ``orders 30d / orders 365d``."""
    where: Feel = ""
    """A FEEL condition over the fact's properties (and ``event``, ``source``)."""
    window: str = ""
    """Length of the window, e.g. ``365 d``; all time where empty."""
    unit: str = ""
    """What the number counts, e.g. ``EUR``."""

    _inputs: Mapping[str, Trait] = PrivateAttr(default_factory=dict)
    _reads: frozenset[str] = PrivateAttr(default=frozenset())
    _tree: Any = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _one_event_is_a_list(cls, data: object) -> object:
        if isinstance(data, dict) and isinstance(data.get("of"), str):
            return {**data, "of": (data["of"],)}
        return data

    @field_validator("window")
    @classmethod
    def _a_length(cls, window: str) -> str:
        if window:
            try:
                length = parse_duration(window)
            except InvalidInput as error:
                raise ValueError(str(error)) from error
            if not 0 < length <= LONGEST:
                raise ValueError("a window is longer than 0 and at most 100 years")
        return window

    @model_validator(mode="after")
    def _exactly_one_aggregate(self) -> Trait:
        given = [name for name in KINDS if getattr(self, name)]
        if len(given) != 1:
            said = ", ".join(map(_said, given)) or "none"
            raise ValueError(f"give exactly one of {', '.join(map(_said, KINDS))}; given: {said}")
        if self.formula:
            wrong = [name for name in ("of", "where", "window") if getattr(self, name)]
            if wrong:
                raise ValueError(f"a formula reads traits and attributes; leave out {wrong[0]!r}")
        elif not self.of:
            raise ValueError("say `of` which events")
        return self

    @property
    def inputs(self) -> Mapping[str, Trait]:
        """The traits that a formula reads, by name; known once definitions are `settled`."""
        return self._inputs

    @property
    def reads(self) -> frozenset[str]:
        """The customer's attributes that it reads, or that a trait reads on which it depends."""
        return self._reads

    @property
    def tree(self) -> Node:
        """The formula as a tree; known once definitions are `settled`."""
        if self._tree is None:
            raise InvalidInput(f"The formula {self.formula!r} is not settled.")
        tree: Node = self._tree
        return tree

    @property
    def aggregate(self) -> Aggregate:
        """Which aggregate it is."""
        return next(name for name in KINDS if getattr(self, name))

    @property
    def value(self) -> str:
        """The FEEL expression that is aggregated; empty for a count."""
        return (
            "" if self.count or self.since or self.formula else str(getattr(self, self.aggregate))
        )

    @property
    def window_length(self) -> int:
        """Length of the window in milliseconds; 0 for all time."""
        return parse_duration(self.window) if self.window else 0

    @property
    def unit_length(self) -> int:
        """Milliseconds in which time since is told; 0 for other aggregates."""
        return _UNITS.get(self.since, 0)


def _said(name: str) -> str:
    return _SAID.get(name, name)


TRAITS = Section("traits", Trait)
