"""The functions that FEEL brings along."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cid.feel.functions import aggregates, contexts, dates, lists, numbers, ranges, texts
from cid.feel.functions.signature import Builtin
from cid.feel.values import lift

BUILTINS: dict[str, Builtin] = {
    **texts.FUNCTIONS,
    **numbers.FUNCTIONS,
    **lists.FUNCTIONS,
    **aggregates.FUNCTIONS,
    **dates.FUNCTIONS,
    **contexts.FUNCTIONS,
    **ranges.FUNCTIONS,
}


def call(name: str, positional: tuple[Any, ...], named: Mapping[str, Any] | None = None) -> Any:
    """Call a function that FEEL brings along; null where the arguments do not fit.

    >>> call("substring", ("customer", 1, 4))
    'cust'
    """
    builtin = BUILTINS.get(name)
    if builtin is None:
        return None
    values = tuple(lift(value) for value in positional)
    if named:
        return builtin.by_name({key: lift(value) for key, value in named.items()})
    return builtin(*values)
