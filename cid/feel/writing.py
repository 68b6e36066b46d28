"""Write values, and trees, as FEEL text."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from cid.feel.moments import written
from cid.feel.values import TEMPORAL, Range, lift

_QUOTED = str.maketrans({'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"})


def quoted(text: str) -> str:
    """Write a text as a literal."""
    return f'"{text.translate(_QUOTED)}"'


def text_of(value: Any, nested: bool = False) -> str:
    """Write a value as ``string()`` does; texts have quotation marks only within other values.

    >>> text_of([1, "a", {"b": None}])
    '[1, "a", {b: null}]'
    """
    value = lift(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, str):
        return quoted(value) if nested else value
    if isinstance(value, list):
        return f"[{', '.join(text_of(item, True) for item in value)}]"
    if isinstance(value, Mapping):
        entries = ", ".join(f"{key}: {text_of(item, True)}" for key, item in value.items())
        return f"{{{entries}}}"
    if isinstance(value, Range):
        low, high = ("[" if value.low_closed else "("), ("]" if value.high_closed else ")")
        return f"{low}{text_of(value.low, True)}..{text_of(value.high, True)}{high}"
    if isinstance(value, TEMPORAL):
        return written(value)
    return "function"


def literal_of(value: Any) -> str:
    """Write a value as the literal that stands for it."""
    if isinstance(value, TEMPORAL):
        return f'@"{written(value)}"'
    return text_of(value, True)
