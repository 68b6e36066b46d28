"""What traits and segments mean: their definitions, compiled and put in order, ready to be lived by.

A meaning is never changed; a new definition makes a new one. Every trait and every segment has a place, a small
number that is its bit wherever many are told at once. Places outlive new definitions, so that whatever was
compiled before stays right: what is new gets the next one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from cic.conditions import Condition, Vocabulary
from cic.kernel import TraitPlan, plan
from cic.model import Segment, Trait
from cic.plans import aggregates
from cic.thresholds import Steps, Thresholds
from cid.kit.definitions import Entry
from cid.kit.errors import InvalidInput
from cid.kit.ids import stable_id

EVERYTHING = -1
"""All bits: whatever there is."""


@dataclass(frozen=True)
class Meaning:
    """All traits and segments of a company, compiled."""

    traits: Mapping[str, Entry[Trait]]
    """By name, in the order of their places."""
    segments: Mapping[str, Entry[Segment]]
    """By name, in the order of their places."""
    vocabulary: Vocabulary
    plans: Mapping[str, list[TraitPlan]]
    conditions: tuple[Condition, ...]
    order: tuple[int, ...]
    """The places of the segments, each after those it depends on."""
    edges: Mapping[int, frozenset[Decimal] | None]
    """For each trait that any segment reads the numbers it is compared with."""
    by_attribute: Mapping[str, int]
    """For each attribute the segments that read it."""
    by_segment: tuple[int, ...]
    """For each segment those whose truth depends on it: they read it, or come after it in its group."""
    rivals: tuple[int, ...]
    """For each segment those of its group that come before it."""
    stays: tuple[int, ...]
    """For each segment how long one stays at least; 0 where that is not said."""
    special: int
    """The segments that have a minimum stay or a group."""
    names: tuple[str, ...]
    thresholds: Thresholds
    """Those of the segments that hold a trait against numbers."""
    version: str
    """Version of all traits and segments together; the order in which they stand does not matter."""
    unsure: int
    """Segments of which it is not known beforehand what they are for a customer of whom nothing is known."""
    read: int
    """Segments that others depend on."""
    _by_traits: dict[int, tuple[tuple[Steps, ...], int]] = field(default_factory=dict, repr=False)
    _in_turn: dict[int, tuple[int, ...]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls,
        traits: Mapping[str, Entry[Trait]],
        segments: Mapping[str, Entry[Segment]],
        vocabulary: Vocabulary,
    ) -> Meaning:
        """Compile definitions.

        Raises:
            InvalidDefinition: a condition is wrong, segments go in a circle, a group has no order.
        """
        names = tuple(segments)
        conditions = tuple(_compile(vocabulary, entry) for entry in segments.values())
        rivals = _rivals(segments)
        depends = [each.segments | rivals[place] for place, each in enumerate(conditions)]
        stays = tuple(entry.value.stay_length for entry in segments.values())
        special = sum(
            1 << place
            for place, entry in enumerate(segments.values())
            if stays[place] or entry.value.group
        )
        plans = plan(traits)
        empty = {place: each.empty for place, each in aggregates(plans).items()}
        thresholds = Thresholds(conditions, special, vocabulary.traits, empty)
        by_segment = tuple(
            sum(1 << place for place, each in enumerate(depends) if each >> other & 1)
            for other in range(len(names))
        )
        return cls(
            traits,
            segments,
            vocabulary,
            plans,
            conditions,
            _in_order(names, segments, depends),
            _edges(vocabulary, conditions),
            _readers(conditions),
            by_segment,
            rivals,
            stays,
            special,
            names,
            thresholds,
            stable_id(
                "v",
                *sorted(f"{name}={entry.version}" for name, entry in traits.items()),
                *sorted(f"{name}={entry.version}" for name, entry in segments.items()),
            ),
            ~thresholds.sure & ((1 << len(names)) - 1),
            sum(1 << place for place, readers in enumerate(by_segment) if readers),
        )

    @property
    def words(self) -> set[str]:
        """The customers' attributes that traits read."""
        return {word for entry in self.traits.values() for word in entry.value.reads}

    def place(self, segment: str) -> int:
        """Return the place of a segment."""
        return self.vocabulary.segments[segment]

    def reading(self, traits: int) -> tuple[tuple[Steps, ...], int]:
        """Return what answers the segments that read any of these traits; all where all are meant.

        Returns:
            the steps that answer some of them, and the others, as bits.
        """
        found = self._by_traits.get(traits)
        if found is None:
            steps = self.thresholds.steps
            found = (
                tuple(each for place, each in steps.items() if traits >> place & 1),
                sum(
                    1 << place
                    for place, condition in enumerate(self.conditions)
                    if traits == EVERYTHING or condition.traits & traits
                )
                & ~self.thresholds.decided,
            )
            if len(self._by_traits) < 10_000:
                self._by_traits[traits] = found
        return found

    def in_turn(self, wanted: int) -> tuple[int, ...]:
        """Return these segments, and those that depend on them, in the order in which to look at them."""
        found = self._in_turn.get(wanted)
        if found is None:
            reached, before = wanted, -1
            while reached != before:
                before = reached
                for place, readers in enumerate(self.by_segment):
                    if reached >> place & 1:
                        reached |= readers
            found = tuple(place for place in self.order if reached >> place & 1)
            if len(self._in_turn) < 10_000:
                self._in_turn[wanted] = found
        return found

    def beneath(self, place: int) -> tuple[int, ...]:
        """Return a segment and all that its truth depends on, in the order in which to look at them."""
        reached, before = 1 << place, 0
        while reached != before:
            before = reached
            for other in range(len(self.names)):
                if before >> other & 1:
                    reached |= self.conditions[other].segments | self.rivals[other]
        return tuple(other for other in self.order if reached >> other & 1)

    def lives_otherwise(self, before: Meaning) -> bool:
        """Say whether any trait has another sense than in another meaning, or is not there."""
        return bool(self._other_traits(before))

    def changed_since(self, before: Meaning) -> int:
        """Return the segments, as bits, that another meaning does not have, or has with another sense."""
        traits = sum(1 << place for place in self._other_traits(before))
        found = 0
        for place, (name, entry) in enumerate(self.segments.items()):
            old = before.segments.get(name)
            if (
                old is None
                or self.conditions[place].traits & traits
                or (old.version != entry.version and _sense(old.value) != _sense(entry.value))
                or self.rivals[place] != before.rivals[before.place(name)]
            ):
                found |= 1 << place
        return found

    def _other_traits(self, before: Meaning) -> list[int]:
        return [
            place
            for place, (name, entry) in enumerate(self.traits.items())
            if (old := before.traits.get(name)) is None
            or (
                old.version != entry.version
                and _trait_sense(old.value) != _trait_sense(entry.value)
            )
        ]


