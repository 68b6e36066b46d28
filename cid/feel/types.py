"""What a value is, as ``instance of`` asks."""

from __future__ import annotations

from typing import Any

from cid.feel.values import kind_of

_OTHER_NAMES = {
    "day time duration": "days and time duration",
    "year month duration": "years and months duration",
    "dayTimeDuration": "days and time duration",
    "yearMonthDuration": "years and months duration",
}


def is_instance(value: Any, type_: str) -> bool:
    """Tell whether a value is of a type; null is of no type.

    >>> is_instance([1, 2], "list < number >")
    True
    """
    name, _, inner = type_.partition(" < ")
    if name == "Any":
        return value is not None
    if kind_of(value) != _OTHER_NAMES.get(name, name) or value is None:
        return name == "Null" and value is None
    if name == "list" and inner:
        element = inner.removesuffix(" >")
        return all(is_instance(item, element) for item in value)
    return True
