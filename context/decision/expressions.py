"""FEEL at work within a decision model: read once, run often, null where it makes no sense."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cid.feel import (
    FeelError,
    compile_expression,
    compile_unary,
    evaluate,
    evaluate_unary,
    parse,
    parse_unary,
)
from cid.feel.tree import Node, UnaryTests

Scope = Mapping[str, Any]
Run = Callable[[dict[str, Any]], Any]
"""What gives a value from the names in scope."""
Cell = Callable[[Any, Scope], Any]
"""What tells whether a value meets a test."""
Named = Mapping[str, Any]
"""The types of a model as FEEL asks them."""
OFTEN = 20
"""From how many runs on it pays to compile an expression."""


class Text:
    """A FEEL expression that is interpreted at first, and compiled when it is run often."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._runs = 0
        self._compiled: Callable[[Any], Any] | None = None

    def __call__(self, scope: dict[str, Any]) -> Any:
        """Give the value in a scope."""
        if self._compiled is not None:
            return self._compiled(scope)
        self._runs += 1
        if self._runs >= OFTEN:
            self._compiled = compile_expression(self.node)
        return evaluate(self.node, scope)


class Test:
    """A cell that is interpreted at first, and compiled when it is run often."""

    def __init__(self, node: UnaryTests) -> None:
        self.node = node
        self._runs = 0
        self._compiled: Callable[[Any, Any], Any] | None = None

    def __call__(self, value: Any, scope: Scope) -> Any:
        """Tell whether a value meets it."""
        if self._compiled is not None:
            return self._compiled(value, scope)
        self._runs += 1
        if self._runs >= OFTEN:
            self._compiled = compile_unary(self.node)
        return evaluate_unary(self.node, value, scope)


def expression(text: str, known: Iterable[str], types: Named | None = None) -> Text:
    """Read an expression; ``types`` are those of the model, by name.

    Raises:
        FeelError: it is not FEEL.
    """
    return Text(parse(text.strip(), known, types))


def cell(text: str, known: Iterable[str] = ()) -> Test:
    """Read the tests of a cell or of a type.

    Raises:
        FeelError: it is not FEEL.
    """
    text = text.strip()
    return Test(parse_unary(text if text else "-", known))


__all__ = ["Cell", "FeelError", "Run", "Scope", "Test", "Text", "cell", "expression"]
