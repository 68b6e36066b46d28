"""The words of generated Python: the tools it may use, and what is known of a piece of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cid.feel import arithmetic, comparison, loops, values
from cid.feel.types import is_instance, typed

DEEPEST = 20
"""Where the source is nested deeper, a part becomes a function: Python's own reader has limits."""
SYMBOLS = {"=": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
SIGNS = {"+": "add", "-": "sub", "*": "mul", "/": "div", "**": "pow_"}
PYTHON = {"=": "==", "!=": "!="}
TESTS = {
    "string": "type({}) is str",
    "number": "type({}) is int or type({}) is Decimal",
    "null": "type({}) in READY",
}
"""How to see that a value is compared with a constant of this kind without further ado."""
SIMPLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
TOOLS: dict[str, Any] = {
    "__builtins__": {},
    "int": int,
    "str": str,
    "bool": bool,
    "type": type,
    "RecursionError": RecursionError,
    "Decimal": Decimal,
    "NOTHING": object(),
    "READY": values.READY,
    "lift": values.lift,
    "member": values.member,
    "has": values.has,
    "minus": arithmetic.minus,
    "negate": comparison.negate,
    "meets": comparison.meets,
    "meets_condition": comparison.meets_condition,
    "interval": comparison.interval,
    "Lambda": values.Lambda,
    "apply": values.apply,
    "each": loops.each,
    "some": loops.some,
    "every": loops.every,
    "elements": loops.elements,
    "run": loops.run,
    "at": loops.at,
    "filtered": loops.filtered,
    "is_instance": is_instance,
    "typed": typed,
    "is_function": values.is_function,
    **{name: comparison.COMPARE[sign] for sign, name in SYMBOLS.items()},
    **{name: arithmetic.CALCULATE[sign] for sign, name in SIGNS.items()},
}


@dataclass(frozen=True, slots=True)
class Code:
    """Python source, what we know of its value, and how deep it is nested."""

    text: str
    kind: str = "any"
    depth: int = 1
    raw: bool = False
    """The value comes from outside and may still have to be brought into form."""
    constant: bool = False
    """It was written out by the author."""


@dataclass(frozen=True, slots=True)
class Place:
    """What names mean at one place: local variables, and elements that are being filtered."""

    names: tuple[tuple[str, str], ...] = ()
    input: str = "None"

    def having(self, name: str, variable: str) -> Place:
        """Give the same place with a further name."""
        return Place(((name, variable), *self.names), self.input)

    def testing(self, variable: str) -> Place:
        """Give the same place with another tested value."""
        return Place(self.names, variable)

    def variables(self) -> list[str]:
        """Give the local variables that are seen here."""
        found = {variable for _, variable in self.names}
        if self.input != "None":
            found.add(self.input)
        return sorted(found)


ANY_ENTRY = "\0entries"
"""Stands among the names for whatever entries a filtered element has."""
