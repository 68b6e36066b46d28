"""Functions on numbers."""

from __future__ import annotations

import decimal
import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from cid.feel.functions.signature import Builtin
from cid.feel.moments import Months, Span, nanoseconds, span
from cid.feel.values import DECIMAL, number_from_text

Number = int | Decimal


def is_number(*values: Any) -> bool:
    """Tell whether all values are numbers."""
    return all(type(value) in (int, Decimal) for value in values)


def whole(value: Any) -> int | None:
    """Give a whole number, or nothing where the value is none."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else None
    return value if type(value) is int else None


def number(from_: Any, grouping_separator: Any = None, decimal_separator: Any = None) -> Any:
    """Read a number from a text.

    >>> number("2.55"), number("1.000,5", ".", ",")
    (Decimal('2.55'), Decimal('1000.5'))
    """
    if grouping_separator is not None and grouping_separator == decimal_separator:
        return None
    if is_number(from_):
        return from_
    if not isinstance(from_, str):
        return None
    if grouping_separator not in (None, " ", ",", ".") or decimal_separator not in (None, ".", ","):
        return None
    text = from_
    if grouping_separator:
        text = text.replace(grouping_separator, "")
    if decimal_separator:
        text = text.replace(decimal_separator, ".")
    if not _NUMBER.match(text):
        return None
    value = number_from_text(text.lstrip("-"))
    return -value if value is not None and text.startswith("-") else value


_NUMBER = re.compile(r"-?([0-9]+(\.[0-9]+)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?\Z")


def _rounded(rounding: str) -> Callable[..., Any]:
    def rounded(n: Any, scale: Any) -> Any:
        places = whole(scale)
        if not is_number(n) or places is None or not -6111 <= places <= 6176:
            return None
        unit = Decimal((0, (1,), -places))
        context = DECIMAL.copy()
        context.prec = 6200
        try:
            value = Decimal(n).quantize(unit, rounding, context)
        except decimal.InvalidOperation:
            return n
        value = DECIMAL.plus(value)
        return int(value) if places <= 0 and abs(value) < 10**34 else value

    return rounded


def _to_whole(rounding: str) -> Callable[..., Any]:
    rounded = _rounded(rounding)

    def to_whole(n: Any, scale: Any = 0) -> Any:
        return rounded(n, scale)

    return to_whole


def modulo(dividend: Any, divisor: Any) -> Any:
    """Give the remainder of a division; it has the sign of the divisor."""
    if not is_number(dividend, divisor) or divisor == 0:
        return None
    if isinstance(dividend, int) and isinstance(divisor, int):
        return dividend % divisor
    try:
        rest = DECIMAL.remainder(dividend, divisor)
        return DECIMAL.add(rest, divisor) if rest and (rest < 0) != (divisor < 0) else rest
    except ArithmeticError:
        return None


def _of_one(operation: Callable[[Decimal], Decimal]) -> Callable[[Any], Any]:
    def applied(number: Any) -> Any:
        if not is_number(number):
            return None
        try:
            result = operation(Decimal(number))
        except ArithmeticError:
            return None
        return result if result.is_finite() else None

    return applied


def absolute(n: Any) -> Any:
    """Give a number, or a duration, without its sign."""
    if is_number(n):
        return abs(n)
    if isinstance(n, timedelta | Span):
        return span(abs(nanoseconds(n)))
    return Months(abs(n.months)) if isinstance(n, Months) else None


def _parity(rest: int) -> Callable[[Any], bool | None]:
    def has_parity(number: Any) -> bool | None:
        value = whole(number)
        return None if value is None else value % 2 == rest

    return has_parity


FUNCTIONS = {
    "number": Builtin(number, ("from", "grouping separator", "decimal separator"), single=True),
    "decimal": Builtin(_rounded(decimal.ROUND_HALF_EVEN), single=True),
    "floor": Builtin(_to_whole(decimal.ROUND_FLOOR), single=True),
    "ceiling": Builtin(_to_whole(decimal.ROUND_CEILING), single=True),
    "round up": Builtin(_rounded(decimal.ROUND_UP), single=True),
    "round down": Builtin(_rounded(decimal.ROUND_DOWN), single=True),
    "round half up": Builtin(_rounded(decimal.ROUND_HALF_UP), single=True),
    "round half down": Builtin(_rounded(decimal.ROUND_HALF_DOWN), single=True),
    "abs": Builtin(absolute, single=True),
    "modulo": Builtin(modulo, single=True),
    "sqrt": Builtin(_of_one(DECIMAL.sqrt), single=True),
    "log": Builtin(_of_one(DECIMAL.ln), single=True),
    "exp": Builtin(_of_one(DECIMAL.exp), single=True),
    "even": Builtin(_parity(0), single=True),
    "odd": Builtin(_parity(1), single=True),
}
