"""Traits: what a customer did, summed up in one value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from cid.feel import FeelError, names, parse
from cid.feel.tree import Node
from cid.kit.clock import DAY, HOUR, MINUTE, parse_duration
from cid.kit.definitions import Definition, Feel, Section, Zone
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
    "streak",
    "sequence",
    "formula",
]
Period = Literal[
    "",
    "day",
    "week",
    "month",
    "quarter",
    "year",
    "previous day",
    "previous week",
    "previous month",
    "previous quarter",
    "previous year",
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
KINDS: tuple[Aggregate, ...] = (
    *AGGREGATES,
    "recent",
    "since",
    "streak",
    "sequence",
    "formula",
)
"""All aggregates."""
_SAID = {"since": "time since"}
_OF_A_PROPERTY = ("min", "max", "average", "first", "last", "distinct", "recent")
_WITHOUT = ("count", "since", "streak", "sequence", "formula")
"""Aggregates that look at no value of a fact."""
_OF_FACTS = ("of", "where", "window", "period", "related")
_UNITS = {"minutes": MINUTE, "hours": HOUR, "days": DAY, "weeks": 7 * DAY}
_PERIODS: dict[str, Literal["day", "week", "month"]] = {
    "days": "day",
    "weeks": "week",
    "months": "month",
}
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
    streak: Literal["", "days", "weeks", "months"] = ""
    """How many days, weeks or months in a row had at least one such fact, up to now.

    The one that is still running may be without.
    """
    sequence: tuple[str, ...] = ()
    """Two events ``[A, B]``: whether B happened after A ``within`` a length of time; with ``count: true`` how often."""
    within: str = ""
    """Longest time from A to B, itself not included, e.g. ``7 d``."""
    formula: Feel = ""
    """A FEEL expression over other traits and attributes of the customer, e.g. ``orders 30d / orders 365d``."""
    where: Feel = ""
    """A FEEL condition over the fact's properties (and ``event``, ``source``)."""
    window: str = ""
    """Length of the window, e.g. ``365 d``; all time where empty."""
    period: Period = ""
    """Instead of a window: the running day, week, month, quarter or year, or the previous one."""
    zone: Zone = ""
    """Time zone in which days and other periods are counted; that of the company where empty."""
    zone_of: str = Field("", alias="customer zone")
    """Attribute that holds the customer's own time zone, which wins where it is known."""
    related: str = ""
    """Attribute that names a group, e.g. ``household``: facts of everybody in the customer's group count."""
    unit: str = ""
    """What the number counts, e.g. ``EUR``."""

    _inputs: Mapping[str, Trait] = PrivateAttr(default_factory=dict)
    _reads: frozenset[str] = PrivateAttr(default=frozenset())
    _tree: Any = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _one_event_is_a_list(cls, data: object) -> object:
        if isinstance(data, dict) and "approximate" in data:
            raise ValueError("every trait is exact; leave out 'approximate'")
        if isinstance(data, dict) and isinstance(data.get("of"), str):
            data = {**data, "of": (data["of"],)}
        if isinstance(data, dict) and isinstance(data.get("sequence"), list | tuple):
            if "of" in data and tuple(data["of"]) != tuple(data["sequence"]):
                raise ValueError("a sequence names its events itself; leave out 'of'")
            data = {**data, "of": tuple(data["sequence"])}
        return data

    @field_validator(*_OF_A_PROPERTY)
    @classmethod
    def _of_something(cls, value: str, info: ValidationInfo) -> str:
        if not value or not _reads(value):
            raise ValueError(f"{info.field_name} of what? Name a property of the fact")
        return value

    @field_validator("window", "within", mode="before")
    @classmethod
    def _with_a_unit(cls, window: object) -> object:
        if isinstance(window, int | float):
            raise ValueError(f"say the unit, e.g. {window:g} d")
        return window

    @field_validator("window", "within")
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

    @field_validator("sequence")
    @classmethod
    def _two(cls, sequence: tuple[str, ...]) -> tuple[str, ...]:
        if sequence and len(sequence) != 2:
            raise ValueError("a sequence has two events: first the one, then the other")
        return sequence

    @model_validator(mode="after")
    def _exactly_one_aggregate(self) -> Trait:
        given = [name for name in KINDS if getattr(self, name)]
        if self.sequence and self.count:
            given.remove("count")
        if len(given) != 1:
            said = ", ".join(map(_said, given)) or "none"
            raise ValueError(f"give exactly one of {', '.join(map(_said, KINDS))}; given: {said}")
        if self.formula:
            wrong = [name for name in _OF_FACTS if getattr(self, name)]
            if wrong:
                raise ValueError(f"a formula reads traits and attributes; leave out {wrong[0]!r}")
        elif not self.of:
            raise ValueError("say `of` which events")
        if self.window and self.period:
            raise ValueError("give a window or a period, not both")
        if bool(self.sequence) != bool(self.within):
            raise ValueError("a sequence of events and `within` belong together")
        if self.related and self.zone_of:
            raise ValueError("a group has no time zone of its own; give a zone")
        if (self.zone or self.zone_of) and not (self.period or self.streak):
            raise ValueError("only periods and streaks have a time zone")
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
    def groups(self) -> frozenset[str]:
        """The attributes that name the groups whose facts it needs, itself or through what it reads."""
        own = frozenset({self.related} if self.related else ())
        return own.union(*(each.groups for each in self.inputs.values()))

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
        if self.sequence:
            return "sequence"
        return next(name for name in KINDS if getattr(self, name))

    @property
    def value(self) -> str:
        """The FEEL expression that is aggregated; empty for a count."""
        return "" if self.aggregate in _WITHOUT else str(getattr(self, self.aggregate))

    @property
    def window_length(self) -> int:
        """Length of the window in milliseconds; 0 for all time."""
        return parse_duration(self.window) if self.window else 0

    @property
    def streak_unit(self) -> Literal["day", "week", "month"]:
        """The kind of periods that a streak counts."""
        return _PERIODS[self.streak]

    @property
    def within_length(self) -> int:
        """Longest time between the events of a sequence in milliseconds; 0 for other aggregates."""
        return parse_duration(self.within) if self.within else 0

    @property
    def unit_length(self) -> int:
        """Milliseconds in which time since is told; 0 for other aggregates."""
        return _UNITS.get(self.since, 0)


def _reads(expression: str) -> bool:
    try:
        return bool(names(parse(expression)))
    except FeelError:
        # What is wrong with it is said where it is compiled, with its place.
        return True


def _said(name: str) -> str:
    return _SAID.get(name, name)


TRAITS = Section("traits", Trait)
