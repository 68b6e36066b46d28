"""Functions on contexts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cid.feel.functions.signature import Builtin
from cid.feel.values import has, lift, member


def get_value(m: Any, key: Any) -> Any:
    """Give the value of an entry, by its name or by a list of names that lead to it."""
    path = key if isinstance(key, list) else [key]
    if not path:
        return None
    for name in path:
        if not isinstance(name, str) or not has(m, name):
            return None
        m = member(m, name)
    return m


def get_entries(m: Any) -> Any:
    """Give the entries of a context as a list of key and value."""
    if not isinstance(m, Mapping):
        return None
    return [{"key": key, "value": lift(value)} for key, value in m.items()]


def context(entries: Any) -> Any:
    """Make a context from a list of key and value."""
    made: dict[str, Any] = {}
    for entry in entries if isinstance(entries, list) else [entries]:
        key = member(entry, "key") if has(entry, "value") else None
        if not isinstance(key, str) or key in made:
            return None
        made[key] = member(entry, "value")
    return made


def context_put(context: Any, key: Any, value: Any) -> Any:
    """Give a context with an entry added or replaced."""
    path = key if isinstance(key, list) else [key]
    if not isinstance(context, Mapping) or not path or not isinstance(path[0], str):
        return None
    if len(path) > 1:
        value = context_put(context.get(path[0]), path[1:], value)
        if value is None:
            return None
    return {**context, path[0]: value}


def context_merge(contexts: Any) -> Any:
    """Join contexts into one; the later one wins."""
    merged: dict[str, Any] = {}
    for each in contexts if isinstance(contexts, list) else [contexts]:
        if not isinstance(each, Mapping):
            return None
        merged.update(each)
    return merged


class _Putting(Builtin):
    """A single name is a key, a list of names are keys; which one it is must be said rightly."""

    __slots__ = ()

    def by_name(self, named: Mapping[str, Any]) -> Any:
        """Put it in, unless a list is called a key or one name is called keys."""
        wrong = isinstance(named.get("key"), list) or not isinstance(named.get("keys", []), list)
        return None if wrong else super().by_name(named)


FUNCTIONS = {
    "get value": Builtin(get_value),
    "get entries": Builtin(get_entries),
    "context": Builtin(context),
    "context put": _Putting(context_put, ("context", "key", "value"), ("context", "keys", "value")),
    "context merge": Builtin(context_merge),
}
