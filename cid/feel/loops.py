"""Going through lists: turns of ``for``, ``some`` and ``every``, and filters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from cid.feel.budget import Exhausted, bounded, spend, spend_on
from cid.feel.values import Range, lift

MAX_TURNS = 100_000
"""Most turns one loop may take; beyond, its value is null."""

Source = Callable[..., list[Any] | None]


def elements(value: Any) -> list[Any] | None:
    """Give what a loop goes through: a list, the whole numbers or days of a range, or one value."""
    if isinstance(value, Range):
        low, high = value.low, value.high
        if type(low) is int and type(high) is int:
            return run(low + (not value.low_closed), high - (not value.high_closed))
        if type(low) is date and type(high) is date and low <= high:
            count = min((high - low).days + 1, MAX_TURNS + 1)
            days = [low + timedelta(days=index) for index in range(count)]
            return days[not value.low_closed : count - (not value.high_closed)]
        return None
    if isinstance(value, list):
        return value
    return None if value is None else [value]


def run(start: Any, end: Any) -> list[Any] | None:
    """Give the whole numbers, or the days, from one to another, upwards or downwards."""
    start, end = lift(start), lift(end)
    if type(start) is date and type(end) is date and not isinstance(start, datetime):
        steps = run(0, (end - start).days)
        return None if steps is None else [start + timedelta(days=step) for step in steps]
    try:
        first, last = int(start), int(end)
    except (TypeError, ValueError):
        return None
    if isinstance(start, bool | str) or isinstance(end, bool | str):
        return None
    if first != start or last != end or abs(last - first) >= MAX_TURNS:
        return None
    step = 1 if first <= last else -1
    return list(range(first, last + step, step))


def _turns(sources: Sequence[Source]) -> Iterator[tuple[Any, ...] | None]:
    """Give each combination of values; ``None`` where one of the sources is no list."""
    first = sources[0]()
    if first is None:
        yield None
        return
    levels = [iter(first)]
    values: list[Any] = []
    taken = 0
    while levels:
        for value in levels[-1]:
            taken += 1
            spend()
            if taken > MAX_TURNS:
                raise Exhausted
            values.append(value)
            if len(levels) == len(sources):
                yield tuple(values)
                values.pop()
                continue
            inner = sources[len(levels)](*values)
            if inner is None:
                yield None
                return
            levels.append(iter(inner))
            break
        else:
            levels.pop()
            if values:
                values.pop()


def each(
    sources: Sequence[Source], body: Callable[..., Any], partial: bool = False
) -> list[Any] | None:
    """Make a list of one value per turn; with ``partial`` the body also sees the values so far."""
    found: list[Any] | None = bounded(_each, sources, body, partial)
    return found


def _each(sources: Sequence[Source], body: Callable[..., Any], partial: bool) -> list[Any] | None:
    made: list[Any] = []
    for turn in _turns(sources):
        if turn is None:
            return None
        if partial:
            spend_on(len(made))
            made.append(body(*turn, made[:]))
        else:
            made.append(body(*turn))
    return made


def some(sources: Sequence[Source], condition: Callable[..., Any]) -> bool | None:
    """Tell whether the condition holds in at least one turn."""
    found: bool | None = bounded(_quantified, sources, condition, True)
    return found


def every(sources: Sequence[Source], condition: Callable[..., Any]) -> bool | None:
    """Tell whether the condition holds in every turn."""
    found: bool | None = bounded(_quantified, sources, condition, False)
    return found


def _quantified(
    sources: Sequence[Source], condition: Callable[..., Any], decisive: bool
) -> bool | None:
    result: bool | None = not decisive
    for turn in _turns(sources):
        met: Any = None if turn is None else condition(*turn)
        if not isinstance(met, bool):
            result = None
        elif met is decisive:
            return decisive
    return result


def at(value: Any, position: int) -> Any:
    """Give the element at a position counted from 1, or from the end where it is negative.

    >>> at([10, 20, 30], 1), at([10, 20, 30], -1), at([10, 20, 30], 4)
    (10, 30, None)
    """
    items = value if isinstance(value, list) else [] if value is None else [value]
    if not 0 < abs(position) <= len(items):
        return None
    return items[position - 1 if position > 0 else position]


def filtered(value: Any, condition: Callable[[Any], Any]) -> Any:
    """Give the elements that meet a condition, or the element at a position counted from 1.

    >>> filtered([10, 20, 30], lambda item: item > 15)
    [20, 30]
    >>> filtered([10, 20, 30], lambda item: -1)
    30
    """
    single = [] if value is None else [value]
    items = value if isinstance(value, list) else single
    return bounded(_filtered, items, condition)


def _filtered(items: list[Any], condition: Callable[[Any], Any]) -> Any:
    spend(len(items))
    results = [condition(item) for item in items] if items else [condition(None)]
    first = results[0]
    if type(first) not in (int, Decimal):
        return [item for item, result in zip(items, results, strict=False) if result is True]
    if first != int(first) or not 0 < abs(first) <= len(items):
        return None
    position = int(first)
    return items[position - 1 if position > 0 else position]
