"""Questions as JSON: what may be asked, and what is said to those who ask wrongly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from cid.kit.clock import DAY, parse_duration
from cid.kit.errors import InvalidInput, NotFound

LONGEST = 36_525 * DAY
"""100 years, in milliseconds: every window is shorter."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Period(_Model):
    """From a day or moment on, up to but not including another."""

    begin: str = Field("", alias="from", max_length=40)
    end: str = Field("", alias="to", max_length=40)


class Step(_Model):
    """An event that may be narrowed down by a condition on its properties."""

    event: str = Field(min_length=1, max_length=200)
    where: str = Field("", max_length=10_000)
    """FEEL over the properties of the event, e.g. ``total > 100``."""
    title: str = Field("", max_length=200)


class Asked(_Model):
    """What all questions have in common: about whom, and over which time."""

    as_of: str = Field("", max_length=40)
    """The moment at which the question is asked; now where empty. What happened later is not seen."""
    segment: str = Field("", max_length=200)
    """Only customers who are in this segment now."""
    filter: str = Field("", max_length=10_000)
    """FEEL over what is known of the customer, e.g. ``country = "FR"``."""
    period: Period | None = None
    """From a day or moment on, up to another."""
    last: str = Field("", max_length=40)
    """Length of time up to the moment, e.g. ``90 d``; instead of a period."""


Name = Annotated[str, Field(min_length=1, max_length=200)]


class Table(Asked):
    """Measures, split by dimensions."""

    kind: Literal["table"] = "table"
    measures: tuple[Name, ...] = Field(min_length=1, max_length=12)
    """What is counted."""
    dimensions: tuple[Name, ...] = Field((), max_length=4)
    """What it is split by."""
    top: int | None = Field(None, ge=1, le=10_000)
    """How many rows are kept."""
    others: bool = False
    """With ``top``: also what all the rest makes together."""
    order: str = Field("", max_length=200)
    """Column to order by; with ``-`` in front, largest first."""
    compare: Literal["", "previous", "year"] = ""
    """Also the numbers of the period just before, or of the same period a year before."""
    pivot: str = Field("", max_length=200)
    """One of the dimensions, whose values become columns."""


class Funnel(Asked):
    """How many customers went through steps in their order, within a length of time."""

    kind: Literal["funnel"]
    steps: tuple[Step, ...] = Field(min_length=2, max_length=10)
    within: str = Field("30 d", min_length=1, max_length=40)
    """From the first step to the last."""
    by: str = Field("", max_length=200)
    """Dimension of the customer or of the first step."""


class Retention(Asked):
    """Of those who began in a day, week or month, how many came back in the ones after it."""

    kind: Literal["retention"]
    first: Step
    again: Step | None = None
    """What counts as coming back; where it is left out, the first event again."""
    by: Literal["day", "week", "month"] = "month"
    periods: int = Field(12, ge=1, le=100)
    """How many days, weeks or months each cohort is followed."""


class Paths(Asked):
    """What customers did next after an event, or before it."""

    kind: Literal["paths"]
    event: Name
    where: str = Field("", max_length=10_000)
    """FEEL over the properties of the event."""
    direction: Literal["after", "before"] = "after"
    steps: int = Field(3, ge=1, le=8)
    """How many events are followed."""
    within: str = Field("7 d", min_length=1, max_length=40)
    """Between one event and the next."""
    top: int = Field(20, ge=1, le=1_000)


class Rfm(Asked):
    """How recently, how often and for how much customers bought, in groups of the same size."""

    kind: Literal["rfm"]
    event: Name = "Order Completed"
    """What counts as buying; its ``total`` is the money."""
    groups: int = Field(5, ge=2, le=10)


class Basket(Asked):
    """What is bought together more often than by chance."""

    kind: Literal["basket"]
    of: Literal["product", "sku", "category"] = "product"
    min: int = Field(2, ge=1, le=1_000_000)
    """Orders that must hold both."""
    top: int = Field(50, ge=1, le=1_000)
    q: float = Field(0.05, gt=0, le=1)
    """Share of false discoveries that is put up with; 1 shows everything."""


class Select(_Model):
    """One SELECT over the views of history."""

    kind: Literal["sql"]
    sql: str = Field(min_length=1, max_length=100_000)


Question = Table | Funnel | Retention | Paths | Rfm | Basket
KINDS: dict[str, type[BaseModel]] = {
    "table": Table,
    "funnel": Funnel,
    "retention": Retention,
    "paths": Paths,
    "rfm": Rfm,
    "basket": Basket,
    "sql": Select,
}
_EXAMPLES = {
    "table": '{"measures": ["revenue"], "dimensions": ["month"]}',
    "funnel": '{"kind": "funnel", "steps": [{"event": "Product Viewed"}, {"event": "Order Completed"}]}',
    "retention": '{"kind": "retention", "first": {"event": "Order Completed"}, "by": "month"}',
    "paths": '{"kind": "paths", "event": "Product Viewed", "steps": 3}',
    "rfm": '{"kind": "rfm", "last": "365 d"}',
    "basket": '{"kind": "basket", "of": "product"}',
    "sql": '{"kind": "sql", "sql": "SELECT count(*) FROM facts"}',
}


def read_question(document: Mapping[str, Any]) -> Question | Select:
    """Check the form of a question.

    Raises:
        InvalidInput: it is not a question; says which part is wrong.
        NotFound: there is no such kind of question; offers the one that was probably meant.

    >>> read_question({"measures": ["revenue"]}).kind
    'table'
    >>> read_question({"kind": "funel"})
    Traceback (most recent call last):
    cid.kit.errors.NotFound: No kind of question 'funel'. Did you mean 'funnel'?
    """
    kind = document.get("kind", "table")
    if not isinstance(kind, str) or kind not in KINDS:
        raise NotFound("kind of question", str(kind), KINDS)
    try:
        found: Question | Select = _ADAPTERS[kind].validate_python(dict(document))
        return found
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the question"
        raise InvalidInput(
            f"{place}: {first['msg']}.", hint=f"Ask for example {_EXAMPLES[kind]}."
        ) from None


def events_of(question: Question) -> list[str]:
    """Return the events that a question names."""
    match question:
        case Funnel(steps=steps):
            return [step.event for step in steps]
        case Retention(first=first, again=again):
            return [first.event, *([again.event] if again else [])]
        case Paths(event=event) | Rfm(event=event):
            return [event]
        case _:
            return []


def length_of(text: str, what: str) -> int:
    """Read a window in milliseconds.

    Raises:
        InvalidInput: it is no length of time, is nothing at all, or is longer than 100 years.

    >>> length_of("0 d", "within")
    Traceback (most recent call last):
    cid.kit.errors.InvalidInput: 'within' is a window of no length. Write it as 30 d or 12 h.
    """
    try:
        length = parse_duration(text)
    except InvalidInput as error:
        raise InvalidInput(f"{what!r}: {error.message}", hint=error.hint) from None
    if length <= 0:
        raise InvalidInput(f"{what!r} is a window of no length.", hint="Write it as 30 d or 12 h.")
    if length >= LONGEST:
        raise InvalidInput(
            f"{what!r} is a window of 100 years or more.", hint="Leave it out to ask for all time."
        )
    return length


_ADAPTERS: dict[str, TypeAdapter[Any]] = {kind: TypeAdapter(model) for kind, model in KINDS.items()}
