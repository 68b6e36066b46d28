"""Texts and documents as every database can hold them."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import orjson

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def as_document(value: Any) -> str:
    """Write a value as JSON; what JSON does not know becomes a number or a text.

    >>> as_document({"price": Decimal("9.50"), "pieces": Decimal(3)})
    '{"price":9.5,"pieces":3}'
    """
    return orjson.dumps(value, default=plain).decode()


def plain(value: Any) -> Any:
    """Return what JSON can carry instead of a value that it does not know."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return str(value)


def storable(value: Any) -> Any:
    r"""Return a value whose texts every database can hold: without NUL, without half characters.

    >>> storable("a\0b") == storable("a\ud83db") == "a\ufffdb"
    True
    >>> storable({"name": ["北湖", "\0"]}) == {"name": ["北湖", "\ufffd"]}
    True
    """
    if type(value) is str:
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {storable(name): storable(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [storable(each) for each in value]
    return value
