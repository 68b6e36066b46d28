"""What intelligence asks of others: an engine that knows history, a scorer that learns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from cid.kit.clock import format_time, to_millis
from cid.kit.ids import content_hash
from cid.kit.plugins import Port
from cid.kit.privacy import COLUMNS
from cid.model.fact import Fact
from cid.model.relationship import Regrouped


class FactRow(NamedTuple):
    """One fact on its way into history."""

    position: int
    """Place in the order in which facts were accepted; grows, is never given twice."""
    identity: str
    message_id: str
    source: str
    type: str
    event: str
    time: int
    received: int
    actor: str
    loop: str
    properties: str
    """JSON object."""
    attributes: str
    """JSON object."""


@dataclass(frozen=True)
class News:
    """What has become of a small table since a mark."""

    mark: str
    """What to ask with next time; a text that is never empty."""
    rows: Iterable[Sequence[Any]]
    gone: Collection[str] | None = None
    """Keys of which all former rows go before the new ones come; all rows go where None."""


@dataclass(frozen=True)
class Mirror:
    """A small table of some layer, copied into history whenever it changed.

    ``rows`` is called only when ``version`` differs from the one copied last; an empty version
    means always. Columns named in ``moments`` hold milliseconds and become timestamps. ``types``
    may name the SQL type of columns that history does not know; otherwise the values decide.

    A table that can tell what changed has ``news`` instead of rows: asked with the mark of last
    time, or with an empty one for everything. ``key`` is the column by which rows are replaced.
    """

    columns: Sequence[str]
    rows: Callable[[], Iterable[Sequence[Any]]]
    version: str = ""
    moments: frozenset[str] = frozenset()
    types: Mapping[str, str] = field(default_factory=dict)
    news: Callable[[str], News] | None = None
    key: str = ""


class HistorySource(Protocol):
    """Where history is derived from."""

    def generation(self) -> str:
        """Return a text that changes when facts were changed or removed: history is made again."""

    def facts_since(self, position: int, limit: int) -> Sequence[FactRow]:
        """Return the next facts after a position, in order of position; fewer than the limit are all there are."""

    def owners(self) -> Mirror:
        """Return whose each identity is that owns facts, as (identity, customer); news add to what was said."""

    def mirrors(self) -> Mapping[str, Mirror]:
        """Return the small tables of all layers by name."""

    def zone(self) -> str:
        """Return the time zone in which the business counts its days."""
        return "UTC"

    def personal(self) -> Collection[str]:
        """Return the names of properties that only those see to whom personal data is shown."""
        return COLUMNS - {"value", "properties"}


@dataclass(frozen=True)
class Result:
    """Rows that answer a question; ``cut`` tells that there were more than were asked for."""

    columns: list[str]
    rows: list[tuple[Any, ...]]
    cut: bool = False
    cached: bool = False
    """Whether it was answered from memory; history is what it was."""
    position: int = 0
    """Place in the order of facts up to which it holds."""

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON can carry it: moments as ISO text, decimals as numbers."""
        return {
            "columns": self.columns,
            "rows": [[plain(value) for value in row] for row in self.rows],
            "cut": self.cut,
        }


def plain(value: Any) -> Any:
    """Turn a value into one that JSON can carry: moments as ISO text, decimals as numbers.

    >>> plain(Decimal("12.50")), plain(datetime(2026, 1, 2)), plain([Decimal(3)])
    (12.5, '2026-01-02T00:00:00.000Z', [3])
    """
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime():
            return format_time(to_millis(value))
        case date():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case dict():
            return {str(key): plain(each) for key, each in value.items()}
        case list() | tuple():
            return [plain(each) for each in value]
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)


@dataclass(frozen=True)
class Sight:
    """What somebody sees of history: which rows, which columns, and what for she reads."""

    policy: str = ""
    role: str = ""
    purpose: str = ""
    customers: str = ""
    """SQL over ``customers``: rows about others do not exist; all where empty."""
    consent: str = ""
    """Only customers who consent to this purpose, by any channel; all where empty."""
    masked: frozenset[str] = frozenset()
    """Columns of which only the first letter is seen."""
    hidden: frozenset[str] = frozenset()
    """Columns that do not exist."""
    attributes: frozenset[str] = frozenset()
    """Attributes whose values are masked where each stands in a row of its own."""
    views: frozenset[str] = frozenset()
    """The only views that exist; all where empty."""

    @property
    def key(self) -> str:
        """Return the same text for those who see the same."""
        sets = (self.masked, self.hidden, self.attributes, self.views)
        return content_hash(repr((self.customers, self.consent, *map(sorted, sets))))

    @property
    def partial(self) -> bool:
        """Whether there are rows that are not seen."""
        return bool(self.customers or self.consent)


