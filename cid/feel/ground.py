"""The ground of generated Python: constants beside the source, variables, and what names mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import Any

from cid.feel import tree, values
from cid.feel.functions import BUILTINS
from cid.feel.source import ANY_ENTRY, DEEPEST, SIMPLE, TOOLS, Code, Place

Bound = Mapping[str, str]
BoundFunctions = Mapping[str, "str | Callable[..., Any]"]


class Ground:
    """Writes constants and names; whatever else there is has a method of its own, named after it."""

    def __init__(self, bind: Bound, functions: BoundFunctions) -> None:
        self._bind = bind
        self._functions = functions
        self._space: dict[str, Any] = dict(TOOLS)
        self._numbers = count()
        self._parts: list[str] = []

    def _constant(self, value: Any) -> str:
        if value is None or value is True or value is False:
            return repr(value)
        name = f"c{next(self._numbers)}"
        self._space[name] = value
        return name

    def _variable(self) -> str:
        return f"t{next(self._numbers)}"

    def _code(self, node: tree.Node, place: Place) -> Code:
        code: Code = getattr(self, f"_{type(node).__name__.lower()}")(node, place)
        if code.depth <= DEEPEST:
            return code
        name = f"p{next(self._numbers)}"
        parameters = ", ".join(["s", *place.variables()])
        self._parts.append(f"def {name}({parameters}):\n    return {code.text}\n")
        return Code(f"{name}({parameters})", code.kind, 1, code.raw)

    def _lifted(self, node: tree.Node, place: Place) -> Code:
        code = self._code(node, place)
        return Code(f"lift({code.text})", code.kind, code.depth + 1) if code.raw else code

    def _all(self, nodes: Iterable[tree.Node], place: Place) -> tuple[str, int]:
        codes = [self._lifted(node, place) for node in nodes]
        text = "".join(f"{code.text}, " for code in codes)
        return text, max((code.depth for code in codes), default=0) + 1

    def _literal(self, node: tree.Literal, place: Place) -> Code:
        kind = values.kind_of(node.value)
        return Code(self._constant(node.value), kind, constant=True)

    def _name(self, node: tree.Name, place: Place) -> Code:
        return self._known(node, place, "")

    def _argument(self, node: tree.Node, place: Place) -> Code:
        """Write an argument, which may be the name of a function of FEEL."""
        if isinstance(node, tree.Name) and node.name in BUILTINS:
            function = f", {self._constant(BUILTINS[node.name])}"
            return Code(f"lift({self._known(node, place, function).text})", depth=3)
        return self._lifted(node, place)

    def _known(self, node: tree.Name, place: Place, otherwise: str) -> Code:
        outer: list[str] = []
        for name, variable in place.names:
            if name == node.name:
                found = Code(variable)
                break
            if name == ANY_ENTRY:
                outer.append(variable)
        else:
            if node.name in self._bind:
                text = self._bind[node.name]
                found = Code(text if SIMPLE.match(text) else f"({text})", raw=True)
            else:
                found = Code(f"s.get({self._constant(node.name)}{otherwise})", raw=True)
        text = found.text
        for variable in reversed(outer):
            key = self._constant(node.name)
            text = f"({variable}[{key}] if has({variable}, {key}) else {text})"
        return Code(text, depth=1 + len(outer), raw=found.raw or bool(outer))

    def _input(self, node: tree.Input, place: Place) -> Code:
        if place.input == "None":
            return Code(f"s.get({self._constant('?')})", raw=True)
        return Code(place.input)
