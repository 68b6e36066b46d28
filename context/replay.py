"""What rules would have decided: from history alone, or by living through it once more.

A rule that reads only its event is asked over the events of history. Any other is given to the very
code that runs live, with a clock, customers and segments of its own: it sees what was known when
the event was received, nothing that came later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from cic.columns import at_most, text_literal
from cic.conditions import Vocabulary
from cic.model import Segment, Trait
from cic.ports import Engine
from cic.segmentation import Segmentation
from cid.customers import Customers
from cid.kit.definitions import Entry
from cid.kit.events import Bus
from cid.model.definition import Attribute
from cid.model.fact import Fact
from cid.projection import Projection
from context.decision import ReadyRule
from context.execution import Execution
from context.matching import Listeners, Listening
from context.ports import DecisionRow, Effects

AT_ONCE = 50_000
"""Events that are fetched from history at once."""


class Firing(NamedTuple):
    """A rule would have fired: for whom, and when (milliseconds)."""

    customer: str
    at: int


Firings = dict[str, list[Firing]]
"""By rule, in the order in which they would have happened."""


@dataclass(frozen=True)
class Span:
    """The time looked at, ``(begin, end]``, and who was reached before it: (rule, customer) → when."""

    begin: int
    end: int
    before: Mapping[tuple[str, str], int]


def of_event(rule: ReadyRule) -> bool:
    """Say whether a rule reads nothing but the event that sets it off, and looks at once."""
    on, condition = rule.entry.value.on, rule.condition
    about_customer = condition.traits or condition.segments or condition.attributes
    return (
        bool(on.event or on.action)
        and not rule.wait
        and not about_customer
        and set(condition.words) <= {"event"}
    )


class _Moment:
    """What such a rule may read."""

    __slots__ = ("event",)

    def __init__(self) -> None:
        self.event: Mapping[str, Any] = {}


def over_history(
    engine: Engine, rules: Mapping[str, ReadyRule], vocabulary: Vocabulary, span: Span
) -> Firings:
    """Ask rules that read only their event over all events of history in a span of time."""
    listening = Listening(rules, vocabulary)
    firings: Firings = {name: [] for name in rules}
    take: dict[str, Callable[[Firing], None]] = {
        name: _Gate(name, rule.once_per, span).into(firings[name]) for name, rule in rules.items()
    }
    takers: dict[Listeners, list[Callable[[Firing], None]]] = {}
    view: Any = _Moment()
    loads, to_event = orjson.loads, listening.to_event
    for customer, event, actor, at, properties in _events(engine, listened(rules), span):
        view.event = loads(properties)
        firing = Firing(customer, at)
        for listeners in to_event(event, actor):
            places = listeners.places(view)
            if places:
                if listeners not in takers:
                    takers[listeners] = [take[rule.name] for rule in listeners.asked]
                taking = takers[listeners]
                for place in places:
                    taking[place](firing)
    return firings


def listened(rules: Mapping[str, ReadyRule]) -> list[str]:
    """Return the events that any of these rules listens to."""
    return sorted(
        {rule.entry.value.on.event or rule.entry.value.on.action for rule in rules.values()}
    )


class _Gate:
    """Lets a rule pass once per customer and time."""

    def __init__(self, name: str, once_per: int, span: Span) -> None:
        self._length = once_per
        self._last = {customer: at for (rule, customer), at in span.before.items() if rule == name}

    def into(self, firings: list[Firing]) -> Callable[[Firing], None]:
        """Return what takes a firing into a list, if the rule may fire."""
        if not self._length:
            return firings.append

        def take(firing: Firing) -> None:
            if self.passes(firing.customer, firing.at):
                firings.append(firing)

        return take

    def passes(self, customer: str, at: int) -> bool:
        """Say whether the rule may fire, and remember that it does."""
        if self._length:
            last = self._last.get(customer, -1)
            if last >= 0 and at - last < self._length:
                return False
            self._last[customer] = at
        return True


def gated(name: str, rule: ReadyRule, found: Iterable[Firing], span: Span) -> list[Firing]:
    """Leave out what the rule's ``once per`` would have held back."""
    gate = _Gate(name, rule.once_per, span)
    return [each for each in found if gate.passes(each.customer, each.at)]


def where(events: Sequence[str], span: Span) -> str:
    """Return the SQL that picks events of customers, received in a span of time."""
    listed = ", ".join(map(text_literal, events)) or "NULL"
    return (
        f"event IN ({listed}) AND customer IS NOT NULL "
        f"AND NOT {at_most('received', span.begin)} AND {at_most('received', span.end)}"
    )


