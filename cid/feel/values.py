"""What values are and how they behave: shared by every target, so that they cannot disagree.

Numbers are ``int`` or ``Decimal`` with 34 digits; a ``float`` from JSON becomes the decimal it is
written as. A wrong operation has the value null (``None``), never an exception.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from typing import Any

from cid.feel import temporal
from cid.feel.temporal import Months

DECIMAL = Context(
    prec=34, Emax=6144, Emin=-6143, traps=[InvalidOperation, DivisionByZero, Overflow]
)
"""How numbers are calculated: IEEE 754 decimal128, as DMN asks."""
MAX_TEXT = 1_000_000
"""Longest text a calculation may make."""

_WIDEST = 10**34
READY = frozenset(
    {int, str, Decimal, bool, type(None), datetime, date, time, timedelta, Months, dict}
)
"""Types whose values need no preparation."""
_TEMPORAL = (date, time, timedelta, Months)


@dataclass(frozen=True, slots=True)
class Range:
    """Everything between two ends; an end that is missing is open."""

    low: Any
    high: Any
    low_closed: bool
    high_closed: bool


@dataclass(frozen=True, slots=True)
class Lambda:
    """A function as a value."""

    parameters: tuple[str, ...]
    call: Callable[..., Any]

    def __call__(self, *values: Any) -> Any:
        """Apply it; null where the number of values is wrong."""
        return self.call(*values) if len(values) == len(self.parameters) else None

    def by_name(self, named: Mapping[str, Any]) -> Any:
        """Apply it to values given by the names of its parameters."""
        if named.keys() != set(self.parameters):
            return None
        return self.call(*(named[name] for name in self.parameters))


def number_from_text(text: str) -> int | Decimal:
    """Read a number as it is written in an expression; it has at most 34 digits."""
    if text.isdigit() and len(text) <= 34:
        return int(text)
    try:
        number = DECIMAL.create_decimal(text)
    except ArithmeticError:
        return Decimal(0)
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and exponent >= 0 and abs(number) < _WIDEST:
        return int(number)
    return number


def lift(value: Any) -> Any:
    """Bring a value that comes from outside into the form FEEL calculates with.

    >>> lift(0.1)
    Decimal('0.1')
    """
    kind = type(value)
    if kind in READY:
        return value
    if kind is list or kind is tuple:
        return [lift(item) for item in value]
    if kind is float:
        return Decimal(repr(value)) if math.isfinite(value) else None
    for plain in (str, int, Decimal, float):
        if isinstance(value, plain):
            return lift(plain(value))
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return [lift(item) for item in sorted(value, key=str)]
    return value


def kind_of(value: Any) -> str:
    """Name the kind of a value as FEEL does."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    for types, name in _KINDS:
        if isinstance(value, types):
            return name
    return "unknown"


_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    ((int, Decimal), "number"),
    (str, "string"),
    (datetime, "date and time"),
    (date, "date"),
    (time, "time"),
    (timedelta, "days and time duration"),
    (Months, "years and months duration"),
    (list, "list"),
    (Mapping, "context"),
    (Range, "range"),
    (Lambda, "function"),
)


# Comparing.


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
    if kind == "list":
        return len(left) == len(right) and all(
            equal(a, b) is True for a, b in zip(left, right, strict=True)
        )
    if kind == "context":
        return left.keys() == right.keys() and all(
            equal(value, right[key]) is True for key, value in left.items()
        )
    if kind == "range":
        return (left.low_closed, left.high_closed) == (right.low_closed, right.high_closed) and (
            equal(left.low, right.low) is True and equal(left.high, right.high) is True
        )
    if kind in ("date and time", "time"):
        return bool(temporal.order(left) == temporal.order(right))
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
    if isinstance(left, _TEMPORAL):
        return temporal.order(left), temporal.order(right)
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
    return less(right, left)


def at_least(left: Any, right: Any) -> bool | None:
    """Tell whether the left value is greater or the same."""
    return at_most(right, left)


COMPARE: dict[str, Callable[[Any, Any], bool | None]] = {
    "=": equal,
    "!=": unequal,
    "<": less,
    "<=": at_most,
    ">": greater,
    ">=": at_least,
}


# Deciding.


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


