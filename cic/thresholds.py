"""Conditions that ask one number: whole steps of them are answered by one look at where the number lies.

Most segments hold a trait against a number, as in ``orders 30d > 3``. Between two numbers that somebody compares a
trait with nothing can flip. So each such condition is asked once for every stretch between them, by the very
function that is run elsewhere, and its answers are kept; afterwards a value needs only to be found among the numbers,
however many conditions read it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

from cic.conditions import Condition
from cid.feel.tree import Call, walk

LARGE = 10**15
"""Whole numbers below are compared as such, which is faster."""


class Steps:
    """What the conditions say that read one trait and nothing else, by where its value lies."""

    __slots__ = ("_answers", "_nothing", "_numbers", "mask", "others", "trait", "word")

    def __init__(
        self, trait: int, word: str, conditions: Mapping[int, Condition], numbers: Sequence[Any]
    ) -> None:
        self.trait = trait
        self.word = word
        self.mask = sum(1 << place for place in conditions)
        """The conditions answered here, as bits by their places."""
        self.others = ~self.mask
        self._numbers = numbers
        self._nothing = _asked(conditions, None)
        self._answers = tuple(_asked(conditions, sample) for sample in _samples(numbers))

    def at(self, value: Any) -> int:
        """Return the conditions that hold for a value, as bits; -1 where each must be asked itself."""
        kind = type(value)
        if kind is int or kind is Decimal:
            # Below the first number both are 0, at it they differ by one, and so on.
            numbers = self._numbers
            return self._answers[bisect_left(numbers, value) + bisect_right(numbers, value)]
        return self._nothing if value is None else -1


class Thresholds:
    """All conditions as far as values of single traits answer them, and what holds of whom nothing is known.

    Args:
        conditions: all conditions, by place.
        without: places, as bits, of those that are more than their condition.
        traits: the place of each trait by its name.
        empty: the value of each trait of somebody who never did anything, for traits of which that is certain.
    """

    def __init__(
        self,
        conditions: Sequence[Condition],
        without: int,
        traits: Mapping[str, int],
        empty: Mapping[int, Any],
    ) -> None:
        found: dict[str, dict[int, Condition]] = {}
        for place, condition in enumerate(conditions):
            if not without >> place & 1 and _of_one_number(condition, traits):
                found.setdefault(condition.words[0], {})[place] = condition
        self.steps: dict[int, Steps] = {}
        """By the place of the trait."""
        for word, some in found.items():
            numbers = _sorted(some.values(), word)
            if _told_apart(numbers):
                self.steps[traits[word]] = Steps(traits[word], word, some, numbers)
        self.decided = sum(steps.mask for steps in self.steps.values())
        """Conditions that are answered by steps, as bits."""
        self.words = {
            place: steps
            for steps in self.steps.values()
            for place in range(steps.mask.bit_length())
            if steps.mask >> place & 1
        }
        """By place of the condition: the steps that answer it."""
        self.sure = 0
        """Conditions of which it is known what they are for somebody who never did anything, as bits …"""
        self.nothing = 0
        """… and those of them that hold for her."""
        known = {word: empty[place] for word, place in traits.items() if place in empty}
        for place, condition in enumerate(conditions):
            plain = known.keys() >= set(condition.words) and not _calls(condition)
            if plain and not without >> place & 1:
                self.sure |= 1 << place
                self.nothing |= (condition.run(_Said(empty)) is True) << place  # type: ignore[arg-type]


class _Said(dict[int, Any]):
    """What a condition is told of traits by their places."""

    t = dict.__getitem__


class _Same:
    """Says the same of every trait."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def t(self, index: int) -> Any:
        return self._value


def _calls(condition: Condition) -> bool:
    # A function may ask the time of day.
    return any(isinstance(node, Call) for node in walk(condition.tree))


def _of_one_number(condition: Condition, traits: Mapping[str, int]) -> bool:
    words = condition.words
    return (
        len(words) == 1
        and condition.traits == 1 << traits.get(words[0], 0)
        and not condition.attributes
        and not condition.segments
        and condition.edges.keys() == {words[0]}
        and condition.edges[words[0]] is not None
        and not _calls(condition)
    )


def _sorted(conditions: Iterable[Condition], word: str) -> list[int | Decimal]:
    numbers = {number for each in conditions for number in each.edges[word] or ()}
    return [
        int(number) if abs(number) < LARGE and number == number.to_integral_value() else number
        for number in sorted(numbers)
    ]


def _samples(numbers: Sequence[int | Decimal]) -> list[Any]:
    """Return one value of each stretch: below the first number, at it, between it and the next, and so on."""
    exact = [Decimal(number) for number in numbers]
    found = [exact[0] - 1]
    for number, following in zip(exact, [*exact[1:], exact[-1] + 2], strict=True):
        found += [number, (number + following) / 2]
    return found


def _told_apart(numbers: Sequence[int | Decimal]) -> bool:
    """Say whether there is a value in every stretch that can be calculated with."""
    samples = _samples(numbers)
    return all(a < b for a, b in pairwise(samples))


def _asked(conditions: Mapping[int, Condition], value: Any) -> int:
    view: Any = _Same(value)
    return sum(1 << place for place, each in conditions.items() if each.run(view) is True)