class Ticket:
    """A question on its way: how far it is, and the way to stop it."""

    def __init__(self) -> None:
        self.stopped = False
        self.late = False
        """Whether it was stopped because its time was over …"""
        self.large = False
        """… or because it took too much memory."""
        self.progress: float | None = None
        """Per cent done, as far as the engine can tell."""

    def stop(self) -> None:
        """Ask the engine to give up; it does within a moment."""
        self.stopped = True


@runtime_checkable
class Engine(Protocol):
    """Holds the history of all customers in columns and answers read-only SQL about it.

    History is derived: it can be thrown away and made again from its source at any time.
    """

    def __init__(self, path: Path, memory: str = "1GB") -> None:
        """Open the history kept at a path, or begin an empty one."""

    def sync(self, source: HistorySource) -> int:
        """Bring history up to date; return how many facts were added."""

    def position(self) -> int:
        """Return the position of the last fact taken in; 0 when there is none."""

    def query(
        self,
        sql: str,
        params: Mapping[str, Any] = {},
        *,
        rows: int | None = 10_000,
        seconds: float | None = 10.0,
        sight: Sight | None = None,
        ticket: Ticket | None = None,
    ) -> Result:
        """Answer one SELECT, safely whoever wrote it: it can read history and nothing else.

        With a ``sight`` it can read the rows and columns of that sight and nothing else. A
        ``ticket`` that is stopped ends it within a moment.

        Raises:
            InvalidInput: it is not one correct SELECT, or it took too long or too much memory.
            Conflict: its ticket was stopped.
            Refused: it tries to reach outside history or to change something.
        """

    def close(self) -> None:
        """Let go of all files."""


