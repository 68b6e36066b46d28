"""Who listens to an event, and whose condition holds: one by one where they are few, else by tables.

What listens never changes: newly published rules are made into tables beside the old ones, and
`Execution` takes the whole in one step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from cic.conditions import CustomerView, Vocabulary
from cid.feel.index import Index
from context.decision import ReadyRule

FEW = 8
"""Up to so many rules are asked one by one: tables would not be faster."""


class Listeners:
    """The rules that listen to one event, in the order in which they were defined."""

    __slots__ = ("_index", "asked", "later")

    def __init__(self, rules: Sequence[ReadyRule], vocabulary: Vocabulary) -> None:
        self.later = tuple(rule for rule in rules if rule.wait)
        """Those that look only after a while."""
        self.asked = tuple(rule for rule in rules if not rule.wait)
        """Those that look at once."""
        self._index = tables(self.asked, vocabulary) if len(self.asked) > FEW else None

    def holding(self, view: CustomerView) -> list[ReadyRule]:
        """Return the rules that look at once and whose condition holds for the customer."""
        asked = self.asked
        return [asked[place] for place in self.places(view)]

    def places(self, view: CustomerView) -> list[int]:
        """Return the places of the same rules among those that look at once."""
        if self._index is not None:
            return self._index.match(view)
        return [place for place, rule in enumerate(self.asked) if rule.condition.run(view) is True]


def tables(rules: Sequence[ReadyRule], vocabulary: Vocabulary) -> Index[int]:
    """Make the tables that answer which of these rules' conditions hold, by their places.

    The event is at hand, an attribute or segment is one look away, a trait is calculated: what is
    dear is read last, and only where a rule that can still fire asks for it.
    """
    costs = {
        **dict.fromkeys(vocabulary.attributes, 1),
        **dict.fromkeys(vocabulary.segments, 1),
        **dict.fromkeys(vocabulary.traits, 2),
    }
    return Index.build(
        {place: rule.condition.tree for place, rule in enumerate(rules)},
        bind=vocabulary.bind,
        functions={"consent": "s.consent"},
        costs=costs,
    )


class Listening:
    """All rules by what they listen to."""

    def __init__(self, rules: Mapping[str, ReadyRule], vocabulary: Vocabulary) -> None:
        events: dict[str, list[ReadyRule]] = defaultdict(list)
        actions: dict[str, list[ReadyRule]] = defaultdict(list)
        changes: dict[tuple[str, bool], list[ReadyRule]] = defaultdict(list)
        for rule in rules.values():
            on = rule.entry.value.on
            if on.event:
                events[on.event].append(rule)
            elif on.action:
                actions[on.action].append(rule)
            elif on.entered or on.left:
                changes[on.entered or on.left, bool(on.entered)].append(rule)
        self._events = {name: Listeners(some, vocabulary) for name, some in events.items()}
        self._actions = {name: Listeners(some, vocabulary) for name, some in actions.items()}
        self._changes = dict(changes)
        self.rounds = [(name, rule) for name, rule in rules.items() if rule.every]
        """Those that come round by themselves."""

    def hears(self, event: str) -> bool:
        """Say whether anybody may listen to an event, whoever acted."""
        return event in self._events or event in self._actions

    def to_event(self, event: str, actor: str) -> Iterable[Listeners]:
        """Return who listens to an event; where somebody acted, also who listens to that action."""
        heard = self._events.get(event)
        acting = self._actions.get(event) if actor else None
        if acting is None:
            return () if heard is None else (heard,)
        return (acting,) if heard is None else (heard, acting)

    def to_change(self, segment: str, entered: bool) -> Sequence[ReadyRule]:
        """Return who listens to customers entering, or leaving, a segment."""
        return self._changes.get((segment, entered), ())