_WORDS = {"title", "description", "owner", "unit"}
"""Fields that say what a thing is called; they move nobody."""


def _sense(definition: Trait | Segment) -> dict[str, Any]:
    return definition.model_dump(exclude=_WORDS)


def _trait_sense(trait: Trait) -> Any:
    inputs = {name: _trait_sense(each) for name, each in trait.inputs.items()}
    return (_sense(trait), sorted(trait.reads), inputs)


def _compile(vocabulary: Vocabulary, entry: Entry[Segment]) -> Condition:
    try:
        return vocabulary.compile(entry.value.when)
    except InvalidInput as error:
        raise entry.error(error.message, hint=error.hint) from error


def _edges(
    vocabulary: Vocabulary, conditions: tuple[Condition, ...]
) -> dict[int, frozenset[Decimal] | None]:
    """Return for each trait that any segment reads the numbers it is compared with."""
    found: dict[int, frozenset[Decimal] | None] = {}
    for condition in conditions:
        for word, numbers in condition.edges.items():
            place = vocabulary.traits.get(word)
            if place is not None:
                before = found.get(place, frozenset())
                together = before is None or numbers is None
                found[place] = None if together else before | numbers  # type: ignore[operator]
    return found


def _rivals(segments: Mapping[str, Entry[Segment]]) -> tuple[int, ...]:
    """Return for each segment those of its group that come before it."""
    result = []
    for name, entry in segments.items():
        bits = 0
        for place, (other, rival) in enumerate(segments.items()):
            if other == name or not entry.value.group or rival.value.group != entry.value.group:
                continue
            mine, its = entry.value.priority or 0, rival.value.priority or 0
            if mine == its:
                raise entry.error(
                    f"{other!r} has the same priority {mine} in the group {entry.value.group!r}.",
                    hint="Give each segment of a group a priority of its own.",
                )
            if its < mine:
                bits |= 1 << place
        result.append(bits)
    return tuple(result)


def _in_order(
    names: tuple[str, ...], segments: Mapping[str, Entry[Segment]], depends: list[int]
) -> tuple[int, ...]:
    """Return the places of the segments so that each comes after those it depends on."""
    order: list[int] = []
    state = dict.fromkeys(range(len(names)), 0)

    def visit(place: int, way: list[int]) -> None:
        if state[place] == 2:
            return
        if state[place] == 1:
            circle = " → ".join(names[each] for each in [*way[way.index(place) :], place])
            raise segments[names[place]].error(f"segments define each other in a circle: {circle}.")
        state[place] = 1
        for other in range(len(names)):
            if depends[place] >> other & 1:
                visit(other, [*way, place])
        state[place] = 2
        order.append(place)

    for place in range(len(names)):
        visit(place, [])
    return tuple(order)


def _readers(conditions: tuple[Condition, ...]) -> dict[str, int]:
    readers: dict[str, int] = {}
    for place, condition in enumerate(conditions):
        for attribute in condition.attributes:
            readers[attribute] = readers.get(attribute, 0) | 1 << place
    return readers
