"""How a function is declared: its parameters by name, and what it takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any

from cid.feel.values import Function, lift


class Builtin(Function):
    """A function of FEEL: called by position or by name; null where the arguments do not fit."""

    __slots__ = (
        *("_aliases", "_call", "_fewest", "_most", "_single", "_variadic"),
        *("parameters", "types"),
    )

    def __init__(
        self, call: Callable[..., Any], *aliases: tuple[str, ...], single: bool = False
    ) -> None:
        """Declare a function; ``aliases`` name its parameters where Python's names do not.

        With ``single`` every argument is one value: a list of one element stands for that element.
        """
        self._call = call
        plain = [
            each
            for each in inspect.signature(call).parameters.values()
            if each.kind is not inspect.Parameter.VAR_POSITIONAL
        ]
        self._variadic = len(plain) < len(inspect.signature(call).parameters)
        fewest = sum(each.default is inspect.Parameter.empty for each in plain)
        self._fewest = fewest or int(self._variadic)
        self._most = len(plain)
        self._single = single
        self.parameters = tuple(each.name.rstrip("_").replace("_", " ") for each in plain)
        self.types = ()
        self._aliases = aliases or (self.parameters,)

    def __call__(self, *values: Any) -> Any:
        """Apply it by position."""
        if len(values) < self._fewest or (len(values) > self._most and not self._variadic):
            return None
        result = self._call(*values)
        if result is None and self._single and list in map(type, values):
            return self._call(*map(_only, values))
        return result

    def fits(self, count: int) -> bool:
        """Tell whether it can be given so many values by position."""
        return self._fewest <= count and (count <= self._most or self._variadic)

    def takes(self, given: Collection[str]) -> bool:
        """Tell whether it can be given values by these names."""
        if self._variadic and list(given) == ["list"]:
            return True
        return any(
            set(given) <= set(names) and set(names[: self._fewest]) <= set(given)
            for names in self._aliases
        )

    def by_name(self, named: Mapping[str, Any]) -> Any:
        """Apply it by name of the parameters; one left out in the middle is null."""
        if self._variadic and len(named) == 1 and "list" in named:
            return self._call(named["list"])
        for names in self._aliases:
            if named and named.keys() <= set(names) and set(names[: self._fewest]) <= named.keys():
                last = max(index for index, name in enumerate(names) if name in named)
                return self(*(named.get(name) for name in names[: last + 1]))
        return None


def _only(value: Any) -> Any:
    return lift(value[0]) if type(value) is list and len(value) == 1 else value
