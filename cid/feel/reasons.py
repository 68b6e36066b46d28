"""Why a value is null: said afterwards, so that deciding costs nothing for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from cid.feel import tree
from cid.feel.functions import BUILTINS
from cid.feel.moments import is_day, zone_of
from cid.feel.regular import compiled
from cid.feel.values import Function, kind_of

Ask = Callable[[tree.Node], Any]
"""Gives the value of a part."""
_VERBS = {
    "+": "added",
    "-": "subtracted",
    "*": "multiplied",
    "/": "divided",
    "**": "raised to a power",
}
_SPOKEN = {
    "null": "null",
    "boolean": "true or false",
    "date": "a date",
    "date and time": "a moment",
    "time": "a time of day",
    "days and time duration": "a duration",
    "years and months duration": "a duration in months",
    "unknown": "a value FEEL does not know",
}
_PATTERNED = {"matches": 1, "replace": 1, "split": 1}


def reason(node: tree.Node, ask: Ask, known: Mapping[str, Any]) -> str:
    """Say in one sentence why a part is null; empty where it is null because a part of it is.

    ``known`` are the functions of the caller.
    """
    match node:
        case tree.Arithmetic():
            return _arithmetic(node, ask(node.left), ask(node.right))
        case tree.Comparison():
            return _pair(ask(node.left), ask(node.right), "compared")
        case tree.Between():
            value, low, high = ask(node.value), ask(node.low), ask(node.high)
            return _pair(low, value, "compared") or _pair(value, high, "compared")
        case tree.Not():
            return _only(ask(node.operand), "boolean", "'not' needs true or false")
        case tree.Negation():
            value = ask(node.operand)
            return "" if value is None else f"{_a(value)} has no sign to turn."
        case tree.Path():
            value = ask(node.base)
            return "" if value is None else f"There is no {node.name!r} in {_a(value)}."
        case tree.Filter():
            return _position(ask(node.base), ask(node.condition) if _plain(node) else None)
        case tree.Interval():
            return _interval(node, ask)
        case tree.Context():
            return "A name stands twice in the context."
        case tree.For() | tree.Quantified():
            return "It goes through what is no list, or takes too many turns."
        case tree.Call():
            return _call(node, ask, known)
    return ""


def _a(value: Any) -> str:
    kind = kind_of(value)
    return _SPOKEN.get(kind, f"a {kind}")


def _pair(left: Any, right: Any, verb: str) -> str:
    if left is None or right is None:
        return ""
    return f"{_a(left)} and {_a(right)} cannot be {verb}.".capitalize()


def _only(value: Any, kind: str, otherwise: str) -> str:
    return "" if value is None or kind_of(value) == kind else f"{otherwise}, not {_a(value)}."


def _arithmetic(node: tree.Arithmetic, left: Any, right: Any) -> str:
    if left is None or right is None:
        return ""
    kinds = {kind_of(left), kind_of(right)}
    if node.operator == "/" and isinstance(right, int | Decimal) and right == 0:
        return "Nothing can be divided by zero."
    if kinds == {"number"}:
        return "The result is no number, or too large."
    if node.operator == "-" and kinds <= {"date", "date and time", "time"} and len(kinds) < 3:
        zoned = [is_day(each) or zone_of(each) is not None for each in (left, right)]
        if zoned[0] != zoned[1]:
            return "One of the two has a zone and the other has none."
    return _pair(left, right, _VERBS[node.operator])


def _plain(node: tree.Filter) -> bool:
    return isinstance(node.condition, tree.Literal | tree.Negation)


def _position(base: Any, position: Any) -> str:
    length = len(base) if isinstance(base, list) else int(base is not None)
    if base is None or position is None:
        return ""
    return f"There is no position {position}: the list has {length} elements."


def _interval(node: tree.Interval, ask: Ask) -> str:
    low = None if node.low is None else ask(node.low)
    high = None if node.high is None else ask(node.high)
    if kind_of(low) == kind_of(high):
        return "The ends of the range stand the wrong way round, or have no order."
    return _pair(low, high, "the ends of one range")


def _call(node: tree.Call, ask: Ask, known: Mapping[str, Any]) -> str:
    name = node.function.name if isinstance(node.function, tree.Name) else ""
    values = [ask(each) for each in (*node.positional, *(each.value for each in node.named))]
    builtin = BUILTINS.get(name)
    if builtin is None or name in known:
        if name in known or isinstance(ask(node.function), Function):
            return ""
        return f"There is no function {name!r}." if name else "This is no function."
    if node.named and not builtin.takes([each.name for each in node.named]):
        return f"'{name}' has no such parameters."
    if not node.named and not builtin.fits(len(values)):
        return f"'{name}' takes another number of values."
    at = _PATTERNED.get(name)
    if at is not None and len(values) > at and isinstance(values[at], str):
        if compiled(values[at]) is None:
            return f"The pattern {values[at]!r} is wrong."
    if any(value is None for value in values):
        return f"'{name}' was given null."
    return f"'{name}' has no result for {', '.join(map(_a, values)) or 'nothing'}."
