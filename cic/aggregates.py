"""The aggregates of traits: each can take in and take out a contribution exactly.

Numbers are whole ten-thousandths; sorted lists keep what first, last, min and max need.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

SCALE = 10_000
LIMIT = 10**14
"""A number this large or larger contributes nothing: it is no amount."""


# A union of types would be made anew at every question.
_AS_IT_IS = (str, bool, date, timedelta)
_NUMBERS = (int, float, Decimal)


class Aggregate:
    """How many there are; the others do the same with what they keep."""

    empty: Any = 0

    def start(self) -> Any:
        """Return what is kept of nothing."""
        return 0

    def add(self, state: Any, held: Any, order: tuple[int, str, str]) -> Any:
        """Take in a contribution."""
        return state + held

    def remove(self, state: Any, held: Any, order: tuple[int, str, str]) -> Any:
        """Take out exactly what was taken in."""
        return state - held

    def read(self, state: Any) -> Any:
        """Return the value as the outside knows it."""
        return state


class _Sum(Aggregate):
    empty: Any = Decimal(0)

    def read(self, state: Any) -> Any:
        return Decimal(state).scaleb(-4)


class _Average(Aggregate):
    empty: Any = None

    def start(self) -> Any:
        return (0, 0)

    def add(self, state: Any, held: Any, order: tuple[int, str, str]) -> Any:
        return (state[0] + held, state[1] + 1)

    def remove(self, state: Any, held: Any, order: tuple[int, str, str]) -> Any:
        return (state[0] - held, state[1] - 1)

    def read(self, state: Any) -> Any:
        total, n = state
        if not n:
            return None
        return (Decimal(total).scaleb(-4) / n).quantize(Decimal("0.0001"), ROUND_HALF_UP)


class _Distinct(Aggregate):
    def start(self) -> Any:
        return {}

    def add(self, state: Any, held: Any, order: tuple[int, str, str]) -> Any:
        state[held] = state.get(held, 0) + 1
        return state

    def remove(self, state: Any, held: Any, order: tuple[int, str, str]) -> Any:
        left = state[held] - 1
        if left:
            state[held] = left
        else:
            del state[held]
        return state

    def read(self, state: Any) -> Any:
        return len(state)


class _Smallest(Aggregate):
    empty: Any = None

    def start(self) -> Any:
        return []

    def add(self, state: Any, held: Any, order: tuple[int, str, str]) -> Any:
        insort(state, held)
        return state

    def remove(self, state: Any, held: Any, order: tuple[int, str, str]) -> Any:
        del state[bisect_left(state, held)]
        return state

    def read(self, state: Any) -> Any:
        return Decimal(state[0]).scaleb(-4) if state else None


class _Largest(_Smallest):
    def read(self, state: Any) -> Any:
        return Decimal(state[-1]).scaleb(-4) if state else None


class _Newest(_Smallest):
    def add(self, state: Any, held: Any, order: tuple[int, str, str]) -> Any:
        # Nearly every fact is the newest: look at the end first.
        if not state or state[-1][0] < order:
            state.append((order, held))
        else:
            state.insert(bisect_left(state, order, key=_order_of), (order, held))
        return state

    def remove(self, state: Any, held: Any, order: tuple[int, str, str]) -> Any:
        del state[bisect_left(state, order, key=_order_of)]
        return state

    def read(self, state: Any) -> Any:
        return state[-1][1] if state else None


class _Oldest(_Newest):
    def read(self, state: Any) -> Any:
        return state[0][1] if state else None


def _order_of(pair: tuple[tuple[int, str, str], Any]) -> tuple[int, str, str]:
    return pair[0]


AGGREGATES: dict[str, type[Aggregate]] = {
    "count": Aggregate,
    "sum": _Sum,
    "average": _Average,
    "distinct": _Distinct,
    "min": _Smallest,
    "max": _Largest,
    "last": _Newest,
    "first": _Oldest,
}


def scaled(value: Any) -> int | None:
    """Return a number as whole ten-thousandths, rounded half up, or None for anything else.

    >>> scaled(2.55), scaled("7"), scaled(1.00005)
    (25500, None, 10001)
    """
    if type(value) is int:
        return value * SCALE if -LIMIT < value < LIMIT else None
    if type(value) is float:
        whole = round(value * SCALE)
        if abs(value * SCALE - whole) < 1e-6 and abs(whole) < 1 << 50:
            return whole
        value = Decimal(repr(value))
    if isinstance(value, Decimal):
        if not -LIMIT < value < LIMIT:
            return None
        try:
            number = value.quantize(Decimal("0.0001"), ROUND_HALF_UP)
        except InvalidOperation:
            return None
        return int(number.scaleb(4))
    return None


def raw(value: Any) -> Any:
    """Return a value as first and last keep it: numbers as decimals, nested values not at all."""
    if value is None or isinstance(value, _AS_IT_IS):
        return value
    if isinstance(value, _NUMBERS):
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        return number if -LIMIT < number < LIMIT else None
    return None


def distinct_key(value: Any) -> str | None:
    """Return the text by which values are told apart."""
    if type(value) is str:
        return value
    if value is None or isinstance(value, (list, dict)):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, _NUMBERS):
        whole = scaled(value)
        return None if whole is None else format(Decimal(whole).scaleb(-4).normalize(), "f")
    return str(value)


HOLD: dict[str, Callable[[Any], Any]] = {
    "count": lambda value: 1,
    "sum": scaled,
    "average": scaled,
    "min": scaled,
    "max": scaled,
    "first": raw,
    "last": raw,
    "distinct": distinct_key,
}
