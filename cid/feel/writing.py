"""Write values, and trees, as FEEL text."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from cid.feel.moments import written
from cid.feel.values import MAX_TEXT, TEMPORAL, WIDEST, Range, lift

LONGEST_SHOWN = 100_000
"""Longest text we write of a value where it is only shown."""
DEEPEST = 100
"""Deepest nesting of a value we write."""
_QUOTED = str.maketrans({'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"})


def quoted(text: str) -> str:
    """Write a text as a literal."""
    return f'"{text.translate(_QUOTED)}"'


class _TooLong(Exception):
    """A value is longer, or nested more deeply, than we write."""


def text_of(value: Any, nested: bool = False) -> str:
    """Write a value as ``string()`` does; texts have quotation marks only within other values.

    What is far too long, or nested without end, stops at a sign of omission.

    >>> text_of([1, "a", {"b": None}])
    '[1, "a", {b: null}]'
    """
    pieces: list[str] = []
    try:
        _write(value, nested, pieces, [LONGEST_SHOWN], 0)
    except _TooLong:
        pieces.append(" …")
    return "".join(pieces)


def exact_text_of(value: Any) -> str | None:
    """Write a value as ``string()`` does, or not at all where it would be too long."""
    pieces: list[str] = []
    try:
        _write(value, False, pieces, [MAX_TEXT], 0)
    except _TooLong:
        return None
    return "".join(pieces)


def _write(value: Any, nested: bool, pieces: list[str], left: list[int], depth: int) -> None:
    value = lift(value)
    text = _scalar(value, nested)
    if text is not None:
        left[0] -= len(text) + 1
        if left[0] < 0:
            raise _TooLong
        pieces.append(text)
        return
    if depth > DEEPEST:
        raise _TooLong
    signs = "[]" if isinstance(value, list) else "{}"
    if isinstance(value, Range):
        signs = ("[" if value.low_closed else "(") + ("]" if value.high_closed else ")")
        parts: list[tuple[str, Any]] = [("", value.low), ("..", value.high)]
    elif isinstance(value, list):
        parts = [(", " * bool(index), item) for index, item in enumerate(value)]
    else:
        parts = [
            (f"{', ' * bool(index)}{key}: ", item)
            for index, (key, item) in enumerate(value.items())
        ]
    pieces.append(signs[0])
    for before, item in parts:
        pieces.append(before)
        left[0] -= len(before)
        _write(item, True, pieces, left, depth + 1)
    pieces.append(signs[1])


def _scalar(value: Any, nested: bool) -> str | None:
    """Write a value that has no parts."""
    if isinstance(value, str):
        return quoted(value) if nested else value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if -WIDEST < value < WIDEST else f"{Decimal(value):f}"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, TEMPORAL):
        return written(value)
    return None if isinstance(value, list | Mapping | Range) else "function"


def literal_of(value: Any) -> str:
    """Write a value as the literal that stands for it."""
    if isinstance(value, TEMPORAL):
        return f'@"{written(value)}"'
    return text_of(value, True)
