"""Why she is in a segment, or is not: her values, the events behind them, what moved her, and what will."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from cic.conditions import CustomerView, shown
from cic.course import Outlook, outlook
from cic.model import SEGMENTS, Trait
from cic.oracle import trait_of
from cic.segmentation import Segmentation
from cid.customers import CONSENT, Customers
from cid.facade import titles
from cid.kit.clock import format_time
from cid.kit.definitions import Definitions
from cid.model.fact import Fact

SHOWN = 20
"""How many events are shown of those that count."""


class Changes(Protocol):
    """Keeps every entry and exit."""

    def changes(
        self, segment: str = "", customer: str = "", limit: int = 100
    ) -> list[dict[str, Any]]:
        """Return changes, newest first."""

    def memberships_of(self, customer: str) -> list[dict[str, Any]]:
        """Return the segments of a customer with since when."""


class Explanation:
    """Everything that is to be said about one customer and one segment."""

    def __init__(
        self,
        definitions: Definitions,
        segmentation: Segmentation,
        customers: Customers,
        store: Changes,
        facts_of: Callable[[str], list[Fact]],
        current: Callable[[str], str],
    ) -> None:
        self._definitions = definitions
        self._segmentation = segmentation
        self._customers = customers
        self._store = store
        self._facts_of = facts_of
        self._current = current

    def why(self, segment: str, customer: str) -> dict[str, Any]:
        """Say why a customer is, or is not, in a segment, and when that ends if nothing happens.

        Raises:
            NotFound: there is no such segment, or no such customer.
        """
        self._definitions.get(SEGMENTS, segment)
        found = self._current(customer)
        live, meaning = self._segmentation, self._segmentation.meaning
        place = meaning.place(segment)
        condition = meaning.conditions[place]
        view = live.view(found)
        facts = self._facts_of(found)
        since = live.since.get((found, segment))
        outlook = self._outlook(found, facts, [place])
        turn = outlook.turns.get(place)
        return {
            "segment": segment,
            "title": self._title(segment),
            "customer": found,
            "name": self._customers.name(found),
            "in": view.m(place),
            "since": _time(since),
            "leaves": _time(turn.at) if turn and not turn.entered else None,
            "values": shown(live.vocabulary.scope(view, condition.words)),
            "explanation": live.vocabulary.explain(condition, view),
            "held": self._held(place, view, since),
            "came": self._came(segment, found, facts),
            "traits": self._traits(place, view, facts),
            "turns": {
                "at": _time(turn.at) if turn else None,
                "to": "leaves" if view.m(place) else "enters",
                "bound": format_time(outlook.bound),
                "trait": turn.trait or None if turn else None,
                "event": turn.fact.message_id if turn and turn.fact else None,
                "checked": outlook.looked,
                "cut": outlook.cut,
            },
        }

    def memberships(self, customer: str) -> list[dict[str, Any]]:
        """List the segments of a customer with since when, and when each ends if nothing happens."""
        found = self._current(customer)
        place_of = self._segmentation.vocabulary.segments
        rows = [row for row in self._store.memberships_of(found) if row["segment"] in place_of]
        turns = self._outlook(
            found, self._facts_of(found), [place_of[row["segment"]] for row in rows]
        ).turns
        listed = []
        for row in rows:
            turn = turns.get(place_of[row["segment"]])
            listed.append(
                {
                    "segment": row["segment"],
                    "title": self._title(row["segment"]),
                    "since": format_time(row["since"]),
                    "leaves": _time(turn.at) if turn and not turn.entered else None,
                }
            )
        return listed

    def _outlook(self, customer: str, facts: list[Fact], places: list[int]) -> Outlook:
        live = self._segmentation
        profile = self._customers.profile(customer)
        consents = {}
        for name, value in profile.items():
            if name.startswith(CONSENT):
                purpose, _, channel = name.removeprefix(CONSENT).partition(".")
                consents[purpose, channel] = value.value is True
        return outlook(
            customer,
            facts,
            {name: value.value for name, value in profile.items()},
            consents,
            live.meaning,
            places,
            live.bits.get(customer, 0),
            live.since,
            live.now,
            live.around(customer, self._facts_of),
        )

    def _held(self, place: int, view: CustomerView, since: int | None) -> dict[str, Any]:
        """Say what counts beside the condition: a minimum stay, or another segment of the group."""
        meaning = self._segmentation.meaning
        holds = meaning.conditions[place].run(view) is True
        held: dict[str, Any] = {
            "by": "condition" if holds else "none",
            "until": None,
            "rival": None,
        }
        if view.m(place):
            stay = meaning.stays[place]
            if stay and since is not None and since + stay > self._segmentation.now:
                held["until"] = format_time(since + stay)
            if not holds:
                held["by"] = "stay"
        elif holds:
            rivals = [
                name
                for other, name in enumerate(meaning.names)
                if meaning.rivals[place] >> other & 1 and view.m(other)
            ]
            if rivals:
                held |= {
                    "by": "group",
                    "rival": {"segment": rivals[0], "title": self._title(rivals[0])},
                }
        return held

    def _came(self, segment: str, customer: str, facts: list[Fact]) -> dict[str, Any] | None:
        rows = self._store.changes(segment=segment, customer=customer, limit=1)
        if not rows:
            return None
        row = rows[0]
        fact = next((each for each in facts if each.message_id == row["cause_id"]), None)
        return {
            "kind": row["kind"],
            "at": format_time(row["effective_at"]),
            "known_at": format_time(row["known_at"]),
            "cause": row["cause"],
            "cause_id": row["cause_id"],
            "fact": {"event": fact.event, "source": fact.source, "time": format_time(fact.time)}
            if fact
            else None,
            "values": row["seen"],
        }

    def _traits(self, place: int, view: CustomerView, facts: list[Fact]) -> list[dict[str, Any]]:
        live, meaning = self._segmentation, self._segmentation.meaning
        now = live.now
        around = live.around(view.customer, self._facts_of)
        result = []
        names = [
            name
            for number, name in enumerate(meaning.traits)
            if meaning.conditions[place].traits >> number & 1
        ]
        for name in names:
            # What a formula reads is listed after it.
            names += [each for each in meaning.traits[name].value.inputs if each not in names]
        for name in names:
            entry, number = meaning.traits[name], live.vocabulary.traits[name]
            trait = entry.value
            some = around(trait.related) if trait.related else facts
            count = counted(trait, some, now)
            result.append(
                {
                    "name": name,
                    "title": titles(entry),
                    "value": shown(view.t(number)),
                    "unit": trait.unit,
                    "window": trait.window,
                    "aggregate": trait.aggregate,
                    "count": len(count),
                    "more": len(count) > SHOWN,
                    "events": [_event(trait, fact, now) for fact in count[:SHOWN]],
                }
            )
        return result

    def _title(self, name: str) -> Mapping[str, str] | None:
        entry = self._definitions.of(SEGMENTS).get(name)
        return titles(entry) if entry else None


def counted(trait: Trait, facts: Iterable[Fact], as_of: int) -> list[Fact]:
    """Return the facts that count for a trait at a moment, newest first.

    A fact counts where the number of such facts, asked of it alone, is one.
    """
    if not trait.of:
        return []
    if trait.sequence:
        alone = trait.model_copy(
            update={"sequence": (), "within": "", "related": "", "count": True}
        )
    else:
        one: dict[str, Any] = {trait.aggregate: "", "related": "", "count": True}
        alone = trait.model_copy(update=one)
    own = [fact for fact in facts if fact.event in trait.of and trait_of(alone, [fact], as_of)]
    return sorted(own, key=lambda fact: fact.order, reverse=True)


def contribution(trait: Trait, fact: Fact, as_of: int) -> Any:
    """Return what a fact that counts says to a trait: the value that is added up, compared or listed."""
    if trait.sequence or not trait.value:
        return 1 if trait.count and not trait.sequence else None
    said: dict[str, Any] = {trait.aggregate: "", "related": "", "last": trait.value}
    return trait_of(trait.model_copy(update=said), [fact], as_of)


def _event(trait: Trait, fact: Fact, as_of: int) -> dict[str, Any]:
    return {
        "id": fact.message_id,
        "event": fact.event,
        "source": fact.source,
        "time": format_time(fact.time),
        "contribution": shown(contribution(trait, fact, as_of)),
        "leaves": format_time(fact.time + trait.window_length) if trait.window else None,
    }


def _time(moment: int | None) -> str | None:
    return None if moment is None else format_time(moment)