def _number(value: int | Decimal) -> int | Decimal:
    """Keep whole numbers whole, and every number within 34 digits."""
    if isinstance(value, int) and -_WIDEST < value < _WIDEST:
        return value
    return DECIMAL.plus(Decimal(value) if isinstance(value, int) else value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def add(left: Any, right: Any) -> Any:
    """Add numbers, join texts, move moments by durations."""
    left, right = lift(left), lift(right)
    if _is_number(left) and _is_number(right):
        if isinstance(left, int) and isinstance(right, int):
            return _number(left + right)
        return _exact(DECIMAL.add, left, right)
    if isinstance(left, str) and isinstance(right, str):
        return left + right if len(left) + len(right) <= MAX_TEXT else None
    if isinstance(left, Months) and isinstance(right, Months):
        return Months(left.months + right.months)
    if isinstance(left, timedelta) and isinstance(right, timedelta):
        return _bounded(lambda: left + right)
    if isinstance(right, timedelta | Months) and isinstance(left, date | time):
        return temporal.shift(left, right)
    if isinstance(left, timedelta | Months) and isinstance(right, date | time):
        return temporal.shift(right, left)
    return None


def subtract(left: Any, right: Any) -> Any:
    """Subtract numbers and durations, or tell the time between two moments."""
    left, right = lift(left), lift(right)
    if _is_number(left) and _is_number(right):
        if isinstance(left, int) and isinstance(right, int):
            return _number(left - right)
        return _exact(DECIMAL.subtract, left, right)
    if isinstance(left, Months) and isinstance(right, Months):
        return Months(left.months - right.months)
    if isinstance(left, timedelta) and isinstance(right, timedelta):
        return _bounded(lambda: left - right)
    if isinstance(left, date | time):
        if isinstance(right, timedelta | Months):
            return temporal.shift(left, right, -1)
        if isinstance(right, date | time):
            return temporal.difference(left, right)
    return None


def multiply(left: Any, right: Any) -> Any:
    """Multiply numbers, or a duration by a number."""
    left, right = lift(left), lift(right)
    if _is_number(left) and _is_number(right):
        if isinstance(left, int) and isinstance(right, int):
            return _number(left * right)
        return _exact(DECIMAL.multiply, left, right)
    if _is_number(left):
        left, right = right, left
    if _is_number(right) and isinstance(left, timedelta | Months):
        return _scaled(left, lambda amount: DECIMAL.multiply(amount, right))
    return None


def divide(left: Any, right: Any) -> Any:
    """Divide numbers, durations by numbers, or durations by durations; null by zero."""
    left, right = lift(left), lift(right)
    if _is_number(left) and _is_number(right):
        return _exact(DECIMAL.divide, left, right)
    if _is_number(right) and isinstance(left, timedelta | Months):
        return _scaled(left, lambda amount: DECIMAL.divide(amount, right))
    if isinstance(left, timedelta) and isinstance(right, timedelta):
        return _exact(DECIMAL.divide, *(value // temporal.TICK for value in (left, right)))
    if isinstance(left, Months) and isinstance(right, Months):
        return _exact(DECIMAL.divide, left.months, right.months)
    return None


def power(left: Any, right: Any) -> Any:
    """Raise a number to a power."""
    left, right = lift(left), lift(right)
    if not (_is_number(left) and _is_number(right)):
        return None
    return _exact(DECIMAL.power, left, right)


def minus(value: Any) -> Any:
    """Turn the sign of a number or of a duration."""
    value = lift(value)
    if _is_number(value):
        return -value if isinstance(value, int) else _exact(DECIMAL.minus, value)
    if isinstance(value, Months):
        return Months(-value.months)
    return _bounded(lambda: -value) if isinstance(value, timedelta) else None


def _exact(operation: Callable[..., Decimal], *numbers: int | Decimal) -> Decimal | None:
    try:
        return operation(*numbers)
    except ArithmeticError:
        return None


def _bounded(operation: Callable[[], timedelta]) -> timedelta | None:
    try:
        return operation()
    except OverflowError:
        return None


def _scaled(
    value: timedelta | Months, operation: Callable[[int], Decimal]
) -> timedelta | Months | None:
    try:
        if isinstance(value, Months):
            return Months(int(operation(value.months)))
        return int(operation(value // temporal.TICK)) * temporal.TICK
    except ArithmeticError:
        return None


CALCULATE: dict[str, Callable[[Any, Any], Any]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "**": power,
}


# Reaching into values.


def member(value: Any, name: str) -> Any:
    """Give a part of a value by its name; of a list, that part of each element."""
    value = lift(value)
    if type(value) is dict:
        return lift(value.get(name))
    if isinstance(value, list):
        return [member(item, name) for item in value]
    if isinstance(value, _TEMPORAL):
        return temporal.part(value, name)
    if isinstance(value, Range):
        return _RANGE_PARTS[name](value) if name in _RANGE_PARTS else None
    return None


_RANGE_PARTS: dict[str, Callable[[Range], Any]] = {
    "start": lambda range_: range_.low,
    "end": lambda range_: range_.high,
    "start included": lambda range_: range_.low_closed,
    "end included": lambda range_: range_.high_closed,
}


def has(value: Any, name: str) -> bool:
    """Tell whether a value is a context with an entry of that name."""
    return isinstance(value, Mapping) and name in value


def interval(
    low: Any, high: Any, low_closed: bool, high_closed: bool, no_low: bool, no_high: bool
) -> Range | None:
    """Make a range; null where its ends cannot be ordered or stand the wrong way round."""
    if (low is None and not no_low) or (high is None and not no_high):
        return None
    if not no_low and not no_high and at_most(low, high) is not True:
        return None
    if not no_low and no_high and at_most(low, low) is not True:
        return None
    if no_low and at_most(high, high) is not True:
        return None
    return Range(low, high, low_closed, high_closed)


def apply(function: Any, positional: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
    """Apply a function that is itself a value; null where it is none or does not fit."""
    if not isinstance(function, Lambda):
        return None
    return function.by_name(named) if named else function(*positional)
