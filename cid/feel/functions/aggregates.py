"""Functions that make one value of a list; several values may be given instead of the list."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from cid.feel.arithmetic import add, divide, multiply
from cid.feel.budget import spend_on
from cid.feel.comparison import less
from cid.feel.functions.lists import as_list
from cid.feel.functions.numbers import is_number
from cid.feel.functions.signature import Builtin
from cid.feel.moments import Months, Span
from cid.feel.values import DECIMAL


def _items(values: tuple[Any, ...]) -> list[Any] | None:
    if len(values) == 1:
        only = values[0]
        if isinstance(only, list):
            spend_on(len(only))
            return only
        return None if only is None else [only]
    return list(values)


def count(given: Any) -> int | None:
    """Count the elements."""
    items = as_list(given)
    return None if items is None else len(items)


def _extreme(better: Callable[[Any, Any], bool | None]) -> Callable[..., Any]:
    def extreme(*values: Any) -> Any:
        items = _items(values)
        if not items:
            return None
        best = items[0]
        if less(best, best) is None:
            return None
        for item in items[1:]:
            verdict = better(item, best)
            if verdict is None:
                return None
            if verdict:
                best = item
        return best

    return extreme


def total(*values: Any) -> Any:
    """Add up numbers or durations; null where one value is neither."""
    items = _items(values)
    if not items:
        return None
    result = items[0]
    if not is_number(result) and not isinstance(result, timedelta | Span | Months):
        return None
    for item in items[1:]:
        result = add(result, item) if not isinstance(item, str) else None
        if result is None:
            return None
    return result


def product(*values: Any) -> Any:
    """Multiply numbers."""
    items = _items(values)
    if not items or not is_number(*items):
        return None
    result = items[0]
    for item in items[1:]:
        result = multiply(result, item)
    return result


def mean(*values: Any) -> Any:
    """Give the average."""
    items = _items(values)
    result = total(*values)
    return None if result is None or not items else divide(result, len(items))


def median(*values: Any) -> Any:
    """Give the middle value."""
    items = _items(values)
    if not items or not is_number(*items):
        return None
    ordered = sorted(items)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return divide(add(ordered[middle - 1], ordered[middle]), 2)


def stddev(*values: Any) -> Any:
    """Give the standard deviation of a sample."""
    items = _items(values)
    if not items or len(items) < 2 or not is_number(*items):
        return None
    middle = mean(items)
    squares = DECIMAL.create_decimal(0)
    for item in items:
        distance = DECIMAL.subtract(item, middle)
        squares = DECIMAL.fma(distance, distance, squares)
    return DECIMAL.sqrt(DECIMAL.divide(squares, len(items) - 1))


def mode(*values: Any) -> Any:
    """Give the values that occur most often."""
    items = _items(values)
    if items is None or not values or not is_number(*items):
        return None
    counts: dict[Any, int] = {}
    for item in items:
        counts[item] = counts.get(item, 0) + 1
    most = max(counts.values(), default=0)
    return sorted(item for item, times in counts.items() if times == most)


def _all(*values: Any) -> bool | None:
    items = _items(values)
    if items is None:
        return None
    if any(item is False for item in items):
        return False
    return True if all(item is True for item in items) else None


def _any(*values: Any) -> bool | None:
    items = _items(values)
    if items is None:
        return None
    if any(item is True for item in items):
        return True
    return False if all(item is False for item in items) else None


FUNCTIONS = {
    "count": Builtin(count, ("list",)),
    "min": Builtin(_extreme(less)),
    "max": Builtin(_extreme(lambda item, best: less(best, item))),
    "sum": Builtin(total),
    "product": Builtin(product),
    "mean": Builtin(mean),
    "median": Builtin(median),
    "stddev": Builtin(stddev),
    "mode": Builtin(mode),
    "all": Builtin(_all),
    "any": Builtin(_any),
}
