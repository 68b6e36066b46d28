"""Hold values against each other: true, false, or null where that makes no sense."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from cid.feel import temporal
from cid.feel.sameness import same_shape
from cid.feel.values import TEMPORAL, Range, kind_of, lift


def equal(left: Any, right: Any) -> bool | None:
    """Tell whether two values are the same; null where they are of different kinds.

    >>> equal(None, None), equal("1", None), equal("1", 1), equal(1, Decimal("1.0"))
    (True, False, None, True)
    """
    left, right = lift(left), lift(right)
    if left is None or right is None:
        return left is right
    kind = kind_of(left)
    if kind != kind_of(right):
        return None
    if kind in ("list", "context"):
        return same_shape(left, right)
    if kind == "range":
        return (
            (left.low_closed, left.high_closed) == (right.low_closed, right.high_closed)
            and left.operator == right.operator
            and equal(left.low, right.low) is True
            and equal(left.high, right.high) is True
        )
    if kind in ("date and time", "time"):
        first, second = temporal.ordered(left, right)
        return bool(first == second)
    return bool(left == right)


def unequal(left: Any, right: Any) -> bool | None:
    """Tell whether two values differ; null where they are of different kinds."""
    same = equal(left, right)
    return None if same is None else not same


def _orderable(left: Any, right: Any) -> tuple[Any, Any] | None:
    left, right = lift(left), lift(right)
    kind = kind_of(left)
    if kind != kind_of(right):
        return None
    if kind in ("number", "string"):
        return left, right
    if isinstance(left, TEMPORAL):
        return temporal.ordered(left, right)
    return None


_PLAIN_ORDER = frozenset(
    {(int, int), (int, Decimal), (Decimal, int), (Decimal, Decimal), (str, str)}
)


def less(left: Any, right: Any) -> bool | None:
    """Tell whether the left value is smaller; null where the two cannot be ordered."""
    if left is None or right is None:
        return None
    if (type(left), type(right)) in _PLAIN_ORDER:
        return bool(left < right)
    pair = _orderable(left, right)
    return None if pair is None else bool(pair[0] < pair[1])


def at_most(left: Any, right: Any) -> bool | None:
    """Tell whether the left value is smaller or the same."""
    if left is None or right is None:
        return None
    if (type(left), type(right)) in _PLAIN_ORDER:
        return bool(left <= right)
    pair = _orderable(left, right)
    return None if pair is None else bool(pair[0] <= pair[1])


def greater(left: Any, right: Any) -> bool | None:
    """Tell whether the left value is greater."""
    if (type(left), type(right)) in _PLAIN_ORDER:
        return bool(left > right)
    return less(right, left)


def at_least(left: Any, right: Any) -> bool | None:
    """Tell whether the left value is greater or the same."""
    if (type(left), type(right)) in _PLAIN_ORDER:
        return bool(left >= right)
    return at_most(right, left)


COMPARE: dict[str, Callable[[Any, Any], bool | None]] = {
    "=": equal,
    "!=": unequal,
    "<": less,
    "<=": at_most,
    ">": greater,
    ">=": at_least,
}


def negate(value: Any) -> bool | None:
    """Turn a truth value round; null for anything else."""
    return not value if isinstance(value, bool) else None


def both(left: Any, right: Any) -> bool | None:
    """Tell whether both hold: false wins, then null."""
    if left is False or right is False:
        return False
    return True if left is True and right is True else None


def either(left: Any, right: Any) -> bool | None:
    """Tell whether one of them holds: true wins, then null."""
    if left is True or right is True:
        return True
    return False if left is False and right is False else None


def within(value: Any, range_: Range) -> bool | None:
    """Tell whether a value lies in a range."""
    if range_.operator:
        return COMPARE[range_.operator](value, range_.low)
    result: bool | None = True
    if range_.low is not None:
        result = (at_most if range_.low_closed else less)(range_.low, value)
    if range_.high is not None:
        result = both(result, (at_most if range_.high_closed else less)(value, range_.high))
    return result


def meets(value: Any, test: Any) -> bool | None:
    """Tell whether a value meets a test: it equals it, lies in it, or is one of its elements."""
    value = lift(value)
    if isinstance(test, Range):
        return within(value, test)
    if isinstance(test, list):
        if isinstance(value, list) and equal(value, test):
            return True
        return any(
            (within(value, item) if isinstance(item, Range) else equal(value, item)) is True
            for item in map(lift, test)
        )
    return equal(value, test)


def meets_condition(value: Any, test: Any) -> bool | None:
    """Tell whether a test is met that is a condition of its own: it need not speak of the value."""
    if isinstance(test, bool) and not isinstance(lift(value), bool):
        return test
    return meets(value, test)


def interval(
    low: Any,
    high: Any,
    low_closed: bool,
    high_closed: bool,
    no_low: bool,
    no_high: bool,
    operator: str = "",
) -> Range | None:
    """Make a range; null where its ends cannot be ordered or stand the wrong way round."""
    if no_low and no_high:
        return None
    if (low is None and not no_low) or (high is None and not no_high):
        return None
    if not no_low and not no_high and at_most(low, high) is not True:
        return None
    if not no_low and no_high and at_most(low, low) is not True:
        return None
    if no_low and at_most(high, high) is not True:
        return None
    return Range(low, high, low_closed, high_closed, operator)
