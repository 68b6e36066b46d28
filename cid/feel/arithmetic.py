"""Calculate with numbers, texts and times; what cannot be calculated is null."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

from cid.feel import temporal
from cid.feel.moments import Beyond, Duration, Months, Span, months, nanoseconds, span
from cid.feel.values import DECIMAL, MAX_TEXT, NUMBERS, WIDEST, lift

_MOMENTS = (date, time, Beyond)
_SPANS = (timedelta, Span)
_DURATIONS = (timedelta, Span, Months)


def _number(value: int) -> int | Decimal:
    """Keep a whole number whole, up to 34 digits."""
    return value if -WIDEST < value < WIDEST else DECIMAL.create_decimal(value)


def add(left: Any, right: Any) -> Any:
    """Add numbers, join texts, move moments by durations."""
    if type(left) is int and type(right) is int:
        return _number(left + right)
    left, right = lift(left), lift(right)
    if type(left) in NUMBERS and type(right) in NUMBERS:
        return _exact(DECIMAL.add, left, right)
    if isinstance(left, str) and isinstance(right, str):
        return left + right if len(left) + len(right) <= MAX_TEXT else None
    if isinstance(left, Months) and isinstance(right, Months):
        return months(left.months + right.months)
    if isinstance(left, _SPANS) and isinstance(right, _SPANS):
        return span(nanoseconds(left) + nanoseconds(right))
    if isinstance(right, _DURATIONS) and isinstance(left, _MOMENTS):
        return temporal.shift(left, right)
    if isinstance(left, _DURATIONS) and isinstance(right, _MOMENTS):
        return temporal.shift(right, left)
    return None


def subtract(left: Any, right: Any) -> Any:
    """Subtract numbers and durations, or tell the time between two moments."""
    if type(left) is int and type(right) is int:
        return _number(left - right)
    left, right = lift(left), lift(right)
    if type(left) in NUMBERS and type(right) in NUMBERS:
        return _exact(DECIMAL.subtract, left, right)
    if isinstance(left, Months) and isinstance(right, Months):
        return months(left.months - right.months)
    if isinstance(left, _SPANS) and isinstance(right, _SPANS):
        return span(nanoseconds(left) - nanoseconds(right))
    if isinstance(left, _MOMENTS):
        if isinstance(right, _DURATIONS):
            return temporal.shift(left, right, -1)
        if isinstance(right, _MOMENTS):
            return temporal.difference(left, right)
    return None


def multiply(left: Any, right: Any) -> Any:
    """Multiply numbers, or a duration by a number."""
    if type(left) is int and type(right) is int:
        return _number(left * right)
    left, right = lift(left), lift(right)
    if type(left) in NUMBERS and type(right) in NUMBERS:
        return _exact(DECIMAL.multiply, left, right)
    if type(left) in NUMBERS:
        left, right = right, left
    if type(right) in NUMBERS and isinstance(left, _DURATIONS):
        return _scaled(left, lambda amount: DECIMAL.multiply(amount, right))
    return None


def divide(left: Any, right: Any) -> Any:
    """Divide numbers, durations by numbers, or durations by durations; null by zero."""
    left, right = lift(left), lift(right)
    if type(left) in NUMBERS and type(right) in NUMBERS:
        return _exact(DECIMAL.divide, left, right)
    if type(right) in NUMBERS and isinstance(left, _DURATIONS):
        return _scaled(left, lambda amount: DECIMAL.divide(amount, right))
    if isinstance(left, _SPANS) and isinstance(right, _SPANS):
        return _exact(DECIMAL.divide, nanoseconds(left), nanoseconds(right))
    if isinstance(left, Months) and isinstance(right, Months):
        return _exact(DECIMAL.divide, left.months, right.months)
    return None


def power(left: Any, right: Any) -> Any:
    """Raise a number to a power."""
    left, right = lift(left), lift(right)
    if not (type(left) in NUMBERS and type(right) in NUMBERS):
        return None
    if right == 0:
        return 1
    return _exact(DECIMAL.power, left, right)


def minus(value: Any) -> Any:
    """Turn the sign of a number or of a duration."""
    value = lift(value)
    if type(value) in NUMBERS:
        return -value if isinstance(value, int) else _exact(DECIMAL.minus, value)
    if isinstance(value, Months):
        return Months(-value.months)
    return span(-nanoseconds(value)) if isinstance(value, _SPANS) else None


def _exact(operation: Callable[..., Decimal], *numbers: int | Decimal) -> Decimal | None:
    try:
        return operation(*numbers)
    except ArithmeticError:
        return None


def _scaled(value: Duration, operation: Callable[[int], Decimal]) -> Duration | None:
    """Lengthen or shorten a duration; what is left over below a month or nanosecond is dropped."""
    try:
        amount = int(operation(nanoseconds(value)))
    except ArithmeticError:
        return None
    return months(amount) if isinstance(value, Months) else span(amount)


CALCULATE: dict[str, Callable[[Any, Any], Any]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "**": power,
}
