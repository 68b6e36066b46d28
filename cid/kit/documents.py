"""Values in JSON columns."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson


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
