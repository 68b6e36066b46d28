"""The nouns of the applications: queues, calendars, pipelines, and the work on people's desks.

None of them holds a customer attribute: a customer is an id here, and her name is asked below.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from cid.kit.definitions import Definition, Section, Title


class Calendar(Definition):
    """When people work: intervals by weekday in a time zone."""

    time_zone: str = Field("UTC", alias="time zone")
    hours: dict[str, tuple[str, ...]]
    """``mon: ["09:00-12:00", "13:00-17:00"]`` and so on; a day that is missing is free."""
    holidays: tuple[str, ...] = ()


class Queue(Definition):
    """A desk where tasks and cases wait for somebody."""

    app: str = "service"
    """sales or service."""
    calendar: str = ""


class Stage(Definition):
    """A column of the pipeline board."""

    probability: float = Field(0, ge=0, le=1)
    closed: bool = False
    won: bool = False


class Pipeline(Definition):
    """The stages an opportunity passes, in order."""

    stages: dict[str, Stage]


CALENDARS = Section("calendars", Calendar)
QUEUES = Section("queues", Queue)
PIPELINES = Section("pipelines", Pipeline)
SECTIONS = (CALENDARS, QUEUES, PIPELINES)

CLOSED = frozenset({"done", "resolved", "won", "lost", "accepted", "rejected"})
"""States in which nobody has to do anything any more."""


class Manifest(BaseModel):
    """What an application says about itself: its name, and what it needs from the layers below."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: Title
    needs: tuple[str, ...] = ()
    """Elements of lower layers, as ``cid.attributes.name`` or ``cic.segments.vip``."""


class Step(NamedTuple):
    """One thing that happened to a piece of work."""

    at: int
    source: str
    message_id: str
    kind: str
    """``opened`` is what brings it into being; other kinds are the application's own."""
    fields: Mapping[str, Any]
    identity: str = ""

    @property
    def order(self) -> tuple[int, str, str]:
        """The order of facts: when it happened, then who sent it under which id."""
        return (self.at, self.source, self.message_id)


class Change(NamedTuple):
    """A step on its way to the work it belongs to."""

    kind: str
    id: str
    step: Step
    customer: str
    text: str = ""
    """What was said, where the step is a message of a conversation."""
    like: str = ""
    """Where the sender did not know the id: the offer that it answers."""


@dataclass(slots=True)
class Work:
    """A task, a case, an opportunity or an offer: the fold of its steps in their order.

    The steps are kept and folded in the order in which they happened, so the order in which they
    arrived does not matter. ``identity`` says whose it is: the identifier that its first step came
    under, or the customer's id at that time where a rule opened it.
    """

    kind: str
    id: str
    customer: str = ""
    identity: str = ""
    steps: list[Step] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def closed(self) -> bool:
        """Tell whether nobody has to do anything about it any more."""
        return self.values.get("state") in CLOSED


def read_text(properties: Mapping[str, Any], name: str) -> str:
    """Return a property as text; empty where it is missing.

    >>> read_text({"case_id": 17}, "case_id"), read_text({}, "case_id")
    ('17', '')
    """
    value = properties.get(name)
    return "" if value is None else str(value)


def read_money(value: Any) -> int | None:
    """Return an amount in ten-thousandths, exactly; None where it is no amount.

    >>> read_money("19.90"), read_money(0.1), read_money("much"), read_money("1e999999")
    (199000, 1000, None, None)
    """
    try:
        amount = Decimal(str(value))
    except (InvalidOperation, ValueError):
        return None
    if not amount.is_finite() or abs(amount) >= 10**13:
        return None
    return int(amount.scaleb(4).to_integral_value())
