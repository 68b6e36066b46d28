"""Which values are the same, for lists and contexts of any shape, in one pass over each."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from datetime import datetime, time
from decimal import Decimal
from typing import Any

from cid.feel.moments import Beyond, nanoseconds
from cid.feel.values import Range, kind_of, lift

_PLAIN = {str: "string", int: "number", Decimal: "number", bool: "boolean"}
"""Kinds of values that are told apart by themselves, by their types."""


class Sameness:
    """Gives each value a number: two values have the same one exactly if they are equal.

    A part that occurs in many places is looked at once, so that values that hold themselves many
    times over (``{a: [x, x], b: [a, a], …}``) cost no more than they are long to write.
    """

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._known: dict[int, int] = {}
        self._kept: list[Any] = []

    def number(self, value: Any) -> int:
        """Give the number of a value.

        >>> same = Sameness()
        >>> same.number([1, {"a": None}]) == same.number([Decimal("1.0"), {"a": None}])
        True
        """
        kind = type(value)
        plain = _PLAIN.get(kind)
        if plain is not None:
            return self._numbers.setdefault((plain, value), len(self._numbers))
        if kind is not list and not isinstance(value, Mapping):
            return self._numbers.setdefault(self._key(lift(value)), len(self._numbers))
        known = self._known.get(id(value))
        if known is None:
            key: Hashable
            if kind is list:
                key = ("list", tuple(map(self.number, value)))
            else:
                parts = ((name, self.number(part)) for name, part in value.items())
                key = ("context", frozenset(parts))
            known = self._numbers.setdefault(key, len(self._numbers))
            self._known[id(value)] = known
            self._kept.append(value)  # What is let go of might give its id to another.
        return known

    def _key(self, value: Any) -> Hashable:
        kind = kind_of(value)
        if isinstance(value, list | Mapping):
            return "again", self.number(value)
        if isinstance(value, Range):
            ends = self.number(value.low), self.number(value.high)
            return kind, ends, value.low_closed, value.high_closed, value.operator
        if isinstance(value, datetime | time | Beyond):
            return kind, nanoseconds(value)
        if kind in ("function", "unknown"):
            self._kept.append(value)
            return kind, id(value)
        return kind, value


def same_shape(left: Any, right: Any) -> bool:
    """Tell whether two lists, or two contexts, are equal in all their parts."""
    if left is right:
        return True
    if len(left) != len(right):
        return False
    if isinstance(left, list):
        for one, other in zip(left, right, strict=True):
            if type(one) is not type(other) or type(one) not in _PLAIN:
                break
            if one != other:
                return False
        else:
            return True
    sameness = Sameness()
    return sameness.number(left) == sameness.number(right)