@runtime_checkable
class Streaming(Protocol):
    """An engine that also answers part by part, so that an answer need not fit in memory."""

    def parts(
        self,
        sql: str,
        *,
        seconds: float | None = None,
        sight: Sight | None = None,
        ticket: Ticket | None = None,
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Answer one SELECT: first (name, type) of each column, then rows, some at a time."""


@runtime_checkable
class Writing(Protocol):
    """An engine that also writes rows as a Parquet file."""

    def parquet(
        self,
        columns: Sequence[tuple[str, str]],
        parts: Iterable[Sequence[tuple[Any, ...]]],
        path: Path,
    ) -> None:
        """Write rows with these columns (name, type) to a file."""


class Example(NamedTuple):
    """One customer at one moment: what was known, and what happened next (None: not yet known)."""

    customer: str
    moment: int
    features: tuple[float | None, ...]
    label: bool | None


class Reason(NamedTuple):
    """How much one feature moved a customer's score, in points of probability."""

    feature: str
    value: float | None
    effect: float


class Scored(NamedTuple):
    """A customer's probability and why."""

    customer: str
    probability: float
    reasons: tuple[Reason, ...]


@runtime_checkable
class Scorer(Protocol):
    """Learns from examples how likely something is, and says why."""

    def fit(
        self, features: Sequence[str], examples: Sequence[Example], recent: Sequence[Example]
    ) -> None:
        """Learn from examples; calibrate the probabilities on more recent ones, never learned from.

        The same examples must always give the same model.
        """

    def predict(self, examples: Sequence[Example]) -> list[float]:
        """Return a probability for each example."""

    def explain(self, examples: Sequence[Example], top: int = 3) -> list[tuple[Reason, ...]]:
        """Say for each example which features moved its probability most, strongest first."""

    def describe(self) -> dict[str, Any]:
        """Say what kind of model it is and with which settings, as JSON can carry it."""


@runtime_checkable
class Live(Protocol):
    """The live traits of all customers, whoever keeps them."""

    clock: int
    touched: dict[str, int]

    def watch(self, edges: Mapping[int, Collection[Decimal] | None]) -> None:
        """Say which traits anybody looks at, and which numbers matter to them."""

    def next_due(self) -> int | None:
        """Return the next moment at which something may change by itself."""

    def quiet_until(self, moment: int) -> bool:
        """Say whether nothing happens by itself up to a moment, and nobody was touched before."""

    def advance(self, moment: int) -> None:
        """Move the clock to a moment at once."""

    def advance_until_touched(self, moment: int) -> None:
        """Move the clock towards a moment; it stops at the first instant that touches somebody."""

    def apply(self, fact: Fact) -> None:
        """Take in a fact at the present clock."""

    def regroup(self, event: Regrouped) -> None:
        """Let facts follow their identities to other customers."""

    def profile_changed(self, customer: str, attributes: Collection[str]) -> None:
        """Hear that attributes of a customer have other values than before."""

    def retract(self, message_id: str) -> bool:
        """Take a fact back as if it had never been received; say whether it was here."""

    def forget(self, name: str) -> None:
        """Erase an identity with all its facts."""

    def values(self, customer: str) -> list[Any]:
        """Return the customer's traits, by index."""

    def value(self, customer: str, index: int) -> Any:
        """Return one trait of a customer."""

    def drain(self) -> dict[str, int]:
        """Return the touched customers with the bits of the traits that changed, and forget them."""

    def owner(self, identity: str) -> str:
        """Return the customer of an identity that has facts here."""

    def facts(self) -> int:
        """Return how many facts are held."""

    def extend(self, facts: Iterable[Fact]) -> None:
        """Take in many facts at the present clock; nobody is touched."""

    def events(self) -> set[str]:
        """Return the events that any trait counts."""

    def missing(self, covers: Mapping[str, Mapping[str, list[Any]]]) -> set[str]:
        """Return the events of which more is needed than a snapshot has."""

    def columns(self) -> Any:
        """Return all that is kept of the facts that still count somewhere, in columns."""

    def restore(
        self, columns: Any, owner: Callable[[str], str], without: Collection[str] = ()
    ) -> None:
        """Take in facts that were kept, at the present clock, without those of some events."""


ENGINES: Port[Engine] = Port("icustomer.cic.engines", Engine)
SCORERS: Port[Scorer] = Port("icustomer.cic.scorers", Scorer)


class ChangeRow(NamedTuple):
    """One entry into or exit from a segment, as it is kept."""

    customer: str
    segment: str
    version: str
    kind: str
    """entered or left."""
    effective_at: int
    known_at: int
    cause: str
    cause_id: str
    seen: dict[str, Any]
    """The values that decided."""
    loop: str


@runtime_checkable
class Store(Protocol):
    """Keeps who is in which segment since when, and every change."""

    def memberships(self, connection: Any) -> Iterable[tuple[str, str, int]]:
        """Yield (customer, segment, since)."""

    def moment(self, connection: Any) -> int:
        """Return the moment up to which segments are right."""

    def version(self, connection: Any) -> str:
        """Return the version of the definitions with which they were computed."""

    def save(
        self, connection: Any, changes: Sequence[ChangeRow], moment: int, version: str
    ) -> None:
        """Write changes, and the memberships that follow from them."""

    def sizes(self) -> dict[str, int]:
        """Return how many customers are in each segment."""

    def members(self, segment: str, limit: int, after: str = "") -> list[dict[str, Any]]:
        """Return members of a segment, newest first; those that follow the last of the page before."""

    def memberships_of(self, customer: str) -> list[dict[str, Any]]:
        """Return the segments of a customer with since when."""

    def changes(
        self, segment: str = "", customer: str = "", limit: int = 100
    ) -> list[dict[str, Any]]:
        """Return changes, newest first."""

    def entries(
        self, segments: Sequence[str], after: int, until: int
    ) -> list[tuple[str, str, int]]:
        """Return (customer, segment, since) of all who entered in ``(after, until]`` and were in then."""

    def entry(self, customer: str, segment: str, at: int) -> dict[str, Any] | None:
        """Return the change by which a customer entered a segment at a moment."""

    def moves(self, segment: str, since: int) -> list[tuple[int, int, int]]:
        """Return (day number, entered, left) for each day since a moment."""

    def movements(self, since: int) -> dict[str, dict[int, tuple[int, int]]]:
        """Return for all segments by day number how many entered and left since a moment."""

    def count(self) -> int:
        """Return how many changes there were."""

    def changes_after(self, place: int, limit: int) -> list[dict[str, Any]]:
        """Return changes after a place, in order; each has its place as ``id``."""

    def last_change(self) -> int:
        """Return the place of the last change; 0 where there is none."""

    def behind(self, place: int) -> int:
        """Return how many changes there are after a place."""

    def place(self, stream: str) -> int | None:
        """Return how far a stream of changes has come; None where it has not begun."""

    def reached(self, stream: str, place: int) -> None:
        """Note how far a stream of changes has come."""

    def note(self, report: Mapping[str, Any]) -> None:
        """Keep the result of a verification."""

    def last_verification(self) -> dict[str, Any] | None:
        """Return the last verification's result."""

    def verifications(self, limit: int) -> list[dict[str, Any]]:
        """Return the results of the last verifications, newest first."""

    def note_export(self, row: Mapping[str, Any]) -> None:
        """Keep who took which answer out, before it is handed over."""

    def exports(self, limit: int = 100) -> list[dict[str, Any]]:
        """Return what was taken out, newest first."""

    def mirrors(self) -> dict[str, str]:
        """Return the SELECTs that feed the history."""


KERNELS: Port[Live] = Port("icustomer.cic.kernels", Live)
STORES: Port[Store] = Port("icustomer.cic.stores", Store)
