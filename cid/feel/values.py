"""What values are, and how to reach into them: shared by every target.

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
from cid.feel.budget import bounded, spend
from cid.feel.moments import Beyond, Months, Span

DECIMAL = Context(
    prec=34, Emax=6144, Emin=-6143, traps=[InvalidOperation, DivisionByZero, Overflow]
)
"""How numbers are calculated: IEEE 754 decimal128, as DMN asks."""
MAX_TEXT = 1_000_000
"""Longest text a calculation may make."""

WIDEST = 10**34
"""Whole numbers up to here are kept as such."""
NUMBERS = frozenset({int, Decimal})
"""Types of numbers, plainly."""
READY = frozenset(
    {int, str, Decimal, bool, type(None), datetime, date, time, timedelta, Months, dict}
)
"""Types whose values need no preparation."""
TEMPORAL = (date, time, Beyond, timedelta, Span, Months)


@dataclass(frozen=True, slots=True)
class Range:
    """Everything between two ends; an end that is missing is open."""

    low: Any
    high: Any
    low_closed: bool
    high_closed: bool
    operator: str = ""
    """``=`` or ``!=`` where it was written as such a test: one place, or all but one."""


class Function:
    """A function as a value."""

    __slots__ = ()
    parameters: tuple[str, ...]
    types: tuple[str, ...]

    def __call__(self, *values: Any) -> Any:
        """Apply it to values by position."""
        raise NotImplementedError

    def by_name(self, named: Mapping[str, Any]) -> Any:
        """Apply it to values given by the names of its parameters."""
        raise NotImplementedError


def is_function(value: Any) -> bool:
    """Tell whether a value is a function."""
    return isinstance(value, Function)


@dataclass(frozen=True, slots=True)
class Lambda(Function):
    """A function that somebody wrote."""

    parameters: tuple[str, ...]
    call: Callable[..., Any]
    types: tuple[str, ...] = ()
    """Types of the parameters, where they are declared."""

    def __call__(self, *values: Any) -> Any:
        """Apply it; null where the number of values is wrong."""
        return bounded(self._run, values) if len(values) == len(self.parameters) else None

    def _run(self, values: tuple[Any, ...]) -> Any:
        spend()
        return self.call(*values)

    def by_name(self, named: Mapping[str, Any]) -> Any:
        """Apply it to values given by the names of its parameters."""
        if named.keys() != set(self.parameters):
            return None
        return self(*(named[name] for name in self.parameters))


def number_from_text(text: str) -> int | Decimal | None:
    """Read a number as it is written in an expression; it has at most 34 digits.

    None where it is too large: beyond 34 nines with 6,111 zeros.
    """
    if text.isdigit() and len(text) <= 34:
        return int(text)
    try:
        number = DECIMAL.create_decimal(text)
    except ArithmeticError:
        return None
    if not number and ("e" in text or "E" in text):
        return 0
    if "." in text and len(text) <= 34 and "e" not in text and "E" not in text:
        return number
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and exponent >= 0 and abs(number) < WIDEST:
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
    if kind is list:
        return value if READY.issuperset(map(type, value)) else _lift_list(value, {})
    if kind is tuple:
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


def _lift_list(value: list[Any], known: dict[int, list[Any]]) -> list[Any]:
    """Lift each element; a list that occurs in many places is looked at once."""
    found = known.get(id(value))
    if found is None:
        found = [_lift_list(item, known) if type(item) is list else lift(item) for item in value]
        if all(new is old for new, old in zip(found, value, strict=True)):
            found = value
        known[id(value)] = found
    return found


def kind_of(value: Any) -> str:
    """Name the kind of a value as FEEL does."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    for types, name in _KINDS:
        if isinstance(value, types):
            return name
    if isinstance(value, Beyond):
        return "date and time" if isinstance(value.inner, datetime) else "date"
    return "unknown"


_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    ((int, Decimal), "number"),
    (str, "string"),
    (datetime, "date and time"),
    (date, "date"),
    (time, "time"),
    ((timedelta, Span), "days and time duration"),
    (Months, "years and months duration"),
    (list, "list"),
    (Mapping, "context"),
    (Range, "range"),
    (Function, "function"),
)


def member(value: Any, name: str) -> Any:
    """Give a part of a value by its name; of a list, that part of each element."""
    value = lift(value)
    if type(value) is dict:
        return lift(value.get(name))
    if isinstance(value, list):
        return [member(item, name) for item in value]
    if isinstance(value, TEMPORAL):
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


def apply(function: Any, positional: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
    """Apply a function that is itself a value; null where it is none or does not fit."""
    if not isinstance(function, Function):
        return None
    return function.by_name(named) if named else function(*positional)
