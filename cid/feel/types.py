"""What a value is, as ``instance of`` asks, and what it becomes where a type is wanted.

A type is written as FEEL writes it, ``list<number>`` or ``context<a: string>``. Types that somebody
named (item definitions of a decision model) are looked up among those given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, time
from functools import lru_cache
from typing import Any, Protocol

from cid.feel.moments import Beyond, is_day
from cid.feel.temporal import combined
from cid.feel.values import Function, Lambda, Range, kind_of, lift

_OTHER_NAMES = {
    "day time duration": "days and time duration",
    "year month duration": "years and months duration",
    "dayTimeDuration": "days and time duration",
    "yearMonthDuration": "years and months duration",
    "dateTime": "date and time",
}
_PIECE = re.compile(r"\s*(->|[<>,:]|[^<>,:\s-](?:[^<>,:\n]*[^<>,:\s-])?)")


class Named(Protocol):
    """A type that somebody named."""

    def admits(self, value: Any) -> bool:
        """Tell whether a value is of this type; null is of every type."""
        ...

    def take(self, value: Any) -> Any:
        """Give the value as this type sees it, or null where it is none of it."""
        ...


NamedTypes = Mapping[str, Named]


@dataclass(frozen=True, slots=True)
class Type:
    """A type: its name, and what it is made of."""

    name: str
    inner: tuple[Type, ...] = ()
    """Of a list or a range, the type of its elements; of a function, those of its parameters."""
    entries: tuple[tuple[str, Type], ...] = ()
    result: Type | None = None


ANY = Type("Any")


@lru_cache(maxsize=4_096)
def read(text: str) -> Type:
    """Read a type; what cannot be read is the name of a type that nobody knows.

    >>> read("list<number>")
    Type(name='list', inner=(Type(name='number', inner=(), entries=(), result=None),), entries=(), \
result=None)
    """
    pieces = [match[1].strip() for match in _PIECE.finditer(text)]
    found, at = _read(pieces, 0)
    return found if at == len(pieces) else Type(text)


def _read(pieces: list[str], at: int) -> tuple[Type, int]:
    name = pieces[at] if at < len(pieces) else ""
    name = _OTHER_NAMES.get(name, name)
    at += 1
    if at >= len(pieces) or pieces[at] != "<":
        return Type(name), at
    at += 1
    inner: list[Type] = []
    entries: list[tuple[str, Type]] = []
    while at < len(pieces) and pieces[at] != ">":
        if name == "context" and at + 1 < len(pieces) and pieces[at + 1] == ":":
            each, following = _read(pieces, at + 2)
            entries.append((pieces[at], each))
        else:
            each, following = _read(pieces, at)
            inner.append(each)
        at = following + (following < len(pieces) and pieces[following] == ",")
    at += 1
    result = None
    if name == "function" and at < len(pieces) and pieces[at] == "->":
        result, at = _read(pieces, at + 1)
    return Type(name, tuple(inner), tuple(entries), result), at


def is_instance(value: Any, type_: str, named: NamedTypes | None = None) -> bool:
    """Tell whether a value is of a type; null itself is of no type but ``Null``.

    >>> is_instance([1, 2], "list<number>"), is_instance(None, "Any")
    (True, False)
    """
    if value is None:
        return type_ == "Null"
    return conforms(value, read(type_), named or {})


def conforms(value: Any, type_: Type, named: NamedTypes) -> bool:
    """Tell whether a value may stand where a type is wanted; null may stand everywhere."""
    if value is None or type_.name == "Any":
        return True
    if type_.name in named:
        return named[type_.name].admits(value)
    if kind_of(value) != type_.name:
        return False
    if isinstance(value, list):
        items = {id(item): item for item in value}.values()
        return all(conforms(lift(item), each, named) for each in type_.inner for item in items)
    if isinstance(value, Range):
        ends = (value.low, value.high)
        return all(conforms(end, each, named) for each in type_.inner for end in ends)
    if isinstance(value, Function):
        return _takes(value, type_, named)
    return all(
        name in value and conforms(lift(value[name]), each, named) for name, each in type_.entries
    )


def _takes(function: Function, type_: Type, named: NamedTypes) -> bool:
    """Tell whether a function takes what the type says; what nobody declared may be anything."""
    if (type_.result is None and not type_.inner) or not isinstance(function, Lambda):
        return True
    declared = function.types or ("Any",) * len(function.parameters)
    if len(declared) != len(type_.inner):
        return False
    pairs = zip(declared, type_.inner, strict=True)
    return all(_within(wanted, read(own), named) for own, wanted in pairs)


def _within(narrow: Type, wide: Type, named: NamedTypes) -> bool:
    """Tell whether every value of one type is of the other, as far as it is declared."""
    if wide.name == "Any" or narrow == wide:
        return True
    if narrow.name != wide.name or narrow.name in named:
        return False
    own = dict(narrow.entries)
    return (
        len(narrow.inner) == len(wide.inner)
        and all(_within(a, b, named) for a, b in zip(narrow.inner, wide.inner, strict=True))
        and all(name in own and _within(own[name], each, named) for name, each in wide.entries)
    )


def take(value: Any, type_: str, named: NamedTypes | None = None) -> Any:
    """Give a value as a parameter of some type takes it; null where it is none of it.

    One element alone stands for a list of it and the reverse, a date for its midnight in UTC.

    >>> take([1], "number"), take(1, "list<number>"), take("a", "number")
    (1, [1], None)
    """
    wanted, named = read(type_), named or {}
    if wanted.name in named:
        return named[wanted.name].take(value)
    if conforms(value, wanted, named):
        return value
    if wanted.name == "list" and conforms([value], wanted, named):
        return [value]
    if isinstance(value, list) and len(value) == 1 and wanted.name != "list":
        return take(lift(value[0]), type_, named)
    if wanted.name == "date and time" and isinstance(value, date | Beyond) and is_day(value):
        return combined(value, time(tzinfo=UTC))
    return None


def typed(
    parameters: tuple[str, ...],
    body: Callable[..., Any],
    types: tuple[str, ...],
    named: NamedTypes | None,
) -> Lambda:
    """Make a function whose parameters take what their types let them take, and else null."""
    if not types:
        return Lambda(parameters, body)

    def taking(*given: Any) -> Any:
        taken = (take(value, each, named) for value, each in zip(given, types, strict=True))
        return body(*taken)

    return Lambda(parameters, taking, types)
