"""Functions on lists."""

from __future__ import annotations

from collections import Counter
from functools import cmp_to_key
from typing import Any

from cid.feel.budget import spend_on
from cid.feel.comparison import equal, less
from cid.feel.functions.numbers import whole
from cid.feel.functions.signature import Builtin
from cid.feel.sameness import Sameness
from cid.feel.values import Function

MAX_ITEMS = 1_000_000
"""Longest list a function may make."""


def as_list(value: Any) -> list[Any] | None:
    """Give a value as a list: one value is a list of one."""
    if isinstance(value, list):
        spend_on(len(value))
        return value
    return None if value is None else [value]


def _same(left: Any, right: Any) -> bool:
    return equal(left, right) is True


def list_contains(given: Any, element: Any) -> bool | None:
    """Tell whether an element is in a list."""
    items = as_list(given)
    return None if items is None else any(_same(item, element) for item in items)


def sublist(given: Any, start_position: Any, length: Any = None) -> Any:
    """Give a part of a list; positions count from 1, or from the end where negative."""
    items, start = as_list(given), whole(start_position)
    wanted = None if length is None else whole(length)
    if items is None or not start or abs(start) > len(items):
        return None
    begin = start - 1 if start > 0 else len(items) + start
    if length is None:
        return items[begin:]
    if wanted is None or wanted < 1 or begin + wanted > len(items):
        return None
    return items[begin : begin + wanted]


def append(given: Any, *items: Any) -> Any:
    """Give a list with further elements at its end."""
    found = as_list(given)
    return [*(found if found is not None else [None]), *items]


def concatenate(*lists: Any) -> Any:
    """Join lists into one."""
    joined: list[Any] = []
    for each in lists:
        spend_on(len(each) if isinstance(each, list) else 0)
        joined.extend(each if isinstance(each, list) else [each])
        if len(joined) > MAX_ITEMS:
            return None
    return joined


def insert_before(given: Any, position: Any, new: Any) -> Any:
    """Give a list with a new element before a position."""
    items, at = as_list(given), whole(position)
    if items is None or not at or abs(at) > len(items):
        return None
    index = at - 1 if at > 0 else len(items) + at
    return [*items[:index], new, *items[index:]]


def remove(given: Any, position: Any) -> Any:
    """Give a list without the element at a position."""
    items, at = as_list(given), whole(position)
    if items is None or not at or abs(at) > len(items):
        return None
    index = at - 1 if at > 0 else len(items) + at
    return [*items[:index], *items[index + 1 :]]


def list_replace(given: Any, position: Any, new: Any) -> Any:
    """Give a list with another element at a position, or wherever a function says so."""
    items = as_list(given)
    if items is None:
        return None
    if isinstance(position, Function):
        verdicts = [position(item, new) for item in items]
        if any(not isinstance(verdict, bool) for verdict in verdicts):
            return None
        return [new if verdict else item for item, verdict in zip(items, verdicts, strict=True)]
    at = whole(position)
    if not at or abs(at) > len(items):
        return None
    index = at - 1 if at > 0 else len(items) + at
    return [*items[:index], new, *items[index + 1 :]]


def reverse(given: Any) -> Any:
    """Give a list backwards."""
    items = as_list(given)
    return None if items is None else items[::-1]


def index_of(given: Any, match: Any) -> Any:
    """Give the positions at which an element stands."""
    items = as_list(given)
    if items is None:
        return None
    return [position for position, item in enumerate(items, 1) if _same(item, match)]


class _Seen:
    """The values met so far."""

    def __init__(self) -> None:
        self._sameness = Sameness()
        self._counts: dict[int, int] = {}

    def again(self, value: Any) -> int:
        """Count how often a value has been met, this time included."""
        number = self._sameness.number(value)
        self._counts[number] = self._counts.get(number, 0) + 1
        return self._counts[number]


def distinct_values(given: Any) -> Any:
    """Give each element once."""
    items, seen = as_list(given), _Seen()
    return None if items is None else [item for item in items if seen.again(item) == 1]


def union(*lists: Any) -> Any:
    """Join lists and give each element once."""
    return distinct_values(concatenate(*lists))


def duplicate_values(given: Any) -> Any:
    """Give the elements that occur more than once, in the order of their first appearance."""
    items, sameness = as_list(given), Sameness()
    if items is None:
        return None
    numbers = [sameness.number(item) for item in items]
    counts = Counter(numbers)
    first = dict(zip(reversed(numbers), reversed(items), strict=True))
    return [first[number] for number in counts if counts[number] > 1]


def flatten(given: Any) -> Any:
    """Take lists within a list apart."""
    items = as_list(given)
    if items is None:
        return None
    flat: list[Any] = []
    waiting = items[::-1]
    steps = 0
    while waiting:
        steps += 1
        if steps + len(waiting) > MAX_ITEMS:
            return None
        item = waiting.pop()
        if isinstance(item, list):
            waiting.extend(reversed(item))
        else:
            flat.append(item)
    return flat


def sort(given: Any, precedes: Any = None) -> Any:
    """Put a list in order; ``precedes`` says of two elements whether the first comes first."""
    items = as_list(given)
    if items is None:
        return None
    before = precedes if isinstance(precedes, Function) else less
    if precedes is not None and not isinstance(precedes, Function):
        return None

    if precedes is None and any(less(items[0], item) is None for item in items):
        return None

    def compare(left: Any, right: Any) -> int:
        if before(left, right) is True:
            return -1
        return 1 if before(right, left) is True else 0

    return sorted(items, key=cmp_to_key(compare))


FUNCTIONS = {
    "list contains": Builtin(list_contains, ("list", "element")),
    "sublist": Builtin(sublist, ("list", "start position", "length")),
    "append": Builtin(append, ("list", "item")),
    "concatenate": Builtin(concatenate),
    "insert before": Builtin(insert_before, ("list", "position", "newItem")),
    "remove": Builtin(remove, ("list", "position")),
    "list replace": Builtin(
        list_replace, ("list", "position", "newItem"), ("list", "match", "newItem")
    ),
    "reverse": Builtin(reverse, ("list",)),
    "index of": Builtin(index_of, ("list", "match")),
    "union": Builtin(union),
    "distinct values": Builtin(distinct_values, ("list",)),
    "duplicate values": Builtin(duplicate_values, ("list",)),
    "flatten": Builtin(flatten, ("list",)),
    "sort": Builtin(sort, ("list", "precedes")),
}