def _events(
    engine: Engine, events: Sequence[str], span: Span
) -> Iterator[tuple[str, str, str, int, str]]:
    picked = where(events, span)
    ((first, last),) = engine.query(
        f"SELECT min(position), max(position) FROM facts WHERE {picked}", rows=None, seconds=None
    ).rows
    if first is None:
        return
    for start in range(first, last + 1, AT_ONCE):
        # Places in a row lie side by side on the disk, and need no sorting of the whole.
        yield from engine.query(
            "SELECT customer, event, actor, epoch_ms(received), properties FROM facts "
            f"WHERE position >= {start} AND position < {start + AT_ONCE} AND {picked} "
            "ORDER BY position",
            rows=None,
            seconds=None,
        ).rows


class _Nowhere:
    """A store that keeps nothing; of decisions it remembers who and when."""

    def __init__(self) -> None:
        self.fired: list[DecisionRow] = []

    def save(self, connection: Any, first: Sequence[Any], *others: Any) -> None:
        """Take what would be written."""
        self.fired += [row for row in first if isinstance(row, DecisionRow)]


class _Rehearsal(Execution):
    """Rules at work on the past: they hear all, and decide from the begin of the span on."""

    deciding = False

    def begin(self, before: Mapping[tuple[str, str], int]) -> None:
        """Decide from now on; these firings came before."""
        for (rule, customer), at in before.items():
            self.remember(rule, self._identity(customer), at)
        self.deciding = True

    def _decide(self, *given: Any) -> None:
        if self.deciding:
            super()._decide(*given)


class Past:
    """The live path over the customers' past, beside the live one and touching nothing of it."""

    def __init__(
        self,
        attributes: Mapping[str, Entry[Attribute]],
        traits: Mapping[str, Entry[Trait]],
        segments: Mapping[str, Entry[Segment]],
        vocabulary: Vocabulary,
        facts: Callable[[], Iterator[Fact]],
    ) -> None:
        self._definitions = (attributes, traits, segments)
        self._vocabulary = vocabulary
        self._facts = facts

    def renew(
        self, traits: Mapping[str, Entry[Trait]], segments: Mapping[str, Entry[Segment]]
    ) -> None:
        """Live through the past by other traits and segments from now on."""
        self._definitions = (self._definitions[0], traits, segments)

    def live_through(self, rules: Mapping[str, ReadyRule], span: Span) -> Firings:
        """Return what rules would have decided in a span, as if all were published at its begin."""
        attributes, traits, segments = self._definitions
        bus, nowhere = Bus(), _Nowhere()
        store: Any = nowhere
        customers = Customers(attributes, Projection({}), store, bus)
        segmentation = Segmentation(
            traits, segments, self._vocabulary, customers, store, bus, lambda: iter(())
        )
        silent = {name: replace(rule, calls=()) for name, rule in rules.items()}
        effects = Effects(None, Path())

        stages: list[Any] = [segmentation]
        now = 0
        # A rule that waits has heard before the span begins what it looks at within.
        hears = span.begin - max((rule.wait for rule in rules.values()), default=0)
        rehearsal: _Rehearsal | None = None

        def reach(moment: int) -> None:
            nonlocal now, rehearsal
            if rehearsal is None and moment > hears:
                now = _pass_time(stages, now, hears)
                rehearsal = _Rehearsal(silent, segmentation, customers, {}, effects, store, bus)
                rehearsal.advance(hears)
                stages.append(rehearsal)
            if rehearsal is not None and not rehearsal.deciding and moment > span.begin:
                now = _pass_time(stages, now, span.begin)
                rehearsal.begin(span.before)
            now = _pass_time(stages, now, moment)

        for number, fact in enumerate(self._facts()):
            if fact.received > span.end:
                # What was received later is not known yet; what follows may have been earlier.
                continue
            reach(fact.received)
            for stage in (customers, *stages):
                stage.apply(fact)
            if number % AT_ONCE == AT_ONCE - 1:
                _forget(stages)
        reach(span.end)
        _forget(stages)
        firings: Firings = {name: [] for name in rules}
        for row in nowhere.fired:
            firings[row.rule].append(Firing(row.customer, row.at))
        return firings


def _pass_time(stages: Sequence[Any], now: int, moment: int) -> int:
    """Let everything due by a moment happen, in order of time, whichever stage it is due in."""
    if moment <= now:
        return now
    while True:
        dues = [(at, place) for place, s in enumerate(stages) if (at := s.next_due()) is not None]
        at, place = min(dues, default=(moment + 1, 0))
        if at > moment:
            break
        # A stage may go on by itself up to what is due next in another one.
        others = [due for due, other in dues if other != place]
        stages[place].advance(max(min([moment, *others]), at, now))
    for stage in stages:
        stage.advance(moment)
    return moment


def _forget(stages: Sequence[Any]) -> None:
    for stage in stages:
        stage.flush(None)
