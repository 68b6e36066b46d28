"""What names mean at one place of an expression."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cid.feel.values import Function

Functions = Mapping[str, Callable[..., Any]]


class Env:
    """What names mean at one place: local names first, then what surrounds them."""

    __slots__ = ("filtering", "functions", "input", "local", "outer", "scope")

    def __init__(
        self,
        scope: Mapping[str, Any],
        functions: Functions,
        input: Any = None,
        local: Mapping[str, Any] | None = None,
        outer: Env | None = None,
        filtering: bool = False,
    ) -> None:
        self.scope = scope
        self.functions = functions
        self.input = input
        self.local = local
        self.outer = outer
        self.filtering = filtering

    def inner(self, local: Mapping[str, Any], filtering: bool = False) -> Env:
        """Give the same place with further local names, or the entries of a filtered element."""
        return Env(self.scope, self.functions, self.input, local, self, filtering)

    def holder(self, name: str) -> Mapping[str, Any] | None:
        """Give the innermost local names among which this one is."""
        env: Env | None = self
        while env is not None and env.local is not None:
            if name in env.local:
                return env.local
            env = env.outer
        return None

    def defined(self, name: str) -> Function | None:
        """Give the function of that name which the expression itself defines."""
        env: Env | None = self
        while env is not None and env.local is not None:
            if not env.filtering and name in env.local:
                value = env.local[name]
                return value if isinstance(value, Function) else None
            env = env.outer
        return None
